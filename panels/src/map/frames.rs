//! Where a map and its insets lie in a room, and at what scale.

use protocol::map::{Bounds, Inset, MICROS_PER_DEGREE, MapKind, Position};

use super::coverage::{Owner, Raster, Verdict};
use crate::scene::{Point, Rect};

/// Farther north Mercator's plane never ends.
const MOST_LATITUDE: f64 = 85.0;

/// Of a position in a plane that keeps angles, north up.
pub(super) fn project(kind: MapKind, [x, y]: Position) -> [f64; 2] {
    let (x, y) = (f64::from(x) / MICROS_PER_DEGREE, f64::from(y) / MICROS_PER_DEGREE);
    match kind {
        MapKind::Schematic => [x, y],
        MapKind::Boundaries => {
            let latitude = y.clamp(-MOST_LATITUDE, MOST_LATITUDE).to_radians();
            [x, (latitude / 2.0).tan().atanh().to_degrees() * 2.0]
        }
    }
}

/// From the plane to canvas pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    kind: MapKind,
    px: f64,
    from: [f64; 2],
    to: Point,
}

impl Scale {
    /// As large as `bounds` fit into `rect`, in its middle.
    pub fn fit(kind: MapKind, bounds: Bounds, rect: Rect) -> Self {
        let [west, south] = project(kind, [bounds.west, bounds.south]);
        let [east, north] = project(kind, [bounds.east, bounds.north]);
        let least = 1.0 / MICROS_PER_DEGREE;
        let (width, height) = ((east - west).max(least), (north - south).max(least));
        let px = (f64::from(rect.width) / width).min(f64::from(rect.height) / height);
        Self { kind, px, from: [f64::midpoint(west, east), f64::midpoint(south, north)], to: rect.middle() }
    }

    pub fn point(&self, position: Position) -> Point {
        let [x, y] = project(self.kind, position);
        Point {
            x: self.to.x + ((x - self.from[0]) * self.px) as f32,
            y: self.to.y - ((y - self.from[1]) * self.px) as f32,
        }
    }
}

/// A part of a map at its own scale.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// What it may fill.
    pub rect: Rect,
    /// The place of the inset that it shows; `None` for the map itself.
    pub inset: Option<usize>,
    /// What it shows; everything that no inset does, if absent.
    bounds: Option<Bounds>,
    pub(super) scale: Scale,
}

impl Frame {
    pub(super) fn shows(&self, position: Position) -> bool {
        self.bounds.is_none_or(|bounds| bounds.contains(position))
    }
}

/// The longer side of what an inset shows, in shares of the room's shorter side.
const INSET_SIDE: f32 = 0.17;
/// Below this the map itself would have no room beside an inset.
const MOST_INSET: f32 = 0.5;

/// What is to be laid out.
pub(super) struct Sheet<'a> {
    pub kind: MapKind,
    /// Of what the map itself shows.
    pub bounds: Bounds,
    /// With their places.
    pub insets: Vec<(usize, &'a Inset)>,
    pub room: Rect,
    /// Of the labels.
    pub em: f32,
}

impl Sheet<'_> {
    /// The map first, as large as the room allows, the insets in corners that `rings` of the map leave free. Where they
    /// leave none, the map gives way; `None` where that would leave too little of it.
    pub fn frames(&self, rings: impl Fn(&Scale) -> Vec<Vec<Point>>) -> Option<Vec<Frame>> {
        let widest = self.insets.iter().map(|(_, inset)| self.inset_size(inset).0 + self.em).fold(0.0, f32::max);
        let is_east = self.insets.first().is_none_or(|(_, inset)| inset.bounds.middle()[0] >= self.bounds.middle()[0]);
        let narrow = Rect { width: self.room.width - widest, ..self.room };
        let beside = if is_east { narrow } else { Rect { x: self.room.x + widest, ..narrow } };
        let rooms = [self.room, beside];
        let fits = |rect: &&Rect| rect.width >= self.room.width * MOST_INSET;
        rooms.iter().filter(fits).find_map(|rect| self.around(*rect, &rings))
    }

    /// The map itself in `rect`.
    pub fn main(&self, rect: Rect) -> Frame {
        let margin = (self.em * 0.5).min(rect.width.min(rect.height) / 8.0);
        let scale = Scale::fit(self.kind, self.bounds, rect.inset(margin, margin));
        Frame { rect: self.room, inset: None, bounds: None, scale }
    }

    /// With the map in `rect`; `None` where an inset has no room.
    fn around(&self, rect: Rect, rings: impl Fn(&Scale) -> Vec<Vec<Point>>) -> Option<Vec<Frame>> {
        let main = self.main(rect);
        let mut raster = Raster::new(self.room);
        rings(&main.scale).iter().for_each(|ring| raster.add(0, &[ring]));
        let free = raster.coverage(Owner::Nobody);
        let mut frames = vec![main];
        for (place, inset) in &self.insets {
            let (width, height) = self.inset_size(inset);
            let verdict = |rect: Rect| {
                let mut others = frames.iter().skip(1).map(|frame| frame.rect.inset_all(-self.em * 0.4));
                others.find(|other| other.overlaps(&rect)).map_or(Verdict::Free, Verdict::Blocked)
            };
            let rect = free.nearest((width, height), self.corner(inset), f32::INFINITY, verdict)?;
            let picture = Rect { height: rect.height - self.caption(), ..rect }.inset(self.em * 0.5, self.em * 0.5);
            let scale = Scale::fit(self.kind, inset.bounds, picture);
            frames.push(Frame { rect, inset: Some(*place), bounds: Some(inset.bounds), scale });
        }
        Some(frames)
    }

    /// Of the whole frame: what it shows with a label of two lines below.
    fn inset_size(&self, inset: &Inset) -> (f32, f32) {
        let side = self.room.width.min(self.room.height) * INSET_SIDE;
        let natural = Rect::new(0.0, 0.0, side, side);
        let scale = Scale::fit(self.kind, inset.bounds, natural);
        let corners = [[inset.bounds.west, inset.bounds.south], [inset.bounds.east, inset.bounds.north]];
        let shown = Rect::around(&corners.map(|corner| scale.point(corner)));
        ((shown.width + self.em).max(self.em * 6.0), shown.height + self.em + self.caption())
    }

    fn caption(&self) -> f32 {
        self.em * 2.9
    }

    /// The corner of the room towards which an inset lies.
    fn corner(&self, inset: &Inset) -> Point {
        let ([x, y], [middle_x, middle_y]) = (inset.bounds.middle(), self.bounds.middle());
        Point {
            x: if x >= middle_x { self.room.right() } else { self.room.x },
            y: if y >= middle_y { self.room.y } else { self.room.bottom() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_is_as_long_in_both_directions_where_it_lies() {
        let around = |latitude: i32| {
            let [x, y] = project(MapKind::Boundaries, [108_000_000, latitude * 1_000_000]);
            let [_, north] = project(MapKind::Boundaries, [108_000_000, latitude * 1_000_000 + 10_000]);
            assert!((x - 108.0).abs() < 1e-9);
            (north - y) / 0.01
        };
        for latitude in [0, 15, 23, -40] {
            let stretched = 1.0 / f64::from(latitude).to_radians().cos();
            assert!((around(latitude) - stretched).abs() < 1e-3, "{latitude}: {}", around(latitude));
        }
        assert!(project(MapKind::Boundaries, [0, 90_000_000])[1].is_finite());
    }
}
