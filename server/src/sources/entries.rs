//! The log as it grows, for a source that computes from what others brought in.

use std::sync::Arc;

use protocol::StreamPosition;
use tokio::sync::watch;

use super::{Link, SourceError};
use crate::log::{Entry, Head};
use crate::store::Reader;

/// Entries that are taken together.
const MOST: usize = 256;

/// Follows the log from a position on.
pub struct Entries {
    store: Reader,
    head: watch::Receiver<Head>,
    after: StreamPosition,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// In their order, none left out.
    Entries(Vec<Arc<Entry>>),
    /// The log began anew, or no longer has what comes next: what was computed before says nothing of what follows.
    Restarted,
}

impl Link {
    /// The log behind `after`, or behind its end.
    #[must_use]
    pub fn entries(&self, after: Option<StreamPosition>) -> Entries {
        let head = self.store.head();
        let after = after.unwrap_or(head.borrow().position);
        Entries { store: self.store.clone(), head, after }
    }
}

impl Entries {
    /// Up to where it was followed.
    #[must_use]
    pub fn position(&self) -> StreamPosition {
        self.after
    }

    /// Waits for what comes next. Nothing is lost when it is given up while it waits.
    ///
    /// # Errors
    /// When the log cannot be read, or the server is stopping.
    pub async fn next(&mut self) -> Result<Next, SourceError> {
        let after = self.after;
        let is_news = |head: &Head| head.position.epoch != after.epoch || head.position.offset != after.offset;
        let waited = self.head.wait_for(is_news).await;
        let position = waited.map_err(|_| SourceError::broken("the server is stopping"))?.position;
        if position.epoch != after.epoch || position.offset < after.offset {
            self.after = position;
            return Ok(Next::Restarted);
        }
        let entries = self.store.entries(after.offset, MOST).await?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            self.after = position;
            return Ok(Next::Restarted);
        };
        let is_next = first.offset == after.offset + 1;
        self.after.offset = if is_next { last.offset } else { position.offset };
        Ok(if is_next { Next::Entries(entries) } else { Next::Restarted })
    }
}
