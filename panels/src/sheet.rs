//! Lines with columns: a name, and what stands beside it.

use crate::marks::Mark;
use crate::rows::{Rest, RowStyle, Rows};
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};

/// Which edge of its column a cell stands at: numbers right, so that digits stand below digits; words left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// What stands above a column.
pub(crate) struct Head {
    pub words: String,
    pub align: Align,
}

/// One line: as many cells as there are heads.
pub(crate) struct Line {
    pub mark: Option<(Mark, Color)>,
    pub name: Vec<Piece>,
    pub cells: Vec<Vec<Piece>>,
}

/// Between columns, in em.
const GAP: f32 = 0.9;
/// What names share at most of the width when cells want more.
const LEAST_NAMES: f32 = 0.25;

/// Draws `count` lines below their heads, on pages where they have no room; `line` is asked for those that are shown,
/// by their place and the size of their text.
pub(crate) fn draw(tile: &mut Tile<'_, '_>, heads: Vec<Head>, count: usize, line: impl Fn(usize, f32) -> Line) {
    let caption = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    tile.take_top(tile.px(8.0));
    tile.take_bottom(tile.px(8.0));
    let head = tile.take_top(caption.line_height() * 2.0);
    let style = RowStyle { class: TextClass::Body, least_em: 1.45, most_height: tile.px(96.0), rest: Rest::Pages };
    let Some(rows) = Rows::fit(tile, count, &style) else { return };
    let size = rows.size;
    let lines: Vec<Line> = rows.shown.clone().map(|index| line(index, size)).collect();
    let aligns: Vec<Align> = heads.iter().map(|head| head.align).collect();
    let one_line: Vec<Vec<String>> = heads.iter().map(|head| vec![head.words.clone()]).collect();
    let has_room = Columns::wanted(tile, &lines, &one_line, caption, size).iter().sum::<f32>() <= Columns::most(tile);
    let heads =
        if has_room { one_line } else { heads.into_iter().map(|head| two_lines(tile, &head.words, caption)).collect() };
    let columns = Columns::of(tile, &lines, &heads, caption, size);
    let indent = if lines.iter().any(|line| line.mark.is_some()) { size * 1.1 } else { 0.0 };
    for ((words, place), align) in heads.into_iter().zip(&columns.cells).zip(&aligns) {
        let row = Rect { height: caption.line_height(), ..place.at(head) };
        // Down to the rule, whether it has one line or two.
        for (up, words) in words.into_iter().rev().enumerate() {
            let y = head.bottom() - (up + 1) as f32 * row.height;
            aligned(tile, *align, vec![Piece::words(words, caption)], Rect { y, ..row });
        }
    }
    for (index, line) in lines.into_iter().enumerate() {
        let row = rows.place(index);
        rows.rule(tile, index);
        name(tile, line.mark, line.name, (columns.names.at(row), indent), size);
        for ((pieces, place), align) in line.cells.into_iter().zip(&columns.cells).zip(&aligns) {
            aligned(tile, *align, pieces, place.at(row));
        }
    }
    rows.finish(tile);
}

/// Words of several broken where both lines are about as long.
fn two_lines(tile: &mut Tile<'_, '_>, words: &str, style: Style) -> Vec<String> {
    let longest = |(first, second): &(&str, &str), tile: &mut Tile<'_, '_>| {
        tile.paint.text.width(first, style).max(tile.paint.text.width(second, style))
    };
    let breaks = words.match_indices(' ').map(|(at, _)| (&words[..at], &words[at + 1..]));
    let best = breaks.min_by(|a, b| longest(a, tile).total_cmp(&longest(b, tile)));
    best.map_or_else(|| vec![words.to_owned()], |(first, second)| vec![first.to_owned(), second.to_owned()])
}

/// Left edge and width of a column.
#[derive(Debug, Clone, Copy)]
struct Place {
    left: f32,
    width: f32,
}

impl Place {
    fn at(self, row: Rect) -> Rect {
        Rect { x: self.left, width: self.width, ..row }
    }
}

/// Names take what the others leave.
struct Columns {
    names: Place,
    cells: Vec<Place>,
}

impl Columns {
    /// What cells may take.
    fn most(tile: &Tile<'_, '_>) -> f32 {
        tile.room.width * (1.0 - LEAST_NAMES)
    }

    /// How wide each column has to be.
    fn wanted(tile: &mut Tile<'_, '_>, lines: &[Line], heads: &[Vec<String>], caption: Style, size: f32) -> Vec<f32> {
        let widest = |column: usize| {
            let head = heads[column].iter().map(|words| tile.paint.text.width(words, caption)).fold(0.0, f32::max);
            let cells = lines.iter().filter_map(|line| line.cells.get(column));
            cells.map(|pieces| tile.width(pieces)).fold(head, f32::max) + size * GAP
        };
        (0..heads.len()).map(widest).collect()
    }

    fn of(tile: &mut Tile<'_, '_>, lines: &[Line], heads: &[Vec<String>], caption: Style, size: f32) -> Self {
        let gap = size * GAP;
        let mut widths = Self::wanted(tile, lines, heads, caption, size);
        let (all, most) = (widths.iter().sum::<f32>(), Self::most(tile));
        if all > most {
            widths.iter_mut().for_each(|width| *width *= most / all);
        }
        let names = Place { left: tile.room.x, width: tile.room.width - widths.iter().sum::<f32>() };
        let mut left = names.left + names.width;
        let place = |width: f32| {
            let place = Place { left: left + gap, width: (width - gap).max(0.0) };
            left += width;
            place
        };
        Self { names, cells: widths.into_iter().map(place).collect() }
    }
}

/// With the mark of how it stands before it.
fn name(
    tile: &mut Tile<'_, '_>,
    mark: Option<(Mark, Color)>,
    pieces: Vec<Piece>,
    (cell, indent): (Rect, f32),
    size: f32,
) {
    let baseline = Tile::middle_baseline(cell, size);
    if let Some((mark, color)) = mark {
        let center = Point { x: cell.x + size * 0.4, y: baseline - CAP_HEIGHT * size / 2.0 };
        mark.draw(tile, center, size * 0.66, color);
    }
    tile.pieces(pieces, cell.x + indent, baseline, (cell.width - indent).max(0.0));
}

fn aligned(tile: &mut Tile<'_, '_>, align: Align, pieces: Vec<Piece>, cell: Rect) {
    let size = pieces.first().map_or(0.0, |piece| piece.style.size);
    let width = tile.width(&pieces).min(cell.width);
    let left = if align == Align::Left { cell.x } else { cell.right() - width };
    tile.pieces(pieces, left, Tile::middle_baseline(cell, size), width * 1.001);
}
