//! `[[webhook]]` of alarms.toml.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::alarm::AlarmSeverity;
use reqwest::Url;
use serde::Deserialize;

use crate::config::{Options, Secret};
use crate::sources::http::{check_headers, check_url, url};

/// Who is told of alarms.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookOptions {
    pub id: String,
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// Only alarms that are so bad, or worse.
    #[serde(default = "warning")]
    pub severity: AlarmSeverity,
    #[serde(default)]
    pub language: Language,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, Secret>,
    #[serde(default = "ten")]
    pub timeout_secs: u64,
    /// The certificate of the authority that signed the server's, if that is none of this machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether it may be an address of the inner network.
    #[serde(default)]
    pub allow_private: bool,
}

/// What texts are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Vi,
    En,
}

impl Language {
    pub fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

fn warning() -> AlarmSeverity {
    AlarmSeverity::Warning
}

fn ten() -> u64 {
    10
}

/// Reads who is told; what is wrong with it is reported.
pub fn read(options: &mut Options<'_>) -> Option<WebhookOptions> {
    let mut read = options.take::<WebhookOptions>()?;
    check_url(&[], options, &read.url, "'secret_headers'");
    check_headers(&[], options, &read.headers, &read.secret_headers);
    if !(1..=120).contains(&read.timeout_secs) {
        options.report(&["timeout_secs"], &format!("timeout_secs is {}; it is between 1 and 120", read.timeout_secs));
    }
    read.ca_file = read.ca_file.map(|file| options.dir.join(file));
    Some(read)
}
