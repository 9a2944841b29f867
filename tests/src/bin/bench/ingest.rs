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
const CLIENTS: usize = 16;

pub async fn measure() -> Result<Vec<Figure>> {
    let centre = Centre::small()?;
    let server = centre.serve().await?;
    let clock = Arc::new(AtomicI64::new(now_micros() - 86_400_000_000));
    let mut figures = Vec::new();
    for batch in [1, 100, 1000] {
        let body = rows(batch, &clock);
        let (mut disk, mut rate) = (0.0, 0.0);
        for _ in 0..TURNS {
            disk += disk_rate(&centre.path("peer"), body.as_bytes(), batch)? / f64::from(TURNS);
            rate += server_rate(&server, batch, &clock).await? / f64::from(TURNS);
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

/// Written by hand, so that the load itself costs little beside what is measured.
fn rows(count: usize, clock: &AtomicI64) -> String {
    let from = clock.fetch_add(i64::try_from(count).unwrap_or(i64::MAX), Ordering::Relaxed);
    let mut body = String::with_capacity(count * 80);
    for number in 0..count {
        let (separator, time) = (if number == 0 { '[' } else { ',' }, from + number as i64);
        let series = number % 6;
        let _ = write!(
            body,
            r#"{separator}{{"indicator":"test.{series}","area":"{AREA}","time":{time},"value":{number}}}"#
        );
    }
    body.push(']');
    body
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

async fn server_rate(server: &Server, batch: usize, clock: &Arc<AtomicI64>) -> Result<f64> {
    let accepted = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (accepted, clock) = (Arc::clone(&accepted), Arc::clone(clock));
        let (http, url) = (server.http().clone(), server.url("/api/v1/observations"));
        workers.spawn(async move {
            while began.elapsed() < WINDOW {
                let response =
                    http.post(&url).header("content-type", "application/json").body(rows(batch, &clock)).send().await?;
                ensure!(response.status().is_success(), "{}", response.text().await?);
                accepted.fetch_add(batch as u64, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(accepted.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}
