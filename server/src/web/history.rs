//! What was known of a series.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use protocol::{Catalogue, ObservationStatus, SeriesKey, SourceId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{ObservationStatusShape, SeriesKeyShape};
use super::problem::Problem;
use super::query::{Params, did_you_mean, shorten};
use crate::app::Shared;
use crate::clock::to_rfc3339;
use crate::store::HistoryRow;

const PARAMETERS: [&str; 7] = ["indicator", "area", "scenario", "from", "to", "as_of", "limit"];
const DEFAULT_LIMIT: usize = 10_000;
const MAX_LIMIT: usize = 100_000;

/// The values of a series, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    #[schema(value_type = SeriesKeyShape)]
    series: SeriesKey,
    observations: Vec<KnownValue>,
    /// The time from which to ask for the rest (microseconds), when `limit` cut it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    next_from: Option<Timestamp>,
}

/// One value and where it comes from. Times are microseconds of Unix time.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownValue {
    /// When it was true.
    #[schema(value_type = i64, example = 1_769_821_200_000_000_i64)]
    time: Timestamp,
    value: f64,
    /// When this centre got it.
    #[schema(value_type = i64)]
    received_at: Timestamp,
    #[schema(value_type = ObservationStatusShape)]
    status: ObservationStatus,
    #[schema(value_type = String, example = "api")]
    source: SourceId,
    /// Where it stands in the log.
    offset: u64,
}

/// The history of a series: every time with its newest value, as known now or at `as_of`.
#[utoipa::path(
    get, path = "/api/v1/series", tag = "observations",
    params(
        ("indicator" = String, Query, example = "budget.revenue"),
        ("area" = String, Query, example = "51"),
        ("scenario" = Option<String>, Query, description = "`actual` (default), `plan`, `expected`, `same_period`"),
        ("from" = Option<String>, Query, description = "RFC 3339 or microseconds of Unix time; the beginning if absent"),
        ("to" = Option<String>, Query, description = "Inclusive; the end if absent"),
        ("as_of" = Option<String>, Query, description = "Answers with what the log had recorded then; now if it lies ahead"),
        ("limit" = Option<usize>, Query, description = "1 to 100000; 10000 if absent"),
    ),
    responses(
        (status = 200, description = "CSV with `Accept: text/csv`. A `Link` with `rel=\"next\"` leads to the rest when `limit` cut it off", content((History = "application/json"), (String = "text/csv"))),
        (status = 400, description = "Names the parameter that is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such indicator or area", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history is not there yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn series(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &PARAMETERS)?;
    let catalogue = std::sync::Arc::clone(&shared.centre.borrow().catalogue);
    let series = series_of(&params, &catalogue)?;
    let from = params.moment("from")?.unwrap_or(Timestamp(i64::MIN));
    let to = params.moment("to")?.unwrap_or(Timestamp(i64::MAX));
    if from > to {
        return Err(Problem::bad_request("parameter 'from' lies after 'to'").with("parameter", "from"));
    }
    let limit = params.count("limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let as_of = match params.moment("as_of")? {
        Some(as_of) => Some(shared.recorder.settled(as_of).await),
        None => None,
    };
    let mut rows = shared.store.history(&series, from, to, as_of, limit + 1).await?;
    let next_from = rows.get(limit).map(|row| row.observation.phenomenon_time);
    rows.truncate(limit);
    let mut response = if wants_csv(&headers) {
        csv(rows)?
    } else {
        let observations = rows.into_iter().map(KnownValue::from).collect();
        Json(History { series, observations, next_from }).into_response()
    };
    if let Some(link) = next_from.and_then(|next_from| next_link(&uri, next_from)) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The address of the rest, as RFC 8288 has it.
fn next_link(uri: &Uri, next_from: Timestamp) -> Option<HeaderValue> {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with("from="));
    let from = format!("from={}", next_from.as_micros());
    let query = kept.chain([from.as_str()]).collect::<Vec<_>>().join("&");
    HeaderValue::from_str(&format!("<{}?{query}>; rel=\"next\"", uri.path())).ok()
}

pub(super) fn series_of(params: &Params, catalogue: &Catalogue) -> Result<SeriesKey, Problem> {
    let (indicator, area) = (params.require("indicator")?, params.require("area")?);
    let Some((indicator, _)) = catalogue.indicators.get_key_value(indicator) else {
        let known: Vec<&str> = catalogue.indicators.keys().map(protocol::IndicatorId::as_str).collect();
        return Err(Problem::not_found(format!(
            "there is no indicator '{}'{}",
            shorten(indicator),
            did_you_mean(indicator, &known)
        )));
    };
    let Some((area, _)) = catalogue.areas.get_key_value(area) else {
        let known: Vec<&str> = catalogue.areas.keys().map(protocol::AreaId::as_str).collect();
        return Err(Problem::not_found(format!("there is no area '{}'{}", shorten(area), did_you_mean(area, &known))));
    };
    let scenario = params.get("scenario").map_or(Ok(protocol::Scenario::default()), super::ingest::scenario);
    let scenario = scenario.map_err(|reason| Problem::bad_request(reason).with("parameter", "scenario"))?;
    Ok(SeriesKey { indicator: indicator.clone(), area: area.clone(), scenario })
}

impl From<HistoryRow> for KnownValue {
    fn from(HistoryRow { offset, observation }: HistoryRow) -> Self {
        Self {
            time: observation.phenomenon_time,
            value: observation.value,
            received_at: observation.received_at,
            status: observation.status,
            source: observation.source,
            offset,
        }
    }
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = |media_type: &str| {
        accept.split(',').position(|part| part.split(';').next().unwrap_or_default().trim() == media_type)
    };
    match (first("text/csv"), first("application/json")) {
        (Some(csv), Some(json)) => csv < json,
        (csv, _) => csv.is_some(),
    }
}

/// The fields that are sent in, and where each value came from.
fn csv(rows: Vec<HistoryRow>) -> Result<Response, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.serialize(CsvRow::from(row)));
    let text = written
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
    let text = text.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the rows could not be written as CSV: {error}"))
    })?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}

#[derive(Serialize)]
struct CsvRow<'a> {
    indicator: &'a str,
    area: &'a str,
    scenario: protocol::Scenario,
    value: f64,
    time: String,
    status: ObservationStatus,
    received_at: String,
    source: &'a str,
    offset: u64,
}

impl<'a> From<&'a HistoryRow> for CsvRow<'a> {
    fn from(HistoryRow { offset, observation }: &'a HistoryRow) -> Self {
        Self {
            indicator: observation.series.indicator.as_str(),
            area: observation.series.area.as_str(),
            scenario: observation.series.scenario,
            value: observation.value,
            time: to_rfc3339(observation.phenomenon_time),
            status: observation.status,
            received_at: to_rfc3339(observation.received_at),
            source: observation.source.as_str(),
            offset: *offset,
        }
    }
}
