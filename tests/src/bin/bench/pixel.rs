//! From the first byte of a POST to the changed pixel, read back from a wall of 3840 × 2160.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::{Centre, Wall};

use crate::{Figure, Limit};

pub async fn measure() -> Result<Vec<Figure>> {
    let posts = tests::count("POSTS", 200);
    let centre = Centre::of(Plan { panels: 1, canvas: (3840, 2160), ..Plan::default() })?;
    let server = centre.serve().await?;
    let mut wall = Wall::start(server.address(), "main", "3840x2160", &centre.path("wall.log"))?;
    let mut times = Vec::new();
    for post in 0..=posts {
        let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": post * 1111 }]);
        let began = Instant::now();
        let (_, answer) = server.post(&row, None).await?;
        wall.presented(answer["offset"].as_u64().unwrap_or_default(), Duration::from_secs(30)).await?;
        wall.pixel(1920, 1080).await?;
        // The first picture of a wall is a whole one.
        if post > 0 {
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
    times.sort_by(f64::total_cmp);
    let (median, late) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    Ok(vec![Figure {
        name: "POST to changed pixel, 95th percentile".to_owned(),
        measured: late,
        limit: Limit::AtMost(150.0),
        unit: "ms",
        peer: format!("{posts} posts, median {median:.0} ms"),
    }])
}
