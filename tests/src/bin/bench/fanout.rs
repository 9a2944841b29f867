//! What a delivered frame costs, against a bare epoll loop that writes the same bytes to as many sockets.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use tests::centre::{AREA, indicator};
use tests::load::now_micros;
use tests::process::Process;
use tests::{Centre, Server};

use crate::sockets::TICK;
use crate::{Figure, Limit, cpu};

const WINDOW: Duration = Duration::from_secs(12);
/// As many clients show what a tick costs without them.
const FEW: usize = 20;

/// What happened in a window: messages and bytes that clients got, CPU time that was used for it, and how many
/// frames were encoded meanwhile.
struct Window {
    messages: f64,
    bytes: f64,
    cpu_micros: f64,
    encoded: f64,
}

pub async fn measure() -> Result<Vec<Figure>> {
    let many = tests::count("CLIENTS", 2000);
    let centre = Centre::small()?;
    let mut server = centre.serve().await?;
    let id = server.process().id().context("the server ended")?;

    let few = watch(&centre, &server, id, FEW).await?;
    let before_kib = resident_kib(id)?;
    let clients = Clients::start(&centre, server.authority(), many, true).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let each_kib = (resident_kib(id)? - before_kib) / many as f64;
    drop(clients);
    let all = watch(&centre, &server, id, many).await?;

    let bytes = (all.bytes / all.messages).round() as usize;
    let floor = floor(&centre, bytes, many).await?;
    let (ours, bare) = (all.cpu_micros / all.messages, floor.cpu_micros / floor.messages);
    let per_tick =
        [(&few, FEW), (&all, many)].map(|(window, clients)| window.encoded * clients as f64 / window.messages);
    Ok(vec![
        Figure {
            name: format!("CPU of a frame to {many} clients"),
            measured: ours / bare,
            limit: Limit::AtMost(1.6),
            unit: "of bare epoll",
            peer: format!("{ours:.1} µs; bare epoll {bare:.1} µs; {bytes} bytes a frame"),
        },
        Figure {
            name: format!("frames encoded a tick, {many} clients"),
            measured: per_tick[1] / per_tick[0],
            // What a window cuts off at its ends is small beside what it holds.
            limit: Limit::AtMost(1.1),
            unit: "of those for few",
            peer: format!("{:.2} with {FEW} clients, {:.2} with {many}", per_tick[0], per_tick[1]),
        },
        Figure {
            name: format!("CPU of one more client, {FEW} → {many}"),
            measured: (all.cpu_micros - few.cpu_micros) / (all.messages - few.messages),
            limit: Limit::AtMost(bare * 1.6),
            unit: "µs",
            peer: format!("bare epoll {bare:.1} µs"),
        },
        Figure {
            name: "resident memory of an idle connection".to_owned(),
            measured: each_kib,
            limit: Limit::AtMost(8.0),
            unit: "KiB",
            peer: format!("{many} connections"),
        },
    ])
}

/// Ten changes a second to so many clients.
async fn watch(centre: &Centre, server: &Server, id: u32, count: usize) -> Result<Window> {
    let mut clients = Clients::start(centre, server.authority(), count, true).await?;
    let posts = async {
        loop {
            let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": now_micros() % 1000 }]);
            server.post(&row, None).await?;
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::select! {
        window = clients.window(id, Some(server)) => window,
        failed = posts => failed,
    }
}

async fn floor(centre: &Centre, bytes: usize, count: usize) -> Result<Window> {
    let this = std::env::current_exe()?;
    let mut floor = Process::start(&this, &["floor", &bytes.to_string()], &[], &centre.path("floor.log"))?;
    let line = floor.line(Duration::from_secs(5)).await?;
    let authority = line.trim_start_matches("listening on http://").to_owned();
    let id = floor.id().context("the floor ended")?;
    let mut clients = Clients::start(centre, &authority, count, false).await?;
    clients.window(id, None).await
}

/// The other process that reads.
struct Clients {
    process: Process,
}

impl Clients {
    async fn start(centre: &Centre, authority: &str, count: usize, is_live: bool) -> Result<Self> {
        let this = std::env::current_exe()?;
        let greeting = if is_live { "live" } else { "bare" };
        let arguments = ["clients", authority, &count.to_string(), greeting];
        let mut process = Process::start(&this, &arguments, &[], &centre.path("clients.log"))?;
        let line = process.line(Duration::from_secs(60)).await?;
        anyhow::ensure!(line == "connected", "{line}");
        Ok(Self { process })
    }

    /// What process `id` did for these clients meanwhile; a bare floor encodes nothing.
    async fn window(&mut self, id: u32, server: Option<&Server>) -> Result<Window> {
        self.totals().await?;
        let (messages, bytes) = self.totals().await?;
        let (cpu, encoded) = (cpu::micros(id)?, frames_encoded(server).await?);
        let until = Instant::now() + WINDOW;
        let mut newest = (messages, bytes);
        while Instant::now() < until {
            newest = self.totals().await?;
        }
        Ok(Window {
            messages: newest.0 - messages,
            bytes: newest.1 - bytes,
            cpu_micros: cpu::micros(id)? - cpu,
            encoded: frames_encoded(server).await? - encoded,
        })
    }

    async fn totals(&mut self) -> Result<(f64, f64)> {
        let line = self.process.line(Duration::from_secs(10)).await?;
        let (messages, bytes) = line.split_once(' ').context("two numbers")?;
        Ok((messages.parse()?, bytes.parse()?))
    }
}

fn resident_kib(id: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// How many frames the server has encoded so far.
async fn frames_encoded(server: Option<&Server>) -> Result<f64> {
    let Some(server) = server else { return Ok(0.0) };
    let text = server.http().get(server.url("/metrics")).send().await?.error_for_status()?.text().await?;
    let mut lines = text.lines().filter(|line| line.starts_with("ioc_frames_total")).peekable();
    lines.peek().context("there is no ioc_frames_total")?;
    lines.map(|line| Ok(line.rsplit(' ').next().context("a value")?.parse::<f64>()?)).sum()
}
