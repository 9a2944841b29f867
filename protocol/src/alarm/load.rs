//! How much alarms ask of the people who see to them: a flood, and those that have stood for long. Functions of the
//! alarms and the moment, so that a wall, a page and the server say the same.

use std::collections::BTreeMap;

use super::{Alarm, AlarmSeverity};
use crate::{RuleId, Timestamp};

/// More than so many raised within [`FLOOD_MICROS`] are more than people can see to one by one.
pub const FLOOD_ALARMS: usize = 10;
pub const FLOOD_MICROS: i64 = 10 * 60 * 1_000_000;
/// One that is active for longer is standing: nobody waits for it to go away any more.
pub const STANDING_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// When the flood at `now` is over if nothing else is raised; `None` where there is none.
#[must_use]
pub fn flood_until<'a>(alarms: impl IntoIterator<Item = &'a Alarm>, now: Timestamp) -> Option<Timestamp> {
    let begins = now.plus_micros(-FLOOD_MICROS);
    let mut raised: Vec<Timestamp> =
        alarms.into_iter().map(|alarm| alarm.raised_at).filter(|raised_at| *raised_at > begins).collect();
    let place = raised.len().checked_sub(FLOOD_ALARMS + 1)?;
    let (_, last_too_many, _) = raised.select_nth_unstable(place);
    Some(last_too_many.plus_micros(FLOOD_MICROS))
}

impl Alarm {
    /// Whether it is active for so long at `now` that nobody waits for it to go away.
    #[must_use]
    pub fn is_standing(&self, now: Timestamp) -> bool {
        self.is_active() && now > self.raised_at.plus_micros(STANDING_MICROS)
    }

    /// When it becomes standing, if it lasts.
    #[must_use]
    pub fn standing_from(&self) -> Timestamp {
        self.raised_at.plus_micros(STANDING_MICROS + 1)
    }
}

/// Alarms that are told as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// The first of them.
    pub first: &'a Alarm,
    /// The others of the same cause, in their order.
    pub more: Vec<&'a Alarm>,
}

impl<'a> Group<'a> {
    /// One that stands for itself.
    #[must_use]
    pub fn alone(alarm: &'a Alarm) -> Self {
        Self { first: alarm, more: Vec::new() }
    }
}

/// The alarms by their cause, each group where its first one stands. Critical ones are told one by one, and those of no
/// rule are causes of their own.
#[must_use]
pub fn by_cause<'a>(alarms: impl IntoIterator<Item = &'a Alarm>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places: BTreeMap<&RuleId, usize> = BTreeMap::new();
    for alarm in alarms {
        let cause = alarm.rule.as_ref().filter(|_| alarm.severity < AlarmSeverity::Critical);
        let known = cause.and_then(|rule| places.get(rule)).and_then(|place| groups.get_mut(*place));
        match known {
            Some(group) => group.more.push(alarm),
            None => {
                places.extend(cause.map(|rule| (rule, groups.len())));
                groups.push(Group::alone(alarm));
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObservationStatus;
    use crate::alarm::AlarmState;

    const MINUTE: i64 = 60 * 1_000_000;

    fn alarm(id: &str, raised_at: i64) -> Alarm {
        let rule = id.split_once('-').map(|(rule, _)| rule.into());
        let is_critical = id.ends_with('!');
        Alarm {
            id: id.into(),
            severity: if is_critical { AlarmSeverity::Critical } else { AlarmSeverity::Warning },
            rule,
            text: Default::default(),
            series: None,
            area: None,
            agency: None,
            raised_at: Timestamp(raised_at),
            state: AlarmState::Raised,
            chatter: 0,
            source: "s".into(),
            received_at: Timestamp(0),
            status: ObservationStatus::Automatic,
        }
    }

    #[test]
    fn more_than_ten_in_ten_minutes_are_a_flood_until_the_eleventh_newest_is_older() {
        // One each half minute, the newest at 0.
        let raised = |count: i64| (0..count).map(|index| alarm("a", -index * MINUTE / 2)).collect::<Vec<_>>();
        let cases = [
            (10, 0, None),
            (11, 0, Some(5 * MINUTE)),
            (11, 5 * MINUTE - 1, Some(5 * MINUTE)),
            (11, 5 * MINUTE, None),
            (15, 0, Some(5 * MINUTE)),
            (25, 0, Some(5 * MINUTE)),
        ];
        for (count, now, expected) in cases {
            let until = flood_until(&raised(count), Timestamp(now));
            assert_eq!(until, expected.map(Timestamp), "{count} at {now}");
        }
        let mut over = raised(11);
        over[0].state = AlarmState::Cleared { at: Timestamp(0) };
        assert!(flood_until(&over, Timestamp(0)).is_some(), "one that is over was raised all the same");
    }

    #[test]
    fn one_of_more_than_a_day_is_standing() {
        let mut alarm = alarm("a", 7);
        let from = alarm.standing_from();
        assert_eq!((alarm.is_standing(from.plus_micros(-1)), alarm.is_standing(from)), (false, true));
        alarm.state = AlarmState::Cleared { at: from };
        assert!(!alarm.is_standing(from));
    }

    #[test]
    fn groups_are_of_one_cause_and_hide_no_critical_one() {
        let told = ["r-1", "q-1!", "r-2", "x", "r-3!", "q-2", "x", "r-4"].map(|id| alarm(id, 0));
        let groups = by_cause(&told);
        let said: Vec<(&str, usize)> = groups.iter().map(|group| (group.first.id.as_str(), group.more.len())).collect();
        assert_eq!(said, [("r-1", 2), ("q-1!", 0), ("x", 0), ("r-3!", 0), ("q-2", 0), ("x", 0)]);
    }
}
