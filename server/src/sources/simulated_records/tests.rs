//! The records of the demo, on many days and at many moments.

use std::path::Path;

use protocol::alarm::AlarmState;
use protocol::task::{Report, Timing};

use super::*;
use crate::centre::Centre;
use crate::config;

const HOUR_MICROS: i64 = 3_600 * 1_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// 2023-08-14 09:10 in Viet Nam.
const NOW: Timestamp = Timestamp::from_secs(1_691_979_000);

fn demo() -> SimulatedRecords {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo/sources.toml");
    let mut sources: toml::Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let sources = sources.remove("source").unwrap().as_array().unwrap().clone();
    let of_kind = |source: &&toml::Value| source["kind"].as_str() == Some("simulated_records");
    let options = sources.iter().find(of_kind).unwrap()["options"].clone();
    SimulatedRecords { options: options.try_into().unwrap(), zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap() }
}

/// A centre as the demo configures it.
fn centre() -> Centre {
    let config = config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo")).unwrap();
    let config::CentreConfig { catalogue, walls, layouts, .. } = config;
    let mut centre = Centre::default();
    let revised = protocol::event::CatalogueRevised { at: NOW, catalogue, walls, layouts };
    centre.apply(1, &protocol::Event::CatalogueRevised(Box::new(revised)));
    centre
}

fn later(micros: i64) -> Timestamp {
    NOW.plus_micros(micros)
}

#[test]
fn there_is_always_something_late_something_due_and_something_done() {
    let demo = demo();
    let mut days_with_something_due = 0;
    for now in (0..120).map(|step| later(step * 3 * DAY_MICROS)) {
        let records = demo.records(now).unwrap();
        let (_, today) = demo.today(now).unwrap();
        let report = Report::of(&records.tasks, today);
        let due_soon = records.tasks.iter().filter(|task| matches!(task.timing(today), Timing::DueSoon { .. })).count();
        assert!((1..=18).contains(&report.overdue), "{today}: {report:?}");
        assert!((15..=60).contains(&report.open()), "{today}: {report:?}");
        days_with_something_due += usize::from(due_soon > 0);
        assert!(report.done_in_time > report.done_late && report.done_late > 10, "{today}: {report:?}");
        assert!(records.tasks.iter().any(|task| !task.extensions.is_empty()), "{today}");
    }
    assert!(days_with_something_due > 110, "on {days_with_something_due} of 120 days");
}

#[test]
fn all_of_it_may_come_in_and_has_ids_of_its_own() {
    let (demo, centre) = (demo(), centre());
    for now in (0..200).map(|step| later(step * 41 * HOUR_MICROS)) {
        let records = demo.records(now).unwrap();
        let tasks = records.tasks.iter().map(|task| (task.id.to_string(), centre.admit_task(task, now)));
        let alarms = records.alarms.iter().map(|alarm| (alarm.id.to_string(), centre.admit_alarm(alarm, now)));
        let sessions =
            records.sessions.iter().map(|session| (session.id.to_string(), centre.admit_session(session, now)));
        let mut ids = BTreeSet::new();
        for (id, admitted) in tasks.chain(alarms).chain(sessions) {
            assert_eq!(admitted, Ok(()), "{id}");
            assert!(ids.insert(id.clone()), "{id} twice");
        }
    }
}

#[test]
fn a_task_changes_with_the_day_only_and_ends_once() {
    let demo = demo();
    let midnight = NOW.plus_micros(-(9 * 60 + 10) * 60 * 1_000_000);
    let at = |micros| demo.records(midnight.plus_micros(micros)).unwrap().tasks;
    assert_eq!(at(0), at(DAY_MICROS - 1), "all day long");
    assert_ne!(at(0), at(DAY_MICROS));
    let mut closed = std::collections::BTreeMap::new();
    for tasks in (0..200).map(|day| at(day * DAY_MICROS)) {
        for task in tasks {
            if let Some(before) = closed.get(&task.id) {
                assert_eq!(task.closed_on.as_ref(), Some(before), "{} was closed before", task.id);
            }
            closed.extend(task.closed_on.map(|day| (task.id, day)));
        }
    }
    assert!(closed.len() > 200);
}

#[test]
fn alarms_are_raised_seen_to_and_over() {
    let demo = demo();
    let mut states = BTreeSet::new();
    let mut standing = 0;
    let steps = 2000;
    for now in (0..steps).map(|step| later(step * HOUR_MICROS / 4)) {
        for alarm in demo.records(now).unwrap().alarms {
            standing += usize::from(alarm.is_active());
            states.insert(match alarm.state {
                AlarmState::Raised => "raised",
                AlarmState::Acknowledged { .. } => "acknowledged",
                AlarmState::Shelved { .. } => "shelved",
                AlarmState::Cleared { .. } => "cleared",
            });
        }
    }
    assert_eq!(states.len(), 4, "{states:?}");
    let usual = standing / steps as usize;
    assert!((1..=5).contains(&usual), "{usual} at once");
}

#[test]
fn the_session_of_the_day_goes_on_by_the_clock() {
    let demo = demo();
    let session_at = |now: Timestamp| {
        let sessions = demo.records(now).unwrap().sessions;
        sessions.into_iter().find(|session| session.id.as_str() == "giao-ban-sang-2023-08-14").unwrap()
    };
    let begins = session_at(NOW).starts_at;
    let open_at = |minutes: i64| {
        let session = session_at(begins.plus_micros(minutes * 60 * 1_000_000));
        (session.stage, session.open_item().map(|(index, _)| index))
    };
    assert_eq!(open_at(-1), (Stage::Planned, None));
    assert_eq!(open_at(0), (Stage::Open { since: begins }, Some(0)));
    assert_eq!(open_at(15), (Stage::Open { since: begins }, Some(1)));
    assert_eq!(open_at(89), (Stage::Open { since: begins }, Some(5)));
    let ends = begins.plus_micros(90 * 60 * 1_000_000);
    assert_eq!(open_at(90), (Stage::Closed { since: begins, at: ends }, None));
}

#[test]
fn what_is_no_longer_made_up_is_brought_to_its_end() {
    let (demo, source) = (demo(), SourceId::from("dieu-hanh"));
    let mut records = Records::default();
    let old = demo.records(later(-40 * DAY_MICROS)).unwrap();
    let own = |index: usize| if index == 0 { SourceId::from("other") } else { source.clone() };
    let tasks = old.tasks.into_iter().filter(|task| task.closed_on.is_none()).take(2);
    for (index, task) in tasks.enumerate() {
        let task = Task { id: format!("gone-{index}").into(), source: own(index), ..task };
        records.apply(1, &protocol::Change::Task(Arc::new(task)));
    }
    for session in old.sessions {
        let stage = Stage::Open { since: session.starts_at };
        records.apply(1, &protocol::Change::Session(Arc::new(Session { source: source.clone(), stage, ..session })));
    }
    let mut told = Reported::default();
    demo.retire(&records, &source, NOW, &mut told);
    let ids: Vec<&str> = told.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["gone-1"], "that of another source is not ours to end");
    assert_eq!(told.tasks[0].state, TaskState::Withdrawn);
    assert!(!told.sessions.is_empty());
    assert!(told.sessions.iter().all(|session| matches!(session.stage, Stage::Closed { at: NOW, .. })));
}
