//! What is asked of the server over HTTP: one route a line.

pub mod accept;
mod alarms;
mod catalogue;
mod documents;
mod health;
mod history;
mod ingest;
mod internal;
mod layouts;
mod legibility;
mod live;
pub mod metrics;
mod openapi;
mod peer;
pub mod pictures;
mod problem;
mod provenance;
mod query;
mod reload;
#[cfg(test)]
mod tests;
mod trace;
mod walls;
mod watch;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use axum::{Router, middleware};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::Shared;
use problem::Problem;

/// Everything the server answers. Peers' addresses come in as `ConnectInfo<SocketAddr>`.
pub fn router(shared: Shared) -> Router {
    let nosniff =
        SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let no_referrer = SetResponseHeaderLayer::if_not_present(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    Router::new()
        .route("/api/v1/observations", post(ingest::post))
        .route("/api/v1/series", get(history::series))
        .route("/api/v1/provenance", get(provenance::get))
        .route("/api/v1/indicators", get(catalogue::indicators))
        .route("/api/v1/areas", get(catalogue::areas))
        .route("/api/v1/agencies", get(catalogue::agencies))
        .route("/api/v1/sources", get(catalogue::sources))
        .route("/api/v1/sources/{id}/try", post(catalogue::try_source))
        .route("/api/v1/sources/{id}/run", post(catalogue::run_source))
        .route("/api/v1/documents", get(documents::documents))
        .route("/api/v1/layouts", get(layouts::list))
        .route("/api/v1/layouts/{id}", get(layouts::get).put(layouts::put))
        .route("/api/v1/layouts/{id}/legibility", get(legibility::get))
        .route("/api/v1/walls", get(walls::list))
        .route("/api/v1/walls/{id}/show", post(walls::show))
        .route("/api/v1/walls/{id}/spotlight", post(walls::spotlight))
        .route("/api/v1/reload", post(reload::reload))
        .route("/api/v1/alarms", get(alarms::list))
        .route("/api/v1/alarms/{id}/acknowledge", post(alarms::acknowledge))
        .route("/api/v1/alarms/{id}/shelve", post(alarms::shelve))
        .route("/api/v1/alarms/{id}/unshelve", post(alarms::unshelve))
        .route("/live", get(live::live))
        .route("/", get(watch::index))
        .route("/watch/{layout}", get(watch::layout))
        .route("/watch/wall/{wall}", get(watch::wall))
        .route("/favicon.svg", get(watch::favicon))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::render))
        .route("/openapi.json", get(openapi::get))
        .merge(internal::routes())
        .fallback(no_such_address)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::map_response(problem::from_plain_text))
        .layer((nosniff, no_store, no_referrer))
        .layer(trace::layer())
        .layer(middleware::from_fn(trace::name_request))
        .with_state(shared)
}

async fn no_such_address(request: Request) -> Problem {
    let path = query::shorten(request.uri().path());
    Problem::not_found(format!("there is nothing at {path}; /openapi.json lists what there is"))
}

async fn no_such_method(request: Request) -> Problem {
    let (method, path) = (request.method(), query::shorten(request.uri().path()));
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{path} does not answer to {method}; the Allow header lists what it answers to"),
    )
}
