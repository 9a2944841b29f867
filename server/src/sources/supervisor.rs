//! Keeps sources running: each is a task of its own, started again after errors and panics.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Catalogue, SourceId};
use rand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::health::Board;
use super::{Link, Source};
use crate::clock::Clock;
use crate::config::SourceSpec;
use crate::log::recorder::Recorder;

/// The first wait before a source is started again; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A source that ran this long starts afresh with short waits.
const STEADY: Duration = Duration::from_secs(120);

/// The running sources.
#[derive(Debug)]
pub struct Running {
    workers: JoinSet<()>,
}

/// Starts all sources, each with a folder of its own below `data`.
#[must_use]
pub fn start(
    sources: Vec<SourceSpec>,
    data: &Path,
    recorder: &Recorder,
    catalogue: &watch::Receiver<Arc<Catalogue>>,
    health: &Board,
    clock: &Clock,
    stopping: &watch::Receiver<bool>,
) -> Running {
    let mut workers = JoinSet::new();
    for SourceSpec { info, source } in sources {
        health.add(&info.id);
        let Some(source) = source else {
            // Nothing to run: it is as alive as the server.
            health.well(&info.id, clock.now());
            continue;
        };
        let link = Link {
            state: data.join("sources").join(info.id.as_str()),
            source: info.id,
            health: health.clone(),
            clock: clock.clone(),
            recorder: recorder.clone(),
            catalogue: catalogue.clone(),
            stopping: stopping.clone(),
        };
        workers.spawn(supervise(source, link));
    }
    Running { workers }
}

impl Running {
    /// Waits until all sources have stopped, at most so long; then ends them.
    pub async fn finished(mut self, at_most: Duration) {
        let all = async { while self.workers.join_next().await.is_some() {} };
        if timeout(at_most, all).await.is_err() {
            tracing::warn!("sources were still busy after {} s and are ended", at_most.as_secs_f32());
        }
    }
}

async fn supervise(source: Arc<dyn Source>, link: Link) {
    let mut attempt = 0;
    loop {
        let began = Instant::now();
        let ended = run(Arc::clone(&source), link.clone()).await;
        if link.is_stopping() {
            return;
        }
        if began.elapsed() > STEADY {
            attempt = 0;
        }
        let wait = wait(attempt);
        attempt += 1;
        report(&link, &ended, wait);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = link.stopped() => return,
        }
    }
}

/// Runs the source once; why it ended. A panic ends this run only.
async fn run(source: Arc<dyn Source>, link: Link) -> String {
    let task = tokio::spawn(async move { source.run(link).await });
    match AbortOnDropHandle::new(task).await {
        Ok(Ok(())) => "it ended by itself".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) if error.is_panic() => format!("it panicked: {}", panic_message(&*error.into_panic())),
        Err(error) => error.to_string(),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn report(link: &Link, ended: &str, wait: Duration) {
    let source: &SourceId = &link.source;
    tracing::warn!(%source, "the source stopped: {ended}; it is started again in {:.1} s", wait.as_secs_f32());
    link.health.down(source);
    link.problem("source", ended);
}

/// Twice as long each time, with full jitter above one half, so that sources do not come back in step.
fn wait(attempt: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}
