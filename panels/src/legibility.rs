//! Whether a painted layout can be read from where people sit: rules over scenes and the room of a wall.
//!
//! The rules are derived from published guidance (ISO 9241-3, NUREG-0700, WCAG); conformance is not claimed.

mod colors;
mod motion;
mod sample;
mod sizes;

use protocol::{Catalogue, Layout, PanelId, Room, Timestamp, ViewState, Wall};
use serde::{Deserialize, Serialize};

use crate::scene::{Rect, Scene, TextRun};
use crate::text::TextEngine;
use crate::{Link, Paint, paint_panel, panel, place};

pub use motion::{Frame, of_frames, of_readout_interval};

/// What is asked of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Capitals span 16′ from the farthest seat, better 20′.
    TextHeight,
    /// Headline numerals span 60′.
    NumeralHeight,
    /// Lines are 1.25 em apart, so that stacked Vietnamese marks do not touch.
    Diacritics,
    /// Text is 6 : 1 against what is behind it with the room's light on both, better 10 : 1; marks 3 : 1.
    Contrast,
    /// Capitals have 14 pixels.
    PixelsPerGlyph,
    /// Text of one class differs by a tenth at most all over the wall.
    SameClassSize,
    /// Digits are between half and once as wide as high: the picture is not stretched.
    Aspect,
    /// A layout uses seven meanings of colour at most, and none without a shape.
    ColourCount,
    /// What flashes does so twice a second at most, is on as long as off, and is no text.
    Flash,
    /// Numerals change every 2 seconds at most.
    ReadoutRate,
    /// Panels that ask for attention lie within 35° of straight ahead.
    ViewingCone,
    /// No text crosses a bezel.
    Bezel,
    /// No text is cut, shortened or left out.
    Overflow,
}

impl Rule {
    /// As it is written in findings: `text-height`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TextHeight => "text-height",
            Self::NumeralHeight => "numeral-height",
            Self::Diacritics => "diacritics",
            Self::Contrast => "contrast",
            Self::PixelsPerGlyph => "pixels-per-glyph",
            Self::SameClassSize => "same-class-size",
            Self::Aspect => "aspect",
            Self::ColourCount => "colour-count",
            Self::Flash => "flash",
            Self::ReadoutRate => "readout-rate",
            Self::ViewingCone => "viewing-cone",
            Self::Bezel => "bezel",
            Self::Overflow => "overflow",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It can be read, with an effort.
    Warning,
    /// It cannot be read by some, or misleads.
    Error,
}

/// One thing that is hard to read: the worst of its kind in its panel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: Rule,
    pub level: Level,
    /// `None` for the layout as a whole.
    pub panel: Option<PanelId>,
    /// The text that is hard to read.
    pub text: Option<String>,
    /// In the unit of the message.
    pub measured: f64,
    pub limit: f64,
    pub message: String,
}

/// One painted panel of a layout.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub panel: &'a PanelId,
    /// Its tile in canvas pixels.
    pub rect: Rect,
    pub scene: &'a Scene,
    /// Whether it asks for attention, as exceptions and alarms do.
    pub calls: bool,
}

/// What a room is where nothing else is said: a lit meeting room before an LED wall, in cd/m².
const USUAL_AMBIENT: f64 = 4.0;
const USUAL_PEAK: f64 = 400.0;

/// Everything that is hard to read of `layout` on `wall`, worst first, whether figures are as they should be or not.
/// Both are made up, since a layout is checked before there are any.
#[must_use]
pub fn check(layout: &Layout, catalogue: &Catalogue, wall: &Wall, text: &mut TextEngine) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for day in [sample::Day::Good, sample::Day::Bad] {
        let (view, now) = sample::state(layout, catalogue, wall, day);
        for finding in of_view(&view, wall, now, text) {
            // The same panel is not blamed twice for the same.
            if !all.iter().any(|known| known.rule == finding.rule && known.panel == finding.panel) {
                all.push(finding);
            }
        }
    }
    all.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    all
}

/// Everything that is hard to read of a view as it is now, worst first.
#[must_use]
pub fn of_view(view: &ViewState, wall: &Wall, now: Timestamp, text: &mut TextEngine) -> Vec<Finding> {
    let Some(arranged) = view.arranged() else { return Vec::new() };
    let (layout, canvas) = (&arranged.layout, arranged.canvas);
    let scale = place::scale(canvas);
    let mut paint =
        |spec, rect, now| paint_panel(Paint { spec, view, now, link: Link::Live, language: "vi", rect, scale, text });
    let mut moving = Vec::new();
    let mut painted = Vec::new();
    for (spec, rect) in place::tiles(layout, canvas) {
        let kind = panel(&spec.kind);
        let next = |at| kind.and_then(|kind| kind.next_change(spec, view, at));
        let frames = motion::frames(now, next, |at| paint(spec, rect, at));
        moving.extend(of_frames(&spec.id, &frames));
        let scene = frames.into_iter().next().map(|frame| frame.scene).unwrap_or_default();
        painted.push((spec, rect, scene, kind.is_some_and(|kind| kind.calls_for_attention())));
    }
    let seen: Vec<Seen<'_>> = painted
        .iter()
        .map(|(spec, rect, scene, calls)| Seen { panel: &spec.id, rect: *rect, scene, calls: *calls })
        .collect();
    let mut findings = findings(wall, &seen);
    findings.extend(moving);
    findings
}

/// Everything that is hard to read of a layout painted for `wall`, worst first. Without a room only what holds at any
/// distance is looked at.
#[must_use]
pub fn findings(wall: &Wall, panels: &[Seen<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in panels {
        findings.extend(sizes::of_panel(wall, seen));
        findings.extend(colors::of_panel(wall.room.as_ref(), seen));
    }
    findings.extend(sizes::of_layout(wall, panels));
    findings.extend(colors::of_layout(panels));
    findings.extend(motion::of_layout(panels));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

/// A measured text; the worst of a panel is what is reported.
struct Measured<'a> {
    run: &'a TextRun,
    measured: f64,
}

impl<'a> Measured<'a> {
    /// The one that is measured least.
    fn least(all: impl Iterator<Item = (&'a TextRun, f64)>) -> Option<Self> {
        let least = all.min_by(|a, b| a.1.total_cmp(&b.1));
        least.map(|(run, measured)| Self { run, measured })
    }

    fn finding(&self, rule: Rule, level: Level, panel: &PanelId, limit: f64, message: String) -> Finding {
        Finding {
            rule,
            level,
            panel: Some(panel.clone()),
            text: Some(self.run.content.as_str().to_owned()),
            measured: self.measured,
            limit,
            message,
        }
    }
}

/// Lets pass what misses a limit by rounding alone.
const ROUNDING: f64 = 0.99;

/// Millimetres per canvas pixel, across and down.
fn pitch_mm(wall: &Wall, room: &Room) -> (f64, f64) {
    let canvas = wall.canvas;
    (room.wall_width_mm / f64::from(canvas.width_px.max(1)), room.wall_height_mm / f64::from(canvas.height_px.max(1)))
}

/// Minutes of arc that a height spans from a distance.
fn arcmin(height_mm: f64, distance_mm: f64) -> f64 {
    (height_mm / 2.0 / distance_mm).atan().to_degrees() * 2.0 * 60.0
}
