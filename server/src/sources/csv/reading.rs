//! One file, from its bytes to what is recorded of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use protocol::event::ObservationRow;
use protocol::{ObservationStatus, Timestamp};
use tokio::sync::mpsc;

use super::CsvFolder;
use super::report::Report;
use super::table::{RowProblem, RowRead, Table, Unreadable};
use super::text::{self, TextError};
use crate::lines::{Ends, Line, LineSplitter};
use crate::sources::{Link, SourceError};

/// Rows of one batch.
const BATCH_ROWS: usize = 1000;
/// Most values of one file: each is remembered while it is read.
const MAX_VALUES: usize = 2_000_000;
/// Pieces that may wait for the recorder.
const QUEUE: usize = 4;

/// The hash of a file's bytes, and whether its text can be read.
pub fn hash(path: &Path, source: &CsvFolder) -> Result<String, TextError> {
    let mut hasher = blake3::Hasher::new();
    let see = |bytes: &[u8]| {
        hasher.update(bytes);
    };
    text::read(path, source.options.encoding, see, |_| true)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Also the last line, though it has no line end.
    pub last_line: bool,
    /// Other values than were recorded, too. A file that is read again unchanged has none, but other files of the
    /// source may have given newer ones.
    pub changes: bool,
}

/// Reads all rows of a file and hands them over in pieces, until `give` wants no more. Tells whether the last line
/// was left because it has no line end.
///
/// # Errors
/// Why it cannot be read on.
pub fn rows(
    path: &Path,
    source: &CsvFolder,
    last_line: bool,
    mut give: impl FnMut(RowRead) -> bool,
) -> Result<bool, RowProblem> {
    let unreadable = |error: TextError| RowProblem { row: 0, column: None, value: None, reason: error.to_string() };
    let written = written(path, source).map_err(|error| unreadable(error.into()))?;
    let mut lines = Lines {
        table: Table::new(&source.options, source.format.clone(), written),
        max_line_bytes: source.max_line_bytes,
        piece: RowRead::default(),
        unreadable: None,
    };
    let mut splitter = LineSplitter::new(Ends::Any, source.max_line_bytes);
    let mut wanted = true;
    let take_text = |text: &str| {
        let Ok(()) = splitter.push::<Infallible>(text.as_bytes(), |line| {
            wanted &= lines.take(&line, false);
            if lines.piece.rows.len() + lines.piece.problems.len() >= BATCH_ROWS {
                wanted &= give(std::mem::take(&mut lines.piece));
            }
            Ok(())
        });
        wanted
    };
    let read = text::read(path, source.options.encoding, |_| {}, take_text);
    let mut is_unended = false;
    if wanted && read.is_ok() {
        let Ok(()) = splitter.finish::<Infallible>(|line| {
            is_unended = !last_line && line.number > 1;
            match is_unended {
                true => lines.piece.problems.push(left(line.number, source.options.unended_secs)),
                false => {
                    lines.take(&line, true);
                }
            }
            Ok(())
        });
    }
    give(lines.piece);
    match (read, lines.unreadable) {
        (_, Some(problem)) => Err(problem),
        (Err(error), None) => Err(unreadable(error)),
        (Ok(()), None) => Ok(is_unended),
    }
}

/// The day on which the file was written.
fn written(path: &Path, source: &CsvFolder) -> io::Result<Timestamp> {
    let modified = path.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let modified = Timestamp(i64::try_from(modified.as_micros()).unwrap_or(i64::MAX));
    Ok(source.format.day_of(modified).unwrap_or(modified))
}

fn left(row: u64, unended_secs: u64) -> RowProblem {
    let reason = format!(
        "the last line has no line end, so it may be cut off; it is taken once the file has not changed for {unended_secs} s ('unended_secs' of the source)"
    );
    RowProblem { row, column: None, value: None, reason }
}

/// Lines become rows, until the file cannot be read on.
struct Lines<'a> {
    table: Table<'a>,
    max_line_bytes: usize,
    piece: RowRead,
    unreadable: Option<RowProblem>,
}

impl Lines<'_> {
    fn take(&mut self, line: &Line<'_>, is_cut: bool) -> bool {
        if self.unreadable.is_none() {
            match self.table.line(line.number, &line.text, self.max_line_bytes, is_cut) {
                Ok(read) => {
                    self.piece.rows.extend(read.rows);
                    self.piece.problems.extend(read.problems);
                }
                Err(Unreadable(problem)) => self.unreadable = Some(problem),
            }
        }
        self.unreadable.is_none()
    }
}

/// What came of a file.
#[derive(Debug)]
pub struct Reading {
    pub report: Report,
    pub is_unended: bool,
}

/// Records what is new in a file.
///
/// # Errors
/// When nothing can be recorded now.
pub async fn record(
    source: &Arc<CsvFolder>,
    link: &Link,
    path: PathBuf,
    name: &str,
    wanted: Wanted,
) -> Result<Reading, SourceError> {
    let (pieces, mut queue) = mpsc::channel(QUEUE);
    let reader = Arc::clone(source);
    let reading = tokio::task::spawn_blocking(move || {
        rows(&path, &reader, wanted.last_line, |piece| pieces.blocking_send(piece).is_ok())
    });
    let mut recording =
        Recording { link, changes: wanted.changes, seen: HashMap::new(), rows: Vec::new(), report: Report::default() };
    while let Some(piece) = queue.recv().await {
        let has_room = recording.take(piece);
        while recording.rows.len() >= BATCH_ROWS {
            recording.flush().await?;
        }
        if !has_room {
            break;
        }
    }
    drop(queue);
    while !recording.rows.is_empty() {
        recording.flush().await?;
    }
    let mut report = recording.report;
    let is_unended = match reading.await {
        Ok(Ok(is_unended)) => is_unended,
        Ok(Err(problem)) => {
            report.add(problem);
            false
        }
        Err(error) => return Err(SourceError::Broken(format!("reading {name}: {error}"))),
    };
    Ok(Reading { report, is_unended })
}

/// One reading of one file.
struct Recording<'a> {
    link: &'a Link,
    changes: bool,
    /// The row and value of each series and time in this reading.
    seen: HashMap<u64, (u64, u64)>,
    /// Not compared with the history yet.
    rows: Vec<ObservationRow>,
    report: Report,
}

impl Recording<'_> {
    /// Whether more can be taken.
    fn take(&mut self, piece: RowRead) -> bool {
        for problem in piece.problems {
            self.report.add(problem);
        }
        for (number, row) in piece.rows {
            let problem = |reason: String| RowProblem { row: number, column: None, value: None, reason };
            if self.seen.len() >= MAX_VALUES {
                let reason = format!("a file may have {MAX_VALUES} values; nothing behind them was taken, so split it");
                self.report.add(problem(reason));
                return false;
            }
            if let Err(reason) = self.check(number, row) {
                self.report.add(problem(reason));
            }
        }
        true
    }

    fn check(&mut self, number: u64, row: ObservationRow) -> Result<(), String> {
        self.link.admit(&row)?;
        let value = value_hash(row.value, row.status);
        match self.seen.entry(series_hash(&row)) {
            Entry::Occupied(first) if first.get().1 == value => return Ok(()),
            Entry::Occupied(first) => {
                let (indicator, area, first) = (&row.series.indicator, &row.series.area, first.get().0);
                return Err(format!(
                    "{indicator} in {area} has another value for this time in row {first}; keep one of the two rows"
                ));
            }
            Entry::Vacant(place) => {
                place.insert((number, value));
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// Records what is new in one batch. Its key tells what it replaces, so that the same batch is recorded again
    /// only when something else was recorded between.
    async fn flush(&mut self) -> Result<(), SourceError> {
        let rest = self.rows.split_off(self.rows.len().min(BATCH_ROWS));
        let rows: Arc<[ObservationRow]> = std::mem::replace(&mut self.rows, rest).into();
        let delivered = self.link.delivered(Arc::clone(&rows)).await?;
        let mut key = blake3::Hasher::new();
        let mut fresh = Vec::new();
        for (row, before) in rows.iter().zip(delivered) {
            let value = value_hash(row.value, row.status);
            if before.is_some_and(|before| !self.changes || value_hash(before.value, before.status) == value) {
                continue;
            }
            key.update(&series_hash(row).to_be_bytes()).update(&value.to_be_bytes());
            key.update(&before.map_or(0, |before| before.offset).to_be_bytes());
            fresh.push(row.clone());
        }
        if !fresh.is_empty() {
            self.link.record(fresh, format!("csv:{}", key.finalize().to_hex())).await?;
        }
        Ok(())
    }
}

/// Of the series and time of a row.
fn series_hash(row: &ObservationRow) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(row.series.indicator.as_str().as_bytes()).update(b"\0");
    hasher.update(row.series.area.as_str().as_bytes()).update(&[0, row.series.scenario as u8]);
    hasher.update(&row.phenomenon_time.as_micros().to_be_bytes());
    first_bytes(&hasher)
}

fn value_hash(value: f64, status: ObservationStatus) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&value.to_bits().to_be_bytes()).update(&[status as u8]);
    first_bytes(&hasher)
}

fn first_bytes(hasher: &blake3::Hasher) -> u64 {
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
