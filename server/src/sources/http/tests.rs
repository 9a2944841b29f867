mod tls;

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response as Answer};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::sources::tests::{Running, until};

/// What answers a request, as the test sets it.
type Answering = Box<dyn Fn(&Request) -> Answer + Send>;

/// A server of the test's own.
pub struct Peer {
    pub address: SocketAddr,
    answering: Arc<Mutex<Answering>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    serving: JoinHandle<()>,
}

impl Peer {
    pub async fn start() -> Self {
        let nothing: Answering = Box::new(|_| StatusCode::NOT_FOUND.into_response());
        Self::at("127.0.0.1:0".parse().unwrap(), Arc::new(Mutex::new(nothing))).await
    }

    async fn at(address: SocketAddr, answering: Arc<Mutex<Answering>>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let asked = Arc::default();
        let state = (Arc::clone(&answering), Arc::clone(&asked));
        let router = axum::Router::new().fallback(answer).with_state(state);
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, answering, asked, serving }
    }

    pub fn answers(&self, answer: impl Fn(&Request) -> Answer + Send + 'static) {
        *self.answering.lock() = Box::new(answer);
    }

    pub fn says(&self, body: &'static str) {
        self.answers(move |_| body.into_response());
    }

    pub fn count(&self) -> usize {
        self.asked.lock().len()
    }
}

type PeerState = (Arc<Mutex<Answering>>, Arc<Mutex<Vec<(String, HeaderMap)>>>);

async fn answer(State((answering, asked)): State<PeerState>, request: Request) -> Answer {
    asked.lock().push((request.uri().to_string(), request.headers().clone()));
    answering.lock()(&request)
}

const MAPPING: &str = "[mapping]
time = { column = 'nam', format = 'year' }
area = '51'
values = [{ column = 'thu', indicator = 'budget.revenue' }]
";

fn http(url: &str, options: &str) -> Http {
    let options = format!("url = '{url}'\npoll_secs = 1\ntimeout_secs = 5\n{options}\n{MAPPING}");
    Http { options: toml::from_str(&options).unwrap(), time_zone: "Asia/Ho_Chi_Minh".to_owned(), max_line_bytes: 4096 }
}

fn of(peer: &Peer, options: &str) -> Http {
    http(&format!("http://{}/thu?v=1", peer.address), &format!("allow_private = true\n{options}"))
}

/// What one question brings: the values, what was not taken, and what is remembered; or why it brings nothing.
async fn ask(http: &Http, seen: &Seen) -> Result<(Vec<f64>, Vec<String>, Option<Seen>), String> {
    let (pieces, mut queue) = mpsc::channel(100);
    let asking = http.asking().map_err(|error| error.to_string())?;
    let asked = asking.ask(seen, Timestamp::from_secs(1_700_000_000), pieces).await;
    let mut all = RowRead::default();
    while let Some(piece) = queue.recv().await {
        all.extend(piece);
    }
    let seen = asked.map_err(|error| error.to_string())?.map(|asked| asked.seen);
    let problems = all.problems.iter().map(ToString::to_string).collect();
    Ok((all.rows.iter().map(|(_, row)| row.value).collect(), problems, seen))
}

async fn values(http: &Http) -> Vec<f64> {
    let (values, problems, _) = ask(http, &Seen::default()).await.unwrap();
    assert_eq!(problems, [] as [&str; 0]);
    values
}

async fn refused(http: &Http) -> String {
    ask(http, &Seen::default()).await.unwrap_err()
}

#[tokio::test]
async fn rows_are_found_wherever_they_lie() {
    let peer = Peer::start().await;
    peer.says(r#"[{"nam":"2013","thu":1},{"nam":2014,"thu":"2.5"}]"#);
    assert_eq!(values(&of(&peer, "")).await, [1.0, 2.5]);
    peer.says(r#"{"nam":2013,"thu":7}"#);
    assert_eq!(values(&of(&peer, "")).await, [7.0], "the whole is one row");
    peer.says(r#"{"data":{"rows":[{"nam":2013,"so":{"thu":[4,5]}},{"nam":2014,"so":{"thu":[6]}}]}}"#);
    let deep = of(&peer, "rows = '$.data.rows[*]'");
    let mut nested = deep.clone();
    nested.options.mapping.values[0].column = super::super::rows::Column::Name("$.so.thu[-1]".to_owned());
    assert_eq!(values(&nested).await, [5.0, 6.0]);
    let said = refused(&deep).await;
    assert!(said.contains("column 'thu': no row has 'thu'; known: nam, so; has the answer changed?"), "{said}");
    peer.says("nam;thu\n2013;1,5\n2014;2\n");
    let csv = of(&peer, "format = 'csv'");
    let mut comma = csv.clone();
    comma.options.mapping.decimal = toml::from_str::<std::collections::BTreeMap<String, _>>("d = ','").unwrap()["d"];
    assert_eq!(values(&comma).await, [1.5, 2.0]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_named() {
    let peer = Peer::start().await;
    let json = of(&peer, "");
    let cases: [(&str, &str); 5] = [
        (
            "<!DOCTYPE html><html><body>Đăng nhập</body></html>",
            "is no JSON (expected value at line 1 column 1): it begins with '<!DOCTYPE html><html><body>Đăng nhập</body></html>'",
        ),
        (r#"[{"nam":2013,"#, "the answer is no JSON (EOF while parsing"),
        ("", "it is empty"),
        (r#"[{"nam":2013,"thuu":1}]"#, "no row has 'thu'; did you mean 'thuu'?; has the answer changed?"),
        (r#"{"error":"quota"}"#, "no row has 'thu'"),
    ];
    for (body, expected) in cases {
        peer.says(body);
        let said = refused(&json).await;
        assert!(said.contains(expected), "{body}: {said}");
    }
    peer.answers(|_| (StatusCode::INTERNAL_SERVER_ERROR, "ORA-01017: invalid username").into_response());
    let said = refused(&json).await;
    assert!(said.contains("answered 500 Internal Server Error: it begins with 'ORA-01017"), "{said}");
    peer.answers(|_| "x".repeat(2000).into_response());
    let said = refused(&of(&peer, "max_bytes = 1000")).await;
    assert_eq!(said, "the answer has more than 1000 bytes ('max_bytes')");
    peer.says("<html>");
    let said = refused(&of(&peer, "format = 'csv'")).await;
    assert!(said.contains("is no CSV: it begins with '<html>'"), "{said}");
    // Rows that are wrong leave the others alone.
    peer.says(r#"[{"nam":2013,"thu":"n/a"},{"nam":"?","thu":1},{"nam":2015,"thu":{"a":1}},{"nam":2016,"thu":4},{"nam":2017,"thu":null}]"#);
    let (values, problems, _) = ask(&json, &Seen::default()).await.unwrap();
    assert_eq!(values, [4.0]);
    assert_eq!(
        problems,
        [
            "row 1, column 'thu', value 'n/a': is no number; write it like 1234.5",
            "row 2, column 'nam', value '?': is no year; write it like 2015",
            r#"row 3, column 'thu', value '{"a":1}': is no single value; give the path to it as the column ($.a.b)"#,
            "row 5, column 'thu', value '': is no number; write it like 1234.5",
        ]
    );
}

#[tokio::test]
async fn pages_are_followed_to_the_last_and_nowhere_else() {
    let peer = Peer::start().await;
    let page = |request: &Request| {
        let of = |number: u32, next: &str| {
            format!(r#"{{"rows":[{{"nam":{},"thu":{number}}}],"next":{next}}}"#, 2010 + number)
        };
        match request.uri().query().unwrap_or_default() {
            "v=1" => of(1, r#""/thu?v=1&page=2""#),
            "v=1&page=2" => of(2, r#""thu?v=1&page=3""#),
            _ => of(3, "null"),
        }
        .into_response()
    };
    peer.answers(page);
    let by_next = of(&peer, "rows = '$.rows[*]'\npaging = { next = '$.next' }");
    assert_eq!(values(&by_next).await, [1.0, 2.0, 3.0]);
    let said = refused(&of(&peer, "rows = '$.rows[*]'\npaging = { next = '$.next', max_pages = 2 }")).await;
    assert_eq!(said, "there are more than 2 pages ('max_pages')");
    for (next, expected) in [
        ("http://other.example/", "page 2 lies on other.example, which is another host; secrets are not sent there"),
        ("/thu?v=1", "page 1 leads to itself"),
    ] {
        peer.answers(move |_| format!(r#"{{"rows":[{{"nam":2013,"thu":1}}],"next":"{next}"}}"#).into_response());
        assert_eq!(refused(&by_next).await, expected);
    }
    peer.answers(|request| {
        let page: u32 = request.uri().query().unwrap().rsplit('=').next().unwrap().parse().unwrap();
        if page < 2 { format!(r#"[{{"nam":{},"thu":{page}}}]"#, 2013 + page) } else { "[]".to_owned() }.into_response()
    });
    peer.asked.lock().clear();
    assert_eq!(values(&of(&peer, "paging = { parameter = 'p', first = 0 }")).await, [0.0, 1.0]);
    let asked: Vec<String> = peer.asked.lock().iter().map(|(address, _)| address.clone()).collect();
    assert_eq!(asked, ["/thu?v=1&p=0", "/thu?v=1&p=1", "/thu?v=1&p=2"]);
}

#[tokio::test]
async fn secrets_are_sent_and_never_told() {
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    };
    let (token, password, key) = (secret("token", "t0ken\n"), secret("pw", "mật khẩu"), secret("key", "k3y"));
    let peer = Peer::start().await;
    peer.answers(|_| (StatusCode::UNAUTHORIZED, "no").into_response());
    let bearer = of(
        &peer,
        &format!("bearer = '{token}'\nsecret_headers = {{ X-Key = '{key}' }}\nheaders = {{ X-Plain = 'a' }}"),
    );
    let said = refused(&bearer).await;
    let basic = of(&peer, &format!("basic = {{ user = 'ioc', password = '{password}' }}"));
    let said = format!("{said} {} {bearer:?} {basic:?}", refused(&basic).await);
    for hidden in ["t0ken", "k3y", "mật khẩu"] {
        assert!(!said.contains(hidden), "{said}");
    }
    let asked = peer.asked.lock().clone();
    assert_eq!(
        (&asked[0].1[AUTHORIZATION], &asked[0].1["x-key"], &asked[0].1["x-plain"]),
        (&HeaderValue::from_static("Bearer t0ken"), &HeaderValue::from_static("k3y"), &HeaderValue::from_static("a"))
    );
    use base64::Engine;
    let expected = base64::engine::general_purpose::STANDARD.encode("ioc:mật khẩu");
    assert_eq!(asked[1].1[AUTHORIZATION].to_str().unwrap(), format!("Basic {expected}"));
    let gone = of(&peer, "bearer = 'file:/no/such/file'");
    assert!(refused(&gone).await.contains("the secret in /no/such/file cannot be read"));
}

#[tokio::test]
async fn the_inner_network_is_not_reached_by_chance() {
    let peer = Peer::start().await;
    peer.says(r#"[{"nam":2013,"thu":1}]"#);
    let port = peer.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"] {
        let said = refused(&http(&format!("http://{host}:{port}/"), "")).await;
        assert!(
            said.contains("an address of the inner network; set allow_private = true if it is meant"),
            "{host}: {said}"
        );
    }
    assert_eq!(peer.count(), 0);
    let elsewhere = format!("http://localhost:{port}/");
    peer.answers(move |request| match request.uri().path() {
        "/thu" => (StatusCode::FOUND, [(LOCATION, elsewhere.clone())]).into_response(),
        _ => r#"[{"nam":2013,"thu":1}]"#.into_response(),
    });
    let said = refused(&of(&peer, "")).await;
    assert!(
        said.contains(&format!("the answer leads elsewhere, to http://localhost:{port}; if that is right, write it")),
        "{said}"
    );
    assert_eq!(peer.count(), 1);
    peer.answers(|request| match request.uri().path() {
        "/thu" => (StatusCode::FOUND, [(LOCATION, "/moi")]).into_response(),
        _ => r#"[{"nam":2013,"thu":1}]"#.into_response(),
    });
    assert_eq!(values(&of(&peer, "")).await, [1.0], "on the same host it is followed");
}

fn follow(http: &Http, running: &Running) -> JoinHandle<Result<(), SourceError>> {
    let (http, link) = (http.clone(), running.link.clone());
    running.stop.send_replace(false);
    tokio::spawn(async move { http.run(link).await })
}

#[tokio::test]
async fn what_has_not_changed_is_not_read_again() {
    let running = Running::start();
    let peer = Peer::start().await;
    peer.answers(|request| match request.headers().get(IF_NONE_MATCH) {
        Some(tag) if tag == "\"1\"" => StatusCode::NOT_MODIFIED.into_response(),
        _ => ([(ETAG, "\"1\"")], r#"[{"nam":2013,"thu":1},{"nam":2014,"thu":"x"}]"#).into_response(),
    });
    let http = of(&peer, "");
    let following = follow(&http, &running);
    until(|| peer.count() >= 3).await;
    running.end(following).await;
    assert_eq!((running.known("budget.revenue").await, running.accepted()), (vec![1.0], 1));
    assert_eq!(running.problems(), ["row 2, column 'thu': 'x' is no number; write it like 1234.5"]);
    assert_eq!(running.link.health.of(&running.link.source).unwrap().refused, 1, "counted once");
    // It is remembered over a restart. A corrected value becomes another revision.
    peer.answers(|request| {
        assert_eq!(request.headers()[IF_NONE_MATCH], "\"1\"");
        ([(ETAG, "\"2\"")], r#"[{"nam":2013,"thu":3}]"#).into_response()
    });
    let following = follow(&http, &running);
    until(|| running.accepted() == 2).await;
    running.end(following).await;
    assert_eq!(running.known("budget.revenue").await, [3.0]);
    assert_eq!(running.problems(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_server_that_goes_away_hangs_or_lies_ends_this_run_only() {
    let running = Running::start();
    let peer = Peer::start().await;
    peer.says(r#"[{"nam":2013,"thu":1}]"#);
    let http = of(&peer, "");
    let following = follow(&http, &running);
    until(|| running.accepted() == 1).await;
    let Peer { address, answering, serving, .. } = peer;
    serving.abort();
    let gone = following.await.unwrap().unwrap_err().to_string();
    assert!(gone.starts_with("it cannot be reached"), "{gone}");
    let peer = Peer::at(address, answering).await;
    peer.says(r#"[{"nam":2013,"thu":2}]"#);
    let following = follow(&http, &running);
    until(|| running.accepted() == 2).await;
    running.end(following).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut hanging = super::tests::http(&format!("http://{}/", silent.local_addr().unwrap()), "allow_private = true");
    hanging.options.timeout_secs = 1;
    let said = refused(&hanging).await;
    assert!(said.starts_with("there was no answer in time"), "{said}");
}
