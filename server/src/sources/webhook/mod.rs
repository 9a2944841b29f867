//! Tells others of alarms: each step is posted as JSON, in order, until it is taken.

mod message;
mod options;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::{Alarm, StreamPosition, Timestamp};
use rand::Rng;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};

use super::entries::{Entries, Next};
use super::http::{address, client, headers, shown, told};
use super::{Link, Source, SourceError, state};
use message::Message;
use steps::{Step, Told};

pub use options::{WebhookOptions, read};

/// The first wait before a step is sent again; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// What has not been taken for so long counts as down.
const DOWN_AFTER_MICROS: i64 = 60 * 1_000_000;
/// A step that has not been taken for so long is left out: nobody wants to be woken by it any more.
const GIVE_UP_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// The position is saved at least as often, where there is nothing to tell.
const UNSAVED_ENTRIES: u64 = 1000;
/// How much of an answer is read, for what it says was wrong.
const ANSWER_BYTES: usize = 4096;

/// One who is told.
#[derive(Debug)]
pub struct Webhook {
    options: WebhookOptions,
}

/// What is remembered over restarts.
#[derive(Debug, Deserialize)]
struct Memory {
    /// Absent while it was catching up.
    position: Option<StreamPosition>,
    /// Those that are not over, as they were told.
    alarms: Vec<Alarm>,
    /// The steps of the entry behind the position that were told.
    done: BTreeSet<String>,
}

#[derive(Serialize)]
struct Remembered<'a> {
    position: Option<StreamPosition>,
    alarms: Vec<&'a Alarm>,
    done: &'a BTreeSet<String>,
}

/// How one attempt went.
enum Attempt {
    Taken,
    /// They do not want this one.
    Refused(String),
    Failed(String),
}

/// Where it stands.
struct Following {
    told: Told,
    entries: Entries,
    /// Up to where all was told; `None` while it is catching up.
    saved: Option<StreamPosition>,
    client: Client,
}

impl Webhook {
    #[must_use]
    pub fn new(options: WebhookOptions) -> Self {
        Self { options }
    }

    async fn follow(&self, link: &Link) -> Result<(), SourceError> {
        let memory = load(link).await?;
        let client = client::client(self.options.allow_private, self.options.ca_file.as_deref())?;
        let position = memory.as_ref().and_then(|memory| memory.position).filter(|at| at.epoch == link.epoch());
        let (alarms, done) = memory.map(|memory| (memory.alarms, memory.done)).unwrap_or_default();
        let told = Told::new(self.options.severity, alarms, done);
        let entries = link.entries(position);
        let mut following = Following { told, saved: position, entries, client };
        link.health.solved(&link.source, |place| place == "source");
        link.health.well(&link.source, link.now());
        if position.is_none() && !self.catch_up(link, &mut following).await? {
            return Ok(());
        }
        while !link.is_stopping() {
            let next = tokio::select! {
                next = following.entries.next() => next?,
                () = link.stopped() => break,
            };
            match next {
                Next::Restarted if !self.catch_up(link, &mut following).await? => return Ok(()),
                Next::Restarted => {}
                Next::Entries(entries) => {
                    let epoch = following.entries.position().epoch;
                    for entry in entries {
                        let position = StreamPosition { epoch, offset: entry.offset };
                        let steps = following.told.steps(&entry.event);
                        if !self.tell(link, &mut following, steps, (position, entry.recorded_at)).await? {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells what the records have and was not told; false when the server stops before.
    async fn catch_up(&self, link: &Link, following: &mut Following) -> Result<bool, SourceError> {
        let (now, position) = (link.now(), following.entries.position());
        let steps = following.told.catch_up(&link.records(), position.offset, now);
        following.saved = None;
        let is_told = self.tell(link, following, steps, (position, now)).await?;
        if is_told && following.saved.is_none() {
            following.saved = Some(position);
            save(link, following).await?;
        }
        Ok(is_told)
    }

    /// Tells the steps of one entry; false when the server stops before all are told.
    async fn tell(
        &self,
        link: &Link,
        following: &mut Following,
        steps: Vec<Step>,
        (position, recorded_at): (StreamPosition, Timestamp),
    ) -> Result<bool, SourceError> {
        let last = steps.len();
        for (step, count) in steps.into_iter().zip(1..) {
            if !self.deliver(link, &following.client, &step, recorded_at).await? {
                return Ok(false);
            }
            following.told.tell(&step);
            // With the last one all of the entry was told.
            if count == last {
                following.saved = Some(position);
                following.told.end_entry();
            }
            save(link, following).await?;
        }
        if following.saved.is_some_and(|saved| position.offset.saturating_sub(saved.offset) >= UNSAVED_ENTRIES) {
            following.saved = Some(position);
            save(link, following).await?;
        }
        Ok(true)
    }

    /// Sends a step until it is taken, or left out; false when the server stops before.
    async fn deliver(
        &self,
        link: &Link,
        client: &Client,
        step: &Step,
        recorded_at: Timestamp,
    ) -> Result<bool, SourceError> {
        let began = link.now();
        let mut wait = FIRST_WAIT;
        loop {
            let attempt = self.send(link, client, step).await?;
            let now = link.now();
            let failure = match attempt {
                Attempt::Taken => {
                    link.health.solved(&link.source, |place| place == self.options.id);
                    link.health.delivered(&link.source, now, 1, 0);
                    return Ok(true);
                }
                Attempt::Failed(reason) if now.since(recorded_at) <= GIVE_UP_MICROS => reason,
                Attempt::Failed(reason) => {
                    let reason = format!("it was not taken for a day and is left out; at last: {reason}");
                    return Ok(self.leave_out(link, step, &reason));
                }
                Attempt::Refused(reason) => return Ok(self.leave_out(link, step, &reason)),
            };
            link.problem(self.options.id.as_str(), &failure);
            if now.since(began) >= DOWN_AFTER_MICROS {
                link.health.down(&link.source, now, &failure);
            }
            tokio::select! {
                () = tokio::time::sleep(wait.mul_f64(rand::rng().random_range(0.5..=1.0))) => {}
                () = link.stopped() => return Ok(false),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Notes that a step is not sent again, and goes on.
    fn leave_out(&self, link: &Link, step: &Step, reason: &str) -> bool {
        link.health.delivered(&link.source, link.now(), 0, 1);
        link.problem(format!("{}: {}", self.options.id, step.id()), reason);
        true
    }

    async fn send(&self, link: &Link, client: &Client, step: &Step) -> Result<Attempt, SourceError> {
        let options = &self.options;
        let catalogue = Arc::clone(&link.catalogue.borrow());
        let message = Message::of(step, &catalogue, options.language.code());
        let body = serde_json::to_vec(&message).map_err(SourceError::broken)?;
        address::check(&options.url, options.allow_private).map_err(SourceError::broken)?;
        let mut headers = headers(&options.headers, &options.secret_headers)?;
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&message.id) {
            headers.insert(HeaderName::from_static("idempotency-key"), id);
        }
        let timeout = Duration::from_secs(options.timeout_secs);
        let request = client.post(options.url.clone()).headers(headers).timeout(timeout).body(body);
        Ok(match request.send().await {
            Err(error) => Attempt::Failed(told(&error)),
            Ok(answer) if answer.status().is_success() => Attempt::Taken,
            Ok(answer) => {
                let status = answer.status();
                let reason = format!("it answered {status}: {}", shown(&beginning(answer).await));
                if is_final(status) { Attempt::Refused(reason) } else { Attempt::Failed(reason) }
            }
        })
    }
}

impl Source for Webhook {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { self.follow(&link).await }.boxed()
    }
}

/// Whether the same message would be answered the same. What a change of the configuration there or here puts right is
/// tried again.
fn is_final(status: StatusCode) -> bool {
    [
        StatusCode::BAD_REQUEST,
        StatusCode::CONFLICT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ]
    .contains(&status)
}

async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES {
        let Ok(Some(part)) = answer.chunk().await else { break };
        body.extend_from_slice(&part[..part.len().min(ANSWER_BYTES - body.len())]);
    }
    body
}

fn path(link: &Link) -> PathBuf {
    link.state.join("told.json")
}

async fn load(link: &Link) -> Result<Option<Memory>, SourceError> {
    let lost = "what was told cannot be read; all alarms that are not over are told again";
    state::recall(link, path(link), lost).await
}

async fn save(link: &Link, following: &Following) -> Result<(), SourceError> {
    let told = &following.told;
    let remembered = Remembered { position: following.saved, alarms: told.alarms(), done: told.done() };
    state::remember(link, path(link), &remembered).await
}
