//! Pictures of layouts to keep and to print: the same as on the wall, in every format, language and theme.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::picture::{printed, texts, texts_of};
use tests::raster::Picture;
use tests::{Centre, Server, Wall, eventually, root};

/// What the header says while all is well.
const LIVE: &str = "TRỰC TIẾP";
const LIMIT: Duration = Duration::from_secs(30);

/// What a layout's picture is, as it came.
async fn fetch(server: &Server, address: &str) -> (String, Vec<u8>) {
    let answer = server.http().get(server.url(address)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{address}: {}", answer.text().await.unwrap());
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.bytes().await.unwrap().to_vec())
}

async fn svg(server: &Server, address: &str) -> String {
    let (kind, bytes) = fetch(server, address).await;
    assert_eq!(kind, "image/svg+xml");
    String::from_utf8(bytes).unwrap()
}

async fn png(server: &Server, address: &str, path: &Path) -> Picture {
    let (kind, bytes) = fetch(server, address).await;
    assert_eq!(kind, "image/png");
    std::fs::write(path, bytes).unwrap();
    Picture::read(path).unwrap()
}

/// What a program of poppler says of a file.
fn poppler(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let run = run.unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup.sh test installs it"));
    assert!(run.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// A centre whose picture stands still: figures that were posted, and no clock.
async fn still(kind: &'static str) -> (Centre, Server) {
    let centre = Centre::of(Plan { panels: 4, kind, ..Plan::default() }).unwrap();
    let server = centre.serve().await.unwrap();
    let rows: Vec<Value> = (0..4)
        .flat_map(|number| (0..20).map(move |step| (number, step)))
        .map(|(number, step)| {
            let time = now_micros() - step * 3_600_000_000;
            json!({ "indicator": indicator(number), "area": AREA, "time": time, "value": 18_642 + 137 * step, "status": "official" })
        })
        .collect();
    let (status, answer) = server.post(&json!(rows), None).await.unwrap();
    assert_eq!((status, &answer["accepted"]), (200, &json!(80)), "{answer}");
    (centre, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_written_in_every_format() {
    let centre = Centre::copy_of(&root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let view = json!({ "layout": "overview" });
    // The clock moves on between any two looks.
    let same = eventually("the SVG says what the page says", LIMIT, || async {
        let mut shown: Vec<String> =
            texts_of(server.authority(), view.clone()).await?.into_values().flatten().collect();
        let mut said = texts(&svg(&server, "/api/v1/layouts/overview.svg").await)?;
        shown.sort();
        said.sort();
        anyhow::ensure!(shown == said && said.len() > 100, "the page shows {shown:?}, the picture {said:?}");
        Ok(said)
    });
    let said = same.await.unwrap();

    let picture = png(&server, "/api/v1/layouts/overview.png", &centre.path("overview.png")).await;
    assert_eq!((picture.width, picture.height), (3840, 2160));
    assert!(picture.colours() > 100, "only {} colours", picture.colours());

    let (kind, pdf) = fetch(&server, "/api/v1/layouts/overview.pdf").await;
    assert_eq!(kind, "application/pdf");
    assert!(pdf.starts_with(b"%PDF-"));
    let path = centre.path("overview.pdf");
    std::fs::write(&path, pdf).unwrap();
    let path = path.to_str().unwrap();
    let about = poppler("pdfinfo", &["-isodates", path]);
    for line in ["Pages:           1", "Page size:       1190.55 x 841.89 pts (A3)", "Title:           Tổng quan"] {
        assert!(about.contains(line), "no '{line}' in\n{about}");
    }
    let copied = poppler("pdftotext", &["-raw", path, "-"]);
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let copied = flat(&copied);
    // Figures of a demo move on; its words stay. Paper does not say that it is live.
    let stays = |text: &&String| !text.contains(|c: char| c.is_ascii_digit()) && *text != LIVE;
    let words: Vec<String> = said.iter().filter(stays).map(|text| flat(text)).collect();
    assert!(said.iter().any(|text| text == LIVE), "{said:?}");
    let lost: Vec<&String> = words.iter().filter(|text| !copied.contains(text.as_str())).collect();
    assert!(!copied.contains(LIVE), "paper says that it is live");
    assert!(words.len() > 40 && lost.is_empty(), "cannot be copied: {lost:?} from\n{copied}");
    for font in poppler("pdffonts", &[path]).lines().skip(2) {
        assert!(font.contains("yes yes yes"), "not embedded, not a subset or without Unicode: {font}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_what_the_wall_shows() {
    let (centre, server) = still("value").await;
    let mut wall = Wall::start(server.address(), "main", "1280x720", &centre.path("wall.log")).unwrap();
    wall.presented(1, LIMIT).await.unwrap();
    let shown = wall.capture(&centre.path("wall.png")).await.unwrap();
    let made = png(&server, "/api/v1/layouts/overview.png?wall=main", &centre.path("made.png")).await;
    made.same_as(&shown).unwrap();
    let light = png(&server, "/api/v1/layouts/overview.png?wall=main&theme=light", &centre.path("light.png")).await;
    assert!(light.same_as(&shown).is_err(), "the light theme is the dark one");
}

/// Every layout of the demo, and so every kind there is: the wall draws what its SVG says.
#[tokio::test(flavor = "multi_thread")]
async fn the_wall_draws_every_layout_as_its_svg() {
    let centre = Centre::copy_of(&root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let layouts = server.get("/api/v1/layouts").await.unwrap();
    let ids: Vec<&str> = layouts.as_array().unwrap().iter().map(|layout| layout["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 14, "{ids:?}");
    let mut kinds = std::collections::BTreeSet::new();
    for id in ids {
        let layout = server.get(&format!("/api/v1/layouts/{id}")).await.unwrap();
        kinds.extend(
            layout["panels"].as_array().unwrap().iter().map(|panel| panel["kind"].as_str().unwrap().to_owned()),
        );
        let arguments = ["--server", server.address(), "--layout", id, "--headless", "3840x2160"];
        let mut wall = Wall::start_with(&arguments, &centre.path("wall.log")).unwrap();
        wall.presented(1, Duration::from_secs(60)).await.unwrap();
        let address = format!("/api/v1/layouts/{id}.png");
        // Clocks and figures move on between any two looks: some two fall together.
        let mut looks = 0;
        loop {
            let made = png(&server, &address, &centre.path("made.png")).await;
            let drawn = wall.capture(&centre.path("wall.png")).await.unwrap();
            let Err(error) = made.same_as(&drawn) else { break };
            looks += 1;
            assert!(looks < 40, "{id}, in {looks} looks: {error:#}");
        }
    }
    let missing: Vec<&str> =
        panels::PANELS.iter().map(|panel| panel.kind()).filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missing.is_empty(), "no layout of the demo shows {missing:?}");
}

/// The mean of each cell of a grid laid over a part of a picture.
fn means(picture: &Picture, [left, top, width, height]: [f64; 4], grid: (usize, usize)) -> Vec<f64> {
    let cell = |column: usize, row: usize| {
        let from = |start: f64, size: f64, index: usize, of: usize| (start + size * index as f64 / of as f64) as usize;
        let (xs, ys) = (
            from(left, width, column, grid.0)..from(left, width, column + 1, grid.0),
            from(top, height, row, grid.1)..from(top, height, row + 1, grid.1),
        );
        let values = ys.flat_map(|y| xs.clone().map(move |x| (y * picture.width as usize + x) * picture.channels));
        let values: Vec<f64> = values
            .map(|at| picture.bytes[at..at + 3].iter().map(|value| f64::from(*value)).sum::<f64>() / 3.0)
            .collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    (0..grid.1)
        .flat_map(|row| (0..grid.0).map(move |column| (column, row)))
        .map(|(column, row)| cell(column, row))
        .collect()
}

/// How far two pictures are apart where they are most.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_shows_what_the_picture_shows() {
    let (centre, server) = still("series").await;
    let light = png(&server, "/api/v1/layouts/overview.png?theme=light", &centre.path("light.png")).await;
    let dark = png(&server, "/api/v1/layouts/overview.png", &centre.path("dark.png")).await;
    let (_, pdf) = fetch(&server, "/api/v1/layouts/overview.pdf").await;
    let path = centre.path("overview.pdf");
    std::fs::write(&path, pdf).unwrap();
    let page = centre.path("page");
    poppler("pdftoppm", &["-png", "-r", "144", "-singlefile", path.to_str().unwrap(), page.to_str().unwrap()]);
    let page = Picture::read(&page.with_extension("png")).unwrap();
    // At 144 dpi a point is two pixels; the margin is 10 mm.
    let margin = 28.35 * 2.0;
    let width = f64::from(page.width) - 2.0 * margin;
    let height = width * 9.0 / 16.0;
    // In the middle, with a line of 14 points below it.
    let top = (f64::from(page.height) - 28.0 - height) / 2.0;
    let on_page = means(&page, [margin, top, width, height], (32, 18));
    let of =
        |picture: &Picture| means(picture, [0.0, 0.0, f64::from(picture.width), f64::from(picture.height)], (32, 18));
    let (light, dark) = (apart(&on_page, &of(&light)), apart(&on_page, &of(&dark)));
    println!("from the light picture {light:.1}, from the dark one {dark:.1} of 255");
    assert!(
        light < 6.0 && dark > 100.0,
        "the page is {light:.1} from the light picture and {dark:.1} from the dark one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn language_theme_and_canvas_are_as_asked() {
    let (_centre, server) = still("series").await;
    let vietnamese = svg(&server, "/api/v1/layouts/overview.svg").await;
    let english = svg(&server, "/api/v1/layouts/overview.svg?language=en&theme=light").await;
    let ground = |svg: &str| svg.split("fill=\"#").nth(1).unwrap()[..6].to_owned();
    assert!(texts(&vietnamese).unwrap().iter().any(|text| text.contains("Chỉ tiêu 0")));
    let said = texts(&english).unwrap();
    assert!(
        said.iter().any(|text| text.contains("Indicator 0")) && !said.iter().any(|text| text.contains("Chỉ tiêu")),
        "{said:?}"
    );
    assert_ne!(ground(&vietnamese), ground(&english));
    let figures = |svg: &str| printed("", svg).unwrap().len();
    let lines = |svg: &str| svg.matches("stroke-linejoin").count();
    for (asked, size) in
        [("wall=main", (1280, 720)), ("width=1920&height=1080", (1920, 1080)), ("width=1000&height=2000", (1000, 2000))]
    {
        let picture = svg(&server, &format!("/api/v1/layouts/overview.svg?{asked}")).await;
        assert!(picture.contains(&format!("viewBox=\"0 0 {} {}\"", size.0, size.1)), "{asked}: {picture:.200}");
        assert_eq!(figures(&picture), figures(&vietnamese), "{asked}");
        assert!(lines(&picture) > 4, "{asked}: charts have lost their lines");
    }
}
