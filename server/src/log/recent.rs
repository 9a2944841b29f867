//! The newest entries of a log: who keeps up with it need not read them back from the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Entry;
use super::local::Written;

/// Most bytes of bodies that are kept; in memory they take about as much.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Entries without a gap up to the newest, with the bytes of their bodies.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<(Arc<Entry>, usize)>,
    bytes: usize,
}

impl Recent {
    /// Adds what follows the newest.
    pub fn push(&mut self, written: &Written) {
        self.bytes += written.body.len();
        self.entries.push_back((Arc::clone(&written.entry), written.body.len()));
        while self.bytes > MOST_BYTES
            && let Some((_, bytes)) = self.entries.pop_front()
        {
            self.bytes -= bytes;
        }
    }

    /// Forgets all of it: the log has changed before its end.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Up to `limit` entries behind `after`, if the next one is still here.
    pub fn behind(&self, after: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let first = self.entries.front()?.0.offset;
        let skipped = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let entries = self.entries.range(skipped.min(self.entries.len())..).take(limit);
        let entries: Vec<_> = entries.map(|(entry, _)| Arc::clone(entry)).collect();
        (!entries.is_empty()).then_some(entries)
    }
}
