//! `GET /live`: one WebSocket a client, one small task each. What a channel gets, its workers write
//! (see [`Outlet`]); the task reads what the client says, answers, and waits for a socket that takes no more.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::message::{Bye, ClientMessage, CloseReason, Hello, MAX_CLIENT_MESSAGE_BYTES, ViewName, Welcome};
use protocol::{
    Change, SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, SUBPROTOCOL_SVG, ServerMessage, StreamPosition, Timestamp,
};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::accept::{Seat, stopped};
use super::access::{self, Caller, Who};
use super::problem::Problem;
use crate::app::Shared;
use crate::hub::{self, EncodeError, Encoding, Outlet, SendError, Subscription, Turn, ViewError, encode};

/// How long a client may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a view may take to reach what a client has.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may take to hear why it is sent away, and to go.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often it is looked whether a client may still be here.
const LOOK_AGAIN: Duration = Duration::from_secs(4);
/// A small buffer: thousands of clients are mostly silent.
const READ_BUFFER_BYTES: usize = 512;
/// What the kernel may hold for a client: one that is slow is to catch up, not to get minutes of old frames first.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Upgrades to one of the three subprotocols.
pub async fn live(
    State(shared): State<Shared>,
    Extension(seat): Extension<Seat>,
    mut request: Request,
) -> Result<Response, Problem> {
    let mut response = create_response_with_body(&request, Body::empty)
        .map_err(|error| Problem::bad_request(format!("not a request for a WebSocket: {error}")))?;
    let (subprotocol, encoding) = chosen(request.headers())?;
    // Who says nothing here may say it with hello: a browser's WebSocket has no headers of its own.
    let caller = access::identify_if_said(&shared, &request)?;
    caller.as_ref().map_or(Ok(()), Caller::check_live)?;
    let from = access::from(request.extensions());
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let clients = metrics::gauge!("ioc_clients", "encoding" => encoding.name());
        clients.increment(1.0);
        if let Err(End::Broken(error)) = converse(upgrade, encoding, (caller, from), shared).await {
            tracing::debug!(error, "a client is gone");
        }
        clients.decrement(1.0);
        drop(seat);
    });
    Ok(response)
}

/// The first of our subprotocols that the client knows.
fn chosen(headers: &HeaderMap) -> Result<(&'static str, Encoding), Problem> {
    let offered: Vec<&str> = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(',').map(str::trim))
        .collect();
    let known = [
        (SUBPROTOCOL_MSGPACK, Encoding::Msgpack),
        (SUBPROTOCOL_JSON, Encoding::Json),
        (SUBPROTOCOL_SVG, Encoding::Svg),
    ];
    known.into_iter().find(|(name, _)| offered.contains(name)).ok_or_else(|| {
        let names = known.map(|(name, _)| name).join(", ");
        Problem::bad_request(format!("Sec-WebSocket-Protocol must name one of {names}"))
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

    fn denied(problem: Problem) -> Self {
        let (reason, detail) = (CloseReason::Denied, Some(problem.detail().to_owned()));
        Self::Bye { reason, retry_after_ms: 10_000, detail }
    }

    fn sent_away(reason: CloseReason) -> Self {
        let retry_after_ms = if reason == CloseReason::NewEpoch { 100 } else { 1000 };
        Self::Bye { reason, retry_after_ms, detail: None }
    }

    fn shutting_down() -> Self {
        Self::Bye { reason: CloseReason::ShuttingDown, retry_after_ms: 500, detail: None }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::bad_message(format!("at most {MAX_CLIENT_MESSAGE_BYTES} bytes a message")),
            Error::Protocol(_) | Error::Utf8(_) => Self::bad_message(error.to_string()),
            error => Self::Broken(error.to_string()),
        }
    }
}

impl From<SendError> for End {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Slow => Self::Bye {
                reason: CloseReason::Slow,
                retry_after_ms: 1000,
                detail: Some(format!("no progress for {} s", hub::PATIENCE.as_secs())),
            },
            SendError::Broken(error) => Self::Broken(error.to_string()),
        }
    }
}

impl From<EncodeError> for End {
    fn from(error: EncodeError) -> Self {
        tracing::error!(%error, "a client is sent away");
        Self::Bye { reason: CloseReason::Defect, retry_after_ms: 5000, detail: Some(error.to_string()) }
    }
}

async fn converse(
    upgrade: OnUpgrade,
    encoding: Encoding,
    (caller, from): (Option<Caller>, Option<IpAddr>),
    shared: Shared,
) -> Result<(), End> {
    let upgraded = upgrade.await.map_err(|error| End::Broken(error.to_string()))?;
    let mut client = Client { caller: caller.map(Box::new), ..Client::over(upgraded, encoding, shared)? };
    // What happens once is boxed, so that thousands of idle clients do not keep room for it.
    let end = match Box::pin(client.join(from)).await {
        Ok(view) => client.attend(&view).await,
        Err(end) => end,
    };
    Box::pin(client.leave(&end)).await;
    Err(end)
}

/// What a client says, read without blocking. What the protocol answers by itself goes to `said`.
struct Ear {
    socket: Arc<TcpStream>,
    said: Vec<u8>,
}

impl Read for Ear {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buffer)
    }
}

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Client {
    ear: Ear,
    websocket: WebSocketContext,
    outlet: Arc<Outlet>,
    epoch: u64,
    encoding: Encoding,
    stopping: watch::Receiver<bool>,
    shared: Shared,
    /// Nobody until hello.
    caller: Option<Box<Caller>>,
}

impl Client {
    fn over(upgraded: Upgraded, encoding: Encoding, shared: Shared) -> Result<Self, End> {
        let parts = upgraded
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| End::Broken("the connection is not over a socket of ours".to_owned()))?;
        let socket = Arc::new(parts.io.into_inner());
        if let Err(error) = SockRef::from(&*socket).set_send_buffer_size(SEND_BUFFER_BYTES) {
            tracing::debug!(%error, "a socket keeps its send buffer");
        }
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_CLIENT_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_CLIENT_MESSAGE_BYTES));
        Ok(Self {
            ear: Ear { socket: Arc::clone(&socket), said: Vec::new() },
            websocket: WebSocketContext::from_partially_read(parts.read_buf.into(), Role::Server, Some(limits)),
            outlet: Outlet::new(socket),
            epoch: 0,
            encoding,
            stopping: shared.stopping.clone(),
            shared,
            caller: None,
        })
    }

    /// From hello to the first picture.
    async fn join(&mut self, from: Option<IpAddr>) -> Result<ViewName, End> {
        let hello =
            timeout(HELLO_TIMEOUT, self.hello()).await.map_err(|_| End::bad_message("say hello within 10 s"))??;
        if self.caller.is_none() {
            self.caller = Some(Box::new(self.introduced(&hello, from)?));
        }
        self.caller.as_ref().map_or(Ok(()), |caller| caller.check_view(&hello.view)).map_err(End::denied)?;
        let subscription = subscribe(&self.shared, self.encoding, hello.view.clone(), hello.resume).await?;
        let welcome = Welcome {
            epoch: subscription.epoch,
            resumed: subscription.resumed,
            server_time: self.shared.clock.now(),
            mode: subscription.mode,
        };
        self.say(&ServerMessage::<Change>::Welcome(welcome))?;
        self.follow(subscription);
        self.catch_up(&hello.view).await?;
        Ok(hello.view)
    }

    /// Who the client is by the token of its hello.
    fn introduced(&self, hello: &Hello, from: Option<IpAddr>) -> Result<Caller, End> {
        let token = hello.token.as_deref().ok_or_else(|| {
            End::denied(access::unauthorized("sign in, or give a token with hello or as 'Authorization: Bearer …'"))
        })?;
        let people = Arc::clone(&self.shared.centre.borrow().people);
        let token = access::token(&people, token, self.shared.clock.now()).map_err(End::denied)?;
        let caller = Caller { who: Who::Token(token), from };
        caller.check_live().map_err(End::denied)?;
        Ok(caller)
    }

    /// Whether what let the client in is still good.
    fn is_let_in(&self) -> bool {
        let Some(caller) = &self.caller else { return false };
        let people = Arc::clone(&self.shared.centre.borrow().people);
        caller.is_good(&people, self.shared.clock.now())
    }

    async fn hello(&mut self) -> Result<Hello, End> {
        loop {
            let message = self.next().await?;
            match parse(self.encoding, message)? {
                Some(ClientMessage::Hello(hello)) => return Ok(hello),
                Some(ClientMessage::Clock { .. }) => return Err(End::bad_message("the first message must be hello")),
                None => {}
            }
        }
    }

    /// Until something ends it.
    async fn attend(&mut self, view: &ViewName) -> End {
        let mut looked = Instant::now();
        loop {
            if looked.elapsed() >= LOOK_AGAIN {
                looked = Instant::now();
                if !self.is_let_in() {
                    return End::denied(access::unauthorized("what let you in is good no more; sign in again"));
                }
            }
            let outlet = Arc::clone(&self.outlet);
            let mut stopping = self.stopping.clone();
            let done = tokio::select! {
                biased;
                () = stopped(&mut stopping) => return End::shutting_down(),
                () = outlet.held() => Box::pin(self.catch_up(view)).await,
                () = sleep_until(looked + LOOK_AGAIN) => Ok(()),
                message = self.next() => message.and_then(|message| self.answer(message)),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    fn follow(&mut self, subscription: Subscription) {
        self.epoch = subscription.epoch;
        for message in &subscription.first {
            self.outlet.say(message.bytes());
        }
        self.outlet.follow(subscription.follower, subscription.cursor, subscription.position);
    }

    /// Sends what there is at the pace of the socket; one that fell out of the ring joins anew.
    async fn catch_up(&mut self, view: &ViewName) -> Result<(), End> {
        let mut stopping = self.stopping.clone();
        loop {
            let turn = tokio::select! {
                turn = self.outlet.catch_up() => turn?,
                () = stopped(&mut stopping) => return Err(End::shutting_down()),
            };
            match turn {
                Turn::CaughtUp => return Ok(()),
                Turn::Closed(reason) => return Err(End::sent_away(reason)),
                Turn::Behind(offset) => {
                    metrics::counter!("ioc_clients_behind_total").increment(1);
                    let position = StreamPosition { epoch: self.epoch, offset };
                    let subscription = subscribe(&self.shared, self.encoding, view.clone(), Some(position)).await?;
                    if !subscription.resumed {
                        return Err(End::sent_away(CloseReason::NewEpoch));
                    }
                    self.follow(subscription);
                }
            }
        }
    }

    /// What the client says next. Nothing is lost when this is not waited for to the end.
    async fn next(&mut self) -> Result<Message, End> {
        loop {
            let read = self.websocket.read(&mut self.ear);
            if !self.ear.said.is_empty() {
                self.outlet.say(&std::mem::take(&mut self.ear.said).into());
            }
            match read {
                Ok(message) => return Ok(message),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            self.ear.socket.readable().await.map_err(|error| End::Broken(error.to_string()))?;
        }
    }

    fn answer(&mut self, message: Message) -> Result<(), End> {
        let t1 = self.shared.clock.now();
        match parse(self.encoding, message)? {
            Some(ClientMessage::Clock { t0 }) => self.say_clock(t0, t1),
            Some(ClientMessage::Hello(_)) => {
                Err(End::bad_message("hello may be said only once; open another connection for another view"))
            }
            None => Ok(()),
        }
    }

    fn say_clock(&self, t0: Timestamp, t1: Timestamp) -> Result<(), End> {
        let t2 = self.shared.clock.now();
        self.say(&ServerMessage::<Change>::Clock { t0, t1, t2 })
    }

    fn say(&self, message: &ServerMessage) -> Result<(), End> {
        self.outlet.say(encode(self.encoding, message)?.bytes());
        Ok(())
    }

    /// Tells the client why, and waits a moment for it to go, so that it reads that before the connection breaks.
    async fn leave(&mut self, end: &End) {
        let End::Bye { reason, retry_after_ms, detail } = end else { return };
        let bye = Bye { reason: *reason, retry_after_ms: *retry_after_ms, detail: detail.clone() };
        let farewell = async {
            self.say(&ServerMessage::<Change>::Bye(bye))?;
            self.outlet.say(hub::Message::close(close_code(*reason))?.bytes());
            self.outlet.drain().await?;
            drop(SockRef::from(&*self.ear.socket).shutdown(std::net::Shutdown::Write));
            let mut rest = [0; 1024];
            loop {
                self.ear.socket.readable().await.map_err(SendError::Broken)?;
                match self.ear.socket.try_read(&mut rest) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    _ => return Ok::<_, End>(()),
                }
            }
        };
        if timeout(FAREWELL_TIMEOUT, farewell).await.is_err() {
            tracing::debug!("a client did not take its farewell");
        }
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
            Err(End::Bye { reason: CloseReason::Defect, retry_after_ms: 5000, detail: Some(detail) })
        }
        Ok(Err(ViewError::Behind(detail))) => {
            Err(End::Bye { reason: CloseReason::Behind, retry_after_ms: 1000, detail: Some(detail) })
        }
        Err(_) => {
            let detail = "this server does not answer in time; another one may".to_owned();
            Err(End::Bye { reason: CloseReason::Behind, retry_after_ms: 1000, detail: Some(detail) })
        }
    }
}

/// `None` for what needs no answer.
fn parse(encoding: Encoding, message: Message) -> Result<Option<ClientMessage>, End> {
    let parsed = match message {
        Message::Text(text) if encoding != Encoding::Msgpack => {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        }
        Message::Binary(bytes) if encoding == Encoding::Msgpack => {
            rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())
        }
        Message::Text(_) => Err("this subprotocol takes binary messages (msgpack)".to_owned()),
        Message::Binary(_) => Err("this subprotocol takes text messages (JSON)".to_owned()),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        Message::Close(_) => return Err(End::Broken("closed by the client".into())),
    };
    parsed.map(Some).map_err(End::bad_message)
}

fn close_code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::BadMessage | CloseReason::Unknown | CloseReason::Denied => 1008,
        CloseReason::Slow | CloseReason::Behind => 1013,
        CloseReason::Defect => 1011,
        CloseReason::UnknownView => 4004,
        CloseReason::ShuttingDown => 1001,
        CloseReason::NewEpoch => 4001,
    }
}
