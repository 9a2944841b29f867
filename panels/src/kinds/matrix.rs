//! A matrix: areas below one another, indicators side by side, each figure in a cell that shows how it stands.

use protocol::{AreaId, Catalogue, Indicator, IndicatorId, PanelSpec, SeriesKey, Timestamp, ViewState};
use serde::Deserialize;

use crate::facts::{self, Severity};
use crate::frame::{Footer, Said};
use crate::options::{check_area, check_indicator, parse};
use crate::reading::Reading;
use crate::rows::{self, Rest, RowStyle, Rows};
use crate::scene::{Point, Rect, Scene};
use crate::text::{BASELINE, CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, collation, parts};

/// The kind `matrix`.
pub struct Matrix;

/// Beside one another; more could not be told apart.
const MOST_COLUMNS: usize = 12;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// Its parts are the rows.
    area: AreaId,
    /// The columns.
    indicators: Vec<IndicatorId>,
    /// The day whose areas are the rows, like 2025-06-30; those of the newest boundaries if absent.
    #[serde(default)]
    boundaries: Option<String>,
}

impl Options {
    fn check(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        if self.indicators.is_empty() || self.indicators.len() > MOST_COLUMNS {
            let message = format!("a matrix needs 1 to {MOST_COLUMNS} 'indicators'");
            return Err(OptionsError::of("indicators", message));
        }
        for (place, indicator) in self.indicators.iter().enumerate() {
            check_indicator(catalogue, "indicators", indicator)?;
            if self.indicators[..place].contains(indicator) {
                return Err(OptionsError::of("indicators", format!("indicator '{indicator}' stands there twice")));
            }
        }
        check_area(catalogue, "area", &self.area)?;
        parts::check(catalogue, &self.area, self.boundaries.as_deref())
    }

    fn series<'o>(&'o self, catalogue: &'o Catalogue) -> impl Iterator<Item = SeriesKey> + 'o {
        let areas = parts::of(catalogue, &self.area, self.boundaries.as_deref());
        areas.into_iter().flat_map(|area| self.indicators.iter().map(|id| SeriesKey::actual(id, &area.id)))
    }
}

impl Panel for Matrix {
    fn kind(&self) -> &'static str {
        "matrix"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        options.check(catalogue)?;
        Ok(Needs { series: options.series(catalogue).collect(), ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let indicators: Vec<&Indicator> =
            options.indicators.iter().filter_map(|id| Some(&**catalogue.indicators.get(id)?)).collect();
        let areas = parts::of(catalogue, &options.area, options.boundaries.as_deref());
        let mut rows: Vec<Row<'_>> = areas
            .iter()
            .map(|area| Row {
                name: area.name.in_language(language),
                cells: indicators
                    .iter()
                    .map(|indicator| {
                        Reading::of(view, indicator, &SeriesKey::actual(&indicator.id, &area.id), (language, now))
                    })
                    .collect(),
            })
            .collect();
        rows.sort_by_cached_key(|row| collation::key(row.name));
        let said: Vec<Said<'_>> = rows.iter().flat_map(|row| &row.cells).filter_map(Reading::said).collect();
        let mut footer = Footer::of(catalogue, &said, &tile);
        if let Some(footer) = &mut footer {
            footer.add(parts::boundaries(&areas, language));
        }
        let area = || area_name(catalogue, &options.area, language).to_owned();
        let title = Wording::or(options.title.as_ref(), language, area);
        tile.frame(&title, None, footer.as_ref());
        if said.is_empty() {
            return tile.notice("no-figures");
        }
        draw(&mut tile, &indicators, &rows);
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let aged = facts::next_change_of(view, options.series(&view.arranged()?.catalogue), now)?;
        Some(aged.min(rows::next_page(now)))
    }
}

fn area_name<'a>(catalogue: &'a Catalogue, area: &AreaId, language: &str) -> &'a str {
    catalogue.areas.get(area).map_or("", |area| area.name.in_language(language))
}

/// One area.
struct Row<'a> {
    name: &'a str,
    /// In the order of the indicators.
    cells: Vec<Reading<'a>>,
}

/// Of the figure in a cell, and of the cell.
fn colors(severity: Severity) -> (Color, Color) {
    match severity {
        Severity::Normal => (theme::TEXT, theme::INSET),
        // Greyed out, and no louder than what is fresh.
        Severity::Stale | Severity::Lost => (theme::STALE_TEXT, theme::INSET),
        other => other.pill(),
    }
}

/// Where columns stand.
struct Columns {
    /// Width of the names before them.
    names: f32,
    width: f32,
}

impl Columns {
    fn cell(&self, index: usize, row: Rect) -> Rect {
        Rect { x: row.x + self.names + index as f32 * self.width, width: self.width, ..row }
    }
}

fn draw(tile: &mut Tile<'_, '_>, indicators: &[&Indicator], rows: &[Row<'_>]) {
    tile.take_top(tile.px(8.0));
    tile.take_bottom(tile.px(8.0));
    let head = tile.take_top(tile.em(TextClass::Caption) * LINE_HEIGHT * 2.0);
    tile.take_top(tile.px(6.0));
    let style = RowStyle { class: TextClass::Body, least_em: 1.5, most_height: tile.px(110.0), rest: Rest::Pages };
    let Some(placed) = Rows::fit(tile, rows.len(), &style) else { return };
    let (size, gap) = (placed.size, tile.px(3.0));
    let name = Style::new(Font::Regular, TextClass::Body, size, theme::TEXT_2);
    let widest = rows.iter().map(|row| tile.paint.text.width(row.name, name)).fold(0.0, f32::max);
    let names = (widest + size * 0.6).min(tile.room.width * 0.34);
    let columns = Columns { names, width: (tile.room.width - names) / indicators.len() as f32 };
    for (index, indicator) in indicators.iter().enumerate() {
        draw_head(tile, indicator, columns.cell(index, head));
    }
    for (index, row) in rows[placed.shown.clone()].iter().enumerate() {
        let place = placed.place(index);
        let baseline = Tile::middle_baseline(place, size);
        tile.pieces(vec![Piece::words(row.name, name)], place.x, baseline, columns.names - size * 0.4);
        for (index, cell) in row.cells.iter().enumerate() {
            draw_cell(tile, cell, columns.cell(index, place).inset(gap, gap), size);
        }
    }
    placed.finish(tile);
}

/// The name over a column, with its unit where there is room.
fn draw_head(tile: &mut Tile<'_, '_>, indicator: &Indicator, place: Rect) {
    let language = tile.paint.language;
    let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    let room = place.inset(style.size * 0.3, 0.0);
    let short = facts::short_name(indicator, language);
    let unit = indicator.unit.in_language(language);
    let smallest = tile.smallest().min(style.size);
    let mut lines = |words: &str| tile.paint.text.fit_lines(words, style, (room.width, room.height), smallest);
    let with_unit = lines(&format!("{short} ({unit})"));
    let fitted = if unit.trim().is_empty() || with_unit.shortened { lines(short) } else { with_unit };
    let style = style.at(fitted.size);
    // Down to the cells, in their middle.
    let top = room.bottom() - fitted.lines.len() as f32 * style.line_height();
    for (index, line) in fitted.lines.into_iter().enumerate() {
        let baseline = top + index as f32 * style.line_height() + BASELINE * style.size;
        tile.centred(Piece::words(line, style), room, baseline);
    }
}

fn draw_cell(tile: &mut Tile<'_, '_>, cell: &Reading<'_>, place: Rect, size: f32) {
    let (ink, plate) = colors(cell.severity);
    tile.plate(place, tile.px(8.0).min(place.height / 2.0).min(place.width / 2.0), plate);
    let style = Style::new(Font::SemiBold, TextClass::Body, size, ink);
    let baseline = Tile::middle_baseline(place, size);
    let Some(figure) = &cell.figure else {
        let none = Piece::words("–", Style { color: theme::CAPTION, ..style });
        return tile.centred(none, place, baseline);
    };
    let mark = if cell.severity.mark().is_some() { size * 0.9 } else { 0.0 };
    let room = (place.width - mark - size * 0.4).max(0.0);
    let width = tile.paint.text.width(figure.as_str(), style).min(room);
    let left = place.x + (place.width - width + mark) / 2.0;
    if let Some(shape) = cell.severity.mark() {
        let center = Point { x: left - size * 0.55, y: baseline - CAP_HEIGHT * size / 2.0 };
        shape.draw(tile, center, size * 0.6, cell.severity.color());
    }
    tile.pieces(vec![Piece::figure(figure.clone(), style)], left, baseline, width * 1.001);
}
