//! Tasks, alarms, sessions and how sources do, as of an offset: one fold for the centre, its views and their clients.
//!
//! A record comes whole, and the newest of an id holds. Those that have long ended leave when the [`Horizon`] moves.
//! It takes only what has not changed for a while, so that whoever still may resume had been told of the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alarm::AlarmState;
use crate::change::{Change, Envelope};
use crate::event::{AlarmAcknowledged, AlarmShelved};
use crate::session::Stage;
use crate::source::SourceState;
use crate::view::At;
use crate::{Alarm, AlarmId, Event, Session, SessionId, SourceId, Task, TaskId, Timestamp};

/// A kind of record that a layout may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    Task,
    Alarm,
    Session,
    Source,
    /// One that is not known here: nothing of it is kept.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

impl RecordKind {
    /// Those whose records come to an end and leave.
    pub const ENDING: &[Self] = &[Self::Task, Self::Alarm, Self::Session];
}

/// What ended before these moments is no longer held, as far as it had changed before `floor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Horizon {
    /// When it was drawn.
    pub drawn_at: Timestamp,
    pub tasks: Timestamp,
    pub alarms: Timestamp,
    pub sessions: Timestamp,
    /// An offset: from one before it nobody is led here by changes alone.
    pub floor: u64,
}

impl Horizon {
    /// Never back: what has left once is not awaited again, whatever clocks and retention say later.
    fn moved_to(&self, next: &Self) -> Self {
        Self {
            drawn_at: next.drawn_at,
            tasks: self.tasks.max(next.tasks),
            alarms: self.alarms.max(next.alarms),
            sessions: self.sessions.max(next.sessions),
            floor: self.floor.max(next.floor),
        }
    }
}

/// Something with an id that may come to an end.
pub trait Record {
    type Id: Clone + Ord + Debug;
    fn id(&self) -> &Self::Id;
    /// When it came to its end, if it has.
    fn ended_at(&self) -> Option<Timestamp>;
}

impl Record for Task {
    type Id = TaskId;
    fn id(&self) -> &TaskId {
        &self.id
    }
    fn ended_at(&self) -> Option<Timestamp> {
        self.closed_on.map(|day| day.start_in_utc())
    }
}

impl Record for Alarm {
    type Id = AlarmId;
    fn id(&self) -> &AlarmId {
        &self.id
    }
    fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            AlarmState::Cleared { at } => Some(at),
            _ => None,
        }
    }
}

impl Record for Session {
    type Id = SessionId;
    fn id(&self) -> &SessionId {
        &self.id
    }
    fn ended_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Closed { at, .. } => Some(at),
            Stage::Planned | Stage::Open { .. } => None,
        }
    }
}

/// Records by their ids, each with the offset that it last changed at.
pub type Shelf<T> = BTreeMap<<T as Record>::Id, At<Arc<T>>>;

/// The records as of an offset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    pub tasks: Shelf<Task>,
    pub alarms: Shelf<Alarm>,
    pub sessions: Shelf<Session>,
    pub sources: BTreeMap<SourceId, At<Arc<SourceState>>>,
    pub horizon: Option<At<Horizon>>,
}

impl Records {
    /// What an event changes here. A change tells of a whole record.
    #[must_use]
    pub fn changes_by(&self, event: &Event) -> Vec<Change> {
        match event {
            Event::RecordsReported(reported) => {
                let tasks = reported.tasks.iter().cloned().map(Change::Task);
                let alarms = reported.alarms.iter().map(|alarm| Change::Alarm(self.alarm_reported(alarm)));
                let sessions = reported.sessions.iter().cloned().map(Change::Session);
                let (at, count) = (reported.received_at, reported.len() as u64);
                let source = self.source_with(&reported.source, |source| source.deliver(at, count, 0));
                tasks.chain(alarms).chain(sessions).chain([source]).collect()
            }
            Event::ObservationsRecorded(recorded) => {
                let (at, taken) = (recorded.received_at, recorded.rows.len() as u64);
                let deliver = |source: &mut SourceState| source.deliver(at, taken, recorded.refused_count);
                vec![self.source_with(&recorded.source, deliver)]
            }
            Event::SourceStateChanged(changed) => {
                vec![self.source_with(&changed.source, |source| source.link = Some(changed.link.clone()))]
            }
            Event::AlarmAcknowledged(AlarmAcknowledged { at, alarm, by, comment }) => {
                let state = AlarmState::Acknowledged { at: *at, by: by.clone(), comment: comment.clone() };
                self.alarm_turned(alarm, state)
            }
            Event::AlarmShelved(AlarmShelved { at, alarm, by, until, comment }) => {
                let (by, comment) = (by.clone(), comment.clone());
                self.alarm_turned(alarm, AlarmState::Shelved { at: *at, by, until: *until, comment })
            }
            Event::AlarmUnshelved(unshelved) => self.alarm_turned(&unshelved.alarm, AlarmState::Raised),
            Event::DocumentReceived(received) => {
                let (source, at) = (&received.document.source, received.document.received_at);
                vec![self.source_with(source, |source| source.deliver(at, 1, 0))]
            }
            Event::LayerReported(report) => {
                let count = report.features.as_ref().map_or(0, |features| features.len() as u64);
                vec![self.source_with(&report.source, |source| source.deliver(report.received_at, count, 0))]
            }
            Event::Acted(_)
            | Event::AccountSaved(_)
            | Event::InvitationMade(_)
            | Event::PasswordSet(_)
            | Event::SignedIn(_)
            | Event::SignedOut(_)
            | Event::TokenMade(_)
            | Event::TokenRevoked(_) => Vec::new(),
            Event::CatalogueRevised(_) | Event::LayoutSaved(_) | Event::LayoutShown(_) | Event::SpotlightTurned(_) => {
                Vec::new()
            }
        }
    }

    /// An alarm as it stands once its source has reported it.
    fn alarm_reported(&self, alarm: &Arc<Alarm>) -> Arc<Alarm> {
        let known = self.alarms.get(&alarm.id);
        known.map_or_else(|| Arc::clone(alarm), |known| Arc::new(alarm.reported_over(&known.value)))
    }

    /// An alarm that people did something about; nothing of one that is over or not held.
    fn alarm_turned(&self, id: &AlarmId, state: AlarmState) -> Vec<Change> {
        let held = self.alarms.get(id).map(|held| &held.value).filter(|alarm| alarm.is_active());
        held.map(|alarm| Change::Alarm(Arc::new(Alarm { state, ..(**alarm).clone() }))).into_iter().collect()
    }

    fn source_with(&self, id: &SourceId, change: impl FnOnce(&mut SourceState)) -> Change {
        let held = self.sources.get(id).map(|held| (*held.value).clone());
        let mut source = held.unwrap_or_else(|| SourceState::unknown(id.clone()));
        change(&mut source);
        Change::SourceState(Arc::new(source))
    }

    /// Takes in one change; those that are of something else change nothing.
    pub fn apply(&mut self, at: u64, change: &Change) {
        match change {
            Change::Task(task) => put(&mut self.tasks, task.id.clone(), at, task),
            Change::Alarm(alarm) => put(&mut self.alarms, alarm.id.clone(), at, alarm),
            Change::Session(session) => put(&mut self.sessions, session.id.clone(), at, session),
            Change::SourceState(state) => put(&mut self.sources, state.source.clone(), at, state),
            Change::Horizon(horizon) if self.horizon.as_ref().is_none_or(|held| held.at <= at) => {
                let value = self.horizon.as_ref().map_or(*horizon, |held| held.value.moved_to(horizon));
                self.forget(&value);
                self.horizon = Some(At { at, value });
            }
            Change::Horizon(_) | Change::Arranged(_) | Change::Observed(_) | Change::Buckets(_) | Change::Layer(_) => {}
        }
    }

    fn forget(&mut self, horizon: &Horizon) {
        fn keep<T: Record>(shelf: &mut Shelf<T>, before: Timestamp, floor: u64) {
            shelf.retain(|_, held| held.at >= floor || held.value.ended_at().is_none_or(|ended| ended >= before));
        }
        keep(&mut self.tasks, horizon.tasks, horizon.floor);
        keep(&mut self.alarms, horizon.alarms, horizon.floor);
        keep(&mut self.sessions, horizon.sessions, horizon.floor);
    }

    /// The offset before which changes alone do not lead here: what has left since then cannot be told.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.horizon.as_ref().map_or(0, |horizon| horizon.value.floor)
    }

    /// Only records of these kinds.
    #[must_use]
    pub fn only(&self, kinds: &BTreeSet<RecordKind>) -> Self {
        fn of<K: Clone + Ord, T: Clone>(is_kept: bool, held: &BTreeMap<K, T>) -> BTreeMap<K, T> {
            if is_kept { held.clone() } else { BTreeMap::new() }
        }
        let has = |kind| kinds.contains(&kind);
        Self {
            tasks: of(has(RecordKind::Task), &self.tasks),
            alarms: of(has(RecordKind::Alarm), &self.alarms),
            sessions: of(has(RecordKind::Session), &self.sessions),
            sources: of(has(RecordKind::Source), &self.sources),
            horizon: self.horizon.clone().filter(|_| RecordKind::ENDING.iter().copied().any(has)),
        }
    }

    /// The net changes after offset `position`, which is not before the [`floor`](Self::floor); all for 0.
    #[must_use]
    pub fn changes_after(&self, position: u64) -> Vec<Envelope> {
        fn missed<'a, K, T>(
            held: &'a BTreeMap<K, At<Arc<T>>>,
            position: u64,
            change: fn(Arc<T>) -> Change,
        ) -> impl Iterator<Item = Envelope> + 'a {
            let missed = held.values().filter(move |held| held.at > position || position == 0);
            missed.map(move |held| Envelope::new(held.at, change(Arc::clone(&held.value))))
        }
        let horizon = self.horizon.iter().filter(|held| held.at > position || position == 0);
        horizon
            .map(|held| Envelope::new(held.at, Change::Horizon(held.value)))
            .chain(missed(&self.tasks, position, Change::Task))
            .chain(missed(&self.alarms, position, Change::Alarm))
            .chain(missed(&self.sessions, position, Change::Session))
            .chain(missed(&self.sources, position, Change::SourceState))
            .collect()
    }
}

/// The newest of an id holds.
fn put<K: Ord, T>(shelf: &mut BTreeMap<K, At<Arc<T>>>, id: K, at: u64, value: &Arc<T>) {
    let held = shelf.get(&id).map_or(0, |held| held.at);
    if held <= at {
        shelf.insert(id, At { at, value: Arc::clone(value) });
    }
}

impl Change {
    /// The kinds of records that it may change.
    #[must_use]
    pub fn record_kinds(&self) -> &'static [RecordKind] {
        match self {
            Self::Task(_) => &[RecordKind::Task],
            Self::Alarm(_) => &[RecordKind::Alarm],
            Self::Session(_) => &[RecordKind::Session],
            Self::SourceState(_) => &[RecordKind::Source],
            Self::Horizon(_) => RecordKind::ENDING,
            Self::Arranged(_) | Self::Observed(_) | Self::Buckets(_) | Self::Layer(_) => &[],
        }
    }
}
