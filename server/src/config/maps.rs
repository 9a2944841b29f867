//! Maps and the layers above them: maps.toml, and the files of geometry that it names.

mod geo;
mod insets;
mod points;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use panels::map::schematic;
use panels::map::topology::{Polygons, Topology};
use protocol::map::{Bounds, Feature, Geometry, Inset, MapKind, Position};
use protocol::observation::Name;
use protocol::{
    AreaId, BaseMap, Catalogue, IndicatorId, LayerId, MapId, MapLayer, ObservationStatus, Scenario, SeriesKey,
    SourceId, Timestamp,
};
use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::catalogue::{check_id, describe, refuse_rest};
use super::document::{Document, Item};
use super::finding::{Finding, suggestion};
use crate::centre::{MOST_FEATURES, REPORTING_KIND};
use geo::{RawFeature, RawGeometry};

pub use points::{PointProperties, points};

/// Corners that cannot be told apart on a wall are left out: this share of the map's longer side.
const RESOLUTION: f64 = 1.0 / 4_000.0;
/// Corners of a map, about 200 kB on the wire; of one with more, less is told apart.
const MOST_CORNERS: usize = 10_000;
/// Rows and columns of a schematic map.
const MOST_CELLS: usize = 100;

#[derive(Deserialize)]
struct MapEntry {
    id: MapId,
    name: Name,
    #[serde(default)]
    schematic: Option<String>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    object: Option<String>,
    /// The property that holds the code of an area.
    #[serde(default)]
    code: Option<String>,
    /// Areas that are drawn in a frame of their own; found by themselves if absent.
    #[serde(default)]
    insets: Option<Vec<AreaId>>,
}

/// A part of a map with a name of its own, in degrees.
#[derive(Deserialize)]
struct InsetEntry {
    name: Name,
    /// West, south, east, north.
    bounds: [f64; 4],
}

#[derive(Deserialize)]
struct LayerEntry {
    id: LayerId,
    name: Name,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    object: Option<String>,
    source: SourceId,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    stale_after_secs: Option<u64>,
    #[serde(default)]
    status: ObservationStatus,
    /// Whose figure in the area of a feature tells how it stands.
    #[serde(default)]
    indicator: Option<IndicatorId>,
    #[serde(default)]
    properties: Properties,
}

/// The properties that features are read from.
#[derive(Deserialize)]
#[serde(default)]
struct Properties {
    id: String,
    name: String,
    name_en: String,
    area: String,
    indicator: String,
}

impl Default for Properties {
    fn default() -> Self {
        let [id, name, name_en, area, indicator] =
            ["id", "name", "name_en", "area", "indicator"].map(ToOwned::to_owned);
        Self { id, name, name_en, area, indicator }
    }
}

/// The file of maps; a centre may do without.
pub(super) const FILE: &str = "maps.toml";

/// Reads maps and layers into the catalogue, which has all else already.
pub(super) fn load(dir: &Path, time_zone: &str, catalogue: &mut Catalogue, findings: &mut Vec<Finding>) {
    if !dir.join(FILE).exists() {
        return;
    }
    let doc = match Document::read(dir, FILE, "maps and their layers") {
        Ok(doc) => doc,
        Err(finding) => return findings.push(finding),
    };
    let mut root = Item(doc.parse(findings));
    let (maps, layers) = (root.remove_items(&doc, "map", findings), root.remove_items(&doc, "layer", findings));
    refuse_rest(&doc, &root, &["map", "layer"], findings);
    let mut seen = BTreeMap::new();
    for item in maps {
        let mut reading = Reading::new(&doc, dir, "map", item, catalogue, findings);
        if let Some(map) = reading.map(&mut seen) {
            catalogue.maps.insert(map.id.clone(), Arc::new(map));
        }
    }
    let mut seen = BTreeMap::new();
    for item in layers {
        let mut reading = Reading::new(&doc, dir, "layer", item, catalogue, findings);
        if let Some(layer) = reading.layer(time_zone, &mut seen) {
            catalogue.layers.insert(layer.id.clone(), Arc::new(layer));
        }
    }
}

/// One map or layer being read.
struct Reading<'a> {
    doc: &'a Document,
    dir: &'a Path,
    what: &'static str,
    named: String,
    item: Item<'a>,
    catalogue: &'a Catalogue,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Reading<'a> {
    fn new(
        doc: &'a Document,
        dir: &'a Path,
        what: &'static str,
        item: Item<'a>,
        catalogue: &'a Catalogue,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        let named = describe(what, &item);
        Self { doc, dir, what, named, item, catalogue, findings }
    }

    /// At a key of the entry.
    fn report(&mut self, key: &str, message: &str) {
        let span = self.item.span_of(&[key]);
        self.findings.push(self.doc.finding(Some(&span), Some(key), format!("{}: {message}", self.named)));
    }

    /// In a file of geometry.
    fn report_in(&mut self, file: &str, message: String) {
        self.findings.push(Finding { file: file.to_owned(), line: None, key: None, message });
    }

    fn is_new(&mut self, id: &str, seen: &mut BTreeMap<String, u32>) -> bool {
        check_id(self.doc, self.what, &self.item, id, seen, self.findings)
    }

    fn map(&mut self, seen: &mut BTreeMap<String, u32>) -> Option<BaseMap> {
        let named_insets = self.named_insets();
        let entry = self.doc.take::<MapEntry>(&self.item, &self.named, self.findings)?;
        if !self.is_new(entry.id.as_str(), seen) {
            return None;
        }
        let before = self.findings.len();
        let (kind, areas) = match (&entry.schematic, &entry.file) {
            (Some(table), None) => (MapKind::Schematic, self.cells(table)),
            (None, Some(file)) => (MapKind::Boundaries, self.areas(file, &entry)),
            _ => {
                self.report("id", "give either 'schematic', a table of cells, or 'file', GeoJSON or TopoJSON");
                return None;
            }
        };
        let insets = self.insets(&entry, named_insets, &areas);
        if self.findings.len() > before {
            return None;
        }
        if areas.is_empty() {
            let key = if kind == MapKind::Schematic { "schematic" } else { "file" };
            self.report(key, "there is no area in it");
            return None;
        }
        let Topology { arcs, shapes } = resolved(kind, &areas);
        Some(BaseMap { id: entry.id, name: entry.name, kind, arcs, shapes, insets })
    }

    /// The areas of a table of cells.
    fn cells(&mut self, table: &str) -> Vec<(AreaId, Polygons)> {
        let rows: Vec<Vec<Option<&str>>> = table
            .lines()
            .filter(|row| !row.trim().is_empty())
            .map(|row| row.split_whitespace().map(|cell| (cell != ".").then_some(cell)).collect())
            .collect();
        let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
        if rows.len().max(widest) > MOST_CELLS {
            let message =
                format!("the table has {} rows and {widest} columns; at most {MOST_CELLS} are drawn", rows.len());
            self.report("schematic", &message);
            return Vec::new();
        }
        for (number, row) in rows.iter().enumerate() {
            for cell in row.iter().flatten().filter(|cell| !self.catalogue.areas.contains_key(**cell)) {
                let known = suggestion(cell, self.catalogue.areas.keys().map(AreaId::as_str));
                let message = format!("row {}: area '{cell}' is not in areas.toml{known}; no area is '.'", number + 1);
                self.report("schematic", &message);
            }
        }
        schematic::outlines(&rows)
    }

    /// The areas of a file.
    fn areas(&mut self, file: &str, entry: &MapEntry) -> Vec<(AreaId, Polygons)> {
        let Some(code) = &entry.code else {
            self.report("file", "say with 'code' which property of its features holds the code of the area");
            return Vec::new();
        };
        let mut areas: Vec<(AreaId, Polygons)> = Vec::new();
        for feature in self.features(file, entry.object.as_deref()) {
            let named = format!("feature {}", feature.number);
            let area = match self.code(&feature, code) {
                Ok(area) => area,
                Err(problem) => {
                    self.report_in(file, format!("{named} {problem}"));
                    continue;
                }
            };
            if areas.iter().any(|(known, _)| *known == area) {
                let message = format!("{named}: a second feature is area '{area}'; make them one MultiPolygon");
                self.report_in(file, message);
                continue;
            }
            let polygons = match &feature.geometry {
                RawGeometry::Polygons(raw) => shape::polygons(raw),
                other => Err(vec![format!("{}; an area is a Polygon or MultiPolygon", kind_of(other))]),
            };
            match polygons {
                Ok(polygons) => areas.push((area, polygons)),
                Err(problems) => {
                    problems
                        .iter()
                        .for_each(|problem| self.report_in(file, format!("{named} (area '{area}'): {problem}")));
                }
            }
        }
        areas
    }

    fn features(&mut self, file: &str, object: Option<&str>) -> Vec<RawFeature> {
        geo::read(self.dir, file, object).unwrap_or_else(|findings| {
            self.findings.extend(findings);
            Vec::new()
        })
    }

    fn code(&self, feature: &RawFeature, property: &str) -> Result<AreaId, String> {
        let Some(code) = text(feature, property) else {
            let known: Vec<&str> = feature.properties.keys().map(String::as_str).collect();
            return Err(format!(
                "has no property '{property}' with the code of its area; it has: {}",
                known.join(", ")
            ));
        };
        match self.catalogue.areas.get_key_value(code.as_str()) {
            Some((area, _)) => Ok(area.clone()),
            None => {
                let known = suggestion(&code, self.catalogue.areas.keys().map(AreaId::as_str));
                Err(format!("has {property} '{code}', which areas.toml does not have{known}"))
            }
        }
    }

    /// What stands under `[[map.inset]]`.
    fn named_insets(&mut self) -> Vec<Inset> {
        let mut item = self.item.clone();
        let entries = item.remove_items(self.doc, "inset", self.findings);
        self.item = item;
        let mut insets = Vec::new();
        for entry in entries {
            let what = format!("an inset of {}", self.named);
            let Some(InsetEntry { name, bounds }) = self.doc.take(&entry, &what, self.findings) else { continue };
            let [west, south, east, north] = bounds;
            let corners = [shape::position([west, south]), shape::position([east, north])];
            match corners {
                [Ok(low), Ok(high)] if low[0] < high[0] && low[1] < high[1] => {
                    let bounds = Bounds { west: low[0], south: low[1], east: high[0], north: high[1] };
                    insets.push(Inset { name: Some(name), bounds });
                }
                _ => {
                    let message = format!(
                        "'bounds' of {what} are west, south, east and north in degrees, like [111.0, 15.7, 112.9, 17.2]"
                    );
                    self.findings.push(self.doc.finding(Some(&entry.span_of(&["bounds"])), Some("bounds"), message));
                }
            }
        }
        insets
    }

    fn insets(&mut self, entry: &MapEntry, named: Vec<Inset>, areas: &[(AreaId, Polygons)]) -> Vec<Inset> {
        let is_schematic = entry.schematic.is_some();
        if is_schematic && (entry.insets.is_some() || !named.is_empty()) {
            self.report("insets", "a schematic map has no insets; put the area where it fits into the table");
            return Vec::new();
        }
        let unnamed = |bounds| Inset { name: None, bounds };
        let Some(listed) = &entry.insets else {
            let automatic = if is_schematic || !named.is_empty() { Vec::new() } else { insets::automatic(areas) };
            return named.into_iter().chain(automatic.into_iter().map(unnamed)).collect();
        };
        let mut insets = named;
        for area in listed {
            let polygons = areas.iter().find(|(known, _)| known == area).map(|(_, polygons)| polygons);
            match polygons.and_then(|polygons| Bounds::around(polygons.iter().flatten().flatten())) {
                Some(bounds) => insets.push(unnamed(bounds)),
                None => self.report("insets", &format!("area '{area}' is not on the map")),
            }
        }
        insets
    }

    fn layer(&mut self, time_zone: &str, seen: &mut BTreeMap<String, u32>) -> Option<MapLayer> {
        let entry = self.doc.take::<LayerEntry>(&self.item, &self.named, self.findings)?;
        if !self.is_new(entry.id.as_str(), seen) {
            return None;
        }
        let before = self.findings.len();
        if !self.catalogue.sources.contains_key(&entry.source) {
            let known = suggestion(entry.source.as_str(), self.catalogue.sources.keys().map(SourceId::as_str));
            self.report("source", &format!("source '{}' is not in sources.toml{known}", entry.source));
        }
        let (time, features) = match &entry.file {
            Some(file) => (self.time(&entry, time_zone), self.layer_features(file, &entry)),
            None => {
                self.check_reported(&entry);
                (None, Vec::new())
            }
        };
        let LayerEntry { id, name, source, stale_after_secs, status, .. } = entry;
        let layer = MapLayer { id, name, source, time, stale_after_secs, status, features };
        (self.findings.len() == before).then_some(layer)
    }

    fn time(&mut self, entry: &LayerEntry, time_zone: &str) -> Option<Timestamp> {
        let written = entry.time.as_deref().unwrap_or_default();
        let time = moment(written, time_zone);
        if time.is_none() {
            let message = format!("'time' is '{written}'; write when its features were there, like '2023-08-14T07:00'");
            self.report("time", &message);
        }
        time
    }

    /// A layer without a file begins empty: its source tells what is there.
    fn check_reported(&mut self, entry: &LayerEntry) {
        let source = self.catalogue.sources.get(&entry.source);
        if source.is_some_and(|source| source.kind != REPORTING_KIND) {
            let message = format!(
                "give 'file', GeoJSON or TopoJSON; only a layer whose source is of the kind '{REPORTING_KIND}' has none"
            );
            self.report("id", &message);
        }
        let given = [
            ("time", entry.time.is_some()),
            ("object", entry.object.is_some()),
            ("indicator", entry.indicator.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            self.report(key, &format!("'{key}' is of the features in 'file', which is not given"));
        }
    }

    fn layer_features(&mut self, file: &str, entry: &LayerEntry) -> Vec<Feature> {
        let raw = self.features(file, entry.object.as_deref());
        if raw.len() > MOST_FEATURES {
            self.report_in(file, format!("{} features; a layer has at most {MOST_FEATURES}", raw.len()));
            return Vec::new();
        }
        let mut features: Vec<Feature> = Vec::new();
        for raw in &raw {
            match self.feature(raw, entry) {
                Ok(feature) if features.iter().any(|known| known.id == feature.id) => {
                    let message = format!("feature {}: a second feature is called '{}'", raw.number, feature.id);
                    self.report_in(file, message);
                }
                Ok(feature) => features.push(feature),
                Err(problems) => {
                    let at = |problem: &String| format!("feature {}: {problem}", raw.number);
                    problems.iter().for_each(|problem| self.report_in(file, at(problem)));
                }
            }
        }
        features
    }

    fn feature(&self, raw: &RawFeature, entry: &LayerEntry) -> Result<Feature, Vec<String>> {
        let properties = &entry.properties;
        let name = text(raw, &properties.name)
            .ok_or_else(|| vec![format!("it has no property '{}' with its name", properties.name)])?;
        let area = match raw.properties.contains_key(&properties.area) {
            true => Some(self.code(raw, &properties.area).map_err(|problem| vec![format!("it {problem}")])?),
            false => None,
        };
        let indicator = text(raw, &properties.indicator).map(IndicatorId::from).or_else(|| entry.indicator.clone());
        let series = indicator.map(|indicator| self.series(indicator, area.as_ref())).transpose();
        let geometry = geometry(&raw.geometry)?;
        Ok(Feature {
            id: text(raw, &properties.id).unwrap_or_else(|| raw.number.to_string()),
            name: Name { vi: name, en: text(raw, &properties.name_en) },
            series: series.map_err(|problem| vec![problem])?,
            area,
            geometry,
        })
    }

    fn series(&self, indicator: IndicatorId, area: Option<&AreaId>) -> Result<SeriesKey, String> {
        if !self.catalogue.indicators.contains_key(&indicator) {
            let known = suggestion(indicator.as_str(), self.catalogue.indicators.keys().map(IndicatorId::as_str));
            return Err(format!("indicator '{indicator}' is not in indicators.toml{known}"));
        }
        match area {
            Some(area) => Ok(SeriesKey { indicator, area: area.clone(), scenario: Scenario::Actual }),
            None => Err(format!("it has indicator '{indicator}', but no area to look it up in")),
        }
    }
}

/// Borders that neighbours share, with no more corners than a wall can show.
fn resolved(kind: MapKind, areas: &[(AreaId, Polygons)]) -> Topology {
    let whole = Topology::of(areas);
    let Some(bounds) = Bounds::around(whole.arcs.iter().flatten()) else { return whole };
    let side = (f64::from(bounds.east) - f64::from(bounds.west)).max(f64::from(bounds.north) - f64::from(bounds.south));
    let mut tolerance = side * RESOLUTION;
    loop {
        let coarse = whole.simplified(kind, tolerance);
        let corners: usize = coarse.arcs.iter().map(Vec::len).sum();
        // Coarser than this a map would be no map any more.
        if corners <= MOST_CORNERS || tolerance > side / 100.0 {
            return coarse;
        }
        tolerance *= 1.5;
    }
}

fn geometry(raw: &RawGeometry) -> Result<Geometry, Vec<String>> {
    match raw {
        RawGeometry::Point(at) => shape::position(*at).map(Geometry::Point).map_err(|problem| vec![problem]),
        RawGeometry::Lines(lines) => {
            let lines: Result<Vec<Vec<Position>>, String> = lines.iter().map(shape::line).collect();
            lines.map(Geometry::Line).map_err(|problem| vec![problem])
        }
        RawGeometry::Polygons(raw) => shape::polygons(raw).map(Geometry::Area),
        other => Err(vec![format!("{}; a feature is a point, a line or a polygon", kind_of(other))]),
    }
}

fn kind_of(raw: &RawGeometry) -> String {
    match raw {
        RawGeometry::Empty => "its geometry is empty".to_owned(),
        RawGeometry::Point(_) => "it is a Point".to_owned(),
        RawGeometry::Lines(_) => "it is a line".to_owned(),
        RawGeometry::Polygons(_) => "it is a polygon".to_owned(),
        RawGeometry::Other(kind) => format!("it is a '{kind}', which no map draws"),
    }
}

/// A property that is written as text or as a number.
fn text(feature: &RawFeature, property: &str) -> Option<String> {
    text_of(feature.properties.get(property)?)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().nfc().collect()).filter(|text: &String| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A moment with its offset, or a day or moment of the centre's time zone.
fn moment(text: &str, time_zone: &str) -> Option<Timestamp> {
    let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(local.in_tz(time_zone).ok()?.timestamp())
    });
    Some(Timestamp(at?.as_microsecond()))
}
