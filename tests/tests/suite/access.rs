//! Who may come in, and who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use tests::centre::{AREA, Plan, indicator};
use tests::people::{self, Caller, PASSWORD};
use tests::{Centre, Client, Server, eventually};

const LIMIT: Duration = Duration::from_secs(15);

async fn with_accounts() -> (Centre, Server, Caller) {
    let centre = Centre::of(Plan { settings: "[access]\naccounts = true\n", ..Plan::default() }).unwrap();
    centre.write("sources.toml", "[[source]]\nid = \"api\"\nname = \"API\"\nkind = \"push\"\n[[source]]\nid = \"khac\"\nname = \"Khác\"\nkind = \"push\"\n").unwrap();
    let mut server = centre.serve().await.unwrap();
    let administrator = people::first_administrator(&mut server).await.unwrap();
    (centre, server, administrator)
}

const ROLES: [&str; 5] = ["viewer", "department", "chair", "operator", "administrator"];

/// What each address takes, by what may be done there.
const RIGHTS: [(&str, &[&str]); 6] = [
    (
        "read",
        &[
            "GET /api/v1/series",
            "GET /api/v1/provenance",
            "GET /api/v1/indicators",
            "GET /api/v1/areas",
            "GET /api/v1/agencies",
            "GET /api/v1/sources",
            "GET /api/v1/documents",
            "GET /api/v1/layouts",
            "GET /api/v1/layouts/{id}",
            "GET /api/v1/layouts/{id}.{format}",
            "GET /api/v1/layouts/{id}/legibility",
            "GET /api/v1/walls",
            "GET /api/v1/alarms",
            "GET /metrics",
        ],
    ),
    ("arrange", &["PUT /api/v1/layouts/{id}"]),
    ("present", &["POST /api/v1/walls/{id}/show", "POST /api/v1/walls/{id}/spotlight"]),
    (
        "attend",
        &[
            "POST /api/v1/alarms/{id}/acknowledge",
            "POST /api/v1/alarms/{id}/shelve",
            "POST /api/v1/alarms/{id}/unshelve",
        ],
    ),
    ("deliver", &["POST /api/v1/observations"]),
    (
        "administer",
        &[
            "POST /api/v1/sources/{id}/try",
            "POST /api/v1/sources/{id}/run",
            "POST /api/v1/reload",
            "GET /api/v1/accounts",
            "POST /api/v1/accounts",
            "PUT /api/v1/accounts/{id}",
            "POST /api/v1/accounts/{id}/invite",
            "GET /api/v1/tokens",
            "POST /api/v1/tokens",
            "DELETE /api/v1/tokens/{id}",
        ],
    ),
];

/// For everybody, whoever they are; and for everybody of whom that is known.
const PUBLIC: [&str; 5] = [
    "GET /healthz",
    "GET /readyz",
    "POST /api/v1/sign-in",
    "GET /api/v1/invitations/{secret}",
    "POST /api/v1/invitations/{secret}",
];
const KNOWN: [&str; 2] = ["GET /api/v1/me", "POST /api/v1/sign-out"];

fn rights_of(role: &str) -> &'static [&'static str] {
    match role {
        "viewer" | "department" => &["read"],
        "chair" => &["read", "present", "attend"],
        "operator" => &["read", "arrange", "present", "attend"],
        "administrator" => &["read", "arrange", "present", "attend", "deliver", "administer"],
        "source" => &["deliver"],
        _ => &[],
    }
}

/// Every address with every kind of caller: only those get through who may.
#[tokio::test]
async fn every_address_lets_only_those_through_who_may() {
    let (_centre, server, administrator) = with_accounts().await;
    let api = server.get("/openapi.json").await.unwrap();
    let described: BTreeSet<String> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let right_of: BTreeMap<&str, &str> =
        RIGHTS.iter().flat_map(|(right, addresses)| addresses.iter().map(|address| (*address, *right))).collect();
    let listed: BTreeSet<String> = right_of.keys().copied().chain(PUBLIC).chain(KNOWN).map(str::to_owned).collect();
    assert_eq!(described, listed, "an address that this test does not know, or that is there no more");

    for (name, caller, standing) in all_kinds(&server, &administrator).await {
        for address in &listed {
            let expected = match (right_of.get(address.as_str()), &standing) {
                // It would end what the others are asked with.
                (None, Standing::Good(_)) if address == "POST /api/v1/sign-out" => continue,
                (None, _) if PUBLIC.contains(&address.as_str()) => continue,
                (_, Standing::Bad) => false,
                // Of pages of elsewhere a browser shows nothing of what is only read.
                (_, Standing::Elsewhere(_)) if !address.starts_with("GET ") => false,
                (right, Standing::Good(role) | Standing::Elsewhere(role)) => {
                    right.is_none_or(|right| rights_of(role).contains(right))
                }
            };
            let (method, path) = address.split_once(' ').unwrap();
            let path = path.replace("{id}.{format}", "overview.svg").replace("{id}", "khong-co");
            let (status, answer) = caller.send(&server, method.parse().unwrap(), &path, &json!({})).await.unwrap();
            let is_through = ![401, 403].contains(&status);
            assert_eq!(is_through, expected, "{address} as {name}: {status} {answer}");
            assert!(status < 500, "{address} as {name}: {status} {answer}");
        }
    }
}

/// What is to be thought of a caller.
enum Standing {
    /// It is what it says, of this role.
    Good(&'static str),
    /// A browser with a good cookie, on a page of somewhere else.
    Elsewhere(&'static str),
    Bad,
}

/// One caller of every kind.
async fn all_kinds(server: &Server, administrator: &Caller) -> Vec<(String, Caller, Standing)> {
    let mut callers = Vec::new();
    let token = async |holder: Value| people::token(server, administrator, &holder, None).await.unwrap();
    for role in ROLES {
        let caller = people::make(server, administrator, &format!("la-{role}"), role).await.unwrap();
        let Caller::Cookie(cookie) = &caller else { panic!("{caller:?}") };
        let elsewhere = Caller::CookieFromElsewhere(cookie.clone());
        callers.push((format!("{role}, on a page of elsewhere"), elsewhere, Standing::Elsewhere(role)));
        callers.push((role.to_owned(), caller, Standing::Good(role)));
        let program = Caller::Token(token(json!({ "kind": "program", "role": role })).await.secret);
        callers.push((format!("a program, {role}"), program, Standing::Good(role)));
    }
    let wall = Caller::Token(token(json!({ "kind": "wall", "wall": "main" })).await.secret);
    let source = Caller::Token(token(json!({ "kind": "source", "source": "api" })).await.secret);
    let revoked = token(json!({ "kind": "program", "role": "administrator" })).await;
    let revoke = format!("/api/v1/tokens/{}", revoked.id);
    administrator.send(server, Method::DELETE, &revoke, &Value::Null).await.unwrap();
    callers.extend([
        ("a wall".to_owned(), wall, Standing::Good("wall")),
        ("a source".to_owned(), source, Standing::Good("source")),
        ("a revoked token".to_owned(), Caller::Token(revoked.secret), Standing::Bad),
        ("an expired token".to_owned(), Caller::Token(expired(server, administrator).await), Standing::Bad),
        ("nobody".to_owned(), Caller::Nobody, Standing::Bad),
        ("a made-up cookie".to_owned(), Caller::Cookie("ioc-session=ioc-x".to_owned()), Standing::Bad),
        ("a made-up token".to_owned(), Caller::Token("ioc-x".to_owned()), Standing::Bad),
    ]);
    callers
}

/// A token whose time is over.
async fn expired(server: &Server, administrator: &Caller) -> String {
    let soon = std::time::SystemTime::now() + Duration::from_secs(4);
    let micros = soon.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    let soon = jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
    let holder = json!({ "kind": "program", "role": "administrator" });
    let token = people::token(server, administrator, &holder, Some(&soon)).await.unwrap();
    let caller = Caller::Token(token.secret.clone());
    let over = eventually("the token expires", LIMIT, || async {
        let (status, said) = caller.send(server, Method::GET, "/api/v1/walls", &Value::Null).await?;
        ensure!(
            status == 401 && said["detail"].as_str().is_some_and(|said| said.contains("has expired")),
            "{status} {said}"
        );
        Ok(())
    });
    over.await.unwrap();
    token.secret
}

#[tokio::test]
async fn people_are_let_in_by_a_link_and_a_password() {
    let (_centre, mut server, administrator) = with_accounts().await;
    let me = |caller: Caller, server: &Server| {
        let request = caller.request(server, Method::GET, "/api/v1/me");
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    assert_eq!(me(administrator.clone(), &server).await["role"], "administrator");
    let account = json!({ "id": "an.nguyen", "name": "Nguyễn Văn An", "role": "operator" });
    let link = administrator.post(&server, "/api/v1/accounts", &account).await.unwrap();
    let path = link["path"].as_str().unwrap().to_owned();
    let invited = server.get(&path.replace("/invitation/", "/api/v1/invitations/")).await.unwrap();
    assert_eq!((&invited["account"], &invited["name"]), (&json!("an.nguyen"), &json!("Nguyễn Văn An")));
    let an = people::accept(&server, &path).await.unwrap();
    assert_eq!(me(an.clone(), &server).await["name"], "Nguyễn Văn An");
    // The link is used up; the password is not.
    let secret = path.trim_start_matches("/invitation/").to_owned();
    let used = people::accept(&server, &path).await.unwrap_err().to_string();
    assert!(used.contains("404") && used.contains("this link was used"), "{used}");
    let again = people::sign_in(&server, "an.nguyen", PASSWORD).await.unwrap();
    // Both last over a restart; signing out ends one of them.
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    again.send(&server, Method::POST, "/api/v1/sign-out", &Value::Null).await.unwrap();
    assert_eq!(me(again, &server).await["status"], 401);
    assert_eq!(me(an.clone(), &server).await["role"], "operator");
    // A new password ends the other; so does being let in no more.
    let link = administrator.post(&server, "/api/v1/accounts/an.nguyen/invite", &Value::Null).await.unwrap();
    let anew = people::accept(&server, link["path"].as_str().unwrap()).await.unwrap();
    assert_eq!(me(an, &server).await["status"], 401);
    let off = json!({ "name": "Nguyễn Văn An", "role": "operator", "is_active": false });
    let (status, _) = administrator.send(&server, Method::PUT, "/api/v1/accounts/an.nguyen", &off).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(me(anew, &server).await["status"], 401);
    let refused = people::sign_in(&server, "an.nguyen", PASSWORD).await.unwrap_err().to_string();
    assert!(refused.contains("the account or the password is wrong"), "{refused}");
    // No secret is told, to anybody.
    let told = server.process().log();
    for secret in [PASSWORD, &secret] {
        assert!(!told.contains(secret), "a secret stands in the log of the server");
    }
}

#[tokio::test]
async fn whoever_guesses_passwords_has_to_wait() {
    let (_centre, server, administrator) = with_accounts().await;
    people::make(&server, &administrator, "an", "viewer").await.unwrap();
    for _ in 0..5 {
        let wrong = people::sign_in(&server, "an", "đoán mò mười ký tự").await.unwrap_err().to_string();
        assert!(wrong.contains("401"), "{wrong}");
    }
    let locked = people::sign_in(&server, "an", PASSWORD).await.unwrap_err().to_string();
    assert!(locked.contains("429") && locked.contains("try again in 15 min"), "{locked}");
    people::sign_in(&server, "admin", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_wall_sees_itself_and_nothing_once_its_token_is_revoked() {
    let (_centre, server, administrator) = with_accounts().await;
    let denied = |message: &Value| message["type"] == "bye" && message["reason"] == "denied";
    let mut nobody = Client::hello(server.authority(), json!({ "wall": "main" })).await.unwrap();
    let bye = nobody.next().await.unwrap();
    assert!(denied(&bye), "{bye}");
    let token = people::token(&server, &administrator, &json!({ "kind": "wall", "wall": "main" }), None).await.unwrap();
    let hello = |view: Value| json!({ "type": "hello", "view": view, "token": token.secret });
    let mut elsewhere = Client::open(server.authority(), "ioc.v1.json").await.unwrap();
    elsewhere.say(hello(json!({ "layout": "second" }))).await.unwrap();
    let bye = elsewhere.next().await.unwrap();
    assert!(denied(&bye) && bye["detail"].as_str().unwrap().contains("the wall 'main' only"), "{bye}");
    let mut wall = Client::open(server.authority(), "ioc.v1.json").await.unwrap();
    wall.say(hello(json!({ "wall": "main" }))).await.unwrap();
    wall.next_of("snapshot").await.unwrap();
    let revoke = format!("/api/v1/tokens/{}", token.id);
    administrator.send(&server, Method::DELETE, &revoke, &Value::Null).await.unwrap();
    let sent_away = tokio::time::timeout(Duration::from_secs(5), wall.next_of("bye")).await;
    let bye = sent_away.expect("it is sent away within 5 s").unwrap();
    assert!(denied(&bye), "{bye}");
}

#[tokio::test]
async fn a_source_brings_in_its_own_figures_only() {
    let (_centre, server, administrator) = with_accounts().await;
    let token = people::token(&server, &administrator, &json!({ "kind": "source", "source": "api" }), None).await;
    let source = Caller::Token(token.unwrap().secret);
    let row = json!([{ "indicator": indicator(0), "area": AREA, "value": 1.0, "time": "2026-01-01T00:00:00+07:00" }]);
    let (status, answer) = source.send(&server, Method::POST, "/api/v1/observations?source=api", &row).await.unwrap();
    assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
    let (status, answer) = source.send(&server, Method::POST, "/api/v1/observations?source=khac", &row).await.unwrap();
    assert_eq!(status, 403, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("is for the source 'api', not 'khac'"), "{answer}");
}
