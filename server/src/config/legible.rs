//! Whether the layouts of a centre can be read on its walls.

use std::time::Duration;

use panels::legibility::{self, Level};
use panels::place;
use panels::text::TextEngine;
use protocol::{Layout, Wall};

use super::finding::Finding;
use super::{CentreConfig, Settings};

/// Each layout on each wall that it suits, and how often numbers change.
pub(super) fn findings(config: &CentreConfig) -> Vec<Finding> {
    let mut text = TextEngine::new();
    let mut findings: Vec<Finding> = readout(&config.settings).into_iter().collect();
    for layout in config.layouts.values() {
        for wall in config.walls.values().filter(|wall| place::suits(layout, wall.canvas) || wall.layout == layout.id) {
            let found = legibility::check(layout, &config.catalogue, wall, &mut text);
            findings.extend(found.iter().map(|finding| at_its_place(config, layout, wall, finding)));
        }
    }
    findings
}

fn readout(settings: &Settings) -> Option<Finding> {
    let interval = Duration::from_millis(settings.hub.readout_interval_ms);
    let finding = legibility::of_readout_interval(interval)?;
    let message = format!("{}: {}", finding.rule.name(), finding.message);
    let key = Some("hub.readout_interval_ms".to_owned());
    Some(Finding { file: "centre.toml".to_owned(), line: None, key, message })
}

fn at_its_place(config: &CentreConfig, layout: &Layout, wall: &Wall, found: &legibility::Finding) -> Finding {
    let panel = found.panel.as_ref();
    let line = panel.and_then(|panel| config.panel_lines.get(&(layout.id.clone(), panel.clone())).copied());
    let level = match found.level {
        Level::Error => "",
        Level::Warning => "warning: ",
    };
    let panel = panel.map_or_else(String::new, |panel| format!("panel '{panel}' "));
    let message = format!("{level}{panel}on wall '{}': {}: {}", wall.id, found.rule.name(), found.message);
    Finding { file: format!("layouts/{}.toml", layout.id), line, key: None, message }
}
