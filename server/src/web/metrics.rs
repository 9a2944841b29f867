//! What is counted, for Prometheus. Every name there is stands in [`LIST`].

use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use protocol::SourceId;
use tokio::sync::watch;

use super::problem::Problem;
use crate::app::Shared;

/// Seconds, from a fast disk's sync to a stall.
const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric: name, kind, unit, meaning. Rooms count by these names through the `metrics` macros.
const LIST: [(&str, Kind, Unit, &str); 11] = [
    (
        "ioc_ingest_rows_total",
        Kind::Counter,
        Unit::Count,
        "Rows that were pushed, by source and verdict (accepted, refused)",
    ),
    ("ioc_append_seconds", Kind::Histogram, Unit::Seconds, "Time to make one group of entries durable"),
    ("ioc_clients", Kind::Gauge, Unit::Count, "Live connections, by encoding"),
    ("ioc_frames_total", Kind::Counter, Unit::Count, "Frames that were encoded, by encoding"),
    ("ioc_snapshots_total", Kind::Counter, Unit::Count, "Clients that started with a snapshot, by encoding"),
    ("ioc_resumes_total", Kind::Counter, Unit::Count, "Clients that went on from where they were, by encoding"),
    ("ioc_clients_behind_total", Kind::Counter, Unit::Count, "Times that a slow client fell out of its ring"),
    ("ioc_views", Kind::Gauge, Unit::Count, "Views that someone watches"),
    ("ioc_ring_bytes", Kind::Gauge, Unit::Bytes, "Encoded frames that are kept"),
    ("ioc_projection_offset", Kind::Gauge, Unit::Count, "The log's offset that the history has reached"),
    ("ioc_log_offset", Kind::Gauge, Unit::Count, "The newest offset of the log"),
];

/// What has been counted, for the whole process.
static COUNTED: LazyLock<Result<PrometheusHandle, String>> =
    LazyLock::new(|| install().map_err(|error| error.to_string()));

/// How often recordings are folded into their buckets, so that they do not pile up unseen.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts counting; what was counted before is lost. The second call does nothing.
pub fn start() {
    if let Err(error) = &*COUNTED {
        tracing::error!(%error, "nothing is counted: /metrics answers with an error");
    }
}

fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    for (name, kind, unit, meaning) in LIST {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, unit, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, unit, meaning),
        }
    }
    Ok(handle)
}

/// Folds recordings into their buckets for as long as the server runs.
pub async fn keep_up(mut stopping: watch::Receiver<bool>) {
    let Ok(handle) = &*COUNTED else { return };
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = interval.tick() => handle.run_upkeep(),
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// What has been counted, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn render(State(shared): State<Shared>) -> Result<impl IntoResponse, Problem> {
    let handle = COUNTED
        .as_ref()
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("nothing is counted: {error}")))?;
    metrics::gauge!("ioc_log_offset").set(shared.head.borrow().position.offset as f64);
    metrics::gauge!("ioc_projection_offset").set(shared.store.state().offset as f64);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()))
}

/// Counts the rows of a push.
pub fn count_ingested(source: &SourceId, accepted: u64, refused: u64) {
    metrics::counter!("ioc_ingest_rows_total", "source" => source.to_string(), "verdict" => "accepted")
        .increment(accepted);
    metrics::counter!("ioc_ingest_rows_total", "source" => source.to_string(), "verdict" => "refused")
        .increment(refused);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names of metrics that the sources of the server count by, outside this file.
    fn counted() -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut paths = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("/// Every metric:").next().unwrap_or_default().to_owned()
                + text.split("/// Counts the rows of a push.").nth(1).unwrap_or_default()
                + text.split("pub async fn render(").nth(1).unwrap_or_default();
            for rest in text.split("\"ioc_").skip(1) {
                let name = rest.split('"').next().unwrap();
                if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                    names.insert(format!("ioc_{name}"));
                }
            }
        }
        names
    }

    #[test]
    fn the_list_names_what_is_counted_and_nothing_else() {
        let listed: BTreeSet<String> = LIST.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(listed, counted());
    }
}
