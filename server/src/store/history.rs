//! What is known of one series.

use protocol::{Observation, SeriesKey, Timestamp};
use rusqlite::{Connection, params};

use super::projection::status_from;
use super::reader::series_id;

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
    let Some(id) = series_id(connection, series)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(ROWS)?;
    let known_at = as_of.map_or(i64::MAX, Timestamp::as_micros);
    let mut rows = statement.query(params![id, from.as_micros(), to.as_micros(), known_at])?;
    let mut history: Vec<HistoryRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let row = history_row(series, row)?;
        let revises =
            history.last().is_some_and(|last| last.observation.phenomenon_time == row.observation.phenomenon_time);
        if revises {
            history.pop();
        }
        if history.len() == limit {
            break;
        }
        history.push(row);
    }
    Ok(history)
}

/// The rows of series `?1` that were true in `[?2, ?3]` and known at `?4`, by time, then revision.
/// CROSS JOIN: the batch is looked up for each observation, never the other way round.
const ROWS: &str = "SELECT phenomenon_time, offset, value, received_at, status, name FROM observations
    CROSS JOIN batches USING (offset) JOIN sources ON sources.id = source_id
    WHERE series_id = ?1 AND phenomenon_time >= ?2 AND phenomenon_time <= ?3 AND recorded_at <= ?4
    ORDER BY phenomenon_time, offset";

pub(super) fn history_row(series: &SeriesKey, row: &rusqlite::Row<'_>) -> rusqlite::Result<HistoryRow> {
    Ok(HistoryRow {
        offset: row.get::<_, i64>(1)? as u64,
        observation: Observation {
            series: series.clone(),
            phenomenon_time: Timestamp(row.get(0)?),
            value: row.get(2)?,
            received_at: Timestamp(row.get(3)?),
            status: status_from(row.get(4)?),
            source: row
                .get_ref(5)?
                .as_str()
                .map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error))
                })?
                .into(),
        },
    })
}
