//! Latest values and windows for a view, as of one offset.

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::{SeriesKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::database;
use super::history::{HistoryRow, history_row, rows_of};
use super::reader::series_id;

/// What a view wants to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub series: Vec<SeriesKey>,
    pub windows: Vec<WindowSpec>,
}

/// What was loaded: everything up to `offset` and nothing behind it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub offset: u64,
    pub latest: Vec<HistoryRow>,
    /// In the order they were wanted.
    pub windows: Vec<Vec<Bucket>>,
}

pub(super) fn load(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Loaded> {
    // One read transaction, so that all is of the same offset.
    let transaction = connection.unchecked_transaction()?;
    let offset = database::meta(&transaction, "offset")?.unwrap_or(0);
    let mut loaded = Loaded { offset: offset as u64, ..Loaded::default() };
    for series in &wanted.series {
        loaded.latest.extend(latest(&transaction, series)?);
    }
    for spec in &wanted.windows {
        loaded.windows.push(window(&transaction, spec)?);
    }
    Ok(loaded)
}

fn latest(connection: &Connection, series: &SeriesKey) -> rusqlite::Result<Option<HistoryRow>> {
    let Some(id) = series_id(connection, series)? else { return Ok(None) };
    connection
        .prepare_cached(
            "SELECT phenomenon_time, offset, value, received_at, status, name FROM observations
             JOIN sources ON sources.id = source_id
             WHERE series_id = ?1 ORDER BY phenomenon_time DESC, offset DESC LIMIT 1",
        )?
        .query_row([id], |row| history_row(series, row))
        .optional()
}

fn window(connection: &Connection, spec: &WindowSpec) -> rusqlite::Result<Vec<Bucket>> {
    let Some(id) = series_id(connection, &spec.series)? else { return Ok(Vec::new()) };
    let (from, to) = match spec.span {
        Span::Between { from, to } => (from, to),
        Span::Last { .. } => {
            let newest: Option<i64> = connection
                .prepare_cached("SELECT max(phenomenon_time) FROM observations WHERE series_id = ?1")?
                .query_row([id], |row| row.get(0))?;
            let Some(start) = newest.and_then(|newest| spec.bucket_start(Timestamp(newest))) else {
                return Ok(Vec::new());
            };
            (spec.oldest_start(start), Timestamp(i64::MAX))
        }
    };
    let mut statement = connection.prepare_cached(&rows_of(""))?;
    let mut rows = statement.query(params![id, from.as_micros(), to.as_micros()])?;
    let mut fold = Fold { spec, buckets: Vec::new(), held: None };
    while let Some(row) = rows.next()? {
        fold.take(history_row(&spec.series, row)?);
    }
    Ok(fold.finish())
}

/// Folds rows by time and revision into buckets; of each time only the last revision counts.
struct Fold<'a> {
    spec: &'a WindowSpec,
    buckets: Vec<Bucket>,
    held: Option<HistoryRow>,
}

impl Fold<'_> {
    fn take(&mut self, row: HistoryRow) {
        match self.held.take() {
            Some(held) if held.observation.phenomenon_time != row.observation.phenomenon_time => self.add(&held),
            _ => {}
        }
        self.held = Some(row);
    }

    fn finish(mut self) -> Vec<Bucket> {
        if let Some(held) = self.held.take() {
            self.add(&held);
        }
        self.buckets
    }

    fn add(&mut self, row: &HistoryRow) {
        let observation = &row.observation;
        let Some(start) = self.spec.bucket_start(observation.phenomenon_time) else { return };
        match self.buckets.last_mut().filter(|bucket| bucket.start == start) {
            Some(bucket) => extend(bucket, row.offset, observation),
            None => self.buckets.push(new_bucket(start, row.offset, observation)),
        }
    }
}

/// A bucket of one observation.
pub(crate) fn new_bucket(start: Timestamp, offset: u64, observation: &protocol::Observation) -> Bucket {
    Bucket {
        start,
        min: observation.value,
        max: observation.value,
        last: observation.value,
        time: observation.phenomenon_time,
        received_at: observation.received_at,
        status: observation.status,
        source: observation.source.clone(),
        at: offset,
    }
}

/// Adds an observation that is newer than all in the bucket.
pub(crate) fn extend(bucket: &mut Bucket, offset: u64, observation: &protocol::Observation) {
    bucket.min = bucket.min.min(observation.value);
    bucket.max = bucket.max.max(observation.value);
    bucket.last = observation.value;
    bucket.time = observation.phenomenon_time;
    bucket.received_at = observation.received_at;
    bucket.status = observation.status;
    bucket.source = observation.source.clone();
    bucket.at = bucket.at.max(offset);
}
