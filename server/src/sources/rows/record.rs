//! Records what is new in a table: each value is compared with what the history has of its source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use protocol::ObservationStatus;
use protocol::event::ObservationRow;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{Refused, RowProblem, RowRead};
use crate::sources::{Link, SourceError};

/// Rows of one batch.
pub const BATCH_ROWS: usize = 1000;
/// Most values of one table: each is remembered while it is read.
pub const MOST_VALUES: usize = 2_000_000;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table that says each thing once.
    Table,
    /// The same, unchanged since it was read: other tables of the source may have given newer values since, so only
    /// what was not recorded at all is taken.
    Unchanged,
    /// Rows in the order of their coming: the later one corrects the earlier one.
    Stream,
}

/// One reading of one table.
pub struct Recording<'a> {
    link: &'a Link,
    kind: Kind,
    /// The row and value of each series and time in this reading.
    seen: HashMap<u64, (u64, u64)>,
    /// Not compared with the history yet.
    rows: Vec<ObservationRow>,
    refused: Refused,
    /// Whether it makes way for others: not what does not wait to be asked.
    is_paced: bool,
}

/// Records what is new of what comes through `queue`, until it ends or no more can be taken; what was not taken.
///
/// # Errors
/// When nothing can be recorded now.
pub async fn record(link: &Link, kind: Kind, queue: &mut mpsc::Receiver<RowRead>) -> Result<Refused, SourceError> {
    let mut recording = Recording { is_paced: true, ..Recording::new(link, kind) };
    while let Some(piece) = queue.recv().await {
        if !recording.take(piece).await? {
            break;
        }
    }
    recording.finish().await
}

impl<'a> Recording<'a> {
    pub fn new(link: &'a Link, kind: Kind) -> Self {
        Self { link, kind, seen: HashMap::new(), rows: Vec::new(), refused: Refused::default(), is_paced: false }
    }

    /// Takes what was read and records it in whole batches. Tells whether more can be taken.
    ///
    /// # Errors
    /// When nothing can be recorded now.
    pub async fn take(&mut self, mut piece: RowRead) -> Result<bool, SourceError> {
        for document in std::mem::take(&mut piece.documents) {
            if let Err(reason) = self.link.receive(document).await? {
                self.refused.add(RowProblem::whole(reason));
            }
        }
        for layer in std::mem::take(&mut piece.layers) {
            for problem in self.link.place(layer).await? {
                self.refused.add(problem);
            }
        }
        let has_room = self.keep(piece);
        while self.rows.len() >= self.batch_rows() {
            let began = Instant::now();
            self.flush().await?;
            if self.is_paced {
                let rest = self.link.pace.lock().rest(began.elapsed(), self.link.delivered_so_far());
                sleep(rest).await;
            }
        }
        Ok(has_room)
    }

    /// Records the rest; what was not taken.
    ///
    /// # Errors
    /// When nothing can be recorded now.
    pub async fn finish(mut self) -> Result<Refused, SourceError> {
        while !self.rows.is_empty() {
            self.flush().await?;
        }
        Ok(self.refused)
    }

    fn batch_rows(&self) -> usize {
        if self.is_paced { self.link.pace.lock().batch_rows() } else { BATCH_ROWS }
    }

    fn keep(&mut self, piece: RowRead) -> bool {
        for problem in piece.problems {
            self.refused.add(problem);
        }
        for (number, row) in piece.rows {
            if self.seen.len() >= MOST_VALUES && self.kind == Kind::Stream {
                self.seen.clear();
            }
            if self.seen.len() >= MOST_VALUES {
                let reason =
                    format!("a table may have {MOST_VALUES} values; nothing behind them was taken, so split it");
                self.refused.add(RowProblem { sheet: piece.sheet, ..RowProblem::of_row(number, reason) });
                return false;
            }
            if let Err(reason) = self.check(number, row) {
                self.refused.add(RowProblem { sheet: piece.sheet.clone(), ..RowProblem::of_row(number, reason) });
            }
        }
        true
    }

    fn check(&mut self, number: u64, row: ObservationRow) -> Result<(), String> {
        self.link.admit(&row)?;
        let value = value_hash(row.value, row.status);
        match self.seen.entry(series_hash(&row)) {
            Entry::Occupied(mut first) if self.kind == Kind::Stream => {
                first.insert((number, value));
                let is_same =
                    |other: &ObservationRow| other.series == row.series && other.phenomenon_time == row.phenomenon_time;
                self.rows.retain(|other| !is_same(other));
            }
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
        // Whatever is judged by what came before is judged in the order of time, however a table is ordered.
        self.rows.sort_by_key(|row| row.phenomenon_time);
        let rest = self.rows.split_off(self.rows.len().min(self.batch_rows()));
        let rows: Arc<[ObservationRow]> = std::mem::replace(&mut self.rows, rest).into();
        let delivered = self.link.delivered(Arc::clone(&rows)).await?;
        let mut key = blake3::Hasher::new();
        let mut fresh = Vec::new();
        for (row, before) in rows.iter().zip(delivered) {
            let value = value_hash(row.value, row.status);
            let is_known = before.is_some_and(|before| {
                // What was judged to be suspect is what was given, until it is said to be official.
                let is_suspect = before.status == ObservationStatus::Suspect
                    && row.status != ObservationStatus::Official
                    && before.value.to_bits() == row.value.to_bits();
                self.kind == Kind::Unchanged || is_suspect || value_hash(before.value, before.status) == value
            });
            if is_known {
                continue;
            }
            key.update(&series_hash(row).to_be_bytes()).update(&value.to_be_bytes());
            key.update(&before.map_or(0, |before| before.offset).to_be_bytes());
            fresh.push(row.clone());
        }
        if !fresh.is_empty() {
            let key = format!("rows:{}", key.finalize().to_hex());
            match self.is_paced {
                true => self.link.record_aside(fresh, key).await?,
                false => self.link.record(fresh, key).await?,
            };
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
