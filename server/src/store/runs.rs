//! Runs: neighbouring rows of one series and batch, packed into one record of the history.
//!
//! A table with a record for each row costs a search of the tree for each; a batch costs one for each series.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::{ControlFlow, RangeInclusive};

use protocol::{Observation, ObservationStatus, SeriesKey, SourceId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params, params_from_iter};

use super::HistoryRow;
use super::projection::{scenario_to, status_from, status_to};

/// No run reaches over more: a reader looks so far behind what it wants.
const WIDEST_MICROS: i64 = 6 * 3_600 * 1_000_000;
/// No run has more rows: with more SQLite would give the record an overflow page of its own, mostly empty.
const MOST_ROWS: usize = 57;
/// What a packed row takes: value, status, and the time unless it is the run's last.
const ROW_BYTES: usize = 17;
const TIME_BYTES: usize = 8;

/// One number of a series, as it came in at `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub time: Timestamp,
    pub offset: u64,
    pub value: f64,
    pub status: ObservationStatus,
}

/// Rows in ascending order of time, packed.
#[derive(Debug)]
pub(super) struct Run {
    pub last_time: Timestamp,
    pub span_micros: i64,
    pub packed: Vec<u8>,
}

/// A series as the history knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub id: i64,
    /// How far the widest of its runs reaches.
    pub widest_micros: i64,
}

/// Cuts the rows of one series and batch into runs. Of rows of the same time the last counts.
pub(super) fn cut(rows: &mut Vec<Row>) -> impl Iterator<Item = Run> + '_ {
    if !rows.is_sorted_by(|a, b| a.time < b.time) {
        rows.sort_by_key(|row| row.time);
        rows.dedup_by(|later, kept| {
            let is_repeated = later.time == kept.time;
            if is_repeated {
                *kept = *later;
            }
            is_repeated
        });
    }
    let mut rest = rows.as_slice();
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let near = rest.iter().take(MOST_ROWS).take_while(|row| row.time.since(first.time) <= WIDEST_MICROS).count();
        let (run, behind) = rest.split_at(near);
        rest = behind;
        pack(run)
    })
}

/// All values, then all statuses, then all times but the last.
fn pack(rows: &[Row]) -> Option<Run> {
    let (first, last) = (rows.first()?, rows.last()?);
    let mut packed = Vec::with_capacity(rows.len() * ROW_BYTES - TIME_BYTES);
    rows.iter().for_each(|row| packed.extend_from_slice(&row.value.to_le_bytes()));
    packed.extend(rows.iter().map(|row| status_to(row.status)));
    let times = rows[..rows.len() - 1].iter();
    times.for_each(|row| packed.extend_from_slice(&row.time.as_micros().to_le_bytes()));
    Some(Run { last_time: last.time, span_micros: last.time.since(first.time), packed })
}

/// The rows of a record.
fn unpack(packed: &[u8], last_time: i64, offset: i64) -> impl Iterator<Item = Row> + '_ {
    let count = (packed.len() + TIME_BYTES) / ROW_BYTES;
    let (values, rest) = packed.split_at((count * 8).min(packed.len()));
    let (statuses, times) = rest.split_at(count.min(rest.len()));
    let times = times.as_chunks().0.iter().map(|time| i64::from_le_bytes(*time));
    let values = values.as_chunks().0.iter().map(|value| f64::from_le_bytes(*value));
    let rows = values.zip(statuses).zip(times.chain([last_time]));
    rows.map(move |((value, status), time)| {
        let (time, offset, status) = (Timestamp(time), offset as u64, status_from(*status));
        Row { time, offset, value, status }
    })
}

/// The series in the history, if anything of it ever came.
pub(super) fn stored(connection: &Connection, series: &SeriesKey) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached("SELECT id, widest_micros FROM series WHERE indicator = ?1 AND area = ?2 AND scenario = ?3")?
        .query_row(params![series.indicator.as_str(), series.area.as_str(), scenario_to(series.scenario)], |row| {
            Ok(Stored { id: row.get(0)?, widest_micros: row.get(1)? })
        })
        .optional()
}

/// How far back the newest measurement is looked for, where newer rows are none: farther and farther.
const BACK_MICROS: [i64; 3] = [86_400 * 1_000_000, 60 * 86_400 * 1_000_000, i64::MAX];

/// The newest row of a series, and what stands in front of it that is no measurement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Newest {
    pub row: Option<Row>,
    /// The newest offset of those; 0 for none.
    pub passed_over: u64,
}

/// The newest measurement by time, then by offset. To be called in the transaction that `series` was read in.
pub(super) fn newest(connection: &Connection, series: Stored) -> rusqlite::Result<Newest> {
    let newest = connection
        .prepare_cached(
            "SELECT last_time, offset, packed FROM runs WHERE series_id = ?1
             ORDER BY last_time DESC, offset DESC LIMIT 1",
        )?
        .query_row([series.id], |row| Ok(unpack(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?).last()));
    let Some(last) = newest.optional()?.flatten() else { return Ok(Newest::default()) };
    let mut newest = Newest { row: Some(last).filter(|row| row.status.is_measurement()), passed_over: 0 };
    for back in BACK_MICROS {
        if newest.row.is_some() {
            break;
        }
        let from = Timestamp(last.time.as_micros().saturating_sub(back));
        scan(connection, series, from..=last.time, Batches::All, |row| {
            match row.status.is_measurement() {
                true => newest.row = Some(row),
                false => newest.passed_over = newest.passed_over.max(row.offset),
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(newest)
}

/// Which batches are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Batches {
    All,
    /// Those that the log had at this moment.
    KnownAt(Timestamp),
    /// Those of this source, by its id.
    From(i64),
}

macro_rules! select_runs {
    ($batches:literal, $condition:literal) => {
        concat!(
            "SELECT last_time, offset, packed FROM runs ",
            $batches,
            " WHERE series_id = ?1 AND last_time >= ?2 AND last_time <= ?3 AND last_time - span_micros <= ?4 ",
            $condition,
            " ORDER BY last_time, offset"
        )
    };
}

/// Gives of each time in `times` the newest row of a series, oldest time first, until `take` breaks. To be called
/// in the transaction that `series` was read in.
pub(super) fn scan(
    connection: &Connection,
    series: Stored,
    times: RangeInclusive<Timestamp>,
    batches: Batches,
    mut take: impl FnMut(Row) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    // CROSS JOIN: the batch is looked up for each run, never the other way round.
    let (select, condition) = match batches {
        Batches::All => (select_runs!("", ""), None),
        Batches::KnownAt(moment) => {
            (select_runs!("CROSS JOIN batches USING (offset)", "AND recorded_at <= ?5"), Some(moment.as_micros()))
        }
        Batches::From(source) => {
            (select_runs!("CROSS JOIN batches USING (offset)", "AND source_id = ?5"), Some(source))
        }
    };
    let (from, to) = (times.start().as_micros(), times.end().as_micros());
    let bounds = [series.id, from, to.saturating_add(series.widest_micros), to];
    let mut statement = connection.prepare_cached(select)?;
    let mut runs = statement.query(params_from_iter(bounds.into_iter().chain(condition)))?;
    let mut pending = Pending::default();
    while let Some(run) = runs.next()? {
        let last_time = run.get(0)?;
        let rows = unpack(run.get_ref(2)?.as_blob()?, last_time, run.get(1)?);
        pending.add(rows.filter(|row| times.contains(&row.time)));
        // What comes ends no earlier than this run, and is not wider than the widest.
        let settled = Timestamp(last_time.saturating_sub(series.widest_micros + 1));
        if pending.settle(settled, &mut take).is_break() {
            return Ok(());
        }
    }
    let _given = pending.settle(Timestamp(i64::MAX), &mut take);
    Ok(())
}

/// Rows of runs that overlap, one of each time, until it is known that nothing comes between them.
#[derive(Default)]
struct Pending(VecDeque<Row>);

impl Pending {
    fn add(&mut self, rows: impl Iterator<Item = Row>) {
        let mut rows = rows.peekable();
        let Some(first) = rows.peek().map(|row| row.time) else { return };
        if self.0.back().is_none_or(|last| last.time < first) {
            return self.0.extend(rows);
        }
        let overlapped = self.0.partition_point(|row| row.time < first);
        let mut tail = Vec::from(self.0.split_off(overlapped));
        tail.extend(rows);
        tail.sort_by_key(|row| (row.time, Reverse(row.offset)));
        tail.dedup_by_key(|row| row.time);
        self.0.extend(tail);
    }

    /// Gives the rows up to `moment`.
    fn settle(&mut self, moment: Timestamp, take: &mut impl FnMut(Row) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(row) = self.0.pop_front_if(|row| row.time <= moment) {
            take(row)?;
        }
        ControlFlow::Continue(())
    }
}

/// Makes rows of a series whole with what their batches have in common.
pub(super) struct Completion<'c> {
    series: SeriesKey,
    batches: CachedStatement<'c>,
    /// The last batch: neighbours are mostly of the same.
    last: Option<(u64, Timestamp, SourceId)>,
}

impl<'c> Completion<'c> {
    pub fn new(connection: &'c Connection, series: &SeriesKey) -> rusqlite::Result<Self> {
        let batches = connection.prepare_cached(
            "SELECT received_at, name FROM batches JOIN sources ON sources.id = source_id WHERE offset = ?1",
        )?;
        Ok(Self { series: series.clone(), batches, last: None })
    }

    pub fn complete(&mut self, row: Row) -> rusqlite::Result<HistoryRow> {
        let Row { time, offset, value, status } = row;
        let (received_at, source) = self.batch(offset)?;
        let series = self.series.clone();
        let observation = Observation { series, phenomenon_time: time, value, received_at, status, source };
        Ok(HistoryRow { offset, observation })
    }

    fn batch(&mut self, offset: u64) -> rusqlite::Result<(Timestamp, SourceId)> {
        if let Some((_, received_at, source)) = self.last.as_ref().filter(|last| last.0 == offset) {
            return Ok((*received_at, source.clone()));
        }
        let batch = |row: &rusqlite::Row<'_>| Ok((Timestamp(row.get(0)?), SourceId::from(row.get::<_, String>(1)?)));
        let (received_at, source) = self.batches.query_row([offset as i64], batch)?;
        self.last = Some((offset, received_at, source.clone()));
        Ok((received_at, source))
    }
}
