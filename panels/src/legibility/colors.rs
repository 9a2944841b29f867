//! Contrast with the room's light on the wall, and how much colour is asked to mean.

use std::collections::BTreeMap;

use protocol::{PanelId, Room};

use super::{Finding, Level, Measured, ROUNDING, Rule, Seen, USUAL_AMBIENT, USUAL_PEAK};
use crate::scene::{Item, Point, Polygon, Scene, TextRun};
use crate::theme::{self, Color, Meaning};

const LEAST: f64 = 6.0;
const PREFERRED: f64 = 10.0;
const LEAST_OF_MARKS: f64 = 3.0;
const MOST_MEANINGS: usize = 7;

pub(super) fn of_panel(room: Option<&Room>, seen: &Seen<'_>) -> Vec<Finding> {
    let light = Light::of(room);
    let texts = text_contrast(light, seen);
    texts.into_iter().chain(mark_contrast(light, seen)).chain(color_alone(seen)).collect()
}

pub(super) fn of_layout(panels: &[Seen<'_>]) -> Option<Finding> {
    let mut meanings: BTreeMap<Meaning, &PanelId> = BTreeMap::new();
    for seen in panels {
        for meaning in seen.scene.items.iter().filter_map(color_of).filter_map(theme::meaning) {
            meanings.entry(meaning).or_insert(seen.panel);
        }
    }
    (meanings.len() > MOST_MEANINGS).then(|| {
        let named: Vec<String> = meanings.keys().map(|meaning| format!("{meaning:?}")).collect();
        Finding {
            rule: Rule::ColourCount,
            level: Level::Error,
            panel: None,
            text: None,
            measured: meanings.len() as f64,
            limit: MOST_MEANINGS as f64,
            message: format!(
                "colour has {} meanings here ({}); nobody tells more than {MOST_MEANINGS} apart: show fewer series",
                meanings.len(),
                named.join(", ")
            ),
        }
    })
}

/// What is added to every pixel, and what white gives, in cd/m².
#[derive(Debug, Clone, Copy)]
struct Light {
    ambient: f64,
    peak: f64,
}

impl Light {
    fn of(room: Option<&Room>) -> Self {
        Self {
            ambient: room.and_then(|room| room.ambient_cd_m2).unwrap_or(USUAL_AMBIENT),
            peak: room.and_then(|room| room.peak_cd_m2).unwrap_or(USUAL_PEAK),
        }
    }

    fn contrast(self, a: Color, b: Color) -> f64 {
        let seen = |color| theme::luminance(color) * self.peak + self.ambient;
        let (a, b) = (seen(a), seen(b));
        a.max(b) / a.min(b)
    }
}

fn text_contrast(light: Light, seen: &Seen<'_>) -> Option<Finding> {
    let against = |index: usize, run: &TextRun| {
        let middle = Point { x: run.bounds.x + run.bounds.width / 2.0, y: run.bounds.y + run.bounds.height / 2.0 };
        light.contrast(run.color, behind(seen.scene, index, middle, |_| true))
    };
    let runs = seen.scene.items.iter().enumerate().filter_map(|(index, item)| match item {
        Item::Text(run) => Some((run, against(index, run))),
        _ => None,
    });
    let weakest = Measured::least(runs)?;
    let (level, limit) = match weakest.measured {
        measured if measured < LEAST * ROUNDING => (Level::Error, LEAST),
        measured if measured < PREFERRED * ROUNDING => (Level::Warning, PREFERRED),
        _ => return None,
    };
    let message = format!(
        "'{}' has a contrast of {:.1} : 1 with the room's light on the wall; {limit:.0} : 1 is needed: darken the room \
         or brighten the wall",
        weakest.run.content.as_str(),
        weakest.measured
    );
    Some(weakest.finding(Rule::Contrast, level, seen.panel, limit, message))
}

/// Shapes and lines whose colour says something.
fn mark_contrast(light: Light, seen: &Seen<'_>) -> Option<Finding> {
    let marks = seen.scene.items.iter().enumerate().filter_map(|(index, item)| {
        let color = color_of(item).filter(|color| color.a == 255)?;
        let place = match item {
            Item::Polyline(line) => *line.points.first()?,
            Item::Disc(disc) => disc.center,
            Item::Polygon(polygon) => centre_of(polygon)?,
            Item::Quad(_) | Item::Text(_) | Item::Image(_) => return None,
        };
        theme::meaning(color).filter(|meaning| *meaning != Meaning::Map)?;
        Some(light.contrast(color, behind(seen.scene, index, place, |item| matches!(item, Item::Quad(_)))))
    });
    let measured = marks.min_by(f64::total_cmp)?;
    (measured < LEAST_OF_MARKS * ROUNDING).then(|| Finding {
        rule: Rule::Contrast,
        level: Level::Error,
        panel: Some(seen.panel.clone()),
        text: None,
        measured,
        limit: LEAST_OF_MARKS,
        message: format!(
            "a line or mark has a contrast of {measured:.1} : 1 with the room's light on the wall; {LEAST_OF_MARKS:.0} : 1 \
             is needed: darken the room or brighten the wall"
        ),
    })
}

/// A status that only its colour tells.
fn color_alone(seen: &Seen<'_>) -> Option<Finding> {
    let told = [Meaning::Warning, Meaning::Critical].into_iter().find(|&meaning| {
        let mut items = seen.scene.items.iter().filter(|item| color_of(item).and_then(theme::meaning) == Some(meaning));
        // Lines and charts have dashes and markers of their own.
        let colored = items.clone().any(|item| matches!(item, Item::Text(_) | Item::Quad(_)));
        colored && !items.any(is_shape)
    })?;
    Some(Finding {
        rule: Rule::ColourCount,
        level: Level::Error,
        panel: Some(seen.panel.clone()),
        text: None,
        measured: 1.0,
        limit: 0.0,
        message: format!("{told:?} is told by colour alone; it needs its shape too"),
    })
}

fn is_shape(item: &Item) -> bool {
    match item {
        Item::Polygon(_) | Item::Polyline(_) | Item::Disc(_) => true,
        Item::Text(run) => run.content.as_str().starts_with(['▲', '▼', '◆']),
        Item::Quad(_) | Item::Image(_) => false,
    }
}

fn color_of(item: &Item) -> Option<Color> {
    let color = match item {
        Item::Quad(quad) if quad.fill.a > 0 => quad.fill,
        Item::Quad(quad) => quad.border,
        Item::Polyline(line) => line.color,
        Item::Polygon(polygon) => polygon.fill,
        Item::Disc(disc) => disc.fill,
        Item::Text(run) => run.color,
        Item::Image(_) => return None,
    };
    (color.a > 0).then_some(color)
}

/// What lies at a point behind the item at `index`, as far as it counts: marks may lie on marks.
fn behind(scene: &Scene, index: usize, at: Point, counts: impl Fn(&&Item) -> bool) -> Color {
    let covering = scene.items[..index].iter().filter(counts).filter_map(|item| covers(item, at));
    covering.fold(theme::GROUND, theme::over)
}

/// The colour an item gives a point; none where it does not reach.
fn covers(item: &Item, at: Point) -> Option<Color> {
    match item {
        Item::Quad(quad) if quad.fill.a > 0 && quad.rect.has(at) => Some(quad.fill),
        Item::Polygon(polygon) if covered_by(polygon, at) => Some(polygon.fill),
        _ => None,
    }
}

fn covered_by(polygon: &Polygon, at: Point) -> bool {
    let corner = |index: &u32| polygon.points.get(*index as usize).copied().unwrap_or_default();
    polygon.triangles.chunks_exact(3).any(|triangle| {
        let side = |from: &u32, to: &u32| {
            let (from, to) = (corner(from), corner(to));
            (to.x - from.x) * (at.y - from.y) - (to.y - from.y) * (at.x - from.x)
        };
        let [a, b, c] = triangle else { return false };
        let sides = [side(a, b), side(b, c), side(c, a)];
        sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
    })
}

fn centre_of(polygon: &Polygon) -> Option<Point> {
    let triangle = polygon.triangles.get(..3)?;
    let corners = triangle.iter().map(|index| polygon.points.get(*index as usize).copied());
    let corners: Vec<Point> = corners.collect::<Option<_>>()?;
    let mean = |of: fn(&Point) -> f32| corners.iter().map(of).sum::<f32>() / 3.0;
    Some(Point { x: mean(|corner| corner.x), y: mean(|corner| corner.y) })
}
