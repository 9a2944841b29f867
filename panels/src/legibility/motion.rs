//! What moves: flashing, and numerals that change too often to be read.

use std::time::Duration;

use protocol::{PanelId, Timestamp};

use super::{Finding, Level, Rule, Seen};
use crate::scene::{Item, Scene};

/// A panel as it is painted at a moment, from a state that does not change.
#[derive(Debug, Clone)]
pub struct Frame {
    pub at: Timestamp,
    pub scene: Scene,
}

const MOST_HERTZ: f64 = 2.0;
const LEAST_READOUT: Duration = Duration::from_secs(2);

/// What is wrong with what flashes in the panels of a layout.
pub(super) fn of_layout(panels: &[Seen<'_>]) -> Vec<Finding> {
    let flashing: Vec<&Seen<'_>> = panels.iter().filter(|seen| !seen.scene.flashing.is_empty()).collect();
    let finding = |seen: &Seen<'_>, measured: f64, limit: f64, message: &str| Finding {
        rule: Rule::Flash,
        level: Level::Error,
        panel: Some(seen.panel.clone()),
        text: None,
        measured,
        limit,
        message: message.to_owned(),
    };
    let is_text = |item: &Item| matches!(item, Item::Text(_));
    let texts = flashing.iter().filter(|seen| seen.scene.items[seen.scene.flashing.clone()].iter().any(is_text));
    let mut findings: Vec<Finding> =
        texts.map(|seen| finding(seen, 1.0, 0.0, "text flashes; only a mark may")).collect();
    if let [_, second, ..] = flashing[..] {
        let message = "more than one panel flashes; nobody can look at two at once: show alarms once";
        findings.push(finding(second, flashing.len() as f64, 1.0, message));
    }
    findings
}

/// More than a second, which every clock changes in.
const WATCHED_MICROS: i64 = 1_600_000;
const MOST_FRAMES: usize = 64;

/// How a panel looks from `now` on while nothing new comes.
pub(super) fn frames(
    now: Timestamp,
    next_change: impl Fn(Timestamp) -> Option<Timestamp>,
    mut paint: impl FnMut(Timestamp) -> Scene,
) -> Vec<Frame> {
    let mut frames = vec![Frame { at: now, scene: paint(now) }];
    let mut at = now;
    while let Some(next) = next_change(at).filter(|next| *next > at && next.since(now) <= WATCHED_MICROS) {
        frames.push(Frame { at: next, scene: paint(next) });
        at = next;
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    frames
}

/// What is wrong with how a panel flashes, from its pictures one after another.
#[must_use]
pub fn of_frames(panel: &PanelId, frames: &[Frame]) -> Option<Finding> {
    let finding = |measured, limit, message| {
        Some(Finding {
            rule: Rule::Flash,
            level: Level::Error,
            panel: Some(panel.clone()),
            text: None,
            measured,
            limit,
            message,
        })
    };
    let secs = |from: &Frame, to: &Frame| to.at.since(from.at) as f64 / 1e6;
    // A picture that comes back after another one.
    let flashes = frames.windows(4).filter(|four| four[0].scene == four[2].scene && four[0].scene != four[1].scene);
    for four in flashes {
        let hertz = 1.0 / secs(&four[0], &four[2]);
        if hertz > MOST_HERTZ * 1.01 {
            let message =
                format!("it flashes {hertz:.1} times a second; {MOST_HERTZ:.0} is the most that calms nobody's eye");
            return finding(hertz, MOST_HERTZ, message);
        }
        if texts_differ(&four[0].scene, &four[1].scene) {
            return finding(1.0, 0.0, "text flashes; only a mark may".to_owned());
        }
        let (one, other) = (secs(&four[0], &four[1]), secs(&four[1], &four[2]));
        let (on, off) =
            if four[0].scene.items.len() >= four[1].scene.items.len() { (one, other) } else { (other, one) };
        if on < off * 0.99 {
            return finding(
                on / off,
                1.0,
                format!("it is on for {on:.2} s and off for {off:.2} s; it is on at least as long"),
            );
        }
    }
    None
}

fn texts_differ(one: &Scene, other: &Scene) -> bool {
    let texts = |scene: &Scene| -> Vec<Item> {
        scene.items.iter().filter(|item| matches!(item, Item::Text(_))).cloned().collect()
    };
    texts(one) != texts(other)
}

/// What is wrong with how often the numbers of a view change.
#[must_use]
pub fn of_readout_interval(interval: Duration) -> Option<Finding> {
    (interval < LEAST_READOUT).then(|| Finding {
        rule: Rule::ReadoutRate,
        level: Level::Error,
        panel: None,
        text: None,
        measured: interval.as_secs_f64(),
        limit: LEAST_READOUT.as_secs_f64(),
        message: format!(
            "numerals change every {} s; nobody reads what changes more often than every {} s",
            interval.as_secs_f64(),
            LEAST_READOUT.as_secs()
        ),
    })
}
