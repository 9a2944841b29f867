//! The law of the view: a replica of a state is that state, and so is an earlier state plus the changes after it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::sync::Arc;

use proptest::prelude::*;
use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::change::{Arranged, Bucket, Buckets, Change, Envelope, Span, WindowSpec};
use protocol::map::{Feature, Geometry, LayerReport};
use protocol::message::Mode;
use protocol::records::Horizon;
use protocol::session::Stage;
use protocol::source::{Delivery, SourceLink};
use protocol::task::{TaskOrigin, TaskState, Urgency};
use protocol::{
    Alarm, Canvas, Catalogue, Day, Layout, Observation, ObservationStatus, RecordKind, Scenario, SeriesKey, Session,
    SourceState, Task, Timestamp, ViewState,
};

const SERIES: usize = 4;
const WINDOWS: usize = 3;

fn series(index: usize) -> SeriesKey {
    SeriesKey { indicator: format!("i{index}").into(), area: "51".into(), scenario: Scenario::Actual }
}

fn window(index: usize) -> WindowSpec {
    WindowSpec { series: series(index), span: Span::Last { secs: 1000 * (index as u64 + 1) }, buckets: 10 }
}

const KINDS: [RecordKind; 4] = [RecordKind::Task, RecordKind::Alarm, RecordKind::Session, RecordKind::Source];

fn arranged(series_count: usize, window_count: usize, kinds: usize) -> Change {
    Change::Arranged(Arc::new(Arranged {
        mode: Mode::Live,
        wall: None,
        canvas: Canvas { width_px: 3840, height_px: 2160 },
        layout: Layout {
            id: "l".into(),
            name: Default::default(),
            version: 1,
            read_only: true,
            grid: (32, 18),
            panels: vec![],
        },
        spotlight: None,
        catalogue: Catalogue { layers: (0..=LAYERS).map(layer).collect(), ..Catalogue::default() },
        series: (0..series_count).map(series).collect(),
        windows: (0..window_count).map(window).collect(),
        records: KINDS.into_iter().skip(kinds).collect(),
    }))
}

/// Days and moments near one another, so that a horizon finds something on both of its sides.
fn day(day: i32) -> Day {
    Day::new(2023, 8, 1).unwrap().plus(day)
}

fn moment(day: i32) -> Timestamp {
    self::day(day).start_in_utc()
}

fn task(id: usize, closed: Option<i32>) -> Change {
    Change::Task(Arc::new(Task {
        id: format!("t{id}").into(),
        content: Default::default(),
        document: None,
        given_by: "ubnd".into(),
        given_on: day(0),
        lead: "stc".into(),
        with: Vec::new(),
        deadline: Some(day(20)),
        extensions: Vec::new(),
        urgency: Urgency::default(),
        origin: TaskOrigin::Session,
        sector: None,
        state: if closed.is_some() { TaskState::Done } else { TaskState::InProgress },
        progress_percent: None,
        closed_on: closed.map(day),
        lateness_reason: None,
        source: "s".into(),
        received_at: Timestamp(1),
        status: ObservationStatus::Simulated,
    }))
}

fn alarm(id: usize, cleared: Option<i32>) -> Change {
    Change::Alarm(Arc::new(Alarm {
        id: format!("a{id}").into(),
        severity: AlarmSeverity::Critical,
        rule: None,
        chatter: 0,
        text: Default::default(),
        series: None,
        area: None,
        agency: None,
        raised_at: moment(0),
        state: cleared.map_or(AlarmState::Raised, |day| AlarmState::Cleared { at: moment(day) }),
        source: "s".into(),
        received_at: Timestamp(1),
        status: ObservationStatus::Simulated,
    }))
}

fn session(id: usize, closed: Option<i32>) -> Change {
    let since = moment(0);
    Change::Session(Arc::new(Session {
        id: format!("s{id}").into(),
        title: Default::default(),
        place: None,
        starts_at: since,
        chair: Default::default(),
        items: Vec::new(),
        stage: closed.map_or(Stage::Open { since }, |day| Stage::Closed { since, at: moment(day) }),
        source: "s".into(),
        received_at: Timestamp(1),
        status: ObservationStatus::Simulated,
    }))
}

fn source(id: usize, taken: Option<i32>) -> Change {
    let since = moment(0);
    Change::SourceState(Arc::new(SourceState {
        source: format!("q{id}").into(),
        link: Some(SourceLink::Down { since, reason: "gone".into() }),
        taken: taken.map(|day| Delivery { at: moment(day), count: 1 }),
        refused: None,
    }))
}

const LAYERS: usize = 2;

/// A layer that was configured, at first without features; the last one has another source than reports come from.
fn layer(id: usize) -> (protocol::LayerId, Arc<protocol::MapLayer>) {
    let layer = protocol::MapLayer {
        id: format!("l{id}").into(),
        name: Default::default(),
        source: if id < LAYERS { "s" } else { "other" }.into(),
        time: None,
        stale_after_secs: None,
        status: ObservationStatus::Automatic,
        features: Vec::new(),
    };
    (layer.id.clone(), Arc::new(layer))
}

/// A layer as its source tells of it: with so many features, or as before.
fn report(id: usize, day: i32, features: Option<u8>) -> Change {
    let feature = |place: u8| Feature {
        id: place.to_string(),
        name: Default::default(),
        area: None,
        geometry: Geometry::Point([i32::from(place), day]),
        series: None,
    };
    Change::Layer(Arc::new(LayerReport {
        layer: format!("l{id}").into(),
        source: "s".into(),
        time: moment(day),
        received_at: moment(day),
        features: features.map(|count| Arc::new((0..count).map(feature).collect())),
    }))
}

/// A record of some kind, or a horizon. Its floor lies so far before its own offset.
fn record() -> impl Strategy<Value = Change> {
    let horizon = (prop::array::uniform3(0i32..30), 0u64..8).prop_map(|(days, back)| {
        let [tasks, alarms, sessions] = days.map(moment);
        Change::Horizon(Horizon { drawn_at: moment(0), tasks, alarms, sessions, floor: back })
    });
    let of = (0usize..4, 0usize..4, prop::option::of(0i32..30)).prop_map(|(kind, id, end)| match kind {
        0 => task(id, end),
        1 => alarm(id, end),
        2 => session(id, end),
        _ => source(id, end),
    });
    prop_oneof![4 => of, 1 => horizon]
}

/// A step of a server: an arrangement, a value, a bucket or a record. It gets its offset from its place.
fn step() -> impl Strategy<Value = Change> {
    let value = (0..SERIES + 1, 0i64..5000, -1e6..1e6f64).prop_map(|(index, secs, value)| {
        Change::Observed(Arc::new(Observation {
            series: series(index),
            value,
            phenomenon_time: Timestamp::from_secs(secs),
            received_at: Timestamp::from_secs(secs + 1),
            status: ObservationStatus::Official,
            source: "s".into(),
        }))
    });
    let bucket = (0..WINDOWS + 1, 0i64..60, -1e6..1e6f64).prop_map(|(index, step, value)| {
        let start = Timestamp(step * window(index).bucket_micros());
        let (received_at, status) = (start, ObservationStatus::Automatic);
        let bucket = Bucket {
            start,
            min: value,
            max: value,
            last: value,
            time: start,
            received_at,
            status,
            source: "s".into(),
            at: 0,
        };
        Change::Buckets(Buckets { window: index as u16, buckets: vec![bucket] })
    });
    prop_oneof![
        1 => (0..=SERIES, 0..=WINDOWS, 0..=KINDS.len()).prop_map(|(series, windows, kinds)| arranged(series, windows, kinds)),
        8 => value,
        8 => bucket,
        16 => record(),
        8 => (0..LAYERS + 2, 0i32..30, prop::option::of(0u8..4)).prop_map(|(id, day, count)| report(id, day, count)),
    ]
}

/// Numbers the steps from 1 and stamps buckets with their offset, as the server does; floors only rise.
fn number(steps: Vec<Change>) -> Vec<(u64, Change)> {
    let mut floor = 0;
    let stamp = |(offset, change): (u64, Change)| match change {
        Change::Horizon(horizon) => {
            floor = floor.max(offset.saturating_sub(horizon.floor));
            (offset, Change::Horizon(Horizon { floor, ..horizon }))
        }
        Change::Buckets(mut buckets) => {
            buckets.buckets.iter_mut().for_each(|bucket| bucket.at = offset);
            (offset, Change::Buckets(buckets))
        }
        other => (offset, other),
    };
    (1..).zip(std::iter::once(arranged(SERIES, WINDOWS, 0)).chain(steps)).map(stamp).collect()
}

fn fold<'a>(mut state: ViewState, changes: impl IntoIterator<Item = (u64, &'a Change)>) -> ViewState {
    changes.into_iter().for_each(|(at, change)| state.apply(at, change));
    state
}

fn replay(state: ViewState, envelopes: &[Envelope]) -> ViewState {
    fold(state, envelopes.iter().filter_map(|envelope| envelope.change.as_ref().map(|change| (envelope.at, change))))
}

proptest! {
    #[test]
    fn applying_a_replica_gives_the_same_state(steps in prop::collection::vec(step(), 0..60)) {
        let changes = number(steps);
        let state = fold(ViewState::default(), changes.iter().map(|(at, change)| (*at, change)));
        prop_assert_eq!(replay(ViewState::default(), &state.replicate()), state);
    }

    #[test]
    fn changes_after_a_position_lead_from_there_to_here(steps in prop::collection::vec(step(), 0..60), cut in 0usize..60) {
        let changes = number(steps);
        let cut = cut.min(changes.len());
        let earlier = fold(ViewState::default(), changes[..cut].iter().map(|(at, change)| (*at, change)));
        let state = fold(earlier.clone(), changes[cut..].iter().map(|(at, change)| (*at, change)));
        let position = changes[..cut].last().map_or(0, |(at, _)| *at);
        let missed = state.changes_after(position);
        prop_assert!(missed.iter().all(|envelope| envelope.at > position));
        if state.can_lead_from(position) {
            prop_assert_eq!(replay(earlier, &missed), state);
        }
    }

    #[test]
    fn both_encodings_carry_a_replica_whole(steps in prop::collection::vec(step(), 0..30)) {
        let changes = number(steps);
        let replica = fold(ViewState::default(), changes.iter().map(|(at, change)| (*at, change))).replicate();
        let json: Vec<Envelope> = serde_json::from_str(&serde_json::to_string(&replica).unwrap()).unwrap();
        prop_assert_eq!(&json, &replica);
        let msgpack: Vec<Envelope> = rmp_serde::from_slice(&rmp_serde::to_vec_named(&replica).unwrap()).unwrap();
        prop_assert_eq!(&msgpack, &replica);
    }
}

#[test]
fn a_layer_is_shown_as_its_source_told_last() {
    let told = [report(0, 1, None), report(0, 2, Some(3)), report(0, 3, None), report(LAYERS, 3, Some(3))];
    let changes = number(told.into());
    let state = |until: usize| fold(ViewState::default(), changes[..until].iter().map(|(at, change)| (*at, change)));
    let shown = |state: &ViewState, id: &str| {
        let layer = state.layer(&id.into()).unwrap();
        (layer.time, layer.features.len())
    };
    assert_eq!(shown(&state(2), "l0"), (None, 0), "nothing to be as before");
    assert_eq!(shown(&state(3), "l0"), (Some(moment(2)), 3));
    assert_eq!(shown(&state(4), "l0"), (Some(moment(3)), 3), "still so");
    assert_eq!(shown(&state(5), "l2"), (None, 0), "not by another source than its own");
    // Who has the features is not sent them again.
    let [Envelope { at: 4, change: Some(Change::Layer(missed)) }] = &state(4).changes_after(3)[..] else { panic!() };
    assert_eq!((missed.time, &missed.features), (moment(3), &None));
}
