//! A folder of files of automatic environmental stations (Thông tư 10/2021/TT-BTNMT): one file every five minutes, one
//! line for each parameter: name, value, unit, time and status, set apart by tabs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::event::ObservationRow;
use protocol::{AreaId, IndicatorId, ObservationStatus, Scenario, SeriesKey};
use serde::Deserialize;

use super::Source;
use super::folder::{self, Files, FolderOptions};
use super::rows::{Cell, Decimal, Otherwise, RowProblem, RowRead, TimeFormat, zone};
use crate::config::{Options, suggestion};
use crate::lines::{Ends, Line, LineSplitter, LineText};

/// A file of one station has a line for each of its parameters.
const MOST_BYTES: u64 = 1 << 20;
const MOST_LINE_BYTES: usize = 1024;
const TIME: &str = "%Y%m%d%H%M%S";
/// How much of a wrong value is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// `[source.options]` of a folder of station files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StationOptions {
    files: FolderOptions,
    /// How files are named: `{station}` and `{time}` stand for what they say, `*` for any text.
    #[serde(default = "by_station")]
    name: String,
    /// The area of each station.
    stations: BTreeMap<String, AreaId>,
    /// What the parameters are called there.
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    other_stations: Otherwise,
    #[serde(default)]
    other_parameters: Otherwise,
    #[serde(default)]
    decimal: Decimal,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    indicator: IndicatorId,
    /// As it stands in the files; a value in another unit is refused.
    unit: String,
    #[serde(default = "one")]
    scale: f64,
}

fn by_station() -> String {
    "*{station}_{time}.txt".to_owned()
}
fn one() -> f64 {
    1.0
}

/// Reads the options of a folder of station files.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<StationOptions>()?;
    read.files.check(options);
    if !read.name.contains("{station}") {
        options.report(&["name"], "the name of a file says of which {station} it is");
    }
    for (station, area) in &read.stations {
        options.check_area(&["stations", station], area);
    }
    for (name, parameter) in &read.parameters {
        options.check_indicator(&["parameters", name, "indicator"], &parameter.indicator);
        if !parameter.scale.is_finite() || parameter.scale == 0.0 {
            options.report(&["parameters", name, "scale"], "the scale is a number other than 0");
        }
    }
    Some(Arc::new(StationFolder {
        folder: options.dir.join(&read.files.folder),
        time_zone: options.settings.time_zone.clone(),
        options: read,
    }))
}

/// A folder of station files.
#[derive(Debug, Clone)]
struct StationFolder {
    folder: PathBuf,
    options: StationOptions,
    time_zone: String,
}

impl Files for StationFolder {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn options(&self) -> &FolderOptions {
        &self.options.files
    }

    fn usual(&self) -> &'static [&'static str] {
        &["*.txt"]
    }

    fn read(&self, path: &Path, is_still: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem> {
        let unreadable = |error: std::io::Error| RowProblem::whole(format!("cannot be read: {error}"));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(area) = self.area(&name)? else { return Ok(false) };
        let bytes = path.metadata().map_err(unreadable)?.len();
        if bytes > MOST_BYTES {
            return Err(RowProblem::whole(format!("has {bytes} bytes; a file of a station has at most {MOST_BYTES}")));
        }
        let text = std::fs::read(path).map_err(unreadable)?;
        let format = TimeFormat::parse(TIME, zone(&self.time_zone)).map_err(RowProblem::whole)?;
        let mut read = RowRead::default();
        let mut splitter = LineSplitter::new(Ends::Any, MOST_LINE_BYTES);
        let mut is_unended = false;
        let Ok(()) = splitter.push::<Infallible>(&text, |line| {
            self.line(&line, area, &format, &mut read);
            Ok(())
        });
        let Ok(()) = splitter.finish::<Infallible>(|line| {
            // A number may be cut off and be one still.
            is_unended = !is_still;
            if is_unended {
                let secs = self.options.files.unended_secs;
                let reason = format!("the line has no end, so the file may be half written; it is taken once it has not changed for {secs} s");
                read.problems.push(RowProblem::of_row(line.number, reason));
            } else {
                self.line(&line, area, &format, &mut read);
            }
            Ok(())
        });
        give(read);
        Ok(is_unended)
    }
}

impl StationFolder {
    /// Where the station of a file stands; nothing for one that is ignored.
    fn area(&self, file: &str) -> Result<Option<&AreaId>, RowProblem> {
        let options = &self.options;
        let Some(named) = station(&options.name, file) else {
            return Err(RowProblem::whole(format!("is not named like '{}' ('name' of the source)", options.name)));
        };
        // Where several parts of a name could be the station, it is the longest one that is known.
        let known = named.iter().rev().find_map(|station| options.stations.get(*station));
        if known.is_some() || options.other_stations == Otherwise::Ignore {
            return Ok(known);
        }
        let shown = named.last().copied().unwrap_or_default();
        let near = suggestion(shown, options.stations.keys().map(String::as_str));
        Err(RowProblem::whole(format!(
            "station '{shown}' is not in 'stations' of the source{near}; set other_stations = \"ignore\" to leave other stations out"
        )))
    }

    fn line(&self, line: &Line<'_>, area: &AreaId, format: &TimeFormat, read: &mut RowRead) {
        let LineText::Whole(bytes) = &line.text else {
            let reason = format!("the line is longer than {MOST_LINE_BYTES} bytes");
            return read.problems.push(RowProblem::of_row(line.number, reason));
        };
        let text = String::from_utf8_lossy(bytes);
        if text.trim().is_empty() {
            return;
        }
        match self.observation(&text, area, format) {
            Ok(row) => read.rows.extend(row.map(|row| (line.number, row))),
            Err((column, value, reason)) => read.problems.push(RowProblem {
                column: Some(column.to_owned()),
                value: Some(value.chars().take(SHOWN_CHARS).collect()),
                ..RowProblem::of_row(line.number, reason)
            }),
        }
    }

    /// What a line says, nothing when its parameter is ignored; or which part of it is wrong.
    fn observation(
        &self,
        text: &str,
        area: &AreaId,
        format: &TimeFormat,
    ) -> Result<Option<ObservationRow>, (&'static str, String, String)> {
        let parts: Vec<&str> = text.trim_end().split('\t').map(str::trim).collect();
        let &[name, value, unit, time, status] = parts.as_slice() else {
            let reason =
                format!("has {} parts set apart by tabs; it is name, value, unit, time and status", parts.len());
            return Err(("line", text.trim().to_owned(), reason));
        };
        let Some(parameter) = self.options.parameters.get(name) else {
            if self.options.other_parameters == Otherwise::Ignore {
                return Ok(None);
            }
            let near = suggestion(name, self.options.parameters.keys().map(String::as_str));
            let reason = format!(
                "is not in 'parameters' of the source{near}; set other_parameters = \"ignore\" to leave others out"
            );
            return Err(("name", name.to_owned(), reason));
        };
        if unit != parameter.unit {
            let reason =
                format!("is not the unit of {name}, '{}'; values of another unit are not comparable", parameter.unit);
            return Err(("unit", unit.to_owned(), reason));
        }
        let number = Cell::text_of(value).number(self.options.decimal);
        let number = number.map_err(|reason| ("value", value.to_owned(), reason))?;
        let at = format.moment(&Cell::text_of(time)).map_err(|reason| ("time", time.to_owned(), reason))?.at;
        let status = match status {
            "00" => ObservationStatus::Automatic,
            "01" => ObservationStatus::Calibrating,
            "02" => ObservationStatus::Fault,
            _ => return Err(("status", status.to_owned(), "is no status; it is 00, 01 or 02".to_owned())),
        };
        let series =
            SeriesKey { indicator: parameter.indicator.clone(), area: area.clone(), scenario: Scenario::Actual };
        Ok(Some(ObservationRow { series, value: number * parameter.scale, phenomenon_time: at, status }))
    }
}

/// What `{station}` may stand for in the name of a file, the shortest first; nothing when the name is another one.
/// Parts of a name are set apart by `_`, which a station's own name may have too.
fn station<'f>(pattern: &str, file: &'f str) -> Option<Vec<&'f str>> {
    let (before, behind) = pattern.split_once("{station}")?;
    let fits = |pattern: &str, text: &str| {
        let digits = "?".repeat(14);
        folder::matches(&pattern.replace("{time}", &digits), text)
    };
    let places: Vec<usize> = file.char_indices().map(|(at, _)| at).chain([file.len()]).collect();
    let is_edge = |at: usize| at == 0 || file[..at].ends_with('_') || !before.ends_with('*');
    let starts = places.iter().copied().filter(|at| is_edge(*at) && fits(before, &file[..*at]));
    let ends: Vec<usize> = places.iter().copied().filter(|at| fits(behind, &file[*at..])).collect();
    let mut named: Vec<&str> = starts
        .flat_map(|start| ends.iter().filter(move |end| **end > start).map(move |end| &file[start..*end]))
        .collect();
    named.sort_by_key(|station| station.len());
    (!named.is_empty()).then_some(named)
}
