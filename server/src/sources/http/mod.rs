//! Something that is asked over HTTP for JSON or CSV, page by page.

pub(super) mod address;
pub(super) mod client;
mod options;
mod request;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::Timestamp;
use reqwest::header::{ETAG, LAST_MODIFIED};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::csv::{self, CsvTable};
use super::poll::{self, Asked, Pieces, Polled, Seen};
use super::rows::json::{self, Path};
use super::rows::{Origin, RowProblem, RowRead};
use super::trial::Sampling;
use super::{Link, Source, SourceError};
use crate::config::Options;
use options::{Form, HttpOptions};

pub use options::{Request, check_headers, check_url, url};
pub use request::{Requester, headers, is_settled, shown, text, told};

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
    fn asking(&self) -> Result<Asking, SourceError> {
        Ok(Asking { requester: Requester::new(self.options.request())?, http: Arc::new(self.clone()) })
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

/// Something that is asked, and who asks it.
#[derive(Clone)]
struct Asking {
    http: Arc<Http>,
    requester: Requester,
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
        let accept = match self.http.options.format {
            Form::Json => "application/json",
            Form::Csv => "text/csv, text/plain;q=0.5",
        };
        // An answer without times of its own is true when it is given, changed or not.
        let known = Some(seen).filter(|_| self.http.options.mapping.time.is_some());
        let headers = self.requester.headers(accept, known)?;
        let mut url = self.http.first_page();
        let mut news = Seen::default();
        for page in 0.. {
            let answer = self.requester.send(&url, headers.clone()).await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            let is_only = self.http.options.paging.is_none();
            if is_only {
                news.etag = text(&answer, ETAG);
                news.last_modified = text(&answer, LAST_MODIFIED).filter(|_| is_settled(&answer));
            }
            let body = self.requester.body(answer).await?;
            if is_only {
                let hash = blake3::hash(&body).to_hex().to_string();
                if seen.hash.as_ref() == Some(&hash) && self.http.options.mapping.time.is_some() {
                    let news = Seen { hash: Some(hash), ..news };
                    return Ok((news != *seen).then_some(Asked::all(news)));
                }
                news.hash = Some(hash);
            }
            let read = self.read(body, now, pieces.clone()).await?;
            match self.http.next(&url, page, &read)? {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(Some(Asked::all(news)))
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
