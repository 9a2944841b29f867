//! Something that is asked over HTTP for JSON or CSV, page by page.

pub(super) mod address;
pub(super) mod client;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use protocol::Timestamp;
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION,
};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;

use super::csv::{self, CsvTable};
use super::poll::{self, Asked, Pieces, Polled, Seen};
use super::rows::json::{self, Path};
use super::rows::{Origin, RowProblem, RowRead};
use super::trial::Sampling;
use super::{Link, Source, SourceError};
use crate::config::{Options, Secret};
use options::{Form, HttpOptions};

pub(super) use options::{check_headers, check_url, url};

/// How often an answer may lead to another address of the same host.
const MOST_REDIRECTS: usize = 5;
/// How much of an answer that is not understood is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// Reads the options of something that is asked over HTTP.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let mut read = options.take::<HttpOptions>()?;
    read.check(options);
    read.ca_file = read.ca_file.map(|file| options.dir.join(file));
    let time_zone = options.settings.time_zone.clone();
    let max_line_bytes = options.settings.ingest.max_line_bytes;
    Some(Arc::new(Http { options: read, time_zone, max_line_bytes }))
}

/// Something that is asked over HTTP.
#[derive(Debug, Clone)]
struct Http {
    options: HttpOptions,
    time_zone: String,
    max_line_bytes: usize,
}

impl Source for Http {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { poll::follow(&self.asking()?, &link).await }.boxed()
    }

    fn has_rounds(&self) -> bool {
        true
    }

    fn sample(&self, now: Timestamp, values: usize) -> Option<Sampling<'_>> {
        Some(async move { poll::sample(&self.asking()?, now, values).await }.boxed())
    }
}

impl Http {
    /// Ready to ask: connections are kept from one question to the next.
    fn asking(&self) -> Result<Asking, SourceError> {
        let client = client::client(self.options.allow_private, self.options.ca_file.as_deref())?;
        Ok(Asking { http: Arc::new(self.clone()), client })
    }

    /// What is sent along, secrets and all.
    fn headers(&self, seen: &Seen) -> Result<HeaderMap, SourceError> {
        let mut headers = headers(&self.options.headers, &self.options.secret_headers)?;
        let accept = match self.options.format {
            Form::Json => "application/json",
            Form::Csv => "text/csv, text/plain;q=0.5",
        };
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(accept));
        for (name, text) in [(IF_NONE_MATCH, &seen.etag), (IF_MODIFIED_SINCE, &seen.last_modified)] {
            // An answer without times of its own is true when it is given, changed or not.
            if let Some(text) = text.as_ref().filter(|_| self.options.mapping.time.is_some()) {
                headers.entry(&name).or_insert(header_value(&name, text)?);
            }
        }
        Ok(headers)
    }

    fn first_page(&self) -> Url {
        self.page(0).unwrap_or_else(|| self.options.url.clone())
    }

    /// The address of a page, counted from 0, where a parameter counts the pages.
    fn page(&self, number: u64) -> Option<Url> {
        let paging = self.options.paging.as_ref()?;
        let parameter = paging.parameter.as_ref()?;
        let mut url = self.options.url.clone();
        let others: Vec<(String, String)> =
            url.query_pairs().filter(|(name, _)| name != parameter).map(|(a, b)| (a.into(), b.into())).collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(parameter, &(paging.first + number).to_string());
        Some(url)
    }

    /// Where the next page is, if there is one.
    fn next(&self, url: &Url, page: u64, read: &PageRead) -> Result<Option<Url>, SourceError> {
        let Some(paging) = &self.options.paging else { return Ok(None) };
        let next =
            match &paging.next {
                Some(_) => read.next.as_deref().map(|next| url.join(next)).transpose().map_err(|error| {
                    SourceError::Broken(format!("the address of page {} is none: {error}", page + 2))
                })?,
                None => self.page(page + 1).filter(|_| read.rows > 0),
            };
        match next {
            Some(next) if next.origin() != self.options.url.origin() => Err(SourceError::Broken(format!(
                "page {} lies on {}, which is another host; secrets are not sent there",
                page + 2,
                next.host_str().unwrap_or_default()
            ))),
            Some(next) if next == *url => Err(SourceError::Broken(format!("page {} leads to itself", page + 1))),
            // One more by number, which is to be empty.
            Some(_) if page + 1 >= paging.max_pages + u64::from(paging.parameter.is_some()) => {
                Err(SourceError::Broken(format!("there are more than {} pages ('max_pages')", paging.max_pages)))
            }
            next => Ok(next),
        }
    }

    /// What a page says; hands its rows over.
    fn read(&self, body: &[u8], now: Timestamp, give: &mut dyn FnMut(RowRead) -> bool) -> Result<PageRead, RowProblem> {
        let origin = Origin { written: now, file: "", sheet: "" };
        if self.options.format == Form::Csv {
            return self.read_csv(body, origin, give);
        }
        let answer: Value = serde_json::from_slice(body)
            .map_err(|error| RowProblem::whole(format!("the answer is no JSON ({error}): {}", shown(body))))?;
        let rows = json::rows(
            &answer,
            self.options.rows.as_ref(),
            &self.options.mapping,
            &self.time_zone,
            origin,
            json::Must::HaveAll,
            give,
        )?;
        let next = self.options.paging.as_ref().and_then(|paging| paging.next.as_ref()).and_then(|Path(path)| {
            let place = path.query(&answer).first()?;
            place.as_str().filter(|next| !next.is_empty()).map(str::to_owned)
        });
        Ok(PageRead { rows, next })
    }

    fn read_csv(
        &self,
        body: &[u8],
        origin: Origin<'_>,
        give: &mut dyn FnMut(RowRead) -> bool,
    ) -> Result<PageRead, RowProblem> {
        if body.trim_ascii_start().starts_with(b"<") {
            return Err(RowProblem::whole(format!("the answer is no CSV: {}", shown(body))));
        }
        let table = CsvTable {
            form: self.options.csv,
            mapping: &self.options.mapping,
            time_zone: &self.time_zone,
            max_line_bytes: self.max_line_bytes,
            origin,
            unended_secs: None,
        };
        csv::rows(|| Ok(body), &table, give)?;
        let lines =
            body.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.trim_ascii().is_empty()).count();
        Ok(PageRead { rows: lines.saturating_sub(usize::from(self.options.csv.has_header)), next: None })
    }
}

/// What was in a page.
struct PageRead {
    rows: usize,
    next: Option<String>,
}

/// A client with what it asks for.
#[derive(Clone)]
struct Asking {
    http: Arc<Http>,
    client: Client,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.http.fmt(f)
    }
}

impl Polled for Asking {
    fn every(&self) -> Duration {
        Duration::from_secs(self.http.options.poll_secs)
    }

    fn at_most(&self) -> Duration {
        let pages = self.http.options.paging.as_ref().map_or(1, |paging| paging.max_pages.min(20));
        Duration::from_secs(self.http.options.timeout_secs * pages + 5)
    }

    fn ask<'a>(
        &'a self,
        seen: &'a Seen,
        now: Timestamp,
        pieces: Pieces,
    ) -> BoxFuture<'a, Result<Option<Asked>, SourceError>> {
        self.all_pages(seen, now, pieces).boxed()
    }
}

impl Asking {
    async fn all_pages(&self, seen: &Seen, now: Timestamp, pieces: Pieces) -> Result<Option<Asked>, SourceError> {
        let headers = self.http.headers(seen)?;
        let mut url = self.http.first_page();
        let mut news = Seen::default();
        for page in 0.. {
            let answer = self.send(&url, headers.clone()).await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            let is_only = self.http.options.paging.is_none();
            if is_only {
                news.etag = text(&answer, ETAG);
                news.last_modified = text(&answer, LAST_MODIFIED).filter(|_| is_settled(&answer));
            }
            let body = self.body(answer).await?;
            if is_only {
                let hash = blake3::hash(&body).to_hex().to_string();
                if seen.hash.as_ref() == Some(&hash) && self.http.options.mapping.time.is_some() {
                    let news = Seen { hash: Some(hash), ..news };
                    return Ok((news != *seen).then_some(Asked { seen: news, has_more: false }));
                }
                news.hash = Some(hash);
            }
            let read = self.read(body, now, pieces.clone()).await?;
            match self.http.next(&url, page, &read)? {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(Some(Asked { seen: news, has_more: false }))
    }

    /// Asks, and follows where the answer leads on the same host.
    async fn send(&self, url: &Url, headers: HeaderMap) -> Result<Response, SourceError> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send_once(&url, headers.clone()).await?;
            match answer.status() {
                StatusCode::OK | StatusCode::NOT_MODIFIED => return Ok(answer),
                status if status.is_redirection() => url = led_to(&url, &answer)?,
                status => {
                    let body = self.body(answer).await.unwrap_or_default();
                    return Err(SourceError::Broken(format!("{} answered {status}: {}", host(&url), shown(&body))));
                }
            }
        }
        Err(SourceError::Broken("its answers lead around".to_owned()))
    }

    async fn send_once(&self, url: &Url, headers: HeaderMap) -> Result<Response, SourceError> {
        let options = &self.http.options;
        address::check(url, options.allow_private).map_err(SourceError::broken)?;
        let timeout = Duration::from_secs(options.timeout_secs);
        let mut request = self.client.request(options.method.into(), url.clone()).headers(headers).timeout(timeout);
        if let Some(secret) = &options.bearer {
            request = request.bearer_auth(secret.reveal()?);
        }
        if let Some(basic) = &options.basic {
            request = request.basic_auth(&basic.user, Some(basic.password.reveal()?));
        }
        if let Some(body) = &options.body {
            if !options.headers.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())) {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| SourceError::Broken(told(&error)))
    }

    async fn body(&self, answer: Response) -> Result<Vec<u8>, SourceError> {
        let most = self.http.options.max_bytes;
        let mut body = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| SourceError::Broken(told(&error)))?;
            if body.len() + part.len() > most {
                return Err(SourceError::Broken(format!("the answer has more than {most} bytes ('max_bytes')")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// On a thread of its own: a large answer would keep others waiting.
    async fn read(&self, body: Vec<u8>, now: Timestamp, pieces: Pieces) -> Result<PageRead, SourceError> {
        let http = Arc::clone(&self.http);
        let reading = tokio::task::spawn_blocking(move || {
            http.read(&body, now, &mut |piece| pieces.blocking_send(piece).is_ok())
        });
        let read = reading.await.map_err(|error| SourceError::Broken(format!("reading the answer: {error}")))?;
        read.map_err(|problem| SourceError::Broken(problem.to_string()))
    }
}

/// What is sent along, secrets and all.
///
/// # Errors
/// When a secret is not to be had, or cannot stand in a header.
pub(super) fn headers(
    written: &BTreeMap<String, String>,
    secret: &BTreeMap<String, Secret>,
) -> Result<HeaderMap, SourceError> {
    let mut headers = HeaderMap::new();
    let name = |name: &str| {
        HeaderName::from_bytes(name.as_bytes()).map_err(|error| SourceError::Broken(format!("header {name}: {error}")))
    };
    for (header, value) in written {
        let name = name(header)?;
        let value = header_value(&name, value)?;
        headers.insert(name, value);
    }
    for (header, secret) in secret {
        let name = name(header)?;
        let mut value = header_value(&name, &secret.reveal()?)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, SourceError> {
    HeaderValue::from_str(text)
        .map_err(|_| SourceError::Broken(format!("the value of the header {name} is not printable ASCII")))
}

/// Whether what was changed since its `Last-Modified` would have another one: it counts seconds.
fn is_settled(answer: &Response) -> bool {
    let moment = |name| jiff::fmt::rfc2822::parse(&text(answer, name)?).ok();
    match (moment(DATE), moment(LAST_MODIFIED)) {
        (Some(now), Some(modified)) => now.timestamp().as_second() - modified.timestamp().as_second() > 1,
        _ => false,
    }
}

/// Where an answer leads, if secrets are as safe there.
fn led_to(from: &Url, answer: &Response) -> Result<Url, SourceError> {
    let to = text(answer, LOCATION).and_then(|location| from.join(&location).ok());
    let to = to.ok_or_else(|| SourceError::Broken(format!("{} leads elsewhere without saying where", host(from))))?;
    let is_by_tls = (from.scheme(), to.scheme()) == ("http", "https") && from.port().is_none() && to.port().is_none();
    if to.host_str() != from.host_str() || !(is_by_tls || to.origin() == from.origin()) {
        let to = to.origin().ascii_serialization();
        return Err(SourceError::Broken(format!(
            "the answer leads elsewhere, to {to}; if that is right, write it as 'url'"
        )));
    }
    Ok(to)
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn text(answer: &Response, name: HeaderName) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The beginning of an answer, on one line.
pub(super) fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if text.chars().count() > SHOWN_CHARS { "…" } else { "" };
    if shown.is_empty() { "it is empty".to_owned() } else { format!("it begins with '{shown}{more}'") }
}

/// An error with its causes, and without the address: it may hold a secret.
pub(super) fn told(error: &reqwest::Error) -> String {
    let mut causes = vec![match error {
        error if error.is_timeout() => "there was no answer in time".to_owned(),
        error if error.is_connect() => "it cannot be reached".to_owned(),
        _ => "it cannot be asked".to_owned(),
    }];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !causes.contains(&cause_text) {
            causes.push(cause_text);
        }
        source = cause.source();
    }
    causes.join(": ")
}
