//! Keeps sources running: each is a task of its own, started again after errors and panics.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use protocol::{Catalogue, SourceId};
use rand::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::health::Board;
use super::rounds::Bells;
use super::{DERIVED, Link, OPERATIONS, Source, links};
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

/// How long sources may take to stop when others go on.
const TERM_END: Duration = Duration::from_millis(1500);

/// The running sources.
#[derive(Debug)]
pub struct Running {
    supervisor: AbortOnDropHandle<()>,
    in_force: watch::Receiver<Arc<[SourceSpec]>>,
    /// Those that it began with.
    first: Arc<[SourceSpec]>,
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
    pub bells: Bells,
    pub clock: Clock,
    pub stopping: watch::Receiver<bool>,
}

/// Runs the sources that are configured, now and whenever others are; those of a log that several servers share run on
/// the one that writes it.
#[must_use]
pub fn start(configured: watch::Receiver<Arc<[SourceSpec]>>, surroundings: Surroundings) -> Running {
    let nothing: Arc<[SourceSpec]> = Arc::new([]);
    let (reached, in_force) = watch::channel(nothing);
    let first = configured.borrow().clone();
    put_on_board(first.iter(), &surroundings);
    tokio::spawn(links::tell(surroundings.clone()));
    let supervisor = tokio::spawn(follow(configured, reached, surroundings));
    Running { supervisor: AbortOnDropHandle::new(supervisor), in_force, first }
}

impl Running {
    /// The sources that run by now, or would if this server wrote the log.
    #[must_use]
    pub fn in_force(&self) -> watch::Receiver<Arc<[SourceSpec]>> {
        self.in_force.clone()
    }

    /// Waits until the sources run that were configured at the start: whoever asks for one then finds it.
    pub async fn begun(&self) {
        // An error means that the server is stopping.
        drop(self.in_force().wait_for(|in_force| Arc::ptr_eq(in_force, &self.first)).await);
    }

    /// Waits until all sources have stopped, at most so long; then ends them.
    pub async fn finished(self, at_most: Duration) {
        if timeout(at_most, self.supervisor).await.is_err() {
            tracing::warn!("sources were still busy after {} s and are ended", at_most.as_secs_f32());
        }
    }
}

/// Lets run what is to run, until the server stops.
async fn follow(
    mut configured: watch::Receiver<Arc<[SourceSpec]>>,
    reached: watch::Sender<Arc<[SourceSpec]>>,
    surroundings: Surroundings,
) {
    let mut writer = surroundings.recorder.shared_log().map(RedisLog::writer);
    let mut stopping = surroundings.stopping.clone();
    let mut crew = Crew { surroundings, workers: BTreeMap::new() };
    let mut before = configured.borrow().clone();
    loop {
        let specs = configured.borrow_and_update().clone();
        let is_writer = writer.as_mut().is_none_or(|writer| *writer.borrow_and_update() == Writer::This);
        let wanted: &[SourceSpec] = if is_writer { &specs } else { &[] };
        crew.stop_others(wanted, TERM_END).await;
        renew_board(&before, &specs, &crew.surroundings);
        crew.start_missing(wanted).await;
        reached.send_replace(Arc::clone(&specs));
        before = specs;
        tokio::select! {
            Ok(()) = configured.changed() => {}
            Ok(()) = changed(writer.as_mut()) => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    crew.stop_others(&[], Duration::MAX).await;
}

/// Waits until another server writes, if there are others.
async fn changed(writer: Option<&mut watch::Receiver<Writer>>) -> Result<(), watch::error::RecvError> {
    match writer {
        Some(writer) => writer.changed().await,
        None => std::future::pending().await,
    }
}

fn put_on_board<'s>(sources: impl IntoIterator<Item = &'s SourceSpec>, surroundings: &Surroundings) {
    for SourceSpec { info, source, .. } in sources {
        surroundings.health.add(&info.id);
        if source.is_none() {
            // Nothing to run: it is as alive as the server.
            surroundings.health.well(&info.id, surroundings.clock.now());
        }
    }
}

/// Takes off the board what is not configured any more, and what was known of sources that are others now.
fn renew_board(before: &[SourceSpec], after: &[SourceSpec], surroundings: &Surroundings) {
    let gone = before.iter().filter(|spec| !after.iter().any(|other| other.is_same(spec)));
    gone.for_each(|spec| surroundings.health.remove(&spec.info.id));
    put_on_board(after.iter().filter(|spec| !before.iter().any(|other| other.is_same(spec))), surroundings);
}

/// The sources that run here.
struct Crew {
    surroundings: Surroundings,
    workers: BTreeMap<SourceId, Worker>,
}

/// A source that runs, or has nothing to run.
struct Worker {
    spec: SourceSpec,
    stop: watch::Sender<bool>,
    task: Option<AbortOnDropHandle<()>>,
}

impl Crew {
    /// Stops all sources but these, and waits for them at most so long; then ends them.
    async fn stop_others(&mut self, wanted: &[SourceSpec], at_most: Duration) {
        let is_wanted = |worker: &Worker| wanted.iter().any(|spec| spec.is_same(&worker.spec));
        let mut leaving: Vec<Worker> =
            self.workers.extract_if(.., |_, worker| !is_wanted(worker)).map(|(_, worker)| worker).collect();
        for worker in &leaving {
            worker.stop.send_replace(true);
        }
        let tasks = leaving.iter_mut().filter_map(|worker| worker.task.as_mut());
        if timeout(at_most, join_all(tasks)).await.is_err() {
            tracing::warn!("sources were still busy after {} s and are ended", at_most.as_secs_f32());
        }
        for Worker { spec, task, .. } in leaving {
            drop(task);
            self.surroundings.bells.remove(&spec.info.id);
            // Whether it runs is for whoever runs it next to say.
            self.surroundings.health.add(&spec.info.id);
        }
    }

    /// Starts those of these sources that do not run, once the catalogue is known that they were configured with.
    async fn start_missing(&mut self, wanted: &[SourceSpec]) {
        let (centre, mut catalogue) = (self.surroundings.centre.clone(), self.surroundings.catalogue.clone());
        let known = catalogue.wait_for(|catalogue| Arc::ptr_eq(catalogue, &centre.borrow().catalogue));
        // An error means that the server is stopping.
        if known.await.is_err() {
            return;
        }
        for spec in wanted {
            if self.workers.contains_key(&spec.info.id) {
                continue;
            }
            let worker = self.start(spec);
            self.workers.insert(spec.info.id.clone(), worker);
        }
    }

    fn start(&self, spec: &SourceSpec) -> Worker {
        let surroundings = &self.surroundings;
        // What was known of a source may be of when this server last ran it.
        put_on_board([spec], surroundings);
        let (stop, stopping) = watch::channel(false);
        let id = &spec.info.id;
        let link = Link {
            state: surroundings.data.join("sources").join(id.as_str()),
            source: id.clone(),
            health: surroundings.health.clone(),
            clock: surroundings.clock.clone(),
            recorder: surroundings.recorder.clone(),
            store: surroundings.store.clone(),
            catalogue: surroundings.catalogue.clone(),
            centre: surroundings.centre.clone(),
            stopping,
            bell: surroundings.bells.hang(id),
            pace: Arc::default(),
            is_echo: [DERIVED, OPERATIONS].contains(&spec.info.kind.as_str()),
        };
        let supervise = |source: &Arc<dyn Source>| tokio::spawn(supervise(Arc::clone(source), link));
        let task = spec.source.as_ref().map(supervise).map(AbortOnDropHandle::new);
        Worker { spec: spec.clone(), stop, task }
    }
}

async fn supervise(source: Arc<dyn Source>, link: Link) {
    let mut attempt = 0;
    loop {
        let began = Instant::now();
        link.bell.begin();
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
        link.bell.fail(&ended);
        tokio::select! {
            () = link.bell.rung() => {}
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
