//! Bars: areas, series or periods side by side.

use std::sync::Arc;

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::observation::Period;
use protocol::{Catalogue, Indicator, ObservationStatus, PanelSpec, SeriesKey, SourceId, Timestamp, ViewState};

use crate::facts::{self, Severity};
use crate::frame::Footer;
use crate::options::parse;
use crate::provenance::{Label, Origin, Provenance};
use crate::scene::{Rect, Scene};
use crate::text::{CAP_HEIGHT, Font};
use crate::theme::{self, TYPE};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number};

mod columns;
mod options;
mod rows;

use options::{By, MOST_BARS, Options, Sort};

/// The kind `bars`.
pub struct Bars;

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

impl Bar<'_> {
    /// Where it begins to need attention, as it is written.
    fn threshold(&self) -> Option<f64> {
        self.indicator.warning.map(|threshold| threshold * self.indicator.display_scale)
    }
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

fn compared<'a>(
    options: &Options,
    view: &ViewState,
    catalogue: &'a Catalogue,
    (language, now): (&str, Timestamp),
) -> Vec<Bar<'a>> {
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
        Some(Bar { name, indicator, severity, fact })
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
        Sort::Largest => {
            bars.sort_by(|a, b| shown(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&shown(a).unwrap_or(f64::NEG_INFINITY)))
        }
        Sort::Smallest => {
            bars.sort_by(|a, b| shown(a).unwrap_or(f64::INFINITY).total_cmp(&shown(b).unwrap_or(f64::INFINITY)))
        }
    }
}

/// The last value of each period in the window.
fn periods<'a>(
    options: &Options,
    view: &ViewState,
    catalogue: &'a Catalogue,
    (rect, language): (Rect, &str),
) -> Vec<Bar<'a>> {
    let (Ok(spec), Ok((id, _))) = (options.window(catalogue, rect), options.subject()) else { return Vec::new() };
    let (Some(window), Some(indicator)) = (view.window(&spec), catalogue.indicators.get(id)) else { return Vec::new() };
    let long = window_days(&spec) > 3 * 365;
    let mut bars: Vec<Bar<'_>> = Vec::new();
    for bucket in window.buckets.values() {
        let name = period_name(indicator, bucket.time, language, long);
        let fact = Some(Fact::of_bucket(&spec.series, bucket, indicator, language));
        // Judged as of then: the past does not go stale.
        let severity = facts::judge_value(indicator, bucket.last, bucket.time, bucket.time);
        let bar = Bar { name, indicator, severity, fact };
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
    let threshold = bars.iter().filter_map(Bar::threshold).fold(0.0, f64::max);
    let low = shown().fold(0.0, f64::min);
    let high = shown().fold(0.0f64, f64::max);
    // A threshold far beyond all values would make them all tiny.
    let high = if threshold > high && threshold < high * 1.6 { threshold } else { high };
    if high > low && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) }
}

/// The warning threshold as it is written, when all bars share one.
fn threshold(bars: &[Bar<'_>]) -> Option<f64> {
    let first = bars.first()?;
    let same = bars.iter().all(|bar| bar.indicator.id == first.indicator.id);
    if same { first.threshold() } else { None }
}

/// Says what the mark on the bars means, where the title leaves room for it.
fn threshold_legend(tile: &mut Tile<'_, '_>, title: &str, bars: &[Bar<'_>]) {
    let (Some(threshold), Some(first)) = (threshold(bars), bars.first()) else { return };
    let (language, title_style) = (tile.paint.language, tile.style(Font::SemiBold, TYPE.title, theme::TEXT_2));
    let style = tile.style(Font::Regular, TYPE.caption, theme::CAPTION);
    let words = format!(
        "{} {}",
        locale::text(language, "threshold"),
        number::number(threshold, first.indicator.decimals, language)
    );
    let piece = Piece::label(Label::tick(words), style);
    let width = tile.width(std::slice::from_ref(&piece));
    let room = tile.room;
    if tile.paint.text.width(title, title_style) + width + style.size * 2.0 > room.width
        || room.height < style.size * 4.0
    {
        return;
    }
    let middle = room.y + title_style.line_height() / 2.0;
    let left = room.right() - width;
    let swatch = Rect::new(left - tile.px(20.0), middle - tile.px(16.0), tile.px(4.0), tile.px(32.0));
    tile.plate(swatch, tile.px(2.0), theme::TEXT);
    tile.piece(piece, left, middle + CAP_HEIGHT * style.size / 2.0);
}
