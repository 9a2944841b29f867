//! GeoJSON and TopoJSON files as they were written: features with properties, positions as numbers.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::files::{self, FileError};
use crate::config::finding::{Finding, suggestion};

/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Longitude and latitude, if all is well; what stands behind them is left out.
pub(super) type RawPosition = [f64; 2];
/// Positions one behind the other; the last one of a ring repeats the first.
pub(super) type RawLine = Vec<RawPosition>;

/// One feature of a file.
#[derive(Debug)]
pub(super) struct RawFeature {
    /// Counted from 1.
    pub number: usize,
    /// What the feature itself, and none of its properties, calls it.
    pub id: Option<Value>,
    pub properties: Map<String, Value>,
    pub geometry: RawGeometry,
}

#[derive(Debug, PartialEq)]
pub(super) enum RawGeometry {
    /// Nothing was written, or nothing was in it.
    Empty,
    Point(RawPosition),
    Lines(Vec<RawLine>),
    Polygons(Vec<Vec<RawLine>>),
    /// Of a kind that no map draws.
    Other(String),
}

/// What is wrong with a file as a whole or with one feature of it.
pub(super) type Broken = Box<Finding>;

fn broken(file: &str, line: Option<u32>, message: String) -> Broken {
    Box::new(Finding { file: file.to_owned(), line, key: None, message })
}

/// Reads `file` below `dir`; of a TopoJSON file the object called `object`, which may be left out when there is one.
pub(super) fn read(dir: &Path, file: &str, object: Option<&str>) -> Result<Vec<RawFeature>, Vec<Finding>> {
    let root = parse(dir, file).map_err(|finding| vec![*finding])?;
    let refuse = |problems: Vec<String>| problems.into_iter().map(|problem| *broken(file, None, problem)).collect();
    features(&root, object).map_err(refuse)
}

/// The features of GeoJSON or TopoJSON, or all that is wrong with it.
pub(super) fn features(root: &Value, object: Option<&str>) -> Result<Vec<RawFeature>, Vec<String>> {
    let refuse = |problem: String| vec![problem];
    let kind = root.get("type").and_then(Value::as_str).unwrap_or_default();
    if let Some(problem) = projection_problem(root) {
        return Err(refuse(problem));
    }
    match kind {
        "FeatureCollection" | "Feature" => {
            if let Some(object) = object {
                return Err(refuse(format!("'object' is '{object}', but a GeoJSON file has no objects; leave it out")));
            }
            let features = match root.get("features") {
                Some(Value::Array(features)) => features.iter().collect(),
                _ if kind == "Feature" => vec![root],
                _ => return Err(refuse("the FeatureCollection has no list 'features'".to_owned())),
            };
            all(features, &geojson)
        }
        "Topology" => {
            let topology = Topology::of(root).map_err(refuse)?;
            all(topology.geometries(root, object).map_err(refuse)?, &|written| topology.geometry(written))
        }
        other => Err(refuse(format!(
            "its type is '{other}'; a map is read from a GeoJSON FeatureCollection or a TopoJSON Topology"
        ))),
    }
}

fn parse(dir: &Path, file: &str) -> Result<Value, Broken> {
    let bytes = files::read(dir, file, MAX_FILE_BYTES).map_err(|error| {
        let advice = if matches!(error, FileError::TooLarge(..)) { ": simplify it first" } else { "" };
        broken(file, None, format!("{error}{advice}"))
    })?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let line = u32::try_from(error.line()).ok();
        broken(file, line, format!("not JSON: {error}"))
    })
}

/// GeoJSON of before 2016 may name a projection.
fn projection_problem(root: &Value) -> Option<String> {
    let name = root.get("crs")?.get("properties")?.get("name")?.as_str()?;
    let is_wgs84 = ["CRS84", "EPSG::4326", "EPSG:4326"].iter().any(|known| name.ends_with(known));
    let message = format!(
        "its crs is '{name}'; positions are longitude and latitude in WGS 84: convert it, with `ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES out.geojson in.geojson`"
    );
    (!is_wgs84).then_some(message)
}

fn all(
    written: Vec<&Value>,
    geometry: &dyn Fn(&Value) -> Result<RawGeometry, String>,
) -> Result<Vec<RawFeature>, Vec<String>> {
    let (mut features, mut problems) = (Vec::new(), Vec::new());
    for (index, written) in written.into_iter().enumerate() {
        let number = index + 1;
        let properties = written.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        match geometry(written) {
            Ok(geometry) => {
                let id = written.get("id").cloned();
                features.push(RawFeature { number, id, properties, geometry });
            }
            Err(message) => problems.push(format!("feature {number}: {message}")),
        }
    }
    if problems.is_empty() { Ok(features) } else { Err(problems) }
}

fn geojson(feature: &Value) -> Result<RawGeometry, String> {
    let Some(geometry) = feature.get("geometry").filter(|geometry| !geometry.is_null()) else {
        return Ok(RawGeometry::Empty);
    };
    let kind = geometry.get("type").and_then(Value::as_str).unwrap_or_default();
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    if coordinates.as_array().is_some_and(Vec::is_empty) {
        return Ok(RawGeometry::Empty);
    }
    Ok(match kind {
        "Point" => RawGeometry::Point(typed::<Loose>(kind, coordinates)?.0),
        "LineString" => RawGeometry::Lines(vec![line(typed(kind, coordinates)?)]),
        "MultiLineString" => RawGeometry::Lines(lines(typed(kind, coordinates)?)),
        "Polygon" => RawGeometry::Polygons(vec![lines(typed(kind, coordinates)?)]),
        "MultiPolygon" => {
            let polygons: Vec<Vec<Vec<Loose>>> = typed(kind, coordinates)?;
            RawGeometry::Polygons(polygons.into_iter().map(lines).collect())
        }
        other => RawGeometry::Other(other.to_owned()),
    })
}

fn typed<T: for<'de> Deserialize<'de>>(kind: &str, coordinates: &Value) -> Result<T, String> {
    T::deserialize(coordinates).map_err(|error| format!("the coordinates of the {kind}: {error}"))
}

/// Two numbers and more, of which the first two count.
#[derive(Deserialize)]
#[serde(try_from = "Vec<f64>")]
struct Loose(RawPosition);

impl TryFrom<Vec<f64>> for Loose {
    type Error = String;

    fn try_from(numbers: Vec<f64>) -> Result<Self, String> {
        match numbers[..] {
            [x, y, ..] => Ok(Self([x, y])),
            _ => Err(format!("a position of {} numbers; it has two, longitude and latitude", numbers.len())),
        }
    }
}

fn line(positions: Vec<Loose>) -> RawLine {
    positions.into_iter().map(|position| position.0).collect()
}

fn lines(all: Vec<Vec<Loose>>) -> Vec<RawLine> {
    all.into_iter().map(line).collect()
}

/// The arcs of a TopoJSON file, in degrees.
struct Topology {
    arcs: Vec<RawLine>,
    transform: Option<Transform>,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 2],
    translate: [f64; 2],
}

impl Transform {
    fn apply(&self, [x, y]: RawPosition) -> RawPosition {
        [x * self.scale[0] + self.translate[0], y * self.scale[1] + self.translate[1]]
    }
}

impl Topology {
    fn of(root: &Value) -> Result<Self, String> {
        let transform = root.get("transform").map(Transform::deserialize).transpose();
        let transform = transform.map_err(|error| format!("'transform': {error}"))?;
        let arcs = root.get("arcs").ok_or("the Topology has no list 'arcs'")?;
        let arcs = Vec::<Vec<Loose>>::deserialize(arcs).map_err(|error| format!("'arcs': {error}"))?;
        let arcs = lines(arcs).into_iter().map(|arc| match &transform {
            None => arc,
            Some(transform) => {
                // Each position is told as what it differs from the one before.
                let sums = arc.into_iter().scan([0.0, 0.0], |at, [dx, dy]| {
                    *at = [at[0] + dx, at[1] + dy];
                    Some(*at)
                });
                sums.map(|at| transform.apply(at)).collect()
            }
        });
        Ok(Self { arcs: arcs.collect(), transform })
    }

    fn geometries<'v>(&self, root: &'v Value, object: Option<&str>) -> Result<Vec<&'v Value>, String> {
        let objects = root.get("objects").and_then(Value::as_object).ok_or("the Topology has no 'objects'")?;
        let names = || objects.keys().map(String::as_str);
        let chosen = match object {
            Some(name) => {
                objects.get(name).ok_or_else(|| format!("it has no object '{name}'{}", suggestion(name, names())))?
            }
            None if objects.len() == 1 => objects.values().next().ok_or("the Topology has no 'objects'")?,
            None => {
                let names: Vec<&str> = names().collect();
                return Err(format!("it has several objects; say which with 'object': {}", names.join(", ")));
            }
        };
        match chosen.get("geometries").and_then(Value::as_array) {
            Some(geometries) => Ok(geometries.iter().collect()),
            None => Ok(vec![chosen]),
        }
    }

    fn geometry(&self, geometry: &Value) -> Result<RawGeometry, String> {
        let kind = geometry.get("type").and_then(Value::as_str).unwrap_or_default();
        let arcs = geometry.get("arcs").unwrap_or(&Value::Null);
        if kind.is_empty() || arcs.as_array().is_some_and(Vec::is_empty) {
            return Ok(RawGeometry::Empty);
        }
        let rings = |all: Vec<Vec<i64>>| all.iter().map(|ring| self.join(ring)).collect::<Result<Vec<_>, _>>();
        Ok(match kind {
            "Point" => {
                let at = typed::<Loose>(kind, geometry.get("coordinates").unwrap_or(&Value::Null))?.0;
                RawGeometry::Point(self.transform.as_ref().map_or(at, |transform| transform.apply(at)))
            }
            "LineString" => RawGeometry::Lines(vec![self.join(&typed::<Vec<i64>>(kind, arcs)?)?]),
            "MultiLineString" => RawGeometry::Lines(rings(typed(kind, arcs)?)?),
            "Polygon" => RawGeometry::Polygons(vec![rings(typed(kind, arcs)?)?]),
            "MultiPolygon" => {
                let polygons: Vec<Vec<Vec<i64>>> = typed(kind, arcs)?;
                RawGeometry::Polygons(polygons.into_iter().map(rings).collect::<Result<_, _>>()?)
            }
            other => RawGeometry::Other(other.to_owned()),
        })
    }

    fn join(&self, places: &[i64]) -> Result<RawLine, String> {
        let mut line = RawLine::new();
        for &place in places {
            let at = usize::try_from(if place < 0 { !place } else { place }).ok();
            let arc = at.and_then(|at| self.arcs.get(at));
            let arc = arc.ok_or_else(|| format!("arc {place} is not there; the file has {}", self.arcs.len()))?;
            let mut arc = arc.clone();
            if place < 0 {
                arc.reverse();
            }
            // The first position of an arc is the last one of the arc before.
            line.extend(arc.into_iter().skip(usize::from(!line.is_empty())));
        }
        Ok(line)
    }
}
