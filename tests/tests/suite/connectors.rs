//! Sources that read what departments have already: each reads, follows changes, and comes back when its server was
//! killed and started again.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::centre::{AREA, indicator};
use tests::certificates::stranger;
use tests::databases::{DATABASE, Database, Engine, PASSWORD, USER};
use tests::load::history;
use tests::process::{Process, free_port};
use tests::{Centre, Server, binary, eventually, shared};

pub const LIMIT: Duration = Duration::from_secs(40);

/// The newest value of an indicator, and how many there are.
pub async fn newest(server: &Server, number: usize) -> Result<(f64, usize)> {
    let known = history(server.http(), server.address(), &indicator(number), AREA).await?;
    let last = known.values().last().map_or(f64::NAN, |known| known.value);
    Ok((last, known.len()))
}

/// Waits until the newest value of an indicator is this one of so many.
pub async fn until(server: &Server, number: usize, expected: (f64, usize)) {
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

pub async fn health(server: &Server, source: &str) -> Value {
    let all = server.get("/api/v1/sources").await.unwrap();
    let of = |entry: &&Value| entry["id"] == source;
    all.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{source} in {all}"))["health"].clone()
}

/// Waits until a source is up, or down; its health.
pub async fn is_alive(server: &Server, source: &str, expected: bool) -> Value {
    let health = eventually("the source goes up or down", LIMIT, || async {
        let health = health(server, source).await;
        ensure!(health["alive"] == expected, "{health}");
        Ok(health)
    });
    health.await.unwrap()
}

/// Waits until a source says that it is down, and why.
pub async fn is_down_for(server: &Server, source: &str, reason: &str) {
    let down = eventually("the source says why it is down", LIMIT, || async {
        let health = health(server, source).await;
        ensure!(health["alive"] == false && health["problems"].to_string().contains(reason), "{health}");
        Ok(())
    });
    down.await.unwrap();
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
    // Nothing new is nothing wrong, however often it is asked.
    let asked = health(&server, "thu").await["last_success"].as_i64().unwrap();
    let idle = eventually("it is asked again and again", LIMIT, || async {
        let health = health(&server, "thu").await;
        assert_eq!((&health["alive"], &health["problems"]), (&json!(true), &json!([])), "{health}");
        ensure!(health["last_success"].as_i64().unwrap_or(0) > asked + 2_500_000, "{health}");
        Ok(())
    });
    idle.await.unwrap();
    // What is new is taken, a correction is another revision, and a row of the past finds its place.
    database.run(&insert(16, "2")).await.unwrap();
    until(&server, 0, (2.0, 2)).await;
    database.run("update thu set so_thu = 3, luc = '2023-09-20' where ngay = '2023-08-16'").await.unwrap();
    until(&server, 0, (3.0, 2)).await;
    database.run("insert into thu values ('2023-08-15', 9, '2023-09-21')").await.unwrap();
    until(&server, 0, (3.0, 3)).await;

    database.kill().await.unwrap();
    let down = is_alive(&server, "thu", false).await;
    let said = down["problems"][0]["reason"].as_str().unwrap_or_default().to_owned();
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

/// Moments and local times are what they are, whatever the zone of the session.
async fn times_are_what_they_are(engine: Engine, name: &str, moment: &str) {
    let centre = Centre::small().unwrap();
    let database = Database::start(engine, &centre.path(name)).await.unwrap();
    let zone = if engine == Engine::Postgres { "set time zone 'Asia/Ho_Chi_Minh'" } else { "set time_zone = '+07:00'" };
    let rows = "insert into thu values ('2023-08-14 07:30:00', '2023-08-14 07:30:00', 5)";
    let table = format!(
        "create table thu (luc {moment}, gio_dia_phuong {}, so_thu int)",
        if engine == Engine::Postgres { "timestamp" } else { "datetime" }
    );
    database.run(&format!("{zone}; {table}; {rows}")).await.unwrap();
    std::fs::write(centre.path("secret"), PASSWORD).unwrap();
    let secret = centre.path("secret").display().to_string();
    let source = |column: &str, number: usize| {
        sql(column.split('_').next().unwrap(), name, database.port, number)
            .replace("PASSWORD", &secret)
            .replace(
                "select ngay, so_thu, luc from thu where luc > {watermark} order by luc",
                &format!("select {column} as ngay, so_thu from thu"),
            )
            .replace("watermark = { column = 'luc', start = '2000-01-01' }", "")
    };
    centre.write("sources.toml", &format!("{}{}", source("luc", 0), source("gio_dia_phuong", 1))).unwrap();
    let server = centre.serve().await.unwrap();
    for number in [0, 1] {
        until(&server, number, (5.0, 1)).await;
        let known = history(server.http(), server.address(), &indicator(number), AREA).await.unwrap();
        // 07:30 in Việt Nam.
        assert_eq!(known.keys().collect::<Vec<_>>(), [&1_691_973_000_000_000], "{number}");
    }
}

#[tokio::test]
async fn moments_of_postgresql_are_moments() {
    times_are_what_they_are(Engine::Postgres, "postgres", "timestamptz").await;
}

#[tokio::test]
async fn moments_of_mariadb_are_moments() {
    times_are_what_they_are(Engine::MariaDb, "mysql", "timestamp").await;
}

#[tokio::test]
async fn postgresql_is_followed() {
    databases_are_followed(Engine::Postgres, "postgres").await;
}

#[tokio::test]
async fn mariadb_is_followed() {
    databases_are_followed(Engine::MariaDb, "mysql").await;
}

const HTTP: &str = "
[[source]]
id = 'thu'
name = 'thu'
kind = 'http'
[source.options]
url = 'http://127.0.0.1:PORT/thu.json'
rows = '$.rows[*]'
allow_private = true
poll_secs = 1
[source.options.mapping]
time = { column = 'ngay' }
area = '51'
values = [{ column = '$.so.thu', indicator = 'test.0' }]
";

#[tokio::test]
async fn a_server_of_http_is_followed() {
    let centre = Centre::small().unwrap();
    let port = free_port().unwrap();
    std::fs::create_dir(centre.path("www")).unwrap();
    let put = |rows: &str| {
        let row = |row: &str| {
            let (day, value) = row.split_once('=').unwrap();
            format!(r#"{{"ngay":"2023-08-{day}","so":{{"thu":{value}}}}}"#)
        };
        let rows = rows.split(' ').map(row).collect::<Vec<_>>().join(",");
        // Replaced as a whole: a server may be reading it.
        std::fs::write(centre.path("www/next"), format!(r#"{{"rows":[{rows}]}}"#)).unwrap();
        std::fs::rename(centre.path("www/next"), centre.path("www/thu.json")).unwrap();
    };
    let start = || {
        let (port, folder) = (port.to_string(), centre.path("www").display().to_string());
        let arguments = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", &folder, &port];
        Process::start(Path::new("python3"), &arguments, &[], &centre.path("www.log")).unwrap()
    };
    put("14=1.5");
    let mut peer = start();
    centre.write("sources.toml", &HTTP.replace("PORT", &port.to_string())).unwrap();
    let mut server = centre.serve().await.unwrap();
    until(&server, 0, (1.5, 1)).await;
    put("14=1.5 16=2");
    until(&server, 0, (2.0, 2)).await;
    put("14=1 15=9 16=3");
    until(&server, 0, (3.0, 3)).await;
    peer.kill().await.unwrap();
    is_alive(&server, "thu", false).await;
    put("14=1 15=9 16=3 17=4");
    let _peer = start();
    until(&server, 0, (4.0, 4)).await;
    server.kill().await.unwrap();
    put("14=1 15=9 16=3 17=4 18=5");
    server.restart().await.unwrap();
    until(&server, 0, (5.0, 5)).await;
}

const WORKBOOKS: &str = r#"
[[source]]
id = "quyet-toan"
name = "Quyết toán"
kind = "workbook"
[source.options]
files = { folder = "sach", pattern = "budget_final_*.xls", poll_secs = 1, settle_ms = 0 }
sheets = "M09+"
header_rows = [10, 12]
[source.options.mapping]
time = { file = "budget_final_{}.xls", format = "year" }
area_column = "TÊN TỈNH, THÀNH PHỐ"
area_map = { "Quảng Ngãi" = "51" }
other_areas = "ignore"
status = "official"
values = [
    { column = "TỔNG THU NSNN TRÊN ĐỊA BÀN TỈNH, THÀNH PHỐ", indicator = "test.0" },
    { column = "BỔ SUNG TỪ NSTW CHO NSĐP / TỔNG SỐ", indicator = "test.1" },
    { column = "BỔ SUNG TỪ NSTW CHO NSĐP / BỔ SUNG CÓ MỤC TIÊU / Vốn ngoài nước", indicator = "test.2" },
]

[[source]]
id = "can-doi"
name = "Cân đối"
kind = "workbook"
[source.options]
files = { folder = "sach", pattern = "budget_final_*.xls", poll_secs = 1, settle_ms = 0 }
sheets = "M01+"
header_rows = 9
[source.options.mapping]
time = { value = "2014", format = "year" }
area = "51"
indicator_column = "Chỉ tiêu"
indicator_map = { "Thu nội địa (không kể thu từ dầu thô)" = "test.3" }
other_indicators = "ignore"
values = [{ column = "D" }]

[[source]]
id = "papi"
name = "PAPI"
kind = "workbook"
[source.options]
files = { folder = "sach", pattern = "papi_*.xlsx", poll_secs = 1, settle_ms = 0 }
sheets = "*_PAPI"
[source.options.mapping]
time = { sheet = "{}_PAPI", format = "year" }
area_column = "tinhid"
area_map = { 51 = "51" }
other_areas = "ignore"
values = [{ column = "Participation at Local Levels", indicator = "test.4" }, { column = "AF", indicator = "test.5" }]
"#;

/// The Ministry's own workbooks, by configuration alone; the figures as they stand in the sheets.
#[tokio::test]
async fn real_workbooks_are_read_by_configuration_alone() {
    let centre = Centre::small().unwrap();
    centre.write("sources.toml", WORKBOOKS).unwrap();
    centre.write("sach/none.txt", "").unwrap();
    for file in ["budget_final_2014.xls", "papi_2011_2016.xlsx"] {
        std::fs::copy(shared(file).unwrap(), centre.config().join("sach").join(file)).unwrap();
    }
    let tried = tokio::process::Command::new(binary("ioc-server").unwrap())
        .args(["source", "try", "papi", "--rows", "3", "--config"])
        .arg(centre.config())
        .output();
    let tried = tried.await.unwrap();
    let said = String::from_utf8_lossy(&tried.stdout);
    assert!(tried.status.success(), "{said}{}", String::from_utf8_lossy(&tried.stderr));
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("papi (workbook, papi_2011_2016.xlsx): read in "), "{said}");
    assert_eq!(
        lines[2..],
        [
            "row  indicator  area  scenario  true at              value      status",
            "36   test.4     51    actual    2011-12-31 00:00:00  5.048677   automatic",
            "36   test.5     51    actual    2011-12-31 00:00:00  34.001488  automatic",
            "36   test.4     51    actual    2012-12-31 00:00:00  5.204063   automatic",
            "",
            "of what was read 4 values would be taken, 0 rows or values refused",
        ]
    );

    let mut server = centre.serve().await.unwrap();
    let single = [(0, 30_138_222.0), (1, 3_598_346.747_756_724_7), (2, 89_118.517_893), (3, 593_560.0)];
    for (number, value) in single {
        until(&server, number, (value, 1)).await;
    }
    let papi = [5.048_677, 5.204_063, 5.378_279, 5.064_489, 4.080_003_261_566_162, 5.336_035_728_454_59];
    until(&server, 4, (papi[5], 6)).await;
    let known = history(server.http(), server.address(), &indicator(4), AREA).await.unwrap();
    assert_eq!(known.values().map(|known| known.value).collect::<Vec<_>>(), papi);
    let (status, trial) = post_try(&server, "quyet-toan/try?rows=1").await;
    assert_eq!((status, &trial["file"], &trial["taken"]), (200, &json!("budget_final_2014.xls"), &json!(3)), "{trial}");
    let first = json!({
        "row": 50, "indicator": "test.0", "area": "51", "scenario": "actual", "time": 1_419_958_800_000_000_i64,
        "value": 30_138_222.0, "status": "official"
    });
    assert_eq!(trial["rows"], json!([first]), "{trial}");
    for source in ["quyet-toan", "can-doi", "papi"] {
        let health = health(&server, source).await;
        assert_eq!((&health["refused"], &health["problems"]), (&json!(0), &json!([])), "{health}");
    }
    // The next year's is found, also while the server is down; what was read is not read twice.
    let another = |year: u32| {
        let name = centre.config().join(format!("sach/budget_final_{year}.xls"));
        std::fs::copy(shared("budget_final_2014.xls").unwrap(), name).unwrap();
    };
    another(2015);
    until(&server, 0, (30_138_222.0, 2)).await;
    server.kill().await.unwrap();
    another(2016);
    server.restart().await.unwrap();
    until(&server, 0, (30_138_222.0, 3)).await;
    assert_eq!(health(&server, "quyet-toan").await["accepted"], 3, "only the new one");
}

/// 95 million cells in 764 bytes: whoever opens it as it is runs out of memory.
#[tokio::test]
async fn a_workbook_that_would_fill_the_machine_is_named_and_hurts_nobody() {
    let centre = Centre::small().unwrap();
    let source = WORKBOOKS.split("[[source]]").find(|text| text.contains("id = \"papi\"")).unwrap();
    let source = source.replace("pattern = \"papi_*.xlsx\"", "pattern = \"*\"").replace("sheets = \"*_PAPI\"\n", "");
    let source = source.replace("time = { sheet = \"{}_PAPI\", format = \"year\" }\n", "");
    centre.write("sources.toml", &format!("[[source]]{source}")).unwrap();
    centre.write("sach/none.txt", "").unwrap();
    let hostile = tests::root().join("tests/fixtures/many-cells.ods");
    std::fs::copy(hostile, centre.config().join("sach/lon.ods")).unwrap();
    let mut server = centre.serve().await.unwrap();
    let named = eventually("the workbook is named", LIMIT, || async {
        let health = health(&server, "papi").await;
        let said = health["problems"].to_string();
        ensure!(said.contains("lon.ods") && said.contains("would take more memory than there is"), "{said}");
        Ok(())
    });
    named.await.unwrap();
    let id = server.process().id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(peak.parse::<u64>().unwrap() < 600 << 10, "{peak} kB");
}

#[tokio::test]
async fn a_source_is_tried_and_nothing_recorded() {
    let centre = Centre::small().unwrap();
    centre.write("sources.toml", &HTTP.replace("PORT", "9")).unwrap();
    let run = async |words: &[&str]| {
        let mut command = tokio::process::Command::new(binary("ioc-server").unwrap());
        let ended = command.args(words).arg("--config").arg(centre.config()).output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    let (code, said, _) = run(&["source", "list"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "thu  http · thu\n"));
    let (code, _, said) = run(&["source", "try", "thuu"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no source 'thuu'; did you mean 'thu'?"), "{said}");
    let (code, _, said) = run(&["source", "try", "thu"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("source 'thu': it cannot be reached"), "{said}");

    let push = "\n[[source]]\nid = 'tay'\nname = 'tay'\nkind = 'push'\n";
    centre.write("sources.toml", &(HTTP.replace("PORT", "9") + push)).unwrap();
    let server = centre.serve().await.unwrap();
    for (address, status, expected) in [
        ("thu/try", 502, "source 'thu': it cannot be reached"),
        ("tay/try", 409, "there is nothing to read"),
        ("thuu/try", 404, "did you mean 'thu'?"),
        ("thu/try?rows=0", 400, "parameter 'rows' must be a whole number from 1 to 1000"),
        ("thu/try?row=1", 400, "unknown parameter 'row'"),
    ] {
        let answer = post_try(&server, address).await;
        let detail = answer.1["detail"].as_str().unwrap_or_default();
        assert!(answer.0 == status && detail.contains(expected), "{address}: {answer:?}");
    }
}

const DATABASE_FILE: &str = "
[[source]]
id = 'thu'
name = 'thu'
kind = 'sql'
[source.options]
engine = 'sqlite'
file = 'thu.sqlite'
query = 'select ngay, thu from thu'
poll_secs = 86400
[source.options.mapping]
time = { column = 'ngay' }
area = '51'
values = [{ column = 'thu', indicator = 'test.0' }]

[[source]]
id = 'tay'
name = 'tay'
kind = 'push'
";

#[tokio::test]
async fn a_source_is_run_once_with_a_server_and_without() {
    let centre = Centre::small().unwrap();
    centre.write("sources.toml", DATABASE_FILE).unwrap();
    let database = rusqlite::Connection::open(centre.config().join("thu.sqlite")).unwrap();
    database.execute_batch("create table thu (ngay, thu); insert into thu values ('2023-08-01', 1)").unwrap();
    let run = async |words: &[&str], listen: &str| {
        let mut command = tokio::process::Command::new(binary("ioc-server").unwrap());
        command.args(["source", "run"]).args(words).args(["--once", "--config"]).arg(centre.config());
        let ended = command.arg("--data").arg(centre.path("data")).env("IOC_SERVER_LISTEN", listen).output();
        let ended = ended.await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    let nobody = "127.0.0.1:0";
    // Nobody has the data folder.
    let (code, said, _) = run(&["thu"], nobody).await;
    assert!(
        code == Some(0) && said.starts_with("thu (sql): 1 values recorded, 0 rows or values refused, in "),
        "{said}"
    );
    let (code, _, said) = run(&["tay"], nobody).await;
    assert!(code == Some(1) && said.contains("'push'") && said.contains("nothing to run once"), "{said}");
    let (code, _, said) = run(&["thuu"], nobody).await;
    assert!(code == Some(1) && said.contains("did you mean 'thu'?"), "{said}");

    let server = centre.serve().await.unwrap();
    until(&server, 0, (1.0, 1)).await;
    // The server has the folder now: it is found where it listens.
    let (code, said, _) = run(&["thu"], server.authority()).await;
    assert!(code == Some(0) && said.contains("0 values recorded, 0 rows or values refused"), "{said}");
    database.execute_batch("insert into thu values ('2023-08-02', 2), ('2023-08-03', 'x')").unwrap();
    let (code, said, _) = run(&["thu"], server.authority()).await;
    assert!(code == Some(1) && said.contains("1 values recorded, 1 rows or values refused"), "{said}");
    assert!(said.contains("\n  row 3"), "what is wrong: {said}");
    until(&server, 0, (2.0, 2)).await;
    let (code, _, said) = run(&["thu"], nobody).await;
    assert!(code == Some(1) && said.contains("say with --server where it answers"), "{said}");
    database.execute_batch("drop table thu").unwrap();
    let (code, _, said) = run(&["thu", "--server", server.address()], nobody).await;
    assert!(code == Some(1) && said.contains("source 'thu': ") && said.contains("no such table"), "{said}");
}

/// What the server answers when it is told to try a source.
async fn post_try(server: &Server, address: &str) -> (u16, Value) {
    let answer = server.http().post(server.url(&format!("/api/v1/sources/{address}"))).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Only whoever is who they say they are is told the password.
#[tokio::test]
async fn databases_are_asked_who_they_are() {
    for (engine, name) in [(Engine::Postgres, "postgres"), (Engine::MariaDb, "mysql")] {
        let centre = Centre::small().unwrap();
        let database = Database::start(engine, &centre.path(name)).await.unwrap();
        database.run(TABLE).await.unwrap();
        database.run(&insert(14, "1234.5")).await.unwrap();
        std::fs::write(centre.path("secret"), PASSWORD).unwrap();
        let secret = centre.path("secret").display().to_string();
        let source = sql("thu", name, database.port, 0).replace("PASSWORD", &secret);
        let source = source.replace("host = '127.0.0.1'", "host = 'localhost'\ntls = 'verify'\nca_file = 'ca.pem'");
        centre.write("sources.toml", &source).unwrap();
        centre.write("ca.pem", &stranger().unwrap()).unwrap();
        let mut server = centre.serve().await.unwrap();
        is_down_for(&server, "thu", "certificate").await;
        server.kill().await.unwrap();
        std::fs::copy(&database.certificates.authority, centre.config().join("ca.pem")).unwrap();
        server.restart().await.unwrap();
        until(&server, 0, (1234.5, 1)).await;
    }
}
