//! The end of the log as this server has folded it: every entry passes here once, in order.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::{StreamPosition, Timestamp};
use tokio::sync::{mpsc, watch};

use super::local::{LocalLog, Written};
use super::{Entry, Head, LogError};
use crate::centre::Centre;
use crate::clock::Clock;

/// Entries that became durable together.
pub type Group = Arc<[Arc<Entry>]>;
/// How many groups the hub may be behind before writers wait for it.
const QUEUE: usize = 1024;

/// Whether the log can be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogState {
    /// Since when it cannot.
    pub away_since: Option<Timestamp>,
    pub reason: Option<String>,
    /// Entries that were acknowledged and that a log which was cut short no longer has.
    pub losses: Vec<String>,
}

/// Where folded entries go, and what they have been folded into.
pub struct Tail {
    centre: watch::Sender<Arc<Centre>>,
    head: watch::Sender<Head>,
    state: watch::Sender<LogState>,
    /// When the entries are recorded that are being appended now, if some are.
    appending: watch::Sender<Option<Timestamp>>,
    hub: mpsc::Sender<TailItem>,
    folding: Mutex<()>,
}

/// What the hub is told.
#[derive(Debug, Clone)]
pub enum TailItem {
    Entries(Group, Arc<Centre>),
    /// The log began anew at this head.
    Restarted(Head, Arc<Centre>),
}

impl Tail {
    /// Folds what the log holds.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn open(log: &LocalLog) -> Result<(Arc<Self>, mpsc::Receiver<TailItem>), LogError> {
        let centre = fold_records(log)?;
        let (hub, items) = mpsc::channel(QUEUE);
        let tail = Self {
            centre: watch::Sender::new(Arc::new(centre)),
            head: watch::Sender::new(log.head()),
            state: watch::Sender::default(),
            appending: watch::Sender::default(),
            hub,
            folding: Mutex::default(),
        };
        Ok((Arc::new(tail), items))
    }

    /// The centre as of the head.
    #[must_use]
    pub fn centre(&self) -> watch::Receiver<Arc<Centre>> {
        self.centre.subscribe()
    }

    /// The newest folded entry.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Whether the log can be written.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LogState> {
        self.state.subscribe()
    }

    /// Waits until `position` is folded, or its epoch is over; not longer than `patience`.
    pub async fn reach(&self, position: StreamPosition, patience: Duration) {
        let mut head = self.head();
        let is_there = |head: &Head| {
            let StreamPosition { epoch, offset } = head.position;
            epoch != position.epoch || offset >= position.offset
        };
        if tokio::time::timeout(patience, head.wait_for(is_there)).await.is_err() {
            tracing::warn!(offset = position.offset, "an entry is durable but not folded yet");
        }
    }

    /// Waits until the log that was at `before` is where it turned out to be: `target` or behind it, or in
    /// another epoch than that; false when that takes too long.
    pub async fn reach_head(&self, before: Head, target: Head, patience: Duration) -> bool {
        let StreamPosition { epoch, offset } = target.position;
        let mut head = self.head();
        // A log that came back shorter is not reached by being ahead of it.
        let is_there =
            |head: &Head| *head != before && (head.position.epoch != epoch || head.position.offset >= offset);
        tokio::time::timeout(patience, head.wait_for(is_there)).await.is_ok_and(|reached| reached.is_ok())
    }

    /// Takes in entries that follow the head and are durable.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn advance(&self, written: &[Written]) -> Result<(), LogError> {
        let Some(last) = written.last().map(|written| Arc::clone(&written.entry)) else { return Ok(()) };
        let centre = {
            let _folding = self.folding.lock();
            self.centre.send_if_modified(|centre| {
                let before = Arc::clone(centre);
                let records = written
                    .iter()
                    .filter(|written| !matches!(written.entry.event, protocol::Event::ObservationsRecorded(_)));
                for Written { entry, .. } in records {
                    Arc::make_mut(centre).apply(entry.offset, &entry.event);
                }
                !Arc::ptr_eq(&before, centre)
            });
            self.head.send_modify(|head| {
                head.position.offset = last.offset;
                head.hash = last.hash;
            });
            self.centre.borrow().clone()
        };
        let group: Group = written.iter().map(|written| Arc::clone(&written.entry)).collect();
        self.hub.send(TailItem::Entries(group, centre)).await.map_err(|_| LogError::Stopped)
    }

    /// Folds the log anew after it was cut short or replaced.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn restart(&self, log: &LocalLog, loss: Option<String>) -> Result<(), LogError> {
        let centre = Arc::new(fold_records(log)?);
        let head = log.head();
        self.centre.send_replace(Arc::clone(&centre));
        self.head.send_replace(head);
        self.state.send_modify(|state| state.losses.extend(loss));
        self.hub.send(TailItem::Restarted(head, centre)).await.map_err(|_| LogError::Stopped)
    }

    /// The moment at which entries are recorded that are appended now, until [`end_append`](Self::end_append).
    pub fn begin_append(&self, clock: &Clock) -> Timestamp {
        let mut now = Timestamp(0);
        // Read while nobody else can look: who finds nothing appended may trust that whatever comes is later.
        self.appending.send_modify(|appending| {
            now = clock.now();
            *appending = Some(now);
        });
        now
    }

    /// Nothing is appended now: what was, is folded or was refused.
    pub fn end_append(&self) {
        self.appending.send_replace(None);
    }

    /// Waits until nothing more will be recorded at or before `moment`, which has passed.
    pub async fn settled(&self, moment: Timestamp) {
        let mut appending = self.appending.subscribe();
        let is_settled = |since: &Option<Timestamp>| since.is_none_or(|since| since > moment);
        // The sender is ours.
        drop(appending.wait_for(is_settled).await);
    }

    /// Notes that the log was or was not written.
    pub fn note(&self, problem: Option<&str>, now: Timestamp) {
        self.state.send_if_modified(|state| {
            let changed = state.away_since.is_some() != problem.is_some();
            if changed {
                state.away_since = problem.map(|_| now);
                match problem {
                    Some(reason) => tracing::error!(reason, "the log cannot be written; serving from memory"),
                    None => tracing::info!("the log can be written again"),
                }
            }
            state.reason = problem.map(str::to_owned);
            changed
        });
    }
}

fn fold_records(log: &LocalLog) -> Result<Centre, LogError> {
    let mut centre = Centre::default();
    for Written { entry, .. } in log.records()? {
        centre.apply(entry.offset, &entry.event);
    }
    Ok(centre)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_that_came_back_shorter_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let log = LocalLog::open(folder.path()).unwrap();
        let (tail, _items) = Tail::open(&log).unwrap();
        let at = |epoch: u64, offset: u64| Head { position: StreamPosition { epoch, offset }, hash: log.head().hash };
        let patience = Duration::from_secs(5);
        tail.head.send_replace(at(1, 9));
        assert!(!tail.reach_head(at(1, 9), at(1, 7), patience).await, "nothing has changed");
        assert!(tail.reach_head(at(1, 6), at(1, 7), patience).await, "it is folded by now");
        tail.head.send_replace(at(2, 7));
        assert!(tail.reach_head(at(1, 9), at(1, 7), patience).await, "it began anew");
    }

    #[tokio::test]
    async fn a_moment_is_settled_when_nothing_of_it_is_still_appended() {
        let dir = tempfile::tempdir().unwrap();
        let (tail, _items) = Tail::open(&LocalLog::open(dir.path()).unwrap()).unwrap();
        assert!(tail.settled(Timestamp(7)).now_or_never().is_some());
        let recorded_at = tail.begin_append(&Clock);
        assert!(tail.settled(recorded_at.plus_micros(-1)).now_or_never().is_some());
        let waiting = tail.settled(recorded_at);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        tail.end_append();
        waiting.await;
    }
}
