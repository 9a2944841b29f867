//! What a source gave last for given moments, so that it need not remember it itself.

use std::collections::HashMap;

use protocol::event::ObservationRow;
use protocol::{ObservationStatus, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::projection::status_from;
use super::reader::series_id;

/// The newest revision that a source gave of a series and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivered {
    pub offset: u64,
    pub value: f64,
    pub status: ObservationStatus,
}

/// For each row what `source` gave last of its series and time.
pub(super) fn read(
    connection: &Connection,
    source: &SourceId,
    rows: &[ObservationRow],
) -> rusqlite::Result<Vec<Option<Delivered>>> {
    let named = connection
        .prepare_cached("SELECT id FROM sources WHERE name = ?1")?
        .query_row([source.as_str()], |row| row.get::<_, i64>(0));
    let Some(source) = named.optional()? else { return Ok(vec![None; rows.len()]) };
    let transaction = connection.unchecked_transaction()?;
    let mut last = transaction.prepare_cached(
        "SELECT offset, value, status FROM observations CROSS JOIN batches USING (offset)
         WHERE series_id = ?1 AND phenomenon_time = ?2 AND source_id = ?3 ORDER BY offset DESC LIMIT 1",
    )?;
    let mut ids = HashMap::new();
    rows.iter()
        .map(|row| {
            let id = match ids.get(&row.series) {
                Some(id) => *id,
                None => *ids.entry(&row.series).or_insert(series_id(&transaction, &row.series)?),
            };
            let Some(id) = id else { return Ok(None) };
            last.query_row(params![id, row.phenomenon_time.as_micros(), source], |row| {
                let (offset, status) = (row.get::<_, i64>(0)? as u64, status_from(row.get(2)?));
                Ok(Delivered { offset, value: row.get(1)?, status })
            })
            .optional()
        })
        .collect()
}
