//! What the wall tells of itself, one JSON object a line, and the commands it takes.

use std::fs::File;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use panels::Link;
use protocol::{CloseReason, Timestamp};
use serde::Serialize;
use tokio::sync::mpsc;

/// Why a frame was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A frame of the server.
    Frame,
    Snapshot,
    /// A panel whose picture changes with time.
    Clock,
    /// One arrangement goes over into another.
    Transition,
    /// The link was lost or is back.
    Link,
    /// The graphics device was replaced.
    Device,
}

/// One presented frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Presented {
    pub epoch: u64,
    /// Offset up to which the picture shows everything.
    pub until: u64,
    pub cause: Cause,
    /// When it was due, on the server's clock; only frames of the server have that.
    pub present_at: Option<Timestamp>,
    /// When the GPU had finished it, on this machine's clock.
    pub presented_at: Timestamp,
    /// How far the server's clock is ahead of this machine's, as estimated.
    pub clock_ahead: i64,
    pub clock_good: bool,
    /// How many panels look different.
    pub changed_panels: usize,
    pub link: LinkState,
}

/// Whether the server is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    Live,
    Lost,
    LogAway,
}

impl From<Link> for LinkState {
    fn from(link: Link) -> Self {
        match link {
            Link::Live => Self::Live,
            Link::Lost { .. } => Self::Lost,
            Link::LogAway { .. } => Self::LogAway,
        }
    }
}

/// Something else that happened, or the answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Note {
    Snapshot {
        epoch: u64,
        offset: u64,
    },
    Resumed {
        epoch: u64,
        offset: u64,
    },
    Link {
        state: LinkState,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    Device {
        state: DeviceState,
        at: Timestamp,
    },
    Gap {
        position: u64,
        since: u64,
    },
    Bye {
        reason: CloseReason,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    Capture {
        path: PathBuf,
        epoch: u64,
        until: u64,
    },
    Pixel {
        x: u32,
        y: u32,
        rgba: [u8; 4],
        epoch: u64,
        until: u64,
    },
    Error {
        message: String,
    },
}

/// How the graphics device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    Lost,
    /// The whole picture is on the canvas of a new device.
    Restored,
}

/// Where the lines go; shared by all that have something to tell.
#[derive(Clone)]
pub struct Report {
    sink: Arc<Mutex<Option<Box<dyn Write + Send>>>>,
}

impl Report {
    /// Nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self { sink: Arc::default() }
    }

    /// To any writer.
    #[must_use]
    pub fn to(sink: impl Write + Send + 'static) -> Self {
        Self { sink: Arc::new(Mutex::new(Some(Box::new(sink)))) }
    }

    /// To a file, or to standard output for `-`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::to(std::io::stdout()));
        }
        Ok(Self::to(File::create(path)?))
    }

    /// Writes a line. When nobody reads any more, the wall goes on without a report.
    pub fn line(&self, line: &impl Serialize) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = sink.as_mut() else { return };
        let written = serde_json::to_vec(line).map_err(std::io::Error::other).and_then(|mut bytes| {
            bytes.push(b'\n');
            writer.write_all(&bytes)?;
            writer.flush()
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the report cannot be written and ends here");
            *sink = None;
        }
    }
}

/// What may be asked on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlCommand {
    Capture(PathBuf),
    Pixel { x: u32, y: u32 },
    DestroyDevice,
}

impl FromStr for ControlCommand {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("capture", path) if !path.is_empty() => Ok(Self::Capture(path.into())),
            ("destroy-device", "") => Ok(Self::DestroyDevice),
            ("pixel", place) => {
                match place.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>().as_deref() {
                    Ok(&[x, y]) => Ok(Self::Pixel { x, y }),
                    _ => Err(format!("'{line}': write pixel X Y, two whole numbers")),
                }
            }
            _ => Err(format!("'{line}' is no command; there are: capture PATH, pixel X Y, destroy-device")),
        }
    }
}

/// Reads commands until the input ends, on a thread of its own; `wake` is called after each.
///
/// # Errors
/// When the thread cannot be started.
pub fn read_commands(
    commands: mpsc::Sender<Result<ControlCommand, String>>,
    wake: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let command = match line {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line.parse(),
                Err(error) => Err(format!("standard input cannot be read: {error}")),
            };
            if commands.blocking_send(command).is_err() {
                return;
            }
            wake();
        }
    };
    std::thread::Builder::new().name("control".into()).spawn(read).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_complaints_say_what_is_right() {
        assert_eq!("capture /tmp/a b.png".parse(), Ok(ControlCommand::Capture("/tmp/a b.png".into())));
        assert_eq!(" pixel 3 4 ".parse(), Ok(ControlCommand::Pixel { x: 3, y: 4 }));
        assert_eq!("destroy-device".parse(), Ok(ControlCommand::DestroyDevice));
        for bad in ["capture", "pixel 3", "pixel -1 2", "pixel 1 2 3", "reboot", "destroy-device now"] {
            assert!(bad.parse::<ControlCommand>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_have_the_fields_that_readers_rely_on() {
        let presented = Presented {
            epoch: 7,
            until: 12,
            cause: Cause::Frame,
            present_at: Some(Timestamp(5)),
            presented_at: Timestamp(6),
            clock_ahead: -1,
            clock_good: true,
            changed_panels: 2,
            link: LinkState::Live,
        };
        let line = serde_json::to_value(&presented).unwrap();
        assert_eq!(
            line,
            serde_json::json!({"epoch": 7, "until": 12, "cause": "frame", "present_at": 5, "presented_at": 6,
            "clock_ahead": -1, "clock_good": true, "changed_panels": 2, "link": "live"})
        );
        let note = serde_json::to_value(Note::Device { state: DeviceState::Lost, at: Timestamp(1) }).unwrap();
        assert_eq!(note, serde_json::json!({"event": "device", "state": "lost", "at": 1}));
    }
}
