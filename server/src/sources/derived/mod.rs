//! Computes indicators from others, as indicators.toml says.
//!
//! It follows the log, so that it computes from what is durable, and records what differs from what is known: a
//! stretch that is computed twice changes nothing. What it has computed up to, and by which rules, it remembers; what
//! is computed by other rules than before is computed anew.

#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use protocol::observation::Period;
use serde::Deserialize;

use super::entries::Next;
use super::{Link, Source, SourceError};
use crate::config::Options;
use crate::derive::DAY;
use worker::Worker;

/// Reads the options of the source that computes.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let DerivedOptions { back_days } = options.take()?;
    if back_days.is_some_and(|days| days > 36_600) {
        options.report(&["back_days"], "it is at most 36600, which is a hundred years");
        return None;
    }
    let zone = options.settings.zone();
    Some(Arc::new(Derived { zone, back_days }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DerivedOptions {
    /// How far back an indicator is computed that is new, or by another rule than before; a week for what comes every
    /// hour or more often, five years for the rest.
    #[serde(default)]
    back_days: Option<u32>,
}

/// The source of all that is computed.
#[derive(Debug)]
pub struct Derived {
    zone: TimeZone,
    back_days: Option<u32>,
}

impl Source for Derived {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move { self.follow(link).await })
    }
}

impl Derived {
    async fn follow(&self, link: Link) -> Result<(), SourceError> {
        let mut catalogue = link.catalogue.clone();
        let known = Arc::clone(&catalogue.borrow_and_update());
        let mut worker = Worker::open(self, link.clone(), known).await?;
        link.health.well(&link.source, link.now());
        loop {
            worker.catch_up().await?;
            let due = worker.due();
            tokio::select! {
                biased;
                () = link.stopped() => return worker.save().await,
                Ok(()) = catalogue.changed() => worker.replan(Arc::clone(&catalogue.borrow_and_update())),
                () = due => worker.compute_due().await?,
                next = worker.entries.next() => match next? {
                    Next::Entries(entries) => worker.take(&entries).await?,
                    Next::Restarted => worker.restart(),
                },
            }
            worker.save_now_and_then().await?;
        }
    }

    /// How far back what comes like this is computed, in microseconds.
    fn back(&self, period: Period) -> i64 {
        let usual = if matches!(period, Period::Continuous | Period::Hour) { 7 } else { 5 * 366 };
        i64::from(self.back_days.unwrap_or(usual)) * DAY
    }
}
