//! Whether geometry can be drawn: each thing that is wrong with it, named.

use panels::map::crossings::{crossings, segments};
use protocol::map::{MICROS_PER_DEGREE, Position};

use super::geo::{RawLine, RawPosition};

/// Corners of one feature.
const MOST_POINTS: usize = 200_000;

/// Positions in whole millionths of a degree.
///
/// # Errors
/// Why it is none.
pub(super) fn position(raw: RawPosition) -> Result<Position, String> {
    let [x, y] = raw;
    if x.abs() <= 180.0 && y.abs() <= 90.0 {
        return Ok([micros(x), micros(y)]);
    }
    let at = written(raw);
    Err(match (x.abs(), y.abs()) {
        (0.0..=90.0, 90.0..=180.0) => {
            format!("{at} is latitude before longitude; GeoJSON has longitude first: swap them")
        }
        (1_000.0.., _) | (_, 1_000.0..) => format!(
            "{at} is in metres, as in VN-2000 or UTM; positions are longitude and latitude in WGS 84: convert the file, with `ogr2ogr -s_srs EPSG:… -t_srs EPSG:4326`"
        ),
        _ => format!("{at} is nowhere; longitude is within ±180 and latitude within ±90"),
    })
}

fn micros(degrees: f64) -> i32 {
    // At most 180 degrees, which has room.
    (degrees * MICROS_PER_DEGREE).round() as i32
}

fn written([x, y]: RawPosition) -> String {
    format!("{x}, {y}")
}

/// A line of at least two different positions.
///
/// # Errors
/// Why it is none.
pub(super) fn line(raw: &RawLine) -> Result<Vec<Position>, String> {
    let mut line = positions(raw)?;
    line.dedup();
    if line.len() < 2 {
        return Err(format!("a line of {} positions; it has at least two that differ", raw.len()));
    }
    Ok(line)
}

fn positions(raw: &RawLine) -> Result<Vec<Position>, String> {
    if raw.len() > MOST_POINTS {
        return Err(format!("{} positions in one line; at most {MOST_POINTS} are read: simplify it first", raw.len()));
    }
    raw.iter().map(|raw| position(*raw)).collect()
}

/// A closed ring that does not cross itself, the first corner not repeated.
///
/// # Errors
/// Why it is none.
fn ring(raw: &RawLine) -> Result<Vec<Position>, String> {
    let mut closed = positions(raw)?;
    if raw.len() < 4 {
        return Err(format!("has {} positions; it has at least four, of which the last repeats the first", raw.len()));
    }
    if let (Some(first), Some(last)) = (raw.first(), raw.last())
        && closed.first() != closed.last()
    {
        let (first, last) = (written(*first), written(*last));
        return Err(format!(
            "is not closed: it begins at {first} and ends at {last}; repeat the first position at the end"
        ));
    }
    closed.dedup();
    if closed.len() < 4 {
        return Err("has no inside: its positions lie on one another".to_owned());
    }
    if let Some((a, b)) = crossings(segments(&closed, 0).collect(), 1).first() {
        let degrees = |at: Position| written(at.map(|micros| f64::from(micros) / MICROS_PER_DEGREE));
        return Err(format!(
            "crosses itself: from {} to {} runs over from {} to {}; repair it, with `ogr2ogr -makevalid`",
            degrees(a.from),
            degrees(a.to),
            degrees(b.from),
            degrees(b.to)
        ));
    }
    closed.pop();
    Ok(closed)
}

/// Polygons of valid rings, with everything that is wrong with them.
pub(super) fn polygons(raw: &[Vec<RawLine>]) -> Result<Vec<Vec<Vec<Position>>>, Vec<String>> {
    let mut problems = Vec::new();
    let mut polygons = Vec::new();
    for (place, rings) in raw.iter().enumerate() {
        let of = if raw.len() > 1 { format!(" of polygon {}", place + 1) } else { String::new() };
        let mut polygon = Vec::new();
        for (place, raw) in rings.iter().enumerate() {
            match ring(raw) {
                Ok(ring) => polygon.push(ring),
                Err(problem) => problems.push(format!("ring {}{of} {problem}", place + 1)),
            }
        }
        if rings.is_empty() {
            problems.push(format!("the polygon{of} is empty"));
        }
        polygons.push(polygon);
    }
    if problems.is_empty() { Ok(polygons) } else { Err(problems) }
}
