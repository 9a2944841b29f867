//! The configuration, loaded again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::problem::Problem;
use crate::app::Shared;
use crate::reload::{ReloadError, Reloaded};

/// Loads the configuration of this server again. Nothing changes when something is wrong with it.
#[utoipa::path(
    post, path = "/api/v1/reload", tag = "operations",
    responses(
        (status = 200, description = "Everything runs by it", body = Reloaded),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A file has the id of a layout that someone has saved", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`findings` name the file, the line, the key and what is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn reload(State(shared): State<Shared>) -> Result<Json<Reloaded>, Problem> {
    Ok(Json(shared.reloader.reload().await?))
}

impl From<ReloadError> for Problem {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Findings(findings) => {
                let first = findings.0.first().map(|first| format!("; the first: {first}")).unwrap_or_default();
                let count = findings.0.len();
                let detail = format!("the configuration has {count} finding(s), and nothing was changed{first}");
                let findings = serde_json::to_value(&findings.0).unwrap_or_default();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("findings", findings)
            }
            ReloadError::Record(error) => error.into(),
            error @ ReloadError::InTheWay { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            error @ ReloadError::Failed(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::body::Body;
    use axum::http::Request;
    use serde_json::json;

    use super::*;
    use crate::config::Origin;
    use crate::config::tests::{whole, write};
    use crate::web::tests::{Answer, Server, layout};

    const INDICATOR: &str = "[[indicator]]\nid = 'forest.cover'\nname = 'Độ che phủ rừng'\nunit = '%'\nperiod = 'year'\nowner = 'so-tai-chinh'\nexpected_interval_secs = 86400\n";
    const LAYOUT: &str = "name = 'Lâm nghiệp'\n\n[[panel]]\nid = 'header'\nkind = 'header'\nplace = { column = 0, row = 0, columns = 32, rows = 2 }\n";
    const PUSH: &str = "[[source]]\nid = 'ID'\nname = 'Gửi'\nkind = 'push'\n";

    fn push(id: &str) -> String {
        PUSH.replace("ID", id)
    }

    async fn server(dir: &Path) -> Server {
        write(dir, &whole());
        std::fs::write(dir.join("sources.toml"), push("first") + &push("second")).unwrap();
        let origin = Origin { dir: dir.to_owned(), listen: None };
        Server::over(origin.load().unwrap(), tempfile::tempdir().unwrap()).await.unwrap()
    }

    fn append(dir: &Path, file: &str, text: &str) {
        let before = std::fs::read_to_string(dir.join(file)).unwrap_or_default();
        std::fs::write(dir.join(file), before + text).unwrap();
    }

    async fn reload(server: &Server) -> Answer {
        server.ask(Request::post("/api/v1/reload").body(Body::empty()).unwrap()).await
    }

    async fn ids(server: &Server, of: &str) -> Vec<String> {
        let all = server.get(&format!("/api/v1/{of}")).await.json();
        all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_new_is_taken_in_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        let nothing = json!({
            "revision": null,
            "layouts": { "added": [], "changed": [], "removed": [] },
            "sources": { "started": [], "restarted": [], "stopped": [], "unchanged": ["first", "second"] },
            "needs_restart": [],
        });
        assert_eq!(reload(&server).await.json(), nothing);
        append(dir.path(), "indicators.toml", INDICATOR);
        append(dir.path(), "layouts/forest.toml", LAYOUT);
        std::fs::write(dir.path().join("sources.toml"), push("third") + &push("first").replace("Gửi", "Gửi số"))
            .unwrap();
        append(
            dir.path(),
            "centre.toml",
            "[hub]\ntick_ms = 20\n[ingest]\nmax_line_bytes = 1024\nmax_body_bytes = 1024\n",
        );
        // Two at once come one after the other: the second finds everything done.
        let (one, other) = tokio::join!(reload(&server), reload(&server));
        let (one, other) = (one.json(), other.json());
        let (first, second) = if one["revision"].is_u64() { (one, other) } else { (other, one) };
        assert!(first["revision"].is_u64() && second["revision"].is_null(), "{first} {second}");
        assert_eq!(first["layouts"], json!({ "added": ["forest"], "changed": [], "removed": [] }));
        let changes = json!({ "started": ["third"], "restarted": ["first"], "stopped": ["second"], "unchanged": [] });
        assert_eq!(first["sources"], changes);
        assert_eq!(
            (&first["needs_restart"], &second["needs_restart"]),
            (&json!(["hub.tick_ms"]), &json!(["hub.tick_ms"]))
        );
        assert_eq!(ids(&server, "indicators").await, ["budget.revenue", "forest.cover"]);
        assert_eq!(ids(&server, "layouts").await, ["forest", "overview"]);
        assert_eq!(ids(&server, "sources").await, ["first", "third"]);
        assert!(server.shared.sources.of(&"second".into()).is_none(), "it is off the board");
        let body = "[".to_owned() + &" ".repeat(2000) + "]";
        let large = Request::post("/api/v1/observations?source=first").header("content-type", "application/json");
        server.ask(large.body(body.into()).unwrap()).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_wrong_is_named_and_nothing_changes() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        append(dir.path(), "indicators.toml", &INDICATOR.replace("unit", "unti"));
        append(dir.path(), "sources.toml", &push("first"));
        let answer = reload(&server).await;
        let detail = answer.problem(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(detail.contains("nothing was changed; the first: indicators.toml:"), "{detail}");
        let findings = answer.json()["findings"].clone();
        let unti = findings.as_array().unwrap().iter().find(|finding| finding["key"] == "unti").unwrap();
        assert_eq!((&unti["file"], &unti["line"]), (&json!("indicators.toml"), &json!(11)));
        assert!(unti["message"].as_str().unwrap().contains("did you mean 'unit'?"), "{unti}");
        assert!(findings.as_array().unwrap().iter().any(|finding| finding["file"] == "sources.toml"), "{findings}");
        assert_eq!(ids(&server, "indicators").await, ["budget.revenue"]);
        assert_eq!(ids(&server, "sources").await, ["first", "second"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_layout_that_someone_saved_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        assert_eq!(server.put(&layout("forest"), None).await.status, StatusCode::CREATED);
        append(dir.path(), "layouts/forest.toml", LAYOUT);
        std::fs::write(dir.path().join("sources.toml"), "").unwrap();
        let detail = reload(&server).await.problem(StatusCode::CONFLICT);
        assert!(detail.contains("layouts/forest.toml would replace the layout 'forest'"), "{detail}");
        assert_eq!(ids(&server, "sources").await, ["first", "second"]);
        std::fs::remove_file(dir.path().join("layouts/forest.toml")).unwrap();
        assert_eq!(reload(&server).await.json()["sources"]["stopped"], json!(["first", "second"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_this_machine_reloads() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        let request = Request::post("/api/v1/reload").body(Body::empty()).unwrap();
        server.ask_from(Some("10.1.2.3:50000"), request).await.problem(StatusCode::FORBIDDEN);
    }
}
