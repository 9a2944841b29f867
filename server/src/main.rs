//! `ioc-server`: serves a centre, or checks its configuration.

mod app;
mod centre;
mod clock;
mod config;
mod derive;
mod fields;
mod hub;
mod lines;
mod log;
mod painter;
mod people;
mod pictures;
mod reload;
mod run_source;
mod sources;
mod store;
mod strict;
mod tls;
mod web;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Streams a centre's indicators to video walls and browsers.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How logs are written to standard error (RUST_LOG says which).
    #[arg(long, global = true, env = "IOC_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the centre that a folder configures.
    Serve {
        /// The folder with the centre's TOML files.
        #[arg(long, env = "IOC_CONFIG")]
        config: PathBuf,
        /// Where the log and the history are kept.
        #[arg(long, env = "IOC_DATA", default_value = "data")]
        data: PathBuf,
        /// Address and port; port 0 picks a free one. Overrides the configuration.
        #[arg(long, env = "IOC_LISTEN")]
        listen: Option<String>,
    },
    /// Checks a configuration: one line per finding, exit 1 when there is one.
    Check {
        #[arg(long, env = "IOC_CONFIG")]
        config: PathBuf,
    },
    #[command(name = sources::workbook::apart::SUBCOMMAND, hide = true)]
    ReadWorkbook(ReadWorkbook),
    /// Looks at the sources of a configuration without serving it.
    Source {
        #[command(subcommand)]
        command: SourceCommand,
    },
}

/// What this program asks of another one of itself.
#[derive(clap::Args)]
struct ReadWorkbook {
    path: PathBuf,
    wanted: String,
}

#[derive(Subcommand)]
enum SourceCommand {
    /// Lists the sources: name, kind, owner.
    List {
        #[arg(long, env = "IOC_CONFIG")]
        config: PathBuf,
    },
    /// Reads the first values of a source, prints what they come to and what would be refused, and records nothing.
    Try {
        source: String,
        #[arg(long, env = "IOC_CONFIG")]
        config: PathBuf,
        /// Most values that are read.
        #[arg(long, default_value_t = 20)]
        rows: usize,
    },
    /// Has a source look for news now, records what is new, and says what came of it.
    Run {
        source: String,
        #[arg(long, env = "IOC_CONFIG")]
        config: PathBuf,
        /// Where the log and the history are kept. A server that has them is asked to do it.
        #[arg(long, env = "IOC_DATA", default_value = "data")]
        data: PathBuf,
        /// The server to ask: http://127.0.0.1:8080. The one that has the data folder, at [server] listen, if absent.
        #[arg(long)]
        server: Option<String>,
        /// A file with the token of an administrator, for a server that has accounts.
        #[arg(long, env = "IOC_TOKEN_FILE")]
        token_file: Option<PathBuf>,
        /// One round, and no more.
        #[arg(long, required = true)]
        once: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.log_format);
    let result = match arguments.command {
        Command::Serve { config, data, listen } => serve(&config, &data, listen),
        Command::Check { config } => check(&config),
        Command::ReadWorkbook(ReadWorkbook { path, wanted }) => {
            sources::workbook::apart::serve(&path, &wanted).map(|()| ExitCode::SUCCESS)
        }
        Command::Source { command } => match command {
            SourceCommand::List { config } => with_config(&config, list_sources),
            SourceCommand::Try { source, config, rows } => {
                with_config(&config, |config| try_source(&config, &source, rows))
            }
            SourceCommand::Run { source, config, data, server, token_file, once: _ } => {
                let door = run_source::Door { server: server.as_deref(), token_file: token_file.as_deref() };
                with_config(&config, |config| run_source(config, &source, &data, door))
            }
        },
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("ioc-server: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start_logging(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Writes a line to standard error; there is nobody to tell when that fails.
fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn check(config: &std::path::Path) -> anyhow::Result<ExitCode> {
    let findings = config::check(config);
    for finding in &findings {
        writeln!(std::io::stdout(), "{finding}")?;
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn with_config(
    config: &std::path::Path,
    then: impl FnOnce(config::CentreConfig) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    with_origin(config::Origin { dir: config.to_owned(), listen: None }, then)
}

fn with_origin(
    origin: config::Origin,
    then: impl FnOnce(config::CentreConfig) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    match origin.load() {
        Ok(config) => then(config),
        Err(findings) => {
            tell(&findings.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

fn list_sources(config: config::CentreConfig) -> anyhow::Result<ExitCode> {
    let width = config.sources.iter().map(|spec| spec.info.id.as_str().chars().count()).max().unwrap_or(0);
    for config::SourceSpec { info, .. } in &config.sources {
        let owner = info.owner.as_ref().map(|owner| format!(" · {owner}")).unwrap_or_default();
        writeln!(std::io::stdout(), "{:<width$}  {}{owner} · {}", info.id.as_str(), info.kind, info.name.vi)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit 1 when it cannot be read, or something would be refused.
fn try_source(config: &config::CentreConfig, source: &str, rows: usize) -> anyhow::Result<ExitCode> {
    let known = || config.sources.iter().map(|spec| spec.info.id.as_str());
    let Some(spec) = config.sources.iter().find(|spec| spec.info.id.as_str() == source) else {
        anyhow::bail!("there is no source '{source}'{}", config::suggestion(source, known()));
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?;
    let trial = runtime.block_on(sources::try_out(spec, &config.catalogue, clock::Clock.now(), rows));
    // What hangs is not waited for.
    runtime.shutdown_background();
    let trial = trial?;
    let zone = config.settings.zone();
    write!(std::io::stdout(), "{}", trial.text(&zone))?;
    Ok(if trial.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Exit 1 when it cannot be read, or something of it is refused.
fn run_source(
    config: config::CentreConfig,
    source: &str,
    data: &std::path::Path,
    door: run_source::Door<'_>,
) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?;
    let round = runtime.block_on(run_source::run(config, source, data, door));
    // What hangs is not waited for.
    runtime.shutdown_background();
    let round = round?;
    write!(std::io::stdout(), "{}", run_source::text(&round))?;
    Ok(if round.refused == 0 && round.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(config: &std::path::Path, data: &std::path::Path, listen: Option<String>) -> anyhow::Result<ExitCode> {
    with_origin(config::Origin { dir: config.to_owned(), listen }, |config| serve_centre(config, data))
}

fn serve_centre(config: config::CentreConfig, data: &std::path::Path) -> anyhow::Result<ExitCode> {
    raise_file_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?;
    let end = runtime.block_on(async {
        // From here on the signal ends nothing.
        let hangups = signal(SignalKind::hangup()).context("signals cannot be received")?;
        let (listener, address) = app::listen(&config.settings.server.listen).await?;
        let app = app::App::start(config, data, address).await?;
        warn_of(address, &app.shared.settings.borrow().access);
        writeln!(std::io::stdout(), "listening on http://{address}")?;
        match people::first::administrator(&app.shared).await {
            Ok(None) => {}
            Ok(Some(path)) => writeln!(
                std::io::stdout(),
                "the first administrator gives a password at http://{address}{path} within a day"
            )?,
            // Another server of the centre may be making it just now.
            Err(error) => tracing::warn!(%error, "no link for the first administrator; start again for one"),
        }
        std::io::stdout().flush()?;
        tokio::spawn(reload_at(hangups, app.shared.reloader.clone()));
        app.serve(listener, stopped()).await
    })?;
    runtime.shutdown_timeout(end.saturating_duration_since(tokio::time::Instant::now()));
    Ok(ExitCode::SUCCESS)
}

/// Says who can reach the server, and what they can see on the way.
fn warn_of(address: std::net::SocketAddr, access: &config::AccessSettings) {
    match (address.ip().is_loopback(), access.accounts, access.secure_cookies) {
        (true, ..) => tracing::info!(%address, "listening on this machine only; give --listen to serve others"),
        (false, false, _) => {
            tracing::warn!(%address, "listening beyond this machine without accounts ([access] accounts = true): everyone who reaches this address sees everything; changes are taken from this machine only");
        }
        (false, true, false) => {
            tracing::warn!(%address, "listening beyond this machine without TLS: passwords and tokens can be read on the way; put something before this server that ends TLS, and set [access] secure_cookies = true");
        }
        (false, true, true) => tracing::info!(%address, "listening beyond this machine"),
    }
}

/// Every client is a file; the soft limit is often 1024.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is; clients beyond it are refused");
    }
}

/// Loads the configuration again at each signal.
async fn reload_at(mut hangups: Signal, reloader: reload::Reloader) {
    while hangups.recv().await.is_some() {
        // What came of it is in the log.
        drop(reloader.reload().await);
    }
}

/// Resolves at SIGTERM or Ctrl-C.
async fn stopped() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; stop this server with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
