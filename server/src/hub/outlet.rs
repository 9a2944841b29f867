//! The sending half of a client's socket, and the workers that write to many of them.
//!
//! What a channel gets is written by a few workers to all sockets that take it at once. A socket that does not
//! is left to the task of its client, which waits for it, and rejoins the others once it has caught up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use protocol::message::CloseReason;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::encode::Message;
use super::ring::{Channel, Follower, News, Read};

/// How long a client may make no progress.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why no more can be sent.
#[derive(Debug)]
pub enum SendError {
    /// Nothing was taken for [`PATIENCE`].
    Slow,
    Broken(io::Error),
}

/// What a client must do that its workers cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has everything; the workers go on.
    CaughtUp,
    /// The ring has moved past it: it has everything up to this offset.
    Behind(u64),
    /// The channel is over.
    Closed(CloseReason),
}

/// Where a client is in its channel.
struct Place {
    follower: Follower,
    cursor: u64,
    /// What it has after everything before the cursor.
    position: u64,
}

#[derive(Default)]
struct Sending {
    place: Option<Place>,
    /// The end of what was written only in part.
    rest: Bytes,
    /// Whether the client's own task sends, and not the workers.
    is_held: bool,
    /// Whether a worker of the place's channel has it on its list.
    is_enrolled: bool,
}

impl Sending {
    /// Whether a message is the very next that it is to be sent.
    fn awaits(&self, news: &News) -> bool {
        self.rest.is_empty() && self.place.as_ref().is_some_and(|place| place.cursor == news.cursor)
    }
}

/// The sending half of a socket: whole frames, in order, from whoever has them.
pub struct Outlet {
    socket: Arc<TcpStream>,
    sending: Mutex<Sending>,
    held: Notify,
}

impl Outlet {
    /// Over a socket that is in the WebSocket protocol. Nothing is sent but what is said.
    #[must_use]
    pub fn new(socket: Arc<TcpStream>) -> Arc<Self> {
        let sending = Mutex::new(Sending { is_held: true, ..Sending::default() });
        Arc::new(Self { socket, sending, held: Notify::new() })
    }

    /// Sends bytes behind what is being sent: at once as far as the socket takes them.
    pub fn say(&self, bytes: &Bytes) {
        let mut sending = self.sending.lock();
        let all = if sending.rest.is_empty() {
            bytes.clone()
        } else {
            let mut rest = BytesMut::from(std::mem::take(&mut sending.rest));
            rest.extend_from_slice(bytes);
            rest.freeze()
        };
        if self.write(&mut sending, &all).is_err() || !sending.rest.is_empty() {
            self.hold(&mut sending);
        }
    }

    /// Takes a place in a channel. The client's task goes on sending until it has [caught up](Self::catch_up).
    pub fn follow(&self, follower: Follower, cursor: u64, position: u64) {
        let mut sending = self.sending.lock();
        let is_same = sending.place.as_ref().is_some_and(|place| place.follower.is_of(&follower));
        sending.is_enrolled &= is_same;
        sending.place = Some(Place { follower, cursor, position });
        sending.is_held = true;
    }

    /// Resolves when the client's task has to [catch up](Self::catch_up).
    pub async fn held(&self) {
        self.held.notified().await;
    }

    /// Sends what the channel has, at the pace of the socket.
    ///
    /// # Errors
    /// When the socket takes nothing for too long, or is broken.
    pub async fn catch_up(self: &Arc<Self>) -> Result<Turn, SendError> {
        loop {
            self.drain().await?;
            let mut sending = self.sending.lock();
            let sending = &mut *sending;
            sending.is_held = true;
            // Enrolled before the ring is read: what comes in later is the workers' to see.
            if let Some(place) = sending.place.as_ref().filter(|_| !sending.is_enrolled) {
                place.follower.enrol(self);
                sending.is_enrolled = true;
            }
            if let Some(turn) = self.send_news(sending).map_err(SendError::Broken)? {
                sending.is_held = turn != Turn::CaughtUp;
                return Ok(turn);
            }
        }
    }

    /// Sends the rest of what was said.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn drain(&self) -> Result<(), SendError> {
        loop {
            {
                let mut sending = self.sending.lock();
                let rest = std::mem::take(&mut sending.rest);
                self.write(&mut sending, &rest).map_err(SendError::Broken)?;
                if sending.rest.is_empty() {
                    return Ok(());
                }
            }
            let writable = timeout(PATIENCE, self.socket.writable()).await.map_err(|_| SendError::Slow)?;
            writable.map_err(SendError::Broken)?;
        }
    }

    /// A worker's turn: whether this client goes on following `channel` by it. What comes in behind `newest`
    /// gives the worker another turn.
    pub(super) fn serve(&self, channel: &Channel, newest: Option<&News>) -> bool {
        let mut sending = self.sending.lock();
        if !sending.place.as_ref().is_some_and(|place| place.follower.is_of(channel)) {
            return false;
        }
        let is_served = sending.is_held || {
            let sent = match newest {
                Some(news) if sending.awaits(news) => self.send(&mut sending, &news.message, news.until),
                _ => self.send_news(&mut sending),
            };
            matches!(sent, Ok(Some(Turn::CaughtUp)))
        };
        if !is_served {
            self.hold(&mut sending);
        }
        sending.is_enrolled = !sending.is_held;
        sending.is_enrolled
    }

    fn hold(&self, sending: &mut Sending) {
        sending.is_held = true;
        self.held.notify_one();
    }

    /// Writes what the ring has for this client; `None` when the socket takes no more.
    fn send_news(&self, sending: &mut Sending) -> io::Result<Option<Turn>> {
        while sending.rest.is_empty() {
            let Some(place) = &mut sending.place else { return Ok(Some(Turn::CaughtUp)) };
            match place.follower.read(place.cursor) {
                Read::Message(message, until) => drop(self.send(sending, &message, until)?),
                Read::Empty => return Ok(Some(Turn::CaughtUp)),
                Read::Behind => return Ok(Some(Turn::Behind(place.position))),
                Read::Closed(reason) => return Ok(Some(Turn::Closed(reason))),
            }
        }
        Ok(None)
    }

    /// Sends the next message of the ring; `None` when the socket takes no more.
    fn send(&self, sending: &mut Sending, message: &Message, until: u64) -> io::Result<Option<Turn>> {
        if let Some(place) = &mut sending.place {
            place.cursor += 1;
            place.position = place.position.max(until);
        }
        self.write(sending, message.bytes())?;
        Ok(sending.rest.is_empty().then_some(Turn::CaughtUp))
    }

    /// Writes as much as the socket takes; the rest is kept, also when the socket is broken.
    fn write(&self, sending: &mut Sending, bytes: &Bytes) -> io::Result<()> {
        let (mut count, mut written) = (0, Ok(()));
        while count < bytes.len() && written.is_ok() {
            written = self.socket.try_write(&bytes[count..]).map(|more| count += more);
        }
        sending.rest = if count < bytes.len() { bytes.slice(count..) } else { Bytes::new() };
        written.or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
            _ => Err(error),
        })
    }
}
