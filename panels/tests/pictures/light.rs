//! The light theme, for paper and bright rooms: every picture has one, and it is read as well as the dark one.

use std::collections::BTreeSet;

use panels::legibility::{Level, Rule, Seen, findings};
use panels::scene::{Item, Scene};
use panels::text::TextEngine;
use panels::theme::{self, Color, Theme};
use panels::{Link, place, svg};
use protocol::message::Mode;
use protocol::{Canvas, Layout, Room, ViewState, Wall};

use crate::centre::{CANVAS, NOW, command, districts, lists, mapped, operations, overview, paint_all, state};
use crate::eyes::{EYES, distance, seen_by};
use crate::raster::save_picture;

/// Makes a layout.
type Make = fn() -> Layout;

/// Every layout of the invented centre in every state that has colours of its own.
fn views() -> impl Iterator<Item = (String, ViewState, Link)> {
    let lost = NOW.plus_micros(-65_000_000);
    let states = [
        ("live", Mode::Live, Link::Live),
        ("lost", Mode::Live, Link::Lost { since: lost }),
        ("log-away", Mode::Live, Link::LogAway { since: lost }),
        ("replay", Mode::Replay, Link::Live),
        ("rehearsal", Mode::Rehearsal, Link::Live),
    ];
    let layouts: [(&str, Make); 6] = [
        ("overview", overview),
        ("districts", districts),
        ("lists", lists),
        ("command", command),
        ("operations", operations),
        ("mapped", mapped),
    ];
    layouts.into_iter().flat_map(move |(name, layout)| {
        states.map(move |(of, mode, link)| (format!("{name}-{of}"), state(layout(), CANVAS, mode), link))
    })
}

/// A wall whose room makes the contrast that of WCAG: a twentieth of white on everything.
fn wall(canvas: Canvas) -> Wall {
    Wall {
        id: "paper".into(),
        name: crate::centre::name("Giấy", "Paper"),
        canvas,
        displays: Vec::new(),
        room: Some(Room {
            wall_width_mm: 7_200.0,
            wall_height_mm: 4_050.0,
            nearest_seat_mm: 1_000.0,
            farthest_seat_mm: 2_000.0,
            seats: Vec::new(),
            lower_edge_mm: None,
            ambient_cd_m2: Some(20.0),
            peak_cd_m2: Some(400.0),
        }),
        layout: "overview".into(),
        lead_ms: 0,
    }
}

/// What is hard to tell from what is behind it: text below 6 : 1, marks below 3 : 1.
fn faint(view: &ViewState, scenes: &[Scene]) -> Vec<String> {
    let arranged = view.arranged().unwrap();
    let tiles: Vec<_> = place::tiles(&arranged.layout, arranged.canvas).collect();
    let seen = tiles.iter().zip(scenes).map(|((spec, rect), scene)| Seen {
        panel: &spec.id,
        rect: *rect,
        scene,
        calls: false,
    });
    let found = findings(&wall(arranged.canvas), &seen.collect::<Vec<_>>());
    let faint = found.iter().filter(|finding| finding.rule == Rule::Contrast && finding.level == Level::Error);
    faint.map(|finding| format!("{:?} {:?}: {}", finding.panel, finding.text, finding.message)).collect()
}

fn light(scenes: Vec<Scene>) -> Vec<Scene> {
    scenes.into_iter().map(|scene| scene.in_theme(Theme::Light)).collect()
}

#[test]
fn every_colour_has_another_in_the_light_theme() {
    let mut text = TextEngine::new();
    let mut seen = BTreeSet::new();
    for (_, view, link) in views() {
        for mut scene in paint_all(&view, link, "vi", &mut text) {
            let colors = scene.items.iter_mut().flat_map(Item::colors_mut);
            seen.extend(colors.map(|Color { r, g, b, a }| (*r, *g, *b, *a)));
        }
    }
    assert!(seen.len() > 20, "only {} colours are looked at", seen.len());
    let colors = seen.into_iter().map(|(r, g, b, a)| Color { r, g, b, a });
    let none: Vec<Color> = colors.filter(|color| color.light().is_none()).collect();
    assert!(none.is_empty(), "theme.rs has no light colour for {none:?}");
}

#[test]
fn light_pictures_are_read_as_well() {
    let mut text = TextEngine::new();
    for (name, view, link) in views() {
        let scenes = light(paint_all(&view, link, "vi", &mut text));
        save_picture(&format!("light-{name}"), &svg::document_in(Theme::Light, CANVAS, &scenes));
        let faint = faint(&view, &scenes);
        assert!(faint.is_empty(), "{name}: {}", faint.join("\n"));
    }
}

/// What the test above is worth: dark text left on the light ground is found, and so is a mark.
#[test]
fn what_is_left_dark_is_found() {
    let mut text = TextEngine::new();
    let view = state(overview(), CANVAS, Mode::Live);
    for left in [theme::CAPTION, theme::TEXT, theme::DATA] {
        let mut scenes = light(paint_all(&view, Link::Live, "vi", &mut text));
        let colors = scenes.iter_mut().flat_map(|scene| &mut scene.items).flat_map(Item::colors_mut);
        for color in colors.filter(|color| **color == left.in_theme(Theme::Light)) {
            *color = left;
        }
        assert!(!faint(&view, &scenes).is_empty(), "{left:?} passes");
    }
}

#[test]
fn statuses_are_told_apart_by_every_eye_in_either_theme() {
    /// A difference of a fiftieth is just seen; this is four of them.
    const LEAST: f64 = 0.08;
    let statuses = [theme::DATA, theme::WARNING, theme::CRITICAL, theme::STALE, theme::LIVE];
    for theme in [Theme::Dark, Theme::Light] {
        for (name, eye) in &EYES {
            let seen = statuses.map(|color| seen_by(eye, color.in_theme(theme)));
            for (index, a) in seen.iter().enumerate() {
                for (other, b) in seen.iter().enumerate().skip(index + 1) {
                    let apart = distance(*a, *b);
                    assert!(apart >= LEAST, "{theme:?}, {name}: {index} and {other} are {apart:.3} apart");
                }
            }
        }
    }
}
