//! The connection against a server that says exactly what a test wants.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::message::{Bye, Hello, Mode, Welcome};
use protocol::{ClientMessage, CloseReason, Envelope, Frame, ServerMessage, StreamPosition, Timestamp, ViewName};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use wall::clock::LocalClock;
use wall::connection::{self, Inbound, Outlet, Wish};

use crate::centre;

const PATIENCE: Duration = Duration::from_secs(20);
const EPOCH: u64 = 11;

/// A server of which a test plays the part, one conversation at a time.
struct Server {
    listener: TcpListener,
    inbound: mpsc::Receiver<Inbound>,
}

struct Conversation {
    socket: WebSocketStream<TcpStream>,
    hello: Hello,
    authorization: Option<String>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (messages, inbound) = mpsc::channel(64);
        let wish = Wish {
            servers: vec![address.parse().unwrap()],
            view: ViewName::Wall("main".into()),
            display: Some("left".into()),
            token: Some("secret".into()),
        };
        tokio::spawn(connection::run(wish, LocalClock::new(), Outlet { messages, wake: Arc::new(|| ()) }));
        Self { listener, inbound }
    }

    /// The next conversation, up to its hello.
    async fn accept(&self) -> Conversation {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("nobody came").unwrap();
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

impl Conversation {
    async fn say(&mut self, message: ServerMessage) {
        let bytes = rmp_serde::to_vec_named(&message).unwrap();
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    async fn welcome(&mut self, resumed: bool) {
        let server_time = Timestamp::from_secs(5);
        self.say(ServerMessage::Welcome(Welcome { epoch: EPOCH, resumed, server_time, mode: Mode::Live })).await;
    }

    async fn snapshot(&mut self, offset: u64) {
        self.say(ServerMessage::Snapshot { offset, changes: Vec::new() }).await;
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
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
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
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
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
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
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
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
    let unknown = serde_json::json!({ "type": "snapshot", "offset": 4, "changes": [{ "at": 4, "kind": "of_tomorrow", "body": { "x": [1, 2] } }] });
    live.socket.send(Message::Binary(rmp_serde::to_vec_named(&unknown).unwrap().into())).await.unwrap();
    let unknown = Envelope { at: 4, change: None };
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(4), changes: vec![unknown] });
    live.socket.send(Message::Binary(vec![0xc1, 1, 2, 3].into())).await.unwrap();
    let again = server.accept().await;
    assert_eq!(again.hello.resume, Some(at(4)));
}

#[tokio::test]
async fn real_changes_survive_the_wire() {
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
    let changes = centre::snapshot(&centre::arranged(3840, 2160));
    live.say(ServerMessage::Snapshot { offset: 1, changes: changes.clone() }).await;
    assert_eq!(server.heard().await, Inbound::Snapshot { position: at(1), changes });
}

#[tokio::test]
async fn a_new_epoch_is_followed_from_a_snapshot() {
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
    live.snapshot(4).await;
    let bye = Bye { reason: CloseReason::NewEpoch, retry_after_ms: 50, detail: None };
    live.say(ServerMessage::Bye(bye.clone())).await;
    server.heard().await;
    assert_eq!(server.heard().await, Inbound::Bye(bye));
    assert_eq!(server.accept().await.hello.resume, None);
}

#[tokio::test]
async fn the_servers_clock_is_asked_for_until_it_is_good() {
    let mut server = Server::start().await;
    let mut live = server.accept().await;
    live.welcome(false).await;
    live.snapshot(4).await;
    let ahead = 3_600_000_000;
    let local = LocalClock::new();
    let answers = async {
        loop {
            let question = live.socket.next().await.unwrap().unwrap();
            if let Ok(ClientMessage::Clock { t0 }) = rmp_serde::from_slice(&question.into_data()) {
                let now = local.now().plus_micros(ahead);
                live.say(ServerMessage::Clock { t0, t1: now, t2: now }).await;
            }
        }
    };
    let estimate = async {
        loop {
            match server.inbound.recv().await.unwrap() {
                Inbound::Clock(clock) if clock.is_good => return clock,
                _ => {}
            }
        }
    };
    let estimate = tokio::select! {
        estimate = timeout(PATIENCE, estimate) => estimate.expect("the clock never became good"),
        () = answers => unreachable!("the answers go on"),
    };
    assert!((estimate.ahead_micros - ahead).abs() < 50_000, "{estimate:?}");
}
