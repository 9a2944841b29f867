use axum::response::IntoResponse;
use protocol::map::{Feature, Geometry, LayerReport};
use protocol::{MapLayer, ObservationStatus};
use serde_json::json;

use super::*;
use crate::sources::folder::Files;
use crate::sources::http::tests::Peer;
use crate::sources::tests::{Running, catalogue, until};

/// The catalogue of a source that tells of the layer `ships`.
fn with_ships(source: &str) -> protocol::Catalogue {
    let layer = MapLayer {
        id: "ships".into(),
        name: Default::default(),
        source: source.into(),
        time: None,
        stale_after_secs: Some(3600),
        status: ObservationStatus::Automatic,
        features: Vec::new(),
    };
    protocol::Catalogue { layers: [(layer.id.clone(), Arc::new(layer))].into(), ..catalogue() }
}

fn started() -> Running {
    let running = Running::start();
    running.catalogue.send_replace(Arc::new(with_ships("so")));
    running
}

fn points_with(time: Option<&str>) -> Points {
    let time = time.map(|path| toml::from_str(&format!("path = '{path}'")).unwrap());
    let properties = PointProperties { id: "mmsi".to_owned(), ..PointProperties::default() };
    Points { layer: "ships".into(), time, properties, time_zone: "Asia/Ho_Chi_Minh".to_owned() }
}

fn ship(id: u32, name: &str, at: [f64; 2]) -> Value {
    json!({ "type": "Feature", "properties": { "mmsi": id, "name": name },
        "geometry": { "type": "Point", "coordinates": at } })
}

fn collection(time: &str, ships: &[Value]) -> Value {
    json!({ "type": "FeatureCollection", "updated": time, "features": ships })
}

/// Features by their names and places, and what is said of the others.
fn told(root: &Value, time: Option<&str>) -> (Vec<String>, Vec<String>) {
    match points_with(time).read(root, Timestamp(7)) {
        Ok(read) => {
            let features = read.layers.iter().flat_map(|layer| layer.features.iter().map(move |at| (layer.time, at)));
            let features = features.map(|(time, (number, Feature { id, name, geometry, area, .. }))| {
                let Geometry::Point([x, y]) = geometry else { panic!("{geometry:?}") };
                let area = area.as_ref().map(|area| format!(" in {area}")).unwrap_or_default();
                format!("{number}: {id} {} {x} {y}{area} at {}", name.vi, time.as_micros())
            });
            (features.collect(), read.problems.iter().map(ToString::to_string).collect())
        }
        Err(problem) => (Vec::new(), vec![problem.to_string()]),
    }
}

#[test]
fn points_are_read_and_what_is_wrong_with_one_keeps_no_other_away() {
    let mut anonymous = ship(3, "", [108.9, 15.4]);
    anonymous["properties"] = json!({ "ten": "QNg 3" });
    let mut by_id = ship(4, "QNg 4", [108.9, 15.4]);
    by_id["properties"] = json!({ "name": "QNg 4", "area": "51" });
    by_id["id"] = json!("four");
    let line = json!({ "type": "Feature", "properties": { "name": "x" },
        "geometry": { "type": "LineString", "coordinates": [[108, 15], [109, 15]] } });
    let root = collection(
        "2023-08-14T07:30:00+07:00",
        &[
            ship(1, "QNg 90001 TS", [109.123_456_7, 15.5]),
            ship(2, "Swapped", [15.5, 109.1]),
            anonymous,
            by_id,
            line,
            ship(6, "Metres", [580_000.0, 1_680_000.0]),
        ],
    );
    let (features, said) = told(&root, Some("$.updated"));
    assert_eq!(
        features,
        [
            "1: 1 QNg 90001 TS 109123457 15500000 at 1691973000000000",
            "4: four QNg 4 108900000 15400000 in 51 at 1691973000000000"
        ]
    );
    assert_eq!(said.len(), 4, "{said:?}");
    for (said, expected) in said.iter().zip([
        "row 2: 15.5, 109.1 is latitude before longitude",
        "row 3, column 'name': is not there, or no text; the feature has: ten",
        "row 5: it is a line; what moves is a point",
        "row 6: 580000, 1680000 is in metres",
    ]) {
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn what_is_no_layer_leaves_the_points_where_they_were() {
    let cases = [
        (json!([]), "the file: its type is ''; a map is read from a GeoJSON FeatureCollection or a TopoJSON Topology"),
        (
            json!({ "type": "FeatureCollection", "features": [] }),
            "column '$.updated': is not there, and was to say as of when its points are where they are",
        ),
        (
            json!({ "type": "FeatureCollection", "updated": "14/8/2023", "features": [] }),
            "column '$.updated': is no time; write it like",
        ),
    ];
    for (root, expected) in cases {
        let (features, said) = told(&root, root["features"].is_array().then_some("$.updated"));
        assert!(features.is_empty() && said[0].starts_with(expected), "{said:?}");
    }
    // Wrong points only are no sea without ships.
    let read = points_with(None).read(&collection("", &[ship(1, "", [0.0, 0.0])]), Timestamp(7)).unwrap();
    assert_eq!((read.layers.len(), read.problems.len()), (0, 1));
    let read = points_with(None).read(&collection("", &[]), Timestamp(7)).unwrap();
    assert_eq!((read.layers.len(), read.problems.len()), (1, 0), "nothing is at sea");
}

/// The names of the ships as the centre has them, with the report of their layer.
fn held(running: &Running) -> (Vec<String>, Arc<LayerReport>, u64, u64) {
    let held = running.link.layer(&"ships".into()).unwrap();
    let features = held.report.features.clone().unwrap();
    let names = features.iter().map(|feature| feature.name.vi.clone()).collect();
    (names, held.report, held.at, held.features_at)
}

#[tokio::test]
async fn a_file_is_followed_and_only_what_is_different_is_told() {
    let running = started();
    let path = running.dir.path().join("tau.geojson");
    let put = |root: &Value| std::fs::write(&path, root.to_string()).unwrap();
    let files = toml::from_str("folder = '.'\npoll_secs = 1\nsettle_ms = 0\nunended_secs = 3600").unwrap();
    let way = Folder { folder: running.dir.path().to_owned(), files, points: points_with(Some("$.updated")) };
    let at = |minute: u32| format!("2023-08-14T07:{minute:02}:00Z");
    put(&collection(&at(30), &[ship(1, "A", [109.0, 15.0]), ship(2, "B", [109.0, 15.5])]));
    let (source, link) = (way.clone(), running.link.clone());
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| running.link.layer(&"ships".into()).is_some()).await;
    let (names, first, offset, features_at) = held(&running);
    assert_eq!((names, offset, features_at), (vec!["A".to_owned(), "B".to_owned()], 1, 1));
    // Still so, a minute later: told in a few bytes.
    put(&collection(&at(31), &[ship(1, "A", [109.0, 15.0]), ship(2, "B", [109.0, 15.5])]));
    until(|| held(&running).2 == 2).await;
    let (_, second, _, features_at) = held(&running);
    assert_eq!((second.time.since(first.time), features_at), (60_000_000, 1));
    // One has moved, one has gone, one is wrong.
    put(&collection(&at(32), &[ship(1, "A", [109.1, 15.0]), ship(3, "C", [15.0, 109.0])]));
    until(|| held(&running).2 == 3 && !running.problems().is_empty()).await;
    let (names, third, _, features_at) = held(&running);
    assert_eq!((names, features_at), (vec!["A".to_owned()], 3));
    assert_eq!(third.features.as_ref().unwrap()[0].geometry, Geometry::Point([109_100_000, 15_000_000]));
    assert!(running.problems()[0].starts_with("tau.geojson, row 2: 15, 109 is latitude"), "{:?}", running.problems());
    // Half written, then whole; and one of the past, which is no news.
    std::fs::write(&path, "{\"type\":\"FeatureColl").unwrap();
    until(|| running.problems().iter().any(|problem| problem.contains("is no JSON: EOF"))).await;
    put(&collection(&at(33), &[]));
    until(|| held(&running).0.is_empty() && running.problems().is_empty()).await;
    let before = held(&running).2;
    let old = crate::sources::rows::LayerRead { layer: "ships".into(), time: first.time, features: Vec::new() };
    assert_eq!(running.link.place(old).await.unwrap(), []);
    assert_eq!(held(&running).2, before);
    running.end(following).await;
}

#[tokio::test]
async fn what_may_not_come_in_is_told() {
    let running = started();
    let read = |layer: &str, time: Timestamp, ships: &[(&str, Option<&str>)]| {
        let feature = |(number, (id, area)): (usize, &(&str, Option<&str>))| {
            let area = area.map(Into::into);
            let name = protocol::observation::Name { vi: "Tàu".to_owned(), en: None };
            let geometry = Geometry::Point([0, 0]);
            (number as u64 + 1, Feature { id: (*id).to_owned(), name, area, geometry, series: None })
        };
        let features = ships.iter().enumerate().map(feature).collect();
        crate::sources::rows::LayerRead { layer: layer.into(), time, features }
    };
    let now = running.link.now();
    let many: Vec<(String, Option<&str>)> = (0..2001).map(|number| (number.to_string(), None)).collect();
    let many: Vec<(&str, Option<&str>)> = many.iter().map(|(id, area)| (id.as_str(), *area)).collect();
    let long: Vec<String> = (0..2000).map(|number| format!("{}{number}", "x".repeat(95))).collect();
    let long: Vec<(&str, Option<&str>)> = long.iter().map(|id| (id.as_str(), Some("51"))).collect();
    let cases = [
        (read("ship", now, &[]), "the file: unknown layer 'ship'; did you mean 'ships'?"),
        (read("ships", now.plus_micros(400_000_000), &[]), "the file: its time lies 3"),
        (read("ships", now, &many), "the file: 2001 features; a layer has at most 2000"),
        (read("ships", now, &[("a", None), ("a", None)]), "row 2: a second feature is called 'a'"),
        (read("ships", now, &[("b", Some("52"))]), "row 1: unknown area '52'; did you mean '51'?"),
    ];
    for (read, expected) in cases {
        let said = running.link.place(read).await.unwrap();
        assert!(said[0].to_string().starts_with(expected), "{said:?}");
    }
    assert_eq!(running.link.place(read("ships", now, &long)).await.unwrap(), [], "2000 with long names have room");
    running.catalogue.send_replace(Arc::new(with_ships("another")));
    let said = running.link.place(read("ships", running.link.now(), &[])).await.unwrap();
    assert_eq!(said[0].to_string(), "the file: layer 'ships' is of source 'another' in maps.toml, not of 'so'");
}

#[tokio::test]
async fn an_address_is_asked_and_its_answer_has_the_age_that_it_says() {
    let running = started();
    let peer = Peer::start().await;
    let body = collection("", &[ship(1, "A", [109.0, 15.0])]).to_string();
    let modified = "Mon, 14 Aug 2023 00:30:00 GMT";
    peer.answers(move |request| {
        let headers = [("last-modified", modified), ("date", "Mon, 14 Aug 2023 01:00:00 GMT"), ("etag", "\"1\"")];
        match request.headers().get("if-none-match") {
            Some(tag) if tag == "\"1\"" => axum::http::StatusCode::NOT_MODIFIED.into_response(),
            _ => (headers, body.clone()).into_response(),
        }
    });
    let request = format!("url = 'http://{}/tau'\npoll_secs = 1\nallow_private = true", peer.address);
    let asked = Asked { request: toml::from_str(&request).unwrap(), points: points_with(None) };
    let (source, link) = (asked.clone(), running.link.clone());
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| peer.count() >= 2).await;
    let (names, report, at, _) = held(&running);
    assert_eq!((names, at), (vec!["A".to_owned()], 1), "unchanged is no news");
    assert_eq!(report.time, Timestamp::from_secs(1_691_973_000));
    // What is no GeoJSON stops it, and leaves the points where they were.
    peer.says("<html>Sign in</html>");
    until(|| !running.problems().is_empty() || following.is_finished()).await;
    let ended = following.await.unwrap().unwrap_err().to_string();
    assert!(ended.contains("the answer is no GeoJSON") && ended.contains("Sign in"), "{ended}");
    assert_eq!(held(&running).0, ["A"]);
    let private = Asked { request: toml::from_str(&request.replace("true", "false")).unwrap(), ..asked };
    let refused = private.run(running.link.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("127.0.0.1"), "{refused}");
}

#[tokio::test]
async fn a_trial_shows_points_and_places_none() {
    let running = started();
    let root = collection("2023-08-14T07:30:00Z", &[ship(1, "A", [109.0, 15.0]), ship(1, "B", [109.0, 15.5])]);
    std::fs::write(running.dir.path().join("tau.geojson"), root.to_string()).unwrap();
    let files = toml::from_str("folder = '.'").unwrap();
    let points = points_with(Some("$.updated"));
    let way = Folder { folder: running.dir.path().to_owned(), files, points: points.clone() };
    assert_eq!(Files::usual(&way), ["*.geojson", "*.json"]);
    let source: Arc<dyn Source> = Arc::new(Follower { points, way });
    let info =
        protocol::SourceInfo { id: "so".into(), name: Default::default(), kind: "geojson".to_owned(), owner: None };
    let spec = crate::config::SourceSpec::new(info, "", Some(source));
    let trial = crate::sources::try_out(&spec, &with_ships("so"), running.link.now(), 20).await.unwrap();
    let text = trial.text(&jiff::tz::TimeZone::UTC);
    let expected = "
  ships  1  A  109.000000, 15.000000  as of 2023-08-14 07:30:00

of what was read 1 points would be taken, 1 rows or values refused
  row 2: a second feature is called '1'
";
    assert!(text.ends_with(expected), "{text}");
    assert!(running.link.layer(&"ships".into()).is_none());
}
