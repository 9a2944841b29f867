//! What is written on a map: a name and a figure on a plate of the panel's colour, readable on any step of the ramp.

use crate::facts::Severity;
use crate::provenance::Figure;
use crate::scene::{Point, Rect, TextContent};
use crate::text::{BASELINE, CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};

/// What is not seen of the ground through a plate.
const PLATE_ALPHA: u8 = 225;

/// How a tag is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Form {
    /// The figure below the name or beside it.
    pub is_stacked: bool,
    pub has_name: bool,
    /// At the smallest legible size.
    pub is_small: bool,
}

impl Form {
    pub const STACKED: Self = Self { is_stacked: true, has_name: true, is_small: false };
    pub const IN_LINE: Self = Self { is_stacked: false, ..Self::STACKED };
    pub const BARE: Self = Self { has_name: false, ..Self::STACKED };

    pub const fn small(self) -> Self {
        Self { is_small: true, ..self }
    }
}

/// A name, a figure and how it stands.
#[derive(Debug, Clone)]
pub(super) struct Tag<'a> {
    pub name: Option<&'a str>,
    /// Words where there is no figure.
    pub figure: Option<TextContent>,
    /// Behind the figure.
    pub unit: Option<&'a str>,
    pub severity: Severity,
    /// Whether a mark stands before the figure; points on a map are marks themselves.
    pub has_mark: bool,
}

/// The lines of a tag.
struct Lines {
    name: Option<Piece>,
    figure: Option<Piece>,
    unit: Option<Piece>,
    /// Width that the mark takes before the figure.
    mark: f32,
    is_stacked: bool,
}

impl<'a> Tag<'a> {
    pub fn new(name: Option<&'a str>, figure: Option<TextContent>, severity: Severity) -> Self {
        Self { name, figure, unit: None, severity, has_mark: severity.mark().is_some() }
    }

    /// A figure, or what stands for none.
    pub fn figure(figure: Option<Figure>) -> TextContent {
        figure.map_or_else(|| TextContent::Words("–".into()), TextContent::Figure)
    }

    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.figure.is_none()
    }

    fn lines(&self, tile: &Tile<'_, '_>, form: Form) -> Lines {
        let style = |font, class, color| {
            let style = tile.style(font, class, color);
            if form.is_small { style.at(tile.smallest().min(style.size)) } else { style }
        };
        let ink = match self.severity {
            Severity::Normal => theme::TEXT,
            other => other.pill().0,
        };
        let figure = self.figure.clone().map(|content| {
            let style = style(Font::SemiBold, TextClass::Body, ink);
            let style =
                if matches!(content, TextContent::Words(_)) { Style { color: theme::TEXT_3, ..style } } else { style };
            Piece { content, style }
        });
        let mark = figure.as_ref().filter(|_| self.has_mark).map_or(0.0, |figure| figure.style.size * 0.9);
        let name = self.name.filter(|_| form.has_name || figure.is_none());
        let name = name.map(|name| Piece::words(name, style(Font::Regular, TextClass::Caption, theme::TEXT_2)));
        let unit = self.unit.filter(|_| figure.is_some());
        let unit =
            unit.map(|unit| Piece::words(format!(" {unit}"), style(Font::Regular, TextClass::Caption, theme::TEXT_3)));
        Lines { name, figure, unit, mark, is_stacked: form.is_stacked }
    }

    pub fn size(&self, tile: &mut Tile<'_, '_>, form: Form) -> (f32, f32) {
        let lines = self.lines(tile, form);
        let (name, figure) = lines.widths(tile);
        let height = |piece: &Option<Piece>| piece.as_ref().map_or(0.0, |piece| piece.style.size * LINE_HEIGHT);
        let (above, below) = (height(&lines.name), height(&lines.figure));
        let pad = lines.pad();
        match lines.is_stacked {
            true => (name.max(figure) + pad * 2.0, above + below),
            false => (name + lines.gap() + figure + pad * 2.0, above.max(below)),
        }
    }

    /// Fills a rectangle of its size.
    pub fn draw(self, tile: &mut Tile<'_, '_>, form: Form, rect: Rect) {
        let lines = self.lines(tile, form);
        if let (Some(name), None) = (self.name, &lines.name) {
            tile.leave_out(name);
        }
        tile.plate(rect, tile.px(8.0).min(rect.height / 2.0), theme::PANEL.with_alpha(PLATE_ALPHA));
        let (name_width, figure_width) = lines.widths(tile);
        let (pad, gap) = (lines.pad(), lines.gap());
        let Lines { name, figure, unit, mark, is_stacked } = lines;
        let middle = |width: f32| rect.x + (rect.width - width) / 2.0;
        let mut figure_left = if is_stacked { middle(figure_width) } else { rect.x + pad + name_width + gap };
        let name_height = name.as_ref().filter(|_| is_stacked).map_or(0.0, |name| name.style.size * LINE_HEIGHT);
        let figure_baseline = figure.as_ref().map_or(0.0, |figure| rect.y + name_height + figure.style.size * BASELINE);
        if let Some(name) = name {
            let baseline = match (is_stacked, &figure) {
                (false, Some(_)) => figure_baseline,
                _ => rect.y + name.style.size * BASELINE,
            };
            let left = if is_stacked { middle(name_width) } else { rect.x + pad };
            tile.piece(name, left, baseline);
        }
        let Some(figure) = figure else { return };
        if let Some(shape) = self.severity.mark().filter(|_| mark > 0.0) {
            let size = figure.style.size;
            let center = Point { x: figure_left + size * 0.35, y: figure_baseline - CAP_HEIGHT * size / 2.0 };
            shape.draw(tile, center, size * 0.66, self.severity.color());
            figure_left += mark;
        }
        let end = tile.piece(figure, figure_left, figure_baseline);
        unit.map(|unit| tile.piece(unit, end, figure_baseline));
    }
}

impl Lines {
    /// Of the name, and of the figure with its mark and unit.
    fn widths(&self, tile: &mut Tile<'_, '_>) -> (f32, f32) {
        let mut width =
            |piece: &Option<Piece>| piece.as_ref().map_or(0.0, |piece| tile.width(std::slice::from_ref(piece)));
        (width(&self.name), self.mark + width(&self.figure) + width(&self.unit))
    }

    fn em(&self) -> f32 {
        self.name.iter().chain(&self.figure).map(|piece| piece.style.size).fold(0.0, f32::max)
    }

    fn pad(&self) -> f32 {
        self.em() * 0.25
    }

    fn gap(&self) -> f32 {
        if self.name.is_some() && self.figure.is_some() { self.em() * 0.35 } else { 0.0 }
    }
}
