//! What is configured, and how each source does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::{Agency, Area, Indicator, SourceHealth, SourceInfo};
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{AgencyShape, AreaShape, IndicatorShape, SourceHealthShape, SourceInfoShape};
use crate::app::Shared;
use crate::log::redis::Writer;

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
    let writer = match shared.recorder.shared_log().map(|log| log.writer().borrow().clone()) {
        Some(Writer::Other(address)) => Some(address),
        _ => None,
    };
    let source = |info: &Arc<SourceInfo>| {
        // What is pushed comes in anywhere.
        let runs_on = writer.clone().filter(|_| info.kind != "push");
        let health = if runs_on.is_some() { None } else { shared.sources.of(&info.id) };
        Source { info: Arc::clone(info), runs_on, health }
    };
    Json(catalogue.sources.values().map(source).collect())
}
