//! Layouts as pictures: what is asked for, and how many are painted at once.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use panels::number;
use panels::theme::Theme;
use protocol::message::ViewName;
use protocol::{Canvas, Layout, Timestamp, Wall};
use tokio::sync::Semaphore;

use super::problem::Problem;
use super::query::{Params, shorten};
use crate::app::Shared;
use crate::centre::Centre;
use crate::painter;
use crate::pictures::{self, Format, Wanted};

/// Sides of a picture in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 180..=16_384;
/// Pixels of a picture: as many as 7680 × 4320 has.
const MOST_PIXELS: u64 = 7_680 * 4_320;

/// Lets a few pictures be painted at once: each may take hundreds of megabytes and a processor.
#[derive(Clone)]
pub struct Easels {
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Easels {
    #[must_use]
    pub fn new(count: usize, patience: Duration) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), patience }
    }
}

/// A layout as a picture, as it would be drawn now.
#[utoipa::path(
    get, path = "/api/v1/layouts/{id}.{format}", tag = "layouts",
    params(
        ("id" = String, Path, description = "The layout", example = "overview"),
        ("format" = String, Path, description = "`svg`: numbers carry where they come from in `data-provenance`; `png`; `pdf`: a sheet of A3 whose text can be searched and copied", example = "png"),
        ("theme" = Option<String>, Query, description = "`dark` or `light`; a PDF is light unless asked otherwise, the others dark"),
        ("language" = Option<String>, Query, description = "`vi` (default) or `en`"),
        ("width" = Option<u32>, Query, description = "The canvas in pixels, together with `height`; 3840 × 2160 unless given", example = 1920),
        ("height" = Option<u32>, Query, description = "Together with `width`", example = 1080),
        ("wall" = Option<String>, Query, description = "Instead of them: as on this wall, with its canvas and the type sizes that its room needs", example = "main"),
    ),
    responses(
        (status = 200, description = "The picture", content((String = "image/svg+xml"), (Vec<u8> = "image/png"), (Vec<u8> = "application/pdf"))),
        (status = 400, description = "A parameter is unknown or wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such layout or format", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many pictures are being painted", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(shared: &Shared, layout: &Layout, format: &str, uri: &Uri) -> Result<Response, Problem> {
    let format = format_named(format)?;
    let wanted = wanted(&shared.centre.borrow(), format, uri)?;
    let waited = tokio::time::timeout(shared.easels.patience, Arc::clone(&shared.easels.free).acquire_owned()).await;
    let Ok(Ok(easel)) = waited else {
        return Err(Problem::unavailable("too many pictures are being painted; ask again in a while", 5));
    };
    let view = shared.hub.view_once(ViewName::Layout(layout.id.clone())).await?;
    let (now, link) = (shared.clock.now(), painter::link_of(&shared.log_state.borrow()));
    let headers = headers(layout, &wanted, now);
    let painted = tokio::task::spawn_blocking(move || {
        // Painted to its end also when nobody waits any more.
        let _easel = easel;
        pictures::make(&view, &wanted, now, link)
    });
    let defect = |detail: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
    match painted.await {
        Ok(Ok(picture)) => Ok((headers, picture).into_response()),
        Ok(Err(error)) => Err(defect(error.to_string())),
        Err(_) => Err(defect("the picture could not be painted; the server's log says why".to_owned())),
    }
}

fn format_named(name: &str) -> Result<Format, Problem> {
    let known = Format::ALL.map(Format::extension);
    Format::ALL.into_iter().find(|format| format.extension() == name).ok_or_else(|| {
        let message = format!("there is no picture '.{}' of a layout; known: {}", shorten(name), known.join(", "));
        Problem::not_found(message)
    })
}

/// A parameter that is wrong, and what would be right.
fn wrong(parameter: &str, right: &str, got: &str) -> Problem {
    let message = format!("parameter '{parameter}' must be {right}, got '{}'", shorten(got));
    Problem::bad_request(message).with("parameter", parameter)
}

fn wanted(centre: &Centre, format: Format, uri: &Uri) -> Result<Wanted, Problem> {
    let params = Params::of(uri, &["theme", "language", "width", "height", "wall"])?;
    let theme = match params.get("theme") {
        None => format.usual_theme(),
        Some("dark") => Theme::Dark,
        Some("light") => Theme::Light,
        Some(other) => return Err(wrong("theme", "dark or light", other)),
    };
    let language = match params.get("language") {
        None | Some("vi") => "vi",
        Some("en") => "en",
        Some(other) => return Err(wrong("language", "vi or en", other)),
    };
    let (canvas, wall) = (canvas(&params)?, wall(centre, &params)?);
    if let Some(canvas) = wall.as_ref().map(|wall| wall.canvas).or(canvas) {
        check_pixels(canvas)?;
    }
    Ok(Wanted { format, theme, language, canvas, wall })
}

fn canvas(params: &Params) -> Result<Option<Canvas>, Problem> {
    let side = |name: &str| {
        let Some(text) = params.get(name) else { return Ok(None) };
        let pixels = text.parse().ok().filter(|pixels| SIDES.contains(pixels));
        let right = || format!("a whole number of pixels from {} to {}", SIDES.start(), SIDES.end());
        pixels.map(Some).ok_or_else(|| wrong(name, &right(), text))
    };
    match (side("width")?, side("height")?) {
        (None, None) => Ok(None),
        (Some(width_px), Some(height_px)) => Ok(Some(Canvas { width_px, height_px })),
        (width, _) => {
            let (given, missing) = if width.is_some() { ("width", "height") } else { ("height", "width") };
            let message = format!("parameter '{given}' needs '{missing}' beside it, such as width=1920&height=1080");
            Err(Problem::bad_request(message).with("parameter", missing))
        }
    }
}

fn wall(centre: &Centre, params: &Params) -> Result<Option<Wall>, Problem> {
    let Some(id) = params.get("wall") else { return Ok(None) };
    if let Some(other) = ["width", "height"].into_iter().find(|name| params.get(name).is_some()) {
        let message = format!("give either 'wall', which has a canvas of its own, or '{other}'");
        return Err(Problem::bad_request(message).with("parameter", other));
    }
    if let Some(shown) = centre.walls.get(id) {
        return Ok(Some(shown.wall.clone()));
    }
    let known: Vec<&str> = centre.walls.keys().map(protocol::WallId::as_str).collect();
    let right = if known.is_empty() { "left out: there is no wall".to_owned() } else { known.join(" or ") };
    Err(wrong("wall", &right, id))
}

fn check_pixels(canvas: Canvas) -> Result<(), Problem> {
    let Canvas { width_px, height_px } = canvas;
    if u64::from(width_px) * u64::from(height_px) <= MOST_PIXELS && width_px.max(height_px) <= *SIDES.end() {
        return Ok(());
    }
    let message = format!(
        "a picture has at most {MOST_PIXELS} pixels, as many as 7680 × 4320, and no side beyond {}; {width_px} × {height_px} is more: give a smaller width and height",
        SIDES.end()
    );
    Err(Problem::bad_request(message))
}

fn headers(layout: &Layout, wanted: &Wanted, now: Timestamp) -> HeaderMap {
    let (extension, time) = (wanted.format.extension(), number::local(now).strftime("%Y-%m-%d %H.%M"));
    let name = layout.name.in_language(wanted.language).replace(['/', '\\'], "-");
    let plain = format!("{} {time}.{extension}", layout.id).replace(|c: char| !is_plain(c), "_");
    let full = percent_encoded(&format!("{name} {time}.{extension}"));
    let disposition = format!("inline; filename=\"{plain}\"; filename*=UTF-8''{full}");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(wanted.format.media_type()));
    headers.extend(HeaderValue::from_str(&disposition).map(|value| (header::CONTENT_DISPOSITION, value)));
    if wanted.format == Format::Svg {
        // It could hold scripts.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; img-src data:; sandbox"),
        );
    }
    headers
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " -._".contains(c)
}

/// For a header, as RFC 8187 has it.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        match char::from(byte) {
            c if is_plain(c) && c != ' ' => encoded.push(c),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_in_a_header() {
        assert_eq!(percent_encoded("Tổng quan \"1\".png"), "T%E1%BB%95ng%20quan%20%221%22.png");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_request_is_told_what_would_be_right() {
        let server = super::super::tests::Server::start().await;
        let bad: [(&str, &[&str]); 14] = [
            ("theme=blue", &["'theme'", "dark or light", "'blue'"]),
            ("language=fr", &["'language'", "vi or en", "'fr'"]),
            ("lang=en", &["'lang'", "known: theme, language"]),
            ("width=1920", &["'width' needs 'height'"]),
            ("height=1080", &["'height' needs 'width'"]),
            ("width=0&height=1080", &["'width'", "from 180 to 16384", "'0'"]),
            ("width=1920&height=-1", &["'height'", "from 180 to 16384", "'-1'"]),
            ("width=1e3&height=1080", &["'width'", "a whole number", "'1e3'"]),
            ("width=99999999999&height=1080", &["'width'", "'99999999999'"]),
            ("width=16384&height=16384", &["33177600 pixels", "16384 × 16384 is more"]),
            ("wall=mian", &["'wall'", "main", "'mian'"]),
            ("wall=main&width=1920&height=1080", &["either 'wall'", "'width'"]),
            ("theme=light&theme=dark", &["'theme' is given twice"]),
            ("theme=%ff", &["'theme'", "dark or light"]),
        ];
        for (query, said) in bad {
            let problem =
                server.get(&format!("/api/v1/layouts/overview.png?{query}")).await.problem(StatusCode::BAD_REQUEST);
            assert!(said.iter().all(|part| problem.contains(part)), "{query}: {problem}");
        }
        let lost: [(&str, &[&str]); 3] = [
            ("overview.gif", &["'.gif'", "svg, png, pdf"]),
            ("overveiw.png", &["'overveiw'", "overview"]),
            ("a.b.c", &["'a.b'"]),
        ];
        for (name, said) in lost {
            let problem = server.get(&format!("/api/v1/layouts/{name}")).await.problem(StatusCode::NOT_FOUND);
            assert!(said.iter().all(|part| problem.contains(part)), "{name}: {problem}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_picture_has_a_name_to_be_kept_under() {
        let server = super::super::tests::Server::start().await;
        let answer = server.get("/api/v1/layouts/overview.svg?theme=light").await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        let name = answer.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(
            name.starts_with("inline; filename=\"overview ")
                && name.contains("filename*=UTF-8''T%E1%BB%95ng%20quan%20"),
            "{name}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn too_many_pictures_are_refused_and_said_when_to_come_back() {
        let mut server = super::super::tests::Server::start().await;
        let easels = Easels::new(1, Duration::from_millis(1));
        let taken = Arc::clone(&easels.free).acquire_owned().await.unwrap();
        server.set_easels(easels);
        let answer = server.get("/api/v1/layouts/overview.svg").await;
        let said = answer.problem(StatusCode::SERVICE_UNAVAILABLE);
        assert!(said.contains("too many pictures"), "{said}");
        assert_eq!(answer.headers[header::RETRY_AFTER], "5");
        drop(taken);
        assert_eq!(server.get("/api/v1/layouts/overview.svg").await.status, StatusCode::OK);
    }
}
