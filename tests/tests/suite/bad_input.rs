//! What is wrong gets one clear answer that says what, where and what would be right; the server keeps
//! serving what it had, and nothing that was acknowledged is lost.

use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::load::{history, now_micros};
use tests::server::{Room, ServerOptions};
use tests::{Centre, Client, Server, binary, eventually};

fn row(value: Value) -> Value {
    json!({ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value })
}

/// A row with one field replaced.
fn row_with(field: &str, value: Value) -> Value {
    let mut row = row(json!(1.5));
    row[field] = value;
    row
}

/// The server still takes and answers what is right.
async fn assert_serves(server: &Server) {
    let (status, answer) = server.post(&json!([row(json!(7.25))]), None).await.unwrap();
    assert_eq!((status, answer["accepted"].as_u64()), (200, Some(1)), "{answer}");
    let mut client = Client::hello(server.authority(), json!({ "wall": "main" })).await.unwrap();
    assert!(client.next_of("snapshot").await.unwrap()["changes"].as_array().is_some_and(|changes| changes.len() > 1));
}

#[tokio::test]
async fn rows_are_refused_one_by_one() {
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let future = now_micros() + 86_400_000_000;
    let cases = [
        (row_with("value", json!("abc")), "finite number"),
        (row_with("value", json!(null)), "value"),
        (row_with("value", json!("NaN")), "finite number"),
        (row_with("value", json!("inf")), "finite number"),
        (row_with("indicator", json!("test.O")), "test.0"),
        (row_with("indicator", json!(7)), "indicator"),
        (row_with("area", json!("999")), "area"),
        (row_with("time", json!("yesterday")), "RFC 3339"),
        (row_with("time", json!(future)), "future"),
        (row_with("status", json!("guessed")), "status"),
        (row_with("valeu", json!(1)), "value"),
    ];
    let rows: Vec<Value> = cases.iter().map(|(row, _)| row.clone()).chain([row(json!(1.0))]).collect();
    let (status, answer) = server.post(&json!(rows), None).await.unwrap();
    assert_eq!((status, answer["accepted"].as_u64()), (200, Some(1)), "{answer:#}");
    let refused = answer["refused"].as_array().unwrap();
    assert_eq!(refused.len(), cases.len(), "{answer:#}");
    for (number, ((sent, wanted), refused)) in cases.iter().zip(refused).enumerate() {
        assert_eq!(refused["row"].as_u64(), Some(number as u64 + 1));
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains(wanted), "{sent} is refused with: {reason}");
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_whole() {
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let good = row(json!(1.0)).to_string();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("application/json", b"[{\"indicator\": ".to_vec(), 400, "line 1"),
        ("application/json", b"[NaN]".to_vec(), 400, "line 1"),
        ("application/json", b"\xff\xfe[\x00]\x00".to_vec(), 400, "UTF-8"),
        ("text/csv; charset=windows-1258", b"indicator,area,value,time\n".to_vec(), 415, "UTF-8"),
        ("application/xml", b"<a/>".to_vec(), 415, "application/json"),
        ("text/csv", b"indicator,area,time\na,b,c\n".to_vec(), 400, "value"),
    ];
    for (kind, body, wanted_status, wanted) in cases {
        let sent = String::from_utf8_lossy(&body).into_owned();
        let (status, answer) = server.post_body(kind, body, None).await.unwrap();
        assert_eq!(status, wanted_status, "{kind} {sent}: {answer}");
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(wanted), "{kind} {sent}: {detail}");
    }
    let other = row_with("time", json!(now_micros() - 60_000_000)).to_string();
    let broken_line = format!("{good}\n{{\"indicator\": \n{other}\n");
    let (status, answer) = server.post_body("application/x-ndjson", broken_line, None).await.unwrap();
    assert_eq!(
        (status, answer["accepted"].as_u64(), &answer["refused"][0]["row"]),
        (200, Some(2), &json!(2)),
        "{answer}"
    );
    assert_serves(&server).await;
}

#[tokio::test]
async fn an_endless_line_is_cut_off_early() {
    let centre = Centre::small().unwrap();
    let mut server = centre.serve().await.unwrap();
    // Two gigabytes without a line end, as far as the server will listen.
    let piece = vec![b'1'; 1 << 20];
    let pieces = futures_util::stream::iter((0..2048).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let answer = server.post_body("application/x-ndjson", reqwest::Body::wrap_stream(pieces), None).await;
    let (status, answer) = answer.expect("an answer, though more was to be sent");
    assert_eq!(status, 413, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("larger than"), "{answer}");
    let id = server.process().id().unwrap();
    let memory = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 300 * 1024, "the server needed {peak_kib} KiB");
    assert_serves(&server).await;
}

#[tokio::test]
async fn clients_that_talk_nonsense_are_told_and_closed() {
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let long = json!({ "type": "hello", "view": { "wall": "x".repeat(70_000) } }).to_string();
    let cases = [
        ("no json".to_owned(), "bad_message"),
        (json!({ "type": "clock", "t0": 1 }).to_string(), "bad_message"),
        (json!({ "type": "hello" }).to_string(), "bad_message"),
        (json!({ "type": "hello", "view": { "wall": "nowhere" } }).to_string(), "unknown_view"),
        (long, "bad_message"),
    ];
    for (text, wanted) in cases {
        let mut client = Client::open(server.authority(), "ioc.v1.json").await.unwrap();
        let shown = text.chars().take(80).collect::<String>();
        client.say_text(text).await.ok();
        let said = client.next().await.unwrap_or_else(|error| panic!("{shown}: {error:#}"));
        assert_eq!((said["type"].as_str(), said["reason"].as_str()), (Some("bye"), Some(wanted)), "{shown}: {said}");
    }
    assert_serves(&server).await;
}

/// A file of the configuration, what is replaced in it by what, and what must be said.
const BROKEN: &[(&str, &str, &str, &[&str])] = &[
    ("indicators.toml", "unit =", "unti =", &["indicators.toml:4", "unti", "unit"]),
    ("indicators.toml", "owner = \"stc\"", "owner = \"sct\"", &["indicators.toml:", "sct", "stc"]),
    ("layouts/overview.toml", "kind = \"value\"", "kind = \"valeu\"", &["layouts/overview.toml:", "valeu", "value"]),
    ("layouts/overview.toml", "column = 10", "column = 0", &["layouts/overview.toml:", "overlaps"]),
    ("layouts/overview.toml", "\"test.0\"", "\"test.99\"", &["layouts/overview.toml:", "test.99"]),
    ("walls.toml", "\"overview\"", "\"overveiw\"", &["walls.toml:", "overveiw", "overview"]),
    ("centre.toml", "tick_ms = 50", "tick_ms = 0", &["centre.toml:", "tick_ms"]),
    ("areas.toml", "[[area]]", "[[area", &["areas.toml:1", "TOML"]),
];

#[tokio::test]
async fn a_broken_configuration_is_named_with_file_and_line() {
    for (file, old, new, wanted) in BROKEN {
        let centre = Centre::small().unwrap();
        centre.replace(file, old, new).unwrap();
        assert_refused(&centre.options("data"), wanted).await;
    }
    for file in ["centre.toml", "areas.toml", "indicators.toml", "walls.toml"] {
        let centre = Centre::small().unwrap();
        std::fs::remove_file(centre.config().join(file)).unwrap();
        assert_refused(&centre.options("data"), &[file, "missing"]).await;
    }
    let centre = Centre::small().unwrap();
    let mut nowhere = centre.options("data");
    nowhere.config = centre.path("nowhere");
    assert_refused(&nowhere, &["nowhere", "no such folder"]).await;
}

/// The server ends by itself, with an error that says all of `wanted`.
async fn assert_refused(options: &ServerOptions, wanted: &[&str]) {
    let mut process = Server::spawn(options).unwrap();
    let status = process.wait(Duration::from_secs(10)).await.unwrap();
    assert!(!status.success(), "it started in spite of {wanted:?}");
    let said = process.log();
    let missing: Vec<&&str> = wanted.iter().filter(|wanted| !said.contains(**wanted)).collect();
    assert!(missing.is_empty(), "{missing:?} is not in: {said}");
}

#[tokio::test]
async fn the_check_names_everything_at_once() {
    let centre = Centre::small().unwrap();
    let check = || {
        let program = binary("ioc-server").unwrap();
        std::process::Command::new(program).args(["check", "--config"]).arg(centre.config()).output().unwrap()
    };
    centre.replace("centre.toml", "readout_interval_ms = 0", "readout_interval_ms = 2000").unwrap();
    centre.replace("walls.toml", "width_px = 1280, height_px = 720", "width_px = 3840, height_px = 2160").unwrap();
    assert_eq!(String::from_utf8_lossy(&check().stdout), "");
    centre.replace("indicators.toml", "unit =", "unti =").unwrap();
    centre.replace("walls.toml", "\"overview\"", "\"overveiw\"").unwrap();
    let output = check();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("indicators.toml:4") && said.contains("walls.toml:"), "{said}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let second = centre.options("second").at(server.authority());
    assert_refused(&second, &[server.authority(), "in use", "--listen"]).await;
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_data_folder_in_use_is_named() {
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let second = centre.options("data");
    assert_refused(&second, &[&second.data.display().to_string(), "in use by another server", "--data"]).await;
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_data_folder_of_a_newer_version_is_left_alone() {
    let centre = Centre::small().unwrap();
    let mut server = centre.serve().await.unwrap();
    assert_serves(&server).await;
    assert!(server.terminate().await.unwrap().success());
    let databases: Vec<_> = std::fs::read_dir(centre.path("data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "db" || kind == "sqlite"))
        .collect();
    assert!(!databases.is_empty());
    for path in databases {
        let database = rusqlite::Connection::open(&path).unwrap();
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        database.pragma_update(None, "user_version", 99).unwrap();
        drop(database);
        assert_refused(&centre.options("data"), &["newer version", "99"]).await;
        let database = rusqlite::Connection::open(&path).unwrap();
        let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(found, 99, "{} was changed", path.display());
        database.pragma_update(None, "user_version", version).unwrap();
    }
}

/// Sends rows until the log has no room. Most rows are refused ones, which the log keeps with the key and the
/// history does not: of the two files the log is to be full first.
async fn fill_log(server: &Server, start: i64) {
    for batch in 0..2000 {
        let good = (0..20).map(|at| row_with("time", json!(start + batch * 20 + at)));
        let rows: Vec<Value> = good.chain((0..400).map(|_| row(json!("no number")))).collect();
        if server.post(&json!(rows), Some(&format!("batch-{batch}"))).await.unwrap().0 != 200 {
            return;
        }
    }
    panic!("the disk is never full");
}

#[tokio::test]
async fn a_disk_that_has_room_again_is_found_by_itself() {
    let centre = Centre::small().unwrap();
    let mut options = centre.options("data");
    options.room = Room::FileKib(2048);
    let mut server = Server::start(options).await.unwrap();
    fill_log(&server, now_micros() - 3_600_000_000).await;
    let ready = server.http().get(format!("{}/readyz", server.address())).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("the log cannot be written"));
    let id = server.process().id().unwrap().to_string();
    let raised = std::process::Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status().unwrap();
    assert!(raised.success());
    // Nobody writes.
    server.ready().await.unwrap();
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let centre = Centre::small().unwrap();
    let mut options = centre.options("data");
    options.room = Room::FileKib(2048);
    let mut server = Server::start(options.clone()).await.unwrap();
    let start = now_micros() - 3_600_000_000;
    let acknowledged = fill(&server, start).await;
    let mut client = Client::hello(server.authority(), json!({ "wall": "main" })).await.unwrap();
    client.next_of("snapshot").await.unwrap();

    server.kill().await.unwrap();
    options.room = Room::Unlimited;
    let server = Server::start(options).await.unwrap();
    assert_all_known(&server, start, acknowledged).await;
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_server_goes_on_when_there_is_room_again() {
    // A few pages more or less: now the log is the first to find the disk full, now the history.
    for pages in [0, 3, 6, 9] {
        fill_and_make_room((4 << 20) + pages * 4096).await;
    }
}

async fn fill_and_make_room(bytes: usize) {
    let centre = Centre::small().unwrap();
    let mut options = centre.options("data");
    options.room = Room::DiskKib(8 * 1024);
    let started = Server::start(options).await;
    let mut server = started.expect("a disk of its own needs root, or user namespaces for everyone");
    // The disk as the server sees it.
    let disk = format!("/proc/{}/root{}", server.process().id().unwrap(), centre.path("data").display());
    let filler = std::path::Path::new(&disk).join("filler");
    std::fs::write(&filler, vec![0; bytes]).unwrap();
    let start = now_micros() - 3_600_000_000;
    let acknowledged = fill(&server, start).await;
    assert!(!acknowledged.is_empty());

    std::fs::remove_file(&filler).unwrap();
    let post = || async {
        let (status, answer) = server.post(&json!([row(json!(8.5))]), None).await?;
        anyhow::ensure!(status == 200, "{status} {answer}");
        Ok(answer)
    };
    eventually("rows are taken again", Duration::from_secs(20), post).await.unwrap();
    eventually("the history goes on", Duration::from_secs(20), || server.caught_up()).await.unwrap();
    assert_all_known(&server, start, acknowledged).await;
    assert_serves(&server).await;
}

async fn assert_all_known(server: &Server, start: i64, acknowledged: Vec<i64>) {
    let known = history(server.http(), server.address(), &indicator(0), AREA).await.unwrap();
    for at in acknowledged {
        assert!(known.contains_key(&(start + at)), "the row of {at} was acknowledged and is gone");
    }
}

/// Posts until the disk is full, which is said; gives the times, counted from `start`, that were acknowledged.
async fn fill(server: &Server, start: i64) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    let (status, answer) = loop {
        let from = acknowledged.len() as i64;
        let times = from..from + 500;
        let rows: Vec<Value> = times.clone().map(|at| row_with("time", json!(start + at))).collect();
        match server.post(&json!(rows), None).await.unwrap() {
            (200, _) => acknowledged.extend(times),
            refused => break refused,
        }
        assert!(acknowledged.len() < 1_000_000, "the disk is never full");
    };
    let detail = answer["detail"].as_str().unwrap_or_default().to_lowercase();
    assert!([503, 507].contains(&status), "{status} {answer}");
    assert!(["full", "disk", "space", "written"].iter().any(|word| detail.contains(word)), "{answer}");
    acknowledged
}
