//! Which indicators are computed from which, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;
use protocol::derivation::{Before, Fold, Input, Method};
use protocol::observation::Period;
use protocol::{AreaId, Catalogue, Derivation, Indicator, IndicatorId, Scenario, SeriesKey};

use super::aqi::Pollutant;
use super::formula::Formula;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const HOUR: i64 = 3_600 * SECOND;
/// In microseconds.
pub const DAY: i64 = 24 * HOUR;
/// How old a plan may be: it is of a year.
const PLAN_WITHIN: i64 = 366 * DAY;
/// How old a weight may be: how many people live somewhere is counted once a year.
pub(super) const WEIGHT_WITHIN: i64 = 366 * DAY;

/// How many values of a series are held at most.
const MOST_HELD: i64 = 50_000;

/// The names that VN_AQI knows its inputs by.
pub(super) const POLLUTANTS: [(&str, Pollutant); 6] = [
    ("pm10", Pollutant::Pm10),
    ("pm25", Pollutant::Pm25),
    ("o3", Pollutant::O3),
    ("co", Pollutant::Co),
    ("so2", Pollutant::So2),
    ("no2", Pollutant::No2),
];

/// All that is computed in a centre, ready to be computed.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) zone: TimeZone,
    pub(super) computed: BTreeMap<IndicatorId, Computed>,
    /// Who is computed from a series, and by which of its inputs.
    readers: HashMap<(IndicatorId, Scenario), Vec<(IndicatorId, usize)>>,
}

/// An indicator that is computed.
#[derive(Debug, Clone)]
pub(super) struct Computed {
    pub indicator: Arc<Indicator>,
    pub derivation: Arc<Derivation>,
    pub rule: Rule,
    pub inputs: Vec<Known>,
}

/// How the value follows from the inputs.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// It is the only input.
    Only,
    Formula(Formula),
    VnAqi,
}

/// An input whose indicator is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub name: String,
    pub input: Input,
    pub indicator: Arc<Indicator>,
    /// How old it may be, in microseconds.
    pub within: i64,
    /// How far before the computed time its values may lie, in microseconds.
    pub reach: i64,
    /// Whether there is a computed value for each of its times.
    pub drives: bool,
}

impl Known {
    /// How far before the computed time values of `indicator` may lie: of the input itself, or of its weight.
    pub fn reach_of(&self, indicator: &IndicatorId) -> i64 {
        if *indicator == self.input.indicator { self.reach } else { self.reach.max(WEIGHT_WITHIN) }
    }
}

/// What is wrong with how an indicator is computed, at a path below `derive`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanFinding {
    pub indicator: IndicatorId,
    pub path: Vec<String>,
    pub message: String,
}

impl Plan {
    /// Of all that can be computed; what cannot is left out and told.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, zone: TimeZone) -> (Self, Vec<PlanFinding>) {
        let mut findings = Vec::new();
        let mut computed = BTreeMap::new();
        for (id, indicator) in &catalogue.indicators {
            let Some(derivation) = &indicator.derive else { continue };
            let mut found = Findings { indicator: id, found: Vec::new() };
            let compiled = found.compile(&catalogue, indicator, derivation);
            match compiled {
                Some(compiled) if found.found.is_empty() => drop(computed.insert(id.clone(), compiled)),
                _ => findings.append(&mut found.found),
            }
        }
        for (id, message) in circles(&catalogue) {
            computed.remove(&id);
            findings.push(PlanFinding { indicator: id, path: vec!["inputs".to_owned()], message });
        }
        let mut readers: HashMap<_, Vec<_>> = HashMap::new();
        for (id, Computed { inputs, .. }) in &computed {
            for (place, Known { input, .. }) in inputs.iter().enumerate() {
                let weight = input.below.as_ref().and_then(|below| below.weight.as_ref());
                let weight = weight.map(|weight| (weight.clone(), Scenario::Actual));
                for read in [(input.indicator.clone(), input.scenario)].into_iter().chain(weight) {
                    readers.entry(read).or_default().push((id.clone(), place));
                }
            }
        }
        (Self { catalogue, zone, computed, readers }, findings)
    }

    /// Of one indicator, for who asks how its values came about; nothing follows from it.
    #[must_use]
    pub fn only(catalogue: Arc<Catalogue>, zone: TimeZone, id: &IndicatorId) -> Self {
        let computed = catalogue.indicators.get(id).and_then(|indicator| {
            let mut found = Findings { indicator: id, found: Vec::new() };
            let computed = found.compile(&catalogue, indicator, indicator.derive.as_ref()?);
            computed.filter(|_| found.found.is_empty()).map(|computed| (id.clone(), computed))
        });
        Self { catalogue, zone, computed: computed.into_iter().collect(), readers: HashMap::new() }
    }

    /// Whether a series is computed, or something from it.
    #[must_use]
    pub fn knows(&self, series: &SeriesKey) -> bool {
        let SeriesKey { indicator, scenario, .. } = series;
        self.readers.contains_key(&(indicator.clone(), *scenario))
            || (*scenario == Scenario::Actual && self.computed.contains_key(indicator))
    }

    /// An indicator that is computed.
    #[must_use]
    pub fn indicator(&self, id: &IndicatorId) -> Option<&Indicator> {
        self.computed.get(id).map(|computed| &*computed.indicator)
    }

    /// How long values of an indicator may be waiting for their time to be over, in microseconds.
    #[must_use]
    pub fn longest_wait(&self, id: &IndicatorId) -> i64 {
        match self.computed.get(id) {
            Some(Computed { rule: Rule::VnAqi, indicator, .. }) if indicator.period == Period::Day => 2 * DAY,
            Some(Computed { rule: Rule::VnAqi, .. }) => 2 * HOUR,
            _ => 0,
        }
    }

    /// The indicators that are computed.
    pub fn computed(&self) -> impl Iterator<Item = &IndicatorId> {
        self.computed.keys()
    }

    /// What is computed from series of `indicator`, each with the place of its input.
    pub(super) fn readers(
        &self,
        indicator: &IndicatorId,
        scenario: Scenario,
    ) -> impl Iterator<Item = (&Computed, &Known)> {
        // The key is borrowed in pieces, which a map cannot look up.
        let readers = self.readers.get(&(indicator.clone(), scenario));
        readers.into_iter().flatten().filter_map(|(id, place)| {
            let computed = self.computed.get(id)?;
            Some((computed, computed.inputs.get(*place)?))
        })
    }

    /// Where `computed` has values.
    pub(super) fn areas(&self, computed: &Computed) -> Vec<AreaId> {
        match &computed.derivation.areas {
            Some(areas) => areas.clone(),
            None => self.catalogue.areas.keys().filter(|area| self.computes(computed, area)).cloned().collect(),
        }
    }

    pub(super) fn computes(&self, computed: &Computed, area: &AreaId) -> bool {
        computed.derivation.computes(&computed.indicator.id, area, &self.catalogue)
    }

    /// Says how `indicator` is computed, with all of the catalogue that counts for it: another text means that its
    /// values have to be computed anew.
    #[must_use]
    pub fn fingerprint(&self, indicator: &IndicatorId) -> Option<String> {
        let computed = self.computed.get(indicator)?;
        let inputs = computed.inputs.iter().map(|known| {
            let Indicator { expected_interval_secs, grace_secs, period, .. } = &*known.indicator;
            (expected_interval_secs, grace_secs, period)
        });
        let rolls_up = computed.inputs.iter().any(|known| known.input.below.is_some());
        let areas = rolls_up.then_some(&self.catalogue.areas);
        let said = (&*computed.derivation, computed.indicator.period, inputs.collect::<Vec<_>>(), areas);
        let text = serde_json::to_vec(&said).unwrap_or_default();
        Some(blake3::hash(&text).to_hex().to_string())
    }
}

struct Findings<'a> {
    indicator: &'a IndicatorId,
    found: Vec<PlanFinding>,
}

impl Findings<'_> {
    fn report(&mut self, path: &[&str], message: String) {
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        self.found.push(PlanFinding { indicator: self.indicator.clone(), path, message });
    }

    fn compile(
        &mut self,
        catalogue: &Catalogue,
        indicator: &Arc<Indicator>,
        derivation: &Arc<Derivation>,
    ) -> Option<Computed> {
        for area in derivation.areas.iter().flatten().filter(|area| !catalogue.areas.contains_key(*area)) {
            let near = crate::config::suggestion(area.as_str(), catalogue.areas.keys().map(|id| id.as_str()));
            self.report(&["areas"], format!("area '{area}' is not in areas.toml{near}"));
        }
        let inputs: Vec<_> =
            derivation.inputs.iter().filter_map(|(name, input)| self.known(catalogue, name, input)).collect();
        let rule = self.rule(indicator, derivation)?;
        let mut inputs = if inputs.len() == derivation.inputs.len() { inputs } else { return None };
        if matches!(rule, Rule::VnAqi) {
            let reach = if indicator.period == Period::Day { 31 * HOUR } else { 12 * HOUR };
            inputs.iter_mut().for_each(|known| known.reach = reach);
        }
        if inputs.iter().all(|known| !known.drives) {
            inputs.iter_mut().for_each(|known| known.drives = true);
        }
        Some(Computed { indicator: Arc::clone(indicator), derivation: Arc::clone(derivation), rule, inputs })
    }

    fn rule(&mut self, indicator: &Indicator, derivation: &Derivation) -> Option<Rule> {
        let names: BTreeSet<&str> = derivation.inputs.keys().map(String::as_str).collect();
        let optional = derivation.inputs.iter().filter(|(_, input)| input.optional).map(|(name, _)| name.as_str());
        match (&derivation.formula, derivation.method) {
            (Some(_), Some(_)) => {
                self.report(&["method"], "there is a formula and a method; leave one of them out".to_owned());
                None
            }
            (Some(text), None) => match Formula::compile(text, &names, &optional.collect()) {
                Ok(formula) => Some(Rule::Formula(formula)),
                Err(reason) => {
                    self.report(&["formula"], format!("the formula '{text}': {reason}"));
                    None
                }
            },
            (None, Some(Method::VnAqi)) => {
                self.check_pollutants(indicator, derivation);
                Some(Rule::VnAqi)
            }
            (None, None) if names.len() == 1 => Some(Rule::Only),
            (None, None) => {
                let message = "a formula says how the value follows from the inputs; without one there is one input, whose value it is";
                self.report(&["inputs"], message.to_owned());
                None
            }
        }
    }

    fn check_pollutants(&mut self, indicator: &Indicator, derivation: &Derivation) {
        let known = POLLUTANTS.map(|(name, _)| name);
        for (name, input) in &derivation.inputs {
            if !known.contains(&name.as_str()) {
                let near = crate::config::suggestion(name, known);
                self.report(&["inputs", name], format!("'{name}' is no pollutant of VN_AQI{near}"));
            }
            if input.below.is_some() || input.over.is_some() || input.before.is_some() {
                let message = "VN_AQI takes its own means of its inputs; leave 'below', 'over' and 'before' out";
                self.report(&["inputs", name], message.to_owned());
            }
        }
        if !["pm10", "pm25"].iter().any(|name| derivation.inputs.contains_key(*name)) {
            self.report(&["inputs"], "VN_AQI needs 'pm10' or 'pm25'".to_owned());
        }
        if !matches!(indicator.period, Period::Hour | Period::Day) {
            self.report(&["method"], "VN_AQI is of an hour or a day; set period = \"hour\" or \"day\"".to_owned());
        }
    }

    fn known(&mut self, catalogue: &Catalogue, name: &str, input: &Input) -> Option<Known> {
        let place = ["inputs", name];
        let is_name = name
            .chars()
            .enumerate()
            .all(|(at, c)| c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit()));
        if !is_name || name.is_empty() || matches!(name, "null" | "true" | "false" | "in") {
            self.report(&place, format!("'{name}' is no name for an input; write letters, digits and '_'"));
        }
        let weight = input.below.as_ref().and_then(|below| below.weight.as_ref());
        for id in [Some(&input.indicator), weight].into_iter().flatten() {
            if !catalogue.indicators.contains_key(id) {
                let near = crate::config::suggestion(id.as_str(), catalogue.indicators.keys().map(|id| id.as_str()));
                self.report(&place, format!("indicator '{id}' is not in indicators.toml{near}"));
            }
        }
        if let Some(area) = input.area.as_ref().filter(|area| !catalogue.areas.contains_key(*area)) {
            let near = crate::config::suggestion(area.as_str(), catalogue.areas.keys().map(|id| id.as_str()));
            self.report(&place, format!("area '{area}' is not in areas.toml{near}"));
        }
        for message in input_problems(input) {
            self.report(&place, message.to_owned());
        }
        let indicator = Arc::clone(catalogue.indicators.get(&input.indicator)?);
        let within = within(input, &indicator);
        let over = input.over.map_or(0, |over| micros(over.secs));
        let before = input.before.map_or(0, |before| longest(before, indicator.period));
        let reach = within.max(over).saturating_add(before);
        let held = reach / micros(indicator.expected_interval_secs).max(1);
        if held > MOST_HELD {
            let message = format!(
                "reaching so far back would hold {held} values of each series; at most {MOST_HELD} are held: take an indicator of a longer period, or a shorter time"
            );
            self.report(&place, message);
        }
        let drives = input.before.is_none() && input.scenario == Scenario::Actual;
        Some(Known { name: name.to_owned(), input: input.clone(), indicator, within, reach, drives })
    }
}

fn input_problems(input: &Input) -> Vec<&'static str> {
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    let mut problems = Vec::new();
    if let Some(below) = &input.below {
        if !is_share(below.at_least) {
            problems.push("'at_least' of 'below' is a share from 0 to 1");
        }
        if below.weight.is_some() && below.fold != Fold::Mean {
            problems.push("only a mean is weighted; leave 'weight' out, or set fold = \"mean\"");
        }
        if input.area.is_some() {
            problems.push("'below' takes the areas below the one that is computed; leave 'area' out");
        }
    }
    if let Some(over) = input.over {
        if !is_share(over.at_least) {
            problems.push("'at_least' of 'over' is a share from 0 to 1");
        }
        if over.secs == 0 || over.secs > 366 * 86_400 {
            problems.push("'secs' of 'over' is between 1 and a year");
        }
    }
    if input.scale.is_some_and(|scale| !scale.is_finite() || scale == 0.0) {
        problems.push("'scale' is a number other than 0");
    }
    problems
}

pub(super) fn micros(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(SECOND).min(100 * PLAN_WITHIN)
}

fn within(input: &Input, indicator: &Indicator) -> i64 {
    let usual = match input.scenario {
        Scenario::Actual => micros(indicator.expected_interval_secs.saturating_add(indicator.grace_secs)),
        Scenario::Plan | Scenario::Expected | Scenario::SamePeriod => PLAN_WITHIN,
    };
    input.within_secs.map_or(usual, micros)
}

/// The longest that `before` may be.
fn longest(before: Before, period: Period) -> i64 {
    match before {
        Before::Period => match period {
            Period::Continuous | Period::Hour => HOUR,
            Period::Day => DAY,
            Period::Week => 7 * DAY,
            Period::Month => 31 * DAY,
            Period::Quarter => 92 * DAY,
            Period::Year => 366 * DAY,
        },
        Before::Day => DAY,
        Before::Week => 7 * DAY,
        Before::Month => 31 * DAY,
        Before::Quarter => 92 * DAY,
        Before::Year => 366 * DAY,
    }
}

/// The indicators that would be computed from themselves, each with the way round.
fn circles(catalogue: &Catalogue) -> Vec<(IndicatorId, String)> {
    let inputs = |id: &IndicatorId| -> Vec<IndicatorId> {
        let derivation = catalogue.indicators.get(id).and_then(|indicator| indicator.derive.as_ref());
        let inputs = derivation.map(|derivation| derivation.inputs.values()).into_iter().flatten();
        let weight = |input: &Input| input.below.as_ref().and_then(|below| below.weight.clone());
        // Of the areas below it is another number of the same indicator.
        let own = |input: &Input| (input.indicator != *id || input.below.is_none()).then(|| input.indicator.clone());
        inputs.flat_map(|input| [own(input), weight(input)]).flatten().collect()
    };
    let mut circles = Vec::new();
    for id in catalogue.indicators.keys() {
        let mut ways: Vec<Vec<IndicatorId>> = vec![vec![id.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let Some(last) = way.last() else { continue };
            for next in inputs(last) {
                if next == *id {
                    let names = way.iter().chain([id]).map(|id| format!("'{id}'")).collect::<Vec<_>>();
                    let message = format!("it would be computed from itself: {}", names.join(" from "));
                    circles.push((id.clone(), message));
                    ways.clear();
                    break;
                }
                if seen.insert(next.clone()) {
                    ways.push(way.iter().cloned().chain([next]).collect());
                }
            }
        }
    }
    circles
}
