//! The addresses of a whole server, asked without a network.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use protocol::observation::{Better, Name, Period};
use protocol::{
    Area, Canvas, Catalogue, Indicator, IndicatorId, Layout, LayoutId, PanelSpec, Place, SourceId, SourceInfo, Wall,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{App, Shared};
use crate::config::{CentreConfig, Origin, Settings};

/// A server over an empty data folder.
pub struct Server {
    router: Router,
    pub shared: Shared,
    _app: App,
    data: tempfile::TempDir,
}

/// What the server answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The detail of a problem of this status.
    pub fn problem(&self, status: StatusCode) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], super::problem::MEDIA_TYPE);
        let problem = self.json();
        assert_eq!(problem["status"], status.as_u16());
        assert!(problem["type"].is_string() && problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

fn name(text: &str) -> Name {
    Name { vi: text.to_owned(), en: None }
}

fn catalogue() -> Catalogue {
    let indicator = Indicator {
        id: "budget.revenue".into(),
        name: name("Thu ngân sách"),
        short: None,
        unit: name("tỷ đồng"),
        decimals: 0,
        display_scale: 1.0,
        period: Period::Day,
        better: Better::Higher,
        cumulative: false,
        owner: "so-tai-chinh".into(),
        expected_interval_secs: 86_400,
        grace_secs: 0,
        warning: None,
        critical: None,
        derive: None,
        plausible: None,
        lost_after_secs: None,
    };
    let area = Area { id: "51".into(), name: name("Quảng Ngãi"), parent: None, valid_from: None, valid_to: None };
    let push = SourceInfo { id: "api".into(), name: name("Gửi qua API"), kind: "push".into(), owner: None };
    let mut catalogue =
        Catalogue { organisation: name("UBND <tỉnh>"), centre: name("Trung tâm"), ..Catalogue::default() };
    catalogue.indicators.insert(IndicatorId::from("budget.revenue"), Arc::new(indicator));
    catalogue.areas.insert("51".into(), Arc::new(area));
    catalogue.sources.insert(SourceId::from("api"), Arc::new(push));
    catalogue
}

fn value_panel() -> PanelSpec {
    let place = Place::cells(0, 0, 8, 4);
    let options = json!({ "indicator": "budget.revenue", "area": "51", "sparkline": false });
    PanelSpec { id: "revenue".into(), kind: "value".into(), place, options: options.as_object().unwrap().clone() }
}

pub fn layout(id: &str) -> Layout {
    Layout {
        id: id.into(),
        name: name("Tổng quan"),
        version: 1,
        read_only: false,
        grid: (32, 18),
        panels: vec![value_panel()],
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &["overview"]).await.unwrap()
    }

    /// A server over what another one left, with these layouts in its configuration.
    async fn start_in(folder: tempfile::TempDir, configured: &[&str]) -> anyhow::Result<Self> {
        let mut settings = Settings::default();
        settings.ingest.max_line_bytes = 1024;
        settings.ingest.max_body_bytes = 64 * 1024;
        let configured = configured.iter().map(|id| (LayoutId::from(*id), Layout { read_only: true, ..layout(id) }));
        let wall = Wall {
            id: "main".into(),
            name: name("Màn hình chính"),
            canvas: Canvas { width_px: 3840, height_px: 2160 },
            displays: Vec::new(),
            room: None,
            layout: "overview".into(),
            lead_ms: 0,
        };
        let config = CentreConfig {
            origin: Origin::default(),
            settings,
            catalogue: catalogue(),
            walls: [("main".into(), wall)].into(),
            layouts: configured.collect(),
            panel_lines: [].into(),
            sources: Vec::new(),
        };
        Self::over(config, folder).await
    }

    /// A server of this configuration.
    pub async fn over(config: CentreConfig, folder: tempfile::TempDir) -> anyhow::Result<Self> {
        let app = App::start(config, folder.path(), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let shared = app.shared.clone();
        Ok(Self { router: super::router(shared.clone()), shared, _app: app, data: folder })
    }

    /// A server with as many easels as these.
    pub fn set_easels(&mut self, easels: super::pictures::Easels) {
        self.shared.easels = easels;
        self.router = super::router(self.shared.clone());
    }

    pub async fn ask_from(&self, peer: Option<&str>, mut request: Request<Body>) -> Answer {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_from(Some("127.0.0.1:50000"), request).await
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.ask(Request::get(address).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, media_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/observations").header(header::CONTENT_TYPE, media_type);
        self.ask(request.body(body.into()).unwrap()).await
    }

    pub async fn put(&self, layout: &Layout, if_match: Option<&str>) -> Answer {
        let mut request =
            Request::put(format!("/api/v1/layouts/{}", layout.id)).header(header::CONTENT_TYPE, "application/json");
        if let Some(tag) = if_match {
            request = request.header(header::IF_MATCH, tag);
        }
        self.ask(request.body(serde_json::to_vec(layout).unwrap().into()).unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem() {
    let server = Server::start().await;
    let detail = server.get("/api/v2/nothing").await.problem(StatusCode::NOT_FOUND);
    assert!(detail.contains("/api/v2/nothing") && detail.contains("/openapi.json"), "{detail}");
    let answer = server.ask(Request::delete("/api/v1/series").body(Body::empty()).unwrap()).await;
    answer.problem(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD");
    server.get("/api/v1/layouts/%ff").await.problem(StatusCode::BAD_REQUEST);
    let answer = server.get("/healthz").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "ok\n"));
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_gives_what_was_sent_and_names_wrong_parameters() {
    let server = Server::start().await;
    let rows = json!([
        { "indicator": "budget.revenue", "area": "51", "value": 0.1, "time": "2024-01-01T00:00:00+07:00" },
        { "indicator": "budget.revenue", "area": "51", "value": 1.0e-300, "time": "2024-01-02T00:00:00+07:00" },
        { "indicator": "budget.revenue", "area": "51", "value": 33_190.123_456_789_01, "time": "2024-01-02T00:00:00+07:00", "status": "official" },
    ]);
    let verdict = server.post("application/json", rows.to_string()).await.json();
    assert_eq!((&verdict["accepted"], &verdict["refused"][0]["row"]), (&json!(2), &json!(2)));
    let history = server.get("/api/v1/series?indicator=budget.revenue&area=51").await.json();
    let values: Vec<f64> =
        history["observations"].as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [0.1, 33_190.123_456_789_01]);
    assert_eq!(history["observations"][1]["status"], "official");
    assert_eq!(history["observations"][0]["time"], 1_704_042_000_000_000_i64);
    let first = server.get("/api/v1/series?indicator=budget.revenue&area=51&limit=1").await.json();
    assert_eq!(first["next_from"], 1_704_128_400_000_000_i64);
    let request = Request::get("/api/v1/series?indicator=budget.revenue&area=51&to=1704042000000000")
        .header("accept", "text/csv");
    let csv = server.ask(request.body(Body::empty()).unwrap()).await.text;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 2, "{csv}");
    // What is cut off says where it goes on.
    let request =
        Request::get("/api/v1/series?from=0&indicator=budget.revenue&area=51&limit=1").header("accept", "text/csv");
    let cut = server.ask(request.body(Body::empty()).unwrap()).await;
    let link = cut.headers[header::LINK].to_str().unwrap();
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    assert_eq!(next, "/api/v1/series?indicator=budget.revenue&area=51&limit=1&from=1704128400000000");
    let rest = server.get(next).await;
    assert_eq!(
        (&rest.json()["observations"][0]["value"], rest.headers.get(header::LINK)),
        (&json!(33_190.123_456_789_01), None)
    );
    assert!(lines[1].starts_with("budget.revenue,51,actual,0.1,2023-12-31T17:00:00Z,automatic,"), "{csv}");
    for (query, status, expected) in [
        ("area=51", StatusCode::BAD_REQUEST, "'indicator' is missing"),
        (
            "indicator=budget.revenue&area=51&form=0",
            StatusCode::BAD_REQUEST,
            "unknown parameter 'form'; did you mean 'from'?",
        ),
        ("indicator=budget.revenue&area=51&area=52", StatusCode::BAD_REQUEST, "'area' is given twice"),
        ("indicator=budget.revenue&area=51&from=yesterday", StatusCode::BAD_REQUEST, "'from' must be RFC 3339"),
        (
            "indicator=budget.revenue&area=51&from=1704067200",
            StatusCode::BAD_REQUEST,
            "'from': time 1704067200 looks like seconds",
        ),
        ("indicator=budget.revenue&area=51&as_of=1704067200000", StatusCode::BAD_REQUEST, "looks like milliseconds"),
        ("indicator=budget.revenue&area=51&from=2&to=1", StatusCode::BAD_REQUEST, "'from' lies after 'to'"),
        ("indicator=budget.revenue&area=51&limit=0", StatusCode::BAD_REQUEST, "'limit' must be"),
        ("indicator=budget.revenue&area=51&scenario=plans", StatusCode::BAD_REQUEST, "did you mean 'plan'?"),
        ("indicator=budget.revenu&area=51", StatusCode::NOT_FOUND, "did you mean 'budget.revenue'?"),
        ("indicator=budget.revenue&area=99", StatusCode::NOT_FOUND, "no area '99'"),
    ] {
        let detail = server.get(&format!("/api/v1/series?{query}")).await.problem(status);
        assert!(detail.contains(expected), "{query}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_is_saved_by_the_version_it_was_changed_from() {
    let server = Server::start().await;
    let mine = layout("mine");
    let made = server.put(&mine, None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.headers[header::ETAG], "\"1\"");
    let detail = server.put(&mine, None).await.problem(StatusCode::PRECONDITION_REQUIRED);
    assert!(detail.contains("If-Match"), "{detail}");
    let changed = server.put(&mine, Some("\"1\"")).await;
    assert_eq!((changed.status, &changed.headers[header::ETAG]), (StatusCode::OK, &"\"2\"".parse().unwrap()));
    let lost = server.put(&mine, Some("\"1\"")).await;
    lost.problem(StatusCode::CONFLICT);
    assert_eq!(lost.json()["current_version"], 2);
    assert_eq!(lost.headers[header::ETAG], "\"2\"");
    server.put(&mine, Some("2")).await.problem(StatusCode::BAD_REQUEST);
    let read = server.get("/api/v1/layouts/mine").await;
    assert_eq!((read.json()["version"].as_u64(), &read.headers[header::ETAG]), (Some(2), &"\"2\"".parse().unwrap()));
    let known =
        Request::get("/api/v1/layouts/mine").header(header::IF_NONE_MATCH, "\"2\"").body(Body::empty()).unwrap();
    assert_eq!(server.ask(known).await.status, StatusCode::NOT_MODIFIED);
    server.put(&layout("overview"), Some("\"1\"")).await.problem(StatusCode::FORBIDDEN);
    server.put(&layout("a.b"), None).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
    let detail = server.get("/api/v1/layouts/nowhere").await.problem(StatusCode::NOT_FOUND);
    assert!(detail.contains("mine, overview"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_layout_does_not_replace_a_saved_one() {
    let server = Server::start().await;
    server.put(&layout("mine"), None).await;
    let Server { data, router, shared, _app } = server;
    drop((router, shared, _app));
    let said = Server::start_in(data, &["mine", "overview"]).await.err().unwrap().to_string();
    assert!(said.contains("layouts/mine.toml") && said.contains("'Tổng quan', version 1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_layout_is_refused_with_findings() {
    let server = Server::start().await;
    let mut wrong = layout("wrong");
    wrong.panels.push(PanelSpec { id: "second".into(), kind: "valeu".into(), ..value_panel() });
    wrong.panels.push(PanelSpec { id: "third".into(), place: Place::cells(30, 0, 8, 2), ..value_panel() });
    wrong.panels[0].options.insert("indicator".into(), "budget.revenu".into());
    let answer = server.put(&wrong, None).await;
    answer.problem(StatusCode::UNPROCESSABLE_ENTITY);
    let findings = answer.json()["findings"].to_string();
    for expected in ["unknown panel kind 'valeu'", "overlaps 'revenue'", "the grid has 32 columns", "budget.revenu"] {
        assert!(findings.contains(expected), "{expected}: {findings}");
    }
    let mut misspelt = serde_json::to_value(layout("wrong")).unwrap();
    misspelt["panels"][0]["place"]["colums"] = 3.into();
    let request = Request::put("/api/v1/layouts/wrong").header(header::CONTENT_TYPE, "application/json");
    let answer = server.ask(request.body(misspelt.to_string().into()).unwrap()).await;
    let detail = answer.problem(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(detail.contains("unknown field `colums`") && detail.contains("`columns`"), "{detail}");
    assert_eq!(server.get("/api/v1/layouts/wrong").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_is_told_how_it_can_be_read() {
    let server = Server::start().await;
    let mut narrow = layout("narrow");
    narrow.panels[0].place = Place::cells(0, 0, 2, 2);
    server.put(&narrow, None).await;
    let found = server.get("/api/v1/layouts/narrow/legibility").await.json();
    let found = found.as_array().unwrap();
    assert!(found.iter().any(|found| found["rule"] == "overflow" && found["wall"] == "main"), "{found:?}");
    assert!(found.iter().all(|found| found["message"].is_string() && found["level"].is_string()), "{found:?}");
    assert_eq!(server.get("/api/v1/layouts/narrow/legibility?wall=main").await.json().as_array(), Some(found));
    let missing = server.get("/api/v1/layouts/narrow/legibility?wall=side").await.problem(StatusCode::NOT_FOUND);
    assert!(missing.contains("known: main"), "{missing}");
    server.get("/api/v1/layouts/narrow/legibility?walls=main").await.problem(StatusCode::BAD_REQUEST);
    server.get("/api/v1/layouts/none/legibility").await.problem(StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_shows_what_it_is_told() {
    let server = Server::start().await;
    server.put(&layout("mine"), None).await;
    let show = |body: &'static str| {
        let request = Request::post("/api/v1/walls/main/show").header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(body)).unwrap()
    };
    let shown = server.ask(show(r#"{"layout": "mine"}"#)).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    assert_eq!(server.get("/api/v1/walls").await.json()[0]["shown"], "mine");
    assert!(server.ask(show(r#"{"layout": "other"}"#)).await.problem(StatusCode::NOT_FOUND).contains("mine, overview"));
    server.ask(show(r#"{"layuot": "mine"}"#)).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
    server.ask(show("{")).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_fills_the_wall_until_it_is_told_otherwise() {
    let server = Server::start().await;
    let mut other = layout("mine");
    other.panels.push(PanelSpec { id: "second".into(), place: Place::cells(8, 0, 8, 4), ..other.panels[0].clone() });
    server.put(&other, None).await;
    let post = |what: &str, body: &'static str| {
        let request =
            Request::post(format!("/api/v1/walls/main/{what}")).header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(body)).unwrap()
    };
    let shown = || async {
        let view = server.shared.hub.view_once(protocol::message::ViewName::Wall("main".into())).await.unwrap();
        let arranged = view.arranged().unwrap();
        let places: Vec<_> = arranged.layout.panels.iter().map(|spec| (spec.id.to_string(), spec.place)).collect();
        (arranged.spotlight.clone(), places)
    };
    let whole = Place::cells(0, 0, 32, 18);
    assert_eq!(server.ask(post("show", r#"{"layout": "mine"}"#)).await.status, StatusCode::OK);
    let lit = server.ask(post("spotlight", r#"{"panel": "second"}"#)).await;
    assert_eq!(lit.status, StatusCode::OK, "{}", lit.text);
    assert_eq!(server.get("/api/v1/walls").await.json()[0]["spotlight"], "second");
    assert_eq!(shown().await, (Some("second".into()), vec![("second".to_owned(), whole)]));
    let unknown = server.ask(post("spotlight", r#"{"panel": "third"}"#)).await.problem(StatusCode::NOT_FOUND);
    assert!(unknown.contains("panel 'third' in layout 'mine'") && unknown.contains("second"), "{unknown}");
    server.ask(post("spotlight", "{}")).await.problem(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.ask(post("spotlight", r#"{"panel": null}"#)).await.status, StatusCode::OK);
    assert_eq!(shown().await.1.len(), 2);
    server.ask(post("spotlight", r#"{"panel": "second"}"#)).await;
    server.ask(post("show", r#"{"layout": "mine"}"#)).await;
    assert_eq!(shown().await.0, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_taken_from_this_machine_only() {
    let server = Server::start().await;
    let request = |name: &'static str, value: &'static str| {
        let request = Request::post("/api/v1/observations").header(header::CONTENT_TYPE, "application/json");
        request.header(name, value).body(Body::from("[]")).unwrap()
    };
    let refused = [
        (Some("192.0.2.7:1"), request("host", "localhost")),
        (None, request("host", "localhost")),
        // A name of another site that leads here.
        (Some("127.0.0.1:1"), request("host", "example.org:8080")),
        (Some("127.0.0.1:1"), request("host", "127.0.0.1.example.org")),
        (Some("127.0.0.1:1"), request("host", "192.0.2.7:8080")),
        (Some("127.0.0.1:1"), request("host", "")),
        (Some("127.0.0.1:1"), request("x-forwarded-for", "192.0.2.7")),
        (Some("127.0.0.1:1"), request("origin", "https://example.org")),
    ];
    for (peer, request) in refused {
        server.ask_from(peer, request).await.problem(StatusCode::FORBIDDEN);
    }
    for peer in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        let answer = server.ask_from(Some(peer), request("host", "localhost:8080")).await;
        assert_eq!(answer.status, StatusCode::OK, "{peer}: {}", answer.text);
    }
    for host in ["127.0.0.1", "127.0.1.1:8080", "[::1]:8080", "LOCALHOST"] {
        let answer = server.ask_from(Some("127.0.0.1:1"), request("host", host)).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_and_the_health_of_sources_are_told() {
    let server = Server::start().await;
    server.post("application/json", r#"[{"indicator":"budget.revenue","area":"51","value":"x","time":0}]"#).await;
    assert_eq!(server.get("/api/v1/indicators").await.json()[0]["id"], "budget.revenue");
    assert_eq!(server.get("/api/v1/areas").await.json()[0]["name"]["vi"], "Quảng Ngãi");
    assert_eq!(server.get("/api/v1/agencies").await.json(), json!([]));
    let sources = server.get("/api/v1/sources").await.json();
    assert_eq!((&sources[0]["kind"], &sources[0]["health"]["refused"]), (&json!("push"), &json!(1)));
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.text);
    assert_eq!(ready.json()["log"]["writable"], true);
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains("ioc_ingest_rows_total{source=\"api\",verdict=\"refused\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_self_contained_and_helpful() {
    let server = Server::start().await;
    let page = server.get("/watch/overview?lang=vi").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.text.matches(nonce).count(), 2, "one style and one script may run");
    assert!(!page.text.contains("{{") && !page.text.contains("watch-"), "a place is open or a word missing");
    assert!(page.text.contains(r#""view":{"layout":"overview"}"#));
    let missing = server.get("/watch/overveiw?lang=en").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("overveiw") && missing.text.contains("/watch/overview"), "{}", missing.text);
    let list = server.get("/?lang=en").await.text;
    assert!(list.contains("/watch/wall/main") && list.contains("UBND &lt;tỉnh&gt;"), "{list}");
    server.get("/?lang=fr").await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_a_layout_prints_the_recorded_value() {
    let server = Server::start().await;
    let now = server.shared.clock.now().as_micros();
    let row = json!({ "indicator": "budget.revenue", "area": "51", "value": 18_642, "time": now });
    server.post("application/json", row.to_string()).await;
    let picture = server.get("/api/v1/layouts/overview.svg").await;
    assert_eq!(picture.headers[header::CONTENT_TYPE], "image/svg+xml");
    assert!(picture.text.contains("aria-label=\"18.642\" data-provenance="), "{}", picture.text);
    server.get("/api/v1/layouts/nowhere.svg").await.problem(StatusCode::NOT_FOUND);
}
