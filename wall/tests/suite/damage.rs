//! What is drawn in parts equals what is drawn at once, to the pixel.

use std::time::Duration;

use panels::scene::{Disc, Item, Point, Polygon, Polyline, Quad, Scene, TextContent};
use panels::text::{Font, Style, TextEngine};
use panels::theme::{self, Color, TextClass};
use panels::{Link, Rect};
use protocol::{Canvas, ViewState};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wall::capture::{self, Pixels};
use wall::gpu::{Gpu, GpuCanvas, GpuError};
use wall::model::Touched;
use wall::painter::Painter;
use wall::picture::Picture;

use crate::centre;

const WIDTH_PX: u32 = 1200;
const HEIGHT_PX: u32 = 800;

/// Fails with what to install when there is no adapter.
pub fn gpu() -> Gpu {
    Gpu::headless().unwrap_or_else(|error| panic!("{error}"))
}

pub fn draw(gpu: &Gpu, canvas: &mut GpuCanvas, picture: &mut Picture) -> usize {
    let Some(drawn) = canvas.draw(gpu, picture) else { return 0 };
    gpu.wait(drawn.submission).unwrap();
    drawn.tiles
}

pub fn pixels(gpu: &Gpu, canvas: &GpuCanvas) -> Pixels {
    capture::canvas(gpu, canvas).unwrap()
}

pub fn assert_same(left: &Pixels, right: &Pixels, what: &str) {
    let pairs = left.rgba.chunks(4).zip(right.rgba.chunks(4));
    let different: Vec<_> =
        pairs.enumerate().filter(|(_, (left, right))| left != right).map(|(place, _)| place).collect();
    let first = different.first().map(|place| (place % WIDTH_PX as usize, place / WIDTH_PX as usize));
    assert_eq!(different.len(), 0, "{what}: {} pixels differ, the first at {first:?}", different.len());
}

fn color(random: &mut StdRng, opaque: bool) -> Color {
    let alpha = if opaque { 255 } else { random.random_range(30..=255) };
    Color::rgb(random.random_range(0..0xFF_FFFF)).with_alpha(alpha)
}

/// A plate full of everything there is, some of it reaching beyond the tile.
pub fn scene(random: &mut StdRng, text: &mut TextEngine, rect: Rect) -> Scene {
    let plain = |rect, fill| Quad { rect, radius: 0.0, fill, border: Color::TRANSPARENT, border_width: 0.0 };
    let plate = Quad {
        radius: 18.0,
        fill: color(random, true),
        border: color(random, false),
        border_width: 2.0,
        ..plain(rect, theme::PANEL)
    };
    let mut items = vec![Item::Quad(plain(rect, theme::GROUND)), Item::Quad(plate)];
    for _ in 0..12 {
        let point = |random: &mut StdRng| Point {
            x: rect.x + rect.width * random.random_range(-0.2..1.2),
            y: rect.y + rect.height * random.random_range(-0.2..1.2),
        };
        let (at, fill) = (point(random), color(random, false));
        items.push(match random.random_range(0..5) {
            0 => Item::Quad(Quad {
                radius: 7.3,
                border: fill,
                border_width: 1.5,
                ..plain(Rect::new(at.x, at.y, 90.5, 33.3), fill)
            }),
            1 => Item::Disc(Disc { center: at, radius: random.random_range(2.0..40.0), fill }),
            2 => {
                let points = vec![at, point(random), point(random)];
                Item::Polygon(Polygon { points, triangles: vec![0, 1, 2], ring_ends: vec![3], fill })
            }
            3 => {
                let points = (0..40).map(|_| point(random)).collect();
                let dash = random.random_bool(0.3).then_some((12.0, 7.0));
                Item::Polyline(Polyline { points, width: random.random_range(0.8..9.0), color: fill, dash })
            }
            _ => {
                let style = Style::new(Font::Bold, TextClass::Title, random.random_range(10.0..220.0), fill);
                let words = format!("Ngãi {}", random.random_range(0..100_000));
                Item::Text(text.run(TextContent::Words(words.into()), style, at.x, at.y))
            }
        });
    }
    Scene::from(items)
}

fn tiles() -> Vec<Rect> {
    (0..24_u8)
        .map(|index| Rect::new(f32::from(index % 6) * 198.0 + 10.0, f32::from(index / 6) * 197.0 + 9.0, 187.0, 183.0))
        .collect()
}

#[test]
fn a_partial_redraw_equals_a_full_one_whatever_is_drawn() {
    let gpu = gpu();
    let mut canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    let (mut random, mut text) = (StdRng::seed_from_u64(7), TextEngine::new());
    let mut picture = Picture::default();
    let tiles = tiles();
    picture.arrange(tiles.iter().copied());
    for round in 0..60 {
        let changed = if round == 0 { 24 } else { random.random_range(1..4) };
        for step in 0..changed {
            let index = if round == 0 { step } else { random.random_range(0..24) };
            picture.show(index, scene(&mut random, &mut text, tiles[index]));
        }
        draw(&gpu, &mut canvas, &mut picture);
    }
    let partial = pixels(&gpu, &canvas);
    picture.damage_all();
    assert_eq!(draw(&gpu, &mut canvas, &mut picture), 24);
    assert_same(&partial, &pixels(&gpu, &canvas), "in parts and at once");

    // Only some of what is in a tile is another thing, is gone or has come.
    for round in 0..200 {
        let index = random.random_range(0..24);
        let mut changed = picture.tiles()[index].scene.clone();
        let other = scene(&mut random, &mut text, tiles[index]);
        let at = random.random_range(2..changed.items.len());
        match round % 3 {
            0 => changed.items[at] = other.items[2 + at % 12].clone(),
            1 if changed.items.len() > 6 => _ = changed.items.remove(at),
            _ => changed.items.insert(at, other.items[2 + at % 12].clone()),
        }
        picture.show(index, changed);
        if round % 4 == 0 {
            draw(&gpu, &mut canvas, &mut picture);
        }
    }
    draw(&gpu, &mut canvas, &mut picture);
    let partial = pixels(&gpu, &canvas);
    picture.damage_all();
    draw(&gpu, &mut canvas, &mut picture);
    assert_same(&partial, &pixels(&gpu, &canvas), "in parts of tiles and at once");
    // Another canvas has its glyphs at other places of the atlas.
    let mut other = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    picture.damage_all();
    draw(&gpu, &mut other, &mut picture);
    assert_same(&partial, &pixels(&gpu, &other), "on this canvas and on another");
}

#[test]
fn an_atlas_that_overflows_leaves_every_glyph_right() {
    let gpu = gpu();
    let mut canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    let mut text = TextEngine::new();
    let mut picture = Picture::default();
    let tiles = tiles();
    picture.arrange(tiles.iter().copied());
    // Digits of 240 sizes up to 300 px need several times the room of a page.
    for round in 0..240_u16 {
        let index = usize::from(round) % 24;
        let rect = tiles[index];
        let style = Style::new(Font::Bold, TextClass::Title, 60.0 + f32::from(round), theme::TEXT);
        let run = text.run(TextContent::Words("0123456789".into()), style, rect.x, rect.bottom() - 5.0);
        let ground = Quad { rect, radius: 0.0, fill: theme::GROUND, border: Color::TRANSPARENT, border_width: 0.0 };
        picture.show(index, Scene::from(vec![Item::Quad(ground), Item::Text(run)]));
        draw(&gpu, &mut canvas, &mut picture);
    }
    let grown = pixels(&gpu, &canvas);
    let mut fresh = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    picture.damage_all();
    draw(&gpu, &mut fresh, &mut picture);
    assert_same(&grown, &pixels(&gpu, &fresh), "after overflows and from scratch");
}

#[test]
fn an_atlas_without_room_leaves_glyphs_out_and_never_draws_a_wrong_one() {
    let gpu = gpu();
    let mut small = GpuCanvas::with_atlas(&gpu, WIDTH_PX, HEIGHT_PX, 128).unwrap();
    let mut large = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    let mut text = TextEngine::new();
    let mut picture = Picture::default();
    let tiles = tiles();
    picture.arrange(tiles.iter().copied());
    for round in 0..3_u16 {
        for (index, rect) in tiles.iter().enumerate() {
            let step = round * 24 + u16::try_from(index).unwrap();
            let style = Style::new(Font::Bold, TextClass::Title, 20.0 + f32::from(step), theme::TEXT);
            let mut items = vec![Item::Quad(Quad {
                rect: *rect,
                radius: 0.0,
                fill: theme::GROUND,
                border: Color::TRANSPARENT,
                border_width: 0.0,
            })];
            // One glyph each, far apart, so that what one leaves out shows the ground.
            for (place, digit) in ["0", "4", "7"].into_iter().enumerate() {
                let x = rect.x + 60.0 * place as f32;
                items.push(Item::Text(text.run(TextContent::Words(digit.into()), style, x, rect.bottom() - 10.0)));
            }
            picture.show(index, Scene::from(items));
        }
        let mut again = picture.clone();
        draw(&gpu, &mut small, &mut picture);
        draw(&gpu, &mut large, &mut again);
    }
    let (small, large) = (pixels(&gpu, &small), pixels(&gpu, &large));
    let ground = [theme::GROUND.r, theme::GROUND.g, theme::GROUND.b, 255];
    let pairs = || small.rgba.chunks(4).zip(large.rgba.chunks(4));
    let wrong = pairs().filter(|(small, large)| small != large && **small != ground).count();
    assert_eq!(wrong, 0, "{wrong} pixels are of no glyph that stands there");
    let (drawn, missing) = (
        pairs().filter(|(small, _)| **small != ground).count(),
        pairs().filter(|(small, large)| small != large).count(),
    );
    assert!(drawn > 1_000 && missing > 1_000, "{drawn} pixels of ink are there and {missing} are not");
}

#[test]
fn a_gpu_that_does_not_finish_in_time_counts_as_lost() {
    let gpu = gpu();
    let mut canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    let (mut random, mut text) = (StdRng::seed_from_u64(2), TextEngine::new());
    let mut picture = Picture::default();
    let tiles = tiles();
    picture.arrange(tiles.iter().copied());
    // Some draw must be slower than no time at all.
    let late = (0..1_000).find_map(|_| {
        for (index, rect) in tiles.iter().enumerate() {
            picture.show(index, scene(&mut random, &mut text, *rect));
        }
        let drawn = canvas.draw(&gpu, &mut picture)?;
        gpu.wait_at_most(drawn.submission, Duration::ZERO).err()
    });
    assert!(matches!(late, Some(GpuError::Unfinished(_))), "{late:?}");
    assert!(gpu.is_lost(), "its pixels may never come: everything must be drawn again");
}

#[test]
fn real_panels_that_change_one_by_one_equal_a_full_redraw() {
    let gpu = gpu();
    let size = Canvas { width_px: WIDTH_PX, height_px: HEIGHT_PX };
    // Drawn smaller and in another shape than it is arranged.
    let arranged = centre::arranged(1920, 1080);
    let mut view = ViewState::default();
    let (mut painter, mut picture) = (Painter::new("vi".into()), Picture::default());
    for envelope in centre::snapshot(&arranged) {
        view.apply(envelope.at, &envelope.change.unwrap());
    }
    painter.arrange(&arranged, size, &mut picture);
    let all = Touched { all: true, ..Touched::default() };
    painter.paint(&view, centre::NOW, Link::Live, &all, &mut picture);
    let mut canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    assert_eq!(draw(&gpu, &mut canvas, &mut picture), 24);
    for step in 1..=48_u64 {
        let index = u16::try_from(step * 7 % 24).unwrap();
        let mut touched = Touched::default();
        for envelope in centre::news(&arranged, index, step, step + 1) {
            let change = envelope.change.unwrap();
            view.apply(envelope.at, &change);
            touched.note(&change);
        }
        assert_eq!(painter.paint(&view, centre::NOW, Link::Live, &touched, &mut picture), 1, "step {step}");
        assert_eq!(draw(&gpu, &mut canvas, &mut picture), 1, "step {step}");
    }
    let partial = pixels(&gpu, &canvas);
    assert!(painter.paint(&view, centre::NOW, Link::Live, &all, &mut picture) == 0, "nothing was left unpainted");
    picture.damage_all();
    draw(&gpu, &mut canvas, &mut picture);
    assert_same(&partial, &pixels(&gpu, &canvas), "in parts and at once");
}

#[test]
fn nothing_changed_submits_nothing() {
    let gpu = gpu();
    let mut canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX).unwrap();
    let (mut random, mut text) = (StdRng::seed_from_u64(1), TextEngine::new());
    let mut picture = Picture::default();
    let tiles = tiles();
    picture.arrange(tiles.iter().copied());
    let same = scene(&mut random, &mut text, tiles[3]);
    assert!(picture.show(3, same.clone()));
    assert!(canvas.draw(&gpu, &mut picture).is_some());
    assert!(canvas.draw(&gpu, &mut picture).is_none());
    assert!(!picture.show(3, same), "the same scene is no change");
    assert!(canvas.draw(&gpu, &mut picture).is_none());
}

#[test]
fn lines_join_without_holes_or_doubled_paint() {
    let gpu = gpu();
    let mut canvas = GpuCanvas::new(&gpu, 300, 300).unwrap();
    let mut picture = Picture::default();
    let rect = Rect::new(0.0, 0.0, 300.0, 300.0);
    picture.arrange([rect]);
    let points: Vec<_> = [(40.0, 250.0), (150.3, 40.7), (260.0, 250.0)].map(|(x, y)| Point { x, y }).into();
    let half = Color::rgb(0xFF_FFFF).with_alpha(128);
    let ground = Quad { rect, radius: 0.0, fill: Color::rgb(0), border: Color::TRANSPARENT, border_width: 0.0 };
    let line = Polyline { points, width: 40.0, color: half, dash: None };
    picture.show(0, Scene::from(vec![Item::Quad(ground), Item::Polyline(line)]));
    draw(&gpu, &mut canvas, &mut picture);
    let pixels = pixels(&gpu, &canvas);
    let doubled: Vec<_> =
        (0..300 * 300).filter(|place| pixels.rgba[place * 4] > 129).map(|place| (place % 300, place / 300)).collect();
    assert!(
        doubled.is_empty(),
        "translucent paint was laid twice at {} pixels: {:?}",
        doubled.len(),
        &doubled[..doubled.len().min(20)]
    );
    let at = |x: usize, y: usize| pixels.rgba[(y * 300 + x) * 4];
    for dy in -15_i32..=15 {
        for dx in -10_i32..=10 {
            let (x, y) = (usize::try_from(150 + dx).unwrap(), usize::try_from(40 + dy).unwrap());
            assert!(at(x, y) >= 127, "a hole at {x}, {y}");
        }
    }
}
