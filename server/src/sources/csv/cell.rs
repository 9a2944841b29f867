//! What is written in one cell: numbers, times, names.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use protocol::Timestamp;
use unicode_normalization::UnicodeNormalization;

use super::options::Decimal;

/// The number that `text` says.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn number(text: &str, decimal: Decimal) -> Result<f64, String> {
    let (point, grouping, example) = match decimal {
        Decimal::Point => ('.', ',', "1234.5"),
        Decimal::Comma => (',', '.', "1234,5"),
    };
    let no_number = || format!("is no number; write it like {example}");
    let text = text.trim();
    let (mantissa, exponent) = text.find(['e', 'E']).map_or((text, ""), |at| text.split_at(at));
    let (whole, fraction) = mantissa.split_once(point).map_or((mantissa, ""), |(whole, fraction)| (whole, fraction));
    let (sign, whole) = match whole.strip_prefix(['-', '−']) {
        Some(whole) => ("-", whole),
        None => ("", whole.strip_prefix('+').unwrap_or(whole)),
    };
    let mut groups = whole.split([grouping, ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().unwrap_or_default();
    let mut digits = first.to_owned();
    let mut grouped = false;
    for group in groups {
        grouped = true;
        if group.len() != 3 {
            return Err(format!(
                "has '{grouping}' where no group of three digits follows; decimals are written with '{point}' here ('decimal' of the source)"
            ));
        }
        digits.push_str(group);
    }
    let written = digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if digits.len() + fraction.len() == 0 || !written || (grouped && !(1..=3).contains(&first.len())) {
        return Err(no_number());
    }
    let value: f64 = format!("{sign}{digits}.{fraction}0{exponent}").parse().map_err(|_| no_number())?;
    if value.is_finite() { Ok(value) } else { Err("is too large for a number".to_owned()) }
}

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
    Month,
    DayMonthYear,
    Iso,
    Pattern(String),
}

impl TimeFormat {
    /// # Errors
    /// Which formats there are.
    pub fn parse(format: &str, zone: TimeZone) -> Result<Self, String> {
        let form = match format {
            "year" => Form::Year,
            "month" => Form::Month,
            "d/m/yyyy" => Form::DayMonthYear,
            "iso" => Form::Iso,
            pattern if pattern.contains('%') => Form::Pattern(pattern.to_owned()),
            other => {
                return Err(format!(
                    "time format '{other}' is not known; use 'year', 'month', 'd/m/yyyy', 'iso' or a pattern such as '%d-%m-%Y %H:%M'"
                ));
            }
        };
        Ok(Self { form, zone })
    }

    /// The moment that `text` says. A figure of a year or month is true on its last day; a date begins at midnight.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn moment(&self, text: &str) -> Result<Moment, String> {
        let text = text.trim();
        let (first, last) = match self.form {
            Form::Year => year(text).ok_or("is no year; write it like 2015")?,
            Form::Month => month(text).ok_or("is no month; write it like 8/2023 or 2023-08")?,
            _ => return Ok(Moment { at: self.instant(text)?, begins: None }),
        };
        let midnight = |day: Date| self.local(day.to_datetime(Time::midnight()));
        Ok(Moment { at: midnight(last)?, begins: Some(midnight(first)?) })
    }

    /// The beginning of the day that `at` falls into.
    pub fn day_of(&self, at: Timestamp) -> Option<Timestamp> {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        self.local(self.zone.to_datetime(at).date().to_datetime(Time::midnight())).ok()
    }

    fn instant(&self, text: &str) -> Result<Timestamp, String> {
        match &self.form {
            Form::Year | Form::Month => Err("is no moment but a period".to_owned()),
            Form::DayMonthYear => {
                self.local(day_month_year(text).ok_or("is no date; write it like 14/8/2023 or 14/8/2023 07:30")?)
            }
            Form::Iso => {
                if let Ok(moment) = text.parse::<jiff::Timestamp>() {
                    return Ok(Timestamp(moment.as_microsecond()));
                }
                let date = text.parse::<Date>().map(|date| date.to_datetime(Time::midnight()));
                let local = text.parse::<DateTime>().or(date);
                self.local(
                    local
                        .map_err(|_| "is no time; write it like 2023-08-14 or 2023-08-14T07:30:00+07:00".to_owned())?,
                )
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

/// The first and the last day.
fn year(text: &str) -> Option<(Date, Date)> {
    let year = (text.len() == 4).then(|| text.parse().ok()).flatten()?;
    Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
}

fn month(text: &str) -> Option<(Date, Date)> {
    let (month, year) = text.split_once('/').or_else(|| text.split_once('-').map(|(year, month)| (month, year)))?;
    let year = (year.len() == 4).then(|| year.parse().ok()).flatten()?;
    let first = Date::new(year, month.parse().ok()?, 1).ok()?;
    Some((first, first.checked_add(1.month()).ok()?.checked_sub(1.day()).ok()?))
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

/// A name as it is compared: NFC, without needless spaces, in small letters.
pub fn folded(name: &str) -> String {
    name.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_configured() {
        let cases: &[(&str, Decimal, Option<f64>)] = &[
            ("33190000", Decimal::Point, Some(33_190_000.0)),
            ("4.00E+05", Decimal::Point, Some(400_000.0)),
            ("4,00E+05", Decimal::Comma, Some(400_000.0)),
            ("12.345,67", Decimal::Comma, Some(12_345.67)),
            ("12,345.67", Decimal::Point, Some(12_345.67)),
            ("1 234,5", Decimal::Comma, Some(1234.5)),
            ("-551346.6434", Decimal::Point, Some(-551_346.643_4)),
            ("−5", Decimal::Comma, Some(-5.0)),
            (",5", Decimal::Comma, Some(0.5)),
            ("12.5", Decimal::Comma, None),
            ("12,5", Decimal::Point, None),
            ("1234.567.890", Decimal::Comma, None),
            ("NaN", Decimal::Point, None),
            ("inf", Decimal::Point, None),
            ("1e999", Decimal::Point, None),
            ("", Decimal::Point, None),
            ("12 tỷ", Decimal::Comma, None),
            ("1e5e5", Decimal::Point, None),
        ];
        for (text, decimal, expected) in cases {
            assert_eq!(number(text, *decimal).ok(), *expected, "{text}");
        }
        assert_eq!(
            number("12,5", Decimal::Point).unwrap_err(),
            "has ',' where no group of three digits follows; decimals are written with '.' here ('decimal' of the source)"
        );
    }

    #[test]
    fn times_are_read_as_configured() {
        let cases: &[(&str, &str, Option<&str>)] = &[
            ("year", "2015", Some("2015-12-31T00:00:00+07:00")),
            ("year", "15", None),
            ("month", "2/2024", Some("2024-02-29T00:00:00+07:00")),
            ("month", "2023-08", Some("2023-08-31T00:00:00+07:00")),
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
            assert_eq!(format.moment(text).ok().map(|moment| moment.at), expected, "{text} as {format:?}");
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
            assert_eq!(format.moment(text).unwrap().as_written(day), moment(expected), "{text} written at {written}");
        }
    }

    #[test]
    fn names_are_compared_without_their_spaces_and_marks_composed() {
        assert_eq!(folded(" Quang  Ngai"), folded("quang ngai"));
        assert_eq!(folded("Ly\u{301} Sơn"), folded("LÝ SƠN"));
    }
}
