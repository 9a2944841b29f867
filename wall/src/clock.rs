//! The server's clock, as estimated here.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// How many answers are remembered; the one with the shortest way decides.
const SAMPLES: usize = 8;
/// How many answers make a good clock.
const GOOD_SAMPLES: usize = 3;
/// A longer way than this makes no good clock.
const GOOD_ROUND_TRIP_MICROS: i64 = 100_000;

/// This machine's clock: Unix time at the start, then steady, whatever is done to the system's clock.
#[derive(Debug, Clone, Copy)]
pub struct LocalClock {
    start: Instant,
    unix_micros: i64,
}

impl LocalClock {
    /// Set to the system's clock now.
    #[must_use]
    pub fn new() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), unix_micros: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Now, in microseconds of Unix time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The time at `instant`.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.start).as_micros();
        Timestamp(self.unix_micros).plus_micros(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    /// When it is `time`; now if that has passed.
    #[must_use]
    pub fn instant(&self, time: Timestamp) -> Instant {
        let now = Instant::now();
        let micros = u64::try_from(time.since(self.at(now))).unwrap_or(0);
        now + std::time::Duration::from_micros(micros)
    }
}

impl Default for LocalClock {
    fn default() -> Self {
        Self::new()
    }
}

/// How far the server's clock is ahead of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockEstimate {
    pub ahead_micros: i64,
    /// Good enough to wait for a moment on it; otherwise frames are presented at once.
    pub is_good: bool,
}

impl ClockEstimate {
    /// The server's time at `local`.
    #[must_use]
    pub fn server_from_local(&self, local: Timestamp) -> Timestamp {
        local.plus_micros(self.ahead_micros)
    }

    /// The local time at the server's `time`.
    #[must_use]
    pub fn local_from_server(&self, time: Timestamp) -> Timestamp {
        time.plus_micros(self.ahead_micros.saturating_neg())
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    ahead_micros: i64,
    round_trip_micros: i64,
}

/// Estimates the server's clock from questions and answers, as NTP does.
#[derive(Debug, Default)]
pub struct ServerClock {
    samples: VecDeque<Sample>,
    rough: Option<i64>,
}

impl ServerClock {
    /// A first idea: `server_time` was heard at `local`.
    pub fn welcome(&mut self, server_time: Timestamp, local: Timestamp) {
        self.rough = Some(server_time.since(local));
    }

    /// Another server answers from here on, with a clock of its own.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes in an answer: asked at `t0` here, heard at `t1` and answered at `t2` there, heard at `t3` here.
    pub fn answer(&mut self, t0: Timestamp, t1: Timestamp, t2: Timestamp, t3: Timestamp) {
        let round_trip_micros = t3.since(t0).saturating_sub(t2.since(t1));
        if round_trip_micros < 0 {
            return;
        }
        let ahead_micros = t1.since(t0).saturating_add(t2.since(t3)) / 2;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { ahead_micros, round_trip_micros });
    }

    /// The best guess; `None` before anything was heard.
    #[must_use]
    pub fn estimate(&self) -> Option<ClockEstimate> {
        let Some(best) = self.samples.iter().min_by_key(|sample| sample.round_trip_micros) else {
            return self.rough.map(|ahead_micros| ClockEstimate { ahead_micros, is_good: false });
        };
        let is_good = self.samples.len() >= GOOD_SAMPLES && best.round_trip_micros <= GOOD_ROUND_TRIP_MICROS;
        Some(ClockEstimate { ahead_micros: best.ahead_micros, is_good })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(clock: &mut ServerClock, at: i64, ahead: i64, there: i64, back: i64) {
        let t1 = at + there + ahead;
        clock.answer(Timestamp(at), Timestamp(t1), Timestamp(t1 + 50), Timestamp(at + there + 50 + back));
    }

    #[test]
    fn the_answer_with_the_shortest_way_decides() {
        let mut clock = ServerClock::default();
        ask(&mut clock, 1_000_000, 7_000_000, 40_000, 2_000);
        ask(&mut clock, 2_000_000, 7_000_000, 500, 500);
        ask(&mut clock, 3_000_000, 7_000_000, 1_000, 90_000);
        assert_eq!(clock.estimate(), Some(ClockEstimate { ahead_micros: 7_000_000, is_good: true }));
    }

    #[test]
    fn a_lopsided_way_errs_by_half_of_itself_at_most() {
        let mut clock = ServerClock::default();
        for step in 0..3 {
            ask(&mut clock, step * 1_000_000, -3_000_000, 9_000, 1_000);
        }
        let estimate = clock.estimate().unwrap();
        assert!((estimate.ahead_micros + 3_000_000).abs() <= 5_000, "{estimate:?}");
    }

    #[test]
    fn it_is_not_good_before_three_answers_nor_over_a_long_way() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.estimate(), None);
        clock.welcome(Timestamp(5_000), Timestamp(1_000));
        assert_eq!(clock.estimate(), Some(ClockEstimate { ahead_micros: 4_000, is_good: false }));
        for step in 0..2 {
            ask(&mut clock, step, 0, 10, 10);
        }
        assert!(!clock.estimate().unwrap().is_good);
        let mut far = ServerClock::default();
        for step in 0..5 {
            ask(&mut far, step, 0, 80_000, 80_000);
        }
        assert!(!far.estimate().unwrap().is_good);
    }

    #[test]
    fn old_answers_are_forgotten_so_that_drift_is_followed() {
        let mut clock = ServerClock::default();
        ask(&mut clock, 0, 1_000, 10, 10);
        for step in 1..=8 {
            ask(&mut clock, step * 1_000, 2_000, 400, 400);
        }
        assert_eq!(clock.estimate().unwrap().ahead_micros, 2_000);
    }

    #[test]
    fn an_answer_from_before_its_question_is_ignored() {
        let mut clock = ServerClock::default();
        clock.answer(Timestamp(1_000), Timestamp(0), Timestamp(5_000), Timestamp(1_100));
        assert_eq!(clock.estimate(), None);
    }
}
