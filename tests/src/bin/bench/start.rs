//! How soon a server is ready that has a long history: it answers, and shows a chart over all of it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::{Centre, Client, Server, eventually};

use crate::{Figure, Limit};

/// Rows of one post.
const BATCH: usize = 50_000;
/// How long the history may take to have all that was recorded.
const CATCH_UP: Duration = Duration::from_secs(600);

pub async fn measure() -> Result<Vec<Figure>> {
    let observations = tests::count("OBSERVATIONS", 10_000_000);
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
    Ok(vec![Figure {
        name: format!("chart shown after {observations} observations"),
        measured: shown,
        limit: Limit::AtMost(2.0),
        unit: "s",
        peer: format!(
            "ready after {ready:.2} s; the history had all {caught_up:.2} s after the start, and {behind:.2} s after the last row was recorded"
        ),
    }])
}

async fn record(server: &Server, observations: usize) -> Result<()> {
    let from = now_micros() - i64::try_from(observations)? - 3_600_000_000;
    for batch in 0..observations.div_ceil(BATCH) {
        let mut body = String::from("indicator,area,time,value\n");
        for number in batch * BATCH..(batch + 1) * BATCH {
            let (name, time) = (indicator(number % 6), from + i64::try_from(number)?);
            writeln!(body, "{name},{AREA},{time},{number}")?;
        }
        let (status, answer) = server.post_body("text/csv", body, None).await?;
        ensure!(status == 200 && answer["accepted"] == BATCH, "{status} {answer}");
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
