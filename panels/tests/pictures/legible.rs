//! What can be read from where people sit, and by those who see colours otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

use panels::legibility::{self, Finding, Frame, Level, Rule, Seen};
use panels::scene::{Disc, Item, Point, Quad, Rect, Scene, TextContent};
use panels::text::{CAP_HEIGHT, Font, Style, TextEngine};
use panels::theme::{self, Color, Meaning, TextClass};
use panels::{Link, place};
use protocol::message::Mode;
use protocol::{Canvas, PanelId, Room, Wall};

use crate::centre::{CANVAS, NOW, command, name, overview, paint_all, state};
use crate::eyes::{EYES, distance, seen_by};

/// 7.2 × 4.05 m, seats from 4 to 8 m.
fn room() -> Room {
    Room {
        wall_width_mm: 7_200.0,
        wall_height_mm: 4_050.0,
        nearest_seat_mm: 4_000.0,
        farthest_seat_mm: 8_000.0,
        seats: Vec::new(),
        lower_edge_mm: None,
        ambient_cd_m2: None,
        peak_cd_m2: None,
    }
}

fn wall(canvas: Canvas, room: Room) -> Wall {
    let (id, name) = ("main".into(), name("Tường", "Wall"));
    Wall { id, name, canvas, displays: Vec::new(), room: Some(room), layout: "overview".into(), lead_ms: 0 }
}

const TILE: Rect = Rect::new(1_400.0, 800.0, 1_000.0, 600.0);

/// A panel on its plate with lines of words: what they say, how large, on which baseline.
fn painted(lines: &[(&str, TextClass, f32, f32)], color: Color) -> Scene {
    let mut text = TextEngine::new();
    let plate = Quad { rect: TILE, radius: 0.0, fill: theme::PANEL, border: theme::HAIRLINE, border_width: 2.0 };
    let runs = lines.iter().map(|(words, class, size, baseline)| {
        let style = Style::new(Font::Regular, *class, *size, color);
        Item::Text(text.run(TextContent::Words((*words).into()), style, TILE.x + 40.0, *baseline))
    });
    let runs: Vec<Item> = runs.collect();
    Scene::from([Item::Quad(plate)].into_iter().chain(runs).collect::<Vec<_>>())
}

fn found(wall: &Wall, scene: &Scene) -> Vec<Finding> {
    let panel = PanelId::from("tile");
    legibility::findings(wall, &[Seen { panel: &panel, rect: TILE, scene, calls: false }])
}

fn rules(wall: &Wall, scene: &Scene) -> Vec<(Rule, Level)> {
    found(wall, scene).iter().map(|finding| (finding.rule, finding.level)).collect()
}

/// The em of capitals that span so many minutes of arc from 8 m on the wall of the room above.
fn em(arcmin: f64) -> f32 {
    let cap_mm = 2.0 * 8_000.0 * (arcmin / 60.0 / 2.0).to_radians().tan();
    (cap_mm / (4_050.0 / 2_160.0)) as f32 / CAP_HEIGHT
}

#[test]
fn verdicts_turn_at_the_computed_boundary() {
    let near = wall(CANVAS, room());
    let at = |arcmin: f64| painted(&[("Thu ngân sách", TextClass::Body, em(arcmin), 1_000.0)], theme::TEXT);
    let cases = [
        (20.1, Vec::new()),
        (19.6, vec![(Rule::TextHeight, Level::Warning)]),
        (16.1, vec![(Rule::TextHeight, Level::Warning)]),
        (15.7, vec![(Rule::TextHeight, Level::Error)]),
    ];
    for (arcmin, meant) in cases {
        assert_eq!(rules(&near, &at(arcmin)), meant, "{arcmin}′");
    }
    // What is read at 33′ is hard at half of it, and cannot be read at a quarter.
    let scene = at(33.0);
    let (mut far, mut fine) = (room(), room());
    far.farthest_seat_mm *= 2.0;
    (fine.wall_width_mm, fine.wall_height_mm) = (3_600.0, 2_025.0);
    for twice in [far.clone(), fine.clone()] {
        assert_eq!(rules(&wall(CANVAS, twice.clone()), &scene), [(Rule::TextHeight, Level::Warning)]);
        let mut again = twice;
        again.farthest_seat_mm *= 2.0;
        assert_eq!(rules(&wall(CANVAS, again), &scene), [(Rule::TextHeight, Level::Error)]);
    }
    let finding = &found(&wall(CANVAS, far), &scene)[0];
    assert!((finding.measured - 16.5).abs() < 0.1, "{finding:?}");
    assert_eq!(
        (finding.panel.as_ref().map(PanelId::as_str), finding.text.as_deref()),
        (Some("tile"), Some("Thu ngân sách"))
    );
}

#[test]
fn numerals_are_asked_for_more() {
    let wall = wall(CANVAS, room());
    let numeral = |arcmin: f64| painted(&[("18.642", TextClass::Numeral, em(arcmin), 1_000.0)], theme::TEXT);
    assert_eq!(rules(&wall, &numeral(60.5)), []);
    assert_eq!(rules(&wall, &numeral(59.0)), [(Rule::NumeralHeight, Level::Error)]);
}

#[test]
fn lines_leave_room_for_marks() {
    let wall = wall(CANVAS, room());
    let lines = |apart: f32| {
        let second = 1_000.0 + apart * 40.0;
        painted(&[("Ộ Ệ gỵ", TextClass::Body, 40.0, 1_000.0), ("Ễ Ở Ữ", TextClass::Body, 40.0, second)], theme::TEXT)
    };
    assert_eq!(rules(&wall, &lines(1.26)), []);
    assert_eq!(rules(&wall, &lines(1.2)), [(Rule::Diacritics, Level::Error)]);
}

#[test]
fn contrast_counts_the_light_of_the_room() {
    let scene = painted(&[("Kho bạc", TextClass::Body, 40.0, 1_000.0)], theme::CAPTION);
    let lit = |ambient: f64| wall(CANVAS, Room { ambient_cd_m2: Some(ambient), peak_cd_m2: Some(400.0), ..room() });
    assert_eq!(rules(&lit(4.0), &scene), []);
    assert_eq!(rules(&lit(20.0), &scene), [(Rule::Contrast, Level::Warning)]);
    assert_eq!(rules(&lit(60.0), &scene), [(Rule::Contrast, Level::Error)]);
}

#[test]
fn colour_is_never_alone() {
    let mut scene = painted(&[("87,4", TextClass::Body, 40.0, 1_000.0)], theme::WARNING_TEXT);
    let wall = wall(CANVAS, room());
    assert_eq!(rules(&wall, &scene), [(Rule::ColourCount, Level::Error)]);
    let mark = Disc { center: Point { x: 1_420.0, y: 990.0 }, radius: 9.0, fill: theme::WARNING };
    scene.items.push(Item::Disc(mark));
    assert_eq!(rules(&wall, &scene), []);
}

#[test]
fn what_was_left_out_is_told() {
    let mut scene = painted(&[("Kho bạc", TextClass::Body, 40.0, 1_000.0)], theme::TEXT);
    scene.left_out.push("07:00 hôm nay".into());
    let found = found(&wall(CANVAS, room()), &scene);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule, found[0].text.as_deref()), (Rule::Overflow, Some("07:00 hôm nay")));
}

#[test]
fn flashing_is_slow_and_never_of_text() {
    let panel = PanelId::from("tile");
    let on = painted(&[("Sông Vệ", TextClass::Body, 40.0, 1_000.0)], theme::TEXT);
    let mut bright = on.clone();
    bright.items.push(Item::Disc(Disc { center: Point { x: 1_420.0, y: 990.0 }, radius: 9.0, fill: theme::CRITICAL }));
    let frames = |times: [i64; 4], one: &Scene, other: &Scene| -> Vec<Frame> {
        let scenes = [one, other, one, other];
        times
            .iter()
            .zip(scenes)
            .map(|(ms, scene)| Frame { at: NOW.plus_micros(ms * 1000), scene: scene.clone() })
            .collect()
    };
    let steady = [0, 250, 500, 750];
    assert_eq!(legibility::of_frames(&panel, &frames(steady, &bright, &on)), None);
    let fast = legibility::of_frames(&panel, &frames([0, 100, 200, 300], &bright, &on)).unwrap();
    assert_eq!((fast.rule, fast.measured.round()), (Rule::Flash, 5.0));
    let brief = legibility::of_frames(&panel, &frames([0, 200, 600, 800], &bright, &on)).unwrap();
    assert!(brief.message.contains("on for 0.20 s"), "{}", brief.message);
    let other = painted(&[("Sông Trà", TextClass::Body, 40.0, 1_000.0)], theme::TEXT);
    let text = legibility::of_frames(&panel, &frames(steady, &other, &on)).unwrap();
    assert!(text.message.contains("text"), "{}", text.message);
    let mut flashing = bright.clone();
    flashing.flashing = 1..2;
    assert_eq!(rules(&wall(CANVAS, room()), &flashing), [(Rule::Flash, Level::Error)]);
    flashing.flashing = 2..3;
    assert_eq!(rules(&wall(CANVAS, room()), &flashing), []);
}

#[test]
fn only_the_mark_of_the_worst_alarm_flashes() {
    let view = state(command(), CANVAS, Mode::Live);
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let flashing: Vec<&Scene> = scenes.iter().filter(|scene| !scene.flashing.is_empty()).collect();
    let [scene] = flashing[..] else { panic!("{} panels flash", flashing.len()) };
    let items = &scene.items[scene.flashing.clone()];
    assert!(matches!(items, [Item::Polygon(mark)] if mark.fill == theme::CRITICAL), "{items:?}");
    let mut hidden = scene.clone();
    hidden.hide_flashing();
    assert_eq!(hidden.items.len() + 1, scene.items.len());
}

#[test]
fn numbers_that_change_too_often_are_found() {
    assert_eq!(legibility::of_readout_interval(Duration::from_secs(2)), None);
    let found = legibility::of_readout_interval(Duration::from_millis(500)).unwrap();
    assert_eq!((found.rule, found.measured, found.limit), (Rule::ReadoutRate, 0.5, 2.0));
}

#[test]
fn type_follows_the_room() {
    let sizes = |room: &Room| theme::TypeSizes::of_room(CANVAS, room);
    let (here, mut far) = (room(), room());
    far.farthest_seat_mm *= 2.0;
    for class in [TextClass::Numeral, TextClass::Title, TextClass::Body, TextClass::Caption] {
        let (near, far) = (sizes(&here).em(class), sizes(&far).em(class));
        assert!((far / near - 2.0).abs() < 0.01, "{class:?}: {near} and {far}");
        assert!(near >= em(f64::from(class.least_arcmin())) * 0.999, "{class:?}: {near}");
    }
}

/// Three times what is just noticed side by side.
const APART: f64 = 0.06;

#[test]
fn the_colour_blind_tell_all_statuses_of_the_overview_apart() {
    let view = state(overview(), CANVAS, Mode::Live);
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let color = |item: &Item| match item {
        Item::Polygon(polygon) => Some(polygon.fill),
        Item::Disc(disc) => Some(disc.fill),
        Item::Polyline(line) => Some(line.color),
        _ => None,
    };
    let shown: BTreeSet<(Meaning, [u8; 3])> = scenes
        .iter()
        .flat_map(|scene| scene.items.iter().filter_map(color))
        .chain([theme::CRITICAL])
        .filter(|color| color.a == 255)
        .filter_map(|color| Some((theme::meaning(color)?, [color.r, color.g, color.b])))
        .collect();
    let statuses = [Meaning::Data, Meaning::Warning, Meaning::Critical, Meaning::Stale, Meaning::Live];
    for status in statuses {
        assert!(shown.iter().any(|(meaning, _)| *meaning == status), "{status:?} is not shown");
    }
    for (name, eye) in &EYES {
        let seen = |[r, g, b]: [u8; 3]| seen_by(eye, Color { r, g, b, a: 255 });
        for (one, a) in &shown {
            for (other, b) in shown.iter().filter(|(other, _)| other != one) {
                let apart = distance(seen(*a), seen(*b));
                assert!(apart >= APART, "{one:?} {a:?} and {other:?} {b:?} are {apart:.3} apart in {name}");
            }
        }
    }
}

#[test]
fn the_rules_hold_over_the_pictures_of_the_invented_centre() {
    // What cannot be right in any layout, whatever its author chose.
    let (mut text, wall) = (TextEngine::new(), wall(CANVAS, room()));
    for layout in [overview(), command()] {
        let view = state(layout, CANVAS, Mode::Live);
        let found = legibility::of_view(&view, &wall, NOW, &mut text);
        let never = [Rule::Diacritics, Rule::Contrast, Rule::Flash, Rule::Aspect, Rule::PixelsPerGlyph];
        let wrong: Vec<&Finding> = found.iter().filter(|finding| never.contains(&finding.rule)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(
            place::tiles(&view.arranged().unwrap().layout, CANVAS).count(),
            view.arranged().unwrap().layout.panels.len()
        );
    }
}
