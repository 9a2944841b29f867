//! A title and paragraphs.

use protocol::{Catalogue, PanelSpec, Timestamp, ViewState};
use serde::Deserialize;

use crate::options::parse;
use crate::scene::{Rect, Scene};
use crate::text::Font;
use crate::theme::{self, TextClass};
use crate::tile::Tile;
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel};

/// The kind `text`.
pub struct Text;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// Line ends part paragraphs.
    body: Wording,
}

impl Panel for Text {
    fn kind(&self) -> &'static str {
        "text"
    }

    fn needs(&self, spec: &PanelSpec, _: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        parse::<Options>(spec).map(|_| Needs::default())
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let language = paint.language;
        let mut tile = Tile::new(paint, scene);
        if let Some(title) = &options.title {
            tile.title_row(title.in_language(language), None, false);
            tile.take_top(tile.px(10.0));
        }
        // Short texts are set larger; what does not fit is set smaller.
        let style = tile.style(Font::Regular, TextClass::Prose, theme::TEXT_2);
        tile.paragraph(options.body.in_language(language), style, tile.room);
    }

    fn next_change(&self, _: &PanelSpec, _: &ViewState, _: Timestamp) -> Option<Timestamp> {
        None
    }
}
