//! A map in the pixels of a room. Numbers change, it does not: it is kept for whoever paints it next.

use std::sync::{Arc, LazyLock, Mutex, Weak};

use earcut::Earcut;
use protocol::map::{Bounds, Geometry, MapKind, Position};
use protocol::{AreaId, BaseMap, MapLayer};
use rustc_hash::FxHashMap;

use super::clip;
use super::coverage::{Coverage, Owner, Raster};
use super::frames::{Frame, Scale, Sheet};
use super::kept::{Kept, kept};
use super::simplify::simplify;

use crate::scene::{Point, Rect};

/// A line may lie this far from where it is, in canvas pixels.
const TOLERANCE_PX: f64 = 0.5;
/// What is smaller cannot be seen.
const LEAST_PX: f32 = 0.5;

/// Rings and the triangles between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tessellated {
    pub points: Vec<Point>,
    pub triangles: Vec<u32>,
    pub ring_ends: Vec<u32>,
}

impl Tessellated {
    fn of(rings: &[Vec<Point>]) -> Self {
        let count = |points: usize| u32::try_from(points).unwrap_or(u32::MAX);
        let points: Vec<Point> = rings.iter().flatten().copied().collect();
        let mut end = 0;
        let ring_ends: Vec<u32> = rings
            .iter()
            .map(|ring| {
                end += ring.len();
                count(end)
            })
            .collect();
        let holes = &ring_ends[..ring_ends.len().saturating_sub(1)];
        let mut triangles = Vec::new();
        Earcut::new().earcut(points.iter().map(|point| [point.x, point.y]), holes, &mut triangles);
        Self { points, triangles, ring_ends }
    }
}

/// One area in pixels.
#[derive(Debug)]
pub(crate) struct Outline {
    pub area: AreaId,
    /// With the places of their frames.
    pub polygons: Vec<(usize, Tessellated)>,
    /// Where it covers the room wholly.
    pub coverage: Coverage,
    /// Well within it.
    pub anchor: Point,
    /// The place of the frame in which its anchor lies.
    pub frame: usize,
}

/// A map in the pixels of a room.
#[derive(Debug)]
pub(crate) struct Prepared {
    kind: MapKind,
    /// The map itself first, then its insets.
    pub frames: Vec<Frame>,
    pub outlines: Vec<Outline>,
    /// Each border once, with the place of its frame.
    pub borders: Vec<(usize, Vec<Point>)>,
    /// What no area covers.
    pub free: Coverage,
}

/// What one picture of a map depends on besides the map itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    pub room: Rect,
    /// Of the labels.
    pub em: f32,
    /// Only the areas directly below this one, with those that are.
    pub parts: Option<Vec<AreaId>>,
}

static MAPS: LazyLock<Mutex<Kept<BaseMap, Cut, Prepared>>> = LazyLock::new(Mutex::default);
/// What was prepared of layers, by the map that they lie on.
type KeptLayers = Kept<MapLayer, Weak<Prepared>, Vec<Option<Drawn>>>;
static LAYERS: LazyLock<Mutex<KeptLayers>> = LazyLock::new(Mutex::default);

/// A map in the pixels of a room. The same one for the same, since it takes a hundred times as long to make as to
/// draw: whoever paints in this process shares it.
pub(crate) fn prepare(map: &Arc<BaseMap>, cut: &Cut) -> Arc<Prepared> {
    kept(&MAPS, map, |known| known == cut, || cut.clone(), || Prepared::of(map, cut))
}

/// A polygon of a map with the shape it belongs to.
struct Part<'m> {
    shape: usize,
    rings: &'m [Vec<i32>],
    bounds: Bounds,
}

impl Prepared {
    fn of(map: &BaseMap, cut: &Cut) -> Self {
        let is_shown = |area: &AreaId| cut.parts.as_ref().is_none_or(|parts| parts.contains(area));
        let shapes = map.shapes.iter().enumerate().filter(|(_, shape)| is_shown(&shape.area));
        let parts: Vec<Part<'_>> = shapes
            .flat_map(|(place, shape)| shape.polygons.iter().map(move |rings| (place, rings)))
            .filter_map(|(shape, rings)| Some(Part { shape, rings, bounds: map.bounds(rings)? }))
            .collect();
        let frames = frames(map, cut, &parts);
        let mut drawing = Drawing::new(map, cut.room);
        for part in &parts {
            let shown = (0..frames.len()).rev().find(|frame| frames[*frame].shows(part.bounds.middle()));
            if let Some(frame) = shown {
                drawing.add(part, frame, &frames[frame]);
            }
        }
        drawing.finish(frames)
    }

    pub fn is_schematic(&self) -> bool {
        self.kind == MapKind::Schematic
    }

    /// The frame that shows a position: an inset shows what it does alone. `None` on a schematic map.
    fn frame_of(&self, position: Position) -> Option<usize> {
        if self.kind == MapKind::Schematic {
            return None;
        }
        (0..self.frames.len()).rev().find(|frame| self.frames[*frame].shows(position))
    }
}

fn frames(map: &BaseMap, cut: &Cut, parts: &[Part<'_>]) -> Vec<Frame> {
    let has = |inset: &Bounds| parts.iter().any(|part| inset.contains(part.bounds.middle()));
    let insets: Vec<_> = map.insets.iter().enumerate().filter(|(_, inset)| has(&inset.bounds)).collect();
    let is_main = |part: &&Part<'_>| !insets.iter().any(|(_, inset)| inset.bounds.contains(part.bounds.middle()));
    let main: Vec<&Part<'_>> = parts.iter().filter(is_main).collect();
    let around = |parts: &[&Part<'_>]| parts.iter().map(|part| part.bounds).reduce(Bounds::and);
    let sheet = |bounds, insets| Sheet { kind: map.kind, bounds, insets, room: cut.room, em: cut.em };
    let with_insets = around(&main).and_then(|bounds| {
        sheet(bounds, insets.clone()).frames(|scale| {
            let outer = main.iter().filter_map(|part| part.rings.first());
            outer.map(|ring| map.corners(ring).into_iter().map(|corner| scale.point(corner)).collect()).collect()
        })
    });
    let whole = || Some(vec![sheet(around(&parts.iter().collect::<Vec<_>>())?, Vec::new()).main(cut.room)]);
    with_insets.or_else(whole).unwrap_or_default()
}

/// What there is of a shape so far.
#[derive(Clone, Default)]
struct Pieces {
    polygons: Vec<(usize, Tessellated)>,
    /// Of the largest one.
    frame: usize,
    bounds: Rect,
}

/// A map being prepared.
struct Drawing<'m> {
    map: &'m BaseMap,
    raster: Raster,
    /// Arcs in the pixels of a frame.
    lines: FxHashMap<(usize, usize), Vec<Point>>,
    borders: Vec<(usize, Vec<Point>)>,
    shapes: Vec<Pieces>,
}

impl<'m> Drawing<'m> {
    fn new(map: &'m BaseMap, room: Rect) -> Self {
        let shapes = vec![Pieces::default(); map.shapes.len()];
        Self { map, raster: Raster::new(room), lines: FxHashMap::default(), borders: Vec::new(), shapes }
    }

    fn add(&mut self, part: &Part<'_>, place: usize, frame: &Frame) {
        let rings = part.rings.iter().map(|ring| clip::ring(&self.ring(ring, place, frame), frame.rect));
        let rings: Vec<Vec<Point>> = rings.collect();
        let Some(bounds) = rings.first().map(|outer| Rect::around(outer)).filter(is_visible) else { return };
        let rings: Vec<Vec<Point>> = rings.into_iter().filter(|ring| is_visible(&Rect::around(ring))).collect();
        self.raster.add(part.shape, &rings.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let pieces = &mut self.shapes[part.shape];
        pieces.polygons.push((place, Tessellated::of(&rings)));
        if bounds.area() > pieces.bounds.area() {
            (pieces.frame, pieces.bounds) = (place, bounds);
        }
    }

    /// The corners of a ring; the borders that are new on the way are kept.
    fn ring(&mut self, ring: &[i32], place: usize, frame: &Frame) -> Vec<Point> {
        let mut corners = Vec::new();
        for (arc, is_backwards) in ring.iter().filter_map(|signed| self.map.arc(*signed)) {
            let borders = &mut self.borders;
            let line = self.lines.entry((place, arc)).or_insert_with(|| {
                let line = simplified(&self.map.arcs[arc], &frame.scale);
                borders.extend(clip::line(&line, frame.rect).into_iter().map(|line| (place, line)));
                line
            });
            match is_backwards {
                false => corners.extend(line.iter().take(line.len().saturating_sub(1))),
                true => corners.extend(line.iter().skip(1).rev()),
            }
        }
        corners
    }

    fn finish(self, frames: Vec<Frame>) -> Prepared {
        let outline = |(place, pieces): (usize, Pieces)| {
            let Pieces { polygons, frame, bounds } = pieces;
            let coverage = self.raster.coverage(Owner::Shape(place));
            let anchor = coverage.pole().unwrap_or_else(|| bounds.middle());
            let area = self.map.shapes[place].area.clone();
            (!polygons.is_empty()).then_some(Outline { area, polygons, coverage, anchor, frame })
        };
        Prepared {
            kind: self.map.kind,
            frames,
            outlines: self.shapes.into_iter().enumerate().filter_map(outline).collect(),
            borders: self.borders,
            free: self.raster.coverage(Owner::Nobody),
        }
    }
}

fn is_visible(bounds: &Rect) -> bool {
    bounds.width >= LEAST_PX || bounds.height >= LEAST_PX
}

fn simplified(line: &[Position], scale: &Scale) -> Vec<Point> {
    let points: Vec<Point> = line.iter().map(|position| scale.point(*position)).collect();
    let plane: Vec<[f64; 2]> = points.iter().map(|point| [f64::from(point.x), f64::from(point.y)]).collect();
    simplify(&plane, TOLERANCE_PX).into_iter().map(|at| points[at]).collect()
}

/// A feature in the pixels of a frame.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// The place of the frame.
    pub frame: usize,
    pub form: Form,
}

#[derive(Debug, Clone)]
pub(crate) enum Form {
    Point(Point),
    Lines(Vec<Vec<Point>>),
    Areas(Vec<Tessellated>),
}

/// The features of a layer in the frames of a map, in their order; `None` for one that lies in no frame, and for all of
/// a schematic map.
pub(crate) fn drawn(layer: &Arc<MapLayer>, map: &Arc<Prepared>) -> Arc<Vec<Option<Drawn>>> {
    let make = || layer.features.iter().map(|feature| map.draw(&feature.geometry)).collect();
    kept(&LAYERS, layer, |known| known.as_ptr() == Arc::as_ptr(map), || Arc::downgrade(map), make)
}

impl Prepared {
    fn draw(&self, geometry: &Geometry) -> Option<Drawn> {
        let first = match geometry {
            Geometry::Point(at) => Some(at),
            Geometry::Line(lines) => lines.first().and_then(|line| line.first()),
            Geometry::Area(polygons) => polygons.first().and_then(|rings| rings.first()?.first()),
        };
        let frame = self.frame_of(*first?)?;
        let Frame { rect, scale, .. } = &self.frames[frame];
        let form = match geometry {
            Geometry::Point(at) => Form::Point(Some(scale.point(*at)).filter(|at| self.is_seen(frame, *at))?),
            Geometry::Line(lines) => {
                let lines = lines.iter().flat_map(|line| clip::line(&simplified(line, scale), *rect));
                Form::Lines(Some(lines.collect::<Vec<_>>()).filter(|lines| !lines.is_empty())?)
            }
            Geometry::Area(polygons) => {
                let polygons = polygons.iter().filter_map(|rings| polygon(rings, scale, *rect));
                Form::Areas(Some(polygons.collect::<Vec<_>>()).filter(|polygons| !polygons.is_empty())?)
            }
        };
        Some(Drawn { frame, form })
    }

    /// Whether a point of a frame lies in it, and not below an inset.
    fn is_seen(&self, frame: usize, at: Point) -> bool {
        self.frames[frame].rect.has(at) && self.frames[frame + 1..].iter().all(|above| !above.rect.has(at))
    }
}

fn polygon(rings: &[Vec<Position>], scale: &Scale, rect: Rect) -> Option<Tessellated> {
    let ring = |ring: &Vec<Position>| {
        let closed: Vec<Position> = ring.iter().chain(ring.first()).copied().collect();
        let mut points = simplified(&closed, scale);
        points.pop();
        clip::ring(&points, rect)
    };
    let mut rings: Vec<Vec<Point>> = rings.iter().map(ring).collect();
    let is_seen = rings.first().is_some_and(|outer| is_visible(&Rect::around(outer)));
    rings.retain(|ring| is_visible(&Rect::around(ring)));
    is_seen.then(|| Tessellated::of(&rings))
}
