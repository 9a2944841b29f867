use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::config::Origin;
use crate::config::tests::{whole, write};
use crate::web::tests::{Answer, Server};

const SOURCES: &str = "
[[source]]
id = 'thu'
name = 'Thu'
kind = 'sql'
[source.options]
engine = 'sqlite'
file = 'thu.sqlite'
query = 'select ngay, thu from thu'
poll_secs = 86400
[source.options.mapping]
time = { column = 'ngay' }
area = '51'
values = [{ column = 'thu', indicator = 'budget.revenue' }]

[[source]]
id = 'tep'
name = 'Tệp'
kind = 'csv'
[source.options]
files = { folder = 'tep', poll_secs = 86400, settle_ms = 50 }
[source.options.mapping]
time = { column = 'ngay' }
area = '51'
values = [{ column = 'thu', indicator = 'budget.revenue' }]

[[source]]
id = 'tay'
name = 'Tay'
kind = 'push'
";

async fn server(dir: &Path) -> Server {
    write(dir, &whole());
    std::fs::write(dir.join("sources.toml"), SOURCES).unwrap();
    std::fs::create_dir(dir.join("tep")).unwrap();
    run_sql(dir, "create table thu (ngay text, thu); insert into thu values ('2023-08-01', 1)");
    let origin = Origin { dir: dir.to_owned(), listen: None };
    Server::over(origin.load().unwrap(), tempfile::tempdir().unwrap()).await.unwrap()
}

fn run_sql(dir: &Path, statements: &str) {
    rusqlite::Connection::open(dir.join("thu.sqlite")).unwrap().execute_batch(statements).unwrap();
}

async fn run(server: &Server, source: &str) -> Answer {
    server.ask(Request::post(format!("/api/v1/sources/{source}/run")).body(Body::empty()).unwrap()).await
}

fn accepted(server: &Server, source: &str) -> u64 {
    server.shared.sources.of(&source.into()).unwrap().accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_asked_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path()).await;
    assert_eq!(run(&server, "thu").await.status, StatusCode::OK);
    assert_eq!(accepted(&server, "thu"), 1);
    // It would be asked again tomorrow.
    run_sql(dir.path(), "insert into thu values ('2023-08-02', 2), ('2023-08-03', 'nhiều')");
    let mut round = run(&server, "thu").await.json();
    assert!(round["took_ms"].take().is_u64());
    let said = round["problems"].take();
    assert!(said[0]["reason"].as_str().unwrap().contains("nhiều"), "{said}");
    let expected = json!({
        "source": "thu", "kind": "sql", "took_ms": null, "accepted": 1, "refused": 1, "problems": null,
    });
    assert_eq!(round, expected);
    // Why it cannot be read is the answer, and it need not wait until it is tried again by itself.
    run_sql(dir.path(), "alter table thu rename to thu_cu");
    for _ in 0..2 {
        let detail = run(&server, "thu").await.problem(StatusCode::BAD_GATEWAY);
        assert!(detail.starts_with("source 'thu': ") && detail.contains("no such table"), "{detail}");
    }
    run_sql(dir.path(), "alter table thu_cu rename to thu; delete from thu where thu = 'nhiều'");
    let round = run(&server, "thu").await.json();
    assert_eq!((&round["accepted"], &round["problems"]), (&json!(0), &json!([])), "{round}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_read_with_the_files_that_are_just_written() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path()).await;
    std::fs::write(dir.path().join("tep/a.csv"), "ngay,thu\n2023-08-01,1\n2023-08-02,2\n2023-08-03,x\n").unwrap();
    let round = run(&server, "tep").await.json();
    assert_eq!(accepted(&server, "tep"), 2, "{round}");
    assert!(round["problems"][0]["place"].as_str().unwrap().starts_with("a.csv, row 4"), "{round}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_itself_is_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path()).await;
    let detail = run(&server, "tay").await.problem(StatusCode::CONFLICT);
    assert!(detail.contains("of the kind 'push'") && detail.contains("nothing to run once"), "{detail}");
    let detail = run(&server, "thuu").await.problem(StatusCode::NOT_FOUND);
    assert!(detail.contains("did you mean 'thu'?"), "{detail}");
    let request = Request::post("/api/v1/sources/thu/run").body(Body::empty()).unwrap();
    server.ask_from(Some("10.1.2.3:50000"), request).await.problem(StatusCode::FORBIDDEN);
    // Who waits for a source that is taken away meanwhile is told.
    std::fs::write(dir.path().join("sources.toml"), "").unwrap();
    let reload = server.ask(Request::post("/api/v1/reload").body(Body::empty()).unwrap()).await;
    assert_eq!(reload.json()["sources"]["stopped"], json!(["thu", "tep", "tay"]));
    assert_eq!(run(&server, "thu").await.json()["status"], Value::from(404));
}
