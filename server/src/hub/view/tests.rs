//! One view, driven by hand: what is folded when, what the history answers, at which moments it ticks.

mod layers;
mod records;

use protocol::change::{Bucket, WindowSpec};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::hub::ring::Read;
use crate::hub::tests::{Client, LIMITS, broken_rain, catalogue_revised, rain, rain_elsewhere, shown, wall};
use crate::store::{HistoryRow, extend, new_bucket};

const READOUT: Duration = Duration::from_secs(2);

/// What a test makes of the arrangement that is configured.
type Arrange = fn((u64, Arc<Arranged>)) -> (u64, Arc<Arranged>);

/// The log of a test, and what the hub and the history make of it.
#[derive(Default)]
struct Log {
    entries: Vec<Arc<Entry>>,
}

impl Log {
    fn push(&mut self, event: Event) -> Arc<Entry> {
        let offset = self.entries.len() as u64 + 1;
        let entry = Arc::new(Entry { offset, hash: crate::log::Hash::default(), recorded_at: Timestamp(0), event });
        self.entries.push(Arc::clone(&entry));
        entry
    }

    fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    fn centre(&self, at: u64) -> Centre {
        let mut centre = Centre::default();
        self.entries[..at as usize].iter().for_each(|entry| centre.apply(entry.offset, &entry.event));
        centre
    }

    /// What the history answers when it has come to `offset`.
    fn load(&self, wanted: &Wanted, offset: u64) -> Loaded {
        let mut rows = Vec::new();
        for entry in &self.entries[..offset as usize] {
            if let Event::ObservationsRecorded(recorded) = &entry.event {
                let observations = recorded.rows.iter().map(|row| recorded.observation(row));
                rows.extend(observations.map(|observation| HistoryRow { offset: entry.offset, observation }));
            }
        }
        // By time, and of each time only the last revision.
        rows.sort_by_key(|row| (row.observation.phenomenon_time, std::cmp::Reverse(row.offset)));
        rows.dedup_by_key(|row| row.observation.phenomenon_time);
        let is_none = |row: &&HistoryRow| !row.observation.status.is_measurement();
        let renewed = rows.iter().filter(is_none).map(|row| row.offset).max().unwrap_or(0);
        rows.retain(|row| row.observation.status.is_measurement());
        let latest = rows.last().filter(|row| wanted.series.contains(&row.observation.series)).cloned();
        let windows = wanted.windows.iter().map(|spec| buckets(spec, &rows)).collect();
        let deliveries = if wanted.deliveries { self.deliveries(offset) } else { Vec::new() };
        Loaded { offset, latest: latest.into_iter().collect(), windows, deliveries, renewed, lacking: Vec::new() }
    }

    fn deliveries(&self, upto: u64) -> Vec<LastDeliveries> {
        let last = self.entries[..upto as usize].iter().rev().find_map(|entry| match &entry.event {
            Event::ObservationsRecorded(recorded) => Some((entry.offset, recorded)),
            _ => None,
        });
        let last = last.map(|(offset, recorded)| LastDeliveries {
            source: recorded.source.clone(),
            offset,
            taken: Some(protocol::source::Delivery { at: recorded.received_at, count: recorded.rows.len() as u64 }),
            refused: None,
        });
        last.into_iter().collect()
    }

    fn fresh(&self) -> View {
        self.fresh_as(|configured| configured)
    }

    fn fresh_as(&self, arrange: Arrange) -> View {
        let centre = self.centre(self.head());
        let mut view = View::new(wall(), arrange(centre.arrange(&wall()).unwrap()), LIMITS);
        assert_eq!(view.load(&self.load(&view.wanted(), self.head()), &centre), Next::Nothing);
        view
    }
}

fn buckets(spec: &WindowSpec, rows: &[HistoryRow]) -> Vec<Bucket> {
    let of_series = rows.iter().filter(|row| row.observation.series == spec.series);
    let newest = of_series.clone().next_back().and_then(|row| spec.bucket_start(row.observation.phenomenon_time));
    let oldest = newest.map(|newest| spec.oldest_start(newest));
    let mut buckets = Vec::<Bucket>::new();
    for row in of_series {
        let Some(start) = spec.bucket_start(row.observation.phenomenon_time) else { continue };
        match buckets.last_mut().filter(|bucket| bucket.start == start) {
            Some(bucket) => extend(bucket, row.offset, &row.observation),
            None if Some(start) >= oldest => buckets.push(new_bucket(start, row.offset, &row.observation)),
            None => {}
        }
    }
    buckets
}

/// A view that shows the beginning of a log, a client of it, and a clock.
struct Rig {
    log: Log,
    view: View,
    client: Client,
    channel: Arc<Channel>,
    cursor: u64,
    began: Instant,
    millis: u64,
}

impl Rig {
    fn start(events: Vec<Event>) -> Self {
        Self::start_as(events, |configured| configured)
    }

    fn start_as(events: Vec<Event>, arrange: Arrange) -> Self {
        let mut log = Log::default();
        log.push(catalogue_revised());
        for event in events {
            log.push(event);
        }
        let mut view = log.fresh_as(arrange);
        let (channel, mut client, began) = (view.channel(Encoding::Json), Client::default(), Instant::now());
        client.take(&view.snapshot(Encoding::Json).unwrap().0, began);
        Self { log, view, client, channel, cursor: 0, began, millis: 0 }
    }

    /// Folds events that became durable together.
    fn fold(&mut self, events: Vec<Event>) -> Vec<Next> {
        let entries: Vec<_> = events.into_iter().map(|event| self.log.push(event)).collect();
        let centre = self.log.centre(self.log.head());
        entries.iter().map(|entry| self.view.fold(entry, &centre)).collect()
    }

    fn load(&mut self, offset: u64) -> Next {
        let centre = self.log.centre(self.log.head());
        let loaded = self.log.load(&self.view.wanted(), offset);
        match self.view.load(&loaded, &centre) {
            Next::Nothing => {
                self.tick();
                self.view.fold_waiting(&centre)
            }
            next => next,
        }
    }

    fn tick(&mut self) {
        let now = self.began + Duration::from_millis(self.millis);
        self.view.tick(Timestamp(0), now, READOUT);
        assert_eq!(self.client.read(&self.channel, &mut self.cursor, now), None);
    }

    /// Ticks every 50 ms until so many milliseconds after the start.
    fn run(&mut self, until: u64) {
        while self.millis < until {
            self.millis += 50;
            self.tick();
        }
    }

    /// At which milliseconds the picture of the client changed.
    fn changed(&self) -> Vec<u128> {
        self.client.changed.iter().map(|at| at.duration_since(self.began).as_millis()).collect()
    }
}

#[test]
fn a_number_between_two_arrangements_is_not_lost() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    let next = rig.fold(vec![shown("other"), rain(1010, 2.0), shown("overview")]);
    assert_eq!(next, [Next::Load { since: 5 }, Next::Nothing, Next::Nothing], "nothing older will do");
    let Next::Load { since } = next[0] else { unreachable!() };
    assert_eq!(rig.load(since), Next::Nothing);
    rig.run(4000);
    assert_eq!(rig.client.state, *rig.log.fresh().state());
    assert_eq!((rig.client.rain(), rig.client.position), (Some(2.0), 5));
}

#[test]
fn numbers_of_a_later_arrangement_are_not_shown_under_an_earlier_one() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    assert_eq!(rig.fold(vec![rain(900, 7.0)]), [Next::Nothing], "before its windows");
    assert_eq!(rig.fold(vec![rain(1000, 5.0)]), [Next::Load { since: 4 }], "a revision");
    assert_eq!(rig.fold(vec![shown("other"), rain(1020, 6.0)]), [Next::Nothing; 2]);
    assert_eq!(rig.load(6), Next::Load { since: 6 }, "under the arrangement of entry 5");
    assert_eq!(rig.load(6), Next::Nothing);
    rig.run(4000);
    assert_eq!(rig.client.state, *rig.log.fresh().state());
}

#[test]
fn a_view_that_does_not_exist_any_more_says_so_even_while_it_waits() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    let mut without = crate::hub::tests::revised();
    without.walls.clear();
    let gone = Event::CatalogueRevised(Box::new(without));
    assert_eq!(rig.fold(vec![gone.clone()]), [Next::Gone]);
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    rig.fold(vec![rain(1000, 2.0)]);
    assert_eq!(rig.view.ready(), None);
    assert_eq!(rig.fold(vec![gone]), [Next::Gone]);
}

#[test]
fn what_waits_for_the_history_is_bounded_and_nothing_of_it_is_lost() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    assert_eq!(rig.fold(vec![rain(1000, 2.0)]), [Next::Load { since: 3 }]);
    for group in 0..3 {
        let first = 1001 + group * 2000;
        let next = rig.fold((first..first + 2000).map(|secs| rain(secs, secs as f64)).collect());
        assert!(next.iter().all(|next| *next == Next::Nothing));
        assert!(rig.view.waiting.len() <= MOST_WAITING);
    }
    rig.run(1500);
    assert!(rig.client.frames > 0, "it is alive");
    assert_eq!(rig.client.position, 2, "and claims nothing");
    assert_eq!(rig.load(3), Next::Load { since: 6003 }, "all of what did not wait");
    assert_eq!(rig.load(6003), Next::Nothing);
    rig.run(6000);
    assert_eq!(rig.client.state, *rig.log.fresh().state());
}

/// What the windows of a state hold. Not since when: a view that is loaded anew tells more than one that was there.
fn numbers(state: &ViewState) -> Vec<Vec<Bucket>> {
    let numbers = |window: &Window| window.buckets.values().map(|bucket| Bucket { at: 0, ..bucket.clone() }).collect();
    state.windows().iter().map(numbers).collect()
}

#[test]
fn whenever_the_history_answers_clients_end_with_the_state() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut rig = Rig::start(vec![rain(1000, 1.0)]);
        let mut due = None;
        for _ in 0..60 {
            let events = (0..random.random_range(1..4)).map(|_| match random.random_range(0..9) {
                0 => shown("other"),
                1 => shown("overview"),
                2 => broken_rain(1000 + random.random_range(0..150)),
                // Some are late, some revise, some lie before the window.
                _ => rain(1000 + random.random_range(0..150), f64::from(random.random_range(0..100))),
            });
            let events = events.collect();
            due = rig.fold(events).into_iter().find(|next| *next != Next::Nothing).or(due);
            if let Some(Next::Load { since }) = due.filter(|_| random.random_bool(0.4)) {
                due = Some(rig.load(random.random_range(since..=rig.log.head())));
            }
            rig.millis += random.random_range(0..700);
            rig.tick();
        }
        while let Some(Next::Load { since }) = due {
            due = Some(rig.load(since));
        }
        rig.run(rig.millis + 3000);
        assert_eq!(rig.client.state, *rig.view.state(), "seed {seed}: the client and the server");
        let (shown, fresh) = (rig.view.state(), rig.log.fresh());
        assert_eq!(numbers(shown), numbers(fresh.state()), "seed {seed}: the view and the history");
        assert!(shown.latest_values().eq(fresh.state().latest_values()), "seed {seed}");
        assert_eq!(rig.client.position, rig.log.head(), "seed {seed}");
    }
}

#[test]
fn numbers_change_at_once_when_it_was_quiet_and_then_together() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    rig.run(500);
    rig.fold(vec![rain(1001, 2.0)]);
    rig.run(600);
    assert_eq!(rig.changed(), [550], "on the next tick");
    for value in 3..30 {
        rig.fold(vec![rain(1000 + value, value as f64)]);
        rig.run(500 + value as u64 * 150);
    }
    assert_eq!(rig.changed(), [550, 2550, 4550], "then every 2 s");
    rig.run(10_000);
    assert_eq!(rig.changed(), [550, 2550, 4550, 6550]);
    rig.fold(vec![rain(1100, 100.0)]);
    rig.run(11_000);
    assert_eq!(rig.changed()[4..], [10_050], "at once again");
}

#[test]
fn a_layout_is_shown_on_the_next_tick() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    rig.fold(vec![rain(1001, 2.0)]);
    rig.run(100);
    rig.fold(vec![rain(1002, 3.0)]);
    rig.run(200);
    assert_eq!(rig.changed(), [50], "numbers wait");
    assert_eq!(rig.fold(vec![shown("other")]), [Next::Load { since: 5 }]);
    rig.millis = 250;
    assert_eq!(rig.load(5), Next::Nothing);
    assert_eq!(rig.changed(), [50, 250]);
    assert_eq!(rig.client.state.arranged().unwrap().layout.id.as_str(), "other");
}

#[test]
fn an_idle_view_is_heard_every_second_and_claims_what_it_has() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    rig.run(10_000);
    assert_eq!((rig.client.frames, rig.client.position), (10, 2));
    rig.fold(vec![rain_elsewhere(1001)]);
    rig.run(12_000);
    assert_eq!((rig.client.frames, rig.client.position), (12, 3));
    assert_eq!(rig.changed(), [], "and changes nothing");
}

#[test]
fn a_view_that_waits_too_long_is_stalled_and_closes_with_the_reason() {
    let mut rig = Rig::start(vec![rain(1000, 1.0)]);
    let is_stalled =
        |rig: &Rig| rig.view.is_stalled(rig.began + Duration::from_millis(rig.millis), Duration::from_secs(5));
    rig.run(10_000);
    assert!(!is_stalled(&rig));
    rig.fold(vec![rain(1000, 2.0)]);
    rig.run(14_000);
    assert!(!is_stalled(&rig));
    rig.run(15_100);
    assert!(is_stalled(&rig));
    rig.view.send_away(CloseReason::Behind);
    assert!(matches!(rig.channel.read(rig.cursor), Read::Closed(CloseReason::Behind)));
    (rig.channel, rig.cursor) = (rig.view.channel(Encoding::Json), 0);
    assert_eq!(rig.load(3), Next::Nothing);
    assert!(!is_stalled(&rig));
}

#[test]
fn a_snapshot_that_is_too_large_is_refused_with_its_size() {
    let mut catalogue = crate::hub::tests::revised();
    catalogue.catalogue.organisation.vi = "x".repeat(5 << 20);
    let mut log = Log::default();
    log.push(Event::CatalogueRevised(Box::new(catalogue)));
    let refused = log.fresh().snapshot(Encoding::Json).unwrap_err();
    let ViewError::Defect(reason) = refused else { panic!("{refused:?}") };
    assert!(reason.contains(" bytes, more than 4194304; give its layout fewer"), "{reason}");
}

#[test]
fn what_the_history_lacks_is_taken_from_the_log_or_asked_for_whole() {
    for (lacked, next) in [
        (vec![rain(1010, 2.0), rain(1020, 3.0)], Next::Nothing),
        // A revision is for the history, and so is what follows it: it waits nowhere else.
        (vec![rain(1000, 5.0), rain(1010, 2.0), rain(1020, 3.0)], Next::Load { since: 5 }),
    ] {
        let mut log = Log::default();
        for event in [vec![catalogue_revised(), rain(1000, 1.0)], lacked].concat() {
            log.push(event);
        }
        let centre = log.centre(log.head());
        let mut view = View::new(wall(), centre.arrange(&wall()).unwrap(), LIMITS);
        let mut loaded = log.load(&view.wanted(), 2);
        loaded.lacking = log.entries[2..].to_vec();
        assert_eq!(view.load(&loaded, &centre), next);
        if let Next::Load { since } = next {
            assert_eq!(view.load(&log.load(&view.wanted(), since), &centre), Next::Nothing);
        }
        assert_eq!(view.state(), log.fresh().state());
    }
}
