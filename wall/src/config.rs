//! The command line and the environment.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use protocol::{LayoutId, ViewName, WallId};

/// Shows a wall of an operations centre, in windows or headless.
#[derive(Debug, Clone, Parser)]
#[command(name = "ioc-wall", version)]
pub struct Config {
    /// Address of a server; give several and a lost one is replaced by the next.
    #[arg(long = "server", env = "IOC_SERVER", value_delimiter = ',', default_value = "http://127.0.0.1:8080")]
    pub servers: Vec<Server>,
    /// The wall to show.
    #[arg(long, env = "IOC_WALL", required_unless_present = "layout", conflicts_with = "layout")]
    pub wall: Option<String>,
    /// A layout to show instead of a wall.
    #[arg(long, env = "IOC_LAYOUT")]
    pub layout: Option<String>,
    /// A display of the wall that this machine drives, one window each; one window with everything if absent. It
    /// fills the monitor of the same name (`xrandr` lists them), else the next one from the left.
    #[arg(long = "display", env = "IOC_DISPLAY", value_delimiter = ',')]
    pub displays: Vec<String>,
    /// Draws without a window, on a canvas of this size in pixels.
    #[arg(long, env = "IOC_HEADLESS", value_name = "WxH")]
    pub headless: Option<Size>,
    /// Writes the picture to this PNG file, then ends.
    #[arg(long, env = "IOC_CAPTURE", value_name = "FILE.png")]
    pub capture: Option<PathBuf>,
    /// How long after the first complete picture the capture is taken.
    #[arg(long, env = "IOC_AFTER", value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub after: f64,
    /// A file with the bearer token for the server.
    #[arg(long, env = "IOC_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Writes a JSON line for each presented frame and each event to this file, or `-`.
    #[arg(long, env = "IOC_REPORT", value_name = "FILE|-")]
    pub report: Option<PathBuf>,
    /// Takes commands from standard input: `capture PATH`, `pixel X Y`, `destroy-device`.
    #[arg(long, env = "IOC_CONTROL", value_name = "-", value_parser = ["-"])]
    pub control: Option<String>,
    /// The language of words that are not data.
    #[arg(long, env = "IOC_LANGUAGE", default_value = "vi", value_parser = ["vi", "en"])]
    pub language: String,
    /// How the log on standard error is written.
    #[arg(long, env = "IOC_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// What is shown.
    #[must_use]
    pub fn view(&self) -> ViewName {
        match (&self.wall, &self.layout) {
            (_, Some(layout)) => ViewName::Layout(LayoutId::from(layout.as_str())),
            (wall, None) => ViewName::Wall(WallId::from(wall.as_deref().unwrap_or("main"))),
        }
    }
}

/// Pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width_px: u32,
    pub height_px: u32,
}

/// The largest side of a canvas that any adapter holds.
const MAX_SIDE_PX: u32 = 32_768;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("'{text}' is no size; write width x height in pixels, such as 3840x2160");
        let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(wanted)?;
        let side = |side: &str| side.trim().parse::<u32>().ok().filter(|side| (16..=MAX_SIDE_PX).contains(side));
        let (Some(width_px), Some(height_px)) = (side(width), side(height)) else {
            return Err(format!("{}; each side from 16 to {MAX_SIDE_PX}", wanted()));
        };
        Ok(Self { width_px, height_px })
    }
}

/// The address of a server, as given and as its live address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub live: String,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("ws://")).ok_or_else(|| {
            format!("'{text}' is no address of a server; write http://HOST:PORT (encrypted connections end at a proxy on this machine)")
        })?;
        let host = rest.trim_end_matches('/');
        if host.is_empty() || host.contains('@') || host.contains('/') {
            return Err(format!("'{text}' is no address of a server; write http://HOST:PORT without path or password"));
        }
        Ok(Self { live: format!("ws://{host}/live") })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let wanted = || format!("'{text}' is no number of seconds, such as 2.5");
    text.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds)).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_sides() {
        assert_eq!("3840x2160".parse(), Ok(Size { width_px: 3840, height_px: 2160 }));
        for bad in ["3840", "0x10", "x", "99999999x2", "-1x5", "a×b"] {
            assert!(bad.parse::<Size>().unwrap_err().contains("3840x2160"), "{bad}");
        }
    }

    #[test]
    fn an_address_becomes_that_of_the_live_connection() {
        assert_eq!("http://127.0.0.1:8080/".parse::<Server>().unwrap().live, "ws://127.0.0.1:8080/live");
        for bad in ["127.0.0.1:8080", "https://wall.example", "http://", "http://me:secret@host", "http://host/path"] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wall_or_a_layout_must_be_named_but_not_both() {
        let parse = |args: &[&str]| Config::try_parse_from([&["ioc-wall"], args].concat());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--wall", "main", "--layout", "overview"]).is_err());
        assert_eq!(parse(&["--layout", "overview"]).unwrap().view(), ViewName::Layout("overview".into()));
        let config = parse(&["--wall", "main", "--display", "a", "--display", "b", "--headless", "640x360"]).unwrap();
        assert_eq!((config.view(), config.displays.len()), (ViewName::Wall("main".into()), 2));
    }
}
