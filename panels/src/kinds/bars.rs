//! Bars: areas, series or periods side by side.

use std::collections::BTreeMap;

use protocol::change::Bucket;
use protocol::observation::{Freshness, Period};
use protocol::view::Window;
use protocol::{Catalogue, Indicator, PanelSpec, SeriesKey, Timestamp, ViewState};

use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill, Said};
use crate::label::Label;
use crate::options::parse;
use crate::provenance::{Figure, Origin};
use crate::scene::{Point, Rect, Scene, TextContent};
use crate::text::{CAP_HEIGHT, Font};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, collation, locale, number, parts, window};

mod columns;
mod grouped;
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
            let series = vec![window.series.clone()];
            return Ok(Needs { series, windows: vec![window], ..Needs::default() });
        }
        if !options.indicators.is_empty() {
            return Ok(Needs { series: grouped::keys(&options, catalogue), ..Needs::default() });
        }
        let series = options.compared(catalogue)?.into_iter().map(|(series, _)| series).collect();
        Ok(Needs { series, ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, rect, now) = (paint.view, paint.language, paint.rect, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        if !options.indicators.is_empty() {
            return paint_grouped(&mut tile, &options, view, catalogue);
        }
        let bars = match options.by {
            By::Time => periods(&options, view, catalogue, (rect, language)),
            By::Area | By::Series => compared(&options, view, catalogue, (language, now)),
        };
        let title = title(&options, catalogue, language);
        let facts: Vec<(&Bar<'_>, &Fact)> = bars.iter().filter_map(|bar| Some((bar, bar.fact.as_ref()?))).collect();
        let said: Vec<Said<'_>> = match options.by {
            // The newest tells how old the picture is.
            By::Time => facts.last().map(|(bar, fact)| bar.said(fact)).into_iter().collect(),
            By::Area | By::Series => facts.iter().map(|(bar, fact)| bar.said(fact)).collect(),
        };
        let mut footer = Footer::of(catalogue, &said, &tile);
        if let Some(footer) = &mut footer {
            footer.add(boundaries(&options, catalogue, language));
            footer.illustrative = facts.iter().any(|(_, fact)| fact.origin.is_illustrative());
        }
        let pill = stale_pill(&options, &facts, now, language);
        let head = tile.room;
        tile.frame(&title, pill.as_ref(), footer.as_ref());
        if facts.is_empty() {
            return tile.notice("no-figures");
        }
        let worst = bars.iter().map(|bar| bar.severity).filter(|severity| severity.is_abnormal()).max();
        if let Some(severity) = worst.filter(|_| options.by != By::Time) {
            tile.attention_border(severity);
        }
        let upright = options.upright || options.by == By::Time;
        let range = if upright && columns::draw(&mut tile, &bars) {
            Some((axis(&bars), Sample::Line))
        } else {
            rows::draw(&mut tile, &bars).map(|range| (range, Sample::Plate))
        };
        if let Some((range, sample)) = range.filter(|_| pill.is_none()) {
            threshold_legend(&mut tile, head, &title, &bars, range, sample);
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        if options.by == By::Time {
            return facts::next_change_of(view, [options.window(catalogue, Rect::default()).ok()?.series], now);
        }
        if !options.indicators.is_empty() {
            return facts::next_change_of(view, grouped::keys(&options, catalogue), now);
        }
        let compared = options.compared(catalogue).ok()?;
        facts::next_change_of(view, compared.into_iter().map(|(series, _)| series), now)
    }
}

fn paint_grouped(tile: &mut Tile<'_, '_>, options: &Options, view: &ViewState, catalogue: &Catalogue) {
    let (language, now) = (tile.paint.language, tile.paint.now);
    let groups = grouped::groups(options, view, catalogue, (language, now));
    let said: Vec<Said<'_>> = groups.iter().flat_map(grouped::Group::said).collect();
    let mut footer = Footer::of(catalogue, &said, tile);
    if let Some(footer) = &mut footer {
        footer.add(boundaries(options, catalogue, language));
    }
    tile.frame(&title(options, catalogue, language), None, footer.as_ref());
    if said.is_empty() {
        return tile.notice("no-figures");
    }
    tile.attention_border(grouped::worst(&groups));
    let known = options.indicators.iter().filter_map(|id| catalogue.indicators.get(id));
    grouped::draw(tile, &groups, &known.map(|indicator| &**indicator).collect::<Vec<_>>(), options.stacked);
}

/// One bar.
struct Bar<'a> {
    /// Words, or a period.
    name: TextContent,
    indicator: &'a Indicator,
    severity: Severity,
    /// `None` while there is no figure.
    fact: Option<Fact>,
}

impl Bar<'_> {
    fn said<'f>(&'f self, fact: &'f Fact) -> Said<'f> {
        Said::of(self.indicator, &fact.origin)
    }

    /// Where it begins to need attention, as it is written.
    fn threshold(&self) -> Option<f64> {
        self.indicator.warning.map(|threshold| threshold * self.indicator.display_scale)
    }
}

struct Fact {
    /// Multiplied by the indicator's display scale.
    shown: f64,
    figure: Figure,
    origin: Origin,
}

impl Fact {
    fn of(origin: Origin, indicator: &Indicator, language: &str) -> Self {
        let shown = origin.value() * indicator.display_scale;
        Self { shown, figure: Figure::value(origin.clone(), indicator, language), origin }
    }
}

fn title(options: &Options, catalogue: &Catalogue, language: &str) -> String {
    if let Some(title) = &options.title {
        return title.in_language(language).to_owned();
    }
    let id =
        options.indicator.as_ref().or(options.indicators.first()).or(options.series.first().map(|bar| &bar.indicator));
    let indicator = id.and_then(|id| catalogue.indicators.get(id));
    indicator.map_or_else(String::new, |indicator| facts::name_with_unit(indicator, language))
}

/// Which boundaries the compared areas have, where those hold only for a time.
fn boundaries(options: &Options, catalogue: &Catalogue, language: &str) -> Option<String> {
    let areas = (options.by == By::Area).then(|| options.areas(catalogue).ok())??;
    parts::boundaries(&areas, language)
}

/// Since when the oldest figure is too old to be judged. A stretch between two days does not go stale.
fn stale_pill(options: &Options, facts: &[(&Bar<'_>, &Fact)], now: Timestamp, language: &str) -> Option<Pill> {
    if options.by == By::Time && options.to.is_some() {
        return None;
    }
    let newest = if options.by == By::Time { facts.len().saturating_sub(1) } else { 0 };
    let times = facts.iter().skip(newest).map(|(bar, fact)| (bar, fact.origin.phenomenon_time()));
    let stale = times.filter(|(bar, at)| bar.indicator.freshness(*at, now) >= Freshness::Stale).map(|(_, at)| at);
    Pill::at(Severity::Stale, stale.min()?, now, language)
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
        let fact = latest.map(|latest| Fact::of(Origin::from(&**latest), indicator, language));
        Some(Bar { name: TextContent::Words(name.into()), indicator, severity, fact })
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
        Sort::Name => bars.sort_by_cached_key(|bar| collation::key(bar.name.as_str())),
        Sort::Largest => {
            bars.sort_by(|a, b| shown(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&shown(a).unwrap_or(f64::NEG_INFINITY)))
        }
        Sort::Smallest => {
            bars.sort_by(|a, b| shown(a).unwrap_or(f64::INFINITY).total_cmp(&shown(b).unwrap_or(f64::INFINITY)))
        }
    }
}

/// The last value of each period in the window; a period without one keeps its empty place.
fn periods<'a>(
    options: &Options,
    view: &ViewState,
    catalogue: &'a Catalogue,
    (rect, language): (Rect, &str),
) -> Vec<Bar<'a>> {
    let (Ok(spec), Ok((id, _))) = (options.window(catalogue, rect), options.subject()) else { return Vec::new() };
    let (Some(window), Some(indicator)) = (window::sent(view, &spec), catalogue.indicators.get(id)) else {
        return Vec::new();
    };
    let places = places(indicator.period, window);
    let year = |place: Option<&(Timestamp, Option<&Bucket>)>| place.map(|(at, _)| number::local(*at).year());
    let many_years = year(places.first()) != year(places.last());
    let bar = |(at, bucket): (Timestamp, Option<&Bucket>)| Bar {
        name: TextContent::Label(Label::period(indicator.period, at, language, many_years)),
        indicator,
        // Judged as of then: the past does not go stale.
        severity: bucket
            .map_or(Severity::Normal, |bucket| facts::judge_value(indicator, bucket.last, bucket.time, bucket.time)),
        fact: bucket.map(|bucket| Fact::of(Origin::of_bucket(&spec.series, bucket), indicator, language)),
    };
    places.into_iter().map(bar).collect()
}

/// The newest periods with their last buckets.
fn places(period: Period, window: &Window) -> Vec<(Timestamp, Option<&Bucket>)> {
    let buckets = window.buckets.values();
    if let Period::Hour | Period::Continuous = period {
        let surplus = window.buckets.len().saturating_sub(MOST_BARS);
        return buckets.skip(surplus).map(|bucket| (bucket.time, Some(bucket))).collect();
    }
    let filled: BTreeMap<i64, &Bucket> =
        buckets.map(|bucket| (number::period_index(period, bucket.time), bucket)).collect();
    let (Some((&first, _)), Some((&last, _))) = (filled.first_key_value(), filled.last_key_value()) else {
        return Vec::new();
    };
    let first = first.max(last.saturating_sub(MOST_BARS as i64 - 1));
    let place = |index| match filled.get(&index) {
        Some(bucket) => Some((bucket.time, Some(*bucket))),
        None => Some((number::period_start(period, index)?, None)),
    };
    (first..=last).filter_map(place).collect()
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

/// How a threshold is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sample {
    /// A dashed line through all bars.
    Line,
    /// A stroke across each bar.
    Plate,
}

/// Says what the mark on the bars means, where it is drawn and the title in `head` leaves room for it.
fn threshold_legend(
    tile: &mut Tile<'_, '_>,
    head: Rect,
    title: &str,
    bars: &[Bar<'_>],
    (low, high): (f64, f64),
    sample: Sample,
) {
    let (Some(threshold), Some(first)) = (threshold(bars), bars.first()) else { return };
    if !(low..=high).contains(&threshold) {
        return;
    }
    let (language, title_style) = (tile.paint.language, tile.style(Font::SemiBold, TextClass::Title, theme::TEXT_2));
    let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    let pieces = vec![
        Piece::words(format!("{} ", locale::text(language, "threshold")), style),
        Piece::label(Label::tick(threshold, first.indicator.decimals, language), style),
    ];
    let width = tile.width(&pieces);
    if tile.paint.text.width(title, title_style) + width + style.size * 2.5 > head.width
        || head.height < style.size * 4.0
    {
        return;
    }
    let middle = head.y + title_style.line_height() / 2.0;
    let left = head.right() - width;
    match sample {
        Sample::Plate => {
            let plate = Rect::new(left - tile.px(20.0), middle - tile.px(16.0), tile.px(4.0), tile.px(32.0));
            tile.plate(plate, tile.px(2.0), theme::TEXT);
        }
        Sample::Line => {
            let at = |from_left: f32| Point { x: left - tile.px(from_left), y: middle };
            let points = vec![at(48.0), at(14.0)];
            columns::threshold_stroke(tile, points);
        }
    }
    tile.pieces(pieces, left, middle + CAP_HEIGHT * style.size / 2.0, width * 1.001);
}
