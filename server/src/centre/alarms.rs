//! Alarms are acknowledged, shelved and brought back.

use std::sync::Arc;

use protocol::alarm::AlarmState;
use protocol::event::{AlarmAcknowledged, AlarmShelved, AlarmUnshelved};
use protocol::records::Record;
use protocol::{Alarm, AlarmId, Change, Event, RecordKind, Timestamp};

use super::admit_records::{MOST_NAME, check_text};
use super::records::room;
use super::{Centre, Refusal};

/// The longest that an alarm is put aside: whoever shelves it looks at it again within a week.
const MOST_DAYS: i64 = 7;
const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// The longest comment, in characters.
const MOST_COMMENT: usize = 500;
/// How many alarms are named to one who asked for one that there is not.
const NAMED: usize = 10;

impl Centre {
    pub(super) fn decide_acknowledge(
        &self,
        alarm: &AlarmId,
        (by, comment): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        self.active_alarm(alarm)?;
        check_said(by, comment)?;
        let (by, comment) = (by.to_owned(), comment.map(str::to_owned));
        self.fitting(Event::AlarmAcknowledged(AlarmAcknowledged { at: now, alarm: alarm.clone(), by, comment }))
    }

    pub(super) fn decide_shelve(
        &self,
        alarm: &AlarmId,
        until: Timestamp,
        (by, comment): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        self.active_alarm(alarm)?;
        check_said(by, comment)?;
        if until <= now {
            return Err(Refusal::Unfit { reason: "'until' is over already; give a moment yet to come".to_owned() });
        }
        if until.since(now) > MOST_DAYS * DAY_MICROS {
            let reason =
                format!("'until' is more than {MOST_DAYS} days ahead; shelve it for less, and again if need be");
            return Err(Refusal::Unfit { reason });
        }
        let (by, comment) = (by.to_owned(), comment.map(str::to_owned));
        self.fitting(Event::AlarmShelved(AlarmShelved { at: now, alarm: alarm.clone(), by, until, comment }))
    }

    pub(super) fn decide_unshelve(
        &self,
        alarm: &AlarmId,
        (by, comment): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let held = self.active_alarm(alarm)?;
        check_said(by, comment)?;
        if held.aside_until(now).is_none() {
            return Err(Refusal::Passed {
                reason: format!("alarm '{alarm}' is not shelved; there is nothing to undo"),
            });
        }
        let (by, comment) = (by.to_owned(), comment.map(str::to_owned));
        self.fitting(Event::AlarmUnshelved(AlarmUnshelved { at: now, alarm: alarm.clone(), by, comment }))
    }

    fn active_alarm(&self, id: &AlarmId) -> Result<&Alarm, Refusal> {
        let alarms = &self.records.alarms;
        let Some(held) = alarms.get(id) else {
            let active = alarms.values().filter(|held| held.value.is_active()).map(|held| held.value.id().as_str());
            let known = active.take(NAMED).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none is active".to_owned() } else { known };
            return Err(Refusal::NotFound { what: format!("alarm '{}'", shown(id.as_str())), known });
        };
        match held.value.state {
            AlarmState::Cleared { .. } => {
                Err(Refusal::Passed { reason: format!("alarm '{id}' is over; there is nothing left to do about it") })
            }
            _ => Ok(&held.value),
        }
    }

    /// The event, if there is room for what it leads to.
    fn fitting(&self, event: Event) -> Result<Vec<Event>, Refusal> {
        let alarms: Vec<Arc<Alarm>> = self
            .records
            .changes_by(&event)
            .into_iter()
            .filter_map(|change| match change {
                Change::Alarm(alarm) => Some(alarm),
                _ => None,
            })
            .collect();
        room("alarms", RecordKind::Alarm, &self.records.alarms, &alarms).map_err(|reason| Refusal::Unfit { reason })?;
        Ok(vec![event])
    }
}

fn check_said(by: &str, comment: Option<&str>) -> Result<(), Refusal> {
    let said = check_text("by", by, MOST_NAME);
    let said = said.and_then(|()| comment.map_or(Ok(()), |comment| check_text("comment", comment, MOST_COMMENT)));
    said.map_err(|reason| Refusal::Unfit { reason })
}

/// As much of an id that was sent as is told again.
pub(super) fn shown(id: &str) -> String {
    id.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use protocol::Command;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_691_979_000);
    const HOUR: i64 = 3_600 * 1_000_000;

    fn reported(state: &Value) -> Event {
        let alarm = json!({ "id": "a", "severity": "critical", "text": { "vi": "Mưa lớn" }, "raised_at": 0,
            "state": state, "source": "s", "received_at": 0 });
        let reported = json!({ "source": "s", "received_at": 0, "alarms": [alarm] });
        Event::RecordsReported(serde_json::from_value(reported).unwrap())
    }

    fn centre(state: &Value) -> Centre {
        let mut centre = Centre::default();
        centre.apply(1, &reported(state));
        centre
    }

    fn command(body: Value) -> Command {
        serde_json::from_value(body).unwrap()
    }

    fn until(hours: i64) -> i64 {
        NOW.plus_micros(hours * HOUR).as_micros()
    }

    fn state(centre: &Centre) -> Value {
        serde_json::to_value(&centre.records.alarms["a"].value.state).unwrap()
    }

    #[test]
    fn each_step_is_an_event_and_a_clear_ends_it() {
        let mut centre = centre(&json!({ "kind": "raised" }));
        let now = NOW.as_micros();
        let steps = [
            (
                json!({ "kind": "acknowledge_alarm", "alarm": "a", "by": "An", "comment": "Đang xem" }),
                json!({ "kind": "acknowledged", "at": now, "by": "An", "comment": "Đang xem" }),
            ),
            (
                json!({ "kind": "shelve_alarm", "alarm": "a", "by": "An", "until": until(2) }),
                json!({ "kind": "shelved", "at": now, "by": "An", "until": until(2) }),
            ),
            (json!({ "kind": "unshelve_alarm", "alarm": "a", "by": "An" }), json!({ "kind": "raised" })),
        ];
        for (offset, (asked, expected)) in (2..).zip(steps) {
            let events = centre.decide(&command(asked), NOW).unwrap();
            assert_eq!(events.len(), 1);
            centre.apply(offset, &events[0]);
            assert_eq!(state(&centre), expected);
            let still = reported(&json!({ "kind": "raised" }));
            centre.apply(offset, &still);
            assert_eq!(state(&centre), expected, "its source says that it still stands");
        }
        let cleared = json!({ "kind": "cleared", "at": until(1) });
        centre.apply(9, &reported(&cleared));
        assert_eq!(state(&centre), cleared);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_why() {
        let raised = json!({ "kind": "raised" });
        let over = json!({ "kind": "cleared", "at": 1 });
        let lapsed = json!({ "kind": "shelved", "at": 1, "by": "An", "until": until(0) });
        let acknowledge = |alarm: &str, by: &str, comment: &str| json!({ "kind": "acknowledge_alarm", "alarm": alarm, "by": by, "comment": comment });
        let shelve = |hours| json!({ "kind": "shelve_alarm", "alarm": "a", "by": "An", "until": until(hours) });
        let unshelve = json!({ "kind": "unshelve_alarm", "alarm": "a", "by": "An" });
        let cases = [
            (&raised, acknowledge("b", "An", "x"), "there is no alarm 'b'; known: a"),
            (&over, acknowledge("b", "An", "x"), "there is no alarm 'b'; known: none is active"),
            (&over, acknowledge("a", "An", "x"), "alarm 'a' is over; there is nothing left to do about it"),
            (&raised, acknowledge("a", " ", "x"), "by is empty"),
            (&raised, acknowledge("a", "An", &"x".repeat(501)), "comment has 501 characters; at most 500 are taken"),
            (&raised, shelve(0), "'until' is over already; give a moment yet to come"),
            (&raised, shelve(169), "'until' is more than 7 days ahead; shelve it for less, and again if need be"),
            (&raised, unshelve.clone(), "alarm 'a' is not shelved; there is nothing to undo"),
            (&lapsed, unshelve, "alarm 'a' is not shelved; there is nothing to undo"),
        ];
        for (state, asked, expected) in cases {
            let said = centre(state).decide(&command(asked), NOW).unwrap_err().to_string();
            assert_eq!(said, expected);
        }
        assert!(centre(&raised).decide(&command(shelve(168)), NOW).is_ok());
    }
}
