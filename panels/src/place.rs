//! Where panels stand on a canvas.

use std::collections::BTreeSet;

use protocol::{Canvas, Layout, PanelId, PanelSpec, Place};

use crate::LayoutFinding;
use crate::scene::Rect;
use crate::theme::{REFERENCE_HEIGHT_PX, SPACING};

/// Canvas pixels per reference pixel.
#[must_use]
pub fn scale(canvas: Canvas) -> f32 {
    canvas.height_px as f32 / REFERENCE_HEIGHT_PX
}

/// Each panel with its tile in canvas pixels, snapped to whole pixels.
pub fn tiles(layout: &Layout, canvas: Canvas) -> impl Iterator<Item = (&PanelSpec, Rect)> {
    let scale = scale(canvas);
    let (columns, rows) = (f32::from(layout.grid.0.max(1)), f32::from(layout.grid.1.max(1)));
    let (margin, gutter) = (SPACING.margin * scale, SPACING.gutter * scale);
    let cell_width = (canvas.width_px as f32 - 2.0 * margin + gutter) / columns;
    let cell_height = (canvas.height_px as f32 - 2.0 * margin + gutter) / rows;
    layout.panels.iter().map(move |spec| {
        let place = spec.place;
        let left = (margin + f32::from(place.column) * cell_width).round();
        let top = (margin + f32::from(place.row) * cell_height).round();
        let (end_column, end_row) = place.end();
        let right = (margin + end_column as f32 * cell_width - gutter).round();
        let bottom = (margin + end_row as f32 * cell_height - gutter).round();
        (spec, Rect::new(left, top, (right - left).max(0.0), (bottom - top).max(0.0)))
    })
}

/// The layout in which one panel fills what its head leaves; `None` when there is no such panel, or it is the head.
#[must_use]
pub fn spotlit(layout: &Layout, panel: &PanelId) -> Option<Layout> {
    let is_head = |spec: &PanelSpec| crate::panel(&spec.kind).is_some_and(|kind| !kind.has_plate());
    let lit = layout.panels.iter().find(|spec| spec.id == *panel && !is_head(spec))?;
    let heads =
        layout.panels.iter().filter(|spec| is_head(spec) && spec.place.row == 0 && spec.place.rows < layout.grid.1);
    let row = heads.clone().map(|spec| spec.place.rows).max().unwrap_or(0);
    let place = Place { column: 0, row, columns: layout.grid.0, rows: layout.grid.1 - row };
    let panels = heads.cloned().chain([PanelSpec { place, ..lit.clone() }]).collect();
    Some(Layout { panels, ..layout.clone() })
}

/// Whether the cells of the layout are about square on a canvas, as they are where it is meant to be shown.
#[must_use]
pub fn suits(layout: &Layout, canvas: Canvas) -> bool {
    let (columns, rows) = (f32::from(layout.grid.0.max(1)), f32::from(layout.grid.1.max(1)));
    let cell = (canvas.width_px as f32 / columns) / (canvas.height_px as f32 / rows);
    (0.8..=1.25).contains(&cell)
}

/// Panels that overlap, leave the grid, are empty or share a name.
#[must_use]
pub fn findings(layout: &Layout) -> Vec<LayoutFinding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let (columns, rows) = layout.grid;
    if columns == 0 || rows == 0 {
        findings.push(LayoutFinding {
            panel: None,
            option: Some("grid".into()),
            message: format!("the grid is {columns} × {rows}; it needs at least one column and one row"),
        });
    }
    for (index, spec) in layout.panels.iter().enumerate() {
        let mut report = |message: String| {
            findings.push(LayoutFinding { panel: Some(spec.id.clone()), option: Some("place".into()), message })
        };
        if !seen.insert(&spec.id) {
            report(format!("a second panel is called '{}'; give it another id", spec.id));
        }
        if spec.place.columns == 0 || spec.place.rows == 0 {
            report("the panel is empty; columns and rows must be at least 1".into());
        }
        let (right, bottom) = spec.place.end();
        if right > u32::from(columns) || bottom > u32::from(rows) {
            report(format!(
                "the panel ends at column {right}, row {bottom}, but the grid has {columns} columns and {rows} rows"
            ));
        }
        if let Some(other) = layout.panels[..index].iter().find(|other| other.place.overlaps(&spec.place)) {
            report(format!("the panel overlaps '{}'; move one of them", other.id));
        }
    }
    findings
}
