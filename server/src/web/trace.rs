//! A name for each request, and a line in the log for each answer.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

/// The header that names a request, taken from the client or made up here.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

/// Gives the request a name, and the answer the same one.
pub async fn name_request(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).filter(|id| is_usable(id)).cloned();
    let id = given.unwrap_or_else(make_up);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn is_usable(id: &HeaderValue) -> bool {
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn make_up() -> HeaderValue {
    let id = format!("{:016x}", rand::random::<u64>());
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}

type Layer = TraceLayer<SharedClassifier<ServerErrorsAsFailures>, fn(&Request<Body>) -> Span>;

/// Spans around requests with method, path and name.
pub fn layer() -> Layer {
    TraceLayer::new_for_http()
        .make_span_with(span as fn(&Request<Body>) -> Span)
        .on_response(DefaultOnResponse::new().level(Level::DEBUG))
}

fn span(request: &Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|RequestId(id)| id.to_str().ok()).unwrap_or_default();
    tracing::debug_span!("request", method = %request.method(), path = told(request.uri().path()), id)
}

/// The path without the secret of a link.
fn told(path: &str) -> &str {
    const LINK: &str = "/invitation";
    path.find(LINK).map_or(path, |at| &path[..at + LINK.len()])
}
