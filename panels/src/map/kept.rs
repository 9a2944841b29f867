//! What is made of maps and takes long: made once, shared by all that paint in this process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Maps of different sizes, or layers on them, that are kept.
const MOST_KEPT: usize = 32;

/// What was made of things that are still there, the newest last.
pub(super) struct Kept<T, K, V>(VecDeque<(Weak<T>, K, Arc<V>)>);

impl<T, K, V> Default for Kept<T, K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

/// The same thing for the same owner and key, made once for whoever asks while it is kept.
pub(super) fn kept<T, K, V>(
    all: &Mutex<Kept<T, K, V>>,
    of: &Arc<T>,
    is_key: impl Fn(&K) -> bool,
    key: impl FnOnce() -> K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let lock = || all.lock().unwrap_or_else(PoisonError::into_inner);
    // While a weak pointer to it is held, no other thing can be at its address.
    let is_it = |(owner, known, _): &(Weak<T>, K, Arc<V>)| owner.as_ptr() == Arc::as_ptr(of) && is_key(known);
    if let Some((.., made)) = lock().0.iter().find(|entry| is_it(entry)) {
        return Arc::clone(made);
    }
    let made = Arc::new(make());
    let mut all = lock();
    all.0.retain(|(owner, ..)| owner.strong_count() > 0);
    if all.0.len() >= MOST_KEPT {
        all.0.pop_front();
    }
    all.0.push_back((Arc::downgrade(of), key(), Arc::clone(&made)));
    made
}
