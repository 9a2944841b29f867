//! The hub's loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::change::Change;
use protocol::message::{Mode, Signal, ViewName};
use protocol::{ServerMessage, StreamPosition};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

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
    parked: Vec<Request>,
}

struct Hub {
    settings: HubSettings,
    views: BTreeMap<ViewName, Watched>,
    centre: Arc<Centre>,
    head: Head,
    log_state: watch::Receiver<LogState>,
    reader: Reader,
    clock: Clock,
    /// The epoch in which it was asked, so that an answer from before a restart is not taken.
    loads: mpsc::Sender<(ViewName, u64, Loaded)>,
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
                Some((name, epoch, loaded)) = loaded.recv() => self.finish_load(&name, epoch, &loaded),
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
                let mut to_load = Vec::new();
                for entry in entries.iter() {
                    self.head.position.offset = entry.offset;
                    self.head.hash = entry.hash;
                    for (name, watched) in &mut self.views {
                        if let Next::Load { since } = watched.view.fold(entry, &self.centre) {
                            to_load.push((name.clone(), since));
                        }
                    }
                }
                for (name, since) in to_load {
                    self.load(&name, since);
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
            for (_, channel) in watched.view.channels() {
                channel.close();
            }
            match arrangement {
                Some(arrangement) => {
                    watched.view.restart(arrangement);
                    self.load(&name, head.position.offset);
                }
                None => drop(self.views.remove(&name)),
            }
        }
    }

    fn load(&self, name: &ViewName, since: u64) {
        let Some(watched) = self.views.get(name) else { return };
        let (wanted, reader, loads) = (watched.view.wanted(), self.reader.clone(), self.loads.clone());
        let (name, epoch) = (name.clone(), self.head.position.epoch);
        tokio::spawn(async move {
            loop {
                match reader.load(wanted.clone(), since).await {
                    Ok(loaded) => {
                        // A hub that is gone needs nothing.
                        drop(loads.send((name, epoch, loaded)).await);
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
    }

    fn finish_load(&mut self, name: &ViewName, epoch: u64, loaded: &Loaded) {
        if epoch != self.head.position.epoch {
            return;
        }
        let Some(watched) = self.views.get_mut(name) else { return };
        watched.view.load(loaded);
        // The state is whole now, before more comes on top.
        self.serve(name);
        let (now, instant, interval) = (self.clock.now(), Instant::now(), self.settings.readout_interval);
        let Some(watched) = self.views.get_mut(name) else { return };
        watched.view.tick(now, instant, interval);
        if let Next::Load { since } = watched.view.fold_waiting(&self.centre) {
            self.load(name, since);
        }
    }

    fn tick(&mut self) {
        let (now, instant) = (self.clock.now(), Instant::now());
        let names: Vec<ViewName> = self.views.keys().cloned().collect();
        for name in names {
            self.serve(&name);
            let Some(watched) = self.views.get_mut(&name) else { continue };
            watched.view.tick(now, instant, self.settings.readout_interval);
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
            self.views.insert(name.clone(), Watched { view, parked: Vec::new() });
            self.load(&name, self.head.position.offset);
        }
        if let Some(watched) = self.views.get_mut(&name) {
            watched.parked.push(request);
        }
        self.serve(&name);
    }

    /// Answers who waits, as far as the view has come.
    fn serve(&mut self, name: &ViewName) {
        let epoch = self.head.position.epoch;
        let Some(watched) = self.views.get_mut(name) else { return };
        let Some(folded) = watched.view.ready() else { return };
        let is_due = |request: &mut Request| match request {
            Request::Subscribe { resume, .. } => {
                resume.is_none_or(|resume| resume.epoch != epoch || resume.offset <= folded)
            }
            Request::Once { .. } => true,
        };
        let due: Vec<Request> = watched.parked.extract_if(.., is_due).collect();
        for request in due {
            match request {
                Request::Once { reply, .. } => drop(reply.send(Ok(Arc::new(watched.view.state().clone())))),
                Request::Subscribe { encoding: Encoding::Svg, resume, reply, .. } => {
                    let (clock, log) = (self.clock.clone(), self.log_state.clone());
                    let painting = watched.view.painting(|channel| Painting::start(channel, clock.clone(), log));
                    let channel = watched.view.channel(Encoding::Svg);
                    let resume = resume.filter(|resume| resume.epoch == epoch).map(|resume| resume.offset);
                    let away_since = self.log_state.borrow().away_since;
                    tokio::spawn(async move {
                        let follower = channel.follow();
                        let started = painting
                            .subscribe(resume, &clock)
                            .await
                            .map_err(|error| ViewError::Defect(error.to_string()));
                        drop(
                            reply.send(
                                started.map(|start| joined(epoch, start, follower, Encoding::Svg, away_since)),
                            ),
                        );
                    });
                }
                Request::Subscribe { encoding, resume, reply, .. } => {
                    let resume = resume.filter(|resume| resume.epoch == epoch);
                    let away_since = self.log_state.borrow().away_since;
                    drop(reply.send(join(&mut watched.view, epoch, encoding, resume, away_since, &self.clock)));
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

fn join(
    view: &mut View,
    epoch: u64,
    encoding: Encoding,
    resume: Option<StreamPosition>,
    away_since: Option<protocol::Timestamp>,
    clock: &Clock,
) -> Result<Subscription, ViewError> {
    let channel = view.channel(encoding);
    let follower = channel.follow();
    let first = match resume {
        Some(resume) => view.catch_up(encoding, resume.offset, clock.now()),
        None => view.snapshot(encoding),
    };
    let (message, position) = first.map_err(|error| ViewError::Defect(error.to_string()))?;
    let start = Start { first: vec![message], position, cursor: channel.next(), resumed: resume.is_some() };
    Ok(joined(epoch, start, follower, encoding, away_since))
}

fn joined(
    epoch: u64,
    start: Start,
    follower: Follower,
    encoding: Encoding,
    away_since: Option<protocol::Timestamp>,
) -> Subscription {
    let Start { mut first, position, cursor, resumed } = start;
    let kind = if resumed { "ioc_resumes_total" } else { "ioc_snapshots_total" };
    metrics::counter!(kind, "encoding" => encoding.name()).increment(1);
    if away_since.is_some() {
        first.extend(log_signal(encoding, away_since));
    }
    Subscription { epoch, mode: Mode::Live, resumed, first, position, follower, cursor }
}

fn log_signal(
    encoding: Encoding,
    away_since: Option<protocol::Timestamp>,
) -> Result<Message, super::encode::EncodeError> {
    encode(encoding, &ServerMessage::<Change>::Signal(Signal::Log { away_since }))
}

impl Request {
    /// A caller that no longer waits needs no answer.
    fn refuse(self, error: ViewError) {
        match self {
            Self::Subscribe { reply, .. } => drop::<Result<_, _>>(reply.send(Err(error))),
            Self::Once { reply, .. } => drop::<Result<_, _>>(reply.send(Err(error))),
        }
    }
}
