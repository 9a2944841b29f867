//! The configuration in a running server: brought into the log, and loaded again without dropping a client.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::CatalogueRevised;
use protocol::{Event, Layout, LayoutId};
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use utoipa::ToSchema;

use crate::centre::Centre;
use crate::clock::Clock;
use crate::config::{CentreConfig, Findings, Origin, Settings, SourceSpec};
use crate::log::recorder::{RecordError, Recorder};
use crate::log::redis::Writer;
use crate::log::tail::Tail;
use crate::sources::SourceChanges;

/// How long a start waits for the configuration to be in a shared log.
const CONFIGURE_PATIENCE: Duration = Duration::from_secs(6);
const REVISE_RETRY: Duration = Duration::from_millis(500);

/// Why a configuration is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error(transparent)]
    Findings(#[from] Findings),
    #[error(
        "layouts/{id}.toml would replace the layout '{id}' ('{name}', version {version}) that was saved in this centre; rename the file, and what names the layout in walls.toml"
    )]
    InTheWay { id: LayoutId, name: String, version: u64 },
    #[error("the configuration cannot be recorded: {0}")]
    Record(#[from] RecordError),
    #[error("the configuration could not be loaded: {0}")]
    Failed(#[from] tokio::task::JoinError),
}

/// What came of a reload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reloaded {
    /// The offset at which the log has the new configuration; `null` when it had it before, or gets it from another
    /// server.
    pub revision: Option<u64>,
    /// The server that writes the log, when that has another configuration than this one: reload it there too.
    /// `nobody` while no server writes: the next one that does brings its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://10.1.2.3:8080")]
    pub left_to: Option<String>,
    pub layouts: LayoutChanges,
    pub sources: SourceChanges,
    /// Settings of centre.toml that this server takes in when it is started again.
    #[schema(example = json!(["hub.tick_ms"]))]
    pub needs_restart: Vec<&'static str>,
}

/// How the layouts of the configuration differ from those before.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LayoutChanges {
    #[schema(value_type = Vec<String>)]
    pub added: Vec<LayoutId>,
    #[schema(value_type = Vec<String>)]
    pub changed: Vec<LayoutId>,
    #[schema(value_type = Vec<String>)]
    pub removed: Vec<LayoutId>,
}

/// What became of a configuration on its way into the log.
enum Brought {
    /// The log has it already.
    Known,
    At(u64),
    /// It is for another server to bring it in.
    LeftTo(String),
}

/// Brings the configuration into the log. Cheap to clone.
#[derive(Clone)]
pub struct Reviser {
    recorder: Recorder,
    tail: Arc<Tail>,
    latest: Arc<Mutex<Latest>>,
}

/// The configuration that was loaded last.
struct Latest {
    revised: CatalogueRevised,
    /// The offset of the catalogue that the log had then.
    over: u64,
}

impl Reviser {
    #[must_use]
    pub fn new(recorder: Recorder, tail: Arc<Tail>, revised: CatalogueRevised) -> Self {
        let over = tail.centre().borrow().catalogue_at;
        Self { recorder, tail, latest: Arc::new(Mutex::new(Latest { revised, over })) }
    }

    /// Brings the first configuration into the log: now, or whenever this server becomes the writer of a shared one.
    ///
    /// # Errors
    /// When the log takes it not.
    pub async fn start(&self) -> Result<(), ReloadError> {
        let Some(log) = self.recorder.shared_log() else {
            self.bring_in(&self.latest.lock().await.revised).await?;
            return Ok(());
        };
        tokio::spawn(self.clone().keep_in(log.writer()));
        let mut centre = self.tail.centre();
        let configured = centre.wait_for(|centre| centre.catalogue_at > 0);
        if tokio::time::timeout(CONFIGURE_PATIENCE, configured).await.is_err() {
            tracing::warn!("no server has brought a configuration into the log yet");
        }
        Ok(())
    }

    async fn keep_in(self, mut writer: watch::Receiver<Writer>) {
        while writer.wait_for(|writer| *writer == Writer::This).await.is_ok() {
            if let Err(error) = self.take_over().await {
                tracing::error!("{error}; trying again");
                tokio::time::sleep(REVISE_RETRY).await;
                continue;
            }
            if writer.wait_for(|writer| *writer != Writer::This).await.is_err() {
                return;
            }
        }
    }

    async fn take_over(&self) -> Result<(), ReloadError> {
        let latest = self.latest.lock().await;
        let centre = self.centre();
        if centre.catalogue_at > latest.over && centre.differs_from(&latest.revised) {
            tracing::warn!("another server has brought in a newer configuration; reload this one to take it in");
            return Ok(());
        }
        self.bring_in(&latest.revised).await.map(|_| ())
    }

    /// Takes another configuration, and brings it into the log if this server writes it.
    async fn revise(&self, revised: CatalogueRevised) -> Result<Brought, ReloadError> {
        let mut latest = self.latest.lock().await;
        let over = self.centre().catalogue_at;
        let writer = self.recorder.shared_log().map(|log| log.writer().borrow().clone());
        let brought = match writer {
            None | Some(Writer::This) => self.bring_in(&revised).await?,
            Some(other) => {
                self.refuse_replacing(&revised)?;
                let left_to = if let Writer::Other(url) = other { url } else { "nobody".to_owned() };
                if self.centre().differs_from(&revised) { Brought::LeftTo(left_to) } else { Brought::Known }
            }
        };
        *latest = Latest { revised, over };
        Ok(brought)
    }

    /// Appends a configuration when it differs from what the log has.
    async fn bring_in(&self, revised: &CatalogueRevised) -> Result<Brought, ReloadError> {
        self.refuse_replacing(revised)?;
        if !self.centre().differs_from(revised) {
            return Ok(Brought::Known);
        }
        let decided = self.recorder.tell(Event::CatalogueRevised(Box::new(revised.clone()))).await?;
        Ok(Brought::At(decided.offset))
    }

    /// A layout that someone has saved is not replaced by a file.
    fn refuse_replacing(&self, revised: &CatalogueRevised) -> Result<(), ReloadError> {
        match self.centre().layouts_in_the_way(revised).first() {
            Some(saved) => {
                let (id, name, version) = (saved.id.clone(), saved.name.vi.clone(), saved.version);
                Err(ReloadError::InTheWay { id, name, version })
            }
            None => Ok(()),
        }
    }

    fn centre(&self) -> Arc<Centre> {
        self.tail.centre().borrow().clone()
    }
}

/// Loads the configuration again. Cheap to clone.
#[derive(Clone)]
pub struct Reloader {
    inner: Arc<Inner>,
}

struct Inner {
    origin: Origin,
    clock: Clock,
    reviser: Reviser,
    settings: watch::Sender<Arc<Settings>>,
    sources: watch::Sender<Arc<[SourceSpec]>>,
    /// The sources that run by now.
    in_force: watch::Receiver<Arc<[SourceSpec]>>,
    /// One reload at a time.
    turn: Mutex<()>,
}

impl Reloader {
    #[must_use]
    pub fn new(
        (origin, clock): (Origin, Clock),
        reviser: Reviser,
        settings: watch::Sender<Arc<Settings>>,
        sources: watch::Sender<Arc<[SourceSpec]>>,
        in_force: watch::Receiver<Arc<[SourceSpec]>>,
    ) -> Self {
        let turn = Mutex::new(());
        Self { inner: Arc::new(Inner { origin, clock, reviser, settings, sources, in_force, turn }) }
    }

    /// Loads the configuration again, and returns when everything runs by it. It is done whether or not someone
    /// waits for it; reloads come one after the other.
    ///
    /// # Errors
    /// Why nothing has changed.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let inner = Arc::clone(&self.inner);
        let reloading = async move {
            let reloaded = inner.reload().await;
            log(&reloaded);
            reloaded
        };
        tokio::spawn(reloading).await?
    }
}

/// Tells whoever reads the log of the process.
fn log(reloaded: &Result<Reloaded, ReloadError>) {
    match reloaded {
        Ok(Reloaded { revision, left_to, layouts, sources, needs_restart }) => {
            let SourceChanges { started, restarted, stopped, unchanged } = sources;
            let unchanged = unchanged.len();
            tracing::info!(?revision, ?left_to, ?layouts, ?needs_restart, "the configuration was loaded again");
            tracing::info!(?started, ?restarted, ?stopped, unchanged, "sources of the configuration");
        }
        Err(ReloadError::Findings(findings)) => {
            tracing::error!(
                "the configuration was loaded again and has {} finding(s); nothing was changed",
                findings.0.len()
            );
            findings.0.iter().for_each(|finding| tracing::error!("{finding}"));
        }
        Err(error) => tracing::error!("the configuration was loaded again and nothing was changed: {error}"),
    }
}

impl Inner {
    async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _turn = self.turn.lock().await;
        let origin = self.origin.clone();
        let config = tokio::task::spawn_blocking(move || origin.load()).await??;
        let CentreConfig { settings, catalogue, walls, layouts, sources, .. } = config;
        let revised = CatalogueRevised { at: self.clock.now(), catalogue, walls, layouts };
        let layouts = LayoutChanges::between(&self.reviser.centre(), &revised);
        let (revision, left_to) = match self.reviser.revise(revised).await? {
            Brought::Known => (None, None),
            Brought::At(offset) => (Some(offset), None),
            Brought::LeftTo(server) => (None, Some(server)),
        };
        let (settings, needs_restart) = settings.for_running(&self.settings.borrow());
        self.settings.send_replace(Arc::new(settings));
        let sources = self.run(sources.into()).await;
        Ok(Reloaded { revision, left_to, layouts, sources, needs_restart })
    }

    /// Lets these sources run, and those before no more.
    async fn run(&self, sources: Arc<[SourceSpec]>) -> SourceChanges {
        let before = self.sources.send_replace(Arc::clone(&sources));
        let mut in_force = self.in_force.clone();
        // An error means that the server is stopping.
        drop(in_force.wait_for(|in_force| Arc::ptr_eq(in_force, &sources)).await);
        SourceChanges::between(&before, &sources)
    }
}

impl LayoutChanges {
    fn between(before: &Centre, after: &CatalogueRevised) -> Self {
        let configured =
            |id: &LayoutId| before.layouts.get(id).map(|kept| &*kept.layout).filter(|layout| layout.read_only);
        let ids = |is_of: &dyn Fn(Option<&Layout>, &Layout) -> bool| {
            let layouts = after.layouts.iter().filter(|(id, layout)| is_of(configured(id), layout));
            layouts.map(|(id, _)| id.clone()).collect()
        };
        let removed = before.layouts.values().map(|kept| &kept.layout).filter(|layout| layout.read_only);
        Self {
            added: ids(&|before, _| before.is_none()),
            changed: ids(&|before, after| before.is_some_and(|before| before != after)),
            removed: removed
                .filter(|layout| !after.layouts.contains_key(&layout.id))
                .map(|layout| layout.id.clone())
                .collect(),
        }
    }
}
