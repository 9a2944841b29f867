//! What is said between sources, servers, walls and browsers of an operations centre.
//!
//! # The conversation
//!
//! Everything that happens is an [`Event`](event::Event) in one log, at an offset. A reader folds the
//! log into the [`ViewState`](view::ViewState) of what it shows. Clients do not get the log: they get
//! [`Change`](change::Change)s, which a server derives from events for one *view* (a wall or a layout).
//!
//! A client opens `/live` and speaks first:
//!
//! 1. `hello` names the view and, when it was here before, the position it has reached.
//! 2. `welcome` tells the epoch, the server's time and whether the client was resumed. A client that was
//!    not resumed gets a `snapshot`: every change that [`replicate`](view::ViewState::replicate) gives.
//! 3. `frame`s follow. A frame covers the span `(since, until]` of the log and is applied whole.
//! 4. `bye` comes before every close that the server decides.
//!
//! Whoever reads skips fields, kinds of changes and signals, and types of messages that it does not know, so that
//! an old wall keeps working with a newer server; what it knows and cannot read is an error.
//!
//! The law that all of this stands on: applying `replicate(s)` to an empty state gives `s`.
//!
//! This crate does no I/O, reads no clock and knows no transport.

pub mod alarm;
pub mod area;
pub mod change;
pub mod command;
pub mod day;
pub mod derivation;
pub mod document;
pub mod event;
pub mod id;
pub mod image;
pub mod layout;
pub mod map;
pub mod message;
pub mod observation;
pub mod person;
pub mod records;
pub mod session;
pub mod source;
pub mod task;
pub mod time;
pub mod view;
pub mod wall;

pub use alarm::Alarm;
pub use area::{Agency, Area, Catalogue};
pub use change::Change;
pub use command::Command;
pub use day::Day;
pub use derivation::Derivation;
pub use document::Document;
pub use event::Event;
pub use id::{
    AccountId, AgencyId, AlarmId, AreaId, DocumentId, ImageId, IndicatorId, LayerId, LayoutId, MapId, PanelId, RuleId,
    SessionId, SourceId, TaskId, TokenId, WallId,
};
pub use image::Image;
pub use layout::{Layout, PanelSpec, Place};
pub use map::{BaseMap, MapLayer};
pub use message::{ClientMessage, CloseReason, Envelope, Frame, ServerMessage, StreamPosition, ViewName};
pub use observation::{Indicator, Observation, ObservationStatus, Scenario, SeriesKey};
pub use records::{RecordKind, Records};
pub use session::Session;
pub use source::{SourceHealth, SourceInfo, SourceState};
pub use task::Task;
pub use time::Timestamp;
pub use view::ViewState;
pub use wall::{Canvas, Display, Room, Wall};

/// The subprotocols of `/live`, best first.
pub const SUBPROTOCOL_MSGPACK: &str = "ioc.v1.msgpack";
/// JSON text frames with the same shapes.
pub const SUBPROTOCOL_JSON: &str = "ioc.v1.json";
/// JSON text frames that carry painted panels instead of numbers.
pub const SUBPROTOCOL_SVG: &str = "ioc.v1.svg";
