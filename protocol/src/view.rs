//! What a view shows, as every client holds it.
//!
//! The server folds events into it, sends [`changes_after`](ViewState::changes_after) a position to
//! clients that come late, and clients [`apply`](ViewState::apply) what they are sent. Each piece knows
//! the offset that it last changed at, so that the net difference to any earlier position is a filter.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::{Arranged, Bucket, Buckets, Change, Envelope, WindowSpec};
use crate::map::{LayerReport, ReportedLayer};
use crate::records::Records;
use crate::{Alarm, LayerId, MapLayer, Observation, SeriesKey, Session, SourceId, SourceState, Task, Timestamp};

/// Something with the offset that it last changed at.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub at: u64,
    pub value: T,
}

/// The buckets of one window, by their start.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub spec: WindowSpec,
    pub buckets: BTreeMap<Timestamp, Bucket>,
}

/// What a view shows: the arrangement, latest values, windows and records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ViewState {
    arranged: Option<At<Arc<Arranged>>>,
    latest: BTreeMap<SeriesKey, Option<At<Arc<Observation>>>>,
    windows: Vec<Window>,
    records: Records,
    layers: BTreeMap<LayerId, ShownLayer>,
}

/// A layer that its source tells of, as it is drawn.
#[derive(Debug, Clone, PartialEq)]
struct ShownLayer {
    reported: ReportedLayer,
    layer: Arc<MapLayer>,
}

impl ViewState {
    /// What is arranged; `None` before the first snapshot.
    #[must_use]
    pub fn arranged(&self) -> Option<&Arc<Arranged>> {
        self.arranged.as_ref().map(|arranged| &arranged.value)
    }

    /// A layer of maps as it is now.
    #[must_use]
    pub fn layer(&self, layer: &LayerId) -> Option<&Arc<MapLayer>> {
        let shown = self.layers.get(layer).map(|shown| &shown.layer);
        shown.or_else(|| self.arranged()?.catalogue.layers.get(layer))
    }

    /// What the source of a layer told of it last, as far as it has.
    #[must_use]
    pub fn layer_report(&self, layer: &LayerId) -> Option<&LayerReport> {
        self.layers.get(layer).map(|shown| &*shown.reported.report)
    }

    /// The offset of the arrangement.
    #[must_use]
    pub fn arranged_at(&self) -> u64 {
        self.arranged.as_ref().map_or(0, |arranged| arranged.at)
    }

    /// The latest value of a series that this view has.
    #[must_use]
    pub fn latest(&self, series: &SeriesKey) -> Option<&Arc<Observation>> {
        self.latest.get(series)?.as_ref().map(|latest| &latest.value)
    }

    /// Whether this view sends the latest value of `series`.
    #[must_use]
    pub fn has_series(&self, series: &SeriesKey) -> bool {
        self.latest.contains_key(series)
    }

    /// The windows in the order of the arrangement.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window of exactly this specification.
    #[must_use]
    pub fn window(&self, spec: &WindowSpec) -> Option<&Window> {
        self.windows.iter().find(|window| window.spec == *spec)
    }

    /// All latest values, in the order of their keys.
    pub fn latest_values(&self) -> impl Iterator<Item = &Arc<Observation>> {
        self.latest.values().flatten().map(|latest| &latest.value)
    }

    /// The records that this view has.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The tasks, in the order of their ids.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.records.tasks.values().map(|held| &held.value)
    }

    /// The alarms, in the order of their ids.
    pub fn alarms(&self) -> impl Iterator<Item = &Arc<Alarm>> {
        self.records.alarms.values().map(|held| &held.value)
    }

    /// The sessions, in the order of their ids.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.records.sessions.values().map(|held| &held.value)
    }

    /// How sources do, in the order of their ids.
    pub fn source_states(&self) -> impl Iterator<Item = &Arc<SourceState>> {
        self.records.sources.values().map(|held| &held.value)
    }

    /// How one source does, as far as it is known.
    #[must_use]
    pub fn source_state(&self, source: &SourceId) -> Option<&SourceState> {
        self.records.sources.get(source).map(|held| &*held.value)
    }

    /// Whether [`changes_after`](Self::changes_after) `position` lead here: not when something has left meanwhile
    /// without being told.
    #[must_use]
    pub fn can_lead_from(&self, position: u64) -> bool {
        position < self.arranged_at() || position >= self.records.floor()
    }

    /// Takes in one change. Total: what does not belong to the arrangement is ignored.
    pub fn apply(&mut self, at: u64, change: &Change) {
        match change {
            Change::Arranged(arranged) => self.arrange(at, arranged),
            Change::Observed(observation) => self.observe(at, observation),
            Change::Buckets(buckets) => self.fill(buckets),
            Change::Task(_) | Change::Alarm(_) | Change::Session(_) | Change::SourceState(_) | Change::Horizon(_) => {
                self.record(at, change);
            }
            Change::Layer(report) => self.report(at, report),
        }
    }

    fn arrange(&mut self, at: u64, arranged: &Arc<Arranged>) {
        self.latest = arranged.series.iter().map(|series| (series.clone(), None)).collect();
        self.windows =
            arranged.windows.iter().map(|spec| Window { spec: spec.clone(), buckets: BTreeMap::new() }).collect();
        self.records = Records::default();
        self.layers.clear();
        self.arranged = Some(At { at, value: Arc::clone(arranged) });
    }

    /// Latest wins: by the time it was true, then by offset.
    fn observe(&mut self, at: u64, observation: &Arc<Observation>) {
        let Some(slot) = self.latest.get_mut(&observation.series) else { return };
        let newer =
            slot.as_ref().is_none_or(|held| (observation.phenomenon_time, at) >= (held.value.phenomenon_time, held.at));
        if newer {
            *slot = Some(At { at, value: Arc::clone(observation) });
        }
    }

    fn fill(&mut self, change: &Buckets) {
        let Some(window) = self.windows.get_mut(usize::from(change.window)) else { return };
        for bucket in &change.buckets {
            window.insert(bucket.clone());
        }
    }

    fn record(&mut self, at: u64, change: &Change) {
        if self.arranged.as_ref().is_some_and(|arranged| arranged.value.has_records_of(change)) {
            self.records.apply(at, change);
        }
    }

    /// Only of a layer that is shown, and only by its own source.
    fn report(&mut self, at: u64, report: &Arc<LayerReport>) {
        let Some(layer) = self.arranged().and_then(|arranged| arranged.catalogue.layers.get(&report.layer)) else {
            return;
        };
        let held = self.layers.get(&report.layer).map(|shown| &shown.reported);
        if layer.source == report.source
            && let Some(reported) = ReportedLayer::after(held, at, report)
        {
            let layer = Arc::new(layer.with(&reported.report));
            self.layers.insert(report.layer.clone(), ShownLayer { reported, layer });
        }
    }

    /// The changes that bring an empty state here.
    #[must_use]
    pub fn replicate(&self) -> Vec<Envelope> {
        self.changes_after(0)
    }

    /// The net changes after offset `position`: with everything up to it, applying them gives this state. See
    /// [`can_lead_from`](Self::can_lead_from).
    #[must_use]
    pub fn changes_after(&self, position: u64) -> Vec<Envelope> {
        let mut changes = Vec::new();
        let Some(arranged) = &self.arranged else { return changes };
        let floor = arranged.at;
        if floor > position || position == 0 {
            changes.push(Envelope::new(floor, Change::Arranged(Arc::clone(&arranged.value))));
        }
        for latest in self.latest.values().flatten().filter(|latest| latest.at > position || position == 0) {
            changes.push(Envelope::new(latest.at, Change::Observed(Arc::clone(&latest.value))));
        }
        for (index, window) in self.windows.iter().enumerate() {
            let buckets: Vec<Bucket> =
                window.buckets.values().filter(|bucket| bucket.at > position || position == 0).cloned().collect();
            if let Some(at) = buckets.iter().map(|bucket| bucket.at).max() {
                let window = u16::try_from(index).unwrap_or(u16::MAX);
                changes.push(Envelope::new(at, Change::Buckets(Buckets { window, buckets })));
            }
        }
        changes.extend(self.records.changes_after(position));
        let reports = self.layers.values().flat_map(|shown| shown.reported.changes_after(position));
        changes.extend(reports.map(|(at, report)| Envelope::new(at, Change::Layer(report))));
        changes
    }
}

impl Window {
    /// Puts a bucket in its place and forgets those that have left the span.
    pub fn insert(&mut self, bucket: Bucket) {
        self.buckets.insert(bucket.start, bucket);
        if let Some((&newest, _)) = self.buckets.last_key_value() {
            let oldest = self.spec.oldest_start(newest);
            self.buckets = self.buckets.split_off(&oldest);
        }
    }
}
