//! What time it is: the system's clock, or one that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// A clock. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
            }
            Self::Set(micros) => Timestamp(micros.load(Ordering::Relaxed)),
        }
    }
}
