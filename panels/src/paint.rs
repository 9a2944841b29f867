//! One panel painted: ground, plate, content, and the marks that every tile carries.

use protocol::message::Mode;

use crate::kinds::header;
use crate::scene::{Item, Quad, Scene};
use crate::text::Font;
use crate::theme::{self, SPACING, TextClass};
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
///
/// The findings themselves are for those who configure, in English; a wall says in its own language where to look.
fn complaint(paint: &Paint<'_>, kind: Option<&dyn Panel>) -> Option<String> {
    let arranged = paint.view.arranged()?;
    let error = kind?.needs(paint.spec, &arranged.catalogue, paint.rect).err()?;
    if paint.language == "en" {
        return Some(error.message);
    }
    let option = error.option.unwrap_or_else(|| "options".to_owned());
    Some(locale::text_with(paint.language, "bad-option-detail", &[("option", &option)]))
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
        tile.style(Font::SemiBold, TextClass::Title, theme::TEXT_3),
        tile.style(Font::Regular, TextClass::Caption, theme::CAPTION),
    );
    let used = tile.paragraph(&headline, title, tile.room);
    tile.take_top(used + tile.px(10.0));
    tile.paragraph(&detail, body, tile.room);
}

/// A tile that does not show the present says so; of the link the header tells, where it has room to.
fn mark_mode(paint: &mut Paint<'_>, scene: &mut Scene, kind: Option<&dyn Panel>) {
    if kind.is_some_and(|kind| !kind.has_plate()) {
        return;
    }
    let Some(strip) = Strip::of(paint) else { return };
    let (ink, plate) = match (strip.mode, strip.link) {
        (_, Link::Lost { .. }) => (theme::CRITICAL_TEXT, theme::CRITICAL_PLATE),
        (Mode::Replay, _) => (theme::INK, theme::WARNING),
        (Mode::Rehearsal, _) => (theme::WHITE, theme::REHEARSAL),
        (Mode::Live, _) => (theme::WARNING_TEXT, theme::WARNING_PLATE),
    };
    let words = strip.words(paint.language);
    Tile::new(paint, scene).mode_strip(&words, ink, plate);
}

/// What every tile has to say of itself.
pub(crate) struct Strip {
    mode: Mode,
    /// Live where the header tells of it.
    link: Link,
}

impl Strip {
    pub(crate) fn of(paint: &mut Paint<'_>) -> Option<Self> {
        let mode = paint.view.arranged().map_or(Mode::Live, |arranged| arranged.mode);
        let is_told = paint.link == Link::Live || header::tells_state(paint);
        let link = if is_told { Link::Live } else { paint.link };
        (mode != Mode::Live || link != Link::Live).then_some(Self { mode, link })
    }

    fn words(&self, language: &str) -> String {
        let mode = match self.mode {
            Mode::Live => None,
            Mode::Replay => Some(locale::text(language, "replay")),
            Mode::Rehearsal => Some(locale::text(language, "rehearsal")),
        };
        let since = |key, at| locale::text_with(language, key, &[("time", &number::clock(at))]);
        let link = match self.link {
            Link::Live => None,
            Link::Lost { since: at } => Some(since("link-lost", at)),
            Link::LogAway { since: at } => Some(since("log-away", at)),
        };
        mode.into_iter().chain(link).collect::<Vec<_>>().join(" · ")
    }
}
