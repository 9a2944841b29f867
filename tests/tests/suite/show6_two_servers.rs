//! Two servers share one log over a real Redis, and everything is killed again and again: any of them serves
//! any client, nothing acknowledged is lost, and a log that was cut short is named.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::load::{self, Load, Rows, now_micros};
use tests::redis::Redis;
use tests::{Centre, Checker, CheckerOptions, Server, count, eventually};

async fn servers(centre: &Centre, redis: &Redis) -> [Server; 2] {
    let options = |name: &str| centre.options(name).with("IOC_LOG_REDIS", redis.url());
    let first = Server::start(options("first")).await.unwrap();
    let second = Server::start(options("second")).await.unwrap();
    [first, second]
}

fn rows(name: &str) -> Rows {
    Rows {
        series: (0..6).map(|number| (indicator(number), AREA.to_owned())).collect(),
        from_micros: now_micros() - 3_600_000_000,
        pause: Duration::from_millis(5),
        name: name.to_owned(),
    }
}

fn checker(centre: &Centre, servers: &[Server; 2]) -> Checker {
    let mut options = CheckerOptions::new(servers[0].authority(), json!({ "wall": "main" }), 10);
    options.addresses = servers.iter().map(|server| server.authority().to_owned()).collect();
    options.direct = options.addresses.clone();
    options.max_wait = Duration::from_millis(300);
    options.settle = Duration::from_secs(60);
    Checker::start(&options, &centre.path("checker.log")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_and_redis_are_killed_and_nothing_is_lost() {
    let (server_kills, redis_kills) = (count("SERVER_KILLS", 50), count("REDIS_KILLS", 20));
    let centre = Centre::small().unwrap();
    let mut redis = Redis::start(&centre.path("redis")).await.unwrap();
    let mut servers = servers(&centre, &redis).await;
    let mut checker = checker(&centre, &servers);
    let addresses = servers.iter().map(|server| server.address().to_owned()).collect();
    let load = Load::start(addresses, rows("kills"));
    let mut dice = StdRng::seed_from_u64(6);

    for round in 0..server_kills.max(redis_kills) {
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..500))).await;
        if round < server_kills {
            let [first, second] = &mut servers;
            let (killed, other) = if dice.random() { (first, second) } else { (second, first) };
            killed.kill().await.unwrap();
            answers_again(other, &load, round).await;
            killed.restart().await.unwrap_or_else(|error| panic!("round {round}: {error:#}"));
        }
        if round * redis_kills / server_kills.max(redis_kills)
            != (round + 1) * redis_kills / server_kills.max(redis_kills)
        {
            redis.kill().await.unwrap();
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..300))).await;
            redis.restart().await.unwrap();
        }
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "round {round}");
    }

    let acknowledged = load.finish().await.unwrap();
    for server in &servers {
        eventually("the history caught up", Duration::from_secs(20), || {
            load::verify(server.http(), server.address(), &acknowledged)
        })
        .await
        .unwrap();
    }
    let summary = checker.finish().await.unwrap();
    println!(
        "{server_kills} servers and {redis_kills} Redis killed, {} batches, none lost or doubled; {summary}",
        acknowledged.len()
    );
    assert_eq!(summary["epoch_changes"], 0, "{summary}");
}

/// The other server gives the first answer to the newest key.
async fn answers_again(other: &Server, load: &Load, round: usize) {
    let Some(newest) = load.newest().await else { return };
    let ask = || load::post(other.http(), other.address(), &newest.key, &newest.rows);
    let again = eventually("the other server answers", Duration::from_secs(15), ask).await.unwrap();
    assert_eq!((&again["offset"], &again["repeated"]), (&newest.answer["offset"], &Value::Bool(true)), "round {round}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_short_begins_a_new_epoch() {
    let centre = Centre::small().unwrap();
    let mut redis = Redis::start(&centre.path("redis")).await.unwrap();
    let mut servers = servers(&centre, &redis).await;
    let mut checker = checker(&centre, &servers);
    let addresses = servers.iter().map(|server| server.address().to_owned()).collect();
    let load = Load::start(addresses, rows("cut"));
    while load.count().await < 100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    load.finish().await.unwrap();
    redis.kill().await.unwrap();
    redis.cut(4096).unwrap();
    redis.restart().await.unwrap();

    let ask = || async {
        let batch = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": 5.0 }]);
        load::post(servers[0].http(), servers[0].address(), "after-the-cut", &batch).await
    };
    eventually("writes are taken again", Duration::from_secs(30), ask).await.unwrap();
    let changed = async {
        while checker.status().await.unwrap()["epoch_changes"].as_u64() < Some(10) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed).await.expect("every client is told of the new epoch");
    let summary = checker.finish().await.unwrap();
    println!("4 KiB cut off: {summary}");
    let logs: String = servers.iter_mut().map(|server| server.process().log()).collect();
    let named = logs.lines().find(|line| line.contains("ERROR") && line.contains("epoch") && line.contains("offset"));
    println!("{}", named.expect("the loss is named in a server's log"));
}
