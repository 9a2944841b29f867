//! Where a drawn number comes from.

use std::sync::Arc;

use protocol::change::Bucket;
use protocol::{Indicator, Observation, ObservationStatus, SeriesKey, SourceId, Timestamp};
use serde::Serialize;

use crate::number;

/// Where one value comes from. Made only from an observation, so that a number without one cannot be drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Origin {
    series: SeriesKey,
    phenomenon_time: Timestamp,
    received_at: Timestamp,
    source: SourceId,
    status: ObservationStatus,
    value: f64,
}

impl From<&Observation> for Origin {
    fn from(observation: &Observation) -> Self {
        Self {
            series: observation.series.clone(),
            phenomenon_time: observation.phenomenon_time,
            received_at: observation.received_at,
            source: observation.source.clone(),
            status: observation.status,
            value: observation.value,
        }
    }
}

impl Origin {
    /// Of the last value of a bucket of `series`.
    #[must_use]
    pub fn of_bucket(series: &SeriesKey, bucket: &Bucket) -> Self {
        Self {
            series: series.clone(),
            phenomenon_time: bucket.time,
            received_at: bucket.received_at,
            source: bucket.source.clone(),
            status: bucket.status,
            value: bucket.last,
        }
    }
    #[must_use]
    pub fn series(&self) -> &SeriesKey {
        &self.series
    }
    #[must_use]
    pub fn phenomenon_time(&self) -> Timestamp {
        self.phenomenon_time
    }
    #[must_use]
    pub fn status(&self) -> ObservationStatus {
        self.status
    }
    /// Whether it was made up for a demonstration.
    #[must_use]
    pub fn is_illustrative(&self) -> bool {
        self.status == ObservationStatus::Simulated
    }
    #[must_use]
    pub fn source(&self) -> &SourceId {
        &self.source
    }
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }
}

/// The origins of a drawn number: one, or several when it was computed from them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// How the drawn number follows from the origins.
    formula: Formula,
    origins: Vec<Origin>,
}

/// How a drawn number follows from its origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// The value of the only origin.
    Value,
    /// The first less the second.
    Difference,
    /// The first relative to the second, less one, in per cent.
    ChangePercent,
    /// The first as a share of the second, in per cent.
    SharePercent,
    /// All together.
    Sum,
}

impl Provenance {
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }
}

/// A number as it is drawn, with where it comes from. It is written here, from its origins, so that no number can
/// be drawn under another's provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    text: Arc<str>,
    provenance: Arc<Provenance>,
}

impl Figure {
    /// A value as it is, in the indicator's scale and digits.
    #[must_use]
    pub fn value(origin: impl Into<Origin>, indicator: &Indicator, language: &str) -> Self {
        let origin = origin.into();
        let text = number::number(origin.value * indicator.display_scale, indicator.decimals, language);
        Self::of(text, Formula::Value, vec![origin])
    }

    /// What the first is more than the second: `▲ 1,4`, with that number; `None` when it is not finite.
    #[must_use]
    pub fn difference(first: &Origin, second: &Origin, indicator: &Indicator, language: &str) -> Option<(f64, Self)> {
        let change = (first.value - second.value) * indicator.display_scale;
        let text = format!("{}{}", arrow(change), number::number(change.abs(), 1, language));
        Self::computed(change, text, Formula::Difference, first, second)
    }

    /// What the first is more than the second, as a share of it: `▲ 4,1 %`.
    #[must_use]
    pub fn change_percent(first: &Origin, second: &Origin, language: &str) -> Option<(f64, Self)> {
        let change = (first.value / second.value - 1.0) * 100.0;
        let text = format!("{}{}", arrow(change), number::percent(change.abs(), 1, language));
        Self::computed(change, text, Formula::ChangePercent, first, second)
    }

    /// The first as a share of the second: `63,5 %`.
    #[must_use]
    pub fn share_percent(first: &Origin, second: &Origin, language: &str) -> Option<(f64, Self)> {
        let share = first.value / second.value * 100.0;
        Self::computed(share, number::percent(share, 1, language), Formula::SharePercent, first, second)
    }

    /// All of them together, in the scale and digits of the indicator; `None` when that is not finite, or of none.
    #[must_use]
    pub fn sum(origins: &[Origin], indicator: &Indicator, language: &str) -> Option<Self> {
        let sum = origins.iter().map(Origin::value).sum::<f64>() * indicator.display_scale;
        let text = number::number(sum, indicator.decimals, language);
        (sum.is_finite() && !origins.is_empty()).then(|| Self::of(text, Formula::Sum, origins.to_vec()))
    }

    fn computed(number: f64, text: String, formula: Formula, first: &Origin, second: &Origin) -> Option<(f64, Self)> {
        number.is_finite().then(|| (number, Self::of(text, formula, vec![first.clone(), second.clone()])))
    }

    fn of(text: String, formula: Formula, origins: Vec<Origin>) -> Self {
        Self { text: text.into(), provenance: Arc::new(Provenance { formula, origins }) }
    }

    /// As it is read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }
}

/// Which way a change goes, at the one digit that is written of it.
fn arrow(change: f64) -> &'static str {
    let rounded = (change * 10.0).round();
    if rounded > 0.0 {
        "▲ "
    } else if rounded < 0.0 {
        "▼ "
    } else {
        ""
    }
}
