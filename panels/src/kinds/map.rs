//! A map: areas coloured by their figures, and what stands, runs or spreads above them, each with how it is.

mod board;
mod classes;
mod draw;
mod legend;
mod options;
mod sign;
mod tag;

use std::sync::Arc;

use protocol::map::{Feature, MapKind};
use protocol::observation::Period;
use protocol::{Area, AreaId, BaseMap, Catalogue, Indicator, MapLayer, ObservationStatus, PanelSpec, SeriesKey};
use protocol::{Timestamp, ViewState};

use self::classes::Classes;
use self::options::Options;
use self::sign::Sign;
use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill, Said};
use crate::label::Label;
use crate::marks::Mark;
use crate::options::parse;
use crate::reading::Reading;
use crate::scene::{Rect, Scene, TextContent};
use crate::theme::{self, Color};
use crate::tile::Tile;
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number, parts};

/// The kind `map`.
pub struct Map;

impl Panel for Map {
    fn kind(&self) -> &'static str {
        "map"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        parse::<Options>(spec)?.needs(catalogue)
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let Some(shown) = Shown::of(&options, view, language, now) else { return tile.notice("no-figures") };
        let footer = shown.footer(&arranged.catalogue, &tile);
        let title = Wording::or(options.title.as_ref(), language, || shown.name(language));
        tile.frame(&title, shown.pill(language).as_ref(), footer.as_ref());
        draw::draw(&mut tile, &shown);
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let needs = options.needs(&view.arranged()?.catalogue).ok()?;
        let layers = options.layers.iter().filter_map(|id| view.layer(id));
        let aged = layers.map(|layer| {
            let stale = layer.stale_since().filter(|stale| *stale > now);
            let older = layer.time.filter(|_| is_stale(layer, now)).map(|time| facts::next_older(time, now));
            stale.into_iter().chain(older).chain([number::next_midnight(now)]).min()
        });
        aged.flatten().chain(facts::next_change_of(view, needs.series, now)).min()
    }
}

fn is_stale(layer: &MapLayer, now: Timestamp) -> bool {
    layer.stale_since().is_some_and(|stale| stale <= now)
}

/// A figure of an area or a feature; `None` where the catalogue lacks its indicator.
fn reading<'a>(view: &'a ViewState, series: &SeriesKey, at: (&str, Timestamp)) -> Option<Reading<'a>> {
    let indicator = view.arranged()?.catalogue.indicators.get(&series.indicator)?;
    Some(Reading::of(view, indicator, series, at))
}

/// An area of the map.
struct AreaShown<'a> {
    area: &'a Area,
    name: &'a str,
    reading: Option<Reading<'a>>,
}

/// A thing of a layer.
struct FeatureShown<'a> {
    feature: &'a Feature,
    name: &'a str,
    reading: Option<Reading<'a>>,
    severity: Severity,
}

/// A layer of the panel.
struct LayerShown<'a> {
    layer: &'a Arc<MapLayer>,
    sign: Sign,
    /// Stale or normal.
    severity: Severity,
    /// Who told where its features are, where that was not configured.
    source: Option<&'a str>,
    features: Vec<FeatureShown<'a>>,
}

/// All that a picture is made of.
struct Shown<'a> {
    options: &'a Options,
    map: &'a Arc<BaseMap>,
    indicator: Option<&'a Indicator>,
    areas: Vec<AreaShown<'a>>,
    classes: Classes,
    layers: Vec<LayerShown<'a>>,
}

impl<'a> Shown<'a> {
    fn of(options: &'a Options, view: &'a ViewState, language: &str, now: Timestamp) -> Option<Self> {
        let catalogue = &view.arranged()?.catalogue;
        let map = catalogue.maps.get(&options.map)?;
        let area = |id| {
            let area = catalogue.areas.get(id)?;
            let series = options.indicator.as_ref().map(|indicator| SeriesKey::actual(indicator, id));
            let reading = series.and_then(|series| reading(view, &series, (language, now)));
            Some(AreaShown { area, name: area.name.in_language(language), reading })
        };
        let areas: Vec<AreaShown<'_>> = options.areas(catalogue, map).into_iter().filter_map(area).collect();
        let layers = options.layers.iter().enumerate().filter_map(|(place, id)| {
            let layer = view.layer(id)?;
            Some(LayerShown::of(view, layer, Sign(place), (language, now)))
        });
        let indicator = options.indicator.as_ref().and_then(|id| Some(&**catalogue.indicators.get(id)?));
        let values: Vec<f64> = areas.iter().filter_map(|area| area.reading.as_ref()?.value()).collect();
        let classes = Classes::of(&options.classing(), &values, indicator.map_or(0, |indicator| indicator.decimals));
        Some(Self { options, map, indicator, areas, classes, layers: layers.collect() })
    }

    /// What a panel without a title is called.
    fn name(&self, language: &str) -> String {
        self.indicator.map_or_else(
            || self.map.name.in_language(language).to_owned(),
            |indicator| facts::name_with_unit(indicator, language),
        )
    }

    /// Says of a map that is drawn from a table that it is.
    fn pill(&self, language: &str) -> Option<Pill> {
        let content = TextContent::Words(locale::text(language, "schematic").into());
        let (ink, plate) = (theme::TEXT_3, theme::HAIRLINE);
        (self.map.kind == MapKind::Schematic).then_some(Pill { mark: Mark::Schematic, name: None, content, ink, plate })
    }

    /// Of the figures; of the layers where there are none.
    fn footer(&self, catalogue: &Catalogue, tile: &Tile<'_, '_>) -> Option<Footer> {
        let (language, now) = (tile.paint.language, tile.paint.now);
        let features = self.layers.iter().flat_map(|layer| &layer.features);
        let readings = self.areas.iter().map(|area| &area.reading).chain(features.map(|feature| &feature.reading));
        let said: Vec<Said<'_>> = readings.flatten().filter_map(Reading::said).collect();
        let of_layers = || {
            let told = self.layers.iter().filter_map(|layer| Some((layer.layer.time?, layer.layer)));
            let (time, oldest) = told.min_by_key(|(time, _)| *time)?;
            let source = catalogue.sources.get(&oldest.source);
            let source = source.map_or(oldest.source.as_str(), |source| source.name.in_language(language));
            let time = Label::as_of(Period::Continuous, time, now, language, tile.is_narrow());
            Some(Footer { source: source.to_owned(), short_time: time.clone(), time, illustrative: false, due: false })
        };
        let mut footer = Footer::of(catalogue, &said, tile).or_else(of_layers)?;
        footer.illustrative |= self.layers.iter().any(|layer| layer.layer.status == ObservationStatus::Simulated);
        let areas: Vec<&Area> = self.areas.iter().map(|area| area.area).collect();
        footer.add(parts::boundaries(&areas, language));
        Some(footer)
    }

    /// Whether an area has no figure, though areas are coloured by theirs.
    fn has_gap(&self, area: &AreaId) -> bool {
        let shown = self.areas.iter().find(|shown| shown.area.id == *area);
        let reading = shown.and_then(|shown| shown.reading.as_ref());
        reading.is_some_and(|reading| reading.figure.is_none())
    }

    fn color(&self, area: &AreaShown<'_>) -> Color {
        match (&area.reading, self.indicator) {
            (Some(reading), _) if reading.figure.is_some() => {
                reading.value().map_or(theme::INSET, |value| self.classes.color(value))
            }
            (_, Some(_)) => theme::INSET,
            (_, None) => theme::MAP_RAMP[0],
        }
    }
}

impl<'a> LayerShown<'a> {
    fn of(view: &'a ViewState, layer: &'a Arc<MapLayer>, sign: Sign, at: (&str, Timestamp)) -> Self {
        let severity = if is_stale(layer, at.1) { Severity::Stale } else { Severity::Normal };
        let feature = |feature: &'a Feature| {
            let reading = feature.series.as_ref().and_then(|series| reading(view, series, at));
            let severity = match &reading {
                // One that has sent nothing yet is not well either.
                Some(reading) if reading.figure.is_none() => Severity::Stale,
                Some(reading) => reading.severity,
                None => severity,
            };
            FeatureShown { feature, name: feature.name.in_language(at.0), reading, severity }
        };
        let told = view.layer_report(&layer.id).zip(view.arranged());
        let source = told.map(|(report, arranged)| {
            let source = arranged.catalogue.sources.get(&report.source);
            source.map_or(report.source.as_str(), |source| source.name.in_language(at.0))
        });
        Self { layer, sign, severity, source, features: layer.features.iter().map(feature).collect() }
    }
}
