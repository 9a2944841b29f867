//! From the first byte of a POST to the changed pixel, read back from a wall of 3840 × 2160.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::raster::Picture;
use tests::{Centre, Server, Wall};

use crate::{Figure, Limit};

/// Two numbers of the same length that share no digit: posted in turn, each changes the numeral.
const VALUES: [u32; 2] = [11_111, 88_888];
/// Longer than numbers of a view are held back after the last one.
const QUIET: Duration = Duration::from_millis(2100);
const FIRST_PICTURE: Duration = Duration::from_secs(60);

pub async fn measure() -> Result<Vec<Figure>> {
    let posts = tests::count("POSTS", 200);
    let centre = Centre::of(Plan { panels: 1, canvas: (3840, 2160), ..Plan::default() })?;
    // As it is delivered: a number changes at once when it was quiet before.
    centre.replace("centre.toml", "readout_interval_ms = 0\n", "")?;
    let server = centre.serve().await?;
    let mut wall = Wall::start(server.address(), "main", "3840x2160", &centre.path("wall.log"))?;
    let place = numeral(&centre, &server, &mut wall).await?;
    let mut times = Vec::new();
    for post in 0..posts {
        let before = wall.pixel(place.0, place.1).await?;
        tokio::time::sleep(QUIET).await;
        let began = Instant::now();
        show(&server, &mut wall, VALUES[post % 2]).await?;
        let after = wall.pixel(place.0, place.1).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(after != before, "the pixel at {place:?} is {after:?} before and after post {post}");
    }
    times.sort_by(f64::total_cmp);
    let (median, late) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    Ok(vec![Figure {
        name: "POST to changed pixel, 95th percentile".to_owned(),
        measured: late,
        limit: Limit::AtMost(150.0),
        unit: "ms",
        peer: format!("{posts} posts, median {median:.0} ms; each changed the pixel at {place:?}"),
    }])
}

/// Posts a value and waits until it is presented.
async fn show(server: &Server, wall: &mut Wall, value: u32) -> Result<()> {
    let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }]);
    let (_, answer) = server.post(&row, None).await?;
    wall.presented(answer["offset"].as_u64().context("no offset")?, FIRST_PICTURE).await.map(|_| ())
}

/// A pixel that is ink of one number and ground of the other. The second one is shown when it is found.
async fn numeral(centre: &Centre, server: &Server, wall: &mut Wall) -> Result<(u32, u32)> {
    let mut pictures = Vec::new();
    for value in VALUES {
        show(server, wall, value).await?;
        pictures.push(wall.capture(&centre.path("numeral.png")).await?);
        tokio::time::sleep(QUIET).await;
    }
    let [first, second] = pictures.as_slice() else { anyhow::bail!("two pictures") };
    most_changed(first, second).context("the numeral does not change the picture")
}

fn most_changed(first: &Picture, second: &Picture) -> Option<(u32, u32)> {
    let apart = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
    let pixels = first.bytes.chunks_exact(first.channels).zip(second.bytes.chunks_exact(second.channels));
    let (place, most) = pixels.map(|(a, b)| apart(a, b)).enumerate().max_by_key(|(_, apart)| *apart)?;
    let place = u32::try_from(place).ok()?;
    (most > 150).then_some((place % first.width, place / first.width))
}
