//! A wall, a page and many clients behind a proxy that cuts, stalls and delays: spans join, and everyone ends
//! where the server is.

use std::time::Duration;

use serde_json::json;
use tests::load::{self, Load, Rows};
use tests::proxy::{Mischief, Proxy};
use tests::{Centre, Checker, CheckerOptions, Watchers, count};

#[tokio::test(flavor = "multi_thread")]
async fn spans_join_over_a_bad_link() {
    let cuts = count("CUTS", 1000) as u64;
    let centre = Centre::small().unwrap();
    let server = centre.serve().await.unwrap();
    let mischief = Mischief {
        seed: 4,
        life: Some((Duration::from_millis(200), Duration::from_secs(5))),
        stalls: (50, Duration::from_millis(300)),
        splits: 100,
    };
    let proxy = Proxy::start(server.authority(), mischief).await.unwrap();
    // Cuts that the checker's clients do not see are not among those that are counted.
    let beside = Proxy::start(server.authority(), Mischief { seed: 5, ..mischief }).await.unwrap();
    let mut watchers = Watchers::start(&centre, &[&format!("http://{}", beside.authority())]).await.unwrap();
    let mut options = CheckerOptions::new(proxy.authority(), json!({ "wall": "main" }), 50);
    options.direct = vec![server.authority().to_owned()];
    options.max_wait = Duration::from_millis(500);
    let mut checker = Checker::start(&options, &centre.path("checker.log")).unwrap();
    let load = Load::start(vec![server.address().to_owned()], Rows::of_small("cuts", Duration::from_millis(20)));

    while proxy.cuts() < cuts {
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "after {} cuts", proxy.cuts());
        watchers.listen().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.calm();
    beside.calm();
    let acknowledged = load.finish().await.unwrap();
    let posted = load::post_newest(&server, "newest", 4_711.0).await.unwrap();
    watchers.agree(&server, posted.offset()).await.unwrap();
    assert!(watchers.texts("p0").await.unwrap().contains(&"4.711".to_owned()));
    let summary = checker.finish().await.unwrap();
    println!(
        "{} cuts and {} of a wall and a page, {} batches; {summary}",
        proxy.cuts(),
        beside.cuts(),
        acknowledged.len()
    );
    assert!(beside.cuts() > 0, "neither wall nor page was ever cut off");
    assert!(summary["reconnects"].as_u64() >= Some(cuts * 9 / 10), "{summary}");
    assert!(summary["resumed_share"].as_f64() >= Some(0.95), "{summary}");
}
