//! Alarms from the value that raises them to who watches and who is told: each step once, whatever ends in between.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::load::now_micros;
use tests::receiver::Receiver;
use tests::{Centre, Client, Server, eventually};

const LIMIT: Duration = Duration::from_secs(20);

const RULES: &str = "
[[rule]]
id = 'muc-nuoc'
severity = 'critical'
text = { vi = 'Mực nước {value} vượt {limit}', en = 'Level {value} above {limit}' }
threshold = { indicator = 'test.0', above = 10, clear = 8 }

[[webhook]]
id = 'truc-ban'
url = 'URL'
language = 'en'
allow_private = true
";

const LAYOUT: &str = "
name = 'Cảnh báo'
[[panel]]
id = 'alarms'
kind = 'alarms'
place = { column = 0, row = 0, columns = 16, rows = 12 }
";

fn view() -> Value {
    json!({ "layout": "alarms" })
}

async fn push(server: &Server, value: f64) {
    let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }]);
    let (status, answer) = server.post(&row, None).await.unwrap();
    assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
}

/// The next alarm that the view is told of.
async fn told(client: &mut Client) -> Result<Value> {
    let change = client.change(LIMIT, |change| change["kind"] == "alarm").await?;
    Ok(change["body"].clone())
}

/// The alarms of the snapshot that a new client gets.
async fn snapshot(server: &Server) -> (Client, Vec<Value>) {
    let mut client = Client::hello(server.authority(), view()).await.unwrap();
    let snapshot = client.next_of("snapshot").await.unwrap();
    let changes = snapshot["changes"].as_array().unwrap().iter();
    let alarms = changes.filter(|change| change["kind"] == "alarm").map(|change| change["body"].clone());
    let alarms = alarms.collect();
    (client, alarms)
}

async fn turn(server: &Server, id: &str, what: &str, body: Value) -> (u16, Value) {
    let request = server.http().post(server.url(&format!("/api/v1/alarms/{id}/{what}")));
    let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn kinds(told: &[Value]) -> Vec<&str> {
    told.iter().map(|step| step["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_alarm_is_told_step_by_step_exactly_once() {
    let receiver = Receiver::start().await.unwrap();
    let centre = Centre::small().unwrap();
    centre.write("alarms.toml", &RULES.replace("URL", &receiver.url())).unwrap();
    centre.write("layouts/alarms.toml", LAYOUT).unwrap();
    let mut server = centre.serve().await.unwrap();
    let (mut client, alarms) = snapshot(&server).await;
    assert!(alarms.is_empty());

    push(&server, 10.0).await;
    push(&server, 11.0).await;
    let raised = told(&mut client).await.unwrap();
    let id = raised["id"].as_str().unwrap().to_owned();
    assert_eq!((&raised["state"]["kind"], &raised["rule"]), (&json!("raised"), &json!("muc-nuoc")), "{raised}");
    assert_eq!(raised["text"], json!({ "vi": "Mực nước 11 vượt 10", "en": "Level 11 above 10" }));
    let steps = receiver.until(1).await.unwrap();
    assert_eq!((&steps[0]["alarm"]["id"], &steps[0]["alarm"]["text"]), (&json!(id), &json!("Level 11 above 10")));

    // Nothing is raised or told anew by a server that was killed.
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let (mut client, alarms) = snapshot(&server).await;
    assert_eq!(alarms, [raised], "as it was");

    // Who is told does not answer while it is acknowledged, and the server is killed meanwhile.
    receiver.answer(503);
    let said = json!({ "by": "Trực ban", "comment": "Đang xử lý" });
    let (status, answer) = turn(&server, &id, "acknowledge", said).await;
    assert_eq!((status, &answer["alarm"]["condition"]), (200, &json!("acknowledged")), "{answer}");
    let acknowledged = told(&mut client).await.unwrap();
    assert_eq!(
        (&acknowledged["state"]["by"], &acknowledged["state"]["comment"]),
        (&json!("Trực ban"), &json!("Đang xử lý"))
    );
    not_told(&server).await;
    server.kill().await.unwrap();
    receiver.answer(200);
    server.restart().await.unwrap();
    assert_eq!(kinds(&receiver.until(2).await.unwrap()), ["raised", "acknowledged"]);

    // Between the limit and where it is over nothing changes.
    let (mut client, alarms) = snapshot(&server).await;
    assert_eq!(alarms, [acknowledged]);
    push(&server, 9.0).await;
    push(&server, 8.0).await;
    let cleared = told(&mut client).await.unwrap();
    assert_eq!((&cleared["id"], &cleared["state"]["kind"]), (&json!(id), &json!("cleared")));
    receiver.until(3).await.unwrap();
    let (status, refused) = turn(&server, &id, "acknowledge", json!({ "by": "Trực ban" })).await;
    assert_eq!(status, 409, "{refused}");

    // One that is raised again is another one.
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    push(&server, 20.0).await;
    let steps = receiver.until(4).await.unwrap();
    assert_eq!(kinds(&steps), ["raised", "acknowledged", "cleared", "raised"]);
    assert_ne!(steps[3]["alarm"]["id"], json!(id));
    let all = server.get("/api/v1/alarms").await.unwrap();
    let told: Vec<&Value> = all["alarms"].as_array().unwrap().iter().map(|alarm| &alarm["condition"]).collect();
    assert_eq!(told, ["raised", "cleared"], "newest first");
}

/// Waits until it is noted that who is told does not answer.
async fn not_told(server: &Server) {
    let noted = eventually("it is noted", LIMIT, || async {
        let all = server.get("/api/v1/sources").await?;
        let source = all.as_array().context("a list")?.iter().find(|source| source["id"] == "webhook.truc-ban");
        let problem = source.context("the webhook")?["health"]["problems"][0]["reason"].to_string();
        ensure!(problem.contains("503"), "{problem}");
        Ok(())
    });
    noted.await.unwrap();
}

#[tokio::test]
async fn one_that_is_put_aside_comes_back_by_hand_or_by_itself() {
    let centre = Centre::small().unwrap();
    centre.write("alarms.toml", RULES.split("[[webhook]]").next().unwrap()).unwrap();
    centre.write("layouts/alarms.toml", LAYOUT).unwrap();
    let server = centre.serve().await.unwrap();
    let (mut client, _) = snapshot(&server).await;
    push(&server, 11.0).await;
    let id = told(&mut client).await.unwrap()["id"].as_str().unwrap().to_owned();
    let shelve = |until: &str| json!({ "by": "Trực ban", "until": until });
    for (body, expected) in [
        (shelve("2020-01-01T00:00:00+07:00"), 422),
        (shelve("2999-01-01T00:00:00+07:00"), 422),
        (shelve("mai"), 422),
        (json!({ "by": "Trực ban" }), 422),
    ] {
        let (status, answer) = turn(&server, &id, "shelve", body).await;
        assert_eq!(status, expected, "{answer}");
    }
    let (status, answer) = turn(&server, "khac", "acknowledge", json!({ "by": "Trực ban" })).await;
    assert_eq!(status, 404, "{answer}");
    let soon = moment_in(3600);
    let (status, answer) = turn(&server, &id, "shelve", shelve(&soon)).await;
    assert_eq!((status, &answer["alarm"]["condition"]), (200, &json!("shelved")), "{answer}");
    assert_eq!(told(&mut client).await.unwrap()["state"]["kind"], "shelved");
    // It still stands, and nobody is told anew.
    push(&server, 12.0).await;
    let (status, _) = turn(&server, &id, "unshelve", json!({ "by": "Trực ban", "comment": "Đã xong" })).await;
    assert_eq!(status, 200);
    assert_eq!(told(&mut client).await.unwrap()["state"]["kind"], "raised");
    let (status, answer) = turn(&server, &id, "unshelve", json!({ "by": "Trực ban" })).await;
    assert_eq!(status, 409, "{answer}");
    let (status, _) = turn(&server, &id, "shelve", shelve(&moment_in(1))).await;
    assert_eq!(status, 200);
    let back = eventually("its time is over", LIMIT, || async {
        let all = server.get("/api/v1/alarms?state=raised").await?;
        ensure!(all["alarms"].as_array().is_some_and(|alarms| alarms.len() == 1), "{all}");
        Ok(())
    });
    back.await.unwrap();
}

/// So many seconds from now, in RFC 3339.
fn moment_in(secs: i64) -> String {
    let at = now_micros().div_euclid(1_000_000) + secs;
    let (day, time) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let day = protocol::Day::in_utc(protocol::Timestamp::from_secs(day * 86_400));
    format!("{day}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}
