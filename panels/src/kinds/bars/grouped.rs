//! Several indicators of each area: bars below one another, or one bar of their parts with the sum behind it.

use protocol::{Area, Catalogue, Indicator, IndicatorId, SeriesKey, Timestamp, ViewState};

use super::options::{Options, Sort};
use crate::facts::{self, Severity};
use crate::frame::Said;
use crate::provenance::{Figure, Origin};
use crate::rows::{Rest, RowStyle, Rows};
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::{collation, locale};

/// What belongs to one area.
pub(super) struct Group<'a> {
    name: &'a str,
    /// In the order of the indicators; `None` where there is no figure.
    parts: Vec<Option<Part<'a>>>,
}

struct Part<'a> {
    indicator: &'a Indicator,
    origin: Origin,
    severity: Severity,
}

impl Part<'_> {
    fn shown(&self) -> f64 {
        self.origin.value() * self.indicator.display_scale
    }
}

impl<'a> Group<'a> {
    fn shown(&self) -> impl Iterator<Item = f64> {
        self.parts.iter().flatten().map(Part::shown)
    }

    /// What it is ordered by: all together.
    fn total(&self) -> f64 {
        self.shown().sum()
    }

    pub(super) fn said(&self) -> impl Iterator<Item = Said<'_>> {
        self.parts.iter().flatten().map(|part| Said::of(part.indicator, &part.origin))
    }
}

/// The series that the groups are made of.
pub(super) fn keys(options: &Options, catalogue: &Catalogue) -> Vec<SeriesKey> {
    let areas = options.areas(catalogue).unwrap_or_default();
    areas.iter().flat_map(|area| options.indicators.iter().map(|id| SeriesKey::actual(id, &area.id))).collect()
}

pub(super) fn groups<'a>(
    options: &Options,
    view: &ViewState,
    catalogue: &'a Catalogue,
    (language, now): (&str, Timestamp),
) -> Vec<Group<'a>> {
    let part = |area: &Area, id: &IndicatorId| {
        let indicator = catalogue.indicators.get(id)?;
        let latest = view.latest(&SeriesKey::actual(id, &area.id))?;
        let severity = facts::judge(indicator, latest, now);
        Some(Part { indicator, origin: Origin::from(&**latest), severity })
    };
    let group = |area: &'a Area| Group {
        name: area.name.in_language(language),
        parts: options.indicators.iter().map(|id| part(area, id)).collect(),
    };
    let mut groups: Vec<Group<'a>> = options.areas(catalogue).unwrap_or_default().into_iter().map(group).collect();
    match options.sort {
        Sort::None => {}
        Sort::Name => groups.sort_by_cached_key(|group| collation::key(group.name)),
        Sort::Largest => groups.sort_by(|a, b| b.total().total_cmp(&a.total())),
        Sort::Smallest => groups.sort_by(|a, b| a.total().total_cmp(&b.total())),
    }
    groups
}

/// The worst of all.
pub(super) fn worst(groups: &[Group<'_>]) -> Severity {
    groups
        .iter()
        .flat_map(|group| group.parts.iter().flatten())
        .map(|part| part.severity)
        .max()
        .unwrap_or(Severity::Normal)
}

/// A colour for each indicator.
fn color(place: usize) -> Color {
    theme::SERIES[place % theme::SERIES.len()]
}

pub(super) fn draw(tile: &mut Tile<'_, '_>, groups: &[Group<'_>], indicators: &[&Indicator], stacked: bool) {
    legend(tile, indicators);
    tile.take_top(tile.px(8.0));
    tile.take_bottom(tile.px(8.0));
    let lines = if stacked { 1 } else { indicators.len() };
    let (per_line, rest) = (1.3, Rest::Smaller);
    let least_em = per_line * lines as f32 + 0.3;
    let most_height = tile.px(70.0) * lines as f32;
    let style = RowStyle { class: TextClass::Body, least_em, most_height, rest };
    let Some(rows) = Rows::fit(tile, groups.len(), &style) else { return };
    let drawing = Drawing::of(tile, groups, rows.size, stacked);
    for (index, group) in groups[rows.shown.clone()].iter().enumerate() {
        let row = rows.place(index);
        let name = Piece::words(group.name, drawing.name);
        tile.pieces(vec![name], row.x, Tile::middle_baseline(row, rows.size), drawing.names);
        if stacked { drawing.stack(tile, group, row) } else { drawing.bars(tile, group, row) }
    }
    rows.finish(tile);
}

/// A swatch and a name for each indicator.
fn legend(tile: &mut Tile<'_, '_>, indicators: &[&Indicator]) {
    let style = tile.style(Font::Regular, TextClass::Caption, theme::TEXT_3);
    let row = tile.take_top(style.size * LINE_HEIGHT);
    let (slot, swatch) = (row.width / indicators.len().max(1) as f32, tile.px(28.0));
    for (place, indicator) in indicators.iter().enumerate() {
        let left = row.x + place as f32 * slot;
        let middle = row.y + row.height / 2.0;
        tile.plate(Rect::new(left, middle - tile.px(9.0), swatch, tile.px(18.0)), tile.px(4.0), color(place));
        let short = facts::short_name(indicator, tile.paint.language);
        let room = (slot - swatch - style.size * 1.2).max(0.0);
        let left = left + swatch + style.size * 0.5;
        tile.pieces(vec![Piece::words(short, style)], left, Tile::middle_baseline(row, style.size), room);
    }
}

/// Where the parts of all rows stand, and what lengths are measured by.
struct Drawing {
    names: f32,
    track: (f32, f32),
    range: (f64, f64),
    name: Style,
    figure: Style,
}

impl Drawing {
    fn of(tile: &mut Tile<'_, '_>, groups: &[Group<'_>], size: f32, stacked: bool) -> Self {
        let name = Style::new(Font::Regular, TextClass::Body, size, theme::TEXT_2);
        let figure = Style::new(Font::SemiBold, TextClass::Body, size, theme::TEXT);
        let room = tile.room;
        let widest = groups.iter().map(|group| tile.paint.text.width(group.name, name)).fold(0.0, f32::max);
        let names = widest.min(room.width * 0.34);
        let language = tile.paint.language;
        let figures = groups.iter().flat_map(|group| figures(group, stacked, language)).collect::<Vec<_>>();
        let widest = figures.iter().map(|text| tile.paint.text.width(text.as_str(), figure)).fold(0.0, f32::max);
        let left = room.x + names + size * 0.6;
        // A mark stands before the figure.
        let right = (room.right() - widest.min(room.width * 0.4) - size * 1.5).max(left);
        let lengths = |group: &Group<'_>| if stacked { vec![group.total()] } else { group.shown().collect() };
        let low = groups.iter().flat_map(lengths).fold(0.0, f64::min);
        let high = groups.iter().flat_map(lengths).fold(0.0, f64::max);
        let range = if high > low && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) };
        Self { names, track: (left, right), range, name, figure }
    }

    fn at(&self, value: f64) -> f32 {
        let (low, high) = self.range;
        self.track.0 + ((value - low) / (high - low)).clamp(0.0, 1.0) as f32 * (self.track.1 - self.track.0)
    }

    fn bars(&self, tile: &mut Tile<'_, '_>, group: &Group<'_>, row: Rect) {
        let inner = row.inset(0.0, row.height * 0.06);
        let height = inner.height / group.parts.len().max(1) as f32;
        for (place, part) in group.parts.iter().enumerate() {
            let line = Rect { y: inner.y + place as f32 * height, height, ..inner };
            let Some(part) = part else {
                let words = locale::text(tile.paint.language, "no-figures");
                let style = Style { color: theme::CAPTION, ..self.name };
                let room = (row.right() - self.track.0).max(0.0);
                tile.pieces(
                    vec![Piece::words(words, style)],
                    self.track.0,
                    Tile::middle_baseline(line, style.size),
                    room,
                );
                continue;
            };
            self.bar(tile, (0.0, part.shown()), line, color(place));
            let figure = Figure::value(part.origin.clone(), part.indicator, tile.paint.language);
            self.figure(tile, figure, part.severity, line);
        }
    }

    /// Parts that are negative have no place in a whole, and are drawn below one another instead.
    fn stack(&self, tile: &mut Tile<'_, '_>, group: &Group<'_>, row: Rect) {
        let mut from = 0.0;
        for (place, part) in group.parts.iter().enumerate() {
            let Some(part) = part else { continue };
            self.bar(tile, (from, from + part.shown()), row, color(place));
            from += part.shown();
        }
        let parts: Vec<&Part<'_>> = group.parts.iter().flatten().collect();
        let Some(first) = parts.first() else { return };
        let origins: Vec<Origin> = parts.iter().map(|part| part.origin.clone()).collect();
        let severity = parts.iter().map(|part| part.severity).max().unwrap_or(Severity::Normal);
        if let Some(sum) = Figure::sum(&origins, first.indicator, tile.paint.language) {
            self.figure(tile, sum, severity, row);
        }
    }

    fn bar(&self, tile: &mut Tile<'_, '_>, (from, to): (f64, f64), line: Rect, color: Color) {
        let thick = (line.height * 0.55).min(tile.px(30.0));
        let (from, to) = (self.at(from), self.at(to));
        let rect = Rect::new(from.min(to), line.y + (line.height - thick) / 2.0, (from - to).abs(), thick);
        if rect.width > 0.25 {
            tile.plate(rect, (thick / 6.0).min(rect.width / 2.0), color);
        }
    }

    fn figure(&self, tile: &mut Tile<'_, '_>, figure: Figure, severity: Severity, line: Rect) {
        let ink = if severity == Severity::Normal { theme::TEXT } else { severity.pill().0 };
        let style = Style { color: ink, ..self.figure };
        let width = tile.paint.text.width(figure.as_str(), style).min((line.right() - self.track.1).max(0.0));
        let baseline = Tile::middle_baseline(line, style.size);
        if let Some(mark) = severity.mark() {
            let center =
                Point { x: line.right() - width - style.size * 0.6, y: baseline - CAP_HEIGHT * style.size / 2.0 };
            mark.draw(tile, center, style.size * 0.6, severity.color());
        }
        tile.pieces(vec![Piece::figure(figure, style)], line.right() - width, baseline, width * 1.001);
    }
}

/// What is written behind the bars of a group.
fn figures(group: &Group<'_>, stacked: bool, language: &str) -> Vec<Figure> {
    let parts = group.parts.iter().flatten();
    if !stacked {
        return parts.map(|part| Figure::value(part.origin.clone(), part.indicator, language)).collect();
    }
    let origins: Vec<Origin> = parts.clone().map(|part| part.origin.clone()).collect();
    let first = parts.clone().next();
    first.and_then(|first| Figure::sum(&origins, first.indicator, language)).into_iter().collect()
}
