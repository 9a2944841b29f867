//! What is true now, and what is due at which moment.

use std::collections::{BTreeSet, VecDeque};

use panels::Link;
use protocol::message::Bye;
use protocol::{Change, CloseReason, Frame, LayerId, RecordKind, SeriesKey, StreamPosition, Timestamp, ViewState};

use crate::clock::ClockEstimate;
use crate::connection::Inbound;

/// A clock whose estimate moves further than this has jumped: what waits for a moment on it waits for another.
const JUMP_MICROS: i64 = 250_000;
/// Drawing begins so long before a frame's moment, and its picture is held until then: a slow machine shows it
/// no later than a fast one.
const DRAW_LEAD_MICROS: i64 = 60_000;
/// The same while panels are on their way: holding longer would stop them.
const BUSY_LEAD_MICROS: i64 = 16_000;
/// Steps that are kept while nothing can be presented.
const MOST_STEPS: usize = 1024;
/// A frame is never held back longer than this, whatever its `present_at` says.
const LONGEST_HOLD_MICROS: i64 = 1_000_000;

/// What has changed since the picture was painted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Touched {
    /// Everything: other panels, or other words on all of them.
    pub all: bool,
    /// The panels themselves are others.
    pub arranged: bool,
    /// Since when, where that was news and not the beginning of a picture; server time.
    pub arranged_at: Option<Timestamp>,
    pub series: BTreeSet<SeriesKey>,
    /// Places of windows in the arrangement.
    pub windows: BTreeSet<u16>,
    pub records: BTreeSet<RecordKind>,
    pub layers: BTreeSet<LayerId>,
}

impl Touched {
    /// Takes in that `change` was applied.
    pub fn note(&mut self, change: &Change) {
        match change {
            Change::Arranged(_) => (self.all, self.arranged) = (true, true),
            Change::Observed(observation) => {
                self.series.insert(observation.series.clone());
            }
            Change::Buckets(buckets) => {
                self.windows.insert(buckets.window);
            }
            Change::Layer(report) => {
                self.layers.insert(report.layer.clone());
            }
            record => self.records.extend(record.record_kinds()),
        }
    }
}

/// What brought the state to where it is: one line of the report each.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A frame took effect.
    Frame {
        position: StreamPosition,
        present_at: Timestamp,
    },
    Snapshot(StreamPosition),
    Resumed(StreamPosition),
    Link(Link),
    Gap {
        position: u64,
        since: u64,
    },
    Bye {
        reason: CloseReason,
        detail: Option<String>,
    },
}

#[derive(Debug)]
struct Pending {
    frame: Frame,
    after: u64,
    heard: Timestamp,
}

/// The state of the view, and the frames that wait for their moment.
#[derive(Debug, Default)]
pub struct Model {
    view: ViewState,
    position: Option<StreamPosition>,
    pending: VecDeque<Pending>,
    clock: ClockEstimate,
    lost_since: Option<Timestamp>,
    log_away_since: Option<Timestamp>,
    /// Why the server last sent us away, until it takes us again.
    goodbye: Option<CloseReason>,
    touched: Touched,
    steps: Vec<Step>,
    /// Other pictures are shown meanwhile.
    is_busy: bool,
}

impl Model {
    #[must_use]
    pub fn view(&self) -> &ViewState {
        &self.view
    }

    /// Everything up to here is in the view.
    #[must_use]
    pub fn position(&self) -> Option<StreamPosition> {
        self.position
    }

    #[must_use]
    pub fn clock(&self) -> ClockEstimate {
        self.clock
    }

    /// How the link is; times are the server's.
    #[must_use]
    pub fn link(&self) -> Link {
        match (self.lost_since, self.log_away_since) {
            (Some(since), _) => Link::Lost { since: self.clock.server_from_local(since) },
            (None, Some(since)) => Link::LogAway { since },
            (None, None) => Link::Live,
        }
    }

    /// Why the server last sent this wall away, if it has not taken it again.
    #[must_use]
    pub fn goodbye(&self) -> Option<CloseReason> {
        self.goodbye
    }

    /// Takes in a message.
    pub fn receive(&mut self, message: Inbound) {
        let link_before = self.link_state();
        match message {
            Inbound::Resumed(position) => {
                self.joined();
                self.step(Step::Resumed(position));
            }
            Inbound::Snapshot { position, changes } => {
                self.joined();
                self.pending.clear();
                self.view = ViewState::default();
                for envelope in &changes {
                    if let Some(change) = &envelope.change {
                        self.view.apply(envelope.at, change);
                    }
                }
                self.position = Some(position);
                (self.touched.all, self.touched.arranged, self.touched.arranged_at) = (true, true, None);
                self.step(Step::Snapshot(position));
            }
            Inbound::Frame { frame, after, heard } => self.pending.push_back(Pending { frame, after, heard }),
            Inbound::Lost { since } => self.lost_since = Some(since),
            Inbound::Clock(clock) => {
                let moved = clock.ahead_micros.saturating_sub(self.clock.ahead_micros);
                self.touched.all |= moved.saturating_abs() > JUMP_MICROS;
                self.clock = clock;
            }
            Inbound::Log { away_since } => self.log_away_since = away_since,
            Inbound::Gap { position, since } => self.step(Step::Gap { position, since }),
            Inbound::Bye(bye) => self.part(bye),
        }
        if self.link_state() != link_before {
            self.touched.all = true;
            self.step(Step::Link(self.link()));
        }
    }

    /// A conversation goes on. Whether this server's log is away it says next, if it is.
    fn joined(&mut self) {
        (self.lost_since, self.log_away_since, self.goodbye) = (None, None, None);
    }

    fn part(&mut self, bye: Bye) {
        self.touched.all |= self.goodbye != Some(bye.reason);
        self.goodbye = Some(bye.reason);
        self.step(Step::Bye { reason: bye.reason, detail: bye.detail });
    }

    fn step(&mut self, step: Step) {
        if self.steps.len() == MOST_STEPS {
            self.steps.remove(0);
        }
        self.steps.push(step);
    }

    /// Without the clock, whose estimate moves a little all the time.
    fn link_state(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.lost_since, self.log_away_since)
    }

    /// Whether other pictures are to be shown between frames.
    pub fn set_busy(&mut self, is_busy: bool) {
        self.is_busy = is_busy;
    }

    fn lead_micros(&self) -> i64 {
        if self.is_busy { BUSY_LEAD_MICROS } else { DRAW_LEAD_MICROS }
    }

    /// When the next frame is to be drawn, on this machine's clock.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.pending.front().map(|pending| self.moment(pending).plus_micros(-self.lead_micros()))
    }

    /// The moment of a frame, on this machine's clock.
    fn moment(&self, pending: &Pending) -> Timestamp {
        if !self.clock.is_good {
            return pending.heard;
        }
        let wanted = self.clock.local_from_server(pending.frame.present_at);
        wanted.min(pending.heard.plus_micros(LONGEST_HOLD_MICROS))
    }

    /// Applies every frame whose moment has come, each whole, and the next one if it is near enough to be drawn:
    /// then its moment is returned, and nothing may be shown before.
    pub fn advance(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some(moment) = self.pending.front().map(|pending| self.moment(pending))
            && moment.plus_micros(-self.lead_micros()) <= now
            && let Some(pending) = self.pending.pop_front()
        {
            self.apply(&pending);
            if moment > now {
                return Some(moment);
            }
        }
        None
    }

    fn apply(&mut self, pending: &Pending) {
        for envelope in pending.frame.changes.iter().filter(|envelope| envelope.at > pending.after) {
            let Some(change) = &envelope.change else { continue };
            self.view.apply(envelope.at, change);
            self.touched.note(change);
            if matches!(change, Change::Arranged(_)) {
                self.touched.arranged_at = Some(pending.frame.present_at);
            }
        }
        if let Some(position) = &mut self.position {
            position.offset = pending.frame.until;
            let position = *position;
            self.step(Step::Frame { position, present_at: pending.frame.present_at });
        }
    }

    /// Takes back steps that were not presented after all.
    pub fn put_back(&mut self, steps: Vec<Step>) {
        self.steps.splice(0..0, steps);
        let excess = self.steps.len().saturating_sub(MOST_STEPS);
        self.steps.drain(..excess);
    }

    /// What changed and how, since this was last asked.
    pub fn take_touched(&mut self) -> (Touched, Vec<Step>) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::change::Arranged;
    use protocol::message::Mode;
    use protocol::{Canvas, Catalogue, Envelope, Layout, Observation, ObservationStatus, Scenario};
    use std::sync::Arc;

    fn series() -> SeriesKey {
        SeriesKey { indicator: "a".into(), area: "51".into(), scenario: Scenario::Actual }
    }

    fn observed(at: u64, value: f64) -> Envelope {
        let time = Timestamp(i64::try_from(at).unwrap());
        let observation = Observation {
            series: series(),
            value,
            phenomenon_time: time,
            received_at: time,
            status: ObservationStatus::Automatic,
            source: "s".into(),
        };
        Envelope::new(at, Change::Observed(Arc::new(observation)))
    }

    fn snapshot(offset: u64) -> Inbound {
        let layout = Layout {
            id: "l".into(),
            name: Default::default(),
            version: 1,
            read_only: false,
            grid: (1, 1),
            panels: vec![],
        };
        let canvas = Canvas { width_px: 16, height_px: 9 };
        let arranged = Arranged {
            mode: Mode::Live,
            wall: None,
            canvas,
            layout,
            spotlight: None,
            catalogue: Catalogue::default(),
            series: vec![series()],
            windows: vec![],
            records: BTreeSet::new(),
        };
        let changes = vec![Envelope::new(1, Change::Arranged(Arc::new(arranged)))];
        Inbound::Snapshot { position: StreamPosition { epoch: 1, offset }, changes }
    }

    fn frame(since: u64, until: u64, present_at: i64, heard: i64) -> Inbound {
        let frame =
            Frame { since, until, present_at: Timestamp(present_at), changes: vec![observed(until, until as f64)] };
        Inbound::Frame { frame, after: since, heard: Timestamp(heard) }
    }

    fn model(ahead_micros: i64, is_good: bool) -> Model {
        let mut model = Model::default();
        model.receive(Inbound::Clock(ClockEstimate { ahead_micros, is_good }));
        model.receive(snapshot(1));
        model.take_touched();
        model
    }

    fn shown(model: &Model) -> Option<f64> {
        model.view().latest(&series()).map(|observation| observation.value)
    }

    #[test]
    fn a_frame_is_drawn_before_its_moment_on_the_servers_clock_and_held_until_then() {
        let mut model = model(1_000_000, true);
        model.receive(frame(1, 2, 1_300_000, 100_000));
        let draw_at = 300_000 - DRAW_LEAD_MICROS;
        assert_eq!(model.due_at(), Some(Timestamp(draw_at)));
        assert_eq!(model.advance(Timestamp(draw_at - 1)), None);
        assert_eq!(shown(&model), None);
        assert_eq!(model.advance(Timestamp(draw_at)), Some(Timestamp(300_000)));
        assert_eq!(shown(&model), Some(2.0));
        let (touched, steps) = model.take_touched();
        assert!(touched.series.contains(&series()) && !touched.all);
        let position = StreamPosition { epoch: 1, offset: 2 };
        assert_eq!(steps, [Step::Frame { position, present_at: Timestamp(1_300_000) }]);
    }

    #[test]
    fn a_frame_is_not_held_for_long_while_others_are_shown() {
        let mut model = model(0, true);
        model.set_busy(true);
        model.receive(frame(1, 2, 300_000, 100_000));
        assert_eq!(model.due_at(), Some(Timestamp(300_000 - BUSY_LEAD_MICROS)));
        assert_eq!(model.advance(Timestamp(300_000 - DRAW_LEAD_MICROS)), None);
        assert_eq!(shown(&model), None);
    }

    #[test]
    fn without_a_good_clock_frames_take_effect_at_once() {
        let mut model = model(1_000_000, false);
        model.receive(frame(1, 2, i64::MAX, 100));
        assert_eq!(model.advance(Timestamp(100)), None, "nothing is held");
        assert_eq!(shown(&model), Some(2.0));
    }

    #[test]
    fn frames_that_are_near_one_another_are_shown_one_by_one() {
        let mut model = model(0, true);
        for (offset, present_at) in [(2, 1_000_000), (3, 1_050_000)] {
            model.receive(frame(offset - 1, offset, present_at, 900_000));
        }
        assert_eq!(model.advance(Timestamp(995_000)), Some(Timestamp(1_000_000)));
        assert_eq!(shown(&model), Some(2.0));
        assert_eq!(model.advance(Timestamp(1_000_000)), Some(Timestamp(1_050_000)));
        assert_eq!(shown(&model), Some(3.0));
    }

    #[test]
    fn no_frame_is_held_back_for_longer_than_a_second() {
        let mut model = model(0, true);
        model.receive(frame(1, 2, 3_600_000_000, 500));
        assert_eq!(model.due_at(), Some(Timestamp(1_000_500 - DRAW_LEAD_MICROS)));
    }

    #[test]
    fn frames_keep_their_order_even_when_the_later_one_is_due_first() {
        let mut model = model(0, true);
        model.receive(frame(1, 2, 900_000, 0));
        model.receive(frame(2, 3, 100_000, 0));
        model.advance(Timestamp(500_000));
        assert_eq!(shown(&model), None);
        model.advance(Timestamp(900_000));
        assert_eq!(shown(&model), Some(3.0));
    }

    #[test]
    fn changes_that_are_known_already_are_not_applied_again() {
        let mut model = model(0, true);
        let frame =
            Frame { since: 0, until: 5, present_at: Timestamp(0), changes: vec![observed(3, 3.0), observed(5, 5.0)] };
        model.receive(Inbound::Frame { frame, after: 5, heard: Timestamp(0) });
        model.advance(Timestamp(1));
        assert_eq!(shown(&model), None);
    }

    #[test]
    fn a_snapshot_replaces_what_waits() {
        let mut model = model(0, true);
        model.receive(frame(1, 2, 1_000, 0));
        model.receive(snapshot(7));
        assert_eq!(model.due_at(), None);
        assert_eq!(model.position(), Some(StreamPosition { epoch: 1, offset: 7 }));
        assert!(model.take_touched().0.arranged);
    }

    #[test]
    fn a_lost_link_is_said_once_with_since_when_on_the_servers_clock() {
        let mut model = model(1_000, true);
        model.receive(Inbound::Lost { since: Timestamp(50) });
        model.receive(Inbound::Lost { since: Timestamp(50) });
        let lost = Link::Lost { since: Timestamp(1_050) };
        assert_eq!(model.link(), lost);
        let (touched, steps) = model.take_touched();
        assert!(touched.all, "every panel shows it");
        assert_eq!(steps, [Step::Link(lost)]);
        model.receive(Inbound::Resumed(StreamPosition { epoch: 1, offset: 1 }));
        assert_eq!(model.link(), Link::Live);
    }

    #[test]
    fn a_log_that_is_away_is_shown_while_the_link_is_up() {
        let mut model = model(0, true);
        model.receive(Inbound::Log { away_since: Some(Timestamp(9)) });
        assert_eq!(model.link(), Link::LogAway { since: Timestamp(9) });
        model.receive(Inbound::Lost { since: Timestamp(50) });
        assert_eq!(model.link(), Link::Lost { since: Timestamp(50) });
        model.receive(Inbound::Log { away_since: None });
        model.receive(Inbound::Resumed(StreamPosition { epoch: 1, offset: 1 }));
        assert_eq!(model.link(), Link::Live);
    }

    #[test]
    fn a_log_that_was_away_at_the_last_server_is_not_called_away_at_the_next() {
        for joined in [Inbound::Resumed(StreamPosition { epoch: 1, offset: 1 }), snapshot(9)] {
            let mut model = model(0, true);
            let away = Link::LogAway { since: Timestamp(9) };
            model.receive(Inbound::Log { away_since: Some(Timestamp(9)) });
            model.take_touched();
            model.receive(joined.clone());
            assert_eq!(model.link(), Link::Live, "after {joined:?}");
            let (touched, steps) = model.take_touched();
            assert!(touched.all && steps.contains(&Step::Link(Link::Live)), "every panel shows it: {steps:?}");
            model.receive(Inbound::Log { away_since: Some(Timestamp(9)) });
            assert_eq!(model.link(), away, "the next server says so itself");
        }
    }

    #[test]
    fn a_clock_that_jumps_back_repaints_what_waited_for_it_and_one_that_drifts_does_not() {
        for (to, jumps) in [(1_000_000, true), (8_000_000, true), (4_999_000, false)] {
            let mut model = model(5_000_000, true);
            model.receive(Inbound::Clock(ClockEstimate { ahead_micros: to, is_good: true }));
            assert_eq!(model.take_touched().0.all, jumps, "from 5 s ahead to {to} µs");
        }
    }

    #[test]
    fn steps_that_nobody_takes_are_bounded_and_the_newest_are_kept() {
        let mut model = model(0, true);
        for offset in 2..=5_000 {
            model.receive(frame(offset - 1, offset, 0, 0));
            model.advance(Timestamp(1));
        }
        let (_, steps) = model.take_touched();
        assert_eq!(steps.len(), MOST_STEPS);
        model.put_back(steps);
        model.receive(frame(5_000, 5_001, 0, 0));
        model.advance(Timestamp(1));
        let (_, steps) = model.take_touched();
        assert_eq!(steps.len(), MOST_STEPS);
        let position = StreamPosition { epoch: 1, offset: 5_001 };
        assert_eq!(steps.last(), Some(&Step::Frame { position, present_at: Timestamp(0) }));
    }

    #[test]
    fn a_goodbye_is_remembered_until_the_server_takes_us_again() {
        let mut model = Model::default();
        let bye = Bye { reason: CloseReason::UnknownView, retry_after_ms: 1_000, detail: None };
        for round in 0..2 {
            model.receive(Inbound::Bye(bye.clone()));
            assert_eq!(model.goodbye(), Some(CloseReason::UnknownView));
            assert_eq!(model.take_touched().0.all, round == 0, "said once");
        }
        model.receive(snapshot(1));
        assert_eq!(model.goodbye(), None);
    }
}
