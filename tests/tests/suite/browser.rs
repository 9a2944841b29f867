//! The page in a real browser: it shows what the wall shows, where numbers come from, and how the link is.

use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, Plan, indicator};
use tests::chromium::Chromium;
use tests::load::now_micros;
use tests::{Centre, Server, Wall};

const LIMIT: Duration = Duration::from_secs(20);

async fn post(server: &Server, value: f64) -> u64 {
    let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value, "status": "official" }]);
    let (status, answer) = server.post(&row, None).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["offset"].as_u64().unwrap()
}

/// The page shows everything up to `offset`, and a number that reads `text`.
fn shows(offset: u64, text: &str) -> String {
    format!(
        "document.body.dataset.link === 'live' && Number(document.body.dataset.offset) >= {offset} \
         && [...document.querySelectorAll('[data-provenance]')].some(figure => figure.getAttribute('aria-label').includes('{text}'))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_layout_live_and_comes_back() {
    let centre = Centre::of(Plan { panels: 4, ..Plan::default() }).unwrap();
    let mut server = centre.serve().await.unwrap();
    let offset = post(&server, 18642.0).await;
    let mut page = Chromium::start(1280, 800).await.unwrap();
    page.open(&server.url("/watch/overview")).await.unwrap();
    page.until(&shows(offset, "18.642"), LIMIT).await.unwrap();

    let offset = post(&server, 18643.0).await;
    page.until(&shows(offset, "18.643"), LIMIT).await.unwrap();
    assert_provenance(&mut page).await;
    assert_like_the_wall(&centre, &server, &mut page, offset).await;

    server.kill().await.unwrap();
    page.until("document.body.dataset.link === 'lost' && !document.getElementById('banner').hidden", LIMIT)
        .await
        .unwrap();
    server.restart().await.unwrap();
    let offset = post(&server, 18644.0).await;
    page.until(&shows(offset, "18.644"), LIMIT).await.unwrap();
    page.until("document.getElementById('banner').hidden", LIMIT).await.unwrap();
}

/// The pointer on a number shows where it comes from.
async fn assert_provenance(page: &mut Chromium) {
    let place = page
        .evaluate("(() => { const box = document.querySelector('[data-provenance]').getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        .await
        .unwrap();
    page.hover(place[0].as_f64().unwrap(), place[1].as_f64().unwrap()).await.unwrap();
    page.until("!document.getElementById('tip').hidden", LIMIT).await.unwrap();
    let tip = page.evaluate("document.getElementById('tip').innerText").await.unwrap();
    let said = tip.as_str().unwrap();
    assert!(said.contains("Chỉ tiêu 0") && said.contains("18.643") && said.contains("api"), "{said}");
}

/// Both print the same picture: compared as tiles of averaged colour, since two programs draw the edges.
async fn assert_like_the_wall(centre: &Centre, server: &Server, page: &mut Chromium, offset: u64) {
    let mut wall = Wall::start_with(
        &["--server", server.address(), "--layout", "overview", "--headless", "1280x720"],
        &centre.path("wall.log"),
    )
    .unwrap();
    wall.presented(offset, Duration::from_secs(30)).await.unwrap();
    let wall_picture = wall.capture(&centre.path("wall.png")).await.unwrap();
    page.hover(1.0, 1.0).await.unwrap();
    let boxed: Value = page
        .evaluate("(() => { const picture = document.getElementById('picture'), { a, e, f } = picture.getScreenCTM(), { width, height } = picture.viewBox.baseVal; return [e, f, width * a, height * a]; })()")
        .await
        .unwrap();
    let [x, y, width, height]: [f64; 4] = serde_json::from_value(boxed).unwrap();
    // Kept, for a person to look at.
    let pictures = tests::root().join("target/pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    std::fs::copy(centre.path("wall.png"), pictures.join("wall.png")).unwrap();
    page.screenshot(&pictures.join("page.png")).await.unwrap();
    let page_picture = tests::wall::Picture::read(&pictures.join("page.png")).unwrap();
    let (columns, rows) = (16, 9);
    let mut worst = (0.0, (0, 0));
    for row in 0..rows {
        for column in 0..columns {
            let part = |from: (f64, f64), size: (f64, f64)| {
                let (w, h) = (size.0 / f64::from(columns), size.1 / f64::from(rows));
                (from.0 + w * f64::from(column), from.1 + h * f64::from(row), w, h)
            };
            let on_wall = wall_picture.average(part((0.0, 0.0), (1280.0, 720.0)));
            let on_page = page_picture.average(part((x, y), (width, height)));
            let apart = on_wall.iter().zip(on_page).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if apart > worst.0 {
                worst = (apart, (column, row));
            }
        }
    }
    let (worst, place) = worst;
    println!(
        "the page differs from the wall by at most {worst:.1} of 255, in the part at {place:?}; it is {width} × {height}"
    );
    assert!(wall_picture.colours() > 10);
    assert!(worst < 16.0, "the page differs from the wall by {worst:.1} at {place:?}");
}
