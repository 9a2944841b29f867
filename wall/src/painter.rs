//! State → scenes: which panels there are, which must be painted again, and when without any news.

use std::collections::BTreeSet;

use panels::scene::{Item, Quad, Scene, TextContent};
use panels::text::{Font, Style, TextEngine};
use panels::theme::{self, Color, REFERENCE_HEIGHT_PX, TextClass, TypeSizes};
use panels::{Link, Paint, Rect, locale, number, place};
use protocol::change::Arranged;
use protocol::{Canvas, CloseReason, LayerId, PanelSpec, RecordKind, SeriesKey, Timestamp, ViewState};

use crate::fit::Fit;
use crate::model::Touched;
use crate::picture::Picture;
use crate::transition::Spot;

/// One panel in its place.
struct Placed {
    spec: PanelSpec,
    rect: Rect,
    series: BTreeSet<SeriesKey>,
    windows: BTreeSet<u16>,
    records: BTreeSet<RecordKind>,
    layers: BTreeSet<LayerId>,
    /// Server time.
    next_change: Option<Timestamp>,
}

impl Placed {
    /// Panels that name no data may show anything of the view, such as whether figures are illustrative.
    fn is_touched(&self, touched: &Touched) -> bool {
        let names_nothing =
            self.series.is_empty() && self.windows.is_empty() && self.records.is_empty() && self.layers.is_empty();
        let has_news = !touched.series.is_empty() || !touched.windows.is_empty() || !touched.records.is_empty();
        touched.all
            || names_nothing && has_news
            || !self.series.is_disjoint(&touched.series)
            || !self.windows.is_disjoint(&touched.windows)
            || !self.records.is_disjoint(&touched.records)
            || !self.layers.is_disjoint(&touched.layers)
    }
}

/// Paints panels into a [`Picture`].
pub struct Painter {
    language: String,
    text: TextEngine,
    scale: f32,
    fit: Fit,
    placed: Vec<Placed>,
}

impl Painter {
    #[must_use]
    pub fn new(language: String) -> Self {
        let none = Canvas { width_px: 1, height_px: 1 };
        Self { language, text: TextEngine::new(), scale: 1.0, fit: Fit::new(none, none), placed: Vec::new() }
    }

    /// Other panels, drawn on a canvas of this size.
    ///
    /// They are laid out on the canvas of the arrangement all the same, because the windows that were sent
    /// are as wide as their panels there.
    pub fn arrange(&mut self, arranged: &Arranged, drawn: Canvas, picture: &mut Picture) {
        self.scale = place::scale(arranged.canvas);
        self.fit = Fit::new(arranged.canvas, drawn);
        let tiles = place::tiles(&arranged.layout, arranged.canvas);
        self.placed = tiles.map(|(spec, rect)| placed(arranged, spec, rect)).collect();
        picture.arrange(self.placed.iter().map(|placed| self.fit.tile(placed.rect)));
    }

    /// Which panels there are and where they stand on the canvas that is drawn on.
    #[must_use]
    pub fn spots(&self) -> Vec<Spot> {
        let spot = |placed: &Placed| Spot { spec: placed.spec.clone(), rect: self.fit.tile(placed.rect) };
        self.placed.iter().map(spot).collect()
    }

    /// Paints the panels that were touched or whose time has come; returns how many look different now.
    pub fn paint(
        &mut self,
        view: &ViewState,
        now: Timestamp,
        link: Link,
        touched: &Touched,
        picture: &mut Picture,
    ) -> usize {
        let mut different = 0;
        for (index, placed) in self.placed.iter_mut().enumerate() {
            if !placed.is_touched(touched) && placed.next_change.is_none_or(|due| now < due) {
                continue;
            }
            placed.next_change = next_change(&placed.spec, view, now);
            let mut scene = panels::paint_panel(Paint {
                spec: &placed.spec,
                view,
                now,
                link,
                language: &self.language,
                rect: placed.rect,
                scale: self.scale,
                text: &mut self.text,
            });
            if !scene.flashing.is_empty() {
                let (is_seen, next) = theme::flash(now);
                placed.next_change = placed.next_change.into_iter().chain([next]).min();
                if !is_seen {
                    scene.hide_flashing();
                }
            }
            different += usize::from(picture.show(index, self.fit.scene(placed.rect, scene)));
        }
        different
    }

    /// When a panel looks different without any news; server time.
    #[must_use]
    pub fn next_change(&self) -> Option<Timestamp> {
        self.placed.iter().filter_map(|placed| placed.next_change).min()
    }

    /// Before the first snapshot: says that there is nothing to show yet, and why as far as that is known.
    pub fn wait(&mut self, canvas: Canvas, link: Link, goodbye: Option<CloseReason>, picture: &mut Picture) {
        let rect = Rect::new(0.0, 0.0, canvas.width_px as f32, canvas.height_px as f32);
        self.placed.clear();
        picture.arrange([rect]);
        let px = canvas.height_px as f32 / REFERENCE_HEIGHT_PX;
        let ground = Quad { rect, radius: 0.0, fill: theme::GROUND, border: Color::TRANSPARENT, border_width: 0.0 };
        let mut items = vec![Item::Quad(ground)];
        let mut baseline = rect.height / 2.0;
        for (words, color) in self.waiting(link, goodbye) {
            let style =
                Style::new(Font::SemiBold, TextClass::Heading, TypeSizes::of_scale(px).em(TextClass::Heading), color);
            let style = Style { size: self.text.size_for(&words, style, rect.width * 0.9), ..style };
            let left = (rect.width - self.text.width(&words, style)) / 2.0;
            items.push(Item::Text(self.text.run(TextContent::Words(words.into()), style, left, baseline)));
            baseline += style.line_height() * 1.3;
        }
        picture.show(0, Scene::from(items));
    }

    /// What a wall without a picture has to say, a line each.
    fn waiting(&self, link: Link, goodbye: Option<CloseReason>) -> Vec<(String, Color)> {
        let mut lines = vec![(locale::text(&self.language, "waiting"), theme::CAPTION)];
        if let Link::Lost { since } = link {
            let since = [("time", &*number::clock(since))];
            lines.push((locale::text_with(&self.language, "link-lost", &since), theme::CRITICAL_TEXT));
        }
        lines.extend(goodbye.map(|reason| (locale::text(&self.language, goodbye_key(reason)), theme::WARNING_TEXT)));
        lines
    }
}

fn goodbye_key(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::BadMessage => "goodbye-bad-message",
        CloseReason::Slow => "goodbye-slow",
        CloseReason::UnknownView => "goodbye-unknown-view",
        CloseReason::ShuttingDown => "goodbye-shutting-down",
        CloseReason::NewEpoch => "goodbye-new-epoch",
        CloseReason::Behind => "goodbye-behind",
        CloseReason::Defect => "goodbye-defect",
        CloseReason::Denied => "goodbye-denied",
        CloseReason::Unknown => "goodbye-unknown",
    }
}

fn placed(arranged: &Arranged, spec: &PanelSpec, rect: Rect) -> Placed {
    // A panel with bad options paints a placeholder, which needs nothing.
    let needs = panels::panel(&spec.kind)
        .and_then(|panel| panel.needs(spec, &arranged.catalogue, rect).ok())
        .unwrap_or_default();
    let place = |wanted| panels::window_place(&arranged.windows, wanted).and_then(|at| u16::try_from(at).ok());
    let windows = needs.windows.iter().filter_map(place);
    Placed {
        rect,
        series: needs.series.into_iter().collect(),
        windows: windows.collect(),
        records: needs.records,
        layers: needs.layers.into_iter().collect(),
        next_change: None,
        spec: spec.clone(),
    }
}

/// Never before the next microsecond, so that a panel cannot make the wall spin.
fn next_change(spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
    panels::panel(&spec.kind)?.next_change(spec, view, now).map(|due| due.max(now.plus_micros(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Canvas = Canvas { width_px: 1920, height_px: 1080 };

    fn words(link: Link, goodbye: Option<CloseReason>) -> Vec<String> {
        let mut picture = Picture::default();
        Painter::new("vi".into()).wait(CANVAS, link, goodbye, &mut picture);
        let items = &picture.tiles()[0].scene.items;
        let text = items.iter().filter_map(|item| match item {
            Item::Text(run) => Some(run),
            _ => None,
        });
        text.map(|run| {
            assert!(run.bounds.x >= 0.0 && run.bounds.right() <= 1920.0, "{:?} leaves the canvas", run.content);
            run.content.as_str().to_owned()
        })
        .collect()
    }

    #[test]
    fn a_wall_without_a_picture_says_what_is_wrong() {
        let waiting = locale::text("vi", "waiting");
        assert_eq!(words(Link::Live, None), std::slice::from_ref(&waiting));
        let since = Timestamp::from_secs(1_790_000_000);
        let lost = locale::text_with("vi", "link-lost", &[("time", &number::clock(since))]);
        let lines = words(Link::Lost { since }, Some(CloseReason::UnknownView));
        assert_eq!(lines, [waiting, lost, locale::text("vi", "goodbye-unknown-view")]);
    }

    #[test]
    fn every_goodbye_has_its_words() {
        for reason in [
            CloseReason::BadMessage,
            CloseReason::Slow,
            CloseReason::UnknownView,
            CloseReason::ShuttingDown,
            CloseReason::NewEpoch,
            CloseReason::Unknown,
        ] {
            let key = goodbye_key(reason);
            for language in ["vi", "en"] {
                assert_ne!(locale::text(language, key), key, "{language}");
            }
        }
    }
}
