//! Arrangements of panels.

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::observation::Name;
use crate::{LayoutId, PanelId};

/// Columns and rows of the grid of a 16:9 canvas.
pub const GRID: (u16, u16) = (32, 18);

/// A rectangle in grid cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cells {
    pub column: u16,
    pub row: u16,
    pub columns: u16,
    pub rows: u16,
}

impl Cells {
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

/// A rectangle anywhere on the canvas, in shares of its width and height: 0 is left and top, 1 right and bottom.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Free {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Where a panel stands on a canvas of any size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Place {
    /// On the grid, with its margins and gutters.
    Cells(Cells),
    /// Off the grid, up to the very edge.
    Free(Free),
}

impl Place {
    /// In cells of the grid.
    #[must_use]
    pub const fn cells(column: u16, row: u16, columns: u16, rows: u16) -> Self {
        Self::Cells(Cells { column, row, columns, rows })
    }

    /// Its cells, if it stands on the grid.
    #[must_use]
    pub fn on_grid(&self) -> Option<&Cells> {
        match self {
            Self::Cells(cells) => Some(cells),
            Self::Free(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PlaceFields { column, row, columns, rows, left, top, width, height } =
            Deserialize::deserialize(deserializer)?;
        let on_grid = [column, row, columns, rows].iter().any(Option::is_some);
        let is_free = [left, top, width, height].iter().any(Option::is_some);
        if on_grid && is_free {
            return Err(D::Error::custom(
                "a place has either column, row, columns and rows in cells of the grid, \
                 or left, top, width and height as shares of the canvas",
            ));
        }
        if is_free {
            let share = |share: Option<f64>, name| share.ok_or_else(|| D::Error::missing_field(name));
            let (left, top) = (share(left, "left")?, share(top, "top")?);
            return Ok(Self::Free(Free { left, top, width: share(width, "width")?, height: share(height, "height")? }));
        }
        let cell = |cell: Option<u16>, name| cell.ok_or_else(|| D::Error::missing_field(name));
        let (column, row) = (cell(column, "column")?, cell(row, "row")?);
        Ok(Self::cells(column, row, cell(columns, "columns")?, cell(rows, "rows")?))
    }
}

/// Either of the two, so that what is missing can be named.
#[derive(Deserialize)]
struct PlaceFields {
    column: Option<u16>,
    row: Option<u16>,
    columns: Option<u16>,
    rows: Option<u16>,
    left: Option<f64>,
    top: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Place, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_on_the_grid_or_free() {
        let cells = r#"{"column":1,"row":2,"columns":3,"rows":4}"#;
        let free = r#"{"left":0.25,"top":0.0,"width":0.5,"height":1.0}"#;
        assert_eq!(read(cells), Ok(Place::cells(1, 2, 3, 4)));
        assert_eq!(read(free), Ok(Place::Free(Free { left: 0.25, top: 0.0, width: 0.5, height: 1.0 })));
        for json in [cells, free] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn what_is_missing_or_mixed_is_named() {
        for (json, said) in [
            ("{}", "missing field `column`"),
            (r#"{"column":1,"row":2,"columns":3}"#, "missing field `rows`"),
            (r#"{"left":0.1,"top":0.1,"width":0.5}"#, "missing field `height`"),
            (r#"{"column":1,"row":2,"columns":3,"rows":4,"left":0.1}"#, "a place has either column"),
            (r#"{"column":-1,"row":2,"columns":3,"rows":4}"#, "invalid value: integer `-1`"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(said), "{json}: {error}");
        }
    }
}
