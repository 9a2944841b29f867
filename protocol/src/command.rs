//! What a person may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AlarmId, Layout, LayoutId, PanelId, Timestamp, WallId};

/// A request to change something; decided by the centre into events or refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// Save a layout. `expected_version` is the version it was edited from; 0 for a new one.
    SaveLayout { layout: Layout, expected_version: u64 },
    /// Show a layout on a wall.
    ShowLayout { wall: WallId, layout: LayoutId },
    /// Let a panel of the layout on a wall fill it, or none again.
    Spotlight { wall: WallId, panel: Option<PanelId> },
    /// Say that someone sees to an alarm.
    AcknowledgeAlarm { alarm: AlarmId, by: String, comment: Option<String> },
    /// Put an alarm aside until a moment.
    ShelveAlarm { alarm: AlarmId, by: String, until: Timestamp, comment: Option<String> },
    /// Bring an alarm back before that moment.
    UnshelveAlarm { alarm: AlarmId, by: String, comment: Option<String> },
}
