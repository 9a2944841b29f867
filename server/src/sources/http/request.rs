//! One question over HTTP and its answer, whatever it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION,
};
use reqwest::{Client, Response, StatusCode, Url};

use super::options::Request;
use super::{address, client};
use crate::config::Secret;
use crate::sources::SourceError;
use crate::sources::poll::Seen;

/// How often an answer may lead to another address of the same host.
const MOST_REDIRECTS: usize = 5;
/// How much of an answer that is not understood is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// A client with how it asks: connections are kept from one question to the next.
#[derive(Clone)]
pub struct Requester {
    pub request: Arc<Request>,
    client: Client,
}

impl Requester {
    /// Ready to ask.
    ///
    /// # Errors
    /// When the certificate cannot be read, or there is no TLS.
    pub fn new(request: Request) -> Result<Self, SourceError> {
        let client = client::client(request.allow_private, request.ca_file.as_deref())?;
        Ok(Self { request: Arc::new(request), client })
    }

    /// What is sent along, secrets and all; of what was `seen` where an answer that has not changed is none.
    ///
    /// # Errors
    /// When a secret cannot be had, or is none.
    pub fn headers(&self, accept: &'static str, seen: Option<&Seen>) -> Result<HeaderMap, SourceError> {
        let mut headers = headers(&self.request.headers, &self.request.secret_headers)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(accept));
        let seen = seen.map(|seen| [(IF_NONE_MATCH, &seen.etag), (IF_MODIFIED_SINCE, &seen.last_modified)]);
        for (name, text) in seen.into_iter().flatten() {
            if let Some(text) = text {
                headers.entry(&name).or_insert(header_value(&name, text)?);
            }
        }
        Ok(headers)
    }

    /// Asks, and follows where the answer leads on the same host.
    ///
    /// # Errors
    /// When there is no answer, or one that is no good.
    pub async fn send(&self, url: &Url, headers: HeaderMap) -> Result<Response, SourceError> {
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
        let options = &self.request;
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

    /// An answer as a whole, as far as it is not too large.
    ///
    /// # Errors
    /// When it is, or breaks off.
    pub async fn body(&self, answer: Response) -> Result<Vec<u8>, SourceError> {
        let most = self.request.max_bytes;
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
}

/// What is sent along, secrets and all.
///
/// # Errors
/// When a secret is not to be had, or cannot stand in a header.
pub fn headers(
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
pub fn is_settled(answer: &Response) -> bool {
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

pub fn text(answer: &Response, name: HeaderName) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The beginning of an answer, on one line.
pub fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if text.chars().count() > SHOWN_CHARS { "…" } else { "" };
    if shown.is_empty() { "it is empty".to_owned() } else { format!("it begins with '{shown}{more}'") }
}

/// An error with its causes, and without the address: it may hold a secret.
pub fn told(error: &reqwest::Error) -> String {
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
