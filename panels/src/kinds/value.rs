//! One figure, large, with all that is needed to judge it.

use protocol::change::Bucket;
use protocol::{Catalogue, PanelSpec, Scenario, Timestamp, ViewState};

use crate::chart::{Pen, Plot};
use crate::facts::{self, Facts, Severity};
use crate::frame::{Footer, Pill};
use crate::label::Label;
use crate::options::{check_area, check_indicator, parse};
use crate::provenance::Figure;
use crate::scene::{Rect, Scene};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::{Needs, OptionsError, Paint, Panel, locale, window};

mod options;

use options::{Options, Sparkline};

/// The kind `value`.
pub struct Value;

impl Panel for Value {
    fn kind(&self) -> &'static str {
        "value"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, rect: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        check_indicator(catalogue, "indicator", &options.indicator)?;
        check_area(catalogue, "area", &options.area)?;
        if let Some(Sparkline::Of(span)) = &options.sparkline {
            window::check_buckets(span.buckets)?;
        }
        if options.behind_below.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return Err(OptionsError::of(
                "behind_below",
                "'behind_below' is a share of what is expected, above 0 and at most 1",
            ));
        }
        let scenarios = [Scenario::Actual, Scenario::Plan, Scenario::Expected, Scenario::SamePeriod];
        let series = scenarios.map(|scenario| options.series(scenario)).to_vec();
        let Some(indicator) = catalogue.indicators.get(&options.indicator) else { return Ok(Needs::default()) };
        let beside = series.iter().filter_map(|series| window::compared(series.clone(), indicator));
        let windows = options.sparkline(indicator, rect).into_iter().chain(beside).collect();
        Ok(Needs { series, windows, ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language) = (paint.view, paint.language);
        let mut tile = Tile::new(paint, scene);
        let Some(facts) = Facts::of(view, &options.indicator, &options.area) else { return tile.notice("waiting") };
        Picture::new(&options, &facts, language, &mut tile).paint(&mut tile, view);
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        facts::next_change_of(view, [options.series(Scenario::Actual)], now)
    }
}

/// What one painting works with.
struct Picture<'a> {
    options: &'a Options,
    facts: &'a Facts<'a>,
    severity: Severity,
    language: &'a str,
    class: TextClass,
    /// Whether there is room for the unit beside the figure; otherwise the title names it.
    has_unit: bool,
}

impl<'a> Picture<'a> {
    fn new(options: &'a Options, facts: &'a Facts<'a>, language: &'a str, tile: &mut Tile<'_, '_>) -> Self {
        let severity = facts.severity(tile.paint.now, options.behind_below.unwrap_or(facts::BEHIND_BELOW));
        let compact = options.compact.unwrap_or_else(|| tile.is_narrow());
        let mut picture = Self { options, facts, severity, language, class: TextClass::SmallNumeral, has_unit: true };
        for class in [TextClass::Numeral, TextClass::SmallNumeral].into_iter().skip(usize::from(compact)) {
            picture.class = class;
            picture.has_unit = picture.numeral_width(tile) <= tile.room.width;
            if picture.has_unit {
                break;
            }
        }
        picture
    }

    fn is_small(&self) -> bool {
        self.class == TextClass::SmallNumeral
    }

    /// Of the figure with its unit.
    fn numeral_width(&self, tile: &mut Tile<'_, '_>) -> f32 {
        let Some(number) = self.number() else { return 0.0 };
        let number = number.as_str();
        let (figure, unit) = self.numeral_styles(tile, tile.em(self.class));
        let unit_width = tile.paint.text.width(self.unit(), unit);
        tile.paint.text.width(number, figure) + unit_width + figure.size * UNIT_GAP
    }

    fn number(&self) -> Option<Figure> {
        let actual = self.facts.actual.clone()?;
        Some(Figure::value(actual, self.facts.indicator, self.language))
    }

    fn unit(&self) -> &'a str {
        self.facts.indicator.unit.in_language(self.language)
    }

    /// Of the figure and of its unit.
    fn numeral_styles(&self, tile: &Tile<'_, '_>, size: f32) -> (Style, Style) {
        let stale = self.severity.is_overdue();
        let (ink, unit_ink) = if stale { (theme::STALE_TEXT, theme::STALE_TEXT) } else { (theme::TEXT, theme::TEXT_3) };
        let unit = if self.is_small() { TextClass::Body } else { TextClass::Unit };
        (Style::new(Font::DisplayBold, self.class, size, ink), tile.style(Font::Regular, unit, unit_ink))
    }

    fn paint(&self, tile: &mut Tile<'_, '_>, view: &ViewState) {
        let facts = self.facts;
        let now = tile.paint.now;
        let actual = facts.actual.as_ref();
        let pill = actual.and_then(|actual| Pill::at(self.severity, actual.phenomenon_time(), now, self.language));
        tile.attention_border(self.severity);
        let title = self.title(tile);
        let start = tile.checkpoint();
        tile.title_row(&title, pill.as_ref(), false);
        let (Some(said), Some(arranged)) = (facts.said(), view.arranged()) else { return tile.notice("no-figures") };
        let footer = Footer::of(&arranged.catalogue, &[said], tile);
        let mut blocks = self.blocks(tile, view);
        let is_told = footer.as_ref().is_none_or(|footer| blocks.footer && tile.footer(footer) || !footer.illustrative);
        if !is_told {
            tile.rewind(start);
            tile.title_row(&title, pill.as_ref(), true);
            blocks = self.blocks(tile, view);
            footer.filter(|_| blocks.footer).map(|footer| tile.footer(&footer));
        }
        self.content(tile, view, &blocks);
    }

    fn content(&self, tile: &mut Tile<'_, '_>, view: &ViewState, blocks: &Blocks) {
        let gap = blocks.gap;
        let strip = tile.take_top(blocks.numeral * CAP_HEIGHT + gap * 2.0);
        let end = self.numeral(tile, strip, blocks.numeral);
        let beside = Rect { x: end + tile.px(48.0), width: strip.right() - end - tile.px(48.0), ..strip };
        if blocks.sparkline == Course::Beside && beside.width > tile.px(160.0) {
            let width = beside.width.min(tile.px(420.0));
            self.sparkline(tile, view, Rect { x: beside.right() - width, width, ..beside });
        }
        if blocks.change > 0.0 {
            let strip = tile.take_top(blocks.change + gap);
            self.change(tile, Rect { height: blocks.change, ..strip });
        }
        if blocks.plan > 0.0 {
            let strip = tile.take_bottom(blocks.plan + gap);
            self.plan(tile, Rect { height: blocks.plan, ..strip });
        }
        if blocks.sparkline == Course::Below {
            let (above, below) = (gap * 0.3, gap * 0.8);
            let room = tile.room;
            let strip =
                Rect { y: room.y + above, height: (room.height - above - below).min(tile.px(220.0)).max(0.0), ..room };
            self.sparkline(tile, view, Rect { y: room.bottom() - below - strip.height, ..strip });
        }
    }

    fn title(&self, tile: &mut Tile<'_, '_>) -> String {
        let name = self.name(tile);
        let named = self.has_unit || self.unit().is_empty();
        if named { name } else { format!("{name} ({})", self.unit()) }
    }

    fn name(&self, tile: &mut Tile<'_, '_>) -> String {
        if let Some(title) = &self.options.title {
            return title.in_language(self.language).to_owned();
        }
        let name = self.facts.indicator.name.in_language(self.language);
        let style = tile.style(Font::SemiBold, TextClass::Title, theme::TEXT_2);
        let short =
            self.facts.indicator.short.as_ref().filter(|_| tile.paint.text.width(name, style) > tile.room.width * 0.82);
        short.map_or(name, |short| short.in_language(self.language)).to_owned()
    }

    /// What has room below the title, most important first.
    fn blocks(&self, tile: &mut Tile<'_, '_>, view: &ViewState) -> Blocks {
        let height = tile.room.height;
        let line = tile.em(TextClass::Body) * LINE_HEIGHT;
        let numeral = tile.em(self.class).min(height / CAP_HEIGHT * 0.8);
        let gap = tile.px(18.0).min(height * 0.08);
        let mut left = height - numeral * CAP_HEIGHT - 2.0 * gap;
        let mut take = |wanted: bool, size: f32| {
            let taken = wanted && left >= size;
            left -= if taken { size } else { 0.0 };
            taken
        };
        let footer = take(true, tile.em(TextClass::Caption) * LINE_HEIGHT);
        let change = if take(self.facts.movement(self.language).is_some(), line + gap) { line } else { 0.0 };
        let bar = if self.facts.indicator.cumulative { tile.px(PLAN_BAR + 12.0) } else { 0.0 };
        let plan =
            if take(self.facts.plan_share(self.language).is_some(), line + bar + gap) { line + bar } else { 0.0 };
        let drawable = self.sparkline_window(tile, view).is_some_and(|window| window.buckets.len() >= 2);
        let sparkline = match (drawable, take(drawable, tile.px(46.0) + gap * 1.1)) {
            (_, true) => Course::Below,
            (true, false) => Course::Beside,
            (false, false) => Course::Nowhere,
        };
        // What nothing else wants makes it airier.
        let gap = if sparkline == Course::Below { gap } else { gap + (left.max(0.0) / 4.0).min(gap * 1.6) };
        Blocks { footer, change, plan, sparkline, numeral, gap }
    }

    /// The figure and its unit; the strip is as high as the figure and a gap above and below. Gives where they end.
    fn numeral(&self, tile: &mut Tile<'_, '_>, strip: Rect, size: f32) -> f32 {
        let Some(number) = self.number() else { return strip.x };
        let (figure, unit) = self.numeral_styles(tile, size);
        let fitted = tile.paint.text.size_for(number.as_str(), figure, strip.width);
        let baseline = strip.y + (strip.height + CAP_HEIGHT * fitted) / 2.0;
        if self.severity == Severity::Lost {
            return tile.piece(Piece::label(Label::none(), figure.at(fitted)), strip.x, baseline);
        }
        let pen = tile.piece(Piece::figure(number, figure.at(fitted)), strip.x, baseline);
        if self.unit().is_empty() || !self.has_unit {
            return pen;
        }
        let pen = pen + fitted * UNIT_GAP;
        tile.pieces(vec![Piece::words(self.unit(), unit)], pen, baseline, strip.right() - pen)
    }

    fn change(&self, tile: &mut Tile<'_, '_>, strip: Rect) {
        let Some(movement) = self.facts.movement(self.language) else { return };
        let ink = movement.ink(self.severity);
        let style = tile.style(Font::SemiBold, TextClass::Body, ink);
        let words = tile.style(Font::Regular, TextClass::Body, theme::TEXT_3);
        let points = if movement.points {
            format!(" {}", locale::text(self.language, "percentage-points"))
        } else {
            String::new()
        };
        let against = |key| Piece::words(format!("{points} {}", locale::text(self.language, key)), words);
        let mut pieces = vec![Piece::figure(movement.figure, style), against("against-same-period")];
        if tile.width(&pieces) > strip.width {
            pieces[1] = against("against-same-period-short");
        }
        tile.pieces(pieces, strip.x, Tile::middle_baseline(strip, style.size), strip.width);
    }

    fn plan(&self, tile: &mut Tile<'_, '_>, strip: Rect) {
        if self.facts.indicator.cumulative {
            self.plan_share(tile, strip);
        } else {
            self.plan_level(tile, strip);
        }
    }

    /// The planned level of a figure that does not accumulate, so that no share of it means anything.
    fn plan_level(&self, tile: &mut Tile<'_, '_>, strip: Rect) {
        let Some(plan) = &self.facts.plan else { return };
        let (figure, words) = caption_styles(tile);
        let unit = self.facts.indicator.unit.in_language(self.language);
        let pieces = vec![
            Piece::words(format!("{} ", locale::text(self.language, "target")), words),
            Piece::figure(Figure::value(plan.clone(), self.facts.indicator, self.language), figure),
            Piece::words(format!(" {unit}"), words),
        ];
        tile.pieces(pieces, strip.x, Tile::middle_baseline(strip, figure.size), strip.width);
    }

    /// How much of the year's plan is reached, with a mark where it should be by now.
    fn plan_share(&self, tile: &mut Tile<'_, '_>, strip: Rect) {
        let Some((share, reached_share)) = self.facts.plan_share(self.language) else { return };
        let expected = self.facts.expected_share(self.language);
        let bar = Rect { height: tile.px(PLAN_BAR), ..strip };
        let radius = bar.height / 2.0;
        tile.plate(bar, radius, theme::HAIRLINE);
        let reached = (share / 100.0).clamp(0.0, 1.0) as f32 * bar.width;
        if reached > 0.5 {
            tile.plate(Rect { width: reached.max(bar.height), ..bar }, radius, self.severity.fill());
        }
        if let Some((expected, _)) = &expected {
            let (width, over) = (tile.px(5.0), tile.px(8.0));
            let x = bar.x + (expected / 100.0).clamp(0.0, 1.0) as f32 * (bar.width - width);
            tile.plate(Rect::new(x, bar.y - over, width, bar.height + 2.0 * over), width / 2.0, theme::TEXT);
        }
        let (figure, words) = caption_styles(tile);
        let of_plan = format!(" {}", locale::text(self.language, "of-year-plan"));
        let mut pieces = vec![Piece::figure(reached_share, figure), Piece::words(of_plan, words)];
        if let Some((_, share)) = expected {
            pieces.push(Piece::words(format!(" · {} ", locale::text(self.language, "expected-today")), words));
            pieces.push(Piece::figure(share, figure));
        }
        if tile.width(&pieces) > strip.width * 1.2 {
            pieces.truncate(2);
        }
        let top = bar.bottom() + tile.px(12.0);
        let line = Rect { y: top, height: strip.bottom() - top, ..strip };
        tile.pieces(pieces, strip.x, Tile::middle_baseline(line, figure.size), strip.width);
    }

    fn sparkline_window<'v>(&self, tile: &Tile<'_, '_>, view: &'v ViewState) -> Option<&'v protocol::view::Window> {
        window::sent(view, &self.options.sparkline(self.facts.indicator, tile.paint.rect)?)
    }

    /// Without a filled area: its height would say nothing, since the axis does not begin at zero.
    fn sparkline(&self, tile: &mut Tile<'_, '_>, view: &ViewState, rect: Rect) {
        let Some(window) = self.sparkline_window(tile, view) else { return };
        let dot = tile.px(7.0);
        let rect = Rect { width: rect.width - dot, y: rect.y + dot, height: rect.height - 2.0 * dot, ..rect };
        let buckets: Vec<&Bucket> = window.buckets.values().collect();
        let [oldest, .., newest] = buckets[..] else { return };
        if rect.width <= 4.0 || rect.height <= 4.0 || oldest.time == newest.time {
            return;
        }
        let place = |bucket: &Bucket| (bucket.time.since(oldest.time) as f64, bucket.last);
        let low = buckets.iter().map(|bucket| bucket.last).fold(f64::INFINITY, f64::min);
        let high = buckets.iter().map(|bucket| bucket.last).fold(f64::NEG_INFINITY, f64::max);
        let margin = if high > low { 0.0 } else { low.abs().max(1.0) };
        let plot = Plot { rect, x: 0.0..place(newest).0, y: low - margin..high + margin };
        let pen = Pen { color: self.severity.color(), width: tile.px(4.0), dash: None };
        for run in buckets.chunk_by(window::is_unbroken(window, self.facts.indicator)) {
            let points: Vec<_> = run.iter().map(|bucket| place(bucket)).collect();
            if plot.line(tile.scene(), points, pen).is_err() {
                return tile.notice("no-chart");
            }
        }
        let (x, y) = place(newest);
        tile.disc(plot.place(x, y), dot, pen.color);
    }
}

/// Of figures and words below the large figure.
fn caption_styles(tile: &Tile<'_, '_>) -> (Style, Style) {
    (
        tile.style(Font::SemiBold, TextClass::Caption, theme::TEXT_2),
        tile.style(Font::Regular, TextClass::Caption, theme::TEXT_3),
    )
}

/// Between a figure and its unit, in em of the figure.
const UNIT_GAP: f32 = 0.16;

/// Height of the plan bar in reference pixels.
const PLAN_BAR: f32 = 18.0;

/// Heights in canvas pixels; 0 for what is left out.
struct Blocks {
    footer: bool,
    change: f32,
    plan: f32,
    sparkline: Course,
    /// Em.
    numeral: f32,
    gap: f32,
}

/// Where the course of the figure is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Below,
    Beside,
    Nowhere,
}
