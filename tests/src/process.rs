//! Child processes that never outlive their test.

use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::Rng;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A started program: its standard output by lines, its standard error in a file.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Option<Lines<BufReader<ChildStdout>>>,
    log: PathBuf,
}

/// A free port that no outgoing connection is given. Who connects again and again to a port of those, where
/// nobody listens for a while, is sooner or later connected to itself, and the port is taken.
///
/// # Errors
/// When none is found.
pub fn free_port() -> Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    let lowest: u16 = range.split_whitespace().next().context("no range of ports")?.parse()?;
    let mut dice = rand::rng();
    let candidates = (0..100).map(|_| dice.random_range(lowest / 2..lowest));
    let mut free = candidates.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().with_context(|| format!("no free port from {} to {lowest}", lowest / 2))
}

impl Process {
    /// Starts `program`; standard error is appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: &[S],
        variables: &[(String, String)],
        log: &Path,
    ) -> Result<Self> {
        let stderr = File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let output = child.stdout.take().map(|output| BufReader::new(output).lines());
        Ok(Self { name, input: child.stdin.take(), output, child, log: log.to_owned() })
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next line of standard output.
    ///
    /// # Errors
    /// When there is none within `limit` or the program ended; with the end of its log.
    pub async fn line(&mut self, limit: Duration) -> Result<String> {
        let Some(output) = self.output.as_mut() else { bail!("the output of {} was taken", self.name) };
        match tokio::time::timeout(limit, output.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => bail!("{} ended:\n{}", self.name, self.log_tail()),
            Ok(Err(error)) => bail!("{}: {error}", self.name),
            Err(_) => bail!("{} said nothing within {limit:?}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Takes standard output over, to be read elsewhere.
    pub fn take_output(&mut self) -> Option<Lines<BufReader<ChildStdout>>> {
        self.output.take()
    }

    /// Writes a line to standard input.
    ///
    /// # Errors
    /// When the program ended.
    pub async fn say(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("standard input is closed")?;
        input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(input.flush().await?)
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.start_kill().ok();
        self.child.wait().await?;
        Ok(())
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// When it runs no more.
    pub async fn signal(&self, signal: &str) -> Result<()> {
        let id = self.id().with_context(|| format!("{} ended:\n{}", self.name, self.log_tail()))?;
        let status = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).status().await?;
        if !status.success() {
            bail!("kill -{signal} {id}: {status}");
        }
        Ok(())
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end within {limit:?}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it wrote to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}
