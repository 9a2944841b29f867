//! Layers of maps whose features move, in a view.

use protocol::map::{Feature, Geometry};
use protocol::{Catalogue, MapLayer, ObservationStatus};

use super::*;

/// With the layer of a source, whatever the panels need.
fn with_layer((at, arranged): (u64, Arc<Arranged>)) -> (u64, Arc<Arranged>) {
    let layer = MapLayer {
        id: "ships".into(),
        name: Default::default(),
        source: "ais".into(),
        time: None,
        stale_after_secs: None,
        status: ObservationStatus::Automatic,
        features: Vec::new(),
    };
    let layers = [(layer.id.clone(), Arc::new(layer))].into();
    let catalogue = Catalogue { layers, ..arranged.catalogue.clone() };
    (at, Arc::new(Arranged { catalogue, ..(*arranged).clone() }))
}

fn start(events: Vec<Event>) -> Rig {
    Rig::start_as(events, with_layer)
}

/// A ship so many millionths of a degree from the beginning; where it was before, for none.
fn ships(layer: &str, secs: i64, at: Option<i32>) -> Event {
    let ship = |x: i32| Feature {
        id: "1".to_owned(),
        name: Default::default(),
        area: None,
        geometry: Geometry::Point([x, 0]),
        series: None,
    };
    let (time, features) = (Timestamp::from_secs(secs), at.map(|x| Arc::new(vec![ship(x)])));
    let (layer, source) = (layer.into(), "ais".into());
    Event::LayerReported(Arc::new(LayerReport { layer, source, time, received_at: time, features }))
}

fn seen(rig: &Rig) -> (Option<Timestamp>, Option<Geometry>) {
    let layer = rig.client.state.layer(&"ships".into()).unwrap();
    (layer.time, layer.features.first().map(|feature| feature.geometry.clone()))
}

#[test]
fn a_layer_that_is_shown_moves_and_grows_older() {
    let mut rig = start(vec![rain(1000, 1.0)]);
    assert_eq!(seen(&rig), (None, None), "it begins empty");
    rig.run(500);
    rig.fold(vec![ships("ships", 1000, Some(7))]);
    rig.run(3000);
    assert_eq!(seen(&rig), (Some(Timestamp::from_secs(1000)), Some(Geometry::Point([7, 0]))));
    rig.fold(vec![ships("ships", 1060, None)]);
    rig.run(6000);
    assert_eq!(seen(&rig), (Some(Timestamp::from_secs(1060)), Some(Geometry::Point([7, 0]))), "still so");
    assert_eq!(rig.client.state, *rig.log.fresh_as(with_layer).state(), "who comes now sees the same");
}

#[test]
fn a_layer_that_is_not_shown_changes_no_picture() {
    let mut rig = start(vec![rain(1000, 1.0)]);
    rig.fold(vec![ships("trucks", 1000, Some(7))]);
    rig.run(3000);
    assert_eq!((rig.changed(), rig.client.position), (vec![], 3));
}
