//! Borders that neighbours share, found in shapes that were drawn one by one.

use protocol::AreaId;
use protocol::map::{Bounds, MICROS_PER_DEGREE, MapKind, Position, Ring, Shape};
use rustc_hash::{FxHashMap, FxHashSet};

use super::crossings::{crossings, segments};
use super::simplify::simplify;

/// Polygons of rings, the outer one first; the first corner of a ring is not repeated at its end.
pub type Polygons = Vec<Vec<Vec<Position>>>;

/// Shapes over arcs, as a map holds them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    pub arcs: Vec<Vec<Position>>,
    pub shapes: Vec<Shape>,
}

/// Rounds of putting back what crossed after it was simplified.
const MOST_ROUNDS: usize = 8;
/// Crossings that are looked at in one round.
const MOST_CROSSINGS: usize = 10_000;

impl Topology {
    /// Cuts rings into arcs where neighbours begin and end.
    #[must_use]
    pub fn of(areas: &[(AreaId, Polygons)]) -> Self {
        let rings = areas.iter().flat_map(|(_, polygons)| polygons.iter().flatten());
        let junctions = junctions(rings);
        let mut arcs = Arcs::default();
        let mut shapes = Vec::with_capacity(areas.len());
        for (area, polygons) in areas {
            let of = |polygon: &Vec<Vec<Position>>| polygon.iter().map(|ring| arcs.ring(ring, &junctions)).collect();
            let polygons = polygons.iter().map(of).collect();
            shapes.push(Shape { area: area.clone(), polygons });
        }
        Self { arcs: arcs.all, shapes }
    }

    /// With fewer corners, none farther from where it was than `tolerance` (in [`Position`]s of a degree of
    /// latitude). No border crosses another one that it did not cross before.
    #[must_use]
    pub fn simplified(&self, kind: MapKind, tolerance: f64) -> Self {
        let plane = Plane::of(kind, Bounds::around(self.arcs.iter().flatten()));
        let coarse = |arc: &Vec<Position>| -> Vec<Position> {
            let line: Vec<[f64; 2]> = arc.iter().map(|at| plane.of_position(*at)).collect();
            simplify(&line, tolerance).into_iter().map(|at| arc[at]).collect()
        };
        let mut arcs: Vec<Vec<Position>> = self.arcs.iter().map(coarse).collect();
        for _ in 0..MOST_ROUNDS {
            let bad = self.spoiled(&arcs);
            if bad.is_empty() {
                return Self { arcs, shapes: self.shapes.clone() };
            }
            for place in bad {
                arcs[place].clone_from(&self.arcs[place]);
            }
        }
        self.clone()
    }

    /// Simplified arcs that cross others, or have left a ring without an inside.
    fn spoiled(&self, arcs: &[Vec<Position>]) -> FxHashSet<usize> {
        let is_simplified = |place: &usize| arcs[*place].len() < self.arcs[*place].len();
        let all = arcs.iter().enumerate().flat_map(|(place, arc)| segments(arc, place)).collect();
        let crossing = crossings(all, MOST_CROSSINGS).into_iter().flat_map(|(a, b)| [a.line, b.line]);
        let flat = self.shapes.iter().flat_map(|shape| shape.polygons.iter().flatten()).filter(|ring| {
            let places = ring.iter().filter_map(|signed| place(*signed));
            places.map(|place| arcs.get(place).map_or(0, |arc| arc.len().saturating_sub(1))).sum::<usize>() < 3
        });
        let flat = flat.flat_map(|ring| ring.iter().filter_map(|signed| place(*signed)));
        crossing.chain(flat).filter(is_simplified).collect()
    }
}

fn place(signed: i32) -> Option<usize> {
    usize::try_from(if signed < 0 { !signed } else { signed }).ok()
}

/// A plane in which distances are about equal in all directions.
struct Plane {
    across: f64,
}

impl Plane {
    fn of(kind: MapKind, bounds: Option<Bounds>) -> Self {
        let latitude = bounds.map_or(0.0, |bounds| f64::from(bounds.middle()[1]) / MICROS_PER_DEGREE);
        Self { across: if kind == MapKind::Schematic { 1.0 } else { latitude.to_radians().cos().max(0.01) } }
    }

    fn of_position(&self, [x, y]: Position) -> [f64; 2] {
        [f64::from(x) * self.across, f64::from(y)]
    }
}

/// Corners where rings meet or part: those that do not lie between the same two corners in all rings.
fn junctions<'a>(rings: impl Iterator<Item = &'a Vec<Position>>) -> FxHashSet<Position> {
    let mut between: FxHashMap<Position, (Position, Position)> = FxHashMap::default();
    let mut junctions = FxHashSet::default();
    for ring in rings {
        for (at, corner) in ring.iter().enumerate() {
            let (before, behind) = (ring[(at + ring.len() - 1) % ring.len()], ring[(at + 1) % ring.len()]);
            let beside = (before.min(behind), before.max(behind));
            if *between.entry(*corner).or_insert(beside) != beside {
                junctions.insert(*corner);
            }
        }
    }
    junctions
}

/// Arcs by what they are, so that each is held once.
#[derive(Default)]
struct Arcs {
    all: Vec<Vec<Position>>,
    places: FxHashMap<Vec<Position>, i32>,
}

impl Arcs {
    fn ring(&mut self, ring: &[Position], junctions: &FxHashSet<Position>) -> Ring {
        // A ring that meets no other begins at its least corner, so that an enclave and its hole are one arc.
        let first = ring.iter().position(|corner| junctions.contains(corner));
        let least = || (0..ring.len()).min_by_key(|at| ring[*at]);
        let Some(start) = first.or_else(least) else { return Ring::new() };
        let mut arcs = Ring::new();
        let mut arc = vec![ring[start]];
        for step in 1..=ring.len() {
            let corner = ring[(start + step) % ring.len()];
            arc.push(corner);
            if junctions.contains(&corner) || step == ring.len() {
                arcs.push(self.place(std::mem::replace(&mut arc, vec![corner])));
            }
        }
        arcs
    }

    fn place(&mut self, mut arc: Vec<Position>) -> i32 {
        if let Some(place) = self.places.get(&arc) {
            return *place;
        }
        arc.reverse();
        if let Some(place) = self.places.get(&arc) {
            return !*place;
        }
        arc.reverse();
        // More arcs than that do not fit into a file that is read.
        let place = i32::try_from(self.all.len()).unwrap_or(i32::MAX);
        self.places.insert(arc.clone(), place);
        self.all.push(arc);
        place
    }
}

#[cfg(test)]
mod tests {
    use protocol::BaseMap;
    use protocol::observation::Name;

    use super::*;

    fn map(topology: Topology) -> BaseMap {
        let Topology { arcs, shapes } = topology;
        BaseMap { id: "m".into(), name: Name::default(), kind: MapKind::Schematic, arcs, shapes, insets: Vec::new() }
    }

    /// Twice the area of a ring.
    fn area(ring: &[Position]) -> i64 {
        let turn = |(at, a): (usize, &Position)| {
            let b = ring[(at + 1) % ring.len()];
            i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])
        };
        ring.iter().enumerate().map(turn).sum::<i64>().abs()
    }

    /// A jagged border from (50, 0) to (50, 100) between two halves of a square, and an enclave in the right one.
    fn halves() -> Vec<(AreaId, Polygons)> {
        let border: Vec<Position> =
            (0..=100).map(|y| [50 + [0, 3, 1, -2][y as usize % 4] * i32::from(y % 100 != 0), y]).collect();
        let left = border.iter().copied().chain([[0, 100], [0, 0]]).collect();
        let right = border.iter().rev().copied().chain([[100, 0], [100, 100]]).collect();
        let enclave: Vec<Position> = vec![[80, 50], [85, 55], [80, 60], [75, 55]];
        let hole = enclave.iter().rev().copied().collect();
        vec![
            ("left".into(), vec![vec![left]]),
            ("right".into(), vec![vec![right, hole]]),
            ("enclave".into(), vec![vec![enclave]]),
        ]
    }

    #[test]
    fn a_shared_border_is_one_arc_and_rings_are_as_they_were() {
        let areas = halves();
        let topology = Topology::of(&areas);
        assert_eq!(topology.arcs.len(), 4, "the border, the two outer lines, the enclave");
        let map = map(topology);
        for ((_, polygons), shape) in areas.iter().zip(&map.shapes) {
            for (ring, arcs) in polygons.iter().flatten().zip(shape.polygons.iter().flatten()) {
                let corners = map.corners(arcs);
                assert_eq!(corners.len(), ring.len());
                let start = corners.iter().position(|corner| *corner == ring[0]).unwrap();
                assert!((0..ring.len()).all(|at| corners[(start + at) % ring.len()] == ring[at]));
            }
        }
    }

    #[test]
    fn simplified_neighbours_leave_no_gap() {
        let coarse = map(Topology::of(&halves()).simplified(MapKind::Schematic, 5.0));
        assert!(coarse.arcs.iter().map(Vec::len).sum::<usize>() < 20, "{:?}", coarse.arcs);
        let total: i64 = coarse
            .shapes
            .iter()
            .flat_map(|shape| &shape.polygons)
            .map(|rings| {
                let areas: Vec<i64> = rings.iter().map(|ring| area(&coarse.corners(ring))).collect();
                areas[0] - areas[1..].iter().sum::<i64>()
            })
            .sum();
        assert_eq!(total, 2 * 100 * 100, "the parts still fill the square");
    }

    #[test]
    fn what_would_cross_when_simplified_stays_as_it_was() {
        // A bay, and an island in it on the outer side of the straight line across the bay's mouth.
        let land = vec![vec![vec![[0, 0], [40, 0], [50, 20], [60, 0], [100, 0], [100, 50], [0, 50]]]];
        let island = vec![vec![vec![[49, 3], [51, 3], [50, -2]]]];
        let topology = Topology::of(&[("land".into(), land.clone()), ("island".into(), island)]);
        let coarse = map(topology.simplified(MapKind::Schematic, 30.0));
        assert!(coarse.corners(&coarse.shapes[0].polygons[0][0]).contains(&[50, 20]), "{:?}", coarse.arcs);
        let alone = map(Topology::of(&[("land".into(), land)]).simplified(MapKind::Schematic, 30.0));
        assert!(!alone.corners(&alone.shapes[0].polygons[0][0]).contains(&[50, 20]), "{:?}", alone.arcs);
    }
}
