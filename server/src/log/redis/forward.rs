//! Writes on a server that does not write: they go to the one that does.

use std::time::Duration;

use bytes::Bytes;
use protocol::event::RefusedRow;
use protocol::person::Asking;
use protocol::{Command, Event};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{RedisLog, Writer};
use crate::centre::Refusal;
use crate::log::recorder::{Decided, RecordError, Recorded};

/// How long a change of the writer may take: longer than the lease.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(100);

/// A write, as it travels between servers of one centre (and only there).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Forwarded {
    /// The encoded event; it carries an idempotency key.
    Record {
        body: Bytes,
    },
    Command(Asking, Command),
}

/// What the writer made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    Recorded {
        offset: u64,
        accepted: u64,
        refused: Vec<RefusedRow>,
        repeated: bool,
    },
    Decided {
        offset: u64,
        events: Vec<Event>,
    },
    Refused(Refusal),
    Unavailable {
        reason: String,
    },
    Unknown {
        reason: String,
    },
    /// The lease has gone to another server.
    NotWriter,
}

/// How one attempt went.
enum Attempt {
    Answered(Answer),
    /// It did not reach a writer.
    Unsent(String),
    /// It may have.
    Broken(String),
}

impl RedisLog {
    /// Lets the writer record; `None` when that is this server by now.
    ///
    /// # Errors
    /// When there is no writer, or its answer was lost.
    pub(in crate::log) async fn forward(&self, request: &Forwarded) -> Result<Option<Answer>, RecordError> {
        let began = Instant::now();
        let mut writer = self.writer();
        let body = rmp_serde::to_vec_named(request)
            .map_err(|error| RecordError::Unavailable { reason: format!("the request cannot be encoded: {error}") })?;
        let mut lost = None;
        loop {
            let now = writer.borrow_and_update().clone();
            let problem = match (self.away(), now) {
                (Some(reason), _) => return Err(give_up(lost, format!("the log cannot be written: {reason}"))),
                (None, Writer::This) if lost.is_none() || is_repeatable(request) => return Ok(None),
                (None, Writer::This) => return Err(give_up(lost, String::new())),
                (None, Writer::Nobody) => "no server holds the lease to write".to_owned(),
                (None, Writer::Other(url)) => match self.send(&url, body.clone()).await {
                    Attempt::Answered(Answer::NotWriter) => format!("{url} no longer writes"),
                    Attempt::Answered(answer) => {
                        self.reach(&answer).await;
                        return Ok(Some(answer));
                    }
                    Attempt::Unsent(problem) => problem,
                    Attempt::Broken(problem) if is_repeatable(request) => {
                        lost = Some(problem.clone());
                        problem
                    }
                    Attempt::Broken(problem) => return Err(give_up(Some(problem), String::new())),
                },
            };
            if began.elapsed() >= PATIENCE {
                return Err(give_up(lost, format!("the log has no writer that can be reached: {problem}")));
            }
            // A closed channel means that the server stops; the patience above ends this.
            drop(tokio::time::timeout(RETRY, writer.changed()).await);
        }
    }

    async fn send(&self, url: &str, body: Vec<u8>) -> Attempt {
        let response = match self.peers.post(url, "/internal/v1/record", body).await {
            Ok(response) => response,
            // A status is the answer of a server that did not take the request.
            Err(error) if error.is_connect() || error.is_status() => return Attempt::Unsent(format!("{url}: {error}")),
            Err(error) => return Attempt::Broken(format!("{url}: {error}")),
        };
        match response.bytes().await {
            Ok(bytes) => match rmp_serde::from_slice(&bytes) {
                Ok(answer) => Attempt::Answered(answer),
                Err(error) => Attempt::Broken(format!("the answer of {url} cannot be read: {error}")),
            },
            Err(error) => Attempt::Broken(format!("{url}: {error}")),
        }
    }

    /// Who is answered here reads here what it wrote.
    async fn reach(&self, answer: &Answer) {
        if let Answer::Recorded { offset, .. } | Answer::Decided { offset, .. } = answer {
            let epoch = self.tail.head().borrow().position.epoch;
            self.tail.reach(protocol::StreamPosition { epoch, offset: *offset }, PATIENCE).await;
        }
    }

    /// Why the log cannot be written, if it cannot.
    pub(in crate::log) fn away(&self) -> Option<String> {
        let state = self.tail.state().borrow().clone();
        state.away_since.and(state.reason)
    }
}

/// Whether a second attempt is recognised as such: batches carry a key, commands do not.
fn is_repeatable(request: &Forwarded) -> bool {
    matches!(request, Forwarded::Record { .. })
}

fn give_up(lost: Option<String>, reason: String) -> RecordError {
    match lost {
        Some(reason) => RecordError::Unknown { reason },
        None => RecordError::Unavailable { reason },
    }
}

impl From<Result<Recorded, RecordError>> for Answer {
    fn from(result: Result<Recorded, RecordError>) -> Self {
        match result {
            Ok(Recorded { offset, accepted, refused, suspect: _, repeated }) => {
                Self::Recorded { offset, accepted, refused, repeated }
            }
            Err(error) => error.into(),
        }
    }
}

impl From<Result<Decided, RecordError>> for Answer {
    fn from(result: Result<Decided, RecordError>) -> Self {
        match result {
            Ok(Decided { offset, events }) => Self::Decided { offset, events },
            Err(error) => error.into(),
        }
    }
}

impl From<RecordError> for Answer {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Refused(refusal) => Self::Refused(refusal),
            RecordError::Unavailable { reason } => Self::Unavailable { reason },
            RecordError::Unknown { reason } => Self::Unknown { reason },
        }
    }
}

impl Answer {
    pub(in crate::log) fn recorded(self) -> Result<Recorded, RecordError> {
        match self {
            Self::Recorded { offset, accepted, refused, repeated } => {
                Ok(Recorded { offset, accepted, refused, suspect: Vec::new(), repeated })
            }
            other => Err(other.error()),
        }
    }

    pub(in crate::log) fn decided(self) -> Result<Decided, RecordError> {
        match self {
            Self::Decided { offset, events } => Ok(Decided { offset, events }),
            other => Err(other.error()),
        }
    }

    fn error(self) -> RecordError {
        match self {
            Self::Refused(refusal) => refusal.into(),
            Self::Unavailable { reason } => RecordError::Unavailable { reason },
            Self::Unknown { reason } => RecordError::Unknown { reason },
            Self::NotWriter => RecordError::Unavailable { reason: "the writer of the log has changed".to_owned() },
            Self::Recorded { .. } | Self::Decided { .. } => {
                RecordError::Unknown { reason: "the writer answered something else than was asked".to_owned() }
            }
        }
    }
}
