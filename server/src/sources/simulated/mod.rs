//! Figures made up for a demonstration: a function of seed and time, marked as simulated.
//!
//! At its first start it fills in the past; after a restart it goes on where it was.

mod curve;
mod moments;
mod options;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use protocol::event::ObservationRow;
use protocol::{ObservationStatus, Scenario, SeriesKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Link, Source, SourceError, on_disk, state};
use crate::config::Options;
use curve::Curve;
use moments::Pace;
use options::SimulatedOptions;

const HOUR_MICROS: i64 = 3_600 * 1_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// The past is delivered in stretches of this length, the last days in shorter ones.
const OLD_STRETCH_MICROS: i64 = 32 * DAY_MICROS;
const NEW_STRETCH_MICROS: i64 = 6 * HOUR_MICROS;
const NEW_MICROS: i64 = 4 * DAY_MICROS;

/// Reads the options of a simulated source.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<SimulatedOptions>()?;
    read.check(options);
    let zone = options.settings.zone();
    Some(Arc::new(Simulated::new(read, zone)))
}

/// A source of made-up figures.
#[derive(Debug)]
pub struct Simulated {
    interval: Duration,
    history_days: u32,
    zone: TimeZone,
    series: Vec<SimulatedSeries>,
}

/// One indicator in one area, with its plan and last year's figures where it has them.
#[derive(Debug)]
struct SimulatedSeries {
    actual: SeriesKey,
    pace: Pace,
    curve: Curve,
}

/// How far it came since it began. What lies up to `pending` was perhaps recorded, perhaps not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Reached {
    begun: Timestamp,
    reached: Timestamp,
    pending: Timestamp,
}

impl Simulated {
    fn new(options: SimulatedOptions, zone: TimeZone) -> Self {
        let interval = Duration::from_secs(options.interval_secs.max(1));
        let mut series = Vec::new();
        for spec in options.series {
            for (area, factor) in spec.areas() {
                let actual = SeriesKey { indicator: spec.indicator.clone(), area, scenario: Scenario::Actual };
                let curve = Curve::new(options.seed, &actual, spec.shape.clone(), factor, spec.decimals, zone.clone());
                series.push(SimulatedSeries { actual, pace: spec.every, curve });
            }
        }
        Self { interval, history_days: options.history_days, zone, series }
    }

    async fn follow(&self, link: &Link) -> Result<(), SourceError> {
        let path = link.state.join("reached.json");
        let saved = state::load::<Reached>(&path).map_err(SourceError::io(format!("reading {}", path.display())))?;
        let begun = saved.map_or_else(|| self.beginning(link.now()), |saved| saved.begun);
        let mut reached = begun;
        if let Some(saved) = saved {
            // The same stretch with the same key: recorded once, whether it was before or not.
            let rows = self.rows(begun, saved.reached, saved.pending);
            deliver(link, rows, saved.reached, saved.pending).await?;
            reached = saved.pending;
        }
        while !link.is_stopping() {
            let upto = self.stretch_end(reached, link.now());
            if upto > reached {
                let rows = self.rows(begun, reached, upto);
                if rows.is_empty() {
                    link.health.well(&link.source, link.now());
                } else {
                    save(path.clone(), Reached { begun, reached, pending: upto }).await?;
                    deliver(link, rows, reached, upto).await?;
                }
                reached = upto;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(self.until_next(link.now())) => {}
                () = link.stopped() => break,
            }
        }
        Ok(())
    }

    /// The start of the day that the past begins with, aligned so that every server begins alike.
    fn beginning(&self, now: Timestamp) -> Timestamp {
        let back = now.plus_micros(-i64::from(self.history_days).saturating_mul(DAY_MICROS));
        Timestamp(align(back.as_micros(), DAY_MICROS))
    }

    /// The end of the stretch behind `reached` that may be delivered at `now`.
    fn stretch_end(&self, reached: Timestamp, now: Timestamp) -> Timestamp {
        let length = if now.since(reached) > NEW_MICROS { OLD_STRETCH_MICROS } else { NEW_STRETCH_MICROS };
        let interval = i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX);
        let mut end = align(reached.as_micros(), length).saturating_add(length);
        if length == OLD_STRETCH_MICROS {
            end = end.min(align(now.as_micros() - NEW_MICROS, DAY_MICROS) + DAY_MICROS);
        }
        Timestamp(end.min(align(now.as_micros(), interval)))
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let interval = i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX);
        let next = align(now.as_micros(), interval).saturating_add(interval);
        Duration::from_micros(u64::try_from(next - now.as_micros()).unwrap_or(0))
    }

    /// All rows with a time in `(from, upto]`, and the plan of the year that everything begins in.
    fn rows(&self, begun: Timestamp, from: Timestamp, upto: Timestamp) -> Vec<ObservationRow> {
        let new_years = moments::new_years(from, upto, from == begun, &self.zone);
        let mut rows = Vec::new();
        for series in &self.series {
            let mut add = |scenario, phenomenon_time, value| {
                let key = SeriesKey { scenario, ..series.actual.clone() };
                rows.push(ObservationRow { series: key, value, phenomenon_time, status: ObservationStatus::Simulated });
            };
            if let Some(plan) = series.curve.plan() {
                new_years.iter().for_each(|start| add(Scenario::Plan, *start, plan));
            }
            for moment in series.pace.moments(from, upto, self.interval, &self.zone) {
                series.curve.figures(moment).into_iter().for_each(|(scenario, value)| add(scenario, moment, value));
            }
        }
        rows.sort_by_key(|row| row.phenomenon_time);
        rows
    }
}

impl Source for Simulated {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { self.follow(&link).await }.boxed()
    }
}

/// Records the rows that are due in `(from, upto]`.
async fn deliver(
    link: &Link,
    mut rows: Vec<ObservationRow>,
    from: Timestamp,
    upto: Timestamp,
) -> Result<(), SourceError> {
    rows.retain(|row| match link.admit(row) {
        Ok(()) => true,
        Err(reason) => {
            link.problem(format!("{} in {}", row.series.indicator, row.series.area), &reason);
            false
        }
    });
    link.record(rows, format!("simulated:{}:{}", from.as_micros(), upto.as_micros())).await?;
    Ok(())
}

async fn save(path: PathBuf, reached: Reached) -> Result<(), SourceError> {
    on_disk(format!("writing {}", path.display()), move || state::save(&path, &reached)).await
}

fn align(micros: i64, step: i64) -> i64 {
    micros.div_euclid(step.max(1)).saturating_mul(step.max(1))
}

#[cfg(test)]
mod tests;
