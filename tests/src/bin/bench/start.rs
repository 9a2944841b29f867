//! How soon a server is ready that has a long history.

use std::time::Instant;

use anyhow::{Result, ensure};
use tests::Centre;
use tests::centre::{AREA, indicator};
use tests::load::now_micros;

use crate::{Figure, Limit};

/// Rows of one post.
const BATCH: usize = 50_000;

pub async fn measure() -> Result<Vec<Figure>> {
    let observations = tests::count("OBSERVATIONS", 10_000_000);
    let centre = Centre::small()?;
    let mut server = centre.serve().await?;
    let from = now_micros() - i64::try_from(observations)? - 3_600_000_000;
    for batch in 0..observations.div_ceil(BATCH) {
        let mut body = String::from("indicator,area,time,value\n");
        for number in batch * BATCH..(batch + 1) * BATCH {
            let (name, time) = (indicator(number % 6), from + i64::try_from(number)?);
            body.push_str(&format!("{name},{AREA},{time},{number}\n"));
        }
        let (status, answer) = server.post_body("text/csv", body, None).await?;
        ensure!(status == 200 && answer["accepted"] == BATCH, "{status} {answer}");
    }
    ensure!(server.terminate().await?.success(), "the server did not end well");
    let began = Instant::now();
    server.restart().await?;
    Ok(vec![Figure {
        name: format!("ready after {observations} observations"),
        measured: began.elapsed().as_secs_f64(),
        limit: Limit::AtMost(2.0),
        unit: "s",
        peer: String::new(),
    }])
}
