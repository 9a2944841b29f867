//! Where numbers come from, and how that goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{AgencyId, SourceId, Timestamp};

/// What a reader needs to know of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceInfo {
    pub id: SourceId,
    pub name: Name,
    /// `push`, `csv`, `simulated`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AgencyId>,
}

/// How a source does. Neither stored nor replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceHealth {
    pub source: SourceId,
    pub alive: bool,
    /// Last time it delivered something good.
    pub last_success: Option<Timestamp>,
    pub accepted: u64,
    pub refused: u64,
    /// The newest refusals and errors, newest first, at most 20.
    pub problems: Vec<SourceProblem>,
}

/// One thing that was wrong: when, where, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceProblem {
    pub at: Timestamp,
    /// File and row, address, table.
    pub place: String,
    pub reason: String,
}

/// How a source does, as the log tells it: what is shown of it, and the same again in a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceState {
    pub source: SourceId,
    /// Whether it runs; absent until that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<SourceLink>,
    /// The last time something was taken from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Delivery>,
    /// The last time something of it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Delivery>,
}

/// Whether a source runs, and since when it does or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceLink {
    Up { since: Timestamp },
    Down { since: Timestamp, reason: String },
}

/// So many rows or records came at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    pub at: Timestamp,
    pub count: u64,
}

impl SourceState {
    /// Of a source that nothing is known of.
    #[must_use]
    pub fn unknown(source: SourceId) -> Self {
        Self { source, link: None, taken: None, refused: None }
    }

    /// Takes in a delivery of which so much was taken and so much refused.
    pub fn deliver(&mut self, at: Timestamp, taken: u64, refused: u64) {
        for (last, count) in [(&mut self.taken, taken), (&mut self.refused, refused)] {
            if count > 0 {
                *last = Some(Delivery { at, count });
            }
        }
    }
}
