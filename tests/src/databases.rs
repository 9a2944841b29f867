//! Real database servers, each with its files in a folder of the test and on a port of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

use crate::certificates::Certificates;
use crate::eventually;
use crate::process::{Process, free_port};

/// What they are asked by: a user who may do anything, as careless administrators use.
pub const USER: &str = "ioc";
pub const PASSWORD: &str = "mật-khẩu:@/";
pub const DATABASE: &str = "so_lieu";
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    MariaDb,
}

/// A running server.
pub struct Database {
    engine: Engine,
    process: Process,
    folder: PathBuf,
    pub port: u16,
    /// It takes TLS at the same port.
    pub certificates: Certificates,
}

impl Database {
    /// Starts one with an empty database, its files in `folder`.
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub async fn start(engine: Engine, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        match engine {
            Engine::Postgres => initialise_postgres(folder).await?,
            Engine::MariaDb => initialise_mariadb(folder).await?,
        }
        let certificates = Certificates::make(folder)?;
        if engine == Engine::Postgres && is_root() {
            run(Command::new("chown").arg("postgres:").arg(&certificates.key)).await?;
        }
        let process = spawn(engine, folder, port)?;
        let database = Self { engine, process, folder: folder.to_owned(), port, certificates };
        database.ready().await?;
        if engine == Engine::Postgres {
            database.run_in("postgres", &format!("create database {DATABASE}")).await?;
        }
        Ok(database)
    }

    async fn ready(&self) -> Result<()> {
        let database = if self.engine == Engine::Postgres { "postgres" } else { DATABASE };
        let answered = eventually("the database", LIMIT, || self.run_in(database, "select 1")).await;
        answered.map(|_| ()).with_context(|| self.process.log_tail())
    }

    /// What it says to statements.
    ///
    /// # Errors
    /// What it did not like.
    pub async fn run(&self, sql: &str) -> Result<String> {
        self.run_in(DATABASE, sql).await
    }

    async fn run_in(&self, database: &str, sql: &str) -> Result<String> {
        let port = self.port.to_string();
        let mut command = match self.engine {
            Engine::Postgres => {
                let mut command = Command::new("psql");
                command.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port]);
                command.args(["-U", USER, "-d", database, "-c", sql]).env("PGPASSWORD", PASSWORD);
                command
            }
            Engine::MariaDb => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", &port, "-u", USER]);
                command.args(["--default-character-set=utf8mb4", "-N", "-B", database, "-e", sql]);
                command.env("MYSQL_PWD", PASSWORD);
                command
            }
        };
        let ended = command.output().await.context("its client is missing; scripts/setup.sh test installs it")?;
        ensure!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
        Ok(String::from_utf8(ended.stdout)?.trim().to_owned())
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
        let _gone = std::fs::remove_file(self.folder.join("data/postmaster.pid"));
        self.process = spawn(self.engine, &self.folder, self.port)?;
        self.ready().await
    }
}

/// PostgreSQL does not run as root: as the user of its package then.
fn as_its_user(program: &Path) -> Vec<String> {
    let program = program.display().to_string();
    if is_root() {
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", &program].map(str::to_owned).to_vec()
    } else {
        vec![program]
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Debian keeps a folder for each version.
fn postgres(program: &str) -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(program)).filter(|path| path.is_file()).collect();
    found.sort();
    found.pop().context("PostgreSQL is missing; scripts/setup.sh test installs it")
}

async fn initialise_postgres(folder: &Path) -> Result<()> {
    // The folders of tests are closed to others, and its user is another.
    for part in folder.ancestors().take_while(|part| *part != std::env::temp_dir()) {
        let mut permissions = part.metadata()?.permissions();
        permissions.set_mode(permissions.mode() | 0o755);
        std::fs::set_permissions(part, permissions)?;
    }
    let (files, secret) = (folder.join("data"), folder.join("password"));
    std::fs::write(&secret, PASSWORD)?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644))?;
    if is_root() {
        std::fs::create_dir(&files)?;
        run(Command::new("chown").arg("postgres:").arg(&files)).await?;
    }
    let initialise = as_its_user(&postgres("initdb")?);
    let mut command = Command::new(&initialise[0]);
    command.args(&initialise[1..]).arg("-D").arg(&files).arg("--pwfile").arg(&secret);
    run(command.args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])).await
}

async fn initialise_mariadb(folder: &Path) -> Result<()> {
    let files = folder.join("data");
    let mut command = Command::new("mariadb-install-db");
    command.arg("--no-defaults").arg(format!("--datadir={}", files.display()));
    command.args(["--skip-test-db", "--auth-root-authentication-method=normal"]);
    if is_root() {
        command.arg("--user=root");
    }
    run(&mut command).await?;
    let first = format!(
        "create database if not exists {DATABASE} character set utf8mb4;\ncreate user if not exists '{USER}'@'%' identified by '{PASSWORD}';\ngrant all on *.* to '{USER}'@'%';\n"
    );
    Ok(std::fs::write(folder.join("first.sql"), first)?)
}

async fn run(command: &mut Command) -> Result<()> {
    let ended = command.output().await.context("it is missing; scripts/setup.sh test installs it")?;
    if !ended.status.success() {
        bail!("{command:?}: {}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    }
    Ok(())
}

fn spawn(engine: Engine, folder: &Path, port: u16) -> Result<Process> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (files, certificate, key) = (path("data"), path("certificate.pem"), path("key.pem"));
    let log = folder.join("database.log");
    match engine {
        Engine::Postgres => {
            let mut words = as_its_user(&postgres("postgres")?);
            let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "ssl=on"];
            let settings = settings.map(str::to_owned).into_iter().chain([
                format!("port={port}"),
                format!("ssl_cert_file={certificate}"),
                format!("ssl_key_file={key}"),
            ]);
            words.extend(["-D".to_owned(), files]);
            words.extend(settings.flat_map(|setting| ["-c".to_owned(), setting]));
            Process::start(Path::new(&words[0]), &words[1..], &[], &log)
        }
        Engine::MariaDb => {
            let server =
                ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"].map(Path::new).into_iter().find(|path| path.is_file());
            let mut words = vec![
                "--no-defaults".to_owned(),
                format!("--datadir={files}"),
                format!("--port={port}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--socket={}", path("socket")),
                format!("--pid-file={}", path("pid")),
                format!("--init-file={}", path("first.sql")),
                format!("--ssl-cert={certificate}"),
                format!("--ssl-key={key}"),
                // What is committed outlives the process, not the machine.
                "--innodb-flush-log-at-trx-commit=2".to_owned(),
            ];
            words.extend(is_root().then(|| "--user=root".to_owned()));
            let server = server.context("MariaDB is missing; scripts/setup.sh test installs it")?;
            Process::start(server, &words, &[], &log)
        }
    }
}
