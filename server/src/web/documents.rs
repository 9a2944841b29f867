//! The documents that came in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use protocol::{Document, SourceId};

use super::openapi::DocumentShape;
use super::problem::Problem;
use super::query::Params;
use crate::app::Shared;
use crate::centre::MOST_DOCUMENTS;
use crate::config::suggestion;

/// Documents that are listed, unless told otherwise.
const LISTED: usize = 100;

/// The documents that came in, those that were promulgated last first.
#[utoipa::path(
    get, path = "/api/v1/documents", tag = "records",
    params(
        ("source" = Option<String>, Query, description = "Only those of this source"),
        ("limit" = Option<u64>, Query, description = "Most documents; 100 unless given, at most 2,000, which is all that are listed"),
    ),
    responses(
        (status = 200, body = Vec<DocumentShape>),
        (status = 400, description = "No such parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn documents(State(shared): State<Shared>, uri: Uri) -> Result<Json<Vec<Arc<Document>>>, Problem> {
    let params = Params::of(&uri, &["source", "limit"])?;
    let limit = params.count("limit", MOST_DOCUMENTS)?.unwrap_or(LISTED);
    let centre = Arc::clone(&shared.centre.borrow());
    let of = params.get("source");
    if let Some(source) = of.filter(|source| !centre.catalogue.sources.contains_key(*source)) {
        let near = suggestion(source, centre.catalogue.sources.keys().map(SourceId::as_str));
        return Err(Problem::not_found(format!("there is no source '{}'{near}", super::query::shorten(source))));
    }
    let documents = centre.documents.newest_first();
    let wanted = documents.filter(|document| of.is_none_or(|source| document.source.as_str() == source));
    Ok(Json(wanted.take(limit).cloned().collect()))
}
