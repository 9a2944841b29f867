//! `GET /live`: one WebSocket a client, one small task each.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use protocol::message::{Bye, ClientMessage, CloseReason, Hello, MAX_CLIENT_MESSAGE_BYTES, ViewName, Welcome};
use protocol::{
    Change, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, SUBPROTOCOL_SVG, ServerMessage, StreamPosition, Timestamp,
};
use tokio::time::timeout;

use super::accept::{Seat, stopped};
use crate::app::Shared;
use crate::hub::{Encoding, Read, Subscription, ViewError, encode};

/// How long a client may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may make no progress.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a view may take to reach what a client has.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(15);
/// A small buffer: thousands of clients are mostly silent.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// Writes are flushed as they come; the ring is the buffer.
const WRITE_BUFFER_BYTES: usize = 0;
/// More than the largest snapshot.
const MAX_WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;
/// Messages that are fed before a flush.
const FED_AT_ONCE: usize = 64;

/// Upgrades to one of the three subprotocols.
pub async fn live(
    State(shared): State<Shared>,
    Extension(seat): Extension<Seat>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade
        .protocols([SUBPROTOCOL_MSGPACK, SUBPROTOCOL_JSON, SUBPROTOCOL_SVG])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_CLIENT_MESSAGE_BYTES)
        .max_frame_size(MAX_CLIENT_MESSAGE_BYTES);
    let encoding = match upgrade.selected_protocol().and_then(|name| name.to_str().ok()) {
        Some(SUBPROTOCOL_MSGPACK) => Encoding::Msgpack,
        Some(SUBPROTOCOL_JSON) => Encoding::Json,
        Some(SUBPROTOCOL_SVG) => Encoding::Svg,
        _ => {
            let detail =
                format!("ask for one of the subprotocols {SUBPROTOCOL_MSGPACK}, {SUBPROTOCOL_JSON}, {SUBPROTOCOL_SVG}");
            return (StatusCode::BAD_REQUEST, detail).into_response();
        }
    };
    upgrade.on_upgrade(move |socket| async move {
        let clients = metrics::gauge!("ioc_clients", "encoding" => encoding.name());
        clients.increment(1.0);
        let end = Client { socket, encoding, shared }.run().await;
        clients.decrement(1.0);
        drop(seat);
        if let Err(End::Broken(error)) = end {
            tracing::debug!(error, "a client is gone");
        }
    })
}

/// Why a conversation ends.
enum End {
    /// The client has gone, or the link is broken: there is nobody to tell.
    Broken(String),
    /// The server ends it, and says why.
    Bye { reason: CloseReason, retry_after_ms: u32, detail: Option<String> },
}

impl End {
    fn bad_message(detail: impl Into<String>) -> Self {
        Self::Bye { reason: CloseReason::BadMessage, retry_after_ms: 5000, detail: Some(detail.into()) }
    }
}

impl From<axum::Error> for End {
    fn from(error: axum::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

struct Client {
    socket: WebSocket,
    encoding: Encoding,
    shared: Shared,
}

impl Client {
    async fn run(mut self) -> Result<(), End> {
        let end = match self.converse().await {
            Ok(()) => return Ok(()),
            Err(end) => end,
        };
        if let End::Bye { reason, retry_after_ms, detail } = &end {
            let bye = ServerMessage::<Change>::Bye(Bye {
                reason: *reason,
                retry_after_ms: *retry_after_ms,
                detail: detail.clone(),
            });
            let close = Message::Close(Some(CloseFrame { code: close_code(*reason), reason: "".into() }));
            let farewell = async {
                self.say(&bye).await?;
                self.socket.send(close).await.map_err(End::from)
            };
            if timeout(Duration::from_secs(1), farewell).await.is_err() {
                tracing::debug!("a client did not take its farewell");
            }
        }
        Err(end)
    }

    async fn converse(&mut self) -> Result<(), End> {
        let hello =
            timeout(HELLO_TIMEOUT, self.hello()).await.map_err(|_| End::bad_message("say hello within 10 s"))??;
        let mut subscription = subscribe(&self.shared, self.encoding, hello.view.clone(), hello.resume).await?;
        let welcome = Welcome {
            epoch: subscription.epoch,
            resumed: subscription.resumed,
            server_time: self.shared.clock.now(),
            mode: subscription.mode,
        };
        self.say(&ServerMessage::<Change>::Welcome(welcome)).await?;
        let mut stopping = self.shared.stopping.clone();
        self.catch_up(&mut subscription).await?;
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => {
                    return Err(End::Bye { reason: CloseReason::ShuttingDown, retry_after_ms: 500, detail: None });
                }
                news = subscription.news.changed() => {
                    news.map_err(|_| End::Bye { reason: CloseReason::ShuttingDown, retry_after_ms: 500, detail: None })?;
                    self.send_news(&mut subscription, &hello.view).await?;
                }
                message = self.socket.recv() => match message {
                    None => return Ok(()),
                    Some(message) => self.answer(message).await?,
                },
            }
        }
    }

    async fn hello(&mut self) -> Result<Hello, End> {
        loop {
            let message = self.socket.recv().await.ok_or_else(|| End::Broken("gone before hello".into()))?;
            match parse(self.encoding, message)? {
                Some(ClientMessage::Hello(hello)) => return Ok(hello),
                Some(ClientMessage::Clock { .. }) => return Err(End::bad_message("the first message must be hello")),
                None => {}
            }
        }
    }

    async fn catch_up(&mut self, subscription: &mut Subscription) -> Result<(), End> {
        for message in std::mem::take(&mut subscription.first) {
            self.socket.feed(message).await?;
        }
        self.flush().await
    }

    /// Sends what the ring has behind the cursor; a cursor that fell out of the ring joins anew.
    async fn send_news(&mut self, subscription: &mut Subscription, view: &ViewName) -> Result<(), End> {
        for _ in 0..FED_AT_ONCE {
            match subscription.channel.read(subscription.cursor) {
                Read::Message(message, until) => {
                    self.socket.feed(message).await?;
                    subscription.cursor += 1;
                    subscription.position = subscription.position.max(until);
                }
                Read::Empty => return self.flush().await,
                Read::Closed => {
                    return Err(End::Bye { reason: CloseReason::NewEpoch, retry_after_ms: 100, detail: None });
                }
                Read::Behind => {
                    metrics::counter!("ioc_clients_behind_total").increment(1);
                    let position = StreamPosition { epoch: subscription.epoch, offset: subscription.position };
                    *subscription = subscribe(&self.shared, self.encoding, view.clone(), Some(position)).await?;
                    if !subscription.resumed {
                        return Err(End::Bye { reason: CloseReason::NewEpoch, retry_after_ms: 100, detail: None });
                    }
                    return self.catch_up(subscription).await;
                }
            }
        }
        subscription.news.mark_changed();
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), End> {
        let slow = || End::Bye {
            reason: CloseReason::Slow,
            retry_after_ms: 1000,
            detail: Some("no progress for 30 s".into()),
        };
        timeout(PATIENCE, self.socket.flush()).await.map_err(|_| slow())?.map_err(End::from)
    }

    async fn answer(&mut self, message: Result<Message, axum::Error>) -> Result<(), End> {
        let t1 = self.shared.clock.now();
        match parse(self.encoding, message)? {
            Some(ClientMessage::Clock { t0 }) => self.say_clock(t0, t1).await,
            Some(ClientMessage::Hello(_)) => {
                Err(End::bad_message("hello may be said only once; open another connection for another view"))
            }
            None => Ok(()),
        }
    }

    async fn say_clock(&mut self, t0: Timestamp, t1: Timestamp) -> Result<(), End> {
        let t2 = self.shared.clock.now();
        self.say(&ServerMessage::<Change>::Clock { t0, t1, t2 }).await
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), End> {
        let message = encode(self.encoding, message).map_err(|error| End::Broken(error.to_string()))?;
        let slow = || End::Broken("no progress for 30 s".into());
        timeout(PATIENCE, self.socket.send(message)).await.map_err(|_| slow())?.map_err(End::from)
    }
}

async fn subscribe(
    shared: &Shared,
    encoding: Encoding,
    view: ViewName,
    resume: Option<StreamPosition>,
) -> Result<Subscription, End> {
    let subscribing = shared.hub.subscribe(view, encoding, resume);
    match timeout(CATCH_UP_TIMEOUT, subscribing).await {
        Ok(Ok(subscription)) => Ok(subscription),
        Ok(Err(ViewError::Stopped)) => {
            Err(End::Bye { reason: CloseReason::ShuttingDown, retry_after_ms: 500, detail: None })
        }
        Ok(Err(error @ ViewError::Unknown { .. })) => {
            Err(End::Bye { reason: CloseReason::UnknownView, retry_after_ms: 5000, detail: Some(error.to_string()) })
        }
        Ok(Err(ViewError::Defect(detail))) => {
            Err(End::Bye { reason: CloseReason::Full, retry_after_ms: 5000, detail: Some(detail) })
        }
        Err(_) => {
            let detail = "this server is behind what you have; another one may be further".to_owned();
            Err(End::Bye { reason: CloseReason::Full, retry_after_ms: 1000, detail: Some(detail) })
        }
    }
}

/// `None` for what needs no answer.
fn parse(encoding: Encoding, message: Result<Message, axum::Error>) -> Result<Option<ClientMessage>, End> {
    let parsed = match message {
        Ok(Message::Text(text)) if encoding != Encoding::Msgpack => {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        }
        Ok(Message::Binary(bytes)) if encoding == Encoding::Msgpack => {
            rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())
        }
        Ok(Message::Text(_)) => Err("this subprotocol takes binary messages (msgpack)".to_owned()),
        Ok(Message::Binary(_)) => Err("this subprotocol takes text messages (JSON)".to_owned()),
        Ok(Message::Ping(_) | Message::Pong(_)) => return Ok(None),
        Ok(Message::Close(_)) => return Err(End::Broken("closed by the client".into())),
        Err(error) if is_oversized(&error) => Err(format!("at most {MAX_CLIENT_MESSAGE_BYTES} bytes a message")),
        Err(error) => return Err(error.into()),
    };
    parsed.map(Some).map_err(End::bad_message)
}

/// axum hides the kind of error; its text is all there is.
fn is_oversized(error: &axum::Error) -> bool {
    let text = error.to_string();
    text.contains("too long") || text.contains("too big") || text.contains("Space limit exceeded")
}

fn close_code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::BadMessage | CloseReason::Unknown => 1008,
        CloseReason::Slow | CloseReason::Full => 1013,
        CloseReason::UnknownView => 4004,
        CloseReason::ShuttingDown => 1001,
        CloseReason::NewEpoch => 4001,
    }
}
