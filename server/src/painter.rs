//! Paints a view as SVG, panel by panel: only what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use panels::scene::Rect;
use panels::text::TextEngine;
use panels::{Link, Paint, Scene, place, svg};
use protocol::change::{Arranged, PaintedPanel, Picture, PictureChange};
use protocol::{PanelId, PanelSpec, Timestamp, ViewState};

use crate::log::tail::LogState;

/// What painted pictures are written in; staff read the same words as the wall shows.
const LANGUAGE: &str = "vi";

/// How a view stands to the log.
#[must_use]
pub fn link_of(log: &LogState) -> Link {
    log.away_since.map_or(Link::Live, |since| Link::LogAway { since })
}

/// Every panel of a view, in painting order.
#[must_use]
pub fn scenes(view: &ViewState, language: &str, now: Timestamp, link: Link) -> Vec<Scene> {
    let Some(arranged) = view.arranged() else { return Vec::new() };
    let mut text = TextEngine::new();
    let text = &mut text;
    let scale = place::scale(arranged.canvas);
    let tiles = place::tiles(&arranged.layout, arranged.canvas);
    tiles
        .map(|(spec, rect)| panels::paint_panel(Paint { spec, view, now, link, language, rect, scale, text }))
        .collect()
}

/// A panel as it was last painted.
struct Painted {
    svg: String,
    /// When it changes next without new numbers.
    next_change: Option<Timestamp>,
}

/// Paints one view again and again, and tells what changed since the last time.
#[derive(Default)]
pub struct Painter {
    text: Option<TextEngine>,
    view: Option<Arc<ViewState>>,
    link: Link,
    panels: BTreeMap<PanelId, Painted>,
}

impl Painter {
    /// Paints `view` at `now`: the picture first when the arrangement changed, then the panels that did.
    pub fn paint(&mut self, view: &Arc<ViewState>, now: Timestamp, link: Link) -> Vec<PictureChange> {
        let Some(arranged) = view.arranged() else { return Vec::new() };
        let before = self.view.replace(Arc::clone(view));
        let rearranged = !before
            .as_ref()
            .and_then(|before| before.arranged())
            .is_some_and(|before| Arc::ptr_eq(before, arranged) || before == arranged);
        let is_same_view = before.is_some_and(|before| Arc::ptr_eq(&before, view)) && self.link == link;
        self.link = link;
        let mut changes = Vec::new();
        if rearranged {
            self.panels.clear();
            changes.push(PictureChange::Picture(picture(arranged)));
        }
        let scale = place::scale(arranged.canvas);
        for (spec, rect) in place::tiles(&arranged.layout, arranged.canvas) {
            let is_current = self
                .panels
                .get(&spec.id)
                .is_some_and(|painted| is_same_view && painted.next_change.is_none_or(|at| at > now));
            if !is_current {
                changes.extend(self.repaint(view, spec, rect, scale, now).map(PictureChange::Panel));
            }
        }
        changes
    }

    fn repaint(
        &mut self,
        view: &ViewState,
        spec: &PanelSpec,
        rect: Rect,
        scale: f32,
        now: Timestamp,
    ) -> Option<PaintedPanel> {
        let text = self.text.get_or_insert_with(TextEngine::new);
        let paint = Paint { spec, view, now, link: self.link, language: LANGUAGE, rect, scale, text };
        let svg = svg::group(&panels::paint_panel(paint));
        let next_change = panels::panel(&spec.kind).and_then(|panel| panel.next_change(spec, view, now));
        let before = self.panels.insert(spec.id.clone(), Painted { svg: svg.clone(), next_change });
        let is_same = before.is_some_and(|before| before.svg == svg);
        (!is_same).then(|| PaintedPanel { id: spec.id.clone(), svg })
    }
}

fn picture(arranged: &Arranged) -> Picture {
    Picture {
        title: arranged.layout.name.in_language(LANGUAGE).to_owned(),
        canvas: arranged.canvas,
        panels: arranged.layout.panels.iter().map(|panel| panel.id.clone()).collect(),
    }
}
