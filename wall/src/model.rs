//! What is true now, and what is due at which moment.

use std::collections::{BTreeSet, VecDeque};

use panels::Link;
use protocol::{Change, Frame, SeriesKey, StreamPosition, Timestamp, ViewState};

use crate::clock::ClockEstimate;
use crate::connection::Inbound;

/// A frame is never held back longer than this, whatever its `present_at` says.
const LONGEST_HOLD_MICROS: i64 = 1_000_000;

/// What has changed since the picture was painted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Touched {
    /// Everything: other panels, or other words on all of them.
    pub all: bool,
    /// The panels themselves are others.
    pub arranged: bool,
    pub series: BTreeSet<SeriesKey>,
    /// Places of windows in the arrangement.
    pub windows: BTreeSet<u16>,
}

impl Touched {
    fn note(&mut self, change: &Change) {
        match change {
            Change::Arranged(_) => (self.all, self.arranged) = (true, true),
            Change::Observed(observation) => {
                self.series.insert(observation.series.clone());
            }
            Change::Buckets(buckets) => {
                self.windows.insert(buckets.window);
            }
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
        reason: protocol::CloseReason,
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
    touched: Touched,
    steps: Vec<Step>,
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

    /// Takes in a message.
    pub fn receive(&mut self, message: Inbound) {
        let link_before = self.link_state();
        match message {
            Inbound::Resumed(position) => {
                self.lost_since = None;
                self.steps.push(Step::Resumed(position));
            }
            Inbound::Snapshot { position, changes } => {
                self.lost_since = None;
                self.pending.clear();
                self.view = ViewState::default();
                for envelope in &changes {
                    if let Some(change) = &envelope.change {
                        self.view.apply(envelope.at, change);
                    }
                }
                self.position = Some(position);
                (self.touched.all, self.touched.arranged) = (true, true);
                self.steps.push(Step::Snapshot(position));
            }
            Inbound::Frame { frame, after, heard } => self.pending.push_back(Pending { frame, after, heard }),
            Inbound::Lost { since } => self.lost_since = Some(since),
            Inbound::Clock(clock) => self.clock = clock,
            Inbound::Log { away_since } => self.log_away_since = away_since,
            Inbound::Gap { position, since } => self.steps.push(Step::Gap { position, since }),
            Inbound::Bye(bye) => self.steps.push(Step::Bye { reason: bye.reason, detail: bye.detail }),
        }
        if self.link_state() != link_before {
            self.touched.all = true;
            self.steps.push(Step::Link(self.link()));
        }
    }

    /// Without the clock, whose estimate moves a little all the time.
    fn link_state(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.lost_since, self.log_away_since)
    }

    /// When the next frame takes effect, on this machine's clock.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.pending.front().map(|pending| self.moment(pending))
    }

    fn moment(&self, pending: &Pending) -> Timestamp {
        if !self.clock.is_good {
            return pending.heard;
        }
        let wanted = self.clock.local_from_server(pending.frame.present_at);
        wanted.min(pending.heard.plus_micros(LONGEST_HOLD_MICROS))
    }

    /// Applies every frame whose moment has come, each whole.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(pending) = self.pending.front()
            && self.moment(pending) <= now
            && let Some(pending) = self.pending.pop_front()
        {
            self.apply(&pending);
        }
    }

    fn apply(&mut self, pending: &Pending) {
        for envelope in pending.frame.changes.iter().filter(|envelope| envelope.at > pending.after) {
            let Some(change) = &envelope.change else { continue };
            self.view.apply(envelope.at, change);
            self.touched.note(change);
        }
        if let Some(position) = &mut self.position {
            position.offset = pending.frame.until;
            self.steps.push(Step::Frame { position: *position, present_at: pending.frame.present_at });
        }
    }

    /// What changed and how, since this was last asked.
    pub fn take_touched(&mut self) -> (Touched, Vec<Step>) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.steps))
    }
}
