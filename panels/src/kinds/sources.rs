//! Sources: which feeds are alive, when each last delivered, and how much of the figures comes by itself.

use std::collections::BTreeMap;

use protocol::observation::Period;
use protocol::source::SourceLink;
use protocol::{
    Area, AreaId, Catalogue, ObservationStatus, PanelSpec, RecordKind, SeriesKey, SourceId, SourceInfo, SourceState,
    Timestamp, ViewState,
};
use serde::Deserialize;

use crate::counts::{self, Count};
use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Severity};
use crate::frame::Footer;
use crate::label::Label;
use crate::marks::Mark;
use crate::options::{check_area, parse};
use crate::rows::{self, Rest};
use crate::scene::{Rect, Scene};
use crate::sheet::{self, Align, Head, Line};
use crate::text::{Font, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, collation, locale, number, parts};

/// The kind `sources`.
pub struct Sources;

/// Kinds of sources that no figures come from: the centre's own rules, and what sends alarms on.
const NO_FEEDS: [&str; 2] = ["rules", "webhook"];

/// Refusals are shown for a day.
const REFUSALS_SHOWN_MICROS: i64 = 86_400 * 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// The figures of this area and those below it show whether a source is silent.
    area: AreaId,
}

impl Options {
    fn series(&self, catalogue: &Catalogue) -> Vec<SeriesKey> {
        let below = parts::of(catalogue, &self.area, None).into_iter();
        let areas: Vec<&Area> = catalogue.areas.get(&self.area).map(|area| &**area).into_iter().chain(below).collect();
        let indicators = catalogue.indicators.keys();
        indicators.flat_map(|indicator| areas.iter().map(move |area| SeriesKey::actual(indicator, &area.id))).collect()
    }
}

impl Panel for Sources {
    fn kind(&self) -> &'static str {
        "sources"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        check_area(catalogue, "area", &options.area)?;
        Ok(Needs { series: options.series(catalogue), records: [RecordKind::Source].into(), ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let figures = Figures::of(view, &options.series(catalogue), now);
        let mut feeds: Vec<Feed<'_>> =
            catalogue.sources.values().map(|info| Feed::of(info, view, &figures, language)).collect();
        feeds.retain(Feed::is_shown);
        feeds.sort_by_cached_key(|feed| (feed.condition, collation::key(feed.name)));
        let newest = feeds.iter().filter_map(|feed| feed.state?.taken).map(|taken| taken.at).max();
        let time = |newest, short| Label::as_of(Period::Continuous, newest, now, language, short);
        let footer = newest.map(|newest| Footer {
            source: locale::text(language, "source-centre"),
            time: time(newest, tile.is_narrow()),
            short_time: time(newest, true),
            illustrative: figures.illustrative,
            due: false,
        });
        let title = Wording::or(options.title.as_ref(), language, || locale::text(language, "feeds"));
        tile.frame(&title, None, footer.as_ref());
        if feeds.is_empty() {
            return tile.notice("no-feeds");
        }
        if feeds.iter().any(|feed| feed.condition == Condition::Down) {
            tile.attention_border(Severity::Critical);
        }
        draw(&mut tile, &feeds, &figures);
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        let latest = options.series(catalogue).into_iter().filter_map(|series| view.latest(&series));
        let stale = latest.filter_map(|latest| {
            let indicator = catalogue.indicators.get(&latest.series.indicator)?;
            Some(facts::stale_since(indicator, latest.phenomenon_time))
        });
        let refusals = view.source_states().filter_map(|state| state.refused);
        let forgotten = refusals.map(|refused| refused.at.plus_micros(REFUSALS_SHOWN_MICROS + 1));
        stale.chain(forgotten).filter(|at| *at > now).chain([number::next_midnight(now), rows::next_page(now)]).min()
    }
}

/// What the latest figures say of how they come.
struct Figures<'v> {
    /// Whether each source has a figure that is not stale.
    by_source: BTreeMap<&'v SourceId, bool>,
    automatic: usize,
    indicators: usize,
    illustrative: bool,
}

impl<'v> Figures<'v> {
    fn of(view: &'v ViewState, series: &[SeriesKey], now: Timestamp) -> Self {
        let mut figures = Self { by_source: BTreeMap::new(), automatic: 0, indicators: 0, illustrative: false };
        let Some(arranged) = view.arranged() else { return figures };
        let mut by_indicator = BTreeMap::new();
        for latest in series.iter().filter_map(|series| view.latest(series)) {
            let Some(indicator) = arranged.catalogue.indicators.get(&latest.series.indicator) else { continue };
            let is_fresh = !facts::judge(indicator, latest, now).is_overdue();
            *figures.by_source.entry(&latest.source).or_default() |= is_fresh;
            let is_automatic = latest.status != ObservationStatus::ByHand;
            *by_indicator.entry(&indicator.id).or_insert(true) &= is_automatic;
            figures.illustrative |= latest.status == ObservationStatus::Simulated;
        }
        figures.indicators = by_indicator.len();
        figures.automatic = by_indicator.values().filter(|is_automatic| **is_automatic).count();
        figures
    }
}

/// The worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Down,
    /// All that came of it is stale.
    Silent,
    /// Nothing has come of it yet.
    Waiting,
    Live,
}

impl Condition {
    fn mark(self) -> (Mark, Color) {
        match self {
            Self::Down => (Mark::Critical, theme::CRITICAL),
            Self::Silent | Self::Waiting => (Mark::Stale, theme::STALE),
            Self::Live => (Mark::Live, theme::LIVE),
        }
    }

    fn ink(self) -> Color {
        match self {
            Self::Down => theme::CRITICAL_TEXT,
            Self::Silent | Self::Waiting => theme::STALE_TEXT,
            Self::Live => theme::CAPTION,
        }
    }
}

/// One source as it is shown.
struct Feed<'a> {
    info: &'a SourceInfo,
    name: &'a str,
    state: Option<&'a SourceState>,
    condition: Condition,
}

impl<'a> Feed<'a> {
    fn of(info: &'a SourceInfo, view: &'a ViewState, figures: &Figures<'_>, language: &str) -> Self {
        let state = view.source_state(&info.id);
        let condition = match state {
            Some(SourceState { link: Some(SourceLink::Down { .. }), .. }) => Condition::Down,
            Some(SourceState { taken: Some(_), .. }) if figures.by_source.get(&info.id) == Some(&false) => {
                Condition::Silent
            }
            Some(SourceState { taken: Some(_), .. }) => Condition::Live,
            _ => Condition::Waiting,
        };
        Self { info, name: info.name.in_language(language), state, condition }
    }

    /// What brings no figures is shown only while it is down.
    fn is_shown(&self) -> bool {
        !NO_FEEDS.contains(&self.info.kind.as_str()) || self.condition == Condition::Down
    }

    /// Since when it is as it is, or when it last delivered.
    fn told(&self, now: Timestamp, language: &str) -> (String, Option<Label>) {
        let taken = self.state.and_then(|state| state.taken).map(|taken| taken.at);
        let down = self.state.and_then(|state| match state.link {
            Some(SourceLink::Down { since, .. }) => Some(since),
            _ => None,
        });
        let (key, since) = match self.condition {
            Condition::Down => ("feed-down", down),
            Condition::Silent => ("feed-silent", taken),
            Condition::Waiting => ("feed-waiting", None),
            Condition::Live => {
                let at = taken.map(|at| Label::as_of(Period::Continuous, at, now, language, true));
                return (locale::text(language, "feed-live"), at);
            }
        };
        (locale::text(language, key), since.map(|since| Label::since(since, now, language)))
    }

    /// How it comes here.
    fn kind(&self, language: &str) -> String {
        let key = format!("feed-kind-{}", self.info.kind.replace('_', "-"));
        let words = locale::text(language, &key);
        if words == key { self.info.kind.clone() } else { words }
    }

    /// The same with why it is down; reasons are for those who configure, in English.
    fn told_below(&self, language: &str) -> String {
        match self.state.and_then(|state| state.link.as_ref()) {
            Some(SourceLink::Down { reason, .. }) if language == "en" => format!("{} · {reason}", self.kind(language)),
            _ => self.kind(language),
        }
    }

    /// What was lately refused of it.
    fn refused(&self, now: Timestamp, language: &str) -> Option<Label> {
        let refused = self.state?.refused.filter(|refused| now.since(refused.at) <= REFUSALS_SHOWN_MICROS)?;
        Some(Label::count("feed-refused", usize::try_from(refused.count).unwrap_or(usize::MAX), language))
    }
}

fn draw(tile: &mut Tile<'_, '_>, feeds: &[Feed<'_>], figures: &Figures<'_>) {
    head(tile, feeds, figures);
    let (language, now) = (tile.paint.language, tile.paint.now);
    if tile.is_narrow() {
        entries::draw(tile, feeds.len(), Rest::Pages, |index, styles| feeds[index].entry((language, now), styles));
        return;
    }
    let heads = ["feed-how", "feed-state"].map(|key| Head { words: locale::text(language, key), align: Align::Left });
    sheet::draw(tile, heads.into(), feeds.len(), |index, size| feeds[index].line((language, now), size));
}

/// How many are connected, and how many indicators are fed by them without a hand; each over its words.
fn head(tile: &mut Tile<'_, '_>, feeds: &[Feed<'_>], figures: &Figures<'_>) {
    let language = tile.paint.language;
    let connected = feeds.iter().filter(|feed| matches!(feed.condition, Condition::Live | Condition::Waiting)).count();
    if tile.room.width < tile.em(TextClass::Caption) * 12.0 {
        return;
    }
    let told = [
        (Label::of_total(connected, feeds.len(), language), "feeds-connected"),
        (Label::of_total(figures.automatic, figures.indicators, language), "indicators-automatic"),
    ];
    let of = told.len();
    let count = |(number, key): (Label, &str)| {
        let whole = locale::text(language, key);
        let fits = counts::fits(tile, &whole, of);
        let words = if fits { whole } else { locale::text(language, &format!("{key}-short")) };
        Count { number, font: Font::DisplaySemiBold, ink: theme::TEXT, mark: None, words }
    };
    let counts = told.map(count).into();
    counts::draw(tile, counts);
}

impl Feed<'_> {
    /// How it does and since when, and what was refused of it.
    fn told_in(&self, (language, now): (&str, Timestamp), style: Style) -> Vec<Piece> {
        let ink = Style { color: self.condition.ink(), ..style };
        let (words, since) = self.told(now, language);
        let since = since.into_iter().flat_map(|since| [Piece::words(" ", ink), Piece::label(since, ink)]);
        let warning = Style { color: theme::WARNING_TEXT, ..style };
        let refused = self.refused(now, language).into_iter();
        let refused = refused.flat_map(|refused| [Piece::words(" · ", warning), Piece::label(refused, warning)]);
        std::iter::once(Piece::words(words, ink)).chain(since).chain(refused).collect()
    }

    fn line(&self, at: (&str, Timestamp), size: f32) -> Line {
        let style = |color| Style::new(Font::Regular, TextClass::Body, size, color);
        let how = vec![Piece::words(self.told_below(at.0), style(theme::TEXT_3))];
        Line {
            mark: Some(self.condition.mark()),
            name: vec![Piece::words(self.name, style(theme::TEXT_2))],
            cells: vec![how, self.told_in(at, style(theme::TEXT_3))],
        }
    }

    fn entry(&self, at: (&str, Timestamp), styles: Styles) -> Entry {
        Entry {
            mark: Some(self.condition.mark()),
            above: vec![Piece::words(self.name, styles.name)],
            below: self.told_in(at, styles.caption),
            ..Entry::default()
        }
    }
}
