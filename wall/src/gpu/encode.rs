//! Scene → what the pipelines read: instances, vertices and points, in batches that keep the painting order.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use panels::Rect;
use panels::image::Raster;
use panels::scene::{Disc, Image, Item, Point, Polygon, Polyline, Quad, Scene, TextRun};
use panels::theme::Color;

use super::atlas::{Atlas, AtlasFull};
use crate::damage;

/// One rounded rectangle.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct QuadInstance {
    rect: [f32; 4],
    shape: [f32; 2],
    fill: [u8; 4],
    border: [u8; 4],
}

/// One corner of a triangle.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct PolygonVertex {
    place: [f32; 2],
    color: [u8; 4],
}

/// One glyph at whole pixels.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct GlyphInstance {
    place: [f32; 2],
    texels: [u16; 4],
    color: [u8; 4],
}

/// One point of a polyline, as in polylines.wgsl.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct LinePoint {
    place: [f32; 2],
    run: f32,
    style: u32,
}

/// How a polyline looks, as in polylines.wgsl.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct LineStyle {
    width: f32,
    dash: f32,
    gap: f32,
    color: [u8; 4],
}

/// A part of a picture, as in images.wgsl.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct ImageInstance {
    rect: [f32; 4],
    part: [f32; 4],
}

/// Which pipeline draws a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Quads,
    Polygons,
    Glyphs,
    Polylines,
    Images,
}

/// Neighbours in painting order that one draw call can take: instances, vertices, or points of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub shape: Shape,
    pub range: Range<u32>,
    /// Nothing of it lies outside; `None` when nobody knows.
    pub bounds: Option<Rect>,
}

/// A scene in the shape the GPU takes. Reused from scene to scene.
#[derive(Debug, Default)]
pub struct Encoded {
    pub quads: Vec<QuadInstance>,
    pub vertices: Vec<PolygonVertex>,
    pub glyphs: Vec<GlyphInstance>,
    pub points: Vec<LinePoint>,
    pub styles: Vec<LineStyle>,
    pub images: Vec<ImageInstance>,
    /// What each of `images` shows.
    pub rasters: Vec<Arc<Raster>>,
    pub batches: Vec<Batch>,
    /// Of the item that is being encoded.
    bounds: Option<Rect>,
}

impl Encoded {
    /// Puts `scene` in the place of what was there; returns how many glyphs found no room and were left out.
    ///
    /// Then the atlas is to be emptied and every scene encoded again.
    pub fn encode(&mut self, scene: &Scene, atlas: &mut Atlas) -> usize {
        self.clear();
        let mut left_out = 0;
        for item in &scene.items {
            self.bounds = damage::ink(item);
            match item {
                Item::Quad(quad) => self.quad(quad),
                Item::Disc(disc) => self.quad(&as_quad(disc)),
                Item::Polygon(polygon) => self.polygon(polygon),
                Item::Polyline(line) => self.polyline(line),
                Item::Text(run) => left_out += self.text(run, atlas),
                Item::Image(image) => self.image(image),
            }
        }
        left_out
    }

    fn clear(&mut self) {
        self.quads.clear();
        self.vertices.clear();
        self.glyphs.clear();
        self.points.clear();
        self.styles.clear();
        self.images.clear();
        self.rasters.clear();
        self.batches.clear();
    }

    /// Adds to the last batch when it is of the same shape, so that painting order is kept.
    fn batch(&mut self, shape: Shape, start: usize, end: usize) {
        let (start, end) = (count(start), count(end));
        if start == end {
            return;
        }
        match self.batches.last_mut() {
            Some(last) if last.shape == shape => {
                last.range.end = end;
                last.bounds = last.bounds.zip(self.bounds).map(|(all, one)| all.union(&one));
            }
            _ => self.batches.push(Batch { shape, range: start..end, bounds: self.bounds }),
        }
    }

    fn quad(&mut self, quad: &Quad) {
        let rect = quad.rect;
        let place = rect.sides();
        if !place.iter().all(|side| side.is_finite()) || rect.width <= 0.0 || rect.height <= 0.0 {
            return;
        }
        let start = self.quads.len();
        self.quads.push(QuadInstance {
            rect: place,
            shape: [quad.radius.max(0.0), quad.border_width.max(0.0)],
            fill: rgba(quad.fill),
            border: rgba(quad.border),
        });
        self.batch(Shape::Quads, start, start + 1);
    }

    fn polygon(&mut self, polygon: &Polygon) {
        let start = self.vertices.len();
        let color = rgba(polygon.fill);
        for triangle in polygon.triangles.chunks_exact(3) {
            let corners = triangle
                .iter()
                .filter_map(|index| polygon.points.get(*index as usize))
                .filter(|point| is_finite(point));
            let before = self.vertices.len();
            self.vertices.extend(corners.map(|point| PolygonVertex { place: [point.x, point.y], color }));
            if self.vertices.len() != before + 3 {
                self.vertices.truncate(before);
            }
        }
        self.batch(Shape::Polygons, start, self.vertices.len());
    }

    fn polyline(&mut self, line: &Polyline) {
        let start = self.points.len();
        let style = count(self.styles.len());
        let mut run = 0.0;
        let mut last: Option<Point> = None;
        for &point in line.points.iter().filter(|point| is_finite(point)) {
            run += last.map_or(0.0, |last| distance(last, point));
            self.points.push(LinePoint { place: [point.x, point.y], run, style });
            last = Some(point);
        }
        if self.points.len() == start {
            return;
        }
        if self.points.len() == start + 1 {
            self.points.push(self.points[start]);
        }
        let (dash, gap) = line.dash.unwrap_or_default();
        self.styles.push(LineStyle { width: line.width, dash, gap, color: rgba(line.color) });
        self.batch(Shape::Polylines, start, self.points.len());
    }

    fn image(&mut self, image: &Image) {
        let (rect, part) = (image.rect.sides(), image.part.sides());
        if !rect.iter().chain(&part).all(|side| side.is_finite()) {
            return;
        }
        let start = self.images.len();
        self.images.push(ImageInstance { rect, part });
        self.rasters.push(Arc::clone(&image.raster));
        self.batch(Shape::Images, start, start + 1);
    }

    fn text(&mut self, run: &TextRun, atlas: &mut Atlas) -> usize {
        let (start, mut left_out) = (self.glyphs.len(), 0);
        let color = rgba(run.color);
        let size = atlas.size(run.size);
        for glyph in run.glyphs.iter().filter(|glyph| glyph.x.is_finite() && glyph.y.is_finite()) {
            match atlas.place(glyph, size) {
                Ok(Some((place, texels))) => self.glyphs.push(GlyphInstance { place, texels, color }),
                Ok(None) => {}
                Err(AtlasFull) => left_out += 1,
            }
        }
        self.batch(Shape::Glyphs, start, self.glyphs.len());
        left_out
    }
}

fn as_quad(disc: &Disc) -> Quad {
    let side = disc.radius * 2.0;
    Quad {
        rect: panels::Rect::new(disc.center.x - disc.radius, disc.center.y - disc.radius, side, side),
        radius: disc.radius,
        fill: disc.fill,
        border: Color::TRANSPARENT,
        border_width: 0.0,
    }
}

/// Quicker than `hypot`, and on a canvas as exact.
fn distance(from: Point, to: Point) -> f32 {
    let (dx, dy) = (f64::from(to.x - from.x), f64::from(to.y - from.y));
    (dx * dx + dy * dy).sqrt() as f32
}

fn is_finite(point: &Point) -> bool {
    point.x.is_finite() && point.y.is_finite()
}

fn rgba(color: Color) -> [u8; 4] {
    [color.r, color.g, color.b, color.a]
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quad(x: f32) -> Item {
        let rect = panels::Rect::new(x, 0.0, 10.0, 10.0);
        Item::Quad(Quad {
            rect,
            radius: 2.0,
            fill: Color::rgb(0x11_2233),
            border: Color::TRANSPARENT,
            border_width: 0.0,
        })
    }

    fn line(points: &[(f32, f32)]) -> Item {
        let points = points.iter().map(|&(x, y)| Point { x, y }).collect();
        Item::Polyline(Polyline { points, width: 2.0, color: Color::rgb(0), dash: None })
    }

    fn encode(items: Vec<Item>) -> Encoded {
        let mut encoded = Encoded::default();
        assert_eq!(encoded.encode(&Scene::from(items), &mut Atlas::new(256)), 0);
        encoded
    }

    #[test]
    fn neighbours_of_a_kind_share_a_batch_and_the_order_is_kept() {
        let disc = Item::Disc(Disc { center: Point { x: 5.0, y: 5.0 }, radius: 3.0, fill: Color::rgb(0) });
        let encoded =
            encode(vec![quad(0.0), disc, line(&[(0.0, 0.0), (1.0, 1.0)]), line(&[(2.0, 0.0), (3.0, 1.0)]), quad(20.0)]);
        let batches: Vec<_> = encoded.batches.iter().map(|batch| (batch.shape, batch.range.clone())).collect();
        assert_eq!(batches, [(Shape::Quads, 0..2), (Shape::Polylines, 0..4), (Shape::Quads, 2..3)]);
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let encoded = encode(vec![
            quad(f32::NAN),
            line(&[(0.0, 0.0), (f32::INFINITY, 0.0), (3.0, 4.0)]),
            line(&[(f32::NAN, 0.0)]),
        ]);
        assert!(encoded.quads.is_empty());
        assert_eq!(encoded.points.len(), 2);
        assert_eq!(encoded.points[1].run, 5.0);
        assert_eq!(encoded.batches.len(), 1);
    }

    #[test]
    fn a_triangle_that_names_a_missing_point_is_left_out() {
        let points = vec![Point { x: 0.0, y: 0.0 }, Point { x: 4.0, y: 0.0 }, Point { x: 0.0, y: 4.0 }];
        let polygon = Polygon { points, triangles: vec![0, 1, 9, 0, 1, 2], ring_ends: vec![3], fill: Color::rgb(0) };
        assert_eq!(encode(vec![Item::Polygon(polygon)]).vertices.len(), 3);
    }
}
