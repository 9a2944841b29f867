//! Invented maps: one out of a table, one with borders that wind, and layers above them.

use std::sync::Arc;

use panels::map::schematic::outlines;
use panels::map::topology::{Polygons, Topology};
use protocol::map::{Bounds, Feature, Geometry, Inset, MapKind, Position};
use protocol::observation::Name;
use protocol::{AreaId, BaseMap, Catalogue, MapLayer, ObservationStatus, SeriesKey, Timestamp};

use super::noise;

const TABLE: &str = "
 .   .   .   .   .   .   524 524 524 .   .   .   .   536 536 536
 .   .   .   .   .   524 524 524 524 524 .   .   .   536 536
 .   525 525 525 525 524 524 524 524 524 .   .   .   .   .   .
 .   525 525 525 525 527 527 527 524 524 .   .   .   .   .   .
 .   525 525 525 527 527 527 527 522 522 522 .   .   .   .   .
 .   525 529 529 529 527 527 522 522 522 522 .   .   .   .   .
 530 529 529 529 529 528 528 528 528 522 522 .   .   .   .   .
 530 530 529 529 529 528 528 528 528 533 533 .   .   .   .   .
 530 530 530 529 529 529 532 532 532 533 533 533 .   .   .   .
 530 530 530 529 531 531 532 532 533 533 533 .   .   .   .   .
 .   530 530 529 531 531 531 532 532 533 533 533 .   .   .   .
 .   .   535 535 531 535 535 535 534 534 534 534 .   .   .   .
 .   .   535 535 535 535 535 535 535 534 534 534 .   .   .   .
 .   .   .   535 535 535 535 535 535 535 534 534 534 .   .   .
 .   .   .   535 535 535 .   .   535 534 534 534 .   .   .   .
";

fn named(vi: &str, en: &str) -> Name {
    Name { vi: vi.into(), en: Some(en.into()) }
}

fn cells() -> Vec<Vec<Option<&'static str>>> {
    let row = |row: &'static str| row.split_whitespace().map(|cell| (cell != ".").then_some(cell)).collect();
    TABLE.lines().filter(|row| !row.trim().is_empty()).map(row).collect()
}

fn map(id: &str, kind: MapKind, areas: &[(AreaId, Polygons)], insets: Vec<Inset>) -> BaseMap {
    let Topology { arcs, shapes } = Topology::of(areas);
    BaseMap { id: id.into(), name: named("Tỉnh Quảng Ngãi", "Quảng Ngãi Province"), kind, arcs, shapes, insets }
}

/// Corners between two, the same ones from either end.
fn winding(from: Position, to: Position) -> Vec<Position> {
    const STEPS: i64 = 9;
    let (a, b) = (from.min(to), from.max(to));
    let seed = format!("{a:?}{b:?}");
    let along = |step: i64| {
        let share = step as f64 / STEPS as f64;
        let bend = (noise(&seed, step) - 0.5) * 0.16 * (share * (1.0 - share) * 4.0).sqrt();
        let (dx, dy) = (f64::from(b[0] - a[0]), f64::from(b[1] - a[1]));
        [f64::from(a[0]) + dx * share - dy * bend, f64::from(a[1]) + dy * share + dx * bend]
    };
    let place = |[x, y]: [f64; 2]| [(108_100_000.0 + x * 0.038) as i32, (15_420_000.0 + y * 0.036) as i32];
    let mut line: Vec<Position> = (0..=STEPS).map(along).map(place).collect();
    if a != from {
        line.reverse();
    }
    line.pop();
    line
}

fn boundaries() -> BaseMap {
    let wind = |ring: &Vec<Position>| -> Vec<Position> {
        (0..ring.len()).flat_map(|at| winding(ring[at], ring[(at + 1) % ring.len()])).collect()
    };
    let areas: Vec<(AreaId, Polygons)> = outlines(&cells())
        .into_iter()
        .map(|(area, polygons)| (area, polygons.iter().map(|rings| rings.iter().map(wind).collect()).collect()))
        .collect();
    let island = areas.iter().find(|(area, _)| area.as_str() == "536").unwrap();
    let bounds = Bounds::around(island.1.iter().flatten().flatten()).unwrap();
    let insets = vec![Inset { name: None, bounds }];
    map("districts", MapKind::Boundaries, &areas, insets)
}

fn point(id: &str, vi: &str, area: &str, at: Position, indicator: Option<&str>) -> Feature {
    let series = indicator.map(|indicator| SeriesKey {
        indicator: indicator.into(),
        area: area.into(),
        scenario: protocol::Scenario::Actual,
    });
    Feature { id: id.into(), name: named(vi, vi), area: Some(area.into()), geometry: Geometry::Point(at), series }
}

fn layer(id: &str, vi: &str, en: &str, age_secs: i64, features: Vec<Feature>) -> MapLayer {
    MapLayer {
        id: id.into(),
        name: named(vi, en),
        source: "qt".into(),
        time: Some(Timestamp(super::NOW.0 - age_secs * 1_000_000)),
        stale_after_secs: Some(86_400),
        status: ObservationStatus::Simulated,
        features,
    }
}

fn layers() -> Vec<MapLayer> {
    let stations = vec![
        point("dq", "Dung Quất", "524", [108_640_000, 15_330_000], Some("aqi")),
        point("tp", "KCN Tịnh Phong", "527", [108_530_000, 15_230_000], Some("aqi")),
        point("sh", "Sơn Hà", "529", [108_330_000, 15_110_000], Some("aqi")),
        point("ls", "Đảo Lý Sơn", "536", [109_060_000, 15_395_000], Some("aqi")),
        point("xa", "Ngoài khơi", "536", [110_900_000, 15_100_000], None),
    ];
    let reservoirs = vec![
        point("nt", "Hồ Nước Trong", "529", [108_260_000, 15_040_000], None),
        point("nn", "Hồ Núi Ngang", "535", [108_420_000, 14_780_000], None),
    ];
    let river = Feature {
        geometry: Geometry::Line(vec![vec![
            [108_180_000, 14_950_000],
            [108_330_000, 15_060_000],
            [108_480_000, 15_120_000],
            [108_620_000, 15_150_000],
            [108_720_000, 15_140_000],
        ]]),
        ..point("tk", "Sông Trà Khúc", "522", [0, 0], Some("river"))
    };
    let slide = |id: &str, x: i32, y: i32| Feature {
        geometry: Geometry::Area(vec![vec![vec![
            [x, y],
            [x + 60_000, y - 8_000],
            [x + 52_000, y + 44_000],
            [x - 9_000, y + 39_000],
        ]]]),
        ..point(id, "Vùng sạt lở", "530", [0, 0], None)
    };
    vec![
        layer("stations", "Trạm quan trắc tự động", "Automatic stations", 737, stations),
        layer("reservoirs", "Hồ chứa", "Reservoirs", 26 * 3_600, reservoirs),
        layer("rivers", "Sông", "Rivers", 3_600, vec![river]),
        layer(
            "slides",
            "Sạt lở",
            "Landslides",
            50 * 3_600,
            vec![slide("a", 108_150_000, 14_960_000), slide("b", 108_300_000, 14_700_000)],
        ),
    ]
}

pub fn add_to(catalogue: &mut Catalogue) {
    for map in [map("schematic", MapKind::Schematic, &outlines(&cells()), Vec::new()), boundaries()] {
        catalogue.maps.insert(map.id.clone(), Arc::new(map));
    }
    for layer in layers() {
        catalogue.layers.insert(layer.id.clone(), Arc::new(layer));
    }
}
