//! Made-up sessions: held every day, one item after the other, as long as each is meant to take.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use protocol::session::{AgendaItem, Stage};
use protocol::{ObservationStatus, Session, Timestamp};

use super::options::{ItemOptions, SessionOptions};

const MINUTE_MICROS: i64 = 60 * 1_000_000;

/// The session of a day as it stands at `now`; `None` on a day that the calendar does not have there.
pub fn on(date: Date, now: Timestamp, zone: &TimeZone, options: &SessionOptions) -> Option<Session> {
    let starts = zone.to_timestamp(date.to_datetime(options.starts)).ok()?;
    let starts_at = Timestamp(starts.as_microsecond());
    let mut begins = starts_at;
    let mut items = Vec::new();
    for item in &options.items {
        let ends = begins.plus_micros(i64::from(item.minutes) * MINUTE_MICROS);
        items.push(agenda_item(item, stage(begins, ends, now)));
        begins = ends;
    }
    Some(Session {
        id: format!("{}-{date}", options.id).into(),
        title: options.title.clone(),
        place: options.place.clone(),
        starts_at,
        chair: options.chair.clone(),
        items,
        stage: stage(starts_at, begins, now),
        source: "".into(),
        received_at: Timestamp(0),
        status: ObservationStatus::Simulated,
    })
}

fn agenda_item(options: &ItemOptions, stage: Stage) -> AgendaItem {
    AgendaItem {
        title: options.title.clone(),
        presenter: options.presenter.clone(),
        agency: options.agency.clone(),
        minutes: options.minutes,
        layout: options.layout.clone(),
        indicators: options.indicators.clone(),
        stage,
    }
}

fn stage(since: Timestamp, at: Timestamp, now: Timestamp) -> Stage {
    if now < since {
        Stage::Planned
    } else if now < at {
        Stage::Open { since }
    } else {
        Stage::Closed { since, at }
    }
}
