//! Layers of maps whose features move: what their sources tell, and what may come in.
//!
//! A report is an event of the log like all that comes in: walls, pages and replays show the features where they were
//! when it came. One that says only that all is still so is as short as that; the features stand in the log once for
//! each time that they changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::map::{Feature, LayerReport, ReportedLayer};
use protocol::{Catalogue, LayerId, MapLayer, Timestamp};

use super::Centre;
use super::admit::{FUTURE_TOLERANCE_MICROS, unknown};
use super::admit_records::{MOST_NAME, check_id, check_name};
use super::layouts::json_bytes;

/// Sources of this kind tell of layers.
pub const REPORTING_KIND: &str = "geojson";
/// Features of a layer.
pub const MOST_FEATURES: usize = 2_000;
/// The most that a layer takes of a snapshot, as JSON.
pub(super) const MOST_BYTES: usize = 512 << 10;

/// The layers of a catalogue that sources tell of.
pub(super) fn reported(catalogue: &Catalogue) -> impl Iterator<Item = &Arc<MapLayer>> {
    let is_reporting = |layer: &&Arc<MapLayer>| {
        catalogue.sources.get(&layer.source).is_some_and(|source| source.kind == REPORTING_KIND)
    };
    catalogue.layers.values().filter(is_reporting)
}

impl Centre {
    pub(super) fn take_report(&mut self, offset: u64, report: &Arc<LayerReport>) {
        // One of a source that has the layer no longer says nothing of where its features are now.
        let held = self.layers.get(&report.layer).filter(|held| held.report.source == report.source);
        if let Some(reported) = ReportedLayer::after(held, offset, report) {
            self.layers.insert(report.layer.clone(), reported);
        }
    }

    /// What the centre has of a layer by its source.
    #[must_use]
    pub fn reported(&self, report: &LayerReport) -> Option<&ReportedLayer> {
        self.layers.get(&report.layer).filter(|held| held.report.source == report.source)
    }
}

/// Checks a report against the catalogue and the clock.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn admit_layer(catalogue: &Catalogue, report: &LayerReport, now: Timestamp) -> Result<(), String> {
    let LayerReport { layer, source, time, features, .. } = report;
    match catalogue.layers.get(layer) {
        None => return Err(unknown("layer", layer.as_str(), catalogue.layers.keys().map(LayerId::as_str))),
        Some(known) if known.source != *source => {
            return Err(format!("layer '{layer}' is of source '{}' in maps.toml, not of '{source}'", known.source));
        }
        Some(_) => {}
    }
    if time.since(now) > FUTURE_TOLERANCE_MICROS {
        let ahead_secs = time.since(now) / 1_000_000;
        return Err(format!("its time lies {ahead_secs} s in the future (check the sender's clock and time zone)"));
    }
    let features = features.as_ref().map_or(&[][..], |features| features);
    if features.len() > MOST_FEATURES {
        return Err(format!("{} features; a layer has at most {MOST_FEATURES}", features.len()));
    }
    match json_bytes(&features) {
        bytes if bytes > MOST_BYTES => {
            Err(format!("its features take {bytes} bytes of a snapshot; a layer takes at most {MOST_BYTES}"))
        }
        _ => Ok(()),
    }
}

/// Checks one feature of a report; `seen` are the ids before it.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn admit_feature(catalogue: &Catalogue, feature: &Feature, seen: &mut BTreeSet<String>) -> Result<(), String> {
    check_id(&feature.id)?;
    check_name("name", &feature.name, MOST_NAME)?;
    if let Some(area) = feature.area.as_ref().filter(|area| !catalogue.areas.contains_key(*area)) {
        return Err(unknown("area", area.as_str(), catalogue.areas.keys().map(protocol::AreaId::as_str)));
    }
    if seen.insert(feature.id.clone()) { Ok(()) } else { Err(format!("a second feature is called '{}'", feature.id)) }
}
