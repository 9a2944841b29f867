//! What may be said of made-up records.

use std::collections::BTreeSet;

use jiff::civil::Time;
use protocol::alarm::AlarmSeverity;
use protocol::observation::Name;
use protocol::task::{TaskOrigin, Urgency};
use protocol::{AgencyId, AreaId, IndicatorId, LayoutId, SeriesKey};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::config::Options;

/// Most that may be made up of a kind.
const MOST: usize = 200;

/// `[source.options]` of a source of made-up records.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsOptions {
    /// The same seed gives the same records.
    pub seed: u64,
    /// Time between two looks at the clock.
    #[serde(default = "default_interval")]
    pub interval_secs: u64,
    #[serde(default)]
    pub tasks: Vec<TaskOptions>,
    #[serde(default)]
    pub alarms: Vec<AlarmOptions>,
    #[serde(default)]
    pub sessions: Vec<SessionOptions>,
}

fn default_interval() -> u64 {
    5
}

/// A task that is given again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskOptions {
    pub id: String,
    pub content: Name,
    pub given_by: AgencyId,
    pub lead: AgencyId,
    #[serde(default)]
    pub with: Vec<AgencyId>,
    pub origin: TaskOrigin,
    #[serde(default)]
    pub urgency: Urgency,
    #[serde(default)]
    pub sector: Option<Name>,
    /// What stands behind the number of the document: `UBND-TH`.
    #[serde(default)]
    pub notation: Option<String>,
    #[serde(default)]
    pub summary: Option<Name>,
    /// From one time that it is given to the next.
    pub every_days: u16,
    /// From the day that it is given to its deadline; no deadline if absent.
    #[serde(default)]
    pub term_days: Option<u16>,
    /// How long it takes, about.
    pub takes_days: u16,
    /// How much later the deadline becomes when it is not done by then.
    #[serde(default)]
    pub extended_days: u16,
    #[serde(default)]
    pub extension_reason: Option<Name>,
    #[serde(default)]
    pub lateness_reason: Option<Name>,
    #[serde(default)]
    pub outcome: Outcome,
}

/// What becomes of a task after the time that it takes. What does not end it is got over in as much time again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Done,
    Declined,
    ConfirmationDeclined,
    Suspended,
    Withdrawn,
}

/// An alarm that is raised again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmOptions {
    pub id: String,
    pub severity: AlarmSeverity,
    pub text: Name,
    #[serde(default)]
    pub series: Option<SeriesKey>,
    #[serde(default)]
    pub area: Option<AreaId>,
    #[serde(default)]
    pub agency: Option<AgencyId>,
    pub every_minutes: u32,
    /// About.
    pub lasts_minutes: u32,
    /// Nobody sees to it if absent.
    #[serde(default)]
    pub acknowledged: Option<Acknowledged>,
    #[serde(default)]
    pub shelved: Option<Shelved>,
}

/// Someone sees to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    pub after_minutes: u32,
    pub by: String,
    #[serde(default)]
    pub comment: Option<String>,
}

/// Someone puts it aside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shelved {
    pub after_minutes: u32,
    pub for_minutes: u32,
    pub by: String,
    #[serde(default)]
    pub comment: Option<String>,
}

/// A session of every day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionOptions {
    pub id: String,
    pub title: Name,
    #[serde(default)]
    pub place: Option<Name>,
    pub chair: Name,
    /// `08:00`, where the centre is.
    #[serde(deserialize_with = "time_of_day")]
    pub starts: Time,
    pub items: Vec<ItemOptions>,
}

fn time_of_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(format!("'{text}' is no time of day; write it like '08:00'")))
}

/// One thing to talk about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemOptions {
    pub title: Name,
    pub presenter: Name,
    #[serde(default)]
    pub agency: Option<AgencyId>,
    pub minutes: u16,
    #[serde(default)]
    pub layout: Option<LayoutId>,
    #[serde(default)]
    pub indicators: Vec<IndicatorId>,
}

impl RecordsOptions {
    /// Reports names that are not configured and numbers out of range.
    pub fn check(&self, options: &mut Options<'_>) {
        check_range(options, &["interval_secs"], self.interval_secs, 1..=3600);
        let kinds = [("tasks", self.tasks.len()), ("alarms", self.alarms.len()), ("sessions", self.sessions.len())];
        for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > MOST) {
            options.report(&[kind], &format!("there are {count} {kind}; at most {MOST} are made up"));
        }
        let mut ids = BTreeSet::new();
        for (index, task) in self.tasks.iter().enumerate() {
            task.check(options, &format!("tasks[{index}]"), &mut ids);
        }
        for (index, alarm) in self.alarms.iter().enumerate() {
            alarm.check(options, &format!("alarms[{index}]"), &mut ids);
        }
        for (index, session) in self.sessions.iter().enumerate() {
            session.check(options, &format!("sessions[{index}]"), &mut ids);
        }
    }
}

impl TaskOptions {
    fn check<'o>(&'o self, options: &mut Options<'_>, place: &str, ids: &mut BTreeSet<&'o str>) {
        check_id(options, place, &self.id, ids);
        options.check_agency(&[place, "given_by"], &self.given_by);
        options.check_agency(&[place, "lead"], &self.lead);
        self.with.iter().for_each(|agency| options.check_agency(&[place, "with"], agency));
        check_range(options, &[place, "every_days"], self.every_days.into(), 1..=400);
        check_range(options, &[place, "takes_days"], self.takes_days.into(), 1..=400);
        check_range(options, &[place, "term_days"], self.term_days.unwrap_or(1).into(), 1..=400);
        check_range(options, &[place, "extended_days"], self.extended_days.into(), 0..=400);
    }
}

impl AlarmOptions {
    fn check<'o>(&'o self, options: &mut Options<'_>, place: &str, ids: &mut BTreeSet<&'o str>) {
        check_id(options, place, &self.id, ids);
        if let Some(series) = &self.series {
            options.check_indicator(&[place, "series"], &series.indicator);
            options.check_area(&[place, "series"], &series.area);
        }
        self.area.iter().for_each(|area| options.check_area(&[place, "area"], area));
        self.agency.iter().for_each(|agency| options.check_agency(&[place, "agency"], agency));
        // Any more often would be a nuisance, and fill the log.
        check_range(options, &[place, "every_minutes"], self.every_minutes.into(), 10..=100_000);
        check_range(options, &[place, "lasts_minutes"], self.lasts_minutes.into(), 1..=self.every_minutes.into());
    }
}

impl SessionOptions {
    fn check<'o>(&'o self, options: &mut Options<'_>, place: &str, ids: &mut BTreeSet<&'o str>) {
        check_id(options, place, &self.id, ids);
        check_range(options, &[place, "items"], self.items.len() as u64, 1..=50);
        for (index, item) in self.items.iter().enumerate() {
            let item_place = format!("items[{index}]");
            let at = |key| [place, &item_place, key];
            check_range(options, &at("minutes"), item.minutes.into(), 1..=600);
            item.agency.iter().for_each(|agency| options.check_agency(&at("agency"), agency));
            item.indicators.iter().for_each(|indicator| options.check_indicator(&at("indicators"), indicator));
            item.layout.iter().for_each(|layout| options.check_layout(&at("layout"), layout));
        }
    }
}

fn check_id<'o>(options: &mut Options<'_>, place: &str, id: &'o str, ids: &mut BTreeSet<&'o str>) {
    let is_formed = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if id.is_empty() || id.len() > 60 || !is_formed {
        options.report(&[place, "id"], &format!("id '{id}': 1 to 60 letters without marks, digits, '.', '_' and '-'"));
    } else if !ids.insert(id) {
        options.report(&[place, "id"], &format!("a second one is called '{id}'; give it another id"));
    }
}

fn check_range(options: &mut Options<'_>, path: &[&str], value: u64, range: std::ops::RangeInclusive<u64>) {
    if !range.contains(&value) {
        let key = path.last().copied().unwrap_or_default();
        options.report(path, &format!("{key} is {value}; it is {} to {}", range.start(), range.end()));
    }
}
