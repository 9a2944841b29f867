//! A strip of what needs attention, side by side: alarms first, then figures. It does not run; it turns its pages.

use protocol::{Catalogue, PanelSpec, RecordKind, Timestamp, ViewState};

use super::alarms;
use super::exceptions::{Exception, Options};
use crate::facts::Severity;
use crate::label::Label;
use crate::options::parse;
use crate::provenance::Figure;
use crate::rows;
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::{Needs, OptionsError, Paint, Panel, locale};

/// The kind `ticker`; it takes the options of `exceptions`.
pub struct Ticker;

impl Panel for Ticker {
    fn kind(&self) -> &'static str {
        "ticker"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        options.check(catalogue)?;
        let mut needs = options.needs(catalogue);
        needs.records.insert(RecordKind::Alarm);
        Ok(needs)
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, now) = (paint.view, paint.now);
        let mut tile = Tile::new(paint, scene);
        tile.room = tile.paint.rect.inset(tile.px(theme::SPACING.padding_x), tile.px(4.0));
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let news = news(view, &options, &arranged.catalogue, &tile);
        if news.is_empty() {
            let is_known = view.latest_values().next().is_some();
            return tile.notice(if is_known { "no-exceptions" } else { "no-figures" });
        }
        let widths: Vec<f32> = news.iter().map(|news| news.width(&mut tile)).collect();
        let pages = pages(&widths, tile.room.width);
        let turned = rows::turned(pages.len(), now);
        let mut pen = tile.room.x;
        for index in pages[turned].clone() {
            news[index].draw(&mut tile, pen);
            pen += widths[index];
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let changes = options.next_change(view, now).into_iter().chain(alarms::next_change(view, now));
        Some(changes.fold(rows::next_page(now), Timestamp::min))
    }
}

/// Which stand side by side at once; each on one page, the first ones on the first.
fn pages(widths: &[f32], room: f32) -> Vec<std::ops::Range<usize>> {
    let mut pages = Vec::new();
    let (mut start, mut used) = (0, 0.0);
    for (index, width) in widths.iter().enumerate() {
        if index > start && used + width > room {
            pages.push(start..index);
            (start, used) = (index, 0.0);
        }
        used += width;
    }
    pages.push(start..widths.len());
    pages
}

/// One of the things that are told.
struct News {
    severity: Severity,
    pieces: Vec<Piece>,
}

impl News {
    fn size(&self) -> f32 {
        self.pieces.first().map_or(0.0, |piece| piece.style.size)
    }

    /// With its mark before it and a gap behind it.
    fn width(&self, tile: &mut Tile<'_, '_>) -> f32 {
        (tile.width(&self.pieces) + self.size() * 3.0).min(tile.room.width)
    }

    fn draw(&self, tile: &mut Tile<'_, '_>, x: f32) {
        let (size, room) = (self.size(), tile.room);
        let baseline = Tile::middle_baseline(room, size);
        if let Some(mark) = self.severity.mark() {
            let center = Point { x: x + size * 0.4, y: baseline - CAP_HEIGHT * size / 2.0 };
            mark.draw(tile, center, size * 0.8, self.severity.color());
        }
        let left = x + size * 1.1;
        let pieces = self.pieces.iter().map(|piece| Piece { content: piece.content.clone(), style: piece.style });
        tile.pieces_keeping_figures(pieces.collect(), left, baseline, (room.right() - left).max(0.0));
    }
}

fn news(view: &ViewState, options: &Options, catalogue: &Catalogue, tile: &Tile<'_, '_>) -> Vec<News> {
    let (language, now) = (tile.paint.language, tile.paint.now);
    let words = tile.style(Font::Regular, TextClass::Body, theme::TEXT_2);
    let strong = |severity: Severity| tile.style(Font::SemiBold, TextClass::Body, severity.pill().0);
    let alarms = alarms::Load::of(view, now).groups().into_iter().map(|group| {
        let (alarm, severity) = (group.first, alarms::severity(group.first));
        let since = Label::moment(alarm.raised_at, now, language);
        let text = format!(" {}", alarm.text.in_language(language));
        let more = (!group.more.is_empty()).then(|| Label::count("alarm-more", group.more.len(), language));
        let more = more.map(|more| [Piece::words(" · ", words), Piece::label(more, words)]);
        let told = [Piece::label(since, strong(severity)), Piece::words(text, words)];
        News { severity, pieces: told.into_iter().chain(more.into_iter().flatten()).collect() }
    });
    let figures = options.found(view, catalogue, now).into_iter().filter_map(|exception: Exception<'_>| {
        let (severity, indicator) = (exception.severity, exception.subject.indicator);
        let actual = exception.facts.actual.clone()?;
        let unit = indicator.unit.in_language(language);
        let why = severity.words().map(|key| format!(" {unit} · {}", locale::text(language, key)))?;
        let figure = Piece::figure(Figure::value(actual, indicator, language), strong(severity));
        let name = Piece::words(format!("{} ", exception.name(&options.area, language)), words);
        Some(News { severity, pieces: vec![name, figure, Piece::words(why, words)] })
    });
    let most = options.most();
    alarms.chain(figures).take(most).collect()
}
