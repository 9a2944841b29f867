//! What is configured, and how each source does.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use protocol::{Agency, Area, Indicator, SourceHealth, SourceId, SourceInfo};
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{AgencyShape, AreaShape, IndicatorShape, SourceHealthShape, SourceInfoShape};
use super::problem::Problem;
use super::query::Params;
use crate::app::Shared;
use crate::config::{SourceSpec, suggestion};
use crate::log::redis::Writer;
use crate::sources::rounds::{Round, RoundError};
use crate::sources::{Trial, TrialError, try_out};

/// Values that are read to try a source, unless told otherwise; and at most.
const TRIED: usize = 20;
const MOST_TRIED: usize = 1000;

/// The indicators, in the order of their names.
#[utoipa::path(get, path = "/api/v1/indicators", tag = "catalogue", responses((status = 200, body = Vec<IndicatorShape>)))]
pub async fn indicators(State(shared): State<Shared>) -> Json<Vec<Arc<Indicator>>> {
    Json(shared.centre.borrow().catalogue.indicators.values().cloned().collect())
}

/// The areas, in the order of their codes.
#[utoipa::path(get, path = "/api/v1/areas", tag = "catalogue", responses((status = 200, body = Vec<AreaShape>)))]
pub async fn areas(State(shared): State<Shared>) -> Json<Vec<Arc<Area>>> {
    Json(shared.centre.borrow().catalogue.areas.values().cloned().collect())
}

/// The agencies, in the order of their names.
#[utoipa::path(get, path = "/api/v1/agencies", tag = "catalogue", responses((status = 200, body = Vec<AgencyShape>)))]
pub async fn agencies(State(shared): State<Shared>) -> Json<Vec<Arc<Agency>>> {
    Json(shared.centre.borrow().catalogue.agencies.values().cloned().collect())
}

/// A source and how it does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    #[serde(flatten)]
    #[schema(value_type = SourceInfoShape)]
    info: Arc<SourceInfo>,
    /// The server that runs it, when that is another one; it has the source's health.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://10.1.2.3:8080")]
    runs_on: Option<String>,
    /// Absent until the source has been heard of since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SourceHealthShape>)]
    health: Option<SourceHealth>,
}

/// The sources, and how each does since the server started.
#[utoipa::path(get, path = "/api/v1/sources", tag = "catalogue", responses((status = 200, body = Vec<Source>)))]
pub async fn sources(State(shared): State<Shared>) -> Json<Vec<Source>> {
    let catalogue = Arc::clone(&shared.centre.borrow().catalogue);
    let writer = other_writer(&shared);
    let source = |info: &Arc<SourceInfo>| {
        // What is pushed comes in anywhere.
        let runs_on = writer.clone().filter(|_| info.kind != "push");
        let health = if runs_on.is_some() { None } else { shared.sources.of(&info.id) };
        Source { info: Arc::clone(info), runs_on, health }
    };
    Json(catalogue.sources.values().map(source).collect())
}

/// The server that runs the sources, when that is another one.
fn other_writer(shared: &Shared) -> Option<String> {
    match shared.recorder.shared_log().map(|log| log.writer().borrow().clone()) {
        Some(Writer::Other(address)) => Some(address),
        _ => None,
    }
}

/// Reads the first values of a source, and tells what would become of them. Nothing is recorded.
#[utoipa::path(
    post, path = "/api/v1/sources/{id}/try", tag = "catalogue",
    params(
        ("id" = String, Path, description = "The source"),
        ("rows" = Option<u64>, Query, description = "Most values; 20 unless given, at most 1,000"),
    ),
    responses(
        (status = 200, body = Trial),
        (status = 400, description = "No such parameter", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is nothing to read of this kind", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "It cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn try_source(
    State(shared): State<Shared>,
    Path(id): Path<SourceId>,
    uri: Uri,
) -> Result<Json<Trial>, Problem> {
    let rows = Params::of(&uri, &["rows"])?.count("rows", MOST_TRIED)?.unwrap_or(TRIED);
    let spec = find(&shared, &id)?;
    let catalogue = Arc::clone(&shared.centre.borrow().catalogue);
    let trial = try_out(&spec, &catalogue, shared.clock.now(), rows).await;
    trial.map(Json).map_err(|error| {
        let status = match error {
            TrialError::Nothing(..) => StatusCode::CONFLICT,
            TrialError::Failed(..) | TrialError::Silent(_) => StatusCode::BAD_GATEWAY,
        };
        Problem::new(status, error.to_string())
    })
}

fn find(shared: &Shared, id: &SourceId) -> Result<SourceSpec, Problem> {
    let specs = shared.specs.borrow().clone();
    let found = specs.iter().find(|spec| spec.info.id == *id).cloned();
    found.ok_or_else(|| {
        let known = specs.iter().map(|spec| spec.info.id.as_str());
        Problem::not_found(format!("there is no source '{id}'{}", suggestion(id.as_str(), known)))
    })
}

/// Has a source look for news now, and tells what came of it.
#[utoipa::path(
    post, path = "/api/v1/sources/{id}/run", tag = "catalogue",
    params(("id" = String, Path, description = "The source")),
    responses(
        (status = 200, description = "What was new is recorded", body = Round),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is of a kind whose figures come by themselves, or another server runs it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "It cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "It is still at it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn run_source(State(shared): State<Shared>, Path(id): Path<SourceId>) -> Result<Json<Round>, Problem> {
    let spec = find(&shared, &id)?;
    let round = shared.bells.run(&spec, &shared.sources, other_writer(&shared).as_deref()).await;
    round.map(Json).map_err(|error| {
        let status = match error {
            RoundError::Nothing(..) | RoundError::Elsewhere(..) => StatusCode::CONFLICT,
            RoundError::Failed(..) => StatusCode::BAD_GATEWAY,
            RoundError::Unended(_) => StatusCode::GATEWAY_TIMEOUT,
        };
        Problem::new(status, error.to_string())
    })
}
