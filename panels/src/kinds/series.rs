//! Lines over time.

use protocol::change::{Bucket, Span};
use protocol::view::Window;
use protocol::{Catalogue, Indicator, ObservationStatus, PanelSpec, Scenario, SeriesKey, Timestamp, ViewState};

use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill};
use crate::options::{check_area, check_indicator, parse};
use crate::provenance::{Origin, Provenance};
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT};
use crate::theme::{self, Color, TYPE};
use crate::tile::{Piece, Tile};
use crate::{Needs, OptionsError, Paint, Panel, locale, window};

mod domain;
mod options;
mod plot;

use domain::domain;
use options::{LineOptions, Options};
use plot::draw;

/// The kind `series`.
pub struct Series;

impl Panel for Series {
    fn kind(&self) -> &'static str {
        "series"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, rect: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        window::check_buckets(options.buckets)?;
        let mut needs = Needs::default();
        for line in options.lines()? {
            check_indicator(catalogue, "indicator", &line.indicator)?;
            check_area(catalogue, "area", &line.area)?;
            let Some(indicator) = catalogue.indicators.get(&line.indicator) else { continue };
            let window = options.window(&line, indicator, rect)?;
            needs.series.push(window.series.clone());
            needs.windows.push(window);
        }
        Ok(needs)
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let (view, language, rect) = (paint.view, paint.language, paint.rect);
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let mut tile = Tile::new(paint, scene);
        let lines = lines(&options, view, language, rect);
        let Some(first) = lines.first() else { return tile.notice("waiting") };
        let title = match &options.title {
            Some(title) => title.in_language(language).to_owned(),
            None => format!(
                "{} ({})",
                first.indicator.name.in_language(language),
                first.indicator.unit.in_language(language)
            ),
        };
        let newest = lines.iter().filter(|line| line.is_measured()).find_map(|line| Some((line, line.newest()?)));
        let judged_at = judged_at(&options, first.indicator, tile.paint.now);
        let severity = newest.map_or(Severity::Normal, |(line, bucket)| line.severity(bucket, judged_at));
        let pill = newest.and_then(|(_, bucket)| Pill::at(severity, bucket.time, tile.paint.now, language));
        tile.attention_border(severity);
        tile.title_row(&title, pill);
        if let (Some((line, bucket)), Some(arranged)) = (newest, view.arranged()) {
            let illustrative = lines.iter().any(Line::is_illustrative);
            let footer = Footer::at(&arranged.catalogue, line.indicator, (&bucket.source, bucket.time), &tile);
            tile.footer(&Footer { illustrative, ..footer });
        }
        legend(&mut tile, &lines, language);
        match domain(&options, &lines, language) {
            Some(domain) => draw(&mut tile, &options, &lines, domain),
            None => tile.notice("no-figures"),
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        let line = options.lines().ok()?.into_iter().find(|line| matches!(line.scenario, Scenario::Actual))?;
        let series = SeriesKey { indicator: line.indicator.clone(), area: line.area, scenario: line.scenario };
        let newest = view.windows().iter().filter(|window| window.spec.series == series);
        let newest = newest.filter_map(|window| window.buckets.values().next_back()).map(|bucket| bucket.time).max()?;
        Some(facts::next_change(catalogue.indicators.get(&line.indicator)?, newest, now))
    }
}

/// A window that has closed is judged as of its end: the past does not go stale.
fn judged_at(options: &Options, indicator: &Indicator, now: Timestamp) -> Timestamp {
    match options.span(indicator) {
        Ok(Span::Between { to, .. }) => now.min(to),
        _ => now,
    }
}

/// One line with what it is drawn from.
struct Line<'a> {
    indicator: &'a Indicator,
    window: &'a Window,
    label: String,
    pen_color: Color,
    dashed: bool,
}

impl Line<'_> {
    fn is_measured(&self) -> bool {
        matches!(self.window.spec.series.scenario, Scenario::Actual)
    }
    fn newest(&self) -> Option<&Bucket> {
        self.window.buckets.values().max_by_key(|bucket| bucket.time)
    }
    fn is_illustrative(&self) -> bool {
        self.window.buckets.values().any(|bucket| bucket.status == ObservationStatus::Simulated)
    }
    fn severity(&self, bucket: &Bucket, now: Timestamp) -> Severity {
        facts::judge_value(self.indicator, bucket.last, bucket.time, now)
    }
}

fn lines<'a>(options: &Options, view: &'a ViewState, language: &str, rect: Rect) -> Vec<Line<'a>> {
    let (Ok(lines), Some(arranged)) = (options.lines(), view.arranged()) else { return Vec::new() };
    let catalogue = &arranged.catalogue;
    let one_indicator = lines.iter().all(|line| line.indicator == lines[0].indicator);
    let one_area = lines.iter().all(|line| line.area == lines[0].area);
    let colors = colors(&lines);
    let line = |(line, pen_color): (&LineOptions, Color)| {
        let indicator = catalogue.indicators.get(&line.indicator)?;
        let window = view.window(&options.window(line, indicator, rect).ok()?)?;
        let label = match &line.label {
            Some(label) => label.in_language(language).to_owned(),
            None if one_indicator && one_area => locale::text(language, scenario_key(line.scenario)),
            None if one_indicator => catalogue.areas.get(&line.area)?.name.in_language(language).to_owned(),
            None => indicator.short.as_ref().unwrap_or(&indicator.name).in_language(language).to_owned(),
        };
        let dashed = matches!(line.scenario, Scenario::Plan | Scenario::Expected);
        Some(Line { indicator, window, label, pen_color, dashed })
    };
    lines.iter().zip(colors).filter_map(line).collect()
}

fn scenario_key(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Actual => "scenario-actual",
        Scenario::Plan => "scenario-plan",
        Scenario::Expected => "scenario-expected",
        Scenario::SamePeriod => "scenario-same-period",
    }
}

/// Measured lines are coloured, what they are compared with is grey or white.
fn colors(lines: &[LineOptions]) -> Vec<Color> {
    let mut series = theme::SERIES.into_iter().cycle();
    let color = |line: &LineOptions| match line.scenario {
        Scenario::Plan | Scenario::Expected => theme::TEXT_2,
        Scenario::SamePeriod => theme::STALE,
        Scenario::Actual => series.next().unwrap_or(theme::DATA),
    };
    lines.iter().map(color).collect()
}

/// A row of swatches, names and last values; names are shortened before values are.
fn legend(tile: &mut Tile<'_, '_>, lines: &[Line<'_>], language: &str) {
    let height = tile.px(TYPE.caption) * LINE_HEIGHT;
    if tile.room.height < height * 3.0 {
        return;
    }
    let row = tile.take_top(height);
    let (words, figure) =
        (tile.style(Font::Regular, TYPE.caption, theme::TEXT_3), tile.style(Font::SemiBold, TYPE.caption, theme::TEXT));
    let (swatch, gap) = (tile.px(36.0), tile.px(12.0));
    let mut left = row.x;
    let slot = row.width / lines.len().max(1) as f32;
    let middle = row.y + row.height / 2.0;
    let baseline = middle + CAP_HEIGHT * words.size / 2.0;
    for (index, line) in lines.iter().enumerate() {
        let end = row.x + slot * (index as f32 + 1.0);
        if end - left < swatch + words.size * 2.0 {
            break;
        }
        let stroke = tile.px(6.0);
        let dash = line.dashed.then_some((tile.px(9.0), tile.px(11.0)));
        let points = vec![Point { x: left + stroke, y: middle }, Point { x: left + swatch - stroke, y: middle }];
        tile.dashed_line(points, stroke, line.pen_color, dash);
        let mut pieces = vec![Piece::words(line.label.as_str(), words)];
        if let Some(bucket) = line.newest() {
            pieces.push(Piece::words(" ", words));
            let text = facts::written(line.indicator, bucket.last, language);
            pieces.push(Piece::figure(
                text,
                Provenance::value(Origin::of_bucket(&line.window.spec.series, bucket)),
                figure,
            ));
        }
        let x = left + swatch + gap;
        left = tile.pieces_keeping_figures(pieces, x, baseline, (end - gap - x).max(0.0)) + gap * 2.5;
    }
}
