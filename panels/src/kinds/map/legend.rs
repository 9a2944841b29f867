//! What colours and signs mean, in rows below the map.

use protocol::Indicator;
use protocol::observation::Period;

use super::LayerShown;
use super::classes::Classes;
use super::sign::{Drawing, Sign};
use crate::facts::Severity;
use crate::label::Label;
use crate::locale;
use crate::scene::{Point, Rect};
use crate::text::{Font, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};

/// The share of the room that a legend may take.
const MOST_SHARE: f32 = 0.28;

/// A part of an entry.
enum Bit {
    Swatch(Color),
    Sign(Sign, Drawing, Severity),
    Piece(Piece),
}

/// Things that stand side by side and are not parted.
type Entry = Vec<Bit>;

/// A layer as the legend tells of it.
pub(super) struct Told<'a> {
    pub shown: &'a LayerShown<'a>,
    /// Features that lie in no frame of the map.
    pub outside: usize,
}

/// What the colours of areas mean.
pub(super) struct Ramp<'a> {
    pub classes: &'a Classes,
    pub indicator: &'a Indicator,
    /// Whether some areas have no figure.
    pub has_gaps: bool,
}

/// Takes rows off the bottom of the room for all there is to tell; `None` where there is nothing, or no room for it.
pub(super) fn reserve(tile: &mut Tile<'_, '_>, ramp: Option<&Ramp<'_>>, layers: &[Told<'_>]) -> Option<Rect> {
    let style = style(tile);
    let rows = rows(tile, ramp, layers, style).len();
    let height = line(style) * rows as f32;
    if rows == 0 || tile.room.height * MOST_SHARE < height {
        return None;
    }
    let block = tile.take_bottom(height + style.size * 0.4);
    Some(Rect { y: block.y + style.size * 0.2, height, ..block })
}

/// Fills what was reserved for `layers`; with all that is known of them by now, where that has room too.
pub(super) fn draw(
    tile: &mut Tile<'_, '_>,
    ramp: Option<&Ramp<'_>>,
    layers: &[Told<'_>],
    known: &[Told<'_>],
    block: Rect,
) {
    let style = style(tile);
    let line = line(style);
    let whole = rows(tile, ramp, known, style);
    let has_room = whole.len() as f32 * line <= block.height + 0.5;
    let rows = if has_room { whole } else { rows(tile, ramp, layers, style) };
    let mut row = Rect { height: line, ..block };
    for entries in rows {
        let mut pen = row.x;
        for entry in entries {
            pen = entry_at(tile, entry, style, pen, row) + gap(style);
        }
        row.y += line;
    }
}

fn style(tile: &Tile<'_, '_>) -> Style {
    tile.style(Font::Regular, TextClass::Caption, theme::TEXT_3)
}

fn line(style: Style) -> f32 {
    style.line_height() * 1.1
}

/// Between entries.
fn gap(style: Style) -> f32 {
    style.size * 1.2
}

/// Entries in as many rows as they need.
fn rows(tile: &mut Tile<'_, '_>, ramp: Option<&Ramp<'_>>, layers: &[Told<'_>], style: Style) -> Vec<Vec<Entry>> {
    let mut entries = ramp.map(|ramp| ramp.entries(tile, style)).unwrap_or_default();
    entries.extend(layers.iter().map(|told| told.entry(tile, style)));
    let mut rows: Vec<Vec<Entry>> = Vec::new();
    let mut used = f32::INFINITY;
    for entry in entries {
        let width = entry.iter().map(|bit| width(tile, bit, style)).sum::<f32>();
        if used + gap(style) + width > tile.room.width {
            rows.push(Vec::new());
            used = -gap(style);
        }
        used += gap(style) + width;
        if let Some(row) = rows.last_mut() {
            row.push(entry);
        }
    }
    rows
}

fn width(tile: &mut Tile<'_, '_>, bit: &Bit, style: Style) -> f32 {
    match bit {
        Bit::Swatch(_) => style.size * 2.2,
        Bit::Sign(..) => style.size * 1.4,
        Bit::Piece(piece) => tile.width(std::slice::from_ref(piece)),
    }
}

/// Gives where it ends.
fn entry_at(tile: &mut Tile<'_, '_>, entry: Entry, style: Style, left: f32, row: Rect) -> f32 {
    let middle = row.y + row.height / 2.0;
    let mut pen = left;
    for bit in entry {
        let width = width(tile, &bit, style);
        match bit {
            Bit::Swatch(color) => {
                let (height, edge) = (style.size * 0.62, style.size * 0.3);
                let rect = Rect::new(pen + edge, middle - height / 2.0, width - edge * 2.0, height);
                tile.plate(rect, height * 0.15, color);
                // Even the lowest step has to be told from the panel.
                tile.outline(rect, height * 0.15, tile.px(1.5), theme::GAP);
            }
            Bit::Sign(sign, drawing, severity) => {
                sign.sample(tile, drawing, severity, Point { x: pen + style.size * 0.5, y: middle }, style.size * 0.8);
            }
            Bit::Piece(piece) => {
                let baseline = Tile::middle_baseline(row, piece.style.size);
                tile.pieces(vec![piece], pen, baseline, (row.right() - pen).max(0.0));
            }
        }
        pen += width;
    }
    pen
}

impl Ramp<'_> {
    /// `20 ▬ 40 ▬ 60 ▬ 80 %`
    fn entries(&self, tile: &Tile<'_, '_>, style: Style) -> Vec<Entry> {
        let language = tile.paint.language;
        let bound = |value: f64| Bit::Piece(Piece::label(Label::tick(value, self.classes.decimals, language), style));
        let mut bar: Entry = self.classes.ends.map(|(low, _)| bound(low)).into_iter().collect();
        for (place, color) in self.classes.colors().into_iter().enumerate() {
            bar.push(Bit::Swatch(color));
            let end = self.classes.ends.map(|(_, high)| high);
            bar.extend(self.classes.breaks.get(place).copied().or(end).map(bound));
        }
        let unit = self.indicator.unit.in_language(language);
        if !unit.trim().is_empty() {
            bar.push(Bit::Piece(Piece::words(format!(" {unit}"), style)));
        }
        let none = || {
            let words = Piece::words(locale::text(language, "no-figures"), style);
            vec![Bit::Swatch(theme::INSET), Bit::Piece(words)]
        };
        std::iter::once(bar).chain(self.has_gaps.then(none)).collect()
    }
}

impl Told<'_> {
    /// `● Trạm quan trắc · 14/8`, `● Tàu cá · 08:30 · Chi cục Thủy sản`
    fn entry(&self, tile: &Tile<'_, '_>, style: Style) -> Entry {
        let (language, now) = (tile.paint.language, tile.paint.now);
        let LayerShown { layer, sign, severity, source, .. } = self.shown;
        let name = layer.name.in_language(language);
        let kind = layer.features.first().map_or(Drawing::Point, |feature| Drawing::of(&feature.geometry));
        let ink = if severity.is_overdue() { theme::STALE_TEXT } else { theme::CAPTION };
        let ink = Style { color: ink, ..style };
        let age = match (layer.time, severity) {
            (None, _) => Piece::words(locale::text(language, "no-figures"), ink),
            (Some(time), Severity::Stale | Severity::Lost) => Piece::label(Label::age(time, now, language), ink),
            (Some(time), _) => Piece::label(Label::as_of(Period::Continuous, time, now, language, true), ink),
        };
        let mut entry = vec![
            Bit::Sign(*sign, kind, *severity),
            Bit::Piece(Piece::words(format!("{name} · "), style)),
            Bit::Piece(age),
        ];
        if let Some(source) = source {
            entry.push(Bit::Piece(Piece::words(format!(" · {source}"), style)));
        }
        if self.outside > 0 {
            let count = Label::count("outside-map", self.outside, language);
            entry.push(Bit::Piece(Piece::words(" ", style)));
            entry.push(Bit::Piece(Piece::label(count, Style { color: theme::CAPTION, ..style })));
        }
        entry
    }
}
