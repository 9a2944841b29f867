//! The server is killed at random moments under load, again and again: nothing that was acknowledged is lost
//! or doubled, and everyone who watches is right again without help.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tests::ledger::Ledger;
use tests::load::{self, Load, Rows};
use tests::{Centre, Checker, CheckerOptions, Watchers, count, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled() {
    let kills = count("KILLS", 200);
    let centre = Centre::small().unwrap();
    let mut server = centre.serve().await.unwrap();
    let mut options = CheckerOptions::new(server.authority(), json!({ "wall": "main" }), 5);
    options.max_wait = Duration::from_millis(200);
    let mut checker = Checker::start(&options, &centre.path("checker.log")).unwrap();
    let mut watchers = Watchers::start(&centre, &[server.address()]).await.unwrap();
    let load = Load::start(vec![server.address().to_owned()], Rows::of_small("kills", Duration::from_millis(4)));
    let mut dice = StdRng::seed_from_u64(3);
    let mut newest_values = Vec::new();

    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..400))).await;
        server.kill().await.unwrap();
        let newest = load.newest().await;
        server.restart().await.unwrap_or_else(|error| panic!("after kill {kill}: {error:#}"));
        if let Some(newest) = newest {
            let again = load::post(server.http(), server.address(), &newest.key, &newest.rows).await.unwrap();
            assert_eq!((&again["offset"], &again["repeated"]), (&newest.answer["offset"], &json!(true)), "kill {kill}");
        }
        // Nothing changes while contents are compared; a value that was not there before the kill is among them.
        let held = load.hold().await;
        let value = 10_000 + kill;
        let posted = load::post_newest(&server, &format!("newest-{kill}"), value as f64).await.unwrap();
        let agreed = watchers.agree(&server, posted.offset()).await;
        agreed.unwrap_or_else(|error| panic!("after kill {kill}: {error:#}"));
        let (shown, wanted) = (watchers.texts("p0").await.unwrap(), format!("10.{kill:03}"));
        assert!(shown.contains(&wanted), "after kill {kill} {wanted} is not in {shown:?}");
        newest_values.push(posted);
        drop(held);
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "kill {kill}");
    }

    let mut acknowledged = load.finish().await.unwrap();
    acknowledged.extend(newest_values);
    assert!(acknowledged.len() >= kills * 2, "only {} batches in {kills} lives", acknowledged.len());
    load::verify(server.http(), server.address(), &acknowledged).await.unwrap();
    let summary = checker.finish().await.unwrap();
    assert_eq!(summary["epoch_changes"], 0);
    eventually("the history caught up", Duration::from_secs(20), || server.caught_up()).await.unwrap();
    assert!(server.terminate().await.unwrap().success());
    let ledger = Ledger::read(&server.options().data).unwrap();
    ledger.verify(&acknowledged).unwrap();
    println!(
        "{kills} kills, {} batches acknowledged, none of {} in the log lost or doubled; clients: {summary}",
        acknowledged.len(),
        ledger.batches()
    );
}
