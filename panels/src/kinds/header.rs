//! The head of a wall: who we are, what is shown, whether it is live, and the time.

use protocol::message::Mode;
use protocol::{Catalogue, ObservationStatus, PanelSpec, Timestamp, ViewState};
use serde::Deserialize;

use crate::label::Label;
use crate::marks::Mark;
use crate::options::parse;
use crate::scene::{Point, Rect, Scene};
use crate::text::{BASELINE, CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Link, Needs, OptionsError, Paint, Panel, locale, number, place};

/// The kind `header`.
pub struct Header;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The name of the layout if absent.
    #[serde(default)]
    title: Option<Wording>,
    /// The organisation and its centre if absent.
    #[serde(default)]
    organisation: Option<Wording>,
}

impl Panel for Header {
    fn kind(&self) -> &'static str {
        "header"
    }

    fn needs(&self, spec: &PanelSpec, _: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        parse::<Options>(spec).map(|_| Needs::default())
    }

    fn has_plate(&self) -> bool {
        false
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (organisation, heading) = names(&options, paint);
        let rect = paint.rect;
        let state = State::of(paint);
        let mut tile = Tile::new(paint, scene);
        tile.room = rect;
        // Whether the picture can be trusted comes first: in a narrow header the clock gives way.
        if state.width(&mut tile) + clock_width(&mut tile) <= rect.width {
            clock(&mut tile);
            tile.room.width = (tile.room.width - tile.px(56.0)).max(0.0);
        }
        state.draw(&mut tile);
        illustrative_pill(&mut tile);
        let width = (tile.room.width - tile.px(40.0)).max(0.0);
        let line = tile.style(Font::Regular, TextClass::Date, theme::CAPTION);
        let line = line.at(line.size.min(rect.height * 0.22));
        let head = tile.style(Font::DisplaySemiBold, TextClass::Heading, theme::TEXT);
        let head = head.at(head.size.min(rect.height * 0.52));
        let (first, second) = baselines(rect, line.size, head.size, head.size + 0.25 * line.size);
        tile.pieces(vec![Piece::words(organisation.to_uppercase(), line)], rect.x, first, width);
        tile.pieces(vec![Piece::words(heading, head)], rect.x, second, width);
    }

    fn next_change(&self, _: &PanelSpec, _: &ViewState, now: Timestamp) -> Option<Timestamp> {
        Some(number::next_second(now))
    }
}

fn names(options: &Options, paint: &Paint<'_>) -> (String, String) {
    let language = paint.language;
    let arranged = paint.view.arranged();
    let organisation = match (&options.organisation, arranged) {
        (Some(wording), _) => wording.in_language(language).to_owned(),
        (None, Some(arranged)) => {
            let names =
                [&arranged.catalogue.organisation, &arranged.catalogue.centre].map(|name| name.in_language(language));
            names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" · ")
        }
        (None, None) => String::new(),
    };
    let heading = match (&options.title, arranged) {
        (Some(wording), _) => wording.in_language(language).to_owned(),
        (None, Some(arranged)) => arranged.layout.name.in_language(language).to_owned(),
        (None, None) => locale::text(language, "waiting"),
    };
    (organisation, heading)
}

/// The clock and the date below it.
fn clock_pieces(tile: &Tile<'_, '_>) -> [Piece; 2] {
    let (now, language, height) = (tile.paint.now, tile.paint.language, tile.room.height);
    let clock = tile.style(Font::DisplaySemiBold, TextClass::Clock, theme::TEXT);
    let date = tile.style(Font::Regular, TextClass::Date, theme::TEXT_3);
    [
        Piece::label(Label::clock(now), clock.at(clock.size.min(height * 0.55))),
        Piece::label(Label::weekday_and_date(now, language), date.at(date.size.min(height * 0.27))),
    ]
}

fn clock_width(tile: &mut Tile<'_, '_>) -> f32 {
    let widths = clock_pieces(tile).map(|piece| tile.width(&[piece]));
    widths[0].max(widths[1]) + tile.px(56.0)
}

/// Takes its room on the right.
fn clock(tile: &mut Tile<'_, '_>) {
    let [clock, date] = clock_pieces(tile);
    let room = tile.room;
    let apart = 1.25 * date.style.size;
    let (first, second) = baselines(room, clock.style.size, date.style.size, apart);
    let mut widest = 0f32;
    for (piece, baseline) in [(clock, first), (date, second)] {
        let width = tile.width(std::slice::from_ref(&piece)).min(room.width);
        tile.pieces(vec![piece], room.right() - width, baseline, width * 1.001);
        widest = widest.max(width);
    }
    tile.room.width -= widest;
}

/// The baselines of two lines, `apart` from each other or a little more, in the middle of `rect`.
fn baselines(rect: Rect, upper: f32, lower: f32, apart: f32) -> (f32, f32) {
    let (above, below) = (BASELINE * upper, (LINE_HEIGHT - BASELINE) * lower);
    let spare = (rect.height - above - apart - below).max(0.0);
    let apart = apart + spare.min(lower * 0.2);
    let first = rect.y + (rect.height - above - apart - below).max(0.0) / 2.0 + above;
    (first, first + apart)
}

/// Whether the layout has a header with room to tell whether this is the present, so that no tile has to.
pub(crate) fn tells_state(paint: &mut Paint<'_>) -> bool {
    let state = State::of(paint);
    let Some(arranged) = paint.view.arranged() else { return false };
    let (scale, language) = (place::scale(arranged.canvas), paint.language);
    let mut headers = place::tiles(&arranged.layout, arranged.canvas)
        .filter(|(spec, _)| spec.kind == "header" && parse::<Options>(spec).is_ok());
    headers.any(|(spec, rect)| {
        let (view, now, link) = (paint.view, paint.now, paint.link);
        let mut header = Paint { spec, view, now, link, language, rect, scale, text: &mut *paint.text };
        let mut unseen = Scene::default();
        let mut tile = Tile::unmarked(&mut header, &mut unseen);
        tile.room = rect;
        rect.height >= tile.smallest() * 1.5 && state.least_width(&mut tile) <= rect.width
    })
}

/// Whether this is the present, and whether the link to it holds.
struct State {
    words: String,
    mark: Mark,
    ink: Color,
    plate: Color,
    border: Color,
}

impl State {
    fn of(paint: &Paint<'_>) -> Self {
        let (language, mode) = (paint.language, paint.view.arranged().map_or(Mode::Live, |arranged| arranged.mode));
        let since = |key, since| locale::text_with(language, key, &[("time", &number::clock(since))]);
        let (words, mark, ink, plate, border) = match (paint.link, mode) {
            (Link::Lost { since: at }, _) => {
                (since("link-lost", at), Mark::Critical, theme::CRITICAL_TEXT, theme::CRITICAL_PLATE, theme::CRITICAL)
            }
            (Link::LogAway { since: at }, _) => {
                (since("log-away", at), Mark::Warning, theme::WARNING_TEXT, theme::WARNING_PLATE, theme::WARNING)
            }
            (Link::Live, Mode::Live) => {
                (locale::text(language, "live"), Mark::Live, theme::LIVE, theme::INSET, theme::LIVE.with_alpha(150))
            }
            (Link::Live, Mode::Replay) => {
                (locale::text(language, "replay"), Mark::Stale, theme::INK, theme::WARNING, theme::WARNING)
            }
            (Link::Live, Mode::Rehearsal) => {
                (locale::text(language, "rehearsal"), Mark::Stale, theme::WHITE, theme::REHEARSAL, theme::REHEARSAL)
            }
        };
        Self { words, mark, ink, plate, border }
    }

    fn style(&self, tile: &Tile<'_, '_>) -> Style {
        tile.style(Font::SemiBold, TextClass::Body, self.ink)
    }

    /// At its full size.
    fn width(&self, tile: &mut Tile<'_, '_>) -> f32 {
        let style = self.style(tile);
        tile.paint.text.width(&self.words, style) + style.size * BADGE_MARGINS
    }

    /// At the smallest size that can be read.
    fn least_width(&self, tile: &mut Tile<'_, '_>) -> f32 {
        let style = self.style(tile);
        let least = style.at(style.size.min(tile.smallest()));
        // A little more than that, since sizes are rounded down to fit.
        tile.paint.text.width(&self.words, least) * 1.01 + style.size * BADGE_MARGINS
    }

    fn draw(self, tile: &mut Tile<'_, '_>) {
        let style = self.style(tile);
        badge(tile, (self.mark, Piece::state(self.words, style)), self.plate, self.border);
    }
}

/// The key to the mark that tiles with made-up figures carry.
fn illustrative_pill(tile: &mut Tile<'_, '_>) {
    let view = tile.paint.view;
    let simulated = |status| status == ObservationStatus::Simulated;
    let shown = view.latest_values().any(|observation| simulated(observation.status))
        || view.windows().iter().any(|window| window.buckets.values().any(|bucket| simulated(bucket.status)));
    if shown {
        let words = locale::text(tile.paint.language, "illustrative");
        let style = tile.style(Font::Regular, TextClass::Caption, theme::TEXT_3);
        badge(tile, (Mark::Illustrative, Piece::words(words, style)), theme::INSET, theme::HAIRLINE);
    }
}

/// What a badge is wider than its words, in em.
const BADGE_MARGINS: f32 = 2.6;

/// A mark and words on a plate at the right end of the room, of which it takes its width.
fn badge(tile: &mut Tile<'_, '_>, (mark, piece): (Mark, Piece), plate: Color, border: Color) {
    let style = piece.style;
    let room = tile.room;
    let height = tile.px(74.0).min(room.height * 0.8);
    let wanted = tile.width(std::slice::from_ref(&piece)) + style.size * BADGE_MARGINS;
    let width = wanted.min(room.width);
    if width < style.size * 4.0 {
        return;
    }
    let middle = room.y + room.height / 2.0;
    let rect = Rect::new(room.right() - width, middle - height / 2.0, width, height);
    tile.plate(rect, tile.px(10.0), plate);
    tile.outline(rect, tile.px(10.0), tile.px(theme::SPACING.border), border);
    mark.draw(tile, Point { x: rect.x + style.size, y: middle }, style.size * 0.8, style.color);
    let left = rect.x + style.size * 1.7;
    tile.pieces(
        vec![piece],
        left,
        middle + CAP_HEIGHT * style.size / 2.0,
        (rect.right() - style.size * 0.7 - left).max(0.0) * 1.001,
    );
    tile.room.width = (room.width - width - tile.px(24.0)).max(0.0);
}
