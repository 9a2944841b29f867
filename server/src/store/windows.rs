//! Latest values and windows for a view, as of one offset.

use std::ops::ControlFlow;
use std::sync::Arc;

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::{Observation, ObservationStatus, Scenario, SeriesKey, Timestamp};
use rusqlite::Connection;

use super::deliveries::LastDeliveries;
use super::history::HistoryRow;
use super::projection::scenario_to;
use super::runs::{self, Batches, Completion, Row};
use super::{database, deliveries};
use crate::log::Entry;

/// What a view wants to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub series: Vec<SeriesKey>,
    pub windows: Vec<WindowSpec>,
    /// Whether it is told when each source last delivered.
    pub deliveries: bool,
}

/// What was loaded: everything up to `offset` and nothing behind it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub offset: u64,
    pub latest: Vec<HistoryRow>,
    /// In the order they were wanted.
    pub windows: Vec<Vec<Bucket>>,
    pub deliveries: Vec<LastDeliveries>,
    /// The newest offset at which something that is no measurement may have taken the place of one: what was shown
    /// before may be gone. 0 for none.
    pub renewed: u64,
    /// Entries right behind `offset`, which the history ought to have and has not.
    pub lacking: Vec<Arc<Entry>>,
}

pub(super) fn load(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Loaded> {
    // One read transaction, so that all is of the same offset.
    let transaction = connection.unchecked_transaction()?;
    let offset = database::meta(&transaction, "offset")?.unwrap_or(0);
    let mut loaded = Loaded { offset: offset as u64, ..Loaded::default() };
    for series in &wanted.series {
        let (latest, passed_over) = latest(&transaction, series)?;
        loaded.latest.extend(latest);
        loaded.renewed = loaded.renewed.max(passed_over);
    }
    for spec in &wanted.windows {
        let (buckets, passed_over) = window(&transaction, spec)?;
        loaded.windows.push(buckets);
        loaded.renewed = loaded.renewed.max(passed_over);
    }
    if wanted.deliveries {
        loaded.deliveries = deliveries::load(&transaction)?;
    }
    Ok(loaded)
}

/// The newest measurement of a series: when it was true and how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct NewestOf {
    pub series: SeriesKey,
    pub time: Timestamp,
    pub status: ObservationStatus,
}

/// Of every series there is of what was measured.
pub(super) fn newest_of_all(connection: &Connection) -> rusqlite::Result<Vec<NewestOf>> {
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached("SELECT indicator, area FROM series WHERE scenario = ?1")?;
    let named = statement.query_map([scenario_to(Scenario::Actual)], |row| {
        let (indicator, area) = (row.get::<_, String>(0)?.into(), row.get::<_, String>(1)?.into());
        Ok(SeriesKey { indicator, area, scenario: Scenario::Actual })
    })?;
    let mut newest = Vec::new();
    for series in named {
        let series = series?;
        let Some(stored) = runs::stored(&transaction, &series)? else { continue };
        if let Some(row) = runs::newest(&transaction, stored)?.row {
            newest.push(NewestOf { series, time: row.time, status: row.status });
        }
    }
    Ok(newest)
}

/// And the newest offset of what was passed over.
fn latest(connection: &Connection, series: &SeriesKey) -> rusqlite::Result<(Option<HistoryRow>, u64)> {
    let Some(stored) = runs::stored(connection, series)? else { return Ok((None, 0)) };
    let newest = runs::newest(connection, stored)?;
    let row = newest.row.map(|row| Completion::new(connection, series)?.complete(row)).transpose()?;
    Ok((row, newest.passed_over))
}

/// And the newest offset of what was passed over.
fn window(connection: &Connection, spec: &WindowSpec) -> rusqlite::Result<(Vec<Bucket>, u64)> {
    let Some(stored) = runs::stored(connection, &spec.series)? else { return Ok((Vec::new(), 0)) };
    let (from, to) = match spec.span {
        Span::Between { from, to } => (from, to),
        Span::Last { .. } => {
            let newest = runs::newest(connection, stored)?;
            let Some(start) = newest.row.and_then(|newest| spec.bucket_start(newest.time)) else {
                return Ok((Vec::new(), newest.passed_over));
            };
            (spec.oldest_start(start), Timestamp(i64::MAX))
        }
    };
    let (mut fold, mut passed_over) = (Fold::new(spec), 0);
    runs::scan(connection, stored, from..=to, Batches::All, |row| {
        match row.status.is_measurement() {
            true => fold.take(row),
            false => passed_over = passed_over.max(row.offset),
        }
        ControlFlow::Continue(())
    })?;
    let mut completion = Completion::new(connection, &spec.series)?;
    let bucket = |stretch: Stretch| {
        let last = completion.complete(stretch.last)?;
        Ok(stretch.bucket(&last.observation))
    };
    let buckets: rusqlite::Result<Vec<Bucket>> = fold.stretches.into_iter().map(bucket).collect();
    Ok((buckets?, passed_over))
}

/// A bucket before it is known where its last value comes from.
#[derive(Debug)]
struct Stretch {
    start: Timestamp,
    min: f64,
    max: f64,
    last: Row,
    at: u64,
}

impl Stretch {
    fn bucket(self, last: &Observation) -> Bucket {
        let Self { start, min, max, at, .. } = self;
        Bucket { min, max, ..new_bucket(start, at, last) }
    }

    fn extend(&mut self, row: Row) {
        self.min = self.min.min(row.value);
        self.max = self.max.max(row.value);
        self.last = row;
        self.at = self.at.max(row.offset);
    }
}

/// Folds rows in the order of their times into buckets.
struct Fold<'a> {
    spec: &'a WindowSpec,
    width: i64,
    stretches: Vec<Stretch>,
}

impl<'a> Fold<'a> {
    fn new(spec: &'a WindowSpec) -> Self {
        Self { spec, width: spec.bucket_micros(), stretches: Vec::new() }
    }

    fn take(&mut self, row: Row) {
        let last = self.stretches.last_mut();
        if let Some(stretch) = last.filter(|stretch| row.time.since(stretch.start) < self.width) {
            return stretch.extend(row);
        }
        let Some(start) = self.spec.bucket_start(row.time) else { return };
        match self.stretches.last_mut().filter(|stretch| stretch.start == start) {
            Some(stretch) => stretch.extend(row),
            None => {
                self.stretches.push(Stretch { start, min: row.value, max: row.value, last: row, at: row.offset });
            }
        }
    }
}

/// A bucket of one observation.
pub(crate) fn new_bucket(start: Timestamp, offset: u64, observation: &Observation) -> Bucket {
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
pub(crate) fn extend(bucket: &mut Bucket, offset: u64, observation: &Observation) {
    bucket.min = bucket.min.min(observation.value);
    bucket.max = bucket.max.max(observation.value);
    bucket.last = observation.value;
    bucket.time = observation.phenomenon_time;
    bucket.received_at = observation.received_at;
    bucket.status = observation.status;
    bucket.source = observation.source.clone();
    bucket.at = bucket.at.max(offset);
}
