//! Measures the centre itself: how much of what it shows is up to date, comes by itself, and from sources that run; and
//! how many alarms it raises.

mod raised;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use protocol::event::{ObservationRow, Rows};
use protocol::observation::Freshness;
use protocol::{AreaId, Catalogue, Event, IndicatorId, ObservationStatus, Scenario, SeriesKey, Timestamp};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior};

use super::entries::Next;
use super::{DERIVED, Link, OPERATIONS, Source, SourceError};
use crate::config::Options;
use crate::store::NewestOf;
use raised::Raised;

/// Reads the options of a source that measures the centre.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read: OperationsOptions = options.take()?;
    options.check_area(&["area"], &read.area);
    for (measure, indicator) in &read.measures {
        options.check_indicator(&["measures", measure.name()], indicator);
    }
    if read.measures.is_empty() {
        options.report(&["measures"], "name the indicator of at least one measure: fresh_percent = \"…\"");
    }
    let zone = options.settings.zone();
    let interval = Duration::from_secs(read.interval_secs.max(1));
    Some(Arc::new(Operations { area: read.area, interval, measures: read.measures, zone }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationsOptions {
    /// The area that the centre is of.
    area: AreaId,
    #[serde(default = "usual_interval")]
    interval_secs: u64,
    /// Which indicator each measure is recorded under.
    measures: BTreeMap<Measure, IndicatorId>,
}

fn usual_interval() -> u64 {
    300
}

/// When it is measured first: sources have just begun to deliver.
const FIRST: Duration = Duration::from_secs(5);

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// The share of the indicators of which no series is overdue.
    FreshPercent,
    /// How many indicators have a series that is overdue.
    StaleCount,
    /// The share of the indicators of which nothing is keyed in by hand.
    AutomaticPercent,
    /// How many indicators have a series whose newest value was keyed in by hand.
    ByHandCount,
    /// The share of the sources that run.
    FeedsPercent,
    /// How many sources run.
    FeedsUp,
    /// How many alarms were raised in the last thirty days.
    AlarmsRaised,
    /// The share of them that are critical: where it is more than a twentieth, nobody heeds those any more.
    CriticalPercent,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Self::FreshPercent => "fresh_percent",
            Self::StaleCount => "stale_count",
            Self::AutomaticPercent => "automatic_percent",
            Self::ByHandCount => "by_hand_count",
            Self::FeedsPercent => "feeds_percent",
            Self::FeedsUp => "feeds_up",
            Self::AlarmsRaised => "alarms_raised",
            Self::CriticalPercent => "critical_percent",
        }
    }
}

/// A source that measures the centre.
#[derive(Debug)]
pub struct Operations {
    area: AreaId,
    interval: Duration,
    measures: BTreeMap<Measure, IndicatorId>,
    zone: TimeZone,
}

/// The newest measurement of each series.
type Newest = HashMap<IndicatorId, HashMap<AreaId, (Timestamp, ObservationStatus)>>;

impl Source for Operations {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move { self.follow(link).await })
    }
}

impl Operations {
    async fn follow(&self, link: Link) -> Result<(), SourceError> {
        let mut entries = link.entries(None);
        let mut newest = self.load(&link).await?;
        let mut raised = self.raised(&link).await?;
        let mut looks = tokio::time::interval_at(Instant::now() + self.interval.min(FIRST), self.interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        link.health.well(&link.source, link.now());
        loop {
            tokio::select! {
                () = link.stopped() => return Ok(()),
                _ = looks.tick() => self.measure(&link, &newest, &mut raised).await?,
                next = entries.next() => match next? {
                    Next::Entries(entries) => entries.iter().for_each(|entry| match &entry.event {
                        Event::ObservationsRecorded(recorded) => self.take(&recorded.rows, &mut newest),
                        event => raised.take(event),
                    }),
                    Next::Restarted => (newest, raised) = (self.load(&link).await?, self.raised(&link).await?),
                },
            }
        }
    }

    /// The alarms so far, if they are measured: all records of the log are read for them.
    async fn raised(&self, link: &Link) -> Result<Raised, SourceError> {
        let is_measured =
            [Measure::AlarmsRaised, Measure::CriticalPercent].iter().any(|of| self.measures.contains_key(of));
        if is_measured { Raised::of_log(link).await } else { Ok(Raised::default()) }
    }

    /// Whether it is one of those that are measured here: they do not count themselves.
    fn is_own(&self, indicator: &IndicatorId) -> bool {
        self.measures.values().any(|own| own == indicator)
    }

    async fn load(&self, link: &Link) -> Result<Newest, SourceError> {
        let mut newest = Newest::new();
        for NewestOf { series, time, status } in link.newest_of_all().await? {
            self.put(&mut newest, &series, (time, status));
        }
        Ok(newest)
    }

    fn take(&self, rows: &Rows, newest: &mut Newest) {
        for row in rows.iter() {
            if row.status.is_measurement() {
                self.put(newest, row.series, (row.phenomenon_time, row.status));
            } else if let Some(areas) = newest.get_mut(&row.series.indicator)
                && areas.get(&row.series.area).is_some_and(|held| held.0 == row.phenomenon_time)
                && row.series.scenario == Scenario::Actual
            {
                // It was taken back: nothing is known until the next one.
                areas.remove(&row.series.area);
            }
        }
    }

    fn put(&self, newest: &mut Newest, series: &SeriesKey, (time, status): (Timestamp, ObservationStatus)) {
        if series.scenario != Scenario::Actual || self.is_own(&series.indicator) {
            return;
        }
        if !newest.contains_key(&series.indicator) {
            newest.insert(series.indicator.clone(), HashMap::new());
        }
        let Some(areas) = newest.get_mut(&series.indicator) else { return };
        match areas.get_mut(&series.area) {
            Some(held) if held.0 <= time => *held = (time, status),
            Some(_) => {}
            None => drop(areas.insert(series.area.clone(), (time, status))),
        }
    }

    async fn measure(&self, link: &Link, newest: &Newest, raised: &mut Raised) -> Result<(), SourceError> {
        let now = link.now();
        let (alarms, critical) = raised.count(now);
        let catalogue = Arc::clone(&link.catalogue.borrow());
        let counts = self.count(&catalogue, newest, now);
        let fed = catalogue.sources.values().filter(|info| ![DERIVED, OPERATIONS].contains(&info.kind.as_str()));
        let runs: Vec<bool> = fed.map(|info| link.health.of(&info.id).is_some_and(|health| health.alive)).collect();
        let up = runs.iter().filter(|runs| **runs).count();
        let row = |(measure, indicator): (&Measure, &IndicatorId)| {
            let value = match measure {
                Measure::FreshPercent => percent(counts.fresh, counts.all)?,
                Measure::StaleCount => counts.stale as f64,
                Measure::AutomaticPercent => percent(counts.automatic, counts.all)?,
                Measure::ByHandCount => counts.by_hand as f64,
                Measure::FeedsPercent => percent(up, runs.len())?,
                Measure::FeedsUp => up as f64,
                Measure::AlarmsRaised => alarms as f64,
                // Of none, none are.
                Measure::CriticalPercent => percent(critical, alarms).unwrap_or(0.0),
            };
            let (series, status) = (SeriesKey::actual(indicator, &self.area), ObservationStatus::Automatic);
            Some(ObservationRow { series, value, phenomenon_time: now, status })
        };
        link.record(self.measures.iter().filter_map(row), None).await?;
        Ok(())
    }

    /// Of the areas that exist today, as what is of others comes no more; of what has only others, of those.
    fn count(&self, catalogue: &Catalogue, newest: &Newest, now: Timestamp) -> Counts {
        let today = jiff::Timestamp::from_microsecond(now.as_micros()).map(|now| self.zone.to_datetime(now).date());
        let today = today.map(|day| day.to_string()).unwrap_or_default();
        let is_there = |area: &AreaId| catalogue.areas.get(area).is_some_and(|area| area.is_valid_on(&today));
        let mut counts = Counts::default();
        for (id, indicator) in catalogue.indicators.iter().filter(|(id, _)| !self.is_own(id)) {
            let known = || newest.get(id).into_iter().flatten();
            let some_are_there = known().any(|(area, _)| is_there(area));
            let areas = known().filter(|(area, _)| !some_are_there || is_there(area));
            let series: Vec<_> = areas.map(|(_, newest)| newest).collect();
            let is_stale = |time| indicator.freshness(time, now) >= Freshness::Stale;
            let has_stale = series.iter().any(|(time, _)| is_stale(*time));
            let has_by_hand = series.iter().any(|(_, status)| *status == ObservationStatus::ByHand);
            counts.all += 1;
            counts.stale += usize::from(has_stale);
            counts.by_hand += usize::from(has_by_hand);
            counts.fresh += usize::from(!has_stale && !series.is_empty());
            counts.automatic += usize::from(!has_by_hand && !series.is_empty());
        }
        counts
    }
}

/// How many indicators are like this. What nothing is known of is neither fresh nor automatic.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    all: usize,
    fresh: usize,
    stale: usize,
    automatic: usize,
    by_hand: usize,
}

fn percent(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Running, until};
    use super::*;

    fn operations(measures: &[(Measure, &str)]) -> Operations {
        let measures = measures.iter().map(|(measure, id)| (*measure, (*id).into())).collect();
        Operations { area: "51".into(), interval: Duration::from_millis(5), measures, zone: TimeZone::UTC }
    }

    #[test]
    fn an_indicator_is_fresh_when_none_of_its_series_is_overdue() {
        let mut catalogue = super::super::tests::catalogue();
        let gone = r#"{ "id": "52", "name": { "vi": "Cũ" }, "valid_to": "1970-01-01" }"#;
        let district = r#"{ "id": "522", "name": { "vi": "Huyện" } }"#;
        for area in [gone, district] {
            let area: protocol::Area = serde_json::from_str(area).unwrap();
            catalogue.areas.insert(area.id.clone(), Arc::new(area));
        }
        let operations = operations(&[]);
        let mut newest = Newest::new();
        let mut count = |rows: &[(&str, &str, i64, ObservationStatus)], now| {
            for (indicator, area, secs, status) in rows {
                let series = SeriesKey::actual(&(*indicator).into(), &(*area).into());
                operations.put(&mut newest, &series, (Timestamp::from_secs(*secs), *status));
            }
            let Counts { all, fresh, stale, automatic, by_hand } =
                operations.count(&catalogue, &newest, Timestamp::from_secs(now));
            (all, fresh, stale, automatic, by_hand)
        };
        use ObservationStatus::{Automatic, ByHand};
        assert_eq!(count(&[], 100), (2, 0, 0, 0, 0), "nothing is known");
        assert_eq!(count(&[("budget.revenue", "51", 100, Automatic)], 101), (2, 1, 0, 1, 0));
        assert_eq!(count(&[("budget.revenue", "52", 1, ByHand)], 101), (2, 1, 0, 1, 0), "an area that is no more");
        assert_eq!(count(&[("budget.revenue", "522", 99, ByHand)], 101), (2, 0, 1, 0, 1));
        assert_eq!(count(&[("budget.revenue", "522", 98, Automatic)], 101), (2, 0, 1, 0, 1), "late");
        assert_eq!(count(&[("budget.revenue", "522", 101, Automatic)], 101), (2, 1, 0, 1, 0));
        assert_eq!(count(&[], 103), (2, 0, 1, 1, 0), "by itself, as time goes on");
        assert_eq!(
            count(&[("budget.expenditure", "52", 103, Automatic)], 103),
            (2, 1, 1, 2, 0),
            "only of what is no more"
        );
    }

    #[tokio::test]
    async fn the_centre_measures_itself() {
        let running = Running::start();
        let link = running.link.clone();
        let operations = operations(&[(Measure::FreshPercent, "budget.expenditure")]);
        let following = tokio::spawn(async move { operations.follow(link).await });
        until(|| running.accepted() >= 2).await;
        assert_eq!(running.known("budget.expenditure").await.last(), Some(&0.0));
        let series = SeriesKey::actual(&"budget.revenue".into(), &"51".into());
        let (phenomenon_time, status) = (running.link.now().plus_micros(100_000_000), ObservationStatus::Automatic);
        running.link.record([ObservationRow { series, value: 1.0, phenomenon_time, status }], None).await.unwrap();
        let before = running.accepted();
        until(|| running.accepted() >= before + 2).await;
        assert_eq!(running.known("budget.expenditure").await.last(), Some(&100.0));
        running.end(following).await;
    }
}
