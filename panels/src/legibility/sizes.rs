//! Heights, places and what was lost.

use std::collections::BTreeMap;

use protocol::{Room, Wall};

use super::{Finding, Level, Measured, ROUNDING, Rule, Seen, arcmin, pitch_mm};
use crate::scene::{Rect, TextRun};
use crate::text::{CAP_HEIGHT, ELLIPSIS};
use crate::theme::{LEAST_CAP_PX, SMALLEST_ARCMIN, TextClass};

/// Better than the least, in minutes of arc.
const PREFERRED_ARCMIN: f64 = 20.0;
/// From baseline to baseline, in em of the lower line above it and of the upper line below it.
const ASCENT: f32 = 1.0;
const DESCENT: f32 = 0.25;
/// Digits have no marks.
const DIGIT_ASCENT: f32 = 0.76;
const DIGIT_DESCENT: f32 = 0.04;
/// Of one class, in relation to their mean.
const MOST_DIFFERENCE: f64 = 0.1;
/// Width of a digit of our fonts in relation to its height.
const DIGIT_WIDTH: f64 = 0.86;
/// From straight ahead.
const MOST_DEGREES: f64 = 35.0;

pub(super) fn of_panel(wall: &Wall, seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(room) = &wall.room {
        findings.extend(text_height(wall, room, seen));
        findings.extend(numeral_height(wall, room, seen));
        findings.extend(viewing_cone(wall, room, seen));
    }
    findings.extend(pixels_per_glyph(seen));
    findings.extend(diacritics(seen));
    findings.extend(bezel(wall, seen));
    findings.extend(overflow(seen));
    findings
}

pub(super) fn of_layout(wall: &Wall, panels: &[Seen<'_>]) -> Vec<Finding> {
    let mut findings = same_class_size(panels);
    findings.extend(wall.room.as_ref().and_then(|room| aspect(wall, room)));
    findings
}

fn heights<'a>(wall: &Wall, room: &Room, seen: &Seen<'a>) -> impl Iterator<Item = (&'a TextRun, f64)> + use<'a> {
    let (_, pitch_mm) = pitch_mm(wall, room);
    let distance = room.farthest_seat_mm;
    seen.scene.texts().map(move |run| (run, arcmin(f64::from(run.size * CAP_HEIGHT) * pitch_mm, distance)))
}

fn text_height(wall: &Wall, room: &Room, seen: &Seen<'_>) -> Option<Finding> {
    let smallest = Measured::least(heights(wall, room, seen))?;
    let least = f64::from(SMALLEST_ARCMIN);
    let (level, limit) = match smallest.measured {
        measured if measured < least * ROUNDING => (Level::Error, least),
        measured if measured < PREFERRED_ARCMIN * ROUNDING => (Level::Warning, PREFERRED_ARCMIN),
        _ => return None,
    };
    let message = format!(
        "'{}' spans {:.1}′ from the farthest seat; {limit:.0}′ are needed to read it without an effort: give the panel \
         more room or shorter words",
        smallest.run.content.as_str(),
        smallest.measured
    );
    Some(smallest.finding(Rule::TextHeight, level, seen.panel, limit, message))
}

fn numeral_height(wall: &Wall, room: &Room, seen: &Seen<'_>) -> Option<Finding> {
    let is_numeral = |run: &TextRun| matches!(run.class, TextClass::Numeral | TextClass::SmallNumeral);
    let smallest = Measured::least(heights(wall, room, seen).filter(|(run, _)| is_numeral(run)))?;
    let limit = f64::from(smallest.run.class.least_arcmin());
    let message = format!(
        "the numeral '{}' spans {:.1}′ from the farthest seat; {limit:.0}′ are needed: make the panel wider or higher",
        smallest.run.content.as_str(),
        smallest.measured
    );
    (smallest.measured < limit * ROUNDING)
        .then(|| smallest.finding(Rule::NumeralHeight, Level::Error, seen.panel, limit, message))
}

fn pixels_per_glyph(seen: &Seen<'_>) -> Option<Finding> {
    let heights = seen.scene.texts().map(|run| (run, f64::from(run.size * CAP_HEIGHT)));
    let smallest = Measured::least(heights)?;
    let limit = f64::from(LEAST_CAP_PX);
    let message = format!(
        "capitals of '{}' have {:.1} px; letters keep their shape from {limit:.0} px on",
        smallest.run.content.as_str(),
        smallest.measured
    );
    (smallest.measured < limit * ROUNDING)
        .then(|| smallest.finding(Rule::PixelsPerGlyph, Level::Error, seen.panel, limit, message))
}

/// Above and below the baseline, in canvas pixels.
fn extent(run: &TextRun) -> (f32, f32) {
    let has_marks = run.content.as_str().chars().any(char::is_alphabetic);
    let (ascent, descent) = if has_marks { (ASCENT, DESCENT) } else { (DIGIT_ASCENT, DIGIT_DESCENT) };
    (ascent * run.size, descent * run.size)
}

/// The box that marks and tails of the letters need.
pub(super) fn ink(run: &TextRun) -> Rect {
    let baseline = run.glyphs.first().map_or(run.bounds.bottom(), |glyph| glyph.y);
    let (above, below) = extent(run);
    Rect::new(run.bounds.x, baseline - above, run.bounds.width, above + below)
}

fn diacritics(seen: &Seen<'_>) -> Option<Finding> {
    let mut lines: Vec<(&TextRun, Rect)> = seen.scene.texts().map(|run| (run, ink(run))).collect();
    lines.sort_by(|a, b| a.1.y.total_cmp(&b.1.y));
    let mut worst: Option<(&TextRun, f32)> = None;
    for (index, (upper, above)) in lines.iter().enumerate() {
        let behind = lines[index + 1..].iter().take_while(|(_, below)| below.y < above.bottom());
        for (lower, below) in behind {
            let beside = above.x.max(below.x) + 1.0 >= above.right().min(below.right());
            // Side by side on one line, such as a numeral and its unit.
            if beside {
                continue;
            }
            let overlap = (above.bottom() - below.y) / upper.size.min(lower.size);
            if overlap > 0.02 && worst.is_none_or(|(_, most)| overlap > most) {
                worst = Some((lower, overlap));
            }
        }
    }
    let (run, overlap) = worst?;
    let (measured, limit) = (f64::from(1.25 - overlap), 1.25);
    let message = format!(
        "'{}' stands {measured:.2} em below the line above it; the marks that stack on Vietnamese capitals need {limit} em",
        run.content.as_str()
    );
    Some(Measured { run, measured }.finding(Rule::Diacritics, Level::Error, seen.panel, limit, message))
}

/// The displays of a wall; one that covers the canvas where none are named.
fn displays(wall: &Wall) -> Vec<Rect> {
    let px = |length: u32| length as f32;
    let named = wall.displays.iter();
    named
        .map(|display| Rect::new(px(display.x_px), px(display.y_px), px(display.width_px), px(display.height_px)))
        .collect()
}

fn bezel(wall: &Wall, seen: &Seen<'_>) -> Option<Finding> {
    let displays = displays(wall);
    if displays.is_empty() {
        return None;
    }
    let is_whole = |run: &&TextRun| displays.iter().any(|display| display.contains(&ink(run)));
    let run = seen.scene.texts().find(|run| !is_whole(run))?;
    let message = format!("'{}' crosses the edge of a display; move the panel off the seam", run.content.as_str());
    let crossing = Measured { run, measured: 1.0 };
    Some(crossing.finding(Rule::Bezel, Level::Error, seen.panel, 0.0, message))
}

fn overflow(seen: &Seen<'_>) -> Option<Finding> {
    let shortened = seen.scene.texts().filter(|run| run.content.as_str().ends_with(ELLIPSIS));
    let lost = shortened.map(|run| run.content.as_str()).chain(seen.scene.left_out.iter().map(|text| &**text));
    let lost: Vec<&str> = lost.collect();
    let first = (*lost.first()?).to_owned();
    let message = format!(
        "{} text(s) have no room and are shortened or left out, such as '{first}': make the panel larger or the words \
         shorter",
        lost.len()
    );
    Some(Finding {
        rule: Rule::Overflow,
        level: Level::Error,
        panel: Some(seen.panel.clone()),
        text: Some(first),
        measured: lost.len() as f64,
        limit: 0.0,
        message,
    })
}

/// Whether anything in the panel is meant to be seen at a glance.
fn is_important(seen: &Seen<'_>) -> bool {
    seen.calls || seen.scene.texts().any(|run| run.class == TextClass::Numeral)
}

fn viewing_cone(wall: &Wall, room: &Room, seen: &Seen<'_>) -> Option<Finding> {
    if !is_important(seen) {
        return None;
    }
    let (across_mm, down_mm) = pitch_mm(wall, room);
    let middle_x = f64::from(seen.rect.x + seen.rect.width / 2.0) * across_mm - room.wall_width_mm / 2.0;
    let middle_y = f64::from(seen.rect.y + seen.rect.height / 2.0) * down_mm;
    let degrees = |seat: &protocol::wall::Seat| {
        let aside = middle_x - seat.offset_mm;
        // Where heights are not known, eyes are level with the panel.
        let above = match (room.lower_edge_mm, seat.eye_height_mm) {
            (Some(edge), Some(eye)) => edge + room.wall_height_mm - middle_y - eye,
            _ => 0.0,
        };
        aside.hypot(above).atan2(seat.distance_mm).to_degrees()
    };
    let measured = room.eyes().iter().map(degrees).fold(0.0, f64::max);
    (measured > MOST_DEGREES).then(|| Finding {
        rule: Rule::ViewingCone,
        level: Level::Error,
        panel: Some(seen.panel.clone()),
        text: None,
        measured,
        limit: MOST_DEGREES,
        message: format!(
            "the panel lies {measured:.0}° aside of a seat's straight ahead; what asks for attention lies within \
             {MOST_DEGREES:.0}°"
        ),
    })
}

fn same_class_size(panels: &[Seen<'_>]) -> Vec<Finding> {
    let mut extremes: BTreeMap<TextClass, [(f32, &Seen<'_>, &TextRun); 2]> = BTreeMap::new();
    for seen in panels {
        for run in seen.scene.texts() {
            let this = (run.size, seen, run);
            let [least, most] = extremes.entry(run.class).or_insert([this, this]);
            if run.size < least.0 {
                *least = this;
            }
            if run.size > most.0 {
                *most = this;
            }
        }
    }
    let differing = extremes.into_iter().filter_map(|(class, [least, most])| {
        let measured = f64::from(2.0 * (most.0 - least.0) / (most.0 + least.0));
        (measured > MOST_DIFFERENCE / ROUNDING).then(|| {
            let (_, seen, run) = least;
            let message = format!(
                "'{}' is {class:?} at {:.0} px and '{}' in panel '{}' at {:.0} px, {:.0} % apart; text of one class \
                 differs by {:.0} % at most",
                run.content.as_str(),
                least.0,
                most.2.content.as_str(),
                most.1.panel,
                most.0,
                measured * 100.0,
                MOST_DIFFERENCE * 100.0
            );
            let smallest = Measured { run, measured };
            smallest.finding(Rule::SameClassSize, Level::Warning, seen.panel, MOST_DIFFERENCE, message)
        })
    });
    differing.collect()
}

fn aspect(wall: &Wall, room: &Room) -> Option<Finding> {
    let (across_mm, down_mm) = pitch_mm(wall, room);
    let measured = DIGIT_WIDTH * across_mm / down_mm;
    let (least, most) = (0.5, 1.0);
    if (least..=most).contains(&measured) {
        return None;
    }
    let limit = if measured < least { least } else { most };
    Some(Finding {
        rule: Rule::Aspect,
        level: Level::Error,
        panel: None,
        text: None,
        measured,
        limit,
        message: format!(
            "digits are {measured:.2} times as wide as high; {least} to {most} can be read: the canvas is stretched, or \
             the room's wall_width_mm and wall_height_mm are not those of the wall"
        ),
    })
}
