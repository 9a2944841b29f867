//! The alarms that rules raise: their ids, their words, and which of the records are theirs.

use std::collections::BTreeMap;

use panels::number;
use protocol::alarm::AlarmState;
use protocol::observation::{Name, Period};
use protocol::{AgencyId, Alarm, Catalogue, Indicator, ObservationStatus, Records, SourceId, Timestamp};

use super::facts::Trace;
use super::rule::{Condition, Rule};
use super::sense::{Known, Subject, change};
use super::watch::Watch;
use super::wording;

/// The longest name of a subject that stands in an id as it is.
const MOST_SUBJECT: usize = 40;

/// What the ids of all alarms of a rule over one subject begin with; the moment it was raised follows.
pub fn key(rule: &Rule, subject: &Subject) -> String {
    let named = match (subject, &rule.condition) {
        (Subject::Series(series), Condition::Stale { .. }) => format!("{}@{}", series.indicator, series.area),
        (Subject::Series(series), _) => series.area.to_string(),
        (Subject::Source(source), _) => source.to_string(),
        (Subject::Task(task), _) => task.to_string(),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if named.len() <= MOST_SUBJECT && named.chars().all(is_plain) {
        return format!("{}:{named}", rule.id);
    }
    format!("{}:{}", rule.id, &blake3::hash(named.as_bytes()).to_hex()[..16])
}

/// What the records tell of alarms of `source`, by their keys.
pub fn restored(records: &Records, source: &SourceId, now: Timestamp) -> BTreeMap<String, Watch> {
    let mut by_key: BTreeMap<String, (Option<Alarm>, Vec<Timestamp>)> = BTreeMap::new();
    let own = records.alarms.values().map(|held| &*held.value).filter(|alarm| alarm.source == *source);
    for alarm in own {
        let key = alarm.id.as_str().rsplit_once(':').map_or(alarm.id.as_str(), |(key, _)| key);
        let (active, gone) = by_key.entry(key.to_owned()).or_default();
        match alarm.state {
            AlarmState::Cleared { at } => gone.push(at),
            // What people did about it is kept by the records.
            _ => *active = Some(Alarm { state: AlarmState::Raised, ..alarm.clone() }),
        }
    }
    by_key.into_iter().map(|(key, (active, gone))| (key, Watch::restored(active, gone, now))).collect()
}

/// The alarm that a rule raises over a subject.
pub fn alarm(rule: &Rule, subject: &Subject, at: Timestamp, known: Known<'_>) -> Alarm {
    let told = Told::of(rule, subject, known);
    let text = wording::filled(&rule.text, |place, language| told.fill(place, language, at));
    let series = match subject {
        Subject::Series(series) => Some(series.clone()),
        Subject::Source(_) | Subject::Task(_) => None,
    };
    Alarm {
        id: format!("{}:{}", key(rule, subject), at.as_micros()).into(),
        severity: rule.severity,
        rule: Some(rule.id.clone()),
        text,
        area: series.as_ref().map(|series| series.area.clone()),
        series,
        agency: told.agency.clone(),
        raised_at: at,
        state: AlarmState::Raised,
        chatter: 0,
        // Both are filled in when it is reported.
        source: "".into(),
        received_at: Timestamp(0),
        status: told.status(),
    }
}

/// What the words of an alarm may tell.
struct Told<'a> {
    rule: &'a Rule,
    subject: &'a Subject,
    known: Known<'a>,
    agency: Option<AgencyId>,
    /// The figures it is raised over.
    figures: Option<(&'a Indicator, &'a Trace)>,
}

impl<'a> Told<'a> {
    fn of(rule: &'a Rule, subject: &'a Subject, known: Known<'a>) -> Self {
        let mut figures = None;
        let owner = match subject {
            Subject::Series(series) => {
                let indicator = known.catalogue.indicators.get(&series.indicator);
                figures = indicator.and_then(|indicator| Some((&**indicator, known.values.get(series)?)));
                indicator.map(|indicator| indicator.owner.clone())
            }
            Subject::Source(source) => known.catalogue.sources.get(source).and_then(|info| info.owner.clone()),
            Subject::Task(task) => known.records.tasks.get(task).map(|held| held.value.lead.clone()),
        };
        // A task of an agency that the catalogue does not have would take the alarm with it.
        let owner = owner.filter(|owner| known.catalogue.agencies.contains_key(owner));
        Self { rule, subject, known, agency: rule.agency.clone().or(owner), figures }
    }

    fn status(&self) -> ObservationStatus {
        match (self.figures, self.subject) {
            (Some((_, trace)), _) => trace.newest.status,
            (None, Subject::Task(task)) => {
                self.known.records.tasks.get(task).map_or(ObservationStatus::Automatic, |held| held.value.status)
            }
            _ => ObservationStatus::Automatic,
        }
    }

    /// What stands at a place.
    fn fill(&self, place: &str, language: &str, at: Timestamp) -> Option<String> {
        let Catalogue { areas, agencies, sources, .. } = self.known.catalogue;
        let said = |name: &Name| Some(name.in_language(language).to_owned());
        match (place, self.subject) {
            ("area", subject) => said(&areas.get(subject.area()?)?.name),
            ("agency", _) => {
                let agency = agencies.get(self.agency.as_ref()?)?;
                said(agency.short.as_ref().unwrap_or(&agency.name))
            }
            ("source", Subject::Source(source)) => said(&sources.get(source)?.name),
            (place, Subject::Task(task)) => {
                let task = &self.known.records.tasks.get(task)?.value;
                match place {
                    "task" => said(&task.content),
                    "deadline" => Some(number::day(task.deadline?)),
                    "days" => Some(number::number(f64::from(number::today(at).since(task.deadline?)), 0, language)),
                    _ => None,
                }
            }
            (place, _) => self.fill_figure(place, language),
        }
    }

    fn fill_figure(&self, place: &str, language: &str) -> Option<String> {
        let (indicator, trace) = self.figures?;
        let number = |value: f64| Some(number::number(value * indicator.display_scale, indicator.decimals, language));
        match (place, &self.rule.condition) {
            ("indicator", _) => Some(indicator.name.in_language(language).to_owned()),
            ("unit", _) => Some(indicator.unit.in_language(language).to_owned()),
            ("value", _) => number(trace.newest.value),
            ("limit", Condition::Threshold { limit, .. }) => number(*limit),
            ("change", Condition::Rate { side, within_micros, .. }) => number(change(trace, *side, *within_micros)),
            ("time", _) => Some(time_of(indicator, trace.newest.phenomenon_time)),
            _ => None,
        }
    }
}

/// When a value was true: to the minute only where it comes more often than daily.
fn time_of(indicator: &Indicator, at: Timestamp) -> String {
    match indicator.period {
        Period::Continuous | Period::Hour => format!("{} {}", number::time_of_day(at), number::date(at)),
        _ => number::date(at),
    }
}
