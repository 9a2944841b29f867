//! A whole centre from a folder of TOML. Strict: everything that is wrong is found, with file, line, key
//! and what would be right.
//!
//! ```text
//! centre.toml       names, time zone, how the server runs
//! areas.toml        [[area]]        agencies.toml     [[agency]]
//! indicators.toml   [[indicator]]   sources.toml      [[source]]
//! walls.toml        [[wall]]        layouts/ID.toml   one layout, [[panel]]
//! maps.toml         [[map]], [[layer]] and the files of geometry that they name; may be absent
//! alarms.toml       [[rule]], what raises an alarm, and [[webhook]], who is told; may be absent
//! images.toml       [[image]] and the PNG and JPEG files that they name; may be absent
//! ```

mod alarms;
mod catalogue;
mod document;
mod files;
mod finding;
mod images;
mod layouts;
mod legible;
mod maps;
mod secret;
mod settings;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{Catalogue, LayerId, Layout, LayoutId, PanelId, SourceInfo, Wall, WallId};
use serde::Deserialize;

use crate::sources::Source;
use document::{Document, Item};

pub use document::Options;
pub use finding::{Finding, Findings, suggestion};
pub use maps::{PointProperties, points};
pub use secret::{Secret, SecretError};
#[cfg(test)]
pub use settings::LogSettings;
pub use settings::{AccessSettings, Settings};

/// Where a configuration comes from, so that it can be loaded again.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The folder of TOML files.
    pub dir: PathBuf,
    /// What the command line says; it wins over `[server] listen`.
    pub listen: Option<String>,
}

/// A centre as it is configured.
#[derive(Debug, Clone)]
pub struct CentreConfig {
    pub origin: Origin,
    pub settings: Settings,
    pub catalogue: Catalogue,
    pub walls: BTreeMap<WallId, Wall>,
    /// Read-only, version 1.
    pub layouts: BTreeMap<LayoutId, Layout>,
    /// On which line of the file of its layout a panel begins.
    pub panel_lines: BTreeMap<(LayoutId, PanelId), u32>,
    pub sources: Vec<SourceSpec>,
}

/// A source as it is configured.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    pub info: SourceInfo,
    /// What runs; nothing for a source that others push to.
    pub source: Option<Arc<dyn Source>>,
    /// Of all that it was built from.
    fingerprint: blake3::Hash,
}

impl SourceSpec {
    /// A source of these options, as they are written. They tell what was asked for, and `Debug` of the source what
    /// else it was made of: the time zone, paths, defaults.
    #[must_use]
    pub fn new(info: SourceInfo, options: &str, source: Option<Arc<dyn Source>>) -> Self {
        let fingerprint = blake3::hash(format!("{info:?}\n{options}\n{source:?}").as_bytes());
        Self { info, source, fingerprint }
    }

    /// Whether it is the same source under the same id.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.info.id == other.info.id && self.fingerprint == other.fingerprint
    }
}

impl Origin {
    /// Loads the folder, with `IOC_…` of the environment above it, and the command line above both.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<CentreConfig, Findings> {
        let mut config = load_in(&self.dir, &|variable| std::env::var(variable).ok())?;
        if let Some(listen) = &self.listen {
            config.settings.server.listen.clone_from(listen);
        }
        config.origin = self.clone();
        Ok(config)
    }
}

/// Loads the folder, with `IOC_…` of the environment above it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(dir: &Path) -> Result<CentreConfig, Findings> {
    Origin { dir: dir.to_owned(), listen: None }.load()
}

/// Everything that is wrong with the folder, or hard to read on its walls; nothing if it is fine.
#[must_use]
pub fn check(dir: &Path) -> Vec<Finding> {
    match load(dir) {
        Ok(config) => legible::findings(&config),
        Err(findings) => findings.0,
    }
}

fn load_in(dir: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<CentreConfig, Findings> {
    let mut findings = Vec::new();
    if !dir.is_dir() {
        let message = "there is no such folder; it holds centre.toml and the other files of a centre".to_owned();
        return Err(Findings(vec![Finding { file: dir.display().to_string(), line: None, key: None, message }]));
    }
    findings.extend(stray_files(dir));
    let (mut catalogue, settings) = load_centre(dir, environment, &mut findings);
    catalogue::load(dir, &mut catalogue, &mut findings);
    let mut sources = catalogue::load_sources(dir, &mut catalogue, &settings, &mut findings);
    sources.extend(alarms::load(dir, &mut catalogue, &settings, &mut findings));
    maps::load(dir, &settings.time_zone, &mut catalogue, &mut findings);
    findings.extend(sources.iter().filter_map(|spec| layer_finding(spec, &catalogue)));
    images::load(dir, &mut catalogue, &mut findings);
    let layout_ids = layouts::ids(dir, &mut findings);
    let walls = catalogue::load_walls(dir, &layout_ids, &mut findings);
    let mut panel_lines = BTreeMap::new();
    let layouts = layouts::load(dir, &layout_ids, &catalogue, &walls, &mut panel_lines, &mut findings);
    if findings.is_empty() {
        let origin = Origin { dir: dir.to_owned(), listen: None };
        return Ok(CentreConfig { origin, settings, catalogue, walls, layouts, panel_lines, sources });
    }
    findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Err(Findings(findings))
}

/// A source that tells of a layer which is not there, or of another source.
fn layer_finding(spec: &SourceSpec, catalogue: &Catalogue) -> Option<Finding> {
    let (layer, source) = (spec.source.as_ref()?.layer()?, &spec.info.id);
    let problem = match catalogue.layers.get(layer) {
        Some(known) if known.source == *source => return None,
        Some(known) => format!("is of source '{}' in maps.toml; a layer has one source", known.source),
        None => {
            let known = suggestion(layer.as_str(), catalogue.layers.keys().map(LayerId::as_str));
            format!("is not in maps.toml{known}; write a [[layer]] there, with source = \"{source}\"")
        }
    };
    let message = format!("source '{source}': layer '{layer}' {problem}");
    Some(Finding { file: "sources.toml".to_owned(), line: None, key: Some("layer".to_owned()), message })
}

/// The files of the folder, besides layouts/.
const FILES: [&str; 9] = [
    "centre.toml",
    "areas.toml",
    "agencies.toml",
    "indicators.toml",
    "sources.toml",
    "walls.toml",
    alarms::FILE,
    maps::FILE,
    images::FILE,
];

/// TOML files that nobody would read.
fn stray_files(dir: &Path) -> Vec<Finding> {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.ends_with(".toml") && !FILES.contains(&name.as_str()))
        .map(|name| {
            let message = format!("nothing reads a file of this name{}", suggestion(&name, FILES));
            Finding { file: name, line: None, key: None, message }
        })
        .collect()
}

/// centre.toml.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CentreFile {
    organisation: protocol::observation::Name,
    centre: protocol::observation::Name,
    #[serde(default = "viet_nam")]
    time_zone: String,
    #[serde(default)]
    server: settings::ServerSettings,
    #[serde(default)]
    access: settings::AccessSettings,
    #[serde(default)]
    log: settings::LogSettings,
    #[serde(default)]
    hub: settings::HubSettings,
    #[serde(default)]
    ingest: settings::IngestSettings,
}

fn viet_nam() -> String {
    "Asia/Ho_Chi_Minh".to_owned()
}

fn load_centre(
    dir: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) -> (Catalogue, Settings) {
    let doc = match Document::read(
        dir,
        "centre.toml",
        "the names of the organisation and the centre and how the server runs",
    ) {
        Ok(doc) => doc,
        Err(finding) => {
            findings.push(finding);
            return (Catalogue::default(), Settings { time_zone: viet_nam(), ..Settings::default() });
        }
    };
    let root = Item(doc.parse(findings));
    let file = doc.take::<CentreFile>(&root, "the centre", findings);
    let CentreFile { organisation, centre, time_zone, server, access, log, hub, ingest } =
        file.unwrap_or_else(|| CentreFile { time_zone: viet_nam(), ..CentreFile::default() });
    let mut settings = Settings { time_zone, server, access, log, hub, ingest };
    settings.overlay(environment, findings);
    for (path, message) in settings.problems() {
        let variable = format!("IOC_{}", path.join("_").to_uppercase());
        findings.push(match environment(&variable) {
            Some(_) => settings::environment_finding(&variable, format!("{variable}: {message}")),
            None => doc.finding(Some(&root.span_of(path)), path.last().copied(), message),
        });
    }
    (Catalogue { organisation, centre, ..Catalogue::default() }, settings)
}
