//! What a view shows: its layout, what the layout needs, and the part of the catalogue that names it.

use std::sync::Arc;

use protocol::change::Arranged;
use protocol::message::{Mode, ViewName};
use protocol::{AreaId, Canvas, Catalogue, Layout, RecordKind, Wall};

use super::Centre;

/// The canvas of a layout that is not on a wall.
pub const DEFAULT_CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };

impl Centre {
    /// The arrangement of a view and the offset it is from; `None` for a view that does not exist.
    #[must_use]
    pub fn arrange(&self, view: &ViewName) -> Option<(u64, Arc<Arranged>)> {
        let (layout, shown) = match view {
            ViewName::Wall(wall) => {
                let shown = self.walls.get(wall)?;
                (&shown.layout, Some(shown))
            }
            ViewName::Layout(layout) => (layout, None),
        };
        let kept = self.layouts.get(layout)?;
        let at = kept.at.max(shown.map_or(0, |shown| shown.at)).max(self.catalogue_at);
        let spotlight = shown.and_then(|shown| shown.spotlight.as_ref());
        let lit = spotlight.and_then(|panel| Some((panel, panels::place::spotlit(&kept.layout, panel)?)));
        let layout = lit.as_ref().map_or(&*kept.layout, |(_, layout)| layout);
        let arranged = self.arranged(layout, shown.map(|shown| &shown.wall));
        let spotlight = lit.as_ref().map(|(panel, _)| (*panel).clone());
        Some((at, Arc::new(Arranged { spotlight, ..arranged })))
    }

    /// A layout as it is shown on a wall or on none.
    pub(super) fn arranged(&self, layout: &Layout, wall: Option<&Wall>) -> Arranged {
        let canvas = wall.map_or(DEFAULT_CANVAS, |wall| wall.canvas);
        let needs = panels::needs(layout, &self.catalogue, canvas);
        Arranged {
            mode: Mode::Live,
            wall: wall.cloned(),
            canvas,
            layout: layout.clone(),
            spotlight: None,
            catalogue: self.excerpt(&needs),
            series: needs.series,
            windows: needs.windows,
            records: needs.records,
        }
    }

    /// The indicators, areas, maps, layers and images that are needed, their owners and parents, and all sources. Records may
    /// name any agency and area.
    fn excerpt(&self, needs: &panels::Needs) -> Catalogue {
        let all = &self.catalogue;
        let mut excerpt = Catalogue {
            organisation: all.organisation.clone(),
            centre: all.centre.clone(),
            sources: all.sources.clone(),
            ..Catalogue::default()
        };
        for series in needs.series.iter().chain(needs.windows.iter().map(|window| &window.series)) {
            if let Some(indicator) = all.indicators.get(&series.indicator) {
                excerpt.indicators.insert(indicator.id.clone(), Arc::clone(indicator));
                if let Some(owner) = all.agencies.get(&indicator.owner) {
                    excerpt.agencies.insert(owner.id.clone(), Arc::clone(owner));
                }
            }
            add_with_parents(all, &mut excerpt, &series.area);
        }
        for map in needs.maps.iter().filter_map(|id| all.maps.get(id)) {
            excerpt.maps.insert(map.id.clone(), Arc::clone(map));
            map.shapes.iter().for_each(|shape| add_with_parents(all, &mut excerpt, &shape.area));
        }
        for layer in needs.layers.iter().filter_map(|id| all.layers.get(id)) {
            excerpt.layers.insert(layer.id.clone(), Arc::clone(layer));
        }
        for image in needs.images.iter().filter_map(|id| all.images.get(id)) {
            excerpt.images.insert(image.id.clone(), Arc::clone(image));
        }
        if RecordKind::ENDING.iter().any(|kind| needs.records.contains(kind)) {
            excerpt.agencies.clone_from(&all.agencies);
            excerpt.areas.clone_from(&all.areas);
        }
        excerpt
    }
}

fn add_with_parents(all: &Catalogue, excerpt: &mut Catalogue, area: &AreaId) {
    let mut next = Some(area);
    while let Some(area) = next.and_then(|id| all.areas.get(id)) {
        if excerpt.areas.insert(area.id.clone(), Arc::clone(area)).is_some() {
            return;
        }
        next = area.parent.as_ref();
    }
}
