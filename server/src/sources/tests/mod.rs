//! A source with all that it needs, in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Catalogue, Scenario, SourceId, Timestamp};
use tempfile::TempDir;
use tokio::sync::watch;

use super::Link;
use super::health::Board;
use super::rounds::Bell;
use crate::log::Backend;
use crate::log::local::LocalLog;
use crate::log::recorder::Recorder;
use crate::log::tail::Tail;
use crate::store::{Projection, Reader};

/// A source with all that it needs, in a folder of its own.
pub struct Running {
    pub dir: TempDir,
    pub link: Link,
    pub stop: watch::Sender<bool>,
    pub catalogue: watch::Sender<Arc<Catalogue>>,
}

impl Running {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = LocalLog::open(dir.path()).unwrap();
        let (tail, mut items) = Tail::open(&log).unwrap();
        tokio::spawn(async move { while items.recv().await.is_some() {} });
        let clock = crate::clock::Clock;
        let projected = Projection::start(dir.path(), log.clone(), tail.head()).unwrap();
        let store = Reader::new(dir.path(), log.clone(), tail.head(), projected);
        let centre = tail.centre();
        let recorder = Recorder::start(log, Backend::Local, tail, clock.clone());
        let (sender, catalogue) = watch::channel(Arc::new(catalogue()));
        let (stop, stopping) = watch::channel(false);
        let link = Link {
            source: SourceId::from("so"),
            state: dir.path().join("state"),
            health: Board::default(),
            clock,
            recorder,
            store,
            catalogue,
            centre,
            stopping,
            bell: Bell::default(),
            pace: Arc::default(),
            is_echo: false,
        };
        Self { dir, link, stop, catalogue: sender }
    }

    /// Ends what runs on this link.
    pub async fn end(&self, following: tokio::task::JoinHandle<Result<(), super::SourceError>>) {
        self.stop.send_replace(true);
        following.await.unwrap().unwrap();
    }

    /// The values of an indicator, by time.
    pub async fn known(&self, indicator: &str) -> Vec<f64> {
        let series = protocol::SeriesKey { indicator: indicator.into(), area: "51".into(), scenario: Scenario::Actual };
        let all = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let rows = self.link.store.history(&series, all.0, all.1, None, 100).await.unwrap();
        rows.iter().map(|row| row.observation.value).collect()
    }

    pub fn accepted(&self) -> u64 {
        self.link.health.of(&self.link.source).map_or(0, |health| health.accepted)
    }

    /// What is wrong with the source, newest first: `place: reason`.
    pub fn problems(&self) -> Vec<String> {
        let health = self.link.health.of(&self.link.source);
        let problems = health.map(|health| health.problems).unwrap_or_default();
        problems.iter().map(|problem| format!("{}: {}", problem.place, problem.reason)).collect()
    }
}

/// Waits until something has come about.
pub async fn until(done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it does not come about");
}

/// Two indicators of one area.
pub fn catalogue() -> Catalogue {
    let indicator = |id: &str| {
        let text = format!(
            "id = '{id}'\nname = {{ vi = 'Thu' }}\nunit = {{ vi = 'đồng' }}\nperiod = 'year'\nowner = 'a'\nexpected_interval_secs = 1"
        );
        Arc::new(toml::from_str::<protocol::Indicator>(&text).unwrap())
    };
    let area = |id: &str| {
        Arc::new(toml::from_str::<protocol::Area>(&format!("id = '{id}'\nname = {{ vi = 'Tỉnh' }}")).unwrap())
    };
    Catalogue {
        indicators: ["budget.revenue", "budget.expenditure"].map(|id| (id.into(), indicator(id))).into(),
        areas: ["51"].map(|id| (id.into(), area(id))).into(),
        ..Catalogue::default()
    }
}

#[tokio::test]
async fn a_drive_that_does_not_answer_is_told_and_waited_for() {
    let running = Running::start();
    let (answer, silence) = std::sync::mpsc::sync_channel::<()>(1);
    let link = running.link.clone();
    let reading = tokio::spawn(async move {
        link.on_disk("reading the folder sach".to_owned(), move || {
            // Whoever is waited for goes away at last.
            let _gone = silence.recv().is_err();
            Ok(7)
        })
        .await
    });
    tokio::task::yield_now().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    until(|| !running.problems().is_empty()).await;
    assert_eq!(running.problems(), ["source: reading the folder sach: no answer for 60 s; is the drive connected?"]);
    assert!(!reading.is_finished());
    drop(answer);
    assert_eq!(reading.await.unwrap().unwrap(), 7);
}

#[test]
fn every_kind_has_a_name_for_who_looks_at_the_wall() {
    for kind in super::SOURCES {
        let key = format!("feed-kind-{}", kind.name.replace('_', "-"));
        for language in ["vi", "en"] {
            assert_ne!(panels::locale::text(language, &key), key, "{language}: {}", kind.name);
        }
    }
}
