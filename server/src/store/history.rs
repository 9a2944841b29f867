//! What is known of one series.

use std::ops::ControlFlow;

use protocol::{Observation, SeriesKey, Timestamp};
use rusqlite::Connection;

use super::runs::{self, Batches, Completion, Row};

/// A value with the offset it came in at.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    pub offset: u64,
    pub observation: Observation,
}

pub(super) fn read(
    connection: &Connection,
    series: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    as_of: Option<Timestamp>,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryRow>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(stored) = runs::stored(&transaction, series)? else { return Ok(Vec::new()) };
    let batches = as_of.map_or(Batches::All, Batches::KnownAt);
    let mut rows: Vec<Row> = Vec::new();
    runs::scan(&transaction, stored, from..=to, batches, |row| {
        if rows.len() == limit {
            return ControlFlow::Break(());
        }
        rows.push(row);
        ControlFlow::Continue(())
    })?;
    let mut completion = Completion::new(&transaction, series)?;
    rows.into_iter().map(|row| completion.complete(row)).collect()
}
