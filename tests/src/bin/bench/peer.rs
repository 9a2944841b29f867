//! CPU of our wall, and of the same overview drawn with ECharts in Chromium (`tests/peer/`): one after the other on
//! the same server, with one new value a second in every panel.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::chromium::{Chromium, Graphics, software_vulkan};
use tests::load::now_micros;
use tests::server::ServerOptions;
use tests::{Client, Server, Wall, eventually, root};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::{Figure, Limit, cpu};

const SIZE: (u32, u32) = (3840, 2160);
const WARM_UP: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
/// On the same software GPU.
const LIMIT: f64 = 0.25;
/// Of a page that needs no GPU at all; shaders are a dear way to paint on a CPU.
const LIMIT_WITHOUT_GPU: f64 = 1.0;
/// Fewer of the updates that were sent, and what was measured is not what is meant.
const LEAST_SHOWN: f64 = 0.8;
/// A page on disk may load modules, and nothing runs that is not the page.
const ARGUMENTS: [&str; 4] = [
    "--allow-file-access-from-files",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
];

/// What one that follows the server took, and what it showed for it.
struct Taken {
    name: &'static str,
    ms_per_s: f64,
    /// Panels that were drawn anew, a second.
    panels_per_s: f64,
}

pub async fn measure() -> Result<Vec<Figure>> {
    let folder = TempDir::new()?;
    let options = ServerOptions::new(&root().join("config/demo"), &folder.path().join("data"));
    // Every value is sent on when it comes: readouts are not held back to one in 2 s.
    let server = Server::start(options.with("IOC_HUB_READOUT_INTERVAL_MS", 0)).await?;
    let shown = eventually("the demo has its figures", PATIENCE, || Shown::of(&server)).await?;
    tokio::select! {
        figures = compare(&server, &folder) => figures,
        failed = shown.feed(&server) => failed.and_then(|()| anyhow::bail!("the feeder ended")),
    }
}

async fn compare(server: &Server, folder: &TempDir) -> Result<Vec<Figure>> {
    let window = Duration::from_secs(u64::try_from(tests::count("PEER_SECS", 30))?);
    let echarts = echarts()?;
    let ours = wall(server, folder, window).await?;
    let (mut pages, mut fed) = (Vec::new(), 0);
    for graphics in [Graphics::Lavapipe, Graphics::Llvmpipe, Graphics::SwiftShader, Graphics::Cpu] {
        // Its own stands in where Chromium does not take the one that the wall draws with.
        if graphics == Graphics::SwiftShader && !pages.is_empty() {
            continue;
        }
        let Some((taken, panels)) = page(server, &echarts, graphics, window).await? else { continue };
        fed = panels;
        pages.push(taken);
    }
    ensure!(
        ours.panels_per_s >= LEAST_SHOWN * fed as f64,
        "the wall drew {:.1} panels a second, and {fed} had a new value",
        ours.panels_per_s
    );
    let (on_gpu, all) = (&pages[..pages.len() - 1], &pages[..]);
    Ok(vec![
        figure("CPU of the wall and of ECharts on a software GPU", LIMIT, &ours, on_gpu)?,
        figure("CPU of the wall and of ECharts where it is cheapest", LIMIT_WITHOUT_GPU, &ours, all)?,
    ])
}

fn figure(name: &str, limit: f64, ours: &Taken, pages: &[Taken]) -> Result<Figure> {
    let cheapest = pages.iter().min_by(|a, b| a.ms_per_s.total_cmp(&b.ms_per_s)).context("no page was measured")?;
    let said: Vec<String> = pages.iter().map(Taken::said).collect();
    Ok(Figure {
        name: name.to_owned(),
        measured: ours.ms_per_s / cheapest.ms_per_s,
        limit: Limit::AtMost(limit),
        unit: "of the page",
        peer: format!("{}; {}", ours.said(), said.join("; ")),
    })
}

impl Taken {
    fn new(name: &'static str, cpu_micros: f64, panels: usize, time: Duration) -> Self {
        let secs = time.as_secs_f64();
        Self { name, ms_per_s: cpu_micros / 1000.0 / secs, panels_per_s: panels as f64 / secs }
    }

    fn said(&self) -> String {
        format!("{} {:.0} ms/s for {:.1} panels", self.name, self.ms_per_s, self.panels_per_s)
    }
}

async fn wall(server: &Server, folder: &TempDir, window: Duration) -> Result<Taken> {
    let size = format!("{}x{}", SIZE.0, SIZE.1);
    let arguments = ["--server", server.address(), "--wall", "main", "--headless", &size];
    let mut wall = Wall::start_in(&software_vulkan()?, &arguments, &folder.path().join("wall.log"))?;
    let id = wall.process().id().context("the wall ended")?;
    wall.presented(1, PATIENCE).await.context("the first picture")?;
    changed_panels(&mut wall, WARM_UP).await?;
    let (before, began) = (cpu::tree_micros(id)?, Instant::now());
    let panels = changed_panels(&mut wall, window).await?;
    let taken = Taken::new("wall", cpu::tree_micros(id)? - before, panels, began.elapsed());
    let log = wall.process().log();
    ensure!(
        log.contains("llvmpipe") && !log.contains("ERROR"),
        "the wall did not draw in software, or not well:\n{log}"
    );
    Ok(taken)
}

/// How many panels frames of the server changed in the picture meanwhile.
async fn changed_panels(wall: &mut Wall, time: Duration) -> Result<usize> {
    let (until, mut panels) = (Instant::now() + time, 0);
    while let Ok(report) = timeout(until.saturating_duration_since(Instant::now()), wall.report(PATIENCE)).await {
        let report = report?;
        if report["cause"] == "frame" {
            panels += usize::try_from(report["changed_panels"].as_u64().context("changed_panels")?)?;
        }
    }
    Ok(panels)
}

/// What the page says of itself, see `tests/peer/page.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    fed: Vec<String>,
    snapshots: usize,
    sets: BTreeMap<String, usize>,
    draws: BTreeMap<String, usize>,
    is_open: bool,
}

impl Counts {
    async fn of(page: &mut Chromium) -> Result<Self> {
        Ok(serde_json::from_value(page.evaluate("peer").await?)?)
    }

    /// Times that panels with series were set since `before`; every one and every chart was as often as values came.
    fn panels_since(&self, before: &Self, time: Duration) -> Result<usize> {
        ensure!(self.is_open && self.snapshots == 1, "the page lost its connection: {self:?}");
        ensure!(!self.draws.is_empty(), "the page has no chart");
        let least = time.as_secs_f64() * LEAST_SHOWN;
        grown(self.draws.keys(), &self.draws, &before.draws, least)?;
        grown(self.fed.iter(), &self.sets, &before.sets, least)
    }
}

/// How much the counts of some panels have grown, all together; an error when one has by less than `least`.
fn grown<'a>(
    panels: impl Iterator<Item = &'a String>,
    now: &BTreeMap<String, usize>,
    then: &BTreeMap<String, usize>,
    least: f64,
) -> Result<usize> {
    let mut all = 0;
    for panel in panels {
        let times = now.get(panel).unwrap_or(&0) - then.get(panel).unwrap_or(&0);
        ensure!(times as f64 >= least, "panel '{panel}' of the page changed only {times} times");
        all += times;
    }
    Ok(all)
}

/// What the page took, and how many of its panels have series; nothing where Chromium does not paint with `graphics`.
async fn page(server: &Server, echarts: &str, graphics: Graphics, window: Duration) -> Result<Option<(Taken, usize)>> {
    let mut page = Chromium::start_with(SIZE, graphics, &ARGUMENTS).await?;
    page.fit(SIZE.0, SIZE.1).await?;
    let renderer = if graphics == Graphics::Cpu { String::new() } else { renderer(&mut page).await? };
    if !graphics.is_named(&renderer) {
        println!("  Chromium does not paint with {graphics:?}, but with '{renderer}'");
        return Ok(None);
    }
    let id = page.process().id().context("Chromium ended")?;
    page.open(&address(server, echarts)?).await?;
    page.until("globalThis.peer?.snapshots === 1", PATIENCE).await?;
    sleep(WARM_UP).await;
    let counts = Counts::of(&mut page).await?;
    let (before, began) = (cpu::tree_micros(id)?, Instant::now());
    sleep(window).await;
    let (used, time) = (cpu::tree_micros(id)? - before, began.elapsed());
    let after = Counts::of(&mut page).await?;
    let taken = Taken::new(name(graphics), used, after.panels_since(&counts, time)?, time);
    Ok(Some((taken, after.fed.len())))
}

fn name(graphics: Graphics) -> &'static str {
    match graphics {
        Graphics::Cpu => "ECharts without a GPU",
        Graphics::Lavapipe => "ECharts on lavapipe",
        Graphics::Llvmpipe => "ECharts on llvmpipe",
        Graphics::SwiftShader => "ECharts on SwiftShader",
    }
}

/// What WebGL draws with, and so everything that a page with a GPU does; nothing without WebGL.
async fn renderer(page: &mut Chromium) -> Result<String> {
    let ask = "(() => { const gl = document.createElement('canvas').getContext('webgl'); \
               const known = gl?.getExtension('WEBGL_debug_renderer_info'); \
               return known ? gl.getParameter(known.UNMASKED_RENDERER_WEBGL) : ''; })()";
    let answer = page.evaluate(ask).await?;
    Ok(answer.as_str().context("no text")?.to_owned())
}

fn address(server: &Server, echarts: &str) -> Result<String> {
    let page = url_of(root().join("tests/peer/index.html"))?;
    Ok(format!("{page}?server={}&wall=main&echarts={echarts}", server.authority()))
}

/// Where `scripts/bench.sh` puts ECharts: beside the folder of this program.
fn echarts() -> Result<String> {
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2).context("no target folder")?;
    let module = target.join("peer/node_modules/echarts/dist/echarts.esm.min.mjs");
    ensure!(module.is_file(), "{} is not there; scripts/bench.sh peer installs ECharts", module.display());
    url_of(module)
}

fn url_of(path: PathBuf) -> Result<String> {
    let path = path.canonicalize().with_context(|| path.display().to_string())?;
    let url = reqwest::Url::from_file_path(&path).ok().with_context(|| path.display().to_string())?;
    Ok(url.to_string())
}

/// The series that the wall shows, each with its value and the least step in which it is seen to change.
struct Shown(Vec<(Value, f64, f64)>);

impl Shown {
    /// Those that have a value; an error until all that are measured have one.
    async fn of(server: &Server) -> Result<Self> {
        let mut client = Client::hello(server.authority(), json!({ "wall": "main" })).await?;
        let snapshot = client.next_of("snapshot").await?;
        let changes = snapshot["changes"].as_array().context("no changes")?;
        let of_kind = |kind: &'static str| {
            changes.iter().filter(move |change| change["kind"] == kind).map(|change| &change["body"])
        };
        let arranged = of_kind("arranged").next().context("nothing is arranged")?;
        let known: Vec<&Value> = of_kind("observed").collect();
        let mut measured =
            arranged["series"].as_array().context("no series")?.iter().filter(|key| key["scenario"] == "actual");
        let missing = measured.find(|key| !known.iter().any(|observed| observed["series"] == **key));
        ensure!(missing.is_none(), "{missing:?} has no value");
        let series = known.into_iter().map(|observed| {
            let value = observed["value"].as_f64().context("no value")?;
            let id = observed["series"]["indicator"].as_str().context("no indicator")?;
            Ok((observed["series"].clone(), value, step(&arranged["catalogue"]["indicators"][id], value)))
        });
        Ok(Self(series.collect::<Result<_>>()?))
    }

    /// Posts a new value of every series, each second.
    async fn feed(&self, server: &Server) -> Result<()> {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in (0..10).cycle() {
            seconds.tick().await;
            let time = now_micros();
            let row = |(series, value, step): &(Value, f64, f64)| {
                let mut row = series.clone();
                row["value"] = json!(value + f64::from(turn) * step);
                row["time"] = json!(time);
                row
            };
            let rows: Value = self.0.iter().map(row).collect();
            let (status, answer) = server.post(&rows, None).await?;
            ensure!(status == 200 && answer["accepted"] == self.0.len(), "{status} {answer}");
        }
        Ok(())
    }
}

/// Some thousandths of a value, in whole steps of the last digit that is written.
fn step(indicator: &Value, value: f64) -> f64 {
    let digit =
        10f64.powf(-indicator["decimals"].as_f64().unwrap_or(0.0)) / indicator["display_scale"].as_f64().unwrap_or(1.0);
    digit * (value.abs() / 500.0 / digit).round().max(1.0)
}
