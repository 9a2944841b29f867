//! A lost graphics device is replaced without anybody's help.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use protocol::{Canvas, StreamPosition};
use serde_json::Value;
use tokio::sync::mpsc;
use wall::connection::Inbound;
use wall::headless;
use wall::report::{ControlCommand, Report};
use wall::wall::Wall;

use crate::centre;

const PATIENCE: Duration = Duration::from_secs(30);

/// Hands each line of the report on.
struct Lines(SyncSender<Value>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.try_send(serde_json::from_slice(line)?).map_err(std::io::Error::other)?;
        Ok(line.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn wait_for(lines: &Receiver<Value>, what: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let line =
            lines.recv_timeout(until.saturating_duration_since(Instant::now())).expect("the wall says nothing more");
        if what(&line) {
            return line;
        }
    }
}

#[test]
fn the_picture_is_back_within_two_seconds_of_each_loss() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, lines) = sync_channel(1024);
    let (messages, inbox) = mpsc::channel(16);
    let (commands, orders) = mpsc::channel(16);
    let arranged = centre::arranged(1920, 1080);
    let snapshot =
        Inbound::Snapshot { position: StreamPosition { epoch: 3, offset: 1 }, changes: centre::snapshot(&arranged) };
    messages.try_send(snapshot).unwrap();
    let wall_thread = std::thread::spawn(move || {
        let wall = Wall::new("vi".into(), Some(Canvas { width_px: 1920, height_px: 1080 }), Report::to(Lines(sink)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(headless::run(wall, inbox, orders, None, std::future::pending()))
    });
    let order = |command| commands.blocking_send(Ok(command)).unwrap();
    wait_for(&lines, |line| line["cause"] == "snapshot");
    let picture = |name: &str| {
        let path = folder.path().join(name);
        order(ControlCommand::Capture(path.clone()));
        wait_for(&lines, |line| line["event"] == "capture");
        std::fs::read(path).unwrap()
    };
    let before = picture("before.png");
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let start = Instant::now();
        order(ControlCommand::DestroyDevice);
        wait_for(&lines, |line| line["event"] == "device" && line["state"] == "lost");
        wait_for(&lines, |line| line["event"] == "device" && line["state"] == "restored");
        slowest = slowest.max(start.elapsed());
        assert!(slowest < Duration::from_secs(2), "round {round}: {slowest:?}");
    }
    assert!(picture("after.png") == before, "the picture is another one");
    drop(Arc::new(messages));
    wall_thread.join().unwrap().unwrap();
}
