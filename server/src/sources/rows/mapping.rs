//! `[source.options.mapping]`: what the columns of a table mean.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use protocol::{AreaId, IndicatorId, ObservationStatus, Scenario};
use serde::Deserialize;

use super::cell::Decimal;
use super::time::TimeFormat;
use crate::config::Options;

/// What the columns of a table mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// When its rows were true; when they were read, if absent.
    #[serde(default)]
    pub time: Option<TimeOptions>,
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
    /// Which indicator a row is of, where the values do not say.
    #[serde(default)]
    pub indicator_column: Option<Column>,
    /// The indicator of each name in the indicator column; the names are ids of indicators if it is empty.
    #[serde(default)]
    pub indicator_map: BTreeMap<String, IndicatorId>,
    #[serde(default)]
    pub other_indicators: Otherwise,
    pub values: Vec<ValueOptions>,
    #[serde(default)]
    pub decimal: Decimal,
    #[serde(default)]
    pub status: ObservationStatus,
    #[serde(default)]
    pub empty_values: Otherwise,
}

/// When a row was true: what one of these says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeOptions {
    #[serde(default)]
    pub column: Option<Column>,
    /// The same for all rows.
    #[serde(default)]
    pub value: Option<String>,
    /// The part of the file's name for which `{}` stands: `thu_{}.csv`.
    #[serde(default)]
    pub file: Option<String>,
    /// The part of the sheet's name.
    #[serde(default)]
    pub sheet: Option<String>,
    /// One of [`TimeFormat`].
    #[serde(default = "iso")]
    pub format: String,
}

/// A column that holds values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueOptions {
    pub column: Column,
    /// Of all its values; `indicator_column` says it row by row otherwise.
    #[serde(default)]
    pub indicator: Option<IndicatorId>,
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

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Place(place) => place.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// What is done with cells that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    #[default]
    Refuse,
    Ignore,
}

fn iso() -> String {
    "iso".to_owned()
}
fn one() -> f64 {
    1.0
}

impl Mapping {
    /// Reports names that are not configured and options that do not go together.
    pub fn check(&self, options: &mut Options<'_>) {
        if !options.has("files") && self.time.as_ref().is_some_and(|time| time.file.is_some() || time.sheet.is_some()) {
            options.report(&["mapping", "time"], "this source has no files whose names could tell the time");
        }
        self.check_areas(options);
        if let Some(time) = &self.time {
            time.check(options);
        }
        self.check_values(options);
        if self.columns().any(|column| *column == Column::Place(0)) {
            options.report(&["mapping"], "columns are counted from 1");
        }
    }

    fn check_areas(&self, options: &mut Options<'_>) {
        match (&self.area, &self.area_column) {
            (Some(_), Some(_)) => options.report(&["mapping", "area_column"], "give either 'area' or 'area_column'"),
            (None, None) => {
                options.report(&["mapping", "area"], "give 'area', where all rows belong to, or 'area_column'");
            }
            (Some(area), None) => options.check_area(&["mapping", "area"], area),
            (None, Some(_)) => {}
        }
        for (name, area) in &self.area_map {
            options.check_area(&["mapping", "area_map", name], area);
        }
    }

    fn check_values(&self, options: &mut Options<'_>) {
        if self.values.is_empty() {
            options.report(&["mapping", "values"], "there is no column of values; give one at least");
        }
        for (name, indicator) in &self.indicator_map {
            options.check_indicator(&["mapping", "indicator_map", name], indicator);
        }
        for (index, value) in self.values.iter().enumerate() {
            let place = format!("values[{index}]");
            match (&value.indicator, &self.indicator_column) {
                (Some(indicator), None) => options.check_indicator(&["mapping", &place, "indicator"], indicator),
                (None, Some(_)) => {}
                (Some(_), Some(_)) => {
                    let message = "'indicator_column' says which indicator a row is of; leave 'indicator' out";
                    options.report(&["mapping", &place, "indicator"], message);
                }
                (None, None) => {
                    let message = "give the 'indicator' of the column, or the 'indicator_column' that says it";
                    options.report(&["mapping", &place], message);
                }
            }
            if !value.scale.is_finite() || value.scale == 0.0 {
                options.report(&["mapping", &place, "scale"], "the scale is a number other than 0");
            }
        }
    }

    /// The columns that it needs.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        let values = self.values.iter().map(|value| &value.column);
        let time = self.time.iter().filter_map(|time| time.column.as_ref());
        values.chain(time).chain(&self.area_column).chain(&self.indicator_column)
    }
}

impl TimeOptions {
    fn check(&self, options: &mut Options<'_>) {
        if let Err(message) = TimeFormat::parse(&self.format, TimeZone::UTC) {
            options.report(&["mapping", "time", "format"], &message);
        }
        let named = [&self.value, &self.file, &self.sheet].into_iter().flatten().count();
        if named + usize::from(self.column.is_some()) != 1 {
            let message = "give one of 'column', 'value', 'file' and 'sheet' for the time";
            options.report(&["mapping", "time"], message);
        }
        for (key, pattern) in [("file", &self.file), ("sheet", &self.sheet)] {
            if pattern.as_ref().is_some_and(|pattern| pattern.matches("{}").count() != 1) {
                let message = format!("'{key}' has one {{}} where the time stands, such as 'thu_{{}}.csv'");
                options.report(&["mapping", "time", key], &message);
            }
        }
    }
}
