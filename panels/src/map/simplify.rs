//! Lines with fewer corners (Douglas and Peucker): what is left out lies within a tolerance of what remains.

/// Which corners of a line remain. The ends always do, and of a closed line two more, so that it stays a shape.
pub(super) fn simplify(line: &[[f64; 2]], tolerance: f64) -> Vec<usize> {
    let Some(last) = line.len().checked_sub(1).filter(|last| *last > 0) else {
        return (0..line.len()).collect();
    };
    let mut kept = vec![false; line.len()];
    kept[0] = true;
    kept[last] = true;
    if line[0] == line[last]
        && let Some((far, _)) = farthest(line, 0, last)
    {
        kept[far] = true;
        let sides = [farthest(line, 0, far), farthest(line, far, last)];
        if let Some((third, _)) = sides.into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1)) {
            kept[third] = true;
        }
    }
    let fixed: Vec<usize> = (0..line.len()).filter(|at| kept[*at]).collect();
    let mut open: Vec<(usize, usize)> = fixed.windows(2).map(|ends| (ends[0], ends[1])).collect();
    while let Some((from, to)) = open.pop() {
        if let Some((at, distance)) = farthest(line, from, to)
            && distance > tolerance
        {
            kept[at] = true;
            open.extend([(from, at), (at, to)]);
        }
    }
    (0..line.len()).filter(|at| kept[*at]).collect()
}

/// The corner between two others that lies farthest from the straight line between them, and how far.
fn farthest(line: &[[f64; 2]], from: usize, to: usize) -> Option<(usize, f64)> {
    let between = from + 1..to;
    let distances = between.map(|at| (at, distance(line[at], line[from], line[to])));
    distances.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn distance(point: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let beside = [point[0] - from[0], point[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share =
        if length > 0.0 { ((beside[0] * along[0] + beside[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (beside[0] - share * along[0]).hypot(beside[1] - share * along[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_bends_remains() {
        let line = [[0.0, 0.0], [1.0, 0.1], [2.0, -0.1], [3.0, 5.0], [4.0, 6.0], [5.0, 7.0]];
        assert_eq!(simplify(&line, 0.5), [0, 2, 3, 5]);
        assert_eq!(simplify(&line, 0.0).len(), 5, "what lies exactly on the line is left out");
        assert_eq!(simplify(&line[..1], 1.0), [0]);
    }

    #[test]
    fn a_closed_line_stays_a_shape() {
        let ring = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
        assert_eq!(simplify(&ring, 100.0), [0, 2, 3, 4]);
    }
}
