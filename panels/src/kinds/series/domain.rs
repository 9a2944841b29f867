//! What the axes cover.

use std::ops::Range;

use protocol::Timestamp;
use protocol::change::{Bucket, Span};
use protocol::observation::Period;
use protocol::view::Window;

use super::Line;
use super::options::Options;
use crate::axis::{self, TimeTick};
use crate::{facts, number};

/// The ranges of both axes and their ticks.
pub(super) struct Domain {
    pub(super) origin: Timestamp,
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    pub(super) values: Vec<f64>,
    pub(super) decimals: u8,
    pub(super) scale: f64,
    pub(super) times: Vec<TimeTick>,
}

pub(super) fn domain(options: &Options, lines: &[Line<'_>], language: &str) -> Option<Domain> {
    let first = lines.first()?;
    let buckets = || lines.iter().flat_map(|line| line.window.buckets.values());
    let newest = buckets().map(|bucket| bucket.time).max()?;
    let oldest = buckets().map(|bucket| bucket.time).min()?;
    let times = match options.span(first.indicator).ok()? {
        Span::Between { from, to } => from..to,
        Span::Last { secs } => {
            let back = i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            oldest.max(newest.plus_micros(-back))..newest
        }
    };
    let periodic = matches!(first.indicator.period, Period::Month | Period::Quarter | Period::Year);
    let ticks = if periodic { point_ticks(lines, language) } else { axis::time_ticks(&times, language) };
    // Points of years and months fill the width, wherever in their period they lie.
    let times = if periodic && newest > oldest { oldest..newest } else { times };
    let times = if times.end > times.start { times } else { times.start.plus_micros(-1)..times.end.plus_micros(1) };
    let scale = first.indicator.display_scale;
    let low = buckets().map(|bucket| bucket.min).fold(f64::INFINITY, f64::min) * scale;
    let high = buckets().map(|bucket| bucket.max).fold(f64::NEG_INFINITY, f64::max) * scale;
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
        scale,
        times: ticks,
    })
}

/// A tick at each point, named by its period.
fn point_ticks(lines: &[Line<'_>], language: &str) -> Vec<TimeTick> {
    let Some(first) = lines.first() else { return Vec::new() };
    let years = |window: &Window| {
        let year = |bucket: &Bucket| number::local(bucket.time).year();
        window.buckets.values().map(year).min() != window.buckets.values().map(year).max()
    };
    let many_years = lines.iter().any(|line| years(line.window));
    let mut ticks: Vec<TimeTick> = Vec::new();
    for bucket in lines.iter().flat_map(|line| line.window.buckets.values()) {
        let date = number::local(bucket.time);
        let text = match first.indicator.period {
            Period::Year => date.year().to_string(),
            Period::Month if !many_years => facts::month(date.month(), language),
            _ if many_years => format!("{}/{}", date.month(), date.year()),
            _ => facts::month(date.month(), language),
        };
        if !ticks.iter().any(|tick| tick.1 == text) {
            ticks.push((bucket.time, text));
        }
    }
    ticks.sort_by_key(|tick| tick.0);
    ticks
}
