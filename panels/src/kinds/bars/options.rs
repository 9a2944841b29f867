//! What bars can be told to show.

use protocol::change::WindowSpec;
use protocol::{AreaId, Catalogue, IndicatorId, Scenario, SeriesKey};
use serde::Deserialize;

use crate::options::{check_area, check_indicator};
use crate::scene::Rect;
use crate::wording::Wording;
use crate::{OptionsError, window};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    #[serde(default)]
    pub(super) title: Option<Wording>,
    /// What stands side by side.
    #[serde(default)]
    pub(super) by: By,
    /// For `area` and `time`.
    #[serde(default)]
    pub(super) indicator: Option<IndicatorId>,
    /// For `area` the one whose parts are compared; for `time` the one that is followed.
    #[serde(default)]
    pub(super) area: Option<AreaId>,
    #[serde(default)]
    pub(super) scenario: Scenario,
    /// For `series`.
    #[serde(default)]
    pub(super) series: Vec<BarOptions>,
    /// For `time`: the newest so many seconds; or `from` and `to`, whole days like 2023-12-31.
    #[serde(default)]
    pub(super) secs: Option<u64>,
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) buckets: Option<u16>,
    /// By value, largest first, if absent; time is never sorted.
    #[serde(default)]
    pub(super) sort: Sort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    #[default]
    Area,
    Series,
    Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    #[default]
    Largest,
    Smallest,
    Name,
    /// As they are listed.
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BarOptions {
    pub(super) indicator: IndicatorId,
    pub(super) area: AreaId,
    #[serde(default)]
    pub(super) scenario: Scenario,
    #[serde(default)]
    pub(super) label: Option<Wording>,
}

/// Shown at once.
pub(super) const MOST_BARS: usize = 64;

impl Options {
    pub(super) fn subject(&self) -> Result<(&IndicatorId, &AreaId), OptionsError> {
        match (&self.indicator, &self.area) {
            (Some(indicator), Some(area)) => Ok((indicator, area)),
            (None, _) => Err(OptionsError::of("indicator", "bars by area or time need an 'indicator'")),
            (_, None) => Err(OptionsError::of("area", "bars by area or time need an 'area'")),
        }
    }

    /// The series whose latest values are compared, with a name of their own where one was given.
    pub(super) fn compared(&self, catalogue: &Catalogue) -> Result<Vec<(SeriesKey, Option<&Wording>)>, OptionsError> {
        if self.by == By::Series {
            let key = |bar: &BarOptions| SeriesKey {
                indicator: bar.indicator.clone(),
                area: bar.area.clone(),
                scenario: bar.scenario,
            };
            return Ok(self.series.iter().map(|bar| (key(bar), bar.label.as_ref())).collect());
        }
        let (indicator, area) = self.subject()?;
        let key =
            |area: &AreaId| SeriesKey { indicator: indicator.clone(), area: area.clone(), scenario: self.scenario };
        Ok(catalogue.children(area).map(|child| (key(&child.id), None)).collect())
    }

    pub(super) fn window(&self, catalogue: &Catalogue, rect: Rect) -> Result<WindowSpec, OptionsError> {
        let (id, area) = self.subject()?;
        check_indicator(catalogue, "indicator", id)?;
        let Some(indicator) = catalogue.indicators.get(id) else {
            return Err(OptionsError::of("indicator", "unknown"));
        };
        let span = window::span(self.secs, self.from.as_deref(), self.to.as_deref(), window::usual_secs(indicator))?;
        let series = SeriesKey { indicator: id.clone(), area: area.clone(), scenario: self.scenario };
        Ok(window::window(series, span, indicator, self.buckets, rect))
    }

    pub(super) fn check(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        window::check_buckets(self.buckets)?;
        if self.by == By::Series {
            if self.series.is_empty() || self.series.len() > MOST_BARS {
                return Err(OptionsError::of(
                    "series",
                    format!("bars by series need a list 'series' of 1 to {MOST_BARS} {{ indicator, area }}"),
                ));
            }
            if self.indicator.is_some() || self.area.is_some() {
                return Err(OptionsError::of(
                    "series",
                    "bars by series take no 'indicator' and 'area' beside the list",
                ));
            }
            return self.series.iter().try_for_each(|bar| {
                check_indicator(catalogue, "series", &bar.indicator)?;
                check_area(catalogue, "series", &bar.area)
            });
        }
        if !self.series.is_empty() {
            return Err(OptionsError::of("series", "a list 'series' needs by = \"series\""));
        }
        let (indicator, area) = self.subject()?;
        check_indicator(catalogue, "indicator", indicator)?;
        check_area(catalogue, "area", area)?;
        if self.by == By::Area && catalogue.children(area).next().is_none() {
            return Err(OptionsError::of("area", format!("area '{area}' has no areas below it to compare")));
        }
        Ok(())
    }
}
