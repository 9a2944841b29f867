//! Tasks, alarms and sessions made up for a demonstration: a function of seed and clock, marked as simulated.

mod alarms;
mod options;
mod sessions;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use protocol::alarm::AlarmState;
use protocol::records::{Record, Shelf};
use protocol::session::Stage;
use protocol::task::TaskState;
use protocol::{Alarm, Day, Records, Session, SourceId, Task, Timestamp};

use super::{Link, Reported, Source, SourceError};
use crate::config::Options;
use options::RecordsOptions;

/// Sessions of so many days are told, today's among them.
const SESSION_DAYS: i64 = 7;

/// Reads the options of a source of made-up records.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<RecordsOptions>()?;
    read.check(options);
    let zone = options.settings.zone();
    Some(Arc::new(SimulatedRecords { options: read, zone }))
}

/// A source of made-up records.
#[derive(Debug)]
pub struct SimulatedRecords {
    options: RecordsOptions,
    zone: TimeZone,
}

impl SimulatedRecords {
    async fn follow(&self, link: &Link) -> Result<(), SourceError> {
        while !link.is_stopping() {
            let now = link.now();
            if let Some(mut records) = self.records(now) {
                self.retire(&link.records(), &link.source, now, &mut records);
                link.report(records).await?;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(self.options.interval_secs)) => {}
                () = link.stopped() => break,
            }
        }
        Ok(())
    }

    /// All that there is at `now`.
    fn records(&self, now: Timestamp) -> Option<Reported> {
        let RecordsOptions { seed, tasks, alarms, sessions, .. } = &self.options;
        let (date, today) = self.today(now)?;
        let dates: Vec<Date> = (0..SESSION_DAYS).filter_map(|back| date.checked_sub(back.days()).ok()).collect();
        let held = sessions.iter().flat_map(|session| dates.iter().map(move |date| (session, *date)));
        Some(Reported {
            tasks: tasks.iter().flat_map(|task| tasks::on(today, *seed, task)).collect(),
            alarms: alarms.iter().flat_map(|alarm| alarms::at(now, *seed, alarm)).collect(),
            sessions: held.filter_map(|(session, date)| sessions::on(date, now, &self.zone, session)).collect(),
        })
    }

    fn today(&self, now: Timestamp) -> Option<(Date, Day)> {
        let moment = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
        let date = self.zone.to_datetime(moment).date();
        let (month, day) = (u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?);
        Some((date, Day::new(date.year().into(), month, day)?))
    }

    /// Ends what this source once told of and no longer makes up.
    fn retire(&self, records: &Records, source: &SourceId, now: Timestamp, told: &mut Reported) {
        let Some((_, today)) = self.today(now) else { return };
        let tasks = forgotten(&records.tasks, &told.tasks, |task| task.source == *source);
        told.tasks.extend(tasks.into_iter().map(|task| Task {
            state: TaskState::Withdrawn,
            closed_on: Some(today),
            ..task
        }));
        let alarms = forgotten(&records.alarms, &told.alarms, |alarm| alarm.source == *source);
        told.alarms.extend(alarms.into_iter().map(|alarm| Alarm { state: AlarmState::Cleared { at: now }, ..alarm }));
        let sessions = forgotten(&records.sessions, &told.sessions, |session| session.source == *source);
        told.sessions.extend(sessions.into_iter().map(|session| {
            let stage = Stage::Closed { since: session.starts_at.min(now), at: now };
            Session { stage, ..session }
        }));
    }
}

impl Source for SimulatedRecords {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { self.follow(&link).await }.boxed()
    }
}

/// Records that have not ended and are not told any more.
fn forgotten<T: Record + Clone>(held: &Shelf<T>, told: &[T], is_own: impl Fn(&T) -> bool) -> Vec<T> {
    let told: BTreeSet<&T::Id> = told.iter().map(Record::id).collect();
    let open = held.values().map(|held| &*held.value).filter(|record| record.ended_at().is_none() && is_own(record));
    open.filter(|record| !told.contains(record.id())).cloned().collect()
}

/// Between 0 and 1, the same for the same.
fn chance(seed: u64, id: &str, lane: u8) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes()).update(&[lane]).update(id.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    (u64::from_be_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}
