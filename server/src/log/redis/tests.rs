//! Whole servers of this crate over a real redis-server: each in a runtime of its own, so that one can die.

mod sharing;
mod trouble;

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use protocol::event::{CatalogueRevised, ObservationRow, RefusedRow};
use protocol::person::{Actor, Asking};
use protocol::{Catalogue, Command, ObservationStatus, Scenario, SeriesKey, SourceInfo, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::{App, Shared};
use crate::centre::Refusal;
use crate::config::{CentreConfig, LogSettings, Origin, Settings, SourceSpec};
use crate::log::recorder::{Batch, Decided, RecordError, Recorded};
use crate::sources::{Link, Source, SourceError};

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
        let output =
            process::Command::new("redis-cli").arg("-p").arg(self.port.to_string()).args(arguments).output().unwrap();
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

    /// Lets it use so many bytes more than now.
    fn limit(&self, more: u64) {
        let memory = self.ask(&["INFO", "memory"]);
        let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim();
        let limit = used.parse::<u64>().unwrap() + more;
        self.ask(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    }

    /// A server that lives and has archived so much.
    fn let_another_be_at(&self, offset: u64) {
        self.ask(&["SET", "ioc:server:http://127.0.0.1:1", &format!("1 {offset}")]);
        self.ask(&["SADD", "ioc:servers", "http://127.0.0.1:1"]);
    }

    fn let_the_other_go(&self) {
        self.ask(&["DEL", "ioc:server:http://127.0.0.1:1"]);
    }

    fn first_entry(&self) -> u64 {
        let first = "return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]";
        let id = self.ask(&["EVAL", first, "1", "ioc:entries"]);
        id.trim().strip_suffix("-0").unwrap().parse().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn_redis(port: u16, dir: &Path, appendfsync: &str) -> Child {
    let mut command = process::Command::new("redis-server");
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
        Self::start_with(url, data, Vec::new())
    }

    fn start_with(url: &str, data: &Path, sources: Vec<SourceSpec>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let settings = Settings {
            time_zone: "Asia/Ho_Chi_Minh".into(),
            log: LogSettings { redis: Some(url.to_owned()), advertise: None },
            ..Settings::default()
        };
        let CatalogueRevised { catalogue, walls, layouts, .. } = crate::hub::tests::revised();
        let origin = Origin::default();
        let config = CentreConfig { origin, settings, catalogue, walls, layouts, panel_lines: [].into(), sources };
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
        let idempotency_key = key.map(str::to_owned);
        let rows = [row].into_iter().collect();
        self.record_batch(Batch { source: "push".into(), rows, refused: Vec::new(), refused_count: 0, idempotency_key })
    }

    /// With a report of refused rows that takes about so many bytes.
    fn record_large(&self, value: f64, bytes: usize) -> Result<Recorded, RecordError> {
        let series = SeriesKey { indicator: "rainfall".into(), area: "qn".into(), scenario: Scenario::Actual };
        let phenomenon_time = Timestamp::from_secs(value as i64);
        self.record_batch(Batch {
            source: "push".into(),
            rows: [ObservationRow { series, value, phenomenon_time, status: ObservationStatus::ByHand }]
                .into_iter()
                .collect(),
            refused: vec![RefusedRow { row: 1, reason: "x".repeat(bytes) }],
            refused_count: 1,
            idempotency_key: Some(value.to_string()),
        })
    }

    fn record_batch(&self, batch: Batch) -> Result<Recorded, RecordError> {
        self.runtime.as_ref().unwrap().block_on(self.shared.recorder.record(batch))
    }

    fn command(&self, command: Command) -> Result<Decided, RecordError> {
        self.runtime
            .as_ref()
            .unwrap()
            .block_on(self.shared.recorder.command(Asking { by: Actor::Unnamed, from: None }, command))
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
