//! The time of day and the date, as large as the tile allows.

use protocol::{Catalogue, PanelSpec, Timestamp, ViewState};
use serde::Deserialize;

use crate::label::Label;
use crate::options::parse;
use crate::scene::{Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, number};

/// The kind `clock`.
pub struct Clock;

/// Of the time, in em; the date stands below it.
const DATE_SIZE: f32 = 0.3;
/// From the time's capitals to the date's, in em of the time.
const GAP: f32 = 0.3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
}

impl Panel for Clock {
    fn kind(&self) -> &'static str {
        "clock"
    }

    fn needs(&self, spec: &PanelSpec, _: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        parse::<Options>(spec).map(|_| Needs::default())
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (language, now) = (paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        if let Some(title) = &options.title {
            tile.title_row(title.in_language(language), None, false);
        }
        draw(&mut tile, Label::clock(now), Label::weekday_and_date(now, language));
    }

    fn next_change(&self, _: &PanelSpec, _: &ViewState, now: Timestamp) -> Option<Timestamp> {
        Some(number::next_second(now))
    }
}

fn draw(tile: &mut Tile<'_, '_>, time: Label, date: Label) {
    let room = tile.room;
    let largest = tile.style(Font::DisplaySemiBold, TextClass::LargeClock, theme::TEXT);
    // Capitals of both lines and what lies between them.
    let tall = CAP_HEIGHT * (1.0 + DATE_SIZE) + GAP;
    let clock = largest.at(largest.size.min(room.height / tall));
    let clock = clock.at(tile.paint.text.size_for(time.as_str(), clock, room.width));
    let below =
        Style::new(Font::Regular, TextClass::LargeDate, (clock.size * DATE_SIZE).max(tile.smallest()), theme::TEXT_3);
    let below = below.at(tile.paint.text.size_for(date.as_str(), below, room.width));
    let height = CAP_HEIGHT * (clock.size + below.size) + GAP * clock.size;
    if height > room.height {
        // The time alone rather than both too small.
        let alone = clock.at(clock.size.min(room.height / CAP_HEIGHT));
        return tile.centred(Piece::label(time, alone), room, Tile::middle_baseline(room, alone.size));
    }
    let top = room.y + (room.height - height) / 2.0;
    tile.centred(Piece::label(time, clock), room, top + CAP_HEIGHT * clock.size);
    tile.centred(Piece::label(date, below), room, top + height);
}
