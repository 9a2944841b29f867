//! How many alarms were raised in the last thirty days, and how many of them were critical.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::alarm::AlarmSeverity;
use protocol::{Alarm, AlarmId, Event, Timestamp};

use crate::sources::{Link, SourceError};

const WINDOW_MICROS: i64 = 30 * 86_400_000_000;
/// Of more the oldest are left out: whoever has so many does not read the share to the percent.
const MOST: usize = 100_000;

/// The alarms of thirty days by when they were raised, and whether each was critical.
#[derive(Debug, Default)]
pub struct Raised {
    alarms: BTreeMap<(Timestamp, AlarmId), bool>,
}

impl Raised {
    /// Those that the log tells of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn of_log(link: &Link) -> Result<Self, SourceError> {
        let mut raised = Self::default();
        for entry in link.records_of_log().await? {
            raised.take(&entry.event);
        }
        raised.count(link.now());
        Ok(raised)
    }

    /// Counts what an event tells of alarms, each once however often it is told.
    pub fn take(&mut self, event: &Event) {
        let Event::RecordsReported(reported) = event else { return };
        reported.alarms.iter().for_each(|alarm| self.take_alarm(alarm));
    }

    fn take_alarm(&mut self, alarm: &Arc<Alarm>) {
        let is_critical = self.alarms.entry((alarm.raised_at, alarm.id.clone())).or_default();
        *is_critical |= alarm.severity == AlarmSeverity::Critical;
        while self.alarms.len() > MOST {
            self.alarms.pop_first();
        }
    }

    /// How many there were up to `now`, and how many of them critical.
    pub fn count(&mut self, now: Timestamp) -> (usize, usize) {
        let oldest = now.plus_micros(-WINDOW_MICROS);
        self.alarms.retain(|(raised_at, _), _| *raised_at > oldest);
        (self.alarms.len(), self.alarms.values().filter(|is_critical| **is_critical).count())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(id: &str, day: i64, severity: &str) -> Event {
        let raised_at = day * 86_400_000_000;
        let alarm = json!({
            "id": id, "severity": severity, "text": { "vi": "" }, "raised_at": raised_at,
            "state": { "kind": "raised" }, "source": "s", "received_at": raised_at,
        });
        let reported = json!({ "source": "s", "received_at": raised_at, "alarms": [alarm] });
        Event::RecordsReported(serde_json::from_value(reported).unwrap())
    }

    #[test]
    fn each_alarm_counts_once_for_thirty_days() {
        let mut raised = Raised::default();
        let all =
            [("a", 1, "warning"), ("b", 2, "warning"), ("b", 2, "critical"), ("a", 1, "warning"), ("a", 9, "warning")];
        all.iter().for_each(|(id, day, severity)| raised.take(&told(id, *day, severity)));
        let day = |day: i64| Timestamp::from_secs(day * 86_400);
        assert_eq!(raised.count(day(10)), (3, 1));
        assert_eq!(raised.count(day(31)), (2, 1));
        assert_eq!(raised.count(day(35)), (1, 0));
    }
}
