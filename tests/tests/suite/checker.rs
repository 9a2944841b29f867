//! The checker itself: it must find what is wrong, or what it says is worth nothing.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tests::{Checker, CheckerOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// A server that says the same to everyone: `first` to the first connection, `later` to all others.
async fn scripted(first: Vec<Value>, later: Vec<Value>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut script = first;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(speak(stream, std::mem::replace(&mut script, later.clone())));
        }
    });
    authority
}

#[allow(clippy::result_large_err, reason = "the shape of the handshake's callback")]
fn subprotocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ioc.v1.json"));
    Ok(response)
}

async fn speak(stream: TcpStream, script: Vec<Value>) {
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, subprotocol).await.unwrap();
    socket.next().await;
    for message in script {
        if socket.send(Message::text(message.to_string())).await.is_err() {
            return;
        }
    }
    while socket.next().await.is_some() {}
}

fn welcome() -> Value {
    json!({ "type": "welcome", "epoch": 7, "resumed": false, "server_time": 1, "mode": "live" })
}

fn observed(at: u64, value: f64) -> Value {
    let series = json!({ "indicator": "a", "area": "51", "scenario": "actual" });
    let body = json!({ "series": series, "value": value, "phenomenon_time": at, "received_at": at, "status": "automatic", "source": "api" });
    json!({ "at": at, "kind": "observed", "body": body })
}

fn snapshot(offset: u64, changes: &[Value]) -> Value {
    let series = json!([{ "indicator": "a", "area": "51", "scenario": "actual" }]);
    let arranged = json!({ "at": 1, "kind": "arranged", "body": { "series": series, "windows": [] } });
    let all: Vec<Value> = [arranged].into_iter().chain(changes.iter().cloned()).collect();
    json!({ "type": "snapshot", "offset": offset, "changes": all })
}

fn source_state(at: u64) -> Value {
    json!({ "at": at, "kind": "source_state", "body": { "source": "s" } })
}

fn frame(since: u64, until: u64, changes: &[Value]) -> Value {
    json!({ "type": "frame", "since": since, "until": until, "present_at": 1, "changes": changes })
}

async fn verdict(name: &str, first: Vec<Value>, later: Vec<Value>) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let authority = scripted(first, later).await;
    let mut options = CheckerOptions::new(&authority, json!({ "wall": "main" }), 1);
    options.settle = Duration::from_secs(1);
    let mut checker = Checker::start(&options, &folder.path().join(name)).unwrap();
    loop {
        let status = checker.status().await.unwrap();
        let broken = status["violations"].as_array().is_some_and(|violations| !violations.is_empty());
        if broken || status["slowest"].as_u64() >= Some(10) {
            break;
        }
    }
    checker.finish().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_server_that_keeps_its_promises_passes() {
    let good = vec![welcome(), snapshot(5, &[observed(3, 1.0)]), frame(5, 5, &[]), frame(5, 10, &[observed(9, 2.0)])];
    let later = vec![welcome(), snapshot(10, &[observed(9, 2.0)])];
    let summary = verdict("good", good, later).await.unwrap();
    assert_eq!((summary["frames"].as_u64(), summary["snapshots"].as_u64()), (Some(2), Some(1)));
}

#[tokio::test]
async fn every_broken_promise_is_found() {
    let start = || vec![welcome(), snapshot(5, &[observed(3, 1.0)])];
    let with = |more: &[Value]| [start(), more.to_vec()].concat();
    let resumed = json!({ "type": "welcome", "epoch": 7, "resumed": true, "server_time": 1, "mode": "live" });
    let cases: Vec<(&str, Vec<Value>, &str)> = vec![
        ("gap", with(&[frame(6, 10, &[])]), "a gap"),
        ("order", with(&[frame(5, 10, &[]), frame(5, 9, &[])]), "out of order"),
        ("left-out", with(&[frame(5, 8, &[]), frame(6, 10, &[observed(7, 2.0)])]), "left out before"),
        ("backwards", with(&[frame(5, 4, &[])]), "back to"),
        ("outside", with(&[frame(5, 10, &[observed(4, 2.0)])]), "a change at 4"),
        ("twice", with(&[frame(5, 10, &[observed(8, 2.0), observed(9, 3.0)])]), "twice in the frame"),
        ("stray", with(&[frame(5, 10, &[source_state(8)])]), "which is not part of this view"),
        ("unasked", vec![resumed], "without having been here"),
        ("no-welcome", vec![frame(0, 10, &[])], "before the welcome"),
        ("no-snapshot", vec![welcome(), frame(0, 10, &[])], "before the snapshot"),
        ("stranger", with(&[json!({ "type": "frame", "since": 5 })]), "not as described"),
        ("lost", with(&[frame(5, 10, &[])]), "server first"),
    ];
    for (name, script, wanted) in cases {
        let found = verdict(name, script, vec![welcome(), snapshot(10, &[observed(9, 2.0)])]).await;
        let said = found.expect_err(name);
        assert!(said.contains(wanted), "{name}: {said}");
    }
}
