//! Lines over time.

use protocol::change::{Bucket, Span};
use protocol::view::Window;
use protocol::{Catalogue, Indicator, ObservationStatus, PanelSpec, Scenario, Timestamp, ViewState};

use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill, Said};
use crate::marks::Marker;
use crate::options::{SeriesOptions, check_series, parse};
use crate::provenance::{Figure, Origin};
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, window};

mod domain;
mod options;
mod plot;

use domain::domain;
use options::Options;
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
        let lines = options.lines()?;
        check_series(catalogue, &lines)?;
        for line in lines {
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
        let (Some(first), Some(arranged)) = (lines.first(), view.arranged()) else { return tile.notice("waiting") };
        let title = Wording::or(options.title.as_ref(), language, || facts::name_with_unit(first.indicator, language));
        let (severity, pill) = judge(&options, &lines, tile.paint.now, language);
        tile.attention_border(severity);
        let footer = Footer::of(&arranged.catalogue, &said(&lines), &tile);
        tile.frame(&title, pill.as_ref(), footer.as_ref());
        legend(&mut tile, &lines, language);
        match domain(&options, &lines, language) {
            Some(domain) => draw(&mut tile, &options, &lines, domain),
            None => tile.notice("no-figures"),
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        let measured = options.lines().ok()?.into_iter().filter(|line| line.scenario == Scenario::Actual);
        let change = |line: SeriesOptions| {
            let series = line.key();
            let windows = view.windows().iter().filter(|window| window.spec.series == series);
            let newest = windows.filter_map(|window| window.buckets.values().next_back()).map(|bucket| bucket.time);
            Some(facts::next_change(catalogue.indicators.get(&line.indicator)?, newest.max()?, now))
        };
        measured.filter_map(change).min()
    }
}

/// The worst of all measured lines, and what there is to say of it, with its name where there are several.
fn judge(options: &Options, lines: &[Line<'_>], now: Timestamp, language: &str) -> (Severity, Option<Pill>) {
    let measured: Vec<_> =
        lines.iter().filter(|line| line.is_measured()).filter_map(|line| Some((line, line.newest()?))).collect();
    let judged = measured.iter().map(|(line, bucket)| {
        let at = judged_at(options, line.indicator, now);
        (facts::judge_value(line.indicator, bucket.last, bucket.time, at), *line, *bucket)
    });
    // Of equals the first, as they are listed.
    let Some((severity, line, bucket)) = judged.rev().max_by_key(|(severity, ..)| *severity) else {
        return (Severity::Normal, None);
    };
    let mut pill = Pill::at(severity, bucket.time, now, language);
    if let Some(pill) = pill.as_mut().filter(|_| measured.len() > 1) {
        pill.name = Some(line.label.clone());
    }
    (severity, pill)
}

/// The newest figure of each measured line, or of each line where none is measured.
fn said<'a>(lines: &'a [Line<'a>]) -> Vec<Said<'a>> {
    let illustrative = lines.iter().any(Line::is_illustrative);
    let of = |line: &'a Line<'a>| {
        let bucket = line.newest()?;
        Some(Said { indicator: line.indicator, source: &bucket.source, at: bucket.time, illustrative })
    };
    let measured: Vec<_> = lines.iter().filter(|line| line.is_measured()).filter_map(of).collect();
    if measured.is_empty() { lines.iter().filter_map(of).collect() } else { measured }
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
    pen: LinePen,
}

/// How a line is told from the others beside its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinePen {
    /// The measured line of this place among them.
    Measured(usize),
    /// Planned or expected.
    Planned,
    /// What was in the same period.
    Before,
}

impl LinePen {
    /// Lengths of dash and gap in reference pixels.
    fn dash(self) -> Option<(f32, f32)> {
        const DASHES: [Option<(f32, f32)>; 3] = [None, Some((30.0, 12.0)), Some((3.0, 13.0))];
        match self {
            Self::Measured(place) => DASHES[place % DASHES.len()],
            Self::Planned => Some((12.0, 12.0)),
            Self::Before => None,
        }
    }
    /// The shape at its end; planned lines have none.
    fn marker(self) -> Option<Marker> {
        const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond];
        match self {
            Self::Measured(place) => Some(MARKERS[place % MARKERS.len()]),
            Self::Planned => None,
            Self::Before => Some(Marker::Disc),
        }
    }
}

impl Line<'_> {
    fn shown(&self, value: f64) -> f64 {
        value * self.indicator.display_scale
    }
    /// Its figure beside an actual one of `at`; none rather than another date's.
    fn beside(&self, at: Timestamp) -> Option<&Bucket> {
        window::newest_within(self.window, &facts::same_date(self.indicator, at))
    }
    fn oldest(&self) -> Option<&Bucket> {
        self.window.buckets.values().next()
    }
    fn newest(&self) -> Option<&Bucket> {
        self.window.buckets.values().next_back()
    }
    fn is_measured(&self) -> bool {
        matches!(self.window.spec.series.scenario, Scenario::Actual)
    }
    /// A short piece of the line with its marker, from `start` to the right.
    fn swatch(&self, tile: &mut Tile<'_, '_>, start: Point, length: f32) {
        let stroke = tile.px(6.0);
        // Two dashes and what parts them, whatever their lengths on the plot.
        let dash = self.pen.dash().map(|(dash, gap)| {
            let scale = (length - 2.0 * stroke) / (2.0 * dash + gap);
            (dash * scale, gap * scale)
        });
        let points = vec![Point { x: start.x + stroke, ..start }, Point { x: start.x + length - stroke, ..start }];
        tile.dashed_line(points, stroke, self.pen_color, dash);
        if let Some(marker) = self.pen.marker() {
            marker.draw(tile, Point { x: start.x + length / 2.0, ..start }, tile.px(9.0), self.pen_color);
        }
    }
    fn is_illustrative(&self) -> bool {
        self.window.buckets.values().any(|bucket| bucket.status == ObservationStatus::Simulated)
    }
}

fn lines<'a>(options: &Options, view: &'a ViewState, language: &str, rect: Rect) -> Vec<Line<'a>> {
    let (Ok(lines), Some(arranged)) = (options.lines(), view.arranged()) else { return Vec::new() };
    let catalogue = &arranged.catalogue;
    let one_indicator = lines.iter().all(|line| line.indicator == lines[0].indicator);
    let one_area = lines.iter().all(|line| line.area == lines[0].area);
    let line = |(line, (pen, pen_color)): (&SeriesOptions, (LinePen, Color))| {
        let indicator = catalogue.indicators.get(&line.indicator)?;
        let window = window::sent(view, &options.window(line, indicator, rect).ok()?)?;
        let label = match &line.label {
            Some(label) => label.in_language(language).to_owned(),
            None if one_indicator && one_area => locale::text(language, scenario_key(line.scenario, indicator)),
            None if one_indicator => catalogue.areas.get(&line.area)?.name.in_language(language).to_owned(),
            None => facts::short_name(indicator, language).to_owned(),
        };
        Some(Line { indicator, window, label, pen_color, pen })
    };
    lines.iter().zip(pens(&lines)).filter_map(line).collect()
}

fn scenario_key(scenario: Scenario, indicator: &Indicator) -> &'static str {
    match scenario {
        Scenario::Actual => "scenario-actual",
        Scenario::Plan if indicator.cumulative => "scenario-plan",
        Scenario::Plan => "target",
        Scenario::Expected => "scenario-expected",
        Scenario::SamePeriod => "scenario-same-period",
    }
}

/// Measured lines are coloured, what they are compared with is grey or white.
fn pens(lines: &[SeriesOptions]) -> Vec<(LinePen, Color)> {
    let mut measured = (0..).zip(theme::SERIES.into_iter().cycle());
    let pen = |line: &SeriesOptions| match line.scenario {
        Scenario::Plan | Scenario::Expected => (LinePen::Planned, theme::TEXT_2),
        Scenario::SamePeriod => (LinePen::Before, theme::STALE),
        Scenario::Actual => measured
            .next()
            .map_or((LinePen::Measured(0), theme::DATA), |(place, color)| (LinePen::Measured(place), color)),
    };
    lines.iter().map(pen).collect()
}

/// A row of swatches, names and values at the time of the newest measured one; names are shortened before values.
fn legend(tile: &mut Tile<'_, '_>, lines: &[Line<'_>], language: &str) {
    let height = tile.em(TextClass::Caption) * LINE_HEIGHT;
    if tile.room.height < height * 3.0 {
        return;
    }
    let row = tile.take_top(height);
    let (words, figure) = (
        tile.style(Font::Regular, TextClass::Caption, theme::TEXT_3),
        tile.style(Font::SemiBold, TextClass::Caption, theme::TEXT),
    );
    let (swatch, gap) = (tile.px(36.0), tile.px(12.0));
    let newest =
        lines.iter().filter(|line| line.is_measured()).filter_map(Line::newest).map(|bucket| bucket.time).max();
    let mut left = row.x;
    let slot = row.width / lines.len().max(1) as f32;
    let middle = row.y + row.height / 2.0;
    let baseline = middle + CAP_HEIGHT * words.size / 2.0;
    for (index, line) in lines.iter().enumerate() {
        let end = row.x + slot * (index as f32 + 1.0);
        if end - left < swatch + words.size * 2.0 {
            break;
        }
        line.swatch(tile, Point { x: left, y: middle }, swatch);
        let mut pieces = vec![Piece::words(line.label.as_str(), words)];
        if let Some(bucket) = newest.and_then(|at| line.beside(at)) {
            pieces.push(Piece::words(" ", words));
            let origin = Origin::of_bucket(&line.window.spec.series, bucket);
            pieces.push(Piece::figure(Figure::value(origin, line.indicator, language), figure));
        }
        let x = left + swatch + gap;
        left = tile.pieces_keeping_figures(pieces, x, baseline, (end - gap - x).max(0.0)) + gap * 2.5;
    }
}
