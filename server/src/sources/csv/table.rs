//! From lines to observations: the header, the fields of a row, what they mean.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use protocol::event::ObservationRow;
use protocol::{AreaId, Scenario, SeriesKey, Timestamp};

use super::cell::{TimeFormat, folded, number};
use super::options::{Column, CsvOptions, Delimiter, Otherwise};
use crate::config::suggestion;
use crate::fields::Fields;
use crate::lines::LineText;

/// Most columns that a file may have.
const MAX_COLUMNS: usize = 4096;
/// How much of a wrong value is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// Something in a file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// Counted from 1 with the header, as a spreadsheet shows it; 0 for the file as a whole.
    pub row: u64,
    pub column: Option<String>,
    pub value: Option<String>,
    pub reason: String,
}

/// What a row came to.
#[derive(Debug, Default, PartialEq)]
pub struct RowRead {
    pub rows: Vec<(u64, ObservationRow)>,
    pub problems: Vec<RowProblem>,
}

/// Reads the rows of one file.
pub struct Table<'a> {
    options: &'a CsvOptions,
    format: TimeFormat,
    /// The day on which the file was written: what is written of a running year or month is true on it.
    written: Timestamp,
    areas: BTreeMap<String, &'a AreaId>,
    fields: Fields,
    /// Known once the first line was read.
    columns: Option<Columns>,
}

/// Where everything stands, counted from 0.
struct Columns {
    names: Vec<String>,
    time: usize,
    area: Option<usize>,
    values: Vec<usize>,
}

/// The file cannot be read on: its header is wrong.
#[derive(Debug, PartialEq)]
pub struct Unreadable(pub RowProblem);

impl<'a> Table<'a> {
    pub fn new(options: &'a CsvOptions, format: TimeFormat, written: Timestamp) -> Self {
        let areas = options.area_map.iter().map(|(name, area)| (folded(name), area)).collect();
        Self { options, format, written, areas, fields: Fields::new(b',', MAX_COLUMNS), columns: None }
    }

    /// Reads one line. `is_cut` says that the file ends in it, without a line end.
    ///
    /// # Errors
    /// When the header does not have the columns.
    pub fn line(
        &mut self,
        row: u64,
        text: &LineText<'_>,
        max_line_bytes: usize,
        is_cut: bool,
    ) -> Result<RowRead, Unreadable> {
        let problem = |reason: String| RowProblem { row, column: None, value: None, reason };
        let LineText::Whole(bytes) = text else {
            let problem = problem(format!(
                "the line is longer than {max_line_bytes} bytes and was skipped ('max_line_bytes' of [ingest])"
            ));
            return if self.columns.is_none() {
                Err(Unreadable(problem))
            } else {
                Ok(RowRead { problems: vec![problem], ..RowRead::default() })
            };
        };
        let line = String::from_utf8_lossy(bytes);
        if line.trim().is_empty() {
            return Ok(RowRead::default());
        }
        if self.columns.is_none() {
            self.fields = Fields::new(delimiter(self.options.delimiter, &line), MAX_COLUMNS);
        }
        if let Err(reason) = self.fields.read(&line) {
            return Ok(RowRead { problems: vec![problem(reason)], ..RowRead::default() });
        }
        if self.columns.is_none() {
            let columns = self.header(row)?;
            self.columns = Some(columns);
            if self.options.has_header {
                return Ok(RowRead::default());
            }
        }
        let Some(columns) = &self.columns else { return Ok(RowRead::default()) };
        let (have, want) = (self.fields.count(), columns.names.len());
        if have != want {
            let reason = match is_cut {
                true if have < want => format!(
                    "the file ends in this row, after {have} of {want} columns: it looks cut off; it is read again when it grows"
                ),
                _ => format!("has {have} columns; the first row has {want}"),
            };
            return Ok(RowRead { problems: vec![problem(reason)], ..RowRead::default() });
        }
        Ok(self.observations(row, columns))
    }

    fn header(&self, row: u64) -> Result<Columns, Unreadable> {
        let options = self.options;
        let names: Vec<String> = match options.has_header {
            true => (0..self.fields.count()).map(|column| self.fields.get(column).trim().to_owned()).collect(),
            false => (1..=self.fields.count()).map(|place| place.to_string()).collect(),
        };
        let find = |column: &Column| {
            let found = match column {
                Column::Place(place) => Some(place.wrapping_sub(1)).filter(|column| *column < names.len()),
                Column::Name(name) => names.iter().position(|have| folded(have) == folded(name)),
            };
            found.ok_or_else(|| {
                let (name, reason) = match column {
                    Column::Place(place) => {
                        (place.to_string(), format!("there is no column {place}; the first row has {}", names.len()))
                    }
                    Column::Name(name) => {
                        let near = suggestion(name, names.iter().map(String::as_str));
                        (name.clone(), format!("the header has no column '{name}'{near}"))
                    }
                };
                Unreadable(RowProblem { row, column: Some(name), value: None, reason })
            })
        };
        let time = find(&options.time.column)?;
        let area = options.area_column.as_ref().map(find).transpose()?;
        let values = options.values.iter().map(|value| find(&value.column)).collect::<Result<_, _>>()?;
        Ok(Columns { names, time, area, values })
    }

    fn observations(&self, row: u64, columns: &Columns) -> RowRead {
        let mut read = RowRead::default();
        let problem = |column: usize, reason: String| RowProblem {
            row,
            column: columns.names.get(column).cloned(),
            value: Some(self.fields.get(column).trim().chars().take(SHOWN_CHARS).collect()),
            reason,
        };
        let area = match self.area(columns) {
            Ok(Some(area)) => area,
            Ok(None) => return read,
            Err((column, reason)) => {
                read.problems.push(problem(column, reason));
                return read;
            }
        };
        let time = match self.format.moment(self.fields.get(columns.time)) {
            Ok(time) => time,
            Err(reason) => {
                read.problems.push(problem(columns.time, reason));
                return read;
            }
        };
        for (value, column) in self.options.values.iter().zip(&columns.values) {
            let text = self.fields.get(*column);
            if text.trim().is_empty() && self.options.empty_values == Otherwise::Ignore {
                continue;
            }
            match number(text, self.options.decimal) {
                Ok(number) => {
                    // Plans are made for the whole of a period.
                    let time = match value.scenario {
                        Scenario::Plan | Scenario::Expected => time.at,
                        Scenario::Actual | Scenario::SamePeriod => time.as_written(self.written),
                    };
                    let series =
                        SeriesKey { indicator: value.indicator.clone(), area: area.clone(), scenario: value.scenario };
                    read.rows.push((row, self.row(series, number * value.scale, time)));
                }
                Err(reason) => read.problems.push(problem(*column, reason)),
            }
        }
        read
    }

    fn row(&self, series: SeriesKey, value: f64, phenomenon_time: Timestamp) -> ObservationRow {
        ObservationRow { series, value, phenomenon_time, status: self.options.status }
    }

    /// The area of the row; nothing when it is of an area that is ignored.
    fn area(&self, columns: &Columns) -> Result<Option<AreaId>, (usize, String)> {
        let Some(column) = columns.area else { return Ok(self.options.area.clone()) };
        let name = self.fields.get(column).trim();
        if self.areas.is_empty() {
            return Ok(Some(AreaId::from(name)));
        }
        match (self.areas.get(&folded(name)), self.options.other_areas) {
            (Some(area), _) => Ok(Some((*area).clone())),
            (None, Otherwise::Ignore) => Ok(None),
            (None, Otherwise::Refuse) => {
                let near = suggestion(name, self.options.area_map.keys().map(String::as_str));
                Err((
                    column,
                    format!(
                        "is not in 'area_map' of the source{near}; set other_areas = \"ignore\" to leave other areas out"
                    ),
                ))
            }
        }
    }
}

/// The zone that a source's times are in.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn delimiter(configured: Delimiter, line: &str) -> u8 {
    match configured {
        Delimiter::Comma => b',',
        Delimiter::Semicolon => b';',
        Delimiter::Tab => b'\t',
        Delimiter::Bar => b'|',
        Delimiter::Auto => {
            let mut quoted = false;
            let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
            for byte in line.bytes() {
                quoted ^= byte == b'"';
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte && !quoted) {
                    *count += 1;
                }
            }
            counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
        }
    }
}
