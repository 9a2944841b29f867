//! Walls, and what they show.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use protocol::{Command, LayoutId, PanelId, Wall, WallId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Caller;
use super::openapi::WallShape;
use super::problem::Problem;
use crate::app::Shared;

/// A wall and the layout it shows now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownWall {
    #[serde(flatten)]
    #[schema(value_type = WallShape)]
    wall: Wall,
    /// The layout it shows now; `layout` is the one it started with.
    #[schema(value_type = String, example = "overview")]
    shown: LayoutId,
    /// The panel that fills it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "revenue")]
    spotlight: Option<PanelId>,
}

/// The walls, and what they show.
#[utoipa::path(get, path = "/api/v1/walls", tag = "walls", responses((status = 200, body = Vec<ShownWall>)))]
pub async fn list(State(shared): State<Shared>) -> Json<Vec<ShownWall>> {
    let centre = shared.centre.borrow().clone();
    Json(
        centre
            .walls
            .values()
            .map(|shown| ShownWall {
                wall: shown.wall.clone(),
                shown: shown.layout.clone(),
                spotlight: shown.spotlight.clone(),
            })
            .collect(),
    )
}

/// What to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Show {
    #[schema(value_type = String, example = "overview")]
    layout: LayoutId,
}

/// What is shown from an offset of the log on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shown {
    #[schema(value_type = String, example = "main")]
    wall: WallId,
    #[schema(value_type = String, example = "overview")]
    layout: LayoutId,
    offset: u64,
}

/// Shows a layout on a wall: every display and page of it changes in one frame.
#[utoipa::path(
    post, path = "/api/v1/walls/{id}/show", tag = "walls",
    params(("id" = String, Path, description = "The wall")),
    request_body = Show,
    responses(
        (status = 200, body = Shown),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such wall or layout", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Path(wall): Path<WallId>,
    body: Result<Json<Show>, JsonRejection>,
) -> Result<Json<Shown>, Problem> {
    let Json(Show { layout }) = body?;
    let decided = shared
        .recorder
        .command(caller.asking(), Command::ShowLayout { wall: wall.clone(), layout: layout.clone() })
        .await?;
    Ok(Json(Shown { wall, layout, offset: decided.offset }))
}

/// Which panel is to fill the wall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Spotlight {
    /// One of the layout that the wall shows; null for none any more.
    #[schema(value_type = Option<String>, example = "revenue")]
    #[serde(deserialize_with = "Option::deserialize")]
    panel: Option<PanelId>,
}

/// What fills a wall from an offset of the log on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Spotlit {
    #[schema(value_type = String, example = "main")]
    wall: WallId,
    #[schema(value_type = Option<String>, example = "revenue")]
    panel: Option<PanelId>,
    offset: u64,
}

/// Lets a panel fill the wall below its head, or none again. Another layout that is shown ends it too.
#[utoipa::path(
    post, path = "/api/v1/walls/{id}/spotlight", tag = "walls",
    params(("id" = String, Path, description = "The wall")),
    request_body = Spotlight,
    responses(
        (status = 200, body = Spotlit),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such wall, or no such panel in the layout that it shows", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn spotlight(
    State(shared): State<Shared>,
    caller: Caller,
    Path(wall): Path<WallId>,
    body: Result<Json<Spotlight>, JsonRejection>,
) -> Result<Json<Spotlit>, Problem> {
    let Json(Spotlight { panel }) = body?;
    let decided = shared
        .recorder
        .command(caller.asking(), Command::Spotlight { wall: wall.clone(), panel: panel.clone() })
        .await?;
    Ok(Json(Spotlit { wall, panel, offset: decided.offset }))
}
