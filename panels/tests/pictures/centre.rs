//! A small invented centre, the same on every run.

#[path = "maps.rs"]
mod maps;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use panels::number::day_start;
use panels::scene::Scene;
use panels::text::TextEngine;
use panels::{Link, Paint, paint_panel, place};
use protocol::change::{Arranged, Bucket, Buckets, Change, Span, WindowSpec};
use protocol::image::MediaType;
use protocol::message::Mode;
use protocol::observation::{Better, Name, Period};
use protocol::source::{Delivery, SourceLink};
use protocol::{
    Agency, Area, Canvas, Catalogue, Image, Indicator, Layout, Observation, ObservationStatus, PanelSpec, Place,
    Scenario, SeriesKey, SourceInfo, SourceState, Timestamp, ViewState,
};
use serde_json::{Value, json};

/// Monday, 14 August 2023, 08:42:17 in Viet Nam.
pub const NOW: Timestamp = Timestamp::from_secs(1_691_977_337);
pub const CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };
const DAY: u64 = 86_400;

pub fn name(vi: &str, en: &str) -> Name {
    Name { vi: vi.into(), en: Some(en.into()) }
}

const DISTRICTS: [(&str, &str); 13] = [
    ("522", "TP Quảng Ngãi"),
    ("524", "Bình Sơn"),
    ("525", "Trà Bồng"),
    ("527", "Sơn Tịnh"),
    ("528", "Tư Nghĩa"),
    ("529", "Sơn Hà"),
    ("530", "Sơn Tây"),
    ("531", "Minh Long"),
    ("532", "Nghĩa Hành"),
    ("533", "Mộ Đức"),
    ("534", "TX Đức Phổ"),
    ("535", "Ba Tơ"),
    ("536", "Lý Sơn"),
];

fn indicator(id: &str, vi: &str, en: &str, unit: &str, period: Period, interval: u64) -> Indicator {
    Indicator {
        id: id.into(),
        name: name(vi, en),
        short: None,
        unit: Name { vi: unit.into(), en: None },
        decimals: 0,
        display_scale: 1.0,
        period,
        better: Better::Higher,
        cumulative: false,
        owner: "stc".into(),
        expected_interval_secs: interval,
        grace_secs: interval / 4,
        warning: None,
        critical: None,
        derive: None,
        plausible: None,
        lost_after_secs: None,
    }
}

pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue {
        organisation: name("UBND tỉnh Quảng Ngãi", "Quang Ngai People's Committee"),
        centre: name("Trung tâm Điều hành thông minh", "Intelligent Operations Centre"),
        ..Catalogue::default()
    };
    let area = |id: &str, vi: &str, parent: Option<&str>| {
        Arc::new(Area {
            id: id.into(),
            name: Name { vi: vi.into(), en: None },
            parent: parent.map(Into::into),
            valid_from: None,
            valid_to: None,
        })
    };
    for (id, is_whole) in [("drawing", true), ("damaged", false)] {
        catalogue.images.insert(id.into(), Arc::new(drawing(id, is_whole)));
    }
    catalogue.areas.insert("51".into(), area("51", "Quảng Ngãi", None));
    for (id, vi) in DISTRICTS {
        catalogue.areas.insert(id.into(), area(id, vi, Some("51")));
    }
    for (id, vi, en) in [
        ("stc", "Sở Tài chính", "Department of Finance"),
        ("sgtvt", "Sở Giao thông vận tải", "Department of Transport"),
        ("stnmt", "Sở Tài nguyên và Môi trường", "Department of Environment"),
    ] {
        let (name, short, parent, valid_from, valid_to, successor) = (name(vi, en), None, None, None, None, None);
        let agency = Agency { id: id.into(), name, short, parent, valid_from, valid_to, successor };
        catalogue.agencies.insert(id.into(), Arc::new(agency));
    }
    for (id, vi, kind) in [
        ("kbnn", "Kho bạc Nhà nước", "simulated"),
        ("sct", "Sở Công Thương", "csv"),
        ("qt", "Trạm quan trắc tự động, 5 phút/lần", "simulated"),
        ("kttv", "Đài Khí tượng Thủy văn tỉnh", "hologram"),
        ("nhap", "Nhập liệu trực tiếp", "push"),
        ("qlvb", "Hệ thống quản lý văn bản", "simulated_records"),
    ] {
        catalogue.sources.insert(
            id.into(),
            Arc::new(SourceInfo {
                id: id.into(),
                name: Name { vi: vi.into(), en: None },
                kind: kind.into(),
                owner: None,
            }),
        );
    }
    for indicator in indicators() {
        catalogue.indicators.insert(indicator.id.clone(), Arc::new(indicator));
    }
    maps::add_to(&mut catalogue);
    catalogue
}

fn indicators() -> Vec<Indicator> {
    let of = indicator;
    vec![
        Indicator {
            cumulative: true,
            ..of("revenue", "Thu ngân sách trên địa bàn", "Budget revenue", "tỷ đồng", Period::Day, DAY)
        },
        Indicator {
            cumulative: true,
            ..of("capital", "Giải ngân vốn đầu tư công", "Public investment", "tỷ đồng", Period::Day, DAY)
        },
        Indicator {
            decimals: 1, ..of("on-time", "Hồ sơ đúng hạn", "Files on time", "%", Period::Continuous, 900)
        },
        Indicator {
            decimals: 1,
            better: Better::Neither,
            short: Some(name("IIP", "IIP")),
            lost_after_secs: Some(200_000),
            ..of("iip", "Chỉ số sản xuất công nghiệp", "Industrial production", "%", Period::Day, 3_600)
        },
        of("visitors", "Khách ra Lý Sơn", "Visitors to Ly Son", "lượt", Period::Day, DAY),
        Indicator {
            decimals: 1,
            better: Better::Lower,
            warning: Some(85.0),
            critical: Some(95.0),
            ..of("beds", "Giường bệnh đang dùng", "Hospital beds in use", "%", Period::Continuous, 900)
        },
        Indicator {
            better: Better::Lower,
            warning: Some(100.0),
            critical: Some(200.0),
            ..of("aqi", "VN_AQI – trạm Dung Quất", "VN_AQI at Dung Quat", "điểm", Period::Continuous, 300)
        },
        Indicator {
            decimals: 2,
            better: Better::Lower,
            warning: Some(3.5),
            ..of("river", "Mực nước các sông", "River levels", "m", Period::Continuous, 1_800)
        },
        Indicator {
            decimals: 1,
            warning: Some(30.0),
            ..of("rate", "Tỷ lệ giải ngân vốn đầu tư công", "Disbursement", "%", Period::Day, DAY)
        },
        Indicator {
            cumulative: true,
            ..of("monthly", "Giải ngân lũy kế theo tháng", "Disbursed by month", "% kế hoạch", Period::Month, 31 * DAY)
        },
        Indicator {
            display_scale: 0.001,
            ..of("budget", "Thu ngân sách nhà nước", "State budget revenue", "tỷ đồng", Period::Year, 366 * DAY)
        },
    ]
}

pub fn panel(id: &str, kind: &str, place: [u16; 4], options: Value) -> PanelSpec {
    let [column, row, columns, rows] = place;
    let Value::Object(options) = options else { unreachable!() };
    PanelSpec { id: id.into(), kind: kind.into(), place: Place::cells(column, row, columns, rows), options }
}

pub fn layout(panels: Vec<PanelSpec>) -> Layout {
    Layout {
        id: "overview".into(),
        name: name("Tổng quan kinh tế – xã hội", "Economy and society"),
        version: 1,
        read_only: true,
        grid: (32, 18),
        panels,
    }
}

/// The layout that is compared with the reference picture.
pub fn overview() -> Layout {
    let value = |indicator: &str| json!({ "indicator": indicator, "area": "51" });
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel("revenue", "value", [0, 1, 8, 5], value("revenue")),
        panel("capital", "value", [0, 6, 8, 5], value("capital")),
        panel("on-time", "value", [0, 11, 4, 3], value("on-time")),
        panel("iip", "value", [4, 11, 4, 3], value("iip")),
        panel("visitors", "value", [0, 14, 4, 4], value("visitors")),
        panel("beds", "value", [4, 14, 4, 4], value("beds")),
        panel(
            "rate",
            "bars",
            [8, 1, 7, 10],
            json!({ "indicator": "rate", "area": "51", "title": "Tỷ lệ giải ngân theo địa bàn (%)" }),
        ),
        panel(
            "budget",
            "bars",
            [15, 1, 10, 5],
            json!({ "by": "time", "indicator": "budget", "area": "51", "from": "2006-01-01", "to": "2015-12-31" }),
        ),
        panel(
            "years",
            "series",
            [15, 6, 9, 5],
            json!({ "indicator": "budget", "area": "51", "from": "2006-01-01", "to": "2015-12-31" }),
        ),
        panel(
            "monthly",
            "series",
            [8, 11, 16, 7],
            json!({ "indicator": "monthly", "area": "51", "scenarios": ["actual", "same_period", "expected"], "from": "2023-01-01", "to": "2023-12-31" }),
        ),
        panel(
            "note",
            "text",
            [25, 1, 7, 5],
            json!({ "title": "Kết luận phiên họp trước", "body": "Chủ tịch UBND tỉnh yêu cầu các sở, ngành và địa phương đẩy nhanh tiến độ giải ngân vốn đầu tư công, tháo gỡ vướng mắc về giải phóng mặt bằng.\nSở Kế hoạch và Đầu tư tổng hợp, báo cáo trước ngày 20/8/2023." }),
        ),
        panel("aqi", "series", [24, 6, 8, 6], json!({ "indicator": "aqi", "area": "51", "secs": 86400 })),
        panel(
            "rivers",
            "bars",
            [24, 12, 8, 4],
            json!({ "by": "series", "title": "Mực nước các sông so với báo động (m)", "series": [
            { "indicator": "river", "area": "529", "label": "Sông Vệ" }, { "indicator": "river", "area": "522", "label": "Trà Khúc" }, { "indicator": "river", "area": "525", "label": "Trà Bồng" } ] }),
        ),
        panel("future", "hologram", [24, 16, 8, 2], json!({})),
    ])
}

/// What the reference picture has no room for.
pub fn districts() -> Layout {
    let columns = json!(["rate", "beds", "on-time", "aqi", "river"]);
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel(
            "matrix",
            "matrix",
            [0, 1, 20, 12],
            json!({ "area": "51", "indicators": columns, "title": "Các địa phương" }),
        ),
        panel("small", "matrix", [20, 1, 12, 6], json!({ "area": "51", "indicators": ["rate", "beds"] })),
        panel("exceptions", "exceptions", [20, 7, 12, 11], json!({ "area": "51", "parts": true })),
        panel("province", "exceptions", [0, 13, 8, 5], json!({ "area": "51", "most": 3 })),
        panel("clock", "clock", [14, 13, 6, 5], json!({ "title": "Giờ địa phương" })),
        panel("calm", "exceptions", [8, 13, 6, 5], json!({ "area": "51", "indicators": ["revenue"] })),
    ])
}

/// Tables and what else lists figures.
pub fn lists() -> Layout {
    let all = json!(["value", "unit", "change", "plan", "share", "status", "time", "owner"]);
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel(
            "indicators",
            "table",
            [0, 1, 20, 8],
            json!({ "area": "51", "columns": all, "sort": "worst", "title": "Chỉ tiêu chủ yếu",
                "indicators": ["revenue", "capital", "on-time", "iip", "visitors", "beds", "monthly"] }),
        ),
        panel("areas", "table", [20, 1, 12, 8], json!({ "indicator": "beds", "area": "51", "sort": "largest" })),
        panel(
            "paged",
            "table",
            [0, 9, 10, 4],
            json!({ "indicator": "rate", "area": "51", "columns": ["value", "status"], "sort": "name" }),
        ),
        panel(
            "named",
            "table",
            [10, 9, 10, 4],
            json!({ "title": "Mực nước các sông (m)", "columns": ["value", "expected", "same_period"], "rows": [
                { "indicator": "river", "area": "529", "label": "Sông Vệ" }, { "indicator": "river", "area": "525" } ] }),
        ),
        panel(
            "grouped",
            "bars",
            [20, 9, 6, 9],
            json!({ "indicators": ["beds", "on-time"], "area": "51", "title": "Giường bệnh và hồ sơ (%)" }),
        ),
        panel(
            "stacked",
            "bars",
            [26, 9, 6, 9],
            json!({ "indicators": ["rate", "beds", "on-time"], "area": "51", "stacked": true, "title": "Cộng dồn" }),
        ),
        panel(
            "upright",
            "bars",
            [0, 13, 20, 5],
            json!({ "by": "area", "indicator": "rate", "area": "51", "upright": true, "sort": "smallest" }),
        ),
    ])
}

/// What comes from tasks, alarms and sessions.
pub fn command() -> Layout {
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel("tasks", "tasks", [0, 1, 14, 11], json!({})),
        panel("by-agency", "tasks", [14, 1, 10, 6], json!({ "by": "agency" })),
        panel("alarms", "alarms", [14, 7, 10, 5], json!({})),
        panel("agenda", "agenda", [24, 1, 8, 11], json!({})),
        panel("now", "agenda", [0, 12, 8, 5], json!({ "show": "now" })),
        panel("quiet", "alarms", [8, 12, 8, 5], json!({ "area": "522", "title": "Cảnh báo tại TP Quảng Ngãi" })),
        panel("ticker", "ticker", [0, 17, 32, 1], json!({ "area": "51", "parts": true })),
    ])
}

/// Maps out of tables and with borders, large and small, with and without figures.
pub fn mapped() -> Layout {
    let of = |map: &str| json!({ "map": map, "indicator": "rate" });
    let layers =
        json!({ "map": "districts", "layers": ["slides", "rivers", "stations", "reservoirs"], "title": "Môi trường" });
    let south =
        json!({ "map": "districts", "indicator": "beds", "area": "51", "breaks": [70, 85, 95], "labels": "figures" });
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel("schematic", "map", [0, 1, 14, 10], of("schematic")),
        panel("boundaries", "map", [14, 1, 10, 10], of("districts")),
        panel("layers", "map", [0, 11, 10, 7], layers),
        panel("figures", "map", [24, 1, 8, 6], south),
        panel(
            "stations",
            "map",
            [10, 11, 14, 7],
            json!({ "map": "schematic", "indicator": "rate", "layers": ["stations", "reservoirs"], "class_by": "quantile", "classes": 4 }),
        ),
        panel("bare", "map", [24, 7, 8, 5], json!({ "map": "schematic", "legend": false })),
        panel("tiny", "map", [24, 12, 2, 2], of("schematic")),
    ])
}

/// What operators of the centre look at.
pub fn operations() -> Layout {
    let sources = json!({ "area": "51" });
    layout(vec![
        panel("head", "header", [0, 0, 32, 1], json!({})),
        panel("sources", "sources", [0, 1, 14, 11], sources.clone()),
        panel("small-sources", "sources", [14, 1, 9, 5], json!({ "area": "51", "title": "Nguồn" })),
        panel("narrow-sources", "sources", [23, 1, 5, 9], sources),
        panel(
            "picture",
            "image",
            [14, 6, 9, 6],
            json!({ "image": "drawing", "title": "Sơ đồ", "caption": "Hồ Nước Trong" }),
        ),
        panel("filled", "image", [23, 10, 9, 2], json!({ "image": "drawing", "fit": "cover" })),
        panel("damaged", "image", [28, 1, 4, 9], json!({ "image": "damaged", "caption": "Ảnh hỏng" })),
    ])
}

/// Four fields, the last of them half transparent; it is told by its bytes alone.
pub fn drawing(id: &str, is_whole: bool) -> Image {
    let (width, height) = (16_u32, 10_u32);
    let field = |x: u32, y: u32| match (x < width / 2, y < height / 2) {
        (true, true) => [0x6F, 0xA8, 0xDC, 0xFF],
        (false, true) => [0xF2, 0xB8, 0x4B, 0xFF],
        (true, false) => [0x45, 0xC4, 0xA0, 0xFF],
        (false, false) => [0xE8, 0xEE, 0xF7, 0x80],
    };
    let pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| field(x, y))).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes.truncate(if is_whole { bytes.len() } else { 60 });
    Image {
        id: id.into(),
        name: name("Bốn ô màu", "Four fields"),
        credit: Some(name("Ảnh: Toàn Cảnh", "Picture: Toàn Cảnh")),
        media_type: MediaType::Png,
        width_px: width,
        height_px: height,
        content: STANDARD.encode(&bytes).into(),
    }
}

/// How each source does; one has never been heard of.
pub fn source_states() -> Vec<SourceState> {
    let up = SourceLink::Up { since: ago(86_400) };
    let down = SourceLink::Down { since: ago(3_600), reason: "connection refused".into() };
    let delivery = |secs, count| Some(Delivery { at: ago(secs), count });
    let of = |source: &str, link: &SourceLink, taken, refused| SourceState {
        source: source.into(),
        link: Some(link.clone()),
        taken,
        refused,
    };
    vec![
        of("kbnn", &up, delivery(137, 12), None),
        of("sct", &up, delivery(26 * 3_600, 4), None),
        of("qt", &down, delivery(3_700, 2), None),
        of("kttv", &up, delivery(737, 9), delivery(737, 3)),
    ]
}

/// A state of `layout` as a server would send it.
pub fn state(layout: Layout, canvas: Canvas, mode: Mode) -> ViewState {
    let catalogue = catalogue();
    let needs = panels::needs(&layout, &catalogue, canvas);
    let arranged = Arranged {
        mode,
        wall: None,
        canvas,
        layout,
        spotlight: None,
        catalogue,
        series: needs.series.clone(),
        windows: needs.windows.clone(),
        records: needs.records.clone(),
    };
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(Arc::new(arranged)));
    for series in &needs.series {
        if let Some(observation) = latest(series) {
            view.apply(2, &Change::Observed(Arc::new(observation)));
        }
    }
    for change in crate::records::all() {
        view.apply(2, &change);
    }
    for (index, spec) in needs.windows.iter().enumerate() {
        let buckets = buckets(spec);
        view.apply(3, &Change::Buckets(Buckets { window: u16::try_from(index).unwrap(), buckets }));
    }
    for state in source_states() {
        view.apply(3, &Change::SourceState(Arc::new(state)));
    }
    view
}

/// A number in 0..1 that looks random and never changes.
fn noise(seed: &str, step: i64) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in seed.bytes().chain(step.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    ((hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

fn ago(secs: i64) -> Timestamp {
    NOW.plus_micros(-secs * 1_000_000)
}

pub fn source(series: &SeriesKey) -> &'static str {
    match series.indicator.as_str() {
        "iip" => "sct",
        "aqi" => "qt",
        "river" => "kttv",
        _ => "kbnn",
    }
}

fn latest(series: &SeriesKey) -> Option<Observation> {
    let area_noise = noise(series.area.as_str(), 7);
    let (value, at) = match (series.indicator.as_str(), series.scenario) {
        ("revenue", Scenario::Actual) => (18_642.0, ago(737)),
        ("revenue", Scenario::Plan) => (29_357.0, ago(737)),
        ("revenue", Scenario::Expected) => (18_172.0, ago(737)),
        ("revenue", Scenario::SamePeriod) => (19_439.0, ago(737)),
        ("capital", Scenario::Actual) => (2_417.0, ago(6_137)),
        ("capital", Scenario::Plan) => (6_262.0, ago(6_137)),
        ("capital", Scenario::Expected) => (3_876.0, ago(6_137)),
        ("capital", Scenario::SamePeriod) => (2_579.0, ago(6_137)),
        ("on-time", Scenario::Actual) if series.area.as_str() == "535" => (91.5, ago(9 * 3_600)),
        ("on-time", Scenario::Actual) => (98.2, ago(17)),
        ("on-time", Scenario::SamePeriod) => (96.8, ago(17)),
        ("iip", Scenario::Actual) => (107.3, ago(26 * 3_600)),
        ("iip", Scenario::SamePeriod) => (104.1, ago(26 * 3_600)),
        ("visitors", Scenario::Actual) => (1_284.0, ago(137)),
        ("visitors", Scenario::SamePeriod) => (1_072.0, ago(137)),
        ("beds", Scenario::Actual) if series.area.as_str() != "51" => (60.0 + 38.0 * area_noise, ago(437)),
        ("aqi", Scenario::Actual) if series.area.as_str() != "51" => (40.0 + 90.0 * area_noise, ago(6_137)),
        ("beds", Scenario::Actual) => (87.4, ago(437)),
        ("beds", Scenario::SamePeriod) => (84.4, ago(437)),
        ("river", Scenario::Actual) => (1.6 + 2.6 * area_noise, ago(737)),
        ("rate", Scenario::Actual) if series.area.as_str() != "536" => (24.0 + 48.0 * area_noise, ago(6_137)),
        ("budget", Scenario::Actual) => (33_190_000.0, day_start(2015, 12, 31)?),
        _ => return None,
    };
    let status =
        if series.indicator.as_str() == "budget" { ObservationStatus::Official } else { ObservationStatus::Simulated };
    Some(Observation {
        series: series.clone(),
        value,
        phenomenon_time: at,
        received_at: at.plus_micros(800_000),
        status,
        source: source(series).into(),
    })
}

pub fn bucket(spec: &WindowSpec, time: Timestamp, value: f64) -> Option<Bucket> {
    let start = spec.bucket_start(time)?;
    Some(Bucket {
        start,
        min: value,
        max: value,
        last: value,
        time,
        received_at: time.plus_micros(500_000),
        status: ObservationStatus::Simulated,
        source: source(&spec.series).into(),
        at: 3,
    })
}

fn buckets(spec: &WindowSpec) -> Vec<Bucket> {
    let id = spec.series.indicator.as_str();
    match (id, spec.span) {
        ("budget", _) => years(spec),
        ("monthly", _) => months(spec),
        (_, Span::Last { secs }) if spec.series.scenario == Scenario::Actual => {
            walk(spec, i64::try_from(secs).unwrap())
        }
        _ => Vec::new(),
    }
}

fn years(spec: &WindowSpec) -> Vec<Bucket> {
    let values = [5_212e3, 6_110e3, 6_905e3, 10_811e3, 19_300e3, 22_148e3, 20_391e3, 28_012e3, 30_766e3, 33_190e3];
    (2006..).zip(values).filter_map(|(year, value)| bucket(spec, day_start(year, 12, 31)?, value)).collect()
}

fn months(spec: &WindowSpec) -> Vec<Bucket> {
    let last = if spec.series.scenario == Scenario::Actual { 7 } else { 12 };
    let value = |month: f64| match spec.series.scenario {
        Scenario::Actual => 5.4 * month + 0.1 * month * month,
        Scenario::SamePeriod => 6.0 * month + 0.14 * month * month,
        _ => 100.0 / 12.0 * month,
    };
    (1..=last).filter_map(|month: i8| bucket(spec, day_start(2023, month, 28)?, value(f64::from(month)))).collect()
}

/// A wandering line with one gap.
fn walk(spec: &WindowSpec, secs: i64) -> Vec<Bucket> {
    let steps = i64::from(spec.buckets);
    let mut level = 0.5;
    let mut buckets = Vec::new();
    for step in 0..steps {
        level = (level + 0.16 * (noise(spec.series.indicator.as_str(), step) - 0.47)).clamp(0.0, 1.0);
        let in_gap = spec.series.indicator.as_str() == "aqi" && (steps * 3 / 10..steps * 4 / 10).contains(&step);
        if !in_gap {
            buckets.extend(bucket(spec, ago(secs * (steps - 1 - step) / steps + 17), 40.0 + 75.0 * level));
        }
    }
    buckets
}

/// Every panel of the state, painted.
pub fn paint_all(view: &ViewState, link: Link, language: &str, text: &mut TextEngine) -> Vec<Scene> {
    paint_all_at(view, link, language, text, NOW)
}

pub fn paint_all_at(view: &ViewState, link: Link, language: &str, text: &mut TextEngine, now: Timestamp) -> Vec<Scene> {
    let Some(arranged) = view.arranged() else { return Vec::new() };
    let scale = place::scale(arranged.canvas);
    place::tiles(&arranged.layout, arranged.canvas)
        .map(|(spec, rect)| paint_panel(Paint { spec, view, now, link, language, rect, scale, text }))
        .collect()
}
