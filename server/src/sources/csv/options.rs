//! How the files of a folder are written.

use serde::Deserialize;

use crate::config::Options;
use crate::sources::folder::FolderOptions;
use crate::sources::rows::{Column, Mapping};

/// `[source.options]` of a folder of CSV files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvOptions {
    pub files: FolderOptions,
    pub mapping: Mapping,
    #[serde(default)]
    pub delimiter: Delimiter,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default = "yes")]
    pub has_header: bool,
}

/// How a table of CSV is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvForm {
    pub delimiter: Delimiter,
    pub encoding: Encoding,
    /// Columns are given by their place otherwise.
    pub has_header: bool,
}

impl Default for CsvForm {
    fn default() -> Self {
        Self { delimiter: Delimiter::default(), encoding: Encoding::default(), has_header: yes() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Delimiter {
    /// The one that the first line has most of.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "tab")]
    Tab,
    #[serde(rename = "|")]
    Bar,
}

/// UTF-16 is known by its byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1258")]
    Windows1258,
}

fn yes() -> bool {
    true
}

impl CsvOptions {
    /// Reports names that are not configured and options that do not go together.
    pub fn check(&self, options: &mut Options<'_>) {
        self.files.check(options);
        self.mapping.check(options);
        self.form().check(&self.mapping, &["has_header"], options);
    }

    pub fn form(&self) -> CsvForm {
        CsvForm { delimiter: self.delimiter, encoding: self.encoding, has_header: self.has_header }
    }
}

impl CsvForm {
    /// Reports columns that a table without a header cannot have.
    pub fn check(self, mapping: &Mapping, path: &[&str], options: &mut Options<'_>) {
        for column in mapping.columns().filter(|_| !self.has_header) {
            if let Column::Name(name) = column {
                let message = format!("without a header, column '{name}' is given by its place, counted from 1");
                options.report(path, &message);
            }
        }
    }
}
