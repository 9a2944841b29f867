//! What is touched by what came in, and what it comes to.

use std::collections::BTreeSet;

use protocol::event::{ObservationRow, Row};
use protocol::{AreaId, IndicatorId, ObservationStatus, SeriesKey, Timestamp};

use super::memory::{Memory, Point};
use super::plan::{Computed, HOUR, Known, Plan, Rule};
use super::readings::{Value, combined, value_of};
use super::vn_aqi;

const MINUTE: i64 = HOUR / 60;
/// Times that lie no further apart are computed together.
const NEAR: i64 = 24 * HOUR;

/// A stretch of a computed series that may be another by now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    pub indicator: IndicatorId,
    pub area: AreaId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What was computed.
#[derive(Debug, Default)]
pub struct Computation {
    /// What is new or another than it was.
    pub rows: Vec<ObservationRow>,
    /// Why there is no value: where, and the reason.
    pub problems: Vec<(String, String)>,
    /// What can be computed only later, with when.
    pub later: Vec<(Timestamp, Touched)>,
    /// What was not looked at, because there was to be an end.
    pub left: Vec<Touched>,
}

/// How late a value may come, of what reaches so far back, without the history being read for it.
fn lateness(reach: i64) -> i64 {
    reach.clamp(MINUTE, HOUR)
}

impl Plan {
    /// What is computed from the series of a row, at all times that the row may count for.
    #[must_use]
    pub fn touched_by(&self, row: &Row<'_>) -> Vec<Touched> {
        let SeriesKey { indicator, area, scenario } = row.series;
        let mut touched = Vec::new();
        for (computed, known) in self.readers(indicator, *scenario) {
            let (from, to) = (row.phenomenon_time, row.phenomenon_time.plus_micros(known.reach_of(indicator)));
            for area in self.areas_reading(computed, known, area) {
                touched.push(Touched { indicator: computed.indicator.id.clone(), area, from, to });
            }
        }
        touched
    }

    fn areas_reading(&self, computed: &Computed, known: &Known, area: &AreaId) -> Vec<AreaId> {
        let one = match (&known.input.area, &known.input.below) {
            (Some(fixed), _) => return if fixed == area { self.areas(computed) } else { Vec::new() },
            (None, Some(_)) => self.catalogue.areas.get(area).and_then(|area| area.parent.clone()),
            (None, None) => Some(area.clone()),
        };
        one.into_iter().filter(|area| self.computes(computed, area)).collect()
    }

    /// All of an indicator since `from`, wherever it is computed.
    #[must_use]
    pub fn all_since(&self, indicator: &IndicatorId, from: Timestamp, now: Timestamp) -> Vec<Touched> {
        let Some(computed) = self.computed.get(indicator) else { return Vec::new() };
        let touched = |area| Touched { indicator: indicator.clone(), area, from, to: now.plus_micros(HOUR) };
        self.areas(computed).into_iter().map(touched).collect()
    }

    /// The series that must be held from a time on before `touched` is computed, and how long each is kept.
    #[must_use]
    pub fn needed(&self, touched: &Touched) -> Vec<(SeriesKey, Timestamp, i64)> {
        let Some(computed) = self.computed.get(&touched.indicator) else { return Vec::new() };
        let own = SeriesKey::actual(&touched.indicator, &touched.area);
        let from = vn_aqi::widened(computed, touched.from);
        let mut needed = Vec::new();
        let mut longest = MINUTE;
        for known in &computed.inputs {
            for series in self.series_of(known, &touched.area) {
                let reach = known.reach_of(&series.indicator);
                let late = lateness(reach);
                longest = longest.max(late);
                needed.push((series, touched.from.plus_micros(-reach), reach.saturating_add(late)));
            }
        }
        needed.push((own, from, touched.from.since(from).saturating_add(longest)));
        needed
    }

    /// The series that an input of `area` is read from, its weights among them.
    pub(super) fn series_of(&self, known: &Known, area: &AreaId) -> Vec<SeriesKey> {
        let input = &known.input;
        let of = |area: &AreaId| SeriesKey {
            indicator: input.indicator.clone(),
            area: area.clone(),
            scenario: input.scenario,
        };
        let Some(below) = &input.below else { return vec![of(input.area.as_ref().unwrap_or(area))] };
        let children = || self.catalogue.children(area).map(|child| &child.id);
        let weights = below.weight.iter().flat_map(|weight| children().map(|area| SeriesKey::actual(weight, area)));
        children().map(of).chain(weights).collect()
    }

    /// Computes what was touched, as far as it is another than what is held, until it `is_over`.
    #[must_use]
    pub fn compute(
        &self,
        touched: &[Touched],
        memory: &Memory,
        now: Timestamp,
        is_over: impl Fn() -> bool,
    ) -> Computation {
        let mut computation = Computation::default();
        let mut parts = touched.iter();
        while let Some(touched) = parts.next() {
            if is_over() {
                computation.left = std::iter::once(touched).chain(parts).cloned().collect();
                break;
            }
            let Some(computed) = self.computed.get(&touched.indicator) else { continue };
            match computed.rule {
                Rule::VnAqi => self.compute_aqi(computed, touched, memory, now, &mut computation),
                Rule::Only | Rule::Formula(_) => self.compute_times(computed, touched, memory, &mut computation),
            }
        }
        computation
    }

    fn compute_times(&self, computed: &Computed, touched: &Touched, memory: &Memory, into: &mut Computation) {
        let driven = self.times(computed, touched, memory);
        let own = SeriesKey::actual(&touched.indicator, &touched.area);
        let held = memory.between(&own, touched.from, touched.to).iter().map(|point| point.time);
        let times: BTreeSet<Timestamp> = driven.iter().copied().chain(held).collect();
        for time in times {
            let value = driven.contains(&time).then(|| self.value_at(computed, &touched.area, time, memory));
            let value = value.transpose().unwrap_or_else(|reason| {
                into.problems.push((place(&own), reason));
                None
            });
            into.put(&own, time, value.flatten(), memory);
        }
    }

    /// The times at which there is a value, if its inputs have one.
    fn times(&self, computed: &Computed, touched: &Touched, memory: &Memory) -> BTreeSet<Timestamp> {
        let drivers = computed.inputs.iter().filter(|known| known.drives);
        let series = drivers.flat_map(|known| {
            let mut series = self.series_of(known, &touched.area);
            series.retain(|series| series.indicator == known.input.indicator);
            series
        });
        let points = series.flat_map(|series| {
            memory.between(&series, touched.from, touched.to).iter().map(|point| point.time).collect::<Vec<_>>()
        });
        points.collect()
    }

    /// `None` where an input has no value.
    fn value_at(
        &self,
        computed: &Computed,
        area: &AreaId,
        time: Timestamp,
        memory: &Memory,
    ) -> Result<Option<Value>, String> {
        let mut numbers = Vec::with_capacity(computed.inputs.len());
        let mut values = Vec::with_capacity(computed.inputs.len());
        for known in &computed.inputs {
            let value = value_of(self, known, area, time, memory);
            if value.is_none() && !known.input.optional {
                return Ok(None);
            }
            numbers.push((known.name.as_str(), value.map(|value| value.number)));
            values.extend(value.map(|value| (known.input.scenario, value)));
        }
        let number = match &computed.rule {
            Rule::Formula(formula) => formula.compute(&numbers).map_err(|error| error.to_string())?,
            Rule::Only | Rule::VnAqi => match numbers.first() {
                Some((_, Some(number))) => *number,
                _ => return Ok(None),
            },
        };
        Ok(Some(Value { number, ..combined(&values) }))
    }
}

impl Computation {
    /// Notes a value, or that there is none, if that is another than what is held.
    pub(super) fn put(&mut self, series: &SeriesKey, time: Timestamp, value: Option<Value>, memory: &Memory) {
        let held = memory.between(series, time, time).first();
        let next = match (held, value) {
            (None, None) => return,
            (Some(Point { value, .. }), None) => (*value, ObservationStatus::Fault),
            (_, Some(Value { number, status })) => (number, status),
        };
        let is_held = held.is_some_and(|held| held.value.to_bits() == next.0.to_bits() && held.status == next.1);
        if is_held {
            return;
        }
        let (value, status) = next;
        self.rows.push(ObservationRow { series: series.clone(), value, phenomenon_time: time, status });
    }
}

/// How a series is named to administrators.
pub(super) fn place(series: &SeriesKey) -> String {
    format!("{} in {}", series.indicator, series.area)
}

impl Touched {
    /// Puts stretches of the same series together that overlap or lie near each other.
    #[must_use]
    pub fn merged(mut touched: Vec<Self>) -> Vec<Self> {
        touched.sort_unstable();
        let mut merged: Vec<Self> = Vec::with_capacity(touched.len());
        for next in touched {
            match merged.last_mut() {
                Some(last)
                    if (&last.indicator, &last.area) == (&next.indicator, &next.area)
                        && next.from.since(last.to) <= NEAR =>
                {
                    last.to = last.to.max(next.to);
                }
                _ => merged.push(next),
            }
        }
        merged
    }
}
