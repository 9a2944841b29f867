//! Puts the parts together.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use protocol::Canvas;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;
use winit::event_loop::EventLoop;

use crate::clock::LocalClock;
use crate::config::{Config, LogFormat};
use crate::connection::{self, Inbound, Outlet, QUEUE, Wish};
use crate::displays::{self, Task, Wake};
use crate::headless::{self, CaptureWish};
use crate::report::{ControlCommand, Report, read_commands};
use crate::wall::Wall;
use crate::window_system;

/// Commands that may wait for the render thread.
const COMMAND_QUEUE: usize = 16;

type Wakeup = Arc<dyn Fn() + Send + Sync>;

/// Runs the wall until it is told to stop.
///
/// # Errors
/// What keeps it from showing anything.
pub fn run(config: &Config) -> Result<()> {
    start_log(config.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = if config.headless.is_some() { run_headless(config, &runtime) } else { run_windows(config, &runtime) };
    runtime.shutdown_background();
    ended
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,wgpu_core=warn,wgpu_hal=warn,wgpu_hal::gles=off,naga=warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

fn run_headless(config: &Config, runtime: &Runtime) -> Result<()> {
    let wake: Wakeup = Arc::new(|| ());
    let clock = LocalClock::new();
    let messages = connect(config, runtime, clock, &wake)?;
    let commands = control(config, wake)?;
    runtime.block_on(async {
        headless::run(wall(config, clock)?, messages, commands, capture(config), stopped()?)
            .await
            .map_err(anyhow::Error::from)
    })
}

fn run_windows(config: &Config, runtime: &Runtime) -> Result<()> {
    window_system::check().map_err(|problem| anyhow!(problem))?;
    let event_loop = EventLoop::<Wake>::with_user_event().build().context("the window system cannot be reached")?;
    let proxy = event_loop.create_proxy();
    // The loop is gone only when the process ends; then nobody needs to be woken.
    let wake: Wakeup = Arc::new(move || _ = proxy.send_event(Wake::Message));
    let stop = event_loop.create_proxy();
    let signal = runtime.block_on(async { stopped() })?;
    runtime.spawn(async move {
        signal.await;
        _ = stop.send_event(Wake::Stop);
    });
    let clock = LocalClock::new();
    let task = Task {
        wall: wall(config, clock)?,
        messages: connect(config, runtime, clock, &wake)?,
        commands: control(config, wake)?,
        capture: capture(config),
        displays: config.displays.clone(),
    };
    Ok(displays::run(event_loop, task)?)
}

fn wall(config: &Config, clock: LocalClock) -> Result<Wall> {
    let fixed = config.headless.map(|size| Canvas { width_px: size.width_px, height_px: size.height_px });
    Ok(Wall::new(clock, config.language.clone(), fixed, report(config)?))
}

/// Answers to commands need somewhere to go even when no report was asked for.
fn report(config: &Config) -> Result<Report> {
    match (&config.report, &config.control) {
        (Some(path), _) => {
            Report::open(path).with_context(|| format!("the report {} cannot be written", path.display()))
        }
        (None, Some(_)) => Ok(Report::to(std::io::stdout())),
        (None, None) => Ok(Report::none()),
    }
}

fn capture(config: &Config) -> Option<CaptureWish> {
    let path = config.capture.clone()?;
    Some(CaptureWish { path, after: std::time::Duration::from_secs_f64(config.after) })
}

fn connect(config: &Config, runtime: &Runtime, clock: LocalClock, wake: &Wakeup) -> Result<mpsc::Receiver<Inbound>> {
    let token = match &config.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the token file {} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let display = match config.displays.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let wish = Wish { servers: config.servers.clone(), view: config.view(), display, token };
    let (sender, messages) = mpsc::channel(QUEUE);
    let outlet = Outlet { messages: sender, wake: Arc::clone(wake) };
    runtime.spawn(connection::run(wish, clock, outlet));
    Ok(messages)
}

fn control(config: &Config, wake: Wakeup) -> Result<mpsc::Receiver<Result<ControlCommand, String>>> {
    let (sender, commands) = mpsc::channel(COMMAND_QUEUE);
    if config.control.is_some() {
        read_commands(sender, move || wake()).context("standard input cannot be listened to")?;
    }
    Ok(commands)
}

/// Ends when somebody asks this process to stop.
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
