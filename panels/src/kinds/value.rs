//! To be widened.

use protocol::{Catalogue, PanelSpec, Timestamp, ViewState};

use crate::scene::{Rect, Scene};
use crate::text::{Font, Style};
use crate::theme::{self, TYPE};
use crate::tile::Tile;
use crate::{Needs, OptionsError, Paint, Panel};

/// The kind `value`.
pub struct Value;

impl Panel for Value {
    fn kind(&self) -> &'static str {
        "value"
    }
    fn needs(&self, _spec: &PanelSpec, _catalogue: &Catalogue, _rect: Rect) -> Result<Needs, OptionsError> {
        Ok(Needs::default())
    }
    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let title = paint.spec.id.to_string();
        let mut tile = Tile::new(paint, scene);
        let style = Style::new(Font::SemiBold, tile.px(TYPE.title), theme::TEXT_2);
        tile.paragraph(&title, style, tile.room);
    }
    fn next_change(&self, _spec: &PanelSpec, _view: &ViewState, _now: Timestamp) -> Option<Timestamp> {
        None
    }
}
