//! When a lost graphics device is asked for again.

use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// At once after a picture, then further and further apart; never given up.
#[derive(Debug, Default)]
pub struct Retry {
    attempts: u32,
    due: Option<Instant>,
}

impl Retry {
    /// When the next attempt may begin; `None` is at once.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// An attempt begins, if its time has come.
    pub fn begin(&mut self, now: Instant) -> bool {
        if self.due.is_some_and(|due| now < due) {
            return false;
        }
        self.due = Some(now + FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST_PAUSE));
        self.attempts = self.attempts.saturating_add(1);
        true
    }

    /// The picture is there.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_get_rarer_up_to_five_seconds_and_never_stop() {
        let mut retry = Retry::default();
        let mut now = Instant::now();
        let mut last = Duration::ZERO;
        for attempt in 0..200 {
            assert!(retry.begin(now), "attempt {attempt}");
            assert!(!retry.begin(now), "not twice at one moment");
            let pause = retry.due().unwrap() - now;
            assert!(pause >= last && pause <= LONGEST_PAUSE, "{pause:?} after {last:?}");
            (last, now) = (pause, now + pause);
        }
        assert_eq!(last, LONGEST_PAUSE);
        retry.succeed();
        assert!(retry.begin(now), "at once after a picture");
    }
}
