//! Times as they are written in cells.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use protocol::Timestamp;

use super::cell::Cell;

/// What a written time says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    /// When the period begins that ends with the day of `at`, for figures of a year or month.
    pub begins: Option<Timestamp>,
}

impl Moment {
    /// When a figure is true that was written down on the day that begins at `day`: on that day, if its period was
    /// not over.
    pub fn as_written(self, day: Timestamp) -> Timestamp {
        if self.begins.is_some_and(|begins| begins <= day && day < self.at) { day } else { self.at }
    }
}

/// How times are written, and where.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    form: Form,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum Form {
    Year,
    Quarter,
    Month,
    DayMonthYear,
    Iso,
    /// So many units of Unix time make a second.
    Unix(f64),
    Pattern(String),
}

/// The formats that have names.
const FORMATS: &str = "'iso', 'd/m/yyyy', 'month', 'quarter', 'year', 'unix', 'unix_ms'";

impl TimeFormat {
    /// # Errors
    /// Which formats there are.
    pub fn parse(format: &str, zone: TimeZone) -> Result<Self, String> {
        let form = match format {
            "year" => Form::Year,
            "quarter" => Form::Quarter,
            "month" => Form::Month,
            "unix" => Form::Unix(1.0),
            "unix_ms" => Form::Unix(1_000.0),
            "d/m/yyyy" => Form::DayMonthYear,
            "iso" => Form::Iso,
            pattern if pattern.contains('%') => Form::Pattern(pattern.to_owned()),
            other => {
                return Err(format!(
                    "time format '{other}' is not known; use {FORMATS} or a pattern such as '%d-%m-%Y %H:%M'"
                ));
            }
        };
        Ok(Self { form, zone })
    }

    /// The moment that a cell says. A figure of a year, quarter or month is true on its last day; a date begins at
    /// midnight.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn moment(&self, cell: &Cell<'_>) -> Result<Moment, String> {
        let day = match cell {
            Cell::Local(time) => Some(*time),
            Cell::Moment(at) => {
                jiff::Timestamp::from_microsecond(at.as_micros()).map(|at| self.zone.to_datetime(at)).ok()
            }
            Cell::Wrong { reason, .. } => return Err((*reason).to_owned()),
            Cell::Empty | Cell::Text(_) | Cell::Number(_) => None,
        };
        let Some((first, last)) = self.period(cell, day.map(DateTime::date))? else {
            let at = match (cell, day) {
                (Cell::Moment(at), _) => *at,
                (_, Some(time)) => self.local(time)?,
                (_, None) => self.instant(&cell.text())?,
            };
            return Ok(Moment { at, begins: None });
        };
        let midnight = |day: Date| self.local(day.to_datetime(Time::midnight()));
        Ok(Moment { at: midnight(last)?, begins: Some(midnight(first)?) })
    }

    /// The first and the last day of the year, quarter or month that is written, or that `day` falls into; nothing for
    /// the other formats.
    fn period(&self, cell: &Cell<'_>, day: Option<Date>) -> Result<Option<(Date, Date)>, String> {
        let (months, example) = match self.form {
            Form::Year => (12, "no year; write it like 2015"),
            Form::Quarter => (3, "no quarter; write it like Q3/2023 or 2023-Q3"),
            Form::Month => (1, "no month; write it like 8/2023 or 2023-08"),
            Form::DayMonthYear | Form::Iso | Form::Unix(_) | Form::Pattern(_) => return Ok(None),
        };
        let text = cell.text();
        let first = match day {
            Some(day) => Some((day.year(), (day.month() - 1) / months * months + 1)),
            None => match self.form {
                Form::Year => year(&text).map(|year| (year, 1)),
                Form::Quarter => quarter(&text),
                _ => month(&text),
            },
        };
        let period = first.and_then(|(year, month)| {
            let first = Date::new(year, month, 1).ok()?;
            Some((first, first.checked_add(months.months()).ok()?.checked_sub(1.day()).ok()?))
        });
        period.map(Some).ok_or_else(|| format!("is {example}"))
    }

    /// The beginning of the day that `at` falls into.
    pub fn day_of(&self, at: Timestamp) -> Option<Timestamp> {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        self.local(self.zone.to_datetime(at).date().to_datetime(Time::midnight())).ok()
    }

    fn instant(&self, text: &str) -> Result<Timestamp, String> {
        match &self.form {
            Form::Year | Form::Quarter | Form::Month => Err("is no moment but a period".to_owned()),
            Form::Unix(units) => {
                let count: f64 = text.parse().map_err(|_| "is no Unix time; it is a whole number".to_owned())?;
                let micros = (count / units * 1e6).round();
                // As far as these numbers are whole.
                if micros.abs() < 9e15 {
                    Ok(Timestamp(micros as i64))
                } else {
                    Err("is too large for a time".to_owned())
                }
            }
            Form::DayMonthYear => {
                self.local(day_month_year(text).ok_or("is no date; write it like 14/8/2023 or 14/8/2023 07:30")?)
            }
            Form::Iso => {
                if let Ok(moment) = text.parse::<jiff::Timestamp>() {
                    return Ok(Timestamp(moment.as_microsecond()));
                }
                self.local(civil(text).ok_or("is no time; write it like 2023-08-14 or 2023-08-14T07:30:00+07:00")?)
            }
            Form::Pattern(pattern) => {
                let wrong = |error: jiff::Error| format!("is not written like '{pattern}': {error}");
                let parts = BrokenDownTime::parse(pattern, text).map_err(wrong)?;
                if let Ok(moment) = parts.to_timestamp() {
                    return Ok(Timestamp(moment.as_microsecond()));
                }
                let date = || parts.to_date().map(|date| date.to_datetime(Time::midnight()));
                self.local(parts.to_datetime().or_else(|_| date()).map_err(wrong)?)
            }
        }
    }

    fn local(&self, time: DateTime) -> Result<Timestamp, String> {
        let moment = self.zone.to_timestamp(time).map_err(|error| format!("is no moment: {error}"))?;
        Ok(Timestamp(moment.as_microsecond()))
    }
}

/// A date and time, or a date and its midnight, of no zone (ISO 8601).
pub fn civil(text: &str) -> Option<DateTime> {
    let date = || text.parse::<Date>().map(|date| date.to_datetime(Time::midnight()));
    text.parse().or_else(|_| date()).ok()
}

/// The zone that a source's times are in.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn year(text: &str) -> Option<i16> {
    (text.len() == 4).then(|| text.parse().ok()).flatten()
}

/// The year and the first month.
fn quarter(text: &str) -> Option<(i16, i8)> {
    let (quarter, written) = halves(text)?;
    let quarter = quarter.trim_start_matches(['Q', 'q']);
    let quarter: i8 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
    Some((year(written)?, quarter * 3 - 2))
}

fn month(text: &str) -> Option<(i16, i8)> {
    let (month, written) = halves(text)?;
    Some((year(written)?, month.parse().ok()?))
}

/// What stands before the year, and the year.
fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').or_else(|| text.split_once('-').map(|(year, part)| (part, year)))
}

fn day_month_year(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = date.split(['/', '-', '.']);
    let (day, month, year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let year = (year.len() == 4 && parts.next().is_none()).then(|| year.parse().ok()).flatten()?;
    let date = Date::new(year, month, day).ok()?;
    let time = time.trim();
    if time.is_empty() {
        return Some(date.to_datetime(Time::midnight()));
    }
    let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let time = parts.next().is_none().then(|| Time::new(hour, minute, second, 0).ok()).flatten()?;
    Some(date.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_configured() {
        let cases: &[(&str, &str, Option<&str>)] = &[
            ("year", "2015", Some("2015-12-31T00:00:00+07:00")),
            ("year", "15", None),
            ("month", "2/2024", Some("2024-02-29T00:00:00+07:00")),
            ("month", "2023-08", Some("2023-08-31T00:00:00+07:00")),
            ("quarter", "Q1/2024", Some("2024-03-31T00:00:00+07:00")),
            ("quarter", "2023-Q4", Some("2023-12-31T00:00:00+07:00")),
            ("quarter", "5/2023", None),
            ("unix", "1691973000", Some("2023-08-14T07:30:00+07:00")),
            ("unix_ms", "1691973000500", Some("2023-08-14T07:30:00.5+07:00")),
            ("unix", "14/8/2023", None),
            ("d/m/yyyy", "14/8/2023", Some("2023-08-14T00:00:00+07:00")),
            ("d/m/yyyy", "05/01/2023 07:30", Some("2023-01-05T07:30:00+07:00")),
            ("d/m/yyyy", "31/2/2023", None),
            ("d/m/yyyy", "8/14/2023", None),
            ("iso", "2023-08-14", Some("2023-08-14T00:00:00+07:00")),
            ("iso", "2023-08-14 07:30", Some("2023-08-14T07:30:00+07:00")),
            ("iso", "2023-08-14T07:30:00Z", Some("2023-08-14T14:30:00+07:00")),
            ("%Y%m%d%H%M%S", "20230814073000", Some("2023-08-14T07:30:00+07:00")),
            ("%d.%m.%Y", "14.08.2023", Some("2023-08-14T00:00:00+07:00")),
        ];
        for (format, text, expected) in cases {
            let format = TimeFormat::parse(format, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()).unwrap();
            let expected = expected.map(|text| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond()));
            assert_eq!(
                format.moment(&Cell::text_of(text)).ok().map(|moment| moment.at),
                expected,
                "{text} as {format:?}"
            );
        }
        let of_sheet = Cell::Local("2023-08-14T07:30:00".parse().unwrap());
        for (format, expected) in [
            ("iso", "2023-08-14T07:30:00+07:00"),
            ("month", "2023-08-31T00:00:00+07:00"),
            ("quarter", "2023-09-30T00:00:00+07:00"),
        ] {
            let format = TimeFormat::parse(format, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()).unwrap();
            let expected = Timestamp(expected.parse::<jiff::Timestamp>().unwrap().as_microsecond());
            assert_eq!(format.moment(&of_sheet).unwrap().at, expected);
        }
        assert!(TimeFormat::parse("yyyy", TimeZone::UTC).is_err());
    }

    #[test]
    fn figures_of_a_running_period_are_true_on_the_day_they_were_written() {
        let moment = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let cases = [
            ("month", "11/2026", "2026-11-24T15:00:00+07:00", "2026-11-24T00:00:00+07:00"),
            ("month", "11/2026", "2026-11-01T00:00:00+07:00", "2026-11-01T00:00:00+07:00"),
            ("month", "11/2026", "2026-11-30T23:00:00+07:00", "2026-11-30T00:00:00+07:00"),
            ("month", "11/2026", "2026-12-01T00:00:00+07:00", "2026-11-30T00:00:00+07:00"),
            ("month", "11/2026", "2026-10-31T23:59:59+07:00", "2026-11-30T00:00:00+07:00"),
            ("year", "2026", "2026-11-24T00:30:00+07:00", "2026-11-24T00:00:00+07:00"),
            ("year", "2025", "2026-11-24T00:30:00+07:00", "2025-12-31T00:00:00+07:00"),
            ("iso", "2026-11-01", "2026-11-24T00:30:00+07:00", "2026-11-01T00:00:00+07:00"),
        ];
        for (format, text, written, expected) in cases {
            let format = TimeFormat::parse(format, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()).unwrap();
            let day = format.day_of(moment(written)).unwrap();
            assert_eq!(
                format.moment(&Cell::text_of(text)).unwrap().as_written(day),
                moment(expected),
                "{text} written at {written}"
            );
        }
    }
}
