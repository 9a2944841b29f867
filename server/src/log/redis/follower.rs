//! Following the stream: check, archive, fold.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::Address;
use super::peers::Peers;
use super::scripts::{self, Raw};
use super::{Failure, Phase, RESPONSE_TIMEOUT};
use crate::clock::Clock;
use crate::log::local::{LocalLog, Written};
use crate::log::tail::Tail;
use crate::log::{Entry, LogError};

/// Entries that are read together.
const CHUNK: usize = 64;
/// How long to wait for an entry before the head is looked at.
const BLOCK_MILLIS: u64 = 500;
/// Waits between attempts to come back, with full jitter.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A server that has followed for so long starts with short waits again.
const STEADY: Duration = Duration::from_secs(5);

/// The task that brings this server up to the log.
pub(super) struct Follower {
    pub(super) address: Address,
    /// How the others know this server.
    pub(super) advertise: String,
    pub(super) archive: LocalLog,
    pub(super) tail: Arc<Tail>,
    pub(super) peers: Peers,
    clock: Clock,
    phase: watch::Sender<Phase>,
}

/// What a look at the stream found.
enum Found {
    /// Entries that follow what is archived.
    Entries {
        entries: Vec<Written>,
        head: u64,
    },
    UpToDate,
    /// The stream no longer has the entry behind what is archived: up to here it must come from elsewhere.
    Gap {
        until: u64,
    },
    /// The log is not what is archived: another epoch, shorter, or of other entries.
    Other {
        diverged: bool,
    },
}

impl Follower {
    pub(super) fn new(
        address: Address,
        advertise: String,
        archive: LocalLog,
        tail: Arc<Tail>,
        peers: Peers,
        clock: Clock,
        phase: watch::Sender<Phase>,
    ) -> Self {
        Self { address, advertise, archive, tail, peers, clock, phase }
    }

    /// Follows until the server stops.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut wait = FIRST_WAIT;
        loop {
            let began = Instant::now();
            let failure = tokio::select! {
                Err(failure) = self.follow() => failure,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            self.tail.note(Some(&failure.to_string()), self.clock.now());
            self.phase.send_replace(Phase::Away(failure));
            if began.elapsed() > STEADY {
                wait = FIRST_WAIT;
            }
            let pause = wait.mul_f64(rand::rng().random_range(0.0..=1.0));
            wait = (wait * 2).min(LONGEST_WAIT);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Never returns but for a failure.
    async fn follow(&mut self) -> Result<std::convert::Infallible, Failure> {
        let patience = RESPONSE_TIMEOUT + Duration::from_millis(BLOCK_MILLIS);
        let mut connection = self.address.connect(patience).await?;
        self.agree(&mut connection, false).await?;
        self.tail.note(None, self.clock.now());
        loop {
            match self.look(&mut connection).await? {
                Found::Entries { entries, head } => {
                    self.fold(entries).await?;
                    if self.archive.head().position.offset >= head {
                        self.is_following();
                    }
                }
                Found::UpToDate => {
                    self.is_following();
                    self.probe(&mut connection).await;
                }
                Found::Gap { until } => self.fetch(until).await?,
                Found::Other { diverged } => self.agree(&mut connection, diverged).await?,
            }
        }
    }

    fn is_following(&self) {
        self.phase.send_if_modified(|phase| {
            let changed = !matches!(phase, Phase::Following);
            *phase = Phase::Following;
            changed
        });
    }

    /// Reading works; when writing did not, it is tried until it does.
    async fn probe(&self, connection: &mut MultiplexedConnection) {
        if self.tail.state().borrow().away_since.is_some() && scripts::probe(connection).await.is_ok() {
            self.tail.note(None, self.clock.now());
        }
    }

    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<Found, Failure> {
        let own = self.archive.head();
        // Nobody is kept waiting at a start: what is there is read before new entries are waited for.
        let block = if matches!(*self.phase.borrow(), Phase::Following) { BLOCK_MILLIS } else { 1 };
        let mut raw =
            scripts::read(connection, own.position.offset, CHUNK, block).await.map_err(|e| self.address.explain(&e))?;
        // Read after the entries: an epoch that is still ours was ours when they were read.
        let remote = scripts::head(connection).await.map_err(|e| self.address.explain(&e))?;
        let Some(head) = remote.map(|remote| remote.head) else { return Ok(Found::Other { diverged: false }) };
        if head.position.epoch != own.position.epoch || head.position.offset < own.position.offset {
            return Ok(Found::Other { diverged: false });
        }
        if head.position.offset == own.position.offset {
            let same = head.hash == own.hash;
            return Ok(if same { Found::UpToDate } else { Found::Other { diverged: true } });
        }
        if raw.is_empty() {
            raw = scripts::range(connection, own.position.offset, CHUNK).await.map_err(|e| self.address.explain(&e))?;
        }
        raw.retain(|entry| entry.offset <= head.position.offset);
        match raw.first().map(|entry| entry.offset) {
            None => Ok(Found::Gap { until: head.position.offset }),
            Some(first) if first > own.position.offset + 1 => Ok(Found::Gap { until: first - 1 }),
            Some(_) => match check(own.hash, own.position.offset, raw)? {
                Some(entries) => Ok(Found::Entries { entries, head: head.position.offset }),
                None => Ok(Found::Other { diverged: true }),
            },
        }
    }

    /// Archives and folds entries that follow.
    async fn fold(&self, entries: Vec<Written>) -> Result<(), Failure> {
        self.archive.archive(entries.clone()).await?;
        Ok(self.tail.advance(&entries).await?)
    }

    /// Takes entries up to `until` from the archive of another server.
    async fn fetch(&self, until: u64) -> Result<(), Failure> {
        let mut own = self.archive.head();
        tracing::info!(from = own.position.offset + 1, until, "taking entries from the archive of another server");
        while own.position.offset < until {
            let raw = self.peers.entries(own.position.epoch, own.position.offset, CHUNK).await?;
            let Some(entries) = check(own.hash, own.position.offset, raw)?.filter(|entries| !entries.is_empty()) else {
                return Err(Failure::Away("the archive of the other server does not continue this one".to_owned()));
            };
            self.fold(entries).await?;
            own = self.archive.head();
        }
        Ok(())
    }
}

/// Entries whose hashes continue the chain; `None` when the first does not.
fn check(mut hash: crate::log::Hash, after: u64, raw: Vec<Raw>) -> Result<Option<Vec<Written>>, LogError> {
    let mut entries = Vec::with_capacity(raw.len());
    for (offset, raw) in (after + 1..).zip(raw) {
        hash = hash.chain(offset, &raw.body);
        if raw.offset != offset || raw.hash != hash {
            break;
        }
        let event = rmp_serde::from_slice(&raw.body)
            .map_err(|error| LogError::Unreadable { offset, reason: error.to_string() });
        match event {
            Ok(event) => {
                let entry = Entry { offset, hash, recorded_at: raw.recorded_at, event };
                entries.push(Written { entry: Arc::new(entry), body: raw.body });
            }
            Err(error) if entries.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok((!entries.is_empty()).then_some(entries))
}
