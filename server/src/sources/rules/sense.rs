//! How a condition stands over one subject: a function of what is known and the moment.

use protocol::observation::Freshness;
use protocol::source::SourceLink;
use protocol::task::{TaskState, Timing};
use protocol::{AreaId, Catalogue, Indicator, Records, SeriesKey, SourceId, Task, TaskId, Timestamp};

use super::facts::{Trace, Values};
use super::rule::{Condition, Side};
use super::watch::Sensed;

/// What a rule watches, once for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Series(SeriesKey),
    Source(SourceId),
    Task(TaskId),
}

impl Subject {
    pub fn area(&self) -> Option<&AreaId> {
        match self {
            Self::Series(series) => Some(&series.area),
            Self::Source(_) | Self::Task(_) => None,
        }
    }
}

/// All that is known.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub catalogue: &'a Catalogue,
    pub values: &'a Values,
    pub records: &'a Records,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub sensed: Sensed,
    /// Since when, at least.
    pub since: Timestamp,
    /// When it may stand otherwise without anything having come in.
    pub next: Option<Timestamp>,
}

impl Standing {
    fn new(sensed: Sensed, since: Timestamp) -> Self {
        Self { sensed, since, next: None }
    }

    /// From `since` on, if nothing comes in.
    fn from(since: Timestamp, now: Timestamp) -> Self {
        let is_there = since <= now;
        let sensed = if is_there { Sensed::Holds } else { Sensed::Gone };
        Self { sensed, since, next: (!is_there).then_some(since) }
    }

    fn unknown() -> Self {
        Self::new(Sensed::Between, Timestamp(i64::MIN))
    }

    fn gone() -> Self {
        Self::new(Sensed::Gone, Timestamp(i64::MIN))
    }
}

/// How a condition stands over a subject at `now`.
pub fn sense(condition: &Condition, subject: &Subject, known: Known<'_>, now: Timestamp) -> Standing {
    match (condition, subject) {
        (Condition::SourceDown { .. }, Subject::Source(source)) => source_down(source, known),
        (Condition::TaskOverdue { days, .. }, Subject::Task(task)) => match known.records.tasks.get(task) {
            Some(held) if is_meant(condition, &held.value) => overdue(&held.value, *days, now),
            _ => Standing::gone(),
        },
        (condition, Subject::Series(series)) => {
            let Some(indicator) = known.catalogue.indicators.get(&series.indicator) else { return Standing::gone() };
            if !known.catalogue.areas.contains_key(&series.area) {
                return Standing::gone();
            }
            let Some(trace) = known.values.get(series) else { return Standing::unknown() };
            of_values(condition, indicator, trace, now)
        }
        _ => Standing::gone(),
    }
}

fn of_values(condition: &Condition, indicator: &Indicator, trace: &Trace, now: Timestamp) -> Standing {
    let (value, since) = (trace.newest.value, trace.newest.received_at);
    let stale_from = stale_from(indicator, trace.newest.phenomenon_time);
    // What was out of date when it came says nothing bad of how things are: years of history raise no alarm.
    let holds = if stale_from <= since { Sensed::Between } else { Sensed::Holds };
    match condition {
        Condition::Threshold { side, limit, clear, .. } => {
            let sensed = match (side.beyond(value, *limit) > 0.0, side.beyond(value, *clear) > 0.0) {
                (true, _) => holds,
                (false, true) => Sensed::Between,
                (false, false) => Sensed::Gone,
            };
            Standing::new(sensed, since)
        }
        Condition::Rate { side, by, within_micros, .. } => {
            let sensed = if change(trace, *side, *within_micros) >= *by { holds } else { Sensed::Gone };
            Standing::new(sensed, since)
        }
        Condition::Stale { .. } => Standing::from(stale_from.max(since), now),
        Condition::SourceDown { .. } | Condition::TaskOverdue { .. } => Standing::gone(),
    }
}

/// How far the newest value has gone to that side from one of the time before it.
pub fn change(trace: &Trace, side: Side, within_micros: i64) -> f64 {
    trace.within(within_micros).map(|before| side.beyond(trace.newest.value, before)).fold(0.0, f64::max)
}

/// The first moment at which a value that was true at `time` is stale.
fn stale_from(indicator: &Indicator, time: Timestamp) -> Timestamp {
    let secs = indicator.expected_interval_secs.saturating_add(indicator.grace_secs).saturating_add(1);
    let micros = i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let from = time.plus_micros(micros);
    debug_assert!(from.0 == i64::MAX || indicator.freshness(time, from) == Freshness::Stale);
    from
}

fn source_down(source: &SourceId, known: Known<'_>) -> Standing {
    if !known.catalogue.sources.contains_key(source) {
        return Standing::gone();
    }
    match known.records.sources.get(source).and_then(|held| held.value.link.as_ref()) {
        Some(SourceLink::Down { since, .. }) => Standing::new(Sensed::Holds, *since),
        Some(SourceLink::Up { .. }) => Standing::gone(),
        None => Standing::unknown(),
    }
}

/// Whether a rule of overdue tasks is about this one.
pub fn is_meant(condition: &Condition, task: &Task) -> bool {
    match condition {
        Condition::TaskOverdue { least_urgency, lead, .. } => {
            task.urgency >= *least_urgency && lead.as_ref().is_none_or(|lead| *lead == task.lead)
        }
        _ => false,
    }
}

/// From the midnight on that makes it late by so many days.
fn overdue(task: &Task, days: u32, now: Timestamp) -> Standing {
    let is_running = !matches!(task.state, TaskState::Done | TaskState::Withdrawn | TaskState::Suspended);
    let Some(deadline) = task.deadline.filter(|_| is_running) else { return Standing::gone() };
    let day = deadline.plus(i32::try_from(days).unwrap_or(i32::MAX));
    let (year, month, date) = day.date();
    let part = |part: u8| i8::try_from(part).unwrap_or(1);
    let start = i16::try_from(year).ok().and_then(|year| panels::number::day_start(year, part(month), part(date)));
    let Some(start) = start else { return Standing::gone() };
    debug_assert!(matches!(task.timing(day), Timing::Overdue { days: late } if late >= days) || days == 0);
    Standing::from(start, now)
}
