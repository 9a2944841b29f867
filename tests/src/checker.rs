//! The checker in Python, which shares no code with `protocol`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::Process;
use crate::root;

/// What it watches, and through which addresses.
#[derive(Debug, Clone)]
pub struct CheckerOptions {
    /// `host:port` of what clients connect to, used in turn.
    pub addresses: Vec<String>,
    /// `host:port` of the servers that clients are compared with at the end.
    pub direct: Vec<String>,
    pub view: Value,
    pub clients: usize,
    pub seed: u64,
    /// Longest pause between two attempts to connect.
    pub max_wait: Duration,
    /// How long clients may take at the end to be where the server is.
    pub settle: Duration,
}

impl CheckerOptions {
    /// Some clients of one server.
    #[must_use]
    pub fn new(authority: &str, view: Value, clients: usize) -> Self {
        Self {
            addresses: vec![authority.to_owned()],
            direct: vec![authority.to_owned()],
            view,
            clients,
            seed: 1,
            max_wait: Duration::from_secs(1),
            settle: Duration::from_secs(30),
        }
    }
}

/// A running checker.
pub struct Checker {
    process: Process,
    settle: Duration,
}

impl Checker {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no Python.
    pub fn start(options: &CheckerOptions, log: &Path) -> Result<Self> {
        let mut arguments = vec![root().join("tests/checker/checker.py").display().to_string()];
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        options.addresses.iter().for_each(|address| add("--address", address.clone()));
        options.direct.iter().for_each(|address| add("--direct", address.clone()));
        add("--view", options.view.to_string());
        add("--clients", options.clients.to_string());
        add("--seed", options.seed.to_string());
        add("--max-wait", options.max_wait.as_secs_f64().to_string());
        add("--settle", options.settle.as_secs_f64().to_string());
        let quiet = [("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())];
        let process = Process::start(&PathBuf::from("python3"), &arguments, &quiet, log)?;
        Ok(Self { process, settle: options.settle })
    }

    /// How far its clients are, and what they have counted.
    ///
    /// # Errors
    /// When it ended.
    pub async fn status(&mut self) -> Result<Value> {
        self.process.say("status").await?;
        self.answer(Duration::from_secs(10)).await
    }

    /// Waits until all clients are where the server is, and gives the summary.
    ///
    /// # Errors
    /// When a promise was broken, with which one.
    pub async fn finish(mut self) -> Result<Value> {
        self.process.say("finish").await?;
        let summary = self.answer(self.settle + Duration::from_secs(30)).await?;
        ensure!(summary["ok"] == true, "the checker found: {summary:#}");
        Ok(summary)
    }

    async fn answer(&mut self, limit: Duration) -> Result<Value> {
        let line = self.process.line(limit).await?;
        serde_json::from_str(&line).with_context(|| format!("the checker said: {line}"))
    }
}
