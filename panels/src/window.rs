//! Windows as options name them, and their buckets as points.

use protocol::change::{Bucket, MAX_BUCKETS, Span, WindowSpec};
use protocol::observation::Period;
use protocol::view::Window;
use protocol::{Indicator, Scenario, SeriesKey, Timestamp};

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
    let date: Result<jiff::civil::Date, _> = text.parse();
    date.ok()
        .and_then(|date| number::day_start(date.year(), date.month(), date.day()))
        .ok_or_else(|| OptionsError::of(option, format!("'{text}' is not a day; write it like 2023-12-31")))
}

/// A stretch that shows the course of an indicator.
pub(crate) fn usual_secs(indicator: &Indicator) -> u64 {
    const DAY: u64 = 86_400;
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

/// Refuses bucket counts that cannot be.
pub(crate) fn check_buckets(asked: Option<u16>) -> Result<(), OptionsError> {
    match asked {
        Some(buckets) if !(2..=MAX_BUCKETS).contains(&buckets) => {
            Err(OptionsError::of("buckets", format!("{buckets} buckets; it must be 2 to {MAX_BUCKETS}")))
        }
        _ => Ok(()),
    }
}

/// Runs of buckets without a gap; a curve that was planned has none.
pub(crate) fn unbroken<'a>(window: &'a Window, indicator: &Indicator) -> Vec<Vec<&'a Bucket>> {
    let planned = matches!(window.spec.series.scenario, Scenario::Plan | Scenario::Expected);
    let interval =
        i64::try_from(indicator.expected_interval_secs.saturating_add(indicator.grace_secs)).unwrap_or(i64::MAX);
    let longest = interval.saturating_mul(1_500_000).saturating_add(window.spec.bucket_micros());
    let mut runs: Vec<Vec<&Bucket>> = Vec::new();
    for bucket in window.buckets.values() {
        match runs.last_mut() {
            Some(run) if planned || run.last().is_some_and(|last| bucket.time.since(last.time) <= longest) => {
                run.push(bucket)
            }
            _ => runs.push(vec![bucket]),
        }
    }
    runs
}
