//! Every printed number says where it comes from, and the API says the same.

use std::time::Duration;

use panels::number;
use serde_json::{Value, json};
use tests::picture::{Printed, number_of, panels, printed, texts};
use tests::{Centre, Server, eventually, root};

#[tokio::test]
async fn each_printed_number_is_what_the_history_says() {
    let centre = Centre::copy_of(&root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let view = json!({ "layout": "overview" });
    let painted = eventually("numbers on the picture", Duration::from_secs(30), || async {
        let painted = panels(server.authority(), view.clone()).await?;
        let count = numbers(&painted)?.len();
        anyhow::ensure!(count >= 20, "only {count} numbers");
        Ok(painted)
    });
    let painted = painted.await.unwrap();
    let numbers = numbers(&painted).unwrap();
    let indicators = server.get("/api/v1/indicators").await.unwrap();
    for number in &numbers {
        check(&server, &indicators, number).await;
    }
    let known = Known { words: known_words(&server).await, thresholds: thresholds(&indicators) };
    let mut others = 0;
    for (id, svg) in &painted {
        others += assert_others_are_known(id, svg, &known);
    }
    println!(
        "{} printed numbers, each as the history says; {others} ticks, times and names beside them",
        numbers.len()
    );
}

fn numbers(painted: &[(String, String)]) -> anyhow::Result<Vec<Printed>> {
    let found = painted.iter().map(|(id, svg)| printed(id, svg));
    Ok(found.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// What the configuration says: titles, labels and names.
async fn known_words(server: &Server) -> Vec<String> {
    let mut words = Vec::new();
    for path in ["layouts/overview", "indicators", "areas", "agencies", "sources"] {
        collect(&server.get(&format!("/api/v1/{path}")).await.unwrap(), &mut words);
    }
    words
}

/// Where figures begin to need attention, as they are written.
fn thresholds(indicators: &Value) -> Vec<String> {
    let of = |indicator: &Value| {
        let scale = indicator["display_scale"].as_f64().unwrap_or(1.0);
        let decimals = u8::try_from(indicator["decimals"].as_u64().unwrap_or(0)).unwrap();
        let written = |key: &str| Some(number::number(indicator[key].as_f64()? * scale, decimals, "vi"));
        [written("warning"), written("critical")]
    };
    indicators.as_array().unwrap().iter().flat_map(of).flatten().collect()
}

/// What may be printed without provenance.
struct Known {
    /// What the configuration says.
    words: Vec<String>,
    thresholds: Vec<String>,
}

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Object(members) => members.values().for_each(|value| collect(value, words)),
        _ => {}
    }
}

/// Clocks, dates, ages and counts.
const TIMES: &str = r"^((từ (trước )?)?\d\d:\d\d|từ (trước )?\d{1,2}/\d{1,2}(/\d{4})?|\d+ nguồn|còn \d+ dòng khác|\d\d:\d\d(:\d\d)?( hôm (nay|qua))?|(Thứ \w+|Chủ Nhật), \d{1,2}/\d{1,2}/\d{4}|(\d\d:\d\d )?\d{1,2}/\d{1,2}(/\d{4})?|T\d{1,2}(/\d{4})?|(quý \d/)?\d{4}|cũ \d+ (phút|giờ|ngày)|địa giới (trước|từ) \d{2}/\d{1,2}/\d{4})$";

/// Every other text with a digit is a time, words of the configuration, or the tick of an axis: ticks are as
/// far apart as one another, which values are not. Gives how many there are.
fn assert_others_are_known(panel: &str, svg: &str, known: &Known) -> usize {
    let times = regex::Regex::new(TIMES).unwrap();
    let others = without_provenance(svg);
    let has_digit = |part: &&str| part.contains(|c: char| c.is_ascii_digit());
    let words = |text: &str| known.words.iter().any(|known| known.starts_with(text.trim_end_matches('…').trim()));
    let (ticks, unknown): (Vec<&String>, Vec<&String>) = others
        .iter()
        .filter(|text| !known.thresholds.contains(text))
        .filter(|text| !text.split(" · ").filter(has_digit).all(|part| times.is_match(part) || words(part)))
        .partition(|text| svg_has_axis(svg) && text.chars().all(|c| c.is_ascii_digit() || "−-.,".contains(c)));
    assert!(unknown.is_empty(), "{panel} prints {unknown:?}, which is no tick, time or name, without provenance");
    let mut values: Vec<f64> = ticks.iter().filter_map(|text| number_of(text)).map(|(value, _)| value).collect();
    values.sort_by(f64::total_cmp);
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let is_even = steps.iter().all(|step| *step > 0.0 && (step - steps[0]).abs() < steps[0] * 1e-6);
    assert!(is_even, "{panel} prints {ticks:?}, which are no ticks, without provenance");
    others.len()
}

/// A line chart; other panels have no axis of numbers.
fn svg_has_axis(svg: &str) -> bool {
    svg.contains("stroke-linejoin") && without_provenance(svg).len() > 4
}

/// Texts with a digit that carry no provenance.
fn without_provenance(svg: &str) -> Vec<String> {
    let figures = regex::Regex::new(r#"aria-label="[^"]*" data-provenance="#).unwrap();
    let rest = figures.replace_all(svg, "");
    texts(&rest).unwrap().into_iter().filter(|text| text.contains(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn a_value_without_provenance_is_found() {
    let svg = |texts: &[&str]| {
        let run =
            |text: &&str| format!(r#"<g role="img" aria-label="{text}" fill="x"></g><path stroke-linejoin="round"/>"#);
        texts.iter().map(run).collect::<String>()
    };
    let known = Known { words: vec!["Sông Vệ (BĐ II 3,5)".to_owned()], thresholds: vec!["85,0".to_owned()] };
    let verdict = |texts: &[&str]| {
        let svg = svg(texts);
        std::panic::catch_unwind(|| assert_others_are_known("p", &svg, &known)).is_ok()
    };
    assert!(verdict(&[
        "0",
        "10.000",
        "20.000",
        "08:30",
        "cũ 26 giờ",
        "Sông Vệ (BĐ II 3,5) · địa giới trước 01/7/2025",
        "Sông Vệ (BĐ…",
        "từ trước 26/9",
        "6 nguồn",
        "85,0",
        "T7/2023"
    ]));
    for wrong in [
        &["18.642"][..],
        &["0", "10", "20", "30", "31,5"],
        &["tăng 5 %"],
        &["8"],
        &["còn 5 %"],
        &["Sông Vệ 3,6"],
        &["08:30 · 3,6 m"],
    ] {
        assert!(!verdict(wrong), "{wrong:?} passes");
    }
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
        "sum" => (0..origins.len()).map(value).sum(),
        "share_percent" => value(0) / value(1) * 100.0,
        other => panic!("unknown formula {other}"),
    };
    let (shown, decimals) = number_of(&number.text).unwrap_or_else(|| panic!("{number:?} is no number"));
    let half = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap()) * 1.000_001;
    // A mark may tell the sign: ▼ stands for less.
    assert!((shown - expected).abs() <= half, "{} is printed for {expected}: {number:?}", number.text);
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
