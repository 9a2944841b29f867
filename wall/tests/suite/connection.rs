//! The connection against a server that says exactly what a test wants.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::message::{Bye, Hello, Mode, Welcome};
use protocol::{
    Change, ClientMessage, CloseReason, Envelope, Frame, ServerMessage, StreamPosition, Timestamp, ViewName,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use wall::clock::{ClockEstimate, LocalClock};
use wall::connection::{self, Inbound, Outlet, Wish};

use crate::centre;

const PATIENCE: Duration = Duration::from_secs(20);
const EPOCH: u64 = 11;

/// A server of which a test plays the part, one conversation at a time.
struct Server {
    listener: TcpListener,
    inbound: mpsc::Receiver<Inbound>,
}

pub struct Conversation {
    socket: WebSocketStream<TcpStream>,
    hello: Hello,
    authorization: Option<String>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(1).await
    }

    /// The same, known to the wall under its address so many times over.
    async fn start_with(addresses: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (messages, inbound) = mpsc::channel(64);
        let wish = Wish {
            servers: vec![address.parse().unwrap(); addresses],
            view: ViewName::Wall("main".into()),
            display: Some("left".into()),
            token: Some("secret".into()),
        };
        tokio::spawn(connection::run(wish, LocalClock::new(), Outlet { messages, wake: Arc::new(|| ()) }));
        Self { listener, inbound }
    }

    /// The same, and the first conversation, which begins with a snapshot to come.
    async fn welcoming() -> (Self, Conversation) {
        let server = Self::start().await;
        let mut live = server.accept().await;
        live.welcome(false).await;
        (server, live)
    }

    async fn accept(&self) -> Conversation {
        timeout(PATIENCE, accept(&self.listener)).await.expect("nobody came")
    }

    /// The next thing the render thread is told, the clock aside.
    async fn heard(&mut self) -> Inbound {
        loop {
            match timeout(PATIENCE, self.inbound.recv())
                .await
                .expect("nothing was handed on")
                .expect("the connection ended")
            {
                Inbound::Clock(_) => {}
                other => return other,
            }
        }
    }
}

/// The next conversation, up to its hello.
pub async fn accept(listener: &TcpListener) -> Conversation {
    let (stream, _) = listener.accept().await.unwrap();
    let mut authorization = None;
    #[allow(clippy::result_large_err, reason = "the signature of the callback")]
    let check = |request: &Request, mut response: Response| {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(request.uri().path(), "/live");
        assert_eq!(header("sec-websocket-protocol").as_deref(), Some("ioc.v1.msgpack"));
        authorization = header("authorization");
        response.headers_mut().insert("sec-websocket-protocol", "ioc.v1.msgpack".parse().unwrap());
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, check).await.unwrap();
    let hello = timeout(PATIENCE, socket.next()).await.expect("no hello").unwrap().unwrap();
    match rmp_serde::from_slice(&hello.into_data()).unwrap() {
        ClientMessage::Hello(hello) => Conversation { socket, hello, authorization },
        other => panic!("the client must say hello first, not {other:?}"),
    }
}

impl Server {
    /// The first estimate of the clock that is `wanted`, while `work` goes on.
    async fn clock_while(
        &mut self,
        work: impl Future<Output = ()>,
        wanted: impl Fn(&ClockEstimate) -> bool,
    ) -> ClockEstimate {
        let estimate = async {
            loop {
                match self.inbound.recv().await.unwrap() {
                    Inbound::Clock(clock) if wanted(&clock) => return clock,
                    _ => {}
                }
            }
        };
        tokio::select! {
            estimate = timeout(PATIENCE, estimate) => estimate.expect("no such estimate came"),
            () = work => unreachable!("the work goes on"),
        }
    }
}

impl Conversation {
    /// Answers every question for the clock of a server that is so far ahead.
    async fn answers(&mut self, ahead_micros: i64) {
        let local = LocalClock::new();
        loop {
            let question = self.socket.next().await.unwrap().unwrap();
            if let Ok(ClientMessage::Clock { t0 }) = rmp_serde::from_slice(&question.into_data()) {
                let now = local.now().plus_micros(ahead_micros);
                self.say(ServerMessage::Clock { t0, t1: now, t2: now }).await;
            }
        }
    }

    async fn say_json(&mut self, message: &Value) {
        self.socket.send(Message::Binary(rmp_serde::to_vec_named(message).unwrap().into())).await.unwrap();
    }

    async fn say(&mut self, message: ServerMessage) {
        let bytes = rmp_serde::to_vec_named(&message).unwrap();
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    pub async fn welcome(&mut self, resumed: bool) {
        let server_time = Timestamp::from_secs(5);
        self.say(ServerMessage::Welcome(Welcome { epoch: EPOCH, resumed, server_time, mode: Mode::Live })).await;
    }

    async fn snapshot(&mut self, offset: u64) {
        self.snapshot_of(offset, Vec::new()).await;
    }

    pub async fn snapshot_of(&mut self, offset: u64, changes: Vec<Envelope>) {
        self.say(ServerMessage::Snapshot { offset, changes }).await;
    }

    /// Nothing new, every half second until the wall goes.
    pub async fn idle(mut self, offset: u64) {
        let mut interval = tokio::time::interval(Duration::from_millis(500));
        loop {
            interval.tick().await;
            let bytes = rmp_serde::to_vec_named(&ServerMessage::<Change>::Frame(frame(offset, offset))).unwrap();
            if self.socket.send(Message::Binary(bytes.into())).await.is_err() {
                return;
            }
        }
    }

    async fn frame(&mut self, since: u64, until: u64) {
        self.say(ServerMessage::Frame(frame(since, until))).await;
    }
}

fn frame(since: u64, until: u64) -> Frame {
    Frame { since, until, present_at: Timestamp(0), changes: Vec::new() }
}

fn at(offset: u64) -> StreamPosition {
    StreamPosition { epoch: EPOCH, offset }
}

fn span(message: &Inbound) -> (u64, u64, u64) {
    match message {
        Inbound::Frame { frame, after, .. } => (frame.since, frame.until, *after),
        other => panic!("expected a frame, not {other:?}"),
    }
}

#[tokio::test]
async fn the_client_speaks_first_and_takes_what_joins() {
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    assert_eq!(live.hello.view, ViewName::Wall("main".into()));
    assert_eq!((live.hello.display.as_deref(), live.hello.resume), (Some("left"), None));
    assert_eq!(live.authorization.as_deref(), Some("Bearer secret"));
    live.welcome(false).await;
    live.snapshot(4).await;
    live.frame(2, 4).await;
    live.frame(4, 4).await;
    live.frame(3, 6).await;
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(4), changes: Vec::new() });
    assert_eq!(span(&server.heard().await), (3, 6, 4), "what is known already is not handed on");
}

#[tokio::test]
async fn a_gap_is_never_shown_but_resumed_from() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    live.frame(5, 6).await;
    assert!(matches!(server.heard().await, Inbound::Snapshot { .. }));
    assert_eq!(server.heard().await, Inbound::Gap { position: 4, since: 5 });
    let mut again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(4)));
    again.welcome(true).await;
    again.frame(4, 9).await;
    assert_eq!(server.heard().await, Inbound::Resumed(at(4)));
    assert_eq!(span(&server.heard().await), (4, 9, 4));
}

#[tokio::test]
async fn a_cut_connection_comes_back_at_once_and_is_not_called_lost() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    live.frame(4, 7).await;
    server.heard().await;
    server.heard().await;
    drop(live);
    let mut again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(7)));
    again.welcome(true).await;
    assert_eq!(server.heard().await, Inbound::Resumed(at(7)), "nothing was said of a lost link");
}

#[tokio::test]
async fn two_seconds_of_silence_are_a_lost_link_since_the_last_word() {
    let (mut server, mut live) = Server::welcoming().await;
    let before = LocalClock::new().now();
    live.snapshot(4).await;
    server.heard().await;
    let Inbound::Lost { since } = server.heard().await else { panic!("the link must be lost") };
    let after = LocalClock::new().now();
    assert!(since.since(before) >= 0 && since.since(before) < 1_500_000, "lost since {since:?}, spoke at {before:?}");
    assert!(after.since(since) >= 2_000_000, "called lost after {} µs", after.since(since));
    let again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(4)), "a silent connection is given up");
}

#[tokio::test]
async fn a_malformed_message_ends_the_conversation_and_an_unknown_change_does_not() {
    let (mut server, mut live) = Server::welcoming().await;
    let unknown = json!({ "type": "snapshot", "offset": 4, "changes": [{ "at": 4, "kind": "of_tomorrow", "body": { "x": [1, 2] } }] });
    live.say_json(&unknown).await;
    let unknown = Envelope { at: 4, change: None };
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(4), changes: vec![unknown] });
    live.socket.send(Message::Binary(vec![0xc1, 1, 2, 3].into())).await.unwrap();
    let again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(4)));
}

#[tokio::test]
async fn what_this_wall_is_too_old_for_is_skipped_and_what_is_malformed_is_not() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    for unknown in [
        json!({ "type": "of_tomorrow", "body": [1, { "x": 2 }] }),
        json!({ "type": "signal", "signal": "of_tomorrow", "since": 3 }),
        json!({ "type": "clock", "t0": 1, "t1": 2, "t2": 3, "of_tomorrow": true }),
    ] {
        live.say_json(&unknown).await;
    }
    live.frame(4, 5).await;
    live.say_json(&json!({ "type": "bye", "reason": "of_tomorrow", "retry_after_ms": 10 })).await;
    assert!(matches!(server.heard().await, Inbound::Snapshot { .. }));
    assert_eq!(span(&server.heard().await), (4, 5, 4), "the conversation went on");
    let Inbound::Bye(bye) = server.heard().await else { panic!("expected the goodbye") };
    assert_eq!((bye.reason, bye.retry_after_ms), (CloseReason::Unknown, 10));
    let mut again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(5)));
    again.welcome(true).await;
    again.say_json(&json!({ "type": "signal", "signal": "log", "away_since": "yesterday" })).await;
    assert_eq!(server.heard().await, Inbound::Resumed(at(5)));
    assert_eq!(server.accept().await.hello.resume, Some(at(5)), "a malformed signal ends the conversation");
}

#[tokio::test]
async fn new_fields_of_what_is_known_are_skipped() {
    let (mut server, mut live) = Server::welcoming().await;
    let changes = centre::snapshot(&centre::arranged(3840, 2160));
    let message = ServerMessage::Snapshot { offset: 1, changes: changes.clone() };
    let mut message = serde_json::to_value(message).unwrap();
    add_everywhere(&mut message);
    live.say_json(&message).await;
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(1), changes });
}

/// A field of tomorrow in every object of fixed fields.
fn add_everywhere(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_everywhere),
        Value::Object(fields) => {
            // Options of panels and the maps of the catalogue name things, not fields.
            for (_, inner) in fields.iter_mut().filter(|(name, _)| *name != "options") {
                add_everywhere(inner);
            }
            let is_span = fields.len() == 1 && fields.contains_key("last");
            let is_map = is_span || fields.values().all(|inner| inner.get("id").is_some());
            if !is_map {
                fields.insert("of_tomorrow".into(), json!({ "x": [1] }));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn refused_connections_do_not_make_the_wall_forget_where_it_was() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    server.heard().await;
    drop(live);
    for _ in 0..4 {
        // Refused before a word: the server is away, which says nothing of the position.
        drop(timeout(PATIENCE, server.listener.accept()).await.expect("nobody came").unwrap());
    }
    assert_eq!(server.accept().await.hello.resume, Some(at(4)));
}

#[tokio::test]
async fn a_position_that_no_server_can_go_on_from_is_given_up() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    server.heard().await;
    drop(live);
    for _ in 0..3 {
        let mut again = server.accept().await;
        assert_eq!(again.hello.resume, Some(at(4)));
        again.welcome(true).await;
    }
    assert_eq!(server.accept().await.hello.resume, None, "three that were welcomed brought nothing");
}

#[tokio::test]
async fn the_clock_of_one_server_is_not_trusted_at_the_next() {
    let mut server = Server::start_with(2).await;
    let mut live = server.accept().await;
    live.welcome(false).await;
    live.snapshot(4).await;
    let good = server.clock_while(live.answers(3_600_000_000), |clock| clock.is_good).await;
    drop(live);
    // Nothing came of this conversation: the next server is asked.
    drop(timeout(PATIENCE, server.listener.accept()).await.expect("nobody came").unwrap());
    let distrusted = server.clock_while(std::future::pending(), |_| true).await;
    assert_eq!(distrusted, ClockEstimate { is_good: false, ..good });
    let mut next = server.accept().await;
    next.welcome(true).await;
    let rough = server.clock_while(std::future::pending(), |_| true).await;
    assert!(!rough.is_good && rough.ahead_micros < 0, "the welcome of the next server counts: {rough:?}");
}

#[tokio::test]
async fn real_changes_survive_the_wire() {
    let (mut server, mut live) = Server::welcoming().await;
    let changes = centre::snapshot(&centre::arranged(3840, 2160));
    live.snapshot_of(1, changes.clone()).await;
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(1), changes });
}

#[tokio::test]
async fn a_new_epoch_is_followed_from_a_snapshot() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    let bye = Bye { reason: CloseReason::NewEpoch, retry_after_ms: 50, detail: None };
    live.say(ServerMessage::Bye(bye.clone())).await;
    server.heard().await;
    assert_eq!(server.heard().await, Inbound::Bye(bye));
    assert_eq!(server.accept().await.hello.resume, None);
}

#[tokio::test]
async fn the_servers_clock_is_asked_for_until_it_is_good() {
    let (mut server, mut live) = Server::welcoming().await;
    live.snapshot(4).await;
    let ahead = 3_600_000_000;
    let estimate = server.clock_while(live.answers(ahead), |clock| clock.is_good).await;
    assert!((estimate.ahead_micros - ahead).abs() < 50_000, "{estimate:?}");
}
