//! Whether a number is plausible after the one before it.

use protocol::observation::Plausible;
use protocol::{ObservationStatus, Timestamp};

/// A value as it came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    pub time: Timestamp,
    pub value: f64,
    pub status: ObservationStatus,
}

/// The newest values of a series: the newest that is a measurement, and the one after it that was not plausible.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Before {
    pub good: Option<Value>,
    pub suspect: Option<Value>,
}

/// What is thought of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Plausible,
    /// It is kept as suspect, and why.
    Suspect(String),
    /// It is plausible after the one that was suspect, which was right, then.
    Confirmed(Value),
}

impl Before {
    /// Whether something newer is known than what is of this time.
    #[must_use]
    pub fn is_past(&self, time: Timestamp) -> bool {
        [self.good, self.suspect].into_iter().flatten().any(|known| time < known.time)
    }

    /// Judges the next value of a series and takes it in. `year` gives the year that a time lies in. What is late is
    /// judged by its range alone, and what is official not at all: that is how a suspect value is set right by hand.
    pub fn judge(&mut self, rules: &Plausible, next: Value, year: impl Fn(Timestamp) -> i16) -> Verdict {
        if !next.status.is_measurement() {
            return Verdict::Plausible;
        }
        if self.is_past(next.time) {
            return Verdict::Plausible;
        }
        let doubt = |before: Option<Value>| before.and_then(|before| doubt(rules, before, next, &year));
        let is_official = next.status == ObservationStatus::Official;
        let Some(reason) = doubt(self.good).filter(|_| !is_official) else {
            *self = Self { good: Some(next), suspect: None };
            return Verdict::Plausible;
        };
        // The same value of the same time is the same one told again.
        let earlier = self.suspect.filter(|suspect| suspect.time < next.time);
        match earlier.filter(|earlier| doubt(Some(*earlier)).is_none()) {
            Some(confirmed) => {
                *self = Self { good: Some(next), suspect: None };
                Verdict::Confirmed(confirmed)
            }
            None => {
                self.suspect = Some(next);
                Verdict::Suspect(reason)
            }
        }
    }
}

/// Why `next` is not plausible after `before`.
fn doubt(rules: &Plausible, before: Value, next: Value, year: impl Fn(Timestamp) -> i16) -> Option<String> {
    if next.time == before.time {
        return None;
    }
    let difference = (next.value - before.value).abs();
    if let Some(jump) = rules.jump.filter(|jump| difference > *jump) {
        return Some(format!(
            "{} differs by {difference} from {} before it, more than {jump}; it is kept as suspect until the next one confirms it",
            next.value, before.value
        ));
    }
    let falls = rules.rising && next.value < before.value && year(before.time) == year(next.time);
    falls.then(|| {
        format!(
            "{} is less than {} before it in the same year, of what only rises; it is kept as suspect until the next one confirms it",
            next.value, before.value
        )
    })
}

/// Why a value is outside of what there can be.
///
/// # Errors
/// What it is and what the range is.
pub fn check_range(rules: &Plausible, value: f64) -> Result<(), String> {
    match (rules.min, rules.max) {
        (Some(min), _) if value < min => Err(format!("{value} is less than {min}, the least that is plausible")),
        (_, Some(max)) if value > max => Err(format!("{value} is more than {max}, the most that is plausible")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rules: &str, values: &[(i64, f64)]) -> String {
        let rules: Plausible = toml::from_str(rules).unwrap();
        let mut before = Before::default();
        let year = |time: Timestamp| (time.as_micros() / 1_000_000 / 100) as i16;
        let mut said = String::new();
        for (secs, value) in values {
            let next = Value { time: Timestamp::from_secs(*secs), value: *value, status: ObservationStatus::Automatic };
            said.push(match before.judge(&rules, next, year) {
                Verdict::Plausible => '.',
                Verdict::Suspect(_) => '?',
                Verdict::Confirmed(earlier) => {
                    assert!(earlier.time < next.time);
                    '!'
                }
            });
        }
        said
    }

    #[test]
    fn a_jump_and_a_fall_are_suspect_until_they_are_confirmed() {
        type Case = (&'static str, &'static [(i64, f64)], &'static str);
        let cases: [Case; 9] = [
            ("jump = 5.0", &[(1, 10.0), (2, 15.0), (3, 9.0), (4, 12.0)], "..?."),
            ("jump = 5.0", &[(1, 10.0), (2, 99.0), (3, 11.0)], ".?."),
            ("jump = 5.0", &[(1, 10.0), (2, 99.0), (3, 98.0), (4, 97.0)], ".?!."),
            ("jump = 5.0", &[(1, 10.0), (2, 99.0), (3, 50.0), (4, 51.0)], ".??!"),
            // Told again, it confirms nothing.
            ("jump = 5.0", &[(1, 10.0), (2, 99.0), (2, 99.0), (2, 99.0)], ".???"),
            // A corrected value of the same time, and late ones.
            ("jump = 5.0", &[(5, 10.0), (5, 90.0), (1, 0.0), (6, 91.0)], "...."),
            ("rising = true", &[(1, 10.0), (2, 12.0), (3, 11.0), (4, 13.0)], "..?."),
            ("rising = true", &[(1, 10.0), (2, 12.0), (3, 2.0), (4, 3.0)], "..?!"),
            // A new year begins anew.
            ("rising = true", &[(98, 10.0), (101, 1.0), (102, 2.0)], "..."),
        ];
        for (rules, values, expected) in cases {
            assert_eq!(judged(rules, values), expected, "{rules}: {values:?}");
        }
    }

    #[test]
    fn an_official_value_is_taken_and_what_is_no_measurement_not_judged() {
        let rules: Plausible = toml::from_str("jump = 5.0").unwrap();
        let mut before = Before::default();
        let mut judge = |secs, value, status| {
            let next = Value { time: Timestamp::from_secs(secs), value, status };
            matches!(before.judge(&rules, next, |_| 0), Verdict::Plausible)
        };
        assert!(judge(1, 10.0, ObservationStatus::Automatic));
        assert!(judge(2, 90.0, ObservationStatus::Fault));
        assert!(!judge(3, 90.0, ObservationStatus::ByHand));
        assert!(judge(3, 90.0, ObservationStatus::Official));
        assert!(judge(4, 91.0, ObservationStatus::Automatic));
    }
}
