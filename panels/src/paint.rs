//! One panel painted: ground, plate, content, and the marks that every tile carries.

use protocol::Timestamp;
use protocol::message::Mode;

use crate::scene::{Item, Quad, Scene};
use crate::text::{Font, Style};
use crate::theme::{self, SPACING, TYPE};
use crate::tile::Tile;
use crate::{Link, Paint, Panel, locale, number, panel};

/// Paints one panel: an opaque ground over the whole tile first, so that it can be redrawn alone.
///
/// A kind that is not known here, or options that do not parse, paint a placeholder that says so.
#[must_use]
pub fn paint_panel(mut paint: Paint<'_>) -> Scene {
    let mut scene = Scene::default();
    let rect = paint.rect;
    scene.items.push(Item::Quad(Quad {
        rect,
        radius: 0.0,
        fill: theme::GROUND,
        border: theme::Color::TRANSPARENT,
        border_width: 0.0,
    }));
    let kind = panel(&paint.spec.kind);
    if kind.is_none_or(Panel::has_plate) {
        scene.items.push(Item::Quad(plate(&paint)));
    }
    match (kind, complaint(&paint, kind)) {
        (Some(kind), None) => kind.paint(&mut paint, &mut scene),
        (_, complaint) => placeholder(&mut paint, &mut scene, complaint),
    }
    mark_mode(&mut paint, &mut scene, kind);
    scene
}

fn plate(paint: &Paint<'_>) -> Quad {
    Quad {
        rect: paint.rect,
        radius: SPACING.radius * paint.scale,
        fill: theme::PANEL,
        border: theme::HAIRLINE,
        border_width: SPACING.border * paint.scale,
    }
}

/// What is wrong with the options; before the first snapshot nothing can be.
fn complaint(paint: &Paint<'_>, kind: Option<&dyn Panel>) -> Option<String> {
    let arranged = paint.view.arranged()?;
    kind?.needs(paint.spec, &arranged.catalogue, paint.rect).err().map(|error| error.message)
}

/// Says which panel cannot be drawn and why.
fn placeholder(paint: &mut Paint<'_>, scene: &mut Scene, complaint: Option<String>) {
    let language = paint.language;
    let headline = match &complaint {
        Some(_) => locale::text_with(language, "bad-options", &[("panel", paint.spec.id.as_str())]),
        None => locale::text_with(language, "unknown-kind", &[("kind", &paint.spec.kind)]),
    };
    let detail = complaint.unwrap_or_else(|| paint.spec.id.to_string());
    let mut tile = Tile::new(paint, scene);
    let (title, body) = (
        Style::new(Font::SemiBold, tile.px(TYPE.title), theme::TEXT_3),
        Style::new(Font::Regular, tile.px(TYPE.caption), theme::CAPTION),
    );
    let used = tile.paragraph(&headline, title, tile.room);
    tile.take_top(used + tile.px(10.0));
    tile.paragraph(&detail, body, tile.room);
}

/// A tile that does not show the present says so; of a lost link the header tells, where there is one.
fn mark_mode(paint: &mut Paint<'_>, scene: &mut Scene, kind: Option<&dyn Panel>) {
    if kind.is_some_and(|kind| !kind.has_plate()) {
        return;
    }
    let Some(strip) = Strip::of(paint) else { return };
    let since = |key, at| locale::text_with(paint.language, key, &[("time", &number::clock(at))]);
    let (words, ink, plate) = match strip {
        Strip::Replay => (locale::text(paint.language, "replay"), theme::GROUND, theme::WARNING),
        Strip::Rehearsal => (locale::text(paint.language, "rehearsal"), theme::WHITE, theme::REHEARSAL),
        Strip::Lost(at) => (since("link-lost", at), theme::CRITICAL_TEXT, theme::CRITICAL_PLATE),
    };
    Tile::new(paint, scene).mode_strip(&words, ink, plate);
}

/// What every tile has to say of itself.
pub(crate) enum Strip {
    Replay,
    Rehearsal,
    Lost(Timestamp),
}

impl Strip {
    pub(crate) fn of(paint: &Paint<'_>) -> Option<Self> {
        let arranged = paint.view.arranged();
        let has_header =
            arranged.is_some_and(|arranged| arranged.layout.panels.iter().any(|panel| panel.kind == "header"));
        match (arranged.map(|arranged| arranged.mode), paint.link) {
            (_, Link::Lost { since }) if !has_header => Some(Self::Lost(since)),
            (Some(Mode::Replay), _) => Some(Self::Replay),
            (Some(Mode::Rehearsal), _) => Some(Self::Rehearsal),
            _ => None,
        }
    }
}
