//! Alarms: what stands, and what people do about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use protocol::alarm::load::{self, Group};
use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::{Alarm, AlarmId, Command, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Caller;
use super::openapi::AlarmShape;
use super::problem::Problem;
use super::query::{Params, did_you_mean, rfc3339, shorten};
use crate::app::Shared;

/// The states that can be asked for.
const STATES: [&str; 5] = ["active", "raised", "acknowledged", "shelved", "cleared"];

/// The alarms that there are, and how much they ask of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alarms {
    /// When the flood is over if nothing else is raised, in microseconds of Unix time; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    flood_until: Option<Timestamp>,
    /// In a flood, the alarms below that are not over, by their causes. Critical ones are told one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
    /// Newest first.
    alarms: Vec<ShownAlarm>,
}

/// Alarms of one cause.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cause {
    /// The rule that raised them, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "muc-nuoc-bao-dong-3")]
    rule: Option<protocol::RuleId>,
    #[schema(value_type = String, example = "warning")]
    severity: AlarmSeverity,
    #[schema(value_type = Vec<String>)]
    alarms: Vec<AlarmId>,
}

/// An alarm, and what of it follows from the moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownAlarm {
    #[serde(flatten)]
    #[schema(value_type = AlarmShape)]
    alarm: Arc<Alarm>,
    /// `raised`, `acknowledged`, `shelved` or `cleared`, as of now: one whose time on the shelf is over is raised.
    #[schema(example = "raised")]
    condition: &'static str,
    /// Active for more than 24 hours.
    is_standing: bool,
    /// It comes and goes, and is held until it is quiet; `chatter` tells how often it did.
    is_chattering: bool,
}

impl ShownAlarm {
    fn of(alarm: &Arc<Alarm>, now: Timestamp) -> Self {
        let alarm = Arc::clone(alarm);
        let condition = condition(&alarm, now);
        let (is_standing, is_chattering) = (alarm.is_standing(now), alarm.is_active() && alarm.chatter > 0);
        Self { alarm, condition, is_standing, is_chattering }
    }
}

fn condition(alarm: &Alarm, now: Timestamp) -> &'static str {
    match alarm.state {
        _ if alarm.is_unseen(now) => "raised",
        AlarmState::Raised => "raised",
        AlarmState::Acknowledged { .. } => "acknowledged",
        AlarmState::Shelved { .. } => "shelved",
        AlarmState::Cleared { .. } => "cleared",
    }
}

/// The alarms that are held, newest first; those that are over are held for a day or less.
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "alarms",
    params(("state" = Option<String>, Query, description = "`active` (all that are not over), `raised`, `acknowledged`, `shelved` or `cleared`; all unless given")),
    responses(
        (status = 200, body = Alarms),
        (status = 400, description = "No such state or parameter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(shared): State<Shared>, uri: Uri) -> Result<Json<Alarms>, Problem> {
    let params = Params::of(&uri, &["state"])?;
    let wanted = params.get("state");
    if let Some(state) = wanted.filter(|state| !STATES.contains(state)) {
        let message = format!("there is no state '{}'{}", shorten(state), did_you_mean(state, &STATES));
        return Err(Problem::bad_request(message).with("parameter", "state"));
    }
    let records = Arc::clone(&shared.centre.borrow().records);
    Ok(Json(shown(records.alarms.values().map(|held| &held.value), wanted, shared.clock.now())))
}

fn shown<'a>(all: impl Iterator<Item = &'a Arc<Alarm>> + Clone, wanted: Option<&str>, now: Timestamp) -> Alarms {
    let flood_until = load::flood_until(all.clone().map(|alarm| &**alarm), now);
    let is_wanted = |alarm: &&Arc<Alarm>| match wanted {
        None => true,
        Some("active") => alarm.is_active(),
        Some(state) => condition(alarm, now) == state,
    };
    let mut alarms: Vec<&Arc<Alarm>> = all.filter(is_wanted).collect();
    alarms.sort_by_key(|alarm| (std::cmp::Reverse(alarm.raised_at), alarm.id.clone()));
    let active = alarms.iter().filter(|alarm| flood_until.is_some() && alarm.is_active()).map(|alarm| &***alarm);
    let mut causes: Vec<Cause> = load::by_cause(active).iter().map(Cause::of).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.severity, cause.alarms.len())));
    Alarms { flood_until, causes, alarms: alarms.into_iter().map(|alarm| ShownAlarm::of(alarm, now)).collect() }
}

impl Cause {
    fn of(group: &Group<'_>) -> Self {
        let alarms = std::iter::once(group.first).chain(group.more.iter().copied());
        Self {
            rule: group.first.rule.clone(),
            severity: group.first.severity,
            alarms: alarms.map(|alarm| alarm.id.clone()).collect(),
        }
    }
}

/// Who does something about an alarm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// As it is shown: a name or a post. Who is signed in is shown by the name of their account, whatever stands here.
    #[serde(default)]
    #[schema(example = "Duty officer, disaster control")]
    by: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    #[schema(example = "The operator has been told")]
    comment: Option<String>,
}

/// Who puts an alarm aside, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shelve {
    /// As in acknowledging.
    #[serde(default)]
    #[schema(example = "Duty officer, forest rangers")]
    by: Option<String>,
    /// RFC 3339 with an offset; at most 7 days ahead.
    #[schema(example = "2026-01-31T16:00:00+07:00")]
    until: String,
    /// At most 500 characters.
    #[serde(default)]
    comment: Option<String>,
}

/// What became of the alarm, from an offset of the log on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turned {
    offset: u64,
    /// As it is now; absent when it has left meanwhile.
    alarm: Option<ShownAlarm>,
}

/// Says that someone sees to an alarm.
#[utoipa::path(
    post, path = "/api/v1/alarms/{id}/acknowledge", tag = "alarms",
    params(("id" = String, Path, description = "The alarm")),
    request_body = Who,
    responses(
        (status = 200, body = Turned),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such alarm", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The alarm is over", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn acknowledge(
    State(shared): State<Shared>,
    caller: Caller,
    Path(alarm): Path<AlarmId>,
    body: Result<Json<Who>, JsonRejection>,
) -> Result<Json<Turned>, Problem> {
    let Json(Who { by, comment }) = body?;
    let by = name_of(&caller, by)?;
    turn(&shared, &caller, &alarm, Command::AcknowledgeAlarm { alarm: alarm.clone(), by, comment }).await
}

/// Puts an alarm aside until a moment: then it counts as raised again.
#[utoipa::path(
    post, path = "/api/v1/alarms/{id}/shelve", tag = "alarms",
    params(("id" = String, Path, description = "The alarm")),
    request_body = Shelve,
    responses(
        (status = 200, body = Turned),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such alarm", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The alarm is over", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form; a moment that is over or too far ahead", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn shelve(
    State(shared): State<Shared>,
    caller: Caller,
    Path(alarm): Path<AlarmId>,
    body: Result<Json<Shelve>, JsonRejection>,
) -> Result<Json<Turned>, Problem> {
    let Json(Shelve { by, until, comment }) = body?;
    let by = name_of(&caller, by)?;
    let until = rfc3339(&until).ok_or_else(|| {
        let message = format!(
            "until '{}' is no moment; write RFC 3339 with an offset, such as 2026-01-31T16:00:00+07:00",
            shorten(&until)
        );
        Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, message)
    })?;
    turn(&shared, &caller, &alarm, Command::ShelveAlarm { alarm: alarm.clone(), by, until, comment }).await
}

/// Brings an alarm back before its time on the shelf is over.
#[utoipa::path(
    post, path = "/api/v1/alarms/{id}/unshelve", tag = "alarms",
    params(("id" = String, Path, description = "The alarm")),
    request_body = Who,
    responses(
        (status = 200, body = Turned),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such alarm", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The alarm is over, or not shelved", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not of this form", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn unshelve(
    State(shared): State<Shared>,
    caller: Caller,
    Path(alarm): Path<AlarmId>,
    body: Result<Json<Who>, JsonRejection>,
) -> Result<Json<Turned>, Problem> {
    let Json(Who { by, comment }) = body?;
    let by = name_of(&caller, by)?;
    turn(&shared, &caller, &alarm, Command::UnshelveAlarm { alarm: alarm.clone(), by, comment }).await
}

/// Who is shown to do it.
fn name_of(caller: &Caller, said: Option<String>) -> Result<String, Problem> {
    let name = caller.account().map(|account| account.name.clone()).or(said);
    name.or_else(|| caller.name().map(str::to_owned)).ok_or_else(|| {
        Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "'by' is missing: say who does it, a name or a post")
    })
}

async fn turn(shared: &Shared, caller: &Caller, alarm: &AlarmId, command: Command) -> Result<Json<Turned>, Problem> {
    let decided = shared.recorder.command(caller.asking(), command).await?;
    let records = Arc::clone(&shared.centre.borrow().records);
    let alarm = records.alarms.get(alarm).map(|held| ShownAlarm::of(&held.value, shared.clock.now()));
    Ok(Json(Turned { offset: decided.offset, alarm }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    const HOUR: i64 = 3_600 * 1_000_000;

    fn alarm(id: &str, severity: &str, raised_at: i64, state: &Value) -> Arc<Alarm> {
        let rule = id.split(':').next();
        let alarm = json!({ "id": id, "severity": severity, "rule": rule, "text": { "vi": "Mưa lớn" },
            "raised_at": raised_at, "state": state, "source": "s", "received_at": 0 });
        Arc::new(serde_json::from_value(alarm).unwrap())
    }

    #[test]
    fn states_are_those_of_the_moment_and_the_newest_comes_first() {
        let now = Timestamp(100 * HOUR);
        let shelved = |until: i64| json!({ "kind": "shelved", "at": 1, "by": "An", "until": until * HOUR });
        let all = [
            alarm("a", "warning", 1, &json!({ "kind": "raised" })),
            alarm("b", "warning", 99 * HOUR, &json!({ "kind": "acknowledged", "at": 1, "by": "An" })),
            alarm("c", "warning", 98 * HOUR, &shelved(101)),
            alarm("d", "warning", 97 * HOUR, &shelved(100)),
            alarm("e", "warning", 96 * HOUR, &json!({ "kind": "cleared", "at": 97 * HOUR })),
        ];
        let cases: [(Option<&str>, &[&str]); 6] = [
            (None, &["b", "c", "d", "e", "a"]),
            (Some("active"), &["b", "c", "d", "a"]),
            (Some("raised"), &["d", "a"]),
            (Some("acknowledged"), &["b"]),
            (Some("shelved"), &["c"]),
            (Some("cleared"), &["e"]),
        ];
        for (wanted, expected) in cases {
            let shown = shown(all.iter(), wanted, now);
            let ids: Vec<&str> = shown.alarms.iter().map(|shown| shown.alarm.id.as_str()).collect();
            assert_eq!(ids, expected, "{wanted:?}");
            assert!(shown.flood_until.is_none() && shown.causes.is_empty());
        }
        let standing: BTreeMap<String, bool> = shown(all.iter(), None, now)
            .alarms
            .iter()
            .map(|shown| (shown.alarm.id.to_string(), shown.is_standing))
            .collect();
        assert_eq!(standing.iter().filter(|(_, is)| **is).map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn in_a_flood_causes_come_first_and_critical_ones_are_told_one_by_one() {
        let raised = json!({ "kind": "raised" });
        let severity = |index: i64| if index % 6 == 0 { "critical" } else { "warning" };
        let all: Vec<_> = (0..12)
            .map(|index| {
                alarm(&format!("{}:{index:02}", ["r", "q"][index as usize % 2]), severity(index), index, &raised)
            })
            .collect();
        let shown = shown(all.iter(), Some("active"), Timestamp(20));
        assert!(shown.flood_until.is_some());
        let causes: Vec<(String, usize)> =
            shown.causes.iter().map(|cause| (cause.rule.as_ref().unwrap().to_string(), cause.alarms.len())).collect();
        let expected = [("r", 1), ("r", 1), ("q", 6), ("r", 4)].map(|(rule, count)| (rule.to_owned(), count));
        assert_eq!(causes, expected);
        assert_eq!(shown.alarms.len(), 12);
    }
}
