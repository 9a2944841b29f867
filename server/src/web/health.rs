//! Whether the server lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::app::Shared;

/// How many entries the history may be behind the log of a server that is ready.
const MAX_LAG: u64 = 10_000;

/// Answers as long as the process does.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// How far the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    ready: bool,
    /// Names the log.
    epoch: u64,
    /// The newest entry of the log that is served.
    offset: u64,
    log: LogReadiness,
    history: HistoryReadiness,
    /// Entries that were acknowledged and that a log which was cut short no longer has.
    losses: Vec<String>,
}

/// Whether the log can be written.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogReadiness {
    writable: bool,
    /// Since when it cannot, in microseconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    away_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// How far the history is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryReadiness {
    offset: u64,
    /// How many entries it is behind the log.
    behind: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Whether the log can be written and the history keeps up; 503 with the same members when not.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses(
        (status = 200, body = Readiness),
        (status = 503, description = "Not ready; the members say what is missing", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn readyz(State(shared): State<Shared>) -> Response {
    let readiness = readiness(&shared);
    let Some(complaint) = complaint(&readiness) else {
        return Json(readiness).into_response();
    };
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, complaint);
    if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(&readiness) {
        problem = members.into_iter().fold(problem, |problem, (name, value)| problem.with(&name, value));
    }
    problem.into_response()
}

fn readiness(shared: &Shared) -> Readiness {
    let state = shared.log_state.borrow().clone();
    let position = shared.head.borrow().position;
    let projected = shared.store.state();
    let behind = position.offset.saturating_sub(projected.offset);
    let log = LogReadiness { writable: state.away_since.is_none(), away_since: state.away_since, reason: state.reason };
    let history = HistoryReadiness { offset: projected.offset, behind, problem: projected.problem };
    let ready = log.writable && history.problem.is_none() && behind <= MAX_LAG;
    Readiness { ready, epoch: position.epoch, offset: position.offset, log, history, losses: state.losses }
}

fn complaint(readiness: &Readiness) -> Option<String> {
    let Readiness { log, history, .. } = readiness;
    if !log.writable {
        let reason = log.reason.as_deref().unwrap_or("no reason is known");
        return Some(format!("the log cannot be written: {reason}; what is known is served from memory"));
    }
    if let Some(problem) = &history.problem {
        return Some(format!("the history does not go on: {problem}"));
    }
    (!readiness.ready).then(|| format!("the history is {} entries behind the log", history.behind))
}
