//! Small broken maps and exactly what is said of each; and the real districts of a province.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panels::text::TextEngine;
use panels::{Link, Paint, Rect, Scene, paint_panel, place};
use protocol::change::{Arranged, Change};
use protocol::message::Mode;
use protocol::{Canvas, Layout, Observation, PanelSpec, Place, ViewState};

use super::*;

const SQUARE: &str = "[[[108.0,15.0],[108.1,15.0],[108.1,15.1],[108.0,15.1],[108.0,15.0]]]";
const BESIDE: &str = "[[[108.1,15.0],[108.2,15.0],[108.2,15.1],[108.1,15.1],[108.1,15.0]]]";

fn catalogue() -> Catalogue {
    let area = |id: &str, name: &str, parent: Option<&str>| {
        let parent = parent.map(|parent| format!("parent = '{parent}'")).unwrap_or_default();
        let area: protocol::Area =
            toml::from_str(&format!("id = '{id}'\nname = {{ vi = '{name}' }}\n{parent}")).unwrap();
        (area.id.clone(), Arc::new(area))
    };
    let indicator = "id = 'rate'\nname = { vi = 'Giải ngân' }\nunit = { vi = '%' }\ndecimals = 1\nperiod = 'day'\nowner = 'a'\nexpected_interval_secs = 86400";
    let source = |id: &str, kind: &str| {
        let text = format!("id = '{id}'\nname = {{ vi = 'Đài KTTV' }}\nkind = '{kind}'");
        (id.into(), Arc::new(toml::from_str(&text).unwrap()))
    };
    Catalogue {
        areas: [
            area("51", "Quảng Ngãi", None),
            area("522", "TP Quảng Ngãi", Some("51")),
            area("524", "Bình Sơn", Some("51")),
        ]
        .into(),
        indicators: [("rate".into(), Arc::new(toml::from_str(indicator).unwrap()))].into(),
        sources: [source("kttv", "push"), source("ais", "geojson")].into(),
        ..Catalogue::default()
    }
}

/// What is read from a maps.toml and the files beside it, and what is said of them.
fn loaded(maps: &str, files: &[(&str, &str)]) -> (Catalogue, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files.iter().chain([&(FILE, maps)]) {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let (mut catalogue, mut findings) = (catalogue(), Vec::new());
    load(dir.path(), "Asia/Ho_Chi_Minh", &mut catalogue, &mut findings);
    (catalogue, findings.iter().map(ToString::to_string).collect())
}

const MAP: &str = "[[map]]\nid = 'm'\nname = 'Bản đồ'\nfile = 'm.geojson'\ncode = 'code'\n";
const LAYER: &str = "[[layer]]\nid = 'l'\nname = 'Trạm'\nfile = 'l.geojson'\nsource = 'kttv'\ntime = '2023-08-14'\n";

fn feature(properties: &str, geometry: &str, coordinates: &str) -> String {
    format!(
        r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{{"type":"{geometry}","coordinates":{coordinates}}}}}"#
    )
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

/// What is said of a map of one area with these coordinates.
fn said_of(geometry: &str, coordinates: &str) -> Vec<String> {
    loaded(MAP, &[("m.geojson", &collection(&[feature(r#""code":"522""#, geometry, coordinates)]))]).1
}

#[test]
fn two_areas_beside_one_another_share_a_border() {
    let file =
        collection(&[feature(r#""code":"522""#, "Polygon", SQUARE), feature(r#""code":524"#, "Polygon", BESIDE)]);
    let (catalogue, said) = loaded(MAP, &[("m.geojson", &file)]);
    assert_eq!(said, [""; 0]);
    let map = &catalogue.maps["m"];
    assert_eq!((map.kind, map.arcs.len(), map.shapes.len()), (MapKind::Boundaries, 3, 2));
    assert_eq!(map.insets, []);
}

#[test]
fn each_thing_that_is_wrong_with_geometry_is_named() {
    let cases = [
        (
            "Polygon",
            "[[[108.0,15.0],[108.1,15.0],[108.1,15.1],[108.0,15.1]]]",
            "ring 1 is not closed: it begins at 108, 15 and ends at 108, 15.1; repeat the first position at the end",
        ),
        (
            "Polygon",
            "[[[108.0,15.0],[108.1,15.1],[108.1,15.0],[108.0,15.1],[108.0,15.0]]]",
            "ring 1 crosses itself: from 108, 15 to 108.1, 15.1 runs over from 108.1, 15 to 108, 15.1; repair it, with `ogr2ogr -makevalid`",
        ),
        (
            "Polygon",
            "[[[108.0,15.0],[108.1,15.0],[108.0,15.0]]]",
            "ring 1 has 3 positions; it has at least four, of which the last repeats the first",
        ),
        (
            "Polygon",
            "[[[108.0,15.0],[108.0,15.0],[108.0000001,15.0],[108.0,15.0]]]",
            "ring 1 has no inside: its positions lie on one another",
        ),
        (
            "MultiPolygon",
            "[[[[108.0,15.0],[108.1,15.0],[108.1,15.1],[108.0,15.0]]],[[[15.0,108.0],[15.0,108.1],[15.1,108.1],[15.0,108.0]]]]",
            "ring 1 of polygon 2 15, 108 is latitude before longitude; GeoJSON has longitude first: swap them",
        ),
        (
            "Polygon",
            "[[[585000.5,1675000.0],[586000.0,1675000.0],[586000.0,1676000.0],[585000.5,1675000.0]]]",
            "ring 1 585000.5, 1675000 is in metres, as in VN-2000 or UTM; positions are longitude and latitude in WGS 84: convert the file, with `ogr2ogr -s_srs EPSG:… -t_srs EPSG:4326`",
        ),
        (
            "Polygon",
            "[[[208.0,15.0],[208.1,15.0],[208.1,15.1],[208.0,15.0]]]",
            "ring 1 208, 15 is nowhere; longitude is within ±180 and latitude within ±90",
        ),
        ("Polygon", "[]", "its geometry is empty; an area is a Polygon or MultiPolygon"),
        ("MultiPolygon", "[[]]", "the polygon is empty"),
        ("Point", "[108.0,15.0]", "it is a Point; an area is a Polygon or MultiPolygon"),
        (
            "GeometryCollection",
            "[1]",
            "it is a 'GeometryCollection', which no map draws; an area is a Polygon or MultiPolygon",
        ),
    ];
    for (geometry, coordinates, message) in cases {
        assert_eq!(said_of(geometry, coordinates), [format!("m.geojson: feature 1 (area '522'): {message}")]);
    }
    let said = said_of("Polygon", "[[[108.0],[108.1,15.0]]]");
    assert_eq!(
        said,
        [
            "m.geojson: feature 1: the coordinates of the Polygon: a position of 1 numbers; it has two, longitude and latitude"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let square = |properties: &str| feature(properties, "Polygon", SQUARE);
    let crs = r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3405"}},"features":[]}"#;
    let cases = [
        (
            collection(&[square(r#""ten":"TP""#)]),
            "m.geojson: feature 1 has no property 'code' with the code of its area; it has: ten",
        ),
        (
            collection(&[square(r#""code":"523""#)]),
            "m.geojson: feature 1 has code '523', which areas.toml does not have; did you mean '522'?",
        ),
        (
            collection(&[square(r#""code":"522""#), square(r#""code":"522""#)]),
            "m.geojson: feature 2: a second feature is area '522'; make them one MultiPolygon",
        ),
        (collection(&[]), "maps.toml:4: map 'm': there is no area in it"),
        ("[1,\n2".to_owned(), "m.geojson:2: not JSON: EOF while parsing a list at line 2 column 1"),
        (
            r#"{"type":"Sphere"}"#.to_owned(),
            "m.geojson: its type is 'Sphere'; a map is read from a GeoJSON FeatureCollection or a TopoJSON Topology",
        ),
        (
            crs.to_owned(),
            "m.geojson: its crs is 'urn:ogc:def:crs:EPSG::3405'; positions are longitude and latitude in WGS 84: convert it, with `ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES out.geojson in.geojson`",
        ),
    ];
    for (file, message) in cases {
        assert_eq!(loaded(MAP, &[("m.geojson", &file)]).1, [message]);
    }
}

#[test]
fn what_is_wrong_with_the_entry_of_a_map_is_named() {
    let square = collection(&[feature(r#""code":"522""#, "Polygon", SQUARE)]);
    let cases = [
        (
            MAP.replace("code = 'code'\n", ""),
            "maps.toml:4: map 'm': say with 'code' which property of its features holds the code of the area",
        ),
        (
            MAP.replace("file = 'm.geojson'\n", ""),
            "maps.toml:2: map 'm': give either 'schematic', a table of cells, or 'file', GeoJSON or TopoJSON",
        ),
        (
            MAP.replace("'m.geojson'", "'n.geojson'"),
            "n.geojson: there is no such file; paths are relative to the folder of the configuration",
        ),
        (format!("{MAP}insets = ['524']\n"), "maps.toml:6: map 'm': area '524' is not on the map"),
        (
            format!("{MAP}[[map.inset]]\nname = 'Hoàng Sa'\nbounds = [112.0, 15.7, 111.0, 17.2]\n"),
            "maps.toml:8: 'bounds' of an inset of map 'm' are west, south, east and north in degrees, like [111.0, 15.7, 112.9, 17.2]",
        ),
        (
            format!("{MAP}colour = 1\n"),
            "maps.toml:6: unknown key 'colour' in map 'm'; known: id, name, schematic, file, object, code, insets",
        ),
        (
            "[[map]]\nid = 'm'\nname = 'M'\nschematic = '''\n522 . 5244\n'''\n".to_owned(),
            "maps.toml:4: map 'm': row 1: area '5244' is not in areas.toml; did you mean '524'?; no area is '.'",
        ),
        (
            "[[mpa]]\nid = 'm'\n".to_owned(),
            "maps.toml:1: unknown key 'mpa'; this file holds [[map]] and [[layer]] only",
        ),
    ];
    for (maps, message) in cases {
        assert_eq!(loaded(&maps, &[("m.geojson", &square)]).1, [message]);
    }
}

#[test]
fn a_layer_is_read_with_the_age_of_what_it_says() {
    let station = r#""name":"Dung Quất","area":"524","indicator":"rate""#;
    let river = r#""name":"Sông Vệ""#;
    let file = collection(&[
        feature(station, "Point", "[108.79,15.38,12.0]"),
        feature(river, "LineString", "[[108.6,15.0],[108.8,14.9]]"),
    ]);
    let (catalogue, said) = loaded(LAYER, &[("l.geojson", &file)]);
    assert_eq!(said, [""; 0]);
    let layer = &catalogue.layers["l"];
    // Midnight in Viet Nam.
    assert_eq!(layer.time, Some(Timestamp::from_secs(1_691_946_000)));
    assert_eq!(layer.features[0].geometry, Geometry::Point([108_790_000, 15_380_000]));
    assert_eq!(layer.features[0].series.as_ref().unwrap().area.as_str(), "524");
    assert_eq!((layer.features[1].id.as_str(), &layer.features[1].series), ("2", &None));
}

#[test]
fn a_layer_whose_source_tells_of_it_begins_empty() {
    let layer = "[[layer]]\nid = 'l'\nname = 'Tàu'\nsource = 'ais'\nstale_after_secs = 60\n";
    let (catalogue, said) = loaded(layer, &[]);
    assert_eq!(said, [""; 0]);
    let layer_read = &catalogue.layers["l"];
    assert_eq!((layer_read.time, layer_read.features.len(), layer_read.stale_since()), (None, 0, None));
    let cases = [
        (
            layer.replace("ais", "kttv"),
            "maps.toml:2: layer 'l': give 'file', GeoJSON or TopoJSON; only a layer whose source is of the kind 'geojson' has none",
        ),
        (
            format!("{layer}time = '2023-08-14'\n"),
            "maps.toml:6: layer 'l': 'time' is of the features in 'file', which is not given",
        ),
    ];
    for (maps, message) in cases {
        assert_eq!(loaded(&maps, &[]).1, [message]);
    }
}

#[test]
fn what_is_wrong_with_a_layer_is_named() {
    let point = |properties: &str| collection(&[feature(properties, "Point", "[108.79,15.38]")]);
    let good = point(r#""name":"Dung Quất","area":"524""#);
    let cases = [
        (
            LAYER.replace("2023-08-14", "14/8/2023"),
            good.clone(),
            "maps.toml:6: layer 'l': 'time' is '14/8/2023'; write when its features were there, like '2023-08-14T07:00'",
        ),
        (
            LAYER.replace("'kttv'", "'kttw'"),
            good.clone(),
            "maps.toml:5: layer 'l': source 'kttw' is not in sources.toml; did you mean 'kttv'?",
        ),
        (
            format!("{LAYER}indicator = 'rat'\n"),
            good,
            "l.geojson: feature 1: indicator 'rat' is not in indicators.toml; did you mean 'rate'?",
        ),
        (
            format!("{LAYER}indicator = 'rate'\n"),
            point(r#""name":"X""#),
            "l.geojson: feature 1: it has indicator 'rate', but no area to look it up in",
        ),
        (LAYER.to_owned(), point(r#""ten":"X""#), "l.geojson: feature 1: it has no property 'name' with its name"),
        (
            LAYER.to_owned(),
            point(r#""name":"X","area":"525""#),
            "l.geojson: feature 1: it has area '525', which areas.toml does not have; did you mean '522'?",
        ),
        (
            LAYER.to_owned(),
            collection(&[feature(r#""name":"X""#, "LineString", "[[108.0,15.0],[108.0,15.0]]")]),
            "l.geojson: feature 1: a line of 2 positions; it has at least two that differ",
        ),
    ];
    for (maps, file, message) in cases {
        assert_eq!(loaded(&maps, &[("l.geojson", &file)]).1, [message]);
    }
}

/// Two squares over three arcs, of which the border is told once.
const TOPOLOGY: &str = r#"{"type":"Topology","transform":{"scale":[0.1,0.1],"translate":[108.0,15.0]},
"arcs":[[[1,0],[0,1]],[[1,1],[-1,0],[0,-1],[1,0]],[[1,0],[1,0],[0,1],[-1,0]]],
"objects":{"districts":{"type":"GeometryCollection","geometries":[
 {"type":"Polygon","properties":{"code":"522"},"arcs":[[0,1]]},
 {"type":"Polygon","properties":{"code":"524"},"arcs":[[2,-1]]}]},"lines":{"type":"GeometryCollection","geometries":[]}}}"#;

#[test]
fn topojson_gives_the_same_map() {
    let geojson =
        collection(&[feature(r#""code":"522""#, "Polygon", SQUARE), feature(r#""code":"524""#, "Polygon", BESIDE)]);
    let of = |file: &str, entry: String| loaded(&entry, &[("m.geojson", file)]);
    let (from_topojson, said) = of(TOPOLOGY, format!("{MAP}object = 'districts'\n"));
    assert_eq!(said, [""; 0]);
    let (from_geojson, _) = of(&geojson, MAP.to_owned());
    let outline = |catalogue: &Catalogue, shape: usize| {
        let map = &catalogue.maps["m"];
        let mut corners = map.corners(&map.shapes[shape].polygons[0][0]);
        corners.sort_unstable();
        corners
    };
    assert!((0..2).all(|shape| outline(&from_topojson, shape) == outline(&from_geojson, shape)));
    let cases = [
        (
            MAP.to_owned(),
            TOPOLOGY.to_owned(),
            "m.geojson: it has several objects; say which with 'object': districts, lines",
        ),
        (
            format!("{MAP}object = 'district'\n"),
            TOPOLOGY.to_owned(),
            "m.geojson: it has no object 'district'; did you mean 'districts'?",
        ),
        (
            format!("{MAP}object = 'districts'\n"),
            TOPOLOGY.replace("[[2,-1]]", "[[2,-7]]"),
            "m.geojson: feature 2: arc -7 is not there; the file has 3",
        ),
        (
            format!("{MAP}object = 'x'\n"),
            geojson,
            "m.geojson: 'object' is 'x', but a GeoJSON file has no objects; leave it out",
        ),
    ];
    for (entry, file, message) in cases {
        assert_eq!(of(&file, entry).1, [message]);
    }
}

const CANVAS: Canvas = Canvas { width_px: 3840, height_px: 2160 };
const DISTRICTS: &str = "../../shared/data/quang_ngai_districts_2023.geojson";

/// The real districts with a catalogue that has them all; nothing where the file is not.
fn districts() -> Option<Catalogue> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(DISTRICTS);
    let Ok(text) = std::fs::read_to_string(&path) else {
        #[allow(clippy::print_stderr, reason = "says why nothing was looked at")]
        {
            eprintln!("skipped: {} is not there", path.display());
        }
        return None;
    };
    let mut catalogue = catalogue();
    let file: Value = serde_json::from_str(&text).unwrap();
    for feature in file["features"].as_array().unwrap() {
        let (id, name) =
            (feature["properties"]["code"].as_str().unwrap(), feature["properties"]["name"].as_str().unwrap());
        let name = name.replace("Huyện ", "").replace("Thành phố", "TP").replace("Thị xã", "TX");
        let area = format!("id = '{id}'\nname = {{ vi = '{name}' }}\nparent = '51'");
        catalogue.areas.insert(id.into(), Arc::new(toml::from_str(&area).unwrap()));
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m.geojson"), text).unwrap();
    std::fs::write(dir.path().join(FILE), MAP).unwrap();
    let mut findings = Vec::new();
    load(dir.path(), "Asia/Ho_Chi_Minh", &mut catalogue, &mut findings);
    assert_eq!(findings, []);
    Some(catalogue)
}

/// Twice the area within a ring.
fn within(ring: &[Position]) -> i64 {
    let turn = |(at, a): (usize, &Position)| {
        let b = ring[(at + 1) % ring.len()];
        i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])
    };
    ring.iter().enumerate().map(turn).sum::<i64>().abs()
}

#[test]
fn the_real_districts_are_read_and_nothing_gapes_between_them() {
    let Some(catalogue) = districts() else { return };
    let map = &catalogue.maps["m"];
    assert_eq!(map.shapes.len(), 13);
    assert!(serde_json::to_vec(&**map).unwrap().len() < 200_000);
    let corners: usize = map.arcs.iter().map(Vec::len).sum();
    assert!((1_000..5_000).contains(&corners), "{corners} of 9,000 are left");
    // Each border is an arc of at most two areas, which follow it in opposite directions.
    let mut users: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for signed in map.shapes.iter().flat_map(|shape| shape.polygons.iter().flatten().flatten()) {
        let (arc, is_backwards) = map.arc(*signed).unwrap();
        users.entry(arc).or_default().push(is_backwards);
    }
    assert!(users.values().all(|users| users.len() == 1 || users.len() == 2 && users[0] != users[1]));
    assert!(users.values().filter(|users| users.len() == 2).count() >= 20, "neighbours share borders");
    // 4,832 km² as drawn, in square degrees at 15 degrees north.
    let total: i64 =
        map.shapes.iter().flat_map(|shape| &shape.polygons).map(|rings| within(&map.corners(&rings[0]))).sum();
    let km2 = total as f64 / 2.0 / 1e12 * 111.32 * 111.32 * 15f64.to_radians().cos();
    assert!((4_827.0..4_837.0).contains(&km2), "{km2} km²");
    let [inset] = &map.insets[..] else { panic!("{:?}", map.insets) };
    assert!(inset.bounds.contains([109_110_000, 15_380_000]), "Lý Sơn stands apart: {inset:?}");
}

fn layout(width: u16, rows: u16, options: Value) -> Layout {
    let Value::Object(options) = options else { unreachable!() };
    let place = Place::cells(0, 0, width, rows);
    let panel = PanelSpec { id: "map".into(), kind: "map".into(), place, options };
    let name = Name { vi: "Bản đồ".to_owned(), en: None };
    Layout { id: "map".into(), name, version: 1, read_only: true, grid: (32, 18), panels: vec![panel] }
}

/// Every panel of a layout in its tile, with a figure of each series.
fn painted(catalogue: &Catalogue, layout: Layout, language: &str) -> Vec<(Rect, Scene)> {
    let needs = panels::needs(&layout, catalogue, CANVAS);
    let now = Timestamp::from_secs(1_691_977_337);
    let arranged = Arranged {
        mode: Mode::Live,
        wall: None,
        canvas: CANVAS,
        layout: layout.clone(),
        spotlight: None,
        records: needs.records.clone(),
        catalogue: catalogue.clone(),
        series: needs.series.clone(),
        windows: Vec::new(),
    };
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(Arc::new(arranged)));
    for (index, series) in needs.series.into_iter().enumerate() {
        let value = catalogue.indicators[&series.indicator].warning.unwrap_or(24.9 + 4.1 * index as f64);
        let observation = Observation {
            series,
            value,
            phenomenon_time: now,
            received_at: now,
            status: ObservationStatus::Official,
            source: "kttv".into(),
        };
        view.apply(2, &Change::Observed(Arc::new(observation)));
    }
    let scale = place::scale(CANVAS);
    let text = &mut TextEngine::new();
    place::tiles(&layout, CANVAS)
        .map(|(spec, rect)| {
            (rect, paint_panel(Paint { spec, view: &view, now, link: Link::Live, language, rect, scale, text }))
        })
        .collect()
}

fn save(name: &str, scenes: &[(Rect, Scene)]) {
    if std::env::var_os("LOOK").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/look");
        std::fs::create_dir_all(&folder).unwrap();
        let svg = panels::svg::document(CANVAS, scenes.iter().map(|(_, scene)| scene));
        std::fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
    }
}

/// No text leaves its panel or touches another one.
fn assert_apart(name: &str, rect: Rect, scene: &Scene) {
    let texts: Vec<_> = scene.texts().collect();
    for (place, run) in texts.iter().enumerate() {
        assert!(rect.contains(&run.bounds), "{name}: {:?} leaves the panel", run.content);
        for other in &texts[..place] {
            let touch = run.bounds.inset_all(0.5).overlaps(&other.bounds.inset_all(0.5));
            assert!(!touch, "{name}: {:?} on {:?}", run.content, other.content);
        }
    }
}

#[test]
fn labels_of_the_real_districts_neither_collide_nor_leave_nor_get_lost() {
    let Some(catalogue) = districts() else { return };
    for (columns, rows, is_large) in [(14, 10, true), (32, 18, true), (10, 8, true), (6, 6, false)] {
        let name = format!("real-{columns}x{rows}");
        let options = serde_json::json!({ "map": "m", "indicator": "rate" });
        let scenes = painted(&catalogue, layout(columns, rows, options), "vi");
        save(&name, &scenes);
        let (rect, scene) = &scenes[0];
        assert_apart(&name, *rect, scene);
        if is_large {
            assert_eq!(scene.left_out, Vec::<Arc<str>>::new(), "{name}");
            for area in catalogue.areas.values().filter(|area| area.parent.is_some()) {
                let count = scene.texts().filter(|run| run.content.as_str() == area.name.vi).count();
                assert_eq!(count, 1, "{name}: {}", area.name.vi);
            }
            assert_eq!(scene.figures().count(), 13);
        }
    }
}

#[test]
fn the_map_of_the_demo_has_room_for_every_word() {
    let config = super::super::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo")).unwrap();
    let map = &config.catalogue.maps["quang-ngai"];
    assert_eq!((map.kind, map.shapes.len()), (MapKind::Schematic, 13));
    for language in ["vi", "en"] {
        let name = format!("demo-map-{language}");
        let scenes = painted(&config.catalogue, config.layouts["map"].clone(), language);
        save(&name, &scenes);
        for ((rect, scene), panel) in scenes.iter().zip(&config.layouts["map"].panels) {
            if panel.kind == "map" {
                assert_apart(&name, *rect, scene);
            }
            assert_eq!(scene.left_out, Vec::<Arc<str>>::new(), "{name}");
        }
    }
}
