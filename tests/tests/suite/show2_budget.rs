//! A real file, as the Ministry of Finance gave it: all rows of the province are in the history and on the
//! wall, and whatever was refused is listed.

use std::time::Duration;

use serde_json::json;
use tests::load::{Known, history};
use tests::picture::{panels, printed};
use tests::{Centre, Wall, eventually, root, shared};

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
    let Some(file) = shared("budget_final_by_province.csv") else { return };
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

    let mut wall = Wall::start(server.address(), "main", "1920x1080", &centre.path("wall.log")).unwrap();
    wall.presented(known[9].offset, Duration::from_secs(30)).await.unwrap();
    assert!(wall.capture(&centre.path("wall.png")).await.unwrap().colours() > 10);
    assert_report(&delivered).await;
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
