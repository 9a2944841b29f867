//! The law of the view: a replica of a state is that state, and so is an earlier state plus the changes after it.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::change::{Arranged, Bucket, Buckets, Change, Envelope, Span, WindowSpec};
use protocol::message::Mode;
use protocol::{Canvas, Catalogue, Layout, Observation, ObservationStatus, Scenario, SeriesKey, Timestamp, ViewState};

const SERIES: usize = 4;
const WINDOWS: usize = 3;

fn series(index: usize) -> SeriesKey {
    SeriesKey { indicator: format!("i{index}").into(), area: "51".into(), scenario: Scenario::Actual }
}

fn window(index: usize) -> WindowSpec {
    WindowSpec { series: series(index), span: Span::Last { secs: 1000 * (index as u64 + 1) }, buckets: 10 }
}

fn arranged(series_count: usize, window_count: usize) -> Change {
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
        catalogue: Catalogue::default(),
        series: (0..series_count).map(series).collect(),
        windows: (0..window_count).map(window).collect(),
    }))
}

/// A step of a server: an arrangement, a value or a bucket. It gets its offset from its place.
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
        1 => (0..=SERIES, 0..=WINDOWS).prop_map(|(series, windows)| arranged(series, windows)),
        8 => value,
        8 => bucket,
    ]
}

/// Numbers the steps from 1 and stamps buckets with their offset, as the server does.
fn number(steps: Vec<Change>) -> Vec<(u64, Change)> {
    let stamp = |(offset, change): (u64, Change)| match change {
        Change::Buckets(mut buckets) => {
            buckets.buckets.iter_mut().for_each(|bucket| bucket.at = offset);
            (offset, Change::Buckets(buckets))
        }
        other => (offset, other),
    };
    (1..).zip(std::iter::once(arranged(SERIES, WINDOWS)).chain(steps)).map(stamp).collect()
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
        prop_assert_eq!(replay(earlier, &missed), state);
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
