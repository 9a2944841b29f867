//! Made-up tasks: each is given again and again, and goes its way by the calendar.

use protocol::task::{Extension, SourceDocument, TaskState, Timing};
use protocol::{Day, ObservationStatus, Task, Timestamp};

use super::chance;
use super::options::{Outcome, TaskOptions};

/// Those that were closed longer ago are left to the past.
const PAST_DAYS: i32 = 330;
/// Days between saying that it is done and being believed.
const CONFIRMING_DAYS: i32 = 2;

/// How a task stands on `today` each time that it was given, oldest first.
pub fn on(today: Day, seed: u64, options: &TaskOptions) -> Vec<Task> {
    let every = i32::from(options.every_days).max(1);
    let phase = (chance(seed, &options.id, 0) * f64::from(every)) as i32;
    let epoch = Day::in_utc(Timestamp(0));
    let last = (today.since(epoch) - phase).div_euclid(every);
    // Two times of taking it lie at most between giving and closing it.
    let back = (PAST_DAYS + 3 * i32::from(options.takes_days)).div_euclid(every) + 1;
    (last - back..=last)
        .map(|time| given(epoch.plus(time * every + phase), today, seed, options))
        .filter(|task| task.closed_on.is_none_or(|day| today.since(day) < PAST_DAYS))
        .collect()
}

fn given(given_on: Day, today: Day, seed: u64, options: &TaskOptions) -> Task {
    let id = format!("{}-{given_on}", options.id);
    let takes = (f64::from(options.takes_days) * (0.8 + 0.4 * chance(seed, &id, 1))).round().max(1.0) as i32;
    let age = today.since(given_on);
    let (state, closed_on) = way(options.outcome, age, takes);
    let first_deadline = options.term_days.map(|days| given_on.plus(days.into()));
    let extension = first_deadline.and_then(|before| extension(options, before, given_on.plus(takes), today));
    let deadline = match &extension {
        Some(extension) => Some(extension.before.plus(options.extended_days.into())),
        None => first_deadline,
    };
    let mut task = Task {
        content: options.content.clone(),
        document: document(given_on, seed, &id, options),
        id: id.into(),
        given_by: options.given_by.clone(),
        given_on,
        lead: options.lead.clone(),
        with: options.with.clone(),
        deadline,
        extensions: extension.into_iter().collect(),
        urgency: options.urgency,
        origin: options.origin,
        sector: options.sector.clone(),
        state,
        progress_percent: Some(progress(state, age, takes)),
        closed_on: closed_on.map(|days| given_on.plus(days)),
        lateness_reason: None,
        source: "".into(),
        received_at: Timestamp(0),
        status: ObservationStatus::Simulated,
    };
    if matches!(task.timing(today), Timing::Overdue { .. } | Timing::DoneLate { .. }) {
        task.lateness_reason.clone_from(&options.lateness_reason);
    }
    task
}

/// The state after so many days, and after how many it was closed.
fn way(outcome: Outcome, age: i32, takes: i32) -> (TaskState, Option<i32>) {
    if age < takes {
        let is_begun = age * 10 >= takes;
        let is_confirming = outcome == Outcome::Done && age + CONFIRMING_DAYS >= takes && takes > CONFIRMING_DAYS;
        return match (is_confirming, is_begun) {
            (true, _) => (TaskState::AwaitingConfirmation, None),
            (false, true) => (TaskState::InProgress, None),
            (false, false) => (TaskState::NotStarted, None),
        };
    }
    match outcome {
        Outcome::Done => (TaskState::Done, Some(takes)),
        Outcome::Withdrawn => (TaskState::Withdrawn, Some(takes)),
        _ if age >= 2 * takes => (TaskState::Done, Some(2 * takes)),
        Outcome::Declined => (TaskState::Declined, None),
        Outcome::ConfirmationDeclined => (TaskState::ConfirmationDeclined, None),
        Outcome::Suspended => (TaskState::Suspended, None),
    }
}

/// In tenths, so that a task does not change every day.
fn progress(state: TaskState, age: i32, takes: i32) -> u8 {
    match state {
        TaskState::NotStarted | TaskState::Declined => 0,
        TaskState::Done | TaskState::AwaitingConfirmation => 100,
        _ => ((age * 10 / takes.max(1)).clamp(1, 9) * 10) as u8,
    }
}

/// More time is given shortly before a deadline that will not be kept.
fn extension(options: &TaskOptions, before: Day, done_on: Day, today: Day) -> Option<Extension> {
    let given_on = before.plus(-2);
    let is_given = options.extended_days > 0 && done_on > before && today >= given_on;
    is_given.then(|| Extension { given_on, before, reason: options.extension_reason.clone() })
}

fn document(given_on: Day, seed: u64, id: &str, options: &TaskOptions) -> Option<SourceDocument> {
    let notation = options.notation.as_ref()?;
    let number = 100 + (chance(seed, id, 2) * 6000.0) as u32;
    let date = given_on.plus(-1 - (chance(seed, id, 3) * 3.0) as i32);
    Some(SourceDocument { number: format!("{number}/{notation}"), date, summary: options.summary.clone() })
}
