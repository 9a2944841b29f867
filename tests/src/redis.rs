//! A real redis-server in a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::eventually;
use crate::process::{Process, free_port};

/// A Redis that syncs each write to disk.
pub struct Redis {
    process: Process,
    folder: PathBuf,
    port: u16,
}

impl Redis {
    /// Starts one on a free port, with its files in `folder`.
    ///
    /// # Errors
    /// When there is no redis-server or it does not answer.
    pub async fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let redis = Self { process: Self::spawn(folder, port)?, folder: folder.to_owned(), port };
        redis.ready().await?;
        Ok(redis)
    }

    fn spawn(folder: &Path, port: u16) -> Result<Process> {
        let folder_text = folder.display().to_string();
        let port = port.to_string();
        let arguments = [
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--dir",
            &folder_text,
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
            "--aof-load-truncated",
            "yes",
        ];
        Process::start(Path::new("redis-server"), &arguments, &[], &folder.join("redis.log"))
    }

    async fn ready(&self) -> Result<()> {
        eventually("redis", Duration::from_secs(10), || async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).await?;
            ensure!(&answer == b"+PONG\r\n", "{:?}", String::from_utf8_lossy(&answer));
            Ok(())
        })
        .await
    }

    /// `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Starts it again with the same files at the same port.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn restart(&mut self) -> Result<()> {
        self.process = Self::spawn(&self.folder, self.port)?;
        self.ready().await
    }

    /// Cuts the end off its append-only file, while it is down.
    ///
    /// # Errors
    /// When there is no file, or it is shorter.
    pub fn cut(&self, bytes: u64) -> Result<()> {
        let folder = self.folder.join("appendonlydir");
        let files = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let newest = files
            .filter_map(Result::ok)
            .map(|file| file.path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
        let path = newest.max().context("no incremental append-only file")?;
        let length = path.metadata()?.len();
        ensure!(length > bytes, "{} has only {length} bytes", path.display());
        let file = std::fs::File::options().write(true).open(&path)?;
        Ok(file.set_len(length - bytes)?)
    }
}
