//! Layouts: read and saved.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use protocol::observation::Name;
use protocol::{Command, Event, Layout, LayoutId};
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Caller;
use super::openapi::{LayoutShape, NameShape};
use super::pictures;
use super::problem::Problem;
use super::query::shorten;
use crate::app::Shared;
use crate::hub::ViewError;
use crate::strict::Strictly;

/// A layout without its panels.
#[derive(Debug, Serialize, ToSchema)]
pub struct LayoutSummary {
    #[schema(value_type = String, example = "overview")]
    id: LayoutId,
    #[schema(value_type = NameShape)]
    name: Name,
    version: u64,
    /// Whether it comes with the configuration; it is edited as a copy under another id.
    read_only: bool,
    /// How many panels it has.
    panels: usize,
}

/// The layouts there are.
#[utoipa::path(get, path = "/api/v1/layouts", tag = "layouts", responses((status = 200, body = Vec<LayoutSummary>)))]
pub async fn list(State(shared): State<Shared>) -> Json<Vec<LayoutSummary>> {
    let centre = shared.centre.borrow().clone();
    let summary = |layout: &Layout| LayoutSummary {
        id: layout.id.clone(),
        name: layout.name.clone(),
        version: layout.version,
        read_only: layout.read_only,
        panels: layout.panels.len(),
    };
    Json(centre.layouts.values().map(|kept| summary(&kept.layout)).collect())
}

/// A layout.
#[utoipa::path(
    get, path = "/api/v1/layouts/{id}", tag = "layouts",
    params(("id" = String, Path, description = "The layout")),
    responses(
        (status = 200, description = "With its version as ETag", body = LayoutShape),
        (status = 304, description = "If-None-Match names this version"),
        (status = 404, description = "No such layout", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(shared): State<Shared>,
    Path(id): Path<LayoutId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let (Err(_), Some((pictured, format))) = (find(&shared, &id), id.as_str().rsplit_once('.')) {
        let layout = find(&shared, &pictured.into())?;
        return pictures::get(&shared, &layout, format, &uri).await;
    }
    let layout = find(&shared, &id)?;
    let tag = etag(layout.version);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag || known == "*") {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(([(header::ETAG, tag)], Json(layout)).into_response())
}

pub(super) fn find(shared: &Shared, id: &LayoutId) -> Result<Arc<Layout>, Problem> {
    let centre = shared.centre.borrow();
    let found = centre.layouts.get(id).map(|kept| Arc::clone(&kept.layout));
    found.ok_or_else(|| {
        let known: Vec<&str> = centre.layouts.keys().map(LayoutId::as_str).collect();
        Problem::not_found(format!("there is no layout '{}'; known: {}", shorten(id.as_str()), known.join(", ")))
    })
}

fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Unknown { .. } => Self::not_found(error.to_string()),
            ViewError::Defect(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            ViewError::Behind(_) | ViewError::Stopped => Self::unavailable(error.to_string(), 2),
        }
    }
}

/// Saves a layout. A change names the version it was made from with If-Match; a new layout needs none.
#[utoipa::path(
    put, path = "/api/v1/layouts/{id}", tag = "layouts",
    params(
        ("id" = String, Path, description = "The layout; the id in the body is the same"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that was changed, such as \"3\"", example = "\"3\""),
    ),
    request_body(content = LayoutShape, description = "`version` and `read_only` are given by the server and ignored"),
    responses(
        (status = 200, description = "Saved; the new version as ETag", body = LayoutShape),
        (status = 201, description = "Made; the first version as ETag", body = LayoutShape),
        (status = 400, description = "No JSON, or If-Match is no ETag of a layout", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role, or the layout comes with the configuration", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Someone was faster: `current_version` and the ETag tell the version now", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`findings` name the panel, the option and what is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "The layout exists and If-Match is missing", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn put(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<LayoutId>,
    headers: HeaderMap,
    body: Result<Json<Strictly<Layout>>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Strictly(layout)) = body?;
    if layout.id != id {
        let message = format!(
            "the body is layout '{}', the address names '{}'; make them the same",
            shorten(layout.id.as_str()),
            shorten(id.as_str())
        );
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    check_id(&id)?;
    let current = shared.centre.borrow().layouts.get(&id).map(|kept| Arc::clone(&kept.layout));
    let expected_version = expected_version(&headers, current.as_deref())?;
    let decided = shared.recorder.command(caller.asking(), Command::SaveLayout { layout, expected_version }).await?;
    let saved = decided.events.into_iter().find_map(|event| match event {
        Event::LayoutSaved(saved) => Some(saved.layout),
        _ => None,
    });
    let saved =
        saved.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "saving a layout gave no saved layout"))?;
    let status = if saved.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::ETAG, etag(saved.version))], Json(saved)).into_response())
}

/// Layouts are named in addresses, and `.svg` behind a name asks for a picture.
fn check_id(id: &LayoutId) -> Result<(), Problem> {
    let text = id.as_str();
    let is_good = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_good {
        return Ok(());
    }
    let message = format!("'{}' is no name for a layout; use 1 to 64 of a-z, A-Z, 0-9, '-' and '_'", shorten(text));
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message))
}

/// The version that a change was made from; 0 for a layout that is new.
fn expected_version(headers: &HeaderMap, current: Option<&Layout>) -> Result<u64, Problem> {
    let (if_match, if_none_match) = (headers.get(header::IF_MATCH), headers.get(header::IF_NONE_MATCH));
    if if_none_match.is_some_and(|tags| tags == "*") {
        return Ok(0);
    }
    match (if_match, current) {
        (None, None) => Ok(0),
        (None, Some(current)) => {
            let message = format!(
                "layout '{}' exists in version {}; send If-Match with the ETag of the version you changed",
                current.id, current.version
            );
            let problem =
                Problem::new(StatusCode::PRECONDITION_REQUIRED, message).with("current_version", current.version);
            Err(problem.with_header(header::ETAG, &format!("\"{}\"", current.version)))
        }
        (Some(tag), Some(current)) if tag == "*" => Ok(current.version),
        (Some(tag), _) => {
            let version = tag.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
            version.ok_or_else(|| {
                Problem::bad_request("If-Match must be one ETag of this layout, such as \"3\" with its quotes")
            })
        }
    }
}
