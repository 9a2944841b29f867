//! Marks numbers that are not plausible after those before them, on their way into the log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use parking_lot::{Mutex, MutexGuard};
use protocol::event::{ObservationRow, Row, Rows};
use protocol::observation::Plausible;
use protocol::{ObservationStatus, Scenario, SeriesKey, Timestamp};
use tokio::sync::watch;

use super::recorder::RecordError;
use crate::centre::Centre;
use crate::centre::plausible::{Before, Value, Verdict};
use crate::clock::to_rfc3339;
use crate::store::{HistoryRow, Reader, StoreError, Wanted};

/// Most reasons that are told of one batch.
const MOST_REASONS: usize = 20;
/// How often what came before is read for one batch, when others have it forgotten.
const MOST_READINGS: usize = 10;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// What came before of the series whose values are judged by it. Cheap to clone.
#[derive(Clone)]
pub struct Screening {
    store: Reader,
    centre: watch::Receiver<Arc<Centre>>,
    zone: TimeZone,
    before: Arc<Mutex<HashMap<SeriesKey, Before>>>,
    /// Whether another server may have taken values in meanwhile.
    is_shared: bool,
}

/// A batch as it was judged.
#[derive(Debug, Default)]
pub(super) struct Screened {
    pub rows: Rows,
    /// What was suspect before and turned out to be right.
    pub confirmed: Vec<ObservationRow>,
    /// Which are suspect and why, as many as are told.
    suspect: Vec<(SeriesKey, Timestamp, String)>,
}

impl Screened {
    /// What a later row of the same batch confirms is no longer suspect in it.
    fn confirm_within(&mut self, rows: &mut [ObservationRow]) {
        let suspect = &mut self.suspect;
        self.confirmed.retain(|confirmed| {
            let (series, time) = (&confirmed.series, confirmed.phenomenon_time);
            let is_it = |row: &&mut ObservationRow| {
                row.series == *series && row.phenomenon_time == time && row.status == ObservationStatus::Suspect
            };
            let within = rows.iter_mut().filter(is_it).map(|row| row.status = confirmed.status).count();
            suspect.retain(|(suspect, at, _)| suspect != series || *at != time);
            within == 0
        });
    }

    fn suspect(&mut self, row: &mut ObservationRow, reason: String) {
        row.status = ObservationStatus::Suspect;
        if self.suspect.len() < MOST_REASONS {
            self.suspect.push((row.series.clone(), row.phenomenon_time, reason));
        }
    }

    /// Why rows are suspect: `indicator in area at time: reason`.
    pub fn reasons(&self) -> Vec<String> {
        let say = |(SeriesKey { indicator, area, .. }, time, reason): &(SeriesKey, Timestamp, String)| {
            format!("{indicator} in {area} at {}: {reason}", to_rfc3339(*time))
        };
        self.suspect.iter().map(say).collect()
    }
}

impl Screening {
    #[must_use]
    pub fn new(store: Reader, centre: watch::Receiver<Arc<Centre>>, zone: TimeZone, is_shared: bool) -> Self {
        Self { store, centre, zone, before: Arc::default(), is_shared }
    }

    /// Judges the rows of a batch.
    ///
    /// # Errors
    /// When what came before cannot be read.
    pub(super) async fn judge(&self, rows: Rows) -> Result<Screened, RecordError> {
        let rules = self.rules(&rows);
        if rules.is_empty() {
            return Ok(Screened { rows, ..Screened::default() });
        }
        let mut judged: Vec<ObservationRow> = rows.iter().map(Row::to_owned).collect();
        // However they are ordered, each is judged by those before it in time.
        let mut order: Vec<usize> = (0..judged.len()).collect();
        order.sort_by_key(|place| judged[*place].phenomenon_time);
        let (refuted, mut before) = self.known(&rows, &rules).await?;
        let mut screened = Screened::default();
        for place in order {
            let row = &mut judged[place];
            if refuted.contains(&told(&row.series, row.phenomenon_time, row.value)) {
                screened.suspect(row, "it was told before and was not plausible then; official it counts".to_owned());
            } else if let (Some(rules), Some(before)) = (rules.get(&row.series), before.get_mut(&row.series)) {
                self.judge_row(row, rules, before, &mut screened);
            }
        }
        drop(before);
        screened.confirm_within(&mut judged);
        screened.rows = judged.into_iter().collect();
        Ok(screened)
    }

    /// The late rows that were suspect before; and what came before of each series.
    async fn known(
        &self,
        rows: &Rows,
        rules: &BTreeMap<SeriesKey, Plausible>,
    ) -> Result<(HashSet<Told>, MutexGuard<'_, HashMap<SeriesKey, Before>>), RecordError> {
        for _ in 0..MOST_READINGS {
            self.read(rules.keys()).await?;
            let refuted = self.refuted(rows, rules).await;
            let before = self.before.lock();
            // Another batch may have had all of it forgotten meanwhile.
            if rules.keys().all(|series| before.contains_key(series)) {
                return Ok((refuted, before));
            }
        }
        Err(RecordError::Unavailable { reason: "what came before is forgotten again and again".to_owned() })
    }

    /// Forgets what was judged and not recorded.
    pub(super) fn forget(&self) {
        self.before.lock().clear();
    }

    fn judge_row(&self, row: &mut ObservationRow, rules: &Plausible, before: &mut Before, into: &mut Screened) {
        let next = Value { time: row.phenomenon_time, value: row.value, status: row.status };
        match before.judge(rules, next, |time| self.year(time)) {
            Verdict::Plausible => {}
            Verdict::Confirmed(Value { time, value, status }) => {
                into.confirmed.push(ObservationRow {
                    series: row.series.clone(),
                    value,
                    phenomenon_time: time,
                    status,
                });
            }
            Verdict::Suspect(reason) => into.suspect(row, reason),
        }
    }

    /// The rules for the series of a batch that have some.
    fn rules(&self, rows: &Rows) -> BTreeMap<SeriesKey, Plausible> {
        let centre = self.centre.borrow();
        let judged = rows.series().iter().filter(|(series, _)| series.scenario == Scenario::Actual);
        let with_rules = judged.filter_map(|(series, _)| {
            let indicator = centre.catalogue.indicators.get(&series.indicator)?;
            let rules = indicator.plausible.filter(|rules| rules.jump.is_some() || rules.rising)?;
            // What is computed is as plausible as its inputs.
            let derivation = indicator.derive.as_ref();
            let is_computed =
                derivation.is_some_and(|derive| derive.computes(&series.indicator, &series.area, &centre.catalogue));
            (!is_computed).then(|| (series.clone(), rules))
        });
        with_rules.collect()
    }

    /// Reads what came before of the series that nothing is known of.
    async fn read(&self, series: impl Iterator<Item = &SeriesKey>) -> Result<(), RecordError> {
        let unknown: Vec<SeriesKey> = {
            let before = self.before.lock();
            series.filter(|series| self.is_shared || !before.contains_key(series)).cloned().collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let since = self.store.head().borrow().position.offset;
        let wanted = Wanted { series: unknown.clone(), ..Wanted::default() };
        let latest = self.store.load(wanted, since).await.map_err(unread)?.latest;
        let latest: HashMap<_, _> = latest.into_iter().map(|row| (row.observation.series.clone(), row)).collect();
        let behind = |series: &SeriesKey| {
            let from = latest.get(series).map_or(Timestamp(i64::MIN), |row| row.observation.phenomenon_time);
            (series.clone(), from, Timestamp(i64::MAX))
        };
        // What was suspect last is worth waiting for, but not for long: without it a leap is confirmed one value later.
        let stretches = match self.store.is_caught_up() {
            true => self.store.stretches(unknown.iter().map(behind).collect()).await.map_err(unread)?,
            false => vec![Vec::new(); unknown.len()],
        };
        let mut before = self.before.lock();
        for (series, stretch) in unknown.into_iter().zip(stretches) {
            let good = latest.get(&series).map(value);
            let is_suspect = |row: &&HistoryRow| row.observation.status == ObservationStatus::Suspect;
            let suspect = stretch.iter().rev().find(is_suspect).map(value);
            // How good it was said to be is not kept: whatever confirms it comes from the same source.
            let suspect = suspect.map(|suspect| Value {
                status: good.map_or(ObservationStatus::Automatic, |good| good.status),
                ..suspect
            });
            let read = Before { good, suspect };
            if self.is_shared {
                before.insert(series, read);
            } else {
                // Another batch may have read it meanwhile, and gone on.
                before.entry(series).or_insert(read);
            }
        }
        Ok(())
    }

    /// The late rows that say what was suspect when it was in time, and has not been confirmed since; none where the
    /// history cannot tell now: what is late is judged by its range alone then.
    async fn refuted(&self, rows: &Rows, rules: &BTreeMap<SeriesKey, Plausible>) -> HashSet<Told> {
        let mut late: BTreeMap<&SeriesKey, Vec<Timestamp>> = BTreeMap::new();
        {
            let before = self.before.lock();
            for row in rows.iter().filter(|row| rules.contains_key(row.series) && may_be_suspect(row.status)) {
                if before.get(row.series).is_some_and(|before| before.is_past(row.phenomenon_time)) {
                    late.entry(row.series).or_default().push(row.phenomenon_time);
                }
            }
        }
        if late.is_empty() || !self.store.is_caught_up() {
            return HashSet::new();
        }
        let of_series = |(series, times)| stretches(times).map(move |(from, to)| (SeriesKey::clone(series), from, to));
        let known = match self.store.stretches(late.into_iter().flat_map(of_series).collect()).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(%error, "late rows are not compared with what was suspect");
                return HashSet::new();
            }
        };
        let known = known.into_iter().flatten().map(|row| row.observation);
        let suspect = known.filter(|known| known.status == ObservationStatus::Suspect);
        suspect.map(|known| told(&known.series, known.phenomenon_time, known.value)).collect()
    }

    fn year(&self, time: Timestamp) -> i16 {
        jiff::Timestamp::from_microsecond(time.as_micros()).map_or(0, |moment| self.zone.to_datetime(moment).year())
    }
}

/// A value of a series and time, by its bits.
type Told = (SeriesKey, Timestamp, u64);

fn told(series: &SeriesKey, time: Timestamp, value: f64) -> Told {
    (series.clone(), time, value.to_bits())
}

/// Stretches that have all these times in them, with no more than a day between two of one.
fn stretches(mut times: Vec<Timestamp>) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    times.sort_unstable();
    let mut stretches: Vec<(Timestamp, Timestamp)> = Vec::new();
    for time in times {
        match stretches.last_mut() {
            Some((_, to)) if time.since(*to) <= DAY_MICROS => *to = time.plus_micros(1),
            _ => stretches.push((time, time.plus_micros(1))),
        }
    }
    stretches.into_iter()
}

fn may_be_suspect(status: ObservationStatus) -> bool {
    status.is_measurement() && status != ObservationStatus::Official
}

fn unread(error: StoreError) -> RecordError {
    RecordError::Unavailable { reason: error.to_string() }
}

fn value(HistoryRow { observation, .. }: &HistoryRow) -> Value {
    Value { time: observation.phenomenon_time, value: observation.value, status: observation.status }
}

#[cfg(test)]
mod tests {
    use protocol::event::CatalogueRevised;
    use protocol::{Catalogue, Event};

    use super::*;
    use crate::clock::Clock;
    use crate::log::Backend;
    use crate::log::local::LocalLog;
    use crate::log::recorder::{Batch, Recorder};
    use crate::log::tail::Tail;
    use crate::store::Projection;

    /// A log whose recorder judges, and its history.
    async fn screened(folder: &std::path::Path) -> (Recorder, Reader) {
        let log = LocalLog::open(folder).unwrap();
        let (tail, mut items) = Tail::open(&log).unwrap();
        tokio::spawn(async move { while items.recv().await.is_some() {} });
        let projected = Projection::start(folder, log.clone(), tail.head()).unwrap();
        let store = Reader::new(folder, log.clone(), tail.head(), projected);
        let screening = Screening::new(store.clone(), tail.centre(), TimeZone::UTC, false);
        let recorder = Recorder::start(log, Backend::Local, tail, Clock).screened(screening);
        let indicator = "id = 'level'\nname = { vi = '' }\nunit = { vi = 'm' }\nperiod = 'hour'\nowner = 'a'\nexpected_interval_secs = 3600\nplausible = { jump = 5.0 }";
        let indicators = [("level".into(), Arc::new(toml::from_str(indicator).unwrap()))].into();
        let catalogue = Catalogue { indicators, ..Catalogue::default() };
        let (at, walls, layouts) = (Timestamp(0), Default::default(), Default::default());
        let revised = CatalogueRevised { at, catalogue, walls, layouts };
        recorder.tell(Event::CatalogueRevised(Box::new(revised))).await.unwrap();
        (recorder, store)
    }

    async fn bring(recorder: &Recorder, values: &[(i64, f64)]) -> Vec<String> {
        let row = |(secs, value): &(i64, f64)| ObservationRow {
            series: SeriesKey::actual(&"level".into(), &"51".into()),
            value: *value,
            phenomenon_time: Timestamp::from_secs(*secs),
            status: ObservationStatus::Automatic,
        };
        let rows = values.iter().map(row).collect();
        let batch = Batch { source: "s".into(), rows, refused: Vec::new(), refused_count: 0, idempotency_key: None };
        let recorded = recorder.record(batch).await.unwrap();
        assert_eq!(recorded.accepted, values.len() as u64);
        recorded.suspect
    }

    async fn known(store: &Reader) -> Vec<(f64, bool)> {
        let series = SeriesKey::actual(&"level".into(), &"51".into());
        let rows = store.history(&series, Timestamp(0), Timestamp(i64::MAX), None, 99).await.unwrap();
        rows.iter().map(|row| (row.observation.value, row.observation.status.is_measurement())).collect()
    }

    #[tokio::test]
    async fn a_leap_with_what_confirms_it_counts_in_one_batch() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, store) = screened(folder.path()).await;
        assert_eq!(bring(&recorder, &[(1, 10.0), (2, 99.0), (3, 98.0)]).await, [] as [&str; 0]);
        assert_eq!(known(&store).await, [(10.0, true), (99.0, true), (98.0, true)]);
    }

    #[tokio::test]
    async fn the_order_of_a_delivery_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, store) = screened(folder.path()).await;
        assert_eq!(bring(&recorder, &[(3, 11.0), (2, 99.0), (1, 10.0)]).await.len(), 1);
        assert_eq!(known(&store).await, [(10.0, true), (99.0, false), (11.0, true)]);
    }

    #[tokio::test]
    async fn what_was_suspect_is_so_however_late_it_is_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, store) = screened(folder.path()).await;
        assert_eq!(bring(&recorder, &[(1, 10.0), (2, 99.0), (3, 11.0)]).await.len(), 1);
        let said = bring(&recorder, &[(2, 99.0)]).await;
        assert!(said[0].contains("was not plausible then"), "{said:?}");
        assert_eq!(known(&store).await, [(10.0, true), (99.0, false), (11.0, true)]);
        assert_eq!(bring(&recorder, &[(2, 10.5)]).await, [] as [&str; 0], "another value corrects it");
        assert_eq!(known(&store).await, [(10.0, true), (10.5, true), (11.0, true)]);
    }

    #[tokio::test]
    async fn what_jumps_is_kept_as_suspect_until_it_is_confirmed_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, store) = screened(folder.path()).await;
        let said = bring(&recorder, &[(1, 10.0), (2, 99.0), (3, 11.0), (4, 50.0)]).await;
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("level in 51 at 1970-01-01T00:00:02Z: 99 differs by 89 from 10 before it"),
            "{said:?}"
        );
        assert_eq!(known(&store).await, [(10.0, true), (99.0, false), (11.0, true), (50.0, false)]);
        drop((recorder, store));
        let (recorder, store) = screened(folder.path()).await;
        assert_eq!(bring(&recorder, &[(5, 52.0)]).await, [] as [&str; 0], "it confirms the one before the restart");
        assert_eq!(known(&store).await[3..], [(50.0, true), (52.0, true)]);
        assert_eq!(bring(&recorder, &[(6, 10.0)]).await.len(), 1);
    }
}
