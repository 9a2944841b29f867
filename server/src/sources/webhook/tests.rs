use std::collections::VecDeque;

use axum::extract::State;
use axum::http::HeaderMap;
use parking_lot::Mutex;
use protocol::event::AlarmAcknowledged;
use protocol::{Alarm, Event};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::sources::tests::{Running, until};

/// What a receiver of the test's own was told, and what it answers: 200 unless told otherwise.
#[derive(Clone, Default)]
struct Receiver {
    told: Arc<Mutex<Vec<(Value, HeaderMap)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        format!("http://{address}/alarms")
    }

    /// Which steps it has taken.
    fn kinds(&self) -> Vec<String> {
        let told = self.told.lock();
        told.iter().map(|(body, _)| format!("{} {}", body["alarm"]["id"].as_str().unwrap(), body["kind"])).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> axum::http::StatusCode {
    let status = receiver.answers.lock().pop_front().unwrap_or(200);
    if status == 200 {
        receiver.told.lock().push((serde_json::from_str(&body).unwrap(), headers));
    }
    axum::http::StatusCode::from_u16(status).unwrap()
}

fn webhook(url: &str, secret: &std::path::Path) -> Webhook {
    let options = json!({ "id": "zalo", "url": url, "severity": "critical", "language": "en", "allow_private": true,
        "headers": { "x-centre": "ioc" }, "secret_headers": { "authorization": format!("file:{}", secret.display()) } });
    Webhook::new(serde_json::from_value(options).unwrap())
}

fn run(running: &Running, webhook: Webhook) -> JoinHandle<Result<(), SourceError>> {
    let link = running.link.clone();
    tokio::spawn(async move { webhook.run(link).await })
}

async fn report(running: &Running, id: &str, severity: &str, state: Value) {
    let alarm = json!({ "id": id, "severity": severity, "text": { "vi": "Mưa lớn", "en": "Heavy rain" }, "raised_at": 1,
        "state": state, "source": "mua", "received_at": 0 });
    let alarm: Alarm = serde_json::from_value(alarm).unwrap();
    let rain = Link { source: "mua".into(), ..running.link.clone() };
    rain.report(super::super::Reported { alarms: vec![alarm], ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn each_step_is_posted_in_order_also_after_failures_and_a_restart() {
    let running = Running::start();
    let secret = running.dir.path().join("secret");
    std::fs::write(&secret, "Bearer s3cret\n").unwrap();
    let receiver = Receiver::default();
    let url = receiver.start().await;
    report(&running, "before", "critical", json!({ "kind": "raised" })).await;
    let following = run(&running, webhook(&url, &secret));
    until(|| receiver.kinds().len() == 1).await;
    receiver.answers.lock().extend([503, 500]);
    report(&running, "a", "critical", json!({ "kind": "raised" })).await;
    report(&running, "quiet", "warning", json!({ "kind": "raised" })).await;
    let by = "Trực ban".to_owned();
    let acknowledged =
        AlarmAcknowledged { at: Timestamp(5), alarm: "a".into(), by, comment: Some("Đang xem".to_owned()) };
    running.link.recorder.tell(Event::AlarmAcknowledged(acknowledged)).await.unwrap();
    until(|| receiver.kinds().len() == 3).await;
    assert_eq!(running.problems(), [""; 0], "it was taken in the end");
    running.stop.send_replace(true);
    following.await.unwrap().unwrap();
    report(&running, "a", "critical", json!({ "kind": "cleared", "at": 9 })).await;
    running.stop.send_replace(false);
    let following = run(&running, webhook(&url, &secret));
    until(|| receiver.kinds().len() == 4).await;
    let expected = ["before \"raised\"", "a \"raised\"", "a \"acknowledged\"", "a \"cleared\""];
    assert_eq!(receiver.kinds(), expected);
    let (body, headers) = receiver.told.lock()[2].clone();
    assert_eq!(headers["idempotency-key"].to_str().unwrap(), body["id"]);
    assert_eq!(
        (headers["authorization"].as_bytes(), headers["x-centre"].as_bytes()),
        (&b"Bearer s3cret"[..], &b"ioc"[..])
    );
    assert_eq!(
        body,
        json!({ "id": "a/acknowledged/5", "kind": "acknowledged", "at": "1970-01-01T00:00:00.000005Z", "centre": "",
            "by": "Trực ban", "comment": "Đang xem",
            "alarm": { "id": "a", "severity": "critical", "text": "Heavy rain", "raised_at": "1970-01-01T00:00:00.000001Z",
                "is_simulated": false } })
    );
    running.end(following).await;
}

#[tokio::test]
async fn what_they_do_not_want_is_left_out_and_named() {
    let running = Running::start();
    let secret = running.dir.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    let receiver = Receiver::default();
    receiver.answers.lock().push_back(422);
    let following = run(&running, webhook(&receiver.start().await, &secret));
    report(&running, "a", "critical", json!({ "kind": "raised" })).await;
    until(|| !running.problems().is_empty()).await;
    let said = running.problems().remove(0);
    assert!(said.starts_with("zalo: a/raised/1: it answered 422"), "{said}");
    report(&running, "b", "critical", json!({ "kind": "raised" })).await;
    until(|| receiver.kinds() == ["b \"raised\""]).await;
    running.end(following).await;
}

#[tokio::test]
async fn the_inner_network_is_not_told_unless_it_is_meant() {
    let running = Running::start();
    let options = json!({ "id": "zalo", "url": "http://127.0.0.1:9/" });
    report(&running, "a", "critical", json!({ "kind": "raised" })).await;
    let ended = run(&running, Webhook::new(serde_json::from_value(options).unwrap())).await.unwrap();
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("an address of the inner network"), "{said}");
}

#[tokio::test]
async fn an_end_while_it_catches_up_loses_and_repeats_nothing() {
    let running = Running::start();
    let secret = running.dir.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    let receiver = Receiver::default();
    let url = receiver.start().await;
    for id in ["a", "b"] {
        report(&running, id, "critical", json!({ "kind": "raised" })).await;
    }
    receiver.answers.lock().extend([200, 503, 503, 503, 503]);
    let following = run(&running, webhook(&url, &secret));
    until(|| !running.problems().is_empty()).await;
    running.end(following).await;
    receiver.answers.lock().clear();
    running.stop.send_replace(false);
    let following = run(&running, webhook(&url, &secret));
    until(|| receiver.kinds().len() == 2).await;
    report(&running, "c", "critical", json!({ "kind": "raised" })).await;
    until(|| receiver.kinds().len() == 3).await;
    assert_eq!(receiver.kinds(), ["a \"raised\"", "b \"raised\"", "c \"raised\""]);
    running.end(following).await;
}
