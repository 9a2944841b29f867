//! A real server in a process of its own.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{Process, free_port};
use crate::{binary, eventually};

/// How long a server may take to be ready.
pub const START_LIMIT: Duration = Duration::from_secs(20);

const ANY_PORT: &str = "127.0.0.1:0";

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub config: PathBuf,
    pub data: PathBuf,
    /// Port 0 picks one, at which it can be started again.
    pub listen: String,
    /// `IOC_…` settings and others.
    pub variables: Vec<(String, String)>,
    pub room: Room,
}

/// How much a server may write.
#[derive(Debug, Clone, Copy)]
pub enum Room {
    Unlimited,
    /// No file may grow beyond this.
    FileKib(u64),
    /// The data folder is a disk of its own of this size, which is gone with the process. Takes root, or a
    /// kernel that lets anyone make user namespaces.
    DiskKib(u64),
}

impl ServerOptions {
    /// On a port of its own choice.
    #[must_use]
    pub fn new(config: &Path, data: &Path) -> Self {
        Self {
            config: config.to_owned(),
            data: data.to_owned(),
            listen: ANY_PORT.to_owned(),
            variables: Vec::new(),
            room: Room::Unlimited,
        }
    }

    /// At an address of one's own.
    #[must_use]
    pub fn at(mut self, listen: &str) -> Self {
        listen.clone_into(&mut self.listen);
        self
    }

    /// With one more variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A server that was started.
pub struct Server {
    process: Process,
    options: ServerOptions,
    address: String,
    http: reqwest::Client,
}

impl Server {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time; with the end of its log.
    pub async fn start(mut options: ServerOptions) -> Result<Self> {
        if options.listen == ANY_PORT {
            options.listen = format!("127.0.0.1:{}", free_port()?);
        }
        let mut process = Self::spawn(&options)?;
        let address = Self::address_of(&mut process).await?;
        let http = crate::http_client(Duration::from_secs(15))?;
        let mut server = Self { process, options, address, http };
        // It comes back where clients look for it.
        server.options.listen = server.authority().to_owned();
        server.ready().await?;
        Ok(server)
    }

    /// Starts the program without waiting for anything: for servers that are meant to refuse.
    ///
    /// # Errors
    /// When there is no program.
    pub fn spawn(options: &ServerOptions) -> Result<Process> {
        std::fs::create_dir_all(&options.data).ok();
        let arguments: Vec<std::ffi::OsString> = vec![
            "serve".into(),
            "--config".into(),
            options.config.clone().into(),
            "--data".into(),
            options.data.clone().into(),
            "--listen".into(),
            options.listen.clone().into(),
        ];
        let log = options.data.with_extension("log");
        let program = binary("ioc-server")?;
        let (shell, script) = match options.room {
            Room::Unlimited => return Process::start(&program, &arguments, &options.variables, &log),
            // Without the signal, a write beyond the limit fails like one to a full disk.
            Room::FileKib(limit) => (vec!["bash".into()], format!("trap '' XFSZ; ulimit -S -f {limit}")),
            Room::DiskKib(size) => {
                let unshare = ["unshare", "--map-root-user", "--mount", "bash"].map(std::ffi::OsString::from);
                (unshare.to_vec(), format!("mount -t tmpfs -o size={size}k disk '{}' || exit", options.data.display()))
            }
        };
        let script = vec!["-c".into(), format!("{script}; exec \"$0\" \"$@\"").into(), program.into()];
        let whole = [vec!["--".into()], shell, script, arguments].concat();
        Process::start(Path::new("/usr/bin/env"), &whole, &options.variables, &log)
    }

    async fn address_of(process: &mut Process) -> Result<String> {
        let line = process.line(START_LIMIT).await?;
        let address = line.strip_prefix("listening on ").with_context(|| format!("unexpected first line: {line}"))?;
        Ok(address.trim().to_owned())
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn ready(&mut self) -> Result<()> {
        let url = self.url("/readyz");
        let found = eventually("ready", START_LIMIT, || async {
            let response = self.http.get(&url).send().await?;
            ensure!(response.status().is_success(), "{} {}", response.status(), response.text().await?);
            Ok(())
        });
        found.await.with_context(|| self.process.log_tail())
    }

    /// Whether the history has all that the log has.
    ///
    /// # Errors
    /// When it is behind, with how far.
    pub async fn caught_up(&self) -> Result<()> {
        let ready = self.get("/readyz").await?;
        ensure!(ready["history"]["behind"] == 0, "the history is behind: {}", ready["history"]);
        Ok(())
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// The whole address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// An HTTP client with a time limit.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// How it was started.
    #[must_use]
    pub fn options(&self) -> &ServerOptions {
        &self.options
    }

    /// The process behind it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// SIGTERM, and waits for its end within the promised 5 s.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.signal("TERM").await?;
        self.process.wait(Duration::from_secs(5)).await
    }

    /// Starts it again at the same address with the same data, and waits until it is ready.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<()> {
        self.process = Self::spawn(&self.options)?;
        self.address = Self::address_of(&mut self.process).await?;
        self.ready().await
    }

    /// The JSON at a path.
    ///
    /// # Errors
    /// For anything but success, with the answer.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let response = self.http.get(self.url(path)).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("GET {path}: {text}"))
    }

    /// Posts observations as JSON; gives status and answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, rows: &Value, key: Option<&str>) -> Result<(u16, Value)> {
        self.post_body("application/json", rows.to_string(), key).await
    }

    /// Posts a body of any type to the observations; gives status and answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_body(
        &self,
        kind: &str,
        body: impl Into<reqwest::Body>,
        key: Option<&str>,
    ) -> Result<(u16, Value)> {
        let mut request = self.http.post(self.url("/api/v1/observations")).header("content-type", kind).body(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}
