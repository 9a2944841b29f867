//! The socket: connects, resumes, and hands on whole messages over a bounded channel.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::message::{Bye, Hello, MAX_SNAPSHOT_BYTES, Signal};
use protocol::{ClientMessage, CloseReason, Envelope, Frame, ServerMessage, StreamPosition, Timestamp, ViewName};
use rand::Rng;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::clock::{ClockEstimate, LocalClock, ServerClock};
use crate::config::Server;
use crate::follow::{Follow, FollowError, Verdict};

/// Silence of this length is a lost link.
pub const SILENCE: Duration = Duration::from_secs(2);
/// Reconnects are at most this far apart.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// For connecting and for the answer to the hello.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Questions for the clock: a few close together, then one now and then.
const CLOCK_BURST: (u32, Duration) = (5, Duration::from_millis(60));
const CLOCK_INTERVAL: Duration = Duration::from_secs(2);
/// After so many conversations in a row that were welcomed and brought nothing, a snapshot is asked for.
const FRUITLESS_RESUMES: u32 = 3;
/// Messages that may wait for the render thread.
pub const QUEUE: usize = 256;
/// Room for the envelope of a snapshot.
const MAX_MESSAGE_BYTES: usize = MAX_SNAPSHOT_BYTES + 64 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the render thread is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// The server answered and will go on from where we were.
    Resumed(StreamPosition),
    /// Everything the view shows: replaces all there was.
    Snapshot {
        position: StreamPosition,
        changes: Vec<Envelope>,
    },
    /// A frame that joins what came before; changes up to `after` are known already.
    Frame {
        frame: Frame,
        after: u64,
        heard: Timestamp,
    },
    /// Nothing was heard since then, by the clock of this machine.
    Lost {
        since: Timestamp,
    },
    Clock(ClockEstimate),
    /// Whether the server's log can be written; server time.
    Log {
        away_since: Option<Timestamp>,
    },
    Bye(Bye),
    /// Frames did not join.
    Gap {
        position: u64,
        since: u64,
    },
}

/// Where inbound messages go; `wake` tells a render thread that waits for something else.
#[derive(Clone)]
pub struct Outlet {
    pub messages: mpsc::Sender<Inbound>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outlet {
    async fn send(&self, message: Inbound) -> Result<(), Ended> {
        self.messages.send(message).await.map_err(|_| Ended::NobodyListens)?;
        (self.wake)();
        Ok(())
    }
}

/// What to ask for.
#[derive(Debug, Clone)]
pub struct Wish {
    pub servers: Vec<Server>,
    pub view: ViewName,
    pub display: Option<String>,
    pub token: Option<String>,
}

/// Why a conversation ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Socket(Box<tungstenite::Error>),
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    NoAnswer,
    #[error("nothing was heard for {} s", SILENCE.as_secs())]
    Silence,
    #[error("the server closed the connection")]
    Closed,
    #[error("the server said goodbye: {:?}{}", .0.reason, .0.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default())]
    Bye(Bye),
    #[error("frames do not join: have up to {position}, the next begins after {since}")]
    Gap { position: u64, since: u64 },
    #[error("{0}")]
    Follow(#[from] FollowError),
    #[error("a message could not be read: {0}")]
    Unreadable(#[from] rmp_serde::decode::Error),
    #[error("a question could not be written: {0}")]
    Unwritable(#[from] rmp_serde::encode::Error),
    #[error("the token or address cannot be sent: {0}")]
    BadHeader(#[from] tungstenite::http::header::InvalidHeaderValue),
    #[error("nobody listens any more")]
    NobodyListens,
}

impl From<tungstenite::Error> for Ended {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

/// Keeps one connection up until nobody listens any more.
pub async fn run(wish: Wish, clock: LocalClock, outlet: Outlet) {
    let mut connection = Connection {
        outlet,
        clock,
        server_clock: ServerClock::default(),
        told: ClockEstimate::default(),
        follow: Follow::default(),
        heard: Instant::now(),
        is_lost: false,
        reached: Reached::Nobody,
        fruitless: 0,
        unknown: 0,
        server: 0,
    };
    let mut attempt = 0_u32;
    loop {
        let ended = connection.converse(&wish).await;
        if matches!(ended, Ended::NobodyListens) {
            return;
        }
        attempt = if connection.reached == Reached::News { 0 } else { attempt.saturating_add(1) };
        let pause = pause(attempt, &ended);
        tracing::warn!(reason = %ended, pause_ms = pause.as_millis(), "the connection ended");
        if connection.watching_silence(sleep(pause)).await.is_err() {
            return;
        }
    }
}

/// Full jitter, at most [`LONGEST_PAUSE`]; not before the server wants to see us.
fn pause(attempt: u32, ended: &Ended) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_PAUSE);
    let jittered = longest.mul_f64(rand::rng().random());
    match ended {
        Ended::Bye(bye) => {
            let asked = Duration::from_millis(u64::from(bye.retry_after_ms));
            (asked + jittered).min(LONGEST_PAUSE)
        }
        _ => jittered,
    }
}

/// How far a conversation got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Nobody,
    Welcome,
    /// A snapshot, or a frame that joins.
    News,
}

struct Connection {
    outlet: Outlet,
    clock: LocalClock,
    server_clock: ServerClock,
    told: ClockEstimate,
    follow: Follow,
    /// When the server was last heard.
    heard: Instant,
    is_lost: bool,
    reached: Reached,
    /// Conversations in a row that were welcomed and brought nothing: the position may be to blame. A server
    /// that is away or refuses says nothing about the position.
    fruitless: u32,
    /// What this wall is too old for.
    unknown: u64,
    /// Which of the servers answers now.
    server: usize,
}

impl Connection {
    /// One conversation, from the hello to its end.
    async fn converse(&mut self, wish: &Wish) -> Ended {
        if self.fruitless >= FRUITLESS_RESUMES {
            self.follow.forget();
        }
        self.reached = Reached::Nobody;
        let ended = match self.try_converse(wish).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        };
        self.fruitless = match self.reached {
            Reached::Nobody => self.fruitless,
            Reached::Welcome => self.fruitless.saturating_add(1),
            Reached::News => 0,
        };
        if self.reached != Reached::News && wish.servers.len() > 1 {
            self.server = (self.server + 1) % wish.servers.len();
            if let Err(ended) = self.distrust_clock().await {
                return ended;
            }
        }
        ended
    }

    /// Another server has a clock of its own: frames are presented at once until that one is known.
    async fn distrust_clock(&mut self) -> Result<(), Ended> {
        self.server_clock.restart();
        if !self.told.is_good {
            return Ok(());
        }
        self.told.is_good = false;
        self.outlet.send(Inbound::Clock(self.told)).await
    }

    async fn try_converse(&mut self, wish: &Wish) -> Result<std::convert::Infallible, Ended> {
        let connect = timeout(ANSWER_TIMEOUT, open(wish, self.server));
        let mut socket = self.watching_silence(connect).await?.map_err(|_| Ended::NoAnswer)??;
        let hello = ClientMessage::Hello(Hello {
            view: wish.view.clone(),
            display: wish.display.clone(),
            resume: self.follow.position(),
            token: wish.token.clone(),
        });
        say(&mut socket, &hello).await?;
        let first =
            self.watching_silence(timeout(ANSWER_TIMEOUT, next(&mut socket))).await?.map_err(|_| Ended::NoAnswer)??;
        self.heard = Instant::now();
        self.take(first).await?;
        let (mut questions, mut ask_at) = (0, Instant::now());
        loop {
            let message = tokio::select! {
                message = timeout_at(self.heard + SILENCE, next(&mut socket)) => message,
                () = sleep_until(ask_at) => {
                    say(&mut socket, &ClientMessage::Clock { t0: self.clock.now() }).await?;
                    questions += 1;
                    ask_at = Instant::now() + if questions < CLOCK_BURST.0 { CLOCK_BURST.1 } else { CLOCK_INTERVAL };
                    continue;
                }
            };
            let Ok(message) = message else {
                self.lose().await?;
                return Err(Ended::Silence);
            };
            self.heard = Instant::now();
            self.take(message?).await?;
        }
    }

    async fn take(&mut self, message: ServerMessage) -> Result<(), Ended> {
        match message {
            ServerMessage::Welcome(welcome) => {
                self.follow.welcome(&welcome)?;
                self.reached = Reached::Welcome;
                self.server_clock.welcome(welcome.server_time, self.clock.at(self.heard.into_std()));
                self.tell_clock().await?;
                tracing::info!(epoch = welcome.epoch, resumed = welcome.resumed, "connected");
                match self.follow.position() {
                    Some(position) => self.outlet.send(Inbound::Resumed(position)).await?,
                    None => return Ok(()),
                }
                self.is_lost = false;
            }
            ServerMessage::Snapshot { offset, changes } => {
                let position = self.follow.snapshot(offset)?;
                self.count_unknown_changes(&changes);
                self.reached = Reached::News;
                self.is_lost = false;
                self.outlet.send(Inbound::Snapshot { position, changes }).await?;
            }
            ServerMessage::Frame(frame) => self.take_frame(frame).await?,
            ServerMessage::Clock { t0, t1, t2 } => {
                self.server_clock.answer(t0, t1, t2, self.clock.at(self.heard.into_std()));
                self.tell_clock().await?;
            }
            ServerMessage::Signal(Signal::Log { away_since }) => self.outlet.send(Inbound::Log { away_since }).await?,
            // These are for other kinds of clients.
            ServerMessage::Signal(Signal::Repainted { .. }) => {}
            ServerMessage::Signal(Signal::Unknown) => self.count_unknown("signal", 1),
            ServerMessage::Unknown => self.count_unknown("message", 1),
            ServerMessage::Bye(bye) => {
                if bye.reason == CloseReason::NewEpoch {
                    self.follow.forget();
                }
                self.outlet.send(Inbound::Bye(bye.clone())).await?;
                return Err(Ended::Bye(bye));
            }
        }
        Ok(())
    }

    async fn take_frame(&mut self, frame: Frame) -> Result<(), Ended> {
        match self.follow.frame(&frame)? {
            Verdict::Apply { after } => {
                self.count_unknown_changes(&frame.changes);
                self.reached = Reached::News;
                let heard = self.clock.at(self.heard.into_std());
                self.outlet.send(Inbound::Frame { frame, after, heard }).await
            }
            Verdict::Known => {
                self.reached = Reached::News;
                Ok(())
            }
            Verdict::Gap { position, since } => {
                self.outlet.send(Inbound::Gap { position, since }).await?;
                Err(Ended::Gap { position, since })
            }
        }
    }

    fn count_unknown_changes(&mut self, changes: &[Envelope]) {
        self.count_unknown("change", changes.iter().filter(|envelope| envelope.change.is_none()).count());
    }

    /// What this wall is too old for is skipped and counted.
    fn count_unknown(&mut self, what: &str, count: usize) {
        if count > 0 {
            self.unknown += count as u64;
            tracing::warn!(
                what,
                count,
                total = self.unknown,
                "something of an unknown kind was skipped; this wall is older than the server"
            );
        }
    }

    async fn tell_clock(&mut self) -> Result<(), Ended> {
        match self.server_clock.estimate() {
            // A rough guess does not replace a good one.
            Some(estimate) if estimate != self.told && (estimate.is_good || !self.told.is_good) => {
                self.told = estimate;
                self.outlet.send(Inbound::Clock(estimate)).await
            }
            _ => Ok(()),
        }
    }

    async fn lose(&mut self) -> Result<(), Ended> {
        self.is_lost = true;
        self.outlet.send(Inbound::Lost { since: self.clock.at(self.heard.into_std()) }).await
    }

    /// Does `work`, and says so when the server has been silent for too long meanwhile.
    async fn watching_silence<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep_until(self.heard + SILENCE), if !self.is_lost => self.lose().await?,
            }
        }
    }
}

async fn open(wish: &Wish, server: usize) -> Result<Socket, Ended> {
    let Some(server) = wish.servers.get(server) else { return Err(Ended::Closed) };
    let mut request = server.live.as_str().into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol::SUBPROTOCOL_MSGPACK));
    if let Some(token) = &wish.token {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
    }
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES)).max_frame_size(Some(MAX_MESSAGE_BYTES));
    let (socket, _) = connect_async_with_config(request, Some(config), true).await?;
    Ok(socket)
}

async fn say(socket: &mut Socket, message: &ClientMessage) -> Result<(), Ended> {
    let bytes = rmp_serde::to_vec_named(message)?;
    timeout(ANSWER_TIMEOUT, socket.send(Message::Binary(bytes.into()))).await.map_err(|_| Ended::NoAnswer)??;
    Ok(())
}

/// The next message that is one of ours.
async fn next(socket: &mut Socket) -> Result<ServerMessage, Ended> {
    loop {
        match socket.next().await.ok_or(Ended::Closed)?? {
            Message::Binary(bytes) => return Ok(rmp_serde::from_slice(&bytes)?),
            Message::Close(_) => return Err(Ended::Closed),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_jitter_and_never_pass_five_seconds() {
        let mut longest = Duration::ZERO;
        for attempt in 0..40 {
            let pause = pause(attempt, &Ended::Closed);
            assert!(
                pause <= LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(attempt)),
                "attempt {attempt}: {pause:?}"
            );
            longest = longest.max(pause);
        }
        assert!(longest > Duration::from_secs(2), "late attempts are seconds apart, not {longest:?} at most");
    }

    #[test]
    fn the_server_is_not_asked_before_it_wants_to() {
        let bye = Bye { reason: CloseReason::ShuttingDown, retry_after_ms: 1_500, detail: None };
        let pause = pause(0, &Ended::Bye(bye));
        assert!(pause >= Duration::from_millis(1_500) && pause <= LONGEST_PAUSE, "{pause:?}");
    }
}
