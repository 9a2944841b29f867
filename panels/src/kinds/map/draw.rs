//! Areas, what lies on them, their labels and the legend, in this order.

use std::sync::Arc;

use super::board::Board;
use super::legend::{self, Ramp, Told};
use super::sign::LAYER_ALPHA;
use super::{LayerShown, Shown};
use crate::facts::Severity;
use crate::map::{Cut, Drawn, Form, Prepared, Tessellated, drawn, prepare};
use crate::scene::{Point, Rect};
use crate::theme::{self, TextClass};
use crate::tile::Tile;

/// What a frame needs to be drawn in, in em of a caption.
const LEAST_EM: f32 = 3.0;

/// A layer with its features in pixels.
pub(super) struct Placed<'a> {
    pub shown: &'a LayerShown<'a>,
    pub drawn: Arc<Vec<Option<Drawn>>>,
}

pub(super) fn draw(tile: &mut Tile<'_, '_>, shown: &Shown<'_>) {
    tile.take_top(tile.px(8.0));
    let ramp = shown.indicator.map(|indicator| Ramp {
        classes: &shown.classes,
        indicator,
        has_gaps: shown.areas.iter().any(|area| shown.has_gap(&area.area.id)),
    });
    let told = |outside: &dyn Fn(usize) -> usize| -> Vec<Told<'_>> {
        let layers = shown.layers.iter().enumerate();
        layers.map(|(place, layer)| Told { shown: layer, outside: outside(place) }).collect()
    };
    let legend = shown.options.legend.then(|| legend::reserve(tile, ramp.as_ref(), &told(&|_| 0))).flatten();
    let em = tile.em(TextClass::Caption);
    if tile.room.width < em * LEAST_EM || tile.room.height < em * LEAST_EM {
        return;
    }
    let parts = shown.options.area.as_ref().map(|_| shown.areas.iter().map(|area| area.area.id.clone()).collect());
    let map = prepare(shown.map, &Cut { room: tile.room, em, parts });
    let layers: Vec<Placed<'_>> =
        shown.layers.iter().map(|layer| Placed { shown: layer, drawn: drawn(layer.layer, &map) }).collect();
    for frame in 0..map.frames.len() {
        draw_frame(tile, shown, &map, &layers, frame);
    }
    let mut board = Board::new(tile, &map);
    board.place(tile, shown, &layers);
    board.draw(tile);
    let outside = |place: usize| match map.is_schematic() {
        true => 0,
        false => layers[place].drawn.iter().filter(|drawn| drawn.is_none()).count(),
    };
    if let Some(block) = legend {
        legend::draw(tile, ramp.as_ref(), &told(&|_| 0), &told(&outside), block);
    }
}

fn draw_frame(tile: &mut Tile<'_, '_>, shown: &Shown<'_>, map: &Prepared, layers: &[Placed<'_>], frame: usize) {
    let inset = map.frames[frame].inset.and_then(|place| shown.map.insets.get(place));
    if inset.is_some() {
        let rect = map.frames[frame].rect;
        tile.plate(rect, tile.px(8.0), theme::PANEL);
        tile.outline(rect, tile.px(8.0), tile.px(2.0), theme::HAIRLINE);
    }
    for outline in &map.outlines {
        let Some(area) = shown.areas.iter().find(|area| area.area.id == outline.area) else { continue };
        let own = outline.polygons.iter().filter(|(of, _)| *of == frame);
        own.for_each(|(_, polygon)| tile.polygon(polygon, shown.color(area)));
    }
    let width = if map.is_schematic() { tile.px(5.0) } else { tile.px(2.5) };
    for (_, border) in map.borders.iter().filter(|(of, _)| *of == frame) {
        tile.line(border.clone(), width, theme::PANEL);
    }
    // What has no figure has no colour either, and is still to be seen.
    for outline in map.outlines.iter().filter(|outline| shown.has_gap(&outline.area)) {
        let own = outline.polygons.iter().filter(|(of, _)| *of == frame);
        own.flat_map(|(_, polygon)| rings(polygon)).for_each(|ring| tile.line(ring, width * 0.7, theme::GAP));
    }
    for layer in layers {
        draw_layer(tile, layer, frame);
    }
}

/// What is no point.
fn draw_layer(tile: &mut Tile<'_, '_>, layer: &Placed<'_>, frame: usize) {
    for (feature, drawn) in layer.shown.features.iter().zip(layer.drawn.iter()) {
        let Some(drawn) = drawn.as_ref().filter(|drawn| drawn.frame == frame) else { continue };
        match &drawn.form {
            Form::Point(_) => {}
            Form::Lines(lines) => {
                lines.iter().for_each(|line| layer.shown.sign.line(tile, feature.severity, line.clone()));
            }
            Form::Areas(polygons) => {
                for polygon in polygons {
                    tile.polygon(polygon, feature.severity.color().with_alpha(LAYER_ALPHA));
                    rings(polygon).for_each(|ring| layer.shown.sign.line(tile, feature.severity, ring));
                }
            }
        }
    }
}

fn rings(polygon: &Tessellated) -> impl Iterator<Item = Vec<Point>> + '_ {
    let starts = std::iter::once(0).chain(polygon.ring_ends.iter().copied());
    starts.zip(&polygon.ring_ends).filter_map(|(start, end)| {
        let ring = polygon.points.get(start as usize..*end as usize)?;
        Some(ring.iter().chain(ring.first()).copied().collect())
    })
}

/// The middle of what is drawn of a line or an area, for its name.
pub(super) fn middle(form: &Form) -> Option<Point> {
    match form {
        Form::Point(at) => Some(*at),
        Form::Lines(lines) => {
            let longest = lines.iter().max_by_key(|line| line.len())?;
            longest.get(longest.len() / 2).copied()
        }
        Form::Areas(polygons) => {
            let bounds = polygons.iter().map(|polygon| Rect::around(&polygon.points));
            bounds.max_by(|a, b| a.area().total_cmp(&b.area())).map(|rect| rect.middle())
        }
    }
}

/// Worst first, else as they were.
pub(super) fn by_severity<T>(things: &mut [T], severity: impl Fn(&T) -> Severity) {
    things.sort_by_key(|thing| std::cmp::Reverse(severity(thing)));
}
