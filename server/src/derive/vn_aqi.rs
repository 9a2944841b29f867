//! VN_AQI of an area: means of hours, and what the index makes of them.

use jiff::ToSpan;
use protocol::observation::Period;
use protocol::{AreaId, Scenario, SeriesKey, Timestamp};

use super::aqi::{Pollutant, nowcast};
use super::compute::{Computation, Touched};
use super::memory::{Memory, Point};
use super::plan::{Computed, HOUR, Known, POLLUTANTS, Plan, Rule, SECOND, micros};
use super::readings::{Value, combined};

/// How long after its end an hour is computed: what is measured at the end is on its way.
const SETTLE: i64 = 60 * SECOND;
/// The share of the expected values of an hour, or of the hours of a day, that makes its mean.
const ENOUGH: f64 = 0.75;

/// From when on values of the index are to be known that a touched stretch from `from` on may change.
pub(super) fn widened(computed: &Computed, from: Timestamp) -> Timestamp {
    if matches!(computed.rule, Rule::VnAqi) { from.plus_micros(-HOUR) } else { from }
}

/// The end of the hour that `time` lies in; a whole hour ends one.
fn hour_end(time: Timestamp) -> Timestamp {
    let into = time.as_micros().rem_euclid(HOUR);
    if into == 0 { time } else { time.plus_micros(HOUR - into) }
}

impl Plan {
    pub(super) fn compute_aqi(
        &self,
        computed: &Computed,
        touched: &Touched,
        memory: &Memory,
        now: Timestamp,
        into: &mut Computation,
    ) {
        let own = SeriesKey::actual(&touched.indicator, &touched.area);
        // Of a time that nothing is measured in there is no index, however much of what came before would count.
        let is_measured_before = |end: Timestamp| {
            let from = end.plus_micros(1 - period_micros(computed));
            let is_there = |known: &Known| !memory.between(&series(known, &touched.area), from, end).is_empty();
            computed.inputs.iter().any(is_there)
        };
        let mut time = self.end_of_period(computed, touched.from);
        while let Some(end) = time.filter(|end| *end <= touched.to.max(hour_end(touched.from))) {
            let is_measured = is_measured_before(end);
            if is_measured && end.plus_micros(SETTLE) > now {
                let touched = Touched { from: end.plus_micros(-1), to: end, ..touched.clone() };
                into.later.push((end.plus_micros(SETTLE), touched));
                break;
            }
            let value = if is_measured { index(computed, &touched.area, end, memory) } else { None };
            into.put(&own, stamp(computed, end), value, memory);
            time = self.end_of_period(computed, end.plus_micros(1));
        }
    }

    /// The end of the hour or the day that `time` lies in.
    fn end_of_period(&self, computed: &Computed, time: Timestamp) -> Option<Timestamp> {
        if computed.indicator.period != Period::Day {
            return Some(hour_end(time));
        }
        // What is measured at midnight is of the day that ends.
        let moment = jiff::Timestamp::from_microsecond(time.as_micros().checked_sub(1)?).ok()?;
        let next = moment.to_zoned_datetime(self.zone.clone()).checked_add(1.day()).ok()?.start_of_day().ok()?;
        Some(Timestamp(next.timestamp().as_microsecond()))
    }
}

fn period_micros(computed: &Computed) -> i64 {
    if computed.indicator.period == Period::Day { 24 * HOUR } else { HOUR }
}

/// The time that the index of a period is written under: the end of the hour, or the last second of the day, so that
/// it is of that day.
fn stamp(computed: &Computed, end: Timestamp) -> Timestamp {
    if computed.indicator.period == Period::Day { end.plus_micros(-SECOND) } else { end }
}

fn series(known: &Known, area: &AreaId) -> SeriesKey {
    let area = known.input.area.as_ref().unwrap_or(area);
    SeriesKey { indicator: known.input.indicator.clone(), area: area.clone(), scenario: known.input.scenario }
}

/// The greatest index of all pollutants; `None` where neither PM10 nor PM2.5 has one.
fn index(computed: &Computed, area: &AreaId, end: Timestamp, memory: &Memory) -> Option<Value> {
    let (mut highest, mut has_particles, mut values) = (f64::NEG_INFINITY, false, Vec::new());
    for known in &computed.inputs {
        let (_, pollutant) = POLLUTANTS.into_iter().find(|(name, _)| *name == known.name)?;
        let hours = if computed.indicator.period == Period::Day { 31 } else { 12 };
        let means: Vec<Option<Value>> = (0..hours)
            .map(|age| mean_of_hour(known, &series(known, area), end.plus_micros(-age * HOUR), memory))
            .collect();
        let numbers: Vec<Option<f64>> = means.iter().map(|mean| mean.map(|mean| mean.number)).collect();
        let index = match computed.indicator.period {
            Period::Day => of_day(pollutant, &numbers),
            _ => of_hour(pollutant, &numbers),
        };
        let Some(index) = index else { continue };
        highest = highest.max(index);
        has_particles |= matches!(pollutant, Pollutant::Pm10 | Pollutant::Pm25);
        values.extend(means.into_iter().flatten().map(|mean| (Scenario::Actual, mean)));
    }
    has_particles.then(|| Value { number: highest, ..combined(&values) })
}

/// By the means of the last hours, newest first.
fn of_hour(pollutant: Pollutant, hours: &[Option<f64>]) -> Option<f64> {
    match pollutant {
        Pollutant::Pm10 | Pollutant::Pm25 => pollutant.index(nowcast(hours.first_chunk()?)?),
        _ => pollutant.index((*hours.first()?)?),
    }
}

/// By the means of the hours of the day and the seven before it, newest first.
fn of_day(pollutant: Pollutant, hours: &[Option<f64>]) -> Option<f64> {
    let day = hours.get(..24)?;
    let there = day.iter().flatten().copied();
    match pollutant {
        Pollutant::Pm10 | Pollutant::Pm25 => pollutant.index(mean(day)?),
        Pollutant::O3 => {
            let of_hour = pollutant.index(there.fold(f64::NEG_INFINITY, f64::max));
            let eight = (0..24).filter_map(|age| mean(hours.get(age..age + 8)?)).fold(f64::NEG_INFINITY, f64::max);
            [of_hour, Pollutant::O3EightHours.index(eight)].into_iter().flatten().reduce(f64::max)
        }
        _ => pollutant.index(there.fold(f64::NEG_INFINITY, f64::max)),
    }
}

/// Of hours, if enough of them are there.
fn mean(hours: &[Option<f64>]) -> Option<f64> {
    let there = hours.iter().flatten();
    let count = there.clone().count() as f64;
    (count >= hours.len() as f64 * ENOUGH).then(|| there.sum::<f64>() / count)
}

/// Of the values of one hour, if enough of them are there.
fn mean_of_hour(known: &Known, series: &SeriesKey, end: Timestamp, memory: &Memory) -> Option<Value> {
    let points: &[Point] = memory.between(series, end.plus_micros(1 - HOUR), end);
    let expected = (HOUR as f64 / micros(known.indicator.expected_interval_secs).max(1) as f64).max(1.0);
    if points.is_empty() || (points.len() as f64) < (expected * ENOUGH - 1e-9).ceil() {
        return None;
    }
    let sum: f64 = points.iter().map(|point| point.value).sum();
    let number = sum / points.len() as f64 * known.input.scale.unwrap_or(1.0);
    let values: Vec<_> = points.iter().map(|point| (Scenario::Actual, point.into())).collect();
    Some(Value { number, ..combined(&values) })
}
