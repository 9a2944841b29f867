//! Brokers of MQTT: followed, asked who they are, and tried.

use anyhow::ensure;
use tests::certificates::stranger;
use tests::mosquitto::{self, Mosquitto};
use tests::{Centre, binary, eventually};

use super::connectors::{LIMIT, health, is_alive, is_down_for, newest, until};

const MQTT: &str = "
[[source]]
id = 'tram'
name = 'tram'
kind = 'mqtt'
[source.options]
host = '127.0.0.1'
port = PORT
user = 'ioc'
password = 'file:PASSWORD'
topics = ['tram/+/thu', 'hong/#']
[source.options.mapping]
time = { column = 'luc', format = 'unix' }
area_column = 'topic.2'
area_map = { DQ = '51' }
values = [{ column = 'thu', indicator = 'test.0' }]
";

fn message(minute: u32, value: &str) -> String {
    format!(r#"{{"luc":{},"thu":{value}}}"#, 1_700_000_000 + minute * 60)
}

#[tokio::test]
async fn a_broker_is_followed_and_keeps_what_came_meanwhile() {
    let centre = Centre::small().unwrap();
    let mut broker = Mosquitto::start(&centre.path("mosquitto")).await.unwrap();
    std::fs::write(centre.path("secret"), mosquitto::PASSWORD).unwrap();
    let secret = centre.path("secret").display().to_string();
    centre.write("sources.toml", &MQTT.replace("PORT", &broker.port.to_string()).replace("PASSWORD", &secret)).unwrap();
    let mut server = centre.serve().await.unwrap();
    is_alive(&server, "tram", true).await;
    broker.publish("tram/DQ/thu", &message(0, "1.5")).await.unwrap();
    until(&server, 0, (1.5, 1)).await;
    // The same again, and what is wrong, change nothing.
    for (topic, text) in [
        ("tram/DQ/thu", message(0, "1.5")),
        ("tram/DQ/thu", message(1, r#""hỏng""#)),
        ("tram/XX/thu", message(1, "9")),
        ("hong/DQ", "không phải JSON".to_owned()),
    ] {
        broker.publish(topic, &text).await.unwrap();
    }
    broker.publish("tram/DQ/thu", &message(2, "2")).await.unwrap();
    until(&server, 0, (2.0, 2)).await;
    let problems = health(&server, "tram").await["problems"].to_string();
    for expected in ["'hỏng' is no number", "'XX' is not in 'area_map'", "no row has 'thu'", "(topic hong/DQ)"] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    // What is published while the server is down waits at the broker.
    server.kill().await.unwrap();
    broker.publish("tram/DQ/thu", &message(3, "3")).await.unwrap();
    server.restart().await.unwrap();
    until(&server, 0, (3.0, 3)).await;
    broker.kill().await.unwrap();
    is_alive(&server, "tram", false).await;
    broker.restart().await.unwrap();
    broker.publish("tram/DQ/thu", &message(4, "4")).await.unwrap();
    until(&server, 0, (4.0, 4)).await;
}

/// Only whoever is who they say they are is told the password.
#[tokio::test]
async fn a_broker_is_asked_who_it_is() {
    let centre = Centre::small().unwrap();
    let broker = Mosquitto::start(&centre.path("mosquitto")).await.unwrap();
    std::fs::write(centre.path("secret"), mosquitto::PASSWORD).unwrap();
    let secret = centre.path("secret").display().to_string();
    let source = MQTT.replace("PORT", &broker.tls_port.to_string()).replace("PASSWORD", &secret);
    let source = source.replace("host = '127.0.0.1'", "host = 'localhost'\ntls = true\nca_file = 'ca.pem'");
    centre.write("sources.toml", &source).unwrap();
    centre.write("ca.pem", &stranger().unwrap()).unwrap();
    let mut server = centre.serve().await.unwrap();
    is_down_for(&server, "tram", "certificate").await;
    server.kill().await.unwrap();
    std::fs::copy(&broker.certificates.authority, centre.config().join("ca.pem")).unwrap();
    server.restart().await.unwrap();
    is_alive(&server, "tram", true).await;
    broker.publish("tram/DQ/thu", &message(0, "1.5")).await.unwrap();
    until(&server, 0, (1.5, 1)).await;
}

#[tokio::test]
async fn a_broker_is_tried_and_nothing_recorded() {
    let centre = Centre::small().unwrap();
    let broker = Mosquitto::start(&centre.path("mosquitto")).await.unwrap();
    std::fs::write(centre.path("secret"), mosquitto::PASSWORD).unwrap();
    let secret = centre.path("secret").display().to_string();
    centre.write("sources.toml", &MQTT.replace("PORT", &broker.port.to_string()).replace("PASSWORD", &secret)).unwrap();
    // Beside a server that follows: neither takes anything from the other.
    let server = centre.serve().await.unwrap();
    is_alive(&server, "tram", true).await;
    let mut trying = tokio::process::Command::new(binary("ioc-server").unwrap());
    trying.args(["source", "try", "tram", "--rows", "2", "--config"]).arg(centre.config());
    let trying = trying.output();
    let mut published = 0;
    let publishing = async {
        loop {
            broker.publish("tram/DQ/thu", &message(published, "1.5")).await.unwrap();
            broker.publish("tram/XX/thu", &message(published, "9")).await.unwrap();
            published += 1;
        }
    };
    let tried = tokio::select! {
        tried = trying => tried.unwrap(),
        () = publishing => unreachable!("it goes on for ever"),
    };
    let said = String::from_utf8(tried.stdout).unwrap() + &String::from_utf8(tried.stderr).unwrap();
    assert_eq!(tried.status.code(), Some(1), "something would be refused: {said}");
    for expected in ["test.0", "1.5", "'XX' is not in 'area_map'", "1 values would be taken, 1 rows or values refused"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // Whoever is told that it was published finds it, and perhaps one more.
    let all = eventually("whoever follows misses nothing", LIMIT, || async {
        let (_, count) = newest(&server, 0).await?;
        ensure!((published as usize..=published as usize + 1).contains(&count), "{count} of {published}");
        Ok(())
    });
    all.await.unwrap();
}
