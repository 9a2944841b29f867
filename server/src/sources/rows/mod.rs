//! From the cells of tables to observations: the same for every source that reads tables, whatever they are kept in.
//! What is read of a file that holds something else goes the same way.

mod cell;
pub mod json;
mod mapping;
mod pace;
mod reader;
mod record;
mod time;

use std::sync::Arc;

use protocol::event::ObservationRow;
use protocol::map::Feature;
use protocol::{Document, LayerId, Timestamp};

pub use cell::{Cell, Decimal};
pub use mapping::{Column, Mapping, Otherwise};
pub use pace::Pace;
pub use reader::{Columns, Origin, Reader};
pub use record::{BATCH_ROWS, Kind, MOST_VALUES, Recording, record};
pub use time::{TimeFormat, civil, zone};

/// Something in a table that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// Of a workbook.
    pub sheet: Option<Arc<str>>,
    /// Counted from 1 with the header, as a spreadsheet shows it; 0 for the table as a whole.
    pub row: u64,
    pub column: Option<String>,
    pub value: Option<String>,
    pub reason: String,
}

impl RowProblem {
    /// Of the table as a whole.
    pub fn whole(reason: impl Into<String>) -> Self {
        Self::of_row(0, reason)
    }

    /// Of a row as a whole.
    pub fn of_row(row: u64, reason: impl Into<String>) -> Self {
        Self { sheet: None, row, column: None, value: None, reason: reason.into() }
    }

    /// `row 12, column 'total.rev'`; `whole` where it is the table as a whole.
    pub fn place(&self, whole: &str) -> String {
        let sheet = self.sheet.as_ref().map(|sheet| format!("sheet '{sheet}'"));
        let row = (self.row > 0).then(|| format!("row {}", self.row));
        let column = self.column.as_ref().map(|column| format!("column '{column}'"));
        let parts: Vec<String> = [sheet, row, column].into_iter().flatten().collect();
        if parts.is_empty() { whole.to_owned() } else { parts.join(", ") }
    }

    /// What is there and what would be right.
    pub fn said(&self) -> String {
        self.value.as_ref().map_or_else(|| self.reason.clone(), |value| format!("'{value}' {}", self.reason))
    }
}

impl std::fmt::Display for RowProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place("the file"))?;
        if let Some(value) = &self.value {
            write!(f, ", value '{value}'")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What some rows came to.
#[derive(Debug, Default, PartialEq)]
pub struct RowRead {
    /// Of a workbook.
    pub sheet: Option<Arc<str>>,
    pub rows: Vec<(u64, ObservationRow)>,
    pub documents: Vec<Document>,
    pub layers: Vec<LayerRead>,
    pub problems: Vec<RowProblem>,
}

impl RowRead {
    pub fn extend(&mut self, more: Self) {
        self.rows.extend(more.rows);
        self.documents.extend(more.documents);
        self.layers.extend(more.layers);
        self.problems
            .extend(more.problems.into_iter().map(|problem| RowProblem { sheet: self.sheet.clone(), ..problem }));
    }

    pub fn len(&self) -> usize {
        let features = self.layers.iter().map(|layer| layer.features.len());
        self.rows.len() + self.documents.len() + features.sum::<usize>() + self.problems.len()
    }
}

/// A layer of a map as it was read, with all its features and where each stood, counted from 1.
#[derive(Debug, PartialEq)]
pub struct LayerRead {
    pub layer: LayerId,
    /// As of when the features are where they are.
    pub time: Timestamp,
    pub features: Vec<(u64, Feature)>,
}

/// What was not taken of a table, while it is read.
#[derive(Debug, Default)]
pub struct Refused {
    pub listed: Vec<RowProblem>,
    pub count: u64,
}

impl Refused {
    /// Most problems that are listed; the rest are counted.
    const LISTED: usize = 10_000;

    pub fn add(&mut self, problem: RowProblem) {
        self.count += 1;
        if self.listed.len() < Self::LISTED {
            self.listed.push(problem);
        }
    }
}
