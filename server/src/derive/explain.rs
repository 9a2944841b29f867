//! What a computed value was computed from.

use protocol::observation::Period;
use protocol::{AreaId, IndicatorId, SeriesKey, Timestamp};

use super::plan::{Computed, HOUR, Known, Plan, Rule, micros};
use super::readings::{day_of, earlier};

/// Values that a computed one may have been computed from: all in `[from, to]`, or only the newest of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The name of the input.
    pub name: String,
    pub series: SeriesKey,
    pub from: Timestamp,
    pub to: Timestamp,
    pub newest_only: bool,
}

impl Plan {
    /// What the value of `indicator` in `area` at `time` is computed from; nothing for what is not computed.
    #[must_use]
    pub fn used(&self, indicator: &IndicatorId, area: &AreaId, time: Timestamp) -> Vec<Used> {
        let computed = self.computed.get(indicator).filter(|computed| self.computes(computed, area));
        let Some(computed) = computed else { return Vec::new() };
        computed.inputs.iter().flat_map(|known| self.used_of(computed, known, area, time)).collect()
    }

    fn used_of(&self, computed: &Computed, known: &Known, area: &AreaId, time: Timestamp) -> Vec<Used> {
        let input = &known.input;
        let before = input.before.map_or(Some(time), |before| earlier(self, before, known.indicator.period, time));
        let Some(to) = before else { return Vec::new() };
        let hours = if computed.indicator.period == Period::Day { 24 } else { 12 };
        let (back, newest_only) = match (&computed.rule, input.over) {
            (Rule::VnAqi, _) => (hours * HOUR - 1, false),
            (_, Some(over)) => (micros(over.secs) - 1, false),
            (_, None) => (known.within, true),
        };
        let mut series = self.series_of(known, area);
        if input.below.is_some() {
            let day = day_of(self, to).unwrap_or_default();
            series.retain(|series| self.catalogue.areas.get(&series.area).is_some_and(|area| area.is_valid_on(&day)));
        }
        let used = |series| Used { name: known.name.clone(), series, from: to.plus_micros(-back), to, newest_only };
        series.into_iter().map(used).collect()
    }
}
