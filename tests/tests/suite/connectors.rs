//! Sources that read what departments have already: each reads, follows changes, and comes back when its server was
//! killed and started again.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::centre::{AREA, indicator};
use tests::databases::{DATABASE, Database, Engine, PASSWORD, USER};
use tests::load::history;
use tests::{Centre, Server, eventually};

const LIMIT: Duration = Duration::from_secs(40);

/// The newest value of an indicator, and how many there are.
async fn newest(server: &Server, number: usize) -> Result<(f64, usize)> {
    let known = history(server.http(), server.address(), &indicator(number), AREA).await?;
    let last = known.values().last().map_or(f64::NAN, |known| known.value);
    Ok((last, known.len()))
}

/// Waits until the newest value of an indicator is this one of so many.
async fn until(server: &Server, number: usize, expected: (f64, usize)) {
    let what = format!("{expected:?} of {}", indicator(number));
    let wait = eventually(&what, LIMIT, || async {
        let found = newest(server, number).await?;
        ensure!(found == expected, "{found:?}");
        Ok(())
    });
    if let Err(error) = wait.await {
        panic!("{error:#}\n{}", server.get("/api/v1/sources").await.unwrap());
    }
}

async fn health(server: &Server, source: &str) -> Value {
    let all = server.get("/api/v1/sources").await.unwrap();
    let of = |entry: &&Value| entry["id"] == source;
    all.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{source} in {all}"))["health"].clone()
}

fn sql(id: &str, engine: &str, port: u16, number: usize) -> String {
    format!(
        "
[[source]]
id = '{id}'
name = '{id}'
kind = 'sql'
[source.options]
engine = '{engine}'
host = '127.0.0.1'
port = {port}
database = '{DATABASE}'
user = '{USER}'
password = 'file:PASSWORD'
query = 'select ngay, so_thu, luc from thu where luc > {{watermark}} order by luc'
watermark = {{ column = 'luc', start = '2000-01-01' }}
poll_secs = 1
timeout_secs = 5
[source.options.mapping]
time = {{ column = 'ngay' }}
area = '{AREA}'
values = [{{ column = 'so_thu', indicator = '{}' }}]
",
        indicator(number)
    )
}

const TABLE: &str = "create table thu (ngay date, so_thu numeric(12,2), luc timestamp default current_timestamp);";

fn insert(day: u32, value: &str) -> String {
    format!("insert into thu (ngay, so_thu, luc) values ('2023-08-{day:02}', {value}, '2023-09-{day:02} 08:00:00');")
}

async fn databases_are_followed(engine: Engine, name: &str) {
    let centre = Centre::small().unwrap();
    let mut database = Database::start(engine, &centre.path(name)).await.unwrap();
    database.run(TABLE).await.unwrap();
    database.run(&insert(14, "1234.5")).await.unwrap();
    std::fs::write(centre.path("secret"), format!("{PASSWORD}\n")).unwrap();
    let secret = centre.path("secret").display().to_string();
    centre.write("sources.toml", &sql("thu", name, database.port, 0).replace("PASSWORD", &secret)).unwrap();
    let mut server = centre.serve().await.unwrap();
    until(&server, 0, (1234.5, 1)).await;
    // What is new is taken, a correction is another revision, and a row of the past finds its place.
    database.run(&insert(16, "2")).await.unwrap();
    until(&server, 0, (2.0, 2)).await;
    database.run("update thu set so_thu = 3, luc = '2023-09-20' where ngay = '2023-08-16'").await.unwrap();
    until(&server, 0, (3.0, 2)).await;
    database.run("insert into thu values ('2023-08-15', 9, '2023-09-21')").await.unwrap();
    until(&server, 0, (3.0, 3)).await;

    database.kill().await.unwrap();
    let down = eventually("the source is down", LIMIT, || async {
        let health = health(&server, "thu").await;
        ensure!(health["alive"] == false, "{health}");
        Ok(health)
    });
    let said = down.await.unwrap()["problems"][0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(said.starts_with("the database answered: "), "{said}");
    database.restart().await.unwrap();
    database.run(&insert(22, "4")).await.unwrap();
    until(&server, 0, (4.0, 4)).await;
    // Killed in the middle, the server takes no row twice and misses none.
    server.kill().await.unwrap();
    database.run(&insert(23, "5")).await.unwrap();
    server.restart().await.unwrap();
    until(&server, 0, (5.0, 5)).await;

    // A column that is gone, and words where numbers were, are named; nothing is lost that was good.
    database.run("alter table thu rename column so_thu to so_thu_moi").await.unwrap();
    let named = eventually("the missing column is named", LIMIT, || async {
        let health = health(&server, "thu").await;
        ensure!(health["problems"][0]["reason"].as_str().is_some_and(|reason| reason.contains("so_thu")), "{health}");
        Ok(())
    });
    named.await.unwrap();
    database.run("alter table thu rename column so_thu_moi to so_thu").await.unwrap();
    database.run(&insert(24, "6")).await.unwrap();
    until(&server, 0, (6.0, 6)).await;
    let told = server.get("/api/v1/sources").await.unwrap().to_string();
    let told = told + &server.process().log();
    assert!(!told.contains(PASSWORD), "the password is told");
    assert_read_only(&database, &centre, &mut server, name, &secret).await;
}

/// The session cannot write, whatever the query says.
async fn assert_read_only(database: &Database, centre: &Centre, server: &mut Server, name: &str, secret: &str) {
    let writing = sql("thu", name, database.port, 0).replace("PASSWORD", secret).replace(
        "select ngay, so_thu, luc from thu where luc > {watermark} order by luc",
        "delete from thu where luc > {watermark}",
    );
    server.kill().await.unwrap();
    centre.write("sources.toml", &writing).unwrap();
    server.restart().await.unwrap();
    let refused = eventually("the query is refused", LIMIT, || async {
        let health = health(server, "thu").await;
        let said = health["problems"][0]["reason"].as_str().unwrap_or_default().to_lowercase();
        ensure!(said.contains("read-only") || said.contains("read only"), "{health}");
        Ok(())
    });
    refused.await.unwrap();
    assert_eq!(database.run("select count(*) from thu").await.unwrap(), "6");
}

#[tokio::test]
async fn postgresql_is_followed() {
    databases_are_followed(Engine::Postgres, "postgres").await;
}

#[tokio::test]
async fn mariadb_is_followed() {
    databases_are_followed(Engine::MariaDb, "mysql").await;
}
