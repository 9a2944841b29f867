//! Clients that do not keep up: one that stops reading is sent away and holds no seat; one that pauses falls
//! out of the ring, catches up, and misses nothing.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::message::{Hello, ViewName};
use protocol::{ClientMessage, Envelope, SUBPROTOCOL_MSGPACK, ServerMessage, ViewState};
use tests::centre::{AREA, Plan, indicator};
use tests::load::{self, Load, Rows};
use tests::{Centre, Server, eventually};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// How long the server lets a client make no progress, and some time to tell.
const PATIENCE: Duration = Duration::from_secs(30);
const LEEWAY: Duration = Duration::from_secs(15);
/// As many series make frames large, so that what lies between server and client is soon full.
const SERIES: usize = 24;

/// A server with a small ring that has much to say, and what makes it talk.
async fn talkative() -> (Centre, Server, Load) {
    let centre = Centre::of(Plan { panels: SERIES, settings: "ring_bytes = 65536\n", ..Plan::default() }).unwrap();
    let server = centre.serve().await.unwrap();
    let mut rows = Rows::of_small("talk", Duration::from_millis(100));
    rows.series = (0..SERIES).map(|number| (indicator(number), AREA.to_owned())).collect();
    let load = Load::start(vec![server.address().to_owned()], rows);
    (centre, server, load)
}

/// A client that speaks MessagePack, with little room for what it does not read.
struct Reader {
    socket: WebSocketStream<TcpStream>,
    state: ViewState,
    position: u64,
}

impl Reader {
    async fn hello(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let stream = socket.connect(server.authority().parse().unwrap()).await.unwrap();
        let mut request = format!("ws://{}/live", server.authority()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL_MSGPACK));
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let hello = Hello { view: ViewName::Wall("main".into()), display: None, resume: None, token: None };
        let hello = rmp_serde::to_vec_named(&ClientMessage::Hello(hello)).unwrap();
        socket.send(Message::binary(hello)).await.unwrap();
        let mut reader = Self { socket, state: ViewState::default(), position: 0 };
        while reader.position == 0 {
            reader.read().await.unwrap();
        }
        reader
    }

    /// Takes one message in; spans must join. Gives the reason of a farewell or an end.
    async fn read(&mut self) -> Result<(), String> {
        let next = tokio::time::timeout(Duration::from_secs(5), self.socket.next()).await;
        let message = next.map_err(|_| "silence")?.ok_or("the end")?.map_err(|error| error.to_string())?;
        let Message::Binary(bytes) = message else { return Err(format!("{message:?}")) };
        match rmp_serde::from_slice::<ServerMessage>(&bytes).unwrap() {
            ServerMessage::Snapshot { offset, changes } => {
                self.state = ViewState::default();
                self.position = 0;
                self.take(changes);
                self.position = offset;
            }
            ServerMessage::Frame(frame) => {
                assert!(frame.since <= self.position, "a gap: {} of {}", frame.since, self.position);
                self.take(frame.changes);
                self.position = self.position.max(frame.until);
            }
            ServerMessage::Bye(bye) => return Err(format!("{:?}", bye.reason)),
            ServerMessage::Unknown => return Err("a message that this version does not know".to_owned()),
            ServerMessage::Welcome(_) | ServerMessage::Clock { .. } | ServerMessage::Signal(_) => {}
        }
        Ok(())
    }

    /// Applies what is behind the position.
    fn take(&mut self, changes: Vec<Envelope>) {
        for Envelope { at, change } in changes.into_iter().filter(|change| change.at > self.position) {
            self.state.apply(at, &change.expect("a known change"));
        }
    }
}

/// A metric of the server, summed over its labels; 0 when nothing was counted.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.http().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_sent_away() {
    let (_centre, server, load) = talkative().await;
    let mut reader = Reader::hello(&server).await;
    assert_eq!(metric(&server, "ioc_clients{").await, 1.0);
    // It reads no more. What lies between fills up first, then the patience begins.
    let filled = Duration::from_secs(40);
    eventually("the seat is free", filled + PATIENCE + LEEWAY, || async {
        let clients = metric(&server, "ioc_clients{").await;
        anyhow::ensure!(clients == 0.0, "{clients} clients");
        Ok(())
    })
    .await
    .unwrap();
    load.finish().await.unwrap();
    // What was under way is there, then the end: nothing is left open.
    let end = loop {
        if let Err(end) = reader.read().await {
            break end;
        }
    };
    assert_ne!(end, "silence", "the connection was left open");
    println!("a client that reads nothing is sent away with: {end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pauses_catches_up_and_misses_nothing() {
    let (_centre, server, load) = talkative().await;
    let mut reader = Reader::hello(&server).await;
    // It pauses until far more was said than lies between it and the server.
    let said = metric(&server, "ioc_frames_total").await;
    let long = Duration::from_secs(60);
    eventually("much was said meanwhile", long, || async {
        let more = metric(&server, "ioc_frames_total").await - said;
        anyhow::ensure!(more > 250.0, "{more} frames");
        Ok(())
    })
    .await
    .unwrap();
    load.finish().await.unwrap();
    let newest = load::post_newest(&server, "newest", 5.0).await.unwrap();
    while reader.position < newest.offset() {
        reader.read().await.unwrap();
    }
    let behind = metric(&server, "ioc_clients_behind_total").await;
    assert!(behind >= 1.0, "the client never fell out of the ring, so this shows nothing");
    let newcomer = Reader::hello(&server).await;
    let values = |reader: &Reader| reader.state.latest_values().cloned().collect::<Vec<_>>();
    assert_eq!(values(&reader).len(), SERIES);
    assert_eq!(values(&reader), values(&newcomer));
    println!("fell out of the ring {behind} times and knows all {SERIES} values");
}
