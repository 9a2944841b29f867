//! What holds for maps: labels keep apart, marks say how things stand, and bad options are named.

use panels::scene::{Item, Rect, Scene};
use panels::text::TextEngine;
use panels::theme::{self, Meaning};
use panels::{Link, panel};
use proptest::prelude::*;
use protocol::change::Change;
use protocol::map::{Feature, LayerReport};
use protocol::message::Mode;
use protocol::{Canvas, MapLayer, ViewState};
use serde_json::{Value, json};

use crate::centre::{CANVAS, NOW, catalogue, layout, mapped, paint_all, panel as spec, state};

fn painted(options: Value, size: [u16; 2], canvas: Canvas) -> (Rect, Scene) {
    let [columns, rows] = size;
    let view = state(layout(vec![spec("map", "map", [0, 0, columns, rows], options)]), canvas, Mode::Live);
    let scene = paint_all(&view, Link::Live, "vi", &mut TextEngine::new()).remove(0);
    let tile = scene.items[0].bounds();
    (tile, scene)
}

fn said(scene: &Scene) -> Vec<&str> {
    scene.texts().map(|run| run.content.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_label_touches_another_or_leaves_at_any_size(
        columns in 2u16..32,
        rows in 2u16..18,
        place in 0..5usize,
        width_px in 900u32..5_000,
    ) {
        let options = mapped().panels[place + 1].options.clone();
        let canvas = Canvas { width_px, height_px: 2160 };
        let (tile, scene) = painted(options.into(), [columns, rows], canvas);
        let texts: Vec<_> = scene.texts().collect();
        for (place, run) in texts.iter().enumerate() {
            prop_assert!(tile.contains(&run.bounds), "{:?} leaves {tile:?}", run.content);
            for other in &texts[..place] {
                let touch = run.bounds.inset_all(0.6).overlaps(&other.bounds.inset_all(0.6));
                prop_assert!(!touch, "{:?} on {:?}", run.content, other.content);
            }
        }
    }
}

#[test]
fn classes_colour_areas_and_marks_say_what_is_beyond_a_threshold() {
    let (_, scene) = painted(json!({ "map": "districts", "indicator": "rate" }), [14, 12], CANVAS);
    let fills = scene.items.iter().filter_map(|item| match item {
        Item::Polygon(polygon) if theme::meaning(polygon.fill) == Some(Meaning::Map) => Some(polygon.fill),
        _ => None,
    });
    let fills: Vec<_> = fills.collect();
    assert_eq!(fills.len(), 12, "one has no figure");
    assert!(theme::MAP_RAMP.iter().filter(|step| fills.contains(step)).count() >= 3, "{fills:?}");
    let said = said(&scene);
    for expected in ["Lý Sơn", "–", "Chưa có số liệu", "25,2"] {
        assert!(said.contains(&expected), "'{expected}' is not in {said:?}");
    }
    // Below 30: Trà Bồng and Mộ Đức.
    let marks = scene.items.iter().filter(|item| matches!(item, Item::Polygon(shape) if shape.fill == theme::WARNING));
    assert_eq!(marks.count(), 2);
    assert_eq!(scene.figures().count(), 12, "and each says where it comes from");
}

#[test]
fn a_map_out_of_a_table_says_so_and_one_with_boundaries_does_not() {
    let of = |map: &str| painted(json!({ "map": map, "indicator": "rate" }), [14, 12], CANVAS).1;
    assert!(said(&of("schematic")).contains(&"sơ đồ"));
    assert!(!said(&of("districts")).contains(&"sơ đồ"));
}

#[test]
fn layers_tell_their_age_what_is_outside_and_what_is_stale() {
    let options = json!({ "map": "districts", "layers": ["stations", "reservoirs"] });
    let (_, scene) = painted(options, [16, 14], CANVAS);
    let said = said(&scene);
    for expected in
        ["Trạm quan trắc tự động · ", "08:30", "· 1 ngoài bản đồ", "cũ 26 giờ", "Hồ Nước Trong", "KCN Tịnh Phong"]
    {
        assert!(said.contains(&expected), "'{expected}' is not in {said:?}");
    }
    assert!(!said.contains(&"Ngoài khơi"));
}

#[test]
fn a_layer_is_drawn_as_its_source_tells_of_it() {
    let options = json!({ "map": "districts", "layers": ["reservoirs"] });
    let mut view = state(layout(vec![spec("map", "map", [0, 0, 16, 14], options)]), CANVAS, Mode::Live);
    let mut arranged = (**view.arranged().unwrap()).clone();
    let layer = arranged.catalogue.layers.get_mut("reservoirs").unwrap();
    let known = layer.features.clone();
    *layer = MapLayer { time: None, features: Vec::new(), ..(**layer).clone() }.into();
    view.apply(1, &Change::Arranged(arranged.into()));
    let drawn = |view: &ViewState| {
        let scene = paint_all(view, Link::Live, "vi", &mut TextEngine::new()).remove(0);
        said(&scene).iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    let begun = drawn(&view);
    assert!(begun.iter().any(|text| text == "Chưa có số liệu"), "{begun:?}");
    let report = |secs: i64, features: Option<Vec<Feature>>| LayerReport {
        layer: "reservoirs".into(),
        source: "qt".into(),
        time: NOW.plus_micros(-secs * 1_000_000),
        received_at: NOW,
        features: features.map(Into::into),
    };
    view.apply(2, &Change::Layer(report(3600, Some(known)).into()));
    let told = drawn(&view);
    for expected in ["Hồ Nước Trong", "Hồ Núi Ngang", "07:42", " · Trạm quan trắc tự động, 5 phút/lần"]
    {
        assert!(told.iter().any(|text| text == expected), "'{expected}' is not in {told:?}");
    }
    view.apply(3, &Change::Layer(report(50 * 3600, None).into()));
    let aged = drawn(&view);
    assert!(aged.iter().any(|text| text == "cũ 2 ngày") && aged.contains(&"Hồ Nước Trong".to_owned()), "{aged:?}");
}

#[test]
fn a_map_changes_when_a_layer_goes_stale() {
    let options = json!({ "map": "districts", "layers": ["slides"] });
    let view = state(layout(vec![spec("map", "map", [0, 0, 9, 9], options)]), CANVAS, Mode::Live);
    let next = |view: &ViewState, at| {
        let arranged = view.arranged().unwrap();
        panel("map").unwrap().next_change(&arranged.layout.panels[0], view, at).unwrap()
    };
    // 50 hours old: said to be 2 days old until it is 3 days old; midnight comes first.
    assert_eq!(next(&view, NOW), panels::number::day_start(2023, 8, 15).unwrap());
    let mut fresh = (**view.arranged().unwrap()).clone();
    let layer = fresh.catalogue.layers.get_mut("slides").unwrap();
    let mut young = (**layer).clone();
    young.time = Some(NOW.plus_micros(-86_000 * 1_000_000));
    *layer = young.into();
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(fresh.into()));
    assert_eq!(next(&view, NOW), NOW.plus_micros(400 * 1_000_000), "stale after a day");
}

#[test]
fn only_the_areas_below_one_are_drawn() {
    let mut catalogue = catalogue();
    let mut far = (*catalogue.areas["524"]).clone();
    far.parent = None;
    catalogue.areas.insert("524".into(), far.into());
    let options = json!({ "map": "districts", "indicator": "rate", "area": "51" });
    let needs =
        panel("map").unwrap().needs(&spec("m", "map", [0, 0, 9, 9], options), &catalogue, Rect::default()).unwrap();
    assert_eq!(needs.series.len(), 12);
    assert!(needs.series.iter().all(|series| series.area.as_str() != "524"));
}

#[test]
fn what_is_wrong_with_a_map_is_named() {
    let cases = [
        (json!({ "map": "district" }), "map", "unknown map 'district'; did you mean 'districts'?"),
        (json!({}), "map", "missing field `map`"),
        (json!({ "map": "districts", "indicator": "rat" }), "indicator", "did you mean 'rate'?"),
        (
            json!({ "map": "districts", "layers": ["station"] }),
            "layers",
            "unknown layer 'station'; did you mean 'stations'?",
        ),
        (json!({ "map": "districts", "layers": ["stations", "stations"] }), "layers", "stands there twice"),
        (json!({ "map": "districts", "layers": ["a", "b", "c", "d", "e", "f"] }), "layers", "at most 5 layers"),
        (json!({ "map": "districts", "area": "522" }), "area", "has no areas directly below '522'"),
        (json!({ "map": "districts", "area": "99" }), "area", "unknown area '99'"),
        (json!({ "map": "districts", "classes": 3 }), "classes", "needs an 'indicator'"),
        (json!({ "map": "districts", "indicator": "rate", "classes": 9 }), "classes", "2 to 5 classes"),
        (json!({ "map": "districts", "indicator": "rate", "breaks": [30, 20] }), "breaks", "each above the one before"),
        (json!({ "map": "districts", "indicator": "rate", "breaks": [] }), "breaks", "1 to 4 numbers"),
        (
            json!({ "map": "districts", "indicator": "rate", "breaks": [3], "classes": 3 }),
            "breaks",
            "either 'breaks' or",
        ),
        (json!({ "map": "districts", "indicator": "rate", "class_by": "size" }), "class_by", "unknown variant `size`"),
        (json!({ "map": "schematic", "layers": ["rivers"] }), "layers", "which a schematic map has no place for"),
        (json!({ "map": "districts", "label": "all" }), "label", "did you mean 'labels'?"),
    ];
    for (options, option, message) in cases {
        let spec = spec("m", "map", [0, 0, 9, 9], options);
        let error = panel("map").unwrap().needs(&spec, &catalogue(), Rect::default()).unwrap_err();
        assert!(error.message.contains(message), "'{message}' is not in: {error}");
        assert_eq!(error.option.as_deref().unwrap_or(option), option, "{error}");
    }
}
