//! How sources do, from the source to the client of a layout that shows it: at once, after a restart, after a cut.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::load::now_micros;
use tests::{Centre, Client, Server};

const LIMIT: Duration = Duration::from_secs(20);

const SOURCES: &str = "
[[source]]
id = 'tay'
name = { vi = 'Nhập tay', en = 'By hand' }
kind = 'push'

[[source]]
id = 'tep'
name = { vi = 'Tệp', en = 'Files' }
kind = 'csv'
[source.options]
files = { folder = 'files', poll_secs = 1 }
[source.options.mapping]
time = { column = 'ngay', format = 'iso' }
area = '51'
values = [{ column = 'thu', indicator = 'test.0' }]
";

const LAYOUT: &str = "
name = { vi = 'Vận hành', en = 'Operations' }
[[panel]]
id = 'sources'
kind = 'sources'
place = { column = 0, row = 0, columns = 16, rows = 12 }
options = { area = '51' }
";

fn view() -> Value {
    json!({ "layout": "operations" })
}

fn centre() -> Centre {
    let centre = Centre::small().unwrap();
    centre.write("sources.toml", SOURCES).unwrap();
    centre.write("layouts/operations.toml", LAYOUT).unwrap();
    centre.write("files/none.txt", "").unwrap();
    centre
}

fn row(value: Value) -> Value {
    json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }])
}

/// The next state of a source that is `wanted`.
async fn told(client: &mut Client, source: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let is_wanted = |change: &Value| {
        change["kind"] == "source_state" && change["body"]["source"] == source && wanted(&change["body"])
    };
    let change = client.change(LIMIT, is_wanted).await.with_context(|| source.to_owned())?;
    Ok(change["body"].clone())
}

#[tokio::test]
async fn how_a_source_does_reaches_who_watches_it() {
    let centre = centre();
    let mut server: Server = centre.serve().await.unwrap();
    let mut client = Client::hello(server.authority(), view()).await.unwrap();
    // Both may be told in one frame.
    let mut up = BTreeSet::new();
    let are_up = |change: &Value| {
        if change["kind"] == "source_state" && change["body"]["link"]["kind"] == "up" {
            up.insert(change["body"]["source"].to_string());
        }
        up.len() == 2
    };
    client.change(LIMIT, are_up).await.unwrap();

    server.post(&row(json!(1.5)), None).await.unwrap();
    let taken = told(&mut client, "tay", |state| state["taken"]["count"] == 1).await.unwrap();
    server.post(&row(json!("abc")), None).await.unwrap();
    let refused = told(&mut client, "tay", |state| state["refused"]["count"] == 1).await.unwrap();
    assert_eq!(refused["taken"], taken["taken"], "what was refused does not hide what was taken");

    // The folder goes away, and the source with it.
    std::fs::rename(centre.config().join("files"), centre.config().join("elsewhere")).unwrap();
    let down = told(&mut client, "tep", |state| state["link"]["kind"] == "down").await.unwrap();
    let reason = down["link"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("files"), "{reason}");

    // Who comes back hears of nothing else; who comes new after a restart hears of all.
    let snapshot = new_client(&server).await.unwrap().1;
    let position = json!({ "epoch": epoch(&server).await, "offset": snapshot["offset"] });
    server.post(&row(json!(2.5)), None).await.unwrap();
    let mut resumed = Client::open(server.authority(), "ioc.v1.json").await.unwrap();
    resumed.say(json!({ "type": "hello", "view": view(), "resume": position })).await.unwrap();
    assert_eq!(resumed.next_of("welcome").await.unwrap()["resumed"], true);
    let caught_up = resumed.next_of("frame").await.unwrap();
    assert_eq!(sources_in(&caught_up), ["tay"], "{caught_up}");

    std::fs::rename(centre.config().join("elsewhere"), centre.config().join("files")).unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let (_, snapshot) = new_client(&server).await.unwrap();
    assert_eq!(sources_in(&snapshot), ["tay", "tep"]);
    let state = |name: &str| {
        let changes = snapshot["changes"].as_array().unwrap().iter();
        changes
            .map(|change| &change["body"])
            .find(|body| body["source"] == name && body["link"] != Value::Null)
            .unwrap()
            .clone()
    };
    assert_eq!(state("tay")["refused"], refused["refused"]);
    assert_eq!(state("tep")["link"], down["link"], "one that came back is believed when it lasts");
}

async fn new_client(server: &Server) -> Result<(Client, Value)> {
    let mut client = Client::hello(server.authority(), view()).await?;
    let snapshot = client.next_of("snapshot").await?;
    Ok((client, snapshot))
}

async fn epoch(server: &Server) -> Value {
    server.get("/readyz").await.unwrap()["epoch"].clone()
}

fn sources_in(message: &Value) -> Vec<&str> {
    let changes = message["changes"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    changes
        .filter(|change| change["kind"] == "source_state")
        .filter_map(|change| change["body"]["source"].as_str())
        .collect()
}
