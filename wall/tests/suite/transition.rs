//! From one picture to the next: the first and the last moment are those pictures to the pixel.

use panels::Rect;
use protocol::{PanelSpec, Place, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use wall::capture::{self, Pixels};
use wall::gpu::{Gpu, GpuCanvas};
use wall::picture::Picture;
use wall::transition::{DURATION_MICROS, Spot, Transition};

use crate::damage::{assert_same, draw, gpu, pixels, scene};

const SIZE: [u32; 2] = [1200, 800];
const BEGAN: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A head and a panel that grows; one leaves and one comes.
fn spots(grown: bool) -> Vec<Spot> {
    let spot = |kind: &str, rect| {
        let place = Place::cells(0, 0, 1, 1);
        let spec = PanelSpec { id: kind.into(), kind: kind.into(), place, options: serde_json::Map::new() };
        Spot { spec, rect }
    };
    let head = spot("header", Rect::new(10.0, 10.0, 1180.0, 90.0));
    match grown {
        false => vec![
            head,
            spot("map", Rect::new(10.0, 120.0, 300.0, 250.0)),
            spot("value", Rect::new(330.0, 120.0, 860.0, 650.0)),
        ],
        true => vec![
            head,
            spot("text", Rect::new(10.0, 700.0, 1180.0, 90.0)),
            spot("map", Rect::new(10.0, 120.0, 1180.0, 560.0)),
        ],
    }
}

fn show(picture: &mut Picture, spots: &[Spot], seed: u64) {
    let (mut random, mut text) = (StdRng::seed_from_u64(seed), panels::text::TextEngine::new());
    picture.arrange(spots.iter().map(|spot| spot.rect));
    for (index, spot) in spots.iter().enumerate() {
        picture.show(index, scene(&mut random, &mut text, spot.rect));
    }
}

/// A canvas that goes over into another picture: that picture, the pixels of the one before, and the way.
fn begun(gpu: &Gpu) -> (GpuCanvas, Picture, Pixels, Transition) {
    let mut canvas = GpuCanvas::new(gpu, SIZE[0], SIZE[1]).unwrap();
    let mut picture = Picture::default();
    let (before, after) = (spots(false), spots(true));
    show(&mut picture, &before, 1);
    draw(gpu, &mut canvas, &mut picture);
    let first = pixels(gpu, &canvas);
    let transition = Transition::between(BEGAN, &before, &after).unwrap();
    canvas.keep_before(gpu, transition.sprite_count());
    show(&mut picture, &after, 2);
    draw(gpu, &mut canvas, &mut picture);
    (canvas, picture, first, transition)
}

/// What is to be seen at a moment of the transition.
fn seen(gpu: &Gpu, canvas: &mut GpuCanvas, transition: &Transition, micros: i64) -> Pixels {
    let sprites = transition.sprites(BEGAN.plus_micros(micros)).unwrap();
    gpu.wait(canvas.compose(gpu, &sprites).unwrap().submission).unwrap();
    pixels(gpu, canvas)
}

fn at(pixels: &Pixels, x: u32, y: u32) -> [i32; 3] {
    let start = ((y * pixels.width + x) * 4) as usize;
    [0, 1, 2].map(|channel| i32::from(pixels.rgba[start + channel]))
}

#[test]
fn a_picture_goes_over_into_the_next_and_is_then_the_next_alone() {
    let gpu = gpu();
    let (mut canvas, mut picture, first, transition) = begun(&gpu);
    assert_same(&first, &seen(&gpu, &mut canvas, &transition, 0), "the first moment");
    let half = seen(&gpu, &mut canvas, &transition, DURATION_MICROS / 2);
    let nearly = seen(&gpu, &mut canvas, &transition, DURATION_MICROS - 1);
    canvas.forget_before(&gpu).unwrap();
    let last = pixels(&gpu, &canvas);
    let far = |a: &Pixels, b: &Pixels| a.rgba.iter().zip(&b.rgba).filter(|(a, b)| a.abs_diff(**b) > 3).count();
    assert!(far(&nearly, &last) < 500, "the end is {} channels off", far(&nearly, &last));
    assert!(far(&half, &first) > 100_000 && far(&half, &last) > 100_000, "nothing was on its way");

    // The head stays where it is, so that its pixels are the mean of both pictures.
    let (x, y) = (600, 50);
    for ((half, first), last) in at(&half, x, y).into_iter().zip(at(&first, x, y)).zip(at(&last, x, y)) {
        assert!((half - (first + last) / 2).abs() <= 1, "{half} between {first} and {last}");
    }
    assert!(canvas.forget_before(&gpu).is_none(), "there is no picture before any more");
    picture.damage_all();
    draw(&gpu, &mut canvas, &mut picture);
    assert_same(&last, &capture::canvas(&gpu, &canvas).unwrap(), "drawn again");
}

#[test]
fn one_that_is_interrupted_goes_on_from_what_was_to_be_seen() {
    let gpu = gpu();
    let (mut canvas, mut picture, _, transition) = begun(&gpu);
    let half = seen(&gpu, &mut canvas, &transition, DURATION_MICROS / 2);

    let whole = Rect::new(0.0, 0.0, SIZE[0] as f32, SIZE[1] as f32);
    let back = Transition::from_picture(BEGAN, whole);
    canvas.keep_before(&gpu, back.sprite_count());
    show(&mut picture, &spots(false), 3);
    draw(&gpu, &mut canvas, &mut picture);
    assert_same(&half, &seen(&gpu, &mut canvas, &back, 0), "the moment of the interruption");
}
