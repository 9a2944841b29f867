//! One thing that a rule watches, and the alarm that stands over it: delay, hysteresis and chatter.

use std::collections::VecDeque;

use protocol::{Alarm, Timestamp};

/// So many alarms over within [`CHATTER_MICROS`] are one that comes and goes: it is held until it is quiet.
pub const CHATTER_PAIRS: usize = 3;
pub const CHATTER_MICROS: i64 = 60 * 1_000_000;
/// It is quiet when it has neither come nor gone for so long.
pub const QUIET_MICROS: i64 = 120 * 1_000_000;

/// How the condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensed {
    Holds,
    /// Not so bad as to raise an alarm, nor so good as to end one; or nothing is known.
    Between,
    Gone,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Raise {
        at: Timestamp,
    },
    Clear {
        at: Timestamp,
    },
    /// The alarm goes on and has come and gone so often; 0 when it no longer does.
    Chatter {
        count: u32,
    },
}

/// What is known of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    /// Since when the condition holds without a break, while there is no alarm.
    since: Option<Timestamp>,
    pub raised: Option<Raised>,
    /// When its last alarms were over, oldest first.
    gone: VecDeque<Timestamp>,
    /// No alarm before then: there was no room for it.
    pub barred_until: Option<Timestamp>,
}

/// The alarm that stands, as it was last told.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    pub alarm: Alarm,
    holds: bool,
    /// How often it has gone since it began to chatter.
    pub count: u32,
    /// When it last came or went.
    moved_at: Timestamp,
}

impl Raised {
    /// One that was just raised.
    pub fn new(alarm: Alarm) -> Self {
        Self { moved_at: alarm.raised_at, alarm, holds: true, count: 0 }
    }
}

impl Watch {
    /// As it was when the records were told: its alarm that stands, and the others that were over at these moments.
    pub fn restored(active: Option<Alarm>, mut gone: Vec<Timestamp>, now: Timestamp) -> Self {
        gone.sort_unstable();
        gone.drain(..gone.len().saturating_sub(CHATTER_PAIRS));
        let raised = active.map(|alarm| {
            let count = alarm.chatter;
            // Whether one that chatters has come or gone meanwhile is not known: it is looked at from now on.
            Raised { alarm, holds: count == 0, count, moved_at: now }
        });
        Self { since: None, raised, gone: gone.into(), barred_until: None }
    }

    /// How it goes on at `now`, where the condition stands like this since `since` at least.
    pub fn step(&mut self, sensed: Sensed, since: Timestamp, now: Timestamp, delay_micros: i64) -> Option<Step> {
        let Some(raised) = &mut self.raised else { return self.step_quiet(sensed, since, now, delay_micros) };
        let holds = match sensed {
            Sensed::Holds => true,
            Sensed::Between => raised.holds,
            Sensed::Gone => false,
        };
        let is_moved = holds != raised.holds;
        raised.holds = holds;
        if is_moved {
            raised.moved_at = now;
        }
        if raised.count > 0 {
            return self.step_chattering(is_moved && !holds, now);
        }
        if holds {
            return None;
        }
        let lately = self.gone.iter().filter(|gone| now.since(**gone) < CHATTER_MICROS).count();
        if lately + 1 < CHATTER_PAIRS {
            return Some(self.clear(now));
        }
        raised.count = u32::try_from(lately + 1).unwrap_or(u32::MAX);
        Some(Step::Chatter { count: raised.count })
    }

    fn step_quiet(&mut self, sensed: Sensed, since: Timestamp, now: Timestamp, delay_micros: i64) -> Option<Step> {
        if sensed != Sensed::Holds {
            self.since = None;
            self.barred_until = None;
            return None;
        }
        let since = *self.since.get_or_insert(since);
        if self.due(delay_micros).is_some_and(|due| due > now) {
            return None;
        }
        self.since = None;
        self.barred_until = None;
        // Another one than the last, however soon it comes.
        let after_last = self.gone.back().map_or(Timestamp(i64::MIN), |gone| gone.plus_micros(1));
        Some(Step::Raise { at: since.plus_micros(delay_micros).max(after_last) })
    }

    /// Its count is told when it has doubled, so that what chatters all day fills no log.
    fn step_chattering(&mut self, has_gone: bool, now: Timestamp) -> Option<Step> {
        let raised = self.raised.as_mut()?;
        if has_gone {
            raised.count = raised.count.saturating_add(1);
        }
        let is_quiet = now.since(raised.moved_at) >= QUIET_MICROS;
        match (is_quiet, raised.holds) {
            (true, true) => {
                raised.count = 0;
                self.gone.clear();
                Some(Step::Chatter { count: 0 })
            }
            (true, false) => Some(self.clear(now)),
            (false, _) if raised.count >= raised.alarm.chatter.saturating_mul(2) => {
                Some(Step::Chatter { count: raised.count })
            }
            (false, _) => None,
        }
    }

    fn clear(&mut self, now: Timestamp) -> Step {
        let raised_at = self.raised.as_ref().map_or(now, |raised| raised.alarm.raised_at);
        let at = now.max(raised_at);
        self.gone.push_back(at);
        while self.gone.len() > CHATTER_PAIRS {
            self.gone.pop_front();
        }
        Step::Clear { at }
    }

    /// When it goes on by itself.
    pub fn due(&self, delay_micros: i64) -> Option<Timestamp> {
        match &self.raised {
            Some(raised) if raised.count > 0 => Some(raised.moved_at.plus_micros(QUIET_MICROS)),
            Some(_) => None,
            None => {
                let due = self.since?.plus_micros(delay_micros);
                Some(self.barred_until.map_or(due, |until| until.max(due)))
            }
        }
    }

    /// There was no room for the alarm: it is tried again.
    pub fn bar(&mut self, since: Timestamp, until: Timestamp) {
        self.raised = None;
        self.since = Some(since);
        self.barred_until = Some(until);
    }
}
