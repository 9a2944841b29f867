//! How the files of a folder are written and what their columns mean.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use protocol::{AreaId, IndicatorId, ObservationStatus, Scenario};
use serde::Deserialize;

use super::cell::TimeFormat;
use super::report::REPORT_END;
use crate::config::Options;

/// `[source.options]` of a folder of CSV files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvOptions {
    /// Relative to the folder of the configuration.
    pub folder: PathBuf,
    /// `*` stands for any text, `?` for one character.
    #[serde(default = "all_csv")]
    pub pattern: String,
    #[serde(default)]
    pub delimiter: Delimiter,
    #[serde(default)]
    pub decimal: Decimal,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default = "yes")]
    pub has_header: bool,
    pub time: TimeOptions,
    /// Where all rows belong to; or `area_column`.
    #[serde(default)]
    pub area: Option<AreaId>,
    #[serde(default)]
    pub area_column: Option<Column>,
    /// The area of each name in the area column; the names are codes of areas if it is empty.
    #[serde(default)]
    pub area_map: BTreeMap<String, AreaId>,
    #[serde(default)]
    pub other_areas: Otherwise,
    pub values: Vec<ValueOptions>,
    #[serde(default)]
    pub status: ObservationStatus,
    #[serde(default)]
    pub empty_values: Otherwise,
    /// The folder is looked through this often, even if nothing tells of a change.
    #[serde(default = "ten")]
    pub poll_secs: u64,
    /// A file is read once it has not changed for this long.
    #[serde(default = "thousand")]
    pub settle_ms: u64,
    /// A last line without a line end may be cut: it is taken once the file has not changed for this long.
    #[serde(default = "ten")]
    pub unended_secs: u64,
}

/// When a row was true.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeOptions {
    pub column: Column,
    /// `year`, `month`, `d/m/yyyy`, `iso`, or a pattern such as `%d-%m-%Y %H:%M`.
    #[serde(default = "iso")]
    pub format: String,
}

/// A column that holds values of an indicator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueOptions {
    pub column: Column,
    pub indicator: IndicatorId,
    #[serde(default)]
    pub scenario: Scenario,
    /// What the written number is multiplied by.
    #[serde(default = "one")]
    pub scale: f64,
}

/// A column by its name in the header, or by its place, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "the name of a column, or its place counted from 1")]
pub enum Column {
    Place(usize),
    Name(String),
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
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

/// What is done with cells that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    #[default]
    Refuse,
    Ignore,
}

fn all_csv() -> String {
    "*.csv".to_owned()
}
fn iso() -> String {
    "iso".to_owned()
}
fn yes() -> bool {
    true
}
fn ten() -> u64 {
    10
}
fn thousand() -> u64 {
    1000
}
fn one() -> f64 {
    1.0
}

impl CsvOptions {
    /// Reports names that are not configured and options that do not go together.
    pub fn check(&self, options: &mut Options<'_>) {
        match (&self.area, &self.area_column) {
            (Some(_), Some(_)) => options.report(&["area_column"], "give either 'area' or 'area_column'"),
            (None, None) => options.report(&["area"], "give 'area', where all rows belong to, or 'area_column'"),
            (Some(area), None) => options.check_area(&["area"], area),
            (None, Some(_)) => {}
        }
        for (name, area) in &self.area_map {
            options.check_area(&["area_map", name], area);
        }
        if let Err(message) = TimeFormat::parse(&self.time.format, TimeZone::UTC) {
            options.report(&["time", "format"], &message);
        }
        if self.values.is_empty() {
            options.report(&["values"], "there is no column of values; give one at least");
        }
        for (index, value) in self.values.iter().enumerate() {
            let place = format!("values[{index}]");
            options.check_indicator(&[&place, "indicator"], &value.indicator);
            if !value.scale.is_finite() || value.scale == 0.0 {
                options.report(&[&place, "scale"], "the scale is a number other than 0");
            }
        }
        let columns = self.values.iter().map(|value| &value.column).chain([&self.time.column]).chain(&self.area_column);
        for column in columns {
            match column {
                Column::Place(0) => options.report(&["values"], "columns are counted from 1"),
                Column::Name(name) if !self.has_header => {
                    options.report(
                        &["has_header"],
                        &format!("without a header, column '{name}' is given by its place, counted from 1"),
                    );
                }
                _ => {}
            }
        }
        if !(1..=86_400).contains(&self.poll_secs) {
            options.report(&["poll_secs"], &format!("poll_secs is {}; it is between 1 and 86400", self.poll_secs));
        }
    }

    /// Whether a file of this name is read.
    pub fn takes(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.pattern.chars().collect(), name.chars().collect());
        let is_ours = name.starts_with(&['.']) || name.ends_with(&REPORT_END.chars().collect::<Vec<_>>());
        matches(&pattern, &name) && !is_ours
    }
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|taken| matches(rest, &name[taken..])),
        Some((wanted, rest)) => {
            name.split_first().is_some_and(|(have, left)| (wanted == have || *wanted == '?') && matches(rest, left))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_whole_names() {
        let takes = |pattern: &str, name: &str| {
            let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            matches(&pattern, &name)
        };
        assert!(takes("*.csv", "thu.csv"));
        assert!(!takes("*.csv", "thu.csv.report.txt"));
        assert!(takes("thu_??.csv", "thu_08.csv"));
        assert!(!takes("thu_??.csv", "thu_8.csv"));
    }

    #[test]
    fn reports_are_not_read_as_data() {
        let text = "folder = '.'\npattern = '*'\ntime = { column = 1 }\narea = '51'\nvalues = []";
        let options: CsvOptions = toml::from_str(text).unwrap();
        assert!(options.takes("thu.csv") && options.takes("thu"));
        assert!(!options.takes("thu.csv.report.txt") && !options.takes(".thu.csv.report.txt.new"));
    }
}
