//! Tells the log when a source goes down or comes back, so that walls show it and a replay shows it again.

use std::time::Duration;

use protocol::event::SourceStateChanged;
use protocol::source::SourceLink;
use protocol::{Event, Timestamp};
use tokio::time::MissedTickBehavior;

use super::Surroundings;

/// How often the board is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A source that came back is said to be up again when it has stayed so for this long: one that fails again and again
/// is down, and fills no log.
const STEADY_MICROS: i64 = 30 * 1_000_000;

/// Runs as long as the server; of a log that several servers share, the one that runs the sources tells.
pub(super) async fn tell(surroundings: Surroundings) {
    let Surroundings { recorder, centre, health, clock, mut stopping, .. } = surroundings;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        if recorder.shared_log().is_some_and(|log| !log.is_writer()) {
            continue;
        }
        for (source, link) in health.links() {
            let told = centre.borrow().records.sources.get(&source).and_then(|told| told.value.link.clone());
            if !is_news(told.as_ref(), &link, clock.now()) {
                continue;
            }
            let event = Event::SourceStateChanged(SourceStateChanged { source: source.clone(), link });
            if let Err(error) = recorder.tell(event).await {
                tracing::warn!(%source, %error, "how a source does cannot be told; trying again");
            }
        }
    }
}

fn is_news(told: Option<&SourceLink>, link: &SourceLink, now: Timestamp) -> bool {
    match (told, link) {
        (None, _) | (Some(SourceLink::Up { .. }), SourceLink::Down { .. }) => true,
        (Some(SourceLink::Down { .. }), SourceLink::Up { since }) => now.since(*since) >= STEADY_MICROS,
        (Some(SourceLink::Up { .. }), SourceLink::Up { .. })
        | (Some(SourceLink::Down { .. }), SourceLink::Down { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_is_told_at_once_and_up_when_it_lasts() {
        let at = Timestamp::from_secs;
        let (up, down) = (
            |secs| SourceLink::Up { since: at(secs) },
            |secs| SourceLink::Down { since: at(secs), reason: "gone".to_owned() },
        );
        let cases = [
            (None, up(100), 100, true),
            (None, down(100), 100, true),
            (Some(up(50)), up(100), 500, false),
            (Some(up(50)), down(100), 100, true),
            (Some(down(50)), down(60), 100, false),
            (Some(down(50)), up(100), 129, false),
            (Some(down(50)), up(100), 130, true),
        ];
        for (told, link, now, expected) in cases {
            assert_eq!(is_news(told.as_ref(), &link, at(now)), expected, "{told:?} → {link:?} at {now}");
        }
    }
}
