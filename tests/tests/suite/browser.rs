//! The page in a real browser: it shows what the wall shows, where numbers come from, and how the link is.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, Plan, indicator};
use tests::chromium::Chromium;
use tests::load::now_micros;
use tests::picture::texts_of;
use tests::{Centre, Server, Wall, Watchers};

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

/// The size in which wall and page draw the demo's layout.
const SIZE: (u32, u32) = (1920, 1080);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_draws_what_the_wall_draws() {
    let centre = Centre::copy_of(&tests::root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let view = json!({ "layout": "overview" });
    let mut wall = Wall::start_with(
        &["--server", server.address(), "--layout", "overview", "--headless", &format!("{}x{}", SIZE.0, SIZE.1)],
        &centre.path("wall.log"),
    )
    .unwrap();
    let mut page = Chromium::start(SIZE.0, SIZE.1 + 40).await.unwrap();
    page.open(&server.url("/watch/overview")).await.unwrap();
    page.until("document.body.dataset.link === 'live'", LIMIT).await.unwrap();
    wall.presented(1, Duration::from_secs(60)).await.unwrap();
    // Kept, for a person to look at.
    let pictures = tests::root().join("target/pictures");
    std::fs::create_dir_all(&pictures).unwrap();

    // The clock moves on between any two looks: one of them falls within a second.
    let mut looks = 0;
    while let Err(error) = compare(&server, &view, &mut wall, &mut page, &pictures).await {
        looks += 1;
        assert!(looks < 40, "in {looks} looks: {error:#}");
    }
}

/// The page says what the server says, and has drawn what the wall has drawn.
async fn compare(
    server: &Server,
    view: &Value,
    wall: &mut Wall,
    page: &mut Chromium,
    pictures: &Path,
) -> anyhow::Result<()> {
    let told = texts_of(server.authority(), view.clone()).await?;
    let kinds = ["header", "revenue", "districts", "disbursement", "rivers", "note"];
    anyhow::ensure!(kinds.iter().all(|id| told.get(*id).is_some_and(|texts| !texts.is_empty())), "{told:?}");
    let shown = page.texts().await?;
    let apart = told.iter().find(|(id, texts)| shown.get(*id) != Some(texts));
    anyhow::ensure!(apart.is_none(), "the page has other texts than {apart:?}");
    let painted = page.picture(SIZE.0, SIZE.1, &pictures.join("page.png")).await?;
    let drawn = wall.capture(&pictures.join("wall.png")).await?;
    painted.same_as(&drawn)
}

/// A picture from a file is to be seen in the page and in its SVG, which a browser lets no other address into.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_from_a_file_is_shown() {
    let centre = Centre::copy_of(&tests::root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let mut page = Chromium::start(SIZE.0, SIZE.1 + 40).await.unwrap();
    for (address, is_there) in [
        ("/watch/man-cho", "document.body.dataset.link === 'live' && !!document.querySelector('image')"),
        ("/api/v1/layouts/man-cho.svg?width=1920&height=1080", "!!document.querySelector('image')"),
    ] {
        page.open(&server.url(address)).await.unwrap();
        page.until(is_there, LIMIT).await.unwrap();
        // The moon of the drawing, which nothing else in this layout has the colour of.
        let moon =
            |pixel: &[u8]| pixel[0].abs_diff(0xF2) < 8 && pixel[1].abs_diff(0xB8) < 8 && pixel[2].abs_diff(0x4B) < 8;
        let mut looks = 0;
        loop {
            let picture = page.screenshot(SIZE.0, SIZE.1, &centre.path("page.png")).await.unwrap();
            let ink = picture.bytes.chunks_exact(picture.channels).filter(|pixel| moon(pixel)).count();
            if ink > 10_000 {
                break;
            }
            looks += 1;
            assert!(looks < 20, "{address}: only {ink} pixels of the moon in {looks} looks");
        }
    }
}

/// What the comparison is worth: one digit of one number is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digit_is_another_picture() {
    let centre = Centre::of(Plan { panels: 4, kind: "value", ..Plan::default() }).unwrap();
    let server = centre.serve().await.unwrap();
    let mut watchers = Watchers::start(&centre, &[server.address()]).await.unwrap();
    let offset = post(&server, 18_643.0).await;
    watchers.agree(&server, offset).await.unwrap();
    let before = watchers.wall.capture(&centre.path("before.png")).await.unwrap();
    for wrong in [18_648.0, 18_642.0, 13_643.0] {
        let offset = post(&server, wrong).await;
        watchers.agree(&server, offset).await.unwrap();
        let page = watchers.page.picture(before.width, before.height, &centre.path("after.png")).await.unwrap();
        let unlike = page.unlike(&before).unwrap();
        println!("{wrong} for 18643: {unlike:?}");
        assert!(page.same_as(&before).is_err(), "{wrong} passes for 18643: {unlike:?}");
    }
}
