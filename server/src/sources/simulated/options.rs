//! What may be said of made-up figures.

use std::collections::BTreeMap;

use protocol::{AreaId, IndicatorId};
use serde::Deserialize;

use super::moments::Pace;
use crate::config::Options;

/// `[source.options]` of a simulated source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedOptions {
    /// The same seed gives the same figures.
    pub seed: u64,
    /// Time between live values.
    #[serde(default = "default_interval")]
    pub interval_secs: u64,
    /// How much of the past is filled in at the first start.
    #[serde(default = "default_history")]
    pub history_days: u32,
    pub series: Vec<SeriesOptions>,
}

/// One indicator, in one area or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesOptions {
    pub indicator: IndicatorId,
    #[serde(default)]
    pub area: Option<AreaId>,
    /// Several areas, each with what its figures are multiplied by.
    #[serde(default)]
    pub areas: BTreeMap<AreaId, f64>,
    pub every: Pace,
    /// Digits behind the point.
    #[serde(default)]
    pub decimals: u8,
    pub shape: Shape,
}

/// How figures run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Grows from 0 on 1 January, working day by working day.
    Cumulative(Cumulative),
    /// Moves around a level.
    Level(Level),
}

/// A sum over the year.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cumulative {
    /// What is planned for the year.
    pub plan: f64,
    /// The share of the plan that is there at the end of the year.
    #[serde(default = "one")]
    pub pace: f64,
    /// 1 grows evenly; above it, late in the year.
    #[serde(default = "one")]
    pub bend: f64,
    /// How much more than last year: 0.05 is 5 %.
    #[serde(default)]
    pub growth: f64,
}

/// A level with its swings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub base: f64,
    /// Half the swing between night and day.
    #[serde(default)]
    pub daily: f64,
    /// Half the swing between the seasons.
    #[serde(default)]
    pub yearly: f64,
    /// Chance, smooth over `noise_hours`.
    #[serde(default)]
    pub noise: f64,
    #[serde(default = "default_noise_hours")]
    pub noise_hours: f64,
    /// Change from year to year.
    #[serde(default)]
    pub trend: f64,
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
    /// What is planned for the year, if anything.
    #[serde(default)]
    pub plan: Option<f64>,
    /// Whether last year's figures come too.
    #[serde(default)]
    pub same_period: bool,
}

fn default_interval() -> u64 {
    5
}
fn default_history() -> u32 {
    400
}
fn default_noise_hours() -> f64 {
    6.0
}
fn one() -> f64 {
    1.0
}

impl SeriesOptions {
    /// Each area with its factor.
    pub fn areas(&self) -> Vec<(AreaId, f64)> {
        let one = self.area.iter().map(|area| (area.clone(), 1.0));
        one.chain(self.areas.iter().map(|(area, factor)| (area.clone(), *factor))).collect()
    }
}

impl SimulatedOptions {
    /// Reports names that are not configured and numbers out of range.
    pub fn check(&self, options: &mut Options<'_>) {
        if !(1..=3600).contains(&self.interval_secs) {
            options.report(
                &["interval_secs"],
                &format!("interval_secs is {}; it is between 1 and 3600", self.interval_secs),
            );
        }
        if self.history_days > 3660 {
            options.report(&["history_days"], &format!("history_days is {}; it is at most 3660", self.history_days));
        }
        for (index, series) in self.series.iter().enumerate() {
            let place = format!("series[{index}]");
            options.check_indicator(&[&place, "indicator"], &series.indicator);
            if series.area.is_none() && series.areas.is_empty() {
                options.report(&[&place], "a series needs 'area' or 'areas'");
            }
            if let Some(area) = &series.area {
                options.check_area(&[&place, "area"], area);
            }
            for area in series.areas.keys() {
                options.check_area(&[&place, "areas", area.as_str()], area);
            }
            if series.decimals > 6 {
                options.report(&[&place, "decimals"], &format!("decimals is {}; it is at most 6", series.decimals));
            }
        }
    }
}
