//! `[source.options]` of a database.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{Options, Secret};
use crate::sources::rows::Mapping;

/// What stands for the newest row that is known, in a query.
pub const WATERMARK: &str = "{watermark}";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlOptions {
    pub engine: Engine,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub database: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password: Option<Secret>,
    #[serde(default)]
    pub tls: Tls,
    /// The certificate of the authority that signed the server's, if that is none of the usual ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Of SQLite, relative to the folder of the configuration.
    #[serde(default)]
    pub file: Option<PathBuf>,
    pub query: String,
    #[serde(default)]
    pub watermark: Option<Watermark>,
    pub mapping: Mapping,
    #[serde(default = "sixty")]
    pub poll_secs: u64,
    #[serde(default = "thirty")]
    pub timeout_secs: u64,
    #[serde(default = "most_rows")]
    pub max_rows: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Postgres,
    /// And MariaDB.
    Mysql,
    Sqlite,
    /// Microsoft SQL Server.
    Sqlserver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    Off,
    /// If the server has it; whoever sits between can switch it off.
    #[default]
    Prefer,
    /// It is checked who the server is.
    Verify,
}

/// The column by which it is known what is new.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watermark {
    pub column: String,
    /// What it is before there is a row.
    pub start: String,
    /// How far behind the newest row is asked again, in seconds or by number: rows of the same watermark, and those
    /// that were written late. 60 for times if absent, and 0 for numbers.
    #[serde(default)]
    pub overlap: Option<u32>,
}

fn thirty() -> u64 {
    30
}
fn sixty() -> u64 {
    60
}
fn most_rows() -> usize {
    100_000
}

impl SqlOptions {
    /// Reports names that are not configured and options that do not go together.
    pub fn check(&self, options: &mut Options<'_>) {
        self.mapping.check(options);
        self.check_server(options);
        self.check_query(options);
        let bounds = [
            ("poll_secs", self.poll_secs as usize, 86_400),
            ("timeout_secs", self.timeout_secs as usize, 3600),
            ("max_rows", self.max_rows, 1_000_000),
        ];
        for (key, value, most) in bounds {
            if !(1..=most).contains(&value) {
                options.report(&[key], &format!("{key} is {value}; it is between 1 and {most}"));
            }
        }
    }

    fn check_server(&self, options: &mut Options<'_>) {
        let server = [
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("database", self.database.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("ca_file", self.ca_file.is_some()),
        ];
        if self.engine == Engine::Sqlite {
            for (key, _) in server.iter().filter(|(_, given)| *given) {
                options.report(&[key], &format!("'{key}' is of a server; SQLite is a 'file'"));
            }
            if self.file.is_none() {
                options.report(&["file"], "give the 'file' of the database");
            }
            return;
        }
        for (key, given) in server.into_iter().filter(|(key, _)| ["host", "database", "user"].contains(key)) {
            if !given {
                options.report(&[key], &format!("give the '{key}' of the database"));
            }
        }
        if self.file.is_some() {
            options.report(&["file"], "'file' is of SQLite");
        }
        if self.ca_file.is_some() && self.tls != Tls::Verify {
            options.report(&["ca_file"], "'ca_file' is for tls = \"verify\"");
        }
    }

    fn check_query(&self, options: &mut Options<'_>) {
        if self.query.trim().trim_end_matches(';').contains(';') {
            options.report(&["query"], "the query is one statement, without ';'");
        }
        let has_place = self.query.contains(WATERMARK);
        if self.query.match_indices(WATERMARK).any(|(at, _)| !is_whole(&self.query, at)) {
            options.report(&["query"], "{watermark} stands alone or in quotes of its own: '{watermark}'");
        }
        match &self.watermark {
            Some(watermark) if !is_plain(&watermark.start) => {
                options.report(&["watermark", "start"], "a watermark is a number or a time");
            }
            Some(_) if !has_place => {
                options.report(
                    &["query"],
                    "the query says nowhere what is new; write … where column > {watermark} order by column",
                );
            }
            None if has_place => options.report(&["watermark"], "the query has {watermark}, so give the 'watermark'"),
            _ => {}
        }
    }
}

/// Whether the place of the watermark is not a part of a text.
fn is_whole(query: &str, at: usize) -> bool {
    let (before, behind) = (&query[..at], &query[at + WATERMARK.len()..]);
    let is_within = before.matches('\'').count() % 2 == 1;
    !is_within || (before.ends_with('\'') && behind.starts_with('\''))
}

/// Whether a watermark can be written into a query as it is.
pub fn is_plain(watermark: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-.:_ /".contains(c);
    !watermark.is_empty() && watermark.len() <= 64 && watermark.chars().all(is_plain) && !watermark.contains("--")
}
