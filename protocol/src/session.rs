//! Command sessions and their agendas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{AgencyId, IndicatorId, LayoutId, ObservationStatus, SessionId, SourceId, Timestamp};

/// A session of the leadership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub id: SessionId,
    pub title: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Name>,
    pub starts_at: Timestamp,
    /// Who directs it.
    pub chair: Name,
    /// In their order.
    pub items: Vec<AgendaItem>,
    pub stage: Stage,
    pub source: SourceId,
    pub received_at: Timestamp,
    #[serde(default)]
    pub status: ObservationStatus,
}

/// One thing to talk about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgendaItem {
    pub title: Name,
    /// Who speaks.
    pub presenter: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<AgencyId>,
    /// How long it is to take.
    pub minutes: u16,
    /// What the wall shows meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<IndicatorId>,
    pub stage: Stage,
}

/// How far a session is, or one of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stage {
    /// Yet to come.
    Planned,
    Open {
        since: Timestamp,
    },
    Closed {
        since: Timestamp,
        at: Timestamp,
    },
}

impl Session {
    /// The item that is talked about.
    #[must_use]
    pub fn open_item(&self) -> Option<(usize, &AgendaItem)> {
        self.items.iter().enumerate().find(|(_, item)| matches!(item.stage, Stage::Open { .. }))
    }
}
