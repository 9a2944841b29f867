//! A wall and many clients behind a proxy that cuts, stalls and delays: spans join, and everyone ends where
//! the server is.

use std::time::Duration;

use serde_json::json;
use tests::centre::{AREA, indicator};
use tests::load::{Load, Rows, now_micros};
use tests::proxy::{Mischief, Proxy};
use tests::{Centre, Checker, CheckerOptions, count};

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
    let mut options = CheckerOptions::new(proxy.authority(), json!({ "wall": "main" }), 50);
    options.direct = vec![server.authority().to_owned()];
    options.max_wait = Duration::from_millis(500);
    let mut checker = Checker::start(&options, &centre.path("checker.log")).unwrap();
    let rows = Rows {
        series: (0..6).map(|number| (indicator(number), AREA.to_owned())).collect(),
        from_micros: now_micros() - 3_600_000_000,
        pause: Duration::from_millis(5),
        name: "cuts".to_owned(),
    };
    let load = Load::start(vec![server.address().to_owned()], rows);

    while proxy.cuts() < cuts {
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "after {} cuts", proxy.cuts());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.calm();
    let acknowledged = load.finish().await.unwrap();
    let summary = checker.finish().await.unwrap();
    println!("{} cuts, {} batches; {summary}", proxy.cuts(), acknowledged.len());
    assert!(summary["reconnects"].as_u64() >= Some(cuts * 9 / 10), "{summary}");
    assert!(summary["resumed_share"].as_f64() >= Some(0.95), "{summary}");
}
