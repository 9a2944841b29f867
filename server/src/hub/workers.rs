//! The workers of a channel: a few tasks, each of which writes to many sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::outlet::Outlet;
use super::ring::Channel;

/// Most workers of one channel.
const MOST: usize = 8;
/// After so many sockets a worker lets other tasks have a turn.
const SERVED_AT_ONCE: usize = 256;

type List = Arc<Mutex<Vec<Weak<Outlet>>>>;

/// Who writes what a channel gets; started with the first who is enrolled.
#[derive(Default)]
pub struct Workers {
    lists: OnceLock<Vec<List>>,
    next: AtomicUsize,
}

impl Workers {
    /// Puts an outlet on the list of one of the workers of `channel`.
    pub fn enrol(&self, channel: &Arc<Channel>, news: watch::Receiver<u64>, outlet: &Arc<Outlet>) {
        let lists = self.lists.get_or_init(|| {
            let count = std::thread::available_parallelism().map_or(1, usize::from).min(MOST);
            let lists: Vec<List> = (0..count).map(|_| List::default()).collect();
            for list in &lists {
                tokio::spawn(work(Arc::downgrade(channel), Arc::clone(list), news.clone()));
            }
            lists
        });
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        lists[turn % lists.len()].lock().push(Arc::downgrade(outlet));
    }
}

/// Serves the outlets of a list at each message, until the channel is gone.
async fn work(channel: Weak<Channel>, list: List, mut news: watch::Receiver<u64>) {
    let mut seen = *news.borrow();
    while news.changed().await.is_ok() {
        let next = *news.borrow_and_update();
        // Nearly everyone wants this one message: it is looked up once, and not by each.
        let newest = channel.upgrade().filter(|_| next == seen + 1).and_then(|channel| channel.news(seen));
        seen = next;
        let mut outlets = std::mem::take(&mut *list.lock()).into_iter();
        let mut served = Vec::with_capacity(outlets.len());
        while outlets.len() > 0 {
            let Some(channel) = channel.upgrade() else { return };
            let goes_on =
                |outlet: &Weak<Outlet>| outlet.upgrade().is_some_and(|outlet| outlet.serve(&channel, newest.as_ref()));
            served.extend(outlets.by_ref().take(SERVED_AT_ONCE).filter(goes_on));
            tokio::task::yield_now().await;
        }
        list.lock().append(&mut served);
    }
}
