//! How many alarms were raised in the last thirty days, and how many of them were critical.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use protocol::alarm::AlarmSeverity;
use protocol::{Alarm, AlarmId, Timestamp};

use crate::sources::{Link, SourceError, state};

const WINDOW_MICROS: i64 = 30 * 86_400_000_000;
/// Of more the oldest are left out: whoever has so many does not read the share to the percent.
const MOST: usize = 100_000;

/// The alarms of thirty days by when they were raised, and whether each was critical.
#[derive(Debug, Default)]
pub struct Raised {
    alarms: BTreeMap<(Timestamp, AlarmId), bool>,
    is_saved: bool,
}

/// As it is remembered.
type Remembered = Vec<(Timestamp, AlarmId, bool)>;

impl Raised {
    /// What was remembered, and what the centre holds.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn recall(link: &Link) -> Result<Self, SourceError> {
        let lost = "the alarms of the last thirty days are counted anew";
        let remembered: Option<Remembered> = state::recall(link, path(link), lost).await?;
        let alarms = remembered.into_iter().flatten().map(|(at, id, is_critical)| ((at, id), is_critical)).collect();
        let mut raised = Self { alarms, is_saved: true };
        let records = link.records();
        records.alarms.values().for_each(|held| raised.take(&held.value));
        Ok(raised)
    }

    /// Counts an alarm, once however often it is told.
    pub fn take(&mut self, alarm: &Arc<Alarm>) {
        let is_critical = self.alarms.entry((alarm.raised_at, alarm.id.clone())).or_insert_with(|| {
            self.is_saved = false;
            false
        });
        if alarm.severity == AlarmSeverity::Critical && !*is_critical {
            (*is_critical, self.is_saved) = (true, false);
        }
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

    /// Remembers it, if there is something new.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn save(&mut self, link: &Link) -> Result<(), SourceError> {
        if !self.is_saved {
            let of = |((at, id), is_critical): (&(Timestamp, AlarmId), &bool)| (*at, id.clone(), *is_critical);
            let remembered: Remembered = self.alarms.iter().map(of).collect();
            state::remember(link, path(link), &remembered).await?;
            self.is_saved = true;
        }
        Ok(())
    }
}

fn path(link: &Link) -> PathBuf {
    link.state.join("raised.json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::tests::Running;

    fn alarm(id: &str, day: i64, severity: &str) -> Arc<Alarm> {
        let raised_at = day * 86_400_000_000;
        let alarm = json!({
            "id": id, "severity": severity, "text": { "vi": "" }, "raised_at": raised_at,
            "state": { "kind": "raised" }, "source": "s", "received_at": raised_at,
        });
        Arc::new(serde_json::from_value(alarm).unwrap())
    }

    #[tokio::test]
    async fn each_alarm_counts_once_for_thirty_days_also_over_a_restart() {
        let running = Running::start();
        let mut raised = Raised::recall(&running.link).await.unwrap();
        let told =
            [("a", 1, "warning"), ("b", 2, "warning"), ("b", 2, "critical"), ("a", 1, "warning"), ("a", 9, "warning")];
        told.iter().for_each(|(id, day, severity)| raised.take(&alarm(id, *day, severity)));
        let day = |day: i64| Timestamp::from_secs(day * 86_400);
        assert_eq!(raised.count(day(10)), (3, 1));
        raised.save(&running.link).await.unwrap();
        let mut raised = Raised::recall(&running.link).await.unwrap();
        assert_eq!(raised.count(day(10)), (3, 1));
        assert_eq!(raised.count(day(31)), (2, 1));
        assert_eq!(raised.count(day(35)), (1, 0));
    }
}
