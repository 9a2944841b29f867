//! `[[rule]]` of alarms.toml.

use protocol::alarm::AlarmSeverity;
use protocol::observation::Name;
use protocol::task::Urgency;
use protocol::{AgencyId, AreaId, IndicatorId, RuleId, SourceId};
use serde::Deserialize;

use super::facts::MOST_BACK;
use super::rule::{Condition, Rule, Side, Values};
use super::wording::{self, Part};
use crate::config::{Options, suggestion};

/// The longest name of a rule: it stands in the ids of its alarms.
const MOST_ID: usize = 40;
/// The longest delay and the longest look back.
const MOST_SECS: u64 = 7 * 86_400;
/// The longest text, in characters.
const MOST_TEXT: usize = 300;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOptions {
    id: RuleId,
    severity: AlarmSeverity,
    text: Name,
    #[serde(default)]
    agency: Option<AgencyId>,
    #[serde(default)]
    threshold: Option<Threshold>,
    #[serde(default)]
    rate: Option<Rate>,
    #[serde(default)]
    stale: Option<Stale>,
    #[serde(default)]
    source_down: Option<SourceDown>,
    #[serde(default)]
    task_overdue: Option<TaskOverdue>,
}

/// The newest value lies beyond a limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Threshold {
    indicator: IndicatorId,
    #[serde(default)]
    areas: Vec<AreaId>,
    /// As the source gives the values, before `display_scale`.
    #[serde(default)]
    above: Option<f64>,
    #[serde(default)]
    below: Option<f64>,
    /// The alarm is over at this value or on its better side; the limit itself if absent.
    #[serde(default)]
    clear: Option<f64>,
    #[serde(default)]
    for_secs: u64,
}

/// The newest value differs by so much from one within some time before it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    indicator: IndicatorId,
    #[serde(default)]
    areas: Vec<AreaId>,
    #[serde(default)]
    rises_by: Option<f64>,
    #[serde(default)]
    falls_by: Option<f64>,
    within_secs: u64,
}

/// The newest value is older than its indicator allows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stale {
    #[serde(default)]
    indicator: Option<IndicatorId>,
    #[serde(default)]
    indicators: Vec<IndicatorId>,
    #[serde(default)]
    areas: Vec<AreaId>,
    #[serde(default)]
    for_secs: u64,
}

/// A source does not run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceDown {
    /// Any if absent.
    #[serde(default)]
    source: Option<SourceId>,
    #[serde(default)]
    for_secs: u64,
}

/// A task is late.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskOverdue {
    /// Only tasks that press at least so much.
    #[serde(default)]
    urgency: Urgency,
    /// Only tasks that this agency leads.
    #[serde(default)]
    agency: Option<AgencyId>,
    /// By so many days.
    #[serde(default = "one")]
    days: u32,
}

fn one() -> u32 {
    1
}

/// Reads a rule; what is wrong with it is reported.
pub fn read(options: &mut Options<'_>) -> Option<Rule> {
    let read = options.take::<RuleOptions>()?;
    let (id, severity, text, agency) = (read.id.clone(), read.severity, read.text.clone(), read.agency.clone());
    if id.as_str().len() > MOST_ID {
        options.report(&["id"], &format!("the id of a rule has at most {MOST_ID} characters"));
    }
    if let Some(agency) = &agency {
        options.check_agency(&["agency"], agency);
    }
    let (condition, for_secs) = read.condition(options)?;
    check_text(options, &text, &condition);
    Some(Rule { id, severity, text, agency, condition, delay_micros: micros(for_secs) })
}

impl RuleOptions {
    /// The one condition that it has, with how long it must hold.
    fn condition(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        let given = [
            self.threshold.is_some(),
            self.rate.is_some(),
            self.stale.is_some(),
            self.source_down.is_some(),
            self.task_overdue.is_some(),
        ];
        if given.into_iter().filter(|is_given| *is_given).count() != 1 {
            let message = "a rule has one condition: 'threshold', 'rate', 'stale', 'source_down' or 'task_overdue'";
            options.report(&[], message);
            return None;
        }
        let (threshold, rate) =
            (self.threshold.map(|read| read.check(options)), self.rate.map(|read| read.check(options)));
        let stale = self.stale.map(|read| read.check(options));
        let source_down = self.source_down.map(|read| read.check(options));
        let task_overdue = self.task_overdue.map(|read| read.check(options));
        threshold.or(rate).or(stale).or(source_down).or(task_overdue).flatten()
    }
}

impl Threshold {
    fn check(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        let values = values(options, "threshold", vec![self.indicator], self.areas);
        check_secs(options, &["threshold", "for_secs"], self.for_secs, 0);
        let (side, limit) = side(options, "threshold", ("above", self.above), ("below", self.below))?;
        let clear = self.clear.unwrap_or(limit);
        if !clear.is_finite() {
            options.report(&["threshold", "clear"], "'clear' is no finite number");
        }
        if side.beyond(clear, limit) > 0.0 {
            let message =
                format!("'clear' is {clear}, which would raise the alarm; it lies on the better side of {limit}");
            options.report(&["threshold", "clear"], &message);
        }
        Some((Condition::Threshold { values, side, limit, clear }, self.for_secs))
    }
}

impl Rate {
    fn check(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        let indicator = options.catalogue.indicators.get(&self.indicator).cloned();
        let values = values(options, "rate", vec![self.indicator], self.areas);
        check_secs(options, &["rate", "within_secs"], self.within_secs, 1);
        let most = indicator.map(|indicator| indicator.expected_interval_secs.saturating_mul(MOST_BACK as u64));
        if let Some(most) = most.filter(|most| self.within_secs > *most) {
            let message = format!(
                "within_secs is {}; more than {MOST_BACK} values are not looked back at, which is {most} s",
                self.within_secs
            );
            options.report(&["rate", "within_secs"], &message);
        }
        let (side, by) = side(options, "rate", ("rises_by", self.rises_by), ("falls_by", self.falls_by))?;
        if by <= 0.0 {
            options.report(&["rate"], "what it rises or falls by is a number above 0");
        }
        Some((Condition::Rate { values, side, by, within_micros: micros(self.within_secs) }, 0))
    }
}

impl Stale {
    fn check(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        if self.indicator.is_some() != self.indicators.is_empty() {
            options.report(&["stale"], "give either 'indicator' or 'indicators'");
            return None;
        }
        check_secs(options, &["stale", "for_secs"], self.for_secs, 0);
        let indicators = self.indicator.into_iter().chain(self.indicators).collect();
        Some((Condition::Stale { values: values(options, "stale", indicators, self.areas) }, self.for_secs))
    }
}

impl SourceDown {
    fn check(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        if let Some(source) = &self.source {
            options.check_source(&["source_down", "source"], source);
        }
        check_secs(options, &["source_down", "for_secs"], self.for_secs, 0);
        Some((Condition::SourceDown { source: self.source }, self.for_secs))
    }
}

impl TaskOverdue {
    fn check(self, options: &mut Options<'_>) -> Option<(Condition, u64)> {
        if let Some(agency) = &self.agency {
            options.check_agency(&["task_overdue", "agency"], agency);
        }
        if !(1..=3650).contains(&self.days) {
            let message = format!("days is {}; it is between 1 and 3650", self.days);
            options.report(&["task_overdue", "days"], &message);
        }
        Some((Condition::TaskOverdue { least_urgency: self.urgency, lead: self.agency, days: self.days }, 0))
    }
}

fn values(options: &mut Options<'_>, table: &str, indicators: Vec<IndicatorId>, areas: Vec<AreaId>) -> Values {
    let key = if indicators.len() == 1 { "indicator" } else { "indicators" };
    indicators.iter().for_each(|indicator| options.check_indicator(&[table, key], indicator));
    areas.iter().for_each(|area| options.check_area(&[table, "areas"], area));
    Values { indicators, areas }
}

/// The one of two numbers that is given.
fn side(
    options: &mut Options<'_>,
    table: &str,
    (above, over): (&str, Option<f64>),
    (below, under): (&str, Option<f64>),
) -> Option<(Side, f64)> {
    let (side, number) = match (over, under) {
        (Some(over), None) => (Side::Above, over),
        (None, Some(under)) => (Side::Below, under),
        _ => {
            options.report(&[table], &format!("give either '{above}' or '{below}'"));
            return None;
        }
    };
    if !number.is_finite() {
        options.report(&[table, if side == Side::Above { above } else { below }], "it is no finite number");
    }
    Some((side, number))
}

fn check_secs(options: &mut Options<'_>, path: &[&str], secs: u64, least: u64) {
    if !(least..=MOST_SECS).contains(&secs) {
        let key = path.last().copied().unwrap_or_default();
        options.report(path, &format!("{key} is {secs}; it is between {least} and {MOST_SECS}"));
    }
}

fn check_text(options: &mut Options<'_>, text: &Name, condition: &Condition) {
    let known = wording::places(condition);
    for text in std::iter::once(&text.vi).chain(&text.en) {
        if text.trim().is_empty() || text.chars().count() > MOST_TEXT {
            options.report(&["text"], &format!("the text has 1 to {MOST_TEXT} characters"));
        }
        match wording::parts(text) {
            Err(message) => options.report(&["text"], message),
            Ok(parts) => {
                for part in parts {
                    if let Part::Place(place) = part
                        && !known.contains(&place)
                    {
                        let near = suggestion(place, known.iter().copied());
                        options.report(&["text"], &format!("nothing can stand at {{{place}}}{near}"));
                    }
                }
            }
        }
    }
}

fn micros(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
