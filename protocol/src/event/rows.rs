//! The rows of a batch, by columns: a log is kept for years, and most of a row would be its names.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ObservationStatus, SeriesKey, Timestamp};

/// Numbers in their order: each series once, and a column for each field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Columns")]
#[schemars(!try_from)]
pub struct Rows {
    /// Each series of the batch once, with the status of its rows.
    series: Vec<(SeriesKey, ObservationStatus)>,
    /// For each row, its place in `series`.
    series_index: Vec<u32>,
    phenomenon_time: Vec<Timestamp>,
    value: Vec<f64>,
}

/// One number of a batch, on its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservationRow {
    pub series: SeriesKey,
    pub value: f64,
    pub phenomenon_time: Timestamp,
    pub status: ObservationStatus,
}

/// One number of a batch, where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// In the [`series`](Rows::series) of the batch.
    pub place: usize,
    pub series: &'a SeriesKey,
    pub status: ObservationStatus,
    pub phenomenon_time: Timestamp,
    pub value: f64,
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Each series once for each status that it has rows of.
    #[must_use]
    pub fn series(&self) -> &[(SeriesKey, ObservationStatus)] {
        &self.series
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let numbers = self.phenomenon_time.iter().zip(&self.value);
        self.series_index.iter().zip(numbers).map(|(place, (phenomenon_time, value))| {
            let place = *place as usize;
            let (series, status) = &self.series[place];
            Row { place, series, status: *status, phenomenon_time: *phenomenon_time, value: *value }
        })
    }

    /// Keeps the rows whose number, counted from 0, is kept.
    pub fn retain(&mut self, is_kept: impl Fn(usize) -> bool) {
        let kept = self.iter().enumerate().filter(|(number, _)| is_kept(*number));
        *self = kept.map(|(_, row)| row.to_owned()).collect();
    }
}

impl Row<'_> {
    /// The same on its own.
    #[must_use]
    pub fn to_owned(self) -> ObservationRow {
        let Self { series, status, phenomenon_time, value, .. } = self;
        ObservationRow { series: series.clone(), value, phenomenon_time, status }
    }
}

impl FromIterator<ObservationRow> for Rows {
    fn from_iter<T: IntoIterator<Item = ObservationRow>>(rows: T) -> Self {
        let mut builder = RowsBuilder::default();
        for ObservationRow { series, value, phenomenon_time, status } in rows {
            let likely = builder.likely_place(|known| known.0 == series && known.1 == status);
            let place = likely.unwrap_or_else(|| builder.place(series, status));
            builder.push(place, phenomenon_time, value);
        }
        builder.finish()
    }
}

/// Puts rows together.
#[derive(Debug, Default)]
pub struct RowsBuilder {
    rows: Rows,
    places: HashMap<(SeriesKey, ObservationStatus), usize>,
    /// That of the last row.
    last: usize,
}

impl RowsBuilder {
    /// Where a batch goes on if it goes round its series or stays: most do, and need no hashing of names for each
    /// row. `None` says nothing.
    pub fn likely_place(&self, is_at: impl Fn(&(SeriesKey, ObservationStatus)) -> bool) -> Option<usize> {
        let known = &self.rows.series;
        let next = if self.last + 1 < known.len() { self.last + 1 } else { 0 };
        [next, self.last].into_iter().find(|place| known.get(*place).is_some_and(&is_at))
    }

    /// The place of a series with a status, made if there is none yet.
    pub fn place(&mut self, series: SeriesKey, status: ObservationStatus) -> usize {
        let known = &mut self.rows.series;
        *self.places.entry((series, status)).or_insert_with_key(|named| {
            known.push(named.clone());
            known.len() - 1
        })
    }

    /// Adds a row at a place that was told.
    pub fn push(&mut self, place: usize, phenomenon_time: Timestamp, value: f64) {
        debug_assert!(place < self.rows.series.len(), "a place is told by place() or likely_place()");
        self.last = place;
        self.rows.series_index.push(place as u32);
        self.rows.phenomenon_time.push(phenomenon_time);
        self.rows.value.push(value);
    }

    /// What was put together.
    #[must_use]
    pub fn finish(self) -> Rows {
        self.rows
    }
}

/// As they are read, before it is known that they make rows.
#[derive(Deserialize)]
struct Columns {
    series: Vec<(SeriesKey, ObservationStatus)>,
    series_index: Vec<u32>,
    phenomenon_time: Vec<Timestamp>,
    value: Vec<f64>,
}

/// Columns that do not make rows.
#[derive(Debug, thiserror::Error)]
enum ColumnsError {
    #[error("series_index, phenomenon_time and value have {0}, {1} and {2} rows, not as many each")]
    Uneven(usize, usize, usize),
    #[error("row {row} is of series {index}, but there are only {count}")]
    NoSeries { row: usize, index: u32, count: usize },
}

impl TryFrom<Columns> for Rows {
    type Error = ColumnsError;

    fn try_from(columns: Columns) -> Result<Self, ColumnsError> {
        let Columns { series, series_index, phenomenon_time, value } = columns;
        let lengths = (series_index.len(), phenomenon_time.len(), value.len());
        if lengths.0 != lengths.1 || lengths.0 != lengths.2 {
            return Err(ColumnsError::Uneven(lengths.0, lengths.1, lengths.2));
        }
        let count = series.len();
        match series_index.iter().enumerate().find(|(_, index)| **index as usize >= count) {
            Some((row, index)) => Err(ColumnsError::NoSeries { row, index: *index, count }),
            None => Ok(Self { series, series_index, phenomenon_time, value }),
        }
    }
}
