//! The one writer: batches and commands become events, a group at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::event::{Acted, ObservationsRecorded, RecordsReported, Rows};
use protocol::person::Asking;
use protocol::{Command, Event, SourceId, StreamPosition, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::local::{LocalLog, Written, idempotency_key};
pub use super::recorded::{Batch, Decided, RecordError, Recorded};
use super::redis::{Answer, Appender, Forwarded, RedisLog, Unappended};
use super::screening::{Screened, Screening};
use super::tail::Tail;
use super::{Backend, Draft, Head, LogError};
use crate::centre::Centre;
use crate::clock::Clock;

/// Requests that may wait for the writer.
const QUEUE: usize = 1024;
/// Most requests, and most bytes, of one group.
const GROUP_REQUESTS: usize = 512;
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// How often a disk is tried that took nothing.
const PROBE: Duration = Duration::from_secs(1);
/// How long a group follows a log that others write, and waits to be folded.
const PATIENCE: Duration = Duration::from_secs(5);

enum Request {
    /// The draft is lent to an append, and comes back when that has to be made again.
    Record {
        draft: Option<Draft>,
        key: Option<String>,
        reply: oneshot::Sender<Result<Recorded, RecordError>>,
    },
    Command {
        asking: Asking,
        command: Command,
        reply: oneshot::Sender<Result<Decided, RecordError>>,
    },
    Tell {
        event: Box<Event>,
        reply: oneshot::Sender<Result<Decided, RecordError>>,
    },
}

/// A handle to the writer. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    requests: mpsc::Sender<Request>,
    backend: Backend,
    tail: Arc<Tail>,
    clock: Clock,
    screening: Option<Screening>,
    /// Deliveries so far.
    deliveries: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the writer over a log; `log` is the archive when the log itself is elsewhere.
    #[must_use]
    pub fn start(log: LocalLog, backend: Backend, tail: Arc<Tail>, clock: Clock) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let appending = match &backend {
            Backend::Local => Appending::Local,
            Backend::Redis(redis) => Appending::Redis(Box::new(redis.appender())),
        };
        let writer = Writer { log, appending, tail: Arc::clone(&tail), clock: clock.clone(), failed_bytes: None };
        tokio::spawn(writer.run(queue));
        Self { requests, backend, tail, clock, screening: None, deliveries: Arc::default() }
    }

    /// Judges what comes in from now on by what came before it.
    #[must_use]
    pub fn screened(self, screening: Screening) -> Self {
        Self { screening: Some(screening), ..self }
    }

    /// Makes a batch durable.
    ///
    /// # Errors
    /// When the log cannot be written; nothing of the batch is kept then, unless it is [`RecordError::Unknown`].
    pub async fn record(&self, batch: Batch) -> Result<Recorded, RecordError> {
        let Batch { source, rows, refused, refused_count, idempotency_key } = batch;
        if rows.is_empty() && refused_count == 0 && idempotency_key.is_none() {
            let offset = self.tail.head().borrow().position.offset;
            return Ok(Recorded { offset, accepted: 0, refused, suspect: Vec::new(), repeated: false });
        }
        let (rows, suspect) = self.screen(&source, rows).await?;
        let is_keyed = idempotency_key.is_some();
        let key = self.key(idempotency_key);
        let kept = if key.is_some() { refused.clone() } else { Vec::new() };
        let received_at = self.clock.now();
        let recorded =
            ObservationsRecorded { source, received_at, rows, idempotency_key: key, refused_count, refused: kept };
        let mut answer = self.submit_judged(Event::ObservationsRecorded(recorded)).await?;
        answer.repeated &= is_keyed;
        if !answer.repeated {
            (answer.refused, answer.suspect) = (refused, suspect);
        }
        Ok(answer)
    }

    /// Marks what is not plausible after what came before, and records what turned out to be right after all.
    async fn screen(&self, source: &SourceId, rows: Rows) -> Result<(Rows, Vec<String>), RecordError> {
        let Some(screening) = &self.screening else { return Ok((rows, Vec::new())) };
        let screened = screening.judge(rows).await?;
        let suspect = screened.reasons();
        let Screened { rows, confirmed, .. } = screened;
        if !confirmed.is_empty() {
            let (source, received_at) = (source.clone(), self.clock.now());
            let (idempotency_key, refused_count, refused) = (self.key(None), 0, Vec::new());
            let rows = confirmed.into_iter().collect();
            let confirmed = ObservationsRecorded { source, received_at, rows, idempotency_key, refused_count, refused };
            self.submit_judged(Event::ObservationsRecorded(confirmed)).await?;
        }
        Ok((rows, suspect))
    }

    /// Notes that somebody delivers, for those who make way for them.
    pub fn note_delivery(&self) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
    }

    /// How many deliveries were noted since this server began.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Makes records durable that another system keeps.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn report(&self, mut reported: RecordsReported) -> Result<Recorded, RecordError> {
        let is_keyed = reported.idempotency_key.is_some();
        reported.idempotency_key = self.key(reported.idempotency_key);
        let mut answer = self.submit(Event::RecordsReported(reported)).await?;
        answer.repeated &= is_keyed;
        Ok(answer)
    }

    /// Records what was judged by what came before; what was not recorded is forgotten again.
    async fn submit_judged(&self, event: Event) -> Result<Recorded, RecordError> {
        let answer = self.submit(event).await;
        if let (Err(_), Some(screening)) = (&answer, &self.screening) {
            screening.forget();
        }
        answer
    }

    /// What goes to another server may have to be sent again.
    fn key(&self, given: Option<String>) -> Option<String> {
        given.or_else(|| self.elsewhere().is_some().then(|| format!("{:032x}", rand::random::<u128>())))
    }

    /// Records an event that may carry a key, here or where the log is written.
    async fn submit(&self, event: Event) -> Result<Recorded, RecordError> {
        let draft = encode(event)?;
        let forwarded = match self.elsewhere() {
            Some(redis) => redis.forward(&Forwarded::Record { body: draft.body.clone().into() }).await?,
            None => None,
        };
        match forwarded {
            Some(answer) => answer.recorded(),
            None => self.record_here(draft).await,
        }
    }

    /// Carries out a command, and notes who had it carried out.
    ///
    /// # Errors
    /// When it is refused or the log cannot be written.
    pub async fn command(&self, asking: Asking, command: Command) -> Result<Decided, RecordError> {
        if let Some(redis) = self.elsewhere()
            && let Some(answer) = redis.forward(&Forwarded::Command(asking.clone(), command.clone())).await?
        {
            return answer.decided();
        }
        self.ask(|reply| Request::Command { asking, command, reply }).await
    }

    /// Records what this server itself has to tell, as the writer.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn tell(&self, event: Event) -> Result<Decided, RecordError> {
        self.ask(|reply| Request::Tell { event: Box::new(event), reply }).await
    }

    /// Does what another server has forwarded; it is not forwarded again.
    pub async fn answer(&self, forwarded: Forwarded) -> Answer {
        if self.elsewhere().is_some() {
            return Answer::NotWriter;
        }
        match forwarded {
            Forwarded::Command(asking, command) => {
                self.ask(|reply| Request::Command { asking, command, reply }).await.into()
            }
            Forwarded::Record { body } => match rmp_serde::from_slice(&body) {
                Ok(event) => self.record_here(Draft { event, body: body.into() }).await.into(),
                Err(error) => Answer::Unavailable { reason: format!("the writer cannot read the event: {error}") },
            },
        }
    }

    /// The moment to look back to, at most now: nothing more is recorded at or before it.
    pub async fn settled(&self, moment: Timestamp) -> Timestamp {
        let moment = moment.min(self.clock.now());
        self.tail.settled(moment).await;
        moment
    }

    /// The log that other servers share, if one does.
    #[must_use]
    pub fn shared_log(&self) -> Option<&RedisLog> {
        match &self.backend {
            Backend::Local => None,
            Backend::Redis(redis) => Some(redis),
        }
    }

    /// The log, when another server writes it.
    fn elsewhere(&self) -> Option<&RedisLog> {
        self.shared_log().filter(|redis| !redis.is_writer())
    }

    async fn record_here(&self, draft: Draft) -> Result<Recorded, RecordError> {
        let key = idempotency_key(&draft.event);
        self.ask(|reply| Request::Record { draft: Some(draft), key, reply }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, RecordError>>) -> Request,
    ) -> Result<T, RecordError> {
        if let Some(reason) = self.shared_log().and_then(RedisLog::away) {
            return Err(LogError::Away { reason }.into());
        }
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

/// What is to be told once a group is durable, request by request. `place` is where in the group a draft is.
enum Verdict {
    Record {
        accepted: u64,
        place: usize,
    },
    /// The same key as a draft of the group.
    Repeat {
        place: usize,
    },
    /// The same key as an entry of the log.
    Earlier(Recorded),
    Decided {
        events: Vec<Event>,
        place: usize,
    },
    Refused(RecordError),
}

/// How a group becomes durable.
enum Appending {
    Local,
    Redis(Box<Appender>),
}

struct Writer {
    /// The log, or the archive of the one in Redis.
    log: LocalLog,
    appending: Appending,
    tail: Arc<Tail>,
    clock: Clock,
    /// How much this disk did not take, while it does not.
    failed_bytes: Option<usize>,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = self.next(&mut queue).await {
            let mut group = vec![first];
            let mut bytes = group[0].bytes();
            while group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
                let Ok(request) = queue.try_recv() else { break };
                bytes += request.bytes();
                group.push(request);
            }
            self.write(group).await;
            self.tail.end_append();
        }
    }

    /// The next request. While the disk takes nothing it is tried now and then, so that everyone learns when it does.
    async fn next(&mut self, queue: &mut mpsc::Receiver<Request>) -> Option<Request> {
        while let Some(bytes) = self.failed_bytes {
            match tokio::time::timeout(PROBE, queue.recv()).await {
                Ok(request) => return request,
                Err(_) => match self.log.probe(bytes).await {
                    Ok(()) => {
                        self.failed_bytes = None;
                        self.tail.note(None, self.clock.now());
                    }
                    Err(error) => tracing::debug!(%error, "the log still cannot be written"),
                },
            }
        }
        queue.recv().await
    }

    /// Decides and appends a group, anew when another writer was faster.
    async fn write(&mut self, mut group: Vec<Request>) {
        let began = Instant::now();
        loop {
            let now = self.tail.begin_append(&self.clock);
            // The head before the centre: a centre that is ahead of it only makes the append fail.
            let head = *self.tail.head().borrow();
            let (drafts, verdicts) = self.decide(&mut group, head, now).await;
            match self.append(head, drafts, now).await {
                Ok(written) => return answer(group, verdicts, &written),
                Err(Unappended { error: LogError::Moved { head: moved }, drafts }) if began.elapsed() < PATIENCE => {
                    take_back(&mut group, &verdicts, drafts);
                    self.tail.reach_head(head, moved, PATIENCE).await;
                }
                Err(Unappended { error, .. }) => return refuse(group, verdicts, &error.into()),
            }
        }
    }

    /// Durable and folded when it returns, so that who is answered reads what it wrote.
    async fn append(&mut self, head: Head, drafts: Vec<Draft>, now: Timestamp) -> Result<Vec<Written>, Unappended> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        let appended = match &mut self.appending {
            Appending::Local => {
                let bytes = drafts.iter().map(|draft| draft.body.len()).sum();
                let appended = self.log.append(drafts, now).await;
                self.failed_bytes = appended.is_err().then_some(bytes);
                appended.map_err(|error| Unappended { error, drafts: Vec::new() })
            }
            Appending::Redis(appender) => appender.append(head, drafts, now).await,
        };
        match &appended {
            Ok(written) => {
                metrics::histogram!("ioc_append_seconds").record(started.elapsed().as_secs_f64());
                self.tail.note(None, now);
                self.fold(head.position.epoch, written).await;
            }
            Err(Unappended { error: LogError::Moved { .. } | LogError::Unknown { .. }, .. }) => {}
            Err(Unappended { error, .. }) => self.tail.note(Some(&error.to_string()), now),
        }
        appended
    }

    /// With Redis the entries come back as the stream is followed.
    async fn fold(&self, epoch: u64, written: &[Written]) {
        match self.appending {
            Appending::Local => {
                if let Err(error) = self.tail.advance(written).await {
                    tracing::debug!(%error, "entries were not folded");
                }
            }
            Appending::Redis(_) => {
                let offset = written.last().map_or(0, |written| written.entry.offset);
                self.tail.reach(StreamPosition { epoch, offset }, PATIENCE).await;
            }
        }
    }

    /// Turns requests into drafts, each command decided on what the ones before it lead to.
    async fn decide(&self, group: &mut [Request], head: Head, now: Timestamp) -> (Vec<Draft>, Vec<Verdict>) {
        let mut centre = self.tail.centre().borrow().clone();
        let (mut drafts, mut verdicts) = (Vec::<Draft>::new(), Vec::with_capacity(group.len()));
        let mut places = HashMap::new();
        for request in group {
            let before = drafts.len();
            let verdict = match request {
                Request::Record { draft, key, .. } => {
                    self.decide_record(draft, key.as_deref(), &mut drafts, &mut places).await
                }
                Request::Command { asking, command, .. } => {
                    decide_command(&centre, (asking, command), now, &mut drafts)
                }
                Request::Tell { event, .. } => decided(vec![(**event).clone()], &mut drafts),
            };
            if matches!(verdict, Verdict::Decided { .. }) {
                let next = head.position.offset + 1 + before as u64;
                for (offset, draft) in (next..).zip(&drafts[before..]) {
                    Arc::make_mut(&mut centre).apply(offset, &draft.event);
                }
            }
            verdicts.push(verdict);
        }
        (drafts, verdicts)
    }

    /// `places` tells where in `drafts` each key of the group is.
    async fn decide_record(
        &self,
        draft: &mut Option<Draft>,
        key: Option<&str>,
        drafts: &mut Vec<Draft>,
        places: &mut HashMap<String, usize>,
    ) -> Verdict {
        match self.earlier(key, places).await {
            Ok(Some(earlier)) => earlier,
            Ok(None) => {
                let place = drafts.len();
                places.extend(key.map(|key| (key.to_owned(), place)));
                drafts.extend(draft.take());
                Verdict::Record { accepted: drafts.last().map_or(0, |draft| accepted(&draft.event)), place }
            }
            Err(error) => Verdict::Refused(error.into()),
        }
    }

    /// What became of an earlier batch with the same key.
    async fn earlier(&self, key: Option<&str>, places: &HashMap<String, usize>) -> Result<Option<Verdict>, LogError> {
        let Some(key) = key else { return Ok(None) };
        if let Some(place) = places.get(key) {
            return Ok(Some(Verdict::Repeat { place: *place }));
        }
        let (log, key) = (self.log.clone(), key.to_owned());
        let found = tokio::task::spawn_blocking(move || log.by_key(&key)).await.map_err(|_| LogError::Stopped)??;
        Ok(found.map(|written| Verdict::Earlier(repeat(written.entry.offset, &written.entry.event))))
    }
}

fn decide_command(
    centre: &Centre,
    (asking, command): (&Asking, &Command),
    now: Timestamp,
    drafts: &mut Vec<Draft>,
) -> Verdict {
    match centre.decide(command, now) {
        Ok(events) if events.is_empty() => decided(events, drafts),
        Ok(events) => {
            let (name, object) = command.about();
            let (asking, command, object) = (asking.clone(), name.to_owned(), object.to_owned());
            let acted = Event::Acted(Acted { at: now, asking, command, object });
            decided(std::iter::once(acted).chain(events).collect(), drafts)
        }
        Err(refusal) => Verdict::Refused(refusal.into()),
    }
}

fn decided(events: Vec<Event>, drafts: &mut Vec<Draft>) -> Verdict {
    match events.iter().cloned().map(encode).collect::<Result<Vec<_>, _>>() {
        Ok(encoded) => {
            let place = drafts.len();
            drafts.extend(encoded);
            Verdict::Decided { events, place }
        }
        Err(error) => Verdict::Refused(error.into()),
    }
}

/// Gives batches back to their requests; what commands led to is decided anew.
fn take_back(group: &mut [Request], verdicts: &[Verdict], drafts: Vec<Draft>) {
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    for (request, verdict) in group.iter_mut().zip(verdicts) {
        if let (Request::Record { draft, .. }, Verdict::Record { place, .. }) = (request, verdict) {
            *draft = drafts.get_mut(*place).and_then(Option::take);
        }
    }
}

fn accepted(event: &Event) -> u64 {
    match event {
        Event::ObservationsRecorded(recorded) => recorded.rows.len() as u64,
        Event::RecordsReported(reported) => reported.len() as u64,
        _ => 0,
    }
}

fn repeat(offset: u64, event: &Event) -> Recorded {
    let refused = match event {
        Event::ObservationsRecorded(recorded) => recorded.refused.clone(),
        _ => Vec::new(),
    };
    Recorded { offset, accepted: accepted(event), refused, suspect: Vec::new(), repeated: true }
}

/// Tells everyone of a group that is durable.
fn answer(group: Vec<Request>, verdicts: Vec<Verdict>, written: &[Written]) {
    for (request, verdict) in group.into_iter().zip(verdicts) {
        request.settle(verdict, written);
    }
}

/// Tells everyone that a group was not appended; who needs no append is answered all the same.
fn refuse(group: Vec<Request>, verdicts: Vec<Verdict>, error: &RecordError) {
    for (request, verdict) in group.into_iter().zip(verdicts) {
        let verdict = match verdict {
            verdict @ (Verdict::Earlier(_) | Verdict::Refused(_)) => verdict,
            _ => Verdict::Refused(error.clone()),
        };
        request.settle(verdict, &[]);
    }
}

impl Verdict {
    fn recorded(self, written: &[Written]) -> Result<Recorded, RecordError> {
        let entry_at = |place: usize| written.get(place).map(|written| &written.entry).ok_or(LogError::Stopped);
        match self {
            Self::Record { accepted, place } => Ok(Recorded {
                offset: entry_at(place)?.offset,
                accepted,
                refused: Vec::new(),
                suspect: Vec::new(),
                repeated: false,
            }),
            Self::Repeat { place } => {
                entry_at(place).map(|entry| repeat(entry.offset, &entry.event)).map_err(Into::into)
            }
            Self::Earlier(recorded) => Ok(recorded),
            Self::Refused(error) => Err(error),
            Self::Decided { .. } => Err(LogError::Stopped.into()),
        }
    }

    fn decided(self, written: &[Written]) -> Result<Decided, RecordError> {
        match self {
            Self::Decided { events, place } => {
                let last = written.get(place + events.len().saturating_sub(1));
                Ok(Decided { offset: last.map_or(0, |written| written.entry.offset), events })
            }
            Self::Refused(error) => Err(error),
            Self::Record { .. } | Self::Repeat { .. } | Self::Earlier(_) => Err(LogError::Stopped.into()),
        }
    }
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Self::Record { draft, .. } => draft.as_ref().map_or(0, |draft| draft.body.len()),
            Self::Command { .. } | Self::Tell { .. } => 1024,
        }
    }

    /// A caller that no longer waits is no error: its batch is durable all the same.
    fn settle(self, verdict: Verdict, written: &[Written]) {
        match self {
            Self::Record { reply, .. } => drop(reply.send(verdict.recorded(written))),
            Self::Command { reply, .. } | Self::Tell { reply, .. } => drop(reply.send(verdict.decided(written))),
        }
    }
}
