//! The server is killed at random moments under load, again and again: nothing that was acknowledged is lost
//! or doubled, and everyone who watches is right again without help.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tests::centre::{AREA, indicator};
use tests::chromium::Chromium;
use tests::load::{self, Load, Rows, now_micros};
use tests::{Centre, Checker, CheckerOptions, Wall, count};

/// How soon a wall and a page show everything again.
const RIGHT_AGAIN: Duration = Duration::from_secs(10);

fn rows() -> Rows {
    Rows {
        series: (0..6).map(|number| (indicator(number), AREA.to_owned())).collect(),
        from_micros: now_micros() - 3_600_000_000,
        pause: Duration::from_millis(1),
        name: "kills".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled() {
    let kills = count("KILLS", 200);
    let centre = Centre::small().unwrap();
    let mut server = centre.serve().await.unwrap();
    let mut options = CheckerOptions::new(server.authority(), json!({ "wall": "main" }), 5);
    options.max_wait = Duration::from_millis(200);
    let mut checker = Checker::start(&options, &centre.path("checker.log")).unwrap();
    let mut wall = Wall::start(server.address(), "main", "640x360", &centre.path("wall.log")).unwrap();
    let mut page = Chromium::start(640, 400).await.unwrap();
    page.open(&server.url("/watch/wall/main")).await.unwrap();
    let load = Load::start(vec![server.address().to_owned()], rows());
    let mut dice = StdRng::seed_from_u64(3);

    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..400))).await;
        server.kill().await.unwrap();
        let newest = load.newest().await;
        server.restart().await.unwrap_or_else(|error| panic!("after kill {kill}: {error:#}"));
        let Some(newest) = newest else { continue };
        let again = load::post(server.http(), server.address(), &newest.key, &newest.rows).await.unwrap();
        assert_eq!((&again["offset"], &again["repeated"]), (&newest.answer["offset"], &json!(true)), "kill {kill}");
        let offset = newest.answer["offset"].as_u64().unwrap();
        wall.presented(offset, RIGHT_AGAIN)
            .await
            .unwrap_or_else(|error| panic!("the wall after kill {kill}: {error:#}"));
        page.until(&format!("Number(document.body.dataset.offset) >= {offset}"), RIGHT_AGAIN).await.unwrap();
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "kill {kill}");
    }

    let acknowledged = load.finish().await.unwrap();
    assert!(acknowledged.len() >= kills, "only {} batches in {kills} lives", acknowledged.len());
    load::verify(server.http(), server.address(), &acknowledged).await.unwrap();
    let summary = checker.finish().await.unwrap();
    println!("{kills} kills, {} batches acknowledged, none lost or doubled; clients: {summary}", acknowledged.len());
    assert_eq!(summary["epoch_changes"], 0);
    assert!(server.terminate().await.unwrap().success());
}
