//! What a view shows: its layout, what the layout needs, and the part of the catalogue that names it.

use std::sync::Arc;

use protocol::change::Arranged;
use protocol::message::{Mode, ViewName};
use protocol::{AreaId, Canvas, Catalogue, Layout, LayoutId, RecordKind, Wall};

use super::Centre;

/// The canvas of a layout that is not on a wall.
pub const DEFAULT_CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };

impl Centre {
    /// The arrangement of a view and the offset it is from; `None` for a view that does not exist.
    #[must_use]
    pub fn arrange(&self, view: &ViewName) -> Option<(u64, Arc<Arranged>)> {
        match view {
            ViewName::Wall(wall) => {
                let shown = self.walls.get(wall)?;
                let (at, mut arranged) = self.arrange_layout(&shown.layout, Some(&shown.wall), shown.at)?;
                let spotlit =
                    shown.spotlight.as_ref().and_then(|panel| panels::place::spotlit(&arranged.layout, panel));
                if let Some(layout) = spotlit {
                    arranged = self.arranged(&layout, Some(&shown.wall));
                    arranged.spotlight = shown.spotlight.clone();
                }
                Some((at, Arc::new(arranged)))
            }
            ViewName::Layout(layout) => {
                let (at, arranged) = self.arrange_layout(layout, None, 0)?;
                Some((at, Arc::new(arranged)))
            }
        }
    }

    fn arrange_layout(&self, id: &LayoutId, wall: Option<&Wall>, shown_at: u64) -> Option<(u64, Arranged)> {
        let kept = self.layouts.get(id)?;
        let arranged = self.arranged(&kept.layout, wall);
        Some((kept.at.max(shown_at).max(self.catalogue_at), arranged))
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

    /// The indicators, areas, maps and layers that are needed, their owners and parents, and all sources. Records may
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
