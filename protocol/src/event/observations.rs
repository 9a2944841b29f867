//! Numbers came in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rows::{Row, Rows};
use crate::{Observation, SourceId, Timestamp};

/// A batch of observations that became durable together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservationsRecorded {
    pub source: SourceId,
    pub received_at: Timestamp,
    pub rows: Rows,
    /// Makes a retry safe: the same key gets the first answer for 72 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// How many rows of the same batch were refused.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused_count: u64,
    /// What was refused of the same batch; kept only with a key, so that the answer can be repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRow>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRow {
    /// Counted from 1 in what was sent.
    pub row: u64,
    pub reason: String,
}

impl ObservationsRecorded {
    /// One of its rows as a whole observation.
    #[must_use]
    pub fn observation(&self, row: Row<'_>) -> Observation {
        Observation {
            series: row.series.clone(),
            value: row.value,
            phenomenon_time: row.phenomenon_time,
            received_at: self.received_at,
            status: row.status,
            source: self.source.clone(),
        }
    }
}
