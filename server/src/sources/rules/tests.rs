//! Scripts of what comes in and the moments that pass, and the alarms that follow.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::alarm::AlarmState;
use protocol::source::SourceLink;
use protocol::{
    Alarm, Catalogue, Change, Observation, ObservationStatus, Records, SeriesKey, SourceState, Task, Timestamp,
};
use serde_json::json;

use super::core::{Core, MOST_ACTIVE};
use super::rule::{Condition, Rule, Side, Values};
use crate::sources::tests::{Running, until};
use crate::sources::{Reported, Source};

/// 14/8/2023 08:30 in Việt Nam: second 0 of the scripts.
const START: i64 = 1_691_976_600;
/// From then to midnight.
const MIDNIGHT: i64 = 15 * 3600 + 1800;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

fn secs(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000) - START
}

fn catalogue() -> Arc<Catalogue> {
    let area = |id: &str, name: &str| (id.to_owned(), json!({ "id": id, "name": { "vi": name } }));
    let agency = |id: &str| (id.to_owned(), json!({ "id": id, "name": { "vi": format!("Cơ quan {id}") } }));
    let source =
        |id: &str| (id.to_owned(), json!({ "id": id, "name": { "vi": format!("Nguồn {id}") }, "kind": "csv" }));
    let level = json!({ "id": "level", "name": { "vi": "Mực nước", "en": "Level" }, "unit": { "vi": "m" },
        "decimals": 2, "display_scale": 0.01, "period": "hour", "owner": "kttv", "expected_interval_secs": 600, "grace_secs": 300 });
    let map = |entries: Vec<(String, serde_json::Value)>| entries.into_iter().collect::<BTreeMap<_, _>>();
    let whole = json!({
        "organisation": { "vi": "UBND" }, "centre": { "vi": "IOC" }, "indicators": { "level": level },
        "areas": map(vec![area("522", "Quảng Ngãi"), area("535", "Ba Tơ")]),
        "agencies": map(vec![agency("kttv"), agency("stc")]),
        "sources": map(vec![source("alarms"), source("ve"), source("tra")]),
    });
    Arc::new(serde_json::from_value(whole).unwrap())
}

fn values() -> Values {
    Values { indicators: vec!["level".into()], areas: Vec::new() }
}

fn rule(condition: Condition, delay_secs: i64) -> Rule {
    Rule {
        id: "r".into(),
        severity: protocol::alarm::AlarmSeverity::Warning,
        text: protocol::observation::Name { vi: "Báo động".to_owned(), en: None },
        agency: None,
        condition,
        delay_micros: delay_secs * 1_000_000,
    }
}

/// Above 350, over at 330.
fn threshold(delay_secs: i64) -> Rule {
    rule(Condition::Threshold { values: values(), side: Side::Above, limit: 350.0, clear: 330.0 }, delay_secs)
}

fn falls() -> Rule {
    rule(Condition::Rate { values: values(), side: Side::Below, by: 50.0, within_micros: 1_800_000_000 }, 0)
}

fn stale(delay_secs: i64) -> Rule {
    rule(Condition::Stale { values: values() }, delay_secs)
}

fn down(source: Option<&str>, delay_secs: i64) -> Rule {
    rule(Condition::SourceDown { source: source.map(Into::into) }, delay_secs)
}

fn overdue(days: u32) -> Rule {
    let least_urgency = protocol::task::Urgency::Urgent;
    rule(Condition::TaskOverdue { least_urgency, lead: Some("stc".into()), days }, 0)
}

/// Rules with a centre of their own, and what they told.
struct Script {
    core: Core,
    rules: Arc<[Rule]>,
    records: Records,
    known: BTreeMap<SeriesKey, Observation>,
    offset: u64,
    told: Vec<String>,
    alarms: Vec<Alarm>,
}

impl Script {
    fn start(rules: Vec<Rule>) -> Self {
        let rules: Arc<[Rule]> = rules.into();
        let core = Core::new("alarms".into(), Arc::clone(&rules), catalogue(), Arc::default(), at(0));
        let (records, known) = (Records::default(), BTreeMap::new());
        let mut script = Self { core, rules, records, known, offset: 0, told: Vec::new(), alarms: Vec::new() };
        script.core.begin(Arc::default());
        script
    }

    fn apply(&mut self, change: Change) {
        self.offset += 1;
        self.records.apply(self.offset, &change);
    }

    /// One line: `SECS WHAT …`.
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = at(words[0].parse().unwrap());
        match words[1..] {
            ["value", area, value, ref rest @ ..] => {
                let time = rest.iter().find_map(|word| word.strip_prefix('@'));
                let status =
                    if rest.contains(&"fault") { ObservationStatus::Fault } else { ObservationStatus::Automatic };
                let observation = Observation {
                    series: SeriesKey::actual(&"level".into(), &area.into()),
                    value: value.parse().unwrap(),
                    phenomenon_time: time.map_or(now, |time| at(time.parse().unwrap())),
                    received_at: now,
                    status,
                    source: "ve".into(),
                };
                if status.is_measurement() {
                    self.known.insert(observation.series.clone(), observation.clone());
                }
                self.core.observe(observation);
            }
            ["wake"] => self.core.wake(now),
            ["source", source, is_up] => {
                let link = match is_up {
                    "up" => SourceLink::Up { since: now },
                    _ => SourceLink::Down { since: now, reason: "gone".to_owned() },
                };
                self.apply(Change::SourceState(Arc::new(SourceState {
                    link: Some(link),
                    ..SourceState::unknown(source.into())
                })));
                self.core.record(Arc::new(self.records.clone()), now);
            }
            ["task", id, deadline, urgency, state] => {
                let closed = (state == "done").then_some("2023-08-14");
                let task = json!({ "id": id, "content": { "vi": "Báo cáo" }, "given_by": "kttv", "given_on": "2023-08-01",
                    "lead": "stc", "origin": "session", "deadline": deadline, "urgency": urgency, "state": state,
                    "closed_on": closed, "source": "s", "received_at": 0 });
                let task: Task = serde_json::from_value(task).unwrap();
                self.apply(Change::Task(Arc::new(task)));
                self.core.record(Arc::new(self.records.clone()), now);
            }
            ["restart"] => self.restart(now),
            ["acknowledge"] => {
                let active: Vec<Alarm> = self.records.alarms.values().map(|held| (*held.value).clone()).collect();
                for alarm in active.into_iter().filter(Alarm::is_active) {
                    let state = AlarmState::Acknowledged { at: now, by: "trực ban".to_owned(), comment: None };
                    self.apply(Change::Alarm(Arc::new(Alarm { state, ..alarm })));
                }
            }
            _ => panic!("{line}"),
        }
        self.report();
    }

    fn restart(&mut self, now: Timestamp) {
        let records = Arc::new(self.records.clone());
        self.core = Core::new("alarms".into(), Arc::clone(&self.rules), catalogue(), Arc::clone(&records), now);
        self.known.values().cloned().for_each(|newest| self.core.recall(newest));
        self.core.begin(records);
    }

    fn report(&mut self) {
        let reported = self.core.take_reports();
        for alarm in reported.clone() {
            let known = self.records.alarms.get(&alarm.id).map(|held| Arc::clone(&held.value));
            let mut alarm = Alarm { source: "alarms".into(), ..alarm };
            if let Some(known) = &known {
                alarm = alarm.reported_over(known);
            }
            let (key, raised_at) = alarm.id.as_str().rsplit_once(':').unwrap();
            assert_eq!(raised_at.parse(), Ok(alarm.raised_at.as_micros()));
            let key = key.strip_prefix("r:").unwrap();
            self.told.push(match (&alarm.state, known) {
                (AlarmState::Cleared { at }, Some(_)) => format!("{} {key} over", secs(*at)),
                (_, Some(_)) => format!("{key} chatters {}", alarm.chatter),
                (_, None) => format!("{} {key} raised", secs(alarm.raised_at)),
            });
            self.alarms.push(alarm.clone());
            self.apply(Change::Alarm(Arc::new(alarm)));
        }
        self.core.settle(&self.records, &reported);
    }
}

/// What rules tell of a script; lines stand between semicolons.
fn told(rules: Vec<Rule>, lines: &str) -> Vec<String> {
    let mut script = Script::start(rules);
    lines.split(';').for_each(|line| script.line(line));
    script.told
}

#[test]
fn a_threshold_has_hysteresis_and_a_delay() {
    let cases: [(i64, &str, &[&str]); 17] = [
        (0, "10 value 522 350", &[]),
        (0, "10 value 522 351; 20 value 522 360", &["10 522 raised"]),
        (0, "10 value 522 351; 20 value 522 340; 30 value 522 330", &["10 522 raised", "30 522 over"]),
        (0, "10 value 522 351; 20 value 522 1; 30 value 522 351", &["10 522 raised", "20 522 over", "30 522 raised"]),
        (0, "10 value 522 351; 20 value 535 351", &["10 522 raised", "20 535 raised"]),
        // Neither a value that is no measurement nor one of before tells how things are.
        (0, "10 value 522 351 fault", &[]),
        (0, "10 value 522 351; 20 value 522 1 fault", &["10 522 raised"]),
        (0, "10 value 522 1; 20 value 522 351 @5", &[]),
        (0, "10 value 522 351; 20 value 522 1 @10", &["10 522 raised", "20 522 over"]),
        // What was stale when it came raises nothing, and may end it.
        (0, "2000 value 522 351 @1000", &[]),
        (0, "2000 value 522 351 @1000; 2001 value 522 351 @1900", &["2001 522 raised"]),
        (0, "10 value 522 351; 2000 value 522 1 @20", &["10 522 raised", "2000 522 over"]),
        (60, "10 value 522 351; 69 wake", &[]),
        (60, "10 value 522 351; 70 wake", &["70 522 raised"]),
        (60, "10 value 522 351; 40 value 522 360; 500 wake", &["70 522 raised"]),
        (60, "10 value 522 351; 40 value 522 340; 50 value 522 351; 109 wake", &[]),
        (60, "10 value 522 351; 40 value 522 340; 50 value 522 351; 110 wake", &["110 522 raised"]),
    ];
    for (delay, lines, expected) in cases {
        assert_eq!(told(vec![threshold(delay)], lines), expected, "{delay}: {lines}");
    }
    let below = Condition::Threshold { values: values(), side: Side::Below, limit: 10.0, clear: 12.0 };
    let lines = "1 value 522 10; 2 value 522 9; 3 value 522 11; 4 value 522 12";
    assert_eq!(told(vec![rule(below, 0)], lines), ["2 522 raised", "4 522 over"]);
}

#[test]
fn a_rate_looks_back_from_the_newest_value() {
    let cases: [(&str, &[&str]); 5] = [
        ("0 value 522 200; 600 value 522 151", &[]),
        ("0 value 522 200; 600 value 522 150; 1200 value 522 149", &["600 522 raised"]),
        ("0 value 522 200; 600 value 522 150; 2500 value 522 149", &["600 522 raised", "2500 522 over"]),
        ("0 value 522 200; 1801 value 522 100", &[]),
        // One of before that comes late makes a fall of what was none.
        ("1000 value 522 100; 1010 value 522 160 @500", &["1000 522 raised"]),
    ];
    for (lines, expected) in cases {
        assert_eq!(told(vec![falls()], lines), expected, "{lines}");
    }
}

#[test]
fn a_value_becomes_stale_at_its_moment() {
    let cases: [(i64, &str, &[&str]); 7] = [
        (0, "0 value 522 1; 900 wake", &[]),
        (0, "0 value 522 1; 901 wake", &["901 level@522 raised"]),
        (
            0,
            "0 value 522 1; 905 value 535 1; 5000 value 522 1",
            &["901 level@522 raised", "1806 level@535 raised", "5000 level@522 over"],
        ),
        (0, "0 value 522 1; 800 value 522 1; 1000 wake", &[]),
        (0, "2000 value 522 1 @0", &["2000 level@522 raised"]),
        (99, "2000 value 522 1 @0; 2050 value 522 1 @2000; 2900 wake", &[]),
        (99, "0 value 522 1; 999 wake; 1000 wake", &["1000 level@522 raised"]),
    ];
    for (delay, lines, expected) in cases {
        assert_eq!(told(vec![stale(delay)], lines), expected, "{delay}: {lines}");
    }
}

#[test]
fn sources_that_are_down_and_tasks_that_are_late() {
    let lines = "10 source ve down; 20 source alarms down; 30 source tra up; 40 source ve up";
    assert_eq!(told(vec![down(None, 0)], lines), ["10 ve raised", "40 ve over"], "not over itself");
    assert_eq!(told(vec![down(Some("tra"), 0)], lines), [""; 0]);
    let lines = "10 source ve down; 100 source ve up; 200 source ve down; 299 wake";
    assert_eq!(told(vec![down(None, 100)], lines), [""; 0], "up again in time");
    assert_eq!(told(vec![down(None, 90)], lines), ["100 ve raised", "100 ve over", "290 ve raised"]);

    let day = 86_400;
    let late = |days: u32, lines: String| told(vec![overdue(days)], &lines);
    let lines = format!("0 task t 2023-08-14 urgent in_progress; {} wake; {MIDNIGHT} wake", MIDNIGHT - 1);
    assert_eq!(late(1, lines), [format!("{MIDNIGHT} t raised")], "at midnight in Việt Nam");
    let then = MIDNIGHT + 2 * day;
    let lines = format!("0 task t 2023-08-14 urgent in_progress; {} wake; {then} wake", then - 1);
    assert_eq!(late(3, lines), [format!("{then} t raised")]);
    let lines = "0 task t 2023-08-12 urgent in_progress; 60 task t 2023-08-12 urgent done";
    assert_eq!(late(1, lines.to_owned()), [format!("{} t raised", MIDNIGHT - 2 * day), "60 t over".to_owned()]);
    let extended = "0 task t 2023-08-12 urgent in_progress; 60 task t 2023-08-20 urgent in_progress";
    assert_eq!(late(1, extended.to_owned())[1..], ["60 t over"]);
    for other in ["t 2023-08-12 normal in_progress", "t 2023-08-12 urgent suspended", "t 2023-08-12 urgent done"] {
        assert_eq!(late(1, format!("0 task {other}")), [""; 0], "{other}");
    }
    let odd = late(1, "0 task 1234/UBND-TH 2023-08-12 urgent in_progress".to_owned());
    assert!(!odd[0].contains('/') && odd[0].ends_with(" raised"), "{odd:?}");
}

/// Up and down every five seconds from `first` on, so many times.
fn flapping(first: i64, times: i64) -> String {
    let pair = |index: i64| format!("{} value 522 351; {} value 522 1", first + index * 10, first + index * 10 + 5);
    (0..times).map(pair).collect::<Vec<_>>().join(";")
}

#[test]
fn what_comes_and_goes_is_held_until_it_is_quiet() {
    let first = ["10 522 raised", "15 522 over", "20 522 raised", "25 522 over", "30 522 raised", "522 chatters 3"];
    let then = |more: &[&str]| first.iter().chain(more).map(|said| (*said).to_owned()).collect::<Vec<_>>();
    assert_eq!(told(vec![threshold(0)], &flapping(10, 2)), first[..4]);
    assert_eq!(told(vec![threshold(0)], &flapping(10, 3)), then(&[]));
    let is_quiet = format!("{}; 154 wake; 155 wake", flapping(10, 3));
    assert_eq!(told(vec![threshold(0)], &is_quiet), then(&["155 522 over"]));
    let goes_on = format!("{}; 300 wake", flapping(10, 9));
    assert_eq!(told(vec![threshold(0)], &goes_on), then(&["522 chatters 6", "215 522 over"]), "no more than needed");
    let stays = format!("{}; 40 value 522 351; 160 wake; 300 value 522 1", flapping(10, 3));
    assert_eq!(told(vec![threshold(0)], &stays), then(&["522 chatters 0", "300 522 over"]));
    let slowly = "10 value 522 351; 15 value 522 1; 40 value 522 351; 45 value 522 1; 70 value 522 351; 75 value 522 1";
    assert_eq!(told(vec![threshold(0)], slowly).last().unwrap(), "75 522 over", "the first was over a minute ago");
}

#[test]
fn a_restart_raises_nothing_twice_and_ends_what_is_over() {
    let cases: [(Rule, &str, &[&str]); 8] = [
        (threshold(0), "10 value 522 351; 20 restart; 30 value 522 340; 40 restart", &["10 522 raised"]),
        (threshold(0), "10 value 522 351; 20 restart; 30 value 522 1", &["10 522 raised", "30 522 over"]),
        (threshold(60), "10 value 522 351; 20 restart; 500 wake", &["70 522 raised"]),
        (
            threshold(0),
            "10 value 522 351; 15 value 522 1; 20 restart; 30 value 522 351",
            &["10 522 raised", "15 522 over", "30 522 raised"],
        ),
        (down(None, 0), "10 source ve down; 20 restart; 30 source ve up", &["10 ve raised", "30 ve over"]),
        (stale(0), "0 value 522 1; 2000 restart; 2100 restart", &["901 level@522 raised"]),
        (
            threshold(0),
            "10 value 522 351; 20 acknowledge; 30 restart; 40 value 522 1",
            &["10 522 raised", "40 522 over"],
        ),
        (
            overdue(1),
            "0 task t 2023-08-13 urgent in_progress; 10 restart; 20 task t 2023-08-13 urgent done",
            &["-30600 t raised", "20 t over"],
        ),
    ];
    for (rule, lines, expected) in cases {
        assert_eq!(told(vec![rule], lines), expected, "{lines}");
    }
    // What went away while nobody looked, and rules that are there no longer.
    let mut script = Script::start(vec![threshold(0)]);
    script.line("10 value 522 351");
    script.known.values_mut().for_each(|newest| newest.value = 1.0);
    script.line("100 restart");
    script.line("110 value 535 400");
    script.rules = Arc::new([]);
    script.line("120 restart");
    assert_eq!(script.told, ["10 522 raised", "100 522 over", "110 535 raised", "120 535 over"]);
    // Three that were over within a minute are remembered.
    let flapped = format!("{}; 27 restart; {}; 40 restart; 41 wake; 200 wake", flapping(10, 2), flapping(30, 1));
    let told = told(vec![threshold(0)], &flapped);
    assert_eq!(told[4..], ["30 522 raised", "522 chatters 3", "160 522 over"]);
}

#[test]
fn the_words_tell_what_is_wrong_where() {
    let mut rule = threshold(0);
    rule.text.vi = "{indicator} tại {area} là {value} {unit}, vượt {limit}; {agency}".to_owned();
    rule.text.en = Some("{indicator} at {area} is {value} {unit}".to_owned());
    let mut script = Script::start(vec![rule]);
    script.line("10 value 522 12345");
    let alarm = &script.alarms[0];
    assert_eq!(alarm.text.vi, "Mực nước tại Quảng Ngãi là 123,45 m, vượt 3,50; Cơ quan kttv");
    assert_eq!(alarm.text.en.as_deref(), Some("Level at Quảng Ngãi is 123.45 m"));
    assert_eq!((alarm.agency.clone(), alarm.area.clone()), (Some("kttv".into()), Some("522".into())));
    let mut rule = overdue(1);
    rule.text.vi = "{task} ({agency}) quá hạn {days} ngày, hạn {deadline}".to_owned();
    let mut script = Script::start(vec![rule]);
    script.line("10 task t 2023-08-12 urgent in_progress");
    assert_eq!(script.alarms[0].text.vi, "Báo cáo (Cơ quan stc) quá hạn 1 ngày, hạn 12/8/2023");
}

#[test]
fn more_than_there_is_room_for_wait_until_there_is() {
    let mut script = Script::start(vec![overdue(1)]);
    for index in 0..MOST_ACTIVE + 2 {
        script.line(&format!("{index} task t{index:03} 2023-08-12 urgent in_progress"));
    }
    assert_eq!(script.told.len(), MOST_ACTIVE);
    script.line("300 task t000 2023-08-12 urgent done");
    let crowded_out = script.core.take_crowded_out();
    assert!(crowded_out >= 2, "{crowded_out}");
    script.line("400 wake");
    assert_eq!(script.told.len(), MOST_ACTIVE + 2, "one over, and one that found its room");
}

#[test]
fn what_was_not_taken_is_tried_again() {
    let mut script = Script::start(vec![threshold(0)]);
    script.core.observe(Observation {
        series: SeriesKey::actual(&"level".into(), &"522".into()),
        value: 400.0,
        phenomenon_time: at(1),
        received_at: at(1),
        status: ObservationStatus::Automatic,
        source: "ve".into(),
    });
    let lost = script.core.take_reports();
    script.core.settle(&Records::default(), &lost);
    script.line("60 wake");
    assert_eq!(script.told, [""; 0]);
    script.line("61 wake");
    assert_eq!(script.told, ["1 522 raised"]);
    // That it is over is not taken either.
    let records = script.records.clone();
    script.core.observe(Observation {
        series: SeriesKey::actual(&"level".into(), &"522".into()),
        value: 1.0,
        phenomenon_time: at(100),
        received_at: at(100),
        status: ObservationStatus::Automatic,
        source: "ve".into(),
    });
    let lost = script.core.take_reports();
    script.core.settle(&records, &lost);
    assert_eq!(script.core.due(), Some(at(160)));
    script.line("160 wake");
    assert_eq!(script.told, ["1 522 raised", "100 522 over"]);
}

#[tokio::test]
async fn rules_follow_the_log_and_report_once() {
    let mut running = Running::start();
    running.link.source = "alarms".into();
    let values = Values { indicators: vec!["budget.revenue".into()], areas: vec!["51".into()] };
    let condition = Condition::Threshold { values, side: Side::Above, limit: 10.0, clear: 8.0 };
    let rules = Arc::new(super::Rules::new(vec![rule(condition, 0)]));
    let record_at = async |value: f64, phenomenon_time: Timestamp, status: ObservationStatus| {
        let series = SeriesKey::actual(&"budget.revenue".into(), &"51".into());
        let row = protocol::event::ObservationRow { series, value, phenomenon_time, status };
        let rows = [row].into_iter().collect();
        let batch = crate::log::recorder::Batch {
            source: "so".into(),
            rows,
            refused: Vec::new(),
            refused_count: 0,
            idempotency_key: None,
        };
        running.link.recorder.record(batch).await.unwrap();
    };
    let record = async |value: f64| record_at(value, running.link.now(), ObservationStatus::Automatic).await;
    let active = || running.link.records().alarms.values().filter(|held| held.value.is_active()).count();
    let run = |link: &crate::sources::Link| {
        let (rules, link) = (Arc::clone(&rules), link.clone());
        tokio::spawn(async move { rules.run(link).await })
    };
    configure(&running).await;
    record(11.0).await;
    let following = run(&running.link);
    until(|| active() == 1).await;
    record(9.0).await;
    record(12.0).await;
    following.abort();
    record(7.0).await;
    let following = run(&running.link);
    until(|| active() == 0).await;
    record(7.0).await;
    let wrong = running.link.now();
    record_at(20.0, wrong, ObservationStatus::Automatic).await;
    until(|| active() == 1).await;
    // What was taken back raises nothing any more: the one before it holds again.
    record_at(20.0, wrong, ObservationStatus::Fault).await;
    until(|| active() == 0).await;
    record(20.0).await;
    until(|| active() == 1).await;
    assert_eq!(running.link.records().alarms.len(), 3);
    assert_eq!(running.problems(), [""; 0]);
    running.end(following).await;
}

/// Alarms come in only as far as the catalogue of the log has their names.
async fn configure(running: &Running) {
    let catalogue = (**running.link.catalogue.borrow()).clone();
    let revised = protocol::event::CatalogueRevised {
        at: running.link.now(),
        catalogue,
        walls: BTreeMap::new(),
        layouts: BTreeMap::new(),
    };
    running.link.recorder.tell(protocol::Event::CatalogueRevised(Box::new(revised))).await.unwrap();
    running.link.report(Reported::default()).await.unwrap();
}
