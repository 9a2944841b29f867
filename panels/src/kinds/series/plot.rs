//! Axes, zones and lines.

use protocol::change::Bucket;
use protocol::observation::Better;

use super::Line;
use super::domain::Domain;
use super::options::Options;
use crate::chart::{ChartError, Pen, Plot};
use crate::label::Label;
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::window;

pub(super) fn draw(tile: &mut Tile<'_, '_>, options: &Options, lines: &[Line<'_>], domain: Domain) {
    let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    let language = tile.paint.language;
    let labels: Vec<Label> = domain.values.iter().map(|value| Label::tick(*value, domain.decimals, language)).collect();
    let widest = labels.iter().map(|label| tile.paint.text.width(label.as_str(), style)).fold(0.0, f32::max);
    let (gap, marker) = (tile.px(14.0), tile.px(9.0));
    let room = tile.room;
    let rect = Rect::new(
        room.x + widest + gap,
        room.y + style.size * 0.8,
        (room.width - widest - gap - marker).floor(),
        (room.height - style.size * 2.8).floor(),
    );
    if rect.width < style.size * 2.0 || rect.height < style.size * 2.0 {
        return;
    }
    let plot = Plot { rect, x: domain.x.clone(), y: domain.y.clone() };
    value_axis(tile, &plot, &domain.values, &labels, style);
    time_axis(tile, &plot, &domain, style);
    alarm_zone(tile, &plot, lines);
    for (index, line) in lines.iter().enumerate().rev() {
        // The height of an area says something only when it stands on zero.
        let fill = index == 0 && line.is_measured() && domain.y.start == 0.0 && options.fill.unwrap_or(true);
        if draw_line(tile, &plot, line, &domain, fill).is_err() {
            return tile.notice("no-chart");
        }
    }
}

fn value_axis(tile: &mut Tile<'_, '_>, plot: &Plot, values: &[f64], labels: &[Label], style: Style) {
    let mut lowest_free = f32::INFINITY;
    for (value, label) in values.iter().zip(labels) {
        let y = plot.place(plot.x.start, *value).y;
        tile.line(vec![Point { x: plot.rect.x, y }, Point { x: plot.rect.right(), y }], tile.px(2.0), theme::HAIRLINE);
        if y + style.size * 0.6 < lowest_free {
            let width = tile.paint.text.width(label.as_str(), style);
            let baseline = y + CAP_HEIGHT * style.size / 2.0;
            tile.piece(Piece::label(label.clone(), style), plot.rect.x - tile.px(14.0) - width, baseline);
            lowest_free = y - style.size * 0.6;
        }
    }
}

/// Labels that would touch are left out; the outer ones move inwards rather than being cut.
fn time_axis(tile: &mut Tile<'_, '_>, plot: &Plot, domain: &Domain, style: Style) {
    let baseline = plot.rect.bottom() + style.size * 1.45;
    let (left, right) = (tile.room.x, tile.room.right());
    let widths: Vec<f32> = domain.times.iter().map(|(_, text)| tile.paint.text.width(text.as_str(), style)).collect();
    let widest = widths.iter().copied().fold(0.0, f32::max) + style.size;
    let most = (plot.rect.width / widest).floor().max(1.0) as usize;
    let every = domain.times.len().div_ceil(most).max(1);
    let last = domain.times.len().saturating_sub(1);
    let mut free = left;
    for (index, ((at, text), width)) in domain.times.iter().zip(widths).enumerate() {
        // Counted from the newest, which is what is looked for.
        if !(last - index).is_multiple_of(every) {
            continue;
        }
        let x = plot.place(at.since(domain.origin) as f64, plot.y.start).x;
        let start = (x - width / 2.0).clamp(left, (right - width).max(left));
        if start >= free {
            tile.piece(Piece::label(text.clone(), style), start, baseline);
            free = start + width + style.size * 0.4;
        }
    }
}

/// The stretch of values that need attention, when all lines share one threshold.
fn alarm_zone(tile: &mut Tile<'_, '_>, plot: &Plot, lines: &[Line<'_>]) {
    let Some(first) = lines.first() else { return };
    let indicator = first.indicator;
    if lines.iter().any(|line| line.indicator.id != indicator.id) {
        return;
    }
    for (threshold, color) in [(indicator.warning, theme::WARNING), (indicator.critical, theme::CRITICAL)] {
        let Some(threshold) =
            threshold.map(|threshold| first.shown(threshold)).filter(|threshold| plot.y.contains(threshold))
        else {
            continue;
        };
        let y = plot.place(0.0, threshold).y;
        let (top, bottom) = match indicator.better {
            Better::Lower => (plot.rect.y, y),
            Better::Higher => (y, plot.rect.bottom()),
            Better::Neither => continue,
        };
        tile.plate(Rect { y: top, height: bottom - top, ..plot.rect }, 0.0, color.with_alpha(26));
        let points = vec![Point { x: plot.rect.x, y }, Point { x: plot.rect.right(), y }];
        let dash = Some((tile.px(8.0), tile.px(10.0)));
        tile.dashed_line(points, tile.px(2.0), color.with_alpha(150), dash);
    }
}

fn draw_line(
    tile: &mut Tile<'_, '_>,
    plot: &Plot,
    line: &Line<'_>,
    domain: &Domain,
    fill: bool,
) -> Result<(), ChartError> {
    let dash = line.pen.dash().map(|(dash, gap)| (tile.px(dash), tile.px(gap)));
    let pen = Pen { color: line.pen_color, width: tile.px(5.0), dash };
    let buckets: Vec<&Bucket> = line.window.buckets.values().collect();
    for run in buckets.chunk_by(window::is_unbroken(line.window, line.indicator)) {
        let mut points = Vec::with_capacity(3 * run.len());
        run.iter().for_each(|bucket| points.extend(points_of(line, bucket, domain)));
        if fill && points.len() > 1 {
            plot.area(tile.scene(), points.clone(), pen.color.with_alpha(30))?;
        }
        plot.line(tile.scene(), points, pen)?;
    }
    let newest = line.newest().and_then(|bucket| points_of(line, bucket, domain).last());
    if let (Some((x, y)), Some(marker)) = (newest, line.pen.marker()) {
        marker.draw(tile, plot.place(x, y), tile.px(9.0), line.pen_color);
    }
    Ok(())
}

/// The last value of a bucket, and before it the extremes it hides; nothing outside the plot.
fn points_of(line: &Line<'_>, bucket: &Bucket, domain: &Domain) -> impl Iterator<Item = (f64, f64)> {
    let x = bucket.time.since(domain.origin) as f64;
    let is_seen = (domain.x.start..=domain.x.end).contains(&x);
    let extremes = (bucket.min < bucket.max).then_some([bucket.min, bucket.max]);
    let values = extremes.into_iter().flatten().chain([bucket.last]).filter(move |_| is_seen);
    values.map(move |value| (x, line.shown(value)))
}
