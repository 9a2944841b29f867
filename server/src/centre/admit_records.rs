//! Whether a task, an alarm or a session may come in.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::Display;

use protocol::alarm::AlarmState;
use protocol::observation::Name;
use protocol::session::Stage;
use protocol::task::TaskState;
use protocol::{AgencyId, Alarm, AreaId, Day, IndicatorId, LayoutId, Session, Task, Timestamp};

use super::Centre;
use super::admit::{FUTURE_TOLERANCE_MICROS, check_names, unknown};

/// The longest texts, in characters.
const MOST_ID: usize = 100;
pub(super) const MOST_NAME: usize = 300;
pub(super) const MOST_TEXT: usize = 2000;
/// Most agencies that work on a task, extensions of it, items of a session, indicators of an item.
const MOST_PARTS: usize = 50;

type Verdict = Result<(), String>;

impl Centre {
    /// Checks a task against the catalogue and the clock.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn admit_task(&self, task: &Task, now: Timestamp) -> Verdict {
        check_id(&task.id)?;
        check_name("content", &task.content, MOST_TEXT)?;
        if let Some(document) = &task.document {
            check_text("document.number", &document.number, MOST_NAME)?;
            check_optional("document.summary", document.summary.as_ref(), MOST_TEXT)?;
        }
        check_optional("sector", task.sector.as_ref(), MOST_NAME)?;
        check_optional("lateness_reason", task.lateness_reason.as_ref(), MOST_TEXT)?;
        check_count("with", task.with.len())?;
        check_count("extensions", task.extensions.len())?;
        for extension in &task.extensions {
            check_optional("extensions.reason", extension.reason.as_ref(), MOST_TEXT)?;
        }
        for agency in [&task.given_by, &task.lead].into_iter().chain(&task.with) {
            self.check_agency(agency)?;
        }
        if let Some(percent) = task.progress_percent.filter(|percent| *percent > 100) {
            return Err(format!("progress_percent is {percent}; it is at most 100"));
        }
        check_closing(task, now)
    }

    /// Checks an alarm against the catalogue and the clock.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn admit_alarm(&self, alarm: &Alarm, now: Timestamp) -> Verdict {
        check_id(&alarm.id)?;
        check_name("text", &alarm.text, MOST_TEXT)?;
        if let Some(series) = &alarm.series {
            check_names(&self.catalogue, series)?;
        }
        alarm.area.as_ref().map_or(Ok(()), |area| self.check_area(area))?;
        alarm.agency.as_ref().map_or(Ok(()), |agency| self.check_agency(agency))?;
        check_past("raised_at", alarm.raised_at, now)?;
        match &alarm.state {
            AlarmState::Raised => Ok(()),
            AlarmState::Acknowledged { at, by, comment } | AlarmState::Shelved { at, by, comment, .. } => {
                check_text("state.by", by, MOST_NAME)?;
                comment.as_ref().map_or(Ok(()), |comment| check_text("state.comment", comment, MOST_TEXT))?;
                check_order(("raised_at", alarm.raised_at), ("state.at", *at))?;
                check_past("state.at", *at, now)
            }
            AlarmState::Cleared { at } => {
                check_order(("raised_at", alarm.raised_at), ("state.at", *at))?;
                check_past("state.at", *at, now)
            }
        }
    }

    /// Checks a session against the catalogue, the layouts and the clock.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn admit_session(&self, session: &Session, now: Timestamp) -> Verdict {
        check_id(&session.id)?;
        check_name("title", &session.title, MOST_NAME)?;
        check_optional("place", session.place.as_ref(), MOST_NAME)?;
        check_name("chair", &session.chair, MOST_NAME)?;
        check_stage(session.stage, now)?;
        check_count("items", session.items.len())?;
        for (item, place) in session.items.iter().zip(1..) {
            let check = || {
                check_name("title", &item.title, MOST_NAME)?;
                check_name("presenter", &item.presenter, MOST_NAME)?;
                check_count("indicators", item.indicators.len())?;
                item.agency.as_ref().map_or(Ok(()), |agency| self.check_agency(agency))?;
                item.layout.as_ref().map_or(Ok(()), |layout| self.check_layout(layout))?;
                item.indicators.iter().try_for_each(|indicator| self.check_indicator(indicator))?;
                check_stage(item.stage, now)
            };
            check().map_err(|reason| format!("item {place}: {reason}"))?;
        }
        Ok(())
    }

    fn check_agency(&self, id: &AgencyId) -> Verdict {
        check_known("agency", id, &self.catalogue.agencies)
    }

    fn check_area(&self, id: &AreaId) -> Verdict {
        check_known("area", id, &self.catalogue.areas)
    }

    fn check_indicator(&self, id: &IndicatorId) -> Verdict {
        check_known("indicator", id, &self.catalogue.indicators)
    }

    fn check_layout(&self, id: &LayoutId) -> Verdict {
        check_known("layout", id, &self.layouts)
    }
}

fn check_known<K: Ord + Borrow<str>, V>(what: &str, id: &K, known: &BTreeMap<K, V>) -> Verdict {
    let id: &str = id.borrow();
    if known.contains_key(id) {
        return Ok(());
    }
    Err(unknown(what, id, known.keys().map(Borrow::borrow)))
}

fn check_closing(task: &Task, now: Timestamp) -> Verdict {
    let is_closed = matches!(task.state, TaskState::Done | TaskState::Withdrawn);
    match task.closed_on {
        None if is_closed => Err("a task that is done or withdrawn needs closed_on, the day of it".to_owned()),
        Some(day) if !is_closed => Err(format!("closed_on is {day}, but the task is neither done nor withdrawn")),
        // Days are those of whoever sends them: a day ahead is today somewhere.
        Some(day) if day > Day::in_utc(now).plus(1) => Err(format!("closed_on is {day}, which is yet to come")),
        _ => Ok(()),
    }
}

fn check_stage(stage: Stage, now: Timestamp) -> Verdict {
    match stage {
        Stage::Planned => Ok(()),
        Stage::Open { since } => check_past("stage.since", since, now),
        Stage::Closed { since, at } => {
            check_order(("stage.since", since), ("stage.at", at))?;
            check_past("stage.at", at, now)
        }
    }
}

fn check_order((before, earlier): (&str, Timestamp), (after, later): (&str, Timestamp)) -> Verdict {
    if earlier <= later { Ok(()) } else { Err(format!("{after} lies before {before}")) }
}

fn check_past(field: &str, at: Timestamp, now: Timestamp) -> Verdict {
    let ahead_secs = at.since(now) / 1_000_000;
    if at.since(now) <= FUTURE_TOLERANCE_MICROS {
        return Ok(());
    }
    Err(format!("{field} lies {ahead_secs} s in the future (check the sender's clock and time zone)"))
}

pub(super) fn check_id(id: &impl Display) -> Verdict {
    let id = id.to_string();
    let is_formed = !id.trim().is_empty() && id.chars().count() <= MOST_ID && !id.chars().any(char::is_control);
    if is_formed { Ok(()) } else { Err(format!("an id has 1 to {MOST_ID} characters, on one line")) }
}

pub(super) fn check_name(field: &str, name: &Name, most: usize) -> Verdict {
    check_text(field, &name.vi, most)?;
    name.en.as_ref().map_or(Ok(()), |english| check_text(&format!("{field}.en"), english, most))
}

fn check_optional(field: &str, name: Option<&Name>, most: usize) -> Verdict {
    name.map_or(Ok(()), |name| check_name(field, name, most))
}

pub(super) fn check_text(field: &str, text: &str, most: usize) -> Verdict {
    if text.trim().is_empty() {
        return Err(format!("{field} is empty"));
    }
    match text.chars().count() {
        count if count > most => Err(format!("{field} has {count} characters; at most {most} are taken")),
        _ => Ok(()),
    }
}

fn check_count(field: &str, count: usize) -> Verdict {
    if count <= MOST_PARTS {
        Ok(())
    } else {
        Err(format!("{field} has {count} entries; at most {MOST_PARTS} are taken"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::Catalogue;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_691_979_000);

    fn centre() -> Centre {
        let catalogue: Catalogue = serde_json::from_value(json!({
            "organisation": { "vi": "UBND" }, "centre": { "vi": "IOC" },
            "areas": { "51": { "id": "51", "name": { "vi": "Quảng Ngãi" } } },
            "agencies": { "stc": { "id": "stc", "name": { "vi": "Sở Tài chính" } } },
            "indicators": {}, "sources": {},
        }))
        .unwrap();
        Centre { catalogue: Arc::new(catalogue), ..Centre::default() }
    }

    /// What is said of `record` with the field at `pointer` set to `value`; nothing when it is taken.
    fn said<T: DeserializeOwned>(
        record: &Value,
        (pointer, value): (&str, Value),
        admit: impl Fn(&Centre, &T, Timestamp) -> Verdict,
    ) -> String {
        let mut record = record.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        record.pointer_mut(parent).unwrap()[key] = value;
        admit(&centre(), &serde_json::from_value(record).unwrap(), NOW).err().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_with_a_task_is_named() {
        let task = json!({ "id": "1/2023", "content": { "vi": "Báo cáo" }, "given_by": "stc", "given_on": "2023-08-01",
            "lead": "stc", "origin": "government", "state": "in_progress", "source": "s", "received_at": 0 });
        let cases = [
            (("/deadline", json!("2023-08-20")), ""),
            (("/id", json!("")), "an id has 1 to 100 characters, on one line"),
            (("/content/vi", json!(" ")), "content is empty"),
            (("/content/en", json!("x".repeat(2001))), "content.en has 2001 characters; at most 2000 are taken"),
            (("/lead", json!("stx")), "unknown agency 'stx'; did you mean 'stc'?"),
            (
                ("/with", json!(["nobody"])),
                "unknown agency 'nobody'; see /api/v1/agencies for those that are configured",
            ),
            (("/with", json!(vec!["stc"; 51])), "with has 51 entries; at most 50 are taken"),
            (("/progress_percent", json!(101)), "progress_percent is 101; it is at most 100"),
            (("/state", json!("done")), "a task that is done or withdrawn needs closed_on, the day of it"),
            (
                ("/closed_on", json!("2023-08-10")),
                "closed_on is 2023-08-10, but the task is neither done nor withdrawn",
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(said(&task, change, Centre::admit_task), expected);
        }
        let mut done = task;
        done["state"] = json!("done");
        for (day, expected) in [("2023-08-15", ""), ("2023-08-16", "closed_on is 2023-08-16, which is yet to come")] {
            assert_eq!(said(&done, ("/closed_on", json!(day)), Centre::admit_task), expected);
        }
    }

    #[test]
    fn what_is_wrong_with_an_alarm_is_named() {
        let past = NOW.as_micros() - 60_000_000;
        let alarm = json!({ "id": "a", "severity": "critical", "text": { "vi": "Mưa lớn" }, "raised_at": past,
            "state": { "kind": "raised" }, "source": "s", "received_at": 0 });
        let state = |kind: &str, at: i64| ("/state", json!({ "kind": kind, "at": at, "by": "Trực ban" }));
        let cases = [
            (("/area", json!("51")), ""),
            (("/area", json!("52")), "unknown area '52'; did you mean '51'?"),
            (
                ("/series", json!({ "indicator": "rain", "area": "51" })),
                "unknown indicator 'rain'; see /api/v1/indicators for those that are configured",
            ),
            (
                ("/raised_at", json!(past + 3_660_000_000_i64)),
                "raised_at lies 3600 s in the future (check the sender's clock and time zone)",
            ),
            (state("acknowledged", past), ""),
            (state("acknowledged", past - 1), "state.at lies before raised_at"),
            (state("cleared", past - 1), "state.at lies before raised_at"),
            (("/state", json!({ "kind": "acknowledged", "at": past, "by": "" })), "state.by is empty"),
        ];
        for (change, expected) in cases {
            assert_eq!(said(&alarm, change, Centre::admit_alarm), expected);
        }
    }

    #[test]
    fn what_is_wrong_with_a_session_is_named_with_its_item() {
        let planned = json!({ "kind": "planned" });
        let item = json!({ "title": { "vi": "Một" }, "presenter": { "vi": "Ai đó" }, "minutes": 5, "stage": planned });
        let session = json!({ "id": "s", "title": { "vi": "Phiên" }, "starts_at": 0, "chair": { "vi": "Chủ tịch" },
            "items": [item, item], "stage": planned, "source": "s", "received_at": 0 });
        let cases = [
            (("/items/1/agency", json!("stc")), ""),
            (("/items/1/agency", json!("stx")), "item 2: unknown agency 'stx'; did you mean 'stc'?"),
            (
                ("/items/0/layout", json!("overview")),
                "item 1: unknown layout 'overview'; see /api/v1/layouts for those that are configured",
            ),
            (("/chair/vi", json!("")), "chair is empty"),
            (("/stage", json!({ "kind": "closed", "since": 2, "at": 1 })), "stage.at lies before stage.since"),
        ];
        for (change, expected) in cases {
            assert_eq!(said(&session, change, Centre::admit_session), expected);
        }
    }
}
