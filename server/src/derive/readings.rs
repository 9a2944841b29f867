//! What an input comes to at a time.

use jiff::ToSpan;
use protocol::derivation::{Before, Below, Fold, Over};
use protocol::observation::Period;
use protocol::{Area, AreaId, ObservationStatus, Scenario, SeriesKey, Timestamp};

use super::memory::{Memory, Point};
use super::plan::{Known, Plan, SECOND, WEIGHT_WITHIN, micros};

/// A number with how good it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    pub number: f64,
    pub status: ObservationStatus,
}

/// The value of an input for what is computed of `area` at `time`, if there is one that is not too old.
pub(super) fn value_of(plan: &Plan, known: &Known, area: &AreaId, time: Timestamp, memory: &Memory) -> Option<Value> {
    let input = &known.input;
    let time = match input.before {
        None => time,
        Some(before) => earlier(plan, before, known.indicator.period, time)?,
    };
    let of = |area: &AreaId| {
        let series = SeriesKey { indicator: input.indicator.clone(), area: area.clone(), scenario: input.scenario };
        reading(known, &series, time, memory)
    };
    let value = match &input.below {
        None => of(input.area.as_ref().unwrap_or(area)),
        Some(below) => {
            let day = day_of(plan, time)?;
            let children = plan.catalogue.children(area).filter(|child| child.is_valid_on(&day));
            taken_together(below, children.map(|child| &**child), of, time, memory)
        }
    }?;
    Some(Value { number: value.number * input.scale.unwrap_or(1.0), ..value })
}

pub(super) fn day_of(plan: &Plan, time: Timestamp) -> Option<String> {
    let moment = jiff::Timestamp::from_microsecond(time.as_micros()).ok()?;
    Some(moment.to_zoned_datetime(plan.zone.clone()).date().to_string())
}

/// Of one series: its newest value, or those of a stretch taken together.
fn reading(known: &Known, series: &SeriesKey, time: Timestamp, memory: &Memory) -> Option<Value> {
    let Some(over) = known.input.over else {
        let newest = memory.newest(series, time)?;
        return (time.since(newest.time) <= known.within).then(|| newest.into());
    };
    let from = time.plus_micros(1 - micros(over.secs));
    over_time(over, memory.between(series, from, time), known.indicator.expected_interval_secs)
}

fn over_time(over: Over, points: &[Point], interval_secs: u64) -> Option<Value> {
    let expected = (over.secs / interval_secs.max(1)).max(1) as f64;
    if points.is_empty() || (points.len() as f64) < (expected * over.at_least - 1e-9).ceil() {
        return None;
    }
    let numbers: Vec<f64> = points.iter().map(|point| point.value).collect();
    let values: Vec<_> = points.iter().map(|point| (Scenario::Actual, point.into())).collect();
    Some(Value { number: fold(over.fold, &numbers, None)?, ..combined(&values) })
}

fn taken_together<'a>(
    below: &Below,
    areas: impl Iterator<Item = &'a Area>,
    of: impl Fn(&AreaId) -> Option<Value>,
    time: Timestamp,
    memory: &Memory,
) -> Option<Value> {
    let (mut numbers, mut weights, mut values, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0_usize);
    for area in areas {
        count += 1;
        let Some(value) = of(&area.id) else { continue };
        if let Some(weight) = &below.weight {
            let weight = memory.newest(&SeriesKey::actual(weight, &area.id), time);
            let Some(weight) = weight.filter(|weight| time.since(weight.time) <= WEIGHT_WITHIN) else { continue };
            weights.push(weight.value);
        }
        numbers.push(value.number);
        values.push((Scenario::Actual, value));
    }
    if numbers.is_empty() || (numbers.len() as f64) < (count as f64 * below.at_least).ceil() {
        return None;
    }
    let number = fold(below.fold, &numbers, below.weight.is_some().then_some(&weights))?;
    let together = combined(&values);
    let status = match together.status {
        ObservationStatus::Automatic | ObservationStatus::Official | ObservationStatus::Preliminary
            if numbers.len() < count =>
        {
            ObservationStatus::Estimated
        }
        status => status,
    };
    Some(Value { number, status })
}

fn fold(fold: Fold, numbers: &[f64], weights: Option<&Vec<f64>>) -> Option<f64> {
    let sum = || numbers.iter().sum::<f64>();
    let folded = match (fold, weights) {
        (Fold::Sum, _) => sum(),
        (Fold::Mean, None) => sum() / numbers.len() as f64,
        (Fold::Mean, Some(weights)) => {
            let weighted: f64 = numbers.iter().zip(weights).map(|(number, weight)| number * weight).sum();
            weighted / weights.iter().sum::<f64>()
        }
        (Fold::Min, _) => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        (Fold::Max, _) => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        (Fold::Count, _) => numbers.len() as f64,
    };
    folded.is_finite().then_some(folded)
}

/// How good a number is that comes of these: made up or keyed in where one of them is, and official where all are. A
/// plan is a decision: that it was keyed in says nothing of what is measured against it.
pub(super) fn combined(values: &[(Scenario, Value)]) -> Value {
    let measured = |(scenario, _): &&(Scenario, Value)| matches!(scenario, Scenario::Actual | Scenario::SamePeriod);
    let has = |status| values.iter().any(|(_, value)| value.status == status);
    let has_measured = |status| values.iter().filter(measured).any(|(_, value)| value.status == status);
    let lesser = [ObservationStatus::ByHand, ObservationStatus::Estimated, ObservationStatus::Preliminary];
    let is_official = |(_, value): &(Scenario, Value)| value.status == ObservationStatus::Official;
    let status = if has(ObservationStatus::Simulated) {
        ObservationStatus::Simulated
    } else if let Some(lesser) = lesser.into_iter().find(|status| has_measured(*status)) {
        lesser
    } else if !values.is_empty() && values.iter().all(is_official) {
        ObservationStatus::Official
    } else {
        ObservationStatus::Automatic
    };
    Value { number: f64::NAN, status }
}

impl From<&Point> for Value {
    fn from(point: &Point) -> Self {
        Self { number: point.value, status: point.status }
    }
}

/// The same time so much earlier on the calendar of the centre; the last day of a month that is shorter.
pub(super) fn earlier(plan: &Plan, before: Before, period: Period, time: Timestamp) -> Option<Timestamp> {
    let span = match before {
        Before::Period => match period {
            Period::Continuous | Period::Hour => return Some(time.plus_micros(-3_600 * SECOND)),
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            Period::Month => 1.month(),
            Period::Quarter => 3.months(),
            Period::Year => 1.year(),
        },
        Before::Day => 1.day(),
        Before::Week => 1.week(),
        Before::Month => 1.month(),
        Before::Quarter => 3.months(),
        Before::Year => 1.year(),
    };
    let moment = jiff::Timestamp::from_microsecond(time.as_micros()).ok()?.to_zoned_datetime(plan.zone.clone());
    Some(Timestamp(moment.checked_sub(span).ok()?.timestamp().as_microsecond()))
}
