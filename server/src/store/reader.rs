//! Reads the history, off the runtime's threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::event::ObservationRow;
use protocol::{SeriesKey, SourceId, Timestamp};
use rusqlite::Connection;
use tokio::sync::{Semaphore, watch};

use super::{Delivered, HistoryRow, Loaded, NewestOf, ProjectionState, Wanted, database, delivered, history, windows};
use crate::log::LogError;
use crate::log::local::LocalLog;

/// How many reads go on at once.
const READERS: usize = 4;
/// How long a reader waits for the history to reach what was acknowledged before it asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most entries that are taken from the log because the history lacks them.
const MOST_LACKING: u64 = 4096;

/// Why the history did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the history is {behind} entries behind the log and does not catch up{}", problem.as_deref().map(|problem| format!(": {problem}")).unwrap_or_default())]
    Behind { behind: u64, problem: Option<String> },
    #[error("the history cannot be read: {0}")]
    Database(#[from] database::DatabaseError),
    #[error("what the history lacks cannot be read from the log: {0}")]
    Log(#[from] LogError),
    #[error("the server is stopping")]
    Stopped,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl ProjectionState {
    /// That it is not at `offset`, and why.
    fn behind(self, offset: u64) -> StoreError {
        StoreError::Behind { behind: offset.saturating_sub(self.offset), problem: self.problem }
    }
}

/// A handle to read the history with. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    path: PathBuf,
    log: LocalLog,
    connections: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    head: watch::Receiver<crate::log::Head>,
    projected: watch::Receiver<ProjectionState>,
}

impl Reader {
    /// Of the history of `log` in `folder`, which `projected` tells the state of.
    #[must_use]
    pub fn new(
        folder: &Path,
        log: LocalLog,
        head: watch::Receiver<crate::log::Head>,
        projected: watch::Receiver<ProjectionState>,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(READERS));
        Self { path: folder.join("history.sqlite"), log, connections: Arc::default(), turns, head, projected }
    }

    /// The newest entry of the log.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<crate::log::Head> {
        self.head.clone()
    }

    /// Up to `limit` entries of the log behind `after`, in order.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn entries(&self, after: u64, limit: usize) -> Result<Vec<Arc<crate::log::Entry>>, StoreError> {
        if let Some(recent) = self.log.recent(after, limit) {
            return Ok(recent);
        }
        let log = self.log.clone();
        let read = tokio::task::spawn_blocking(move || log.entries(after, limit));
        Ok(read.await.map_err(|_| StoreError::Stopped)??)
    }

    /// All entries of the log that are no observations, in order.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn records(&self) -> Result<Vec<Arc<crate::log::Entry>>, StoreError> {
        let log = self.log.clone();
        let read = tokio::task::spawn_blocking(move || log.records());
        let records = read.await.map_err(|_| StoreError::Stopped)??;
        Ok(records.into_iter().map(|written| written.entry).collect())
    }

    /// How far the history has come.
    #[must_use]
    pub fn state(&self) -> ProjectionState {
        self.projected.borrow().clone()
    }

    /// Whether the history has all that the log has, or nearly: it is not being built again, nor held up.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        let (head, state) = (self.head.borrow().position, self.state());
        state.problem.is_none() && state.epoch == head.epoch && head.offset.saturating_sub(state.offset) <= MOST_LACKING
    }

    /// Names the log that this is the history of.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.head.borrow().position.epoch
    }

    /// Waits until everything up to `offset` is in the history.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn wait_for(&self, offset: u64) -> Result<(), StoreError> {
        self.wait_unless(offset, |_| false).await.map(drop)
    }

    /// The same, but only as long as it is not to be given up; tells how far the history is then.
    async fn wait_unless(
        &self,
        offset: u64,
        is_given_up: impl Fn(&ProjectionState) -> bool,
    ) -> Result<ProjectionState, StoreError> {
        let mut projected = self.projected.clone();
        let epoch = self.epoch();
        let is_there = |state: &ProjectionState| state.epoch == epoch && state.offset >= offset;
        let reached = projected.wait_for(|state| is_there(state) || is_given_up(state));
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(state)) => Ok(state.clone()),
            Ok(Err(_)) => Err(StoreError::Stopped),
            Err(_) => Err(self.state().behind(offset)),
        }
    }

    /// The values of a series that were true in `[from, to]`, oldest first, as they were known at `as_of`
    /// (now if absent). Everything acknowledged before the call is there.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn history(
        &self,
        series: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        as_of: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        let acknowledged = self.head.borrow().position.offset;
        self.wait_for(acknowledged).await?;
        let series = series.clone();
        self.with_connection(move |connection| Ok(history::read(connection, &series, from, to, as_of, limit)?)).await
    }

    /// The newest measurement of every series. Everything acknowledged before the call counts.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn newest_of_all(&self) -> Result<Vec<NewestOf>, StoreError> {
        let acknowledged = self.head.borrow().position.offset;
        self.wait_for(acknowledged).await?;
        self.with_connection(|connection| Ok(windows::newest_of_all(connection)?)).await
    }

    /// The values of several series that were true in `[from, to)`, oldest first. Everything acknowledged before the
    /// call is there.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn stretches(
        &self,
        wanted: Vec<(SeriesKey, Timestamp, Timestamp)>,
    ) -> Result<Vec<Vec<HistoryRow>>, StoreError> {
        let acknowledged = self.head.borrow().position.offset;
        self.wait_for(acknowledged).await?;
        self.with_connection(move |connection| {
            let read = |(series, from, to): &(SeriesKey, Timestamp, Timestamp)| {
                history::read(connection, series, *from, to.plus_micros(-1), None, usize::MAX)
            };
            Ok(wanted.iter().map(read).collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// For each row what `source` gave last of its series and time. Everything acknowledged before the call counts.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn delivered(
        &self,
        source: &SourceId,
        rows: Arc<[ObservationRow]>,
    ) -> Result<Vec<Option<Delivered>>, StoreError> {
        let acknowledged = self.head.borrow().position.offset;
        self.wait_for(acknowledged).await?;
        let source = source.clone();
        self.with_connection(move |connection| Ok(delivered::read(connection, &source, &rows)?)).await
    }

    /// Latest values and windows as of one offset, at least `since`. What a history lacks whose disk takes no more
    /// is read from the log.
    ///
    /// # Errors
    /// When the history cannot be read, or does not get there and lacks too much.
    pub async fn load(&self, wanted: Wanted, since: u64) -> Result<Loaded, StoreError> {
        let state = self.wait_unless(since, |state| state.problem.is_some()).await?;
        if state.epoch != self.epoch() {
            return Err(state.behind(since));
        }
        let log = self.log.clone();
        self.with_connection(move |connection| {
            let mut loaded = windows::load(connection, &wanted)?;
            let behind = since.saturating_sub(loaded.offset);
            if behind > MOST_LACKING {
                return Err(state.behind(since));
            }
            if behind > 0 {
                loaded.lacking = log.entries(loaded.offset, behind as usize)?;
            }
            Ok(loaded)
        })
        .await
    }

    async fn with_connection<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Stopped)?;
        let (path, connections) = (self.path.clone(), Arc::clone(&self.connections));
        let work = tokio::task::spawn_blocking(move || {
            let pooled = connections.lock().pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => database::open_reader(&path)?,
            };
            let result = read(&connection);
            connections.lock().push(connection);
            result
        });
        work.await.map_err(|_| StoreError::Stopped)?
    }
}
