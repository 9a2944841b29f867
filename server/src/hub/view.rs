//! One view: its state as of an offset, and the frames that have been cut from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::change::{Arranged, Buckets, Change, Envelope};
use protocol::message::{Frame, ViewName};
use protocol::view::ViewState;
use protocol::{Event, Observation, SeriesKey, ServerMessage, Timestamp};

use super::encode::{Message, encode};
use super::painting::Painting;
use super::ring::{Channel, Encoding, RingLimits};
use crate::centre::Centre;
use crate::log::Entry;
use crate::store::{Loaded, Wanted};

/// An idle view gets an empty frame this often, so that a client can tell silence from a lost link.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Entries that may wait for the history; with more, it is asked again instead.
const MOST_WAITING: usize = 4096;

/// Where a view stands with what it needs from the history.
enum Progress {
    /// The state is whole as of `folded`.
    Ready,
    /// What was asked for has yet to be loaded.
    Loading(u64, Arc<Arranged>),
}

/// What is to be done after something was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Nothing,
    /// Load from the history what [`View::wanted`] says, as of this offset or later.
    Load {
        since: u64,
    },
}

/// A view that someone watches.
pub struct View {
    pub name: ViewName,
    state: ViewState,
    /// The state is complete up to here.
    folded: u64,
    /// Clients have been sent everything up to here.
    sent: u64,
    progress: Progress,
    /// Entries behind `folded` that came in while the history was asked.
    waiting: Vec<Arc<Entry>>,
    dirty: bool,
    urgent: bool,
    numbers_sent: Option<Instant>,
    last_frame: Option<Instant>,
    channels: BTreeMap<Encoding, Arc<Channel>>,
    snapshots: BTreeMap<Encoding, (u64, Message)>,
    painting: Option<Painting>,
    limits: RingLimits,
    unwatched_since: Option<Instant>,
    windows_of: BTreeMap<SeriesKey, Vec<usize>>,
}

impl View {
    /// A view of `arrangement` as of `folded`; its numbers have yet to be loaded.
    #[must_use]
    pub fn new(name: ViewName, arrangement: (u64, Arc<Arranged>), limits: RingLimits) -> Self {
        Self {
            name,
            state: ViewState::default(),
            folded: 0,
            sent: 0,
            progress: Progress::Loading(arrangement.0, arrangement.1),
            waiting: Vec::new(),
            dirty: false,
            urgent: false,
            numbers_sent: None,
            last_frame: None,
            channels: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            painting: None,
            limits,
            unwatched_since: None,
            windows_of: BTreeMap::new(),
        }
    }

    /// What must be loaded for it.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let arranged = match &self.progress {
            Progress::Loading(_, arranged) => Some(arranged),
            Progress::Ready => self.state.arranged(),
        };
        arranged.map_or_else(Wanted::default, |arranged| Wanted {
            series: arranged.series.clone(),
            windows: arranged.windows.clone(),
        })
    }

    /// Up to where the state is complete; `None` while it is being loaded.
    #[must_use]
    pub fn ready(&self) -> Option<u64> {
        matches!(self.progress, Progress::Ready).then_some(self.folded)
    }

    /// What is shown.
    #[must_use]
    pub fn state(&self) -> &ViewState {
        &self.state
    }

    /// Takes in an entry.
    pub fn fold(&mut self, entry: &Arc<Entry>, centre: &Centre) -> Next {
        if matches!(self.progress, Progress::Loading(..)) {
            self.waiting.push(Arc::clone(entry));
            return Next::Nothing;
        }
        if entry.offset <= self.folded {
            return Next::Nothing;
        }
        let needs_loading = match &entry.event {
            Event::ObservationsRecorded(recorded) => {
                recorded.observations().any(|observation| !self.observe(entry.offset, observation))
            }
            _ => self.rearrange(centre),
        };
        let arrangement = if needs_loading { centre.arrange(&self.name).or_else(|| self.current()) } else { None };
        let Some((at, arranged)) = arrangement else {
            self.folded = entry.offset;
            return Next::Nothing;
        };
        self.progress = Progress::Loading(at, arranged);
        self.waiting.push(Arc::clone(entry));
        Next::Load { since: entry.offset }
    }

    fn current(&self) -> Option<(u64, Arc<Arranged>)> {
        self.state.arranged().map(|arranged| (self.state.arranged_at(), Arc::clone(arranged)))
    }

    /// Whether the arrangement of this view has changed.
    fn rearrange(&self, centre: &Centre) -> bool {
        centre.arrange(&self.name).is_some_and(|(at, _)| at != self.state.arranged_at())
    }

    /// Takes in one number; false when it is older than what its window holds, so that only the history
    /// can tell what the bucket comes to.
    fn observe(&mut self, offset: u64, observation: Observation) -> bool {
        let windows = self.windows_of.get(&observation.series);
        if windows.is_none() && !self.state.has_series(&observation.series) {
            return true;
        }
        let mut changes = Vec::new();
        for &index in windows.into_iter().flatten() {
            let Some(window) = self.state.windows().get(index) else { continue };
            match super::bucket::place(window, offset, &observation) {
                super::bucket::Placed::Changed(bucket) => {
                    changes.push(Change::Buckets(Buckets { window: index as u16, buckets: vec![bucket] }));
                }
                super::bucket::Placed::Outside => {}
                super::bucket::Placed::Late => return false,
            }
        }
        changes.push(Change::Observed(Arc::new(observation)));
        for change in changes {
            self.state.apply(offset, &change);
        }
        self.dirty = true;
        true
    }

    /// Takes in what was loaded. The state is whole then; [`fold_waiting`](Self::fold_waiting) goes on.
    pub fn load(&mut self, loaded: &Loaded) {
        let progress = std::mem::replace(&mut self.progress, Progress::Ready);
        let Progress::Loading(at, arranged) = progress else { return };
        let first = self.state.arranged().is_none();
        self.urgent |= self.state.arranged_at() != at;
        self.state = loaded_state(at, &arranged, loaded);
        self.folded = self.folded.max(loaded.offset).max(at);
        self.windows_of.clear();
        for (index, spec) in arranged.windows.iter().enumerate() {
            self.windows_of.entry(spec.series.clone()).or_default().push(index);
        }
        self.dirty = true;
        if first {
            // Nobody has been sent anything: who comes gets a snapshot.
            self.sent = self.folded;
            self.dirty = false;
        }
    }

    /// Takes in what came while the history was asked.
    pub fn fold_waiting(&mut self, centre: &Centre) -> Next {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.len() > MOST_WAITING {
            let arrangement = centre.arrange(&self.name).or_else(|| self.current());
            if let (Some((at, arranged)), Some(last)) = (arrangement, waiting.last()) {
                self.progress = Progress::Loading(at, arranged);
                return Next::Load { since: last.offset };
            }
        }
        let mut next = Next::Nothing;
        for entry in &waiting {
            if let load @ Next::Load { .. } = self.fold(entry, centre) {
                next = load;
            }
        }
        next
    }

    /// The log began anew: everything is to be loaded again.
    pub fn restart(&mut self, arrangement: (u64, Arc<Arranged>)) {
        self.state = ViewState::default();
        (self.folded, self.sent, self.dirty) = (0, 0, false);
        self.snapshots.clear();
        self.waiting.clear();
        self.channels.clear();
        self.painting = None;
        self.progress = Progress::Loading(arrangement.0, arrangement.1);
    }

    /// The channel of an encoding, made when first asked for.
    pub fn channel(&mut self, encoding: Encoding) -> Arc<Channel> {
        let limits = self.limits;
        Arc::clone(self.channels.entry(encoding).or_insert_with(|| Channel::new(limits)))
    }

    /// All channels.
    pub fn channels(&self) -> impl Iterator<Item = (&Encoding, &Arc<Channel>)> {
        self.channels.iter()
    }

    /// The painter of this view, started when first asked for.
    pub fn painting(&mut self, start: impl FnOnce(Arc<Channel>) -> Painting) -> Painting {
        if let Some(painting) = &self.painting {
            return painting.clone();
        }
        let painting = start(self.channel(Encoding::Svg));
        painting.show(self.folded, Arc::new(self.state.clone()));
        self.painting = Some(painting.clone());
        painting
    }

    /// A snapshot of the state, encoded once per offset.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn snapshot(
        &mut self,
        encoding: Encoding,
    ) -> Result<(Message, u64), super::encode::EncodeError> {
        let offset = self.folded;
        if let Some((of, message)) = self.snapshots.get(&encoding).filter(|(of, _)| *of == offset) {
            return Ok((message.clone(), *of));
        }
        let message = encode(encoding, &ServerMessage::Snapshot { offset, changes: self.state.replicate() })?;
        self.snapshots.insert(encoding, (offset, message.clone()));
        Ok((message, offset))
    }

    /// The net changes after `position` in one frame.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn catch_up(
        &self,
        encoding: Encoding,
        position: u64,
        now: Timestamp,
    ) -> Result<(Message, u64), super::encode::EncodeError> {
        let frame =
            Frame { since: position, until: self.folded, present_at: now, changes: self.state.changes_after(position) };
        Ok((encode(encoding, &ServerMessage::Frame(frame))?, self.folded))
    }

    /// Cuts a frame if it is time for one.
    pub fn tick(&mut self, now: Timestamp, instant: Instant, readout_interval: Duration) {
        let ready = matches!(self.progress, Progress::Ready);
        let quiet = self.numbers_sent.is_none_or(|sent| instant - sent >= readout_interval);
        let flush = ready && self.dirty && (self.urgent || quiet);
        // While numbers wait for their moment, or for the history, a frame must not claim their offsets.
        let until = if flush || (!self.dirty && ready) { self.folded } else { self.sent };
        let silent = self.last_frame.is_none_or(|last| instant - last >= HEARTBEAT);
        if self.state.arranged().is_none() || !(flush || silent) {
            return;
        }
        let changes = if flush { self.state.changes_after(self.sent) } else { Vec::new() };
        let lead_ms =
            self.state.arranged().and_then(|arranged| arranged.wall.as_ref()).map_or(0, |wall| wall.lead_ms.min(250));
        self.push(until, now.plus_micros(i64::from(lead_ms) * 1000), changes);
        if flush {
            self.numbers_sent = Some(instant);
            self.dirty = false;
            self.urgent = false;
            if let Some(painting) = &self.painting {
                painting.show(self.folded, Arc::new(self.state.clone()));
            }
        }
        self.last_frame = Some(instant);
        self.sent = until;
    }

    fn push(&self, until: u64, present_at: Timestamp, changes: Vec<Envelope>) {
        let message = ServerMessage::Frame(Frame { since: self.sent, until, present_at, changes });
        for (encoding, channel) in self.channels.iter().filter(|(encoding, _)| **encoding != Encoding::Svg) {
            match encode(*encoding, &message) {
                Ok(message) => {
                    channel.push(message, until);
                    metrics::counter!("ioc_frames_total", "encoding" => encoding.name()).increment(1);
                }
                Err(error) => tracing::error!(%error, view = ?self.name, "a frame is lost"),
            }
        }
    }

    /// Since when nobody watches.
    pub fn unwatched_since(&mut self, now: Instant) -> Option<Instant> {
        if self.channels.values().any(|channel| channel.followers() > 0) {
            self.unwatched_since = None;
        } else {
            self.unwatched_since.get_or_insert(now);
        }
        self.unwatched_since
    }
}

/// What was loaded, under an arrangement: nothing of it is older than the arrangement to a client.
fn loaded_state(at: u64, arranged: &Arc<Arranged>, loaded: &Loaded) -> ViewState {
    let mut state = ViewState::default();
    state.apply(at, &Change::Arranged(Arc::clone(arranged)));
    for row in &loaded.latest {
        state.apply(row.offset.max(at), &Change::Observed(Arc::new(row.observation.clone())));
    }
    for (index, buckets) in loaded.windows.iter().enumerate() {
        let buckets =
            buckets.iter().map(|bucket| protocol::change::Bucket { at: bucket.at.max(at), ..bucket.clone() }).collect();
        state.apply(at, &Change::Buckets(Buckets { window: index as u16, buckets }));
    }
    state
}
