//! Charts: plotters drawing into a scene.
//!
//! Plotters counts in whole pixels, so the backend says that it is 16 times as large and scales down.

use std::convert::Infallible;
use std::ops::Range;

use earcut::Earcut;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{PathElement, Polygon as PolygonElement};
use plotters::style::{RGBAColor, ShapeStyle};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, DrawingBackend, DrawingErrorKind};

use crate::scene::{Disc, Item, Point, Polygon, Polyline, Quad, Rect, Scene};
use crate::theme::Color;

/// Steps that plotters sees within one pixel.
const FINENESS: f32 = 16.0;

/// What plotters can complain of: only its own layout, since drawing into a scene cannot fail.
pub type ChartError = DrawingAreaErrorKind<Infallible>;

/// Two axes over a rectangle of the canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub rect: Rect,
    /// Microseconds from some origin.
    pub x: Range<f64>,
    pub y: Range<f64>,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pen {
    pub color: Color,
    /// Canvas pixels.
    pub width: f32,
    /// Lengths of dash and gap in pixels.
    pub dash: Option<(f32, f32)>,
}

impl Plot {
    /// Where a point of the data lies on the canvas.
    #[must_use]
    pub fn place(&self, x: f64, y: f64) -> Point {
        let share =
            |value: f64, range: &Range<f64>| ((value - range.start) / (range.end - range.start)).clamp(0.0, 1.0) as f32;
        Point {
            x: self.rect.x + share(x, &self.x) * self.rect.width,
            y: self.rect.bottom() - share(y, &self.y) * self.rect.height,
        }
    }

    /// A line through points that lie within both ranges.
    ///
    /// # Errors
    /// Those of plotters.
    pub fn line(&self, scene: &mut Scene, points: impl Into<Vec<(f64, f64)>>, pen: Pen) -> Result<(), ChartError> {
        let style = ShapeStyle { color: rgba(pen.color), filled: false, stroke_width: (pen.width * FINENESS) as u32 };
        self.drawing_area(scene, pen.dash).draw(&PathElement::new(points, style))
    }

    /// The area between a line and the lower end of the vertical range.
    ///
    /// # Errors
    /// Those of plotters.
    pub fn area(&self, scene: &mut Scene, points: impl Into<Vec<(f64, f64)>>, fill: Color) -> Result<(), ChartError> {
        let mut corners = points.into();
        let (Some(&(left, _)), Some(&(right, _))) = (corners.first(), corners.last()) else { return Ok(()) };
        corners.extend([(right, self.y.start), (left, self.y.start)]);
        let style = ShapeStyle { color: rgba(fill), filled: true, stroke_width: 0 };
        self.drawing_area(scene, None).draw(&PolygonElement::new(corners, style))
    }

    /// With both axes and nothing around them. Elements are drawn on it as they are: series and chart builders of
    /// plotters copy all points and call through tables.
    fn drawing_area<'a>(&self, scene: &'a mut Scene, dash: Option<(f32, f32)>) -> DrawingArea<SceneBackend<'a>, Axes> {
        let whole = SceneBackend { scene, rect: self.rect, dash }.into_drawing_area();
        let (columns, rows) = whole.get_pixel_range();
        let pixels = (columns.start..columns.end - 1, rows.end - 1..rows.start);
        whole.apply_coord_spec(Axes::new(self.x.clone(), self.y.clone(), pixels))
    }
}

fn rgba(color: Color) -> RGBAColor {
    RGBAColor(color.r, color.g, color.b, f64::from(color.a) / 255.0)
}

type Axes = Cartesian2d<RangedCoordf64, RangedCoordf64>;

/// Draws for plotters into a rectangle of a scene.
struct SceneBackend<'a> {
    scene: &'a mut Scene,
    rect: Rect,
    dash: Option<(f32, f32)>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl SceneBackend<'_> {
    fn point(&self, (x, y): BackendCoord) -> Point {
        Point { x: self.rect.x + x as f32 / FINENESS, y: self.rect.y + y as f32 / FINENESS }
    }

    fn push_line<S: BackendStyle>(&mut self, mut points: Vec<Point>, style: &S) {
        points.dedup();
        if let [only] = points[..] {
            // A line of one point is a dot.
            points.push(only);
        }
        if points.len() >= 2 && style.color().alpha > 0.0 {
            let width = style.stroke_width() as f32 / FINENESS;
            self.scene.items.push(Item::Polyline(Polyline {
                points,
                width,
                color: color(style.color()),
                dash: self.dash,
            }));
        }
    }
}

fn color(BackendColor { alpha, rgb: (r, g, b) }: BackendColor) -> Color {
    Color { r, g, b, a: (alpha * 255.0).round() as u8 }
}

impl DrawingBackend for SceneBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.rect.width * FINENESS) as u32, (self.rect.height * FINENESS) as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, pixel: BackendColor) -> Drawn {
        let Point { x, y } = self.point(at);
        let side = 1.0 / FINENESS;
        let rect = Rect::new(x, y, side, side);
        self.scene.items.push(Item::Quad(Quad {
            rect,
            radius: 0.0,
            fill: color(pixel),
            border: Color::TRANSPARENT,
            border_width: 0.0,
        }));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let points = vec![self.point(from), self.point(to)];
        self.push_line(points, style);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points = path.into_iter().map(|at| self.point(at)).collect();
        self.push_line(points, style);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let rect = Rect::around(&[self.point(from), self.point(to)]);
        let (fill, border) =
            if fill { (color(style.color()), Color::TRANSPARENT) } else { (Color::TRANSPARENT, color(style.color())) };
        let border_width = if border.a > 0 { style.stroke_width() as f32 / FINENESS } else { 0.0 };
        self.scene.items.push(Item::Quad(Quad { rect, radius: 0.0, fill, border, border_width }));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, _fill: bool) -> Drawn {
        let (center, radius) = (self.point(center), radius as f32 / FINENESS);
        self.scene.items.push(Item::Disc(Disc { center, radius, fill: color(style.color()) }));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Drawn {
        let mut points: Vec<Point> = corners.into_iter().map(|at| self.point(at)).collect();
        points.dedup();
        let triangles = mountain(&points).unwrap_or_else(|| {
            let mut triangles = Vec::new();
            Earcut::new().earcut(points.iter().map(|point| [point.x, point.y]), &[], &mut triangles);
            triangles
        });
        if !triangles.is_empty() {
            let ring_ends = vec![u32::try_from(points.len()).unwrap_or(u32::MAX)];
            self.scene.items.push(Item::Polygon(Polygon { points, triangles, ring_ends, fill: color(style.color()) }));
        }
        Ok(())
    }
}

/// Triangles of the area under a line that runs to the right, closed by its flat base: much quicker than in general.
/// `None` when the points are something else.
fn mountain(points: &[Point]) -> Option<Vec<u32>> {
    let (base, line) = points.split_last_chunk::<2>().map(|(line, base)| (base, line))?;
    let (first, last) = (line.first()?, line.last()?);
    let floor = base[0].y;
    let is_mountain = base[1].y == floor
        && base[0].x == last.x
        && base[1].x == first.x
        && line.is_sorted_by(|left, right| left.x <= right.x)
        && line.iter().all(|point| point.y <= floor);
    if !is_mountain {
        return None;
    }
    let corners = u32::try_from(points.len()).ok()?;
    let at = |corner: u32| points[corner as usize];
    let mut triangles = Vec::with_capacity(points.len() * 3);
    // From the left end of the base along the line to the right end: what bends outwards is cut off at once.
    let mut open: Vec<u32> = vec![corners - 1];
    for corner in 0..corners - 1 {
        while let [.., before, tip] = open[..] {
            let (a, b, c) = (at(before), at(tip), at(corner));
            let turn = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
            if turn < 0.0 {
                break;
            }
            // What lies on a straight line covers nothing, and must not keep what follows from being cut off.
            if turn > 0.0 {
                triangles.extend([before, tip, corner]);
            }
            open.pop();
        }
        open.push(corner);
    }
    Some(triangles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_a_sixteenth_of_a_pixel() {
        let mut scene = Scene::default();
        let plot = Plot { rect: Rect::new(100.0, 50.0, 200.0, 100.0), x: 0.0..1.0, y: 0.0..1.0 };
        let pen = Pen { color: crate::theme::WHITE, width: 2.5, dash: None };
        plot.line(&mut scene, [(0.0, 0.0), (0.501, 0.502), (1.0, 1.0)], pen).unwrap();
        let [Item::Polyline(line)] = &scene.items[..] else { panic!("one line expected: {:?}", scene.items) };
        assert!((line.width - 2.5).abs() < 0.001);
        for (drawn, (x, y)) in line.points.iter().zip([(0.0, 0.0), (0.501, 0.502), (1.0, 1.0)]) {
            let meant = plot.place(x, y);
            assert!((drawn.x - meant.x).abs() <= 0.13 && (drawn.y - meant.y).abs() <= 0.13, "{drawn:?} {meant:?}");
        }
    }

    #[test]
    fn an_area_is_tessellated_and_stays_within_the_plot() {
        let mut scene = Scene::default();
        let plot = Plot { rect: Rect::new(0.0, 0.0, 200.0, 100.0), x: 0.0..10.0, y: -1.0..1.0 };
        let points: Vec<_> = (0..=10).map(|step| (f64::from(step), (f64::from(step)).sin())).collect();
        plot.area(&mut scene, points, crate::theme::WHITE).unwrap();
        let [Item::Polygon(polygon)] = &scene.items[..] else { panic!("one polygon expected: {:?}", scene.items) };
        assert_eq!(polygon.triangles.len(), 3 * (polygon.points.len() - 2));
        assert!(plot.rect.contains(&scene.items[0].bounds()));
    }

    #[test]
    fn the_quick_way_covers_what_the_general_way_covers() {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 20).unwrap())
        };
        for length in [1_u16, 2, 3, 10, 500] {
            let mut x = 0.0;
            let mut points: Vec<Point> = Vec::new();
            for _ in 0..length {
                points.push(Point { x, y: next() });
                // Several values may share a column.
                x += (next() / 1000.0).floor();
            }
            points.dedup();
            points.push(Point { x: points.last().unwrap().x, y: 5000.0 });
            points.push(Point { x: points[0].x, y: 5000.0 });
            let area = |triangles: &[u32]| -> f64 {
                let at = |index: u32| (f64::from(points[index as usize].x), f64::from(points[index as usize].y));
                let sum = triangles.chunks(3).map(|corners| {
                    let [a, b, c] = [at(corners[0]), at(corners[1]), at(corners[2])];
                    ((b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)).abs() / 2.0
                });
                sum.sum()
            };
            let mut general = Vec::new();
            Earcut::new().earcut(points.iter().map(|point| [point.x, point.y]), &[], &mut general);
            let (quick, general) = (area(&mountain(&points).unwrap()), area(&general));
            assert!((quick - general).abs() <= general * 1e-5, "{length} points: {quick}, {general}");
        }
        let zigzag = [(0.0, 0.0), (5.0, 1.0), (3.0, 2.0), (3.0, 9.0), (0.0, 9.0)].map(|(x, y)| Point { x, y });
        assert_eq!(mountain(&zigzag), None);
    }
}
