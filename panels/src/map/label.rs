//! Where the labels of a map have room: none on another, on a mark, over a border or out of the frame.

use super::coverage::{Coverage, Verdict};
use crate::scene::{Point, Rect};

/// Where a label was put.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placed {
    pub rect: Rect,
    /// From the label to what it names, where that is not plain.
    pub leader: Option<[Point; 2]>,
}

/// A frame of a map that fills with labels.
pub(crate) struct Room<'c> {
    bounds: Rect,
    /// What no shape covers.
    free: &'c Coverage,
    taken: Vec<Rect>,
    leaders: Vec<[Point; 2]>,
    /// Between labels.
    gap: f32,
}

/// Leaders that are longer than this share of the frame's shorter side lead the eye astray.
const LONGEST_LEADER: f32 = 0.4;
/// How far from a point its label may stand, in distances between them.
const RINGS: [f32; 3] = [1.0, 2.5, 5.0];

impl<'c> Room<'c> {
    pub fn new(bounds: Rect, free: &'c Coverage, gap: f32) -> Self {
        Self { bounds, free, taken: Vec::new(), leaders: Vec::new(), gap }
    }

    /// Nothing else may stand there.
    pub fn block(&mut self, rect: Rect) {
        self.taken.push(rect);
    }

    pub fn take(&mut self, placed: &Placed) {
        self.taken.push(placed.rect);
        self.leaders.extend(placed.leader);
    }

    /// Within a shape, as near to `at` as there is room.
    pub fn inside(&self, shape: &Coverage, size: (f32, f32), at: Point) -> Option<Placed> {
        let rect = shape.nearest(size, at, f32::INFINITY, |rect| self.verdict(rect))?;
        Some(Placed { rect, leader: None })
    }

    /// Beside all shapes, with a line to what it names.
    pub fn outside(&self, size: (f32, f32), at: Point) -> Option<Placed> {
        let longest = self.bounds.width.min(self.bounds.height) * LONGEST_LEADER;
        // The end of a leader lies within its label.
        let reach = longest + size.0.hypot(size.1) / 2.0;
        let rect = self.free.nearest(size, at, reach, |rect| {
            let line = leader(rect, at);
            let is_near = (line[0].x - line[1].x).hypot(line[0].y - line[1].y) <= longest;
            match self.verdict(rect) {
                Verdict::Free if !is_near || !self.is_clear(line) => Verdict::Refused,
                verdict => verdict,
            }
        })?;
        Some(Placed { rect, leader: Some(leader(rect, at)) })
    }

    /// Around a mark of a radius: right, left, above, below, then the corners; farther away with a line to the mark.
    /// A label over a border is the last choice.
    pub fn around(&self, shapes: &[&Coverage], size: (f32, f32), at: Point, radius: f32) -> Option<Placed> {
        let crosses = |rect: Rect| !(self.free.has(rect) || shapes.iter().any(|shape| shape.has(rect)));
        let choices = RINGS.iter().enumerate().flat_map(|(ring, times)| {
            let distance = radius + self.gap * times;
            beside(size, at, distance).into_iter().enumerate().map(move |(side, rect)| (ring, side, rect))
        });
        let placed = |(ring, side, rect): (usize, usize, Rect)| {
            let line = (ring > 0).then(|| leader(rect, at));
            let is_free = self.verdict(rect) == Verdict::Free && line.is_none_or(|line| self.is_clear(line));
            is_free.then(|| (side + 8 * ring + if crosses(rect) { 12 } else { 0 }, Placed { rect, leader: line }))
        };
        choices.filter_map(placed).min_by_key(|(cost, _)| *cost).map(|(_, placed)| placed)
    }

    fn verdict(&self, rect: Rect) -> Verdict {
        if !self.bounds.contains(&rect) {
            return Verdict::Refused;
        }
        let wide = rect.inset_all(-self.gap / 2.0);
        let taken = self.taken.iter().find(|taken| taken.overlaps(&wide)).copied();
        // Whatever else lies at this height on a part of a leader meets it too.
        let level = Rect { x: self.bounds.x, width: self.bounds.width, ..wide }.union(&wide);
        let part = |[from, to]: [Point; 2]| super::clip::segment(from, to, level).map(|ends| Rect::around(&ends));
        let crossed = || self.leaders.iter().find(|line| meets(**line, wide)).and_then(|line| part(*line));
        let blocked = |by: Rect| Verdict::Blocked(by.inset_all(-self.gap / 2.0));
        taken.or_else(crossed).map_or(Verdict::Free, blocked)
    }

    /// Whether a line runs past all labels and lines, and past all marks but the one that it begins at.
    fn is_clear(&self, line: [Point; 2]) -> bool {
        !self.taken.iter().any(|taken| !taken.has(line[1]) && meets(line, *taken))
            && !self.leaders.iter().any(|other| cross(line, *other))
    }
}

/// The line from the edge of a label to what it names.
fn leader(rect: Rect, at: Point) -> [Point; 2] {
    let nearest = Point { x: at.x.clamp(rect.x, rect.right()), y: at.y.clamp(rect.y, rect.bottom()) };
    [nearest, at]
}

/// The eight rectangles of a size beside a point, best first.
fn beside((width, height): (f32, f32), at: Point, distance: f32) -> [Rect; 8] {
    let diagonal = distance * 0.75;
    let rect = |x: f32, y: f32| Rect::new(x, y, width, height);
    let (middle_x, middle_y) = (at.x - width / 2.0, at.y - height / 2.0);
    [
        rect(at.x + distance, middle_y),
        rect(at.x - distance - width, middle_y),
        rect(middle_x, at.y - distance - height),
        rect(middle_x, at.y + distance),
        rect(at.x + diagonal, at.y - diagonal - height),
        rect(at.x + diagonal, at.y + diagonal),
        rect(at.x - diagonal - width, at.y - diagonal - height),
        rect(at.x - diagonal - width, at.y + diagonal),
    ]
}

/// Whether a line has a part within a rectangle.
fn meets([from, to]: [Point; 2], rect: Rect) -> bool {
    super::clip::segment(from, to, rect).is_some()
}

/// Whether two lines have a point in common.
fn cross(a: [Point; 2], b: [Point; 2]) -> bool {
    let side =
        |[from, to]: [Point; 2], at: Point| (to.x - from.x) * (at.y - from.y) - (to.y - from.y) * (at.x - from.x);
    side(a, b[0]) * side(a, b[1]) <= 0.0 && side(b, a[0]) * side(b, a[1]) <= 0.0
}

#[cfg(test)]
mod tests {
    use super::super::coverage::{Owner, Raster};
    use super::*;

    const FRAME: Rect = Rect::new(0.0, 0.0, 400.0, 400.0);

    fn corners(rect: Rect) -> Vec<Point> {
        let (right, bottom) = (rect.right(), rect.bottom());
        [(rect.x, rect.y), (right, rect.y), (right, bottom), (rect.x, bottom)].map(|(x, y)| Point { x, y }).to_vec()
    }

    /// Two districts side by side, the sea around them.
    fn raster() -> Raster {
        let mut raster = Raster::new(FRAME);
        raster.add(0, &[&corners(Rect::new(100.0, 100.0, 100.0, 200.0))]);
        raster.add(1, &[&corners(Rect::new(200.0, 100.0, 100.0, 200.0))]);
        raster
    }

    #[test]
    fn labels_of_districts_stand_inside_or_in_the_sea() {
        let raster = raster();
        let (free, left) = (raster.coverage(Owner::Nobody), raster.coverage(Owner::Shape(0)));
        let mut room = Room::new(FRAME, &free, 4.0);
        let pole = left.pole().unwrap();
        let small = room.inside(&left, (80.0, 40.0), pole).unwrap();
        assert!(Rect::new(100.0, 100.0, 100.0, 200.0).contains(&small.rect) && small.leader.is_none());
        assert_eq!(room.inside(&left, (120.0, 40.0), pole), None, "wider than the district");
        room.take(&small);
        let wide = room.outside((130.0, 40.0), pole).unwrap();
        assert!(free.has(wide.rect), "{wide:?}");
        assert_eq!(wide.leader.unwrap()[1], pole);
        room.take(&wide);
        let below = Point { y: pole.y + 30.0, ..pole };
        let next = room.outside((130.0, 40.0), below).unwrap();
        assert!(!next.rect.overlaps(&wide.rect), "{next:?} on {wide:?}");
    }

    #[test]
    fn labels_of_points_keep_off_borders_marks_and_the_edge() {
        let raster = raster();
        let (free, shapes) = (raster.coverage(Owner::Nobody), [0, 1].map(|at| raster.coverage(Owner::Shape(at))));
        let shapes: Vec<&Coverage> = shapes.iter().collect();
        let room = Room::new(FRAME, &free, 4.0);
        let near_border = Point { x: 190.0, y: 200.0 };
        let placed = room.around(&shapes, (70.0, 30.0), near_border, 6.0).unwrap();
        assert!(placed.rect.right() < 190.0, "to the left, away from the border: {placed:?}");
        let at_edge = Point { x: 396.0, y: 50.0 };
        assert!(FRAME.contains(&room.around(&shapes, (70.0, 30.0), at_edge, 6.0).unwrap().rect));
        let mut crowded = Room::new(FRAME, &free, 4.0);
        let others =
            [(350.0, 50.0), (396.0, 20.0), (396.0, 80.0)].map(|(x, y)| Rect::new(x - 6.0, y - 6.0, 12.0, 12.0));
        others.into_iter().for_each(|mark| crowded.block(mark));
        let placed = crowded.around(&shapes, (70.0, 30.0), at_edge, 6.0).unwrap();
        assert!(others.iter().all(|mark| !mark.overlaps(&placed.rect)), "{placed:?}");
    }
}
