//! What is sent: one step of an alarm, as JSON.

use protocol::observation::Name;
use protocol::{Alarm, Catalogue, ObservationStatus};
use serde::Serialize;

use super::steps::{Step, StepKind};
use crate::clock::to_rfc3339;

/// One step, so that whoever gets it needs to ask for nothing else.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    /// The same whenever the same step is sent again.
    pub id: String,
    kind: StepKind,
    at: String,
    centre: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    /// Until when it is put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    alarm: Told<'a>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    id: &'a str,
    severity: protocol::alarm::AlarmSeverity,
    text: &'a str,
    raised_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<Named<'a>>,
    /// How often it has come and gone, where it chatters.
    #[serde(skip_serializing_if = "Option::is_none")]
    chatter: Option<u32>,
    /// Whether it is made up for a demonstration.
    is_simulated: bool,
}

#[derive(Debug, Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> Message<'a> {
    pub fn of(step: &'a Step, catalogue: &'a Catalogue, language: &str) -> Self {
        let until = match (step.kind, &step.alarm.state) {
            (StepKind::Shelved, protocol::alarm::AlarmState::Shelved { until, .. }) => Some(to_rfc3339(*until)),
            _ => None,
        };
        Self {
            id: step.id(),
            kind: step.kind,
            at: to_rfc3339(step.at),
            centre: catalogue.centre.in_language(language),
            by: step.by.as_deref(),
            comment: step.comment.as_deref(),
            until,
            alarm: Told::of(&step.alarm, catalogue, language),
        }
    }
}

impl<'a> Told<'a> {
    fn of(alarm: &'a Alarm, catalogue: &'a Catalogue, language: &str) -> Self {
        let named = |id: &'a str, name: Option<&'a Name>| Named {
            id,
            name: name.map_or(id, |name| name.in_language(language)),
        };
        let area = alarm.area.as_ref().map(|id| named(id.as_str(), catalogue.areas.get(id).map(|area| &area.name)));
        let agency =
            alarm.agency.as_ref().map(|id| named(id.as_str(), catalogue.agencies.get(id).map(|agency| &agency.name)));
        Self {
            id: alarm.id.as_str(),
            severity: alarm.severity,
            text: alarm.text.in_language(language),
            raised_at: to_rfc3339(alarm.raised_at),
            rule: alarm.rule.as_ref().map(|rule| rule.as_str()),
            area,
            agency,
            chatter: Some(alarm.chatter).filter(|count| *count > 0),
            is_simulated: alarm.status == ObservationStatus::Simulated,
        }
    }
}
