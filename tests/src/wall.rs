//! A real wall without a window, that reports what it presents.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::binary;
use crate::process::Process;
use crate::raster::Picture;

/// A wall that was started.
pub struct Wall {
    process: Process,
    /// As it last said.
    link: Value,
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
        Self::start_in(&[], arguments, log)
    }

    /// The same with more variables in its environment.
    ///
    /// # Errors
    /// When there is no program.
    pub fn start_in(variables: &[(String, String)], arguments: &[&str], log: &Path) -> Result<Self> {
        let arguments = [arguments, &["--report", "-", "--control", "-"]].concat();
        let process = Process::start(&binary("ioc-wall")?, &arguments, variables, log)?;
        Ok(Self { process, link: Value::Null })
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
        let report: Value = serde_json::from_str(&line).with_context(|| format!("the wall reported: {line}"))?;
        let link = if report["event"] == "link" { &report["state"] } else { &report["link"] };
        if !link.is_null() {
            self.link = link.clone();
        }
        Ok(report)
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

    /// Up to which offset it shows everything now, and how its link is; what it said before is read first.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn standing(&mut self) -> Result<(u64, String)> {
        self.process.say("pixel 0 0").await?;
        let is_answer = |report: &Value| report["event"] == "pixel" || report["event"] == "error";
        let answer = self.report_where("where it stands", Duration::from_secs(10), is_answer).await?;
        Ok((answer["until"].as_u64().unwrap_or_default(), self.link.as_str().unwrap_or("unknown").to_owned()))
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
