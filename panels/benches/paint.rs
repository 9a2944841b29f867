//! How long a whole wall takes to paint: `cargo bench -p panels`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/pictures/centre.rs"]
#[allow(dead_code, reason = "the pictures need more of it")]
mod centre;
#[path = "../tests/pictures/records.rs"]
mod records;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use panels::{Link, svg, text::TextEngine};
use protocol::message::Mode;
use protocol::{Change, Layout, Observation, ViewState};

const ROUNDS: u32 = 50;
const RUNS: u32 = 7;
/// Milliseconds: for a whole layout that was never painted, and for the dearest panel when it has changed.
const LIMITS: (f64, f64) = (5.0, 0.5);

/// A layout with a name.
type Named = (&'static str, fn() -> Layout);
const LAYOUTS: [Named; 6] = [
    ("overview", centre::overview),
    ("districts", centre::districts),
    ("lists", centre::lists),
    ("command", centre::command),
    ("operations", centre::operations),
    ("mapped", centre::mapped),
];

fn main() -> ExitCode {
    let (first, then, written) = overview();
    let (dearest, of) = one_changed();
    let mut all_kept = true;
    for (name, measured, limit, more) in [
        (
            "all panels of an overview, for the first time",
            first,
            LIMITS.0,
            format!("then {then:.2} ms; as SVG {written:.2} ms"),
        ),
        ("one changed panel, the dearest of every kind", dearest, LIMITS.1, of),
    ] {
        let is_kept = measured <= limit;
        all_kept &= is_kept;
        let verdict = if is_kept { "kept  " } else { "MISSED" };
        println!("  {verdict}  {name:<46} {measured:>6.2} ms  (limit ≤ {limit:.1} ms)  {more}");
    }
    if all_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Milliseconds to paint the overview first, again and again, and to write it as SVG.
fn overview() -> (f64, f64, f64) {
    let view = centre::state(centre::overview(), centre::CANVAS, Mode::Live);
    let mut text = TextEngine::new();
    let mut scenes = Vec::new();
    let first = least_ms(|| {
        text = TextEngine::new();
        let start = Instant::now();
        scenes = centre::paint_all(&view, Link::Live, "vi", &mut text);
        start.elapsed()
    });
    let then = mean_ms(|| drop(std::hint::black_box(centre::paint_all(&view, Link::Live, "vi", &mut text))));
    let written = mean_ms(|| {
        std::hint::black_box(scenes.iter().map(|scene| svg::group(scene).len()).sum::<usize>());
    });
    (first, then, written)
}

/// Milliseconds of the panel that takes longest when it is painted again, and which it is.
fn one_changed() -> (f64, String) {
    let mut dearest = (0.0, String::new());
    let mut text = TextEngine::new();
    for (name, layout) in LAYOUTS {
        let layout = layout();
        let all = centre::state(layout.clone(), centre::CANVAS, Mode::Live);
        centre::paint_all(&all, Link::Live, "vi", &mut text);
        for panel in &layout.panels {
            let alone =
                centre::state(Layout { panels: vec![panel.clone()], ..layout.clone() }, centre::CANVAS, Mode::Live);
            let took = least_ms(|| changing(alone.clone(), &mut text));
            if took > dearest.0 {
                dearest = (took, format!("'{}' of {name}, a {}", panel.id, panel.kind));
            }
        }
    }
    dearest
}

/// Of several runs: what else the machine does only adds to them.
fn least_ms(mut run: impl FnMut() -> Duration) -> f64 {
    (0..RUNS).map(|_| run()).min().unwrap_or_default().as_secs_f64() * 1e3
}

/// How long it takes to paint a state in which every figure is another one each time.
fn changing(mut view: ViewState, text: &mut TextEngine) -> Duration {
    let values: Vec<Arc<Observation>> = view.latest_values().cloned().collect();
    let mut took = Duration::ZERO;
    for round in 0..ROUNDS + 1 {
        for observation in &values {
            let changed = observation.value * (1.0 + f64::from(round) / 1_000.0);
            let change = Change::Observed(Arc::new(Observation { value: changed, ..Observation::clone(observation) }));
            view.apply(u64::from(round) + 10, &change);
        }
        let start = Instant::now();
        drop(std::hint::black_box(centre::paint_all(&view, Link::Live, "vi", text)));
        // The first time nothing is shaped yet.
        took += if round == 0 { Duration::ZERO } else { start.elapsed() };
    }
    took / ROUNDS
}

fn mean_ms(mut run: impl FnMut()) -> f64 {
    run();
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| run());
    start.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS)
}
