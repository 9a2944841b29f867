//! What a chart of lines can be told to show.

use protocol::change::{Span, WindowSpec};
use protocol::{AreaId, Indicator, IndicatorId, Scenario};
use serde::Deserialize;

use crate::options::SeriesOptions;
use crate::scene::Rect;
use crate::wording::Wording;
use crate::{OptionsError, window};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// The name of the first indicator if absent.
    #[serde(default)]
    pub(super) title: Option<Wording>,
    /// One indicator in one area; or `series` for several.
    #[serde(default)]
    pub(super) indicator: Option<IndicatorId>,
    #[serde(default)]
    pub(super) area: Option<AreaId>,
    /// Which of its parallel figures; the actual one if absent.
    #[serde(default)]
    pub(super) scenarios: Vec<Scenario>,
    #[serde(default)]
    pub(super) series: Vec<SeriesOptions>,
    /// The newest so many seconds; or `from` and `to`, whole days like 2023-12-31.
    #[serde(default)]
    pub(super) secs: Option<u64>,
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) to: Option<String>,
    #[serde(default)]
    pub(super) buckets: Option<u16>,
    /// Fills below the first line; on if absent.
    #[serde(default)]
    pub(super) fill: Option<bool>,
    /// Whether the vertical axis begins at zero; as the figures suggest if absent.
    #[serde(default)]
    pub(super) from_zero: Option<bool>,
}

/// More could not be told apart.
pub(super) const MOST_LINES: usize = 6;

impl Options {
    pub(super) fn lines(&self) -> Result<Vec<SeriesOptions>, OptionsError> {
        let lines = match (&self.indicator, &self.area) {
            (Some(indicator), Some(area)) if self.series.is_empty() => {
                let scenarios = if self.scenarios.is_empty() { &[Scenario::Actual][..] } else { &self.scenarios };
                let line = |scenario: &Scenario| SeriesOptions {
                    indicator: indicator.clone(),
                    area: area.clone(),
                    scenario: *scenario,
                    label: None,
                };
                scenarios.iter().map(line).collect()
            }
            (None, None) if self.scenarios.is_empty() && !self.series.is_empty() => self.series.clone(),
            _ => {
                return Err(OptionsError::of(
                    "series",
                    "give either 'indicator' and 'area' (and 'scenarios'), or a list 'series' of { indicator, area }",
                ));
            }
        };
        if lines.len() > MOST_LINES {
            return Err(OptionsError::of(
                "series",
                format!("{} lines; at most {MOST_LINES} can be told apart", lines.len()),
            ));
        }
        Ok(lines)
    }

    pub(super) fn span(&self, indicator: &Indicator) -> Result<Span, OptionsError> {
        window::span(self.secs, self.from.as_deref(), self.to.as_deref(), window::usual_secs(indicator))
    }

    pub(super) fn window(
        &self,
        line: &SeriesOptions,
        indicator: &Indicator,
        rect: Rect,
    ) -> Result<WindowSpec, OptionsError> {
        Ok(window::window(line.key(), self.span(indicator)?, indicator, self.buckets, rect))
    }
}
