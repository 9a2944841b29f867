//! Rows below one another: how large they are set, and pages where they do not all fit.

use std::ops::Range;

use protocol::Timestamp;

use crate::label::Label;
use crate::scene::{Point, Rect};
use crate::text::{Font, LINE_HEIGHT};
use crate::theme::{self, SPACING, TextClass};
use crate::tile::{Piece, Tile};

/// How long a page stands before the next one.
const PAGE_MICROS: i64 = 12 * 1_000_000;
/// Of fewer rows a page is not worth turning: they are set smaller instead.
const FEWEST_OF_PAGE: f32 = 3.0;

/// Of its size that text may lose and still look the same.
const LEAST_SHARE: f32 = 0.92;

/// What becomes of rows that have no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They come on the next page.
    Pages,
    /// They are counted, with so many more that are not even asked for; the first are what matters.
    Counted { more: usize },
    /// All are set smaller as long as they can be read, and counted only then: they are compared with one another.
    Smaller,
}

/// How rows are to be set.
pub(crate) struct RowStyle {
    pub class: TextClass,
    /// Height of a row in em of its text, at least.
    pub least_em: f32,
    /// At most, in canvas pixels.
    pub most_height: f32,
    pub rest: Rest,
}

/// Rows in the room of a tile.
pub(crate) struct Rows {
    room: Rect,
    /// Em of the text.
    pub size: f32,
    height: f32,
    /// Which of all are shown now.
    pub shown: Range<usize>,
    /// What is said below of those that are not, and where.
    note: Option<(Label, Rect)>,
}

impl Rows {
    /// As many of the first of `count` rows as may have to be looked at, each at least `least_em` high.
    pub fn most(tile: &Tile<'_, '_>, count: usize, class: TextClass, least_em: f32, rest: Rest) -> usize {
        if rest == Rest::Pages {
            return count;
        }
        let least = tile.smallest().min(tile.em(class)) * least_em;
        // One more, since `fit` may round otherwise.
        count.min((tile.room.height / least).floor() as usize + 1)
    }

    /// Takes the room of `count` rows; `None` where there is none for a single one.
    pub fn fit(tile: &mut Tile<'_, '_>, count: usize, style: &RowStyle) -> Option<Self> {
        let (room, full, least) = (tile.room, tile.em(style.class), tile.smallest().min(tile.em(style.class)));
        let all = |size: f32| count as f32 * size * style.least_em;
        if count == 0 || room.height < least * style.least_em {
            return None;
        }
        let more = if let Rest::Counted { more } = style.rest { more } else { 0 };
        // Rows that need not all be seen at once are rather left for later than set much smaller.
        let least_for_all = if style.rest != Rest::Smaller && room.height >= full * style.least_em * FEWEST_OF_PAGE {
            least.max(full * LEAST_SHARE)
        } else {
            least
        };
        if more == 0 && all(least_for_all) <= room.height {
            let size = (full * room.height / all(full)).min(full);
            let height = (room.height / count as f32).min(style.most_height.max(size * style.least_em));
            return Some(Self { room, size, height, shown: 0..count, note: None });
        }
        let note = tile.em(TextClass::Caption) * LINE_HEIGHT;
        let left = room.height - note;
        let size = if left >= full * style.least_em * FEWEST_OF_PAGE { full } else { least };
        let fitting = ((left / (size * style.least_em)).floor() as usize).min(count);
        if fitting == 0 {
            return None;
        }
        let height = (left / fitting as f32).min(style.most_height.max(size * style.least_em));
        let note = Rect { y: room.bottom() - note, height: note, ..room };
        let (shown, said) = match style.rest {
            Rest::Counted { .. } | Rest::Smaller => {
                (0..fitting, Label::count("more", count - fitting + more, tile.paint.language))
            }
            Rest::Pages => page(count, fitting, tile.paint.now, tile.paint.language),
        };
        Some(Self { room, size, height, shown, note: Some((said, note)) })
    }

    /// Where the row at `index` of those that are shown stands.
    pub fn place(&self, index: usize) -> Rect {
        Rect { y: self.room.y + index as f32 * self.height, height: self.height, ..self.room }
    }

    /// A hairline above a row.
    pub fn rule(&self, tile: &mut Tile<'_, '_>, index: usize) {
        let row = self.place(index);
        let ends = [row.x, row.right()].map(|x| Point { x, y: row.y });
        tile.line(ends.to_vec(), tile.px(SPACING.border), theme::HAIRLINE);
    }

    /// Says what is not shown.
    pub fn finish(self, tile: &mut Tile<'_, '_>) {
        let Some((said, place)) = self.note else { return };
        let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
        tile.pieces(vec![Piece::label(said, style)], place.x, Tile::middle_baseline(place, style.size), place.width);
    }
}

fn page(count: usize, fitting: usize, now: Timestamp, language: &str) -> (Range<usize>, Label) {
    let pages = count.div_ceil(fitting);
    let turned = turned(pages, now);
    // As many on each page as on the others, or one less.
    let first = |page: usize| page * count / pages;
    (first(turned)..first(turned + 1), Label::page(turned + 1, pages, count, language))
}

/// Which of so many pages is shown.
pub(crate) fn turned(pages: usize, now: Timestamp) -> usize {
    now.as_micros().div_euclid(PAGE_MICROS).rem_euclid(pages.max(1) as i64) as usize
}

/// When a page of rows is turned next.
pub(crate) fn next_page(now: Timestamp) -> Timestamp {
    Timestamp(now.as_micros().div_euclid(PAGE_MICROS).saturating_add(1).saturating_mul(PAGE_MICROS))
}
