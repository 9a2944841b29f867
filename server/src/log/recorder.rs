//! The one writer: batches and commands become events, a group at a time.

use std::sync::Arc;
use std::time::Instant;

use protocol::event::{ObservationRow, ObservationsRecorded, RefusedRow};
use protocol::{Command, Event, SourceId, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::local::{LocalLog, Written, idempotency_key};
use super::tail::Tail;
use super::{Draft, LogError};
use crate::centre::Refusal;
use crate::clock::Clock;

/// Requests that may wait for the writer.
const QUEUE: usize = 1024;
/// Most requests, and most bytes, of one group.
const GROUP_REQUESTS: usize = 512;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Observations from one source, already checked row by row.
#[derive(Debug, Clone)]
pub struct Batch {
    pub source: SourceId,
    pub rows: Vec<ObservationRow>,
    /// Rows of the same delivery that were refused before.
    pub refused: Vec<RefusedRow>,
    /// The same key of the same source gets the first answer for 72 h.
    pub idempotency_key: Option<String>,
}

/// The answer to a batch: durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub offset: u64,
    pub accepted: u64,
    pub refused: Vec<RefusedRow>,
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
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl From<LogError> for RecordError {
    fn from(error: LogError) -> Self {
        Self::Unavailable { reason: error.to_string() }
    }
}

enum Request {
    Record { draft: Draft, key: Option<String>, reply: oneshot::Sender<Result<Recorded, RecordError>> },
    Command { command: Command, reply: oneshot::Sender<Result<Decided, RecordError>> },
    Revise { event: Box<Event>, reply: oneshot::Sender<Result<Decided, RecordError>> },
}

/// A handle to the writer. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    requests: mpsc::Sender<Request>,
    tail: Arc<Tail>,
    clock: Clock,
}

impl Recorder {
    /// Starts the writer over a log.
    #[must_use]
    pub fn start(log: LocalLog, tail: Arc<Tail>, clock: Clock) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let writer = Writer { log, tail: Arc::clone(&tail), clock: clock.clone() };
        tokio::spawn(writer.run(queue));
        Self { requests, tail, clock }
    }

    /// Makes a batch durable.
    ///
    /// # Errors
    /// When the log cannot be written; nothing of the batch is kept then.
    pub async fn record(&self, batch: Batch) -> Result<Recorded, RecordError> {
        let Batch { source, rows, refused, idempotency_key: key } = batch;
        if rows.is_empty() && key.is_none() {
            let offset = self.tail.head().borrow().position.offset;
            return Ok(Recorded { offset, accepted: 0, refused, repeated: false });
        }
        let kept = if key.is_some() { refused.clone() } else { Vec::new() };
        let recorded =
            ObservationsRecorded { source, received_at: self.clock.now(), rows, idempotency_key: key, refused: kept };
        let event = Event::ObservationsRecorded(recorded);
        let draft = encode(event)?;
        let key = idempotency_key(&draft.event);
        let mut answer = self.ask(|reply| Request::Record { draft, key, reply }).await?;
        if !answer.repeated {
            answer.refused = refused;
        }
        Ok(answer)
    }

    /// Carries out a command.
    ///
    /// # Errors
    /// When it is refused or the log cannot be written.
    pub async fn command(&self, command: Command) -> Result<Decided, RecordError> {
        self.ask(|reply| Request::Command { command, reply }).await
    }

    /// Records a new revision of the configuration.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn revise(&self, event: Event) -> Result<Decided, RecordError> {
        self.ask(|reply| Request::Revise { event: Box::new(event), reply }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, RecordError>>) -> Request,
    ) -> Result<T, RecordError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| LogError::Stopped)?;
        answer.await.map_err(|_| LogError::Stopped)?
    }
}

fn encode(event: Event) -> Result<Draft, LogError> {
    let body = rmp_serde::to_vec_named(&event)
        .map_err(|error| LogError::Away { reason: format!("the event cannot be encoded: {error}") })?;
    Ok(Draft { event, body })
}

/// What to tell whom once a group is durable. `first` is the place of its first draft in the group.
enum Answer {
    Record { accepted: u64, place: usize, reply: oneshot::Sender<Result<Recorded, RecordError>> },
    Repeat { place: usize, reply: oneshot::Sender<Result<Recorded, RecordError>> },
    Decided { events: Vec<Event>, place: usize, reply: oneshot::Sender<Result<Decided, RecordError>> },
}

struct Writer {
    log: LocalLog,
    tail: Arc<Tail>,
    clock: Clock,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.recv().await {
            let mut group = vec![first];
            let mut bytes = group[0].bytes();
            while group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
                let Ok(request) = queue.try_recv() else { break };
                bytes += request.bytes();
                group.push(request);
            }
            self.write(group).await;
        }
    }

    async fn write(&self, group: Vec<Request>) {
        let now = self.clock.now();
        let (drafts, answers) = self.decide(group, now).await;
        let started = Instant::now();
        let result = if drafts.is_empty() { Ok(Vec::new()) } else { self.log.append(drafts, now).await };
        match result {
            Ok(written) => {
                metrics::histogram!("ioc_append_seconds").record(started.elapsed().as_secs_f64());
                if !written.is_empty() {
                    self.tail.note(None, now);
                }
                // Folded before the answer, so that who is answered reads what it wrote.
                if let Err(error) = self.tail.advance(&written).await {
                    tracing::debug!(%error, "entries were not folded");
                }
                answer(answers, &written);
            }
            Err(error) => {
                self.tail.note(Some(&error.to_string()), now);
                refuse(answers, &error.into());
            }
        }
    }

    /// Turns requests into drafts, each command decided on what the ones before it lead to.
    async fn decide(&self, group: Vec<Request>, now: Timestamp) -> (Vec<Draft>, Vec<Answer>) {
        let mut centre = self.tail.centre().borrow().clone();
        let mut next = self.tail.head().borrow().position.offset + 1;
        let (mut drafts, mut answers) = (Vec::<Draft>::new(), Vec::new());
        for request in group {
            match request {
                Request::Record { draft, key, reply } => match self.earlier(key, &drafts).await {
                    Ok(None) => {
                        let accepted = accepted(&draft.event);
                        answers.push(Answer::Record { accepted, place: drafts.len(), reply });
                        drafts.push(draft);
                        next += 1;
                    }
                    Ok(Some(Earlier::InGroup(place))) => answers.push(Answer::Repeat { place, reply }),
                    Ok(Some(Earlier::InLog(recorded))) => drop(reply.send(Ok(recorded))),
                    Err(error) => drop(reply.send(Err(error.into()))),
                },
                Request::Command { command, reply } => match centre.decide(&command, now) {
                    Ok(events) => {
                        let place = drafts.len();
                        match events.iter().cloned().map(encode).collect::<Result<Vec<_>, _>>() {
                            Ok(encoded) => {
                                for draft in encoded {
                                    Arc::make_mut(&mut centre).apply(next, &draft.event);
                                    next += 1;
                                    drafts.push(draft);
                                }
                                answers.push(Answer::Decided { events, place, reply });
                            }
                            Err(error) => drop(reply.send(Err(error.into()))),
                        }
                    }
                    Err(refusal) => drop(reply.send(Err(refusal.into()))),
                },
                Request::Revise { event, reply } => match encode(*event) {
                    Ok(draft) => {
                        Arc::make_mut(&mut centre).apply(next, &draft.event);
                        answers.push(Answer::Decided { events: vec![draft.event.clone()], place: drafts.len(), reply });
                        next += 1;
                        drafts.push(draft);
                    }
                    Err(error) => drop(reply.send(Err(error.into()))),
                },
            }
        }
        (drafts, answers)
    }

    async fn earlier(&self, key: Option<String>, drafts: &[Draft]) -> Result<Option<Earlier>, LogError> {
        let Some(key) = key else { return Ok(None) };
        if let Some(place) = drafts.iter().position(|draft| idempotency_key(&draft.event).as_ref() == Some(&key)) {
            return Ok(Some(Earlier::InGroup(place)));
        }
        let log = self.log.clone();
        let found = tokio::task::spawn_blocking(move || log.by_key(&key)).await.map_err(|_| LogError::Stopped)??;
        Ok(found.map(|written| Earlier::InLog(repeat(written.entry.offset, &written.entry.event))))
    }
}

/// Where a batch with the same key is.
enum Earlier {
    InGroup(usize),
    InLog(Recorded),
}

fn accepted(event: &Event) -> u64 {
    match event {
        Event::ObservationsRecorded(recorded) => recorded.rows.len() as u64,
        _ => 0,
    }
}

fn repeat(offset: u64, event: &Event) -> Recorded {
    let refused = match event {
        Event::ObservationsRecorded(recorded) => recorded.refused.clone(),
        _ => Vec::new(),
    };
    Recorded { offset, accepted: accepted(event), refused, repeated: true }
}

/// A caller that no longer waits is no error: its batch is durable all the same.
fn answer(answers: Vec<Answer>, written: &[Written]) {
    let offset_at = |place: usize| written.get(place).map_or(0, |written| written.entry.offset);
    for answer in answers {
        match answer {
            Answer::Record { accepted, place, reply } => {
                drop(reply.send(Ok(Recorded {
                    offset: offset_at(place),
                    accepted,
                    refused: Vec::new(),
                    repeated: false,
                })));
            }
            Answer::Repeat { place, reply } => {
                if let Some(written) = written.get(place) {
                    drop(reply.send(Ok(repeat(written.entry.offset, &written.entry.event))));
                }
            }
            Answer::Decided { events, place, reply } => {
                let offset = offset_at(place + events.len().saturating_sub(1));
                drop(reply.send(Ok(Decided { offset, events })));
            }
        }
    }
}

fn refuse(answers: Vec<Answer>, error: &RecordError) {
    for answer in answers {
        match answer {
            Answer::Record { reply, .. } | Answer::Repeat { reply, .. } => drop(reply.send(Err(error.clone()))),
            Answer::Decided { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Self::Record { draft, .. } => draft.body.len(),
            Self::Command { .. } | Self::Revise { .. } => 1024,
        }
    }
}
