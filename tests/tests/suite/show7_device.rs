//! The graphics device is lost under a running wall: the picture is back within two seconds, each time.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::centre::{AREA, indicator};
use tests::load::now_micros;
use tests::{Centre, Wall, count};

#[tokio::test]
async fn the_picture_comes_back_by_itself() {
    let losses = count("LOSSES", 20);
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let post = async |value: usize| {
        let row = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }]);
        let (status, answer) = server.post(&row, None).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["offset"].as_u64().unwrap()
    };
    let offset = post(1000).await;
    let mut wall = Wall::start(server.address(), "main", "1280x720", &centre.path("wall.log")).unwrap();
    wall.presented(offset, Duration::from_secs(30)).await.unwrap();

    let mut worst = Duration::ZERO;
    for loss in 0..losses {
        let began = Instant::now();
        wall.destroy_device().await.unwrap();
        let is_back = |report: &serde_json::Value| report["event"] == "device" && report["state"] == "restored";
        wall.report_where("the device restored", Duration::from_secs(10), is_back).await.unwrap();
        worst = worst.max(began.elapsed());
        let offset = post(2000 + loss).await;
        wall.presented(offset, Duration::from_secs(5)).await.unwrap();
    }
    let mut fresh = Wall::start(server.address(), "main", "1280x720", &centre.path("fresh.log")).unwrap();
    fresh.presented(offset, Duration::from_secs(30)).await.unwrap();
    let (old, new) =
        (wall.capture(&centre.path("old.png")).await.unwrap(), fresh.capture(&centre.path("new.png")).await.unwrap());
    println!("{losses} losses; the slowest picture was back after {worst:?}");
    assert!(old.colours() > 10, "the picture has {} colours", old.colours());
    assert_eq!(old.differing(&new), 0, "pixels differ from those of a wall that never lost its device");
    assert!(worst <= Duration::from_secs(2), "the picture was back after {worst:?}");
}
