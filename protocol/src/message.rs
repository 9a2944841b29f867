//! What client and server say to each other over `/live`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::change::Envelope;
use crate::change::{Body, Change, PaintedPanel};
use crate::{LayoutId, Timestamp, WallId};

/// Most bytes of one message from a client.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 64 * 1024;
/// Most bytes of a snapshot.
pub const MAX_SNAPSHOT_BYTES: usize = 4 * 1024 * 1024;

/// A place in a log: which log, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StreamPosition {
    /// Names the log; changes only when it was replaced or cut short.
    pub epoch: u64,
    pub offset: u64,
}

/// What a client wants to see: `{"wall": "main"}` or `{"layout": "overview"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewName {
    Wall(WallId),
    Layout(LayoutId),
}

/// Whether what is shown is now, then or make-believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Live,
    Replay,
    Rehearsal,
}

/// From a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Always the first.
    Hello(Hello),
    /// Asks for the server's clock; `t0` is the client's.
    Clock { t0: Timestamp },
}

/// Who is there and what it wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    pub view: ViewName,
    /// Which display of the wall this client drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Up to where it has everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<StreamPosition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// From the server. `C` is [`Change`], or [`PictureChange`](crate::change::PictureChange) for painted panels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[serde(bound(serialize = "C: Body", deserialize = "C: Body"))]
pub enum ServerMessage<C = Change> {
    Welcome(Welcome),
    /// Everything the view shows, up to `offset`.
    Snapshot {
        offset: u64,
        changes: Vec<Envelope<C>>,
    },
    Frame(Frame<C>),
    /// `t1` when the question came in, `t2` when the answer left, on the server's clock.
    Clock {
        t0: Timestamp,
        t1: Timestamp,
        t2: Timestamp,
    },
    /// Neither stored nor replayed.
    Signal(Signal),
    Bye(Bye),
    /// Of a type that is not known here: skipped and counted by its reader, never sent.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    pub epoch: u64,
    /// Whether frames go on from where the client was; else a snapshot follows.
    pub resumed: bool,
    pub server_time: Timestamp,
    pub mode: Mode,
}

/// One tick's changes to a view: the span `(since, until]` of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(serialize = "C: Body", deserialize = "C: Body"))]
pub struct Frame<C = Change> {
    pub since: u64,
    pub until: u64,
    /// When to show it, on the server's clock.
    pub present_at: Timestamp,
    pub changes: Vec<Envelope<C>>,
}

/// What passes: shown while it lasts, never kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// Whether the log can be written; since when it cannot.
    Log { away_since: Option<Timestamp> },
    /// Painted panels whose picture changed with time alone (a clock, a value grown old).
    Repainted { panels: Vec<PaintedPanel> },
    /// Of a kind that is not known here: skipped and counted by its reader, never sent.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

/// The server closes, and says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bye {
    pub reason: CloseReason,
    /// When it makes sense to come back.
    pub retry_after_ms: u32,
    /// What was wrong, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Malformed, too large, or not what was expected now.
    BadMessage,
    /// No progress for 30 s.
    Slow,
    /// No wall or layout of that name.
    UnknownView,
    /// The server stops.
    ShuttingDown,
    /// The log began anew; come back for a snapshot.
    NewEpoch,
    /// This server does not have the view up to where it should be; another one may.
    Behind,
    /// The view cannot be sent: somebody has to set something right first.
    Defect,
    /// Nobody knows who the client is, or it may not see this view.
    Denied,
    /// One that is not known here: a reader comes back as for any other, a server never says it.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}
