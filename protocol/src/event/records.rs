//! Tasks, alarms and sessions came in from a system that keeps them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Alarm, Session, SourceId, Task, Timestamp};

/// Records as another system has them by now, each whole: the newest of an id is the one that holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordsReported {
    pub source: SourceId,
    pub received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Arc<Task>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Arc<Alarm>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Arc<Session>>,
    /// Makes a retry safe: the same key gets the first answer for 72 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl RecordsReported {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len() + self.alarms.len() + self.sessions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
