//! Where panels stand on a canvas.

use std::collections::BTreeSet;

use protocol::layout::Free;
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
    let grid = Grid::of(layout, canvas);
    layout.panels.iter().map(move |spec| (spec, grid.rect(&spec.place)))
}

/// The cells of a layout on a canvas, in pixels.
struct Grid {
    canvas: (f32, f32),
    cell: (f32, f32),
    margin: f32,
    gutter: f32,
}

impl Grid {
    fn of(layout: &Layout, canvas: Canvas) -> Self {
        let scale = scale(canvas);
        let (width, height) = (canvas.width_px as f32, canvas.height_px as f32);
        let (columns, rows) = (f32::from(layout.grid.0.max(1)), f32::from(layout.grid.1.max(1)));
        let (margin, gutter) = (SPACING.margin * scale, SPACING.gutter * scale);
        let cell = ((width - 2.0 * margin + gutter) / columns, (height - 2.0 * margin + gutter) / rows);
        Self { canvas: (width, height), cell, margin, gutter }
    }

    fn rect(&self, place: &Place) -> Rect {
        let (margin, gutter) = (self.margin, self.gutter);
        match place {
            Place::Cells(cells) => {
                let (end_column, end_row) = cells.end();
                let left = margin + f32::from(cells.column) * self.cell.0;
                let top = margin + f32::from(cells.row) * self.cell.1;
                let right = margin + end_column as f32 * self.cell.0 - gutter;
                let bottom = margin + end_row as f32 * self.cell.1 - gutter;
                whole([left, top, right, bottom])
            }
            Place::Free(Free { left, top, width, height }) => {
                let (x, y) = (f64::from(self.canvas.0), f64::from(self.canvas.1));
                whole([left * x, top * y, (left + width) * x, (top + height) * y].map(|edge| edge as f32))
            }
        }
    }
}

/// Between edges that are moved to whole pixels.
fn whole(edges: [f32; 4]) -> Rect {
    let [left, top, right, bottom] = edges.map(f32::round);
    Rect::new(left, top, (right - left).max(0.0), (bottom - top).max(0.0))
}

/// The layout in which one panel fills what its head leaves; `None` when there is no such panel, or it is the head.
#[must_use]
pub fn spotlit(layout: &Layout, panel: &PanelId) -> Option<Layout> {
    let is_head = |spec: &PanelSpec| crate::panel(&spec.kind).is_some_and(|kind| !kind.has_plate());
    let lit = layout.panels.iter().find(|spec| spec.id == *panel && !is_head(spec))?;
    let (columns, all_rows) = layout.grid;
    let rows_of = |spec: &PanelSpec| match spec.place {
        Place::Cells(cells) => (cells.row == 0).then_some(cells.rows),
        // As many as it reaches into.
        Place::Free(free) => (free.top <= 0.0).then(|| (free.height * f64::from(all_rows)).ceil() as u16),
    };
    let heads = layout.panels.iter().filter(|spec| is_head(spec));
    let heads: Vec<(u16, &PanelSpec)> =
        heads.filter_map(|spec| Some((rows_of(spec).filter(|rows| *rows < all_rows)?, spec))).collect();
    let row = heads.iter().map(|(rows, _)| *rows).max().unwrap_or(0);
    let place = Place::cells(0, row, columns, all_rows - row);
    let heads = heads.into_iter().map(|(_, head)| head.clone());
    let panels = heads.chain([PanelSpec { place, ..lit.clone() }]).collect();
    Some(Layout { panels, ..layout.clone() })
}

/// Whether the cells of the layout are about square on a canvas, as they are where it is meant to be shown.
#[must_use]
pub fn suits(layout: &Layout, canvas: Canvas) -> bool {
    let (columns, rows) = (f32::from(layout.grid.0.max(1)), f32::from(layout.grid.1.max(1)));
    let cell = (canvas.width_px as f32 / columns) / (canvas.height_px as f32 / rows);
    (0.8..=1.25).contains(&cell)
}

/// Panels that overlap on a canvas, leave the grid, are empty or share a name.
#[must_use]
pub fn findings(layout: &Layout, canvas: Canvas) -> Vec<LayoutFinding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let (columns, rows) = layout.grid;
    let grid = Grid::of(layout, canvas);
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
        problems(&spec.place, layout.grid).into_iter().for_each(&mut report);
        let overlaps = |other: &&PanelSpec| match (&other.place, &spec.place) {
            (Place::Cells(other), Place::Cells(own)) => other.overlaps(own),
            (other, own) => grid.rect(other).overlaps(&grid.rect(own)),
        };
        if let Some(other) = layout.panels[..index].iter().find(overlaps) {
            report(format!("the panel overlaps '{}'; move one of them", other.id));
        }
    }
    findings
}

/// What is wrong with one place.
fn problems(place: &Place, (columns, rows): (u16, u16)) -> Vec<String> {
    let mut problems = Vec::new();
    match place {
        Place::Cells(cells) => {
            if cells.columns == 0 || cells.rows == 0 {
                problems.push("the panel is empty; columns and rows must be at least 1".into());
            }
            let (right, bottom) = cells.end();
            if right > u32::from(columns) || bottom > u32::from(rows) {
                problems.push(format!(
                    "the panel ends at column {right}, row {bottom}, but the grid has {columns} columns and {rows} rows"
                ));
            }
        }
        Place::Free(Free { left, top, width, height }) => {
            if !(*width > 0.0 && *height > 0.0) {
                problems.push(format!("the panel is {width} × {height}; width and height must be more than 0"));
            }
            let (right, bottom) = (left + width, top + height);
            // Sums of decimal shares are off by the last digit.
            let is_inside = |from: f64, to: f64| from >= 0.0 && to <= 1.0 + 1e-9;
            if !is_inside(*left, right) || !is_inside(*top, bottom) {
                problems.push(format!(
                    "the panel reaches from {left}, {top} to {right}, {bottom}; shares of the canvas lie from 0 to 1"
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };

    fn layout(places: &[Place]) -> Layout {
        let spec = |(index, place): (usize, &Place)| PanelSpec {
            id: format!("p{index}").into(),
            kind: "text".into(),
            place: *place,
            options: serde_json::Map::new(),
        };
        let panels = places.iter().enumerate().map(spec).collect();
        let name = protocol::observation::Name { vi: "l".into(), en: None };
        Layout { id: "l".into(), name, version: 1, read_only: false, grid: (32, 18), panels }
    }

    const fn free(left: f64, top: f64, width: f64, height: f64) -> Place {
        Place::Free(Free { left, top, width, height })
    }

    #[test]
    fn a_free_place_is_a_share_of_any_canvas() {
        let layout = layout(&[free(0.25, 0.5, 0.5, 0.5)]);
        for (width_px, height_px, meant) in
            [(3840, 2160, Rect::new(960.0, 1080.0, 1920.0, 1080.0)), (1001, 701, Rect::new(250.0, 351.0, 501.0, 350.0))]
        {
            let (_, rect) = tiles(&layout, Canvas { width_px, height_px }).next().unwrap();
            assert_eq!(rect, meant);
        }
    }

    #[test]
    fn what_is_wrong_with_places_is_said() {
        let cells = Place::cells(0, 0, 16, 18);
        for (places, said) in [
            (&[cells, free(0.505, 0.0, 0.495, 1.0)][..], None),
            (&[free(0.1, 0.0, 0.3, 1.0), free(0.4, 0.0, 0.6, 1.0)], None),
            (&[cells, free(0.4, 0.0, 0.6, 1.0)], Some("the panel overlaps 'p0'")),
            (&[free(0.0, 0.0, 0.6, 1.0), free(0.5, 0.5, 0.5, 0.5)], Some("the panel overlaps 'p0'")),
            (&[free(0.5, 0.0, 0.6, 1.0)], Some("from 0.5, 0 to 1.1, 1; shares of the canvas lie from 0 to 1")),
            (&[free(-0.1, 0.0, 0.6, 1.0)], Some("from -0.1, 0")),
            (&[free(0.0, 0.0, 0.0, 1.0)], Some("width and height must be more than 0")),
            (&[free(0.0, 0.0, f64::NAN, 1.0)], Some("width and height must be more than 0")),
            (&[free(0.0, f64::INFINITY, 0.5, 0.5)], Some("lie from 0 to 1")),
            (&[Place::cells(30, 0, 4, 2)], Some("ends at column 34, row 2, but the grid has 32 columns")),
            (&[Place::cells(0, 0, 0, 2)], Some("columns and rows must be at least 1")),
        ] {
            let found = findings(&layout(places), CANVAS);
            assert_eq!(found.is_empty(), said.is_none(), "{places:?}: {found:?}");
            let first = found.first().map_or("", |finding| &finding.message);
            assert!(first.contains(said.unwrap_or_default()), "{places:?}: {first}");
        }
    }

    #[test]
    fn places_of_both_sorts_are_compared_on_the_canvas_that_shows_them() {
        let layout = Layout { grid: (64, 18), ..layout(&[Place::cells(32, 0, 32, 18), free(0.0, 0.0, 0.5025, 1.0)]) };
        let on = |width_px| findings(&layout, Canvas { width_px, height_px: 2160 }).len();
        assert_eq!((on(3840), on(7680)), (0, 1));
    }

    #[test]
    fn a_panel_of_any_place_can_fill_the_wall() {
        let mut layout = layout(&[Place::cells(0, 0, 32, 2), free(0.7, 0.2, 0.3, 0.3)]);
        layout.panels[0].kind = "header".into();
        let lit = spotlit(&layout, &"p1".into()).unwrap();
        assert_eq!(lit.panels[1].place, Place::cells(0, 2, 32, 16));
        assert!(findings(&lit, CANVAS).is_empty());
        assert_eq!(tiles(&lit, CANVAS).count(), 2);
        assert_eq!(spotlit(&layout, &"p0".into()), None, "the head itself");
        layout.panels[0].place = free(0.0, 0.0, 1.0, 0.12);
        assert_eq!(spotlit(&layout, &"p1".into()).unwrap().panels[1].place, Place::cells(0, 3, 32, 15));
    }
}
