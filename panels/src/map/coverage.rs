//! A raster of what lies where, so that whether a rectangle lies within a shape is a matter of four additions.

use crate::scene::{Point, Rect};

/// Cells along the shorter side of a room.
const CELLS: f32 = 120.0;
/// Side of a cell in canvas pixels.
const LEAST_CELL: f32 = 2.0;
const MOST_CELL: f32 = 16.0;

/// To whom a cell belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    /// The shape at a place.
    Shape(usize),
    /// A border runs through it.
    Several,
}

/// The cells of a room.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    room: Rect,
    cell: f32,
    columns: usize,
    rows: usize,
    owners: Vec<Owner>,
}

impl Raster {
    pub fn new(room: Rect) -> Self {
        let cell = (room.width.min(room.height) / CELLS).clamp(LEAST_CELL, MOST_CELL);
        let count = |length: f32| (length / cell).floor().max(0.0) as usize;
        let (columns, rows) = (count(room.width), count(room.height));
        Self { room, cell, columns, rows, owners: vec![Owner::Nobody; columns * rows] }
    }

    /// Gives the cells within `rings` to a shape; those that a ring runs through belong to several.
    pub fn add(&mut self, shape: usize, rings: &[&[Point]]) {
        let bounds = Rect::around(rings.first().copied().unwrap_or_default());
        let row = |y: f32| ((y - self.room.y) / self.cell).clamp(0.0, self.rows as f32) as usize;
        for row in row(bounds.y)..(row(bounds.bottom()) + 1).min(self.rows) {
            let y = self.room.y + (row as f32 + 0.5) * self.cell;
            let mut crossed: Vec<f32> = rings.iter().flat_map(|ring| crossed(ring, y)).collect();
            crossed.sort_by(f32::total_cmp);
            for within in crossed.chunks_exact(2) {
                let column =
                    |x: f32| ((x - self.room.x) / self.cell - 0.5).ceil().clamp(0.0, self.columns as f32) as usize;
                for column in column(within[0])..column(within[1]) {
                    self.set(column, row, Owner::Shape(shape));
                }
            }
        }
        for ring in rings {
            for (at, from) in ring.iter().enumerate() {
                self.mark(*from, ring[(at + 1) % ring.len()]);
            }
        }
    }

    /// A cell that has an owner already is one of several.
    fn set(&mut self, column: usize, row: usize, owner: Owner) {
        if let Some(cell) = self.owners.get_mut(row * self.columns + column) {
            *cell = if *cell == Owner::Nobody { owner } else { Owner::Several };
        }
    }

    /// The cells along a line, in steps of a third of a cell.
    fn mark(&mut self, from: Point, to: Point) {
        let steps = ((to.x - from.x).abs().max((to.y - from.y).abs()) / self.cell * 3.0).ceil().clamp(1.0, 10_000.0);
        for step in 0..=steps as usize {
            let share = step as f32 / steps;
            let (x, y) = (from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share);
            let (column, row) = ((x - self.room.x) / self.cell, (y - self.room.y) / self.cell);
            if column >= 0.0 && row >= 0.0 && column < self.columns as f32 && row < self.rows as f32 {
                self.owners[row as usize * self.columns + column as usize] = Owner::Several;
            }
        }
    }

    /// What belongs to `owner`.
    pub fn coverage(&self, owner: Owner) -> Coverage {
        let has = |column: usize, row: usize| self.owners[row * self.columns + column] == owner;
        let row_has = |row: &usize| (0..self.columns).any(|column| has(column, *row));
        let column_has = |column: &usize| (0..self.rows).any(|row| has(*column, row));
        let (top, bottom) = ((0..self.rows).find(row_has), (0..self.rows).rfind(row_has));
        let (left, right) = ((0..self.columns).find(column_has), (0..self.columns).rfind(column_has));
        let (Some(top), Some(bottom), Some(left), Some(right)) = (top, bottom, left, right) else {
            return Coverage::default();
        };
        let origin = Point { x: self.room.x + left as f32 * self.cell, y: self.room.y + top as f32 * self.cell };
        let (columns, rows) = (right - left + 1, bottom - top + 1);
        let cells: Vec<bool> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .map(|(c, r)| has(left + c, top + r))
            .collect();
        Coverage {
            origin,
            cell: self.cell,
            columns,
            rows,
            sums: sums(&cells, columns, rows),
            pole: pole(&cells, columns, rows),
        }
    }
}

/// Where a ring crosses a height.
fn crossed(ring: &[Point], y: f32) -> impl Iterator<Item = f32> + '_ {
    ring.iter().enumerate().filter_map(move |(at, a)| {
        let b = ring[(at + 1) % ring.len()];
        ((a.y > y) != (b.y > y)).then(|| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
    })
}

/// How many cells lie above and to the left of each corner.
fn sums(cells: &[bool], columns: usize, rows: usize) -> Vec<u32> {
    let mut sums = vec![0; (columns + 1) * (rows + 1)];
    for row in 0..rows {
        let mut in_row = 0;
        for column in 0..columns {
            in_row += u32::from(cells[row * columns + column]);
            sums[(row + 1) * (columns + 1) + column + 1] = sums[row * (columns + 1) + column + 1] + in_row;
        }
    }
    sums
}

/// The cell with the most cells around it on all sides; of several, the one nearest to the middle of all.
fn pole(cells: &[bool], columns: usize, rows: usize) -> (usize, usize) {
    let depth = depth(cells, columns, rows);
    let deepest = depth.iter().copied().max().unwrap_or(0);
    let place = |at: usize| (at % columns, at / columns);
    let covered = cells.iter().enumerate().filter(|(_, has)| **has).map(|(at, _)| place(at));
    let (count, x, y) = covered.fold((0usize, 0, 0), |(n, x, y), (column, row)| (n + 1, x + column, y + row));
    let middle = (x / count.max(1), y / count.max(1));
    let from_middle = |at: &usize| {
        let (column, row) = place(*at);
        column.abs_diff(middle.0).pow(2) + row.abs_diff(middle.1).pow(2)
    };
    (0..depth.len()).filter(|at| depth[*at] == deepest).min_by_key(from_middle).map_or((0, 0), place)
}

/// How many cells lie around each on all sides, itself included.
fn depth(cells: &[bool], columns: usize, rows: usize) -> Vec<u32> {
    let mut depth: Vec<u32> = cells.iter().map(|has| if *has { u32::MAX } else { 0 }).collect();
    // Beyond the first column and row lies the place usize::MAX, which is none either.
    let before = |at: usize| at.wrapping_sub(1);
    let mut lessen = |(column, row): (usize, usize), beside: [(usize, usize); 4]| {
        let known = |(column, row): (usize, usize)| {
            if column < columns && row < rows { depth[row * columns + column] } else { 0 }
        };
        let least = beside.into_iter().map(known).min().unwrap_or(0).saturating_add(1);
        let cell = &mut depth[row * columns + column];
        *cell = (*cell).min(least);
    };
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let above = before(row);
        lessen((column, row), [(before(column), row), (before(column), above), (column, above), (column + 1, above)]);
    }
    for (row, column) in (0..rows).rev().flat_map(|row| (0..columns).rev().map(move |column| (row, column))) {
        let below = row + 1;
        lessen((column, row), [(column + 1, row), (column + 1, below), (column, below), (before(column), below)]);
    }
    depth
}

/// The cells of one owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage {
    origin: Point,
    cell: f32,
    columns: usize,
    rows: usize,
    sums: Vec<u32>,
    pole: (usize, usize),
}

impl Coverage {
    /// Where most room is around on all sides; `None` where no cell is covered.
    pub fn pole(&self) -> Option<Point> {
        let middle = |cells: usize| (cells as f32 + 0.5) * self.cell;
        (!self.sums.is_empty())
            .then(|| Point { x: self.origin.x + middle(self.pole.0), y: self.origin.y + middle(self.pole.1) })
    }

    /// Whether a rectangle is covered.
    pub fn has(&self, rect: Rect) -> bool {
        let low = |length: f32| (length / self.cell + 0.001).floor();
        let high = |length: f32| (length / self.cell - 0.001).ceil();
        let (left, top) = (low(rect.x - self.origin.x), low(rect.y - self.origin.y));
        let (right, bottom) = (high(rect.right() - self.origin.x), high(rect.bottom() - self.origin.y));
        let within = left >= 0.0 && top >= 0.0 && right <= self.columns as f32 && bottom <= self.rows as f32;
        within && self.is_full(left as usize, top as usize, right as usize, bottom as usize)
    }

    fn is_full(&self, left: usize, top: usize, right: usize, bottom: usize) -> bool {
        let sum = |column: usize, row: usize| self.sums[row * (self.columns + 1) + column];
        let cells = (right - left) * (bottom - top);
        let covered = sum(right, bottom) + sum(left, top) - sum(left, bottom) - sum(right, top);
        covered as usize == cells
    }

    /// The covered rectangle of a size whose middle lies nearest to a point and no farther than `reach`, among those
    /// that may be taken. Of equally near ones the upper left one.
    pub fn nearest(&self, size: (f32, f32), to: Point, reach: f32, verdict: impl Fn(Rect) -> Verdict) -> Option<Rect> {
        let search = Search::new(self, size, to)?;
        // Squared, so that most candidates cost two multiplications.
        let mut nearest: (f32, Option<(usize, usize)>) = (reach * reach, None);
        for top in outward(search.first.1, search.rows) {
            let dy = (search.middle(0, top).y - to.y).abs();
            // The one on the other side may be nearer by a step.
            if (dy - self.cell).max(0.0).powi(2) > nearest.0 {
                break;
            }
            for side in [Side::Right, Side::Left] {
                if let Some((distance, left)) = search.along(top, side, nearest.0, &verdict)
                    && (distance < nearest.0 || nearest.1.is_none_or(|known| (top, left) < known))
                {
                    nearest = (distance, Some((top, left)));
                }
            }
        }
        nearest.1.map(|(top, left)| search.rect(left, top))
    }
}

/// Whether a rectangle may be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    Free,
    /// None may be taken that overlaps this one.
    Blocked(Rect),
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// For a place for a rectangle, in cells.
struct Search<'c> {
    within: &'c Coverage,
    size: (f32, f32),
    to: Point,
    wide: usize,
    high: usize,
    /// How many places there are beside each other and below each other.
    columns: usize,
    rows: usize,
    /// The place from which the search goes outward.
    first: (usize, usize),
}

impl<'c> Search<'c> {
    /// `None` where the rectangle is larger than all that is covered.
    fn new(within: &'c Coverage, size: (f32, f32), to: Point) -> Option<Self> {
        let cells = |length: f32| (length / within.cell).ceil().max(1.0) as usize;
        let (wide, high) = (cells(size.0), cells(size.1));
        if within.sums.is_empty() || wide > within.columns || high > within.rows {
            return None;
        }
        let (columns, rows) = (within.columns + 1 - wide, within.rows + 1 - high);
        let mut search = Self { within, size, to, wide, high, columns, rows, first: (0, 0) };
        let corner = search.middle(0, 0);
        let steps = |from: f32, to: f32| ((to - from) / within.cell).round().max(0.0) as usize;
        search.first = (steps(corner.x, to.x).min(columns - 1), steps(corner.y, to.y).min(rows - 1));
        Some(search)
    }

    fn middle(&self, left: usize, top: usize) -> Point {
        let Coverage { origin, cell, .. } = self.within;
        Point {
            x: origin.x + (left as f32 + self.wide as f32 / 2.0) * cell,
            y: origin.y + (top as f32 + self.high as f32 / 2.0) * cell,
        }
    }

    fn rect(&self, left: usize, top: usize) -> Rect {
        let (Point { x, y }, (width, height)) = (self.middle(left, top), self.size);
        Rect::new(x - width / 2.0, y - height / 2.0, width, height)
    }

    /// The nearest place at one height and on one side, if it is not farther than `reach`, and how far; both squared.
    fn along(&self, top: usize, side: Side, reach: f32, verdict: &impl Fn(Rect) -> Verdict) -> Option<(f32, usize)> {
        let mut left = match side {
            Side::Right => self.first.0,
            Side::Left => self.first.0.checked_sub(1)?,
        };
        while left < self.columns {
            let middle = self.middle(left, top);
            let distance = (middle.x - self.to.x).powi(2) + (middle.y - self.to.y).powi(2);
            if distance > reach {
                return None;
            }
            left = match (side, self.obstacle(left, top, side, verdict)) {
                (_, None) => return Some((distance, left)),
                (Side::Right, Some(past)) => past.max(left as isize + 1) as usize,
                (Side::Left, Some(past)) => usize::try_from(past.min(left as isize - 1)).ok()?,
            };
        }
        None
    }

    /// If something stands in the way of a place, the next place on this side of it: with all between them in the way too.
    fn obstacle(&self, left: usize, top: usize, side: Side, verdict: &impl Fn(Rect) -> Verdict) -> Option<isize> {
        let (right, bottom) = (left + self.wide, top + self.high);
        let is_full = |from: usize, to: usize| self.within.is_full(from, top, to, bottom);
        if !is_full(left, right) {
            return Some(match side {
                Side::Right => last_part(left, right, |at| !is_full(at, right)) as isize + 1,
                Side::Left => last_part(left, right, |at| is_full(left, at)) as isize - self.wide as isize,
            });
        }
        let place = |x: f32| (x - self.within.origin.x) / self.within.cell - self.wide as f32 / 2.0;
        match verdict(self.rect(left, top)) {
            Verdict::Free => None,
            Verdict::Blocked(by) if side == Side::Right => Some(place(by.right() + self.size.0 / 2.0).floor() as isize),
            Verdict::Blocked(by) => Some(place(by.x - self.size.0 / 2.0).ceil() as isize),
            Verdict::Refused => Some(left as isize),
        }
    }
}

/// The last of several places up to which something holds that holds at the first.
fn last_part(first: usize, end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut known, mut end) = (first, end);
    while end - known > 1 {
        let middle = known + (end - known) / 2;
        if holds(middle) { known = middle } else { end = middle }
    }
    known
}

/// The places below `count`, from one on to both sides.
fn outward(from: usize, count: usize) -> impl Iterator<Item = usize> {
    let farthest = from.max(count - from);
    (0..=farthest).flat_map(move |away| {
        let before = from.checked_sub(away).filter(|_| away > 0);
        let after = Some(from + away).filter(|after| *after < count);
        before.into_iter().chain(after)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(corners: &[(f32, f32)]) -> Vec<Point> {
        corners.iter().map(|(x, y)| Point { x: *x, y: *y }).collect()
    }

    #[test]
    fn a_rectangle_lies_within_a_shape_or_it_does_not() {
        let mut raster = Raster::new(Rect::new(0.0, 0.0, 240.0, 240.0));
        // An L: its foot runs to the right.
        let shape = points(&[(20.0, 20.0), (80.0, 20.0), (80.0, 140.0), (220.0, 140.0), (220.0, 220.0), (20.0, 220.0)]);
        let hole = points(&[(30.0, 30.0), (40.0, 30.0), (40.0, 40.0), (30.0, 40.0)]);
        raster.add(0, &[&shape, &hole]);
        let own = raster.coverage(Owner::Shape(0));
        let cases = [((100.0, 170.0), true), ((50.0, 100.0), false), ((25.0, 25.0), false), ((150.0, 60.0), false)];
        for ((x, y), expected) in cases {
            assert_eq!(own.has(Rect::new(x, y, 40.0, 20.0)), expected, "{x} {y}");
        }
        let free = raster.coverage(Owner::Nobody);
        assert!(free.has(Rect::new(150.0, 60.0, 40.0, 20.0)) && !free.has(Rect::new(70.0, 60.0, 40.0, 20.0)));
        let pole = own.pole().unwrap();
        assert!((pole.y - 180.0).abs() < 3.0 && pole.x < 120.0, "in the foot, towards the arm: {pole:?}");
    }

    #[test]
    fn the_nearest_place_is_found_and_what_is_not_acceptable_is_passed_over() {
        let mut raster = Raster::new(Rect::new(0.0, 0.0, 240.0, 240.0));
        raster.add(0, &[&points(&[(0.5, 0.5), (239.5, 0.5), (239.5, 239.5), (0.5, 239.5)])]);
        let all = raster.coverage(Owner::Shape(0));
        let to = Point { x: 120.0, y: 120.0 };
        let rect = all.nearest((30.0, 10.0), to, f32::INFINITY, |_| Verdict::Free).unwrap();
        assert!((rect.x - 105.0).abs() <= 2.0 && (rect.y - 115.0).abs() <= 2.0, "{rect:?}");
        let refused = |rect: Rect| if rect.has(to) { Verdict::Refused } else { Verdict::Free };
        let beside = all.nearest((30.0, 10.0), to, f32::INFINITY, refused).unwrap();
        assert!(!beside.has(to) && (beside.y - 115.0).abs() < 10.0, "{beside:?}");
        assert_eq!(all.nearest((300.0, 10.0), to, f32::INFINITY, |_| Verdict::Free), None);
        assert_eq!(Coverage::default().nearest((1.0, 1.0), to, f32::INFINITY, |_| Verdict::Free), None);
    }

    proptest! {
        /// What is passed over at once is passed over by looking at every place too.
        #[test]
        fn no_place_is_nearer(
            shape in prop::collection::vec((0.0f32..240.0, 0.0f32..240.0), 3..8),
            blocked in prop::collection::vec((0.0f32..240.0, 0.0f32..240.0, 1.0f32..60.0, 1.0f32..60.0), 0..6),
            size in (1.0f32..90.0, 1.0f32..40.0),
            to in (-20.0f32..260.0, -20.0f32..260.0),
            reach in prop_oneof![Just(f32::INFINITY), 10.0f32..200.0],
        ) {
            let mut raster = Raster::new(Rect::new(0.0, 0.0, 240.0, 240.0));
            raster.add(0, &[&points(&shape)]);
            let own = raster.coverage(Owner::Shape(0));
            let to = Point { x: to.0, y: to.1 };
            let blocked: Vec<Rect> = blocked.into_iter().map(|(x, y, w, h)| Rect::new(x, y, w, h)).collect();
            let verdict = |rect: Rect| {
                let by = blocked.iter().find(|by| by.overlaps(&rect));
                by.map_or(Verdict::Free, |by| Verdict::Blocked(*by))
            };
            let found = own.nearest(size, to, reach, verdict);
            let away = |rect: &Rect| (rect.middle().x - to.x).hypot(rect.middle().y - to.y);
            let is_place = |rect: &Rect| verdict(*rect) == Verdict::Free && away(rect) <= reach;
            let best = every_place(&own, size).filter(is_place).map(|rect| away(&rect)).reduce(f32::min);
            match (found, best) {
                (Some(found), Some(best)) => prop_assert!((away(&found) - best).abs() < 0.01, "{found:?}, {best}"),
                (found, best) => prop_assert_eq!(found.map(|rect| away(&rect)), best),
            }
        }
    }

    fn every_place(own: &Coverage, size: (f32, f32)) -> impl Iterator<Item = Rect> {
        let search = Search::new(own, size, Point::default());
        let (columns, rows) = search.as_ref().map_or((0, 0), |search| (search.columns, search.rows));
        let places = (0..rows).flat_map(move |top| (0..columns).map(move |left| (left, top)));
        places.filter_map(move |(left, top)| {
            let search = search.as_ref()?;
            own.is_full(left, top, left + search.wide, top + search.high).then(|| search.rect(left, top))
        })
    }
}
