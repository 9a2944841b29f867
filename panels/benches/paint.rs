//! How long a whole wall takes to paint: `cargo bench -p panels`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/pictures/centre.rs"]
#[allow(dead_code, reason = "the pictures need more of it")]
mod centre;
#[path = "../tests/pictures/records.rs"]
mod records;

use std::time::Instant;

use panels::{Link, svg, text::TextEngine};
use protocol::message::Mode;

const ROUNDS: u32 = 200;

fn main() {
    let view = centre::state(centre::overview(), centre::CANVAS, Mode::Live);
    let mut text = TextEngine::new();
    let first = Instant::now();
    let scenes = centre::paint_all(&view, Link::Live, "vi", &mut text);
    let cold = first.elapsed();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(centre::paint_all(&view, Link::Live, "vi", &mut text));
    }
    let warm = start.elapsed() / ROUNDS;
    let start = Instant::now();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        bytes = scenes.iter().map(|scene| svg::group(scene).len()).sum();
    }
    let written = start.elapsed() / ROUNDS;
    println!("{} panels: first {cold:.2?}, then {warm:.2?}; as SVG {written:.2?}, {bytes} bytes", scenes.len());
}
