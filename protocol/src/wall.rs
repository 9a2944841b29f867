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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    pub wall_width_mm: f64,
    pub wall_height_mm: f64,
    pub nearest_seat_mm: f64,
    pub farthest_seat_mm: f64,
    /// Eyes that are looked from; the nearest and the farthest before the middle of the wall if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Seat>,
    /// How high above the floor the wall begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_edge_mm: Option<f64>,
    /// Light of the room that the wall gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambient_cd_m2: Option<f64>,
    /// How bright the wall is where it is white.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_cd_m2: Option<f64>,
}

/// Where someone's eyes are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seat {
    /// From the wall.
    pub distance_mm: f64,
    /// To the right of the middle of the wall.
    #[serde(default)]
    pub offset_mm: f64,
    /// Above the floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eye_height_mm: Option<f64>,
}

impl Room {
    /// The eyes that are looked from.
    #[must_use]
    pub fn eyes(&self) -> Vec<Seat> {
        if !self.seats.is_empty() {
            return self.seats.clone();
        }
        let middle = |distance_mm| Seat { distance_mm, offset_mm: 0.0, eye_height_mm: None };
        vec![middle(self.nearest_seat_mm), middle(self.farthest_seat_mm)]
    }
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
