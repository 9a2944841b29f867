//! Upright bars: figures above, periods below.

use super::{Bar, axis, threshold};
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};

/// Draws nothing and says so where figures would be too small to read.
pub(super) fn draw(tile: &mut Tile<'_, '_>, bars: &[Bar<'_>]) -> bool {
    let room = tile.room;
    let slot = room.width / bars.len().max(1) as f32;
    let figure = tile.style(Font::SemiBold, TextClass::Body, theme::TEXT);
    let name = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    let mut widest = |texts: &mut dyn Iterator<Item = &str>, style| {
        texts.map(|text| tile.paint.text.width(text, style)).fold(0.1, f32::max)
    };
    let figures = widest(&mut bars.iter().filter_map(|bar| bar.fact.as_ref()).map(|fact| fact.figure.as_str()), figure);
    let names = widest(&mut bars.iter().map(|bar| bar.name.as_str()), name);
    let factor = |width: f32| (slot * 0.97 / width).min(1.0);
    let (figure, name) = (figure.at(figure.size * factor(figures)), name.at(name.size * factor(names)));
    let least = tile.smallest();
    let (above, below) = (figure.size * LINE_HEIGHT, name.size * 1.6);
    let height = room.height - above - below - tile.px(10.0);
    if figure.size < least || name.size < least || height < least * 2.0 {
        return false;
    }
    let plot = Rect::new(room.x, room.y + above + tile.px(10.0), room.width, height);
    let range = axis(bars);
    base_line(tile, plot, range);
    for (index, bar) in bars.iter().enumerate() {
        let column = Rect { x: room.x + index as f32 * slot, width: slot, ..plot };
        draw_column(tile, bar, column, range, figure);
        let width = tile.paint.text.width(bar.name.as_str(), name);
        let label = Piece { content: bar.name.clone(), style: name };
        tile.piece(label, column.x + (slot - width) / 2.0, plot.bottom() + name.size * 1.2);
    }
    threshold_line(tile, bars, plot, range);
    true
}

fn height_of(plot: Rect, value: f64, (low, high): (f64, f64)) -> f32 {
    plot.bottom() - ((value - low) / (high - low)).clamp(0.0, 1.0) as f32 * plot.height
}

fn base_line(tile: &mut Tile<'_, '_>, plot: Rect, range: (f64, f64)) {
    let y = height_of(plot, 0.0, range);
    tile.line(vec![Point { x: plot.x, y }, Point { x: plot.right(), y }], tile.px(2.0), theme::HAIRLINE);
}

fn draw_column(tile: &mut Tile<'_, '_>, bar: &Bar<'_>, column: Rect, range: (f64, f64), style: Style) {
    let Some(fact) = &bar.fact else { return };
    let (zero, end) = (height_of(column, 0.0, range), height_of(column, fact.shown, range));
    let thick = (column.width * 0.6).min(tile.px(120.0));
    let rect = Rect::new(column.x + (column.width - thick) / 2.0, zero.min(end), thick, (zero - end).abs());
    if rect.height > 0.25 {
        tile.plate(rect, tile.px(6.0).min(rect.height / 2.0), bar.severity.fill());
    }
    let width = tile.paint.text.width(fact.figure.as_str(), style);
    let baseline = rect.y - style.size * 0.35;
    let left = column.x + (column.width - width) / 2.0;
    if let Some(mark) = bar.severity.mark().filter(|_| rect.height > style.size * 1.5) {
        mark.draw(
            tile,
            Point { x: column.x + column.width / 2.0, y: rect.y + style.size * 0.8 },
            style.size * CAP_HEIGHT,
            theme::GROUND,
        );
    }
    tile.piece(Piece::figure(fact.figure.clone(), style), left, baseline);
}

fn threshold_line(tile: &mut Tile<'_, '_>, bars: &[Bar<'_>], plot: Rect, range: (f64, f64)) {
    let Some(threshold) = threshold(bars).filter(|threshold| (range.0..=range.1).contains(threshold)) else { return };
    let y = height_of(plot, threshold, range);
    threshold_stroke(tile, vec![Point { x: plot.x, y }, Point { x: plot.right(), y }]);
}

pub(super) fn threshold_stroke(tile: &mut Tile<'_, '_>, points: Vec<Point>) {
    let dash = Some((tile.px(6.0), tile.px(8.0)));
    tile.dashed_line(points, tile.px(3.0), theme::WARNING.with_alpha(170), dash);
}
