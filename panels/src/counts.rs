//! Counts side by side, each over its words.

use crate::label::Label;
use crate::marks::Mark;
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};

/// One of them.
pub(crate) struct Count {
    pub number: Label,
    pub font: Font,
    pub ink: Color,
    /// Stands behind the number.
    pub mark: Option<(Mark, Color)>,
    pub words: String,
}

fn words_style(tile: &Tile<'_, '_>) -> Style {
    tile.style(Font::Regular, TextClass::Caption, theme::CAPTION)
}

/// Whether words have room below one count of so many.
pub(crate) fn fits(tile: &mut Tile<'_, '_>, words: &str, of: usize) -> bool {
    let style = words_style(tile);
    let slot = tile.room.width / of as f32 - style.size * 0.5;
    tile.paint.text.width(words, style) <= slot
}

/// Takes a strip off the top for them; nothing where that would leave too little for the rest.
pub(crate) fn draw(tile: &mut Tile<'_, '_>, counts: Vec<Count>) {
    let (numeral, words) = (tile.em(TextClass::Heading), words_style(tile));
    let height = numeral * CAP_HEIGHT + words.line_height() + tile.px(26.0);
    if tile.room.height < height * 1.5 {
        return;
    }
    let strip = tile.take_top(height);
    let slot = strip.width / counts.len() as f32;
    for (index, count) in counts.into_iter().enumerate() {
        let place = Rect { x: strip.x + index as f32 * slot, width: slot - words.size * 0.5, ..strip };
        let baseline = place.y + tile.px(14.0) + numeral * CAP_HEIGHT;
        let number = Piece::label(count.number, tile.style(count.font, TextClass::Heading, count.ink));
        let pen = tile.pieces(vec![number], place.x, baseline, place.width);
        if let Some((mark, color)) = count.mark {
            let center = Point { x: pen + numeral * 0.3, y: baseline - CAP_HEIGHT * numeral / 2.0 };
            mark.draw(tile, center, numeral * 0.4, color);
        }
        tile.pieces(vec![Piece::words(count.words, words)], place.x, baseline + words.line_height(), place.width);
    }
}
