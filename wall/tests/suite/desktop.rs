//! A window system without a screen, with eyes and hands of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt, ImageFormat, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT,
    StackMode, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between looks at something that sends no word when it changes.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Keys of the keyboard that Xvfb has.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Escape = 9,
    F11 = 95,
}

/// An Xvfb of its own, gone when dropped.
pub struct Desktop {
    server: Child,
    pub name: String,
    x11: RustConnection,
    root: Window,
}

impl Desktop {
    /// One screen of `size`, such as `2000x1200`.
    pub fn start(size: &str) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &format!("{size}x24"), "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("Xvfb cannot be started ({error}): apt-get install xvfb"));
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        let (x11, screen) = x11rb::connect(Some(&name)).unwrap();
        let root = x11.setup().roots[screen].root;
        Self { server, name, x11, root }
    }

    /// The window of that title, as soon as it is there.
    pub fn window(&self, title: &str) -> Window {
        let found = || self.children().into_iter().find(|window| self.title(*window) == title);
        until(&format!("a window '{title}'"), found)
    }

    fn children(&self) -> Vec<Window> {
        self.x11.query_tree(self.root).unwrap().reply().unwrap().children
    }

    /// Windows come and go while one looks.
    fn title(&self, window: Window) -> String {
        let name = self.x11.intern_atom(false, b"_NET_WM_NAME").unwrap().reply().unwrap().atom;
        let title = self.x11.get_property(false, window, name, AtomEnum::ANY, 0, 1024).unwrap().reply();
        title.map_or_else(|_| String::new(), |title| String::from_utf8_lossy(&title.value).into_owned())
    }

    /// Puts a window on top, at the upper left, in that size.
    pub fn place(&self, window: Window, (width, height): (u32, u32)) {
        let place = ConfigureWindowAux::new()
            .x(0)
            .y(0)
            .width(width)
            .height(height)
            .border_width(0)
            .stack_mode(StackMode::ABOVE);
        self.x11.configure_window(window, &place).unwrap().check().unwrap();
    }

    /// What a window shows, RGB; `None` while it has another size.
    pub fn picture(&self, window: Window, (width, height): (u32, u32)) -> Option<Vec<u8>> {
        let geometry = self.x11.get_geometry(window).unwrap().reply().unwrap();
        if (u32::from(geometry.width), u32::from(geometry.height)) != (width, height) {
            return None;
        }
        let image = self
            .x11
            .get_image(ImageFormat::Z_PIXMAP, window, 0, 0, geometry.width, geometry.height, u32::MAX)
            .unwrap()
            .reply()
            .ok()?;
        Some(image.data.chunks_exact(4).flat_map(|bgrx| [bgrx[2], bgrx[1], bgrx[0]]).collect())
    }

    /// Waits until a window shows exactly that.
    pub fn shows(&self, what: &str, window: Window, size: (u32, u32), expected: &[u8]) {
        until(what, || self.picture(window, size).is_some_and(|shown| shown == expected).then_some(()));
    }

    /// Strikes a key in a window.
    pub fn press(&self, window: Window, key: Key) {
        self.x11.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME).unwrap().check().unwrap();
        for event in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            let fake = self.x11.xtest_fake_input(event, key as u8, x11rb::CURRENT_TIME, self.root, 0, 0, 0);
            fake.unwrap().check().unwrap();
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// Looks again and again until there is something.
#[allow(clippy::disallowed_methods, reason = "neither pixels nor the end of a process send word")]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}
