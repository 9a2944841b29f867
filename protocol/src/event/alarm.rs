//! People saw to alarms, or put them aside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AlarmId, Timestamp};

/// Someone sees to an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmAcknowledged {
    pub at: Timestamp,
    pub alarm: AlarmId,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Someone put an alarm aside until a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmShelved {
    pub at: Timestamp,
    pub alarm: AlarmId,
    pub by: String,
    pub until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Someone brought an alarm back before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmUnshelved {
    pub at: Timestamp,
    pub alarm: AlarmId,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
