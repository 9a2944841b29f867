//! What is asked of the server over HTTP: one route a line.

pub mod accept;
mod access;
mod alarms;
mod catalogue;
mod console;
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
mod people;
pub mod pictures;
mod problem;
mod provenance;
mod query;
mod reload;
mod sign_in;
#[cfg(test)]
mod tests;
mod trace;
mod walls;
mod watch;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::routing::{delete, get, post, put};
use axum::{Router, middleware};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::Shared;
use problem::Problem;
use protocol::person::Right::{Administer, Arrange, Attend, Deliver, Present, Read};

/// Everything the server answers, each address with the right it takes. Peers' addresses come in as
/// `ConnectInfo<SocketAddr>`.
pub fn router(shared: Shared) -> Router {
    let nosniff =
        SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let no_referrer = SetResponseHeaderLayer::if_not_present(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    let to = |right, methods| access::allowed(&shared, right, methods);
    Router::new()
        .route("/api/v1/observations", to(Deliver, post(ingest::post)))
        .route("/api/v1/series", to(Read, get(history::series)))
        .route("/api/v1/provenance", to(Read, get(provenance::get)))
        .route("/api/v1/indicators", to(Read, get(catalogue::indicators)))
        .route("/api/v1/areas", to(Read, get(catalogue::areas)))
        .route("/api/v1/agencies", to(Read, get(catalogue::agencies)))
        .route("/api/v1/sources", to(Read, get(catalogue::sources)))
        .route("/api/v1/sources/{id}/try", to(Administer, post(catalogue::try_source)))
        .route("/api/v1/sources/{id}/run", to(Administer, post(catalogue::run_source)))
        .route("/api/v1/documents", to(Read, get(documents::documents)))
        .route("/api/v1/layouts", to(Read, get(layouts::list)))
        .route("/api/v1/layouts/{id}", to(Read, get(layouts::get)))
        .route("/api/v1/layouts/{id}", to(Arrange, put(layouts::put)))
        .route("/api/v1/layouts/{id}/legibility", to(Read, get(legibility::get)))
        .route("/api/v1/walls", to(Read, get(walls::list)))
        .route("/api/v1/walls/{id}/show", to(Present, post(walls::show)))
        .route("/api/v1/walls/{id}/spotlight", to(Present, post(walls::spotlight)))
        .route("/api/v1/reload", to(Administer, post(reload::reload)))
        .route("/api/v1/alarms", to(Read, get(alarms::list)))
        .route("/api/v1/alarms/{id}/acknowledge", to(Attend, post(alarms::acknowledge)))
        .route("/api/v1/alarms/{id}/shelve", to(Attend, post(alarms::shelve)))
        .route("/api/v1/alarms/{id}/unshelve", to(Attend, post(alarms::unshelve)))
        .route("/metrics", to(Read, get(metrics::render)))
        .route("/live", get(live::live))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(openapi::get))
        .merge(people_routes(&shared))
        .merge(pages(&shared))
        .merge(internal::routes())
        .fallback(no_such_address)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::map_response(problem::from_plain_text))
        .layer((nosniff, no_store, no_referrer))
        .layer(trace::layer())
        .layer(middleware::from_fn(trace::name_request))
        .with_state(shared)
}

/// Who may come in.
fn people_routes(shared: &Shared) -> Router<Shared> {
    let to = |right, methods| access::allowed(shared, right, methods);
    let known = |methods| access::known(shared, methods);
    Router::new()
        .route("/api/v1/me", known(get(sign_in::me)))
        .route("/api/v1/sign-out", known(post(sign_in::sign_out)))
        .route("/api/v1/accounts", to(Administer, get(people::accounts)))
        .route("/api/v1/accounts", to(Administer, post(people::make_account)))
        .route("/api/v1/accounts/{id}", to(Administer, put(people::change_account)))
        .route("/api/v1/accounts/{id}/invite", to(Administer, post(people::invite)))
        .route("/api/v1/tokens", to(Administer, get(people::tokens)))
        .route("/api/v1/tokens", to(Administer, post(people::make_token)))
        .route("/api/v1/tokens/{id}", to(Administer, delete(people::revoke_token)))
        .route("/api/v1/sign-in", post(sign_in::sign_in))
        .route("/api/v1/invitations/{secret}", get(sign_in::invitation).post(sign_in::accept))
}

/// What a browser shows.
fn pages(shared: &Shared) -> Router<Shared> {
    let to = |right, methods| access::allowed(shared, right, methods);
    Router::new()
        .route("/", to(Read, get(watch::index)))
        .route("/watch/{layout}", to(Read, get(watch::layout)))
        .route("/watch/wall/{wall}", to(Read, get(watch::wall)))
        .route("/console", get(console::redirect))
        .route("/console/", get(console::page))
        .route("/console/{*path}", get(console::file))
        .route("/invitation/{secret}", get(console::page))
        .route("/favicon.svg", get(watch::favicon))
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
