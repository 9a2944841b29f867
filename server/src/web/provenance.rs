//! Where one value comes from: its source, how fresh it is, and what it was computed from.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use protocol::observation::Freshness;
use protocol::{AgencyId, SeriesKey, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::history::{KnownValue, series_of};
use super::openapi::{FreshnessShape, SeriesKeyShape};
use super::problem::Problem;
use super::query::Params;
use crate::app::Shared;
use crate::derive::{Plan, Used};
use crate::store::{HistoryRow, Wanted};

/// Most series that are told as inputs.
const MOST_INPUTS: usize = 300;
/// Most values that are told of one input.
const MOST_USED: usize = 200;

/// A value and where it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Provenance {
    #[schema(value_type = SeriesKeyShape)]
    series: SeriesKey,
    value: KnownValue,
    #[schema(value_type = FreshnessShape)]
    freshness: Freshness,
    /// Who answers for the indicator.
    #[schema(value_type = String, example = "so-tai-chinh")]
    owner: AgencyId,
    /// The name of the source, in Vietnamese.
    source_name: String,
    /// How it was computed, if it was: a formula over the names of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100 * done / plan")]
    formula: Option<String>,
    /// What it was computed from, as that was known then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<UsedInput>,
}

/// Values of one series that a value was computed from.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedInput {
    #[schema(example = "done")]
    name: String,
    #[schema(value_type = SeriesKeyShape)]
    series: SeriesKey,
    /// The newest 200 of them, oldest first.
    values: Vec<KnownValue>,
}

/// Where a value comes from, and what it was computed from.
#[utoipa::path(
    get, path = "/api/v1/provenance", tag = "observations",
    params(
        ("indicator" = String, Query, example = "budget.revenue"),
        ("area" = String, Query, example = "51"),
        ("scenario" = Option<String>, Query, description = "`actual` (default), `plan`, `expected`, `same_period`"),
        ("time" = Option<String>, Query, description = "The time of the value, RFC 3339 or microseconds of Unix time; of the newest one if absent"),
    ),
    responses(
        (status = 200, description = "The value, its source, and the inputs as they were known when it was computed", body = Provenance),
        (status = 400, description = "Names the parameter that is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such indicator or area, or no value of that time", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The history is not there yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Provenance>, Problem> {
    let params = Params::of(&uri, &["indicator", "area", "scenario", "time"])?;
    let catalogue = std::sync::Arc::clone(&shared.centre.borrow().catalogue);
    let series = series_of(&params, &catalogue)?;
    let row = value_at(&shared, &series, params.moment("time")?).await?;
    let Some(indicator) = catalogue.indicators.get(&series.indicator) else {
        return Err(Problem::not_found("there is no such indicator"));
    };
    let (time, source) = (row.observation.phenomenon_time, row.observation.source.clone());
    let zone = shared.settings.borrow().zone();
    let is_computed =
        indicator.derive.as_ref().is_some_and(|derive| derive.computes(&series.indicator, &series.area, &catalogue))
            && series.scenario == protocol::Scenario::Actual;
    let mut inputs = Vec::new();
    if is_computed {
        let plan = Plan::only(std::sync::Arc::clone(&catalogue), zone, &series.indicator);
        for used in plan.used(&series.indicator, &series.area, time).into_iter().take(MOST_INPUTS) {
            let indicator = catalogue.indicators.get(&used.series.indicator);
            let interval = indicator.map_or(1, |indicator| indicator.expected_interval_secs);
            inputs.push(read(&shared, used, interval, row.observation.received_at).await?);
        }
    }
    let formula = indicator.derive.as_ref().filter(|_| is_computed).and_then(|derive| derive.formula.clone());
    let known = catalogue.sources.get(&source);
    Ok(Json(Provenance {
        freshness: indicator.freshness(time, shared.clock.now()),
        owner: indicator.owner.clone(),
        source_name: known.map_or_else(|| source.to_string(), |source| source.name.vi.clone()),
        formula,
        inputs,
        value: row.into(),
        series,
    }))
}

async fn value_at(shared: &Shared, series: &SeriesKey, time: Option<Timestamp>) -> Result<HistoryRow, Problem> {
    let found = match time {
        Some(time) => shared.store.history(series, time, time, None, 1).await?.pop(),
        None => {
            let wanted = Wanted { series: vec![series.clone()], ..Wanted::default() };
            let acknowledged = shared.head.borrow().position.offset;
            shared.store.load(wanted, acknowledged).await?.latest.pop()
        }
    };
    let SeriesKey { indicator, area, .. } = series;
    found.ok_or_else(|| match time {
        Some(_) => Problem::not_found(format!(
            "'{indicator}' of '{area}' has no value of exactly that time; GET /api/v1/series lists those that there are"
        )),
        None => Problem::not_found(format!("'{indicator}' of '{area}' has no value yet")),
    })
}

/// The newest values of a stretch. It is read from its end on, wider and wider: a year of minutes is not read for the
/// newest one.
async fn read(shared: &Shared, used: Used, interval_secs: u64, known_at: Timestamp) -> Result<UsedInput, Problem> {
    let Used { name, series, from, to, newest_only } = used;
    let most = if newest_only { 1 } else { MOST_USED };
    let mut width = i64::try_from(interval_secs.max(1)).unwrap_or(i64::MAX).saturating_mul(2_000_000 * most as i64);
    let rows = loop {
        let start = from.max(to.plus_micros(-width));
        let mut rows = shared.store.history(&series, start, to, Some(known_at), usize::MAX).await?;
        rows.retain(|row| row.observation.status.is_measurement());
        if rows.len() >= most || start == from {
            break rows.split_off(rows.len().saturating_sub(most));
        }
        width = width.saturating_mul(8);
    };
    Ok(UsedInput { name, series, values: rows.into_iter().map(KnownValue::from).collect() })
}
