//! What the servers of one centre ask of each other. Who asks must know the secret that they share in Redis.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use crate::app::Shared;
use crate::log::redis::{RedisLog, SECRET_HEADER};

/// Most bytes of a forwarded write: one public request, encoded.
const MAX_FORWARDED_BYTES: usize = 256 << 20;
/// Most entries of a page.
const MAX_ENTRIES: usize = 1024;

/// The routes between servers.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/internal/v1/record", post(record).layer(DefaultBodyLimit::max(MAX_FORWARDED_BYTES)))
        .route("/internal/v1/log", get(log))
}

async fn record(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Vec<u8>, Denied> {
    admit(&shared, &headers)?;
    let forwarded = rmp_serde::from_slice(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    encode(&shared.recorder.answer(forwarded).await)
}

#[derive(Deserialize)]
struct From {
    after: u64,
    limit: usize,
}

async fn log(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(From { after, limit }): Query<From>,
) -> Result<Vec<u8>, Denied> {
    let page = admit(&shared, &headers)?.page(after, limit.clamp(1, MAX_ENTRIES)).await;
    encode(&page.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?)
}

type Denied = (StatusCode, String);

/// A server that shares its log with nobody has no such addresses.
fn admit<'a>(shared: &'a Shared, headers: &HeaderMap) -> Result<&'a RedisLog, Denied> {
    let nothing = || (StatusCode::NOT_FOUND, "there is nothing here".to_owned());
    let log = shared.recorder.shared_log().ok_or_else(nothing)?;
    let secret = headers.get(SECRET_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if log.admits(secret) {
        return Ok(log);
    }
    Err((StatusCode::FORBIDDEN, "only the servers of this centre are answered here".to_owned()))
}

fn encode(answer: &impl Serialize) -> Result<Vec<u8>, Denied> {
    rmp_serde::to_vec_named(answer).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
