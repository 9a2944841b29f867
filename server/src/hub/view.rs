//! One view: its state as of an offset, and the frames that have been cut from it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::change::{Arranged, Buckets, Change, Envelope};
use protocol::event::ObservationsRecorded;
use protocol::map::LayerReport;
use protocol::message::{CloseReason, Frame, ViewName};
use protocol::view::{ViewState, Window};
use protocol::{Event, Observation, RecordKind, Records, SeriesKey, ServerMessage, SourceState, Timestamp};

use super::ViewError;
use super::encode::{self, Message, encode};
use super::painting::Painting;
use super::ring::{Channel, Encoding, RingLimits};
use crate::centre::Centre;
use crate::log::Entry;
use crate::store::{LastDeliveries, Loaded, Wanted};

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
    /// There is no such wall or layout any more.
    Gone,
}

/// A view that someone watches.
pub struct View {
    pub name: ViewName,
    state: ViewState,
    /// Of the arrangement, in the centre.
    at: u64,
    /// The state is complete up to here.
    folded: u64,
    /// Clients have been sent everything up to here.
    sent: u64,
    progress: Progress,
    /// Entries behind `folded` that came in while the history was asked.
    waiting: Vec<Arc<Entry>>,
    /// The newest entry since too many waited; those before it are left to the history.
    missed: Option<u64>,
    loading_since: Option<Instant>,
    dirty: bool,
    urgent: bool,
    numbers_sent: Option<Instant>,
    last_frame: Option<Instant>,
    channels: BTreeMap<Encoding, Arc<Channel>>,
    snapshots: BTreeMap<Encoding, (u64, Message)>,
    painting: Option<Painting>,
    limits: RingLimits,
    unwatched_since: Option<Instant>,
}

impl View {
    /// A view of `arrangement` as of `folded`; its numbers have yet to be loaded.
    #[must_use]
    pub fn new(name: ViewName, arrangement: (u64, Arc<Arranged>), limits: RingLimits) -> Self {
        Self {
            name,
            state: ViewState::default(),
            at: 0,
            folded: 0,
            sent: 0,
            progress: Progress::Loading(arrangement.0, arrangement.1),
            waiting: Vec::new(),
            missed: None,
            loading_since: None,
            dirty: false,
            urgent: false,
            numbers_sent: None,
            last_frame: None,
            channels: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            painting: None,
            limits,
            unwatched_since: None,
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
            deliveries: arranged.records.contains(&RecordKind::Source),
        })
    }

    /// Up to where the state is complete; `None` while it is being loaded.
    #[must_use]
    pub fn ready(&self) -> Option<u64> {
        matches!(self.progress, Progress::Ready).then_some(self.folded)
    }

    /// From where a client goes on that has everything up to `position`; nowhere when changes do not lead from there.
    #[must_use]
    pub fn resumable(&self, position: Option<u64>) -> Option<u64> {
        position.filter(|position| self.state.can_lead_from(*position))
    }

    /// What is shown.
    #[must_use]
    pub fn state(&self) -> &ViewState {
        &self.state
    }

    /// Takes in an entry; `centre` is as of it or a later one.
    pub fn fold(&mut self, entry: &Arc<Entry>, centre: &Centre) -> Next {
        let arrangement = match &entry.event {
            Event::CatalogueRevised(_) | Event::LayoutSaved(_) | Event::LayoutShown(_) | Event::SpotlightTurned(_) => {
                match centre.arrange(&self.name) {
                    None => return Next::Gone,
                    arrangement => arrangement,
                }
            }
            _ => None,
        };
        if matches!(self.progress, Progress::Loading(..)) {
            self.wait(entry);
            return Next::Nothing;
        }
        if entry.offset <= self.folded {
            return Next::Nothing;
        }
        let to_load = match &entry.event {
            Event::ObservationsRecorded(recorded) => {
                if self.observe_batch(entry.offset, recorded) {
                    self.record(entry, centre);
                    None
                } else {
                    self.current()
                }
            }
            Event::LayerReported(report) => {
                self.report(entry.offset, report);
                self.record(entry, centre);
                None
            }
            Event::RecordsReported(_)
            | Event::SourceStateChanged(_)
            | Event::AlarmAcknowledged(_)
            | Event::AlarmShelved(_)
            | Event::AlarmUnshelved(_)
            | Event::DocumentReceived(_) => {
                self.record(entry, centre);
                None
            }
            Event::Acted(_)
            | Event::AccountSaved(_)
            | Event::InvitationMade(_)
            | Event::PasswordSet(_)
            | Event::SignedIn(_)
            | Event::SignedOut(_)
            | Event::TokenMade(_)
            | Event::TokenRevoked(_) => None,
            Event::CatalogueRevised(_) | Event::LayoutSaved(_) | Event::LayoutShown(_) | Event::SpotlightTurned(_) => {
                arrangement.filter(|(at, _)| *at != self.at)
            }
        };
        let Some((at, arranged)) = to_load else {
            self.folded = entry.offset;
            return Next::Nothing;
        };
        tracing::debug!(view = ?self.name, entry = entry.offset, kind = entry.event.kind(), "a view is loaded anew");
        self.progress = Progress::Loading(at, arranged);
        self.wait(entry);
        // The arrangement may be of a later entry: what lies between is left to the history.
        Next::Load { since: entry.offset.max(at) }
    }

    fn wait(&mut self, entry: &Arc<Entry>) {
        if self.missed.is_none() && self.waiting.len() < MOST_WAITING {
            self.waiting.push(Arc::clone(entry));
        } else {
            self.waiting = Vec::new();
            self.missed = Some(entry.offset);
        }
    }

    fn current(&self) -> Option<(u64, Arc<Arranged>)> {
        self.state.arranged().map(|arranged| (self.at, Arc::clone(arranged)))
    }

    /// Takes in what an entry does to the records that are shown. Deliveries wait like the numbers in them; the rest
    /// is told on the next tick.
    fn record(&mut self, entry: &Entry, centre: &Centre) {
        let Some(arranged) = self.state.arranged().filter(|arranged| !arranged.records.is_empty()).cloned() else {
            return;
        };
        let horizon = centre.records.horizon.as_ref().filter(|horizon| horizon.at == entry.offset);
        let horizon = horizon.map(|horizon| Change::Horizon(horizon.value));
        let changes = self.state.records().changes_by(&entry.event).into_iter().chain(horizon);
        let changes = changes.map(|change| as_it_is(change, &centre.records));
        for change in changes.filter(|change| arranged.has_records_of(change)) {
            self.state.apply(entry.offset, &change);
            self.dirty = true;
            self.urgent |= !matches!(entry.event, Event::ObservationsRecorded(_) | Event::LayerReported(_));
        }
    }

    /// Takes in where the features of a layer are, if it is shown.
    fn report(&mut self, offset: u64, report: &Arc<LayerReport>) {
        let arranged = self.state.arranged();
        if arranged.is_some_and(|arranged| arranged.catalogue.layers.contains_key(&report.layer)) {
            self.state.apply(offset, &Change::Layer(Arc::clone(report)));
            self.dirty = true;
        }
    }

    /// Takes in the numbers of a batch that are shown; false when one of them is late.
    fn observe_batch(&mut self, offset: u64, recorded: &ObservationsRecorded) -> bool {
        let is_shown = |(series, _): &(SeriesKey, _)| {
            self.state.has_series(series) || self.state.windows().iter().any(|window| window.spec.series == *series)
        };
        let is_shown: Vec<bool> = recorded.rows.series().iter().map(is_shown).collect();
        if !is_shown.contains(&true) {
            return true;
        }
        let mut shown = recorded.rows.iter().filter(|row| is_shown[row.place]);
        shown.all(|row| self.observe(offset, recorded.observation(row)))
    }

    /// Takes in one number; false when it is older than what its window holds, so that only the history
    /// can tell what the bucket comes to.
    fn observe(&mut self, offset: u64, observation: Observation) -> bool {
        if !observation.status.is_measurement() {
            return !self.may_replace(&observation);
        }
        let mut changes = Vec::new();
        let windows = self.state.windows().iter().enumerate();
        for (index, window) in windows.filter(|(_, window)| window.spec.series == observation.series) {
            match super::bucket::place(window, offset, &observation) {
                super::bucket::Placed::Changed(bucket) => {
                    changes.push(Change::Buckets(Buckets { window: index as u16, buckets: vec![bucket] }));
                }
                super::bucket::Placed::Outside => {}
                super::bucket::Placed::Late => return false,
            }
        }
        if changes.is_empty() && !self.state.has_series(&observation.series) {
            return true;
        }
        changes.push(Change::Observed(Arc::new(observation)));
        for change in changes {
            self.state.apply(offset, &change);
        }
        self.dirty = true;
        true
    }

    /// Whether something that is no measurement may take the place of one that is shown: only the history can tell what
    /// is shown then.
    fn may_replace(&self, observation: &Observation) -> bool {
        let latest = self.state.latest(&observation.series);
        let is_latest = latest.is_some_and(|latest| latest.phenomenon_time == observation.phenomenon_time);
        let is_in = |window: &Window| {
            let place = super::bucket::place(window, 0, observation);
            window.spec.series == observation.series && matches!(place, super::bucket::Placed::Late)
        };
        is_latest || self.state.windows().iter().any(is_in)
    }

    /// Takes in what was loaded, once every entry up to it has been folded or waits. The state is whole then;
    /// [`fold_waiting`](Self::fold_waiting) goes on.
    pub fn load(&mut self, loaded: &Loaded, centre: &Centre) -> Next {
        let Progress::Loading(at, arranged) = std::mem::replace(&mut self.progress, Progress::Ready) else {
            return Next::Nothing;
        };
        let Some((newest, rearranged)) = centre.arrange(&self.name) else { return Next::Gone };
        if newest != at {
            // Numbers under an arrangement that was over before them would never be corrected.
            self.progress = Progress::Loading(newest, rearranged);
            return Next::Load { since: loaded.offset.max(newest) };
        }
        let first = self.state.arranged().is_none();
        self.urgent |= self.at != at;
        self.at = at;
        // Where numbers are gone, clients are told of all that is there.
        let floor = at.max(loaded.renewed);
        self.state = loaded_state(floor, &arranged, loaded, centre);
        if !loaded.lacking.is_empty() {
            self.folded = loaded.offset;
        }
        let last_lacking = loaded.lacking.last().map_or(0, |entry| entry.offset);
        for entry in &loaded.lacking {
            match self.fold(entry, centre) {
                Next::Nothing => {}
                // Those behind this one wait nowhere else: they are to be loaded with it.
                Next::Load { since } => return Next::Load { since: since.max(last_lacking) },
                Next::Gone => return Next::Gone,
            }
        }
        self.folded = self.folded.max(loaded.offset).max(at);
        // Nobody has been sent anything at first: who comes gets a snapshot.
        self.dirty = !first;
        if first {
            self.sent = self.folded;
        }
        Next::Nothing
    }

    /// Takes in what came while the history was asked.
    pub fn fold_waiting(&mut self, centre: &Centre) -> Next {
        if let Some(newest) = self.missed.take()
            && newest > self.folded
            && let Some((at, arranged)) = self.current()
        {
            self.progress = Progress::Loading(at, arranged);
            return Next::Load { since: newest };
        }
        let mut next = Next::Nothing;
        for entry in std::mem::take(&mut self.waiting) {
            match self.fold(&entry, centre) {
                Next::Nothing => {}
                Next::Gone => return Next::Gone,
                load @ Next::Load { .. } => next = load,
            }
        }
        next
    }

    /// The log began anew: everything is to be loaded again.
    pub fn restart(&mut self, arrangement: (u64, Arc<Arranged>)) {
        self.send_away(CloseReason::NewEpoch);
        self.state = ViewState::default();
        (self.folded, self.sent, self.dirty) = (0, 0, false);
        self.snapshots.clear();
        self.waiting.clear();
        self.missed = None;
        self.progress = Progress::Loading(arrangement.0, arrangement.1);
    }

    /// Closes all channels, and says why.
    pub fn send_away(&mut self, reason: CloseReason) {
        for channel in std::mem::take(&mut self.channels).into_values() {
            channel.close(reason);
        }
        self.painting = None;
    }

    /// Whether it has waited for the history for so long that it no longer shows what is now.
    pub fn is_stalled(&self, now: Instant, patience: Duration) -> bool {
        self.loading_since.is_some_and(|since| now - since >= patience)
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
    /// When it cannot be encoded or is too large.
    pub fn snapshot(&mut self, encoding: Encoding) -> Result<(Message, u64), ViewError> {
        let offset = self.folded;
        if let Some((of, message)) = self.snapshots.get(&encoding).filter(|(of, _)| *of == offset) {
            return Ok((message.clone(), *of));
        }
        let message = encode::snapshot(encoding, offset, self.state.replicate())?;
        self.snapshots.insert(encoding, (offset, message.clone()));
        Ok((message, offset))
    }

    /// The net changes after `position` in one frame.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn catch_up(&self, encoding: Encoding, position: u64, now: Timestamp) -> Result<(Message, u64), ViewError> {
        let frame =
            Frame { since: position, until: self.folded, present_at: now, changes: self.state.changes_after(position) };
        Ok((encode(encoding, &ServerMessage::Frame(frame))?, self.folded))
    }

    /// Cuts a frame if it is time for one.
    pub fn tick(&mut self, now: Timestamp, instant: Instant, readout_interval: Duration) {
        let ready = matches!(self.progress, Progress::Ready);
        self.loading_since = (!ready).then(|| self.loading_since.unwrap_or(instant));
        let quiet = self.numbers_sent.is_none_or(|sent| instant - sent >= readout_interval);
        let flush = ready && self.dirty && (self.urgent || quiet);
        // While numbers wait for their moment, or for the history, a frame must not claim their offsets.
        let until = if flush || (!self.dirty && ready) { self.folded } else { self.sent };
        let silent = self.last_frame.is_none_or(|last| instant - last >= HEARTBEAT);
        if self.state.arranged().is_none() || !(flush || silent) {
            return;
        }
        if flush && !self.state.can_lead_from(self.sent) {
            // Whoever has waited for so long comes back for all of it.
            self.send_away(CloseReason::Behind);
        }
        let changes = if flush { self.state.changes_after(self.sent) } else { Vec::new() };
        let lead_ms =
            self.state.arranged().and_then(|arranged| arranged.wall.as_ref()).map_or(0, |wall| wall.lead_ms.min(250));
        self.push(until, now.plus_micros(i64::from(lead_ms) * 1000), changes);
        if flush {
            self.numbers_sent = Some(instant);
            self.dirty = false;
            self.urgent = false;
        }
        match &self.painting {
            Some(painting) if flush => painting.show(until, Arc::new(self.state.clone())),
            Some(painting) => painting.advance(until),
            None => {}
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

/// What an event makes of an alarm depends on how it was. A view that was loaded from a centre ahead of it may have it as
/// it became only later; the centre knows how it is.
fn as_it_is(change: Change, records: &Records) -> Change {
    match change {
        Change::Alarm(alarm) => {
            Change::Alarm(records.alarms.get(&alarm.id).map_or(alarm, |held| Arc::clone(&held.value)))
        }
        change => change,
    }
}

/// What was loaded, under an arrangement: nothing of it is older than the arrangement to a client.
///
/// The centre may be further than what was loaded: its records count as of the latter, and the entries between bring
/// each to its own offset again.
fn loaded_state(at: u64, arranged: &Arc<Arranged>, loaded: &Loaded, centre: &Centre) -> ViewState {
    let clamped = |offset: u64| offset.min(loaded.offset).max(at);
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
    for (at, report) in centre.layers.values().flat_map(|reported| reported.changes_after(0)) {
        state.apply(clamped(at), &Change::Layer(report));
    }
    for Envelope { at, change } in centre.records.only(&arranged.records).changes_after(0) {
        change.iter().for_each(|change| state.apply(clamped(at), change));
    }
    for LastDeliveries { source, offset, taken, refused } in &loaded.deliveries {
        let held = state.records().sources.get(source);
        let (held_at, held) = held.map_or((0, None), |held| (held.at, Some((*held.value).clone())));
        let mut source = held.unwrap_or_else(|| SourceState::unknown(source.clone()));
        // Of records the centre knows the last delivery.
        source.taken = source.taken.into_iter().chain(*taken).max_by_key(|delivery| delivery.at);
        source.refused = *refused;
        state.apply(clamped(*offset).max(held_at), &Change::SourceState(Arc::new(source)));
    }
    state
}
