//! When made-up figures come.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use protocol::Timestamp;
use serde::Deserialize;

use super::{HOUR_MICROS, NEW_STRETCH_MICROS, align};

/// How often a figure comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Every few seconds now, every five minutes in the last days, not at all before.
    Live,
    /// On the hour, in the last days.
    Hour,
    /// At seven in the morning.
    Day,
    /// On Mondays at seven.
    Week,
    /// On the first of the month at seven.
    Month,
}

/// The step of live figures in the past.
const PAST_STEP_MICROS: i64 = 300 * 1_000_000;
/// Stretches up to this long are the present.
const PRESENT_MICROS: i64 = 120 * 1_000_000;
/// The hour at which daily and slower figures come.
const MORNING: i8 = 7;

impl Pace {
    /// The moments in `(from, upto]` at which a figure comes.
    pub fn moments(self, from: Timestamp, upto: Timestamp, interval: Duration, zone: &TimeZone) -> Vec<Timestamp> {
        match self {
            Self::Live if upto.since(from) <= PRESENT_MICROS => {
                stepped(from, upto, i64::try_from(interval.as_micros()).unwrap_or(i64::MAX))
            }
            Self::Live | Self::Hour if upto.since(from) > NEW_STRETCH_MICROS => Vec::new(),
            Self::Live => stepped(from, upto, PAST_STEP_MICROS),
            Self::Hour => stepped(from, upto, HOUR_MICROS),
            Self::Day => mornings(from, upto, zone, |_| true),
            Self::Week => mornings(from, upto, zone, |date| date.weekday() == Weekday::Monday),
            Self::Month => mornings(from, upto, zone, |date| date.day() == 1),
        }
    }
}

fn stepped(from: Timestamp, upto: Timestamp, step: i64) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    let mut next = align(from.as_micros(), step).saturating_add(step);
    while next <= upto.as_micros() {
        moments.push(Timestamp(next));
        next = next.saturating_add(step);
    }
    moments
}

fn mornings(from: Timestamp, upto: Timestamp, zone: &TimeZone, wanted: impl Fn(Date) -> bool) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    let Some(mut date) = local_date(from, zone) else { return moments };
    while let Some(moment) = morning(date, zone).filter(|moment| *moment <= upto) {
        if moment > from && wanted(date) {
            moments.push(moment);
        }
        let Ok(next) = date.checked_add(1.day()) else { break };
        date = next;
    }
    moments
}

/// The date at a moment.
pub fn local_date(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
    Some(zone.to_datetime(moment).date())
}

fn morning(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    moment_of(date, Time::constant(MORNING, 0, 0, 0), zone)
}

/// The first moments of the years that begin in `(from, upto]`, and of the one that `from` lies in if `first`.
pub fn new_years(from: Timestamp, upto: Timestamp, first: bool, zone: &TimeZone) -> Vec<Timestamp> {
    let years = [from, upto].map(|at| local_date(at, zone).map_or(0, Date::year));
    let starts =
        (years[0]..=years[1]).filter_map(|year| moment_of(Date::new(year, 1, 1).ok()?, Time::midnight(), zone));
    starts.filter(|start| *start <= upto && (*start > from || first)).collect()
}

fn moment_of(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let moment = zone.to_timestamp(date.to_datetime(time)).ok()?;
    Some(Timestamp(moment.as_microsecond()))
}
