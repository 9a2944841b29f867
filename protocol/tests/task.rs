//! How tasks stand in time, and that their report adds up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use proptest::prelude::*;
use protocol::task::{Extension, Report, TaskOrigin, TaskState, Timing, Urgency};
use protocol::{Day, ObservationStatus, Task, Timestamp};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn task(state: TaskState, deadline: Option<&str>, closed_on: Option<&str>) -> Task {
    Task {
        id: "t".into(),
        content: Default::default(),
        document: None,
        given_by: "ubnd".into(),
        given_on: day("2023-08-01"),
        lead: "stc".into(),
        with: Vec::new(),
        deadline: deadline.map(day),
        extensions: Vec::new(),
        urgency: Urgency::Normal,
        origin: TaskOrigin::PeoplesCommittee,
        sector: None,
        state,
        progress_percent: None,
        closed_on: closed_on.map(day),
        lateness_reason: None,
        source: "s".into(),
        received_at: Timestamp(1),
        status: ObservationStatus::ByHand,
    }
}

#[test]
fn timing_turns_with_the_day() {
    use TaskState::{AwaitingConfirmation, Done, InProgress, Suspended, Withdrawn};
    let deadline = Some("2023-08-20");
    let cases = [
        (InProgress, deadline, None, "2023-08-16", Timing::InTime),
        (InProgress, deadline, None, "2023-08-17", Timing::DueSoon { days: 3 }),
        (InProgress, deadline, None, "2023-08-20", Timing::DueSoon { days: 0 }),
        (InProgress, deadline, None, "2023-08-21", Timing::Overdue { days: 1 }),
        (InProgress, None, None, "2023-08-21", Timing::NoDeadline),
        (AwaitingConfirmation, deadline, None, "2023-09-01", Timing::Overdue { days: 12 }),
        (Suspended, deadline, None, "2023-09-01", Timing::NoDeadline),
        (Withdrawn, deadline, Some("2023-08-02"), "2023-09-01", Timing::Withdrawn),
        (Done, deadline, Some("2023-08-20"), "2023-09-01", Timing::DoneInTime),
        (Done, deadline, Some("2023-08-22"), "2023-09-01", Timing::DoneLate { days: 2 }),
        (Done, None, Some("2023-08-22"), "2023-09-01", Timing::DoneInTime),
    ];
    for (state, deadline, closed_on, today, timing) in cases {
        assert_eq!(task(state, deadline, closed_on).timing(day(today)), timing, "{state:?} on {today}");
    }
}

#[test]
fn the_first_deadline_is_kept() {
    let mut task = task(TaskState::InProgress, Some("2023-09-20"), None);
    assert_eq!(task.original_deadline(), Some(day("2023-09-20")));
    for (given_on, before) in [("2023-08-18", "2023-08-20"), ("2023-08-30", "2023-09-01")] {
        task.extensions.push(Extension { given_on: day(given_on), before: day(before), reason: None });
    }
    assert_eq!(task.original_deadline(), Some(day("2023-08-20")));
}

#[test]
fn days_are_written_in_one_way() {
    for text in ["2024-02-29", "0001-01-01", "9999-12-31", "1970-01-01"] {
        assert_eq!(day(text).to_string(), text);
        assert_eq!(serde_json::from_str::<Day>(&format!("\"{text}\"")).unwrap(), day(text));
    }
    for text in [
        "2023-02-29",
        "2023-8-20",
        "2023-13-01",
        "0000-01-01",
        "10000-01-01",
        "2023-08-20T00:00",
        "+2023-08-20",
        "",
        "20/8/2023",
    ] {
        let said = text.parse::<Day>().unwrap_err().to_string();
        assert_eq!(said, format!("'{text}' is not a day; write it like 2023-08-20"));
    }
}

fn any_state() -> impl Strategy<Value = TaskState> {
    use TaskState::*;
    let all =
        [NotStarted, InProgress, AwaitingConfirmation, Done, Declined, ConfirmationDeclined, Suspended, Withdrawn];
    prop::sample::select(all.to_vec())
}

fn any_task() -> impl Strategy<Value = Task> {
    let near = || prop::option::of(-40i32..40);
    (any_state(), near(), near()).prop_map(|(state, deadline, closed_on)| {
        let near = |days: Option<i32>| days.map(|days| day("2023-08-20").plus(days));
        Task { deadline: near(deadline), closed_on: near(closed_on), ..task(state, None, None) }
    })
}

proptest! {
    #[test]
    fn a_report_adds_up(tasks in prop::collection::vec(any_task(), 0..50), today in -60i32..60) {
        let today = day("2023-08-20").plus(today);
        let report = Report::of(&tasks, today);
        let counted = tasks.iter().filter(|task| task.state != TaskState::Withdrawn).count();
        prop_assert_eq!(report.total() as usize, counted);
        let done = tasks.iter().filter(|task| task.state == TaskState::Done).count();
        prop_assert_eq!(report.done() as usize, done);
        prop_assert_eq!((report.done_in_time + report.done_late, report.open_in_time + report.overdue), (report.done(), report.open()));
        let overdue = |task: &&Task| task.state != TaskState::Done && matches!(task.timing(today), Timing::Overdue { .. });
        prop_assert_eq!(report.overdue as usize, tasks.iter().filter(overdue).count());
    }

    #[test]
    fn each_day_follows_the_one_before(days in -700_000i32..2_900_000) {
        let one = day("1970-01-01").plus(days);
        let next = one.plus(1);
        prop_assert_eq!((next.since(one), one < next), (1, true));
        let ((year, month, date), (next_year, next_month, next_date)) = (one.date(), next.date());
        let is_next_day = (next_year, next_month) == (year, month) && next_date == date + 1;
        let is_next_month = next_date == 1 && (next_month == month + 1 && next_year == year || (month, next_month, next_year) == (12, 1, year + 1));
        prop_assert!(is_next_day || is_next_month, "{} and {}", one, next);
        prop_assert_eq!(one.to_string().parse::<Day>().unwrap(), one);
        prop_assert_eq!((one.to_string() < next.to_string(), Day::in_utc(one.start_in_utc())), (true, one));
    }
}
