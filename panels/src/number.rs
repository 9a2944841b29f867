//! Numbers and moments as they are written in Viet Nam: `18.642`, `98,2 %`, `14/8/2023`, `05/01/2023`.
//!
//! The zone is that of the country whose days, months and years the indicators are reported in, whatever the
//! server's `time_zone` says: a wall and a browser that cut days differently would show different figures.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use protocol::Timestamp;
use protocol::day::Day;
use protocol::observation::Period;

/// Viet Nam has no daylight saving.
const HANOI: Offset = Offset::constant(7);
/// Between a number and its per cent sign; does not break.
pub const NBSP: char = '\u{a0}';
const MINUS: char = '\u{2212}';

/// A number with `decimals` digits behind the comma (the point in English).
#[must_use]
pub fn number(value: f64, decimals: u8, language: &str) -> String {
    let (group, point) = if language == "en" { (',', '.') } else { ('.', ',') };
    let plain = format!("{:.*}", usize::from(decimals.min(12)), value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::with_capacity(plain.len() + plain.len() / 3 + 1);
    if value < 0.0 && plain.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        text.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// A share: `98,2 %`, in English `98.2%`.
#[must_use]
pub fn percent(value: f64, decimals: u8, language: &str) -> String {
    let number = number(value, decimals, language);
    if language == "en" { format!("{number}%") } else { format!("{number}{NBSP}%") }
}

/// The wall clock's date and time.
#[must_use]
pub fn local(at: Timestamp) -> DateTime {
    let bounded = at
        .as_micros()
        .clamp(jiff::Timestamp::MIN.as_microsecond() + MARGIN, jiff::Timestamp::MAX.as_microsecond() - MARGIN);
    let timestamp = jiff::Timestamp::from_microsecond(bounded).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    HANOI.to_datetime(timestamp)
}

/// Keeps the local time of the first and last moments within the calendar.
const MARGIN: i64 = 86_400 * 1_000_000;

/// The moment at which a local day begins; `None` outside the calendar.
#[must_use]
pub fn day_start(year: i16, month: i8, day: i8) -> Option<Timestamp> {
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let timestamp = HANOI.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
    Some(Timestamp(timestamp.as_microsecond()))
}

/// The moment at which a day begins that is written like 2023-12-31; `None` for anything else.
#[must_use]
pub fn day_named(text: &str) -> Option<Timestamp> {
    let date: jiff::civil::Date = text.parse().ok()?;
    day_start(date.year(), date.month(), date.day())
}

/// Days since some fixed day, for telling how far two days are apart.
#[must_use]
pub fn day_of(at: DateTime) -> i64 {
    at.date().to_datetime(jiff::civil::Time::midnight()).duration_since(DateTime::ZERO).as_hours() / 24
}

/// When the clock changes next.
#[must_use]
pub fn next_second(now: Timestamp) -> Timestamp {
    Timestamp(now.as_micros().div_euclid(1_000_000).saturating_add(1).saturating_mul(1_000_000))
}

/// The next local midnight.
#[must_use]
pub fn next_midnight(now: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400 * 1_000_000;
    const EAST: i64 = 7 * 3_600 * 1_000_000;
    let day = now.as_micros().saturating_add(EAST).div_euclid(DAY);
    Timestamp(day.saturating_add(1).saturating_mul(DAY).saturating_sub(EAST))
}

/// `08:42:17`
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let time = local(at);
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `08:42`
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    let time = local(at);
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// `14/8/2023`, `05/01/2023`
#[must_use]
pub fn date(at: Timestamp) -> String {
    format!("{}/{}", day_and_month(at), local(at).year())
}

/// The day it is in Viet Nam.
#[must_use]
pub fn today(now: Timestamp) -> Day {
    let date = local(now);
    let part = |part: i8| u8::try_from(part).unwrap_or(1);
    Day::new(i32::from(date.year()), part(date.month()), part(date.day())).unwrap_or_else(|| Day::in_utc(now))
}

/// `14/8/2023`, `05/01/2023`
#[must_use]
pub fn day(day: Day) -> String {
    let (year, month, day) = day.date();
    let zero = if month <= 2 { "0" } else { "" };
    format!("{day:02}/{zero}{month}/{year}")
}

/// `14/8`; days below 10 and months 1 and 2 take a zero, so that none can be added by hand.
#[must_use]
pub fn day_and_month(at: Timestamp) -> String {
    let day = local(at);
    let zero = if day.month() <= 2 { "0" } else { "" };
    format!("{:02}/{zero}{}", day.day(), day.month())
}

/// The quarter of the year, from 1.
#[must_use]
pub fn quarter(at: DateTime) -> i8 {
    (at.month() - 1) / 3 + 1
}

/// Counts the periods: two moments are in the same one when this is equal, in the next when it is one more.
/// What comes more often than daily is counted by days.
#[must_use]
pub fn period_index(period: Period, at: Timestamp) -> i64 {
    let date = local(at);
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    match period {
        Period::Year => year,
        Period::Quarter => year * 4 + i64::from(quarter(date)) - 1,
        Period::Month => year * 12 + month - 1,
        Period::Week => (day_of(date) + i64::from(DateTime::ZERO.weekday().to_monday_zero_offset())).div_euclid(7),
        Period::Day | Period::Hour | Period::Continuous => day_of(date),
    }
}

/// The moments of the period that `at` is in.
#[must_use]
pub fn period_around(period: Period, at: Timestamp) -> RangeInclusive<Timestamp> {
    let index = period_index(period, at);
    let start = period_start(period, index).unwrap_or(Timestamp(i64::MIN));
    let end = period_start(period, index + 1).map_or(Timestamp(i64::MAX), |next| next.plus_micros(-1));
    start..=end
}

/// When the period begins that [`period_index`] counts as `index`; `None` outside the calendar.
#[must_use]
pub fn period_start(period: Period, index: i64) -> Option<Timestamp> {
    let year = |year: i64| i16::try_from(year).ok();
    let month = |months: i64| i8::try_from(months + 1).ok();
    match period {
        Period::Year => day_start(year(index)?, 1, 1),
        Period::Quarter => day_start(year(index.div_euclid(4))?, month(index.rem_euclid(4) * 3)?, 1),
        Period::Month => day_start(year(index.div_euclid(12))?, month(index.rem_euclid(12))?, 1),
        Period::Week => day_at(index.checked_mul(7)? - i64::from(DateTime::ZERO.weekday().to_monday_zero_offset())),
        Period::Day | Period::Hour | Period::Continuous => day_at(index),
    }
}

/// The start of the day that [`day_of`] counts as `days`.
fn day_at(days: i64) -> Option<Timestamp> {
    let span = jiff::Span::new().try_days(days).ok()?;
    let date = DateTime::ZERO.date().checked_add(span).ok()?;
    day_start(date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_have_a_decimal_comma() {
        let cases = [
            (18642.0, 0, "18.642", "18,642"),
            (98.2, 1, "98,2", "98.2"),
            (-1_234_567.891, 2, "−1.234.567,89", "−1,234,567.89"),
            (-0.04, 1, "0,0", "0.0"),
            (999.0, 0, "999", "999"),
            (1000.0, 0, "1.000", "1,000"),
            (0.5, 0, "0", "0"),
        ];
        for (value, decimals, vietnamese, english) in cases {
            assert_eq!(number(value, decimals, "vi"), vietnamese);
            assert_eq!(number(value, decimals, "en"), english);
        }
        assert_eq!(percent(63.5, 1, "vi"), "63,5\u{a0}%");
    }

    #[test]
    fn moments_are_those_of_viet_nam() {
        let at = Timestamp::from_secs(1_691_977_337);
        assert_eq!(clock(at), "08:42:17");
        assert_eq!(date(at), "14/8/2023");
        assert_eq!(day_start(2023, 8, 14), Some(Timestamp::from_secs(1_691_946_000)));
        let written = |year, month, day| date(day_start(year, month, day).unwrap());
        assert_eq!(
            [written(2023, 1, 5), written(2023, 8, 5), written(2023, 12, 14)],
            ["05/01/2023", "05/8/2023", "14/12/2023"]
        );
    }

    #[test]
    fn periods_are_counted_without_gaps() {
        let noon = |year, month, day| day_start(year, month, day).unwrap().plus_micros(43_200_000_000);
        let cases = [
            (Period::Year, noon(2023, 12, 31), noon(2024, 1, 1)),
            (Period::Quarter, noon(2023, 12, 31), noon(2024, 1, 1)),
            (Period::Month, noon(2023, 12, 31), noon(2024, 1, 31)),
            // Sunday and Monday.
            (Period::Week, noon(2023, 8, 13), noon(2023, 8, 14)),
            (Period::Day, noon(2023, 12, 31), noon(2024, 1, 1)),
        ];
        for (period, before, after) in cases {
            let index = period_index(period, before);
            assert_eq!(period_index(period, after), index + 1, "{period:?}");
            let start = period_start(period, index).unwrap();
            assert_eq!(period_index(period, start), index, "{period:?}");
            assert_eq!(period_index(period, start.plus_micros(-1)), index - 1, "{period:?}");
            assert_eq!(*period_around(period, before).start(), start, "{period:?}");
            assert_eq!(*period_around(period, after).start(), period_around(period, before).end().plus_micros(1));
        }
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let at = Timestamp::from_secs(1_691_977_337);
        assert_eq!(clock(next_midnight(at)), "00:00:00");
        assert_eq!(date(next_midnight(at)), "15/8/2023");
        assert_eq!(day_of(local(next_midnight(at))), day_of(local(at)) + 1);
    }

    #[test]
    fn absurd_moments_do_not_panic() {
        for micros in [i64::MIN, i64::MAX, 0] {
            assert!(!date(Timestamp(micros)).is_empty());
            for period in [Period::Year, Period::Quarter, Period::Month, Period::Week, Period::Day] {
                assert!(!period_around(period, Timestamp(micros)).is_empty(), "{period:?}");
            }
        }
    }
}
