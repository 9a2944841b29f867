//! How each source does: what it delivered, what was refused, what went wrong lately.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::source::SourceProblem;
use protocol::{SourceHealth, SourceId, Timestamp};

/// How many problems are remembered of a source.
const PROBLEMS: usize = 20;
/// The longest reason that is kept, in characters.
const REASON_CHARS: usize = 500;

/// The health of all sources. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    sources: Arc<Mutex<BTreeMap<SourceId, SourceHealth>>>,
}

impl Board {
    /// Puts a source on the board, before anything came from it.
    pub fn add(&self, source: &SourceId) {
        self.change(source, |_| {});
    }

    /// How one source does.
    #[must_use]
    pub fn of(&self, source: &SourceId) -> Option<SourceHealth> {
        self.sources.lock().get(source).cloned()
    }

    /// Something came in: so many good rows and so many refused ones.
    pub fn delivered(&self, source: &SourceId, at: Timestamp, accepted: u64, refused: u64) {
        self.change(source, |health| {
            health.accepted += accepted;
            health.refused += refused;
            if accepted > 0 {
                health.alive = true;
                health.last_success = health.last_success.max(Some(at));
            }
        });
    }

    /// It was looked at and is fine, with or without something new.
    pub fn well(&self, source: &SourceId, at: Timestamp) {
        self.change(source, |health| {
            health.alive = true;
            health.last_success = health.last_success.max(Some(at));
        });
    }

    /// It does not run.
    pub fn down(&self, source: &SourceId) {
        self.change(source, |health| health.alive = false);
    }

    /// Something was wrong at `place`. The same thing at the same place is kept once, with its newest time.
    pub fn problem(&self, source: &SourceId, at: Timestamp, place: impl Into<String>, reason: &str) {
        let (place, reason) = (place.into(), reason.chars().take(REASON_CHARS).collect::<String>());
        self.change(source, |health| {
            health.problems.retain(|problem| problem.place != place || problem.reason != reason);
            health.problems.insert(0, SourceProblem { at, place, reason });
            health.problems.truncate(PROBLEMS);
        });
    }

    /// What was wrong at places that `gone` accepts is right again.
    pub fn solved(&self, source: &SourceId, gone: impl Fn(&str) -> bool) {
        self.change(source, |health| health.problems.retain(|problem| !gone(&problem.place)));
    }

    fn change(&self, source: &SourceId, change: impl FnOnce(&mut SourceHealth)) {
        let mut sources = self.sources.lock();
        let health = sources.entry(source.clone()).or_insert_with(|| SourceHealth {
            source: source.clone(),
            alive: false,
            last_success: None,
            accepted: 0,
            refused: 0,
            problems: Vec::new(),
        });
        change(health);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_problems_are_kept_each_once() {
        let board = Board::default();
        let source = SourceId::from("treasury");
        for moment in 0..30 {
            board.problem(&source, Timestamp(moment), format!("row {moment}"), "no number");
        }
        board.problem(&source, Timestamp(99), "row 29", "no number");
        let health = board.of(&source).unwrap();
        assert_eq!(health.problems.len(), 20);
        assert_eq!((health.problems[0].at, health.problems[0].place.as_str()), (Timestamp(99), "row 29"));
        assert_eq!(health.problems[1].place, "row 28");
        board.solved(&source, |place| place == "row 29");
        assert_eq!(board.of(&source).unwrap().problems[0].place, "row 28");
    }

    #[test]
    fn only_good_rows_make_a_source_alive() {
        let board = Board::default();
        let source = SourceId::from("treasury");
        board.delivered(&source, Timestamp(5), 0, 3);
        let health = board.of(&source).unwrap();
        assert_eq!((health.alive, health.accepted, health.refused, health.last_success), (false, 0, 3, None));
        board.delivered(&source, Timestamp(7), 2, 1);
        let health = board.of(&source).unwrap();
        assert_eq!(
            (health.alive, health.accepted, health.refused, health.last_success),
            (true, 2, 4, Some(Timestamp(7)))
        );
    }
}
