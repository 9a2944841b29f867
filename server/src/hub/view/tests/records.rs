//! Records and deliveries in a view.

use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::event::{AlarmAcknowledged, AlarmShelved, AlarmUnshelved, RecordsReported, SourceStateChanged};
use protocol::records::Horizon;
use protocol::source::SourceLink;
use protocol::{Alarm, ObservationStatus};

use super::*;

const HOUR_SECS: i64 = 3_600;

/// With records of every kind, whatever the panels need.
fn all_records((at, arranged): (u64, Arc<Arranged>)) -> (u64, Arc<Arranged>) {
    let records = [RecordKind::Task, RecordKind::Alarm, RecordKind::Session, RecordKind::Source].into();
    (at, Arc::new(Arranged { records, ..(*arranged).clone() }))
}

fn start(events: Vec<Event>) -> Rig {
    Rig::start_as(events, all_records)
}

fn alarm(id: i64, cleared_secs: Option<i64>) -> Arc<Alarm> {
    Arc::new(Alarm {
        id: format!("a{id}").into(),
        severity: AlarmSeverity::Critical,
        rule: None,
        chatter: 0,
        text: protocol::observation::Name { vi: "Mất kết nối".to_owned(), en: None },
        series: None,
        area: None,
        agency: None,
        raised_at: Timestamp(0),
        state: cleared_secs.map_or(AlarmState::Raised, |secs| AlarmState::Cleared { at: Timestamp::from_secs(secs) }),
        source: "push".into(),
        received_at: Timestamp(0),
        status: ObservationStatus::ByHand,
    })
}

fn reported(secs: i64, alarms: Vec<Arc<Alarm>>) -> Event {
    let (received_at, tasks, sessions) = (Timestamp::from_secs(secs), Vec::new(), Vec::new());
    let source = "records".into();
    Event::RecordsReported(RecordsReported { source, received_at, tasks, alarms, sessions, idempotency_key: None })
}

fn down(secs: i64) -> Event {
    let link = SourceLink::Down { since: Timestamp::from_secs(secs), reason: "gone".to_owned() };
    Event::SourceStateChanged(SourceStateChanged { source: "push".into(), link })
}

/// People do something about an alarm.
fn turned(secs: i64, alarm: i64, what: u8) -> Event {
    let (at, alarm, by) = (Timestamp::from_secs(secs), format!("a{alarm}").into(), "Trực ban".to_owned());
    match what {
        0 => Event::AlarmAcknowledged(AlarmAcknowledged { at, alarm, by, comment: None }),
        1 => Event::AlarmShelved(AlarmShelved { at, alarm, by, until: at.plus_micros(1), comment: None }),
        _ => Event::AlarmUnshelved(AlarmUnshelved { at, alarm, by, comment: None }),
    }
}

#[test]
fn an_alarm_is_told_on_the_next_tick_and_a_delivery_with_the_numbers() {
    let mut rig = start(vec![rain(1000, 1.0)]);
    rig.run(500);
    rig.fold(vec![rain(1001, 2.0)]);
    rig.run(600);
    rig.fold(vec![rain_elsewhere(1002)]);
    rig.run(1000);
    assert_eq!(rig.changed(), [550], "another series, but a delivery of the source");
    rig.run(2600);
    assert_eq!(rig.changed(), [550, 2550]);
    let taken = |rig: &Rig| rig.client.state.source_state(&"push".into()).unwrap().taken;
    assert_eq!(taken(&rig).map(|taken| taken.at), Some(Timestamp::from_secs(1002)));
    let events = [(reported(1003, vec![alarm(1, None)]), 2650), (down(1004), 2750), (turned(1005, 1, 0), 2850)];
    for (event, changed_at) in events {
        rig.fold(vec![event]);
        rig.run(changed_at + 50);
        assert_eq!(rig.changed().last(), Some(&u128::from(changed_at)));
    }
    assert_eq!(rig.client.state.records(), rig.log.fresh_as(all_records).state().records());
}

#[test]
fn a_view_gets_only_the_records_that_its_layout_needs() {
    let mut rig = Rig::start(vec![reported(900, vec![alarm(1, None)]), rain(1000, 1.0)]);
    rig.fold(vec![reported(1003, vec![alarm(2, None)]), down(1004)]);
    rig.run(3000);
    assert_eq!((rig.changed(), rig.client.position), (vec![], 5), "it needs none");
    assert_eq!(rig.client.state.alarms().count(), 0);
}

#[test]
fn who_comes_back_gets_only_what_changed() {
    let rig =
        start(vec![reported(1000, vec![alarm(1, None), alarm(2, None)]), reported(1001, vec![alarm(2, Some(1001))])]);
    let missed = rig.view.state().changes_after(2);
    let told: Vec<_> =
        missed.iter().map(|envelope| (envelope.at, envelope.change.as_ref().unwrap().record_kinds())).collect();
    assert_eq!(told, [(3, &[RecordKind::Alarm][..]), (3, &[RecordKind::Source])]);
    assert_eq!(rig.view.resumable(Some(2)), Some(2));
}

#[test]
fn from_before_what_has_left_nobody_is_led_on() {
    // Each hour the horizon moves; its floor is where it was before.
    let hour = |hours: i64| reported(hours * HOUR_SECS, vec![]);
    let old = reported(0, vec![alarm(1, Some(0)), alarm(2, None)]);
    let mut rig = start(vec![old, hour(1)]);
    let day: Vec<Event> = (2..27).map(hour).collect();
    let last = day.len() as u64 + 3;
    rig.fold(day);
    let centre = rig.log.centre(rig.log.head());
    let Horizon { floor, .. } = centre.records.horizon.as_ref().unwrap().value;
    assert_eq!(floor, last - 1);
    assert_eq!(rig.view.state().alarms().map(|alarm| alarm.id.as_str()).collect::<Vec<_>>(), ["a2"]);
    assert_eq!(rig.view.resumable(Some(floor)), Some(floor));
    assert_eq!(rig.view.resumable(Some(floor - 1)), None);
    // Nobody was told of any of it yet: they come back.
    rig.view.tick(Timestamp(0), rig.began, READOUT);
    assert!(matches!(rig.channel.read(rig.cursor), Read::Closed(CloseReason::Behind)));
}

#[test]
fn whenever_the_history_answers_records_are_whole() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut rig = start(vec![rain(1000, 1.0), reported(1000, vec![alarm(0, None)])]);
        let mut due = None;
        let mut secs = 1000;
        for _ in 0..60 {
            let events = (0..random.random_range(1..4)).map(|_| {
                secs += random.random_range(0..20 * HOUR_SECS);
                let cleared = random.random_bool(0.5).then(|| secs - random.random_range(0..40 * HOUR_SECS));
                match random.random_range(0..7) {
                    0 => down(secs),
                    4 => turned(secs, random.random_range(0..6), random.random_range(0..3)),
                    1..4 => reported(secs, vec![alarm(random.random_range(0..6), cleared)]),
                    // Some are late, some revise: then all is loaded again.
                    _ => rain(1000 + random.random_range(0..150), f64::from(random.random_range(0..100))),
                }
            });
            let events = events.collect();
            due = rig.fold(events).into_iter().find(|next| *next != Next::Nothing).or(due);
            if let Some(Next::Load { since }) = due.filter(|_| random.random_bool(0.4)) {
                let offset = random.random_range(since..=rig.log.head());
                due = Some(load(&mut rig, offset));
            }
            rig.millis += random.random_range(0..700);
            tick(&mut rig);
        }
        while let Some(Next::Load { since }) = due {
            due = Some(load(&mut rig, since));
        }
        rig.millis += 3000;
        tick(&mut rig);
        assert_eq!(rig.client.state, *rig.view.state(), "seed {seed}: the client and the server");
        assert_eq!(
            rig.view.state().records(),
            rig.log.fresh_as(all_records).state().records(),
            "seed {seed}: and the log"
        );
        assert_eq!(rig.client.position, rig.log.head(), "seed {seed}");
    }
}

/// The same as the view does by itself, but for the records that its layout does not need.
fn load(rig: &mut Rig, offset: u64) -> Next {
    let centre = rig.log.centre(rig.log.head());
    let loaded = rig.log.load(&rig.view.wanted(), offset);
    if let next @ (Next::Load { .. } | Next::Gone) = rig.view.load(&loaded, &centre) {
        return next;
    }
    tick(rig);
    rig.view.fold_waiting(&centre)
}

/// A client that is sent away comes back for all of it.
fn tick(rig: &mut Rig) {
    let now = rig.began + Duration::from_millis(rig.millis);
    rig.view.tick(Timestamp(0), now, READOUT);
    if rig.client.read(&rig.channel, &mut rig.cursor, now) == Some(CloseReason::Behind) {
        (rig.channel, rig.cursor) = (rig.view.channel(Encoding::Json), 0);
        rig.client.take(&rig.view.snapshot(Encoding::Json).unwrap().0, now);
    }
}
