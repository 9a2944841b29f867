//! A picture as plain data: what to draw, in canvas pixels, in painting order.
//!
//! Every number in it is a [`Figure`](TextContent::Figure) with its [`Provenance`], or a [`Label`]
//! (axis ticks, clocks, dates, ordinals), which cannot hold an indicator's value.

use std::ops::Range;
use std::sync::Arc;

use crate::image::Raster;
use crate::label::Label;
use crate::provenance::{Figure, Provenance};
use crate::theme::{Color, TextClass, Theme};

/// A point in canvas pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// A rectangle in canvas pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    #[must_use]
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }
    #[must_use]
    pub fn right(&self) -> f32 {
        self.x + self.width
    }
    #[must_use]
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }
    /// Whether `other` lies within, to a hundredth of a pixel.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        const ROUNDING: f32 = 0.01;
        other.x >= self.x - ROUNDING
            && other.y >= self.y - ROUNDING
            && other.right() <= self.right() + ROUNDING
            && other.bottom() <= self.bottom() + ROUNDING
    }
    /// Whether a point lies within.
    #[must_use]
    pub fn has(&self, point: Point) -> bool {
        (self.x..=self.right()).contains(&point.x) && (self.y..=self.bottom()).contains(&point.y)
    }
    /// Whether they have more than an edge in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
    /// Left, top, width and height.
    #[must_use]
    pub const fn sides(&self) -> [f32; 4] {
        [self.x, self.y, self.width, self.height]
    }
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width * self.height
    }
    /// The smallest one around both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) = (self.right().max(other.right()), self.bottom().max(other.bottom()));
        Self::new(x, y, right - x, bottom - y)
    }
    #[must_use]
    pub fn middle(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }
    /// The smallest one around points; empty for none.
    #[must_use]
    pub fn around(points: &[Point]) -> Self {
        let Some(first) = points.first() else { return Self::default() };
        let (mut min, mut max) = (*first, *first);
        for point in points {
            min = Point { x: min.x.min(point.x), y: min.y.min(point.y) };
            max = Point { x: max.x.max(point.x), y: max.y.max(point.y) };
        }
        Self::new(min.x, min.y, max.x - min.x, max.y - min.y)
    }
    /// Smaller by `by` on all sides; larger where that is negative.
    #[must_use]
    pub fn inset_all(&self, by: f32) -> Self {
        Self::new(self.x + by, self.y + by, self.width - 2.0 * by, self.height - 2.0 * by)
    }
    /// Smaller by `dx` on the left and right and `dy` above and below, never negative.
    #[must_use]
    pub fn inset(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x + dx, self.y + dy, (self.width - 2.0 * dx).max(0.0), (self.height - 2.0 * dy).max(0.0))
    }
}

/// A rounded rectangle with an inner border.
#[derive(Debug, Clone, PartialEq)]
pub struct Quad {
    pub rect: Rect,
    pub radius: f32,
    pub fill: Color,
    pub border: Color,
    /// 0 for none.
    pub border_width: f32,
}

/// A line through points with round joins and caps.
#[derive(Debug, Clone, PartialEq)]
pub struct Polyline {
    pub points: Vec<Point>,
    pub width: f32,
    pub color: Color,
    /// Lengths of dash and gap in pixels; solid if absent.
    pub dash: Option<(f32, f32)>,
}

/// A filled polygon: triangles over points, tessellated where it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    pub points: Vec<Point>,
    /// Three indices a triangle.
    pub triangles: Vec<u32>,
    /// Where each ring of `points` ends, the outer one first; for outlines in SVG.
    pub ring_ends: Vec<u32>,
    pub fill: Color,
}

/// A filled circle.
#[derive(Debug, Clone, PartialEq)]
pub struct Disc {
    pub center: Point,
    pub radius: f32,
    pub fill: Color,
}

/// A part of a picture from a file.
#[derive(Debug, Clone)]
pub struct Image {
    /// Where it is shown.
    pub rect: Rect,
    /// What of it is shown, in its own pixels.
    pub part: Rect,
    /// What is to be seen, for those who cannot see it.
    pub label: Arc<str>,
    pub source: Arc<protocol::Image>,
    pub raster: Arc<Raster>,
}

impl PartialEq for Image {
    /// Pictures are decoded once: other pixels are another raster.
    fn eq(&self, other: &Self) -> bool {
        self.rect == other.rect && self.part == other.part && Arc::ptr_eq(&self.raster, &other.raster)
    }
}

/// What a run of text says.
#[derive(Debug, Clone, PartialEq)]
pub enum TextContent {
    /// Words from the catalogue or the locales: names, titles, units.
    Words(Arc<str>),
    /// Words that say whether the picture is the present; whoever shows the picture longer than that hides them.
    State(Arc<str>),
    /// A number that is no indicator's value.
    Label(Label),
    /// A number with where it comes from.
    Figure(Figure),
}

impl TextContent {
    /// As it is read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Words(text) | Self::State(text) => text,
            Self::Figure(figure) => figure.as_str(),
            Self::Label(label) => label.as_str(),
        }
    }
}

/// One placed glyph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    /// The place of the face in [`crate::text::FACES`].
    pub face: u8,
    pub id: u16,
    /// Where its letters begin in the text as [`one_line`](crate::text::one_line), in bytes.
    pub text_at: u32,
    /// The pen's position on the baseline, in canvas pixels.
    pub x: f32,
    pub y: f32,
}

/// Shaped text: the string and its glyphs, from one font at one size.
#[derive(Debug, Clone, PartialEq)]
pub struct TextRun {
    pub content: TextContent,
    pub class: TextClass,
    /// Em.
    pub size: f32,
    pub color: Color,
    pub glyphs: Vec<Glyph>,
    /// The box of the line: from the pen's start to its end, one line height high.
    pub bounds: Rect,
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Quad(Quad),
    Polyline(Polyline),
    Polygon(Polygon),
    Disc(Disc),
    Text(TextRun),
    Image(Image),
}

impl Item {
    /// What it covers, in canvas pixels.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        match self {
            Self::Quad(quad) => quad.rect,
            Self::Polyline(line) => Rect::around(&line.points).inset_all(-line.width / 2.0),
            Self::Polygon(polygon) => Rect::around(&polygon.points),
            Self::Disc(disc) => Rect::new(
                disc.center.x - disc.radius,
                disc.center.y - disc.radius,
                2.0 * disc.radius,
                2.0 * disc.radius,
            ),
            Self::Text(run) => run.bounds,
            Self::Image(image) => image.rect,
        }
    }
}

/// A picture: items in painting order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scene {
    pub items: Vec<Item>,
    /// Texts that had no room.
    pub left_out: Vec<Arc<str>>,
    /// The places of the items that come and go, twice a second; empty for none. They are painted as if they stayed.
    pub flashing: Range<usize>,
}

impl From<Vec<Item>> for Scene {
    fn from(items: Vec<Item>) -> Self {
        Self { items, ..Self::default() }
    }
}

impl Item {
    /// Every colour in it.
    pub fn colors_mut(&mut self) -> impl Iterator<Item = &mut Color> {
        let (color, border) = match self {
            Self::Quad(quad) => (Some(&mut quad.fill), Some(&mut quad.border)),
            Self::Polyline(line) => (Some(&mut line.color), None),
            Self::Polygon(polygon) => (Some(&mut polygon.fill), None),
            Self::Disc(disc) => (Some(&mut disc.fill), None),
            Self::Text(run) => (Some(&mut run.color), None),
            Self::Image(_) => (None, None),
        };
        color.into_iter().chain(border)
    }
}

impl Scene {
    /// Leaves out what flashes, as it is in every other moment.
    pub fn hide_flashing(&mut self) {
        self.items.drain(std::mem::take(&mut self.flashing));
    }

    /// The same picture in a theme.
    #[must_use]
    pub fn in_theme(mut self, theme: Theme) -> Self {
        for color in self.items.iter_mut().flat_map(Item::colors_mut) {
            *color = color.in_theme(theme);
        }
        self
    }

    /// The same picture without what says that it is the present: for paper, which is looked at later.
    #[must_use]
    pub fn without_state(mut self) -> Self {
        let state = self.state();
        if self.flashing.start >= state.end {
            self.flashing = self.flashing.start - state.len()..self.flashing.end - state.len();
        }
        self.items.drain(state);
        self
    }

    /// The words that say whether the picture is the present, with the plate and mark before them; empty for none.
    #[must_use]
    pub fn state(&self) -> Range<usize> {
        let is_state = |item: &Item| matches!(item, Item::Text(TextRun { content: TextContent::State(_), .. }));
        let Some(words) = self.items.iter().position(is_state) else { return 0..0 };
        let before = &self.items[..words];
        let plate = before.iter().rev().find_map(|item| match item {
            Item::Quad(quad) if quad.rect.contains(&self.items[words].bounds()) => Some(quad.rect),
            _ => None,
        });
        let on_plate = |item: &&Item| plate.is_some_and(|plate| plate.contains(&item.bounds()));
        words - before.iter().rev().take_while(on_plate).count()..words + 1
    }

    /// The runs of text in painting order.
    pub fn texts(&self) -> impl Iterator<Item = &TextRun> {
        self.items.iter().filter_map(|item| match item {
            Item::Text(run) => Some(run),
            _ => None,
        })
    }

    /// Every drawn number with its provenance.
    pub fn figures(&self) -> impl Iterator<Item = (&str, &Arc<Provenance>)> {
        self.texts().filter_map(|run| match &run.content {
            TextContent::Figure(figure) => Some((figure.as_str(), figure.provenance())),
            _ => None,
        })
    }
}
