//! What the reader must be told of a picture is told on it, whatever its size.

use panels::scene::{Item, Rect, Scene};
use panels::text::TextEngine;
use panels::{Link, Paint, paint_panel, panel as kind_of, place};
use protocol::message::Mode;
use protocol::{Canvas, ObservationStatus, PanelSpec, Scenario, Timestamp, ViewState};
use serde_json::{Value, json};

use crate::centre::{CANVAS, NOW, catalogue, overview, paint_all, panel, state};
use crate::figures::{figure, figure_in, state_of, texts};

fn ago(secs: i64) -> Timestamp {
    NOW.plus_micros(-secs * 1_000_000)
}

fn has(said: &[String], text: &str) -> bool {
    said.iter().any(|said| said.contains(text))
}

#[test]
fn a_lost_link_and_a_lost_log_are_told_on_every_tile_unless_a_header_tells() {
    let away = [
        (Link::Lost { since: ago(65) }, "MẤT KẾT NỐI từ 08:41:12"),
        (Link::LogAway { since: ago(65) }, "CHỈ ĐỌC TỪ BỘ NHỚ từ 08:41:12"),
    ];
    let value = || panel("one", "value", [0, 4, 8, 6], json!({ "indicator": "revenue", "area": "51" }));
    let cases: [(&str, Vec<PanelSpec>); 3] = [
        ("no header", vec![value()]),
        ("a header too narrow", vec![panel("head", "header", [0, 0, 3, 2], json!({})), value()]),
        ("a header", vec![panel("head", "header", [0, 0, 32, 2], json!({})), value()]),
    ];
    for (name, panels) in cases {
        let view = state_of(panels, catalogue(), CANVAS, vec![figure("revenue", Scenario::Actual, NOW, 1.0)]);
        for (link, words) in away {
            let on_tile = has(&texts(&view, "one", link, "vi"), words);
            assert_eq!(on_tile, name != "a header", "{name}: {words}");
            if name == "a header" {
                assert!(has(&texts(&view, "head", link, "vi"), words), "{words}");
            }
        }
    }
}

#[test]
fn a_header_that_tells_of_the_link_does_so_at_every_width() {
    let link = Link::Lost { since: ago(65) };
    for columns in 1..=32 {
        let panels = vec![
            panel("head", "header", [0, 0, columns, 2], json!({})),
            panel("one", "value", [0, 4, 8, 6], json!({ "indicator": "revenue", "area": "51" })),
        ];
        let view = state_of(panels, catalogue(), CANVAS, vec![]);
        let told = |id| has(&texts(&view, id, link, "vi"), "MẤT KẾT NỐI từ 08:41:12");
        assert!(told("head") || told("one"), "a header {columns} columns wide");
    }
}

#[test]
fn a_replay_over_a_lost_link_says_both() {
    let mut layout = overview();
    layout.panels.retain(|panel| panel.kind != "header");
    let view = state(layout, CANVAS, Mode::Replay);
    let said = texts(&view, "revenue", Link::Lost { since: ago(65) }, "vi");
    assert!(has(&said, "PHÁT LẠI · MẤT KẾT NỐI"), "{said:?}");
}

/// The struck square: a line within a small outline.
fn has_illustrative_mark(scene: &Scene) -> bool {
    scene.items.windows(2).any(|pair| match pair {
        [Item::Quad(frame), Item::Polyline(stroke)] => {
            frame.fill.a == 0 && frame.border_width > 0.0 && frame.rect.contains(&Rect::around(&stroke.points))
        }
        _ => false,
    })
}

#[test]
fn made_up_figures_are_marked_on_tiles_of_every_size() {
    let mut made_up = figure("revenue", Scenario::Actual, NOW, 18_642.0);
    made_up.status = ObservationStatus::Simulated;
    let official = figure("revenue", Scenario::Actual, NOW, 18_642.0);
    let options = json!({ "indicator": "revenue", "area": "51" });
    let mut drawn = 0;
    for (columns, rows) in (2..12).flat_map(|columns| (1..8).map(move |rows| (columns, rows))) {
        for (figure, is_made_up) in [(&made_up, true), (&official, false)] {
            let panels = vec![panel("one", "value", [0, 0, columns, rows], options.clone())];
            let view = state_of(panels, catalogue(), CANVAS, vec![figure.clone()]);
            let scene = &paint_all(&view, Link::Live, "vi", &mut TextEngine::new())[0];
            if scene.figures().next().is_some() {
                drawn += 1;
                assert_eq!(has_illustrative_mark(scene), is_made_up, "{columns} × {rows}");
            }
        }
    }
    assert!(drawn > 100, "{drawn} tiles with a figure");
}

fn refused(kind: &str, options: Value) -> String {
    let spec = panel("one", kind, [0, 0, 10, 6], options);
    kind_of(kind).unwrap().needs(&spec, &catalogue(), Rect::new(0.0, 0.0, 900.0, 500.0)).unwrap_err().to_string()
}

#[test]
fn different_units_are_not_put_on_one_axis() {
    let series = json!([{ "indicator": "river", "area": "522" }, { "indicator": "beds", "area": "51" }]);
    for (kind, options) in
        [("series", json!({ "series": series })), ("bars", json!({ "by": "series", "series": series }))]
    {
        let message = refused(kind, options);
        assert!(message.contains("'river' is in 'm' and 'beds' in '%'"), "{message}");
    }
}

#[test]
fn each_line_is_drawn_in_its_own_scale() {
    let mut catalogue = catalogue();
    let mut billions = (*catalogue.indicators["budget"]).clone();
    (billions.id, billions.display_scale) = ("billions".into(), 1.0);
    catalogue.indicators.insert("billions".into(), billions.into());
    let series = json!([{ "indicator": "budget", "area": "51" }, { "indicator": "billions", "area": "51" }]);
    let options = json!({ "series": series, "from": "2006-01-01", "to": "2015-12-31" });
    let years = (2006i16..2015).flat_map(|year| {
        let at = panels::number::day_start(year, 12, 31).unwrap();
        [figure("budget", Scenario::Actual, at, 5_000_000.0), figure("billions", Scenario::Actual, at, 5_000.0)]
    });
    let view = state_of(vec![panel("one", "series", [0, 0, 16, 10], options)], catalogue, CANVAS, years.collect());
    let scene = &paint_all(&view, Link::Live, "vi", &mut TextEngine::new())[0];
    let heights = scene.items.iter().filter_map(|item| match item {
        Item::Polyline(line) if line.points.len() == 9 => Some(line.points[0].y),
        _ => None,
    });
    let heights: Vec<f32> = heights.collect();
    assert_eq!(heights.len(), 2);
    assert!(
        (heights[0] - heights[1]).abs() < 1.0,
        "five thousand billions are as high as five million millions: {heights:?}"
    );
}

#[test]
fn the_worst_of_several_lines_is_judged_and_named() {
    let series = json!([
        { "indicator": "river", "area": "522", "label": "Trà Khúc" },
        { "indicator": "river", "area": "529", "label": "Sông Vệ" },
    ]);
    let panels = vec![panel("one", "series", [0, 0, 16, 8], json!({ "series": series, "title": "Sông" }))];
    let figures = [1_700, 800, 100].iter().flat_map(|secs| {
        [
            figure_in("522", "river", Scenario::Actual, ago(*secs), 2.0),
            figure_in("529", "river", Scenario::Actual, ago(*secs), 3.9),
        ]
    });
    let view = state_of(panels, catalogue(), CANVAS, figures.collect());
    let said = texts(&view, "one", Link::Live, "vi");
    assert!(said.concat().contains("Sông Vệ: cần chú ý"), "{said:?}");
}

#[test]
fn stale_bars_say_since_when_and_the_footer_tells_the_oldest() {
    let series = json!([
        { "indicator": "river", "area": "522", "label": "Trà Khúc" },
        { "indicator": "aqi", "area": "51", "label": "Dung Quất" },
    ]);
    let mut catalogue = catalogue();
    let mut aqi = (*catalogue.indicators["aqi"]).clone();
    aqi.unit = catalogue.indicators["river"].unit.clone();
    catalogue.indicators.insert("aqi".into(), aqi.into());
    let panels =
        vec![panel("one", "bars", [0, 0, 14, 8], json!({ "by": "series", "series": series, "title": "Trạm" }))];
    let figures = vec![
        figure_in("522", "river", Scenario::Actual, ago(60), 2.0),
        figure("aqi", Scenario::Actual, ago(10 * 3_600), 50.0),
    ];
    let said = texts(&state_of(panels, catalogue, CANVAS, figures), "one", Link::Live, "vi");
    assert!(has(&said, "cũ 10 giờ"), "{said:?}");
    assert!(has(&said, "2 nguồn") && has(&said, "22:42 hôm qua"), "{said:?}");
}

#[test]
fn a_course_in_bars_goes_stale_too() {
    let options = json!({ "by": "time", "indicator": "revenue", "area": "51", "secs": 864_000 });
    let figures = (5..9).map(|days| figure("revenue", Scenario::Actual, ago(days * 86_400), 50.0));
    let view = state_of(vec![panel("one", "bars", [0, 0, 16, 8], options)], catalogue(), CANVAS, figures.collect());
    let said = texts(&view, "one", Link::Live, "vi");
    assert!(has(&said, "cũ 5 ngày"), "{said:?}");
}

/// The widest bar and the track behind it, if there is one.
fn widths(view: &ViewState) -> (f32, Option<f32>) {
    let scene = &paint_all(view, Link::Live, "vi", &mut TextEngine::new())[0];
    let filled = |color| {
        scene.items.iter().filter_map(move |item| match item {
            Item::Quad(quad) if quad.fill == color => Some(quad.rect.width),
            _ => None,
        })
    };
    (filled(panels::theme::DATA_FILL).fold(0.0, f32::max), filled(panels::theme::HAIRLINE).reduce(f32::max))
}

#[test]
fn eighty_per_cent_fill_four_fifths_of_the_track() {
    let of = |indicator: &str, value| {
        let series = json!([{ "indicator": indicator, "area": "522", "label": "a" }]);
        let options = json!({ "by": "series", "series": series, "title": "t" });
        let figures = vec![figure_in("522", indicator, Scenario::Actual, NOW, value)];
        widths(&state_of(vec![panel("one", "bars", [0, 0, 14, 4], options)], catalogue(), CANVAS, figures))
    };
    let (bar, track) = of("rate", 80.0);
    assert!((bar / track.unwrap() - 0.8).abs() < 0.01, "{bar} of {track:?}");
    assert_eq!(of("visitors", 80.0).1, None, "the end of the axis means nothing but the largest value");
}

#[test]
fn a_level_has_a_target_and_a_sum_a_plan() {
    let said = |indicator: &str| {
        let panels = vec![panel("one", "value", [0, 0, 10, 8], json!({ "indicator": indicator, "area": "51" }))];
        let figures =
            vec![figure(indicator, Scenario::Actual, NOW, 760.0), figure(indicator, Scenario::Plan, NOW, 900.0)];
        texts(&state_of(panels, catalogue(), CANVAS, figures), "one", Link::Live, "vi")
    };
    assert!(has(&said("visitors"), "chỉ tiêu") && !has(&said("visitors"), "kế hoạch năm"), "{:?}", said("visitors"));
    assert!(has(&said("revenue"), "kế hoạch năm"));
}

#[test]
fn how_far_behind_counts_is_an_option() {
    let said = |options: Value| {
        let panels = vec![panel("one", "value", [0, 0, 10, 8], options)];
        let figures = [(Scenario::Actual, 60.0), (Scenario::Expected, 100.0)];
        let figures = figures.map(|(scenario, value)| figure("revenue", scenario, NOW, value)).to_vec();
        texts(&state_of(panels, catalogue(), CANVAS, figures), "one", Link::Live, "vi")
    };
    assert!(has(&said(json!({ "indicator": "revenue", "area": "51" })), "chậm kế hoạch"));
    let lenient = said(json!({ "indicator": "revenue", "area": "51", "behind_below": 0.5 }));
    assert!(!has(&lenient, "chậm kế hoạch"), "{lenient:?}");
    let message = refused("value", json!({ "indicator": "revenue", "area": "51", "behind_below": 90 }));
    assert!(message.contains("above 0 and at most 1"), "{message}");
}

#[test]
fn windows_are_found_by_series_and_span() {
    let view = state(overview(), CANVAS, Mode::Live);
    let spec = overview().panels.into_iter().find(|panel| panel.id.as_str() == "aqi").unwrap();
    // A wall of another version that counts other buckets, here from a tile of another width.
    let paint = |rect, text: &mut TextEngine| {
        paint_panel(Paint {
            spec: &spec,
            view: &view,
            now: NOW,
            link: Link::Live,
            language: "vi",
            rect,
            scale: 1.0,
            text,
        })
    };
    let scene = paint(Rect::new(0.0, 0.0, 500.0, 500.0), &mut TextEngine::new());
    assert!(scene.figures().next().is_some(), "the chart is there");
}

#[test]
fn what_is_wrong_with_a_panel_is_said_in_the_language_of_the_wall() {
    let spec = panel("one", "value", [0, 0, 10, 6], json!({ "indicator": "revenue", "area": "99" }));
    let canvas = Canvas { width_px: 1920, height_px: 1080 };
    let view = state_of(vec![spec], catalogue(), canvas, vec![]);
    assert_eq!(place::tiles(&view.arranged().unwrap().layout, canvas).count(), 1);
    let said = texts(&view, "one", Link::Live, "vi").join(" ");
    assert!(said.contains("Xem lại tùy chọn “area”") && !said.contains("unknown"), "{said}");
}

#[test]
fn what_says_that_a_picture_is_live_can_be_hidden_as_one() {
    let view = state(overview(), CANVAS, Mode::Live);
    let scene = &paint_all(&view, Link::Live, "vi", &mut TextEngine::new())[0];
    let svg = panels::svg::group(scene);
    let (_, state) = svg.split_once(r#"<g class="state">"#).expect("there is such a group");
    let words = state.find("TRỰC TIẾP").expect("the words are in it");
    let head = &state[..words];
    assert_eq!((head.matches("<rect").count(), head.matches("<circle").count()), (2, 1), "with plate and mark: {head}");
    assert!(!head.contains("minh họa"), "{head}");
}
