//! Whether the server lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::{StreamPosition, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::app::Shared;
use crate::clock::to_rfc3339;
use crate::log::tail::LogState;
use crate::store::ProjectionState;

/// How old an entry may be that the history of a ready server does not have yet. Entries say little: one may hold
/// 100,000 rows.
const MAX_LAG_MICROS: i64 = 10 * 1_000_000;

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
    /// When the oldest entry was recorded that it does not have yet, in microseconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    missing_since: Option<Timestamp>,
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
    let (log, position) = (shared.log_state.borrow().clone(), shared.head.borrow().position);
    answer(readiness(log, position, shared.store.state(), shared.clock.now()))
}

fn answer(readiness: Readiness) -> Response {
    let Some(complaint) = complaint(&readiness) else {
        return Json(readiness).into_response();
    };
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, complaint);
    if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(&readiness) {
        problem = members.into_iter().fold(problem, |problem, (name, value)| problem.with(&name, value));
    }
    problem.into_response()
}

fn readiness(state: LogState, position: StreamPosition, projected: ProjectionState, now: Timestamp) -> Readiness {
    let behind = position.offset.saturating_sub(projected.offset);
    let log = LogReadiness { writable: state.away_since.is_none(), away_since: state.away_since, reason: state.reason };
    let ProjectionState { offset, missing_since, problem, .. } = projected;
    let is_late = missing_since.is_some_and(|since| now.since(since) > MAX_LAG_MICROS);
    let history = HistoryReadiness { offset, behind, missing_since, problem };
    let ready = log.writable && history.problem.is_none() && !is_late;
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
    (!readiness.ready).then(|| {
        let since = history.missing_since.map(to_rfc3339).unwrap_or_default();
        format!(
            "the history is {} entries behind the log; what was recorded at {since} is not in it yet",
            history.behind
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_that_can_write_and_whose_history_keeps_up() {
        let now = Timestamp::from_secs(1_700_000_000);
        let earlier = |secs: i64| Some(now.plus_micros(-secs * 1_000_000));
        let away = LogState { away_since: earlier(1), reason: Some("the disk is full".into()), losses: Vec::new() };
        let history = |offset, missing_since, problem: Option<&str>| ProjectionState {
            epoch: 7,
            offset,
            missing_since,
            problem: problem.map(str::to_owned),
        };
        let cases = [
            (LogState::default(), history(50_000, None, None), None),
            (LogState::default(), history(0, earlier(9), None), None),
            (
                LogState::default(),
                history(49_999, earlier(11), None),
                Some("1 entries behind the log; what was recorded at 2023-11-14T22:13:09Z"),
            ),
            (LogState::default(), history(50_000, None, Some("no room")), Some("does not go on: no room")),
            (away, history(50_000, None, None), Some("cannot be written: the disk is full")),
        ];
        for (log, history, wrong) in cases {
            let readiness = readiness(log, StreamPosition { epoch: 7, offset: 50_000 }, history, now);
            let said = complaint(&readiness);
            assert_eq!((said.is_some(), readiness.ready), (wrong.is_some(), wrong.is_none()), "{said:?}");
            assert!(said.as_deref().unwrap_or_default().contains(wrong.unwrap_or_default()), "{said:?}");
            let expected = if wrong.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            assert_eq!(answer(readiness).status(), expected);
        }
    }
}
