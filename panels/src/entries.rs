//! Entries below one another, each of two lines: what and how much above; who, why and since when below.

use crate::marks::Mark;
use crate::rows::{Rest, RowStyle, Rows};
use crate::scene::{Point, Rect, TextContent};
use crate::text::{BASELINE, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};

/// One of them. What stands on the right keeps its room.
#[derive(Default)]
pub(crate) struct Entry {
    pub mark: Option<(Mark, Color)>,
    /// Whether the mark comes and goes.
    pub flashing: bool,
    /// Laid under it, where it stands out.
    pub plate: Option<Color>,
    pub above: Vec<Piece>,
    pub above_right: Vec<Piece>,
    pub below: Vec<Piece>,
    /// Stands there instead where not all of it has room.
    pub below_short: Vec<Piece>,
    pub below_right: Vec<Piece>,
}

/// How entries are set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Styles {
    pub name: Style,
    pub caption: Style,
}

impl Styles {
    fn of(tile: &Tile<'_, '_>, size: f32) -> Self {
        let caption = tile.em(TextClass::Caption).min(size);
        Self {
            name: Style::new(Font::SemiBold, TextClass::Title, size, theme::TEXT_2),
            caption: Style::new(Font::Regular, TextClass::Caption, caption, theme::CAPTION),
        }
    }
}

/// Least heights of an entry whose words stand in one line, and in two, with the line below them.
const ONE_LINE_EM: f32 = 2.7;
const TWO_LINES_EM: f32 = 4.0;

/// Draws `count` entries, or as many as have room, and says how many are missing; `entry` is asked by their place for
/// those that could be shown, and again for those that are. Gives how many are shown.
pub(crate) fn draw(tile: &mut Tile<'_, '_>, count: usize, rest: Rest, entry: impl Fn(usize, Styles) -> Entry) -> usize {
    tile.take_top(tile.px(10.0));
    tile.take_bottom(tile.px(8.0));
    let full = Styles::of(tile, tile.em(TextClass::Title));
    let most = Rows::most(tile, count, TextClass::Title, ONE_LINE_EM, rest);
    let entries: Vec<Entry> = (0..most).map(|index| entry(index, full)).collect();
    let has_marks = entries.iter().any(|entry| entry.mark.is_some());
    // Two lines for what is longer than one, as far as any of them is.
    let wraps = entries.iter().any(|entry| entry.is_longer(tile, has_marks));
    let (least_em, most_height) = if wraps { (TWO_LINES_EM, tile.px(220.0)) } else { (ONE_LINE_EM, tile.px(170.0)) };
    let style = RowStyle { class: TextClass::Title, least_em, most_height, rest };
    let Some(rows) = Rows::fit(tile, count, &style) else { return 0 };
    let shown = rows.shown.len();
    let styles = Styles::of(tile, rows.size);
    for (place, index) in rows.shown.clone().enumerate() {
        let entry = entry(index, styles);
        if place > 0 && entry.plate.is_none() {
            rows.rule(tile, place);
        }
        draw_entry(tile, entry, rows.place(place), styles, (has_marks, wraps));
    }
    rows.finish(tile);
    shown
}

fn draw_entry(
    tile: &mut Tile<'_, '_>,
    mut entry: Entry,
    mut row: Rect,
    styles: Styles,
    (has_marks, wraps): (bool, bool),
) {
    let size = styles.name.size;
    if let Some(plate) = entry.plate {
        tile.plate(row.inset(0.0, tile.px(2.0)), tile.px(8.0), plate);
        row = row.inset(size * 0.4, 0.0);
    }
    let middle = row.y + row.height / 2.0;
    if let Some((mark, color)) = entry.mark {
        let center = Point { x: row.x + size * 0.4, y: middle };
        if entry.flashing {
            tile.flash(|tile| mark.draw(tile, center, size * 0.8, color));
        } else {
            mark.draw(tile, center, size * 0.8, color);
        }
    }
    let left = row.x + if has_marks { size * 1.1 } else { 0.0 };
    if wraps && entry.wrap(tile, (left, row), styles) {
        return;
    }
    let (above, below) = if entry.below.is_empty() && entry.below_right.is_empty() {
        (Tile::middle_baseline(row, size), 0.0)
    } else {
        (middle - size * 0.22, middle + styles.caption.size * 1.05)
    };
    let place = Rect { x: left, width: row.right() - left, ..row };
    line(tile, (std::mem::take(&mut entry.above), std::mem::take(&mut entry.above_right)), place, above);
    entry.below(tile, place, below);
}

impl Entry {
    fn right_width(&self, tile: &mut Tile<'_, '_>) -> f32 {
        let gap = self.above_right.first().map_or(0.0, |piece| piece.style.size * 0.5);
        tile.width(&self.above_right) + gap
    }

    /// Whether its words have no room in one line beside what stands on the right.
    fn is_longer(&self, tile: &mut Tile<'_, '_>, has_marks: bool) -> bool {
        let size = self.above.first().map_or(0.0, |piece| piece.style.size);
        let inset = if self.plate.is_some() { size * 0.8 } else { 0.0 };
        let left = if has_marks { size * 1.1 } else { 0.0 };
        tile.width(&self.above) + self.right_width(tile) + left + inset > tile.room.width
    }

    /// Sets its words in two lines with the third below them; nothing, and `false`, where they have room in one.
    fn wrap(&mut self, tile: &mut Tile<'_, '_>, (left, row): (f32, Rect), styles: Styles) -> bool {
        let [Piece { content: TextContent::Words(words), style }] = &self.above[..] else { return false };
        let (words, style) = (words.clone(), *style);
        let width = row.right() - left - self.right_width(tile);
        if tile.paint.text.width(&words, style) <= width {
            return false;
        }
        let lines = style.line_height() * 2.0;
        let third = styles.caption.size * LINE_HEIGHT;
        let top = row.y + (row.height - lines - third).max(0.0) / 2.0;
        tile.paragraph(&words, style, Rect::new(left, top, width.max(0.0), lines * 1.01));
        let line_rect = Rect { x: left, width: row.right() - left, ..row };
        line(tile, (Vec::new(), std::mem::take(&mut self.above_right)), line_rect, top + BASELINE * style.size);
        let baseline = top + lines + third * 0.76;
        self.below(tile, line_rect, baseline);
        true
    }

    /// The line below, with as much of it as has room.
    fn below(&mut self, tile: &mut Tile<'_, '_>, row: Rect, baseline: f32) {
        let (mut below, right) = (std::mem::take(&mut self.below), std::mem::take(&mut self.below_right));
        let gap = right.first().map_or(0.0, |piece| piece.style.size * 0.5);
        let is_wide = tile.width(&below) + gap + tile.width(&right) > row.width;
        if is_wide && !self.below_short.is_empty() {
            below = std::mem::take(&mut self.below_short);
        }
        line(tile, (below, right), row, baseline);
    }
}

/// What stands on the right first, the rest before it.
fn line(tile: &mut Tile<'_, '_>, (pieces, right): (Vec<Piece>, Vec<Piece>), row: Rect, baseline: f32) {
    let gap = right.first().map_or(0.0, |piece| piece.style.size * 0.5);
    let left_over = row.width - tile.width(&pieces) - gap;
    let width = tile.width(&right).min(left_over.max(row.width * 0.5));
    tile.pieces(right, row.right() - width, baseline, width * 1.001);
    tile.pieces_keeping_figures(pieces, row.x, baseline, (row.width - width - gap).max(0.0));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use protocol::{PanelSpec, Timestamp, ViewState};

    use super::*;
    use crate::text::TextEngine;
    use crate::{Link, Paint, Scene};

    /// How often an entry is asked for when so many are drawn in a large tile, and how many are drawn.
    fn asked(count: usize, rest: Rest, words: &str) -> (usize, usize) {
        let spec: PanelSpec = serde_json::from_value(serde_json::json!({
            "id": "tile", "kind": "tasks", "place": { "column": 0, "row": 0, "columns": 16, "rows": 18 }
        }))
        .unwrap();
        let (view, rect, text) = (ViewState::default(), Rect::new(0.0, 0.0, 1_900.0, 2_100.0), &mut TextEngine::new());
        let (now, link, language, scale) = (Timestamp(0), Link::Live, "vi", 1.0);
        let (mut scene, asked) = (Scene::default(), Cell::new(0));
        let mut paint = Paint { spec: &spec, view: &view, now, link, language, rect, scale, text };
        draw(&mut Tile::new(&mut paint, &mut scene), count, rest, |index, styles| {
            asked.set(asked.get() + 1);
            Entry { above: vec![Piece::words(format!("{index} {words}"), styles.name)], ..Entry::default() }
        });
        let drawn = scene.texts().filter(|run| run.content.as_str().starts_with(|sign: char| sign.is_ascii_digit()));
        (asked.get(), drawn.count())
    }

    #[test]
    fn entries_that_cannot_be_shown_are_not_asked_for() {
        for rest in [Rest::Counted { more: 0 }, Rest::Counted { more: 7 }, Rest::Smaller] {
            for words in ["Kho bạc", &"Nhiệm vụ ".repeat(40)] {
                let (few, drawn) = asked(100, rest, words);
                assert!((5..100).contains(&drawn), "{rest:?}: {drawn} are drawn");
                assert!(few < 200, "{rest:?}: {few}");
                assert_eq!(asked(10_000, rest, words).0, few, "{rest:?}");
            }
        }
    }
}
