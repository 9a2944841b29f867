//! Names on the left, bars in the middle, figures on the right.

use super::{Bar, Fact, axis};
use crate::facts::{Severity, is_percent};
use crate::locale;
use crate::rows::{Rest, RowStyle, Rows};
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};

/// Where the parts of all rows stand.
struct Columns {
    names: f32,
    left: f32,
    right: f32,
    figures: f32,
}

/// Gives the ends of the axis when anything was drawn.
pub(super) fn draw(tile: &mut Tile<'_, '_>, bars: &[Bar<'_>]) -> Option<(f64, f64)> {
    tile.take_top(tile.px(10.0));
    tile.take_bottom(tile.px(8.0));
    let style = RowStyle { class: TextClass::Body, least_em: 1.4, most_height: tile.px(84.0), rest: Rest::Smaller };
    if tile.room.width < tile.smallest() * 5.0 {
        return None;
    }
    let rows = Rows::fit(tile, bars.len(), &style)?;
    let size = rows.size;
    let (name, figure) = (
        Style::new(Font::Regular, TextClass::Body, size, theme::TEXT_2),
        Style::new(Font::SemiBold, TextClass::Body, size, theme::TEXT),
    );
    let bars_shown = &bars[rows.shown.clone()];
    let columns = columns(tile, bars_shown, name, figure);
    let axis = Axis::of(bars);
    for (index, bar) in bars_shown.iter().enumerate() {
        draw_row(tile, bar, rows.place(index), &columns, axis, (name, figure));
    }
    rows.finish(tile);
    Some(axis.range)
}

/// What the length of a bar is measured by.
#[derive(Debug, Clone, Copy)]
struct Axis {
    range: (f64, f64),
    /// Whether the end of the track means something: all of a hundred per cent.
    has_track: bool,
}

impl Axis {
    fn of(bars: &[Bar<'_>]) -> Self {
        let (low, high) = axis(bars);
        let is_share = bars.iter().all(|bar| is_percent(bar.indicator)) && low >= 0.0 && high <= 100.0;
        Self { range: if is_share { (0.0, 100.0) } else { (low, high) }, has_track: is_share }
    }
}

fn columns(tile: &mut Tile<'_, '_>, bars: &[Bar<'_>], name: Style, figure: Style) -> Columns {
    let room = tile.room;
    let mut widest = |texts: &mut dyn Iterator<Item = &str>, style| {
        texts.map(|text| tile.paint.text.width(text, style)).fold(0.0, f32::max)
    };
    let names = widest(&mut bars.iter().map(|bar| bar.name.as_str()), name).min(room.width * 0.42);
    let figures = widest(&mut bars.iter().filter_map(|bar| bar.fact.as_ref()).map(|fact| fact.figure.as_str()), figure)
        .min(room.width * 0.4);
    let marks = if bars.iter().any(|bar| bar.severity != Severity::Normal) { name.size } else { 0.0 };
    let gap = name.size * 0.6;
    let left = room.x + names + gap;
    let right = room.right() - figures - marks - gap;
    Columns { names, left, right: right.max(left), figures }
}

fn draw_row(
    tile: &mut Tile<'_, '_>,
    bar: &Bar<'_>,
    row: Rect,
    columns: &Columns,
    axis: Axis,
    (name, figure): (Style, Style),
) {
    let baseline = Tile::middle_baseline(row, name.size);
    let middle = row.y + row.height / 2.0;
    tile.pieces(vec![Piece { content: bar.name.clone(), style: name }], row.x, baseline, columns.names + 1.0);
    let thick = (row.height * 0.42).min(tile.px(30.0));
    let track = Rect::new(columns.left, middle - thick / 2.0, columns.right - columns.left, thick);
    let Some(fact) = &bar.fact else {
        let words = locale::text(tile.paint.language, "no-figures");
        let style = Style { color: theme::CAPTION, ..name };
        let left = track.x + name.size * 0.4;
        tile.pieces(vec![Piece::words(words, style)], left, baseline, row.right() - left);
        return;
    };
    if axis.has_track {
        tile.plate(track, thick / 5.0, theme::HAIRLINE);
    }
    draw_bar(tile, track, fact.shown, axis.range, bar.severity);
    draw_threshold(tile, bar, track, axis.range);
    draw_figure(tile, fact, bar.severity, row, columns, figure);
}

fn draw_bar(tile: &mut Tile<'_, '_>, track: Rect, shown: f64, (low, high): (f64, f64), severity: Severity) {
    let at = |value: f64| track.x + ((value - low) / (high - low)).clamp(0.0, 1.0) as f32 * track.width;
    let (zero, end) = (at(0.0), at(shown));
    let bar = Rect { x: zero.min(end), width: (zero - end).abs(), ..track };
    if bar.width > 0.25 {
        tile.plate(bar, (track.height / 5.0).min(bar.width / 2.0), severity.fill());
    }
}

fn draw_figure(tile: &mut Tile<'_, '_>, fact: &Fact, severity: Severity, row: Rect, columns: &Columns, style: Style) {
    let ink = match severity {
        Severity::Normal => style.color,
        other => other.pill().0,
    };
    let style = Style { color: ink, ..style };
    let width = tile.paint.text.width(fact.figure.as_str(), style).min(columns.figures);
    let baseline = Tile::middle_baseline(row, style.size);
    let left = row.right() - width;
    if let Some(mark) = severity.mark() {
        mark.draw(
            tile,
            Point { x: left - style.size * 0.6, y: baseline - CAP_HEIGHT * style.size / 2.0 },
            style.size * 0.6,
            severity.color(),
        );
    }
    tile.pieces(vec![Piece::figure(fact.figure.clone(), style)], left, baseline, width + 0.5);
}

/// A mark where the figure begins to need attention.
fn draw_threshold(tile: &mut Tile<'_, '_>, bar: &Bar<'_>, track: Rect, (low, high): (f64, f64)) {
    let Some(threshold) = bar.threshold().filter(|threshold| (low..=high).contains(threshold) && *threshold != 0.0)
    else {
        return;
    };
    let width = tile.px(4.0);
    let x = track.x + ((threshold - low) / (high - low)) as f32 * (track.width - width);
    let over = track.height * 0.3;
    tile.plate(Rect::new(x, track.y - over, width, track.height + 2.0 * over), width / 2.0, theme::TEXT);
}
