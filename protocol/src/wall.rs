//! Walls: what they are made of and how far the seats are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{LayoutId, WallId};

/// The whole picture, bezel gaps included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Canvas {
    pub width_px: u32,
    pub height_px: u32,
}

/// One physical screen and the part of the canvas it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Display {
    pub name: String,
    pub x_px: u32,
    pub y_px: u32,
    pub width_px: u32,
    pub height_px: u32,
}

/// The room, for legibility.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    pub wall_width_mm: f64,
    pub wall_height_mm: f64,
    pub nearest_seat_mm: f64,
    pub farthest_seat_mm: f64,
}

/// A wall and the layout it shows when nothing else was shown on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Wall {
    pub id: WallId,
    pub name: Name,
    pub canvas: Canvas,
    /// One that covers the canvas if empty.
    #[serde(default)]
    pub displays: Vec<Display>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Shown until another one is.
    pub layout: LayoutId,
    /// How long after its tick a frame is presented; 0 for one process, at most 250.
    #[serde(default)]
    pub lead_ms: u32,
}
