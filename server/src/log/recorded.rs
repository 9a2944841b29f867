//! What is given to the recorder, and what it answers.

use protocol::event::{RefusedRow, Rows};
use protocol::{Event, SourceId};

use super::LogError;
use crate::centre::Refusal;

/// Observations from one source, already checked row by row.
#[derive(Debug, Clone)]
pub struct Batch {
    pub source: SourceId,
    pub rows: Rows,
    /// Rows of the same delivery that were refused before.
    pub refused: Vec<RefusedRow>,
    /// How many were, with those that are not listed.
    pub refused_count: u64,
    /// The same key of the same source gets the first answer for 72 h.
    pub idempotency_key: Option<String>,
}

/// The answer to a batch: durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub offset: u64,
    pub accepted: u64,
    pub refused: Vec<RefusedRow>,
    /// Which rows were taken as suspect and why, at most 20.
    pub suspect: Vec<String>,
    /// Whether this is the first answer given again.
    pub repeated: bool,
}

/// The answer to a command: durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub offset: u64,
    pub events: Vec<Event>,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// The log cannot be written now; the same request may succeed later.
    #[error("{reason}")]
    Unavailable { reason: String },
    /// The log did not answer: it may have been recorded or not.
    #[error("whether it was recorded is not known: {reason}")]
    Unknown { reason: String },
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl From<LogError> for RecordError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unknown { reason } => Self::Unknown { reason },
            error => Self::Unavailable { reason: error.to_string() },
        }
    }
}
