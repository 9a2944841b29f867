//! How each source does: what it delivered, what was refused, what went wrong lately.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::source::{SourceLink, SourceProblem};
use protocol::{SourceHealth, SourceId, Timestamp};

/// How many problems are remembered of a source.
const PROBLEMS: usize = 20;
/// The longest reason that is kept, in characters.
const REASON_CHARS: usize = 500;

/// The health of all sources. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    sources: Arc<Mutex<BTreeMap<SourceId, Kept>>>,
}

#[derive(Debug)]
struct Kept {
    health: SourceHealth,
    /// Whether it runs, once that is known.
    link: Option<SourceLink>,
}

impl Kept {
    fn is_up(&mut self, at: Timestamp) {
        self.health.alive = true;
        self.health.last_success = self.health.last_success.max(Some(at));
        if !matches!(self.link, Some(SourceLink::Up { .. })) {
            self.link = Some(SourceLink::Up { since: at });
        }
    }
}

impl Board {
    /// Puts a source on the board, before it is known whether it runs.
    pub fn add(&self, source: &SourceId) {
        self.change(source, |kept| kept.link = None);
    }

    /// Takes a source off the board, with all that was known of it.
    pub fn remove(&self, source: &SourceId) {
        self.sources.lock().remove(source);
    }

    /// How one source does.
    #[must_use]
    pub fn of(&self, source: &SourceId) -> Option<SourceHealth> {
        self.sources.lock().get(source).map(|kept| kept.health.clone())
    }

    /// The sources of which it is known whether they run.
    #[must_use]
    pub fn links(&self) -> Vec<(SourceId, SourceLink)> {
        let sources = self.sources.lock();
        sources.iter().filter_map(|(source, kept)| Some((source.clone(), kept.link.clone()?))).collect()
    }

    /// Something came in: so many good rows and so many refused ones.
    pub fn delivered(&self, source: &SourceId, at: Timestamp, accepted: u64, refused: u64) {
        self.change(source, |kept| {
            kept.health.accepted += accepted;
            kept.health.refused += refused;
            if accepted > 0 {
                kept.is_up(at);
            }
        });
    }

    /// It was looked at and is fine, with or without something new.
    pub fn well(&self, source: &SourceId, at: Timestamp) {
        self.change(source, |kept| kept.is_up(at));
    }

    /// It does not run, and why.
    pub fn down(&self, source: &SourceId, at: Timestamp, reason: &str) {
        let reason: String = reason.chars().take(REASON_CHARS).collect();
        self.change(source, |kept| {
            kept.health.alive = false;
            let since = match kept.link {
                Some(SourceLink::Down { since, .. }) => since,
                _ => at,
            };
            kept.link = Some(SourceLink::Down { since, reason });
        });
    }

    /// Something was wrong at `place`. The same thing at the same place is kept once, with its newest time.
    pub fn problem(&self, source: &SourceId, at: Timestamp, place: impl Into<String>, reason: &str) {
        let (place, reason) = (place.into(), reason.chars().take(REASON_CHARS).collect::<String>());
        self.change(source, |Kept { health, .. }| {
            health.problems.retain(|problem| problem.place != place || problem.reason != reason);
            health.problems.insert(0, SourceProblem { at, place, reason });
            health.problems.truncate(PROBLEMS);
        });
    }

    /// What was wrong at places that `gone` accepts is right again.
    pub fn solved(&self, source: &SourceId, gone: impl Fn(&str) -> bool) {
        self.change(source, |kept| kept.health.problems.retain(|problem| !gone(&problem.place)));
    }

    fn change(&self, source: &SourceId, change: impl FnOnce(&mut Kept)) {
        let mut sources = self.sources.lock();
        let kept = sources.entry(source.clone()).or_insert_with(|| {
            let source = source.clone();
            let health = SourceHealth {
                source,
                alive: false,
                last_success: None,
                accepted: 0,
                refused: 0,
                problems: Vec::new(),
            };
            Kept { health, link: None }
        });
        change(kept);
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
    fn a_source_is_up_or_down_since_it_first_was() {
        let board = Board::default();
        let source = SourceId::from("treasury");
        board.add(&source);
        assert_eq!(board.links(), [], "nothing is known yet");
        board.well(&source, Timestamp(3));
        board.delivered(&source, Timestamp(5), 1, 0);
        assert_eq!(board.links(), [(source.clone(), SourceLink::Up { since: Timestamp(3) })]);
        board.down(&source, Timestamp(7), "no such folder");
        board.down(&source, Timestamp(9), "no such folder either");
        let reason = "no such folder either".to_owned();
        assert_eq!(board.links(), [(source, SourceLink::Down { since: Timestamp(7), reason })]);
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
