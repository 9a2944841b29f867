//! A real wall without a window, that reports what it presents.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::binary;
use crate::process::Process;

/// A wall that was started.
pub struct Wall {
    process: Process,
}

impl Wall {
    /// Starts a wall of `server` without a window; `size` is `3840x2160`.
    ///
    /// # Errors
    /// When there is no program.
    pub fn start(server: &str, wall: &str, size: &str, log: &Path) -> Result<Self> {
        Self::start_with(&["--server", server, "--wall", wall, "--headless", size], log)
    }

    /// Starts a wall with arguments of one's own, besides those for report and control.
    ///
    /// # Errors
    /// When there is no program.
    pub fn start_with(arguments: &[&str], log: &Path) -> Result<Self> {
        let arguments = [arguments, &["--report", "-", "--control", "-"]].concat();
        Ok(Self { process: Process::start(&binary("ioc-wall")?, &arguments, &[], log)? })
    }

    /// The process behind it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The next thing it reports.
    ///
    /// # Errors
    /// When it says nothing within `limit` or ended.
    pub async fn report(&mut self, limit: Duration) -> Result<Value> {
        let line = self.process.line(limit).await?;
        serde_json::from_str(&line).with_context(|| format!("the wall reported: {line}"))
    }

    /// Reads reports until one is `wanted`.
    ///
    /// # Errors
    /// When none comes within `limit`.
    pub async fn report_where(
        &mut self,
        what: &str,
        limit: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let mut newest = Value::Null;
        let search = async {
            loop {
                newest = self.report(limit).await?;
                if wanted(&newest) {
                    return Ok(newest.clone());
                }
            }
        };
        match tokio::time::timeout(limit, search).await {
            Ok(found) => found,
            Err(_) => {
                bail!("{what}: no such report within {limit:?}; the newest was {newest}\n{}", self.process.log_tail())
            }
        }
    }

    /// Waits until a frame that covers `offset` was presented.
    ///
    /// # Errors
    /// When it was not within `limit`.
    pub async fn presented(&mut self, offset: u64, limit: Duration) -> Result<Value> {
        let what = format!("offset {offset} presented");
        self.report_where(&what, limit, |report| report["until"].as_u64().is_some_and(|until| until >= offset)).await
    }

    /// Writes what is shown as PNG to `path`, and waits until it is written.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn capture(&mut self, path: &Path) -> Result<Picture> {
        self.process.say(&format!("capture {}", path.display())).await?;
        let wanted = path.display().to_string();
        let is_it = |report: &Value| report["event"] == "capture" && report["path"] == wanted.as_str();
        self.report_where("the capture", Duration::from_secs(20), is_it).await?;
        Picture::read(path)
    }

    /// The colour that is shown at a place.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn pixel(&mut self, x: u32, y: u32) -> Result<[u8; 4]> {
        self.process.say(&format!("pixel {x} {y}")).await?;
        let report =
            self.report_where("the pixel", Duration::from_secs(10), |report| report["event"] == "pixel").await?;
        serde_json::from_value(report["rgba"].clone()).with_context(|| report.to_string())
    }

    /// Loses the GPU under the running wall.
    ///
    /// # Errors
    /// When the wall ended.
    pub async fn destroy_device(&mut self) -> Result<()> {
        self.process.say("destroy-device").await
    }
}

/// A picture that was read back.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// RGBA or RGB, row by row.
    pub bytes: Vec<u8>,
    pub channels: usize,
}

impl Picture {
    /// Reads a PNG of 8 bits per channel.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info()?;
        let size = reader.output_buffer_size().context("the picture is too large")?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        bytes.truncate(info.buffer_size());
        Ok(Self { width: info.width, height: info.height, bytes, channels: info.color_type.samples() })
    }

    /// How many different colours it has: 1 is an empty picture.
    #[must_use]
    pub fn colours(&self) -> usize {
        let colours: std::collections::HashSet<&[u8]> = self.bytes.chunks_exact(self.channels).collect();
        colours.len()
    }

    /// How many pixels differ from those of another picture of the same size.
    #[must_use]
    pub fn differing(&self, other: &Self) -> usize {
        let pairs = self.bytes.chunks_exact(self.channels).zip(other.bytes.chunks_exact(other.channels));
        pairs.filter(|(a, b)| a[..3] != b[..3]).count()
    }
}

impl Picture {
    /// The average colour of a part of the picture: x, y, width, height in pixels.
    #[must_use]
    pub fn average(&self, (x, y, width, height): (f64, f64, f64, f64)) -> [f64; 3] {
        let clamp = |at: f64, most: u32| (at.round().max(0.0) as usize).min(most as usize);
        let (left, right) = (clamp(x, self.width), clamp(x + width, self.width));
        let (top, bottom) = (clamp(y, self.height), clamp(y + height, self.height));
        let mut sums = [0.0; 3];
        for row in top..bottom {
            let start = row * self.width as usize;
            for pixel in
                self.bytes[(start + left) * self.channels..(start + right) * self.channels].chunks_exact(self.channels)
            {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
            }
        }
        let pixels = ((right - left) * (bottom - top)).max(1) as f64;
        sums.map(|sum| sum / pixels)
    }
}
