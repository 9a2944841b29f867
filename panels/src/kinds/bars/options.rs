//! What bars can be told to show.

use protocol::change::WindowSpec;
use protocol::{Area, AreaId, Catalogue, IndicatorId, Scenario, SeriesKey};
use serde::Deserialize;

use crate::options::{SeriesOptions, check_area, check_indicator, check_series};
use crate::scene::Rect;
use crate::wording::Wording;
use crate::{OptionsError, parts, window};

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
    /// For `area`: several in each area, in one unit.
    #[serde(default)]
    pub(super) indicators: Vec<IndicatorId>,
    /// With `indicators`: whether they are parts of one bar rather than bars below one another.
    #[serde(default)]
    pub(super) stacked: bool,
    /// Whether bars stand upright where they have room; those by time always do.
    #[serde(default)]
    pub(super) upright: bool,
    /// For `area` the one whose parts are compared; for `time` the one that is followed.
    #[serde(default)]
    pub(super) area: Option<AreaId>,
    #[serde(default)]
    pub(super) scenario: Scenario,
    /// For `area`: the day whose areas are compared, like 2025-06-30; those of the newest boundaries if absent.
    #[serde(default)]
    pub(super) boundaries: Option<String>,
    /// For `series`.
    #[serde(default)]
    pub(super) series: Vec<SeriesOptions>,
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

/// More could not be told apart.
const MOST_GROUPED: usize = 4;
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
            return Ok(self.series.iter().map(|bar| (bar.key(), bar.label.as_ref())).collect());
        }
        let (indicator, _) = self.subject()?;
        let key =
            |area: &Area| SeriesKey { indicator: indicator.clone(), area: area.id.clone(), scenario: self.scenario };
        Ok(self.areas(catalogue)?.into_iter().map(|area| (key(area), None)).collect())
    }

    /// The areas that are compared.
    pub(super) fn areas<'c>(&self, catalogue: &'c Catalogue) -> Result<Vec<&'c Area>, OptionsError> {
        let Some(area) = &self.area else {
            return Err(OptionsError::of("area", "bars by area or time need an 'area'"));
        };
        Ok(parts::of(catalogue, area, self.boundaries.as_deref()))
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

    fn check_grouped(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        let refused = |option: &str, message: String| Err(OptionsError::of(option, message));
        if self.by != By::Area {
            return refused("indicators", "several 'indicators' need by = \"area\"".to_owned());
        }
        if self.indicator.is_some() || !(2..=MOST_GROUPED).contains(&self.indicators.len()) {
            return refused("indicators", format!("give one 'indicator', or 2 to {MOST_GROUPED} 'indicators'"));
        }
        for option in [(self.upright, "upright"), (self.scenario != Scenario::Actual, "scenario")] {
            if option.0 {
                return refused(option.1, format!("'{}' needs one 'indicator'", option.1));
            }
        }
        let Some(area) = &self.area else {
            return refused("area", "bars by area or time need an 'area'".to_owned());
        };
        check_area(catalogue, "area", area)?;
        let line = |indicator: &IndicatorId| SeriesOptions {
            indicator: indicator.clone(),
            area: area.clone(),
            scenario: Scenario::Actual,
            label: None,
        };
        let lines: Vec<SeriesOptions> = self.indicators.iter().map(line).collect();
        check_series(catalogue, &lines).map_err(|error| OptionsError { option: Some("indicators".into()), ..error })?;
        parts::check(catalogue, area, self.boundaries.as_deref())
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
            return check_series(catalogue, &self.series);
        }
        if !self.series.is_empty() {
            return Err(OptionsError::of("series", "a list 'series' needs by = \"series\""));
        }
        if !self.indicators.is_empty() {
            return self.check_grouped(catalogue);
        }
        if self.stacked {
            return Err(OptionsError::of("stacked", "'stacked' needs several 'indicators'"));
        }
        let (indicator, area) = self.subject()?;
        check_indicator(catalogue, "indicator", indicator)?;
        check_area(catalogue, "area", area)?;
        match (self.by, &self.boundaries) {
            (By::Area, day) => parts::check(catalogue, area, day.as_deref()),
            (_, Some(_)) => Err(OptionsError::of("boundaries", "'boundaries' needs by = \"area\"")),
            (_, None) => Ok(()),
        }
    }
}
