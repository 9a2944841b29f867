//! What is new: the order of watermarks, and what is asked for behind one.

use std::cmp::Ordering;

use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use protocol::Timestamp;

use crate::sources::rows::civil;

/// How far behind a time it is asked again, unless told otherwise.
const OVERLAP_SECS: u32 = 60;

/// A watermark as a database writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    Whole(i128),
    Number(f64),
    Moment(jiff::Timestamp),
    Local(DateTime),
    Text(String),
}

impl Mark {
    pub fn of(text: &str) -> Self {
        if let Ok(whole) = text.parse() {
            return Self::Whole(whole);
        }
        if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            return Self::Number(number);
        }
        if let Ok(moment) = text.parse() {
            return Self::Moment(moment);
        }
        civil(text).map_or_else(|| Self::Text(text.to_owned()), Self::Local)
    }

    /// Which comes first; nothing where they are of different kinds.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (Self::Whole(a), Self::Number(b)) => (*a as f64).partial_cmp(b),
            (Self::Number(a), Self::Whole(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Moment(a), Self::Moment(b)) => Some(a.cmp(b)),
            (Self::Local(a), Self::Local(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// How far ahead of this clock a time may be: a local time may be of any zone.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(26);

impl Mark {
    /// Whether it is a time that has not come yet. What is behind it would never be asked for.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        let Ok(now) = jiff::Timestamp::from_microsecond(now.as_micros()) else { return false };
        let Ok(latest) = now.checked_add(AHEAD) else { return false };
        match self {
            Self::Moment(moment) => *moment > latest,
            Self::Local(time) => *time > TimeZone::UTC.to_datetime(latest),
            Self::Whole(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }
}

/// From where it is asked when `seen` is the newest: a little before it, as rows may be written late, or after others
/// of the same moment.
pub fn ask_from(seen: &str, overlap: Option<u32>) -> String {
    let back = i64::from(overlap.unwrap_or(OVERLAP_SECS));
    let earlier = match Mark::of(seen) {
        Mark::Whole(whole) => return (whole - i128::from(overlap.unwrap_or(0))).to_string(),
        Mark::Moment(moment) => moment.checked_sub(back.seconds()).map(|at| at.to_string()),
        Mark::Local(time) => time.checked_sub(back.seconds()).map(|at| at.to_string()),
        Mark::Number(_) | Mark::Text(_) => return seen.to_owned(),
    };
    // A database that has no type for times compares them as they are written: SQLite writes them with a space.
    match earlier {
        Ok(earlier) if seen.contains(' ') => earlier.replacen('T', " ", 1),
        Ok(earlier) => earlier,
        Err(_) => seen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_are_ordered_by_what_they_say() {
        let ascending = [
            ("9", "10"),
            ("9007199254740993", "9007199254740994"),
            ("-1.5", "2"),
            ("2023-08-14", "2023-08-14T00:00:00.5"),
            ("2023-08-14T00:30:00Z", "2023-08-14T00:30:00.5Z"),
            ("a9", "b1"),
        ];
        for (a, b) in ascending {
            assert_eq!(Mark::of(a).order(&Mark::of(b)), Some(Ordering::Less), "{a} {b}");
        }
        assert_eq!(Mark::of("5").order(&Mark::of("2023-08-14")), None);
    }

    #[test]
    fn a_time_that_has_not_come_is_no_place_to_go_on_from() {
        let now = Timestamp::from_secs(1_700_000_000);
        for (mark, is_ahead) in [
            ("2023-11-14T22:00:00Z", false),
            ("2023-11-16T01:00:00Z", true),
            ("2023-11-15 12:00:00", false),
            ("2099-01-01", true),
            ("99999999999999", false),
        ] {
            assert_eq!(Mark::of(mark).is_ahead(now), is_ahead, "{mark}");
        }
    }

    #[test]
    fn it_is_asked_again_a_little_before_the_newest() {
        let cases = [
            ("100", None, "100"),
            ("100", Some(10), "90"),
            ("2023-08-14T00:00:30", None, "2023-08-13T23:59:30"),
            ("2023-08-14T00:00:30Z", Some(0), "2023-08-14T00:00:30Z"),
            ("2023-08-14 00:00:30.25", None, "2023-08-13 23:59:30.25"),
            ("2023-08-14", Some(86_400), "2023-08-13T00:00:00"),
            ("b1", None, "b1"),
        ];
        for (seen, overlap, expected) in cases {
            assert_eq!(ask_from(seen, overlap), expected, "{seen}");
        }
    }
}
