//! `wall-bench`: what drawing costs against its limits, a line each; exits 1 when one is missed.
//!
//! On a canvas of 3840 × 2160 with 24 panels: everything drawn, one panel changed, nothing changed, and the CPU
//! time to prepare a frame in which all panels changed, from the state to what the GPU is given. On one of
//! 7680 × 4320 with 200 panels: the CPU time to prepare a whole frame, and the frames of a transition.

#[path = "../tests/suite/centre.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod centre;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use panels::Link;
use protocol::change::Arranged;
use protocol::{Canvas, Envelope, Timestamp, ViewState};
use wall::gpu::{Gpu, GpuCanvas};
use wall::model::Touched;
use wall::painter::Painter;
use wall::picture::Picture;
use wall::transition::{DURATION_MICROS, Spot, Transition};

const CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };
const LARGEST: Canvas = Canvas { width_px: 7680, height_px: 4320 };
/// Panels of the largest beside and above one another.
const MANY: (u16, u16) = (20, 10);
const FULL_ROUNDS: u64 = 15;
const LARGEST_ROUNDS: u64 = 12;
const ROUNDS: u64 = 60;
const PANELS: u16 = centre::COLUMNS * centre::ROWS;

struct Bench {
    gpu: Gpu,
    canvas: GpuCanvas,
    painter: Painter,
    picture: Picture,
    view: ViewState,
    arranged: Arranged,
}

/// How long one frame took, and how much processor time of this thread its preparation.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    paint_cpu: Duration,
    encode_cpu: Duration,
    total: Duration,
    is_submitted: bool,
}

impl Bench {
    fn new(size: Canvas, (columns, rows): (u16, u16)) -> anyhow::Result<Self> {
        let gpu = Gpu::headless()?;
        let canvas = GpuCanvas::new(&gpu, size.width_px, size.height_px)?;
        let arranged = centre::arranged_of(columns, rows, size);
        let mut bench = Self {
            gpu,
            canvas,
            painter: Painter::new("vi".into()),
            picture: Picture::default(),
            view: ViewState::default(),
            arranged,
        };
        bench.apply(&centre::snapshot(&bench.arranged));
        bench.painter.arrange(&bench.arranged, size, &mut bench.picture);
        bench.frame(&Touched { all: true, arranged: true, ..Touched::default() })?;
        Ok(bench)
    }

    fn apply(&mut self, changes: &[Envelope]) -> Touched {
        let mut touched = Touched::default();
        for envelope in changes {
            let Some(change) = &envelope.change else { continue };
            self.view.apply(envelope.at, change);
            touched.note(change);
        }
        touched
    }

    fn change(&mut self, panels: impl IntoIterator<Item = u16>, step: u64) -> Touched {
        let changes: Vec<_> =
            panels.into_iter().flat_map(|index| centre::news(&self.arranged, index, step, step + 1)).collect();
        self.apply(&changes)
    }

    /// Draws a moment of a transition, to the last pixel.
    fn compose(&mut self, transition: &Transition, now: Timestamp) -> anyhow::Result<Cost> {
        let (start, began) = (Instant::now(), cpu_time()?);
        let sprites = transition.sprites(now).context("the transition is over")?;
        let drawn = self.canvas.compose(&self.gpu, &sprites).context("no picture before was kept")?;
        let encode_cpu = cpu_time()? - began;
        self.gpu.wait(drawn.submission)?;
        Ok(Cost { encode_cpu, total: start.elapsed(), is_submitted: true, ..Cost::default() })
    }

    /// Paints, prepares and draws, to the last pixel.
    fn frame(&mut self, touched: &Touched) -> anyhow::Result<Cost> {
        let start = Instant::now();
        let began = cpu_time()?;
        self.painter.paint(&self.view, centre::NOW, Link::Live, touched, &mut self.picture);
        let painted = cpu_time()?;
        self.canvas.prepare(&self.gpu, &self.picture);
        let encoded = cpu_time()?;
        let drawn = self.canvas.submit(&self.gpu, &mut self.picture);
        let is_submitted = drawn.is_some();
        if let Some(drawn) = drawn {
            self.gpu.wait(drawn.submission)?;
        }
        Ok(Cost { paint_cpu: painted - began, encode_cpu: encoded - painted, total: start.elapsed(), is_submitted })
    }
}

/// Processor time of this thread, which other processes do not lengthen.
fn cpu_time() -> anyhow::Result<Duration> {
    // The kernel brings the count up to date when the thread is switched.
    std::thread::yield_now();
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = schedule.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}

fn median_ms(costs: &[Cost], part: impl Fn(&Cost) -> Duration) -> f64 {
    let mut times: Vec<_> = costs.iter().map(part).collect();
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// What every frame of each case took.
struct Measured {
    full: Vec<Cost>,
    all_changed: Vec<Cost>,
    one: Vec<Cost>,
    nothing: Vec<Cost>,
}

fn measure(bench: &mut Bench) -> anyhow::Result<Measured> {
    let (mut full, mut all_changed, mut one, mut nothing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in 1..=FULL_ROUNDS {
        bench.picture.damage_all();
        full.push(bench.frame(&Touched::default())?);
        let touched = bench.change(0..PANELS, step);
        all_changed.push(bench.frame(&touched)?);
    }
    for step in 1..=ROUNDS {
        let panel = u16::try_from(step % u64::from(PANELS))?;
        let touched = bench.change([panel], FULL_ROUNDS + step);
        one.push(bench.frame(&touched)?);
        nothing.push(bench.frame(&Touched::default())?);
    }
    Ok(Measured { full, all_changed, one, nothing })
}

/// What the largest wall costs.
struct Largest {
    all_changed: Vec<Cost>,
    /// Everything drawn again, as it was painted.
    whole: Vec<Cost>,
    /// Processor time and length of each picture of a transition.
    on_the_way: Vec<Cost>,
}

fn measure_largest(bench: &mut Bench) -> anyhow::Result<Largest> {
    let count = MANY.0 * MANY.1;
    let (mut all_changed, mut whole, mut on_the_way) = (Vec::new(), Vec::new(), Vec::new());
    for step in 1..=LARGEST_ROUNDS {
        let touched = bench.change(0..count, step);
        all_changed.push(bench.frame(&touched)?);
        bench.picture.damage_all();
        whole.push(bench.frame(&Touched::default())?);
    }
    let before = bench.painter.spots();
    let after: Vec<Spot> = before.iter().rev().cloned().collect();
    let after: Vec<Spot> = before.iter().zip(after).map(|(old, new)| Spot { rect: new.rect, ..old.clone() }).collect();
    let transition = Transition::between(centre::NOW, &before, &after).context("every panel moves")?;
    bench.canvas.keep_before(&bench.gpu, transition.sprite_count());
    bench.picture.damage_all();
    bench.frame(&Touched::default())?;
    for step in 0..LARGEST_ROUNDS {
        let now = centre::NOW.plus_micros(i64::try_from(step)? * DURATION_MICROS / i64::try_from(LARGEST_ROUNDS)?);
        on_the_way.push(bench.compose(&transition, now)?);
    }
    Ok(Largest { all_changed, whole, on_the_way })
}

/// One figure, the most it may be, and what it was measured against.
struct Figure {
    name: &'static str,
    measured: f64,
    limit: f64,
    unit: &'static str,
    peer: String,
}

impl Figure {
    fn is_kept(&self) -> bool {
        self.measured <= self.limit
    }

    fn line(&self) -> String {
        let verdict = if self.is_kept() { "kept  " } else { "MISSED" };
        format!(
            "{verdict}  {:<44} {:>10.2} {}  (limit ≤ {:.2} {})  {}",
            self.name, self.measured, self.unit, self.limit, self.unit, self.peer
        )
    }
}

fn figures(measured: &Measured) -> [Figure; 3] {
    let Measured { full, all_changed, one, nothing } = measured;
    let (full_ms, one_ms) = (median_ms(full, |cost| cost.total), median_ms(one, |cost| cost.total));
    let (paint_ms, encode_ms) =
        (median_ms(all_changed, |cost| cost.paint_cpu), median_ms(all_changed, |cost| cost.encode_cpu));
    let submissions = nothing.iter().filter(|cost| cost.is_submitted).count();
    [
        Figure {
            name: "one changed panel / full redraw",
            measured: one_ms / full_ms,
            limit: 0.1,
            unit: "×",
            peer: format!("{one_ms:.2} ms, full redraw {full_ms:.2} ms"),
        },
        Figure {
            name: "CPU to prepare a frame, all panels changed",
            measured: median_ms(all_changed, |cost| cost.paint_cpu + cost.encode_cpu),
            limit: 3.0,
            unit: "ms",
            peer: format!("paint {paint_ms:.2} ms, encode {encode_ms:.2} ms"),
        },
        Figure {
            name: "nothing changed",
            measured: submissions as f64,
            limit: 0.0,
            unit: "submissions",
            peer: format!("in {} frames", nothing.len()),
        },
    ]
}

/// On a graphics card a transition is also to be smooth; software is not measured by that.
fn figures_of_largest(measured: &Largest, is_software: bool) -> Vec<Figure> {
    let Largest { all_changed, whole, on_the_way } = measured;
    let cpu = |cost: &Cost| cost.paint_cpu + cost.encode_cpu;
    let (changed_ms, full_ms) = (median_ms(all_changed, cpu), median_ms(whole, |cost| cost.total));
    let length_ms = median_ms(on_the_way, |cost| cost.total);
    let mut figures = vec![
        Figure {
            name: "CPU to prepare a whole frame, as painted",
            measured: median_ms(whole, cpu),
            limit: 4.0,
            unit: "ms",
            peer: format!("{changed_ms:.2} ms when all are painted anew, {full_ms:.1} ms to the last pixel"),
        },
        Figure {
            name: "CPU to prepare a picture of a transition",
            measured: median_ms(on_the_way, |cost| cost.encode_cpu),
            limit: 4.0,
            unit: "ms",
            peer: format!("{length_ms:.1} ms to the last pixel"),
        },
    ];
    if !is_software {
        let (name, peer) = ("longest picture of a transition", "60 a second".to_owned());
        let worst_ms = on_the_way.iter().map(|cost| cost.total.as_secs_f64() * 1e3).fold(0.0, f64::max);
        figures.push(Figure { name, measured: worst_ms, limit: 1e3 / 60.0, unit: "ms", peer });
    }
    figures
}

fn main() -> anyhow::Result<ExitCode> {
    let mut bench = Bench::new(CANVAS, (centre::COLUMNS, centre::ROWS))?;
    let measured = measure(&mut bench)?;
    let info = bench.gpu.adapter.get_info();
    drop(bench);
    let mut out = std::io::stdout();
    let Canvas { width_px, height_px } = CANVAS;
    writeln!(out, "  {} ({}), {width_px} × {height_px} px, {PANELS} panels", info.name, info.backend)?;
    let figures = figures(&measured);
    for figure in &figures {
        writeln!(out, "  {}", figure.line())?;
    }
    let mut bench = Bench::new(LARGEST, MANY)?;
    let Canvas { width_px, height_px } = LARGEST;
    writeln!(out, "  {width_px} × {height_px} px, {} panels", MANY.0 * MANY.1)?;
    let largest = figures_of_largest(&measure_largest(&mut bench)?, info.device_type == wgpu::DeviceType::Cpu);
    for figure in &largest {
        writeln!(out, "  {}", figure.line())?;
    }
    Ok(if figures.iter().chain(&largest).all(Figure::is_kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
