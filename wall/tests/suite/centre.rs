//! A centre of twenty-four panels, for tests and measurements.

use std::sync::Arc;

use panels::place;
use protocol::area::Area;
use protocol::change::{Arranged, Bucket, Buckets};
use protocol::message::Mode;
use protocol::observation::{Better, Name, Period};
use protocol::{
    AreaId, Canvas, Catalogue, Change, Envelope, Indicator, IndicatorId, Layout, Observation, ObservationStatus,
    PanelSpec, Place, Scenario, SeriesKey, Timestamp,
};
use serde_json::json;

pub const COLUMNS: u16 = 6;
pub const ROWS: u16 = 4;
/// Values in each panel's window.
pub const BUCKETS: u16 = 500;
const INTERVAL_SECS: u64 = 60;
/// When the newest value was true.
pub const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

const NAMES: [&str; 6] = [
    "Thu ngân sách nhà nước trên địa bàn",
    "Giải ngân vốn đầu tư công",
    "Hồ sơ giải quyết đúng hạn",
    "Chỉ số giá tiêu dùng",
    "Lượt khách du lịch",
    "Mực nước sông Trà Khúc",
];

fn name(vi: impl Into<String>) -> Name {
    Name { vi: vi.into(), en: None }
}

fn indicator(index: u16) -> Arc<Indicator> {
    Arc::new(Indicator {
        id: indicator_id(index),
        name: name(format!("{} {}", NAMES[usize::from(index) % NAMES.len()], index + 1)),
        short: None,
        unit: name("tỷ đồng"),
        decimals: 1,
        display_scale: 1.0,
        period: Period::Continuous,
        better: Better::Higher,
        cumulative: false,
        owner: "so-tai-chinh".into(),
        expected_interval_secs: INTERVAL_SECS,
        grace_secs: 1_000_000_000,
        warning: None,
        critical: None,
        derive: None,
        plausible: None,
        lost_after_secs: None,
    })
}

fn indicator_id(index: u16) -> IndicatorId {
    format!("measured.{index}").into()
}

fn area() -> AreaId {
    "51".into()
}

fn catalogue(count: u16) -> Catalogue {
    let area = Area { id: area(), name: name("Quảng Ngãi"), parent: None, valid_from: None, valid_to: None };
    Catalogue {
        organisation: name("UBND tỉnh Quảng Ngãi"),
        centre: name("Trung tâm Điều hành thông minh"),
        areas: [(area.id.clone(), Arc::new(area))].into(),
        indicators: (0..count).map(|index| (indicator_id(index), indicator(index))).collect(),
        ..Catalogue::default()
    }
}

/// A numeral with a line under it, or a chart, in turn.
fn panel(index: u16, columns: u16) -> PanelSpec {
    let (column, row) = (index % columns, index / columns);
    let secs = u64::from(BUCKETS) * INTERVAL_SECS;
    let mut options = json!({ "indicator": indicator_id(index), "area": area() });
    let kind = if (column + row) % 2 == 0 {
        options["sparkline"] = json!({ "secs": secs, "buckets": BUCKETS });
        "value"
    } else {
        options["secs"] = json!(secs);
        options["buckets"] = json!(BUCKETS);
        "series"
    };
    PanelSpec {
        id: format!("panel-{index}").into(),
        kind: kind.into(),
        place: Place::cells(column * 4, row * 4, 4, 4),
        options: options.as_object().cloned().unwrap_or_default(),
    }
}

/// Twenty-four panels on a canvas of that size.
pub fn arranged(width_px: u32, height_px: u32) -> Arranged {
    arranged_of(COLUMNS, ROWS, Canvas { width_px, height_px })
}

/// So many panels beside and above one another.
pub fn arranged_of(columns: u16, rows: u16, canvas: Canvas) -> Arranged {
    let layout = Layout {
        id: "measured".into(),
        name: name("Hai mươi bốn"),
        version: 1,
        read_only: false,
        grid: (columns * 4, rows * 4),
        panels: (0..columns * rows).map(|index| panel(index, columns)).collect(),
    };
    let catalogue = catalogue(columns * rows);
    assert_eq!(panels::validate(&layout, &catalogue, canvas), []);
    assert_eq!(place::tiles(&layout, canvas).count(), usize::from(columns * rows));
    let needs = panels::needs(&layout, &catalogue, canvas);
    let panels::Needs { series, windows, records, .. } = needs;
    Arranged { mode: Mode::Live, wall: None, canvas, layout, spotlight: None, catalogue, series, windows, records }
}

fn value(index: u16, step: u64) -> f64 {
    let phase = step as f64 * 0.07 + f64::from(index);
    1_000.0 + 300.0 * phase.sin() + 40.0 * (phase * 9.7).sin() + f64::from(index) * 17.0
}

fn series(index: u16) -> SeriesKey {
    SeriesKey { indicator: indicator_id(index), area: area(), scenario: Scenario::Actual }
}

fn bucket(start: Timestamp, value: f64, at: u64) -> Bucket {
    Bucket {
        start,
        min: value - 3.0,
        max: value + 3.0,
        last: value,
        time: start,
        received_at: start,
        status: ObservationStatus::Simulated,
        source: "simulated".into(),
        at,
    }
}

/// What a panel is told when its value at `step` comes.
pub fn news(arranged: &Arranged, index: u16, step: u64, at: u64) -> Vec<Envelope> {
    let time = NOW.plus_micros(i64::try_from(step * INTERVAL_SECS).unwrap_or(0) * 1_000_000);
    let observed = Observation {
        series: series(index),
        value: value(index, step),
        phenomenon_time: time,
        received_at: time,
        status: ObservationStatus::Simulated,
        source: "simulated".into(),
    };
    let mut changes = vec![Envelope::new(at, Change::Observed(Arc::new(observed)))];
    for (window, spec) in arranged.windows.iter().enumerate().filter(|(_, spec)| spec.series == series(index)) {
        let start = spec.bucket_start(time).unwrap_or(time);
        let buckets = vec![bucket(start, value(index, step), at)];
        let window = u16::try_from(window).unwrap_or(u16::MAX);
        changes.push(Envelope::new(at, Change::Buckets(Buckets { window, buckets })));
    }
    changes
}

/// Everything at offset 1: the arrangement, full windows and the first values.
pub fn snapshot(arranged: &Arranged) -> Vec<Envelope> {
    let mut changes = vec![Envelope::new(1, Change::Arranged(Arc::new(arranged.clone())))];
    let count = u16::try_from(arranged.layout.panels.len()).unwrap_or(u16::MAX);
    for (place, spec) in arranged.windows.iter().enumerate() {
        let newest = spec.bucket_start(NOW).unwrap_or(NOW);
        let index = (0..count).find(|index| series(*index) == spec.series).unwrap_or(0);
        let buckets = (0..i64::from(spec.buckets)).map(|back| {
            let step = u64::try_from(10_000 - back).unwrap_or(0);
            bucket(newest.plus_micros(-spec.bucket_micros() * back), value(index, step), 1)
        });
        let window = u16::try_from(place).unwrap_or(u16::MAX);
        changes.push(Envelope::new(1, Change::Buckets(Buckets { window, buckets: buckets.collect() })));
    }
    changes.extend((0..count).flat_map(|index| news(arranged, index, 0, 1)));
    changes
}
