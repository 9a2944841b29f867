//! What is known of an indicator in one area at one moment, and how it is said.

use std::sync::Arc;

use protocol::observation::{Better, Freshness, Period};
use protocol::{
    AreaId, Indicator, IndicatorId, Observation, ObservationStatus, Scenario, SeriesKey, Timestamp, ViewState,
};

use crate::marks::Mark;
use crate::provenance::{Formula, Origin, Provenance};
use crate::theme::{self, Color};
use crate::{locale, number};

/// The parallel figures of one indicator in one area: those that the actual one may be compared with.
pub(crate) struct Facts<'a> {
    pub indicator: &'a Indicator,
    pub actual: Option<Origin>,
    /// Of the actual figure's year.
    pub plan: Option<Origin>,
    /// Of the actual figure's date.
    pub expected: Option<Origin>,
    /// Of the actual figure's date.
    pub same_period: Option<Origin>,
}

/// What a leader's eye should be drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Normal,
    /// Too old to be judged.
    Stale,
    /// Well behind where the plan expects it.
    BehindPlan,
    Warning,
    Critical,
}

/// Below this share of what the plan expects by now, an indicator counts as behind.
const BEHIND_PLAN_SHARE: f64 = 0.9;

impl Severity {
    /// The mark that is drawn with it.
    pub fn mark(self) -> Option<Mark> {
        match self {
            Self::Normal => None,
            Self::Stale => Some(Mark::Stale),
            Self::BehindPlan | Self::Warning => Some(Mark::Warning),
            Self::Critical => Some(Mark::Critical),
        }
    }
    /// Shapes and lines.
    pub fn color(self) -> Color {
        match self {
            Self::Normal => theme::DATA,
            Self::Stale => theme::STALE,
            Self::BehindPlan | Self::Warning => theme::WARNING,
            Self::Critical => theme::CRITICAL,
        }
    }
    /// Large filled shapes.
    pub fn fill(self) -> Color {
        match self {
            Self::Normal => theme::DATA_FILL,
            other => other.color(),
        }
    }
    /// Words and the plate under them.
    pub fn pill(self) -> (Color, Color) {
        match self {
            Self::Normal | Self::Stale => (theme::STALE_TEXT, theme::HAIRLINE),
            Self::BehindPlan | Self::Warning => (theme::WARNING_TEXT, theme::WARNING_PLATE),
            Self::Critical => (theme::CRITICAL_TEXT, theme::CRITICAL_PLATE),
        }
    }
    /// Whether it needs attention, rather than better data.
    pub fn is_abnormal(self) -> bool {
        self > Self::Stale
    }
}

/// How the figure moved against the same period.
pub(crate) struct Movement {
    /// `▲ 4,1 %`
    pub text: String,
    /// What the number counts, when the text does not say: `điểm %`.
    pub points: bool,
    pub provenance: Arc<Provenance>,
    /// Whether that is good news; `None` when it is neither.
    pub good: Option<bool>,
}

impl<'a> Facts<'a> {
    /// Of `indicator` in `area`; `None` while the catalogue is not there.
    pub fn of(view: &'a ViewState, indicator: &IndicatorId, area: &AreaId) -> Option<Self> {
        let known = view.arranged()?.catalogue.indicators.get(indicator)?;
        let series = |scenario| SeriesKey { indicator: indicator.clone(), area: area.clone(), scenario };
        let actual = view.latest(&series(Scenario::Actual)).map(|actual| Origin::from(&**actual));
        let beside = |scenario| compared(view, known, &series(scenario), actual.as_ref()?.phenomenon_time());
        let (plan, expected) = (beside(Scenario::Plan), beside(Scenario::Expected));
        let same_period = beside(Scenario::SamePeriod);
        Some(Self { indicator: known, actual, plan, expected, same_period })
    }

    pub fn severity(&self, now: Timestamp) -> Severity {
        let Some(actual) = &self.actual else { return Severity::Normal };
        let judged = judge_value(self.indicator, actual.value(), actual.phenomenon_time(), now);
        if judged != Severity::Normal || self.indicator.better != Better::Higher {
            return judged;
        }
        match &self.expected {
            Some(expected) if expected.value() > 0.0 && actual.value() < expected.value() * BEHIND_PLAN_SHARE => {
                Severity::BehindPlan
            }
            _ => Severity::Normal,
        }
    }

    pub fn movement(&self, language: &str) -> Option<Movement> {
        let (actual, before) = (self.actual.as_ref()?, self.same_period.as_ref()?);
        let points = is_percent(self.indicator);
        let formula = if points { Formula::Difference } else { Formula::ChangePercent };
        if !points && before.value() <= 0.0 {
            return None;
        }
        let (change, provenance) = Provenance::computed(formula, actual, before)?;
        let change = if points { change * self.indicator.display_scale } else { change };
        let rounded = (change * 10.0).round();
        let direction = if rounded > 0.0 {
            "▲ "
        } else if rounded < 0.0 {
            "▼ "
        } else {
            ""
        };
        let amount =
            if points { number::number(change.abs(), 1, language) } else { number::percent(change.abs(), 1, language) };
        let good = match self.indicator.better {
            Better::Neither => None,
            _ if rounded == 0.0 => None,
            Better::Higher => Some(rounded > 0.0),
            Better::Lower => Some(rounded < 0.0),
        };
        Some(Movement { text: format!("{direction}{amount}"), points, provenance, good })
    }

    /// The share of the plan that is reached, in per cent.
    pub fn plan_share(&self) -> Option<(f64, Arc<Provenance>)> {
        Self::share(self.actual.as_ref()?, self.plan.as_ref()?)
    }

    /// The share of the plan that should be reached by now, in per cent.
    pub fn expected_share(&self) -> Option<(f64, Arc<Provenance>)> {
        Self::share(self.expected.as_ref()?, self.plan.as_ref()?)
    }

    fn share(part: &Origin, whole: &Origin) -> Option<(f64, Arc<Provenance>)> {
        if whole.value() <= 0.0 {
            return None;
        }
        Provenance::computed(Formula::SharePercent, part, whole)
    }

    /// Whether any of the figures was made up.
    pub fn is_illustrative(&self) -> bool {
        let all = [&self.actual, &self.plan, &self.expected, &self.same_period];
        all.into_iter().flatten().any(|origin| origin.status() == ObservationStatus::Simulated)
    }
}

/// The newest figure of `series` that may stand beside an actual one of `at`: nothing rather than another date's.
fn compared(view: &ViewState, indicator: &Indicator, series: &SeriesKey, at: Timestamp) -> Option<Origin> {
    let fits = |time: Timestamp| match series.scenario {
        Scenario::Plan => number::local(time).year() == number::local(at).year(),
        _ => is_comparable(indicator, time, at),
    };
    let latest = view.latest(series).map(|latest| Origin::from(&**latest));
    let windows = view.windows().iter().filter(|window| window.spec.series == *series);
    let kept = windows.flat_map(|window| window.buckets.values()).filter(|bucket| fits(bucket.time));
    let newest = kept.max_by_key(|bucket| bucket.time).map(|bucket| Origin::of_bucket(series, bucket));
    latest.filter(|latest| fits(latest.phenomenon_time())).or(newest)
}

/// Whether a figure of `time` is of the same date as the actual one of `at`, and not of a later moment.
pub(crate) fn is_comparable(indicator: &Indicator, time: Timestamp, at: Timestamp) -> bool {
    let is_often = matches!(indicator.period, Period::Hour | Period::Continuous);
    time <= at
        && number::period_index(indicator.period, time) == number::period_index(indicator.period, at)
        && !(is_often && indicator.freshness(time, at) == Freshness::Stale)
}

/// Whether it is counted in per cent, so that its changes are in points.
pub(crate) fn is_percent(indicator: &Indicator) -> bool {
    indicator.unit.vi.trim_start().starts_with('%')
}

/// Its name with its unit, where it has one: `Mực nước sông Vệ (m)`.
pub(crate) fn name_with_unit(indicator: &Indicator, language: &str) -> String {
    let (name, unit) = (indicator.name.in_language(language), indicator.unit.in_language(language));
    if unit.trim().is_empty() { name.to_owned() } else { format!("{name} ({unit})") }
}

/// By thresholds and age alone.
pub(crate) fn judge(indicator: &Indicator, observation: &Observation, now: Timestamp) -> Severity {
    judge_value(indicator, observation.value, observation.phenomenon_time, now)
}

/// By thresholds and age alone.
pub(crate) fn judge_value(indicator: &Indicator, value: f64, at: Timestamp, now: Timestamp) -> Severity {
    if indicator.freshness(at, now) == Freshness::Stale {
        Severity::Stale
    } else if indicator.is_beyond(value, indicator.critical) {
        Severity::Critical
    } else if indicator.is_beyond(value, indicator.warning) {
        Severity::Warning
    } else {
        Severity::Normal
    }
}

/// A value as it is written, without its unit.
pub(crate) fn written(indicator: &Indicator, value: f64, language: &str) -> String {
    number::number(value * indicator.display_scale, indicator.decimals, language)
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MICROS: i64 = 1_000_000;

/// `cũ 26 giờ`
pub(crate) fn age(at: Timestamp, now: Timestamp, language: &str) -> String {
    let (key, count) = age_parts(now.since(at).div_euclid(MICROS).max(0));
    locale::text_with(language, key, &[("count", &number::number(count as f64, 0, language))])
}

fn age_parts(age_secs: i64) -> (&'static str, i64) {
    let unit = age_unit(age_secs);
    let key = match unit {
        MINUTE => "stale-minutes",
        HOUR => "stale-hours",
        _ => "stale-days",
    };
    (key, age_secs / unit)
}

fn age_unit(age_secs: i64) -> i64 {
    match age_secs {
        ..7_200 => MINUTE,
        7_200..172_800 => HOUR,
        _ => DAY,
    }
}

/// As of when: `08:30 hôm nay`, `13/8`, `T7/2023`; `short` for narrow tiles.
pub(crate) fn as_of(indicator: &Indicator, at: Timestamp, now: Timestamp, language: &str, short: bool) -> String {
    let (then, today) = (number::local(at), number::local(now));
    if let Period::Year | Period::Quarter | Period::Month = indicator.period {
        return period_name(indicator.period, at, language, true);
    }
    let days = number::day_of(today) - number::day_of(then);
    let time = number::time_of_day(at);
    match days {
        0 if short => time,
        0 => locale::text_with(language, "today-at", &[("time", &time)]),
        1 if !short => locale::text_with(language, "yesterday-at", &[("time", &time)]),
        _ if then.year() == today.year() && short => number::day_and_month(at),
        _ if short => number::date(at),
        _ => format!("{time} {}", number::date(at)),
    }
}

/// What a period is called on an axis: `2015`, `Q3`, `T8`, `14/8`, `08:00`; with its year where there are several.
pub(crate) fn period_name(period: Period, at: Timestamp, language: &str, with_year: bool) -> String {
    let date = number::local(at);
    let year = date.year();
    let named = match period {
        Period::Year => return year.to_string(),
        Period::Hour | Period::Continuous => return number::time_of_day(at),
        Period::Week | Period::Day if with_year => return number::date(at),
        Period::Week | Period::Day => return number::day_and_month(at),
        Period::Quarter => locale::text_with(language, "quarter", &[("number", &number::quarter(date).to_string())]),
        Period::Month => month(date.month(), language),
    };
    if with_year { format!("{named}/{year}") } else { named }
}

/// `T8`
pub(crate) fn month(month: i8, language: &str) -> String {
    locale::text_with(language, "month", &[("number", &month.to_string())])
}

/// When what is said about the age of a value changes next.
pub(crate) fn next_change(indicator: &Indicator, at: Timestamp, now: Timestamp) -> Timestamp {
    let stale_after = indicator.expected_interval_secs.saturating_add(indicator.grace_secs);
    let stale_secs = i64::try_from(stale_after).unwrap_or(i64::MAX / MICROS).saturating_add(1).min(i64::MAX / MICROS);
    let stale_at = at.plus_micros(stale_secs * MICROS);
    let age_secs = now.since(at).div_euclid(MICROS).max(0);
    let unit = age_unit(age_secs);
    let older_at = at.plus_micros((age_secs / unit + 1).saturating_mul(unit).saturating_mul(MICROS));
    let change = if stale_at > now { stale_at } else { older_at };
    change.min(number::next_midnight(now)).max(now.plus_micros(1))
}
