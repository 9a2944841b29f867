//! Two servers share one log over a real Redis, and everything is killed again and again: any of them serves
//! any client, nothing acknowledged is lost, and a log that was cut short is named.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::ledger::{self, Ledger};
use tests::load::{self, Acknowledged, Load, Rows};
use tests::redis::Redis;
use tests::{Centre, Checker, CheckerOptions, Server, Watchers, count, eventually};

async fn servers(centre: &Centre, redis: &Redis) -> [Server; 2] {
    let options = |name: &str| centre.options(name).with("IOC_LOG_REDIS", redis.url());
    let first = Server::start(options("first")).await.unwrap();
    let second = Server::start(options("second")).await.unwrap();
    [first, second]
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
    let mut watchers = watchers(&centre, &servers).await;
    let addresses = servers.iter().map(|server| server.address().to_owned()).collect();
    let load = Load::start(addresses, Rows::of_small("kills", Duration::from_millis(20)));
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
        watchers.listen().await.unwrap();
        let status = checker.status().await.unwrap();
        assert_eq!(status["violations"], json!([]), "round {round}");
    }

    let mut acknowledged = load.finish().await.unwrap();
    acknowledged.push(post_newest(&servers[0], "newest", 4_711.0).await);
    for server in &servers {
        eventually("the history caught up", Duration::from_secs(20), || {
            load::verify(server.http(), server.address(), &acknowledged)
        })
        .await
        .unwrap();
    }
    agree(&mut watchers, &servers, acknowledged.last().unwrap().offset(), "4.711").await;
    let summary = checker.finish().await.unwrap();
    for server in &mut servers {
        eventually("the history has all", Duration::from_secs(20), || server.caught_up()).await.unwrap();
        assert!(server.terminate().await.unwrap().success());
        Ledger::read(&server.options().data).unwrap().verify(&acknowledged).unwrap();
    }
    println!(
        "{server_kills} servers and {redis_kills} Redis killed, {} batches, none lost or doubled; {summary}",
        acknowledged.len()
    );
    assert_eq!(summary["epoch_changes"], 0, "{summary}");
    assert!(summary["resumed_share"].as_f64() >= Some(0.95), "{summary}");
}

/// A wall that may use either server, and a page of the first.
async fn watchers(centre: &Centre, servers: &[Server; 2]) -> Watchers {
    Watchers::start(centre, &[servers[0].address(), servers[1].address()]).await.unwrap()
}

async fn post_newest(server: &Server, key: &str, value: f64) -> Acknowledged {
    let ask = || load::post_newest(server, key, value);
    eventually("writes are taken", Duration::from_secs(30), ask).await.unwrap()
}

/// Wall and page show what each of the servers knows.
async fn agree(watchers: &mut Watchers, servers: &[Server; 2], offset: u64, wanted: &str) {
    for server in servers {
        watchers.agree(server, offset).await.unwrap();
    }
    let shown = watchers.texts("p0").await.unwrap();
    assert!(shown.iter().any(|text| text == wanted), "{wanted} is not in {shown:?}");
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
    let mut watchers = watchers(&centre, &servers).await;
    let addresses = servers.iter().map(|server| server.address().to_owned()).collect();
    let load = Load::start(addresses, Rows::of_small("cut", Duration::from_millis(20)));
    while load.count().await < 100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let acknowledged = load.finish().await.unwrap();
    let last = acknowledged.iter().map(Acknowledged::offset).max().unwrap();
    for server in &servers {
        eventually("the server has all", Duration::from_secs(10), || stands_at(server, last)).await.unwrap();
    }
    redis.kill().await.unwrap();
    redis.cut(4096).unwrap();
    redis.restart().await.unwrap();

    let posted = post_newest(&servers[0], "after-the-cut", 4_711.0).await;
    let changed = async {
        while checker.status().await.unwrap()["epoch_changes"].as_u64() < Some(10) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed).await.expect("every client is told of the new epoch");
    agree(&mut watchers, &servers, posted.offset(), "4.711").await;
    for server in &servers {
        assert_losses_named(server, &acknowledged, last).await;
    }
    let summary = checker.finish().await.unwrap();
    println!("4 KiB cut off: {summary}");
    let logs: String = servers.iter_mut().map(|server| server.process().log()).collect();
    let named = logs.lines().find(|line| line.contains("ERROR") && line.contains("epoch") && line.contains("offset"));
    println!("{}", named.expect("the loss is named in a server's log"));
}

async fn stands_at(server: &Server, offset: u64) -> anyhow::Result<()> {
    let ready = server.get("/readyz").await?;
    anyhow::ensure!(ready["offset"].as_u64() >= Some(offset) && ready["history"]["behind"] == 0, "{ready}");
    Ok(())
}

/// What the server names as lost is what was acknowledged and is missing: neither more nor less.
async fn assert_losses_named(server: &Server, acknowledged: &[Acknowledged], last: u64) {
    eventually("the history caught up", Duration::from_secs(20), || server.caught_up()).await.unwrap();
    let ready = server.get("/readyz").await.unwrap();
    let losses = ready["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 1, "{ready}");
    let numbers = regex::Regex::new(r"^entries (\d+) to (\d+) were lost").unwrap();
    let named = numbers.captures(losses[0].as_str().unwrap()).unwrap_or_else(|| panic!("{losses:?}"));
    let [from, to]: [u64; 2] = [1, 2].map(|group| named[group].parse().unwrap());

    let missing = load::missing(server.http(), server.address(), acknowledged).await.unwrap();
    let mut missing: Vec<(u64, String)> = missing.into_iter().map(|batch| (batch.offset(), batch.key)).collect();
    missing.sort();
    assert!(!missing.is_empty(), "4 KiB were cut off and nothing is missing");
    let offsets: Vec<u64> = missing.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (from..=to).collect::<Vec<_>>(), "{losses:?}");
    assert_eq!(to, last, "{losses:?}");
    let keys: Vec<String> = missing.into_iter().map(|(_, key)| key).collect();
    assert_eq!(ledger::lost_keys(&server.options().data).unwrap(), keys);
}
