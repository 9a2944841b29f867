//! From a posted number to the ones that follow from it, on a live view, over the API and on the page.

use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, Plan};
use tests::load::now_micros;
use tests::{Centre, Client, Server, eventually};

const LIMIT: Duration = Duration::from_secs(30);

const INDICATORS: &str = r#"
[[indicator]]
id = "test.0"
name = "Giải ngân"
unit = "tỷ đồng"
period = "day"
owner = "stc"
expected_interval_secs = 86400
plausible = { min = 0.0, max = 1000.0, jump = 100.0 }

[[indicator]]
id = "test.1"
name = "Tỷ lệ giải ngân"
unit = "%"
decimals = 1
period = "day"
owner = "stc"
expected_interval_secs = 86400
[indicator.derive]
formula = "100 * done / plan"
inputs.done = { indicator = "test.0" }
inputs.plan = { indicator = "test.0", scenario = "plan" }

[[indicator]]
id = "test.2"
name = "Ca bệnh"
unit = "ca"
period = "day"
owner = "stc"
expected_interval_secs = 86400
[indicator.derive]
inputs.parts = { indicator = "test.2", below = { fold = "sum" } }
"#;

const AREAS: &str = r#"
[[area]]
id = "51"
name = "Tỉnh thử"
[[area]]
id = "522"
name = "Huyện cũ"
parent = "51"
valid_to = "2025-07-01"
[[area]]
id = "20001"
name = "Xã cũ A"
parent = "522"
valid_to = "2025-07-01"
[[area]]
id = "20002"
name = "Xã cũ B"
parent = "522"
valid_to = "2025-07-01"
[[area]]
id = "21001"
name = "Xã mới A"
parent = "51"
valid_from = "2025-07-01"
[[area]]
id = "21002"
name = "Xã mới B"
parent = "51"
valid_from = "2025-07-01"
"#;

const SOURCES: &str = r#"
[[source]]
id = "api"
name = "Sở Thử nghiệm"
kind = "push"
[[source]]
id = "derived"
name = "Tính toán"
kind = "derived"
"#;

async fn centre() -> (Centre, Server) {
    let centre = Centre::of(Plan { panels: 3, ..Plan::default() }).unwrap();
    centre.write("indicators.toml", INDICATORS).unwrap();
    centre.write("areas.toml", AREAS).unwrap();
    centre.write("sources.toml", SOURCES).unwrap();
    let server = centre.serve().await.unwrap();
    (centre, server)
}

async fn post(server: &Server, rows: &[Value]) -> Value {
    let (status, answer) = server.post(&json!(rows), None).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

fn row(indicator: &str, area: &str, time: i64, value: f64) -> Value {
    json!({ "indicator": indicator, "area": area, "time": time, "value": value })
}

/// The values of a computed series by now, until they are as expected.
async fn until_known(server: &Server, indicator: &str, area: &str, expected: &[(f64, &str)]) {
    let path = format!("/api/v1/series?indicator={indicator}&area={area}");
    let expected = json!(expected);
    let known = eventually("the computed values", LIMIT, || async {
        let answer = server.get(&path).await?;
        let rows = answer["observations"].as_array().cloned().unwrap_or_default();
        let known: Vec<Value> = rows.iter().map(|row| json!([row["value"], row["status"]])).collect();
        anyhow::ensure!(json!(known) == expected, "{indicator} in {area}: {known:?}, not {expected}");
        Ok(())
    });
    known.await.unwrap();
}

#[tokio::test]
async fn a_posted_number_reaches_the_view_of_what_follows_from_it() {
    let (_centre, server) = centre().await;
    let mut client = Client::hello(server.authority(), json!({ "layout": "overview" })).await.unwrap();
    let now = now_micros();
    let plan = json!({ "indicator": "test.0", "area": AREA, "scenario": "plan", "time": now - 1_000_000, "value": 400, "status": "official" });
    post(&server, &[plan, row("test.0", AREA, now, 90.0)]).await;
    let is_rate = |change: &Value| change["body"]["series"]["indicator"] == "test.1";
    let change = client.change(LIMIT, is_rate).await.unwrap();
    assert_eq!((&change["body"]["value"], &change["body"]["source"]), (&json!(22.5), &json!("derived")));
    let told = server.get(&format!("/api/v1/provenance?indicator=test.1&area={AREA}")).await.unwrap();
    assert_eq!(told["formula"], "100 * done / plan");
    let inputs: Vec<_> =
        told["inputs"].as_array().unwrap().iter().map(|input| (&input["name"], &input["values"][0]["value"])).collect();
    assert_eq!(inputs, [(&json!("done"), &json!(90.0)), (&json!("plan"), &json!(400.0))]);
    assert_eq!((&told["freshness"], &told["source_name"]), (&json!("fresh"), &json!("Tính toán")));
    // Nobody else may deliver it.
    let refused = post(&server, &[row("test.1", AREA, now, 1.0)]).await;
    let reason = refused["refused"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("is computed here from other indicators"), "{reason}");
}

#[tokio::test]
async fn what_was_known_before_a_correction_is_still_known_to_have_been() {
    let (centre, mut server) = centre().await;
    let now = now_micros();
    let plan =
        json!({ "indicator": "test.0", "area": AREA, "scenario": "plan", "time": now - 9_000_000, "value": 200 });
    post(&server, &[plan, row("test.0", AREA, now - 8_000_000, 50.0)]).await;
    until_known(&server, "test.1", AREA, &[(25.0, "automatic")]).await;
    let before = now_micros();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let hand =
        json!({ "indicator": "test.0", "area": AREA, "time": now - 8_000_000, "value": 60, "status": "by_hand" });
    post(&server, &[hand]).await;
    until_known(&server, "test.1", AREA, &[(30.0, "by_hand")]).await;
    let was = server.get(&format!("/api/v1/series?indicator=test.1&area={AREA}&as_of={before}")).await.unwrap();
    assert_eq!(was["observations"][0]["value"], 25.0);
    drop(centre);
}

#[tokio::test]
async fn communes_are_rolled_up_by_the_boundaries_of_the_day() {
    let (_centre, server) = centre().await;
    // 2024-01-01 and 2025-08-01, both at noon in Việt Nam.
    let (old, new) = (1_704_085_200_000_000, 1_754_024_400_000_000);
    post(&server, &[row("test.2", "20001", old, 3.0), row("test.2", "20002", old, 4.0)]).await;
    until_known(&server, "test.2", "522", &[(7.0, "automatic")]).await;
    until_known(&server, "test.2", AREA, &[(7.0, "automatic")]).await;
    post(&server, &[row("test.2", "21001", new, 10.0), row("test.2", "21002", new, 20.0)]).await;
    until_known(&server, "test.2", AREA, &[(7.0, "automatic"), (30.0, "automatic")]).await;
    // The old communes count no more.
    let answer = post(&server, &[row("test.2", "20001", new, 1000.0), row("test.2", "21001", new, 11.0)]).await;
    assert_eq!(answer["accepted"], 2);
    until_known(&server, "test.2", AREA, &[(7.0, "automatic"), (31.0, "automatic")]).await;
}

#[tokio::test]
async fn what_is_not_plausible_is_refused_or_kept_as_suspect() {
    let (_centre, server) = centre().await;
    let now = now_micros();
    let at = |secs: i64| now - 100_000_000 + secs * 1_000_000;
    let answer = post(&server, &[row("test.0", AREA, at(1), -1.0), row("test.0", AREA, at(2), 1001.0)]).await;
    let reasons: Vec<&str> =
        answer["refused"].as_array().unwrap().iter().filter_map(|row| row["reason"].as_str()).collect();
    assert_eq!(
        reasons,
        ["-1 is less than 0, the least that is plausible", "1001 is more than 1000, the most that is plausible"]
    );
    post(&server, &[row("test.0", AREA, at(3), 50.0)]).await;
    let answer = post(&server, &[row("test.0", AREA, at(4), 900.0)]).await;
    assert_eq!(answer["accepted"], 1);
    assert!(answer["suspect"][0].as_str().unwrap().contains("900 differs by 850 from 50 before it"), "{answer}");
    let told = server.get(&format!("/api/v1/provenance?indicator=test.0&area={AREA}")).await.unwrap();
    assert_eq!(told["value"]["value"], 50.0, "a spike is no number");
    let sources = server.get("/api/v1/sources").await.unwrap();
    assert!(sources[0]["health"]["problems"].to_string().contains("differs by 850"), "{sources}");
    post(&server, &[row("test.0", AREA, at(5), 910.0)]).await;
    until_known(&server, "test.0", AREA, &[(50.0, "automatic"), (900.0, "automatic"), (910.0, "automatic")]).await;
}
