//! Whether a layout can be read from the seats before a wall.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use panels::legibility::{self, Finding};
use panels::text::TextEngine;
use protocol::{LayoutId, Wall, WallId};
use serde::Serialize;
use utoipa::ToSchema;

use super::layouts;
use super::problem::Problem;
use super::query::{Params, shorten};
use crate::app::Shared;

/// One thing that is hard to read on a wall.
#[derive(Debug, Serialize, ToSchema)]
pub struct HardToRead {
    #[schema(value_type = String, example = "main")]
    wall: WallId,
    #[serde(flatten)]
    #[schema(value_type = FindingShape)]
    finding: Finding,
}

/// What a finding says: rule, level, panel and text, and what was measured against which limit.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct FindingShape {
    #[schema(example = "text-height")]
    rule: String,
    /// `warning` or `error`.
    level: String,
    /// Absent for the layout as a whole.
    panel: Option<String>,
    text: Option<String>,
    measured: f64,
    limit: f64,
    message: String,
}

/// What is hard to read of a layout, worst first, with figures made up for a good day and for a bad one.
#[utoipa::path(
    get, path = "/api/v1/layouts/{id}/legibility", tag = "layouts",
    params(
        ("id" = String, Path, description = "The layout"),
        ("wall" = Option<String>, Query, description = "Only on this wall; else on each that the layout suits"),
    ),
    responses(
        (status = 200, description = "Empty when all can be read", body = Vec<HardToRead>),
        (status = 400, description = "An unknown parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such layout or wall", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(shared): State<Shared>,
    Path(id): Path<LayoutId>,
    uri: Uri,
) -> Result<Json<Vec<HardToRead>>, Problem> {
    let params = Params::of(&uri, &["wall"])?;
    let layout = layouts::find(&shared, &id)?;
    let centre = shared.centre.borrow().clone();
    let walls: Vec<Wall> = match params.get("wall") {
        None => {
            let all = centre.walls.values().map(|shown| &shown.wall);
            all.filter(|wall| panels::place::suits(&layout, wall.canvas)).cloned().collect()
        }
        Some(name) => match centre.walls.get(name) {
            Some(shown) => vec![shown.wall.clone()],
            None => {
                let known: Vec<&str> = centre.walls.keys().map(WallId::as_str).collect();
                let message = format!("there is no wall '{}'; known: {}", shorten(name), known.join(", "));
                return Err(Problem::not_found(message));
            }
        },
    };
    let judged = tokio::task::spawn_blocking(move || {
        let mut text = TextEngine::new();
        let found = walls.iter().flat_map(|wall| {
            let found = legibility::check(&layout, &centre.catalogue, wall, &mut text);
            found.into_iter().map(|finding| HardToRead { wall: wall.id.clone(), finding })
        });
        found.collect::<Vec<_>>()
    });
    let judged = judged.await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the layout could not be painted; the server's log says why")
    })?;
    Ok(Json(judged))
}
