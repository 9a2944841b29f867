//! What five thousand observations a second into a hundred thousand series do to a server that computes one more for
//! every twenty: how soon they are durable, whether anything is left behind, and whether memory grows.
//!
//! `SUSTAINED_SECS` says how long (600).

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::centre::Plan;
use tests::load::now_micros;
use tests::{Centre, Server, eventually};

use crate::{Figure, Limit, cpu};

const INDICATORS: usize = 100;
const AREAS: usize = 1000;
/// Of the indicators, as many more are computed, each from two.
const COMPUTED: usize = 5;
/// Areas of a post: with all indicators of each, so many rows.
const AREAS_POSTED: usize = 5;
const POSTS_A_SECOND: u32 = 10;
/// How often each series gets a value.
const INTERVAL_SECS: usize = AREAS / AREAS_POSTED / POSTS_A_SECOND as usize;

pub async fn measure() -> Result<Vec<Figure>> {
    let secs = u32::try_from(tests::count("SUSTAINED_SECS", 600))?;
    let centre = Centre::of(Plan::default())?;
    configure(&centre)?;
    let mut server = centre.serve().await?;
    let id = server.process().id().context("the server ended")?;
    let (mut acks, mut resident) = (Vec::new(), Vec::new());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / POSTS_A_SECOND);
    let (began, posts, before) = (Instant::now(), secs * POSTS_A_SECOND, cpu::micros(id)?);
    for post in 0..posts {
        let due = ticks.tick().await;
        let body = rows(post as usize * AREAS_POSTED % AREAS);
        let (status, answer) = server.post_body("text/csv", body, None).await?;
        acks.push(due.elapsed().as_secs_f64() * 1000.0);
        ensure!(status == 200 && answer["accepted"] == AREAS_POSTED * INDICATORS, "{status} {answer}");
        if post % POSTS_A_SECOND == 0 {
            resident.push(resident_mb(id)?);
        }
    }
    let rate = f64::from(posts) * (AREAS_POSTED * INDICATORS) as f64 / began.elapsed().as_secs_f64();
    let used = (cpu::micros(id)? - before) / began.elapsed().as_secs_f64() / 10_000.0;
    let ended = Instant::now();
    let expected = u64::from(posts) * (AREAS_POSTED * COMPUTED) as u64;
    eventually("all is computed", Duration::from_secs(60), || all_computed(&server, expected)).await?;
    let behind = ended.elapsed().as_secs_f64();
    eventually("the history has all", Duration::from_secs(60), || server.caught_up()).await?;
    acks.sort_by(f64::total_cmp);
    let quantile = |share: f64| acks[((acks.len() - 1) as f64 * share) as usize];
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    // The first fifth fills what is held of each series.
    let (early, late) =
        (mean(&resident[resident.len() / 5..resident.len() / 5 * 2]), mean(&resident[resident.len() / 5 * 4..]));
    Ok(vec![
        Figure {
            name: format!("durable ack at {rate:.0} rows/s for {secs} s, p99"),
            measured: p99,
            limit: Limit::AtMost(100.0),
            unit: "ms",
            peer: format!("median {p50:.1} ms, longest {:.1} ms; {used:.0} % of a core", quantile(1.0)),
        },
        Figure {
            name: "computed values left behind at the end".to_owned(),
            measured: behind,
            limit: Limit::AtMost(2.0),
            unit: "s",
            peer: format!("{expected} computed of {} series", COMPUTED * AREAS),
        },
        Figure {
            name: "resident memory, the last fifth against the second".to_owned(),
            measured: late / early,
            limit: Limit::AtMost(1.1),
            unit: "×",
            peer: format!("{early:.0} MB, then {late:.0} MB"),
        },
    ])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn configure(centre: &Centre) -> Result<()> {
    let (mut areas, mut indicators) = (String::from("[[area]]\nid = \"51\"\nname = \"51\"\n"), String::new());
    for area in 0..AREAS {
        writeln!(areas, "[[area]]\nid = \"a{area}\"\nname = \"{area}\"\nparent = \"51\"")?;
    }
    for number in 0..INDICATORS + COMPUTED {
        writeln!(
            indicators,
            "[[indicator]]\nid = \"test.{number}\"\nname = \"{number}\"\nunit = \"\"\nperiod = \"continuous\"\nowner = \"stc\"\nexpected_interval_secs = {INTERVAL_SECS}"
        )?;
        if let Some(computed) = number.checked_sub(INDICATORS) {
            let (a, b) = (computed * 2, computed * 2 + 1);
            writeln!(
                indicators,
                "derive = {{ formula = \"a + b\", inputs = {{ a = {{ indicator = \"test.{a}\" }}, b = {{ indicator = \"test.{b}\" }} }} }}"
            )?;
        }
    }
    centre.write("areas.toml", &areas)?;
    centre.write("indicators.toml", &indicators)?;
    centre.write("sources.toml", "[[source]]\nid = \"api\"\nname = \"API\"\nkind = \"push\"\n[[source]]\nid = \"derived\"\nname = \"Computed\"\nkind = \"derived\"\n")
}

fn rows(first: usize) -> String {
    let mut body = String::from("indicator,area,time,value\n");
    let now = now_micros();
    for area in first..first + AREAS_POSTED {
        for number in 0..INDICATORS {
            let _ = writeln!(body, "test.{number},a{area},{now},{}.5", now % 10_000 + number as i64);
        }
    }
    body
}

async fn all_computed(server: &Server, expected: u64) -> Result<()> {
    let sources = server.get("/api/v1/sources").await?;
    let derived = sources.as_array().and_then(|sources| sources.iter().find(|source| source["id"] == "derived"));
    let accepted = derived.and_then(|source| source["health"]["accepted"].as_u64());
    ensure!(accepted == Some(expected), "{accepted:?} of {expected}: {}", derived.unwrap_or(&Value::Null));
    Ok(())
}

fn resident_mb(id: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}
