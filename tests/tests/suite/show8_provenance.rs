//! Every printed number says where it comes from, and the API says the same.

use std::time::Duration;

use serde_json::{Value, json};
use tests::picture::{Printed, number_of, panels, printed};
use tests::{Centre, Server, eventually, root};

#[tokio::test]
async fn each_printed_number_is_what_the_history_says() {
    let centre = Centre::copy_of(&root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let view = json!({ "layout": "overview" });
    let numbers = eventually("numbers on the picture", Duration::from_secs(30), || async {
        let mut numbers = Vec::new();
        for (id, svg) in panels(server.authority(), view.clone()).await? {
            numbers.extend(printed(&id, &svg)?);
        }
        anyhow::ensure!(numbers.len() >= 20, "only {} numbers", numbers.len());
        Ok(numbers)
    });
    let numbers = numbers.await.unwrap();
    let indicators = server.get("/api/v1/indicators").await.unwrap();
    for number in &numbers {
        check(&server, &indicators, number).await;
    }
    println!("{} printed numbers, each as the history says", numbers.len());
}

async fn check(server: &Server, indicators: &Value, number: &Printed) {
    let origins = number.provenance["origins"].as_array().unwrap();
    assert!(!origins.is_empty(), "{number:?}");
    for origin in origins {
        let known = known(server, origin).await;
        for field in ["value", "received_at", "source", "status"] {
            assert_eq!(known[field], origin[field], "{field} of {number:?}");
        }
    }
    let scale = scale_of(indicators, &origins[0]);
    let value = |index: usize| origins[index]["value"].as_f64().unwrap();
    let expected = match number.provenance["formula"].as_str().unwrap() {
        "value" => value(0) * scale,
        "difference" => (value(0) - value(1)) * scale,
        "change_percent" => (value(0) / value(1) - 1.0) * 100.0,
        "share_percent" => value(0) / value(1) * 100.0,
        other => panic!("unknown formula {other}"),
    };
    let (shown, decimals) = number_of(&number.text).unwrap_or_else(|| panic!("{number:?} is no number"));
    let half = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap()) * 1.000_001;
    // A sign may be told by a mark beside the number.
    let distance = (shown.abs() - expected.abs()).abs();
    assert!(distance <= half, "{} is printed for {expected}: {number:?}", number.text);
}

/// What the history says of the moment of an origin.
async fn known(server: &Server, origin: &Value) -> Value {
    let series = &origin["series"];
    let text = |field: &str| series[field].as_str().unwrap_or("actual").to_owned();
    let time = &origin["phenomenon_time"];
    let path = format!(
        "/api/v1/series?indicator={}&area={}&scenario={}&from={time}&to={time}",
        text("indicator"),
        text("area"),
        text("scenario")
    );
    let answer = server.get(&path).await.unwrap();
    let observations = answer["observations"].as_array().unwrap();
    assert_eq!(observations.len(), 1, "{path}: {answer}");
    observations[0].clone()
}

fn scale_of(indicators: &Value, origin: &Value) -> f64 {
    let id = &origin["series"]["indicator"];
    let indicator = indicators.as_array().unwrap().iter().find(|indicator| indicator["id"] == *id);
    indicator.and_then(|indicator| indicator["display_scale"].as_f64()).unwrap_or(1.0)
}
