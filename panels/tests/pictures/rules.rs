//! What holds for every picture, whatever its size and state.

use panels::scene::{Item, Rect};
use panels::svg;
use panels::text::TextEngine;
use panels::{Link, Paint, paint_panel, panel, place};
use proptest::prelude::*;
use protocol::change::{Bucket, Buckets, Change};
use protocol::message::Mode;
use protocol::source::{Delivery, SourceLink};
use protocol::{Canvas, Layout, Observation, ObservationStatus, SourceState, Timestamp, ViewState};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::centre::{
    CANVAS, NOW, catalogue, command, districts, lists, mapped, operations, overview, paint_all, paint_all_at, state,
};

thread_local! {
    static TEXT: RefCell<TextEngine> = RefCell::new(TextEngine::new());
}

/// Values that bring out overflow, overlap and division by nothing.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::MIN_POSITIVE),
        Just(1e-300),
        -1e3..1e3f64,
        -1e12..1e12f64,
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
    ]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (-400i64 * 86_400..4_000).prop_map(|secs| NOW.plus_micros(secs * 1_000_000)),
        1 => any::<i64>().prop_map(Timestamp),
    ]
}

fn any_canvas() -> impl Strategy<Value = Canvas> {
    (1u32..4_000, 1u32..2_500).prop_map(|(width_px, height_px)| Canvas { width_px, height_px })
}

/// Sources in any condition, with counts and moments of any size.
fn any_source_states() -> impl Strategy<Value = Vec<SourceState>> {
    let delivery = || prop::option::of((any_time(), any::<u64>()).prop_map(|(at, count)| Delivery { at, count }));
    let link = prop::option::of((any_time(), any::<bool>()).prop_map(|(since, is_up)| match is_up {
        true => SourceLink::Up { since },
        false => SourceLink::Down { since, reason: "lý do rất dài ".repeat(40) },
    }));
    let source = prop::sample::select(vec!["kbnn", "sct", "qt", "kttv", "nhap", "unknown"]);
    let state = (source, link, delivery(), delivery()).prop_map(|(source, link, taken, refused)| SourceState {
        source: source.into(),
        link,
        taken,
        refused,
    });
    proptest::collection::vec(state, 0..8)
}

/// A layout with random figures in it.
fn any_state() -> impl Strategy<Value = Shown> {
    let figures = proptest::collection::vec((any::<prop::sample::Index>(), any_value(), any_time()), 0..40);
    let buckets =
        proptest::collection::vec((any::<prop::sample::Index>(), any_value(), any_value(), any_time()), 0..60);
    (any_canvas(), figures, buckets, any_source_states(), 0..6_usize).prop_map(
        |(canvas, figures, points, sources, layout)| {
            let layout = [overview, districts, operations, lists, command, mapped][layout]();
            let mut view = state_without_figures(layout, canvas);
            let arranged = view.arranged().unwrap().clone();
            for (index, value, at) in figures {
                let series = index.get(&arranged.series).clone();
                let observation = Observation {
                    series,
                    value,
                    phenomenon_time: at,
                    received_at: at,
                    status: ObservationStatus::Simulated,
                    source: "kbnn".into(),
                };
                view.apply(2, &Change::Observed(observation.into()));
            }
            for source in sources {
                view.apply(2, &Change::SourceState(source.into()));
            }
            let points = if arranged.windows.is_empty() { Vec::new() } else { points };
            for (index, a, b, at) in points {
                let window = index.index(arranged.windows.len());
                let Some(start) = arranged.windows[window].bucket_start(at) else { continue };
                let bucket = Bucket {
                    start,
                    min: a.min(b),
                    max: a.max(b),
                    last: b,
                    time: at,
                    received_at: at,
                    status: ObservationStatus::Automatic,
                    source: "qt".into(),
                    at: 3,
                };
                view.apply(
                    3,
                    &Change::Buckets(Buckets { window: u16::try_from(window).unwrap(), buckets: vec![bucket] }),
                );
            }
            Shown(view)
        },
    )
}

/// Printed briefly.
struct Shown(ViewState);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} with {:?}",
            self.0.arranged().map(|arranged| arranged.canvas),
            self.0.latest_values().collect::<Vec<_>>()
        )
    }
}

/// As it is before there are any, with the records in every other case.
fn state_without_figures(layout: Layout, canvas: Canvas) -> ViewState {
    let full = state(layout, canvas, Mode::Live);
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(full.arranged().unwrap().clone()));
    if canvas.width_px.is_multiple_of(2) {
        crate::records::all().iter().for_each(|change| view.apply(2, change));
    }
    view
}

/// Nothing is drawn outside the tile or is not a number, and every figure comes from a series of the state.
fn check(view: &ViewState, link: Link, language: &str, text: &mut TextEngine) -> Result<(), TestCaseError> {
    let arranged = view.arranged().unwrap();
    let known: BTreeSet<_> =
        arranged.series.iter().chain(arranged.windows.iter().map(|window| &window.series)).collect();
    let scale = place::scale(arranged.canvas);
    for (spec, rect) in place::tiles(&arranged.layout, arranged.canvas) {
        let scene = paint_panel(Paint { spec, view, now: NOW, link, language, rect, scale, text });
        prop_assert!(
            matches!(&scene.items[0], Item::Quad(ground) if ground.rect == rect && ground.fill.a == 255 && ground.radius == 0.0)
        );
        for item in &scene.items {
            let bounds = item.bounds();
            let finite = [bounds.x, bounds.y, bounds.width, bounds.height].iter().all(|length| length.is_finite());
            prop_assert!(finite, "{}: {item:?}", spec.id);
            prop_assert!(rect.contains(&bounds), "{}: {item:?} leaves {rect:?}", spec.id);
        }
        for (figure, provenance) in scene.figures() {
            prop_assert!(!figure.is_empty() && !provenance.origins().is_empty());
            prop_assert!(
                provenance.origins().iter().all(|origin| known.contains(origin.series())),
                "{}: {figure}",
                spec.id
            );
        }
        if let Some(change) = panel(&spec.kind).and_then(|kind| kind.next_change(spec, view, NOW)) {
            prop_assert!(change > NOW, "{}: the next change lies at {change:?}", spec.id);
        }
        prop_assert!(svg::group(&scene).starts_with("<g>"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leaves_its_tile_and_every_figure_has_an_origin(shown in any_state(), english in any::<bool>(), lost in any::<bool>()) {
        let link = if lost { Link::Lost { since: NOW } } else { Link::Live };
        TEXT.with_borrow_mut(|text| check(&shown.0, link, if english { "en" } else { "vi" }, text))?;
    }

    #[test]
    fn names_of_any_kind_stay_in_their_tiles(shown in any_state(), name in any_name(), english in any::<bool>()) {
        let view = renamed(&shown.0, &name);
        TEXT.with_borrow_mut(|text| check(&view, Link::Live, if english { "en" } else { "vi" }, text))?;
    }

    #[test]
    fn words_of_any_kind_are_wrapped_within_their_room(words in "\\PC{0,80}", width in 1f32..900.0, height in 0f32..300.0) {
        use panels::text::{Font, Style};
        use panels::theme::TextClass;
        let style = Style::new(Font::Regular, TextClass::Body, 34.0, panels::theme::TEXT);
        TEXT.with_borrow_mut(|text| {
            let fitted = text.fit_lines(&words, style, (width, height), 24.0);
            prop_assert!(fitted.lines.len() as f32 * fitted.size * 1.3 <= height + 1.0);
            Ok(())
        })?;
    }
}

#[test]
fn before_the_first_snapshot_every_kind_says_that_it_waits() {
    let (layouts, view, mut text) = (
        [overview(), districts(), lists(), command(), operations(), mapped()],
        ViewState::default(),
        TextEngine::new(),
    );
    let tiles = layouts.iter().flat_map(|layout| place::tiles(layout, CANVAS));
    let says = |spec: &protocol::PanelSpec| {
        // Those that need no data, and the one that has no room for words.
        !["text", "clock", "hologram"].contains(&spec.kind.as_str()) && spec.id.as_str() != "tiny"
    };
    for (spec, rect) in tiles.filter(|(spec, _)| says(spec)) {
        let scene = paint_panel(Paint {
            spec,
            view: &view,
            now: NOW,
            link: Link::Live,
            language: "vi",
            rect,
            scale: 1.0,
            text: &mut text,
        });
        let said = scene.texts().any(|run| run.content.as_str() == "Đang chờ dữ liệu");
        assert!(said, "{} does not say that it waits", spec.id);
    }
}

/// Names that bring out cutting, shaping and direction.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,300}",
        Just("Tỷ lệ giải ngân vốn đầu tư công ".repeat(10)),
        Just("Nghiêngngảkhôngdấucách".repeat(14)),
        // Right to left, with figures in it; emoji of several code points; marks that are not composed.
        Just("مؤشر الإيرادات 2023 في المحافظة".to_owned()),
        Just("Lũ 🌊👩🏽‍🚒🇻🇳 khẩn cấp".to_owned()),
        Just("Quảng Ngãi".nfd().collect::<String>()),
        Just("\u{202e}đảo chiều\u{0}\n\tvà dấu\u{300}\u{301}\u{302}\u{303}".to_owned()),
    ]
}

/// The same state in which everything is called `name`.
fn renamed(view: &ViewState, name: &str) -> ViewState {
    let mut arranged = (**view.arranged().unwrap()).clone();
    let text = || protocol::observation::Name { vi: name.to_owned(), en: None };
    arranged.layout.name = text();
    let catalogue = &mut arranged.catalogue;
    (catalogue.organisation, catalogue.centre) = (text(), text());
    catalogue.areas.values_mut().for_each(|area| Arc::make_mut(area).name = text());
    catalogue.agencies.values_mut().for_each(|agency| Arc::make_mut(agency).name = text());
    catalogue.sources.values_mut().for_each(|source| Arc::make_mut(source).name = text());
    for indicator in catalogue.indicators.values_mut().map(Arc::make_mut) {
        (indicator.name, indicator.short) = (text(), None);
    }
    for panel in arranged.layout.panels.iter_mut().filter(|panel| panel.kind != "text") {
        panel.options.remove("title");
    }
    let mut renamed = ViewState::default();
    renamed.apply(1, &Change::Arranged(Arc::new(arranged)));
    for envelope in view.replicate() {
        if let Some(change) = envelope.change.filter(|change| !matches!(change, Change::Arranged(_))) {
            renamed.apply(envelope.at, &change);
        }
    }
    renamed
}

#[test]
fn a_table_of_ten_thousand_rows_shows_a_page_of_them() {
    let mut catalogue = catalogue();
    for number in 0..10_000 {
        let id: protocol::AreaId = format!("x{number}").into();
        let name = protocol::observation::Name { vi: format!("Xã số {number}"), en: None };
        let parent = Some("522".into());
        let area = protocol::Area { id: id.clone(), name, parent, valid_from: None, valid_to: None };
        catalogue.areas.insert(id, area.into());
    }
    let options = serde_json::json!({ "indicator": "beds", "area": "522", "columns": ["value"], "sort": "largest" });
    let table = crate::centre::panel("table", "table", [0, 0, 12, 12], options);
    let layout = crate::centre::layout(vec![table]);
    let needs = panels::needs(&layout, &catalogue, CANVAS);
    assert_eq!(needs.series.len(), 10_000);
    let mut arranged = (**state(layout, CANVAS, Mode::Live).arranged().unwrap()).clone();
    (arranged.catalogue, arranged.series) = (catalogue, needs.series);
    let series = arranged.series.clone();
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(arranged.into()));
    for (number, series) in (0..).zip(series) {
        let at = NOW.plus_micros(-1);
        let status = ObservationStatus::Automatic;
        let source = "kbnn".into();
        let value = f64::from(number) / 200.0;
        let row = Observation { series, value, phenomenon_time: at, received_at: at, status, source };
        view.apply(2, &Change::Observed(row.into()));
    }
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let texts: Vec<&str> = scenes[0].texts().map(|run| run.content.as_str()).collect();
    assert!(texts.iter().any(|text| text.starts_with("trang ") && text.ends_with("· 10.000 dòng")), "{texts:?}");
    assert!(scenes[0].figures().count() >= 10, "{texts:?}");
}

fn said(id: &str, mode: Mode, link: Link) -> Vec<String> {
    let view = state(overview(), CANVAS, mode);
    let scenes = paint_all(&view, link, "vi", &mut TextEngine::new());
    let at = overview().panels.iter().position(|panel| panel.id.as_str() == id).unwrap();
    scenes[at].texts().map(|run| run.content.as_str().to_owned()).collect()
}

#[test]
fn the_header_tells_the_time_the_state_and_what_is_illustrative() {
    let header = said("head", Mode::Live, Link::Live);
    let meant = [
        "UBND TỈNH QUẢNG NGÃI · TRUNG TÂM ĐIỀU HÀNH THÔNG MINH",
        "Tổng quan kinh tế – xã hội",
        "08:42:17",
        "Thứ Hai, 14/8/2023",
        "TRỰC TIẾP",
        "số liệu minh họa",
    ];
    for text in meant {
        assert!(header.iter().any(|said| said == text), "'{text}' is not in {header:?}");
    }
    let lost = said("head", Mode::Live, Link::Lost { since: NOW.plus_micros(-65_000_000) });
    assert!(lost.iter().any(|said| said == "MẤT KẾT NỐI từ 08:41:12"), "{lost:?}");
}

#[test]
fn every_tile_of_a_replay_says_so() {
    for spec in overview().panels {
        let words = said(spec.id.as_str(), Mode::Replay, Link::Live);
        assert!(words.iter().any(|said| said == "PHÁT LẠI"), "{}: {words:?}", spec.id);
    }
}

#[test]
fn a_stale_figure_is_said_to_be_stale_and_a_lagging_one_to_lag() {
    assert!(said("iip", Mode::Live, Link::Live).contains(&"cũ 26 giờ".to_owned()));
    assert!(said("capital", Mode::Live, Link::Live).contains(&"chậm kế hoạch".to_owned()));
    assert!(!said("revenue", Mode::Live, Link::Live).contains(&"chậm kế hoạch".to_owned()));
}

#[test]
fn figures_are_written_in_their_display_scale_and_keep_the_raw_value() {
    let view = state(overview(), CANVAS, Mode::Live);
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let at = overview().panels.iter().position(|panel| panel.id.as_str() == "budget").unwrap();
    let figures: Vec<_> = scenes[at].figures().collect();
    assert_eq!(figures.len(), 10, "one for each year");
    let (_, provenance) = figures.iter().find(|(text, _)| *text == "33.190").expect("the bar of 2015");
    assert_eq!(provenance.origins()[0].value(), 33_190_000.0);
}

#[test]
fn what_is_wrong_with_options_is_named_with_what_would_be_right() {
    let cases = [
        ("value", serde_json::json!({ "indicator": "revenu", "area": "51" }), "indicator", "did you mean 'revenue'?"),
        ("value", serde_json::json!({ "indicator": "revenue", "area": "99" }), "area", "unknown area '99'"),
        (
            "value",
            serde_json::json!({ "indicater": "revenue", "area": "51" }),
            "indicater",
            "did you mean 'indicator'?",
        ),
        (
            "value",
            serde_json::json!({ "indicator": "revenue", "area": 51 }),
            "area",
            "invalid type: integer `51`, expected a string",
        ),
        (
            "value",
            serde_json::json!({ "indicator": "revenue", "area": "51", "sparkline": 3 }),
            "sparkline",
            "expected true, false or a table",
        ),
        (
            "series",
            serde_json::json!({ "indicator": "revenue", "area": "51", "from": "2023-02-30", "to": "2023-12-31" }),
            "from",
            "write it like 2023-12-31",
        ),
        ("series", serde_json::json!({ "indicator": "revenue" }), "series", "give either 'indicator' and 'area'"),
        (
            "series",
            serde_json::json!({ "indicator": "revenue", "area": "51", "buckets": 1 }),
            "buckets",
            "it must be 2 to 2048",
        ),
        ("bars", serde_json::json!({ "indicator": "rate", "area": "522" }), "area", "no areas below it"),
        ("bars", serde_json::json!({ "by": "colour" }), "by", "unknown variant `colour`"),
        ("bars", serde_json::json!({ "by": "series" }), "series", "need a list 'series'"),
        ("bars", serde_json::json!({ "indicators": ["rate"], "area": "51" }), "indicators", "2 to 4 'indicators'"),
        ("bars", serde_json::json!({ "indicators": ["rate", "aqi"], "area": "51" }), "indicators", "share one axis"),
        ("bars", serde_json::json!({ "indicator": "rate", "area": "51", "stacked": true }), "stacked", "several"),
    ];
    assert_refused(&cases);
}

#[test]
fn what_is_wrong_with_what_compares_areas_is_named() {
    let cases = [
        ("sources", serde_json::json!({ "area": "5" }), "area", "did you mean '51'?"),
        ("sources", serde_json::json!({ "area": "51", "titel": "x" }), "titel", "did you mean 'title'?"),
        ("exceptions", serde_json::json!({ "area": "51", "most": 0 }), "most", "1 to 20"),
        (
            "exceptions",
            serde_json::json!({ "area": "51", "indicators": ["bed"] }),
            "indicators",
            "did you mean 'beds'?",
        ),
        ("exceptions", serde_json::json!({ "area": "522", "parts": true }), "area", "no areas below it"),
        ("matrix", serde_json::json!({ "area": "51", "indicators": [] }), "indicators", "1 to 12 'indicators'"),
        ("matrix", serde_json::json!({ "area": "51", "indicators": ["rate", "beds", "rate"] }), "indicators", "twice"),
        ("matrix", serde_json::json!({ "area": "51", "indicators": ["rat"] }), "indicators", "did you mean 'rate'?"),
        ("matrix", serde_json::json!({ "area": "522", "indicators": ["rate"] }), "area", "no areas below it"),
        (
            "matrix",
            serde_json::json!({ "area": "51", "indicators": ["rate"], "boundaries": "2025-6-30" }),
            "boundaries",
            "write it like 2025-06-30",
        ),
    ];
    assert_refused(&cases);
}

#[test]
fn what_is_wrong_with_a_table_is_named() {
    let cases = [
        ("table", serde_json::json!({ "area": "51" }), "rows", "one of 'indicator'"),
        ("table", serde_json::json!({ "indicators": ["rate"] }), "area", "needs an 'area'"),
        ("table", serde_json::json!({ "indicators": ["rat"], "area": "51" }), "indicators", "did you mean 'rate'?"),
        ("table", serde_json::json!({ "indicator": "rate", "area": "522" }), "area", "no areas below it"),
        (
            "table",
            serde_json::json!({ "indicator": "rate", "area": "51", "columns": ["worth"] }),
            "columns[0]",
            "unknown variant `worth`",
        ),
        (
            "table",
            serde_json::json!({ "indicator": "rate", "area": "51", "columns": ["value", "value"] }),
            "columns",
            "twice",
        ),
        (
            "table",
            serde_json::json!({ "rows": [{ "indicator": "rate", "area": "51" }], "area": "51" }),
            "area",
            "leave 'area' out",
        ),
        (
            "table",
            serde_json::json!({ "indicators": ["rate"], "area": "51", "boundaries": "2023-01-01" }),
            "boundaries",
            "needs one 'indicator'",
        ),
    ];
    assert_refused(&cases);
}

#[test]
fn what_is_wrong_with_lists_of_records_is_named() {
    let cases = [
        ("tasks", serde_json::json!({ "by": "weather" }), "by", "unknown variant `weather`"),
        ("tasks", serde_json::json!({ "agencies": ["stcc"] }), "agencies", "did you mean 'stc'?"),
        ("alarms", serde_json::json!({ "area": "99" }), "area", "unknown area '99'"),
        ("agenda", serde_json::json!({ "shows": "now" }), "shows", "did you mean 'show'?"),
        ("ticker", serde_json::json!({ "area": "51", "most": 30 }), "most", "1 to 20"),
    ];
    assert_refused(&cases);
}

/// Kind and options, the option that is to blame, and what is said of it.
fn assert_refused(cases: &[(&str, serde_json::Value, &str, &str)]) {
    let rect = Rect::new(0.0, 0.0, 900.0, 500.0);
    for (kind, options, option, message) in cases {
        let mut spec = overview().panels.remove(0);
        spec.options = options.as_object().unwrap().clone();
        let error = panel(kind).unwrap().needs(&spec, &catalogue(), rect).unwrap_err();
        assert_eq!(error.option.as_deref(), Some(*option), "{error}");
        assert!(error.message.contains(message), "'{message}' is not in: {error}");
    }
}

#[test]
fn a_value_changes_next_when_it_goes_stale() {
    let view = state(overview(), CANVAS, Mode::Live);
    let next = |id: &str| {
        let layout = overview();
        let spec = layout.panels.iter().find(|panel| panel.id.as_str() == id).unwrap();
        panel(&spec.kind).unwrap().next_change(spec, &view, NOW).unwrap()
    };
    assert_eq!(next("head"), NOW.plus_micros(1_000_000));
    // True 17 s ago, expected every 900 s.
    assert_eq!(next("on-time"), NOW.plus_micros((900 + 1 - 17) * 1_000_000));
    // Said to be 26 hours old, for another hour.
    assert_eq!(next("iip"), NOW.plus_micros(3_600_000_000));
}

#[test]
fn a_figure_is_due_stale_and_lost_at_the_very_tick() {
    let mut layout = overview();
    let at = layout.panels.iter().position(|panel| panel.id.as_str() == "on-time").unwrap();
    layout.panels[at].place = protocol::layout::Place::cells(0, 11, 8, 3);
    let view = state(layout, CANVAS, Mode::Live);
    let said = |now| -> Vec<String> {
        let scenes = paint_all_at(&view, Link::Live, "vi", &mut TextEngine::new(), now);
        scenes[at].texts().map(|run| run.content.as_str().to_owned()).collect()
    };
    // True 17 s ago, expected every 900 s with 225 s of grace; lost at three times that.
    let ages = [(900, " · đến hạn cập nhật"), (1125, "cũ 18 phút"), (3375, "mất số liệu")];
    for (age_secs, words) in ages {
        let tick = NOW.plus_micros((age_secs + 1 - 17) * 1_000_000);
        for (now, expected) in [(tick.plus_micros(-1), false), (tick, true)] {
            let all = said(now);
            assert_eq!(all.iter().any(|said| said == words), expected, "'{words}' at {now:?}: {all:?}");
        }
    }
    let lost = said(NOW.plus_micros((3375 + 1 - 17) * 1_000_000));
    assert!(lost.iter().any(|said| said == "—") && !lost.iter().any(|said| said == "98,2"), "{lost:?}");
    assert!(said(NOW).iter().any(|said| said == "98,2"));
}

#[test]
fn exceptions_are_the_worst_first_with_who_why_and_since_when() {
    let view = state(districts(), CANVAS, Mode::Live);
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let said = |id: &str| -> Vec<String> {
        let at = districts().panels.iter().position(|panel| panel.id.as_str() == id).unwrap();
        scenes[at].texts().map(|run| run.content.as_str().to_owned()).collect()
    };
    let all = said("exceptions");
    let first = all.iter().position(|said| said == "Lý Sơn · Giường bệnh đang dùng").expect("the critical one");
    let warning = all.iter().position(|said| said == "Giường bệnh đang dùng").expect("a warning");
    assert!(first < warning, "{all:?}");
    for expected in ["95,2", " · Sở Tài chính", "vượt ngưỡng ", "95,0", "từ 06:42", "còn 46 dòng khác"]
    {
        assert!(all.iter().any(|said| said == expected), "'{expected}' is not in {all:?}");
    }
    let province = said("province");
    for expected in ["dưới ngưỡng ", "chậm kế hoạch: ", "62,4\u{a0}%"] {
        assert!(province.iter().any(|said| said == expected), "'{expected}' is not in {province:?}");
    }
    assert!(said("calm").contains(&"Không có chỉ tiêu nào cần chú ý".to_owned()));
}
