//! What comes in, row by row.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;

use super::super::tests::Server;

const GOOD: &str = r#"{"indicator":"budget.revenue","area":"51","value":1.5,"time":"2024-01-01T00:00:00Z"}"#;

/// A row with `field` in the place of its value or time.
fn row(changed: &str) -> String {
    let (name, _) = changed.split_once(':').unwrap();
    let fields = [r#""indicator":"budget.revenue""#, r#""area":"51""#, r#""value":1.5"#, r#""time":1704067200000000"#];
    let kept = fields.iter().filter(|field| !field.starts_with(name)).copied();
    format!("{{{}}}", kept.chain([changed]).collect::<Vec<_>>().join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_row_is_refused_with_what_would_be_right() {
    let server = Server::start().await;
    let cases = [
        (row(r#""value":"abc""#), "value must be a finite number, got \"abc\""),
        (row(r#""value":"1.5""#), "value must be a finite number, got \"1.5\""),
        (row(r#""value":null"#), "value must be a finite number, got null"),
        (row(r#""value":1e999"#), "beyond the range"),
        (row(r#""area":51"#), "area must be a string, got 51"),
        (row(r#""area":1e999"#), "area must be a string, got 1e999"),
        (row(r#""area":"\ud800""#), "area must be a string"),
        (row(r#""area":"15""#), "unknown area '15'"),
        (row(r#""indicator":"budget.revenu""#), "did you mean 'budget.revenue'?"),
        (row(r#""valeu":1"#), "unknown field 'valeu'; did you mean 'value'?"),
        (row(r#""status":"offical""#), "did you mean 'official'?"),
        (row(r#""scenario":"plans""#), "did you mean 'plan'?"),
        (row(r#""time":"2024-01-01""#), "time must be RFC 3339 with an offset"),
        (row(r#""time":1704067200"#), "looks like seconds"),
        (row(r#""time":1704067200000"#), "looks like milliseconds"),
        (row(r#""time":"2999-01-01T00:00:00Z""#), "in the future"),
        (row(r#""time":1.5"#), "time must be"),
        (r#"{"indicator":"budget.revenue","area":"51","value":1}"#.to_owned(), "time is missing"),
        (r#"{"value":1,"value":2}"#.to_owned(), "value is given twice"),
        ("7".to_owned(), "a row must be an object"),
        ("[1,2]".to_owned(), "a row must be an object"),
    ];
    let body = format!("[{},{GOOD}]", cases.iter().map(|(row, _)| row.as_str()).collect::<Vec<_>>().join(","));
    let verdict = server.post("application/json", body).await.json();
    assert_eq!(verdict["accepted"], 1);
    let refused = verdict["refused"].as_array().unwrap();
    assert_eq!(refused.len(), cases.len(), "{verdict}");
    for (index, ((row, expected), refused)) in cases.iter().zip(refused).enumerate() {
        assert_eq!(refused["row"], index as u64 + 1);
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{row}: {reason}");
    }
    // The same, a row a line.
    let lines = cases.iter().map(|(row, _)| row.as_str()).chain([GOOD]).collect::<Vec<_>>().join("\r\n");
    let by_line = server.post("application/x-ndjson", lines).await.json();
    assert_eq!((&by_line["accepted"], &by_line["refused"]), (&json!(1), &verdict["refused"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_names_no_series_that_it_has_no_row_of() {
    let server = Server::start().await;
    let catalogue = server.shared.centre.borrow().catalogue.clone();
    let mut intake = super::Intake::new(catalogue, server.shared.clock.now());
    let late = row(r#""time":"2999-01-01T00:00:00Z""#).replacen('{', r#"{"scenario":"same_period","#, 1);
    super::json::read(&format!("[{GOOD},{late}]"), &mut intake).unwrap();
    let (rows, refused) = intake.finish();
    assert_eq!((rows.len(), rows.series().len(), refused.len()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_is_read_under_its_header() {
    let server = Server::start().await;
    let body = "\u{feff}time,indicator,area,value,status\r\n\
                2024-01-01T00:00:00Z,budget.revenue,51,1,official\r\
                1704067200000001,budget.revenue,51,2,\n\
                2024-01-01T00:00:00Z,budget.revenue,51,NaN,\n\
                2024-01-01T00:00:00Z,budget.revenue,51,\"33,19\",\n\
                2024-01-01T00:00:00Z,budget.revenue,51,inf,\n\n\
                2024-01-01T00:00:00Z,budget.revenue,51,\"4,\n\
                2024-01-01T00:00:00Z,budget.rev";
    let verdict = server.post("text/csv; charset=utf-8", body).await.json();
    assert_eq!(verdict["accepted"], 2, "{verdict}");
    let expected = [
        (3, "line 4: value must be a finite number, got \"NaN\""),
        (4, "write a decimal point"),
        (5, "got \"inf\""),
        (6, "line 8: a quote"),
        (7, "line 9: 2 fields, but the header names 5; is the line cut off"),
    ];
    let refused = verdict["refused"].as_array().unwrap();
    assert_eq!(refused.len(), expected.len(), "{verdict}");
    for ((row, reason), refused) in expected.iter().zip(refused) {
        assert_eq!(refused["row"], *row);
        assert!(refused["reason"].as_str().unwrap().contains(reason), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_rows_of_one_series_and_time_the_last_is_taken() {
    let server = Server::start().await;
    let row = |scenario: &str, value: u32, second: u32| {
        format!(
            r#"{{"indicator":"budget.revenue","area":"51","scenario":"{scenario}","value":{value},"time":"2024-01-01T00:00:{second:02}Z"}}"#
        )
    };
    let rows =
        [("actual", 1, 9), ("actual", 2, 3), ("plan", 3, 3), ("actual", 4, 3), ("actual", 5, 8), ("actual", 6, 3)];
    let mut lines: Vec<String> = rows.iter().map(|(scenario, value, second)| row(scenario, *value, *second)).collect();
    lines.insert(4, "7".to_owned());
    let verdict = server.post("application/x-ndjson", lines.join("\n")).await.json();
    assert_eq!(verdict["accepted"], 4);
    let said = |refused: &serde_json::Value| {
        (refused["row"].as_u64().unwrap(), refused["reason"].as_str().unwrap().to_owned())
    };
    let refused: Vec<(u64, String)> = verdict["refused"].as_array().unwrap().iter().map(said).collect();
    let repeated = |later: u32| format!("row {later} is of the same series and time; send only one of them");
    assert_eq!(refused[0], (2, repeated(4)));
    assert_eq!(refused[1], (4, repeated(7)));
    assert_eq!((refused.len(), refused[2].0), (3, 5));
    let history = server.get("/api/v1/series?indicator=budget.revenue&area=51").await.json();
    let values: Vec<f64> =
        history["observations"].as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [6.0, 5.0, 1.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_refused_whole() {
    let server = Server::start().await;
    let head = server.shared.head.borrow().position.offset;
    let bad = StatusCode::BAD_REQUEST;
    let cases: [(&str, &[u8], StatusCode, &str); 15] = [
        ("application/json", b"", bad, "the body is empty"),
        ("application/json", b" \n", bad, "the body is empty"),
        ("application/json", b"[\n{\"value\":NaN}]", bad, "line 2, column"),
        ("application/json", b"[{}", bad, "line 1, column 3"),
        ("application/json", b"[] []", bad, "column 4"),
        ("application/json", b"\"row\"", bad, "an array of rows"),
        ("application/json", b"[\n\"\xff\"]", bad, "byte 3 (0xFF, line 2) is not UTF-8"),
        ("application/x-ndjson", b"\n\n", bad, "the body is empty"),
        ("application/x-ndjson", b"{}\n\"\xe1\xba\"", bad, "byte 4 (0xE1, line 2) is not UTF-8"),
        ("text/csv", b"indicator,area,value,time", bad, "no row below it"),
        ("text/csv", b"indicator;area;value;time\n", bad, "separate columns with commas"),
        ("text/csv", b"indicator,area,valeu,time\n", bad, "unknown column 'valeu'; did you mean 'value'?"),
        ("text/csv", b"indicator,area,value\n", bad, "column 'time' is missing"),
        ("application/xml", b"<x/>", StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/x-ndjson"),
        ("text/csv; charset=windows-1258", b"x", StatusCode::UNSUPPORTED_MEDIA_TYPE, "send UTF-8"),
    ];
    for (media_type, body, status, expected) in cases {
        let detail = server.post(media_type, body).await.problem(status);
        assert!(detail.contains(expected), "{}: {detail}", String::from_utf8_lossy(body));
    }
    assert_eq!(server.shared.head.borrow().position.offset, head, "nothing was recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_lines_are_bounded() {
    let server = Server::start().await;
    let long = format!("{{\"indicator\":\"{}\"}}\n{GOOD}", "x".repeat(2000));
    let verdict = server.post("application/x-ndjson", long).await.json();
    assert_eq!((&verdict["accepted"], &verdict["refused"][0]["row"]), (&json!(1), &json!(1)));
    assert!(verdict["refused"][0]["reason"].as_str().unwrap().contains("longer than 1024 bytes"));
    // An endless line comes in pieces without an announced length; it is cut off at the limit.
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 8192])));
    for media_type in ["application/x-ndjson", "text/csv", "application/json"] {
        let body = Body::from_stream(futures_util::StreamExt::take(pieces.clone(), 1_000_000));
        server.post(media_type, body).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let announced = Request::post("/api/v1/observations")
        .header(header::CONTENT_TYPE, "text/csv")
        .header(header::CONTENT_LENGTH, "2147483648");
    let answer = server.ask(announced.body(Body::empty()).unwrap()).await;
    answer.problem(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["max_bytes"], 64 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gets_the_first_answer() {
    let server = Server::start().await;
    let keyed = |key: &str, body: &str| {
        let request = Request::post("/api/v1/observations").header(header::CONTENT_TYPE, "application/json");
        request.header("idempotency-key", key).body(Body::from(body.to_owned())).unwrap()
    };
    let body = format!("[{GOOD},{{}}]");
    let first = server.ask(keyed("k1", &body)).await.json();
    assert_eq!((&first["accepted"], &first["repeated"]), (&json!(1), &json!(false)));
    let mut again = server.ask(keyed("k1", &body)).await.json();
    assert_eq!(again["repeated"], true);
    again["repeated"] = json!(false);
    assert_eq!(again, first);
    for key in ["", "with space", &"x".repeat(256)] {
        server.ask(keyed(key, &body)).await.problem(StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_must_be_one_that_is_pushed_to() {
    let server = Server::start().await;
    let to = |query: &str| {
        let request =
            Request::post(format!("/api/v1/observations{query}")).header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(GOOD)).unwrap()
    };
    for query in ["", "?source=api"] {
        assert_eq!(server.ask(to(query)).await.status, StatusCode::OK);
    }
    let detail = server.ask(to("?source=kho-bac")).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(detail.contains("'kho-bac'") && detail.contains("api"), "{detail}");
    server.ask(to("?sorce=api")).await.problem(StatusCode::BAD_REQUEST);
}
