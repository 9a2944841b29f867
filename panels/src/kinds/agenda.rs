//! The session that is on, or comes next: its items, or the one that is talked about with the time it has left.

use protocol::session::{AgendaItem, Session, Stage};
use protocol::{Catalogue, PanelSpec, RecordKind, Timestamp, ViewState};
use serde::Deserialize;

use crate::entries::{self, Entry, Styles};
use crate::facts;
use crate::frame::{Footer, Report};
use crate::label::Label;
use crate::marks::Mark;
use crate::options::parse;
use crate::rows::Rest;
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number};

/// The kind `agenda`.
pub struct Agenda;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    #[serde(default)]
    show: Show,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Show {
    /// All of them, one below the other.
    #[default]
    Items,
    /// The one that is talked about.
    Now,
}

impl Panel for Agenda {
    fn kind(&self) -> &'static str {
        "agenda"
    }

    fn needs(&self, spec: &PanelSpec, _: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        parse::<Options>(spec)?;
        Ok(Needs { records: [RecordKind::Session].into(), ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let Some(session) = current(view) else {
            let title = Wording::or(options.title.as_ref(), language, || locale::text(language, "agenda"));
            tile.title_row(&title, None, false);
            return tile.notice("no-session");
        };
        let report = Report::of(&session.source, session.received_at, session.status);
        let footer = Footer::of_reports(&arranged.catalogue, &[report], &tile);
        let open = session.open_item().filter(|_| options.show == Show::Now);
        let title = Wording::or(options.title.as_ref(), language, || match open {
            Some((index, _)) => {
                locale::text_with(language, "agenda-item-left", &[("number", &(index + 1).to_string())])
            }
            None => session.title.in_language(language).to_owned(),
        });
        tile.frame(&title, None, footer.as_ref());
        match (options.show, open) {
            (Show::Now, Some((_, item))) => now_open(&mut tile, &arranged.catalogue, item),
            (Show::Now, None) => not_open(&mut tile, session),
            (Show::Items, _) => {
                entries::draw(&mut tile, session.items.len(), Rest::Counted { more: 0 }, |index, styles| {
                    entry(&session.items[index], index, &arranged.catalogue, (language, now), styles)
                });
            }
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        parse::<Options>(spec).ok()?;
        let session = current(view)?;
        Some(if session.open_item().is_some() { number::next_second(now) } else { number::next_midnight(now) })
    }
}

/// The one that is open; else the next one; else the last one.
fn current(view: &ViewState) -> Option<&Session> {
    let by = |session: &&Session| match session.stage {
        Stage::Open { since } => (2, since.as_micros()),
        Stage::Planned => (1, session.starts_at.as_micros().saturating_neg()),
        Stage::Closed { at, .. } => (0, at.as_micros()),
    };
    view.sessions().map(|session| &**session).max_by_key(by)
}

/// Seconds until the item should end; negative when it is over time.
fn left_secs(item: &AgendaItem, now: Timestamp) -> Option<i64> {
    let Stage::Open { since } = item.stage else { return None };
    let until = since.plus_micros(i64::from(item.minutes) * 60_000_000);
    // A second that has begun is still to come.
    Some(until.since(now).saturating_add(999_999).div_euclid(1_000_000))
}

fn presenter(item: &AgendaItem, catalogue: &Catalogue, language: &str) -> String {
    let agency = item.agency.as_ref().and_then(|id| facts::agency(catalogue, id, language));
    let presenter = Some(item.presenter.in_language(language)).filter(|presenter| !presenter.is_empty());
    presenter.into_iter().chain(agency).collect::<Vec<_>>().join(" · ")
}

fn entry(
    item: &AgendaItem,
    index: usize,
    catalogue: &Catalogue,
    (language, now): (&str, Timestamp),
    styles: Styles,
) -> Entry {
    let left = left_secs(item, now);
    let (ink, mark, plate) = match item.stage {
        Stage::Open { .. } if left.is_some_and(|left| left < 0) => {
            (theme::TEXT, Some((Mark::Warning, theme::WARNING)), Some(theme::HAIRLINE))
        }
        Stage::Open { .. } => (theme::TEXT, Some((Mark::Now, theme::LIVE)), Some(theme::HAIRLINE)),
        Stage::Closed { .. } => (theme::CAPTION, Some((Mark::Done, theme::CAPTION)), None),
        Stage::Planned => (theme::TEXT_2, None, None),
    };
    let time = match left {
        Some(left) => left_piece(left, styles.name),
        None => Piece::label(Label::minutes(item.minutes, language), Style { color: theme::CAPTION, ..styles.caption }),
    };
    let name = Style { color: ink, ..styles.name };
    Entry {
        mark,
        plate,
        above: vec![Piece::words(format!("{}. {}", index + 1, item.title.in_language(language)), name)],
        above_right: vec![time],
        below: vec![Piece::words(presenter(item, catalogue, language), styles.caption)],
        ..Entry::default()
    }
}

fn left_piece(left: i64, style: Style) -> Piece {
    let ink = if left < 0 { theme::WARNING_TEXT } else { theme::TEXT };
    Piece::label(Label::countdown(left), Style { color: ink, ..style })
}

/// The time left, large, and how much of it is over; who speaks below.
fn now_open(tile: &mut Tile<'_, '_>, catalogue: &Catalogue, item: &AgendaItem) {
    let (language, now) = (tile.paint.language, tile.paint.now);
    let Some(left) = left_secs(item, now) else { return };
    let numeral = tile.style(Font::DisplayBold, TextClass::Numeral, theme::TEXT);
    let strip = tile.take_top(numeral.size * CAP_HEIGHT + tile.px(48.0));
    let piece = left_piece(left, numeral);
    let fitted = tile.paint.text.size_for(piece.content.as_str(), piece.style, strip.width);
    let pen = tile.pieces(vec![piece], strip.x, Tile::middle_baseline(strip, fitted), strip.width);
    if left < 0 {
        let center = Point { x: pen + fitted * 0.4, y: strip.y + strip.height / 2.0 };
        Mark::Warning.draw(tile, center, fitted * 0.4, theme::WARNING);
    }
    let bar = tile.take_top(tile.px(18.0));
    if bar.height >= tile.px(18.0) {
        let share = 1.0 - left as f32 / (f32::from(item.minutes.max(1)) * 60.0);
        let fill = if left < 0 { theme::WARNING } else { theme::DATA };
        tile.plate(bar, bar.height / 2.0, theme::HAIRLINE);
        let width = (bar.width * share.clamp(0.0, 1.0)).max(bar.height);
        tile.plate(Rect { width, ..bar }, bar.height / 2.0, fill);
    }
    tile.take_top(tile.px(18.0));
    let title = tile.style(Font::SemiBold, TextClass::Prose, theme::TEXT);
    let used = tile.paragraph(item.title.in_language(language), title, tile.room);
    tile.take_top(used + tile.px(8.0));
    let body = tile.style(Font::Regular, TextClass::Body, theme::TEXT_3);
    tile.paragraph(&presenter(item, catalogue, language), body, tile.room);
}

/// When it begins, or that it is over.
fn not_open(tile: &mut Tile<'_, '_>, session: &Session) {
    let (language, now) = (tile.paint.language, tile.paint.now);
    let (key, at) = match session.stage {
        Stage::Planned => ("session-starts", session.starts_at),
        Stage::Open { since } => ("session-open", since),
        Stage::Closed { at, .. } => ("session-closed", at),
    };
    let style = tile.style(Font::Regular, TextClass::Prose, theme::TEXT_2);
    let pieces = vec![
        Piece::words(format!("{} ", locale::text(language, key)), style),
        Piece::label(Label::moment(at, now, language), style),
    ];
    let room = tile.room;
    tile.pieces(pieces, room.x, Tile::middle_baseline(room, style.size), room.width);
}
