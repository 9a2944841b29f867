//! What of a map is better drawn in a frame of its own: islands far away, and areas too small to be seen.

use panels::map::topology::Polygons;
use protocol::AreaId;
use protocol::map::{Bounds, Position};

/// Polygons this near to one another, in shares of the largest one, belong together.
const NEAR: f64 = 0.12;
/// What makes the rest of the map smaller than this is drawn apart.
const MOST_SHRINKING: f64 = 0.88;
/// An area that is smaller than this share of the map is drawn apart, if it lies apart.
const LEAST_SHARE: f64 = 0.1;

/// Polygons that lie near one another.
#[derive(Clone)]
struct Group {
    bounds: Bounds,
    /// Places of the areas they belong to, one for each polygon.
    areas: Vec<usize>,
}

/// Where the parts of a map lie that need frames of their own.
pub(super) fn automatic(areas: &[(AreaId, Polygons)]) -> Vec<Bounds> {
    let polygons = areas.iter().enumerate().flat_map(|(place, (_, polygons))| {
        polygons.iter().filter_map(move |rings| Some((place, Bounds::around(rings.first()?)?)))
    });
    let mut groups = grouped(&polygons.collect::<Vec<_>>());
    groups.sort_by(|a, b| surface(b.bounds).total_cmp(&surface(a.bounds)));
    let Some((main, rest)) = groups.split_first() else { return Vec::new() };
    let apart: Vec<Group> = rest.iter().filter(|group| is_apart(group, main, areas)).cloned().collect();
    let nearer = |a: &Group, b: &Group| {
        gap(a.bounds, b.bounds) * 2.0 < gap(a.bounds, main.bounds).min(gap(b.bounds, main.bounds))
    };
    merged(apart, nearer).into_iter().map(|group| group.bounds).collect()
}

/// Whether a group shrinks the map, or is too small on it while it holds the whole of an area.
fn is_apart(group: &Group, main: &Group, areas: &[(AreaId, Polygons)]) -> bool {
    let both = size(main.bounds.and(group.bounds));
    let alone = size(main.bounds);
    let is_shrinking = alone[0] / both[0] < MOST_SHRINKING || alone[1] / both[1] < MOST_SHRINKING;
    let is_whole = |place: &usize| {
        let count = group.areas.iter().filter(|other| *other == place).count();
        count == areas[*place].1.len()
    };
    is_shrinking || side(group.bounds) < LEAST_SHARE * side(main.bounds) && group.areas.iter().any(is_whole)
}

/// Polygons of areas, those near one another together.
fn grouped(polygons: &[(usize, Bounds)]) -> Vec<Group> {
    let largest = polygons.iter().map(|(_, bounds)| side(*bounds)).fold(0.0, f64::max);
    let mut open: Vec<(usize, Bounds)> = polygons.to_vec();
    let mut groups = Vec::new();
    while let Some(first) = open.pop() {
        let mut members = vec![first];
        let mut at = 0;
        while let Some((_, bounds)) = members.get(at).copied() {
            // By their own bounds: those of a whole coast reach over islands far from it.
            members.extend(open.extract_if(.., |(_, other)| gap(bounds, *other) <= largest * NEAR));
            at += 1;
        }
        let bounds = members.iter().map(|(_, bounds)| *bounds).fold(first.1, Bounds::and);
        groups.push(Group { bounds, areas: members.into_iter().map(|(area, _)| area).collect() });
    }
    groups
}

/// Puts groups together until no two belong to one another.
fn merged(mut groups: Vec<Group>, belong: impl Fn(&Group, &Group) -> bool) -> Vec<Group> {
    let mut at = 0;
    while at < groups.len() {
        // All others, since it may by now reach those that did not reach it.
        let Some(other) = (0..groups.len()).find(|other| *other != at && belong(&groups[at], &groups[*other])) else {
            at += 1;
            continue;
        };
        let Group { bounds, areas } = groups.remove(other);
        at -= usize::from(other < at);
        groups[at].bounds = groups[at].bounds.and(bounds);
        groups[at].areas.extend(areas);
    }
    groups
}

/// Width and height, in degrees of latitude or so.
fn size(bounds: Bounds) -> [f64; 2] {
    let [_, latitude]: Position = bounds.middle();
    let across = (f64::from(latitude) / 1e6).to_radians().cos().max(0.01);
    let length = |from: i32, to: i32| (f64::from(to) - f64::from(from)).max(1.0);
    [length(bounds.west, bounds.east) * across, length(bounds.south, bounds.north)]
}

fn side(bounds: Bounds) -> f64 {
    let [width, height] = size(bounds);
    width.max(height)
}

fn surface(bounds: Bounds) -> f64 {
    let [width, height] = size(bounds);
    width * height
}

/// Between the nearest edges.
fn gap(a: Bounds, b: Bounds) -> f64 {
    let apart = |low: i32, high: i32| (f64::from(high) - f64::from(low)).max(0.0);
    apart(a.east, b.west).max(apart(b.east, a.west)).hypot(apart(a.north, b.south).max(apart(b.north, a.south)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: i32, y: i32, side: i32) -> Vec<Vec<Position>> {
        vec![[[x, y], [x + side, y], [x + side, y + side], [x, y + side]].map(|[x, y]| [x * 1_000, y * 1_000]).to_vec()]
    }

    #[test]
    fn far_islands_and_small_areas_apart_get_frames_and_the_rest_does_not() {
        let areas: Vec<(AreaId, Polygons)> = vec![
            ("mainland".into(), vec![square(0, 0, 900), square(910, 10, 20)]),
            ("north".into(), vec![square(0, 900, 900)]),
            // Two islets near one another and near the coast, together an area: as Lý Sơn.
            ("island".into(), vec![square(1_050, 1_600, 40), square(1_100, 1_650, 20)]),
            // Far out, and part of an area on the mainland: as an archipelago.
            ("coast".into(), vec![square(0, -500, 500), square(4_000, 0, 60), square(4_300, 200, 60)]),
        ];
        let mut found = automatic(&areas);
        found.sort_by_key(|bounds| bounds.west);
        let bounds = |west, south, east, north| Bounds {
            west: west * 1_000,
            south: south * 1_000,
            east: east * 1_000,
            north: north * 1_000,
        };
        assert_eq!(found, [bounds(1_050, 1_600, 1_120, 1_670), bounds(4_000, 0, 4_360, 260)]);
        assert_eq!(automatic(&areas[..2]), []);
    }
}
