//! The task that owns every view that is watched: folds the log into them, cuts frames at ticks.

mod bucket;
mod encode;
mod outlet;
mod painting;
mod ring;
mod task;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use protocol::StreamPosition;
use protocol::message::{Mode, ViewName};
use protocol::view::ViewState;
use tokio::sync::{mpsc, oneshot};

pub use encode::{EncodeError, Message, encode};
pub use outlet::{Outlet, PATIENCE, SendError, Turn};
pub use ring::{Encoding, Follower, RingLimits};
pub use task::start;

/// Requests that may wait for the hub.
const QUEUE: usize = 4096;

/// How the hub runs.
#[derive(Debug, Clone, Copy)]
pub struct HubSettings {
    pub tick: Duration,
    /// Numbers of a view change at most this often.
    pub readout_interval: Duration,
    /// How long a request waits for its view, and a view for the history before its clients are sent away.
    pub patience: Duration,
    pub ring: RingLimits,
}

/// Why a view cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    #[error("there is no such view; known: {known}")]
    Unknown { known: String },
    /// It cannot be sent: somebody has to set something right first.
    #[error("the view cannot be sent: {0}")]
    Defect(String),
    /// It is not where it should be within a bound.
    #[error("this server is behind: {0}")]
    Behind(String),
    #[error("the server is stopping")]
    Stopped,
}

/// What a subscriber starts with, and where it goes on reading.
pub struct Subscription {
    pub epoch: u64,
    pub mode: Mode,
    pub resumed: bool,
    /// The snapshot or catch-up frame, and signals that still hold.
    pub first: Vec<Message>,
    /// What the client has after `first`.
    pub position: u64,
    pub follower: Follower,
    pub cursor: u64,
}

enum Request {
    Subscribe {
        view: ViewName,
        encoding: Encoding,
        resume: Option<StreamPosition>,
        reply: oneshot::Sender<Result<Subscription, ViewError>>,
    },
    Once {
        view: ViewName,
        reply: oneshot::Sender<Result<Arc<ViewState>, ViewError>>,
    },
}

/// A handle to the hub. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl Handle {
    /// Joins a view; waits until its state has been loaded and has reached `resume`.
    ///
    /// # Errors
    /// When there is no such view, or it does not get there.
    pub async fn subscribe(
        &self,
        view: ViewName,
        encoding: Encoding,
        resume: Option<StreamPosition>,
    ) -> Result<Subscription, ViewError> {
        self.ask(|reply| Request::Subscribe { view, encoding, resume, reply }).await
    }

    /// What a view shows now.
    ///
    /// # Errors
    /// When there is no such view, or it cannot be loaded.
    pub async fn view_once(&self, view: ViewName) -> Result<Arc<ViewState>, ViewError> {
        self.ask(|reply| Request::Once { view, reply }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, ViewError>>) -> Request,
    ) -> Result<T, ViewError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| ViewError::Stopped)?;
        answer.await.map_err(|_| ViewError::Stopped)?
    }
}
