//! Layouts as pictures to keep, to send and to print: painted once, as they are now.

mod pdf;
mod png;

use std::borrow::Cow;

use panels::svg;
use panels::theme::Theme;
use panels::{Link, Scene};
use protocol::change::{Arranged, Change};
use protocol::message::Mode;
use protocol::{Canvas, Timestamp, ViewState, Wall};

use crate::painter;

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Svg,
    Png,
    Pdf,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Svg, Self::Png, Self::Pdf];

    /// As files of it end.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Pdf => "pdf",
        }
    }

    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
            Self::Pdf => "application/pdf",
        }
    }

    /// What it is meant for: screens, or paper.
    #[must_use]
    pub fn usual_theme(self) -> Theme {
        match self {
            Self::Svg | Self::Png => Theme::Dark,
            Self::Pdf => Theme::Light,
        }
    }
}

/// Which picture of a view.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub format: Format,
    pub theme: Theme,
    pub language: &'static str,
    /// The canvas to paint on; the view's own if absent.
    pub canvas: Option<Canvas>,
    /// The wall to paint for: its canvas, with type as its room needs it.
    pub wall: Option<Wall>,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("there is nothing to paint yet")]
    Empty,
    #[error("the painted SVG cannot be read: {0}")]
    Svg(#[from] resvg::usvg::Error),
    #[error("there is no memory for {} × {} pixels", .0.width_px, .0.height_px)]
    Memory(Canvas),
    #[error("the PNG cannot be written: {0}")]
    Png(#[from] ::png::EncodingError),
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}

/// Paints a view. Takes as long as it takes: not for async threads.
///
/// # Errors
/// When the view is empty or the picture cannot be written.
pub fn make(view: &ViewState, wanted: &Wanted, now: Timestamp, link: Link) -> Result<Vec<u8>, PictureError> {
    let view = moved(view, wanted);
    let arranged = view.arranged().ok_or(PictureError::Empty)?;
    let scenes = painter::scenes(&view, wanted.language, now, link);
    // Paper is looked at later: that all is well at this moment is no news on it.
    let is_quiet = wanted.format == Format::Pdf && link == Link::Live && arranged.mode == Mode::Live;
    let shown = |scene: Scene| if is_quiet { scene.without_state() } else { scene };
    let scenes: Vec<Scene> = scenes.into_iter().map(|scene| shown(scene).in_theme(wanted.theme)).collect();
    let svg = || svg::document_in(wanted.theme, arranged.canvas, &scenes);
    match wanted.format {
        Format::Svg => Ok(svg().into_bytes()),
        Format::Png => png::of_svg(&svg(), arranged.canvas),
        Format::Pdf => pdf::Sheet { arranged, language: wanted.language, theme: wanted.theme, now }.of(&scenes),
    }
}

/// The view as it is on the canvas and the wall that are wanted.
fn moved<'a>(view: &'a ViewState, wanted: &Wanted) -> Cow<'a, ViewState> {
    let Some(arranged) = view.arranged() else { return Cow::Borrowed(view) };
    let canvas = wanted.wall.as_ref().map(|wall| wall.canvas).or(wanted.canvas).unwrap_or(arranged.canvas);
    if canvas == arranged.canvas && wanted.wall == arranged.wall {
        return Cow::Borrowed(view);
    }
    let moved = Arranged { canvas, wall: wanted.wall.clone(), ..Arranged::clone(arranged) };
    let moved = Change::Arranged(moved.into());
    let mut state = ViewState::default();
    for envelope in view.replicate() {
        match envelope.change {
            Some(Change::Arranged(_)) => state.apply(envelope.at, &moved),
            Some(change) => state.apply(envelope.at, &change),
            None => {}
        }
    }
    Cow::Owned(state)
}
