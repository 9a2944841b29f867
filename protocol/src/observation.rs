//! Indicators and what was observed of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgencyId, AreaId, Derivation, IndicatorId, SourceId, Timestamp};

/// A text in the languages of the centre. `en` falls back to `vi`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Name {
    /// Vietnamese, NFC.
    pub vi: String,
    /// English, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Name {
    /// The text in `language` (`vi` or `en`).
    #[must_use]
    pub fn in_language(&self, language: &str) -> &str {
        match (language, &self.en) {
            ("en", Some(en)) => en,
            _ => &self.vi,
        }
    }
}

/// How often an indicator is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Every five minutes or more often.
    Continuous,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Which way is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    #[default]
    Higher,
    Lower,
    /// Neither: the number informs, it is not judged.
    Neither,
}

/// What is measured, by whom, how often and how it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Indicator {
    pub id: IndicatorId,
    pub name: Name,
    /// A short name for small tiles; the name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<Name>,
    /// As written behind the number: `tỷ đồng`, `%`.
    pub unit: Name,
    /// Digits after the decimal comma.
    #[serde(default)]
    pub decimals: u8,
    /// What a stored value is multiplied by before it is written (`0.001` for million to billion).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub display_scale: f64,
    pub period: Period,
    #[serde(default)]
    pub better: Better,
    /// Whether values accumulate over the year.
    #[serde(default)]
    pub cumulative: bool,
    pub owner: AgencyId,
    /// A value is due this long after the last one.
    pub expected_interval_secs: u64,
    /// How much later than due before it counts as stale.
    #[serde(default)]
    pub grace_secs: u64,
    /// A value older than this is lost; three times the age at which it is stale if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_after_secs: Option<u64>,
    /// At this value and beyond it needs attention (worse side given by `better`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<f64>,
    /// At this value and beyond it is critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
    /// How it is computed, where it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derive: Option<Arc<Derivation>>,
    /// Which values are plausible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
}

/// Which values of an indicator are plausible, in the unit that they are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plausible {
    /// Less is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// More is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// What differs by more from the value before it is suspect, until the next one confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<f64>,
    /// Whether what is less than the value before it in the same year is suspect, until the next one confirms it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rising: bool,
}

fn one() -> f64 {
    1.0
}
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(scale: &f64) -> bool {
    (*scale - 1.0).abs() < f64::EPSILON
}

/// Which of the parallel figures of an indicator a series holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// What was measured.
    #[default]
    Actual,
    /// What is planned for the whole period (the year).
    Plan,
    /// Where the plan expects to be at that time.
    Expected,
    /// The figure of the same period last year.
    SamePeriod,
}

/// One line of numbers over time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SeriesKey {
    pub indicator: IndicatorId,
    pub area: AreaId,
    #[serde(default)]
    pub scenario: Scenario,
}

impl SeriesKey {
    /// What was measured of `indicator` in `area`.
    #[must_use]
    pub fn actual(indicator: &IndicatorId, area: &AreaId) -> Self {
        Self { indicator: indicator.clone(), area: area.clone(), scenario: Scenario::Actual }
    }
}

/// How good a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservationStatus {
    /// Measured by a machine.
    #[default]
    Automatic,
    /// Keyed in by a person.
    ByHand,
    Estimated,
    Preliminary,
    Official,
    /// Made up for a demonstration: marked wherever it is drawn.
    Simulated,
    /// What a machine gave while it was calibrated: kept, and no measurement.
    Calibrating,
    /// What a machine gave that said itself that it was broken: kept, and no measurement.
    Fault,
    /// What is not plausible after the value before it: kept, and no measurement until the next one confirms it.
    Suspect,
}

impl ObservationStatus {
    /// Whether it says how things are.
    #[must_use]
    pub fn is_measurement(self) -> bool {
        !matches!(self, Self::Calibrating | Self::Fault | Self::Suspect)
    }
}

/// One number, with where and when it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    pub series: SeriesKey,
    /// Finite.
    pub value: f64,
    /// When it was true.
    pub phenomenon_time: Timestamp,
    /// When this centre got it.
    pub received_at: Timestamp,
    pub status: ObservationStatus,
    pub source: SourceId,
}

/// How old a value may be said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Within the expected interval.
    Fresh,
    /// The next value is due and within grace.
    Due,
    /// Overdue: shown as such, with since when.
    Stale,
    /// Overdue for so long that it says nothing any more of how things are.
    Lost,
}

impl Indicator {
    /// How fresh a value that was true at `phenomenon_time` is at `now`.
    #[must_use]
    pub fn freshness(&self, phenomenon_time: Timestamp, now: Timestamp) -> Freshness {
        let is_reached = |freshness| now >= self.freshness_since(phenomenon_time, freshness);
        let worst_first = [Freshness::Lost, Freshness::Stale, Freshness::Due];
        worst_first.into_iter().find(|freshness| is_reached(*freshness)).unwrap_or(Freshness::Fresh)
    }

    /// From when on a value that was true at `phenomenon_time` is as fresh as that, or less. Ages count in whole
    /// seconds: one of exactly the interval is fresh.
    #[must_use]
    pub fn freshness_since(&self, phenomenon_time: Timestamp, freshness: Freshness) -> Timestamp {
        let stale_secs = self.expected_interval_secs.saturating_add(self.grace_secs);
        let most_secs = match freshness {
            Freshness::Fresh => return phenomenon_time,
            Freshness::Due => self.expected_interval_secs,
            Freshness::Stale => stale_secs,
            Freshness::Lost => self.lost_after_secs.unwrap_or_else(|| stale_secs.saturating_mul(3)).max(stale_secs),
        };
        let secs = i64::try_from(most_secs).unwrap_or(i64::MAX).saturating_add(1);
        phenomenon_time.plus_micros(secs.saturating_mul(1_000_000))
    }

    /// Whether `value` has reached its worse side of `threshold`.
    #[must_use]
    pub fn is_beyond(&self, value: f64, threshold: Option<f64>) -> bool {
        threshold.is_some_and(|threshold| match self.better {
            Better::Higher => value <= threshold,
            Better::Lower => value >= threshold,
            Better::Neither => false,
        })
    }
}
