//! Maps: areas as shapes, and layers of features to be drawn above them.
//!
//! Neighbours share their border: it is one arc, held once, to which the rings of both point. Whoever makes the arcs
//! coarser makes them so for both, and no gap opens between the two.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{AreaId, LayerId, MapId, ObservationStatus, SeriesKey, SourceId, Timestamp};

/// Longitude and latitude (WGS 84) in millionths of a degree. On a schematic map, right and up in millionths of a cell.
pub type Position = [i32; 2];

/// [`Position`]s a degree.
pub const MICROS_PER_DEGREE: f64 = 1_000_000.0;

/// What the shapes of a map are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MapKind {
    /// Drawn from a table of cells: neighbours are neighbours, sizes and distances mean nothing.
    Schematic,
    /// As on the ground.
    Boundaries,
}

/// Areas as shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaseMap {
    pub id: MapId,
    pub name: Name,
    pub kind: MapKind,
    /// Lines between points where borders meet; closed where nothing meets them.
    pub arcs: Vec<Vec<Position>>,
    pub shapes: Vec<Shape>,
    /// What lies so far away, or is so small, that it is drawn in a frame of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insets: Vec<Inset>,
}

/// One area on a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    pub area: AreaId,
    /// Each of rings, the outer one first.
    pub polygons: Vec<Vec<Ring>>,
}

/// Arcs one behind the other, by their places in [`BaseMap::arcs`]; `-1 - place` is an arc taken backwards.
pub type Ring = Vec<i32>;

/// A part of a map in a frame of its own, at its own scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inset {
    /// What it is called, where the names of its areas do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    pub bounds: Bounds,
}

/// A rectangle of [`Position`]s, edges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    pub west: i32,
    pub south: i32,
    pub east: i32,
    pub north: i32,
}

impl Bounds {
    /// The smallest ones around positions; `None` for none.
    #[must_use]
    pub fn around<'a>(positions: impl IntoIterator<Item = &'a Position>) -> Option<Self> {
        positions.into_iter().fold(None, |bounds: Option<Self>, &[x, y]| {
            let known = bounds.unwrap_or(Self { west: x, south: y, east: x, north: y });
            Some(known.with([x, y]))
        })
    }

    fn with(self, [x, y]: Position) -> Self {
        Self { west: self.west.min(x), south: self.south.min(y), east: self.east.max(x), north: self.north.max(y) }
    }

    /// The smallest ones around both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.with([other.west, other.south]).with([other.east, other.north])
    }

    #[must_use]
    pub fn contains(&self, [x, y]: Position) -> bool {
        (self.west..=self.east).contains(&x) && (self.south..=self.north).contains(&y)
    }

    #[must_use]
    pub fn middle(&self) -> Position {
        let between = |a: i32, b: i32| i32::midpoint(a, b);
        [between(self.west, self.east), between(self.south, self.north)]
    }
}

impl BaseMap {
    /// The arc at a place of a ring in the direction it is taken, and its place in [`BaseMap::arcs`]. `None` for one
    /// that is not there.
    #[must_use]
    pub fn arc(&self, signed: i32) -> Option<(usize, bool)> {
        let is_backwards = signed < 0;
        let place = if is_backwards { !signed } else { signed };
        let place = usize::try_from(place).ok()?;
        (place < self.arcs.len()).then_some((place, is_backwards))
    }

    /// The corners of a ring, the first one not repeated at the end.
    #[must_use]
    pub fn corners(&self, ring: &[i32]) -> Vec<Position> {
        let mut corners = Vec::new();
        for (place, is_backwards) in ring.iter().filter_map(|signed| self.arc(*signed)) {
            let arc = &self.arcs[place];
            // The last corner of an arc is the first of the next one.
            match is_backwards {
                false => corners.extend(arc.iter().take(arc.len().saturating_sub(1))),
                true => corners.extend(arc.iter().skip(1).rev()),
            }
        }
        corners
    }

    /// The outer corners of a polygon.
    #[must_use]
    pub fn bounds(&self, polygon: &[Ring]) -> Option<Bounds> {
        Bounds::around(&self.corners(polygon.first()?))
    }
}

/// Things on a map that belong together, with the age of what is known of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MapLayer {
    pub id: LayerId,
    pub name: Name,
    pub source: SourceId,
    /// As of when the features are where they are; none before its source has told where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// From this age on the layer counts as stale; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_after_secs: Option<u64>,
    #[serde(default)]
    pub status: ObservationStatus,
    pub features: Vec<Feature>,
}

impl MapLayer {
    /// From when on it is stale.
    #[must_use]
    pub fn stale_since(&self) -> Option<Timestamp> {
        let micros = i64::try_from(self.stale_after_secs?).ok()?.checked_mul(1_000_000)?;
        Some(self.time?.plus_micros(micros))
    }

    /// The layer with what its source tells of it.
    #[must_use]
    pub fn with(&self, report: &LayerReport) -> Self {
        let features = report.features.as_ref().map_or_else(Vec::new, |features| Vec::clone(features));
        Self { time: Some(report.time), features, ..self.clone() }
    }
}

/// What a source tells of a layer whose features move, come and go: all of it, or that it is still so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerReport {
    pub layer: LayerId,
    pub source: SourceId,
    /// As of when the features are where they are.
    pub time: Timestamp,
    pub received_at: Timestamp,
    /// All features of the layer; those of the report before where there are none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Arc<Vec<Feature>>>,
}

/// The last report of a layer, whole, with the offsets that it and its features last changed at.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedLayer {
    pub at: u64,
    pub features_at: u64,
    pub report: Arc<LayerReport>,
}

impl ReportedLayer {
    /// What is known of a layer once `report` came in at the offset `at`; nothing new where it is an older one, or
    /// leaves out features that nobody has told before.
    #[must_use]
    pub fn after(held: Option<&Self>, at: u64, report: &Arc<LayerReport>) -> Option<Self> {
        if held.is_some_and(|held| held.at > at) {
            return None;
        }
        match (&report.features, held) {
            (Some(_), _) => Some(Self { at, features_at: at, report: Arc::clone(report) }),
            (None, Some(held)) => {
                let features = held.report.features.clone();
                let report = Arc::new(LayerReport { features, ..(**report).clone() });
                Some(Self { at, features_at: held.features_at, report })
            }
            (None, None) => None,
        }
    }

    /// What whoever has everything up to `position` has missed of it, all for 0: the features where they have changed, and
    /// that they are still so where that was told later.
    pub fn changes_after(&self, position: u64) -> impl Iterator<Item = (u64, Arc<LayerReport>)> + '_ {
        let is_missed = move |at: u64| at > position || position == 0;
        let features = is_missed(self.features_at).then(|| (self.features_at, Arc::clone(&self.report)));
        let is_told_later = self.at != self.features_at && is_missed(self.at);
        let still_so =
            is_told_later.then(|| (self.at, Arc::new(LayerReport { features: None, ..(*self.report).clone() })));
        features.into_iter().chain(still_so)
    }
}

/// One thing on a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// Its name within the layer.
    pub id: String,
    pub name: Name,
    /// The area it lies in: where it stands on a schematic map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaId>,
    pub geometry: Geometry,
    /// The figure that tells how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesKey>,
}

/// Where a feature is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    Point(Position),
    /// Lines that belong together.
    Line(Vec<Vec<Position>>),
    /// Polygons of rings, the outer one first, the first corner not repeated at the end.
    Area(Vec<Vec<Vec<Position>>>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_walk_their_border_in_opposite_directions() {
        // Two squares side by side; arc 1 is the border between them.
        let map = BaseMap {
            id: "two".into(),
            name: Name::default(),
            kind: MapKind::Schematic,
            arcs: vec![
                vec![[1, 1], [0, 1], [0, 0], [1, 0]],
                vec![[1, 0], [1, 1]],
                vec![[1, 0], [2, 0], [2, 1], [1, 1]],
            ],
            shapes: Vec::new(),
            insets: Vec::new(),
        };
        assert_eq!(map.corners(&[0, 1]), [[1, 1], [0, 1], [0, 0], [1, 0]]);
        assert_eq!(map.corners(&[2, -2]), [[1, 0], [2, 0], [2, 1], [1, 1]]);
        assert_eq!(map.corners(&[7, -9]), [[0i32; 2]; 0], "arcs that are not there are left out");
        assert_eq!(map.bounds(&[vec![2, -2]]), Some(Bounds { west: 1, south: 0, east: 2, north: 1 }));
    }
}
