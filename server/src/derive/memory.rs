//! What is held of the series that others are computed from: the newest stretch of each, without a gap.

use std::collections::HashMap;

use protocol::event::Row;
use protocol::{ObservationStatus, SeriesKey, Timestamp};

/// A value of a series; what is no measurement leaves none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub time: Timestamp,
    pub value: f64,
    pub status: ObservationStatus,
}

/// All that is known of a series from a moment on.
#[derive(Debug, Clone)]
struct Held {
    since: Timestamp,
    /// By time.
    points: Vec<Point>,
    /// How far back it is kept, in microseconds.
    kept: i64,
}

/// The held stretches.
#[derive(Debug, Default)]
pub struct Memory {
    series: HashMap<SeriesKey, Held>,
}

/// A stretch of a series that is not held yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Lacking {
    pub series: SeriesKey,
    pub from: Timestamp,
    /// Up to this moment, not included.
    pub to: Timestamp,
}

impl Memory {
    /// What has to be read so that `series` is held from `from` on.
    #[must_use]
    pub fn lacking(&self, series: &SeriesKey, from: Timestamp) -> Option<Lacking> {
        let to = self.series.get(series).map_or(Timestamp(i64::MAX), |held| held.since);
        (from < to).then(|| Lacking { series: series.clone(), from, to })
    }

    /// Takes in what was read of a lacking stretch. It is kept so many microseconds back from its newest point.
    pub fn fill(&mut self, Lacking { series, from, to }: Lacking, mut read: Vec<Point>, kept: i64) {
        read.retain(|point| point.time < to && point.status.is_measurement());
        let held = self.series.entry(series).or_insert_with(|| Held { since: to, points: Vec::new(), kept });
        held.kept = held.kept.max(kept);
        read.append(&mut held.points);
        held.points = read;
        held.since = from;
    }

    /// Takes in a row. What came before of the same time is no longer so. What lies before the held stretch is there
    /// when it is read.
    pub fn take(&mut self, row: &Row<'_>) {
        let Some(held) = self.series.get_mut(row.series) else { return };
        if row.phenomenon_time < held.since {
            return;
        }
        let point = Point { time: row.phenomenon_time, value: row.value, status: row.status };
        let place = held.points.partition_point(|point| point.time < row.phenomenon_time);
        let is_held = held.points.get(place).is_some_and(|point| point.time == row.phenomenon_time);
        match (is_held, row.status.is_measurement()) {
            (true, true) => held.points[place] = point,
            (true, false) => drop(held.points.remove(place)),
            (false, true) => held.points.insert(place, point),
            (false, false) => {}
        }
        held.trim();
    }

    /// The points with `from <= time <= to`, oldest first; nothing of what is not held.
    #[must_use]
    pub fn between(&self, series: &SeriesKey, from: Timestamp, to: Timestamp) -> &[Point] {
        let Some(held) = self.series.get(series) else { return &[] };
        let start = held.points.partition_point(|point| point.time < from);
        let end = held.points.partition_point(|point| point.time <= to);
        held.points.get(start..end).unwrap_or_default()
    }

    /// The newest point of `time` or before.
    #[must_use]
    pub fn newest(&self, series: &SeriesKey, time: Timestamp) -> Option<&Point> {
        self.between(series, Timestamp(i64::MIN), time).last()
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.series.clear();
    }
}

impl Held {
    /// Lets go of what is older than it is kept, now and then.
    fn trim(&mut self) {
        let Some(newest) = self.points.last().map(|point| point.time) else { return };
        let oldest = newest.plus_micros(-self.kept);
        let old = self.points.partition_point(|point| point.time < oldest);
        // Moving the rest for each point that leaves would cost more than it saves.
        if old > 4 && old > self.points.len() / 4 {
            self.points.drain(..old);
            self.since = self.since.max(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Scenario;

    use super::*;

    fn series() -> SeriesKey {
        SeriesKey { indicator: "a".into(), area: "51".into(), scenario: Scenario::Actual }
    }

    fn point(secs: i64, value: f64) -> Point {
        Point { time: Timestamp::from_secs(secs), value, status: ObservationStatus::Automatic }
    }

    fn take(memory: &mut Memory, secs: i64, value: f64, status: ObservationStatus) {
        let series = series();
        let time = Timestamp::from_secs(secs);
        memory.take(&Row { place: 0, series: &series, status, phenomenon_time: time, value });
    }

    fn values(memory: &Memory, from: i64, to: i64) -> Vec<f64> {
        let points = memory.between(&series(), Timestamp::from_secs(from), Timestamp::from_secs(to));
        points.iter().map(|point| point.value).collect()
    }

    #[test]
    fn late_corrected_and_retracted_rows_stand_where_they_belong() {
        let mut memory = Memory::default();
        take(&mut memory, 5, 5.0, ObservationStatus::Automatic);
        assert_eq!(values(&memory, 0, 100), [] as [f64; 0], "not held");
        let lacking = memory.lacking(&series(), Timestamp::from_secs(10)).unwrap();
        memory.fill(lacking, vec![point(10, 1.0), point(30, 3.0)], 1_000_000_000);
        assert_eq!(memory.lacking(&series(), Timestamp::from_secs(10)), None);
        take(&mut memory, 20, 2.0, ObservationStatus::Automatic);
        take(&mut memory, 30, 3.5, ObservationStatus::Official);
        take(&mut memory, 5, 0.5, ObservationStatus::Automatic);
        take(&mut memory, 25, 9.0, ObservationStatus::Fault);
        assert_eq!(values(&memory, 0, 100), [1.0, 2.0, 3.5]);
        take(&mut memory, 20, 2.0, ObservationStatus::Suspect);
        assert_eq!(values(&memory, 0, 100), [1.0, 3.5]);
        let earlier = memory.lacking(&series(), Timestamp::from_secs(0)).unwrap();
        assert_eq!((earlier.from, earlier.to), (Timestamp::from_secs(0), Timestamp::from_secs(10)));
        memory.fill(earlier, vec![point(5, 0.5)], 1);
        assert_eq!(values(&memory, 0, 100), [0.5, 1.0, 3.5]);
        assert_eq!(memory.newest(&series(), Timestamp::from_secs(29)).unwrap().value, 1.0);
    }

    #[test]
    fn what_is_old_leaves_and_is_lacking_again() {
        let mut memory = Memory::default();
        let lacking = memory.lacking(&series(), Timestamp::from_secs(0)).unwrap();
        memory.fill(lacking, Vec::new(), 10_000_000);
        (0..100).for_each(|secs| take(&mut memory, secs, secs as f64, ObservationStatus::Automatic));
        let held = values(&memory, 0, 1000);
        assert!((11..=32).contains(&held.len()), "{held:?}");
        assert!(memory.lacking(&series(), Timestamp::from_secs(0)).is_some());
        assert_eq!(memory.lacking(&series(), Timestamp::from_secs(89)), None);
    }
}
