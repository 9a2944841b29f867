//! Layouts were saved or shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Layout, LayoutId, PanelId, Timestamp, WallId};

/// A layout was made or changed; it carries its new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayoutSaved {
    pub at: Timestamp,
    pub layout: Layout,
}

/// A wall was told to show a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayoutShown {
    pub at: Timestamp,
    pub wall: WallId,
    pub layout: LayoutId,
}

/// A panel was told to fill the wall until another layout is shown, or none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpotlightTurned {
    pub at: Timestamp,
    pub wall: WallId,
    pub panel: Option<PanelId>,
}
