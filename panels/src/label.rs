//! Numbers and moments that are no indicator's value: ticks of axes, clocks, dates, ages, counts.

use std::sync::Arc;

use protocol::Timestamp;
use protocol::day::Day;
use protocol::observation::Period;
use protocol::task::Timing;

use crate::{locale, number};

/// A number or moment that is no indicator's value. Made only from ticks, moments and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Arc<str>);

impl Label {
    /// The tick of an axis.
    #[must_use]
    pub fn tick(value: f64, decimals: u8, language: &str) -> Self {
        Self(number::number(value, decimals, language).into())
    }

    /// How many there are, in the words of `key`.
    #[must_use]
    pub fn count(key: &str, count: usize, language: &str) -> Self {
        Self(locale::text_with(language, key, &[("count", &number::number(count as f64, 0, language))]).into())
    }

    /// `trang 2/5 · 48 dòng`
    #[must_use]
    pub fn page(page: usize, pages: usize, count: usize, language: &str) -> Self {
        let number = |number: usize| number::number(number as f64, 0, language);
        let (page, pages, count) = (number(page), number(pages), number(count));
        Self(locale::text_with(language, "page", &[("page", &page), ("pages", &pages), ("count", &count)]).into())
    }

    /// How many there are.
    #[must_use]
    pub fn number(count: usize, language: &str) -> Self {
        Self(number::number(count as f64, 0, language).into())
    }

    /// `25′`
    #[must_use]
    pub fn minutes(minutes: u16, language: &str) -> Self {
        Self(format!("{}′", number::number(f64::from(minutes), 0, language)).into())
    }

    /// Minutes and seconds that are left: `12:08`; `−2:13` when they are over.
    #[must_use]
    pub fn countdown(secs: i64) -> Self {
        let (sign, secs) = (if secs < 0 { "\u{2212}" } else { "" }, secs.unsigned_abs());
        Self(format!("{sign}{}:{:02}", secs / 60, secs % 60).into())
    }

    /// How long it is late, or has left; nothing of what is done or has no deadline.
    #[must_use]
    pub fn timing(timing: Timing, language: &str) -> Option<Self> {
        let (key, days) = match timing {
            Timing::Overdue { days } => ("task-overdue", days),
            Timing::DueSoon { days: 0 } => ("task-due-today", 0),
            Timing::DueSoon { days } => ("task-due-in", days),
            _ => return None,
        };
        Some(Self::count(key, days as usize, language))
    }

    /// Until when, and how often more time was given: `hạn 20/8/2023, gia hạn 2 lần`.
    #[must_use]
    pub fn deadline(day: Day, extensions: usize, language: &str) -> Self {
        let text = locale::text_with(language, "task-deadline", &[("day", &number::day(day))]);
        if extensions == 0 {
            return Self(text.into());
        }
        Self(format!("{text}, {}", Self::count("task-extended", extensions, language).as_str()).into())
    }

    /// When something was: `08:31`, `13/8`.
    #[must_use]
    pub fn moment(at: Timestamp, now: Timestamp, language: &str) -> Self {
        Self(as_of(Period::Continuous, at, now, language, true).into())
    }

    /// How many of how many: `12/14`.
    #[must_use]
    pub fn of_total(count: usize, total: usize, language: &str) -> Self {
        let [count, total] = [count, total].map(|count| number::number(count as f64, 0, language));
        Self(format!("{count}/{total}").into())
    }

    /// `08:42:17`
    #[must_use]
    pub fn clock(at: Timestamp) -> Self {
        Self(number::clock(at).into())
    }

    /// `Thứ Hai, 14/8/2023`
    #[must_use]
    pub fn weekday_and_date(at: Timestamp, language: &str) -> Self {
        let weekday = number::local(at).weekday().to_monday_one_offset();
        Self(format!("{}, {}", locale::text(language, &format!("weekday-{weekday}")), number::date(at)).into())
    }

    /// What a period is called on an axis: `2015`, `quý 3`, `T8`, `14/8`, `08:00`; with its year where there are
    /// several.
    #[must_use]
    pub fn period(period: Period, at: Timestamp, language: &str, with_year: bool) -> Self {
        Self(period_name(period, at, language, with_year).into())
    }

    /// As of when: `08:30 hôm nay`, `13/8`, `T7/2023`; `short` for narrow tiles.
    #[must_use]
    pub fn as_of(period: Period, at: Timestamp, now: Timestamp, language: &str, short: bool) -> Self {
        Self(as_of(period, at, now, language, short).into())
    }

    /// `từ 08:30`, `từ 13/8`
    #[must_use]
    pub fn since(at: Timestamp, now: Timestamp, language: &str) -> Self {
        let moment = as_of(Period::Continuous, at, now, language, true);
        Self(locale::text_with(language, "since", &[("time", &moment)]).into())
    }

    /// `từ trước 13/8`
    #[must_use]
    pub fn since_before(at: Timestamp, now: Timestamp, language: &str) -> Self {
        let moment = as_of(Period::Continuous, at, now, language, true);
        Self(locale::text_with(language, "since-before", &[("time", &moment)]).into())
    }

    /// Where a number would be that there is none of.
    #[must_use]
    pub fn none() -> Self {
        Self("—".into())
    }

    /// `cũ 26 giờ`
    #[must_use]
    pub fn age(at: Timestamp, now: Timestamp, language: &str) -> Self {
        Self(age(at, now, language).into())
    }

    /// As it is read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MICROS: i64 = 1_000_000;

/// `cũ 26 giờ`
fn age(at: Timestamp, now: Timestamp, language: &str) -> String {
    let (key, count) = age_parts(now.since(at).div_euclid(MICROS).max(0));
    locale::text_with(language, key, &[("count", &number::number(count as f64, 0, language))])
}

fn age_parts(age_secs: i64) -> (&'static str, i64) {
    let unit = age_unit(age_secs);
    let key = match unit {
        MINUTE => "stale-minutes",
        HOUR => "stale-hours",
        _ => "stale-days",
    };
    (key, age_secs / unit)
}

pub(crate) fn age_unit(age_secs: i64) -> i64 {
    match age_secs {
        ..7_200 => MINUTE,
        7_200..172_800 => HOUR,
        _ => DAY,
    }
}

/// As of when: `08:30 hôm nay`, `13/8`, `T7/2023`; `short` for narrow tiles.
fn as_of(period: Period, at: Timestamp, now: Timestamp, language: &str, short: bool) -> String {
    let (then, today) = (number::local(at), number::local(now));
    if let Period::Year | Period::Quarter | Period::Month = period {
        return period_name(period, at, language, true);
    }
    let days = number::day_of(today) - number::day_of(then);
    let time = number::time_of_day(at);
    match days {
        0 if short => time,
        0 => locale::text_with(language, "today-at", &[("time", &time)]),
        1 if !short => locale::text_with(language, "yesterday-at", &[("time", &time)]),
        _ if then.year() == today.year() && short => number::day_and_month(at),
        _ if short => number::date(at),
        _ => format!("{time} {}", number::date(at)),
    }
}

/// What a period is called on an axis: `2015`, `Q3`, `T8`, `14/8`, `08:00`; with its year where there are several.
fn period_name(period: Period, at: Timestamp, language: &str, with_year: bool) -> String {
    let date = number::local(at);
    let year = date.year();
    let named = match period {
        Period::Year => return year.to_string(),
        Period::Hour | Period::Continuous => return number::time_of_day(at),
        Period::Week | Period::Day if with_year => return number::date(at),
        Period::Week | Period::Day => return number::day_and_month(at),
        Period::Quarter => locale::text_with(language, "quarter", &[("number", &number::quarter(date).to_string())]),
        Period::Month => month(date.month(), language),
    };
    if with_year { format!("{named}/{year}") } else { named }
}

/// `T8`
fn month(month: i8, language: &str) -> String {
    locale::text_with(language, "month", &[("number", &month.to_string())])
}
