//! A channel: the newest encoded messages of one view in one encoding, shared by all its subscribers.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use protocol::message::CloseReason;
use tokio::sync::watch;

use super::encode::Message;
use super::outlet::Outlet;
use super::workers::Workers;

/// How subscribers get their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    Msgpack,
    Json,
    /// JSON with painted panels.
    Svg,
}

impl Encoding {
    /// The label of metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Msgpack => "msgpack",
            Self::Json => "json",
            Self::Svg => "svg",
        }
    }
}

/// What a ring may hold.
#[derive(Debug, Clone, Copy)]
pub struct RingLimits {
    pub bytes: usize,
    pub age: Duration,
}

struct Slot {
    message: Message,
    /// The offset a client has everything up to after it.
    until: u64,
    pushed: Instant,
}

#[derive(Default)]
struct Slots {
    /// The sequence number of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    bytes: usize,
    position: u64,
    closed: Option<CloseReason>,
}

/// A bounded ring of encoded messages. Subscribers are cursors into it.
pub struct Channel {
    slots: RwLock<Slots>,
    newest: watch::Sender<u64>,
    limits: RingLimits,
    followers: AtomicUsize,
    workers: Workers,
}

/// One who follows a channel, and is counted for as long.
pub struct Follower(Arc<Channel>);

/// What a cursor finds.
pub enum Read {
    /// The message and the offset that the client then has.
    Message(Message, u64),
    /// Nothing new.
    Empty,
    /// The ring has moved past the cursor.
    Behind,
    /// Nothing comes here any more: whoever reads is told why and comes back.
    Closed(CloseReason),
}

/// A message and its place in a ring.
pub(super) struct News {
    pub cursor: u64,
    pub message: Message,
    /// The offset that a client has everything up to after it.
    pub until: u64,
}

impl Channel {
    /// An empty ring.
    #[must_use]
    pub fn new(limits: RingLimits) -> Arc<Self> {
        Arc::new(Self {
            slots: RwLock::default(),
            newest: watch::Sender::new(0),
            limits,
            followers: AtomicUsize::new(0),
            workers: Workers::default(),
        })
    }

    /// Puts a message behind the others and wakes the subscribers.
    pub fn push(&self, message: Message, until: u64) {
        let now = Instant::now();
        let bytes = message.bytes().len();
        let next = {
            let mut ring = self.slots.write();
            ring.slots.push_back(Slot { message, until, pushed: now });
            ring.bytes += bytes;
            ring.position = until;
            while ring.slots.len() > 1
                && ring
                    .slots
                    .front()
                    .is_some_and(|oldest| ring.bytes > self.limits.bytes || now - oldest.pushed > self.limits.age)
            {
                if let Some(dropped) = ring.slots.pop_front() {
                    ring.bytes -= dropped.message.bytes().len();
                    ring.first += 1;
                }
            }
            ring.first + ring.slots.len() as u64
        };
        self.newest.send_replace(next);
    }

    /// The sequence number that the next message will have.
    #[must_use]
    pub fn next(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Told at each push.
    #[cfg(test)]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The offset that a client has everything up to after the newest message.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.slots.read().position
    }

    /// Sends everyone away.
    pub fn close(&self, reason: CloseReason) {
        self.slots.write().closed = Some(reason);
        self.newest.send_modify(|next| *next += 1);
    }

    /// Counts one more follower.
    #[must_use]
    pub fn follow(self: &Arc<Self>) -> Follower {
        self.followers.fetch_add(1, Ordering::Relaxed);
        Follower(Arc::clone(self))
    }

    /// How many followers there are.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// The message at `cursor`.
    #[must_use]
    pub fn read(&self, cursor: u64) -> Read {
        let ring = self.slots.read();
        if let Some(reason) = ring.closed {
            return Read::Closed(reason);
        }
        let Some(index) = cursor.checked_sub(ring.first) else { return Read::Behind };
        match usize::try_from(index).ok().and_then(|index| ring.slots.get(index)) {
            Some(slot) => Read::Message(slot.message.clone(), slot.until),
            None => Read::Empty,
        }
    }

    /// The message at `cursor`, to be sent to everyone who is there.
    pub(super) fn news(&self, cursor: u64) -> Option<News> {
        match self.read(cursor) {
            Read::Message(message, until) => Some(News { cursor, message, until }),
            Read::Empty | Read::Behind | Read::Closed(_) => None,
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.read().bytes
    }
}

impl Follower {
    /// Whether it follows this very channel.
    #[must_use]
    pub fn is_of(&self, channel: &Channel) -> bool {
        std::ptr::eq(&*self.0, channel)
    }

    /// Lets a worker of the channel send to an outlet from the next message on.
    pub(super) fn enrol(&self, outlet: &Arc<Outlet>) {
        self.0.workers.enrol(&self.0, self.0.newest.subscribe(), outlet);
    }
}

impl Deref for Follower {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.followers.fetch_sub(1, Ordering::Relaxed);
    }
}
