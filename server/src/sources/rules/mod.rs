//! The rules of alarms.toml at work: they follow the log, and report the alarms that they raise.

mod core;
mod facts;
mod options;
mod raising;
mod rule;
mod sense;
#[cfg(test)]
mod tests;
mod watch;
mod wording;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::event::ObservationsRecorded;
use protocol::{Event, Scenario, StreamPosition};

use super::entries::{Entries, Next};
use super::{Link, Reported, Source, SourceError};
use crate::log::Entry;
use crate::store::Wanted;
use core::{Core, MOST_ACTIVE};
use facts::MOST_BACK;

pub use options::read;
pub use rule::Rule;

/// The clock is looked at anew after so long: it may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The rules of a centre, running as a source of alarms.
#[derive(Debug)]
pub struct Rules {
    rules: Arc<[Rule]>,
}

impl Rules {
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules: rules.into() }
    }

    async fn follow(&self, link: &Link) -> Result<(), SourceError> {
        let mut catalogue = link.catalogue.clone();
        catalogue.mark_unchanged();
        let (mut core, mut entries) = self.begin(link).await?;
        loop {
            if core.is_out_of_date() {
                (core, entries) = self.begin(link).await?;
            }
            report(&mut core, link).await?;
            let now = link.now();
            let due = core.due().map_or(LONGEST_SLEEP, |due| until(due.since(now))).min(LONGEST_SLEEP);
            tokio::select! {
                next = entries.next() => match next? {
                    Next::Entries(entries) => entries.iter().for_each(|entry| take(&mut core, link, entry)),
                    Next::Restarted => (core, entries) = self.begin(link).await?,
                },
                () = tokio::time::sleep(due) => core.wake(link.now()),
                Ok(()) = catalogue.changed() => {
                    // Rules that look at all areas may look at others now.
                    (core, entries) = self.begin(link).await?;
                }
                () = link.stopped() => return Ok(()),
            }
        }
    }

    /// The rules with what the log tells so far, and what follows it.
    async fn begin(&self, link: &Link) -> Result<(Core, Entries), SourceError> {
        let now = link.now();
        let catalogue = Arc::clone(&link.catalogue.borrow());
        let head = link.store.head().borrow().position;
        let mut core = Core::new(link.source.clone(), Arc::clone(&self.rules), catalogue, link.records(), now);
        let wanted = Wanted { series: core.wanted(), ..Wanted::default() };
        let loaded = link.store.load(wanted, head.offset).await?;
        let entries = link.entries(Some(StreamPosition { offset: loaded.offset, ..head }));
        for row in loaded.latest {
            let newest = row.observation;
            if let Some(back) = core.looks_back(&newest.series) {
                let (from, to) = (newest.phenomenon_time.plus_micros(-back), newest.phenomenon_time);
                let before = link.store.history(&newest.series, from, to, None, MOST_BACK).await?;
                before.into_iter().for_each(|row| core.recall(row.observation));
            }
            core.recall(newest);
        }
        core.begin(link.records());
        Ok((core, entries))
    }
}

impl Source for Rules {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { self.follow(&link).await }.boxed()
    }
}

/// So many microseconds; none where they are over.
fn until(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn take(core: &mut Core, link: &Link, entry: &Entry) {
    match &entry.event {
        Event::ObservationsRecorded(recorded) => observe(core, recorded),
        Event::RecordsReported(reported) if reported.source == link.source => {}
        Event::RecordsReported(_) | Event::SourceStateChanged(_) => core.record(link.records(), entry.recorded_at),
        _ => {}
    }
}

fn observe(core: &mut Core, recorded: &ObservationsRecorded) {
    let is_meant: Vec<bool> = recorded
        .rows
        .series()
        .iter()
        .map(|(series, _)| series.scenario == Scenario::Actual && core.looks_at(&series.indicator))
        .collect();
    for row in recorded.rows.iter().filter(|row| is_meant[row.place]) {
        core.observe(recorded.observation(row));
    }
}

/// Reports what there is to report, and looks whether it was taken.
async fn report(core: &mut Core, link: &Link) -> Result<(), SourceError> {
    let alarms = core.take_reports();
    link.health.solved(&link.source, |place| place == "source");
    link.report(Reported { alarms: alarms.clone(), ..Reported::default() }).await?;
    core.settle(&link.records(), &alarms);
    match core.take_crowded_out() {
        0 => {}
        count => {
            let reason = format!(
                "{MOST_ACTIVE} alarms stand already, and {count} more found no room; they are tried again every minute. Narrow the rules that raise the most"
            );
            link.problem("rules", &reason);
        }
    }
    Ok(())
}
