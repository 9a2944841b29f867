//! How fast a large table is recorded: the more others bring in meanwhile, the slower, so that they do not notice.

use std::time::Duration;

use tokio::time::Instant;

use super::BATCH_ROWS;

/// Deliveries a second of others from which on each of them is worth more than the table: it is recorded in small pieces,
/// so that nobody waits long behind one.
const BUSY: f64 = 20.0;
const SMALL_ROWS: usize = 100;
/// The rest after a batch, in times of what it took: at least, and at most for whom others are very busy.
const LEAST_REST: f64 = 3.0;
const MOST_REST: f64 = 100.0;
/// A rest is no longer: a stop is waited for.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// Over how long it is looked what others do.
const WINDOW: Duration = Duration::from_millis(250);

/// The pace of one source.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    /// Deliveries of others up to then.
    before: u64,
    others_per_sec: f64,
}

impl Default for Pace {
    /// Until it is known what others do, they are busy.
    fn default() -> Self {
        Self { began: Instant::now(), before: 0, others_per_sec: BUSY }
    }
}

impl Pace {
    /// Rows of the next batch.
    pub fn batch_rows(&self) -> usize {
        if self.others_per_sec >= BUSY { SMALL_ROWS } else { BATCH_ROWS }
    }

    /// How long to rest after a batch that took so long, when others have delivered `so_far`.
    pub fn rest(&mut self, took: Duration, so_far: u64) -> Duration {
        let elapsed = self.began.elapsed();
        if elapsed >= WINDOW {
            self.others_per_sec = so_far.saturating_sub(self.before) as f64 / elapsed.as_secs_f64();
            (self.began, self.before) = (Instant::now(), so_far);
        }
        took.mul_f64((self.others_per_sec / 2.0).clamp(LEAST_REST, MOST_REST)).min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_table_makes_way_for_those_who_are_busy() {
        let mut pace = Pace::default();
        let (took, mut so_far) = (Duration::from_millis(1), 0);
        assert_eq!(pace.batch_rows(), SMALL_ROWS, "nothing is known yet");
        // (batches of others within half a second, rows of a batch, rest after one of a millisecond)
        for (others, rows, rest_ms) in
            [(0, BATCH_ROWS, 3), (9, BATCH_ROWS, 9), (50, SMALL_ROWS, 50), (500, SMALL_ROWS, 100), (1, BATCH_ROWS, 3)]
        {
            tokio::time::advance(WINDOW * 2).await;
            so_far += others;
            assert_eq!(pace.rest(took, so_far), Duration::from_millis(rest_ms), "{others}");
            assert_eq!(pace.batch_rows(), rows, "{others}");
        }
        assert_eq!(pace.rest(Duration::from_secs(9), so_far), LONGEST_REST);
    }
}
