//! `[source.options]` of something that is asked over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::{Deserialize, Deserializer, de};

use crate::config::{Options, Secret};
use crate::sources::csv::CsvForm;
use crate::sources::rows::Mapping;
use crate::sources::rows::json::{self, Path};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpOptions {
    #[serde(deserialize_with = "url")]
    pub url: Url,
    #[serde(default)]
    pub method: Ask,
    /// What is sent with a POST.
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, Secret>,
    #[serde(default)]
    pub bearer: Option<Secret>,
    #[serde(default)]
    pub basic: Option<Basic>,
    #[serde(default)]
    pub format: Form,
    /// Where the rows are in JSON, as a JSONPath; the items of a list, or the whole as one row, if absent.
    #[serde(default)]
    pub rows: Option<Path>,
    #[serde(default)]
    pub csv: CsvForm,
    #[serde(default)]
    pub paging: Option<Paging>,
    pub mapping: Mapping,
    #[serde(default = "sixty")]
    pub poll_secs: u64,
    #[serde(default = "thirty")]
    pub timeout_secs: u64,
    #[serde(default = "most_bytes")]
    pub max_bytes: usize,
    /// The certificate of the authority that signed the server's, if that is none of this machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether addresses of the inner network may be asked.
    #[serde(default)]
    pub allow_private: bool,
}

/// How something is asked over HTTP, whatever it is asked for: `http = { … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(deserialize_with = "url")]
    pub url: Url,
    #[serde(default)]
    pub method: Ask,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub secret_headers: BTreeMap<String, Secret>,
    #[serde(default)]
    pub bearer: Option<Secret>,
    #[serde(default)]
    pub basic: Option<Basic>,
    #[serde(default = "sixty")]
    pub poll_secs: u64,
    #[serde(default = "thirty")]
    pub timeout_secs: u64,
    #[serde(default = "most_bytes")]
    pub max_bytes: usize,
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub allow_private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Ask {
    #[default]
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "POST")]
    Post,
}

impl From<Ask> for Method {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Get => Self::GET,
            Ask::Post => Self::POST,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    pub user: String,
    pub password: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    #[default]
    Json,
    Csv,
}

/// How the rest of an answer is had.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Where the address of the next page stands, as a JSONPath; it is the last page where there is none.
    #[serde(default)]
    pub next: Option<Path>,
    /// Or the parameter of the address that counts the pages; the first one without rows is the last one.
    #[serde(default)]
    pub parameter: Option<String>,
    #[serde(default = "one")]
    pub first: u64,
    #[serde(default = "hundred")]
    pub max_pages: u64,
}

/// Reports names of headers that are none, and values that cannot stand in one; they stand at `place`.
pub fn check_headers(
    place: &[&str],
    options: &mut Options<'_>,
    written: &BTreeMap<String, String>,
    secret: &BTreeMap<String, Secret>,
) {
    let written = written.iter().map(|(name, value)| ("headers", name, Some(value)));
    let secret = secret.keys().map(|name| ("secret_headers", name, None));
    for (key, name, value) in written.chain(secret) {
        let path = [place, &[key, name]].concat();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            options.report(&path, &format!("'{name}' is no name of a header"));
        }
        if value.is_some_and(|value| HeaderValue::from_str(value).is_err()) {
            options.report(&path, "a header has only printable ASCII");
        }
    }
}

/// Reports an address that cannot be asked, or has a secret in it that belongs into `instead`; it stands at `place`.
pub fn check_url(place: &[&str], options: &mut Options<'_>, url: &Url, instead: &str) {
    let path = [place, &["url"]].concat();
    if !["http", "https"].contains(&url.scheme()) {
        options.report(&path, "the address begins with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        options.report(&path, &format!("no user or password is written here; use {instead}"));
    }
}

pub fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    // What cannot be read is not told: a password may be in it.
    text.parse().map_err(|error| de::Error::custom(format!("no address ({error}); write https://host/path")))
}

fn one() -> u64 {
    1
}
fn thirty() -> u64 {
    30
}
fn sixty() -> u64 {
    60
}
fn hundred() -> u64 {
    100
}
fn most_bytes() -> usize {
    16 << 20
}

impl HttpOptions {
    /// Reports names that are not configured and options that do not go together.
    pub fn check(&self, options: &mut Options<'_>) {
        self.mapping.check(options);
        self.request().check(&[], options);
        match self.format {
            Form::Json => json::check_mapping(&self.mapping, options),
            Form::Csv => {
                self.csv.check(&self.mapping, &["csv"], options);
                if self.rows.is_some() {
                    options.report(&["rows"], "'rows' is for JSON");
                }
            }
        }
        self.check_paging(options);
    }

    fn check_paging(&self, options: &mut Options<'_>) {
        let Some(paging) = &self.paging else { return };
        if paging.next.is_some() == paging.parameter.is_some() {
            options.report(&["paging"], "give either 'next' or 'parameter'");
        }
        if paging.next.is_some() && self.format == Form::Csv {
            options.report(&["paging", "next"], "'next' is a place in JSON; CSV is paged by 'parameter'");
        }
        if !(1..=10_000).contains(&paging.max_pages) {
            let message = format!("max_pages is {}; it is between 1 and 10000", paging.max_pages);
            options.report(&["paging", "max_pages"], &message);
        }
    }
}

impl HttpOptions {
    /// How it is asked, without what it is asked for.
    pub fn request(&self) -> Request {
        let Self { url, method, body, headers, secret_headers, bearer, basic, ca_file, .. } = self.clone();
        let Self { poll_secs, timeout_secs, max_bytes, allow_private, .. } = *self;
        Request {
            url,
            method,
            body,
            headers,
            secret_headers,
            bearer,
            basic,
            poll_secs,
            timeout_secs,
            max_bytes,
            ca_file,
            allow_private,
        }
    }
}

impl Request {
    /// Reports options that do not go together, or are out of range; they stand at `place`.
    pub fn check(&self, place: &[&str], options: &mut Options<'_>) {
        check_url(place, options, &self.url, "'basic' with a secret");
        check_headers(place, options, &self.headers, &self.secret_headers);
        let mut report = |key: &[&str], message: &str| options.report(&[place, key].concat(), message);
        if self.body.is_some() && self.method == Ask::Get {
            report(&["body"], "a body is sent with method = \"POST\"");
        }
        if self.bearer.is_some() && self.basic.is_some() {
            report(&["bearer"], "give either 'bearer' or 'basic'");
        }
        if !(1024..=256 << 20).contains(&self.max_bytes) {
            report(&["max_bytes"], &format!("max_bytes is {}; it is between 1024 and 268435456", self.max_bytes));
        }
        for (key, value, most) in [("poll_secs", self.poll_secs, 86_400), ("timeout_secs", self.timeout_secs, 600)] {
            if !(1..=most).contains(&value) {
                report(&[key], &format!("{key} is {value}; it is between 1 and {most}"));
            }
        }
    }
}
