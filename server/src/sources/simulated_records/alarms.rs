//! Made-up alarms: each is raised again and again, and over after a while.

use protocol::alarm::AlarmState;
use protocol::{Alarm, ObservationStatus, Timestamp};

use super::chance;
use super::options::AlarmOptions;

const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// Those that were over longer ago are left to the past.
const PAST_MICROS: i64 = 20 * 60 * MINUTE_MICROS;

/// The alarms that stand at `now`, and those that were over not long ago, oldest first.
pub fn at(now: Timestamp, seed: u64, options: &AlarmOptions) -> Vec<Alarm> {
    let every = i64::from(options.every_minutes).max(1) * MINUTE_MICROS;
    let first = now.plus_micros(-PAST_MICROS - every).as_micros().div_euclid(every);
    let last = now.as_micros().div_euclid(every);
    (first..=last)
        .map(|time| raised(time, every, now, seed, options))
        .filter(|alarm| alarm.raised_at <= now)
        .filter(|alarm| !matches!(alarm.state, AlarmState::Cleared { at } if now.since(at) > PAST_MICROS))
        .collect()
}

fn raised(time: i64, every: i64, now: Timestamp, seed: u64, options: &AlarmOptions) -> Alarm {
    let id = format!("{}-{time}", options.id);
    let lasts = minutes(options.lasts_minutes) as f64 * (0.7 + 0.3 * chance(seed, &id, 1));
    // Some time within its turn, so that it is over before the next.
    let room = (every as f64 - lasts).max(0.0);
    let raised_at = Timestamp(time * every + (room * chance(seed, &id, 2)) as i64);
    let at = |after: u32| raised_at.plus_micros(minutes(after));
    let cleared_at = raised_at.plus_micros(lasts as i64);
    let shelved = options.shelved.as_ref().filter(|shelved| now >= at(shelved.after_minutes));
    let shelved = shelved.filter(|shelved| now < at(shelved.after_minutes.saturating_add(shelved.for_minutes)));
    let acknowledged = options.acknowledged.as_ref().filter(|acknowledged| now >= at(acknowledged.after_minutes));
    let state = match (shelved, acknowledged) {
        _ if now >= cleared_at => AlarmState::Cleared { at: cleared_at },
        (Some(shelved), _) => AlarmState::Shelved {
            at: at(shelved.after_minutes),
            by: shelved.by.clone(),
            until: at(shelved.after_minutes.saturating_add(shelved.for_minutes)),
            comment: shelved.comment.clone(),
        },
        (None, Some(acknowledged)) => AlarmState::Acknowledged {
            at: at(acknowledged.after_minutes),
            by: acknowledged.by.clone(),
            comment: acknowledged.comment.clone(),
        },
        (None, None) => AlarmState::Raised,
    };
    Alarm {
        id: id.into(),
        severity: options.severity,
        rule: None,
        chatter: 0,
        text: options.text.clone(),
        series: options.series.clone(),
        area: options.area.clone(),
        agency: options.agency.clone(),
        raised_at,
        state,
        source: "".into(),
        received_at: Timestamp(0),
        status: ObservationStatus::Simulated,
    }
}

fn minutes(count: u32) -> i64 {
    i64::from(count) * MINUTE_MICROS
}
