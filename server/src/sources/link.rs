//! What a running source has to do with the rest: where it delivers, what it may know, when it stops.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::event::{ObservationRow, Rows};
use protocol::{Catalogue, Records, SeriesKey, SourceId, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use super::health::Board;
use super::rounds::Bell;
use super::rows::Pace;
use crate::centre::{Centre, Documents, admit};
use crate::clock::Clock;
use crate::config::SecretError;
use crate::log::Entry;
use crate::log::recorder::{Batch, RecordError, Recorded, Recorder};
use crate::store::{Delivered, HistoryRow, NewestOf, Reader, StoreError};

/// How long files may keep a source waiting before that is told.
const SLOW: Duration = Duration::from_secs(60);

/// Why a source stopped; it is started again.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("what it read cannot be recorded: {0}")]
    Record(#[from] RecordError),
    #[error(transparent)]
    History(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
    #[error("{0}")]
    Broken(String),
}

impl SourceError {
    /// What the other side, or the way to it, is not as it should be.
    pub fn broken(what: impl fmt::Display) -> Self {
        Self::Broken(what.to_string())
    }

    /// An I/O error with what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }
}

/// The surroundings of one running source. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    pub source: SourceId,
    /// A folder of its own below the data folder.
    pub state: PathBuf,
    pub health: Board,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) store: Reader,
    pub(super) catalogue: watch::Receiver<Arc<Catalogue>>,
    pub(super) centre: watch::Receiver<Arc<Centre>>,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) bell: Bell,
    /// How fast its tables are recorded.
    pub(super) pace: Arc<Mutex<Pace>>,
    /// Whether what it records follows from what others delivered.
    pub(super) is_echo: bool,
}

impl Link {
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether a row may come in, and why not.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn admit(&self, row: &ObservationRow) -> Result<(), String> {
        let catalogue = Arc::clone(&self.catalogue.borrow());
        admit::check(&catalogue, row, self.now())
    }

    /// Makes rows durable; with a key once, however often it is called with it.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record(
        &self,
        rows: impl IntoIterator<Item = ObservationRow>,
        key: impl Into<Option<String>>,
    ) -> Result<Recorded, SourceError> {
        if !self.is_echo {
            self.recorder.note_delivery();
        }
        self.record_aside(rows, key).await
    }

    /// The same, for one who makes way for others and is not to count as one of them.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_aside(
        &self,
        rows: impl IntoIterator<Item = ObservationRow>,
        key: impl Into<Option<String>>,
    ) -> Result<Recorded, SourceError> {
        let rows = rows.into_iter().collect();
        let recorded = self.recorder.record(self.batch(rows, 0, key.into())).await?;
        for reason in &recorded.suspect {
            self.problem("plausibility", reason);
        }
        // An answer given again was counted before the restart.
        let accepted = if recorded.repeated { 0 } else { recorded.accepted };
        self.health.delivered(&self.source, self.now(), accepted, 0);
        Ok(recorded)
    }

    /// How many deliveries there were since the server began, without those that make way for others.
    #[must_use]
    pub fn delivered_so_far(&self) -> u64 {
        self.recorder.deliveries()
    }

    /// Tells the log that so many rows were not taken.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn refuse(&self, count: u64) -> Result<(), SourceError> {
        self.health.delivered(&self.source, self.now(), 0, count);
        self.recorder.record(self.batch(Rows::default(), count, None)).await?;
        Ok(())
    }

    /// The same, where there may be none.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn refuse_if_any(&self, count: u64) -> Result<(), SourceError> {
        if count > 0 { self.refuse(count).await } else { Ok(()) }
    }

    fn batch(&self, rows: Rows, refused_count: u64, idempotency_key: Option<String>) -> Batch {
        Batch { source: self.source.clone(), rows, refused: Vec::new(), refused_count, idempotency_key }
    }

    /// For each row what this source gave last of its series and time.
    ///
    /// # Errors
    /// When the history does not answer.
    pub async fn delivered(&self, rows: Arc<[ObservationRow]>) -> Result<Vec<Option<Delivered>>, SourceError> {
        Ok(self.store.delivered(&self.source, rows).await?)
    }

    /// What is known of each series in `[from, to)`, oldest first.
    ///
    /// # Errors
    /// When the history does not answer.
    pub async fn stretches(
        &self,
        wanted: Vec<(SeriesKey, Timestamp, Timestamp)>,
    ) -> Result<Vec<Vec<HistoryRow>>, SourceError> {
        Ok(self.store.stretches(wanted).await?)
    }

    /// The newest measurement of every series.
    ///
    /// # Errors
    /// When the history does not answer.
    pub async fn newest_of_all(&self) -> Result<Vec<NewestOf>, SourceError> {
        Ok(self.store.newest_of_all().await?)
    }

    /// All entries of the log that are no observations, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn records_of_log(&self) -> Result<Vec<Arc<Entry>>, SourceError> {
        Ok(self.store.records().await?)
    }

    /// Names the log; another one has other entries.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.store.epoch()
    }

    /// Whether this source may have run on another server before.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.recorder.shared_log().is_some()
    }

    /// Notes what was wrong at `place`.
    pub fn problem(&self, place: impl Into<String>, reason: &str) {
        self.health.problem(&self.source, self.now(), place, reason);
    }

    /// What the centre has of tasks, alarms and sessions.
    #[must_use]
    pub fn records(&self) -> Arc<Records> {
        Arc::clone(&self.centre.borrow().records)
    }

    /// The documents that the centre has.
    #[must_use]
    pub fn documents(&self) -> Arc<Documents> {
        Arc::clone(&self.centre.borrow().documents)
    }

    /// What the centre has of a layer.
    #[cfg(test)]
    pub fn layer(&self, layer: &protocol::LayerId) -> Option<protocol::map::ReportedLayer> {
        self.centre.borrow().layers.get(layer).cloned()
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// [`on_disk`], for files that may lie on another machine. That it is silent is told and then waited for: a second
    /// attempt would only hang beside the first.
    ///
    /// # Errors
    /// Those of the disk, with what was being done.
    pub async fn on_disk<T: Send + 'static>(
        &self,
        doing: String,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, SourceError> {
        let reason = format!("{doing}: no answer for {} s; is the drive connected?", SLOW.as_secs());
        let mut work = pin!(on_disk(doing, work));
        loop {
            match timeout(SLOW, &mut work).await {
                Ok(done) => return done,
                Err(_) => {
                    self.problem("source", &reason);
                    self.health.down(&self.source, self.now(), &reason);
                }
            }
        }
    }

    /// Waits until the server stops.
    pub async fn stopped(&self) {
        // An error means that whoever would stop us is gone: that is the same.
        let _gone = self.stopping.clone().wait_for(|stopping| *stopping).await.is_err();
    }
}

/// Does what waits for the disk on a thread of its own.
///
/// # Errors
/// Those of the disk, with what was being done.
pub async fn on_disk<T: Send + 'static>(
    doing: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(SourceError::io(doing)),
        Err(error) => Err(SourceError::Broken(format!("{doing}: {error}"))),
    }
}
