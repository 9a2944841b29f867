//! Maps out of a small table: each cell a hexagon of its area.

use std::collections::BTreeMap;

use protocol::AreaId;
use protocol::map::Position;
use rustc_hash::FxHashMap;

use super::topology::Polygons;

/// A table of cells: rows from the top, of which every second one stands half a cell farther right; `None` is no area.
pub type Cells<'a> = [Vec<Option<&'a str>>];

/// Half the width and half the side of a hexagon of area 1 or so, in millionths.
const HALF_WIDTH: i32 = 866_025;
const HALF_SIDE: i32 = 500_000;

/// The outlines of the areas of a table, in the order of their ids.
#[must_use]
pub fn outlines(cells: &Cells<'_>) -> Vec<(AreaId, Polygons)> {
    let mut areas: BTreeMap<&str, Edges> = BTreeMap::new();
    for (row, cells) in (0i32..).zip(cells) {
        for (column, area) in (0i32..).zip(cells) {
            if let Some(area) = area {
                areas.entry(area).or_default().add(hexagon(column, row));
            }
        }
    }
    areas.into_iter().map(|(area, edges)| (AreaId::from(area), edges.polygons())).collect()
}

/// The corners of a cell, counter-clockwise, in half widths and half sides.
fn hexagon(column: i32, row: i32) -> [Position; 6] {
    let (x, y) = (2 * column + row % 2, -3 * row);
    [[x, y - 2], [x + 1, y - 1], [x + 1, y + 1], [x, y + 2], [x - 1, y + 1], [x - 1, y - 1]]
}

/// The edges of cells of one area that no other of its cells has.
#[derive(Default)]
struct Edges(FxHashMap<Position, Vec<Position>>);

impl Edges {
    fn add(&mut self, corners: [Position; 6]) {
        for (at, from) in corners.into_iter().enumerate() {
            let to = corners[(at + 1) % 6];
            // The neighbour has it the other way round.
            let behind = self.0.entry(to).or_default();
            match behind.iter().position(|end| *end == from) {
                Some(known) => {
                    behind.swap_remove(known);
                }
                None => self.0.entry(from).or_default().push(to),
            }
        }
    }

    /// Walks around what is left. Outlines turn left and holes turn right, so that their areas differ in sign.
    fn polygons(mut self) -> Polygons {
        let mut starts: Vec<Position> = self.0.iter().filter(|(_, to)| !to.is_empty()).map(|(from, _)| *from).collect();
        starts.sort_unstable();
        let (mut outer, mut holes): (Polygons, Vec<Vec<Position>>) = (Vec::new(), Vec::new());
        for start in starts {
            while let Some(ring) = self.walk(start) {
                match area(&ring) > 0 {
                    true => outer.push(vec![ring]),
                    false => holes.push(ring),
                }
            }
        }
        for hole in holes {
            // Outlines of one area do not lie within one another unless there is a hole between them.
            let around = |polygon: &&mut Vec<Vec<Position>>| has(&polygon[0], hole[0]);
            if let Some(polygon) = outer.iter_mut().filter(around).min_by_key(|polygon| area(&polygon[0])) {
                polygon.push(hole);
            }
        }
        let place = |[x, y]: Position| [x.saturating_mul(HALF_WIDTH), y.saturating_mul(HALF_SIDE)];
        outer.iter_mut().flatten().flatten().for_each(|corner| *corner = place(*corner));
        outer
    }

    fn walk(&mut self, start: Position) -> Option<Vec<Position>> {
        let mut ring = vec![start];
        let mut at = self.0.get_mut(&start)?.pop()?;
        while at != start {
            ring.push(at);
            at = self.0.get_mut(&at)?.pop()?;
        }
        Some(ring)
    }
}

/// Twice the area; negative for a hole.
fn area(ring: &[Position]) -> i64 {
    let turn = |(at, a): (usize, &Position)| {
        let b = ring[(at + 1) % ring.len()];
        i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])
    };
    ring.iter().enumerate().map(turn).sum()
}

/// Whether a ring goes around a point, for corners of cells.
fn has(ring: &[Position], [x, y]: Position) -> bool {
    let mut inside = false;
    for (at, a) in ring.iter().enumerate() {
        let b = ring[(at + 1) % ring.len()];
        if (a[1] > y) != (b[1] > y) {
            let across = i64::from(b[0] - a[0]) * i64::from(y - a[1]);
            let at = i64::from(x - a[0]) * i64::from(b[1] - a[1]);
            inside ^= if b[1] > a[1] { at < across } else { at > across };
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Vec<(AreaId, Polygons)> {
        let rows: Vec<Vec<Option<&str>>> = text
            .lines()
            .map(|row| row.split_whitespace().map(|cell| (cell != ".").then_some(cell)).collect())
            .collect();
        outlines(&rows)
    }

    /// Areas in cells.
    fn cells(polygons: &Polygons) -> i64 {
        let whole: i64 = polygons.iter().flatten().map(|ring| area(ring)).sum();
        let cell = area(&hexagon(0, 0).map(|[x, y]| [x * HALF_WIDTH, y * HALF_SIDE]));
        (whole + cell / 2) / cell
    }

    #[test]
    fn cells_of_one_area_melt_into_one_outline() {
        let areas = table("a a b\na b b\n. c .");
        let counted: Vec<(&str, usize, i64)> =
            areas.iter().map(|(area, polygons)| (area.as_str(), polygons.len(), cells(polygons))).collect();
        assert_eq!(counted, [("a", 1, 3), ("b", 1, 3), ("c", 1, 1)]);
        let neighbours = super::super::topology::Topology::of(&areas);
        let shared = neighbours.shapes[1].polygons[0][0].iter().filter(|signed| **signed < 0).count();
        assert!(shared >= 1, "the border of a and b is one: {neighbours:?}");
    }

    #[test]
    fn islands_are_polygons_and_enclaves_are_holes() {
        let areas = table("a a a . a\na b a\n a a a");
        let (_, a) = &areas[0];
        assert_eq!((a.len(), cells(a)), (2, 9));
        let rings: Vec<usize> = a.iter().map(Vec::len).collect();
        assert!(rings.contains(&2) && rings.contains(&1), "one of them has a hole: {rings:?}");
    }
}
