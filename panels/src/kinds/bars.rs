//! Bars: areas, series or periods side by side.

use std::sync::Arc;

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::observation::Period;
use protocol::{AreaId, Catalogue, Indicator, IndicatorId, ObservationStatus, PanelSpec, Scenario, SeriesKey, SourceId, Timestamp, ViewState};
use serde::Deserialize;

use crate::facts::{self, Severity};
use crate::frame::Footer;
use crate::options::{check_area, check_indicator, parse};
use crate::provenance::{Label, Origin, Provenance};
use crate::scene::{Point, Rect, Scene};
use crate::text::{CAP_HEIGHT, Font};
use crate::theme::{self, TYPE};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number, window};

mod columns;
mod rows;

/// The kind `bars`.
pub struct Bars;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// What stands side by side.
    #[serde(default)]
    by: By,
    /// For `area` and `time`.
    #[serde(default)]
    indicator: Option<IndicatorId>,
    /// For `area` the one whose parts are compared; for `time` the one that is followed.
    #[serde(default)]
    area: Option<AreaId>,
    #[serde(default)]
    scenario: Scenario,
    /// For `series`.
    #[serde(default)]
    series: Vec<BarOptions>,
    /// For `time`: the newest so many seconds; or `from` and `to`, whole days like 2023-12-31.
    #[serde(default)]
    secs: Option<u64>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    buckets: Option<u16>,
    /// By value, largest first, if absent; time is never sorted.
    #[serde(default)]
    sort: Sort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Area,
    Series,
    Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Largest,
    Smallest,
    Name,
    /// As they are listed.
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BarOptions {
    indicator: IndicatorId,
    area: AreaId,
    #[serde(default)]
    scenario: Scenario,
    #[serde(default)]
    label: Option<Wording>,
}

/// Shown at once.
const MOST_BARS: usize = 64;

impl Options {
    fn subject(&self) -> Result<(&IndicatorId, &AreaId), OptionsError> {
        match (&self.indicator, &self.area) {
            (Some(indicator), Some(area)) => Ok((indicator, area)),
            (None, _) => Err(OptionsError::of("indicator", "bars by area or time need an 'indicator'")),
            (_, None) => Err(OptionsError::of("area", "bars by area or time need an 'area'")),
        }
    }

    /// The series whose latest values are compared, with a name of their own where one was given.
    fn compared(&self, catalogue: &Catalogue) -> Result<Vec<(SeriesKey, Option<&Wording>)>, OptionsError> {
        if self.by == By::Series {
            let key = |bar: &BarOptions| SeriesKey { indicator: bar.indicator.clone(), area: bar.area.clone(), scenario: bar.scenario };
            return Ok(self.series.iter().map(|bar| (key(bar), bar.label.as_ref())).collect());
        }
        let (indicator, area) = self.subject()?;
        let key = |area: &AreaId| SeriesKey { indicator: indicator.clone(), area: area.clone(), scenario: self.scenario };
        Ok(catalogue.children(area).map(|child| (key(&child.id), None)).collect())
    }

    fn window(&self, catalogue: &Catalogue, rect: Rect) -> Result<WindowSpec, OptionsError> {
        let (id, area) = self.subject()?;
        check_indicator(catalogue, "indicator", id)?;
        let Some(indicator) = catalogue.indicators.get(id) else { return Err(OptionsError::of("indicator", "unknown")) };
        let span = window::span(self.secs, self.from.as_deref(), self.to.as_deref(), window::usual_secs(indicator))?;
        let series = SeriesKey { indicator: id.clone(), area: area.clone(), scenario: self.scenario };
        Ok(window::window(series, span, indicator, self.buckets, rect))
    }

    fn check(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        window::check_buckets(self.buckets)?;
        if self.by == By::Series {
            if self.series.is_empty() || self.series.len() > MOST_BARS {
                return Err(OptionsError::of("series", format!("bars by series need a list 'series' of 1 to {MOST_BARS} {{ indicator, area }}")));
            }
            if self.indicator.is_some() || self.area.is_some() {
                return Err(OptionsError::of("series", "bars by series take no 'indicator' and 'area' beside the list"));
            }
            return self.series.iter().try_for_each(|bar| {
                check_indicator(catalogue, "series", &bar.indicator)?;
                check_area(catalogue, "series", &bar.area)
            });
        }
        if !self.series.is_empty() {
            return Err(OptionsError::of("series", "a list 'series' needs by = \"series\""));
        }
        let (indicator, area) = self.subject()?;
        check_indicator(catalogue, "indicator", indicator)?;
        check_area(catalogue, "area", area)?;
        if self.by == By::Area && catalogue.children(area).next().is_none() {
            return Err(OptionsError::of("area", format!("area '{area}' has no areas below it to compare")));
        }
        Ok(())
    }
}

impl Panel for Bars {
    fn kind(&self) -> &'static str {
        "bars"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, rect: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        options.check(catalogue)?;
        if options.by == By::Time {
            let window = options.window(catalogue, rect)?;
            return Ok(Needs { series: vec![window.series.clone()], windows: vec![window] });
        }
        let series = options.compared(catalogue)?.into_iter().map(|(series, _)| series).collect();
        Ok(Needs { series, windows: Vec::new() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, rect, now) = (paint.view, paint.language, paint.rect, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let bars = match options.by {
            By::Time => periods(&options, view, catalogue, (rect, language)),
            By::Area | By::Series => compared(&options, view, catalogue, (language, now)),
        };
        let worst = bars.iter().map(|bar| bar.severity).filter(|severity| severity.is_abnormal()).max();
        let title = title(&options, catalogue, language);
        threshold_legend(&mut tile, &title, &bars);
        tile.title_row(&title, None);
        let Some(newest) = bars.iter().filter_map(|bar| bar.fact.as_ref()).max_by_key(|fact| fact.at) else {
            return tile.notice("no-figures");
        };
        if let Some(severity) = worst.filter(|_| options.by != By::Time) {
            tile.attention_border(severity);
        }
        let illustrative = bars.iter().filter_map(|bar| bar.fact.as_ref()).any(|fact| fact.illustrative);
        if let Some(indicator) = bars.first().map(|bar| bar.indicator) {
            let footer = Footer::at(catalogue, indicator, (&newest.source, newest.at), &tile);
            tile.footer(&Footer { illustrative, ..footer });
        }
        if options.by != By::Time || !columns::draw(&mut tile, &bars) {
            rows::draw(&mut tile, &bars);
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        if options.by == By::Time {
            let (indicator, _) = options.subject().ok()?;
            let newest = view.latest(&options.window(catalogue, Rect::default()).ok()?.series)?;
            return Some(facts::next_change(catalogue.indicators.get(indicator)?, newest.phenomenon_time, now));
        }
        let change = |(series, _): (SeriesKey, Option<&Wording>)| {
            let indicator = catalogue.indicators.get(&series.indicator)?;
            Some(facts::next_change(indicator, view.latest(&series)?.phenomenon_time, now))
        };
        options.compared(catalogue).ok()?.into_iter().filter_map(change).min()
    }
}

/// One bar.
struct Bar<'a> {
    name: String,
    indicator: &'a Indicator,
    severity: Severity,
    /// `None` while there is no figure.
    fact: Option<Fact>,
}

struct Fact {
    /// Multiplied by the indicator's display scale.
    shown: f64,
    text: String,
    provenance: Arc<Provenance>,
    at: Timestamp,
    source: SourceId,
    illustrative: bool,
}

impl Fact {
    fn of_bucket(series: &SeriesKey, bucket: &Bucket, indicator: &Indicator, language: &str) -> Self {
        Self {
            shown: bucket.last * indicator.display_scale,
            text: facts::written(indicator, bucket.last, language),
            provenance: Provenance::value(Origin::of_bucket(series, bucket)),
            at: bucket.time,
            source: bucket.source.clone(),
            illustrative: bucket.status == ObservationStatus::Simulated,
        }
    }
}

fn title(options: &Options, catalogue: &Catalogue, language: &str) -> String {
    if let Some(title) = &options.title {
        return title.in_language(language).to_owned();
    }
    let id = options.indicator.as_ref().or(options.series.first().map(|bar| &bar.indicator));
    let indicator = id.and_then(|id| catalogue.indicators.get(id));
    indicator.map_or_else(String::new, |indicator| {
        format!("{} ({})", indicator.name.in_language(language), indicator.unit.in_language(language))
    })
}

fn compared<'a>(options: &Options, view: &ViewState, catalogue: &'a Catalogue, (language, now): (&str, Timestamp)) -> Vec<Bar<'a>> {
    let Ok(series) = options.compared(catalogue) else { return Vec::new() };
    let bar = |(series, label): (SeriesKey, Option<&Wording>)| {
        let indicator = catalogue.indicators.get(&series.indicator)?;
        let name = match (label, catalogue.areas.get(&series.area)) {
            (Some(label), _) => label.in_language(language).to_owned(),
            (None, Some(area)) => area.name.in_language(language).to_owned(),
            (None, None) => series.area.to_string(),
        };
        let latest = view.latest(&series);
        let severity = latest.map_or(Severity::Normal, |latest| facts::judge(indicator, latest, now));
        let fact = latest.map(|latest| Fact {
            shown: latest.value * indicator.display_scale,
            text: facts::written(indicator, latest.value, language),
            provenance: Provenance::value(&**latest),
            at: latest.phenomenon_time,
            source: latest.source.clone(),
            illustrative: latest.status == ObservationStatus::Simulated,
        });
        Some(Bar { name, indicator: &**indicator, severity, fact })
    };
    let mut bars: Vec<Bar<'_>> = series.into_iter().filter_map(bar).collect();
    sort(&mut bars, options.sort);
    bars
}

/// Bars without a figure stand last.
fn sort(bars: &mut [Bar<'_>], sort: Sort) {
    let shown = |bar: &Bar<'_>| bar.fact.as_ref().map(|fact| fact.shown);
    match sort {
        Sort::None => {}
        Sort::Name => bars.sort_by(|a, b| a.name.cmp(&b.name)),
        Sort::Largest => bars.sort_by(|a, b| shown(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&shown(a).unwrap_or(f64::NEG_INFINITY))),
        Sort::Smallest => bars.sort_by(|a, b| shown(a).unwrap_or(f64::INFINITY).total_cmp(&shown(b).unwrap_or(f64::INFINITY))),
    }
}

/// The last value of each period in the window.
fn periods<'a>(options: &Options, view: &ViewState, catalogue: &'a Catalogue, (rect, language): (Rect, &str)) -> Vec<Bar<'a>> {
    let (Ok(spec), Ok((id, _))) = (options.window(catalogue, rect), options.subject()) else { return Vec::new() };
    let (Some(window), Some(indicator)) = (view.window(&spec), catalogue.indicators.get(id)) else { return Vec::new() };
    let long = window_days(&spec) > 3 * 365;
    let mut bars: Vec<Bar<'_>> = Vec::new();
    for bucket in window.buckets.values() {
        let name = period_name(indicator, bucket.time, language, long);
        let fact = Some(Fact::of_bucket(&spec.series, bucket, indicator, language));
        // Judged as of then: the past does not go stale.
        let severity = facts::judge_value(indicator, bucket.last, bucket.time, bucket.time);
        let bar = Bar { name, indicator: &**indicator, severity, fact };
        match bars.last_mut() {
            Some(last) if last.name == bar.name => *last = bar,
            _ => bars.push(bar),
        }
    }
    let surplus = bars.len().saturating_sub(MOST_BARS);
    bars.split_off(surplus)
}

fn window_days(spec: &WindowSpec) -> u64 {
    match spec.span {
        Span::Last { secs } => secs / 86_400,
        Span::Between { from, to } => u64::try_from(to.since(from) / 86_400_000_000).unwrap_or(0),
    }
}

/// `2015`, `T8`, `14/8`, `08:00`
fn period_name(indicator: &Indicator, at: Timestamp, language: &str, long: bool) -> String {
    let date = number::local(at);
    match indicator.period {
        Period::Year => date.year().to_string(),
        Period::Quarter | Period::Month if long => format!("{}/{}", date.month(), date.year()),
        Period::Quarter | Period::Month => facts::month(date.month(), language),
        Period::Week | Period::Day => number::day_and_month(at),
        Period::Hour | Period::Continuous => number::time_of_day(at),
    }
}

/// The ends of the axis and where zero lies between them, as a share.
fn axis(bars: &[Bar<'_>]) -> (f64, f64) {
    let shown = || bars.iter().filter_map(|bar| bar.fact.as_ref()).map(|fact| fact.shown);
    let threshold = threshold(bars).unwrap_or(0.0);
    let low = shown().fold(0.0, f64::min);
    let high = shown().fold(0.0f64, f64::max);
    // A threshold far beyond all values would make them all tiny.
    let high = if threshold > high && threshold < high * 1.6 { threshold } else { high };
    if high > low && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) }
}

/// The warning threshold as it is written, when all bars share one.
fn threshold(bars: &[Bar<'_>]) -> Option<f64> {
    let first = bars.first()?.indicator;
    let same = bars.iter().all(|bar| bar.indicator.id == first.id);
    same.then_some(first.warning?).map(|threshold| threshold * first.display_scale)
}

/// Says what the dashed line means, where the title leaves room for it.
fn threshold_legend(tile: &mut Tile<'_, '_>, title: &str, bars: &[Bar<'_>]) {
    let (Some(threshold), Some(first)) = (threshold(bars), bars.first()) else { return };
    let (language, title_style) = (tile.paint.language, tile.style(Font::SemiBold, TYPE.title, theme::TEXT_2));
    let style = tile.style(Font::Regular, TYPE.caption, theme::CAPTION);
    let words = format!("{} {}", locale::text(language, "threshold"), number::number(threshold, first.indicator.decimals, language));
    let piece = Piece::label(Label::tick(words), style);
    let (width, swatch) = (tile.width(std::slice::from_ref(&piece)), tile.px(40.0));
    let room = tile.room;
    if tile.paint.text.width(title, title_style) + swatch + width + style.size * 2.0 > room.width || room.height < style.size * 4.0 {
        return;
    }
    let middle = room.y + title_style.line_height() / 2.0;
    let left = room.right() - width;
    let (dash, stroke) = (Some((tile.px(6.0), tile.px(8.0))), tile.px(3.0));
    tile.dashed_line(
        vec![Point { x: left - swatch, y: middle }, Point { x: left - tile.px(12.0), y: middle }],
        stroke,
        theme::WARNING.with_alpha(170),
        dash,
    );
    tile.piece(piece, left, middle + CAP_HEIGHT * style.size / 2.0);
}
