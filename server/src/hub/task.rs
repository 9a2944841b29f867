//! The hub's loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::ServerMessage;
use protocol::change::Change;
use protocol::message::{CloseReason, Mode, Signal, ViewName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

use super::encode::{Message, encode};
use super::painting::{Painting, Start};
use super::view::{Next, View};
use super::{Encoding, Follower, Handle, HubSettings, QUEUE, Request, Subscription, ViewError};
use crate::centre::Centre;
use crate::clock::Clock;
use crate::log::Head;
use crate::log::tail::{LogState, Tail, TailItem};
use crate::store::{Loaded, Reader};

/// A view that nobody watches is forgotten after this.
const UNWATCHED: Duration = Duration::from_secs(60);
/// How long to wait before the history is asked again after it failed.
const LOAD_RETRY: Duration = Duration::from_millis(500);
/// Loads that may be finished at once.
const LOADS: usize = 64;

struct Watched {
    view: View,
    parked: Vec<Parked>,
    /// The load that is under way, by its number: what an earlier one brings is not taken.
    loading: Option<(u64, AbortOnDropHandle<()>)>,
    /// What was loaded, until the hub has seen every entry that is in it.
    loaded: Option<Loaded>,
}

/// A request that waits until its view is there.
struct Parked {
    request: Request,
    since: Instant,
}

struct Hub {
    settings: HubSettings,
    views: BTreeMap<ViewName, Watched>,
    centre: Arc<Centre>,
    head: Head,
    log_state: watch::Receiver<LogState>,
    reader: Reader,
    clock: Clock,
    loads: mpsc::Sender<(ViewName, u64, Loaded)>,
    loads_begun: u64,
}

/// Starts the hub over the end of the log.
#[must_use]
pub fn start(
    settings: HubSettings,
    tail: &Tail,
    items: mpsc::Receiver<TailItem>,
    reader: Reader,
    clock: Clock,
) -> Handle {
    let (requests, queue) = mpsc::channel(QUEUE);
    let (loads, loaded) = mpsc::channel(LOADS);
    let hub = Hub {
        settings,
        views: BTreeMap::new(),
        centre: tail.centre().borrow().clone(),
        head: *tail.head().borrow(),
        log_state: tail.state(),
        reader,
        clock,
        loads,
        loads_begun: 0,
    };
    tokio::spawn(hub.run(items, queue, loaded));
    Handle { requests }
}

impl Hub {
    async fn run(
        mut self,
        mut items: mpsc::Receiver<TailItem>,
        mut queue: mpsc::Receiver<Request>,
        mut loaded: mpsc::Receiver<(ViewName, u64, Loaded)>,
    ) {
        let mut ticker = tokio::time::interval(self.settings.tick);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut log_state = self.log_state.clone();
        loop {
            tokio::select! {
                biased;
                _ = ticker.tick() => self.tick(),
                Some((name, number, loaded)) = loaded.recv() => self.finish_load(&name, number, loaded),
                item = items.recv() => match item {
                    Some(item) => self.take(item),
                    None => return,
                },
                request = queue.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                Ok(()) = log_state.changed() => self.signal(),
            }
        }
    }

    fn take(&mut self, item: TailItem) {
        match item {
            TailItem::Entries(entries, centre) => {
                self.centre = centre;
                let mut to_do = Vec::new();
                for entry in entries.iter() {
                    self.head.position.offset = entry.offset;
                    self.head.hash = entry.hash;
                    for (name, watched) in &mut self.views {
                        match watched.view.fold(entry, &self.centre) {
                            Next::Nothing => {}
                            next => to_do.push((name.clone(), next)),
                        }
                    }
                }
                for (name, next) in to_do {
                    self.follow(&name, next);
                }
                let loaded = self.views.iter().filter(|(_, watched)| watched.loaded.is_some());
                for name in loaded.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
                    self.take_loaded(&name);
                }
            }
            TailItem::Restarted(head, centre) => self.restart(head, centre),
        }
    }

    /// Everyone is told that the log began anew and comes back for a snapshot.
    fn restart(&mut self, head: Head, centre: Arc<Centre>) {
        (self.head, self.centre) = (head, centre);
        let names: Vec<ViewName> = self.views.keys().cloned().collect();
        for name in names {
            let arrangement = self.centre.arrange(&name);
            let Some(watched) = self.views.get_mut(&name) else { continue };
            match arrangement {
                Some(arrangement) => {
                    watched.view.restart(arrangement);
                    self.load(&name, head.position.offset);
                }
                None => self.dismiss(&name),
            }
        }
    }

    fn follow(&mut self, name: &ViewName, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Load { since } => self.load(name, since),
            Next::Gone => self.dismiss(name),
        }
    }

    /// There is no such view any more, and who watches it is told.
    fn dismiss(&mut self, name: &ViewName) {
        let Some(mut watched) = self.views.remove(name) else { return };
        watched.view.send_away(CloseReason::UnknownView);
        for Parked { request, .. } in watched.parked {
            request.refuse(ViewError::Unknown { known: self.known() });
        }
    }

    fn load(&mut self, name: &ViewName, since: u64) {
        let Some(watched) = self.views.get_mut(name) else { return };
        self.loads_begun += 1;
        let (wanted, reader, loads) = (watched.view.wanted(), self.reader.clone(), self.loads.clone());
        let (name, number) = (name.clone(), self.loads_begun);
        let task = tokio::spawn(async move {
            loop {
                match reader.load(wanted.clone(), since).await {
                    Ok(loaded) => {
                        if !loaded.lacking.is_empty() {
                            // What it leads to may be to load again; not at once, for the history stands.
                            tokio::time::sleep(LOAD_RETRY).await;
                        }
                        // A hub that is gone needs nothing.
                        drop(loads.send((name, number, loaded)).await);
                        return;
                    }
                    Err(crate::store::StoreError::Stopped) => return,
                    Err(error) => {
                        tracing::error!(%error, view = ?name, "the history of a view cannot be loaded; trying again")
                    }
                }
                tokio::time::sleep(LOAD_RETRY).await;
            }
        });
        watched.loading = Some((number, AbortOnDropHandle::new(task)));
        watched.loaded = None;
    }

    fn finish_load(&mut self, name: &ViewName, number: u64, loaded: Loaded) {
        let Some(watched) = self.views.get_mut(name) else { return };
        if watched.loading.take_if(|(loading, _)| *loading == number).is_some() {
            watched.loaded = Some(loaded);
            self.take_loaded(name);
        }
    }

    /// The history may be ahead of the hub: what it has is taken when the hub knows every layout up to there.
    fn take_loaded(&mut self, name: &ViewName) {
        let head = self.head.position.offset;
        let Some(watched) = self.views.get_mut(name) else { return };
        let Some(loaded) = watched.loaded.take_if(|loaded| loaded.offset <= head) else { return };
        let next = watched.view.load(&loaded, &self.centre);
        if next != Next::Nothing {
            return self.follow(name, next);
        }
        // The state is whole now, before more comes on top.
        self.serve(name);
        let (now, instant, interval) = (self.clock.now(), Instant::now(), self.settings.readout_interval);
        let Some(watched) = self.views.get_mut(name) else { return };
        watched.view.tick(now, instant, interval);
        let next = watched.view.fold_waiting(&self.centre);
        self.follow(name, next);
    }

    fn tick(&mut self) {
        let (now, instant) = (self.clock.now(), Instant::now());
        let names: Vec<ViewName> = self.views.keys().cloned().collect();
        for name in names {
            self.serve(&name);
            self.expire(&name, instant);
            let Some(watched) = self.views.get_mut(&name) else { continue };
            watched.view.tick(now, instant, self.settings.readout_interval);
            if watched.view.is_stalled(instant, self.settings.patience) {
                watched.view.send_away(CloseReason::Behind);
            }
            let forgotten = watched.parked.is_empty()
                && watched.view.unwatched_since(instant).is_some_and(|since| instant - since > UNWATCHED);
            if forgotten {
                self.views.remove(&name);
            }
        }
        metrics::gauge!("ioc_views").set(self.views.len() as f64);
        let rings = self.views.values().flat_map(|watched| watched.view.channels());
        metrics::gauge!("ioc_ring_bytes").set(rings.map(|(_, channel)| channel.bytes()).sum::<usize>() as f64);
    }

    /// Nobody waits for ever, and nobody is kept for who has gone.
    fn expire(&mut self, name: &ViewName, now: Instant) {
        let Some(watched) = self.views.get_mut(name) else { return };
        watched.parked.retain(|parked| !parked.request.is_abandoned());
        let here = match watched.view.ready() {
            Some(folded) => format!("it has the view up to entry {folded} of the log; another server may be further"),
            None => "the view cannot be loaded from the history in time".to_owned(),
        };
        for Parked { request, .. } in
            watched.parked.extract_if(.., |parked| now - parked.since >= self.settings.patience)
        {
            request.refuse(ViewError::Behind(here.clone()));
        }
    }

    fn signal(&self) {
        let away_since = self.log_state.borrow().away_since;
        for watched in self.views.values() {
            for (encoding, channel) in watched.view.channels() {
                match log_signal(*encoding, away_since) {
                    Ok(message) => channel.push(message, channel.position()),
                    Err(error) => tracing::error!(%error, "a signal is lost"),
                }
            }
        }
    }

    fn answer(&mut self, request: Request) {
        let name = match &request {
            Request::Subscribe { view, .. } | Request::Once { view, .. } => view.clone(),
        };
        if !self.views.contains_key(&name) {
            let Some(arrangement) = self.centre.arrange(&name) else {
                request.refuse(ViewError::Unknown { known: self.known() });
                return;
            };
            let view = View::new(name.clone(), arrangement, self.settings.ring);
            self.views.insert(name.clone(), Watched { view, parked: Vec::new(), loading: None, loaded: None });
            self.load(&name, self.head.position.offset);
        }
        if let Some(watched) = self.views.get_mut(&name) {
            watched.parked.push(Parked { request, since: Instant::now() });
        }
        self.serve(&name);
    }

    /// Answers who waits, as far as the view has come.
    fn serve(&mut self, name: &ViewName) {
        let epoch = self.head.position.epoch;
        let Some(watched) = self.views.get_mut(name) else { return };
        let Some(folded) = watched.view.ready() else { return };
        let is_due = |parked: &mut Parked| match &parked.request {
            Request::Subscribe { resume, .. } => {
                resume.is_none_or(|resume| resume.epoch != epoch || resume.offset <= folded)
            }
            Request::Once { .. } => true,
        };
        let due: Vec<Parked> = watched.parked.extract_if(.., is_due).collect();
        for Parked { request, .. } in due {
            let view = &mut watched.view;
            match request {
                Request::Once { reply, .. } => drop(reply.send(Ok(Arc::new(view.state().clone())))),
                Request::Subscribe { encoding, resume, reply, .. } => {
                    let joining = Joining {
                        epoch,
                        encoding,
                        resume: resume.filter(|resume| resume.epoch == epoch).map(|resume| resume.offset),
                        log: self.log_state.clone(),
                        clock: self.clock.clone(),
                    };
                    match encoding {
                        Encoding::Svg => joining.join_painted(view, reply),
                        Encoding::Msgpack | Encoding::Json => drop(reply.send(joining.join(view))),
                    }
                }
            }
        }
    }

    fn known(&self) -> String {
        let walls = self.centre.walls.keys().map(|wall| format!("wall {wall}"));
        let layouts = self.centre.layouts.keys().map(|layout| format!("layout {layout}"));
        walls.chain(layouts).collect::<Vec<_>>().join(", ")
    }
}

/// A subscriber whose view is there.
struct Joining {
    epoch: u64,
    encoding: Encoding,
    /// What it has of this epoch.
    resume: Option<u64>,
    log: watch::Receiver<LogState>,
    clock: Clock,
}

impl Joining {
    fn join(mut self, view: &mut View) -> Result<Subscription, ViewError> {
        self.resume = view.resumable(self.resume);
        let channel = view.channel(self.encoding);
        let follower = channel.follow();
        let (message, position) = match self.resume {
            Some(position) => view.catch_up(self.encoding, position, self.clock.now())?,
            None => view.snapshot(self.encoding)?,
        };
        let start = Start { first: vec![message], position, cursor: channel.next(), resumed: self.resume.is_some() };
        Ok(self.subscription(start, follower))
    }

    /// Painting takes its time, and the hub does not wait for it.
    fn join_painted(self, view: &mut View, mut reply: oneshot::Sender<Result<Subscription, ViewError>>) {
        let painting = view.painting(|channel| Painting::start(channel, self.clock.clone(), self.log.clone()));
        let channel = view.channel(Encoding::Svg);
        tokio::spawn(async move {
            let follower = channel.follow();
            let started = tokio::select! {
                started = painting.subscribe(self.resume, &self.clock) => started,
                () = reply.closed() => return,
            };
            drop(reply.send(started.map(|start| self.subscription(start, follower))));
        });
    }

    fn subscription(self, start: Start, follower: Follower) -> Subscription {
        let Start { mut first, position, cursor, resumed } = start;
        let kind = if resumed { "ioc_resumes_total" } else { "ioc_snapshots_total" };
        metrics::counter!(kind, "encoding" => self.encoding.name()).increment(1);
        let away_since = self.log.borrow().away_since;
        if away_since.is_some() {
            first.extend(log_signal(self.encoding, away_since));
        }
        Subscription { epoch: self.epoch, mode: Mode::Live, resumed, first, position, follower, cursor }
    }
}

fn log_signal(
    encoding: Encoding,
    away_since: Option<protocol::Timestamp>,
) -> Result<Message, super::encode::EncodeError> {
    encode(encoding, &ServerMessage::<Change>::Signal(Signal::Log { away_since }))
}

impl Request {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Subscribe { reply, .. } => reply.is_closed(),
            Self::Once { reply, .. } => reply.is_closed(),
        }
    }

    /// A caller that no longer waits needs no answer.
    fn refuse(self, error: ViewError) {
        match self {
            Self::Subscribe { reply, .. } => drop::<Result<_, _>>(reply.send(Err(error))),
            Self::Once { reply, .. } => drop::<Result<_, _>>(reply.send(Err(error))),
        }
    }
}
