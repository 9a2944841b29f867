//! A real file, as the Ministry of Finance gave it: all rows of the province are in the history and on the
//! wall, and whatever was refused is listed.

use std::time::Duration;

use serde_json::json;
use tests::chromium::Chromium;
use tests::load::{Known, history};
use tests::picture::{panels, printed};
use tests::{Centre, Server, Wall, eventually, root, shared};

/// Million đồng of each year, 2006 to 2015.
const REVENUE: [f64; 10] = [
    559_000.0,
    1_078_200.0,
    1_438_000.0,
    2_015_000.0,
    13_735_000.0,
    18_121_000.0,
    18_194_000.0,
    21_369_000.0,
    22_880_000.0,
    33_190_000.0,
];

#[tokio::test]
async fn the_final_budgets_reach_the_wall() {
    let file = shared("budget_final_by_province.csv").unwrap();
    let centre = Centre::copy_of(&root().join("tests/centres/budget")).unwrap();
    let incoming = centre.path("incoming");
    std::fs::create_dir(&incoming).unwrap();
    let server = centre.serve().await.unwrap();
    let delivered = incoming.join("budget_final_by_province.csv");
    std::fs::copy(file, &delivered).unwrap();

    let known = eventually("ten years in the history", Duration::from_secs(20), || async {
        let known = history(server.http(), server.address(), "budget.revenue", "51").await?;
        anyhow::ensure!(known.len() >= 10, "{} years", known.len());
        Ok(known)
    });
    let known: Vec<Known> = known.await.unwrap().into_values().collect();
    assert_eq!(known.iter().map(|known| known.value).collect::<Vec<_>>(), REVENUE);

    let shown = eventually("ten years on the wall", Duration::from_secs(20), || async {
        let mut numbers = Vec::new();
        for (id, svg) in panels(server.authority(), json!({ "wall": "main" })).await? {
            numbers.extend(printed(&id, &svg)?);
        }
        let count = numbers.iter().filter(|number| number.panel == "years").count();
        anyhow::ensure!(count >= 10, "{count} bars");
        Ok(numbers)
    });
    let shown = shown.await.unwrap();
    let texts = |panel: &str| {
        shown.iter().filter(|number| number.panel == panel).map(|number| number.text.as_str()).collect::<Vec<_>>()
    };
    assert!(texts("revenue").iter().any(|text| text.contains("33.190")), "{:?}", texts("revenue"));
    for revenue in ["559", "1.078", "1.438", "2.015", "13.735", "18.121", "18.194", "21.369", "22.880", "33.190"] {
        assert!(texts("years").iter().any(|text| text.contains(revenue)), "{revenue} is not in {:?}", texts("years"));
    }

    assert_drawn(&centre, &server, known[9].offset).await;
    assert_report(&delivered).await;
}

/// The page says the figures and has a bar for each year; the wall has drawn what the page has drawn.
async fn assert_drawn(centre: &Centre, server: &Server, offset: u64) {
    let (width, height) = (1920, 1080);
    let mut wall = Wall::start(server.address(), "main", "1920x1080", &centre.path("wall.log")).unwrap();
    let mut page = Chromium::start(width, height + 40).await.unwrap();
    page.open(&server.url("/watch/wall/main")).await.unwrap();
    page.until(&format!("Number(document.body.dataset.offset) >= {offset}"), Duration::from_secs(20)).await.unwrap();
    wall.presented(offset, Duration::from_secs(60)).await.unwrap();
    let mut looks = 0;
    loop {
        let drawn = wall.capture(&centre.path("wall.png")).await.unwrap();
        let painted = page.picture(width, height, &centre.path("page.png")).await.unwrap();
        let Err(error) = painted.same_as(&drawn) else { break };
        looks += 1;
        assert!(looks < 10, "{error:#}");
    }
    let said = page.texts().await.unwrap();
    for wanted in ["33.190", "tỷ đồng"] {
        assert!(said["revenue"].iter().any(|text| text == wanted), "{wanted} is not in {:?}", said["revenue"]);
    }
    for year in 2006..=2015 {
        assert!(said["years"].contains(&year.to_string()), "{year} is not in {:?}", said["years"]);
    }
    // Bars stand side by side, each with a width of its own column and the figure's height.
    let bars = page
        .evaluate(
            "[...document.querySelectorAll('[data-panel=years] > g > rect[rx]')].map(bar => bar.getBBox()) \
             .filter(box => box.width < 200).map(box => [box.x, box.height])",
        )
        .await
        .unwrap();
    let bars: Vec<(f64, f64)> = serde_json::from_value(bars).unwrap();
    let bars: Vec<f64> = bars.into_iter().map(|(_, height)| height).filter(|height| *height > 0.0).collect();
    let tallest = bars.iter().copied().fold(0.0, f64::max);
    for revenue in REVENUE {
        let wanted = tallest * revenue / REVENUE[9];
        assert!(bars.iter().any(|height| (height - wanted).abs() < 1.5), "no bar is {wanted:.1} high: {bars:?}");
    }
}

/// Every row of another province is refused by name, in a report beside the file.
async fn assert_report(delivered: &std::path::Path) {
    let path = delivered.with_file_name("budget_final_by_province.csv.report.txt");
    let report = eventually("the report", Duration::from_secs(10), || async { Ok(std::fs::read_to_string(&path)?) })
        .await
        .unwrap();
    let rows = report.lines().filter(|line| line.starts_with("row ")).count();
    // 632 rows below the header, ten of them ours.
    assert!(rows >= 622, "only {rows} rows are listed:\n{}", &report[..report.len().min(600)]);
    assert!(
        report.contains("Ha Giang") && !report.contains("value 'Quang Ngai'"),
        "{}",
        &report[..report.len().min(600)]
    );
}
