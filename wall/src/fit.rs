//! Puts scenes of one canvas onto another of a different size, whole and undistorted.

use panels::Rect;
use panels::scene::{Item, Point, Quad, Scene};
use panels::theme::{self, Color};
use protocol::Canvas;

/// The wall's canvas, in pixels of the one that is drawn on: `drawn = arranged * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    scale: f32,
    offset: Point,
}

impl Fit {
    /// As large as fits, centred.
    #[must_use]
    pub fn new(arranged: Canvas, drawn: Canvas) -> Self {
        let (from_width, from_height) = (arranged.width_px.max(1) as f32, arranged.height_px.max(1) as f32);
        let (width, height) = (drawn.width_px as f32, drawn.height_px as f32);
        let scale = (width / from_width).min(height / from_height);
        let offset = Point {
            x: ((width - from_width * scale) / 2.0).round(),
            y: ((height - from_height * scale) / 2.0).round(),
        };
        Self { scale, offset }
    }

    #[must_use]
    pub fn is_identity(&self) -> bool {
        *self == Self { scale: 1.0, offset: Point::default() }
    }

    /// The whole pixels of a tile.
    #[must_use]
    pub fn tile(&self, rect: Rect) -> Rect {
        let rect = self.rect(rect);
        let (left, top) = (rect.x.round(), rect.y.round());
        Rect::new(left, top, rect.right().round() - left, rect.bottom().round() - top)
    }

    /// A scene of the tile `rect`, on an opaque ground of whole pixels.
    #[must_use]
    pub fn scene(&self, rect: Rect, mut scene: Scene) -> Scene {
        if self.is_identity() {
            return scene;
        }
        scene.items.iter_mut().for_each(|item| self.item(item));
        let rect = self.tile(rect);
        let ground = Quad { rect, radius: 0.0, fill: theme::GROUND, border: Color::TRANSPARENT, border_width: 0.0 };
        scene.items.insert(0, Item::Quad(ground));
        scene
    }

    fn rect(&self, rect: Rect) -> Rect {
        let at = self.point(Point { x: rect.x, y: rect.y });
        Rect::new(at.x, at.y, rect.width * self.scale, rect.height * self.scale)
    }

    fn point(&self, point: Point) -> Point {
        Point { x: point.x * self.scale + self.offset.x, y: point.y * self.scale + self.offset.y }
    }

    fn item(&self, item: &mut Item) {
        match item {
            Item::Quad(quad) => {
                quad.rect = self.rect(quad.rect);
                quad.radius *= self.scale;
                quad.border_width *= self.scale;
            }
            Item::Polyline(line) => {
                line.points.iter_mut().for_each(|point| *point = self.point(*point));
                line.width *= self.scale;
                line.dash = line.dash.map(|(dash, gap)| (dash * self.scale, gap * self.scale));
            }
            Item::Polygon(polygon) => polygon.points.iter_mut().for_each(|point| *point = self.point(*point)),
            Item::Image(image) => image.rect = self.rect(image.rect),
            Item::Disc(disc) => {
                disc.center = self.point(disc.center);
                disc.radius *= self.scale;
            }
            Item::Text(run) => {
                for glyph in &mut run.glyphs {
                    let at = self.point(Point { x: glyph.x, y: glyph.y });
                    (glyph.x, glyph.y) = (at.x, at.y);
                }
                run.size *= self.scale;
                run.bounds = self.rect(run.bounds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Canvas = Canvas { width_px: 3840, height_px: 2160 };

    #[test]
    fn the_same_size_changes_nothing() {
        assert!(Fit::new(WALL, WALL).is_identity());
    }

    #[test]
    fn another_shape_is_centred_and_tiles_are_whole_pixels() {
        let fit = Fit::new(WALL, Canvas { width_px: 1000, height_px: 1000 });
        let whole = fit.tile(Rect::new(0.0, 0.0, 3840.0, 2160.0));
        assert_eq!((whole.x, whole.width, whole.y), (0.0, 1000.0, 219.0));
        let tile = fit.tile(Rect::new(101.0, 333.0, 777.0, 555.0));
        assert!([tile.x, tile.y, tile.right(), tile.bottom()].iter().all(|edge| edge.fract() == 0.0), "{tile:?}");
    }
}
