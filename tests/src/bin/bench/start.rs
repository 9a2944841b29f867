//! How soon a server is ready that has a long history: it answers, and shows a chart over all of it. Then, what a frame
//! of such a chart costs beside one over a thousandth of the values.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::{Centre, Client, Server, Wall, eventually};

use crate::{Figure, Limit, cpu};

/// Rows of one post.
const BATCH: usize = 50_000;
/// How many times fewer values the chart has that frames are compared with.
const FEWER: usize = 1_000;
/// Frames whose cost is measured, after some that warm up.
const FRAMES: (u32, u32) = (10, 60);
/// The charts of a small centre reach back so far.
const SPAN_MICROS: i64 = 86_400_000_000;
/// How long the history may take to have all that was recorded.
const CATCH_UP: Duration = Duration::from_secs(600);

pub async fn measure() -> Result<Vec<Figure>> {
    let observations = tests::count("OBSERVATIONS", 10_000_000);
    let few = few_values(observations / FEWER).await?;
    let centre = Centre::of(Plan { kind: "series", ..Plan::default() })?;
    let mut server = centre.serve().await?;
    record(&server, observations).await?;
    let recorded = Instant::now();
    eventually("the history has all", CATCH_UP, || server.caught_up()).await?;
    let behind = recorded.elapsed().as_secs_f64();
    ensure!(server.terminate().await?.success(), "the server did not end well");

    let began = Instant::now();
    server.restart().await?;
    let ready = began.elapsed().as_secs_f64();
    first_chart(&server).await?;
    let shown = began.elapsed().as_secs_f64();
    eventually("the history has all", CATCH_UP, || server.caught_up()).await?;
    let caught_up = began.elapsed().as_secs_f64();
    let many = frame_ms(&centre, &server).await?;
    let start = Figure {
        name: format!("chart shown after {observations} observations"),
        measured: shown,
        limit: Limit::AtMost(2.0),
        unit: "s",
        peer: format!(
            "ready after {ready:.2} s; the history had all {caught_up:.2} s after the start, and {behind:.2} s after the last row was recorded"
        ),
    };
    let frame = Figure {
        name: format!("CPU of a frame of charts over {observations}"),
        measured: many / few,
        limit: Limit::AtMost(1.2),
        unit: "×",
        peer: format!("{many:.1} ms; over {} {few:.1} ms", observations / FEWER),
    };
    Ok(vec![start, frame])
}

/// What a frame takes of charts over the same time with few values in it.
async fn few_values(observations: usize) -> Result<f64> {
    let centre = Centre::of(Plan { kind: "series", ..Plan::default() })?;
    let server = centre.serve().await?;
    record(&server, observations).await?;
    eventually("the history has all", CATCH_UP, || server.caught_up()).await?;
    frame_ms(&centre, &server).await
}

/// CPU time of the wall for each new value that it shows.
async fn frame_ms(centre: &Centre, server: &Server) -> Result<f64> {
    let mut wall = Wall::start(server.address(), "main", "1280x720", &centre.path("frames.log"))?;
    let id = wall.process().id().context("the wall ended")?;
    let (mut before, mut value) = (0.0, 0);
    for frame in 0..FRAMES.0 + FRAMES.1 {
        if frame == FRAMES.0 {
            before = cpu::tree_micros(id)?;
        }
        value = (value + 7_919) % 10_000;
        let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }]);
        let (_, answer) = server.post(&row, None).await?;
        wall.presented(answer["offset"].as_u64().context("no offset")?, Duration::from_secs(60)).await?;
    }
    Ok((cpu::tree_micros(id)? - before) / 1000.0 / f64::from(FRAMES.1))
}

async fn record(server: &Server, observations: usize) -> Result<()> {
    let (from, step) = (now_micros() - SPAN_MICROS * 9 / 10, SPAN_MICROS * 9 / 10 / i64::try_from(observations)?);
    for batch in 0..observations.div_ceil(BATCH) {
        let mut body = String::from("indicator,area,time,value\n");
        let rows = batch * BATCH..((batch + 1) * BATCH).min(observations);
        let count = rows.len();
        for number in rows {
            let (name, time) = (indicator(number % 6), from + i64::try_from(number)? * step);
            writeln!(body, "{name},{AREA},{time},{number}")?;
        }
        let (status, answer) = server.post_body("text/csv", body, None).await?;
        ensure!(status == 200 && answer["accepted"] == count, "{status} {answer}");
    }
    Ok(())
}

/// A newcomer has a window over the history, with what is in it.
async fn first_chart(server: &Server) -> Result<()> {
    let mut client = Client::hello(server.authority(), json!({ "wall": "main" })).await?;
    let has_buckets = |change: &serde_json::Value| {
        change["kind"] == "buckets" && change["body"]["buckets"].as_array().is_some_and(|buckets| !buckets.is_empty())
    };
    client.change(Duration::from_secs(60), has_buckets).await.map(|_| ())
}
