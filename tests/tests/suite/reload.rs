//! A new sector comes into a running centre by configuration alone: docs/administrators.md is followed block by block,
//! while a client watches the wall and is never dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use rusqlite::Connection;
use serde_json::{Value, json};
use tests::load::history;
use tests::redis::Redis;
use tests::walkthrough::{Step, steps};
use tests::{Centre, Client, Server, binary, eventually, root};

const LIMIT: Duration = Duration::from_secs(30);
const INDICATORS: [(&str, &str); 3] =
    [("insurance.compulsory", "bat_buoc"), ("insurance.voluntary", "tu_nguyen"), ("insurance.debt", "no")];

/// Follows a wall on one connection: each frame goes on where the one before ended.
struct Watcher {
    client: Client,
    until: u64,
    layout: Value,
    values: BTreeMap<(String, String), f64>,
    frames: usize,
}

impl Watcher {
    async fn start(server: &Server) -> Self {
        let mut client = Client::hello(server.authority(), json!({ "wall": "main" })).await.unwrap();
        let snapshot = client.next_of("snapshot").await.unwrap();
        let mut watcher = Self {
            client,
            until: snapshot["offset"].as_u64().unwrap(),
            layout: Value::Null,
            values: BTreeMap::new(),
            frames: 0,
        };
        watcher.take(&snapshot["changes"]);
        watcher
    }

    fn take(&mut self, changes: &Value) {
        for change in changes.as_array().unwrap() {
            let body = &change["body"];
            match change["kind"].as_str().unwrap() {
                "arranged" => {
                    self.layout = body["layout"].clone();
                    self.values.clear();
                }
                "observed" => {
                    let key = |name: &str| body["series"][name].as_str().unwrap().to_owned();
                    self.values.insert((key("indicator"), key("area")), body["value"].as_f64().unwrap());
                }
                _ => {}
            }
        }
    }

    /// Reads on until what was told is `wanted`.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let reading = async {
            while !wanted(self) {
                let message = self.client.next().await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                assert_ne!(message["type"], "snapshot", "{what}: a client that stays needs no second one");
                if message["type"] != "frame" {
                    continue;
                }
                assert_eq!(message["since"], self.until, "{what}: spans join");
                self.until = message["until"].as_u64().unwrap();
                self.frames += 1;
                self.take(&message["changes"]);
            }
        };
        let in_time = tokio::time::timeout(LIMIT, reading).await.is_ok();
        assert!(in_time, "{what}: not in time; shown {}, known {:?}", self.layout["id"], self.values);
    }

    fn value(&self, indicator: &str) -> Option<f64> {
        self.values.get(&(indicator.to_owned(), "51".to_owned())).copied()
    }
}

/// The guide, on its way.
struct Follower {
    centre: Centre,
    server: Server,
}

impl Follower {
    fn add(&self, file: &str, text: &str) {
        let before = std::fs::read_to_string(self.centre.config().join(file)).unwrap_or_default();
        self.centre.write(file, &format!("{before}\n{text}")).unwrap();
    }

    fn database(&self, file: &str) -> Connection {
        Connection::open(self.centre.config().join(file)).unwrap()
    }

    /// Runs commands as a reader does, at the address and in the folder of this test; what they print.
    async fn run(&mut self, commands: &str) -> String {
        let commands = commands
            .replace("http://127.0.0.1:8080", self.server.address())
            .replace("config/tinh", &self.centre.config().display().to_string());
        let programs = binary("ioc-server").unwrap().parent().unwrap().display().to_string();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
        let mut bash = tokio::process::Command::new("bash");
        bash.args(["-euc", &commands]).env("PATH", path).env("PID", self.server.process().id().unwrap().to_string());
        let output = tokio::time::timeout(LIMIT, bash.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{commands}: {said} {}", String::from_utf8_lossy(&output.stderr));
        said
    }

    async fn reload(&self) -> (u16, Value) {
        let answer = self.server.http().post(self.server.url("/api/v1/reload")).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// All that the database has is in the history, and nothing else.
    async fn assert_as_in_the_database(&self) {
        for (indicator, column) in INDICATORS {
            let wait = eventually(indicator, LIMIT, || async {
                for (area, expected) in self.expected(column) {
                    let known = history(self.server.http(), self.server.address(), indicator, &area).await?;
                    let known: Vec<f64> = known.values().map(|known| known.value).collect();
                    ensure!(known == expected, "{area}: {known:?}, and the database has {expected:?}");
                }
                Ok(())
            });
            wait.await.unwrap();
        }
    }

    /// By area, in the order of their days.
    fn expected(&self, column: &str) -> BTreeMap<String, Vec<f64>> {
        let database = self.database("bhxh.sqlite");
        let mut query = database.prepare(&format!("select ma_huyen, {column} from bhxh order by ngay")).unwrap();
        let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut areas: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in rows {
            let (area, value): (String, f64) = row.unwrap();
            areas.entry(area).or_default().push(value);
        }
        areas
    }
}

/// What the demo's sources are called, in the order of its file.
fn sources_of_the_demo() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("config/demo/sources.toml")).unwrap();
    let sources: toml::Table = text.parse().unwrap();
    let id = |source: &toml::Value| source["id"].as_str().unwrap().to_owned();
    // The rules of alarms.toml run as one more.
    sources["source"].as_array().unwrap().iter().map(id).chain(["alarms".to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sector_comes_in_as_the_guide_says() {
    let guide = root().join("docs/administrators.md");
    let mut steps = steps(&guide, "A new sector in a running centre").unwrap().into_iter();
    let mut next = || steps.next().unwrap_or_else(|| panic!("the guide has fewer steps"));
    let centre = Centre::copy_of(&root().join("config/demo")).unwrap();
    let server = centre.serve().await.unwrap();
    let mut watcher = Watcher::start(&server).await;
    let mut guide = Follower { centre, server };
    assert_eq!(watcher.layout["id"], "overview");

    // The database, three indicators, the source, the layout.
    let Step::Sql { file, text } = next() else { panic!("the database") };
    guide.database(&file).execute_batch(&text).unwrap();
    for expected in ["indicators.toml", "sources.toml", "layouts/bao-hiem-xa-hoi.toml"] {
        let Step::Add { file, text } = next() else { panic!("{expected}") };
        assert_eq!(file, expected);
        guide.add(&file, &text);
    }
    a_slip_changes_nothing(&guide, &mut watcher).await;

    let Step::Run(commands) = next() else { panic!("check") };
    let said = guide.run(&commands).await;
    assert!(said.contains("of what was read 9 values would be taken, 0 rows or values refused"), "{said}");
    let Step::Run(commands) = next() else { panic!("reload") };
    let mut answer: Value = serde_json::from_str(&guide.run(&commands).await).unwrap();
    let Step::Answer { name, text } = next() else { panic!("the answer") };
    let mut told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(name, "reloaded");
    assert!(answer["revision"].is_u64() && told["revision"].is_u64(), "{answer}");
    assert_eq!(answer["sources"]["unchanged"], json!(sources_of_the_demo()));
    for first in 0..2 {
        assert_eq!(told["sources"]["unchanged"][first], answer["sources"]["unchanged"][first], "the guide");
    }
    for one in [&mut answer, &mut told] {
        (one["revision"], one["sources"]["unchanged"]) = (json!(0), json!([]));
    }
    assert_eq!(answer, told, "the guide tells what is answered");
    guide.assert_as_in_the_database().await;

    let Step::Run(commands) = next() else { panic!("show") };
    guide.run(&commands).await;
    watcher.until("the layout on the wall", |told| told.layout["id"] == "bao-hiem-xa-hoi").await;
    watcher.until("its figures", |told| INDICATORS.iter().all(|(indicator, _)| told.value(indicator).is_some())).await;
    assert_newest(&guide, &watcher);

    let Step::Sql { file, text } = next() else { panic!("a new row") };
    guide.database(&file).execute_batch(&text).unwrap();
    watcher.until("the new figures", |told| told.value("insurance.debt") == Some(101.2)).await;
    assert_newest(&guide, &watcher);
    guide.assert_as_in_the_database().await;

    let Step::Add { file, text } = next() else { panic!("a table") };
    guide.add(&file, &text);
    let Step::Run(commands) = next() else { panic!("the signal") };
    guide.run(&commands).await;
    let has_table = |told: &Watcher| told.layout["panels"].as_array().unwrap().iter().any(|panel| panel["id"] == "all");
    watcher.until("the table on the wall", has_table).await;
    assert!(steps.next().is_none(), "the guide has more steps");
    let log = guide.server.process().log();
    assert!(log.contains("the configuration was loaded again"), "{}", guide.server.process().log_tail());
    assert!(watcher.frames > 3, "{} frames on one connection", watcher.frames);
}

/// The values that the wall shows are the newest ones of the database.
fn assert_newest(guide: &Follower, watcher: &Watcher) {
    for (indicator, column) in INDICATORS {
        assert_eq!(watcher.value(indicator), guide.expected(column)["51"].last().copied(), "{indicator}");
    }
}

/// A mistyped key is named with its line, by the answer and by the log, and the centre goes on as it was.
async fn a_slip_changes_nothing(guide: &Follower, watcher: &mut Watcher) {
    let file = "indicators.toml";
    let right = std::fs::read_to_string(guide.centre.config().join(file)).unwrap();
    let (before, new) = right.split_once("id = \"insurance.compulsory\"").unwrap();
    let wrong = format!("{before}id = \"insurance.compulsory\"{}", new.replacen("\nbetter =", "\nbeter =", 1));
    let line = wrong.lines().position(|line| line.starts_with("beter")).unwrap() + 1;
    guide.centre.write(file, &wrong).unwrap();
    let said =
        format!("{file}:{line}: unknown key 'beter' in indicator 'insurance.compulsory'; did you mean 'better'?");
    let told = std::fs::read_to_string(root().join("docs/administrators.md")).unwrap();
    // On which line, depends on how many there are in the demo.
    let (_, of_the_line) = said.split_once(&line.to_string()).unwrap();
    assert!(told.contains(of_the_line), "the guide tells {said}");
    let (status, problem) = guide.reload().await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&said), "{problem}");
    assert_eq!((&problem["findings"][0]["file"], &problem["findings"][0]["line"]), (&json!(file), &json!(line)));
    let layouts = guide.server.get("/api/v1/layouts").await.unwrap();
    assert!(layouts.as_array().unwrap().iter().all(|layout| layout["id"] != "bao-hiem-xa-hoi"), "{layouts}");
    let frames = watcher.frames;
    watcher.until("the wall goes on", |told| told.frames > frames).await;
    guide.centre.write(file, &right).unwrap();
}

const PUSH: &str = "[[source]]\nid = 'ID'\nname = 'Gửi'\nkind = 'push'\n";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_the_one_that_writes_brings_it_in() {
    let centres = [Centre::small().unwrap(), Centre::small().unwrap()];
    let redis = Redis::start(&centres[0].path("redis")).await.unwrap();
    let mut servers = Vec::new();
    for centre in &centres {
        servers.push(Server::start(centre.options("data").with("IOC_LOG_REDIS", redis.url())).await.unwrap());
    }
    let [writer, other] = &servers[..] else { panic!("two") };
    for centre in &centres {
        centre.write("sources.toml", &PUSH.replace("ID", "moi")).unwrap();
    }
    let reload = async |server: &Server| -> Result<Value> {
        Ok(server.http().post(server.url("/api/v1/reload")).send().await?.error_for_status()?.json().await?)
    };
    // Whoever is reloaded first: the other one that writes is named.
    let named = eventually("the other one knows who writes", LIMIT, || async {
        let told = reload(other).await?;
        ensure!((&told["revision"], &told["left_to"]) == (&Value::Null, &json!(writer.address())), "{told}");
        Ok(())
    });
    named.await.unwrap();
    let sources = async |server: &Server| server.get("/api/v1/sources").await.unwrap().as_array().unwrap().len();
    assert_eq!(sources(other).await, 0, "the catalogue is that of the log");
    let told = reload(writer).await.unwrap();
    assert!(told["revision"].is_u64() && told.get("left_to").is_none(), "{told}");
    let arrived = eventually("the other one follows", LIMIT, || async {
        ensure!(sources(other).await == 1, "not yet");
        Ok(())
    });
    arrived.await.unwrap();
    let told = reload(other).await.unwrap();
    assert_eq!((&told["revision"], told.get("left_to")), (&Value::Null, None), "it is in the log");
}
