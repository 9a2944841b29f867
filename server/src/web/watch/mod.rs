//! Pages for a browser: the list of what can be watched, and a view as the wall shows it.

use std::fmt::Write;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use panels::locale;
use panels::theme::{self, Color};
use protocol::message::ViewName;
use protocol::{LayoutId, WallId};
use serde_json::{Value, json};

use super::problem::Problem;
use super::query::{Params, shorten};
use crate::app::Shared;
use crate::centre::Centre;
use crate::pictures::Format;

/// What the page's own words are called in assets/locales, without `watch-`.
const WORDS: [&str; 39] = [
    "connecting",
    "live",
    "lost",
    "log-away",
    "behind",
    "bye-unknown-view",
    "bye-shutting-down",
    "bye-new-epoch",
    "bye-slow",
    "bye-behind",
    "bye-defect",
    "bye-denied",
    "bye-bad-message",
    "list",
    "hint",
    "printed",
    "time",
    "received",
    "source",
    "status",
    "value",
    "scenario",
    "computed-difference",
    "computed-change-percent",
    "computed-share-percent",
    "computed-sum",
    "computed-from",
    "computed-more",
    "status-automatic",
    "status-by-hand",
    "status-estimated",
    "status-preliminary",
    "status-official",
    "status-simulated",
    "scenario-actual",
    "scenario-plan",
    "scenario-expected",
    "scenario-same-period",
    "picture",
];

/// The colours of the page by the names that its style sheet has for them.
const COLORS: [(&str, Color); 9] = [
    ("ground", theme::GROUND),
    ("panel", theme::PANEL),
    ("hairline", theme::HAIRLINE),
    ("text", theme::TEXT),
    ("text-3", theme::TEXT_3),
    ("caption", theme::CAPTION),
    ("live", theme::LIVE),
    ("warning-text", theme::WARNING_TEXT),
    ("warning-plate", theme::WARNING_PLATE),
];

/// The list of layouts and walls.
pub async fn index(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let language = language_of(&uri, &headers)?;
    let centre = shared.centre.borrow().clone();
    Ok(list_page(StatusCode::OK, &centre, language, None))
}

/// A layout, live.
pub async fn layout(
    State(shared): State<Shared>,
    Path(id): Path<LayoutId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = language_of(&uri, &headers)?;
    let centre = shared.centre.borrow().clone();
    let Some(kept) = centre.layouts.get(&id) else {
        let notice = locale::text_with(language, "watch-no-layout", &[("name", &shorten(id.as_str()))]);
        return Ok(list_page(StatusCode::NOT_FOUND, &centre, language, Some(&notice)));
    };
    let title = kept.layout.name.in_language(language).to_owned();
    Ok(live_page(&shared, &ViewName::Layout(id), &title, language))
}

/// What a wall shows, live.
pub async fn wall(
    State(shared): State<Shared>,
    Path(id): Path<WallId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = language_of(&uri, &headers)?;
    let centre = shared.centre.borrow().clone();
    let Some(shown) = centre.walls.get(&id) else {
        let notice = locale::text_with(language, "watch-no-wall", &[("name", &shorten(id.as_str()))]);
        return Ok(list_page(StatusCode::NOT_FOUND, &centre, language, Some(&notice)));
    };
    let title = shown.wall.name.in_language(language).to_owned();
    Ok(live_page(&shared, &ViewName::Wall(id), &title, language))
}

/// The page's icon: a panel with a rising line.
pub async fn favicon() -> impl IntoResponse {
    let (ground, line) = (hex(theme::PANEL), hex(theme::DATA));
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"6\" fill=\"{ground}\"/>\
         <path d=\"M6 23L13 15L18 19L26 9\" fill=\"none\" stroke=\"{line}\" stroke-width=\"3.5\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>"
    );
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")], svg)
}

/// `?lang=` or else what the browser prefers; Vietnamese when neither says.
fn language_of(uri: &Uri, headers: &HeaderMap) -> Result<&'static str, Problem> {
    match Params::of(uri, &["lang"])?.get("lang") {
        Some("vi") => return Ok("vi"),
        Some("en") => return Ok("en"),
        Some(other) => {
            return Err(Problem::bad_request(format!("parameter 'lang' must be vi or en, got '{}'", shorten(other)))
                .with("parameter", "lang"));
        }
        None => {}
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let mut languages = accepted.split(',').map(|part| part.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    let first = languages.find(|language| language == "vi" || language == "en");
    Ok(if first.as_deref() == Some("en") { "en" } else { "vi" })
}

fn live_page(shared: &Shared, view: &ViewName, title: &str, language: &str) -> Response {
    let pictures = match view {
        ViewName::Layout(id) => pictures(id, title, language),
        // What it shows may change while someone looks.
        ViewName::Wall(_) => String::new(),
    };
    let words: serde_json::Map<String, Value> =
        WORDS.iter().map(|word| ((*word).to_owned(), Value::String(word_of(language, word)))).collect();
    let page =
        json!({ "view": view, "language": language, "time_zone": shared.settings.borrow().time_zone, "words": words });
    let nonce = nonce();
    let html = include_str!("page.html");
    let html = fill(
        html,
        &[
            ("language", language),
            ("title", &escape(title)),
            ("nonce", &nonce),
            ("colors", &colors()),
            ("style", include_str!("page.css")),
            ("connecting", &escape(&word_of(language, "connecting"))),
            ("picture", &escape(&word_of(language, "picture"))),
            ("list", &escape(&word_of(language, "list"))),
            ("pictures", &pictures),
            ("hint", &escape(&word_of(language, "hint"))),
            ("page", &in_script(&page)),
            ("script", include_str!("page.js")),
        ],
    );
    respond(StatusCode::OK, html, &nonce)
}

/// A word with its places left open, for the page to fill: `{time}`.
fn word_of(language: &str, word: &str) -> String {
    locale::text_with(
        language,
        &format!("watch-{word}"),
        &[("time", "{time}"), ("seconds", "{seconds}"), ("count", "{count}")],
    )
}

fn list_page(status: StatusCode, centre: &Centre, language: &str, notice: Option<&str>) -> Response {
    let word = |key: &str| escape(&locale::text(language, &format!("watch-{key}")));
    let mut layouts = String::new();
    for (id, kept) in &centre.layouts {
        let name = kept.layout.name.in_language(language);
        layouts.push_str(&link(&format!("/watch/{id}"), name, id.as_str(), &pictures(id, name, language)));
    }
    let mut walls = String::new();
    for (id, shown) in &centre.walls {
        let now = centre
            .layouts
            .get(&shown.layout)
            .map_or(shown.layout.as_str(), |kept| kept.layout.name.in_language(language));
        walls.push_str(&link(&format!("/watch/wall/{id}"), shown.wall.name.in_language(language), now, ""));
    }
    let centre_name = centre.catalogue.centre.in_language(language);
    let title = if centre_name.is_empty() { "Toàn Cảnh" } else { centre_name };
    let notice =
        notice.map_or(String::new(), |notice| format!("<p class=\"notice\" role=\"alert\">{}</p>", escape(notice)));
    let nonce = nonce();
    let html = fill(
        include_str!("list.html"),
        &[
            ("language", language),
            ("title", &escape(title)),
            ("organisation", &escape(centre.catalogue.organisation.in_language(language))),
            ("nonce", &nonce),
            ("colors", &colors()),
            ("style", include_str!("page.css")),
            ("notice", &notice),
            ("layouts-title", &word("layouts")),
            ("layouts", or(&layouts, &format!("<li>{}</li>", word("none")))),
            ("walls-title", &word("walls")),
            ("walls", or(&walls, &format!("<li>{}</li>", word("none")))),
        ],
    );
    respond(status, html, &nonce)
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn link(address: &str, name: &str, detail: &str, more: &str) -> String {
    format!("<li><a href=\"{}\">{}</a> <span>{}</span>{more}</li>", escape(address), escape(name), escape(detail))
}

/// Links to a layout's pictures to keep and to print.
fn pictures(id: &LayoutId, name: &str, language: &str) -> String {
    let link = |format: Format, word: &str| {
        let address = format!("/api/v1/layouts/{id}.{}?language={language}", format.extension());
        let word = word_of(language, word);
        let (address, label) = (escape(&address), escape(&format!("{word}: {name}")));
        format!(" <a class=\"picture\" href=\"{address}\" aria-label=\"{label}\">{}</a>", escape(&word))
    };
    link(Format::Png, "download") + &link(Format::Pdf, "print")
}

/// Only what the page brings with it may run; it may talk to this server alone.
fn respond(status: StatusCode, html: String, nonce: &str) -> Response {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    );
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_SECURITY_POLICY, policy)];
    (status, headers, html).into_response()
}

fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Puts values in the places `{{name}}` of a page, in one pass: values are not looked into.
fn fill(page: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(page.len() * 4);
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, behind)) = behind.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn colors() -> String {
    let mut css = String::from(":root{");
    for (name, color) in COLORS {
        // Writing to a string cannot fail.
        let _ = write!(css, "--{name}:{};", hex(color));
    }
    css.push('}');
    css
}

fn hex(Color { r, g, b, .. }: Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// JSON that cannot end the script element it stands in.
fn in_script(page: &Value) -> String {
    page.to_string().replace('<', "\\u003c")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_page_is_in_both_languages() {
        let listed = WORDS.iter().chain(&["layouts", "walls", "none", "no-layout", "no-wall", "download", "print"]);
        for word in listed {
            for language in ["vi", "en"] {
                let key = format!("watch-{word}");
                assert_ne!(locale::text(language, &key), key, "{language}");
            }
        }
    }

    #[test]
    fn every_place_of_a_page_is_filled_once_and_not_looked_into() {
        assert_eq!(fill("a{{x}}b{{y}}c", &[("x", "{{y}}"), ("y", "2")]), "a{{y}}b2c");
    }

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let page = json!({ "view": { "layout": "</script><script>alert(1)</script>" } });
        assert!(!in_script(&page).contains('<'));
        assert_eq!(
            link("/watch/x", "<b>\"'", "&", ""),
            "<li><a href=\"/watch/x\">&lt;b&gt;&quot;&#39;</a> <span>&amp;</span></li>"
        );
    }

    #[test]
    fn the_language_is_asked_for_or_preferred() {
        let accept =
            |languages: &'static str| HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, languages.parse().unwrap())]);
        let uri = |query: &'static str| Uri::from_static(query);
        assert_eq!(language_of(&uri("/?lang=en"), &accept("vi")).unwrap(), "en");
        assert_eq!(language_of(&uri("/"), &accept("vi-VN,vi;q=0.9,en;q=0.8")).unwrap(), "vi");
        assert_eq!(language_of(&uri("/"), &accept("fr,en-GB;q=0.9,vi")).unwrap(), "en");
        assert_eq!(language_of(&uri("/"), &HeaderMap::new()).unwrap(), "vi");
        assert_eq!(language_of(&uri("/?lang=fr"), &HeaderMap::new()).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
