//! The one log: what happened, in order, each entry at its offset.
//!
//! An entry is durable before anyone is told of it. Everything else (history, channels, other servers)
//! reads the log and remembers the offset it has reached.

pub mod local;
mod packing;
mod recent;
mod recorded;
pub mod recorder;
pub mod redis;
pub mod screening;
pub mod tail;

use std::fmt;

use protocol::{Event, StreamPosition, Timestamp};

/// The chain of hashes: each entry's covers its predecessor's and its own bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of an entry with `body` behind one with this hash.
    #[must_use]
    pub fn chain(self, offset: u64, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&offset.to_be_bytes()).update(body);
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// The newest entry of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub position: StreamPosition,
    pub hash: Hash,
}

/// One thing that happened, at its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub offset: u64,
    pub hash: Hash,
    pub recorded_at: Timestamp,
    pub event: Event,
}

/// An entry before it has a place: the event and its encoded body.
#[derive(Debug, Clone)]
pub struct Draft {
    pub event: Event,
    /// `rmp_serde::to_vec_named` of the event.
    pub body: Vec<u8>,
}

/// Why the log did not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// It cannot be written now; nothing was kept.
    #[error("the log cannot be written: {reason}")]
    Away { reason: String },
    /// Another writer was faster: the head is not where it was thought to be. Nothing was kept.
    #[error("the log has moved on to entry {}", head.position.offset)]
    Moved { head: Head },
    /// The connection broke before the log answered.
    #[error("whether it was recorded is not known: {reason}")]
    Unknown { reason: String },
    /// Entries do not follow the head.
    #[error("entry {offset} does not follow the log, which ends before {expected}")]
    Diverged { offset: u64, expected: u64 },
    /// An entry that this version cannot read.
    #[error("entry {offset} of the log cannot be read ({reason}); it may be from another version of this server")]
    Unreadable { offset: u64, reason: String },
    #[error("the data folder: {0}")]
    Database(#[from] std::sync::Arc<crate::store::database::DatabaseError>),
    #[error("the server is stopping")]
    Stopped,
}

impl From<rusqlite::Error> for LogError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(std::sync::Arc::new(error.into()))
    }
}

impl From<crate::store::database::DatabaseError> for LogError {
    fn from(error: crate::store::database::DatabaseError) -> Self {
        Self::Database(std::sync::Arc::new(error))
    }
}

/// Where entries become durable.
#[derive(Clone)]
pub enum Backend {
    /// In the data folder of this server, the only one.
    Local,
    /// In Redis, for several servers.
    Redis(Box<redis::RedisLog>),
}
