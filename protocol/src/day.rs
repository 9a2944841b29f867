//! Days of the calendar, in no time zone.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A day between the years 1 and 9999, written `2023-08-20`. It lies in no time zone: whoever asks what is so on a day
/// says which day it is where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    /// Since 1970-01-01.
    days: i32,
}

/// What is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a day; write it like 2023-08-20")]
pub struct NoDay(String);

const MICROS: i64 = 86_400 * 1_000_000;
/// 0001-01-01 and 9999-12-31.
const FIRST: i32 = -719_162;
const LAST: i32 = 2_932_896;
/// The calendar repeats itself after 400 years.
const ERA_DAYS: i32 = 146_097;
/// From 0000-03-01: with March first, the leap day is the last one of its year.
const EPOCH_DAYS: i32 = 719_468;

impl Day {
    /// `None` for what the calendar does not have.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let (m, d) = (i32::from(month), i32::from(day));
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let year_from_march = if m > 2 { year } else { year - 1 };
        let (era, year_of_era) = (year_from_march.div_euclid(400), year_from_march.rem_euclid(400));
        let day_of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let found = Self { days: era * ERA_DAYS + day_of_era - EPOCH_DAYS };
        // A day that the month does not have would be one of the next month.
        (found.date() == (year, month, day)).then_some(found)
    }

    /// Year, month and day.
    #[must_use]
    pub fn date(self) -> (i32, u8, u8) {
        let days = self.days + EPOCH_DAYS;
        let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i32::from(month <= 2);
        (year, month as u8, day as u8)
    }

    /// Days from `earlier` to this one; negative if it lies before.
    #[must_use]
    pub fn since(self, earlier: Self) -> i32 {
        self.days - earlier.days
    }

    /// So many days later, held within the calendar.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self { days: self.days.saturating_add(days).clamp(FIRST, LAST) }
    }

    /// The day in UTC, for what need not be right to the day.
    #[must_use]
    pub fn in_utc(at: Timestamp) -> Self {
        let days = at.as_micros().div_euclid(MICROS).clamp(i64::from(FIRST), i64::from(LAST));
        Self { days: days as i32 }
    }

    /// When it begins in UTC.
    #[must_use]
    pub fn start_in_utc(self) -> Timestamp {
        Timestamp(i64::from(self.days) * MICROS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let parts = text.split('-').map(|part| part.parse::<u16>().ok()).collect::<Option<Vec<_>>>();
        let day = match parts.as_deref() {
            Some(&[year, month, day]) => {
                Self::new(year.into(), u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0))
            }
            _ => None,
        };
        // Written in one way only.
        day.filter(|day| day.to_string() == text).ok_or_else(|| NoDay(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Day {
    type Error = NoDay;
    fn try_from(text: String) -> Result<Self, NoDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl JsonSchema for Day {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A day of the calendar, in no time zone: `2023-08-20`.", "type": "string", "format": "date" })
    }
}
