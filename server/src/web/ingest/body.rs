//! Reads the body of a request within bounds of size and time.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;

use super::super::problem::Problem;

/// How long the next bytes may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is only announced takes no more memory than this.
const MOST_RESERVED_BYTES: u64 = 1024 * 1024;
/// How long the rest of a refused body is read.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The body of a request, as it comes in.
pub struct Body {
    stream: BodyDataStream,
    max_bytes: u64,
    announced_bytes: Option<u64>,
    /// The client sends nothing until it is asked to.
    is_held_back: bool,
    received: u64,
}

impl Body {
    /// Refused when it has, or announces, more than `max_bytes`.
    #[must_use]
    pub fn new(headers: &HeaderMap, body: axum::body::Body, max_bytes: u64) -> Self {
        let announced_bytes =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_held_back = headers.contains_key(header::EXPECT);
        Self { stream: body.into_data_stream(), max_bytes, announced_bytes, is_held_back, received: 0 }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When it is too large, breaks off or stalls.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.announced_bytes.is_some_and(|length| length > self.max_bytes) {
            return Err(too_large(self.max_bytes));
        }
        self.is_held_back = false;
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        let next = next.map_err(|_| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                format!("no bytes came for {} s; nothing was recorded", PATIENCE.as_secs()),
            )
        })?;
        let Some(chunk) = next else { return Ok(None) };
        let chunk = chunk
            .map_err(|error| Problem::bad_request(format!("the body broke off: {error}; nothing was recorded")))?;
        self.received += chunk.len() as u64;
        if self.received > self.max_bytes { Err(too_large(self.max_bytes)) } else { Ok(Some(chunk)) }
    }

    /// All bytes.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn whole(&mut self) -> Result<Vec<u8>, Problem> {
        let announced = self.announced_bytes.unwrap_or(0).min(MOST_RESERVED_BYTES);
        let mut bytes = Vec::with_capacity(announced as usize);
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Reads on without keeping anything, so that the client comes to read its answer. Whoever does not end in time
    /// may find the connection closed.
    pub async fn drain(&mut self) {
        if self.is_held_back {
            return;
        }
        let rest = async { while self.stream.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
        if tokio::time::timeout(DRAIN_TIME, rest).await.is_err() {
            tracing::debug!("a refused body was still coming in after {} s", DRAIN_TIME.as_secs());
        }
    }

    /// How many bytes came in.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }
}

fn too_large(max_bytes: u64) -> Problem {
    let message =
        format!("the body is larger than {max_bytes} bytes; nothing was recorded, send the rows in several requests");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        .with("max_bytes", max_bytes)
        .with_header(header::CONNECTION, "close")
}
