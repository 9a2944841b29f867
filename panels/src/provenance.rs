//! Where a drawn number comes from.

use std::sync::Arc;

use protocol::change::Bucket;
use protocol::{Observation, ObservationStatus, SeriesKey, SourceId, Timestamp};
use serde::Serialize;

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
}

impl Provenance {
    /// Of a value that is drawn as it is.
    #[must_use]
    pub fn value(origin: impl Into<Origin>) -> Arc<Self> {
        Arc::new(Self { formula: Formula::Value, origins: vec![origin.into()] })
    }

    /// Of a number computed from two values, with that number; `None` when it is not finite.
    #[must_use]
    pub fn computed(formula: Formula, first: &Origin, second: &Origin) -> Option<(f64, Arc<Self>)> {
        let (a, b) = (first.value, second.value);
        let number = match formula {
            Formula::Value => a,
            Formula::Difference => a - b,
            Formula::ChangePercent => (a / b - 1.0) * 100.0,
            Formula::SharePercent => a / b * 100.0,
        };
        let origins = vec![first.clone(), second.clone()];
        number.is_finite().then(|| (number, Arc::new(Self { formula, origins })))
    }
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }
}

/// A number or moment that is no indicator's value: an axis tick, a clock, a date, an ordinal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Arc<str>);

impl Label {
    /// The tick of an axis.
    #[must_use]
    pub fn tick(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
    /// A clock, date or age.
    #[must_use]
    pub fn time(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
    /// As it is read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
