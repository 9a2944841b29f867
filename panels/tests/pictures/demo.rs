//! The demo centre as it is committed: every text on its wall fits.

use std::path::PathBuf;
use std::sync::Arc;

use panels::text::{ELLIPSIS, TextEngine};
use panels::{Link, svg};
use protocol::{Area, Catalogue, Indicator, Layout, Observation, ObservationStatus, Scenario, SourceInfo};
use serde_json::{Map, Value, json};

use crate::centre::{CANVAS, NOW, paint_all};
use crate::figures::{figure_in, state_with};
use crate::raster::save_picture;

fn file(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config/demo").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::to_value(toml::from_str::<toml::Value>(&text).unwrap()).unwrap()
}

/// The entries of a file, names given for both languages at once made whole.
fn entries(name: &str, kind: &str) -> Vec<Map<String, Value>> {
    let Value::Array(entries) = file(name)[kind].take() else { unreachable!("{name} has {kind}") };
    let whole = |entry| {
        let Value::Object(mut entry) = entry else { unreachable!("tables only") };
        for key in ["name", "short", "unit"] {
            if let Some(text) = entry.get(key).and_then(Value::as_str).map(ToOwned::to_owned) {
                entry.insert(key.into(), json!({ "vi": text }));
            }
        }
        entry
    };
    entries.into_iter().map(whole).collect()
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for entry in entries("areas.toml", "area") {
        let area: Area = serde_json::from_value(entry.into()).unwrap();
        catalogue.areas.insert(area.id.clone(), Arc::new(area));
    }
    for entry in entries("indicators.toml", "indicator") {
        let indicator: Indicator = serde_json::from_value(entry.into()).unwrap();
        catalogue.indicators.insert(indicator.id.clone(), Arc::new(indicator));
    }
    for mut entry in entries("sources.toml", "source") {
        entry.remove("options");
        let source: SourceInfo = serde_json::from_value(entry.into()).unwrap();
        catalogue.sources.insert(source.id.clone(), Arc::new(source));
    }
    catalogue
}

fn layout() -> Layout {
    let mut file = file("layouts/overview.toml");
    let panels = file["panel"].as_array().unwrap().iter().map(|panel| {
        let mut panel = panel.clone();
        panel.as_object_mut().unwrap().entry("options").or_insert(json!({}));
        panel
    });
    let panels: Vec<Value> = panels.collect();
    serde_json::from_value(json!({
        "id": "overview", "version": 1, "read_only": true, "name": file["name"].take(), "grid": file["grid"].take(), "panels": panels,
    }))
    .unwrap()
}

/// Who sends an indicator.
fn source_of(indicator: &str) -> String {
    let sources = entries("sources.toml", "source");
    let sends = |source: &&Map<String, Value>| {
        let series = source.get("options").and_then(|options| options["series"].as_array());
        series.is_some_and(|series| series.iter().any(|series| series["indicator"] == indicator))
    };
    sources.iter().find(sends).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Large figures, whose texts are as wide as they get.
fn figures(catalogue: &Catalogue, layout: &Layout) -> Vec<Observation> {
    let needs = panels::needs(layout, catalogue, CANVAS);
    let figures = needs.series.iter().flat_map(|series| {
        let indicator = &catalogue.indicators[&series.indicator];
        let (share, steps) = match series.scenario {
            Scenario::Actual => (0.715, 40),
            Scenario::Plan => (1.0, 1),
            Scenario::Expected => (0.867, 40),
            Scenario::SamePeriod => (0.645, 40),
        };
        let whole = match indicator.unit.vi.as_str() {
            "%" => 100.0,
            "m" => 4.9,
            "tỷ đồng" => 29_357.0,
            _ => 1_284.0,
        };
        let source = source_of(series.indicator.as_str());
        (0..steps).map(move |step| {
            let back = step * i64::try_from(indicator.expected_interval_secs).unwrap() * 1_000_000;
            let value = whole * share * (1.0 - step as f64 * 0.005);
            let mut figure = figure_in(
                series.area.as_str(),
                series.indicator.as_str(),
                series.scenario,
                NOW.plus_micros(-back),
                value,
            );
            (figure.source, figure.status) = (source.as_str().into(), ObservationStatus::Simulated);
            figure
        })
    });
    figures.collect()
}

#[test]
fn every_text_fits_in_both_languages() {
    let (catalogue, layout) = (catalogue(), layout());
    assert_eq!(panels::validate(&layout, &catalogue, CANVAS), []);
    let figures = figures(&catalogue, &layout);
    let view = state_with(layout, catalogue, CANVAS, figures);
    let mut text = TextEngine::new();
    for language in ["vi", "en"] {
        let scenes = paint_all(&view, Link::Live, language, &mut text);
        save_picture(&format!("demo-{language}"), &svg::document(CANVAS, &scenes));
        let cut = scenes.iter().flat_map(panels::Scene::texts).map(|run| run.content.as_str());
        let cut: Vec<&str> = cut.filter(|said| said.ends_with(ELLIPSIS)).collect();
        assert!(cut.is_empty(), "{language}: {cut:?}");
    }
}
