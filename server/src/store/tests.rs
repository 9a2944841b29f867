//! The history against a plain fold of what came in.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::change::{Bucket, Span, WindowSpec};
use protocol::event::{ObservationRow, ObservationsRecorded};
use protocol::source::Delivery;
use protocol::{Event, ObservationStatus, Scenario, SeriesKey, Timestamp};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use super::{LastDeliveries, Projection, Reader, Wanted, folder};
use crate::log::local::LocalLog;
use crate::log::{Draft, Head};

fn series(area: &str) -> SeriesKey {
    SeriesKey { indicator: "budget.revenue".into(), area: area.into(), scenario: Scenario::Actual }
}

/// A row of which only series and time matter.
fn asked_for(area: &str, time: i64) -> ObservationRow {
    let status = ObservationStatus::Automatic;
    ObservationRow { series: series(area), value: 0.0, phenomenon_time: Timestamp(time), status }
}

/// A log with its history.
struct Kept {
    _folder: tempfile::TempDir,
    log: LocalLog,
    head: watch::Sender<Head>,
    reader: Reader,
}

impl Kept {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn open(folder: tempfile::TempDir) -> Self {
        let log = LocalLog::open(folder.path()).unwrap();
        let head = watch::Sender::new(log.head());
        let projected = Projection::start(folder.path(), log.clone(), head.subscribe()).unwrap();
        let reader = Reader::new(folder.path(), log.clone(), head.subscribe(), projected);
        Self { _folder: folder, log, head, reader }
    }

    /// Appends entries of `(time, value)` rows, each recorded at the second of its place, counted from 1.
    async fn append(&self, entries: &[Vec<(i64, f64)>]) {
        for (second, rows) in (1..).zip(entries) {
            self.record("api", second, rows).await;
        }
    }

    async fn record(&self, source: &str, recorded_secs: i64, rows: &[(i64, f64)]) {
        self.record_some(source, recorded_secs, rows, 0).await;
    }

    /// Of a delivery of which so many rows were refused.
    async fn record_some(&self, source: &str, recorded_secs: i64, rows: &[(i64, f64)], refused_count: u64) {
        let row = |(time, value): &(i64, f64)| ObservationRow {
            series: series("51"),
            value: *value,
            phenomenon_time: Timestamp(*time),
            status: if is_fault(*value) { ObservationStatus::Fault } else { ObservationStatus::Official },
        };
        // It comes in half a second before it is recorded.
        let recorded_at = Timestamp::from_secs(recorded_secs);
        let event = Event::ObservationsRecorded(ObservationsRecorded {
            source: source.into(),
            received_at: recorded_at.plus_micros(-500_000),
            rows: rows.iter().map(row).collect(),
            idempotency_key: None,
            refused_count,
            refused: Vec::new(),
        });
        let body = rmp_serde::to_vec_named(&event).unwrap();
        self.log.append(vec![Draft { event, body }], recorded_at).await.unwrap();
        self.head.send_replace(self.log.head());
    }

    async fn window(&self, span: Span, buckets: u16) -> Vec<Bucket> {
        let spec = WindowSpec { series: series("51"), span, buckets };
        let wanted = Wanted { windows: vec![spec], ..Wanted::default() };
        let offset = self.head.borrow().position.offset;
        self.reader.load(wanted, offset).await.unwrap().windows.remove(0)
    }

    async fn values(&self, as_of: Option<i64>) -> Vec<(i64, f64)> {
        let all = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let rows = self.reader.history(&series("51"), all.0, all.1, as_of.map(Timestamp), 1000).await.unwrap();
        rows.iter().map(|row| (row.observation.phenomenon_time.as_micros(), row.observation.value)).collect()
    }
}

/// Every few values are no measurements.
fn is_fault(value: f64) -> bool {
    value.rem_euclid(5.0) == 0.0 && value.abs() > 20.0
}

/// The buckets of what was recorded, one row after the other.
fn folded(entries: &[Vec<(i64, f64)>], spec: &WindowSpec) -> Vec<(Timestamp, f64, f64, f64, i64, u64)> {
    let mut newest = BTreeMap::new();
    for (offset, rows) in (1..).zip(entries) {
        newest.extend(rows.iter().map(|(time, value)| (*time, (*value, offset))));
    }
    newest.retain(|_, (value, _)| !is_fault(*value));
    let last = newest.keys().next_back().and_then(|last| spec.bucket_start(Timestamp(*last)));
    let oldest = last.map(|last| spec.oldest_start(last));
    let mut buckets = BTreeMap::<Timestamp, (f64, f64, f64, i64, u64)>::new();
    for (time, (value, offset)) in newest {
        let Some(start) = spec.bucket_start(Timestamp(time)) else { continue };
        if matches!(spec.span, Span::Last { .. }) && Some(start) < oldest {
            continue;
        }
        let bucket = buckets.entry(start).or_insert((value, value, value, time, offset));
        *bucket = (bucket.0.min(value), bucket.1.max(value), value, time, bucket.4.max(offset));
    }
    buckets.into_iter().map(|(start, (min, max, last, time, at))| (start, min, max, last, time, at)).collect()
}

/// Batches of rows at few moments, so that many are revised; some before 1970. `step` lies between moments.
fn scattered(random: &mut SmallRng, batches: usize, rows: usize, step: i64) -> Vec<Vec<(i64, f64)>> {
    let sizes: Vec<usize> = (0..batches).map(|_| random.random_range(1..=rows)).collect();
    let mut row = || (random.random_range(-400_i64..600) * step, f64::from(random.random_range(-50_i32..50)));
    let mut entries: Vec<Vec<(i64, f64)>> = sizes.iter().map(|rows| (0..*rows).map(|_| row()).collect()).collect();
    for rows in &mut entries {
        let mut seen = std::collections::BTreeSet::new();
        rows.retain(|(time, _)| seen.insert(*time));
    }
    entries
}

/// Moments that lie close together, hours apart, and days apart; batches of one row and of more than a run takes.
const SCATTERS: [(usize, usize, i64); 6] = [
    (40, 20, 100_000),
    (3, 400, 100_000),
    (200, 1, 100_000),
    (40, 20, 600_000_000),
    (6, 500, 3_600_000_000),
    (40, 20, 90_000_000_000),
];

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_what_a_plain_fold_gives() {
    let mut random = SmallRng::seed_from_u64(51);
    for (batches, rows, step) in SCATTERS {
        let entries = scattered(&mut random, batches, rows, step);
        let kept = Kept::new();
        kept.append(&entries).await;
        let secs = |steps: i64| (steps * step / 1_000_000).unsigned_abs();
        let between = |from: i64, to: i64| Span::Between { from: Timestamp(from * step), to: Timestamp(to * step) };
        for span in [
            Span::Last { secs: secs(200) },
            Span::Last { secs: secs(10_000) },
            between(-400, 600),
            between(-30, 70),
            between(0, 0),
        ] {
            for buckets in [1, 7, 100, 2048] {
                let spec = WindowSpec { series: series("51"), span, buckets };
                let loaded = kept.window(span, buckets).await;
                let numbers = |bucket: &Bucket| {
                    (bucket.start, bucket.min, bucket.max, bucket.last, bucket.time.as_micros(), bucket.at)
                };
                assert_eq!(loaded.iter().map(numbers).collect::<Vec<_>>(), folded(&entries, &spec), "{spec:?}");
                assert!(
                    loaded
                        .iter()
                        .all(|bucket| bucket.source.as_str() == "api" && bucket.status == ObservationStatus::Official)
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_what_a_plain_fold_gives() {
    let mut random = SmallRng::seed_from_u64(52);
    for (batches, rows, step) in SCATTERS {
        let entries = scattered(&mut random, batches, rows, step);
        let kept = Kept::new();
        kept.append(&entries).await;
        for _ in 0..40 {
            let ends = [random.random_range(-450..650) * step, random.random_range(-450..650) * step];
            let (from, to) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            let known = random.random_range(0..=batches);
            let limit = random.random_range(1..=batches * rows);
            let mut newest = BTreeMap::new();
            for (offset, rows) in (1..).zip(&entries[..known]) {
                newest.extend(rows.iter().map(|(time, value)| (*time, (*value, offset))));
            }
            let expected: Vec<(i64, f64, u64)> =
                newest.range(from..=to).take(limit).map(|(time, (value, offset))| (*time, *value, *offset)).collect();
            let as_of = Some(Timestamp::from_secs(known as i64));
            let read = kept.reader.history(&series("51"), Timestamp(from), Timestamp(to), as_of, limit).await.unwrap();
            let numbers = |row: &super::HistoryRow| {
                (row.observation.phenomenon_time.as_micros(), row.observation.value, row.offset)
            };
            assert_eq!(read.iter().map(numbers).collect::<Vec<_>>(), expected, "{from}..={to} as of {as_of:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_gave_last_is_what_a_plain_fold_gives() {
    let mut random = SmallRng::seed_from_u64(53);
    for (batches, rows, step) in SCATTERS {
        let entries = scattered(&mut random, batches, rows, step);
        let kept = Kept::new();
        let mut newest = BTreeMap::new();
        for (offset, rows) in (1..).zip(&entries) {
            let source = if random.random_bool(0.5) { "files" } else { "api" };
            kept.record(source, offset as i64, rows).await;
            if source == "files" {
                newest.extend(rows.iter().map(|(time, value)| (*time, (offset, *value))));
            }
        }
        let times: Vec<i64> = (0..300).map(|_| random.random_range(-450..650) * step).collect();
        let asked: Arc<[ObservationRow]> = times.iter().map(|time| asked_for("51", *time)).collect();
        let delivered = kept.reader.delivered(&"files".into(), asked).await.unwrap();
        let delivered: Vec<_> = delivered.iter().map(|found| found.map(|found| (found.offset, found.value))).collect();
        assert_eq!(delivered, times.iter().map(|time| newest.get(time).copied()).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_at_a_moment_stays_what_it_was() {
    let kept = Kept::new();
    kept.append(&[vec![(7, 1.0), (8, 2.0)], vec![(7, 3.0)], vec![(9, 4.0)]]).await;
    let expected = [
        // Received, but not recorded yet.
        (Some(999_999), vec![]),
        (Some(1_000_000), vec![(7, 1.0), (8, 2.0)]),
        (Some(1_999_999), vec![(7, 1.0), (8, 2.0)]),
        (Some(2_000_000), vec![(7, 3.0), (8, 2.0)]),
        (None, vec![(7, 3.0), (8, 2.0), (9, 4.0)]),
    ];
    for (as_of, values) in expected {
        assert_eq!(kept.values(as_of).await, values, "as of {as_of:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_gave_last_is_told_without_the_others() {
    let kept = Kept::new();
    kept.record("files", 1, &[(7, 1.0)]).await;
    kept.record("files", 2, &[(7, 2.0)]).await;
    kept.record("api", 3, &[(7, 3.0), (8, 4.0)]).await;
    let rows: Arc<[ObservationRow]> = [asked_for("51", 7), asked_for("51", 8), asked_for("52", 7)].into();
    let values = |delivered: Vec<Option<super::Delivered>>| {
        delivered.iter().map(|found| found.map(|found| (found.offset, found.value))).collect::<Vec<_>>()
    };
    assert_eq!(
        values(kept.reader.delivered(&"files".into(), Arc::clone(&rows)).await.unwrap()),
        [Some((2, 2.0)), None, None]
    );
    assert_eq!(values(kept.reader.delivered(&"other".into(), rows).await.unwrap()), [None, None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_deliveries_of_each_source_are_told() {
    let kept = Kept::new();
    kept.record_some("files", 1, &[(7, 1.0), (8, 1.0)], 3).await;
    kept.record_some("api", 2, &[(7, 1.0)], 0).await;
    kept.record_some("files", 3, &[], 1).await;
    kept.record_some("files", 4, &[(9, 1.0)], 0).await;
    let wanted = |deliveries| Wanted { deliveries, ..Wanted::default() };
    let found = kept.reader.load(wanted(true), 4).await.unwrap().deliveries;
    let delivery = |secs: i64, count| Some(Delivery { at: Timestamp(secs * 1_000_000 - 500_000), count });
    let of = |source: &str, offset, taken, refused| LastDeliveries { source: source.into(), offset, taken, refused };
    assert_eq!(
        found,
        [of("api", 2, delivery(2, 1), None), of("files", 4, delivery(4, 1), delivery(3, 1))],
        "by their names"
    );
    assert_eq!(kept.reader.load(wanted(false), 4).await.unwrap().deliveries, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_an_older_version_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(folder.path().join("history.sqlite")).unwrap();
    old.execute_batch(
        "CREATE TABLE meta (name TEXT, value INTEGER); CREATE TABLE observations (x); PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let kept = Kept::open(folder);
    kept.append(&[vec![(7, 1.0)]]).await;
    assert_eq!(kept.values(None).await, [(7, 1.0)]);
}

#[test]
fn a_data_folder_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let claimed = folder::claim(&path).unwrap();
    let said = folder::claim(&path).unwrap_err().to_string();
    assert!(said.contains(&path.display().to_string()) && said.contains("--data"), "{said}");
    drop(claimed);
    folder::claim(&path).unwrap();
}
