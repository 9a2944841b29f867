//! The wall without a window: the same loop, drawn on the canvas only.

use std::path::PathBuf;
use std::time::Duration;

use protocol::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::connection::Inbound;
use crate::gpu::{Gpu, GpuError};
use crate::report::ControlCommand;
use crate::wall::Wall;

/// A capture waits this long for a first complete picture.
pub const CAPTURE_PATIENCE: Duration = Duration::from_secs(30);

/// A picture to take and where to put it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureWish {
    pub path: PathBuf,
    /// After the first complete picture.
    pub after: Duration,
}

/// Why the wall ended.
#[derive(Debug, thiserror::Error)]
pub enum EndedEarly {
    #[error("{0}")]
    Gpu(#[from] GpuError),
    #[error("{0}")]
    Capture(#[from] crate::capture::CaptureError),
    #[error("no window could be opened: {0}")]
    Windows(String),
    #[error("no complete picture within {} s: is the server reachable, and does it have this wall?", CAPTURE_PATIENCE.as_secs())]
    NoPicture,
}

/// What a driver does next about a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureStep {
    /// Look again at this moment, or when something was drawn; local time.
    Wait(Timestamp),
    Take,
    GiveUp,
}

impl CaptureWish {
    /// Whether it is time: `after` the first complete picture, unless there is none for too long.
    #[must_use]
    pub fn step(&self, first_picture_at: Option<Timestamp>, started: Timestamp, now: Timestamp) -> CaptureStep {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let (due, what) = match first_picture_at {
            Some(first) => (first.plus_micros(micros(self.after)), CaptureStep::Take),
            None => (started.plus_micros(micros(CAPTURE_PATIENCE)), CaptureStep::GiveUp),
        };
        if due <= now { what } else { CaptureStep::Wait(due) }
    }
}

/// Runs until the connection ends, the capture is taken, or `stop` comes.
///
/// # Errors
/// When there is no graphics device or no picture to capture.
pub async fn run(
    mut wall: Wall,
    mut messages: mpsc::Receiver<Inbound>,
    mut commands: mpsc::Receiver<Result<ControlCommand, String>>,
    capture: Option<CaptureWish>,
    stop: impl Future<Output = ()>,
) -> Result<(), EndedEarly> {
    tokio::pin!(stop);
    let started = wall.clock().now();
    loop {
        draw(&mut wall).await?;
        let mut due = wall.wake_at();
        if let Some(wish) = &capture {
            match wish.step(wall.first_picture_at(), started, wall.clock().now()) {
                CaptureStep::Take => return Ok(wall.capture(&wish.path)?),
                CaptureStep::GiveUp => return Err(EndedEarly::NoPicture),
                CaptureStep::Wait(at) => due = due.into_iter().chain([wall.clock().instant(at)]).min(),
            }
        }
        let due = due.map(Instant::from_std);
        tokio::select! {
            message = messages.recv() => {
                let Some(message) = message else { return Ok(()) };
                wall.receive(message);
                while let Ok(message) = messages.try_recv() {
                    wall.receive(message);
                }
            }
            Some(command) = commands.recv() => wall.command(command),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            () = &mut stop => return Ok(()),
        }
    }
}

/// Draws what is due, on a new device if the old one is gone and there is one.
async fn draw(wall: &mut Wall) -> Result<(), GpuError> {
    while wall.revive(Gpu::headless)? {
        match show(wall).await {
            Err(error) if wall.needs_device() => tracing::debug!(%error, "drawing again on another device"),
            other => return other,
        }
    }
    wall.follow();
    Ok(())
}

async fn show(wall: &mut Wall) -> Result<(), GpuError> {
    let update = wall.update()?;
    if let Some(at) = update.show_at() {
        sleep_until(wall.clock().instant(at).into()).await;
    }
    wall.finish(update)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_counts_from_the_first_complete_picture() {
        let wish = CaptureWish { path: "x.png".into(), after: Duration::from_secs(3) };
        let at = Timestamp::from_secs;
        assert_eq!(wish.step(None, at(100), at(101)), CaptureStep::Wait(at(130)));
        assert_eq!(wish.step(None, at(100), at(130)), CaptureStep::GiveUp);
        assert_eq!(wish.step(Some(at(120)), at(100), at(122)), CaptureStep::Wait(at(123)));
        assert_eq!(wish.step(Some(at(120)), at(100), at(123)), CaptureStep::Take);
    }
}
