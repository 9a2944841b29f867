//! Two walls in processes of their own present the same frame at the same moment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tests::centre::{AREA, Plan, indicator};
use tests::load::now_micros;
use tests::{Centre, Wall, count};

#[tokio::test]
async fn walls_present_together() {
    let frames = count("FRAMES", 30);
    let centre = Centre::of(Plan { lead_ms: 150, ..Plan::default() }).unwrap();
    let server = centre.serve().await.unwrap();
    let mut walls: Vec<Wall> = ["a.log", "b.log"]
        .map(|log| Wall::start(server.address(), "main", "1280x720", &centre.path(log)).unwrap())
        .into();
    // A report comes with a picture: numbers are sent until every wall has a good clock.
    for attempt in 0.. {
        assert!(attempt < 30, "the walls have no good clock after {attempt} frames");
        let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": attempt }]);
        let offset = server.post(&row, None).await.unwrap().1["offset"].as_u64().unwrap();
        let mut good = true;
        for wall in &mut walls {
            good &= wall.presented(offset, Duration::from_secs(5)).await.unwrap()["clock_good"] == true;
        }
        if good {
            break;
        }
    }
    let mut presented: Vec<BTreeMap<u64, i64>> = vec![BTreeMap::new(); walls.len()];
    for frame in 0..frames {
        let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": frame }]);
        let (_, answer) = server.post(&row, None).await.unwrap();
        let offset = answer["offset"].as_u64().unwrap();
        for (wall, presented) in walls.iter_mut().zip(&mut presented) {
            let report = wall.presented(offset, Duration::from_secs(5)).await.unwrap();
            assert_eq!(report["cause"], "frame", "{report}");
            presented.insert(offset, report["presented_at"].as_i64().unwrap());
        }
    }
    let apart = |(offset, at): (&u64, &i64)| (at - presented[1][offset]).abs();
    let mut apart: Vec<i64> = presented[0].iter().map(apart).collect();
    apart.sort_unstable();
    let (median, worst) = (apart[apart.len() / 2], apart[apart.len() - 1]);
    println!("{frames} frames on two walls: {median} µs apart in the middle, {worst} µs at worst");
    assert!(worst <= 20_000, "one frame was {worst} µs apart: {apart:?}");
}
