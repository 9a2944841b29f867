//! Routes, one per line.

pub mod accept;
mod live;

use axum::Router;
use axum::routing::get;

use crate::app::Shared;

/// All addresses of the server.
pub fn router(shared: Shared) -> Router {
    Router::new().route("/live", get(live::live)).with_state(shared)
}
