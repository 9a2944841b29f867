//! What time it is, and how a moment is written.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// The system's clock: the one place that reads it, so that everything else is given the moment.
#[derive(Debug, Clone, Default)]
pub struct Clock;

impl Clock {
    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A moment in RFC 3339, in UTC; its microseconds where that has no such year.
#[must_use]
pub fn to_rfc3339(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_microsecond(at.as_micros());
    moment.map_or_else(|_| at.as_micros().to_string(), |moment| moment.to_string())
}
