//! Windows as options name them, and their buckets as points.

use std::ops::RangeInclusive;

use protocol::change::{Bucket, MAX_BUCKETS, Span, WindowSpec};
use protocol::observation::{Better, Period};
use protocol::view::Window;
use protocol::{Indicator, Scenario, SeriesKey, Timestamp, ViewState};

use crate::OptionsError;
use crate::number;
use crate::scene::Rect;

/// The span that `secs`, or `from` and `to` (whole days, both included), describe.
pub(crate) fn span(
    secs: Option<u64>,
    from: Option<&str>,
    to: Option<&str>,
    default_secs: u64,
) -> Result<Span, OptionsError> {
    match (secs, from, to) {
        (Some(0), None, None) => Err(OptionsError::of("secs", "'secs' must be at least 1")),
        (secs, None, None) => Ok(Span::Last { secs: secs.unwrap_or(default_secs) }),
        (None, Some(from), Some(to)) => {
            let (from, last_day) = (day("from", from)?, day("to", to)?);
            if last_day < from {
                return Err(OptionsError::of("to", "'to' lies before 'from'; both are days like 2023-12-31"));
            }
            Ok(Span::Between { from, to: number::next_midnight(last_day).plus_micros(-1) })
        }
        (Some(_), _, _) => Err(OptionsError::of("secs", "give either 'secs' or 'from' and 'to'")),
        (None, None, Some(_)) => Err(OptionsError::of("from", "'to' needs 'from', a day like 2023-01-01")),
        (None, Some(_), None) => Err(OptionsError::of("to", "'from' needs 'to', a day like 2023-12-31")),
    }
}

fn day(option: &str, text: &str) -> Result<Timestamp, OptionsError> {
    number::day_named(text)
        .ok_or_else(|| OptionsError::of(option, format!("'{text}' is not a day; write it like 2023-12-31")))
}

/// A stretch that shows the course of an indicator.
pub(crate) fn usual_secs(indicator: &Indicator) -> u64 {
    const DAY: u64 = DAY_SECS;
    match indicator.period {
        Period::Continuous => DAY,
        Period::Hour => 3 * DAY,
        Period::Day => 60 * DAY,
        Period::Week => 365 * DAY,
        Period::Month => 2 * 365 * DAY,
        Period::Quarter => 5 * 365 * DAY,
        Period::Year => 10 * 365 * DAY,
    }
}

/// Buckets that lose no value of the indicator, as long as the picture is wide enough to show them.
pub(crate) fn window(
    series: SeriesKey,
    span: Span,
    indicator: &Indicator,
    asked: Option<u16>,
    rect: Rect,
) -> WindowSpec {
    const MOST: u16 = 600;
    let secs = match span {
        Span::Last { secs } => secs,
        Span::Between { from, to } => u64::try_from(to.since(from) / 1_000_000).unwrap_or(0),
    };
    // Four for each expected value, so that an uneven calendar never puts two into one bucket.
    let lossless = secs.saturating_mul(4).div_ceil(indicator.expected_interval_secs.max(1));
    let widest = (rect.width as u16).clamp(2, MAX_BUCKETS);
    let buckets =
        asked.unwrap_or_else(|| u16::try_from(lossless).unwrap_or(u16::MAX).clamp(2, MOST.min(widest / 2).max(2)));
    WindowSpec { series, span, buckets: buckets.clamp(2, widest) }
}

const DAY_SECS: u64 = 86_400;

/// The figures that an actual one may have to be compared with, when newer ones are there already: a plan or an
/// expected course is posted ahead, and an actual figure may come late.
pub(crate) fn compared(series: SeriesKey, indicator: &Indicator) -> Option<WindowSpec> {
    // Two for each expected value, so that an uneven calendar never puts two into one bucket.
    let step = (indicator.expected_interval_secs / 2).max(1);
    let (secs, buckets) = match series.scenario {
        Scenario::Actual => return None,
        // All that may be posted ahead, by quarters, so that each year keeps its own.
        Scenario::Plan => (22 * 365 * DAY_SECS, 88),
        Scenario::Expected if !indicator.cumulative && indicator.better != Better::Higher => return None,
        // To the end of the next year, posted in its last weeks.
        Scenario::Expected => {
            let secs = 400 * DAY_SECS;
            (secs, secs.div_ceil(step.max(DAY_SECS)).max(2))
        }
        Scenario::SamePeriod => (step.saturating_mul(70), 70),
    };
    Some(WindowSpec { series, span: Span::Last { secs }, buckets: u16::try_from(buckets).unwrap_or(MAX_BUCKETS) })
}

/// The place of the window that was asked for. Who asked and who sent may count buckets differently, being of
/// different versions; series and span are what makes it the one.
#[must_use]
pub fn place(windows: &[WindowSpec], wanted: &WindowSpec) -> Option<usize> {
    let same = |window: &WindowSpec| window.series == wanted.series && window.span == wanted.span;
    windows.iter().position(|window| window == wanted).or_else(|| windows.iter().position(same))
}

/// The window that was asked for, as it was sent.
pub(crate) fn sent<'a>(view: &'a ViewState, wanted: &WindowSpec) -> Option<&'a Window> {
    view.windows().get(place(&view.arranged()?.windows, wanted)?)
}

/// Refuses bucket counts that cannot be.
pub(crate) fn check_buckets(asked: Option<u16>) -> Result<(), OptionsError> {
    match asked {
        Some(buckets) if !(2..=MAX_BUCKETS).contains(&buckets) => {
            Err(OptionsError::of("buckets", format!("{buckets} buckets; it must be 2 to {MAX_BUCKETS}")))
        }
        _ => Ok(()),
    }
}

/// The newest bucket whose last value was true within `moments`. Buckets stand in the order of time.
pub(crate) fn newest_within<'a>(window: &'a Window, moments: &RangeInclusive<Timestamp>) -> Option<&'a Bucket> {
    let newest = window.buckets.values().rev().find(|bucket| bucket.time <= *moments.end());
    newest.filter(|bucket| bucket.time >= *moments.start())
}

/// Whether there is no gap between two neighbouring buckets; a curve that was planned has none. What adds up over a year
/// begins anew with the next: that is no fall.
pub(crate) fn is_unbroken(window: &Window, indicator: &Indicator) -> impl Fn(&&Bucket, &&Bucket) -> bool + use<> {
    let planned = matches!(window.spec.series.scenario, Scenario::Plan | Scenario::Expected);
    let interval =
        i64::try_from(indicator.expected_interval_secs.saturating_add(indicator.grace_secs)).unwrap_or(i64::MAX);
    let longest = interval.saturating_mul(1_500_000).saturating_add(window.spec.bucket_micros());
    let adds_up = indicator.cumulative && indicator.period != Period::Year;
    let year = |bucket: &Bucket| number::local(bucket.time).year();
    move |earlier, later| {
        let begins_anew = adds_up && year(earlier) != year(later);
        !begins_anew && (planned || later.time.since(earlier.time) <= longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator(cumulative: bool, period: Period) -> Indicator {
        let json = serde_json::json!({
            "id": "i", "name": { "vi": "i" }, "unit": { "vi": "" }, "period": period, "cumulative": cumulative,
            "owner": "o", "expected_interval_secs": 31 * 86_400, "grace_secs": 31 * 86_400,
        });
        serde_json::from_value(json).unwrap()
    }

    fn bucket(year: i16, month: i8) -> Bucket {
        let time = number::day_start(year, month, 28).unwrap();
        let (status, source) = (protocol::ObservationStatus::Official, "s".into());
        Bucket { start: time, min: 1.0, max: 1.0, last: 1.0, time, received_at: time, status, source, at: 1 }
    }

    #[test]
    fn lines_break_at_gaps_and_where_a_sum_begins_anew() {
        let series = SeriesKey { indicator: "i".into(), area: "51".into(), scenario: Scenario::Actual };
        let of = |scenario| Window {
            spec: WindowSpec {
                series: SeriesKey { scenario, ..series.clone() },
                span: Span::Last { secs: 86_400 },
                buckets: 1,
            },
            buckets: Default::default(),
        };
        let (november, december, january) = (bucket(2022, 11), bucket(2022, 12), bucket(2023, 1));
        let july = bucket(2023, 7);
        for (cumulative, period, scenario, pair, meant) in [
            (true, Period::Month, Scenario::Actual, [&november, &december], true),
            (true, Period::Month, Scenario::Actual, [&december, &january], false),
            (true, Period::Month, Scenario::Expected, [&december, &january], false),
            (true, Period::Year, Scenario::Expected, [&december, &january], true),
            (false, Period::Month, Scenario::Actual, [&december, &january], true),
            (false, Period::Month, Scenario::Actual, [&january, &july], false),
            (true, Period::Month, Scenario::Expected, [&january, &july], true),
        ] {
            let is_unbroken = is_unbroken(&of(scenario), &indicator(cumulative, period));
            assert_eq!(is_unbroken(&pair[0], &pair[1]), meant, "{cumulative} {period:?} {scenario:?} {pair:?}");
        }
    }
}
