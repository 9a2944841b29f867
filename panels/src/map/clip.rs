//! What of lines and polygons lies within a frame.

use crate::scene::{Point, Rect};

/// The part of a straight line within a rectangle (Liang and Barsky).
pub(super) fn segment(from: Point, to: Point, rect: Rect) -> Option<[Point; 2]> {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let (mut enters, mut leaves) = (0.0f32, 1.0f32);
    let edges =
        [(-dx, from.x - rect.x), (dx, rect.right() - from.x), (-dy, from.y - rect.y), (dy, rect.bottom() - from.y)];
    for (towards, distance) in edges {
        if towards == 0.0 && distance < 0.0 {
            return None;
        }
        match distance / towards {
            share if towards < 0.0 => enters = enters.max(share),
            share if towards > 0.0 => leaves = leaves.min(share),
            _ => {}
        }
    }
    let at = |share: f32| Point {
        x: (from.x + share * dx).clamp(rect.x, rect.right()),
        y: (from.y + share * dy).clamp(rect.y, rect.bottom()),
    };
    (enters <= leaves).then(|| [at(enters), at(leaves)])
}

/// The parts of a line within a rectangle.
pub(super) fn line(points: &[Point], rect: Rect) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    for ends in points.windows(2) {
        let Some([from, to]) = segment(ends[0], ends[1], rect) else { continue };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

/// The part of a ring within a rectangle (Sutherland and Hodgman); where it leaves and comes back, along the edge.
pub(super) fn ring(points: &[Point], rect: Rect) -> Vec<Point> {
    let on_x = |a: Point, b: Point, x: f32| Point { x, y: a.y + (x - a.x) / (b.x - a.x) * (b.y - a.y) };
    let on_y = |a: Point, b: Point, y: f32| Point { x: a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x), y };
    let (left, right, top, bottom) = (rect.x, rect.right(), rect.y, rect.bottom());
    let ring = side(points, |p| p.x >= left, |a, b| on_x(a, b, left));
    let ring = side(&ring, |p| p.x <= right, |a, b| on_x(a, b, right));
    let ring = side(&ring, |p| p.y >= top, |a, b| on_y(a, b, top));
    side(&ring, |p| p.y <= bottom, |a, b| on_y(a, b, bottom))
}

fn side(ring: &[Point], is_in: impl Fn(Point) -> bool, edge: impl Fn(Point, Point) -> Point) -> Vec<Point> {
    let mut kept = Vec::with_capacity(ring.len());
    for (at, &to) in ring.iter().enumerate() {
        let from = ring[(at + ring.len() - 1) % ring.len()];
        if is_in(from) != is_in(to) {
            kept.push(edge(from, to));
        }
        if is_in(to) {
            kept.push(to);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect::new(0.0, 0.0, 10.0, 10.0);

    fn points(at: &[(f32, f32)]) -> Vec<Point> {
        at.iter().map(|(x, y)| Point { x: *x, y: *y }).collect()
    }

    #[test]
    fn lines_are_cut_where_they_leave() {
        let parts = line(&points(&[(-5.0, 5.0), (5.0, 5.0), (5.0, 20.0), (8.0, 20.0), (8.0, 2.0)]), FRAME);
        assert_eq!(parts, [points(&[(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)]), points(&[(8.0, 10.0), (8.0, 2.0)])]);
        assert_eq!(line(&points(&[(-5.0, -1.0), (20.0, -1.0)]), FRAME), Vec::<Vec<Point>>::new());
        assert_eq!(segment(FRAME_CORNER, FRAME_CORNER, FRAME), Some([FRAME_CORNER; 2]), "a point within");
    }

    const FRAME_CORNER: Point = Point { x: 3.0, y: 3.0 };

    #[test]
    fn rings_are_cut_along_the_edge() {
        let square = ring(&points(&[(5.0, 5.0), (15.0, 5.0), (15.0, 15.0), (5.0, 15.0)]), FRAME);
        assert_eq!(Rect::around(&square), Rect::new(5.0, 5.0, 5.0, 5.0));
        assert!(ring(&points(&[(11.0, 1.0), (12.0, 1.0), (12.0, 2.0)]), FRAME).is_empty());
        assert_eq!(
            ring(&points(&[(-9.0, -9.0), (99.0, -9.0), (99.0, 99.0), (-9.0, 99.0)]), FRAME).len(),
            4,
            "all around"
        );
    }
}
