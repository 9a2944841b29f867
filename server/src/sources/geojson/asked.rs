//! GeoJSON that is asked for over HTTP.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{ETAG, LAST_MODIFIED};

use super::Points;
use crate::sources::http::{Request, Requester, is_settled, shown, text};
use crate::sources::poll::{self, Pieces, Polled, Seen};
use crate::sources::trial::Sampling;
use crate::sources::{Link, Source, SourceError};

/// An address that gives GeoJSON.
#[derive(Debug, Clone)]
pub struct Asked {
    pub request: Request,
    pub points: Points,
}

impl Source for Asked {
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

impl Asked {
    fn asking(&self) -> Result<Asking<'_>, SourceError> {
        Ok(Asking { asked: self, requester: Requester::new(self.request.clone())? })
    }
}

struct Asking<'a> {
    asked: &'a Asked,
    requester: Requester,
}

impl std::fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.asked.fmt(f)
    }
}

impl Polled for Asking<'_> {
    fn every(&self) -> Duration {
        Duration::from_secs(self.asked.request.poll_secs)
    }

    fn at_most(&self) -> Duration {
        Duration::from_secs(self.asked.request.timeout_secs + 5)
    }

    fn ask<'a>(
        &'a self,
        seen: &'a Seen,
        now: Timestamp,
        pieces: Pieces,
    ) -> BoxFuture<'a, Result<Option<poll::Asked>, SourceError>> {
        self.once(seen, now, pieces).boxed()
    }
}

impl Asking<'_> {
    async fn once(&self, seen: &Seen, now: Timestamp, pieces: Pieces) -> Result<Option<poll::Asked>, SourceError> {
        // What says nothing of its time is so when it is given, changed or not.
        let known = Some(seen).filter(|seen| self.asked.points.time.is_some() || seen.last_modified.is_some());
        let headers = self.requester.headers("application/geo+json, application/json", known)?;
        let answer = self.requester.send(&self.asked.request.url, headers).await?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let modified = text(&answer, LAST_MODIFIED);
        let written = modified.as_ref().and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        let written = written.map_or(now, |at| Timestamp(at.timestamp().as_microsecond()).min(now));
        let news = Seen {
            etag: text(&answer, ETAG),
            last_modified: modified.filter(|_| is_settled(&answer)),
            ..Seen::default()
        };
        let body = self.requester.body(answer).await?;
        let root = serde_json::from_slice(&body)
            .map_err(|error| SourceError::Broken(format!("the answer is no GeoJSON ({error}): {}", shown(&body))))?;
        let read = self.asked.points.read(&root, written).map_err(SourceError::broken)?;
        // Nobody who waits any more needs it.
        drop(pieces.send(read).await);
        Ok(Some(poll::Asked::all(news)))
    }
}
