//! Tasks, alarms and sessions: which may come in, and how long they are held once they have ended.

use std::sync::Arc;

use protocol::event::RecordsReported;
use protocol::records::{Horizon, Record, Shelf};
use protocol::view::At;
use protocol::{Change, Event, RecordKind, Records, Timestamp};

use super::Centre;
use super::layouts::json_bytes;

const HOUR_MICROS: i64 = 3_600 * 1_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// How long records are held after their end.
const TASKS_HELD_MICROS: i64 = 366 * DAY_MICROS;
const ALARMS_HELD_MICROS: i64 = DAY_MICROS;
const SESSIONS_HELD_MICROS: i64 = 31 * DAY_MICROS;
/// The horizon moves no more often: nobody who was away for less has missed an end.
const HORIZON_MICROS: i64 = HOUR_MICROS;

/// The most that records of a kind take of a snapshot, as JSON.
#[must_use]
pub fn most_bytes(kind: RecordKind) -> usize {
    match kind {
        RecordKind::Task => 2 << 20,
        RecordKind::Alarm | RecordKind::Session => 256 << 10,
        RecordKind::Source => 64 << 10,
        RecordKind::Unknown => 0,
    }
}

impl Centre {
    /// Takes in records, or how a source does.
    pub(super) fn record(&mut self, offset: u64, event: &Event) {
        let records = Arc::make_mut(&mut self.records);
        for change in records.changes_by(event) {
            records.apply(offset, &change);
        }
        if let Event::RecordsReported(RecordsReported { received_at, .. }) = event
            && let Some(horizon) = next_horizon(records, *received_at)
        {
            records.apply(offset, &Change::Horizon(horizon));
        }
    }

    /// Whether there is room for what was reported. What has ended long ago leaves only after a while, so that a
    /// great many at once may find none.
    ///
    /// # Errors
    /// Of which kind there is too much.
    pub fn has_room_for(&self, reported: &RecordsReported) -> Result<(), String> {
        let records = &*self.records;
        room("tasks", RecordKind::Task, &records.tasks, &reported.tasks)?;
        room("alarms", RecordKind::Alarm, &records.alarms, &reported.alarms)?;
        room("sessions", RecordKind::Session, &records.sessions, &reported.sessions)
    }
}

pub(super) fn room<T: Record + serde::Serialize>(
    what: &str,
    kind: RecordKind,
    held: &Shelf<T>,
    reported: &[Arc<T>],
) -> Result<(), String> {
    if reported.is_empty() {
        return Ok(());
    }
    let is_replaced = |held: &&At<Arc<T>>| reported.iter().any(|record| record.id() == held.value.id());
    let kept = held.values().filter(|held| !is_replaced(held)).map(|held| bytes_of(&held.value));
    let bytes = kept.chain(reported.iter().map(bytes_of)).sum::<usize>();
    let most = most_bytes(kind);
    if bytes <= most {
        return Ok(());
    }
    let open = held.values().filter(|held| held.value.ended_at().is_none()).count();
    Err(format!(
        "the centre would hold {bytes} bytes of {what} ({} of them, {open} open), more than the {most} that a view can show; close what is done, or wait until older ones have left",
        held.len() + reported.len()
    ))
}

/// As it stands in a snapshot, with its envelope.
fn bytes_of<T: serde::Serialize>(record: &Arc<T>) -> usize {
    json_bytes(record) + 50
}

/// The horizon as of `now`, if it has not moved for a while.
fn next_horizon(records: &Records, now: Timestamp) -> Option<Horizon> {
    let floor = match &records.horizon {
        None => 0,
        Some(held) if now.since(held.value.drawn_at) < HORIZON_MICROS => return None,
        Some(held) => held.at,
    };
    let before = |held: i64| now.plus_micros(-held);
    Some(Horizon {
        drawn_at: now,
        tasks: before(TASKS_HELD_MICROS).max(fitting(&records.tasks, RecordKind::Task)),
        alarms: before(ALARMS_HELD_MICROS).max(fitting(&records.alarms, RecordKind::Alarm)),
        sessions: before(SESSIONS_HELD_MICROS).max(fitting(&records.sessions, RecordKind::Session)),
        floor,
    })
}

/// Since when those that have ended leave a quarter of the room to what comes.
fn fitting<T: Record + serde::Serialize>(shelf: &Shelf<T>, kind: RecordKind) -> Timestamp {
    let mut room = most_bytes(kind) / 4 * 3;
    let (ended, open): (Vec<_>, Vec<_>) =
        shelf.values().map(|held| (held.value.ended_at(), bytes_of(&held.value))).partition(|(end, _)| end.is_some());
    room = room.saturating_sub(open.iter().map(|(_, bytes)| bytes).sum());
    let mut ended: Vec<_> = ended.into_iter().filter_map(|(end, bytes)| Some((end?, bytes))).collect();
    ended.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
    for (end, bytes) in ended {
        match room.checked_sub(bytes) {
            Some(rest) => room = rest,
            None => return end.plus_micros(1),
        }
    }
    Timestamp(i64::MIN)
}

#[cfg(test)]
mod tests {
    use protocol::alarm::{AlarmSeverity, AlarmState};
    use protocol::{Alarm, ObservationStatus};

    use super::*;

    fn alarm(id: &str, text: &str, cleared_hours: Option<i64>) -> Arc<Alarm> {
        let at = |hours: i64| Timestamp(hours * HOUR_MICROS);
        Arc::new(Alarm {
            id: id.into(),
            severity: AlarmSeverity::Warning,
            rule: None,
            chatter: 0,
            text: protocol::observation::Name { vi: text.to_owned(), en: None },
            series: None,
            area: None,
            agency: None,
            raised_at: at(0),
            state: cleared_hours.map_or(AlarmState::Raised, |hours| AlarmState::Cleared { at: at(hours) }),
            source: "s".into(),
            received_at: at(0),
            status: ObservationStatus::Simulated,
        })
    }

    fn reported(hours: i64, alarms: Vec<Arc<Alarm>>) -> RecordsReported {
        let received_at = Timestamp(hours * HOUR_MICROS);
        let (tasks, sessions) = (Vec::new(), Vec::new());
        RecordsReported { source: "s".into(), received_at, tasks, alarms, sessions, idempotency_key: None }
    }

    fn folded(events: Vec<RecordsReported>) -> Centre {
        let mut centre = Centre::default();
        (1..).zip(events).for_each(|(offset, event)| centre.apply(offset, &Event::RecordsReported(event)));
        centre
    }

    fn held(centre: &Centre) -> Vec<&str> {
        centre.records.alarms.keys().map(|id| id.as_str()).collect()
    }

    #[test]
    fn what_has_ended_leaves_after_a_day_but_not_before_everyone_knows_of_it() {
        let before =
            || vec![reported(100, vec![alarm("old", "x", Some(100)), alarm("open", "x", None)]), reported(101, vec![])];
        let until = |hours: i64, more: Vec<RecordsReported>| {
            folded(before().into_iter().chain(more).chain([reported(hours, vec![])]).collect())
        };
        assert_eq!(held(&until(124, vec![])), ["old", "open"], "for a whole day");
        assert_eq!(held(&until(126, vec![])), ["open"], "then it goes");
        // It ended long before it was told: that is kept until the horizon has moved twice.
        let late = reported(126, vec![alarm("late", "x", Some(90))]);
        assert_eq!(held(&until(126, vec![late.clone()])), ["late", "open"]);
        assert_eq!(held(&until(127, vec![late.clone()])), ["late", "open"]);
        assert_eq!(held(&until(128, vec![late, reported(127, vec![])])), ["open"]);
    }

    #[test]
    fn when_there_is_much_the_longest_ended_leaves_first() {
        let long = "x".repeat(100_000);
        let alarms = vec![alarm("first", &long, Some(1)), alarm("second", &long, Some(2)), alarm("open", "x", None)];
        let centre = folded(vec![reported(3, alarms), reported(4, vec![]), reported(5, vec![])]);
        assert_eq!(held(&centre), ["open", "second"], "well within a day");
    }

    #[test]
    fn what_has_no_room_is_refused_with_how_much_there_is() {
        let long = "x".repeat(100_000);
        let centre = folded(vec![reported(3, vec![alarm("first", &long, None), alarm("second", &long, None)])]);
        let said = centre.has_room_for(&reported(4, vec![alarm("third", &long, None)])).unwrap_err();
        assert!(said.contains("bytes of alarms (3 of them, 2 open), more than the 262144"), "{said}");
        assert_eq!(centre.has_room_for(&reported(4, vec![alarm("second", &long, None)])), Ok(()), "it takes its place");
    }
}
