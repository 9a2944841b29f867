//! Whole servers of this crate over a real redis-server: each in a runtime of its own, so that one can die.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::event::ObservationRow;
use protocol::{Catalogue, ObservationStatus, Scenario, SeriesKey, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::app::{App, Shared};
use crate::config::{CentreConfig, LogSettings, Settings};
use crate::log::recorder::{Batch, RecordError, Recorded};

/// Longer than a lease and everything that hangs on it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Redis {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
    appendfsync: &'static str,
}

impl Redis {
    fn start() -> Self {
        Self::start_with("always")
    }

    fn start_with(appendfsync: &'static str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let child = spawn_redis(port, dir.path(), appendfsync);
        Self { child, port, dir, appendfsync }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = spawn_redis(self.port, self.dir.path(), self.appendfsync);
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli").arg("-p").arg(self.port.to_string()).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Cuts bytes off the end of the newest append-only file.
    fn cut(&self, bytes: u64) {
        let files = std::fs::read_dir(self.dir.path().join("appendonlydir")).unwrap();
        let newest = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .max()
            .unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(newest).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn_redis(port: u16, dir: &Path, appendfsync: &str) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
    command.args(["--appendfsync", appendfsync, "--dir"]).arg(dir).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    until("redis answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    child
}

/// A server with its own runtime and data folder.
struct Server {
    runtime: Option<Runtime>,
    shared: Shared,
    data: PathBuf,
}

impl Server {
    fn start(url: &str, data: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let settings = Settings {
            time_zone: "Asia/Ho_Chi_Minh".into(),
            log: LogSettings { redis: Some(url.to_owned()), advertise: None },
            ..Settings::default()
        };
        let config = CentreConfig {
            settings,
            catalogue: Catalogue::default(),
            walls: Default::default(),
            layouts: Default::default(),
            sources: Vec::new(),
        };
        let shared = runtime.block_on(async {
            let (listener, address): (_, SocketAddr) = crate::app::listen("127.0.0.1:0").await?;
            let app = App::start(config, data, address).await?;
            let shared = app.shared.clone();
            tokio::spawn(app.serve(listener, std::future::pending()));
            anyhow::Ok(shared)
        })?;
        Ok(Self { runtime: Some(runtime), shared, data: data.to_owned() })
    }

    /// As by SIGKILL: nothing is said to anyone.
    fn kill(&mut self) -> PathBuf {
        self.runtime.take().unwrap().shutdown_timeout(Duration::from_secs(5));
        self.data.clone()
    }

    fn record(&self, value: f64, key: Option<&str>) -> Result<Recorded, RecordError> {
        let series = SeriesKey { indicator: "rainfall".into(), area: "qn".into(), scenario: Scenario::Actual };
        let row = ObservationRow {
            series,
            value,
            phenomenon_time: Timestamp::from_secs(value as i64),
            status: ObservationStatus::ByHand,
        };
        let batch = Batch {
            source: "push".into(),
            rows: vec![row],
            refused: Vec::new(),
            idempotency_key: key.map(str::to_owned),
        };
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(self.shared.recorder.record(batch))
    }

    /// Everything the history has, after it has come as far as the log.
    fn values(&self) -> Vec<f64> {
        let series = SeriesKey { indicator: "rainfall".into(), area: "qn".into(), scenario: Scenario::Actual };
        let read = self.shared.store.history(&series, Timestamp(0), Timestamp(i64::MAX), None, 100_000);
        let rows = self.runtime.as_ref().unwrap().block_on(read).unwrap();
        rows.into_iter().map(|row| row.observation.value).collect()
    }

    fn is_writer(&self) -> bool {
        self.shared.recorder.shared_log().unwrap().is_writer()
    }

    fn is_away(&self) -> bool {
        self.shared.log_state.borrow().away_since.is_some()
    }

    fn position(&self) -> protocol::StreamPosition {
        self.shared.head.borrow().position
    }

    fn losses(&self) -> Vec<String> {
        self.shared.log_state.borrow().losses.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what it waits for is told by state, not by an event; the wait is bounded"
)]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn two_servers_share_one_log_and_a_key_gets_the_first_answer_on_both() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    until("one writes", || a.is_writer() != b.is_writer());
    let first = b.record(1.0, Some("k")).unwrap();
    let again = a.record(1.0, Some("k")).unwrap();
    assert_eq!((again.offset, again.repeated), (first.offset, true));
    for value in 2..20 {
        let server = if value % 2 == 0 { &a } else { &b };
        let recorded = server.record(f64::from(value), None).unwrap();
        assert!(!recorded.repeated);
        assert!(server.position().offset >= recorded.offset, "who is answered reads what it wrote");
    }
    until("both are at the head", || a.position() == b.position());
    let expected: Vec<f64> = (1..20).map(f64::from).collect();
    assert_eq!(a.values(), expected);
    assert_eq!(b.values(), expected);
}

#[test]
fn a_redis_that_does_not_sync_is_refused() {
    let (redis, data) = (Redis::start_with("everysec"), folder());
    let refused = Server::start(&redis.url(), data.path()).err().expect("refused").to_string();
    assert!(refused.contains("appendfsync everysec") && refused.contains("'appendfsync always'"), "{refused}");
}

#[test]
fn another_centres_data_folder_is_refused() {
    let (redis, other, data) = (Redis::start(), Redis::start(), folder());
    let mut first = Server::start(&other.url(), data.path()).unwrap();
    first.record(1.0, None).unwrap();
    first.kill();
    let busy = folder();
    let busy = Server::start(&redis.url(), busy.path()).unwrap();
    busy.record(2.0, None).unwrap();
    let refused = Server::start(&redis.url(), data.path()).err().expect("refused").to_string();
    assert!(refused.contains("another centre"), "{refused}");
}

#[test]
fn the_other_server_takes_over_when_the_writer_dies() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let mut a = Server::start(&redis.url(), a.path()).unwrap();
    until("the first writes", || a.is_writer());
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let first = a.record(1.0, Some("k")).unwrap();
    let folder_of_a = a.kill();
    let again = b.record(1.0, Some("k")).unwrap();
    assert_eq!((again.offset, again.repeated), (first.offset, true));
    b.record(2.0, None).unwrap();
    assert!(b.is_writer());
    let a = Server::start(&redis.url(), &folder_of_a).unwrap();
    a.record(3.0, None).unwrap();
    assert!(!a.is_writer(), "a server that comes back forwards");
    assert_eq!(a.values(), [1.0, 2.0, 3.0]);
}

#[test]
fn writes_are_refused_while_redis_is_away_and_nothing_is_lost() {
    let (mut redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        for value in round * 10 + 1..round * 10 + 6 {
            let server = if value % 2 == 0 { &a } else { &b };
            server.record(f64::from(value), None).unwrap();
            acknowledged.push(f64::from(value));
        }
        redis.kill();
        until("both notice", || a.is_away() && b.is_away());
        for server in [&a, &b] {
            let refused = server.record(1e6, None).unwrap_err();
            assert!(matches!(refused, RecordError::Unavailable { .. }), "{refused}");
            assert_eq!(server.values().len(), acknowledged.len(), "reading goes on");
        }
        redis.restart();
        until("both are back", || !a.is_away() && !b.is_away());
        until("one writes", || a.is_writer() != b.is_writer());
    }
    a.record(100.0, None).unwrap();
    acknowledged.push(100.0);
    until("both are at the head", || a.position() == b.position());
    assert_eq!((a.values(), b.values()), (acknowledged.clone(), acknowledged));
    assert_eq!((a.losses(), b.losses()), (Vec::<String>::new(), Vec::new()));
}

#[test]
fn a_log_cut_short_begins_a_new_epoch_and_the_loss_is_named() {
    let (mut redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    for value in 1..=100 {
        a.record(f64::from(value), None).unwrap();
    }
    until("both are at the head", || a.position() == b.position());
    let before = a.position();
    redis.kill();
    redis.cut(4096);
    redis.restart();
    until("both begin anew", || a.position().epoch != before.epoch && a.position() == b.position());
    assert!(a.position().offset < before.offset, "entries were cut off");
    for server in [&a, &b] {
        let losses = server.losses();
        assert_eq!(losses.len(), 1, "{losses:?}");
        assert!(losses[0].contains(&format!("to {} were lost", before.offset)), "{losses:?}");
    }
    until("one writes", || a.is_writer() != b.is_writer());
    for value in 1001..=1100 {
        b.record(f64::from(value), None).unwrap();
    }
    until("both are at the head", || a.position() == b.position());
    assert_eq!(a.values(), b.values());
    let kept: Vec<f64> = a.values().into_iter().filter(|value| *value <= 100.0).collect();
    assert_eq!(kept, (1..=kept.len()).map(|value| value as f64).collect::<Vec<_>>(), "a beginning, without gap");
    assert_eq!(a.values().len(), kept.len() + 100);
}

#[test]
fn a_redis_that_lost_everything_goes_on_behind_the_archives() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    a.record(1.0, None).unwrap();
    until("both are at the head", || a.position() == b.position());
    let before = a.position();
    redis.ask(&["FLUSHALL"]);
    until("both begin anew", || a.position().epoch != before.epoch && a.position() == b.position());
    until("one writes", || a.is_writer() != b.is_writer());
    a.record(2.0, None).unwrap();
    b.record(3.0, None).unwrap();
    until("both are at the head", || a.position() == b.position());
    assert_eq!((a.values(), b.values()), (vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]));
}

#[test]
fn a_newcomer_takes_trimmed_entries_from_another_server() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    for value in 1..=150 {
        a.record(f64::from(value), None).unwrap();
    }
    redis.ask(&["XTRIM", "ioc:entries", "MAXLEN", "10"]);
    let b = Server::start(&redis.url(), b.path()).unwrap();
    assert_eq!(b.position(), a.position());
    assert_eq!(b.values(), a.values());
    b.record(151.0, None).unwrap();
    assert_eq!(b.values().len(), 151);
}

/// Passes bytes on; once armed it cuts the connection after the next append has reached Redis.
async fn cutting_proxy(redis: u16, armed: Arc<AtomicBool>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let armed = Arc::clone(&armed);
            tokio::spawn(async move {
                let server = tokio::net::TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let answers =
                    tokio::spawn(async move { drop(tokio::io::copy(&mut from_server, &mut to_client).await) });
                let mut bytes = vec![0; 1 << 20];
                while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                    let is_append = bytes[..read].windows(8).any(|window| window == b"rainfall");
                    let is_cut = is_append && armed.swap(false, Ordering::SeqCst);
                    if is_cut {
                        answers.abort();
                    }
                    to_server.write_all(&bytes[..read]).await.unwrap();
                    if is_cut {
                        // Redis has it once it answers; the answer goes nowhere.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        return;
                    }
                }
                answers.abort();
            });
        }
    });
    port
}

#[test]
fn an_append_whose_answer_is_lost_is_neither_lost_nor_doubled() {
    let (redis, data) = (Redis::start(), folder());
    let proxy = Runtime::new().unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let port = proxy.block_on(cutting_proxy(redis.port, Arc::clone(&armed)));
    let server = Server::start(&format!("redis://127.0.0.1:{port}/"), data.path()).unwrap();
    until("the configuration is in the log", || server.position().offset == 1);
    for value in 1..=10 {
        armed.store(true, Ordering::SeqCst);
        let before = server.position().offset;
        let recorded = server.record(f64::from(value), None).unwrap();
        assert!(!armed.load(Ordering::SeqCst), "the answer was cut off");
        assert_eq!((recorded.offset, recorded.repeated), (before + 1, false));
    }
    assert_eq!(server.values(), (1..=10).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn two_who_write_at_once_take_turns() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    until("the first writes", || a.is_writer());
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let revised = |turn: i64| {
        let mut catalogue = Catalogue::default();
        catalogue.centre.vi = turn.to_string();
        let event = protocol::event::CatalogueRevised {
            at: Timestamp(turn),
            catalogue,
            walls: Default::default(),
            layouts: Default::default(),
        };
        protocol::Event::CatalogueRevised(Box::new(event))
    };
    // A revision is not forwarded: it stands for a writer that has not noticed that its lease is gone.
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=50).for_each(|value| drop(a.record(f64::from(value), None).unwrap())));
        scope.spawn(|| {
            for turn in 1..=50 {
                let recorder = &b.shared.recorder;
                b.runtime.as_ref().unwrap().block_on(recorder.revise(revised(turn))).unwrap();
            }
        });
    });
    until("both are at the head", || a.position() == b.position());
    assert_eq!(a.position().offset, 101, "a configuration, 50 batches, 50 revisions: none lost, none doubled");
    assert_eq!(a.values(), (1..=50).map(f64::from).collect::<Vec<_>>());
    assert_eq!(a.shared.centre.borrow().catalogue.centre.vi, "50");
    assert_eq!(*a.shared.centre.borrow(), *b.shared.centre.borrow());
}

#[test]
fn a_lease_that_is_lost_is_waited_for() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    redis.ask(&["SET", "ioc:lease", "http://127.0.0.1:1 somebody", "PX", "2500"]);
    until("it notices", || !server.is_writer());
    server.record(1.0, None).unwrap();
    assert!(server.is_writer());
    assert_eq!(server.values(), [1.0]);
}

#[test]
fn only_servers_of_the_centre_are_answered() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    let lease = redis.ask(&["GET", "ioc:lease"]);
    let url = format!("{}/internal/v1/log?after=0&limit=1", lease.split(' ').next().unwrap());
    let secret = redis.ask(&["GET", "ioc:secret"]);
    let status = |secret: &str| {
        let request = reqwest::Client::new().get(&url).header(super::SECRET_HEADER, secret).send();
        server.runtime.as_ref().unwrap().block_on(request).unwrap().status().as_u16()
    };
    assert_eq!(status(""), 403);
    assert_eq!(status("guessed"), 403);
    assert_eq!(status(secret.trim()), 200);
}

#[test]
fn what_a_cut_leaves_is_known_however_long_the_log_is_again() {
    let folder = folder();
    let runtime = Runtime::new().unwrap();
    let log = crate::log::local::LocalLog::open_archive(folder.path()).unwrap();
    let first = log.head().position.epoch;
    let grow = |count: usize| {
        let event = protocol::Event::LayoutShown(protocol::event::LayoutShown {
            at: Timestamp(0),
            wall: "main".into(),
            layout: "overview".into(),
        });
        let draft = crate::log::Draft { body: rmp_serde::to_vec_named(&event).unwrap(), event };
        runtime.block_on(log.append(vec![draft; count], Timestamp(0))).unwrap();
    };
    assert_eq!(log.kept_since(first).unwrap(), u64::MAX);
    grow(10);
    assert_eq!(runtime.block_on(log.cut(first + 1, 6)).unwrap(), 4);
    grow(10);
    assert_eq!(runtime.block_on(log.cut(first + 2, 12)).unwrap(), 4);
    assert_eq!(log.kept_since(first).unwrap(), 6, "the lowest of the cuts since then");
    assert_eq!(log.kept_since(first + 1).unwrap(), 12);
    assert_eq!(log.kept_since(first + 2).unwrap(), u64::MAX);
    assert_eq!(log.kept_since(first + 3).unwrap(), 0, "never its own");
}
