//! Exceptions: the few things a leader should look at now, each with who answers for it and since when.

use protocol::change::{Span, WindowSpec};
use protocol::observation::Better;
use protocol::{Area, AreaId, Catalogue, Indicator, IndicatorId, PanelSpec, Scenario, SeriesKey, Timestamp, ViewState};
use serde::Deserialize;

use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Facts, Severity};
use crate::frame::{Footer, Said};
use crate::label::Label;
use crate::options::{check_area, check_indicator, parse};
use crate::provenance::Figure;
use crate::rows::Rest;
use crate::scene::{Rect, Scene};
use crate::text::Style;
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, parts, window};

/// The kind `exceptions`.
pub struct Exceptions;

/// As many as a leader takes in at once.
const USUAL: usize = 7;
const MOST: usize = 20;
/// Buckets of the course of a figure, by which it is known since when it is beyond its threshold.
const BUCKETS: u16 = 96;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    #[serde(default)]
    title: Option<Wording>,
    pub(super) area: AreaId,
    /// Those that are looked at; all if absent.
    #[serde(default)]
    indicators: Vec<IndicatorId>,
    /// Whether the areas below are looked at too, against their thresholds.
    #[serde(default)]
    parts: bool,
    /// At most so many are shown.
    #[serde(default)]
    most: Option<usize>,
}

impl Options {
    pub(super) fn check(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        check_area(catalogue, "area", &self.area)?;
        for indicator in &self.indicators {
            check_indicator(catalogue, "indicators", indicator)?;
        }
        if self.most.is_some_and(|most| !(1..=MOST).contains(&most)) {
            return Err(OptionsError::of("most", format!("'most' is 1 to {MOST}; {USUAL} if absent")));
        }
        if self.parts { parts::check(catalogue, &self.area, None) } else { Ok(()) }
    }

    pub(super) fn most(&self) -> usize {
        self.most.unwrap_or(USUAL)
    }

    pub(super) fn needs(&self, catalogue: &Catalogue) -> Needs {
        let mut needs = Needs::default();
        for subject in self.subjects(catalogue) {
            needs.series.push(subject.series(Scenario::Actual));
            needs.windows.extend(subject.course());
            if subject.area.id == self.area {
                let expected = subject.series(Scenario::Expected);
                needs.windows.extend(window::compared(expected.clone(), subject.indicator));
                needs.series.push(expected);
            }
        }
        needs
    }

    /// All that needs attention now, worst first.
    pub(super) fn found<'a>(
        &self,
        view: &'a ViewState,
        catalogue: &'a Catalogue,
        now: Timestamp,
    ) -> Vec<Exception<'a>> {
        let subjects = self.subjects(catalogue);
        let mut found: Vec<Exception<'a>> =
            subjects.iter().filter_map(|subject| Exception::of(view, *subject, now)).collect();
        found.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.weight.total_cmp(&a.weight)));
        found
    }

    pub(super) fn next_change(&self, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let subjects = self.subjects(&view.arranged()?.catalogue);
        facts::next_change_of(view, subjects.iter().map(|subject| subject.series(Scenario::Actual)), now)
    }

    /// What is looked at: each indicator in the area, then in those below it.
    fn subjects<'c>(&self, catalogue: &'c Catalogue) -> Vec<Subject<'c>> {
        let parts = if self.parts { parts::of(catalogue, &self.area, None) } else { Vec::new() };
        let areas: Vec<&Area> = catalogue.areas.get(&self.area).into_iter().map(|area| &**area).chain(parts).collect();
        let is_meant = |indicator: &&Indicator| self.indicators.is_empty() || self.indicators.contains(&indicator.id);
        let indicators: Vec<&Indicator> =
            catalogue.indicators.values().map(|indicator| &**indicator).filter(is_meant).collect();
        areas.iter().flat_map(|area| indicators.iter().map(|indicator| Subject { indicator, area })).collect()
    }
}

/// An indicator in an area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'c> {
    pub(super) indicator: &'c Indicator,
    area: &'c Area,
}

impl Subject<'_> {
    fn series(&self, scenario: Scenario) -> SeriesKey {
        SeriesKey { indicator: self.indicator.id.clone(), area: self.area.id.clone(), scenario }
    }

    /// The course of the figure, where a threshold judges it.
    fn course(&self) -> Option<WindowSpec> {
        self.indicator.warning.or(self.indicator.critical)?;
        let span = Span::Last { secs: window::usual_secs(self.indicator) };
        Some(WindowSpec { series: self.series(Scenario::Actual), span, buckets: BUCKETS })
    }
}

impl Panel for Exceptions {
    fn kind(&self) -> &'static str {
        "exceptions"
    }

    fn calls_for_attention(&self) -> bool {
        true
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        options.check(catalogue)?;
        Ok(options.needs(catalogue))
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let mut found = options.found(view, catalogue, now);
        let hidden = found.len().saturating_sub(options.most());
        found.truncate(found.len() - hidden);
        let said: Vec<Said<'_>> = found.iter().filter_map(|exception| exception.facts.said()).collect();
        let footer = Footer::of(catalogue, &said, &tile);
        let title = Wording::or(options.title.as_ref(), language, || locale::text(language, "exceptions"));
        tile.frame(&title, None, footer.as_ref());
        if found.is_empty() {
            let is_known = view.latest_values().next().is_some();
            return tile.notice(if is_known { "no-exceptions" } else { "no-figures" });
        }
        if let Some(worst) = found.first() {
            tile.attention_border(worst.severity);
        }
        entries::draw(&mut tile, found.len(), Rest::Counted { more: hidden }, |index, styles| {
            entry(&found[index], catalogue, &options.area, now, language, styles)
        });
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        parse::<Options>(spec).ok()?.next_change(view, now)
    }
}

/// Something to look at.
pub(super) struct Exception<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) facts: Facts<'a>,
    pub(super) severity: Severity,
    /// Of two that are equally severe the one with more goes first.
    weight: f64,
    /// `None` where it is not known.
    since: Option<Since>,
}

/// From when on something is so.
#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    /// It was already when what is known begins.
    Before(Timestamp),
}

impl Since {
    fn at(self) -> Timestamp {
        match self {
            Self::At(at) | Self::Before(at) => at,
        }
    }

    fn label(self, now: Timestamp, language: &str) -> Label {
        match self {
            Self::At(at) => Label::since(at, now, language),
            Self::Before(at) => Label::since_before(at, now, language),
        }
    }
}

impl<'a> Exception<'a> {
    fn of(view: &'a ViewState, subject: Subject<'a>, now: Timestamp) -> Option<Self> {
        let facts = Facts::of(view, &subject.indicator.id, &subject.area.id)?;
        let actual = facts.actual.as_ref()?;
        let severity = facts.severity(now, facts::BEHIND_BELOW);
        let (weight, since) = match severity {
            Severity::Normal => return None,
            Severity::Stale | Severity::Lost => {
                let since = facts::stale_since(subject.indicator, actual.phenomenon_time());
                (now.since(since) as f64, Some(Since::At(since)))
            }
            Severity::BehindPlan => {
                let expected = facts.expected.as_ref().map_or(f64::INFINITY, |expected| expected.value());
                (1.0 - actual.value() / expected, None)
            }
            // The newest first: what has long been known is known.
            Severity::Warning | Severity::Critical => {
                let since = beyond_since(view, subject, severity);
                (since.map_or(f64::MIN, |since| since.at().as_micros() as f64), since)
            }
        };
        Some(Self { subject, facts, severity, weight, since })
    }

    pub(super) fn name(&self, of: &AreaId, language: &str) -> String {
        let name = self.subject.indicator.name.in_language(language);
        if self.subject.area.id == *of {
            return name.to_owned();
        }
        format!("{} · {name}", self.subject.area.name.in_language(language))
    }
}

/// When the figure went beyond the threshold that it is beyond now, as far as its course is known.
fn beyond_since(view: &ViewState, subject: Subject<'_>, severity: Severity) -> Option<Since> {
    let window = window::sent(view, &subject.course()?)?;
    let indicator = subject.indicator;
    let threshold = severity.threshold(indicator);
    let beyond = window.buckets.values().rev().take_while(|bucket| indicator.is_beyond(bucket.last, threshold));
    let first = beyond.last()?;
    let is_oldest = window.buckets.values().next().is_some_and(|oldest| oldest.start == first.start);
    Some(if is_oldest { Since::Before(first.time) } else { Since::At(first.time) })
}

fn entry(
    exception: &Exception<'_>,
    catalogue: &Catalogue,
    of: &AreaId,
    now: Timestamp,
    language: &str,
    styles: Styles,
) -> Entry {
    let indicator = exception.subject.indicator;
    let (ink, _) = exception.severity.pill();
    let unit = indicator.unit.in_language(language);
    let figure = exception.facts.actual.clone().map(|actual| Figure::value(actual, indicator, language));
    let figure = figure.map(|figure| Piece::figure(figure, Style { color: ink, ..styles.name }));
    let since = exception.since.map(|since| Piece::label(since.label(now, language), styles.caption));
    let owner = facts::owner(catalogue, indicator, language).unwrap_or(indicator.owner.as_str());
    let who = Piece::words(format!(" · {owner}"), styles.caption);
    let why = why(exception, language, styles.caption, Style { color: ink, ..styles.caption });
    Entry {
        mark: exception.severity.mark().map(|mark| (mark, exception.severity.color())),
        above: vec![Piece::words(exception.name(of, language), styles.name)],
        above_right: figure.into_iter().chain([Piece::words(format!(" {unit}"), styles.caption)]).collect(),
        below: why.into_iter().chain([who]).collect(),
        below_right: since.into_iter().collect(),
        ..Entry::default()
    }
}

/// The rule that it breaks.
fn why(exception: &Exception<'_>, language: &str, style: Style, ink: Style) -> Vec<Piece> {
    let indicator = exception.subject.indicator;
    let words = |key: &str| Piece::words(locale::text(language, key), ink);
    match exception.severity {
        Severity::Normal => Vec::new(),
        Severity::Stale => vec![words("overdue-figure")],
        Severity::Lost => vec![words("lost-figure")],
        Severity::BehindPlan => {
            let (Some(actual), Some(expected)) = (&exception.facts.actual, &exception.facts.expected) else {
                return vec![words("behind-plan")];
            };
            let share = Figure::share_percent(actual, expected, language);
            let share = share.map(|(_, share)| Piece::figure(share, ink));
            let of = Piece::words(format!(" {}", locale::text(language, "of-expected")), style);
            let colon = Piece::words(format!("{}: ", locale::text(language, "behind-plan")), ink);
            std::iter::once(colon).chain(share).chain([of]).collect()
        }
        Severity::Warning | Severity::Critical => {
            let shown = exception.severity.threshold(indicator).map(|threshold| threshold * indicator.display_scale);
            let tick = shown.map(|shown| Piece::label(Label::tick(shown, indicator.decimals, language), ink));
            let side = if indicator.better == Better::Higher { "below-threshold" } else { "beyond-threshold" };
            let beyond = Piece::words(format!("{} ", locale::text(language, side)), ink);
            std::iter::once(beyond).chain(tick).collect()
        }
    }
}
