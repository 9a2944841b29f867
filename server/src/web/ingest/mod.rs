//! Observations come in by push: JSON, NDJSON or CSV, with a verdict for each row.

mod body;
mod csv;
mod json;

mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use protocol::event::RefusedRow;
use protocol::{Catalogue, SourceId};
use serde::Serialize;
use utoipa::ToSchema;

use self::body::Body;
use self::csv::CsvRows;
use self::rows::{Intake, MAX_ROWS, TooManyRows};
pub(super) use self::rows::{scenario, time_of_micros};
use super::access::Caller;
use super::problem::Problem;
use super::query::{Params, shorten};
use crate::app::Shared;
use crate::lines::{Ends, Line, LineSplitter, LineText};
use crate::log::recorder::{Batch, Recorded};

/// Bodies larger than this are read off the runtime's threads.
const INLINE_BYTES: usize = 128 * 1024;
/// The source of observations when none is named.
const DEFAULT_SOURCE: &str = "api";

/// What became of the rows. The accepted ones are durable.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// The offset in the log from which on everyone sees them.
    #[schema(example = 4711)]
    offset: u64,
    #[schema(example = 998)]
    accepted: u64,
    #[schema(value_type = Vec<RefusedRowShape>)]
    refused: Vec<RefusedRow>,
    /// Which rows were taken as suspect and why, at most 20: what is not plausible after the value before it is no
    /// measurement until the next one confirms it.
    suspect: Vec<String>,
    /// Whether this is the first answer to the same `Idempotency-Key`, given again.
    repeated: bool,
}

/// A row that was not taken, and why.
#[derive(ToSchema)]
#[schema(as = RefusedRow)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct RefusedRowShape {
    /// Counted from 1: elements of a JSON array, lines of NDJSON, rows below the header of CSV.
    row: u64,
    #[schema(example = "value must be a finite number, got \"abc\"")]
    reason: String,
}

/// One observation as it is sent.
#[derive(ToSchema)]
#[schema(as = ObservationRow)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct RowShape {
    #[schema(example = "budget.revenue")]
    indicator: String,
    #[schema(example = "51")]
    area: String,
    /// `actual` (default), `plan`, `expected`, `same_period`.
    scenario: Option<String>,
    /// Finite.
    value: f64,
    /// RFC 3339 with an offset, or an integer of microseconds of Unix time.
    #[schema(value_type = String, example = "2026-01-31T08:00:00+07:00")]
    time: String,
    /// `automatic` (default), `by_hand`, `estimated`, `preliminary`, `official`, `simulated`.
    status: Option<String>,
}

/// Records observations.
#[utoipa::path(
    post, path = "/api/v1/observations", tag = "observations",
    params(
        ("source" = Option<String>, Query, description = "The push source that delivers; `api` or the only one if absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: a retry with the same key of the same source gets the first answer, for 72 h"),
    ),
    request_body(content(
        (Vec<RowShape> = "application/json"),
        (RowShape = "application/x-ndjson"),
        (String = "text/csv", example = "indicator,area,value,time\nbudget.revenue,51,18642,2026-01-31T08:00:00+07:00\n"),
    )),
    responses(
        (status = 200, description = "Processed: the accepted rows are durable, the others are named", body = Verdict),
        (status = 400, description = "The body cannot be read; nothing was recorded", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in, or a token that is not good", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for your role; or not from this machine, while there are no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes or rows for one request", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither JSON, NDJSON nor CSV in UTF-8", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No such source", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now; nothing was recorded, the same request may succeed later", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn post(State(shared): State<Shared>, caller: Caller, request: Request) -> Result<Json<Verdict>, Problem> {
    let (head, body) = request.into_parts();
    let mut body = Body::new(&head.headers, body, shared.settings.borrow().ingest.max_body_bytes as u64);
    let read = read(&shared, &head, &mut body).await;
    if read.is_err() {
        // Who is still sending would not see the answer.
        body.drain().await;
    }
    let batch = read?;
    let source = batch.source.clone();
    caller.check_source(&source)?;
    shared.recorder.note_delivery();
    let recorded = shared.recorder.record(batch).await?;
    if !recorded.repeated {
        note(&shared, &source, &recorded);
    }
    Ok(Json(Verdict {
        offset: recorded.offset,
        accepted: recorded.accepted,
        refused: recorded.refused,
        suspect: recorded.suspect,
        repeated: recorded.repeated,
    }))
}

/// The batch that a request brings.
async fn read(shared: &Shared, head: &Parts, body: &mut Body) -> Result<Batch, Problem> {
    let format = Format::of(&head.headers)?;
    let idempotency_key = key_of(&head.headers)?;
    let params = Params::of(&head.uri, &["source"])?;
    let catalogue = Arc::clone(&shared.centre.borrow().catalogue);
    let source = source_of(&catalogue, params.get("source"))?;
    let intake = Intake::new(catalogue, shared.clock.now());
    let max_line_bytes = shared.settings.borrow().ingest.max_line_bytes;
    let intake = match format {
        Format::Json => read_json(body, intake).await?,
        Format::Ndjson => read_ndjson(body, intake, max_line_bytes).await?,
        Format::Csv => read_csv(body, intake, max_line_bytes).await?,
    };
    let (rows, refused) = intake.finish();
    let refused_count = refused.len() as u64;
    Ok(Batch { source, rows, refused, refused_count, idempotency_key })
}

/// Counts what came in, and shows the first refusal in the source's health.
fn note(shared: &Shared, source: &SourceId, recorded: &Recorded) {
    let (now, refused) = (shared.clock.now(), recorded.refused.len() as u64);
    super::metrics::count_ingested(source, recorded.accepted, refused);
    shared.sources.delivered(source, now, recorded.accepted, refused);
    if let Some(first) = recorded.refused.first() {
        shared.sources.problem(source, now, format!("POST /api/v1/observations, row {}", first.row), &first.reason);
    }
    for reason in &recorded.suspect {
        shared.sources.problem(source, now, "POST /api/v1/observations", reason);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Ndjson,
    Csv,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let unsupported = |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        let choices = "send application/json, application/x-ndjson or text/csv";
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(unsupported(format!("Content-Encoding {encoding:?} is not taken; send the body as it is")));
        }
        let given = headers
            .get(header::CONTENT_TYPE)
            .ok_or_else(|| unsupported(format!("Content-Type is missing; {choices}")))?;
        let given = given.to_str().map_err(|_| unsupported(format!("Content-Type cannot be read; {choices}")))?;
        let mut parts = given.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        for parameter in parts {
            let charset = parameter
                .split_once('=')
                .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
                .map(|(_, value)| value.trim_matches('"'));
            if let Some(charset) = charset
                .filter(|charset| !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("us-ascii"))
            {
                return Err(unsupported(format!("charset '{}' is not taken; send UTF-8", shorten(charset))));
            }
        }
        match media_type.as_str() {
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" => Ok(Self::Ndjson),
            "text/csv" => Ok(Self::Csv),
            other => Err(unsupported(format!("Content-Type '{}' is not taken; {choices}", shorten(other)))),
        }
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(Problem::bad_request("Idempotency-Key is given twice"));
    }
    let is_good = (1..=255).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic);
    match key.to_str() {
        Ok(key) if is_good => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request("Idempotency-Key must be 1 to 255 visible ASCII characters without spaces")),
    }
}

/// The named push source; `api` if it is configured or nothing else is; the only one there is.
fn source_of(catalogue: &Catalogue, named: Option<&str>) -> Result<SourceId, Problem> {
    let configured: Vec<&SourceId> =
        catalogue.sources.values().filter(|source| source.kind == "push").map(|source| &source.id).collect();
    let name = match (named, configured.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only.as_str(),
        (None, _) => DEFAULT_SOURCE,
    };
    if let Some(source) = configured.iter().find(|source| source.as_str() == name) {
        return Ok((*source).clone());
    }
    if configured.is_empty() && name == DEFAULT_SOURCE {
        return Ok(SourceId::from(DEFAULT_SOURCE));
    }
    let known: Vec<&str> = configured.iter().map(|source| source.as_str()).collect();
    let known = if known.is_empty() { DEFAULT_SOURCE.to_owned() } else { known.join(", ") };
    let message = format!("there is no push source '{}'; name one with ?source= of: {known}", shorten(name));
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message).with("source", shorten(name)))
}

async fn read_json(body: &mut Body, mut intake: Intake) -> Result<Intake, Problem> {
    let bytes = body.whole().await?;
    let read = move || {
        let content = without_bom(&bytes);
        let skipped = (bytes.len() - content.len()) as u64;
        let text = std::str::from_utf8(content).map_err(|error| not_utf8(content, skipped, 1, error.valid_up_to()))?;
        if text.trim().is_empty() {
            return Err(empty());
        }
        match json::read(text, &mut intake) {
            Ok(()) => Ok(intake),
            Err(json::BodyError::TooManyRows) => Err(too_many_rows(TooManyRows)),
            Err(json::BodyError::Syntax(error)) => Err(bad_json(&error)),
        }
    };
    if body.received() <= INLINE_BYTES as u64 {
        return read();
    }
    tokio::task::spawn_blocking(read).await.map_err(|_| Problem::unavailable("the server is stopping", 2))?
}

async fn read_ndjson(body: &mut Body, mut intake: Intake, max_line_bytes: usize) -> Result<Intake, Problem> {
    let mut splitter = LineSplitter::new(Ends::Lf, max_line_bytes);
    let mut take = |line: Line<'_>| {
        let Some(text) = text_of(line)? else {
            return intake.take(line.number, Err(too_long(max_line_bytes))).map_err(too_many_rows);
        };
        if text.trim().is_empty() {
            Ok(())
        } else {
            json::read_line(line.number, text, &mut intake).map_err(too_many_rows)
        }
    };
    while let Some(chunk) = body.chunk().await? {
        splitter.push(&chunk, &mut take)?;
    }
    splitter.finish(&mut take)?;
    if intake.seen() == 0 { Err(empty()) } else { Ok(intake) }
}

async fn read_csv(body: &mut Body, mut intake: Intake, max_line_bytes: usize) -> Result<Intake, Problem> {
    let mut splitter = LineSplitter::new(Ends::Any, max_line_bytes);
    let mut csv: Option<CsvRows> = None;
    let mut number = 0;
    let mut take = |line: Line<'_>| {
        let text = text_of(line)?;
        if text.is_some_and(|text| text.trim().is_empty()) {
            return Ok(());
        }
        let Some(csv) = &mut csv else {
            let header = text.ok_or_else(|| {
                Problem::bad_request(format!("line {}: the header is longer than {max_line_bytes} bytes", line.number))
            })?;
            let read =
                CsvRows::under(header).map_err(|error| Problem::bad_request(format!("line {}: {error}", line.number)));
            csv = Some(read?);
            return Ok(());
        };
        number += 1;
        let row = text.ok_or_else(|| too_long(max_line_bytes)).and_then(|text| csv.row(text));
        let row = row.map_err(|reason| format!("line {}: {reason}", line.number));
        intake.take(number, row).map_err(too_many_rows)
    };
    while let Some(chunk) = body.chunk().await? {
        splitter.push(&chunk, &mut take)?;
    }
    splitter.finish(&mut take)?;
    match csv {
        Some(_) if number > 0 => Ok(intake),
        Some(_) => Err(Problem::bad_request("there is a header and no row below it")),
        None => Err(empty()),
    }
}

/// The text of a line; `None` for one that is too long.
fn text_of(line: Line<'_>) -> Result<Option<&str>, Problem> {
    let LineText::Whole(bytes) = line.text else { return Ok(None) };
    let text = if line.number == 1 { without_bom(bytes) } else { bytes };
    let skipped = (bytes.len() - text.len()) as u64;
    std::str::from_utf8(text)
        .map(Some)
        .map_err(|error| not_utf8(text, line.byte_offset + skipped, line.number, error.valid_up_to()))
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn empty() -> Problem {
    Problem::bad_request("the body is empty; send at least one row")
}

fn too_long(max_line_bytes: usize) -> String {
    format!("the line is longer than {max_line_bytes} bytes")
}

fn too_many_rows(_: TooManyRows) -> Problem {
    let message = format!("more than {MAX_ROWS} rows in one request; nothing was recorded, send them in several");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message).with("max_rows", MAX_ROWS)
}

fn bad_json(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    let (line, column) = (error.line(), error.column());
    Problem::bad_request(format!("line {line}, column {column}: {what}; nothing was recorded"))
        .with("line", line)
        .with("column", column)
}

/// `bytes` start at `start` of the body, which `line` begins with.
fn not_utf8(bytes: &[u8], start: u64, line: u64, good: usize) -> Problem {
    let line = line + memchr::memchr_iter(b'\n', &bytes[..good]).count() as u64;
    let offset = start + good as u64;
    let byte = bytes.get(good).copied().unwrap_or_default();
    let message = format!(
        "byte {offset} (0x{byte:02X}, line {line}) is not UTF-8; nothing was recorded. Save the text as UTF-8 and send it again"
    );
    Problem::bad_request(message).with("byte_offset", offset).with("line", line)
}
