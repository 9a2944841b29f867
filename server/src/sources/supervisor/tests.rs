use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use protocol::SourceInfo;
use protocol::source::SourceLink;

use super::*;
use crate::sources::tests::until;
use crate::sources::{SourceError, tests};

/// What a source does once it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Says again and again that it is well, until it is stopped.
    Work,
    /// Does not hear that it is to stop.
    Hang,
    Panic,
}

/// How the runs of a source went.
#[derive(Default)]
struct Runs {
    begun: AtomicUsize,
    rounds: AtomicUsize,
    is_running: AtomicBool,
    overlapped: AtomicBool,
}

struct Fake {
    doing: Doing,
    version: u32,
    runs: Arc<Runs>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.doing, self.version)
    }
}

/// Tells that a run has ended, however it did.
struct Ending(Arc<Runs>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::SeqCst);
    }
}

impl Source for Fake {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move {
            let runs = Arc::clone(&self.runs);
            runs.begun.fetch_add(1, Ordering::SeqCst);
            if runs.is_running.swap(true, Ordering::SeqCst) {
                runs.overlapped.store(true, Ordering::SeqCst);
            }
            let _ending = Ending(Arc::clone(&runs));
            match self.doing {
                Doing::Hang => std::future::pending().await,
                Doing::Panic => panic!("it is broken"),
                Doing::Work => {
                    while !link.is_stopping() {
                        link.health.well(&link.source, link.now());
                        runs.rounds.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    Ok(())
                }
            }
        })
    }
}

/// Sources by their names, and the supervisor that follows them.
struct Sources {
    surroundings: tests::Running,
    runs: BTreeMap<&'static str, Arc<Runs>>,
    configured: watch::Sender<Arc<[SourceSpec]>>,
    running: Running,
    _known: watch::Sender<Arc<Catalogue>>,
}

impl Sources {
    fn start(specs: &[(&'static str, Doing, u32)]) -> Self {
        let surroundings = tests::Running::start();
        let link = surroundings.link.clone();
        let mut runs = BTreeMap::new();
        let (configured, followed) = watch::channel(self::specs(&mut runs, specs));
        let (known, catalogue) = watch::channel(Arc::clone(&link.centre.borrow().catalogue));
        let given = Surroundings {
            data: surroundings.dir.path().to_owned(),
            recorder: link.recorder,
            store: link.store,
            catalogue,
            centre: link.centre,
            health: link.health,
            bells: Bells::default(),
            clock: link.clock,
            stopping: link.stopping,
        };
        let running = super::start(followed, given);
        Self { surroundings, runs, configured, running, _known: known }
    }

    /// Goes on with these, and returns when they run.
    async fn go_on_with(&mut self, specs: &[(&'static str, Doing, u32)]) {
        let specs = self::specs(&mut self.runs, specs);
        self.configured.send_replace(Arc::clone(&specs));
        let mut in_force = self.running.in_force();
        let reached = in_force.wait_for(|in_force| Arc::ptr_eq(in_force, &specs));
        assert!(timeout(Duration::from_secs(20), reached).await.unwrap().is_ok());
    }

    fn begun(&self, id: &str) -> usize {
        self.runs[id].begun.load(Ordering::SeqCst)
    }

    fn is_running(&self, id: &str) -> bool {
        self.runs[id].is_running.load(Ordering::SeqCst)
    }

    fn links(&self) -> BTreeMap<SourceId, SourceLink> {
        self.surroundings.link.health.links().into_iter().collect()
    }
}

fn specs(runs: &mut BTreeMap<&'static str, Arc<Runs>>, specs: &[(&'static str, Doing, u32)]) -> Arc<[SourceSpec]> {
    let spec = |(id, doing, version): &(&'static str, Doing, u32)| {
        let info = SourceInfo { id: (*id).into(), name: Default::default(), kind: "fake".into(), owner: None };
        let runs = Arc::clone(runs.entry(id).or_default());
        SourceSpec::new(info, "", Some(Arc::new(Fake { doing: *doing, version: *version, runs })))
    };
    specs.iter().map(spec).collect()
}

#[tokio::test]
async fn only_what_has_changed_is_touched() {
    use Doing::{Hang, Work};
    let mut sources = Sources::start(&[("same", Work, 1), ("other", Work, 1), ("gone", Work, 1), ("hung", Hang, 1)]);
    until(|| ["same", "other", "gone", "hung"].iter().all(|id| sources.is_running(id))).await;
    sources.surroundings.link.health.problem(&"other".into(), protocol::Timestamp(1), "there", "of before");
    sources.go_on_with(&[("new", Work, 1), ("other", Work, 2), ("same", Work, 1)]).await;
    until(|| sources.is_running("new") && sources.is_running("other")).await;
    assert_eq!(["same", "other", "gone", "hung", "new"].map(|id| sources.begun(id)), [1, 2, 1, 1, 1]);
    assert!(sources.is_running("same") && !sources.is_running("gone") && !sources.is_running("hung"));
    assert!(!sources.runs["other"].overlapped.load(Ordering::SeqCst), "the first has ended before the second begins");
    let health = &sources.surroundings.link.health;
    assert!(health.of(&"gone".into()).is_none() && health.of(&"hung".into()).is_none());
    assert_eq!(health.of(&"other".into()).unwrap().problems, [], "it is another one now");
    let links: Vec<SourceId> = sources.links().into_keys().collect();
    assert_eq!(links, ["new", "other", "same"].map(SourceId::from));
    sources.surroundings.stop.send_replace(true);
    let Sources { running, runs, .. } = sources;
    running.finished(Duration::from_secs(20)).await;
    assert!(runs.values().all(|runs| !runs.is_running.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn one_that_panics_or_hangs_holds_no_other_up() {
    use Doing::{Hang, Panic, Work};
    let sources = Sources::start(&[("broken", Panic, 1), ("hung", Hang, 1), ("well", Work, 1)]);
    until(|| sources.begun("broken") >= 2 && sources.is_running("hung")).await;
    let SourceLink::Down { reason, .. } = &sources.links()[&SourceId::from("broken")] else { panic!("it is down") };
    assert_eq!(reason, "it panicked: it is broken");
    let rounds = || sources.runs["well"].rounds.load(Ordering::SeqCst);
    let before = rounds();
    until(|| rounds() > before + 10).await;
    assert_eq!(sources.begun("well"), 1);
}
