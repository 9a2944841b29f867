//! What is told of alarms: each step once, in order. A fold of the log like any other, of which is kept what was told.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::view::At;
use protocol::{Alarm, Change, Event, Records, Timestamp};
use serde::Serialize;

/// One that was over for longer when it was first heard of is not told.
const RECENT_MICROS: i64 = 15 * 60 * 1_000_000;

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Raised,
    Acknowledged,
    Shelved,
    Unshelved,
    Cleared,
}

/// One step of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub kind: StepKind,
    pub at: Timestamp,
    /// As it is after it.
    pub alarm: Arc<Alarm>,
    /// Who said so, where the alarm does not tell.
    pub by: Option<String>,
    pub comment: Option<String>,
}

impl Step {
    /// The same for the same step, whenever it is told.
    #[must_use]
    pub fn id(&self) -> String {
        let kind = match self.kind {
            StepKind::Raised => "raised",
            StepKind::Acknowledged => "acknowledged",
            StepKind::Shelved => "shelved",
            StepKind::Unshelved => "unshelved",
            StepKind::Cleared => "cleared",
        };
        format!("{}/{kind}/{}", self.alarm.id, self.at.as_micros())
    }
}

/// The alarms that are not over, as they were told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    least: AlarmSeverity,
    records: Records,
    /// The steps of the entry at hand that were told.
    done: BTreeSet<String>,
}

impl Told {
    /// Of alarms that are so bad or worse.
    #[must_use]
    pub fn new(least: AlarmSeverity, alarms: Vec<Alarm>, done: BTreeSet<String>) -> Self {
        let mut told = Self { least, records: Records::default(), done };
        alarms.into_iter().for_each(|alarm| told.keep(&Arc::new(alarm)));
        told
    }

    /// What is to be remembered.
    #[must_use]
    pub fn alarms(&self) -> Vec<&Alarm> {
        self.records.alarms.values().map(|held| &*held.value).collect()
    }

    /// The same, of steps of the entry at hand.
    #[must_use]
    pub fn done(&self) -> &BTreeSet<String> {
        &self.done
    }

    /// All of an entry was told.
    pub fn end_entry(&mut self) {
        self.done.clear();
    }

    /// What is to be told of an event.
    #[must_use]
    pub fn steps(&self, event: &Event) -> Vec<Step> {
        let is_of_alarms = match event {
            Event::RecordsReported(reported) => !reported.alarms.is_empty(),
            Event::AlarmAcknowledged(_) | Event::AlarmShelved(_) | Event::AlarmUnshelved(_) => true,
            _ => false,
        };
        if !is_of_alarms {
            return Vec::new();
        }
        let mut after = self.clone();
        let mut steps = Vec::new();
        for change in self.records.changes_by(event) {
            let Change::Alarm(alarm) = change else { continue };
            let mut next = after.between(&alarm, None);
            if let Event::AlarmUnshelved(unshelved) = event {
                for step in next.iter_mut().filter(|step| step.kind == StepKind::Unshelved) {
                    step.at = unshelved.at;
                    (step.by, step.comment) = (Some(unshelved.by.clone()), unshelved.comment.clone());
                }
            }
            after.keep(&alarm);
            steps.extend(next);
        }
        steps
    }

    /// What is to be told where it is not known how things came to be as the records have them. What has changed behind
    /// `offset` is left to the entries that tell of it.
    #[must_use]
    pub fn catch_up(&self, records: &Records, offset: u64, now: Timestamp) -> Vec<Step> {
        let is_recent = |alarm: &Alarm| match alarm.state {
            AlarmState::Cleared { at } => now.since(at) <= RECENT_MICROS || self.records.alarms.contains_key(&alarm.id),
            _ => true,
        };
        let held = records.alarms.values().filter(|held| held.at <= offset).map(|held| &held.value);
        let held = held.filter(|alarm| is_recent(alarm));
        let mut steps: Vec<Step> = held.flat_map(|alarm| self.between(alarm, Some(now))).collect();
        let gone = self.records.alarms.values().filter(|told| !records.alarms.contains_key(&told.value.id));
        steps.extend(gone.map(|told| {
            let alarm = Alarm { state: AlarmState::Cleared { at: now }, ..(*told.value).clone() };
            step(StepKind::Cleared, now, &Arc::new(alarm))
        }));
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// A step was told.
    pub fn tell(&mut self, step: &Step) {
        let alarm = match step.kind {
            // The next step is still to be told.
            StepKind::Raised if step.alarm.state != AlarmState::Raised => {
                Arc::new(Alarm { state: AlarmState::Raised, ..(*step.alarm).clone() })
            }
            _ => Arc::clone(&step.alarm),
        };
        self.keep(&alarm);
        self.done.insert(step.id());
    }

    fn keep(&mut self, alarm: &Arc<Alarm>) {
        if alarm.is_active() {
            self.records.alarms.insert(alarm.id.clone(), At { at: 0, value: Arc::clone(alarm) });
        } else {
            self.records.alarms.remove(&alarm.id);
        }
    }

    /// From how an alarm was told to how it is now.
    fn between(&self, alarm: &Arc<Alarm>, now: Option<Timestamp>) -> Vec<Step> {
        if alarm.severity < self.least {
            return Vec::new();
        }
        let told = self.records.alarms.get(&alarm.id).map(|held| &held.value);
        let mut steps = Vec::new();
        if told.is_none() {
            steps.push(step(StepKind::Raised, alarm.raised_at, alarm));
        }
        let before = told.map_or(&AlarmState::Raised, |told| &told.state);
        steps.extend((*before != alarm.state).then(|| match &alarm.state {
            AlarmState::Raised => step(StepKind::Unshelved, now.unwrap_or(alarm.received_at), alarm),
            AlarmState::Acknowledged { at, .. } => step(StepKind::Acknowledged, *at, alarm),
            AlarmState::Shelved { at, .. } => step(StepKind::Shelved, *at, alarm),
            AlarmState::Cleared { at } => step(StepKind::Cleared, *at, alarm),
        }));
        // What comes before one that was told was told as well.
        let told = steps.iter().rposition(|step| self.done.contains(&step.id())).map_or(0, |last| last + 1);
        steps.split_off(told)
    }
}

fn step(kind: StepKind, at: Timestamp, alarm: &Arc<Alarm>) -> Step {
    let (by, comment) = match &alarm.state {
        AlarmState::Acknowledged { by, comment, .. } | AlarmState::Shelved { by, comment, .. }
            if kind != StepKind::Raised =>
        {
            (Some(by.clone()), comment.clone())
        }
        _ => (None, None),
    };
    Step { kind, at, alarm: Arc::clone(alarm), by, comment }
}

#[cfg(test)]
mod tests {
    use protocol::AlarmId;
    use protocol::event::{AlarmAcknowledged, AlarmShelved, AlarmUnshelved, RecordsReported};
    use serde_json::{Value, json};

    use super::*;

    fn alarm(id: &str, severity: &str, state: &Value) -> Arc<Alarm> {
        let alarm = json!({ "id": id, "severity": severity, "text": { "vi": "Mưa lớn" }, "raised_at": 1,
            "state": state, "source": "s", "received_at": 0 });
        Arc::new(serde_json::from_value(alarm).unwrap())
    }

    fn reported(alarms: Vec<Arc<Alarm>>) -> Event {
        let (tasks, sessions, idempotency_key) = (Vec::new(), Vec::new(), None);
        let received_at = Timestamp(1);
        Event::RecordsReported(RecordsReported {
            source: "s".into(),
            received_at,
            tasks,
            alarms,
            sessions,
            idempotency_key,
        })
    }

    fn events() -> Vec<Event> {
        let (raised, cleared) = (json!({ "kind": "raised" }), json!({ "kind": "cleared", "at": 9 }));
        let (alarm_id, by) = (AlarmId::from("a"), "An".to_owned());
        let comment = Some("Đang xem".to_owned());
        vec![
            reported(vec![alarm("a", "critical", &raised), alarm("w", "warning", &raised)]),
            Event::AlarmAcknowledged(AlarmAcknowledged {
                at: Timestamp(5),
                alarm: alarm_id.clone(),
                by: by.clone(),
                comment: comment.clone(),
            }),
            reported(vec![alarm("a", "critical", &raised)]),
            Event::AlarmShelved(AlarmShelved {
                at: Timestamp(6),
                alarm: alarm_id.clone(),
                by: by.clone(),
                until: Timestamp(8),
                comment: None,
            }),
            Event::AlarmUnshelved(AlarmUnshelved { at: Timestamp(7), alarm: alarm_id, by, comment }),
            reported(vec![
                alarm("b", "critical", &raised),
                alarm("b", "critical", &cleared),
                alarm("a", "critical", &cleared),
            ]),
        ]
    }

    const EXPECTED: [&str; 7] =
        ["a/raised/1", "a/acknowledged/5", "a/shelved/6", "a/unshelved/7", "b/raised/1", "b/cleared/9", "a/cleared/9"];

    #[test]
    fn each_step_is_told_once_and_in_order() {
        let mut told = Told::new(AlarmSeverity::Critical, Vec::new(), BTreeSet::new());
        let mut ids = Vec::new();
        for event in events() {
            for step in told.steps(&event) {
                ids.push(step.id());
                told.tell(&step);
            }
            assert!(told.steps(&event).is_empty(), "all of it was told");
            told.end_entry();
        }
        assert_eq!(ids, EXPECTED);
        assert!(told.alarms().is_empty());
    }

    #[test]
    fn an_end_between_any_two_steps_repeats_none_and_loses_none() {
        for cut in 1..=EXPECTED.len() {
            let mut told = Told::new(AlarmSeverity::Critical, Vec::new(), BTreeSet::new());
            let mut ids = Vec::new();
            for event in events() {
                for step in told.steps(&event) {
                    ids.push(step.id());
                    told.tell(&step);
                    if ids.len() == cut {
                        break;
                    }
                }
                if ids.len() == cut {
                    let alarms = told.alarms().into_iter().cloned().collect();
                    told = Told::new(AlarmSeverity::Critical, alarms, told.done().clone());
                    // The entry is taken anew.
                    for step in told.steps(&event) {
                        ids.push(step.id());
                        told.tell(&step);
                    }
                }
                told.end_entry();
            }
            assert_eq!(ids, EXPECTED, "{cut}");
        }
    }

    #[test]
    fn who_said_so_is_told() {
        let mut told = Told::new(AlarmSeverity::Critical, Vec::new(), BTreeSet::new());
        let mut said = Vec::new();
        for event in events() {
            for step in told.steps(&event) {
                said.push((step.kind, step.by.clone(), step.comment.is_some()));
                told.tell(&step);
            }
        }
        let an = Some("An".to_owned());
        assert_eq!(
            said[1..4],
            [
                (StepKind::Acknowledged, an.clone(), true),
                (StepKind::Shelved, an.clone(), false),
                (StepKind::Unshelved, an, true),
            ]
        );
    }

    #[test]
    fn what_came_meanwhile_is_caught_up_with() {
        let raised = json!({ "kind": "raised" });
        let acknowledged = json!({ "kind": "acknowledged", "at": 5, "by": "An" });
        let cleared = |at: i64| json!({ "kind": "cleared", "at": at });
        let now = Timestamp(RECENT_MICROS + 100);
        let mut records = Records::default();
        for (id, state) in [
            ("new", &raised),
            ("seen", &acknowledged),
            ("over", &cleared(50)),
            ("lately", &cleared(101)),
            ("long", &cleared(99)),
        ] {
            records.apply(1, &Change::Alarm(alarm(id, "warning", state)));
        }
        records.apply(2, &Change::Alarm(alarm("later", "warning", &raised)));
        let before = ["over", "left", "seen"].map(|id| (*alarm(id, "warning", &raised)).clone());
        let told = Told::new(AlarmSeverity::Warning, before.to_vec(), BTreeSet::new());
        let mut ids: Vec<String> = told.catch_up(&records, 1, now).iter().map(Step::id).collect();
        ids.sort_unstable();
        let left = format!("left/cleared/{}", now.as_micros());
        assert_eq!(
            ids,
            ["lately/cleared/101", "lately/raised/1", &left, "new/raised/1", "over/cleared/50", "seen/acknowledged/5"]
        );
    }
}
