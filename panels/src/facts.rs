//! What is known of an indicator in one area at one moment, and how it is said.

use std::ops::RangeInclusive;

use protocol::observation::{Better, Freshness, Period};
use protocol::{
    AgencyId, AreaId, Catalogue, Indicator, IndicatorId, Observation, Scenario, SeriesKey, Timestamp, ViewState,
};

use crate::frame::Said;
use crate::marks::Mark;
use crate::provenance::{Figure, Origin};
use crate::theme::{self, Color};
use crate::{label, number, window};

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
    /// So old that it says nothing any more.
    Lost,
    /// Well behind where the plan expects it.
    BehindPlan,
    Warning,
    Critical,
}

/// Below this share of what the plan expects by now an indicator counts as behind, unless a panel says otherwise.
pub(crate) const BEHIND_BELOW: f64 = 0.9;

impl Severity {
    /// The mark that is drawn with it.
    pub fn mark(self) -> Option<Mark> {
        match self {
            Self::Normal => None,
            Self::Stale | Self::Lost => Some(Mark::Stale),
            Self::BehindPlan | Self::Warning => Some(Mark::Warning),
            Self::Critical => Some(Mark::Critical),
        }
    }
    /// Shapes and lines.
    pub fn color(self) -> Color {
        match self {
            Self::Normal => theme::DATA,
            Self::Stale | Self::Lost => theme::STALE,
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
            Self::Normal | Self::Stale | Self::Lost => (theme::STALE_TEXT, theme::HAIRLINE),
            Self::BehindPlan | Self::Warning => (theme::WARNING_TEXT, theme::WARNING_PLATE),
            Self::Critical => (theme::CRITICAL_TEXT, theme::CRITICAL_PLATE),
        }
    }
    /// The threshold that a figure is beyond which stands like this.
    pub fn threshold(self, indicator: &Indicator) -> Option<f64> {
        match self {
            Self::Normal | Self::Stale | Self::Lost | Self::BehindPlan => None,
            Self::Warning => indicator.warning,
            Self::Critical => indicator.critical,
        }
    }
    /// What it is called; nothing when all is normal.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::Stale => Some("overdue"),
            Self::Lost => Some("lost"),
            Self::BehindPlan => Some("behind-plan"),
            Self::Warning => Some("needs-attention"),
            Self::Critical => Some("critical"),
        }
    }
    /// Whether it needs attention, rather than better data.
    pub fn is_abnormal(self) -> bool {
        self > Self::Lost
    }
    /// Whether it is too old to be judged.
    pub fn is_overdue(self) -> bool {
        matches!(self, Self::Stale | Self::Lost)
    }
}

/// How the figure moved against the same period.
pub(crate) struct Movement {
    /// `▲ 4,1 %`
    pub figure: Figure,
    /// What the number counts, when the text does not say: `điểm %`.
    pub points: bool,
    /// Whether that is good news; `None` when it is neither.
    pub good: Option<bool>,
}

impl Movement {
    /// What it is written in, beside a figure that stands like that.
    pub fn ink(&self, severity: Severity) -> Color {
        match self.good {
            _ if severity.is_overdue() => theme::STALE_TEXT,
            Some(true) => theme::LIVE,
            Some(false) => theme::WARNING_TEXT,
            None => theme::TEXT_3,
        }
    }
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

    pub fn severity(&self, now: Timestamp, behind_below: f64) -> Severity {
        let Some(actual) = &self.actual else { return Severity::Normal };
        let judged = judge_value(self.indicator, actual.value(), actual.phenomenon_time(), now);
        if judged != Severity::Normal || self.indicator.better != Better::Higher {
            return judged;
        }
        match &self.expected {
            Some(expected) if expected.value() > 0.0 && actual.value() < expected.value() * behind_below => {
                Severity::BehindPlan
            }
            _ => Severity::Normal,
        }
    }

    pub fn movement(&self, language: &str) -> Option<Movement> {
        let (actual, before) = (self.actual.as_ref()?, self.same_period.as_ref()?);
        let points = is_percent(self.indicator);
        if !points && before.value() <= 0.0 {
            return None;
        }
        let (change, figure) = if points {
            Figure::difference(actual, before, self.indicator, language)?
        } else {
            Figure::change_percent(actual, before, language)?
        };
        let rounded = (change * 10.0).round();
        let good = match self.indicator.better {
            Better::Neither => None,
            _ if rounded == 0.0 => None,
            Better::Higher => Some(rounded > 0.0),
            Better::Lower => Some(rounded < 0.0),
        };
        Some(Movement { figure, points, good })
    }

    /// The share of the plan that is reached, in per cent.
    pub fn plan_share(&self, language: &str) -> Option<(f64, Figure)> {
        Self::share(self.actual.as_ref()?, self.plan.as_ref()?, language)
    }

    /// The share of the plan that should be reached by now, in per cent.
    pub fn expected_share(&self, language: &str) -> Option<(f64, Figure)> {
        Self::share(self.expected.as_ref()?, self.plan.as_ref()?, language)
    }

    fn share(part: &Origin, whole: &Origin, language: &str) -> Option<(f64, Figure)> {
        if whole.value() <= 0.0 {
            return None;
        }
        Figure::share_percent(part, whole, language)
    }

    /// Of the actual figure, made up where any of those that it is compared with was.
    pub fn said(&self) -> Option<Said<'_>> {
        let all = [&self.actual, &self.plan, &self.expected, &self.same_period];
        let illustrative = all.into_iter().flatten().any(Origin::is_illustrative);
        Some(Said { illustrative, ..Said::of(self.indicator, self.actual.as_ref()?) })
    }
}

/// The newest figure of `series` that may stand beside an actual one of `at`: nothing rather than another date's.
fn compared(view: &ViewState, indicator: &Indicator, series: &SeriesKey, at: Timestamp) -> Option<Origin> {
    let moments = match series.scenario {
        Scenario::Plan => number::period_around(Period::Year, at),
        _ => same_date(indicator, at),
    };
    if let Some(latest) = view.latest(series).filter(|latest| moments.contains(&latest.phenomenon_time)) {
        return Some(Origin::from(&**latest));
    }
    let windows = view.windows().iter().filter(|window| window.spec.series == *series);
    let newest = windows.filter_map(|window| window::newest_within(window, &moments));
    newest.max_by_key(|bucket| bucket.time).map(|bucket| Origin::of_bucket(series, bucket))
}

/// The moments of the same date as an actual figure of `at`, and not later ones.
pub(crate) fn same_date(indicator: &Indicator, at: Timestamp) -> RangeInclusive<Timestamp> {
    let start = *number::period_around(indicator.period, at).start();
    let is_often = matches!(indicator.period, Period::Hour | Period::Continuous);
    let oldest = if is_often { at.plus_micros(1 - stale_micros(indicator)) } else { start };
    start.max(oldest)..=at
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

/// What it is called where there is little room.
pub(crate) fn short_name<'a>(indicator: &'a Indicator, language: &str) -> &'a str {
    indicator.short.as_ref().unwrap_or(&indicator.name).in_language(language)
}

/// Who answers for it, briefly; `None` for one who is not in the catalogue.
pub(crate) fn owner<'a>(catalogue: &'a Catalogue, indicator: &Indicator, language: &str) -> Option<&'a str> {
    agency(catalogue, &indicator.owner, language)
}

/// What an agency is called, briefly; `None` for one who is not in the catalogue.
pub(crate) fn agency<'a>(catalogue: &'a Catalogue, id: &AgencyId, language: &str) -> Option<&'a str> {
    let agency = catalogue.agencies.get(id)?;
    Some(agency.short.as_ref().unwrap_or(&agency.name).in_language(language))
}

/// By thresholds and age alone.
pub(crate) fn judge(indicator: &Indicator, observation: &Observation, now: Timestamp) -> Severity {
    judge_value(indicator, observation.value, observation.phenomenon_time, now)
}

/// By thresholds and age alone.
pub(crate) fn judge_value(indicator: &Indicator, value: f64, at: Timestamp, now: Timestamp) -> Severity {
    let freshness = indicator.freshness(at, now);
    if freshness == Freshness::Lost {
        Severity::Lost
    } else if freshness == Freshness::Stale {
        Severity::Stale
    } else if indicator.is_beyond(value, indicator.critical) {
        Severity::Critical
    } else if indicator.is_beyond(value, indicator.warning) {
        Severity::Warning
    } else {
        Severity::Normal
    }
}

const MICROS: i64 = 1_000_000;

/// When what is said about the age of a value changes next.
pub(crate) fn next_change(indicator: &Indicator, at: Timestamp, now: Timestamp) -> Timestamp {
    let becomes = |freshness| indicator.freshness_since(at, freshness);
    let next = [Freshness::Due, Freshness::Stale, Freshness::Lost].map(becomes).into_iter().find(|next| *next > now);
    // How old it is is said only of what is overdue.
    let older = (indicator.freshness(at, now) >= Freshness::Stale).then(|| next_older(at, now));
    let change = next.into_iter().chain(older).chain([number::next_midnight(now)]).min();
    change.unwrap_or(now).max(now.plus_micros(1))
}

/// When it is said to be older than now.
pub(crate) fn next_older(at: Timestamp, now: Timestamp) -> Timestamp {
    let age_secs = now.since(at).div_euclid(MICROS).max(0);
    let unit = label::age_unit(age_secs);
    at.plus_micros((age_secs / unit + 1).saturating_mul(unit).saturating_mul(MICROS))
}

/// The same for all figures of a panel, whichever comes first.
pub(crate) fn next_change_of(
    view: &ViewState,
    series: impl IntoIterator<Item = SeriesKey>,
    now: Timestamp,
) -> Option<Timestamp> {
    let catalogue = &view.arranged()?.catalogue;
    let change = |series: SeriesKey| {
        let indicator = catalogue.indicators.get(&series.indicator)?;
        Some(next_change(indicator, view.latest(&series)?.phenomenon_time, now))
    };
    series.into_iter().filter_map(change).min()
}

/// From when on a value of `at` is stale.
pub(crate) fn stale_since(indicator: &Indicator, at: Timestamp) -> Timestamp {
    indicator.freshness_since(at, Freshness::Stale)
}

/// The age from which on a value is stale.
fn stale_micros(indicator: &Indicator) -> i64 {
    stale_since(indicator, Timestamp(0)).as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_compared_while_it_is_not_stale() {
        let name = |vi: &str| protocol::observation::Name { vi: vi.into(), en: None };
        let level = Indicator {
            id: "water.level".into(),
            name: name("Mực nước"),
            short: None,
            unit: name("m"),
            decimals: 2,
            display_scale: 1.0,
            period: Period::Continuous,
            better: Better::Lower,
            cumulative: false,
            owner: "dkttv".into(),
            expected_interval_secs: 60,
            grace_secs: 15,
            warning: None,
            critical: None,
            derive: None,
            plausible: None,
            lost_after_secs: None,
        };
        let at = number::day_start(2023, 8, 14).unwrap().plus_micros(43_200 * MICROS);
        let moments = same_date(&level, at);
        for age in [0, 75 * MICROS, 76 * MICROS - 1, 76 * MICROS, 76 * MICROS + 1, 90_000 * MICROS] {
            let time = at.plus_micros(-age);
            assert_eq!(moments.contains(&time), level.freshness(time, at) < Freshness::Stale, "{age}");
        }
        assert!(!moments.contains(&at.plus_micros(1)));
        let yearly = Indicator { period: Period::Year, ..level };
        assert!(same_date(&yearly, at).contains(&number::day_start(2023, 1, 1).unwrap()));
        assert!(!same_date(&yearly, at).contains(&number::day_start(2022, 12, 31).unwrap()));
    }
}
