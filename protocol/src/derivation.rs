//! Indicators that are computed from others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AreaId, Catalogue, IndicatorId, Scenario};

/// How the values of an indicator follow from those of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// An expression in CEL over the names of the inputs; with neither this nor a method, the only input is the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// By the names that the formula or the method knows them by.
    pub inputs: BTreeMap<String, Input>,
    /// Where it is computed: everywhere if absent, or, of what is rolled up from its own areas below, wherever there
    /// are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub areas: Option<Vec<AreaId>>,
}

/// What is computed by a rule that is no formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The air quality index of Decision 1459/QĐ-TCMT, of an hour or a day by the period of the indicator. Its inputs
    /// are `pm10`, `pm25`, `o3`, `co`, `so2` and `no2`, in µg/m³.
    VnAqi,
}

/// A number that another one is computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub indicator: IndicatorId,
    #[serde(default)]
    pub scenario: Scenario,
    /// Of this area instead of the one that is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaId>,
    /// Of the areas right below, as they were at the time, taken together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Below>,
    /// Of so long a time up to then, taken together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Over>,
    /// Of an earlier time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// How old it may be at the time that is computed; the interval and grace of its indicator if absent, a year for a
    /// plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_secs: Option<u64>,
    /// What it is multiplied by, to bring it into another unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether there is a value without it; it is `null` in the formula then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// How several numbers make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    Sum,
    Mean,
    Min,
    Max,
    Count,
}

/// Areas taken together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Below {
    pub fold: Fold,
    /// What a mean is weighted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<IndicatorId>,
    /// The share of the areas that must have a value, from 0 to 1; all if absent. What lacks some is an estimate.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub at_least: f64,
}

/// A stretch of time taken together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Over {
    pub secs: u64,
    pub fold: Fold,
    /// The share of the expected values that must be there, from 0 to 1; half of them if absent.
    #[serde(default = "half", skip_serializing_if = "is_half")]
    pub at_least: f64,
}

/// How much earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// The hour, day, week, month, quarter or year before, by the period of the input.
    Period,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

fn all() -> f64 {
    1.0
}
fn half() -> f64 {
    0.5
}
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_all(share: &f64) -> bool {
    (*share - all()).abs() < f64::EPSILON
}
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_half(share: &f64) -> bool {
    (*share - half()).abs() < f64::EPSILON
}

impl Derivation {
    /// Whether the indicator `id`, which is computed like this, is rolled up from its own values in the areas below.
    #[must_use]
    pub fn is_rolled_up(&self, id: &IndicatorId) -> bool {
        self.inputs.values().any(|input| input.indicator == *id && input.below.is_some())
    }

    /// Whether the values of the indicator `id` in `area` are computed; those of other areas come from sources.
    #[must_use]
    pub fn computes(&self, id: &IndicatorId, area: &AreaId, catalogue: &Catalogue) -> bool {
        match &self.areas {
            Some(areas) => areas.contains(area),
            None if self.is_rolled_up(id) => catalogue.children(area).next().is_some(),
            None => true,
        }
    }
}
