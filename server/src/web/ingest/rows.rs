//! Rows as they are sent become rows as they are recorded, or a reason why not.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use protocol::event::{RefusedRow, Rows, RowsBuilder};
use protocol::observation::Plausible;
use protocol::{AreaId, Catalogue, IndicatorId, ObservationStatus, Scenario, SeriesKey, Timestamp};

use super::super::query::{did_you_mean, rfc3339, shorten};
use crate::centre::{admit, plausible};

/// Most rows of one batch.
pub const MAX_ROWS: usize = 100_000;

/// The fields of a row, as they are written in JSON and in the header of CSV.
pub const FIELDS: [&str; 6] = ["indicator", "area", "scenario", "value", "time", "status"];

const SCENARIOS: [(&str, Scenario); 4] = [
    ("actual", Scenario::Actual),
    ("plan", Scenario::Plan),
    ("expected", Scenario::Expected),
    ("same_period", Scenario::SamePeriod),
];

const STATUSES: [(&str, ObservationStatus); 8] = [
    ("automatic", ObservationStatus::Automatic),
    ("by_hand", ObservationStatus::ByHand),
    ("estimated", ObservationStatus::Estimated),
    ("preliminary", ObservationStatus::Preliminary),
    ("official", ObservationStatus::Official),
    ("simulated", ObservationStatus::Simulated),
    ("calibrating", ObservationStatus::Calibrating),
    ("fault", ObservationStatus::Fault),
];

/// A row that reads well, before its names are looked up.
#[derive(Debug, PartialEq)]
pub struct SentRow<'a> {
    pub indicator: Cow<'a, str>,
    pub area: Cow<'a, str>,
    pub scenario: Scenario,
    pub value: f64,
    pub time: Timestamp,
    pub status: ObservationStatus,
}

/// A batch that was sent for more rows than one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyRows;

/// Takes the rows of one batch in. Names that the catalogue has are shared with it, not copied.
#[derive(Debug)]
pub struct Intake {
    catalogue: Arc<Catalogue>,
    now: Timestamp,
    rows: RowsBuilder,
    /// The number of each of `rows`.
    numbers: Vec<u64>,
    refused: Vec<RefusedRow>,
    /// What is plausible at each place of `rows`.
    ranges: Vec<Option<Plausible>>,
    /// The newest time at each place of `rows`.
    newest: Vec<Timestamp>,
    /// Whether each row is newer than those before it at its place.
    ascends: bool,
}

impl Intake {
    /// An empty batch that arrives at `now`.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, now: Timestamp) -> Self {
        Self {
            catalogue,
            now,
            rows: RowsBuilder::default(),
            numbers: Vec::new(),
            refused: Vec::new(),
            ranges: Vec::new(),
            newest: Vec::new(),
            ascends: true,
        }
    }

    /// How many rows were seen.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.numbers.len() + self.refused.len()
    }

    /// Accepts or refuses row `number`.
    ///
    /// # Errors
    /// When the batch is full.
    pub fn take(&mut self, number: u64, row: Result<SentRow<'_>, String>) -> Result<(), TooManyRows> {
        if self.seen() >= MAX_ROWS {
            return Err(TooManyRows);
        }
        match row.and_then(|row| self.admit(&row)) {
            Ok(()) => self.numbers.push(number),
            Err(reason) => self.refused.push(RefusedRow { row: number, reason }),
        }
        Ok(())
    }

    fn admit(&mut self, sent: &SentRow<'_>) -> Result<(), String> {
        let is_of = |(series, status): &(SeriesKey, ObservationStatus)| {
            series.indicator.as_str() == sent.indicator
                && series.area.as_str() == sent.area
                && series.scenario == sent.scenario
                && *status == sent.status
        };
        let check = |range: Option<Plausible>| {
            admit::check_number(sent.scenario, sent.time, sent.value, self.now)?;
            range.map_or(Ok(()), |range| plausible::check_range(&range, sent.value))
        };
        let place = match self.rows.likely_place(is_of) {
            Some(place) => check(self.ranges[place]).map(|()| place)?,
            None => {
                let series = self.series_of(sent)?;
                let range = admit::range_of(&self.catalogue, &series);
                // A batch names no series that it has no row of.
                check(range)?;
                let place = self.rows.place(series, sent.status);
                self.ranges.resize(self.ranges.len().max(place + 1), None);
                self.ranges[place] = range;
                place
            }
        };
        self.newest.resize(self.newest.len().max(place + 1), Timestamp(i64::MIN));
        self.ascends &= sent.time > self.newest[place];
        self.newest[place] = sent.time;
        self.rows.push(place, sent.time, sent.value);
        Ok(())
    }

    fn series_of(&self, sent: &SentRow<'_>) -> Result<SeriesKey, String> {
        let (indicator, area) = (self.indicator(&sent.indicator), self.area(&sent.area));
        let series = SeriesKey { indicator, area, scenario: sent.scenario };
        admit::check_names(&self.catalogue, &series)?;
        Ok(series)
    }

    /// The accepted and the refused rows. Of several rows of one series and time only the last is accepted: they
    /// would become known at the same moment.
    #[must_use]
    pub fn finish(mut self) -> (Rows, Vec<RefusedRow>) {
        let mut rows = self.rows.finish();
        // A series of two statuses has two places.
        let is_even = rows.series().iter().all(|(_, status)| *status == rows.series()[0].1);
        if !self.ascends || !is_even {
            refuse_repeated(&mut rows, &self.numbers, &mut self.refused);
        }
        (rows, self.refused)
    }

    fn indicator(&self, name: &str) -> IndicatorId {
        self.catalogue.indicators.get_key_value(name).map_or_else(|| IndicatorId::from(name), |(id, _)| id.clone())
    }

    fn area(&self, name: &str) -> AreaId {
        self.catalogue.areas.get_key_value(name).map_or_else(|| AreaId::from(name), |(id, _)| id.clone())
    }
}

fn refuse_repeated(rows: &mut Rows, numbers: &[u64], refused: &mut Vec<RefusedRow>) {
    let mut last_of = HashMap::with_capacity(rows.len());
    let mut is_kept = vec![true; rows.len()];
    let before = refused.len();
    for (later, row) in rows.iter().enumerate() {
        if let Some(earlier) = last_of.insert((row.series, row.phenomenon_time), later) {
            is_kept[earlier] = false;
            let reason = format!("row {} is of the same series and time; send only one of them", numbers[later]);
            refused.push(RefusedRow { row: numbers[earlier], reason });
        }
    }
    if refused.len() > before {
        refused.sort_by_key(|refused| refused.row);
        rows.retain(|number| is_kept[number]);
    }
}

/// The place of a field in [`FIELDS`].
pub fn field_index(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| *field == name)
}

/// Why a field is refused that no row has.
pub fn unknown_field(name: &str) -> String {
    format!("unknown field '{}'{}", shorten(name), did_you_mean(name, &FIELDS))
}

/// A scenario by its name.
pub fn scenario(name: &str) -> Result<Scenario, String> {
    named("scenario", name, &SCENARIOS)
}

/// A status by its name.
pub fn status(name: &str) -> Result<ObservationStatus, String> {
    named("status", name, &STATUSES)
}

fn named<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("unknown {what} '{}'{}", shorten(name), did_you_mean(name, &names))
    })
}

/// A value from the digits of a number.
pub fn value_of_number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!(
            "value must be a finite number, got {}: it is beyond the range of 64-bit floating point",
            shorten(text)
        )),
        Err(_) => Err(format!("value must be a finite number, got {}", shorten(text))),
    }
}

/// A value from a text of which only the digits of a number are right.
pub fn value_of_text(text: &str) -> Result<f64, String> {
    let shown = shorten(text);
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return Err(format!("value must be a finite number, got \"{shown}\""));
    }
    value_of_number(text).map_err(|_| {
        let hint = if text.contains(',') { "; write a decimal point and no separators of thousands" } else { "" };
        format!("value must be a finite number, got \"{shown}\"{hint}")
    })
}

/// Integers of this size are seconds or milliseconds of our days, and only 115 days of 1970 in microseconds.
const LIKELY_SECONDS: std::ops::Range<u64> = 100_000_000..100_000_000_000;
const LIKELY_MILLIS: std::ops::Range<u64> = 100_000_000_000..10_000_000_000_000;

/// A time from an integer.
pub fn time_of_micros(micros: i64) -> Result<Timestamp, String> {
    let unit = match micros.unsigned_abs() {
        size if LIKELY_SECONDS.contains(&size) => "seconds",
        size if LIKELY_MILLIS.contains(&size) => "milliseconds",
        _ => return Ok(Timestamp(micros)),
    };
    Err(format!("time {micros} looks like {unit}; give microseconds of Unix time, or RFC 3339"))
}

/// A time from a text: RFC 3339 with an offset.
pub fn time_of_text(text: &str) -> Result<Timestamp, String> {
    rfc3339(text).ok_or_else(|| bad_time(&format!("\"{}\"", shorten(text))))
}

/// Why a time is refused.
pub fn bad_time(got: &str) -> String {
    format!(
        "time must be RFC 3339 with an offset (2026-01-31T08:00:00+07:00) or an integer of microseconds of Unix time, got {got}"
    )
}
