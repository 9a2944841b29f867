//! What a year of five-minute values takes on the disk, beside the same rows in PostgreSQL, and how soon a day of one
//! series is read.
//!
//! `HISTORY_SERIES` (1000) and `HISTORY_DAYS` (36) say how much: about ten million rows. 365 days are the 105 million of a
//! year.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::centre::{AREA, Plan, indicator};
use tests::databases::{Database, Engine};
use tests::load::now_micros;
use tests::{Centre, Server, eventually};

use crate::{Figure, Limit};

const STEP_MICROS: i64 = 300_000_000;
const DAY_MICROS: i64 = 86_400_000_000;
/// How long the history may take to have all that was recorded.
const CATCH_UP: Duration = Duration::from_secs(3600);
const READS: usize = 200;

pub async fn measure() -> Result<Vec<Figure>> {
    let (series, days) = (tests::count("HISTORY_SERIES", 1000), tests::count("HISTORY_DAYS", 36));
    let times = i64::try_from(days)? * DAY_MICROS / STEP_MICROS;
    let rows = times as f64 * series as f64;
    let centre = Centre::of(Plan::default())?;
    centre.write("indicators.toml", &indicators(series))?;
    let mut server = centre.serve().await?;
    let start = now_micros() / STEP_MICROS * STEP_MICROS - times * STEP_MICROS;
    let began = Instant::now();
    for time in 0..times {
        let (status, answer) = server.post_body("text/csv", body(series, start + time * STEP_MICROS), None).await?;
        ensure!(status == 200, "{status} {answer}");
    }
    let taken = began.elapsed().as_secs_f64();
    eventually("the history has all", CATCH_UP, || server.caught_up()).await?;
    let read = reads(&server, series, start, times).await?;
    ensure!(server.terminate().await?.success(), "the server did not end well");
    let (log, history) = (bytes(&centre.path("data/log.sqlite"))?, bytes(&centre.path("data/history.sqlite"))?);
    let postgres = postgres(&centre.path("postgres"), series, start, times).await?;
    let peer = format!(
        "log {:.1} + history {:.1} bytes; PostgreSQL {:.1} with its primary key; {rows:.0} rows in {taken:.0} s, one time a post",
        log / rows,
        history / rows,
        postgres / rows
    );
    Ok(vec![
        Figure {
            name: "bytes of an observation, log and history".to_owned(),
            measured: (log + history) / postgres,
            limit: Limit::AtMost(1.0),
            unit: "of PostgreSQL",
            peer,
        },
        Figure {
            name: "24 hours of one series, 95th percentile".to_owned(),
            measured: read[READS * 95 / 100],
            limit: Limit::AtMost(5.0),
            unit: "ms",
            peer: format!("median {:.2} ms over HTTP, 288 values", read[READS / 2]),
        },
    ])
}

fn indicators(series: usize) -> String {
    let mut indicators = String::new();
    for number in 0..series {
        let name = indicator(number);
        let _ = writeln!(
            indicators,
            "[[indicator]]\nid = \"{name}\"\nname = \"{name}\"\nunit = \"\"\nperiod = \"continuous\"\nowner = \"stc\"\nexpected_interval_secs = 300"
        );
    }
    indicators
}

fn body(series: usize, time: i64) -> String {
    let mut body = String::from("indicator,area,time,value\n");
    for number in 0..series {
        let _ = writeln!(body, "{},{AREA},{time},{}", indicator(number), value(number, time));
    }
    body
}

/// Like a sensor's: a few digits that go up and down.
fn value(series: usize, time: i64) -> f64 {
    let phase = time as f64 / DAY_MICROS as f64 * std::f64::consts::TAU + series as f64;
    ((phase.sin() * 20.0 + 50.0 + (time / STEP_MICROS % 7) as f64 * 0.3) * 10.0).round() / 10.0
}

async fn reads(server: &Server, series: usize, start: i64, times: i64) -> Result<Vec<f64>> {
    let mut taken = Vec::with_capacity(READS);
    for read in 0..READS {
        let name = indicator(read * 31 % series);
        let from = start + (read as i64 * 7_919 % (times - 288).max(1)) * STEP_MICROS;
        let to = from + DAY_MICROS - 1;
        let began = Instant::now();
        let answer = server.get(&format!("/api/v1/series?indicator={name}&area={AREA}&from={from}&to={to}")).await?;
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
        let count = answer["observations"].as_array().map_or(0, Vec::len);
        ensure!(count == 288, "{count} values of a day");
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}

fn bytes(path: &Path) -> Result<f64> {
    let beside = |end: &str| std::fs::metadata(format!("{}{end}", path.display())).map_or(0, |about| about.len());
    ensure!(path.exists(), "there is no {}", path.display());
    Ok((beside("") + beside("-wal")) as f64)
}

/// The same rows in a table of PostgreSQL, as one would make it for this.
async fn postgres(folder: &Path, series: usize, start: i64, times: i64) -> Result<f64> {
    let database = Database::start(Engine::Postgres, folder).await?;
    let create = "CREATE TABLE observation (series int, time timestamptz, value double precision, status smallint, batch bigint, PRIMARY KEY (series, time, batch))";
    database.run(create).await?;
    let (size, step) = (times * series as i64, STEP_MICROS / 1_000_000);
    let insert = format!(
        "INSERT INTO observation SELECT n % {series}, to_timestamp({}) + (n / {series}) * interval '{step} seconds', round((50 + 20 * sin(n))::numeric, 1), 0, n / {series} FROM generate_series(0, {}) n",
        start / 1_000_000,
        size - 1
    );
    database.run(&insert).await?;
    database.run("VACUUM observation").await?;
    let said = database.run("SELECT pg_total_relation_size('observation')").await?;
    said.trim().parse().context(said)
}
