//! The console: a page that Vite builds from `server/console`, taken into the server when that is built.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::problem::Problem;

/// A file of the console.
pub struct File {
    name: &'static str,
    plain: &'static [u8],
    /// The same, by gzip.
    packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// What every address that names no file gets: the page finds out itself where it is.
const PAGE: &str = "index.html";
/// Only what the console brings with it may run; it may talk to this server alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page itself.
pub async fn page(headers: HeaderMap) -> Result<Response, Problem> {
    let page = find(PAGE).ok_or_else(|| {
        Problem::not_found("this server was built without the console; `make` builds it with npm and takes it in")
    })?;
    let policy = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
    Ok((policy, respond(page, "no-cache", &headers)).into_response())
}

/// A file of it, or the page.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    match find(&path) {
        // Vite gives a file another name when it has changed.
        Some(file) if file.name != PAGE => Ok(respond(file, "public, max-age=31536000, immutable", &headers)),
        _ => page(headers).await,
    }
}

/// To the console, where there is one.
pub async fn redirect() -> Redirect {
    Redirect::temporary("/console/")
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

fn respond(file: &'static File, cache: &'static str, headers: &HeaderMap) -> Response {
    let kind = match file.name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let is_packed = accepted.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"));
    let (body, coding) = if is_packed { (file.packed, "gzip") } else { (file.plain, "identity") };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_ENCODING, coding),
        (header::VARY, "accept-encoding"),
    ];
    (StatusCode::OK, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use panels::theme::{self, Color};

    const TOKENS: [(&str, Color); 16] = [
        ("ground", theme::GROUND),
        ("panel", theme::PANEL),
        ("inset", theme::INSET),
        ("hairline", theme::HAIRLINE),
        ("text", theme::TEXT),
        ("text-2", theme::TEXT_2),
        ("text-3", theme::TEXT_3),
        ("caption", theme::CAPTION),
        ("data", theme::DATA),
        ("warning", theme::WARNING),
        ("warning-text", theme::WARNING_TEXT),
        ("warning-plate", theme::WARNING_PLATE),
        ("critical", theme::CRITICAL),
        ("critical-text", theme::CRITICAL_TEXT),
        ("critical-plate", theme::CRITICAL_PLATE),
        ("live", theme::LIVE),
    ];

    #[test]
    fn the_colours_of_the_console_are_those_of_the_wall() {
        let mut css =
            String::from("/* Generated from panels/src/theme.rs by a test of the server: BLESS=1. */\n:root {\n");
        for (name, Color { r, g, b, .. }) in TOKENS {
            writeln!(css, "  --{name}: #{r:02x}{g:02x}{b:02x};").unwrap();
        }
        css.push_str("}\n");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/console/src/tokens.css");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &css).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, css, "console/src/tokens.css is out of date; run the tests with BLESS=1 and commit it");
    }
}
