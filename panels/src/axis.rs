//! Ticks of axes: round numbers, and moments that people count by.

use std::ops::Range;

use protocol::Timestamp;
use protocol::observation::Period;

use crate::label::Label;
use crate::number;

/// Round numbers at most `most` steps apart that cover `range`, with the digits they need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueTicks {
    pub values: Vec<f64>,
    pub decimals: u8,
}

/// Ticks around `low..=high`; the outer ones lie at or beyond both.
pub(crate) fn value_ticks(low: f64, high: f64, most: usize) -> ValueTicks {
    let span = (high - low).max(f64::MIN_POSITIVE);
    let rough = span / most.max(1) as f64;
    let magnitude = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * magnitude).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * magnitude);
    let first = (low / step + 1e-9).floor();
    let count = ((high / step - 1e-9).ceil() - first).clamp(1.0, 100.0) as usize;
    let decimals = (0..=6u8).find(|&digits| {
        let scaled = step * 10f64.powi(i32::from(digits));
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    ValueTicks {
        values: (0..=count).map(|index| (first + index as f64) * step).collect(),
        decimals: decimals.unwrap_or(6),
    }
}

/// A labelled moment.
pub(crate) type TimeTick = (Timestamp, Label);

const HOUR: i64 = 3_600 * 1_000_000;
const DAY: i64 = 24 * HOUR;

/// Moments within `range` at whole hours, days, months or years, whichever its length calls for.
pub(crate) fn time_ticks(range: &Range<Timestamp>, language: &str) -> Vec<TimeTick> {
    let span = range.end.since(range.start);
    if span > 3 * 365 * DAY {
        return calendar_ticks(range, 12, |at| Label::period(Period::Year, at, language, false));
    }
    if span > 75 * DAY {
        return calendar_ticks(range, 1, |at| Label::period(Period::Month, at, language, false));
    }
    let steps =
        [HOUR / 12, HOUR / 4, HOUR / 2, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY];
    let step = steps.into_iter().find(|step| span / step <= 8).unwrap_or(10 * DAY);
    let period = if step < DAY { Period::Hour } else { Period::Day };
    let mut ticks = Vec::new();
    let mut at = number::next_midnight(range.start.plus_micros(-DAY));
    while at <= range.end && ticks.len() < 64 {
        if at >= range.start {
            ticks.push((at, Label::period(period, at, language, false)));
        }
        at = at.plus_micros(step);
    }
    ticks
}

/// The first days of months, every `months` months of the year.
fn calendar_ticks(range: &Range<Timestamp>, months: i8, label: impl Fn(Timestamp) -> Label) -> Vec<TimeTick> {
    let (mut year, mut month) = (number::local(range.start).year(), 1);
    let mut ticks = Vec::new();
    while let Some(at) = number::day_start(year, month, 1) {
        if at > range.end || ticks.len() >= 400 {
            break;
        }
        if at >= range.start {
            ticks.push((at, label(at)));
        }
        month += months;
        if month > 12 {
            (year, month) = (year.saturating_add(1), 1);
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_ticks_are_round_and_cover_the_range() {
        let cases = [
            (0.0, 100.0, 4, vec![0.0, 25.0, 50.0, 75.0, 100.0], 0),
            (0.0, 8.3, 4, vec![0.0, 2.5, 5.0, 7.5, 10.0], 1),
            (-3.0, 3.0, 4, vec![-4.0, -2.0, 0.0, 2.0, 4.0], 0),
            (0.0, 0.03, 3, vec![0.0, 0.01, 0.02, 0.03], 2),
        ];
        for (low, high, most, values, decimals) in cases {
            let ticks = value_ticks(low, high, most);
            assert_eq!(ticks.values.len(), values.len(), "{ticks:?}");
            assert!(ticks.values.iter().zip(&values).all(|(is, meant)| (is - meant).abs() < 1e-9), "{ticks:?}");
            assert_eq!(ticks.decimals, decimals, "{low}..{high}");
        }
    }

    #[test]
    fn time_ticks_follow_the_span() {
        let day = |year, month, day| number::day_start(year, month, day).unwrap();
        let labels = |range: Range<Timestamp>| {
            time_ticks(&range, "vi").iter().map(|tick| tick.1.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(labels(day(2006, 1, 1)..day(2010, 2, 1)), ["2006", "2007", "2008", "2009", "2010"]);
        assert_eq!(labels(day(2023, 1, 1)..day(2023, 4, 1)), ["T1", "T2", "T3", "T4"]);
        assert_eq!(
            labels(day(2023, 8, 1)..day(2023, 8, 5)),
            ["00:00", "12:00", "00:00", "12:00", "00:00", "12:00", "00:00", "12:00", "00:00"]
        );
        assert_eq!(labels(day(2023, 8, 1)..day(2023, 8, 7)).first().map(String::as_str), Some("01/8"));
    }
}
