//! One file, from its bytes to what is recorded of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::event::ObservationRow;
use tokio::sync::mpsc;

use super::CsvFolder;
use super::delivered::{Delivered, Pending, series_hash, value_hash};
use super::report::Report;
use super::table::{RowProblem, RowRead, Table, Unreadable};
use super::text::{self, TextError};
use crate::lines::{Ends, Line, LineSplitter};
use crate::sources::{Link, SourceError};

/// Rows of one batch.
const BATCH_ROWS: usize = 1000;
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

/// Reads all rows of a file and hands them over in pieces, until `give` wants no more.
///
/// # Errors
/// Why it cannot be read on.
pub fn rows(path: &Path, source: &CsvFolder, mut give: impl FnMut(RowRead) -> bool) -> Result<(), RowProblem> {
    let mut table = Table::new(&source.options, source.format.clone());
    let mut splitter = LineSplitter::new(Ends::Any, source.max_line_bytes);
    let mut piece = RowRead::default();
    let mut unreadable = None;
    let mut take = |line: &Line<'_>, is_cut: bool, piece: &mut RowRead| {
        if unreadable.is_none() {
            match table.line(line.number, &line.text, source.max_line_bytes, is_cut) {
                Ok(read) => {
                    piece.rows.extend(read.rows);
                    piece.problems.extend(read.problems);
                }
                Err(Unreadable(problem)) => unreadable = Some(problem),
            }
        }
        unreadable.is_none()
    };
    let mut wanted = true;
    let read = text::read(
        path,
        source.options.encoding,
        |_| {},
        |text| {
            let Ok(()) = splitter.push::<Infallible>(text.as_bytes(), |line| {
                wanted &= take(&line, false, &mut piece);
                if piece.rows.len() + piece.problems.len() >= BATCH_ROWS {
                    wanted &= give(std::mem::take(&mut piece));
                }
                Ok(())
            });
            wanted
        },
    );
    if wanted && read.is_ok() {
        let Ok(()) = splitter.finish::<Infallible>(|line| {
            take(&line, true, &mut piece);
            Ok(())
        });
    }
    give(piece);
    match (read, unreadable) {
        (_, Some(problem)) => Err(problem),
        (Err(error), None) => Err(RowProblem { row: 0, column: None, value: None, reason: error.to_string() }),
        (Ok(()), None) => Ok(()),
    }
}

/// Records what is new in a file; what was not taken.
///
/// # Errors
/// When nothing can be recorded now.
pub async fn record(source: &Arc<CsvFolder>, link: &Link, path: PathBuf, name: &str) -> Result<Report, SourceError> {
    let (pieces, mut queue) = mpsc::channel(QUEUE);
    let reader = Arc::clone(source);
    let reading =
        tokio::task::spawn_blocking(move || rows(&path, &reader, |piece| pieces.blocking_send(piece).is_ok()));
    let delivered = load(link, name).await?;
    let mut recording =
        Recording { link, delivered, seen: HashMap::new(), fresh: Vec::new(), report: Report::default() };
    while let Some(piece) = queue.recv().await {
        recording.take(piece);
        while recording.fresh.len() >= BATCH_ROWS {
            recording.flush().await?;
        }
    }
    while !recording.fresh.is_empty() {
        recording.flush().await?;
    }
    match reading.await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => recording.report.add(problem),
        Err(error) => return Err(SourceError::Broken(format!("reading {name}: {error}"))),
    }
    Ok(recording.report)
}

async fn load(link: &Link, name: &str) -> Result<Delivered, SourceError> {
    let (folder, file) = (link.state.clone(), name.to_owned());
    let loaded = tokio::task::spawn_blocking(move || Delivered::load(&folder, &file)).await;
    let doing = || format!("reading what was recorded of {name}");
    loaded.map_err(|error| SourceError::Broken(format!("{}: {error}", doing())))?.map_err(SourceError::io(doing()))
}

/// One reading of one file.
struct Recording<'a> {
    link: &'a Link,
    delivered: Delivered,
    /// The row and value of each series and time in this reading.
    seen: HashMap<u64, (u64, u64)>,
    /// Not recorded yet.
    fresh: Vec<ObservationRow>,
    report: Report,
}

impl Recording<'_> {
    fn take(&mut self, piece: RowRead) {
        for problem in piece.problems {
            self.report.add(problem);
        }
        for (number, row) in piece.rows {
            if let Err(reason) = self.check(number, row) {
                self.report.add(RowProblem { row: number, column: None, value: None, reason });
            }
        }
    }

    fn check(&mut self, number: u64, row: ObservationRow) -> Result<(), String> {
        self.link.admit(&row)?;
        let value = value_hash(&row);
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
        if !self.delivered.has(&row) {
            self.fresh.push(row);
        }
        Ok(())
    }

    /// Records one batch.
    async fn flush(&mut self) -> Result<(), SourceError> {
        let rest = self.fresh.split_off(self.fresh.len().min(BATCH_ROWS));
        let rows = std::mem::replace(&mut self.fresh, rest);
        let doing = "writing down what is recorded";
        let pending = self.delivered.begin(rows).map_err(SourceError::io(doing))?;
        self.link.record(pending.rows.clone(), pending.key).await?;
        self.delivered.finish(&pending.rows).map_err(SourceError::io(doing))
    }
}

/// Records the batch that was under way when the server ended: once, whether it was recorded or not.
///
/// # Errors
/// When it cannot be recorded now.
pub async fn resume(link: &Link, pending: Pending) -> Result<(), SourceError> {
    let mut delivered = load(link, &pending.file).await?;
    link.record(pending.rows.clone(), pending.key).await?;
    delivered.finish(&pending.rows).map_err(SourceError::io("writing down what is recorded"))
}
