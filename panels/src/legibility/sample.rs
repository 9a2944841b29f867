//! A made-up state of a layout, to see whether it has room for figures before there are any.

mod records;

use std::sync::Arc;

use protocol::change::{Arranged, Bucket, Buckets, Change, Span, WindowSpec};
use protocol::message::Mode;
use protocol::observation::Better;
use protocol::{
    Catalogue, Indicator, Layout, Observation, ObservationStatus, Scenario, SeriesKey, SourceId, SourceInfo, Timestamp,
    ViewState, Wall,
};

use crate::facts;

/// Whether figures are as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    Good,
    /// Beyond thresholds, or stale where there are none.
    Bad,
}

/// Of days with long names and two digits: Wednesday, 22 November 2023, 20:48:28 in Viet Nam.
const NOW: Timestamp = Timestamp::from_secs(1_700_660_908);
/// As many as a course has that is drawn well.
const POINTS: i64 = 48;

/// What a client would be sent of `layout` on `wall`, and the moment it is seen at.
pub(super) fn state(layout: &Layout, catalogue: &Catalogue, wall: &Wall, day: Day) -> (ViewState, Timestamp) {
    let needs = crate::needs(layout, catalogue, wall.canvas);
    let arranged = Arranged {
        mode: Mode::Live,
        wall: Some(wall.clone()),
        canvas: wall.canvas,
        layout: layout.clone(),
        spotlight: None,
        catalogue: catalogue.clone(),
        series: needs.series.clone(),
        windows: needs.windows.clone(),
        records: needs.records.clone(),
    };
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(Arc::new(arranged)));
    let known = |series: &SeriesKey| catalogue.indicators.get(&series.indicator);
    for series in &needs.series {
        let Some(indicator) = known(series) else { continue };
        view.apply(2, &Change::Observed(Arc::new(observation(series, indicator, day, &source(catalogue, indicator)))));
    }
    for (index, spec) in needs.windows.iter().enumerate() {
        let Some(indicator) = known(&spec.series) else { continue };
        let buckets = buckets(spec, indicator, &source(catalogue, indicator));
        view.apply(3, &Change::Buckets(Buckets { window: u16::try_from(index).unwrap_or(u16::MAX), buckets }));
    }
    records::apply(&mut view, catalogue, day);
    (view, NOW)
}

/// Of those that may bring it, the one whose name takes the most room.
fn source(catalogue: &Catalogue, indicator: &Indicator) -> SourceId {
    let owned = |source: &&Arc<SourceInfo>| source.owner.as_ref() == Some(&indicator.owner);
    let longest = catalogue.sources.values().filter(owned).max_by_key(|source| source.name.vi.chars().count());
    longest.map_or_else(|| "source".into(), |source| source.id.clone())
}

/// As many digits as figures of the indicator probably have.
fn usual(indicator: &Indicator) -> f64 {
    match indicator.warning.or(indicator.critical) {
        Some(threshold) if threshold != 0.0 => threshold * if indicator.better == Better::Lower { 0.82 } else { 1.08 },
        _ if facts::is_percent(indicator) => 88.8,
        _ => 28_888.8 / indicator.display_scale,
    }
}

fn observation(series: &SeriesKey, indicator: &Indicator, day: Day, source: &SourceId) -> Observation {
    let usual = usual(indicator);
    let beyond = indicator.critical.or(indicator.warning);
    let actual = match (day, beyond) {
        (Day::Bad, Some(threshold)) => threshold,
        _ => usual,
    };
    let value = match series.scenario {
        Scenario::Actual => actual,
        Scenario::Plan => usual * 1.4,
        Scenario::Expected => usual * if day == Day::Good { 1.02 } else { 1.3 },
        Scenario::SamePeriod => usual * 0.88,
    };
    let interval = i64::try_from(indicator.expected_interval_secs).unwrap_or(i64::MAX / 1_000_000_000);
    let age_secs = if day == Day::Bad && beyond.is_none() { interval.saturating_mul(12) } else { interval / 2 };
    let at = NOW.plus_micros(-age_secs.saturating_mul(1_000_000));
    Observation {
        series: series.clone(),
        value,
        phenomenon_time: at,
        received_at: at,
        status: ObservationStatus::Simulated,
        source: source.clone(),
    }
}

/// A course that swings around what is usual.
fn buckets(spec: &WindowSpec, indicator: &Indicator, source: &SourceId) -> Vec<Bucket> {
    let (from, to) = match spec.span {
        Span::Last { secs } => {
            let micros = i64::try_from(secs).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000);
            (NOW.plus_micros(micros.saturating_neg()), NOW)
        }
        Span::Between { from, to } => (from, to),
    };
    let step = (to.since(from) / POINTS).max(1);
    let usual = usual(indicator);
    let bucket = |index: i64| {
        let time = from.plus_micros(step.saturating_mul(index));
        let value = usual * (0.8 + 0.2 * index as f64 / POINTS as f64 + 0.06 * (index as f64 * 0.7).sin());
        let start = spec.bucket_start(time)?;
        let source = source.clone();
        let status = ObservationStatus::Simulated;
        Some(Bucket { start, min: value, max: value, last: value, time, received_at: time, status, source, at: 3 })
    };
    (1..=POINTS).filter_map(bucket).collect()
}
