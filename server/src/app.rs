//! The server put together: what it shares, how it starts, serves and stops.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::Catalogue;
use protocol::event::CatalogueRevised;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::centre::Centre;
use crate::clock::Clock;
use crate::config::{CentreConfig, Settings, SourceSpec};
use crate::hub;
use crate::log::Backend;
use crate::log::local::LocalLog;
use crate::log::recorder::Recorder;
use crate::log::redis::{RedisLog, RedisSettings};
use crate::log::screening::Screening;
use crate::log::tail::{LogState, Tail};
use crate::people::Door;
use crate::reload::{Reloader, Reviser};
use crate::sources;
use crate::sources::rounds::{Round, RoundError};
use crate::store::folder::Claimed;
use crate::store::{Projection, Reader};
use crate::web::pictures::Easels;

/// How long a view may take to be up to date.
const VIEW_PATIENCE: Duration = Duration::from_secs(5);
/// From the signal to the end: service managers kill after 5 s or more.
const STOP_WITHIN: Duration = Duration::from_millis(4500);
/// What is left of that for what waits for the disk.
const REST: Duration = Duration::from_millis(500);
/// How many pictures are painted at once, and how long one waits for its turn.
const EASELS: usize = 2;
const PICTURE_PATIENCE: Duration = Duration::from_secs(10);

/// What every request may use. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    pub recorder: Recorder,
    pub centre: watch::Receiver<Arc<Centre>>,
    pub head: watch::Receiver<crate::log::Head>,
    pub log_state: watch::Receiver<LogState>,
    pub store: Reader,
    pub hub: hub::Handle,
    /// How each source does.
    pub sources: sources::health::Board,
    /// Has a source look for news now.
    pub bells: sources::rounds::Bells,
    /// The sources as they are configured here.
    pub specs: watch::Receiver<Arc<[SourceSpec]>>,
    pub easels: Easels,
    pub door: Door,
    pub settings: watch::Receiver<Arc<Settings>>,
    pub reloader: Reloader,
    pub clock: Clock,
    /// True once the server is to stop.
    pub stopping: watch::Receiver<bool>,
}

/// A server that is ready to serve.
pub struct App {
    pub shared: Shared,
    stop: watch::Sender<bool>,
    running: sources::Running,
    /// Until the very end.
    _folder: Claimed,
}

impl App {
    /// Opens the data folder, folds the log and starts the sources.
    ///
    /// # Errors
    /// When the data folder cannot be used, or the log not be written.
    pub async fn start(config: CentreConfig, data: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let folder = crate::store::folder::claim(data)?;
        crate::web::metrics::start();
        let clock = Clock;
        let CentreConfig { origin, settings, catalogue, walls, layouts, sources, .. } = config;
        let is_shared = settings.log.redis.is_some();
        let log = if is_shared { LocalLog::open_archive(data)? } else { LocalLog::open(data)? };
        let (tail, items) = Tail::open(&log)?;
        let projected = Projection::start(data, log.clone(), tail.head())?;
        let store = Reader::new(data, log.clone(), tail.head(), projected);
        let hub = hub::start(hub_settings(&settings), &tail, items, store.clone(), clock.clone());
        let (stop, stopping) = watch::channel(false);
        let backend = match redis_settings(&settings, address)? {
            None => Backend::Local,
            Some(redis) => {
                let joining = RedisLog::start(redis, log.clone(), Arc::clone(&tail), clock.clone(), stopping.clone());
                Backend::Redis(Box::new(joining.await?))
            }
        };
        let screening = Screening::new(store.clone(), tail.centre(), settings.zone(), is_shared);
        let recorder = Recorder::start(log, backend, Arc::clone(&tail), clock.clone()).screened(screening);
        let revised = CatalogueRevised { at: clock.now(), catalogue, walls, layouts };
        let reviser = Reviser::new(recorder.clone(), Arc::clone(&tail), revised);
        reviser.start().await?;
        let (board, bells) = (sources::health::Board::default(), sources::rounds::Bells::default());
        let surroundings = sources::Surroundings {
            data: data.to_owned(),
            recorder: recorder.clone(),
            store: store.clone(),
            catalogue: follow_catalogue(tail.centre()),
            centre: tail.centre(),
            health: board.clone(),
            bells: bells.clone(),
            clock: clock.clone(),
            stopping: stopping.clone(),
        };
        let (settings, specs) = (watch::Sender::new(Arc::new(settings)), watch::Sender::new(Arc::from(sources)));
        let running = sources::start(specs.subscribe(), surroundings);
        running.begun().await;
        let (settings_now, specs_now) = (settings.subscribe(), specs.subscribe());
        let reloader = Reloader::new((origin, clock.clone()), reviser, settings, specs, running.in_force());
        let shared = Shared {
            recorder,
            centre: tail.centre(),
            head: tail.head(),
            log_state: tail.state(),
            store,
            hub,
            sources: board,
            bells,
            specs: specs_now,
            easels: Easels::new(EASELS, PICTURE_PATIENCE),
            door: Door::default(),
            settings: settings_now,
            reloader,
            clock,
            stopping,
        };
        Ok(Self { shared, stop, running, _folder: folder })
    }

    /// Has one source look for news, and stops.
    ///
    /// # Errors
    /// As [`Bells::run`](sources::rounds::Bells::run).
    pub async fn run_once(self, spec: &SourceSpec) -> Result<Round, RoundError> {
        let mut in_force = self.running.in_force();
        // An error means that it stops, and the round says so.
        drop(in_force.wait_for(|specs| specs.iter().any(|other| other.is_same(spec))).await);
        let round = self.shared.bells.run(spec, &self.shared.sources, None).await;
        self.stop.send_replace(true);
        self.running.finished(STOP_WITHIN).await;
        round
    }

    /// Serves until `stopped` resolves, then ends the sources and says goodbye to clients. What still runs then has
    /// until the moment that this gives.
    ///
    /// # Errors
    /// When it ends before it is stopped.
    pub async fn serve(self, listener: TcpListener, stopped: impl Future<Output = ()>) -> anyhow::Result<Instant> {
        let router = crate::web::router(self.shared.clone());
        let stopping = self.shared.stopping.clone();
        tokio::spawn(crate::web::metrics::keep_up(stopping.clone()));
        let mut serving = tokio::spawn(crate::web::accept::serve(listener, router, stopping));
        until(stopped, &mut serving).await?;
        tracing::info!("stopping: no new work is taken");
        let end = Instant::now() + STOP_WITHIN;
        self.stop.send_replace(true);
        let goodbye = end - REST;
        let ((), served) = tokio::join!(
            self.running.finished(goodbye.saturating_duration_since(Instant::now())),
            tokio::time::timeout_at(goodbye, &mut serving)
        );
        match served {
            Ok(served) => served.context("serving panicked")?,
            Err(_) => tracing::warn!("some connections did not close in time"),
        }
        Ok(end)
    }
}

/// Waits until the server is stopped.
///
/// # Errors
/// When it stops taking connections before that.
async fn until(stopped: impl Future<Output = ()>, serving: &mut JoinHandle<()>) -> anyhow::Result<()> {
    tokio::select! {
        () = stopped => Ok(()),
        ended = serving => {
            ended.context("serving panicked")?;
            anyhow::bail!("no connections are taken any more; start the server again")
        }
    }
}

fn hub_settings(settings: &Settings) -> hub::HubSettings {
    let hub = &settings.hub;
    hub::HubSettings {
        tick: Duration::from_millis(hub.tick_ms.max(1)),
        readout_interval: Duration::from_millis(hub.readout_interval_ms),
        patience: VIEW_PATIENCE,
        ring: hub::RingLimits { bytes: hub.ring_bytes, age: Duration::from_secs(hub.ring_secs) },
    }
}

/// How this server takes part in a shared log, if it is to.
fn redis_settings(settings: &Settings, address: SocketAddr) -> anyhow::Result<Option<RedisSettings>> {
    let Some(redis) = settings.log.redis.clone() else { return Ok(None) };
    let advertise = match &settings.log.advertise {
        Some(advertise) => advertise.clone(),
        None if address.ip().is_unspecified() || (address.ip().is_loopback() && RedisSettings::is_remote(&redis)) => {
            anyhow::bail!(
                "listening on {address} does not tell how other servers reach this one; set [log] advertise = \"http://ADDRESS:{}\" (or IOC_LOG_ADVERTISE)",
                address.port()
            )
        }
        None => format!("http://{address}"),
    };
    Ok(Some(RedisSettings::new(redis, &advertise)))
}

/// The catalogue of the centre, for who needs nothing else.
fn follow_catalogue(mut centre: watch::Receiver<Arc<Centre>>) -> watch::Receiver<Arc<Catalogue>> {
    let (sender, receiver) = watch::channel(Arc::clone(&centre.borrow().catalogue));
    tokio::spawn(async move {
        while centre.changed().await.is_ok() {
            let catalogue = Arc::clone(&centre.borrow_and_update().catalogue);
            sender.send_if_modified(|current| {
                let changed = !Arc::ptr_eq(current, &catalogue);
                *current = catalogue;
                changed
            });
        }
    });
    receiver
}

/// Binds the address, with an error that says what to do.
///
/// # Errors
/// When the address is in use or not of this machine.
pub async fn listen(address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!("{address} is in use by another program; stop it, or give another address with --listen (127.0.0.1:0 picks a free port)"),
        std::io::ErrorKind::AddrNotAvailable => anyhow::anyhow!("{address} is no address of this machine; give one with --listen"),
        std::io::ErrorKind::PermissionDenied => anyhow::anyhow!("listening on {address} is not permitted; ports below 1024 need privileges"),
        _ => anyhow::anyhow!("cannot listen on '{address}': {error}; give it as ADDRESS:PORT"),
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_serves_no_more_ends_with_an_error() {
        let mut ended = tokio::spawn(async {});
        let said = until(std::future::pending(), &mut ended).await.unwrap_err().to_string();
        assert!(said.contains("no connections are taken"), "{said}");
        let mut panicked = tokio::spawn(async { panic!("of a test") });
        assert!(until(std::future::pending(), &mut panicked).await.is_err());
        let mut serving = tokio::spawn(std::future::pending());
        until(std::future::ready(()), &mut serving).await.unwrap();
    }
}
