//! A raster of what lies where, so that whether a rectangle lies within a shape is a matter of four additions.

use crate::scene::{Point, Rect};

/// Cells along the shorter side of a room.
const CELLS: f32 = 120.0;
/// Side of a cell in canvas pixels.
const LEAST_CELL: f32 = 2.0;
const MOST_CELL: f32 = 16.0;
/// A shape of more cells is looked through in larger steps first.
const WIDE: usize = 16_000;

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
    /// that are acceptable.
    pub fn nearest(
        &self,
        size: (f32, f32),
        to: Point,
        reach: f32,
        is_acceptable: impl Fn(Rect) -> bool,
    ) -> Option<Rect> {
        // In wide shapes it need not be the very nearest; but where there is room at all it is found.
        let coarse = (self.columns * self.rows > WIDE).then(|| self.search(size, to, reach, 3, &is_acceptable));
        coarse.flatten().or_else(|| self.search(size, to, reach, 1, &is_acceptable))
    }

    /// The same among every so many of the cells, from the nearest one on.
    fn search(
        &self,
        size: (f32, f32),
        to: Point,
        reach: f32,
        stride: usize,
        is_acceptable: &impl Fn(Rect) -> bool,
    ) -> Option<Rect> {
        let cells = |length: f32| (length / self.cell).ceil().max(1.0) as usize;
        let (wide, high) = (cells(size.0), cells(size.1));
        let (columns, rows) = ((self.columns + 1).saturating_sub(wide), (self.rows + 1).saturating_sub(high));
        if self.sums.is_empty() || columns == 0 || rows == 0 {
            return None;
        }
        let x_of = |left: usize| self.origin.x + (left as f32 + wide as f32 / 2.0) * self.cell;
        let y_of = |top: usize| self.origin.y + (top as f32 + high as f32 / 2.0) * self.cell;
        let first = |start: f32, at: f32| ((at - start) / self.cell).round().max(0.0) as usize;
        let step = self.cell * stride as f32;
        let (first_left, first_top) = (first(x_of(0), to.x), first(y_of(0), to.y));
        // Squared, so that most candidates cost two multiplications. Of equally near ones the upper left one holds.
        let mut nearest: (f32, Option<(usize, usize)>) = (reach * reach, None);
        for top in outward(first_top, rows, stride) {
            let dy = (y_of(top) - to.y).abs();
            // The one on the other side may be nearer by a step.
            if (dy - step).max(0.0).powi(2) > nearest.0 {
                break;
            }
            for left in outward(first_left, columns, stride) {
                let dx = (x_of(left) - to.x).abs();
                let distance = dx * dx + dy * dy;
                if distance > nearest.0 {
                    if (dx - step).max(0.0).powi(2) + dy * dy > nearest.0 {
                        break;
                    }
                    continue;
                }
                let is_nearer = distance < nearest.0 || nearest.1.is_none_or(|known| (top, left) < known);
                if is_nearer
                    && self.is_full(left, top, left + wide, top + high)
                    && is_acceptable(around(x_of(left), y_of(top), size))
                {
                    nearest = (distance, Some((top, left)));
                }
            }
        }
        nearest.1.map(|(top, left)| around(x_of(left), y_of(top), size))
    }
}

fn around(x: f32, y: f32, size: (f32, f32)) -> Rect {
    Rect::new(x - size.0 / 2.0, y - size.1 / 2.0, size.0, size.1)
}

/// Every so many of the places below `count`, from one on to both sides.
fn outward(from: usize, count: usize, stride: usize) -> impl Iterator<Item = usize> {
    let from = from.min(count.saturating_sub(1));
    let farthest = from.max(count - from);
    (0..=farthest).step_by(stride).flat_map(move |away| {
        let below = from.checked_sub(away).filter(|_| away > 0);
        let above = Some(from + away).filter(|above| *above < count);
        below.into_iter().chain(above)
    })
}

#[cfg(test)]
mod tests {
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
        let rect = all.nearest((30.0, 10.0), to, f32::INFINITY, |_| true).unwrap();
        assert!((rect.x - 105.0).abs() <= 2.0 && (rect.y - 115.0).abs() <= 2.0, "{rect:?}");
        let beside = all.nearest((30.0, 10.0), to, f32::INFINITY, |rect| !rect.has(to)).unwrap();
        assert!(!beside.has(to) && (beside.y - 115.0).abs() < 10.0, "{beside:?}");
        assert_eq!(all.nearest((300.0, 10.0), to, f32::INFINITY, |_| true), None);
        assert_eq!(Coverage::default().nearest((1.0, 1.0), to, f32::INFINITY, |_| true), None);
    }
}
