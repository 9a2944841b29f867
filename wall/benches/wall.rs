//! `wall-bench`: what drawing costs, one JSON object a line.
//!
//! On a canvas of 3840 × 2160 with 24 panels: everything drawn, one panel changed, nothing changed, and the CPU
//! time to prepare a frame in which all panels changed, from the state to what the GPU is given.

#[path = "../tests/suite/centre.rs"]
mod centre;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

use panels::Link;
use protocol::change::Arranged;
use protocol::{Canvas, Change, Envelope, ViewState};
use wall::gpu::{Gpu, GpuCanvas};
use wall::model::Touched;
use wall::painter::Painter;
use wall::picture::Picture;

const WIDTH_PX: u32 = 3840;
const HEIGHT_PX: u32 = 2160;
const FULL_ROUNDS: u64 = 15;
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
    fn new() -> anyhow::Result<Self> {
        let gpu = Gpu::headless()?;
        let canvas = GpuCanvas::new(&gpu, WIDTH_PX, HEIGHT_PX)?;
        let arranged = centre::arranged(WIDTH_PX, HEIGHT_PX);
        let mut bench = Self {
            gpu,
            canvas,
            painter: Painter::new("vi".into()),
            picture: Picture::default(),
            view: ViewState::default(),
            arranged,
        };
        bench.apply(&centre::snapshot(&bench.arranged));
        let size = Canvas { width_px: WIDTH_PX, height_px: HEIGHT_PX };
        bench.painter.arrange(&bench.arranged, size, &mut bench.picture);
        bench.frame(&Touched { all: true, arranged: true, ..Touched::default() })?;
        Ok(bench)
    }

    fn apply(&mut self, changes: &[Envelope]) -> Touched {
        let mut touched = Touched::default();
        for envelope in changes {
            let Some(change) = &envelope.change else { continue };
            self.view.apply(envelope.at, change);
            match change {
                Change::Observed(observation) => _ = touched.series.insert(observation.series.clone()),
                Change::Buckets(buckets) => _ = touched.windows.insert(buckets.window),
                Change::Arranged(_) => touched.all = true,
            }
        }
        touched
    }

    fn change(&mut self, panels: impl IntoIterator<Item = u16>, step: u64) -> Touched {
        let changes: Vec<_> =
            panels.into_iter().flat_map(|index| centre::news(&self.arranged, index, step, step + 1)).collect();
        self.apply(&changes)
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

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::new()?;
    let everything: BTreeSet<u16> = (0..PANELS).collect();

    let mut full = Vec::new();
    let mut all_changed = Vec::new();
    for step in 1..=FULL_ROUNDS {
        bench.picture.damage_all();
        full.push(bench.frame(&Touched::default())?);
        let touched = bench.change(everything.iter().copied(), step);
        all_changed.push(bench.frame(&touched)?);
    }
    let mut one = Vec::new();
    let mut nothing = Vec::new();
    for step in 1..=ROUNDS {
        let panel = u16::try_from(step % u64::from(PANELS))?;
        let touched = bench.change([panel], FULL_ROUNDS + step);
        one.push(bench.frame(&touched)?);
        nothing.push(bench.frame(&Touched::default())?);
    }

    let info = bench.gpu.adapter.get_info();
    let (full_ms, one_ms) = (median_ms(&full, |cost| cost.total), median_ms(&one, |cost| cost.total));
    let line = |name: &str, fields: serde_json::Value| -> anyhow::Result<()> {
        let mut object = serde_json::json!({ "bench": name });
        if let (Some(object), Some(fields)) = (object.as_object_mut(), fields.as_object()) {
            object.extend(fields.clone());
        }
        writeln!(std::io::stdout(), "{object}")?;
        Ok(())
    };
    line(
        "wall_setup",
        serde_json::json!({ "adapter": info.name, "backend": info.backend.to_string(),
        "width_px": WIDTH_PX, "height_px": HEIGHT_PX, "panels": PANELS }),
    )?;
    line("wall_full_redraw", serde_json::json!({ "median_ms": full_ms, "rounds": full.len() }))?;
    line(
        "wall_one_panel",
        serde_json::json!({ "median_ms": one_ms, "rounds": one.len(), "share_of_full": one_ms / full_ms }),
    )?;
    line(
        "wall_nothing_changed",
        serde_json::json!({ "median_ms": median_ms(&nothing, |cost| cost.total),
        "submissions": nothing.iter().filter(|cost| cost.is_submitted).count() }),
    )?;
    line(
        "wall_prepare_all",
        serde_json::json!({ "median_cpu_ms": median_ms(&all_changed, |cost| cost.paint_cpu + cost.encode_cpu),
        "paint_cpu_ms": median_ms(&all_changed, |cost| cost.paint_cpu), "encode_cpu_ms": median_ms(&all_changed, |cost| cost.encode_cpu),
        "submissions": all_changed.iter().filter(|cost| cost.is_submitted).count() }),
    )?;
    Ok(())
}
