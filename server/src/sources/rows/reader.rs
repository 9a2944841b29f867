//! From the cells of a row to observations.

use std::collections::BTreeMap;

use protocol::event::ObservationRow;
use protocol::{AreaId, IndicatorId, Scenario, SeriesKey, Timestamp};

use super::cell::{Cell, folded};
use super::mapping::{Column, Mapping, Otherwise, TimeOptions, ValueOptions};
use super::time::{Moment, TimeFormat};
use super::{RowProblem, RowRead};
use crate::config::suggestion;

/// How much of a wrong value is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// Where everything stands in a table, counted from 0.
#[derive(Debug, Clone)]
pub struct Columns {
    names: Vec<String>,
    time: Option<usize>,
    area: Option<usize>,
    indicator: Option<usize>,
    values: Vec<usize>,
}

impl Columns {
    /// Finds the columns of `mapping` among those of a table whose header is `row`.
    ///
    /// # Errors
    /// Which is not there, and which is near.
    pub fn find(mapping: &Mapping, names: Vec<String>, row: u64) -> Result<Self, RowProblem> {
        let find = |column: &Column| {
            let found = match column {
                Column::Place(place) => Some(place.wrapping_sub(1)).filter(|column| *column < names.len()),
                Column::Name(name) => names
                    .iter()
                    .position(|have| folded(have) == folded(name))
                    .or_else(|| by_letters(name).filter(|column| *column < names.len())),
            };
            found.ok_or_else(|| {
                let reason = match column {
                    Column::Place(place) => format!("there is no column {place}; the first row has {}", names.len()),
                    Column::Name(name) => {
                        let near = suggestion(name, names.iter().map(String::as_str));
                        format!("the header has no column '{name}'{near}")
                    }
                };
                RowProblem { column: Some(column.to_string()), ..RowProblem::of_row(row, reason) }
            })
        };
        let time = mapping.time.as_ref().and_then(|time| time.column.as_ref()).map(find).transpose()?;
        let area = mapping.area_column.as_ref().map(find).transpose()?;
        let indicator = mapping.indicator_column.as_ref().map(find).transpose()?;
        let values = mapping.values.iter().map(|value| find(&value.column)).collect::<Result<_, _>>()?;
        Ok(Self { names, time, area, indicator, values })
    }

    /// Those that say something.
    pub fn all(&self) -> impl Iterator<Item = usize> {
        self.values.iter().copied().chain(self.time).chain(self.area).chain(self.indicator)
    }

    /// How many columns the table has.
    pub fn count(&self) -> usize {
        self.names.len()
    }
}

/// `A` is 0, `AA` is 26: columns as spreadsheets name them.
fn by_letters(name: &str) -> Option<usize> {
    let is_letters = (1..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_uppercase());
    let number = |letters: &str| letters.bytes().fold(0, |number, byte| number * 26 + usize::from(byte - b'A') + 1);
    is_letters.then(|| number(name) - 1)
}

/// Where a table comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'o> {
    /// When it was written: what it says of a running year or month is true on that day, and rows without a time at
    /// that moment.
    pub written: Timestamp,
    pub file: &'o str,
    pub sheet: &'o str,
}

/// Reads the rows of a table.
#[derive(Debug)]
pub struct Reader<'m> {
    mapping: &'m Mapping,
    format: TimeFormat,
    written: Timestamp,
    /// The time of all rows, unless a column says it.
    time: Moment,
    areas: Names<'m, AreaId>,
    indicators: Names<'m, IndicatorId>,
}

/// What names stand for, by the names as they are compared; and as they are written.
type Names<'m, T> = BTreeMap<String, (&'m str, &'m T)>;

fn names<T>(map: &BTreeMap<String, T>) -> Names<'_, T> {
    map.iter().map(|(name, named)| (folded(name), (name.as_str(), named))).collect()
}

impl<'m> Reader<'m> {
    /// For a table; its local times are those of `zone`.
    ///
    /// # Errors
    /// When the time cannot be read from the name of the file or of the sheet.
    pub fn new(mapping: &'m Mapping, zone: &str, origin: Origin<'_>) -> Result<Self, RowProblem> {
        let zone = super::time::zone(zone);
        let format = mapping.time.as_ref().map_or("iso", |time| &time.format);
        let format = TimeFormat::parse(format, zone).map_err(RowProblem::whole)?;
        let written = Moment { at: origin.written, begins: None };
        let time = mapping.time.as_ref().map_or(Ok(written), |time| time_of_all(time, &format, origin));
        Ok(Self {
            mapping,
            written: origin.written,
            time: time.map_err(RowProblem::whole)?,
            areas: names(&mapping.area_map),
            indicators: names(&mapping.indicator_map),
            format,
        })
    }

    /// What a row says; `cell` gives the cell of a column.
    pub fn row<'c>(&self, row: u64, columns: &Columns, cell: impl Fn(usize) -> Cell<'c>) -> RowRead {
        let mut read = RowRead::default();
        let problem = |(column, reason): (usize, String)| RowProblem {
            column: columns.names.get(column).cloned(),
            value: Some(cell(column).text().chars().take(SHOWN_CHARS).collect()),
            ..RowProblem::of_row(row, reason)
        };
        let place = match self.place(columns, &cell) {
            Ok(Some(place)) => place,
            Ok(None) => return read,
            Err(wrong) => {
                read.problems.push(problem(wrong));
                return read;
            }
        };
        for (value, column) in self.mapping.values.iter().zip(&columns.values) {
            let cell = cell(*column);
            if cell.is_empty() && self.mapping.empty_values == Otherwise::Ignore {
                continue;
            }
            match cell.number(self.mapping.decimal) {
                Ok(number) => read.rows.extend(self.observation(&place, value, number).map(|taken| (row, taken))),
                Err(reason) => read.problems.push(problem((*column, reason))),
            }
        }
        read
    }

    /// Nothing where neither the row nor the column says of which indicator it is; the configuration is checked for it.
    fn observation(&self, place: &Place, value: &ValueOptions, number: f64) -> Option<ObservationRow> {
        let indicator = value.indicator.clone().or_else(|| place.indicator.clone())?;
        let series = SeriesKey { indicator, area: place.area.clone(), scenario: value.scenario };
        let phenomenon_time = self.true_at(place.time, value.scenario);
        Some(ObservationRow { series, value: number * value.scale, phenomenon_time, status: self.mapping.status })
    }

    /// Where a row belongs to, nothing when it is left out; or which column is wrong.
    fn place<'c>(
        &self,
        columns: &Columns,
        cell: &impl Fn(usize) -> Cell<'c>,
    ) -> Result<Option<Place>, (usize, String)> {
        let mapping = self.mapping;
        let area = match columns.area {
            Some(column) => {
                let known = named(&self.areas, &cell(column).text(), mapping.other_areas, "area");
                known.map_err(|reason| (column, reason))?
            }
            None => mapping.area.clone(),
        };
        let Some(area) = area else { return Ok(None) };
        let indicator = match columns.indicator {
            Some(column) => {
                let known = named(&self.indicators, &cell(column).text(), mapping.other_indicators, "indicator");
                let Some(known) = known.map_err(|reason| (column, reason))? else { return Ok(None) };
                Some(known)
            }
            None => None,
        };
        let time = match columns.time {
            Some(column) => self.format.moment(&cell(column)).map_err(|reason| (column, reason))?,
            None => self.time,
        };
        Ok(Some(Place { area, indicator, time }))
    }

    /// Plans are made for the whole of a period; figures of a running one are true on the day they were written.
    fn true_at(&self, time: Moment, scenario: Scenario) -> Timestamp {
        match scenario {
            Scenario::Plan | Scenario::Expected => time.at,
            Scenario::Actual | Scenario::SamePeriod => {
                self.format.day_of(self.written).map_or(time.at, |day| time.as_written(day))
            }
        }
    }
}

/// Where a row belongs to.
struct Place {
    area: AreaId,
    /// Where a column says it.
    indicator: Option<IndicatorId>,
    time: Moment,
}

/// What a name stands for; nothing for one that is ignored.
fn named<T: Clone + for<'n> From<&'n str>>(
    known: &Names<'_, T>,
    name: &str,
    others: Otherwise,
    what: &str,
) -> Result<Option<T>, String> {
    if known.is_empty() && !name.is_empty() {
        return Ok(Some(T::from(name)));
    }
    match (known.get(&folded(name)), others) {
        (Some((_, named)), _) => Ok(Some((*named).clone())),
        (None, Otherwise::Ignore) => Ok(None),
        (None, Otherwise::Refuse) if name.is_empty() => {
            Err(format!("is empty; set other_{what}s = \"ignore\" to leave such rows out"))
        }
        (None, Otherwise::Refuse) => {
            let near = suggestion(name, known.values().map(|(written, _)| *written));
            Err(format!(
                "is not in '{what}_map' of the source{near}; set other_{what}s = \"ignore\" to leave other {what}s out"
            ))
        }
    }
}

/// The time of all rows of a table; that of a table whose rows have their own is not used.
fn time_of_all(time: &TimeOptions, format: &TimeFormat, origin: Origin<'_>) -> Result<Moment, String> {
    let part = |what: &str, name: &str, pattern: &str| {
        let (before, behind) = pattern.split_once("{}").unwrap_or((pattern, ""));
        let part = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
        part.map(str::to_owned).ok_or_else(|| format!("the name of the {what}, '{name}', is not like '{pattern}'"))
    };
    let text = match (&time.value, &time.file, &time.sheet) {
        (Some(value), ..) => value.clone(),
        (_, Some(pattern), _) => part("file", origin.file, pattern)?,
        (.., Some(pattern)) => part("sheet", origin.sheet, pattern)?,
        (None, None, None) => return Ok(Moment { at: origin.written, begins: None }),
    };
    format.moment(&Cell::text_of(&text)).map_err(|reason| format!("the time '{text}' {reason}"))
}
