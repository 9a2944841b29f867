//! What is drawn: one file per panel kind turns the state of a view into a [`Scene`], which is plain data.
//!
//! The wall draws scenes with the GPU, browsers get them as SVG. This crate does no I/O and reads no
//! clock: the moment is passed in.

mod axis;
pub mod chart;
mod collation;
mod counts;
mod entries;
mod facts;
mod frame;
pub mod image;
pub mod kinds;
mod label;
pub mod legibility;
pub mod locale;
pub mod map;
mod marks;
pub mod number;
mod options;
mod paint;
mod parts;
pub mod place;
pub mod provenance;
mod reading;
mod rows;
pub mod scene;
mod sheet;
pub mod svg;
pub mod text;
pub mod theme;
mod tile;
mod window;
mod wording;

use std::collections::BTreeSet;
use std::hash::Hash;

use protocol::change::WindowSpec;
use protocol::{
    Canvas, Catalogue, ImageId, LayerId, Layout, MapId, PanelSpec, RecordKind, SeriesKey, Timestamp, ViewState,
};
use rustc_hash::FxHashSet;

pub use label::Label;
pub use options::nearest;
pub use paint::paint_panel;
pub use provenance::{Figure, Origin, Provenance};
pub use scene::{Rect, Scene};
pub use window::place as window_place;

/// What a panel needs to be sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Needs {
    /// Latest values.
    pub series: Vec<SeriesKey>,
    /// Windows; at most as many buckets as the panel is wide.
    pub windows: Vec<WindowSpec>,
    /// Tasks, alarms, sessions, how sources do.
    pub records: BTreeSet<RecordKind>,
    pub maps: Vec<MapId>,
    pub layers: Vec<LayerId>,
    pub images: Vec<ImageId>,
}

/// How the link to the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    #[default]
    Live,
    /// Nothing was heard since then.
    Lost { since: Timestamp },
    /// The server serves from memory: its log cannot be written since then.
    LogAway { since: Timestamp },
}

/// All that a panel is painted from.
pub struct Paint<'a> {
    pub spec: &'a PanelSpec,
    pub view: &'a ViewState,
    pub now: Timestamp,
    pub link: Link,
    /// `vi` or `en`.
    pub language: &'a str,
    /// The tile in canvas pixels.
    pub rect: Rect,
    /// Canvas pixels per reference pixel (canvas height ÷ 2160).
    pub scale: f32,
    pub text: &'a mut text::TextEngine,
}

impl Paint<'_> {
    /// How large text is set: as the room of the wall needs it, where that is known.
    #[must_use]
    pub fn type_sizes(&self) -> theme::TypeSizes {
        let arranged = self.view.arranged();
        let room = arranged.and_then(|arranged| Some((arranged.canvas, arranged.wall.as_ref()?.room.as_ref()?)));
        room.map_or_else(
            || theme::TypeSizes::of_scale(self.scale),
            |(canvas, room)| theme::TypeSizes::of_room(canvas, room),
        )
    }
}

/// What was wrong with the options of a panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionsError {
    /// The option, when one is to blame.
    pub option: Option<String>,
    pub message: String,
}

/// A kind of panel. Options are parsed and checked by the kind itself.
pub trait Panel: Sync {
    /// The name in layouts.
    fn kind(&self) -> &'static str;
    /// What it must be sent to be painted in a tile of `rect`; refuses bad options and unknown names.
    ///
    /// # Errors
    /// What is wrong with the options, and what would be right.
    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, rect: Rect) -> Result<Needs, OptionsError>;
    /// Whether the tile gets a plate; otherwise the content stands on the ground.
    fn has_plate(&self) -> bool {
        true
    }
    /// Whether it asks for attention as a whole, so that it has to lie before the seats.
    fn calls_for_attention(&self) -> bool {
        false
    }
    /// Paints the content of the tile; the tile itself (opaque ground, plate) is already there.
    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene);
    /// When the picture changes next without new data (a clock, a value going stale).
    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp>;
}

/// Every kind there is.
pub static PANELS: &[&dyn Panel] = &[
    &kinds::header::Header,
    &kinds::text::Text,
    &kinds::value::Value,
    &kinds::series::Series,
    &kinds::bars::Bars,
    &kinds::matrix::Matrix,
    &kinds::exceptions::Exceptions,
    &kinds::clock::Clock,
    &kinds::table::Table,
    &kinds::tasks::Tasks,
    &kinds::alarms::Alarms,
    &kinds::agenda::Agenda,
    &kinds::ticker::Ticker,
    &kinds::map::Map,
    &kinds::sources::Sources,
    &kinds::image::ImagePanel,
];

/// The kind called `kind`.
#[must_use]
pub fn panel(kind: &str) -> Option<&'static dyn Panel> {
    PANELS.iter().copied().find(|panel| panel.kind() == kind)
}

/// One thing that is wrong with a layout.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LayoutFinding {
    /// The panel; `None` for the layout as a whole.
    pub panel: Option<protocol::PanelId>,
    /// The option, when one is to blame.
    pub option: Option<String>,
    pub message: String,
}

/// Everything that is wrong with a layout: places, kinds, options, names.
#[must_use]
pub fn validate(layout: &Layout, catalogue: &Catalogue, canvas: Canvas) -> Vec<LayoutFinding> {
    let mut findings = place::findings(layout, canvas);
    for (spec, rect) in place::tiles(layout, canvas) {
        let finding = |option, message| LayoutFinding { panel: Some(spec.id.clone()), option, message };
        match panel(&spec.kind) {
            Some(panel) => {
                if let Err(error) = panel.needs(spec, catalogue, rect) {
                    findings.push(finding(error.option, error.message));
                }
            }
            None => {
                let known: Vec<_> = PANELS.iter().map(|panel| panel.kind()).collect();
                let hint = nearest(&spec.kind, known.iter().copied()).map_or_else(
                    || format!("known kinds: {}", known.join(", ")),
                    |near| format!("did you mean '{near}'?"),
                );
                findings.push(finding(None, format!("unknown panel kind '{}'; {hint}", spec.kind)));
            }
        }
    }
    findings
}

/// What all panels of a layout need to be sent, each named once. Panels with bad options need nothing.
#[must_use]
pub fn needs(layout: &Layout, catalogue: &Catalogue, canvas: Canvas) -> Needs {
    let mut all = Needs::default();
    for (spec, rect) in place::tiles(layout, canvas) {
        let Some(needs) = panel(&spec.kind).and_then(|panel| panel.needs(spec, catalogue, rect).ok()) else { continue };
        all.series.extend(needs.series);
        all.windows.extend(needs.windows);
        all.maps.extend(needs.maps);
        all.layers.extend(needs.layers);
        all.images.extend(needs.images);
        all.records.extend(needs.records);
    }
    name_once(&mut all.series);
    name_once(&mut all.windows);
    name_once(&mut all.maps);
    name_once(&mut all.layers);
    name_once(&mut all.images);
    all
}

/// Each where it is first named.
fn name_once<T: Eq + Hash>(all: &mut Vec<T>) {
    let mut named = FxHashSet::default();
    let is_first: Vec<bool> = all.iter().map(|one| named.insert(one)).collect();
    let mut is_first = is_first.into_iter();
    all.retain(|_| is_first.next().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_again_stands_where_it_was_first_named() {
        let mut all = vec!["c", "a", "c", "b", "a"];
        name_once(&mut all);
        assert_eq!(all, ["c", "a", "b"]);
    }
}
