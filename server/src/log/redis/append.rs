//! Appending: one script that compares the head and adds a batch, and finding out what became of it.

use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::connection::{Address, is_broken};
use super::{Failure, RESPONSE_TIMEOUT, scripts};
use crate::log::local::Written;
use crate::log::{Draft, Entry, Head, LogError};

/// How long it is asked again what became of a batch whose answer was lost.
const PATIENCE: Duration = Duration::from_secs(4);
const RETRY: Duration = Duration::from_millis(50);

/// Why a batch was not appended; the drafts come back.
#[derive(Debug)]
pub struct Unappended {
    pub error: LogError,
    pub drafts: Vec<Draft>,
}

/// The writer's own connection to the log.
#[derive(Debug)]
pub struct Appender {
    address: Address,
    connection: Option<MultiplexedConnection>,
}

impl Appender {
    pub(super) fn new(address: Address) -> Self {
        Self { address, connection: None }
    }

    /// Appends drafts behind `expected`; on the disk of Redis when it returns.
    ///
    /// # Errors
    /// [`LogError::Away`] and [`LogError::Moved`] when nothing was kept, [`LogError::Unknown`] when that is
    /// not known.
    pub async fn append(
        &mut self,
        expected: Head,
        drafts: Vec<Draft>,
        recorded_at: Timestamp,
    ) -> Result<Vec<Written>, Unappended> {
        let written = place(expected, drafts, recorded_at);
        match self.settle(expected, &written, recorded_at).await {
            Ok(()) => Ok(written),
            Err(error) => Err(Unappended { error, drafts: take_back(written) }),
        }
    }

    /// Sends the same append until its fate is known. That cannot double it: it fails once the head has moved.
    async fn settle(&mut self, expected: Head, written: &[Written], recorded_at: Timestamp) -> Result<(), LogError> {
        let began = Instant::now();
        let mut sent = false;
        loop {
            let failure = match self.attempt(expected, written, recorded_at, sent).await {
                Ok(outcome) => return outcome,
                Err(Attempt::Unsent(failure)) if !sent => return Err(failure.into()),
                Err(Attempt::Unsent(failure)) => failure,
                Err(Attempt::Broken(error)) => {
                    (sent, self.connection) = (true, None);
                    self.address.explain(&error)
                }
            };
            if began.elapsed() >= PATIENCE {
                return Err(LogError::Unknown { reason: failure.to_string() });
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn attempt(
        &mut self,
        expected: Head,
        written: &[Written],
        recorded_at: Timestamp,
        sent_before: bool,
    ) -> Result<Result<(), LogError>, Attempt> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.address.connect(RESPONSE_TIMEOUT).await.map_err(Attempt::Unsent)?),
        };
        match scripts::append(connection, expected, written, recorded_at).await {
            Ok(scripts::Appended::Done) => Ok(Ok(())),
            Ok(scripts::Appended::Moved(head)) => {
                let stands = sent_before && stands(connection, written).await.map_err(Attempt::Broken)?;
                Ok(if stands { Ok(()) } else { Err(LogError::Moved { head }) })
            }
            Ok(scripts::Appended::Gone) => {
                Ok(Err(LogError::Away { reason: "Redis has no log any more; it is made anew".to_owned() }))
            }
            Err(error) if is_broken(&error) => Err(Attempt::Broken(error)),
            Err(error) => Err(Attempt::Unsent(self.address.explain(&error))),
        }
    }
}

/// Why an attempt did not tell the fate of a batch.
enum Attempt {
    /// It was not made, or refused whole.
    Unsent(Failure),
    Broken(RedisError),
}

/// Whether an earlier attempt was carried out after all.
async fn stands(connection: &mut MultiplexedConnection, written: &[Written]) -> Result<bool, RedisError> {
    let Some(last) = written.last().map(|written| &written.entry) else { return Ok(true) };
    Ok(scripts::hash_at(connection, last.offset).await? == Some(last.hash))
}

fn place(Head { position, mut hash }: Head, drafts: Vec<Draft>, recorded_at: Timestamp) -> Vec<Written> {
    let offsets = position.offset + 1..;
    let placed = offsets.zip(drafts).map(|(offset, Draft { event, body })| {
        hash = hash.chain(offset, &body);
        Written { entry: Arc::new(Entry { offset, hash, recorded_at, event }), body }
    });
    placed.collect()
}

fn take_back(written: Vec<Written>) -> Vec<Draft> {
    let drafts = written.into_iter().map(|Written { entry, body }| {
        let event = Arc::try_unwrap(entry).map_or_else(|shared| shared.event.clone(), |entry| entry.event);
        Draft { event, body }
    });
    drafts.collect()
}
