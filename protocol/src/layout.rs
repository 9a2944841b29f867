//! Arrangements of panels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{LayoutId, PanelId};

/// Columns and rows of the grid of a 16:9 canvas.
pub const GRID: (u16, u16) = (32, 18);

/// A rectangle in grid cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub column: u16,
    pub row: u16,
    pub columns: u16,
    pub rows: u16,
}

impl Place {
    /// Whether the two share a cell.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (right, bottom) = self.end();
        let (other_right, other_bottom) = other.end();
        u32::from(self.column) < other_right
            && u32::from(other.column) < right
            && u32::from(self.row) < other_bottom
            && u32::from(other.row) < bottom
    }

    /// The first column and row behind it.
    #[must_use]
    pub fn end(&self) -> (u32, u32) {
        (u32::from(self.column) + u32::from(self.columns), u32::from(self.row) + u32::from(self.rows))
    }
}

/// One panel: what kind, where, and options that only its kind understands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PanelSpec {
    pub id: PanelId,
    /// `value`, `series`, … Unknown kinds are painted as a placeholder.
    pub kind: String,
    pub place: Place,
    /// Validated by the kind itself.
    #[serde(default)]
    pub options: serde_json::Map<String, serde_json::Value>,
}

/// An arrangement of panels with a version that grows with each change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layout {
    pub id: LayoutId,
    pub name: Name,
    /// 1 when first saved; given by the centre.
    #[serde(default)]
    pub version: u64,
    /// Whether it comes with the configuration and is edited as a copy.
    #[serde(default)]
    pub read_only: bool,
    /// Columns and rows of the grid.
    #[serde(default = "default_grid")]
    pub grid: (u16, u16),
    pub panels: Vec<PanelSpec>,
}

fn default_grid() -> (u16, u16) {
    GRID
}
