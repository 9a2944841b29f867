//! The cells of a sheet.

use std::collections::HashMap;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::sources::rows::{Cell, RowProblem};

/// Most cells of a sheet that hold something.
const MOST_CELLS: usize = 4_000_000;
/// Most rows that a sheet may have, as the programs that write them have it.
const MOST_ROWS: u32 = 1_048_576;
/// Most columns that a sheet is looked through for its header.
const MOST_COLUMNS: u32 = 4096;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    Empty,
    Number(f64),
    Text(String),
    /// A local time, in ISO 8601.
    Local(String),
    /// What a formula says that cannot be computed.
    Error(String),
}

/// The cells of a sheet that hold something, rows and columns counted from 0.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Grid {
    cells: HashMap<(u32, u32), Kept>,
    pub rows: u32,
    pub columns: u32,
}

impl Grid {
    /// Puts a value where it stands.
    ///
    /// # Errors
    /// When there are too many.
    pub fn put(&mut self, (row, column): (u32, u32), value: Kept) -> Result<(), RowProblem> {
        if value == Kept::Empty || column >= MOST_COLUMNS {
            return Ok(());
        }
        if row >= MOST_ROWS {
            return Err(RowProblem::whole(format!(
                "has a cell in row {}; there are at most {MOST_ROWS}",
                u64::from(row) + 1
            )));
        }
        if self.cells.len() >= MOST_CELLS {
            return Err(RowProblem::whole(format!("has more than {MOST_CELLS} cells; split it")));
        }
        (self.rows, self.columns) = (self.rows.max(row + 1), self.columns.max(column + 1));
        self.cells.insert((row, column), value);
        Ok(())
    }

    /// What stands at a row and column.
    #[must_use]
    pub fn get(&self, place: (u32, u32)) -> Option<&Kept> {
        self.cells.get(&place)
    }

    /// What a cell says.
    #[must_use]
    pub fn cell(&self, row: u32, column: u32) -> Cell<'_> {
        match self.get((row, column)) {
            None | Some(Kept::Empty) => Cell::Empty,
            Some(Kept::Number(number)) => Cell::Number(*number),
            Some(Kept::Text(text)) => Cell::text_of(text),
            Some(Kept::Local(time)) => time.parse::<DateTime>().map_or_else(|_| Cell::text_of(time), Cell::Local),
            Some(Kept::Error(error)) => {
                Cell::Wrong { text: error.clone(), reason: "is an error of a formula; correct it in the workbook" }
            }
        }
    }

    /// What stands above a column, from the top down, each text once.
    #[must_use]
    pub fn heading(&self, rows: std::ops::Range<u32>, column: u32) -> String {
        let mut heading: Vec<String> = Vec::new();
        for row in rows {
            let cell = self.cell(row, column);
            let text = cell.text().split_whitespace().collect::<Vec<_>>().join(" ");
            if !text.is_empty() && heading.last() != Some(&text) {
                heading.push(text);
            }
        }
        heading.join(" / ")
    }
}
