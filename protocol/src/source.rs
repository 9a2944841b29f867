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
