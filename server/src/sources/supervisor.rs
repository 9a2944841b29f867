//! Keeps sources running: each is a task of its own, started again after errors and panics.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Catalogue, SourceId};
use rand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::health::Board;
use super::{Link, Source, links};
use crate::centre::Centre;
use crate::clock::Clock;
use crate::config::SourceSpec;
use crate::log::recorder::Recorder;
use crate::log::redis::{RedisLog, Writer};
use crate::store::Reader;

/// The first wait before a source is started again; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A source that ran this long starts afresh with short waits.
const STEADY: Duration = Duration::from_secs(120);

/// How long sources may take to stop.
const TERM_END: Duration = Duration::from_millis(1500);

/// The running sources.
#[derive(Debug)]
pub struct Running {
    workers: JoinSet<()>,
}

/// What every source is given.
#[derive(Clone)]
pub struct Surroundings {
    /// Each source gets a folder of its own below it.
    pub data: PathBuf,
    pub recorder: Recorder,
    pub store: Reader,
    pub catalogue: watch::Receiver<Arc<Catalogue>>,
    pub centre: watch::Receiver<Arc<Centre>>,
    pub health: Board,
    pub clock: Clock,
    pub stopping: watch::Receiver<bool>,
}

/// Starts all sources; those of a log that several servers share run on the one that writes it.
#[must_use]
pub fn start(sources: Vec<SourceSpec>, surroundings: Surroundings) -> Running {
    put_on_board(&sources, &surroundings);
    match surroundings.recorder.shared_log().map(RedisLog::writer) {
        None => start_now(&sources, &surroundings),
        Some(writer) => {
            let mut workers = JoinSet::new();
            workers.spawn(run_while_writing(sources, surroundings, writer));
            Running { workers }
        }
    }
}

fn put_on_board(sources: &[SourceSpec], surroundings: &Surroundings) {
    for SourceSpec { info, source } in sources {
        surroundings.health.add(&info.id);
        if source.is_none() {
            // Nothing to run: it is as alive as the server.
            surroundings.health.well(&info.id, surroundings.clock.now());
        }
    }
}

fn start_now(sources: &[SourceSpec], surroundings: &Surroundings) -> Running {
    // What was known of a source may be of when this server last ran it.
    put_on_board(sources, surroundings);
    let mut workers = JoinSet::new();
    workers.spawn(links::tell(surroundings.clone()));
    for SourceSpec { info, source } in sources {
        let Some(source) = source else { continue };
        let link = Link {
            state: surroundings.data.join("sources").join(info.id.as_str()),
            source: info.id.clone(),
            health: surroundings.health.clone(),
            clock: surroundings.clock.clone(),
            recorder: surroundings.recorder.clone(),
            store: surroundings.store.clone(),
            catalogue: surroundings.catalogue.clone(),
            centre: surroundings.centre.clone(),
            stopping: surroundings.stopping.clone(),
        };
        workers.spawn(supervise(Arc::clone(source), link));
    }
    Running { workers }
}

/// Starts the sources when this server becomes the writer and stops them when it no longer is.
async fn run_while_writing(sources: Vec<SourceSpec>, surroundings: Surroundings, mut writer: watch::Receiver<Writer>) {
    let mut stopping = surroundings.stopping.clone();
    loop {
        tokio::select! {
            Ok(_) = writer.wait_for(|writer| *writer == Writer::This) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        let (stop, term) = watch::channel(false);
        let running = start_now(&sources, &Surroundings { stopping: term, ..surroundings.clone() });
        let is_over = tokio::select! {
            lost = writer.wait_for(|writer| *writer != Writer::This) => lost.is_err(),
            _ = stopping.wait_for(|stopping| *stopping) => true,
        };
        stop.send_replace(true);
        running.finished(TERM_END).await;
        if is_over {
            return;
        }
    }
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
    link.health.down(source, link.now(), ended);
    link.problem("source", ended);
}

/// Twice as long each time, with full jitter above one half, so that sources do not come back in step.
fn wait(attempt: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}
