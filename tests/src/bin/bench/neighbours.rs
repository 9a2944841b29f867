//! Whether a connector that hangs or is flooded holds up the others: how long a POST takes to be durable, in turns with
//! all connectors well and with one of them sick. The server stays the same; it is told by a reload.
//!
//! One of each way of reading: `http` (as geojson is over HTTP), `sql`, `mqtt`, and `csv` (as workbooks, station files and
//! documents are in folders, where what hangs is a pipe, and a file that is never finished). One that panics cannot be
//! made from outside; the supervisor's own tests have it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::load::now_micros;
use tests::mosquitto::{self, Mosquitto};
use tests::{Centre, Server, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Figure, Limit};

/// POSTs of one turn, and the time between two.
const POSTS: u32 = 800;
const EVERY: Duration = Duration::from_millis(5);
/// After a reload, before it is measured.
const SETTLE: Duration = Duration::from_secs(1);
const CATCH_UP: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connector {
    Http,
    Sql,
    Mqtt,
    Folder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sickness {
    Hung,
    Flooded,
}

use Connector::{Folder, Http, Mqtt, Sql};

const CONNECTORS: [(Connector, &str); 4] = [(Http, "http"), (Sql, "sql"), (Mqtt, "mqtt"), (Folder, "csv")];

/// Rows of a flood, and messages of one of MQTT.
const ROWS: usize = 1_000_000;
/// A flood brings so many values in a turn: making way is not standing still.
const LEAST_BROUGHT: u64 = 3_000;
const MESSAGES: usize = 100_000;

pub async fn measure() -> Result<Vec<Figure>> {
    let mut ward = Ward::open().await?;
    let mut figures = Vec::new();
    for sickness in [Sickness::Hung, Sickness::Flooded] {
        for (connector, _) in CONNECTORS {
            let compared = ward.compare(connector, sickness).await;
            figures.push(compared.with_context(|| ward.server.process().log_tail())?);
        }
    }
    Ok(figures)
}

/// A server with a connector of each kind, and what they are connected to.
struct Ward {
    centre: Centre,
    server: Server,
    broker: Mosquitto,
    http_port: u16,
    /// Accepts and says nothing.
    silent_port: u16,
    /// How many floods there were: each brings rows that none before had.
    floods: usize,
    /// What is told to whoever asks for a flood: made before, so that it costs nothing while others are measured.
    flood: Arc<Mutex<Arc<str>>>,
    _peers: JoinSet<()>,
}

impl Ward {
    async fn open() -> Result<Self> {
        let centre = Centre::small()?;
        let broker = Mosquitto::start(&centre.path("mosquitto")).await?;
        let (http, silent) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (http_port, silent_port) = (http.local_addr()?.port(), silent.local_addr()?.port());
        let mut peers = JoinSet::new();
        let flood = Arc::new(Mutex::new(Arc::from("")));
        peers.spawn(serve_http(http, Arc::clone(&flood)));
        peers.spawn(keep_silent(silent));
        std::fs::write(centre.path("secret"), mosquitto::PASSWORD)?;
        std::fs::create_dir_all(centre.config().join("well"))?;
        std::fs::write(centre.config().join("well/a.csv"), "t,v\n1000,1\n")?;
        fill(&centre.config().join("well.sqlite"), 0, 1)?;
        let server = centre.serve().await?;
        Ok(Self { centre, server, broker, http_port, silent_port, floods: 0, flood, _peers: peers })
    }

    async fn compare(&mut self, connector: Connector, sickness: Sickness) -> Result<Figure> {
        let (mut well, mut sick) = (Vec::new(), Vec::new());
        let mut brought = 0;
        // Well and sick take turns, so that what else the machine does falls on both.
        for _ in 0..tests::count("TURNS", 15) {
            self.reload(None).await?;
            eventually("the history has all", CATCH_UP, || self.server.caught_up()).await?;
            let elsewhere = self.elsewhere(connector, sickness)?;
            sleep(SETTLE).await;
            well.push(self.post_all().await?);
            drop(elsewhere);
            let burden = self.burden(connector, sickness).await?;
            self.reload(Some((connector, sickness))).await?;
            sleep(SETTLE).await;
            sick.push(self.post_all().await?);
            brought += self.brought(connector, sickness).await?;
            drop(burden);
        }
        let turns = u64::try_from(well.len())?;
        let least = LEAST_BROUGHT * turns;
        ensure!(sickness == Sickness::Hung || brought >= least, "{connector:?} brought {brought} of {least} at least");
        if sickness == Sickness::Flooded && connector != Mqtt {
            self.drain(connector).await?;
        }
        // All posts together: of one turn alone eight posts would decide.
        let every_other = |of: &[Vec<f64>], first: usize| of.iter().skip(first).step_by(2).flatten().copied().collect();
        let (even, odd) = (percentile(every_other(&well, 0)), percentile(every_other(&well, 1)));
        let noise = (even / odd).max(odd / even);
        let (well, sick) = (percentile(well.concat()), percentile(sick.concat()));
        let of_it =
            if sickness == Sickness::Flooded { format!("; it brought {brought} values") } else { String::new() };
        Ok(Figure {
            name: format!("durable POST, 99th percentile, {connector:?} {sickness:?}").to_lowercase(),
            measured: sick / well,
            limit: Limit::AtMost(1.1),
            unit: "of all well",
            peer: format!(
                "{sick:.2} ms; all well {well:.2} ms, of which one half of the turns differs from the other by {noise:.2}{of_it}"
            ),
        })
    }

    /// All of a flood gets in when nobody else is busy.
    async fn drain(&mut self, connector: Connector) -> Result<()> {
        let burden = self.burden(connector, Sickness::Flooded).await?;
        self.reload(Some((connector, Sickness::Flooded))).await?;
        let drained = eventually("the flood is over", CATCH_UP, || async {
            let brought = self.brought(connector, Sickness::Flooded).await?;
            ensure!(brought == ROWS as u64, "{brought} of {ROWS}");
            Ok(())
        });
        drained.await?;
        drop(burden);
        Ok(())
    }

    /// Posts at a steady pace; how long each took from when it was due, in milliseconds.
    async fn post_all(&self) -> Result<Vec<f64>> {
        let mut posts = JoinSet::new();
        let (began, first) = (Instant::now(), now_micros());
        for number in 0..POSTS {
            let due = began + EVERY * number;
            let (http, url) = (self.server.http().clone(), self.server.url("/api/v1/observations?source=api"));
            let row =
                json!({ "indicator": indicator(0), "area": AREA, "time": first - i64::from(number), "value": number });
            posts.spawn(async move {
                sleep_until(due).await;
                let answer = http.post(url).json(&row).send().await?;
                ensure!(answer.status().is_success(), "{}", answer.text().await?);
                answer.bytes().await?;
                Ok(due.elapsed().as_secs_f64() * 1e3)
            });
        }
        posts.join_all().await.into_iter().collect()
    }

    /// Goes on with all connectors well, or one of them sick.
    async fn reload(&self, sick: Option<(Connector, Sickness)>) -> Result<()> {
        let mut sources = "[[source]]\nid = \"api\"\nname = \"api\"\nkind = \"push\"\n".to_owned();
        for (number, (connector, kind)) in CONNECTORS.into_iter().enumerate() {
            let how = sick.filter(|(of, _)| *of == connector).map(|(_, sickness)| sickness);
            let options = self.options(connector, how);
            let name = indicator(number + 1);
            write!(
                sources,
                "[[source]]\nid = \"{kind}\"\nname = \"{kind}\"\nkind = \"{kind}\"\n[source.options]\n{options}\n\
                 [source.options.mapping]\ntime = {{ column = \"t\", format = \"unix\" }}\narea = \"{AREA}\"\n\
                 values = [{{ column = \"v\", indicator = \"{name}\" }}]\n"
            )?;
        }
        self.centre.write("sources.toml", &sources)?;
        let answer = self.server.http().post(self.server.url("/api/v1/reload")).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    fn options(&self, connector: Connector, sickness: Option<Sickness>) -> String {
        let (flood, folder) = (self.floods, self.centre.path("").display().to_string());
        match (connector, sickness) {
            (Http, how) => {
                let path = match how {
                    None => "well".to_owned(),
                    Some(Sickness::Hung) => "hang".to_owned(),
                    Some(Sickness::Flooded) => format!("flood/{flood}"),
                };
                format!(
                    "url = \"http://127.0.0.1:{}/{path}\"\nformat = \"csv\"\nallow_private = true\npoll_secs = 1\n\
                     timeout_secs = 600\nmax_bytes = 200000000",
                    self.http_port
                )
            }
            (Sql, Some(Sickness::Hung)) => format!(
                "engine = \"postgres\"\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"a\"\nuser = \"a\"\n\
                 query = \"select t, v from a\"\npoll_secs = 1\ntimeout_secs = 3600",
                self.silent_port
            ),
            (Sql, how) => {
                let file =
                    if how.is_some() { format!("{folder}/flood-{flood}.sqlite") } else { "well.sqlite".to_owned() };
                format!(
                    "engine = \"sqlite\"\nfile = \"{file}\"\nquery = \"select t, v from a\"\npoll_secs = 1\n\
                     max_rows = 1000000"
                )
            }
            (Mqtt, Some(Sickness::Hung)) => {
                format!("host = \"127.0.0.1\"\nport = {}\ntopics = [\"a/#\"]", self.silent_port)
            }
            (Mqtt, _) => format!(
                "host = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\npassword = \"file:{folder}/secret\"\ntopics = [\"a/#\"]",
                self.broker.port,
                mosquitto::USER
            ),
            (Folder, how) => {
                let files = match how {
                    None => "well".to_owned(),
                    Some(_) => format!("{folder}/files-{flood}"),
                };
                format!("files = {{ folder = \"{files}\", poll_secs = 1, settle_ms = 200 }}")
            }
        }
    }

    /// What the sick connector is to meet; it goes on until it is dropped.
    async fn burden(&mut self, connector: Connector, sickness: Sickness) -> Result<Vec<Burden>> {
        self.floods += 1;
        let flood = self.floods;
        Ok(match (connector, sickness) {
            (Http, Sickness::Flooded) => {
                *self.flood.lock().await = table(flood, ROWS).into();
                Vec::new()
            }
            (Sql, Sickness::Flooded) => {
                fill(&self.centre.path(&format!("flood-{flood}.sqlite")), flood, ROWS)?;
                Vec::new()
            }
            (Mqtt, Sickness::Flooded) => vec![Burden::Publisher(self.publish_all(flood, "a/b")?)],
            (Folder, how) => {
                let folder = self.centre.path(&format!("files-{flood}"));
                std::fs::create_dir_all(&folder)?;
                match how {
                    Sickness::Flooded => {
                        let mut file = std::fs::File::create(folder.join("a.csv"))?;
                        file.write_all(table(flood, ROWS).as_bytes())?;
                        file.sync_all()?;
                        Vec::new()
                    }
                    Sickness::Hung => vec![Burden::Writer(never_end(&folder).await?)],
                }
            }
            _ => Vec::new(),
        })
    }

    /// The same load on the machine without the connector: a broker and who publishes there take their share of it.
    fn elsewhere(&mut self, connector: Connector, sickness: Sickness) -> Result<Option<Burden>> {
        self.floods += 1;
        let is_of_broker = (connector, sickness) == (Mqtt, Sickness::Flooded);
        is_of_broker.then(|| self.publish_all(self.floods, "elsewhere").map(Burden::Publisher)).transpose()
    }

    fn publish_all(&self, flood: usize, topic: &str) -> Result<tokio::process::Child> {
        let lines = self.centre.path("messages");
        let mut messages = String::new();
        for number in 0..MESSAGES {
            writeln!(messages, "{{\"t\":{},\"v\":{number}}}", moment(flood, number))?;
        }
        std::fs::write(&lines, messages)?;
        let port = self.broker.port.to_string();
        let mut publisher = tokio::process::Command::new("mosquitto_pub");
        publisher.args(["-V", "mqttv5", "-h", "127.0.0.1", "-p", &port, "-u", mosquitto::USER]);
        publisher.args(["-P", mosquitto::PASSWORD, "-q", "1", "-t", topic, "-l"]).stdin(std::fs::File::open(&lines)?);
        publisher.kill_on_drop(true).stdout(Stdio::null()).spawn().context("mosquitto_pub is missing")
    }

    /// How many values the sick connector has recorded since it is.
    async fn brought(&self, connector: Connector, sickness: Sickness) -> Result<u64> {
        let kind = CONNECTORS.iter().find(|(of, _)| *of == connector).map_or("", |(_, kind)| kind);
        let sources = self.server.get("/api/v1/sources").await?;
        let of = |source: &&Value| source["id"] == kind;
        let health = &sources.as_array().and_then(|all| all.iter().find(of)).context("no such source")?["health"];
        let accepted = health["accepted"].as_u64().unwrap_or(0);
        ensure!(sickness == Sickness::Flooded || accepted == 0, "it hangs and brings {accepted}");
        Ok(accepted)
    }
}

/// What weighs on a sick connector while this is kept.
enum Burden {
    Publisher(#[allow(dead_code, reason = "ended when it is dropped")] tokio::process::Child),
    Writer(#[allow(dead_code, reason = "ended when it is dropped")] JoinSet<()>),
}

/// The 99th percentile.
fn percentile(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[(of.len() * 99).div_ceil(100).saturating_sub(1)]
}

/// The time of a row, in seconds of Unix time: no two floods have one in common.
fn moment(flood: usize, number: usize) -> usize {
    100_000_000 + flood * ROWS + number
}

fn table(flood: usize, rows: usize) -> String {
    let mut table = "t,v\n".to_owned();
    for number in 0..rows {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{},{number}", moment(flood, number));
    }
    table
}

fn fill(file: &Path, flood: usize, rows: usize) -> Result<()> {
    let mut database = Connection::open(file)?;
    let filling = database.transaction()?;
    filling.execute_batch("create table a (t integer, v integer)")?;
    let mut insert = filling.prepare("insert into a values (?1, ?2)")?;
    for number in 0..rows {
        insert.execute((i64::try_from(moment(flood, number))?, i64::try_from(number)?))?;
    }
    drop(insert);
    Ok(filling.commit()?)
}

/// A pipe that nobody writes to, and a file that somebody never stops writing to.
async fn never_end(folder: &Path) -> Result<JoinSet<()>> {
    let made = tokio::process::Command::new("mkfifo").arg(folder.join("pipe.csv")).status().await?;
    ensure!(made.success(), "mkfifo: {made}");
    let mut file = std::fs::File::create(folder.join("growing.csv"))?;
    file.write_all(b"t,v\n")?;
    let writing = async move {
        while file.write_all(b"1000,").is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut writers = JoinSet::new();
    writers.spawn(writing);
    Ok(writers)
}

async fn keep_silent(listener: TcpListener) {
    let mut kept = Vec::new();
    while let Ok((connection, _)) = listener.accept().await {
        kept.push(connection);
    }
}

async fn serve_http(listener: TcpListener, flood: Arc<Mutex<Arc<str>>>) {
    let mut answers = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        answers.spawn(answer(connection, Arc::clone(&flood)));
    }
}

/// Answers each request on a connection: with a row, with many, or never.
async fn answer(mut connection: TcpStream, flood: Arc<Mutex<Arc<str>>>) -> Option<()> {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await.ok()?);
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1)?;
        let table = match path {
            "/well" => table(0, 1).into(),
            path if path.starts_with("/flood/") => Arc::clone(&*flood.lock().await),
            _ => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n", table.len());
        connection.write_all(head.as_bytes()).await.ok()?;
        connection.write_all(table.as_bytes()).await.ok()?;
    }
}
