//! Lines that cross one another, found exactly.

use std::cmp::Ordering;

use protocol::map::Position;

/// A straight piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: Position,
    pub to: Position,
    /// Which line it belongs to, for whoever asks.
    pub line: usize,
}

impl Segment {
    fn left(&self) -> i32 {
        self.from[0].min(self.to[0])
    }
    fn right(&self) -> i32 {
        self.from[0].max(self.to[0])
    }
    fn low(&self) -> i32 {
        self.from[1].min(self.to[1])
    }
    fn high(&self) -> i32 {
        self.from[1].max(self.to[1])
    }
    fn has_end(&self, point: Position) -> bool {
        self.from == point || self.to == point
    }

    /// Whether they have a point in common that is not an end of both.
    fn meets(&self, other: &Self) -> bool {
        if other.has_end(self.from) || other.has_end(self.to) {
            return false;
        }
        let sides = |a: &Self, b: &Self| (side(a, b.from), side(a, b.to));
        let apart = |(first, second): (Ordering, Ordering)| first == second && first != Ordering::Equal;
        let (own, others) = (sides(self, other), sides(other, self));
        let in_line = own == (Ordering::Equal, Ordering::Equal);
        // In one line they meet where their boxes do, which is known by now.
        in_line || !apart(own) && !apart(others)
    }
}

/// On which side of `segment` a point lies.
fn side(segment: &Segment, point: Position) -> Ordering {
    // Products of differences of 33 bits do not fit into 64.
    let of = |a: i32, b: i32| i128::from(b) - i128::from(a);
    let along = (of(segment.from[0], segment.to[0]), of(segment.from[1], segment.to[1]));
    let beside = (of(segment.from[0], point[0]), of(segment.from[1], point[1]));
    (along.0 * beside.1).cmp(&(along.1 * beside.0))
}

/// The pieces of a line from corner to corner.
pub fn segments(corners: &[Position], line: usize) -> impl Iterator<Item = Segment> + '_ {
    corners.windows(2).map(move |ends| Segment { from: ends[0], to: ends[1], line })
}

/// Pairs of segments that cross or touch elsewhere than at ends of both, at most `most`.
#[must_use]
pub fn crossings(mut segments: Vec<Segment>, most: usize) -> Vec<(Segment, Segment)> {
    segments.retain(|segment| segment.from != segment.to);
    segments.sort_by_key(Segment::left);
    let mut found = Vec::new();
    let mut open: Vec<Segment> = Vec::new();
    for segment in segments {
        open.retain(|earlier| earlier.right() >= segment.left());
        for earlier in &open {
            let beside = earlier.low() <= segment.high() && segment.low() <= earlier.high();
            if beside && earlier.meets(&segment) {
                found.push((*earlier, segment));
                if found.len() >= most {
                    return found;
                }
            }
        }
        open.push(segment);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &[Position]) -> usize {
        crossings(segments(line, 0).collect(), 100).len()
    }

    #[test]
    fn what_crosses_is_found_and_what_meets_at_ends_is_not() {
        assert_eq!(count(&[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]), 0, "a square");
        assert_eq!(count(&[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]), 1, "a bow tie");
        assert_eq!(
            count(&[[0, 0], [4, 0], [4, 4], [2, 0], [0, 4], [0, 0]]),
            2,
            "a corner on a side, by both its sides"
        );
        assert_eq!(count(&[[0, 0], [9, 0], [9, 9], [7, 0], [3, 0], [0, 0]]), 2, "back along a side");
        assert_eq!(count(&[[0, 0], [2, 2], [4, 0], [4, 4], [2, 2], [0, 4], [0, 0]]), 0, "touching at a corner");
        let far = i32::MAX;
        assert_eq!(count(&[[-far, -far], [far, far], [far, -far], [-far, far]]), 1, "as large as it gets");
    }
}
