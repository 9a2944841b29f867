//! Lines over time.

use std::ops::Range;

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::observation::{Better, Period};
use protocol::view::Window;
use protocol::{AreaId, Catalogue, Indicator, IndicatorId, ObservationStatus, PanelSpec, Scenario, SeriesKey, Timestamp, ViewState};
use serde::Deserialize;

use crate::axis::{self, TimeTick};
use crate::chart::{ChartError, Pen, Plot};
use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill};
use crate::options::{check_area, check_indicator, parse};
use crate::provenance::{Label, Origin, Provenance};
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT};
use crate::theme::{self, Color, TYPE};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number, window};

/// The kind `series`.
pub struct Series;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The name of the first indicator if absent.
    #[serde(default)]
    title: Option<Wording>,
    /// One indicator in one area; or `series` for several.
    #[serde(default)]
    indicator: Option<IndicatorId>,
    #[serde(default)]
    area: Option<AreaId>,
    /// Which of its parallel figures; the actual one if absent.
    #[serde(default)]
    scenarios: Vec<Scenario>,
    #[serde(default)]
    series: Vec<LineOptions>,
    /// The newest so many seconds; or `from` and `to`, whole days like 2023-12-31.
    #[serde(default)]
    secs: Option<u64>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    buckets: Option<u16>,
    /// Fills below the first line; on if absent.
    #[serde(default)]
    fill: Option<bool>,
    /// Whether the vertical axis begins at zero; as the figures suggest if absent.
    #[serde(default)]
    from_zero: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineOptions {
    indicator: IndicatorId,
    area: AreaId,
    #[serde(default)]
    scenario: Scenario,
    #[serde(default)]
    label: Option<Wording>,
}

/// More could not be told apart.
const MOST_LINES: usize = 6;

impl Options {
    fn lines(&self) -> Result<Vec<LineOptions>, OptionsError> {
        let lines = match (&self.indicator, &self.area) {
            (Some(indicator), Some(area)) if self.series.is_empty() => {
                let scenarios = if self.scenarios.is_empty() { &[Scenario::Actual][..] } else { &self.scenarios };
                let line = |scenario: &Scenario| LineOptions { indicator: indicator.clone(), area: area.clone(), scenario: *scenario, label: None };
                scenarios.iter().map(line).collect()
            }
            (None, None) if self.scenarios.is_empty() && !self.series.is_empty() => self.series.clone(),
            _ => return Err(OptionsError::of("series", "give either 'indicator' and 'area' (and 'scenarios'), or a list 'series' of { indicator, area }")),
        };
        if lines.len() > MOST_LINES {
            return Err(OptionsError::of("series", format!("{} lines; at most {MOST_LINES} can be told apart", lines.len())));
        }
        Ok(lines)
    }

    fn span(&self, indicator: &Indicator) -> Result<Span, OptionsError> {
        window::span(self.secs, self.from.as_deref(), self.to.as_deref(), window::usual_secs(indicator))
    }

    fn window(&self, line: &LineOptions, indicator: &Indicator, rect: Rect) -> Result<WindowSpec, OptionsError> {
        let series = SeriesKey { indicator: line.indicator.clone(), area: line.area.clone(), scenario: line.scenario };
        Ok(window::window(series, self.span(indicator)?, indicator, self.buckets, rect))
    }
}

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
            None => format!("{} ({})", first.indicator.name.in_language(language), first.indicator.unit.in_language(language)),
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
        Some(Line { indicator: &**indicator, window, label, pen_color, dashed })
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
    let (words, figure) = (tile.style(Font::Regular, TYPE.caption, theme::TEXT_3), tile.style(Font::SemiBold, TYPE.caption, theme::TEXT));
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
            pieces.push(Piece::figure(text, Provenance::value(Origin::of_bucket(&line.window.spec.series, bucket)), figure));
        }
        let x = left + swatch + gap;
        left = tile.pieces_keeping_figures(pieces, x, baseline, (end - gap - x).max(0.0)) + gap * 2.5;
    }
}

/// The ranges of both axes and their ticks.
struct Domain {
    origin: Timestamp,
    x: Range<f64>,
    y: Range<f64>,
    values: Vec<f64>,
    decimals: u8,
    scale: f64,
    times: Vec<TimeTick>,
}

fn domain(options: &Options, lines: &[Line<'_>], language: &str) -> Option<Domain> {
    let first = lines.first()?;
    let buckets = || lines.iter().flat_map(|line| line.window.buckets.values());
    let newest = buckets().map(|bucket| bucket.time).max()?;
    let oldest = buckets().map(|bucket| bucket.time).min()?;
    let times = match options.span(first.indicator).ok()? {
        Span::Between { from, to } => from..to,
        Span::Last { secs } => {
            let back = i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            oldest.max(newest.plus_micros(-back))..newest
        }
    };
    let periodic = matches!(first.indicator.period, Period::Month | Period::Quarter | Period::Year);
    let ticks = if periodic { point_ticks(lines, language) } else { axis::time_ticks(&times, language) };
    // Points of years and months fill the width, wherever in their period they lie.
    let times = if periodic && newest > oldest { oldest..newest } else { times };
    let times = if times.end > times.start { times } else { times.start.plus_micros(-1)..times.end.plus_micros(1) };
    let scale = first.indicator.display_scale;
    let low = buckets().map(|bucket| bucket.min).fold(f64::INFINITY, f64::min) * scale;
    let high = buckets().map(|bucket| bucket.max).fold(f64::NEG_INFINITY, f64::max) * scale;
    let from_zero = options.from_zero.unwrap_or(low >= 0.0 && low < high * 0.5);
    let low = if from_zero { low.min(0.0) } else { low };
    let (low, high) = if high > low { (low, high) } else { (low - low.abs().max(1.0) * 0.1, high + high.abs().max(1.0) * 0.1) };
    if !(high - low).is_finite() || high - low <= f64::MIN_POSITIVE {
        return None;
    }
    let ticks_of_value = axis::value_ticks(low, high, 4);
    let (bottom, top) = (*ticks_of_value.values.first()?, *ticks_of_value.values.last()?);
    Some(Domain {
        origin: times.start,
        x: 0.0..times.end.since(times.start) as f64,
        y: bottom..top,
        values: ticks_of_value.values,
        decimals: ticks_of_value.decimals,
        scale,
        times: ticks,
    })
}

/// A tick at each point, named by its period.
fn point_ticks(lines: &[Line<'_>], language: &str) -> Vec<TimeTick> {
    let Some(first) = lines.first() else { return Vec::new() };
    let years = |window: &Window| {
        let year = |bucket: &Bucket| number::local(bucket.time).year();
        window.buckets.values().map(year).min() != window.buckets.values().map(year).max()
    };
    let many_years = lines.iter().any(|line| years(line.window));
    let mut ticks: Vec<TimeTick> = Vec::new();
    for bucket in lines.iter().flat_map(|line| line.window.buckets.values()) {
        let date = number::local(bucket.time);
        let text = match first.indicator.period {
            Period::Year => date.year().to_string(),
            Period::Month if !many_years => facts::month(date.month(), language),
            _ if many_years => format!("{}/{}", date.month(), date.year()),
            _ => facts::month(date.month(), language),
        };
        if !ticks.iter().any(|tick| tick.1 == text) {
            ticks.push((bucket.time, text));
        }
    }
    ticks.sort_by_key(|tick| tick.0);
    ticks
}

fn draw(tile: &mut Tile<'_, '_>, options: &Options, lines: &[Line<'_>], domain: Domain) {
    let style = tile.style(Font::Regular, TYPE.caption * 0.95, theme::CAPTION);
    let language = tile.paint.language;
    let labels: Vec<String> = domain.values.iter().map(|value| number::number(*value, domain.decimals, language)).collect();
    let widest = labels.iter().map(|label| tile.paint.text.width(label, style)).fold(0.0, f32::max);
    let (gap, marker) = (tile.px(14.0), tile.px(9.0));
    let room = tile.room;
    let rect = Rect::new(
        room.x + widest + gap,
        room.y + style.size * 0.8,
        (room.width - widest - gap - marker).floor(),
        (room.height - style.size * 2.7).floor(),
    );
    if rect.width < style.size * 2.0 || rect.height < style.size * 2.0 {
        return;
    }
    let plot = Plot { rect, x: domain.x.clone(), y: domain.y.clone() };
    value_axis(tile, &plot, &domain.values, &labels, style);
    time_axis(tile, &plot, &domain, style);
    alarm_zone(tile, &plot, lines, domain.scale);
    for (index, line) in lines.iter().enumerate().rev() {
        let fill = index == 0 && !line.dashed && options.fill.unwrap_or(true);
        if draw_line(tile, &plot, line, &domain, fill).is_err() {
            return tile.notice("no-chart");
        }
    }
}

fn value_axis(tile: &mut Tile<'_, '_>, plot: &Plot, values: &[f64], labels: &[String], style: crate::text::Style) {
    let mut lowest_free = f32::INFINITY;
    for (value, label) in values.iter().zip(labels) {
        let y = plot.place(plot.x.start, *value).y;
        tile.line(vec![Point { x: plot.rect.x, y }, Point { x: plot.rect.right(), y }], tile.px(2.0), theme::HAIRLINE);
        if y + style.size * 0.6 < lowest_free {
            let width = tile.paint.text.width(label, style);
            let baseline = y + CAP_HEIGHT * style.size / 2.0;
            tile.piece(Piece::label(Label::tick(label.as_str()), style), plot.rect.x - tile.px(14.0) - width, baseline);
            lowest_free = y - style.size * 0.6;
        }
    }
}

/// Labels that would touch are left out; the outer ones move inwards rather than being cut.
fn time_axis(tile: &mut Tile<'_, '_>, plot: &Plot, domain: &Domain, style: crate::text::Style) {
    let baseline = plot.rect.bottom() + style.size * 1.35;
    let (left, right) = (tile.room.x, tile.room.right());
    let widths: Vec<f32> = domain.times.iter().map(|(_, text)| tile.paint.text.width(text, style)).collect();
    let widest = widths.iter().copied().fold(0.0, f32::max) + style.size;
    let most = (plot.rect.width / widest).floor().max(1.0) as usize;
    let every = domain.times.len().div_ceil(most).max(1);
    let last = domain.times.len().saturating_sub(1);
    let mut free = left;
    for (index, ((at, text), width)) in domain.times.iter().zip(widths).enumerate() {
        // Counted from the newest, which is what is looked for.
        if (last - index) % every != 0 {
            continue;
        }
        let x = plot.place(at.since(domain.origin) as f64, plot.y.start).x;
        let start = (x - width / 2.0).clamp(left, (right - width).max(left));
        if start >= free {
            tile.piece(Piece::label(Label::tick(text.as_str()), style), start, baseline);
            free = start + width + style.size * 0.4;
        }
    }
}

/// The stretch of values that need attention, when all lines share one threshold.
fn alarm_zone(tile: &mut Tile<'_, '_>, plot: &Plot, lines: &[Line<'_>], scale: f64) {
    let Some(indicator) = lines.first().map(|line| line.indicator) else { return };
    if lines.iter().any(|line| line.indicator.id != indicator.id) {
        return;
    }
    for (threshold, color) in [(indicator.warning, theme::WARNING), (indicator.critical, theme::CRITICAL)] {
        let Some(threshold) = threshold.map(|threshold| threshold * scale).filter(|threshold| plot.y.contains(threshold)) else { continue };
        let y = plot.place(0.0, threshold).y;
        let (top, bottom) = match indicator.better {
            Better::Lower => (plot.rect.y, y),
            Better::Higher => (y, plot.rect.bottom()),
            Better::Neither => continue,
        };
        tile.plate(Rect { y: top, height: bottom - top, ..plot.rect }, 0.0, color.with_alpha(26));
        let points = vec![Point { x: plot.rect.x, y }, Point { x: plot.rect.right(), y }];
        let dash = Some((tile.px(8.0), tile.px(10.0)));
        tile.dashed_line(points, tile.px(2.0), color.with_alpha(150), dash);
    }
}

fn draw_line(tile: &mut Tile<'_, '_>, plot: &Plot, line: &Line<'_>, domain: &Domain, fill: bool) -> Result<(), ChartError> {
    let dash = line.dashed.then_some((tile.px(12.0), tile.px(12.0)));
    let pen = Pen { color: line.pen_color, width: tile.px(5.0), dash };
    for run in window::unbroken(line.window, line.indicator) {
        let points: Vec<(f64, f64)> = run.iter().flat_map(|bucket| points(bucket, domain)).collect();
        if fill && points.len() > 1 {
            plot.area(tile.scene(), points.iter().copied(), pen.color.with_alpha(30))?;
        }
        plot.line(tile.scene(), points.into_iter(), pen)?;
    }
    if let Some(bucket) = line.newest().filter(|_| !line.dashed) {
        let point = plot.place(bucket.time.since(domain.origin) as f64, bucket.last * domain.scale);
        tile.disc(point, tile.px(9.0), line.pen_color);
    }
    Ok(())
}

/// The last value of a bucket, and before it the extremes it hides; nothing outside the plot.
fn points(bucket: &Bucket, domain: &Domain) -> Vec<(f64, f64)> {
    let x = bucket.time.since(domain.origin) as f64;
    if x < domain.x.start || x > domain.x.end {
        return Vec::new();
    }
    let extremes = if bucket.min < bucket.max { vec![bucket.min, bucket.max] } else { Vec::new() };
    extremes.into_iter().chain([bucket.last]).map(|value| (x, value * domain.scale)).collect()
}
