//! Rows as CSV: a header that names the fields, then a row a line.

use std::borrow::Cow;

use super::super::query::shorten;
use super::rows::{self, FIELDS, SentRow};
use crate::fields::Fields;

/// Most columns that are looked at; a header with more is refused anyway.
const MAX_COLUMNS: usize = 32;

/// Reads lines under a header.
#[derive(Debug)]
pub struct CsvRows {
    record: Fields,
    header_columns: usize,
    /// The column of each field.
    column_of: [Option<usize>; FIELDS.len()],
}

impl CsvRows {
    /// From the header line.
    ///
    /// # Errors
    /// Names the column that is unknown, missing or given twice.
    pub fn under(header: &str) -> Result<Self, String> {
        let mut record = Fields::new(b',', MAX_COLUMNS);
        record.read(header)?;
        if record.count() == 1 && header.contains([';', '\t']) {
            return Err("the header has one column; separate columns with commas, not semicolons or tabs".into());
        }
        let mut column_of = [None; FIELDS.len()];
        for column in 0..record.count() {
            let name = record.get(column).trim();
            let index =
                rows::field_index(name).ok_or_else(|| rows::unknown_field(name).replacen("field", "column", 1))?;
            if column_of[index].replace(column).is_some() {
                return Err(format!("column '{name}' is given twice"));
            }
        }
        let missing = ["indicator", "area", "value", "time"]
            .into_iter()
            .find(|name| rows::field_index(name).is_some_and(|index| column_of[index].is_none()));
        match missing {
            Some(name) => Err(format!(
                "column '{name}' is missing; the header must name indicator, area, value and time, and may name scenario and status"
            )),
            None => Ok(Self { header_columns: record.count(), record, column_of }),
        }
    }

    /// The row of a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn row(&mut self, line: &str) -> Result<SentRow<'_>, String> {
        self.record.read(line)?;
        if self.record.count() != self.header_columns {
            let (got, expected) = (self.record.count(), self.header_columns);
            return Err(format!(
                "{got} fields, but the header names {expected}; is the line cut off, or a comma not quoted?"
            ));
        }
        let [indicator, area, scenario, value, time, status] =
            self.column_of.map(|column| column.map_or("", |column| self.record.get(column).trim()));
        Ok(SentRow {
            indicator: required("indicator", indicator)?,
            area: required("area", area)?,
            scenario: optional(scenario, rows::scenario)?,
            value: rows::value_of_text(&required("value", value)?)?,
            time: time_of(&required("time", time)?)?,
            status: optional(status, rows::status)?,
        })
    }
}

fn required<'a>(field: &str, text: &'a str) -> Result<Cow<'a, str>, String> {
    if text.is_empty() { Err(format!("{field} is empty")) } else { Ok(Cow::Borrowed(text)) }
}

fn optional<T: Default>(text: &str, read: fn(&str) -> Result<T, String>) -> Result<T, String> {
    if text.is_empty() { Ok(T::default()) } else { read(text) }
}

fn time_of(text: &str) -> Result<protocol::Timestamp, String> {
    match text.parse::<i64>() {
        Ok(micros) => rows::time_of_micros(micros),
        Err(_) => rows::time_of_text(text).map_err(|_| rows::bad_time(&format!("\"{}\"", shorten(text)))),
    }
}
