//! A lost graphics device is replaced without anybody's help.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use protocol::message::Bye;
use protocol::{Canvas, CloseReason, Frame, StreamPosition, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;
use wall::clock::LocalClock;
use wall::connection::Inbound;
use wall::gpu::{Gpu, GpuError};
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
        let canvas = Canvas { width_px: 1920, height_px: 1080 };
        let wall = Wall::new(LocalClock::new(), "vi".into(), Some(canvas), Report::to(Lines(sink)));
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
    drop(messages);
    wall_thread.join().unwrap().unwrap();
}

fn present(wall: &mut Wall) -> bool {
    assert!(wall.revive(Gpu::headless).unwrap());
    let update = wall.update().unwrap();
    let is_drawn = update.is_drawn();
    wall.finish(update).unwrap();
    is_drawn
}

#[test]
#[allow(clippy::disallowed_methods, reason = "sleeps until the moment that the wall names, as its drivers do")]
fn a_device_that_stays_away_is_asked_for_now_and_then_and_for_ever() {
    let canvas = Canvas { width_px: 320, height_px: 180 };
    let mut wall = Wall::new(LocalClock::new(), "vi".into(), Some(canvas), Report::none());
    let nothing = || Err(GpuError::ReadBack("there is no adapter".into()));
    assert!(wall.revive(nothing).is_err(), "one that never was there is not waited for");
    let mut wall = Wall::new(LocalClock::new(), "vi".into(), Some(canvas), Report::none());
    assert!(present(&mut wall));
    wall.command(Ok(ControlCommand::DestroyDevice));
    assert!(wall.wake_at().unwrap() <= Instant::now(), "the first attempt comes at once");
    let (mut asked, start) = (0, Instant::now());
    while asked < 3 {
        let revived = wall.revive(|| {
            asked += 1;
            nothing()
        });
        assert!(!revived.unwrap());
        let wake_at = wall.wake_at().unwrap();
        std::thread::sleep(wake_at.saturating_duration_since(Instant::now()));
    }
    let least = Duration::from_millis(250 + 500);
    assert!(start.elapsed() >= least, "asked three times within {:?}", start.elapsed());
    while wall.needs_device() {
        wall.revive(Gpu::headless).unwrap();
    }
    assert!(present(&mut wall), "everything is drawn anew");
}

#[test]
fn the_server_is_followed_while_there_is_no_device() {
    let canvas = Canvas { width_px: 320, height_px: 180 };
    let mut wall = Wall::new(LocalClock::new(), "vi".into(), Some(canvas), Report::none());
    let arranged = centre::arranged(1920, 1080);
    let position = StreamPosition { epoch: 3, offset: 1 };
    wall.receive(Inbound::Snapshot { position, changes: centre::snapshot(&arranged) });
    assert!(present(&mut wall));
    wall.command(Ok(ControlCommand::DestroyDevice));
    let frame = Frame { since: 1, until: 2, present_at: Timestamp(0), changes: centre::news(&arranged, 3, 1, 2) };
    wall.receive(Inbound::Frame { frame, after: 1, heard: Timestamp(0) });
    wall.follow();
    assert_eq!(wall.model().position(), Some(StreamPosition { epoch: 3, offset: 2 }));
}

#[test]
fn a_wall_that_never_had_a_picture_shows_that_the_link_is_lost_and_why() {
    let canvas = Canvas { width_px: 1920, height_px: 1080 };
    let mut wall = Wall::new(LocalClock::new(), "vi".into(), Some(canvas), Report::none());
    assert!(present(&mut wall), "it waits");
    assert!(!present(&mut wall));
    wall.receive(Inbound::Lost { since: LocalClock::new().now() });
    assert!(present(&mut wall), "the link is lost");
    let bye = Bye { reason: CloseReason::UnknownView, retry_after_ms: 100, detail: None };
    wall.receive(Inbound::Bye(bye.clone()));
    assert!(present(&mut wall), "there is no such wall");
    wall.receive(Inbound::Bye(bye));
    assert!(!present(&mut wall), "it was said already");
}

/// Other panels in a frame of the server; the way to them has just begun.
fn other_panels(wall: &mut Wall, width_px: u32) {
    let arranged = centre::arranged_of(2, 1, Canvas { width_px, height_px: 1080 });
    let soon = LocalClock::new().now().plus_micros(390_000);
    let frame = Frame { since: 1, until: 2, present_at: soon, changes: centre::snapshot(&arranged) };
    wall.receive(Inbound::Frame { frame, after: 0, heard: Timestamp(0) });
}

#[test]
fn panels_on_their_way_arrive_at_once_when_the_picture_itself_is_another_one() {
    let snapshot = || {
        let position = StreamPosition { epoch: 3, offset: 1 };
        Inbound::Snapshot { position, changes: centre::snapshot(&centre::arranged(1920, 1080)) }
    };
    type Cut = fn(&mut Wall);
    let cuts: [(&str, Option<Cut>); 4] = [
        ("nothing", None),
        ("the device is lost", Some(|wall| wall.command(Ok(ControlCommand::DestroyDevice)))),
        (
            "a snapshot",
            Some(|wall| {
                let position = StreamPosition { epoch: 4, offset: 1 };
                wall.receive(Inbound::Snapshot { position, changes: centre::snapshot(&centre::arranged(1920, 1080)) });
            }),
        ),
        ("a canvas of another size", Some(|wall| other_panels(wall, 1080))),
    ];
    for (what, cut) in cuts {
        let mut wall = Wall::new(LocalClock::new(), "vi".into(), None, Report::none());
        wall.receive(snapshot());
        assert!(present(&mut wall));
        assert!(!present(&mut wall), "{what}: all is drawn");
        other_panels(&mut wall, 1920);
        assert!(present(&mut wall) && present(&mut wall), "{what}: panels are on their way");
        let Some(cut) = cut else { continue };
        cut(&mut wall);
        assert!(present(&mut wall), "{what}");
        assert!(!present(&mut wall), "{what}: nothing is on its way any more");
    }
}
