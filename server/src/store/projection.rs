//! The thread that brings the history up to the log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::event::ObservationsRecorded;
use protocol::{Event, ObservationStatus, Scenario, SeriesKey, SourceId, Timestamp};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::database::{self, DatabaseError};
use super::runs::{self, Row, Stored};
use super::{SCHEMA, SCHEMA_VERSION};
use crate::log::local::LocalLog;
use crate::log::{self, LogError};

/// Entries that are read and written together.
const CHUNK: usize = 256;
/// How long to wait before trying again when the disk does not take it.
const RETRY: std::time::Duration = std::time::Duration::from_millis(500);

/// How far the history has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectionState {
    pub epoch: u64,
    pub offset: u64,
    /// When the oldest entry was recorded that is being taken in, while there is one.
    pub missing_since: Option<Timestamp>,
    /// Why it does not go on, if it does not.
    pub problem: Option<String>,
}

/// Writes the history.
pub struct Projection {
    connection: Connection,
    path: PathBuf,
    log: LocalLog,
    series: HashMap<SeriesKey, Stored>,
    sources: HashMap<SourceId, i64>,
    state: watch::Sender<ProjectionState>,
}

impl Projection {
    /// Opens or makes the history in `folder` and starts its thread. It follows `head` until that closes.
    ///
    /// # Errors
    /// When the folder cannot be used or was written by a newer version.
    pub fn start(
        folder: &Path,
        log: LocalLog,
        head: watch::Receiver<crate::log::Head>,
    ) -> Result<watch::Receiver<ProjectionState>, LogError> {
        let path = folder.join("history.sqlite");
        let connection = open(&path, &log)?;
        let offset = database::meta(&connection, "offset")?.unwrap_or(0);
        let epoch = database::meta(&connection, "epoch")?.unwrap_or(0);
        let (state, watcher) = watch::channel(ProjectionState {
            epoch: epoch as u64,
            offset: offset as u64,
            ..ProjectionState::default()
        });
        let mut projection = Self { connection, path, log, series: HashMap::new(), sources: HashMap::new(), state };
        projection.load_names()?;
        std::thread::Builder::new().name("history".into()).spawn(move || projection.run(head)).map_err(|error| {
            LogError::Away { reason: format!("the thread of the history cannot be started: {error}") }
        })?;
        Ok(watcher)
    }

    /// A connection to a disk that failed may go on failing when the disk is well again.
    fn reopen(&mut self) -> Result<(), LogError> {
        self.connection = open(&self.path, &self.log)?;
        Ok(self.load_names()?)
    }

    fn load_names(&mut self) -> Result<(), rusqlite::Error> {
        let mut statement =
            self.connection.prepare("SELECT id, widest_micros, indicator, area, scenario FROM series")?;
        let rows = statement.query_map([], |row| {
            let key = SeriesKey {
                indicator: row.get::<_, String>(2)?.into(),
                area: row.get::<_, String>(3)?.into(),
                scenario: scenario_from(row.get(4)?),
            };
            Ok((key, Stored { id: row.get(0)?, widest_micros: row.get(1)? }))
        })?;
        self.series = rows.collect::<Result<_, _>>()?;
        let mut statement = self.connection.prepare("SELECT id, name FROM sources")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(1)?.into(), row.get(0)?)))?;
        self.sources = rows.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn run(mut self, mut head: watch::Receiver<crate::log::Head>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let Ok(runtime) = runtime else {
            tracing::error!("the history cannot wait for the log: no runtime");
            return;
        };
        loop {
            let target = *head.borrow_and_update();
            match self.advance(target) {
                Ok(()) => {
                    if runtime.block_on(head.changed()).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the history does not follow the log; trying again");
                    self.state.send_modify(|state| state.problem = Some(error.to_string()));
                    // The names of a rolled-back transaction do not exist.
                    self.series.clear();
                    self.sources.clear();
                    runtime.block_on(async { tokio::time::sleep(RETRY).await });
                    if let Err(error) = self.reopen() {
                        tracing::error!(%error, "the history cannot be opened again");
                    }
                }
            }
        }
    }

    fn advance(&mut self, target: crate::log::Head) -> Result<(), LogError> {
        self.follow_epoch(target)?;
        loop {
            let reached = self.state.borrow().offset;
            let entries = if reached < target.position.offset { self.log.entries(reached, CHUNK)? } else { Vec::new() };
            let missing_since = entries.first().map(|entry| entry.recorded_at);
            self.state
                .send_if_modified(|state| std::mem::replace(&mut state.missing_since, missing_since) != missing_since);
            let Some(last) = entries.last().map(|entry| entry.offset) else { return Ok(()) };
            self.write(&entries, last)?;
            metrics::gauge!("ioc_projection_offset").set(last as f64);
            self.state.send_modify(|state| {
                state.offset = last;
                state.problem = None;
            });
        }
    }

    /// A log that began anew may be shorter, and long again by now: what it no longer has is forgotten.
    /// An archive that lost power may also be behind the history.
    fn follow_epoch(&mut self, target: crate::log::Head) -> Result<(), LogError> {
        let state = self.state.borrow().clone();
        let same_epoch = state.epoch == target.position.epoch;
        if same_epoch && state.offset <= target.position.offset {
            return Ok(());
        }
        let kept = if same_epoch || state.epoch == 0 { u64::MAX } else { self.log.kept_since(state.epoch)? };
        let kept = kept.min(state.offset).min(target.position.offset);
        let transaction = self.connection.transaction()?;
        if state.epoch != 0 {
            transaction.execute("DELETE FROM runs WHERE offset > ?1", [kept as i64])?;
            transaction.execute("DELETE FROM batches WHERE offset > ?1", [kept as i64])?;
        }
        database::set_meta(&transaction, "offset", kept as i64)?;
        database::set_meta(&transaction, "epoch", target.position.epoch as i64)?;
        transaction.commit()?;
        self.state.send_modify(|state| {
            state.epoch = target.position.epoch;
            state.offset = kept;
        });
        Ok(())
    }

    fn write(&mut self, entries: &[Arc<log::Entry>], last: u64) -> Result<(), LogError> {
        let transaction = self.connection.transaction()?;
        for entry in entries {
            let Event::ObservationsRecorded(recorded) = &entry.event else { continue };
            let (offset, recorded_at) = (entry.offset, entry.recorded_at);
            let source_id = source_id(&transaction, &mut self.sources, &recorded.source)?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO batches (offset, source_id, received_at, recorded_at, taken, refused) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    offset as i64,
                    source_id,
                    recorded.received_at.as_micros(),
                    recorded_at.as_micros(),
                    recorded.rows.len() as i64,
                    recorded.refused_count as i64
                ])?;
            for (series, mut rows) in by_series(recorded, offset) {
                write_runs(&transaction, &mut self.series, series, offset, &mut rows)?;
            }
        }
        database::set_meta(&transaction, "offset", last as i64)?;
        transaction.commit()?;
        Ok(())
    }
}

/// The rows of each series of a batch, in their order.
fn by_series(recorded: &ObservationsRecorded, offset: u64) -> Vec<(&SeriesKey, Vec<Row>)> {
    let (mut series, mut places) = (Vec::<(&SeriesKey, Vec<Row>)>::new(), HashMap::new());
    let named = recorded.rows.series().iter().map(|(named, _)| {
        *places.entry(named).or_insert_with(|| {
            series.push((named, Vec::new()));
            series.len() - 1
        })
    });
    // A series stands there once for each status.
    let places: Vec<usize> = named.collect();
    for row in recorded.rows.iter() {
        let kept = Row { time: row.phenomenon_time, offset, value: row.value, status: row.status };
        series[places[row.place]].1.push(kept);
    }
    series
}

fn write_runs(
    connection: &Connection,
    known: &mut HashMap<SeriesKey, Stored>,
    series: &SeriesKey,
    offset: u64,
    rows: &mut Vec<Row>,
) -> rusqlite::Result<()> {
    let stored = store_series(connection, known, series)?;
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO runs (series_id, last_time, offset, span_micros, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let before = stored.widest_micros;
    for run in runs::cut(rows) {
        insert.execute(params![stored.id, run.last_time.as_micros(), offset as i64, run.span_micros, run.packed])?;
        stored.widest_micros = stored.widest_micros.max(run.span_micros);
    }
    if stored.widest_micros > before {
        connection
            .prepare_cached("UPDATE series SET widest_micros = ?2 WHERE id = ?1")?
            .execute([stored.id, stored.widest_micros])?;
    }
    Ok(())
}

/// Opens the history. One of an older version is built again from the log, which has all that is in it.
fn open(path: &Path, log: &LocalLog) -> Result<Connection, LogError> {
    let open = || database::open(path, SCHEMA, SCHEMA_VERSION..=SCHEMA_VERSION, database::Durability::Eventually);
    match open() {
        Err(DatabaseError::Older { found, .. }) if log.hash_at(1)?.is_some() || log.head().position.offset == 0 => {
            tracing::warn!(
                found,
                known = SCHEMA_VERSION,
                "the history is of an older version; it is built again from the log"
            );
            database::remove(path)?;
            Ok(open()?)
        }
        opened => Ok(opened?),
    }
}

fn store_series<'a>(
    connection: &Connection,
    known: &'a mut HashMap<SeriesKey, Stored>,
    key: &SeriesKey,
) -> rusqlite::Result<&'a mut Stored> {
    match known.entry(key.clone()) {
        Entry::Occupied(stored) => Ok(stored.into_mut()),
        Entry::Vacant(place) => {
            connection
                .prepare_cached("INSERT INTO series (indicator, area, scenario, widest_micros) VALUES (?1, ?2, ?3, 0)")?
                .execute(params![key.indicator.as_str(), key.area.as_str(), scenario_to(key.scenario)])?;
            Ok(place.insert(Stored { id: connection.last_insert_rowid(), widest_micros: 0 }))
        }
    }
}

fn source_id(connection: &Connection, known: &mut HashMap<SourceId, i64>, source: &SourceId) -> rusqlite::Result<i64> {
    if let Some(id) = known.get(source) {
        return Ok(*id);
    }
    connection.prepare_cached("INSERT INTO sources (name) VALUES (?1)")?.execute([source.as_str()])?;
    let id = connection.last_insert_rowid();
    known.insert(source.clone(), id);
    Ok(id)
}

/// Numbers that stand in the file for good: never renumber.
pub(super) fn scenario_to(scenario: Scenario) -> i64 {
    match scenario {
        Scenario::Actual => 0,
        Scenario::Plan => 1,
        Scenario::Expected => 2,
        Scenario::SamePeriod => 3,
    }
}

pub(super) fn scenario_from(number: i64) -> Scenario {
    match number {
        1 => Scenario::Plan,
        2 => Scenario::Expected,
        3 => Scenario::SamePeriod,
        _ => Scenario::Actual,
    }
}

/// Numbers that stand in the file for good: never renumber.
pub(super) fn status_to(status: ObservationStatus) -> u8 {
    match status {
        ObservationStatus::Automatic => 0,
        ObservationStatus::ByHand => 1,
        ObservationStatus::Estimated => 2,
        ObservationStatus::Preliminary => 3,
        ObservationStatus::Official => 4,
        ObservationStatus::Simulated => 5,
        ObservationStatus::Calibrating => 6,
        ObservationStatus::Fault => 7,
        ObservationStatus::Suspect => 8,
    }
}

pub(super) fn status_from(number: u8) -> ObservationStatus {
    match number {
        1 => ObservationStatus::ByHand,
        2 => ObservationStatus::Estimated,
        3 => ObservationStatus::Preliminary,
        4 => ObservationStatus::Official,
        5 => ObservationStatus::Simulated,
        6 => ObservationStatus::Calibrating,
        7 => ObservationStatus::Fault,
        8 => ObservationStatus::Suspect,
        _ => ObservationStatus::Automatic,
    }
}
