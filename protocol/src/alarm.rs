//! What calls for someone at once: raised, acknowledged, shelved, cleared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{AgencyId, AlarmId, AreaId, ObservationStatus, SeriesKey, SourceId, Timestamp};

/// An alarm from the moment it was raised until it is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    pub id: AlarmId,
    pub severity: AlarmSeverity,
    /// What is wrong.
    pub text: Name,
    /// The figures that it was raised over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaId>,
    /// Who has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<AgencyId>,
    pub raised_at: Timestamp,
    pub state: AlarmState,
    pub source: SourceId,
    pub received_at: Timestamp,
    #[serde(default)]
    pub status: ObservationStatus,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmSeverity {
    Warning,
    Critical,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AlarmState {
    /// Nobody has said yet that they see to it.
    Raised,
    /// Someone sees to it.
    Acknowledged {
        at: Timestamp,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Put aside until a moment, for a reason.
    Shelved {
        at: Timestamp,
        by: String,
        until: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// It is over.
    Cleared { at: Timestamp },
}

impl Alarm {
    /// Whether it is not over.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        !matches!(self.state, AlarmState::Cleared { .. })
    }
}
