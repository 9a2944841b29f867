//! Sources that look for news now and then, and how to have one look now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use protocol::SourceId;
use protocol::source::SourceProblem;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Link;
use super::health::Board;
use crate::config::SourceSpec;

/// How long a round may take that someone waits for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Wakes one source. Cheap to clone; clones are the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How often it was rung.
    rung: watch::Sender<u64>,
    /// Up to which ring the round that began last answers.
    begun: AtomicU64,
    ended: watch::Sender<Ended>,
}

/// The round that ended last.
#[derive(Debug, Clone)]
struct Ended {
    /// Up to which ring it answers.
    answers: u64,
    /// How many values were recorded and refused, or why it ended before its time.
    came: Result<(u64, u64), String>,
}

impl Default for Ended {
    fn default() -> Self {
        Self { answers: 0, came: Ok((0, 0)) }
    }
}

/// What came of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    #[schema(value_type = String, example = "quyet-toan")]
    pub source: SourceId,
    pub kind: String,
    pub took_ms: u64,
    /// Values that were new and are recorded.
    pub accepted: u64,
    /// Rows or values that were refused, and were not before.
    pub refused: u64,
    /// What is wrong with the source now, newest first.
    #[schema(value_type = Vec<Object>)]
    pub problems: Vec<SourceProblem>,
}

/// Why there was no round.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    #[error("source '{0}' is of the kind '{1}': what it brings comes by itself, there is nothing to run once")]
    Nothing(SourceId, String),
    #[error("source '{0}' does not run on this server{1}")]
    Elsewhere(SourceId, String),
    #[error("source '{0}': {1}")]
    Failed(SourceId, String),
    #[error("source '{0}' is still at it after {secs} s; what it brings is recorded all the same", secs = PATIENCE.as_secs())]
    Unended(SourceId),
}

/// The bells of the sources that run here. Cheap to clone; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Bells {
    bells: Arc<Mutex<BTreeMap<SourceId, Bell>>>,
}

impl Bells {
    /// A new bell for a source that is being started.
    #[must_use]
    pub fn hang(&self, source: &SourceId) -> Bell {
        let bell = Bell::default();
        self.bells.lock().insert(source.clone(), bell.clone());
        bell
    }

    /// Takes the bell of a source away that was stopped. Nobody waits for it any more.
    pub fn remove(&self, source: &SourceId) {
        if let Some(bell) = self.bells.lock().remove(source) {
            bell.end(u64::MAX, Err("it was stopped meanwhile".to_owned()));
        }
    }

    /// Has a source that runs here look for news now, and waits for what comes of it. `writer` is the server that runs
    /// the sources, when that is another one.
    ///
    /// # Errors
    /// When it is of no such kind, does not run here, cannot be read, or takes too long.
    pub async fn run(&self, spec: &SourceSpec, health: &Board, writer: Option<&str>) -> Result<Round, RoundError> {
        let (id, kind) = (&spec.info.id, &spec.info.kind);
        if spec.source.as_ref().is_none_or(|source| !source.has_rounds()) {
            return Err(RoundError::Nothing(id.clone(), kind.clone()));
        }
        let Some(bell) = self.bells.lock().get(id).cloned() else {
            let elsewhere = writer.map(|writer| format!("; ask {writer}, which runs the sources")).unwrap_or_default();
            return Err(RoundError::Elsewhere(id.clone(), elsewhere));
        };
        let began = Instant::now();
        let came = timeout(PATIENCE, bell.ring()).await.map_err(|_| RoundError::Unended(id.clone()))?;
        let (accepted, refused) = came.map_err(|reason| RoundError::Failed(id.clone(), reason))?;
        Ok(Round {
            source: id.clone(),
            kind: kind.clone(),
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            accepted,
            refused,
            problems: health.of(id).map(|health| health.problems).unwrap_or_default(),
        })
    }
}

impl Bell {
    /// Rings, and waits until a round has ended that began after it.
    async fn ring(&self) -> Result<(u64, u64), String> {
        let mut ended = self.inner.ended.subscribe();
        let mut number = 0;
        self.inner.rung.send_modify(|rung| {
            *rung += 1;
            number = *rung;
        });
        let answered = ended.wait_for(|ended| ended.answers >= number).await;
        answered.map_or_else(|_| Err("it was stopped meanwhile".to_owned()), |ended| ended.came.clone())
    }

    /// Waits until it was rung since the last round began.
    pub async fn rung(&self) {
        let begun = self.inner.begun.load(Ordering::SeqCst);
        // The sender is ours.
        drop(self.inner.rung.subscribe().wait_for(|rung| *rung > begun).await);
    }

    /// Notes that a run of the source begins: who rang before is answered by it, whatever comes of it.
    pub fn begin(&self) -> u64 {
        let answers = *self.inner.rung.borrow();
        self.inner.begun.store(answers, Ordering::SeqCst);
        answers
    }

    /// Notes that the source has stopped, and why.
    pub fn fail(&self, reason: &str) {
        self.end(self.inner.begun.load(Ordering::SeqCst), Err(reason.to_owned()));
    }

    fn end(&self, answers: u64, came: Result<(u64, u64), String>) {
        self.inner.ended.send_replace(Ended { answers, came });
    }
}

/// A round that is on.
pub struct RoundBegun<'l> {
    link: &'l Link,
    answers: u64,
    before: (u64, u64),
}

impl Link {
    /// Begins a round: what is there now will be found by it.
    #[must_use]
    pub fn begin_round(&self) -> RoundBegun<'_> {
        RoundBegun { link: self, answers: self.bell.begin(), before: self.counts() }
    }

    /// How many values were recorded and refused so far.
    fn counts(&self) -> (u64, u64) {
        self.health.of(&self.source).map_or((0, 0), |health| (health.accepted, health.refused))
    }
}

impl RoundBegun<'_> {
    /// All that was there is recorded or refused.
    pub fn end(self) {
        let (accepted, refused) = self.link.counts();
        let came = (accepted.saturating_sub(self.before.0), refused.saturating_sub(self.before.1));
        self.link.bell.end(self.answers, Ok(came));
    }
}
