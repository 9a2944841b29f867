//! How fast observations become durable, against the same bytes appended and synced by nobody but the disk.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::centre::AREA;
use tests::load::now_micros;
use tests::{Centre, Server};

use crate::{Figure, Limit};

/// The disk and the server take turns, so that what else the machine does falls on both.
const TURNS: u32 = 4;
const WINDOW: Duration = Duration::from_secs(1);
const CLIENTS: usize = 64;

pub async fn measure() -> Result<Vec<Figure>> {
    let centre = Centre::small()?;
    let server = centre.serve().await?;
    let clock = Arc::new(AtomicI64::new(now_micros() - 86_400_000_000));
    let mut figures = Vec::new();
    for batch in [1, 100, 1000] {
        let template = Arc::new(Template::of(batch));
        let (mut disk, mut rate) = (0.0, 0.0);
        for _ in 0..TURNS {
            disk += disk_rate(&centre.path("peer"), &template.body, batch)? / f64::from(TURNS);
            rate += server_rate(&server, &template, &clock).await? / f64::from(TURNS);
        }
        figures.push(Figure {
            name: format!("durable ingest, batches of {batch}"),
            measured: rate / disk,
            limit: Limit::AtLeast(0.5),
            unit: "of the disk",
            peer: format!("{rate:.0} rows/s; append + fdatasync {disk:.0} rows/s"),
        });
    }
    Ok(figures)
}

/// Bodies of which only the times change, so that the load itself costs little beside what is measured.
struct Template {
    body: Vec<u8>,
    /// Where in `body` each time stands, in 16 digits.
    times: Vec<usize>,
}

impl Template {
    fn of(count: usize) -> Self {
        let (mut body, mut times) = (String::with_capacity(count * 80), Vec::with_capacity(count));
        for number in 0..count {
            let (separator, series) = (if number == 0 { '[' } else { ',' }, number % 6);
            let _ = write!(body, r#"{separator}{{"indicator":"test.{series}","area":"{AREA}","time":"#);
            times.push(body.len());
            let _ = write!(body, r#"{:016},"value":{number}}}"#, 0);
        }
        body.push(']');
        Self { body: body.into_bytes(), times }
    }

    /// With times that no body had before.
    fn fill(&self, clock: &AtomicI64) -> Vec<u8> {
        let count = i64::try_from(self.times.len()).unwrap_or(i64::MAX);
        let mut body = self.body.clone();
        for (time, place) in (clock.fetch_add(count, Ordering::Relaxed)..).zip(&self.times) {
            let mut rest = time;
            for digit in body[*place..*place + 16].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        body
    }
}

fn disk_rate(path: &Path, bytes: &[u8], batch: usize) -> Result<f64> {
    let mut file = File::create(path)?;
    let began = Instant::now();
    let mut batches = 0_u32;
    while began.elapsed() < WINDOW {
        file.write_all(bytes)?;
        file.sync_data()?;
        batches += 1;
    }
    Ok(f64::from(batches) * batch as f64 / began.elapsed().as_secs_f64())
}

async fn server_rate(server: &Server, template: &Arc<Template>, clock: &Arc<AtomicI64>) -> Result<f64> {
    let accepted = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (accepted, clock, template) = (Arc::clone(&accepted), Arc::clone(clock), Arc::clone(template));
        let (http, url) = (server.http().clone(), server.url("/api/v1/observations"));
        workers.spawn(async move {
            while began.elapsed() < WINDOW {
                let response = http
                    .post(&url)
                    .header("content-type", "application/json")
                    .body(template.fill(&clock))
                    .send()
                    .await?;
                ensure!(response.status().is_success(), "{}", response.text().await?);
                accepted.fetch_add(template.times.len() as u64, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    // Answers when the history has everything, so that nothing is left to be done in somebody else's time.
    let series = server.url(&format!("/api/v1/series?indicator=test.0&area={AREA}&limit=1"));
    server.http().get(&series).send().await?.error_for_status()?;
    Ok(accepted.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}
