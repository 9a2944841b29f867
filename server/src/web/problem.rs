//! Errors as a client reads them: problem details of RFC 9457.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::centre::Refusal;
use crate::log::recorder::RecordError;
use crate::store::StoreError;

/// The media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// When a client whose request found the log or the history away may come back.
const RETRY_AFTER_SECS: u64 = 2;

/// What went wrong, for people and programs. Extension members stand beside the named ones.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the title and the status say which kind it is.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'static str,
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16, example = 422)]
    status: StatusCode,
    /// What was wrong, where, and what would be right.
    detail: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    members: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn status_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this status.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status, detail: detail.into(), members: Map::new(), headers: Vec::new() }
    }

    /// 400: what was sent cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404, with the names there are.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 503, with when it makes sense to come back.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>, retry_after_secs: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with_header(header::RETRY_AFTER, &retry_after_secs.to_string())
    }

    /// What was wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header; one that cannot be written is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The status it answers with.
    #[cfg(test)]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let headers = self.headers.clone();
        let mut response = (self.status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response
    }
}

/// Most bytes of an answer in plain text that becomes the detail of a problem.
const MAX_DETAIL_BYTES: usize = 4096;

/// Turns errors that extractors answer in plain text into problems.
pub async fn from_plain_text(response: Response) -> Response {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !is_error || media_type.is_some_and(|media_type| !media_type.starts_with("text/plain")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, MAX_DETAIL_BYTES).await.unwrap_or_default();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let text = String::from_utf8_lossy(if text.is_empty() { reason.as_bytes() } else { &text });
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut problem = Problem::new(parts.status, text).into_response();
    problem.headers_mut().extend(parts.headers);
    problem
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NotFound { .. } => Self::not_found(detail),
            Refusal::Conflict { current_version, .. } => Self::new(StatusCode::CONFLICT, detail)
                .with("current_version", current_version)
                .with_header(header::ETAG, &format!("\"{current_version}\"")),
            Refusal::Invalid { findings } => {
                let findings = serde_json::to_value(findings).unwrap_or_default();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("findings", findings)
            }
            Refusal::Unfit { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            Refusal::Passed { .. } => Self::new(StatusCode::CONFLICT, detail),
            Refusal::ReadOnly { .. } => Self::new(StatusCode::FORBIDDEN, detail).with("read_only", true),
        }
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Refused(refusal) => refusal.into(),
            RecordError::Unavailable { reason } => {
                Self::unavailable(format!("nothing was recorded: {reason}"), RETRY_AFTER_SECS)
            }
            unknown @ RecordError::Unknown { .. } => {
                let next = "what has an Idempotency-Key can be sent again with the same one; look at what is current before you repeat anything else";
                Self::unavailable(format!("{unknown}; {next}"), RETRY_AFTER_SECS)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string(), RETRY_AFTER_SECS)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let detail = match rejection.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "send JSON with 'Content-Type: application/json'".to_owned(),
            _ => rejection.body_text(),
        };
        Self::new(rejection.status(), detail)
    }
}
