//! The console in a real browser, by the keyboard: from the link of the first administrator to another layout on the wall.

use std::time::Duration;

use serde_json::{Value, json};
use tests::centre::Plan;
use tests::chromium::Chromium;
use tests::people::PASSWORD;
use tests::{Centre, Server};

const LIMIT: Duration = Duration::from_secs(20);

/// Types into the field with the focus.
async fn type_text(page: &mut Chromium, text: &str) {
    page.call("Input.insertText", json!({ "text": text })).await.unwrap();
}

/// Presses a key and lets it go.
async fn press(page: &mut Chromium, key: &str) {
    let (code, text) = match key {
        "Tab" => (9, ""),
        "Enter" => (13, "\r"),
        " " => (32, " "),
        "Escape" => (27, ""),
        key => (i64::from(key.as_bytes()[0]), key),
    };
    for kind in ["keyDown", "keyUp"] {
        let event = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
        page.call("Input.dispatchKeyEvent", event).await.unwrap();
    }
}

async fn until_said(page: &mut Chromium, words: &str) {
    page.until(&format!("document.body.innerText.includes({})", json!(words)), LIMIT).await.unwrap();
}

/// Goes on with Tab until the focus is on something that `matches`.
async fn tab_to(page: &mut Chromium, matches: &str) {
    for _ in 0..60 {
        press(page, "Tab").await;
        let found = page.evaluate(&format!("Boolean(document.activeElement?.matches({}))", json!(matches))).await;
        if found.unwrap() == json!(true) {
            return;
        }
    }
    panic!("the keyboard does not get to {matches}");
}

async fn shown(page: &mut Chromium) -> Value {
    page.evaluate("fetch('/api/v1/walls').then(answer => answer.json()).then(walls => walls[0].shown)").await.unwrap()
}

async fn first_link(server: &mut Server) -> String {
    let line = server.process().line(LIMIT).await.unwrap();
    line.split_whitespace().find(|word| word.starts_with("http://")).expect("a link").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gets_from_the_first_link_to_another_layout_by_the_keyboard() {
    let centre = Centre::of(Plan { settings: "[access]\naccounts = true\n", ..Plan::default() }).unwrap();
    let mut server = centre.serve().await.unwrap();
    let link = first_link(&mut server).await;
    let mut page = Chromium::start(1280, 800).await.unwrap();
    page.open(&link).await.unwrap();
    until_said(&mut page, "Xin chào admin").await;
    tab_to(&mut page, "input[type=password]").await;
    type_text(&mut page, PASSWORD).await;
    tab_to(&mut page, "input[type=password]").await;
    type_text(&mut page, "khác hẳn câu trên").await;
    press(&mut page, "Enter").await;
    until_said(&mut page, "Hai lần nhập không giống nhau").await;
    page.evaluate("document.activeElement.select()").await.unwrap();
    type_text(&mut page, PASSWORD).await;
    press(&mut page, "Enter").await;
    // Signed in, and at the walls.
    until_said(&mut page, "Màn hình chính").await;
    until_said(&mut page, "Bố cục hai").await;
    assert_eq!(shown(&mut page).await, "overview");
    press(&mut page, "2").await;
    until_said(&mut page, "Màn hình chính đang hiện Bố cục hai").await;
    assert_eq!(shown(&mut page).await, "second");
    press(&mut page, "Escape").await;
    until_said(&mut page, "Màn hình chính đang hiện Tổng quan").await;
    // Every page opens, in both languages, and says nothing went wrong.
    for (path, heading, filled) in [
        ("layouts", "Layouts", ".tiles li img"),
        ("indicators", "Indicators", "tbody tr"),
        ("sources", "Sources", "table"),
        ("alarms", "Alarms", "main p"),
        ("people", "People", "tbody tr select"),
        ("walls", "Walls", "figure img"),
    ] {
        page.evaluate("localStorage.setItem('language', 'en')").await.unwrap();
        page.open(&server.url(&format!("/console/{path}"))).await.unwrap();
        let heading = format!("document.querySelector('h1')?.innerText === {}", json!(heading));
        page.until(&heading, LIMIT).await.unwrap();
        page.until(&format!("Boolean(document.querySelector({}))", json!(filled)), LIMIT).await.unwrap();
        let wrong = page.evaluate("document.querySelector('[role=alert]')?.innerText ?? ''").await.unwrap();
        assert_eq!(wrong, "", "{path}");
    }
    // Out, and in again.
    page.evaluate("[...document.querySelectorAll('button')].find(button => button.innerText === 'Sign out').focus()")
        .await
        .unwrap();
    press(&mut page, "Enter").await;
    until_said(&mut page, "Password").await;
    tab_to(&mut page, "input[autocomplete=username]").await;
    type_text(&mut page, "admin").await;
    tab_to(&mut page, "input[type=password]").await;
    type_text(&mut page, "một câu sai hẳn").await;
    press(&mut page, "Enter").await;
    until_said(&mut page, "the account or the password is wrong").await;
    page.evaluate("document.querySelector('input[type=password]').focus()").await.unwrap();
    type_text(&mut page, PASSWORD).await;
    press(&mut page, "Enter").await;
    until_said(&mut page, "Sign out").await;
}
