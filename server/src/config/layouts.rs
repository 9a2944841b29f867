//! Layouts that come with the configuration: one file each, named after its layout.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use protocol::layout::GRID;
use protocol::observation::Name;
use protocol::{Canvas, Catalogue, Layout, LayoutId, PanelId, PanelSpec, Wall, WallId};
use serde::Deserialize;

use super::catalogue::id_problem;
use super::document::{Document, Item};
use super::finding::Finding;
use crate::centre::Centre;

/// The canvas that a layout is checked on when no wall shows it.
const REFERENCE: Canvas = Canvas { width_px: 3840, height_px: 2160 };

/// The top of a layout's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutFile {
    name: Name,
    #[serde(default = "default_grid")]
    grid: (u16, u16),
}

fn default_grid() -> (u16, u16) {
    GRID
}

/// The layouts that there are files for.
pub(super) fn ids(dir: &Path, findings: &mut Vec<Finding>) -> Vec<LayoutId> {
    let mut missing = |message: &str| {
        findings.push(Finding { file: "layouts/".to_owned(), line: None, key: None, message: message.to_owned() });
    };
    let entries = match dir.join("layouts").read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            missing("the folder is missing; it holds one file for each layout, such as overview.toml");
            return Vec::new();
        }
        Err(error) => {
            missing(&format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    let mut ids = Vec::new();
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let Some(id) = name.strip_suffix(".toml") else { continue };
        match id_problem(id) {
            None => ids.push(LayoutId::from(id)),
            Some(problem) => {
                let message = format!("the file is named after its layout: {problem}");
                findings.push(Finding { file: format!("layouts/{name}"), line: None, key: None, message });
            }
        }
    }
    ids.sort();
    if ids.is_empty() {
        let message = "there is no layout; add one file for each, such as overview.toml".to_owned();
        findings.push(Finding { file: "layouts/".to_owned(), line: None, key: None, message });
    }
    ids
}

/// Reads the layouts and checks each on every canvas that shows it.
pub(super) fn load(
    dir: &Path,
    ids: &[LayoutId],
    catalogue: &Catalogue,
    walls: &BTreeMap<WallId, Wall>,
    panel_lines: &mut BTreeMap<(LayoutId, PanelId), u32>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<LayoutId, Layout> {
    let mut layouts = BTreeMap::new();
    let centre = Centre { catalogue: Arc::new(catalogue.clone()), ..Centre::default() };
    for id in ids {
        let doc = match Document::read(dir, &format!("layouts/{id}.toml"), "a layout") {
            Ok(doc) => doc,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        let mut canvases: Vec<Canvas> =
            walls.values().filter(|wall| wall.layout == *id).map(|wall| wall.canvas).collect();
        if canvases.is_empty() {
            canvases.push(REFERENCE);
        }
        let check = |layout: &Layout| centre.findings_on(layout, &canvases, walls.values());
        if let Some(layout) = load_one(&doc, id, check, panel_lines, findings) {
            layouts.insert(id.clone(), layout);
        }
    }
    layouts
}

fn load_one(
    doc: &Document,
    id: &LayoutId,
    check: impl Fn(&Layout) -> Vec<panels::LayoutFinding>,
    panel_lines: &mut BTreeMap<(LayoutId, PanelId), u32>,
    findings: &mut Vec<Finding>,
) -> Option<Layout> {
    let mut root = Item(doc.parse(findings));
    let items = root.remove_items(doc, "panel", findings);
    let file = doc.take::<LayoutFile>(&root, &format!("layout '{id}'"), findings);
    let mut panels = Vec::new();
    let mut places = Vec::new();
    for item in items {
        let what = item.text("id").map_or_else(|| "a nameless panel".to_owned(), |id| format!("panel '{id}'"));
        let Some(panel) = doc.take::<PanelSpec>(&item, &what, findings) else { continue };
        if let Some(problem) = id_problem(panel.id.as_str()) {
            findings.push(doc.finding(Some(&item.span_of(&["id"])), Some("id"), format!("{what}: {problem}")));
        }
        panel_lines.insert((id.clone(), panel.id.clone()), doc.line(item.span_of(&["id"]).start));
        panels.push(panel);
        places.push(item);
    }
    let LayoutFile { name, grid } = file?;
    let layout = Layout { id: id.clone(), name, version: 1, read_only: true, grid, panels };
    findings.extend(check(&layout).iter().map(|finding| place(doc, &root, &layout, &places, finding)));
    Some(layout)
}

/// The finding at the place of the option or panel that it is about.
fn place(
    doc: &Document,
    root: &Item<'_>,
    layout: &Layout,
    items: &[Item<'_>],
    finding: &panels::LayoutFinding,
) -> Finding {
    let option = finding.option.as_deref();
    let Some(panel) = &finding.panel else {
        let span = option.map_or(0..0, |option| root.span_of(&[option]));
        return doc.finding(Some(&span), option, format!("layout '{}': {}", layout.id, finding.message));
    };
    // Of two panels with one id, the later one is reported.
    let found = layout.panels.iter().rposition(|spec| spec.id == *panel);
    let span = found.and_then(|index| items.get(index)).map(|item| match option {
        Some("place") => item.span_of(&["place"]),
        Some(option) => {
            let path: Vec<&str> = std::iter::once("options").chain(option.split('.')).collect();
            item.span_of(&path)
        }
        None => item.span_of(&["kind"]),
    });
    doc.finding(span.as_ref(), option, format!("panel '{panel}': {}", finding.message))
}
