//! One layout goes over into the next, on the server's clock, and is then drawn as if it had always been there.

use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::raster::Picture;
use tests::{Centre, Server, Wall};

const LIMIT: Duration = Duration::from_secs(30);
const DURATION_MICROS: i64 = 400_000;

/// A layout that has one panel of the first, as large as it gets, and nothing else.
fn other() -> Value {
    json!({
        "id": "other", "name": { "vi": "Khác" },
        "panels": [
            { "id": "text", "kind": "text", "place": { "left": 0.0, "top": 0.0, "width": 1.0, "height": 0.2 },
              "options": { "body": "Giao ban" } },
            { "id": "big", "kind": "value", "place": { "left": 0.0, "top": 0.2, "width": 1.0, "height": 0.8 },
              "options": { "indicator": indicator(0), "area": AREA } },
        ],
    })
}

async fn ask(server: &Server, method: reqwest::Method, path: &str, body: Value) {
    let request = server.http().request(method, server.url(path)).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{path}: {status} {}", answer.text().await.unwrap());
}

/// Reads what the wall presents until it is still; gives the frame's moment and when each picture after it was shown.
async fn transition(wall: &mut Wall) -> (i64, Vec<i64>) {
    let is_frame = |report: &Value| report["cause"] == "frame" && report["changed_panels"].as_u64() > Some(0);
    let frame = wall.report_where("the other layout", LIMIT, is_frame).await.unwrap();
    let ahead = frame["clock_ahead"].as_i64().unwrap();
    let began = frame["present_at"].as_i64().unwrap();
    let mut shown = Vec::new();
    loop {
        let report = wall.report_where("a picture on the way", LIMIT, |report| report["cause"] == "transition").await;
        let at = report.unwrap()["presented_at"].as_i64().unwrap() + ahead;
        shown.push(at);
        if at >= began + DURATION_MICROS {
            return (began, shown);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_goes_over_into_the_next() {
    let centre = Centre::of(Plan { panels: 4, kind: "value", ..Plan::default() }).unwrap();
    let server = centre.serve().await.unwrap();
    let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": 18_642, "status": "official" }]);
    let offset = server.post(&row, None).await.unwrap().1["offset"].as_u64().unwrap();
    let mut wall = Wall::start(server.address(), "main", "960x540", &centre.path("wall.log")).unwrap();
    wall.presented(offset, LIMIT).await.unwrap();
    let first = wall.capture(&centre.path("first.png")).await.unwrap();

    ask(&server, reqwest::Method::PUT, "/api/v1/layouts/other", other()).await;
    ask(&server, reqwest::Method::POST, "/api/v1/walls/main/show", json!({ "layout": "other" })).await;
    let (began, shown) = transition(&mut wall).await;
    let on_the_way = shown.iter().filter(|at| **at < began + DURATION_MICROS).count();
    println!(
        "{on_the_way} pictures on the way, the last {} ms after its end",
        (shown.last().unwrap() - began - DURATION_MICROS) / 1000
    );
    assert!(on_the_way >= 2, "{began}: {shown:?}");
    let there = wall.capture(&centre.path("there.png")).await.unwrap();
    assert!(there.differing(&first) > 10_000, "nothing has changed");

    // As a wall draws it that never showed anything else.
    let mut fresh = Wall::start(server.address(), "main", "960x540", &centre.path("fresh.log")).unwrap();
    fresh.presented(offset, LIMIT).await.unwrap();
    let alone: Picture = fresh.capture(&centre.path("fresh.png")).await.unwrap();
    assert_eq!(there.differing(&alone), 0, "something of the layout before is left");

    ask(&server, reqwest::Method::POST, "/api/v1/walls/main/spotlight", json!({ "panel": "big" })).await;
    let (_, grown) = transition(&mut wall).await;
    assert!(grown.len() >= 2, "the panel did not grow: {grown:?}");
}
