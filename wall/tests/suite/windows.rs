//! The real program in real windows.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use protocol::change::Arranged;
use protocol::{Canvas, Display, Wall};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::desktop::{Desktop, Key, PATIENCE, until};
use crate::{centre, connection};

const CANVAS: (u32, u32) = (1920, 1080);
const HALF: (u32, u32) = (960, 1080);

/// A server that shows one picture to whoever comes.
struct Server {
    address: String,
    _runtime: Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            loop {
                let mut live = connection::accept(&listener).await;
                live.welcome(false).await;
                live.snapshot_of(1, centre::snapshot(&arranged())).await;
                tokio::spawn(live.idle(1));
            }
        });
        Self { address, _runtime: runtime }
    }
}

/// A wall of two displays side by side.
fn arranged() -> Arranged {
    let display = |name: &str, x_px| Display { name: name.into(), x_px, y_px: 0, width_px: HALF.0, height_px: HALF.1 };
    let (width_px, height_px) = CANVAS;
    let wall = Wall {
        id: "main".into(),
        name: Default::default(),
        canvas: Canvas { width_px, height_px },
        displays: vec![display("left", 0), display("right", HALF.0)],
        room: None,
        layout: "measured".into(),
        lead_ms: 0,
    };
    Arranged { wall: Some(wall), ..centre::arranged(width_px, height_px) }
}

/// The program, and what it reports; ended when dropped.
struct Program {
    process: Child,
    orders: ChildStdin,
    lines: Receiver<Value>,
}

impl Program {
    fn start(desktop: &Desktop, server: &Server, displays: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ioc-wall"))
            .args(["--server", &server.address, "--wall", "main", "--report", "-", "--control", "-"])
            .args(displays.iter().flat_map(|display| ["--display", display]))
            .env("DISPLAY", &desktop.name)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, reports) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (sink, lines) = sync_channel(1024);
        std::thread::spawn(move || {
            for line in BufReader::new(reports).lines().map_while(Result::ok) {
                if sink.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { process, orders, lines }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"));
            if is_it(&line) {
                return line;
            }
        }
    }

    /// The canvas, RGB.
    fn canvas(&mut self, folder: &Path) -> Vec<u8> {
        let path = folder.join("canvas.png");
        self.order(&format!("capture {}", path.display()));
        self.wait_for("the capture", |line| line["event"] == "capture");
        let file = BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgba).unwrap();
        rgba.chunks_exact(4).flat_map(|rgba| [rgba[0], rgba[1], rgba[2]]).collect()
    }

    fn ended(&mut self) -> ExitStatus {
        until("the end of the program", || self.process.try_wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }
}

/// Columns `from..to` of a picture as wide as the canvas.
fn columns(canvas: &[u8], from: u32, to: u32) -> Vec<u8> {
    let row = |row: &[u8]| row[from as usize * 3..to as usize * 3].to_vec();
    canvas.chunks_exact(CANVAS.0 as usize * 3).flat_map(row).collect()
}

#[test]
fn a_window_shows_the_canvas_through_resizing_device_loss_and_keys() {
    let (desktop, server) = (Desktop::start("2000x1200"), Server::start());
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&desktop, &server, &[]);
    let window = desktop.window("Toàn Cảnh");
    program.wait_for("the picture", |line| line["cause"] == "snapshot");
    let canvas = program.canvas(folder.path());
    desktop.place(window, CANVAS);
    desktop.shows("the canvas in a window of its size", window, CANVAS, &canvas);

    let square = (900, 900);
    desktop.place(window, square);
    let bars_and_middle = |shown: &[u8]| {
        let row = |y: usize| &shown[y * 900 * 3..(y + 1) * 900 * 3];
        let is_black = |y| row(y).iter().all(|channel| *channel == 0);
        // 900 × 506 in the middle of 900 × 900.
        is_black(0) && is_black(196) && is_black(703) && is_black(899) && !is_black(198) && !is_black(450)
    };
    let shown =
        until("bars above and below", || desktop.picture(window, square).filter(|shown| bars_and_middle(shown)));

    for round in 0..3 {
        program.order("destroy-device");
        program.wait_for("the loss", |line| line["event"] == "device" && line["state"] == "lost");
        program.wait_for("the picture back", |line| line["event"] == "device" && line["state"] == "restored");
        desktop.shows(&format!("the same picture after loss {round}"), window, square, &shown);
    }
    desktop.press(window, Key::F11);
    desktop.press(window, Key::F11);
    desktop.place(window, CANVAS);
    desktop.shows("the canvas after F11 and back", window, CANVAS, &canvas);
    desktop.press(window, Key::Escape);
    assert!(program.ended().success());
}

#[test]
fn two_displays_are_two_windows_with_a_half_each() {
    let (desktop, server) = (Desktop::start("2000x1200"), Server::start());
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&desktop, &server, &["left", "right"]);
    let [left, right] = ["left", "right"].map(|name| desktop.window(&format!("Toàn Cảnh · {name}")));
    program.wait_for("the picture", |line| line["cause"] == "snapshot");
    let canvas = program.canvas(folder.path());
    let halves = [columns(&canvas, 0, HALF.0), columns(&canvas, HALF.0, CANVAS.0)];
    assert!(halves[0] != halves[1]);
    for (name, window, half) in [("left", left, &halves[0]), ("right", right, &halves[1]), ("left", left, &halves[0])] {
        desktop.place(window, HALF);
        desktop.shows(&format!("the half of display {name}"), window, HALF, half);
    }
}
