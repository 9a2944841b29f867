//! What the axes cover.

use std::ops::Range;

use protocol::Timestamp;
use protocol::change::Span;
use protocol::observation::Period;

use super::Line;
use super::options::Options;
use crate::axis::{self, TimeTick};
use crate::label::Label;
use crate::number;

/// The ranges of both axes and their ticks.
pub(super) struct Domain {
    pub(super) origin: Timestamp,
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    pub(super) values: Vec<f64>,
    pub(super) decimals: u8,
    pub(super) times: Vec<TimeTick>,
}

pub(super) fn domain(options: &Options, lines: &[Line<'_>], language: &str) -> Option<Domain> {
    let first = lines.first()?;
    let oldest = lines.iter().filter_map(Line::oldest).map(|bucket| bucket.time).min()?;
    let newest_of = |line: &Line<'_>| line.newest().map(|bucket| bucket.time);
    let newest = lines.iter().filter_map(newest_of).max()?;
    let measured = lines.iter().filter(|line| line.is_measured()).filter_map(newest_of).max();
    let times = match options.span(first.indicator).ok()? {
        Span::Between { from, to } => from..to,
        Span::Last { secs } => {
            // What is planned ahead does not push what was measured to the left.
            let newest = measured.unwrap_or(newest);
            let back = i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            oldest.max(newest.plus_micros(-back))..newest
        }
    };
    let periodic = matches!(first.indicator.period, Period::Month | Period::Quarter | Period::Year);
    // Points of years and months fill the width, wherever in their period they lie.
    let times = if periodic && newest > oldest { oldest.max(times.start)..newest.min(times.end) } else { times };
    let ticks = if periodic { point_ticks(lines, &times, language) } else { axis::time_ticks(&times, language) };
    let times = if times.end > times.start { times } else { times.start.plus_micros(-1)..times.end.plus_micros(1) };
    let buckets = lines.iter().flat_map(|line| line.window.buckets.values().map(move |bucket| (line, bucket)));
    let seen = buckets.filter(|(_, bucket)| (times.start..=times.end).contains(&bucket.time));
    let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (line, bucket)| {
        (low.min(line.shown(bucket.min)), high.max(line.shown(bucket.max)))
    });
    let from_zero = options.from_zero.unwrap_or(low >= 0.0 && low < high * 0.5);
    let low = if from_zero { low.min(0.0) } else { low };
    let (low, high) =
        if high > low { (low, high) } else { (low - low.abs().max(1.0) * 0.1, high + high.abs().max(1.0) * 0.1) };
    if !(high - low).is_finite() || high - low <= f64::MIN_POSITIVE {
        return None;
    }
    let ticks_of_value = axis::value_ticks(low, high, 4);
    let (bottom, top) = (*ticks_of_value.values.first()?, *ticks_of_value.values.last()?);
    Some(Domain {
        origin: times.start,
        x: 0.0..times.end.since(times.start) as f64,
        y: bottom..top,
        values: ticks_of_value.values,
        decimals: ticks_of_value.decimals,
        times: ticks,
    })
}

/// A tick at each point, named by its period.
fn point_ticks(lines: &[Line<'_>], times: &Range<Timestamp>, language: &str) -> Vec<TimeTick> {
    let Some(period) = lines.first().map(|line| line.indicator.period) else { return Vec::new() };
    let buckets = lines.iter().flat_map(|line| line.window.buckets.values());
    let mut points: Vec<Timestamp> =
        buckets.map(|bucket| bucket.time).filter(|time| (times.start..=times.end).contains(time)).collect();
    points.sort_unstable();
    points.dedup_by_key(|time| number::period_index(period, *time));
    let year = |time: Option<&Timestamp>| time.map(|time| number::local(*time).year());
    let many_years = year(points.first()) != year(points.last());
    points.into_iter().map(|time| (time, Label::period(period, time, language, many_years))).collect()
}
