//! How things on a map are marked: each layer has a sign of its own, and what is not normal the mark that says so.

use protocol::map::Geometry;

use crate::facts::Severity;
use crate::marks::Mark;
use crate::scene::{Point, Rect};
use crate::theme;
use crate::tile::Tile;

/// What is seen of areas through the areas of a layer.
pub(super) const LAYER_ALPHA: u8 = 90;

/// How a feature is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawing {
    Point,
    Line,
    Area,
}

impl Drawing {
    pub fn of(geometry: &Geometry) -> Self {
        match geometry {
            Geometry::Point(_) => Self::Point,
            Geometry::Line(_) => Self::Line,
            Geometry::Area(_) => Self::Area,
        }
    }
}

/// The sign of a layer, by its place among those of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign(pub usize);

impl Sign {
    /// Of a thing that stands like this, within a square of `side`, on a disc that sets it off from any ground.
    pub fn draw(self, tile: &mut Tile<'_, '_>, severity: Severity, center: Point, side: f32) {
        tile.disc(center, side * 0.66, theme::PANEL);
        match severity.mark() {
            Some(mark) => mark.draw(tile, center, side, severity.color()),
            None => self.normal(tile, center, side),
        }
    }

    fn normal(self, tile: &mut Tile<'_, '_>, center: Point, side: f32) {
        let half = side * 0.4;
        let square = Rect::new(center.x - half, center.y - half, half * 2.0, half * 2.0);
        let (color, stroke) = (theme::DATA, side * 0.16);
        match self.0 % super::options::MOST_LAYERS {
            0 => Mark::Live.draw(tile, center, side, color),
            1 => tile.plate(square.inset_all(side * 0.04), 0.0, color),
            2 => tile.outline(square, half, stroke, color),
            3 => tile.outline(square.inset_all(side * 0.04), 0.0, stroke, color),
            _ => {
                let at = |dx: f32, dy: f32| Point { x: center.x + dx * half, y: center.y + dy * half };
                tile.line(vec![at(-1.0, 0.0), at(1.0, 0.0)], stroke, color);
                tile.line(vec![at(0.0, -1.0), at(0.0, 1.0)], stroke, color);
            }
        }
    }

    /// What stands for it in the legend, within a square of `side`.
    pub fn sample(self, tile: &mut Tile<'_, '_>, drawing: Drawing, severity: Severity, center: Point, side: f32) {
        let at = |dx: f32, dy: f32| Point { x: center.x + dx * side / 2.0, y: center.y + dy * side / 2.0 };
        match drawing {
            Drawing::Point => self.draw(tile, severity, center, side),
            Drawing::Line => {
                self.line(tile, severity, vec![at(-1.0, 0.5), at(-0.2, -0.3), at(0.3, 0.3), at(1.0, -0.5)])
            }
            Drawing::Area => {
                let corners = vec![at(-0.9, -0.5), at(0.7, -0.8), at(0.9, 0.6), at(-0.6, 0.8)];
                tile.shape(corners.clone(), severity.color().with_alpha(LAYER_ALPHA));
                self.line(tile, severity, corners.iter().chain(corners.first()).copied().collect());
            }
        }
    }

    /// Of a line or an area: in the colour of how it stands, dashed where the place of its layer is odd.
    pub fn line(self, tile: &mut Tile<'_, '_>, severity: Severity, points: Vec<Point>) {
        let dash = (self.0 % 2 == 1).then(|| (tile.px(14.0), tile.px(9.0)));
        tile.dashed_line(points, tile.px(4.0), severity.color(), dash);
    }
}
