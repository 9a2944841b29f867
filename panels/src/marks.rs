//! Shapes that mean something, so that colour is never alone: ▲ warning, ◆ critical, ◌ stale, ● live.

use std::f32::consts::TAU;

use crate::scene::{Point, Rect};
use crate::theme::Color;
use crate::tile::Tile;

/// A shape with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// ▲
    Warning,
    /// ◆
    Critical,
    /// ◌
    Stale,
    /// ●
    Live,
    /// A struck square: made up for a demonstration.
    Illustrative,
    /// ✓
    Done,
    /// ▶
    Now,
    /// A hexagon: a schematic map.
    Schematic,
}

impl Mark {
    /// Draws it in the middle of a square of `side` around `center`.
    pub fn draw(self, tile: &mut Tile<'_, '_>, center: Point, side: f32, color: Color) {
        let half = side / 2.0;
        let at = |dx: f32, dy: f32| Point { x: center.x + dx * half, y: center.y + dy * half };
        match self {
            Self::Warning => tile.shape(vec![at(0.0, -0.85), at(0.95, 0.8), at(-0.95, 0.8)], color),
            Self::Critical => tile.shape(vec![at(0.0, -1.0), at(1.0, 0.0), at(0.0, 1.0), at(-1.0, 0.0)], color),
            Self::Live => tile.disc(center, half * 0.8, color),
            Self::Stale => {
                for step in 0..8u8 {
                    let angle = f32::from(step) / 8.0 * TAU;
                    tile.disc(at(0.8 * angle.cos(), 0.8 * angle.sin()), half * 0.2, color);
                }
            }
            Self::Now => tile.shape(vec![at(-0.6, -0.8), at(0.8, 0.0), at(-0.6, 0.8)], color),
            Self::Done => {
                tile.line(vec![at(-0.75, 0.05), at(-0.2, 0.6), at(0.8, -0.6)], side * 0.14, color);
            }
            Self::Illustrative => {
                let frame = Rect::new(center.x - half * 0.8, center.y - half * 0.8, side * 0.8, side * 0.8);
                tile.outline(frame, half * 0.2, side * 0.1, color);
                tile.line(vec![at(-0.45, 0.45), at(0.45, -0.45)], side * 0.1, color);
            }
            Self::Schematic => {
                let corners = [(0.0, -1.0), (0.87, -0.5), (0.87, 0.5), (0.0, 1.0), (-0.87, 0.5), (-0.87, -0.5)];
                tile.shape(corners.map(|(dx, dy)| at(dx * 0.95, dy * 0.95)).to_vec(), color);
            }
        }
    }
}

/// What tells points of several lines apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
}

impl Marker {
    /// Draws it around `center`.
    pub fn draw(self, tile: &mut Tile<'_, '_>, center: Point, radius: f32, color: Color) {
        let at = |dx: f32, dy: f32| Point { x: center.x + dx * radius, y: center.y + dy * radius };
        match self {
            Self::Disc => tile.disc(center, radius, color),
            Self::Square => tile.shape(vec![at(-0.9, -0.9), at(0.9, -0.9), at(0.9, 0.9), at(-0.9, 0.9)], color),
            Self::Triangle => tile.shape(vec![at(0.0, -1.2), at(1.1, 0.9), at(-1.1, 0.9)], color),
            Self::Diamond => tile.shape(vec![at(0.0, -1.3), at(1.3, 0.0), at(0.0, 1.3), at(-1.3, 0.0)], color),
        }
    }
}
