//! Where a live number falls in a window.

use protocol::Observation;
use protocol::change::Bucket;
use protocol::view::Window;

use crate::store::{extend, new_bucket};

/// What a number does to a window.
pub enum Placed {
    Changed(Bucket),
    /// It lies before or beside the span.
    Outside,
    /// Its bucket already holds something as new: what it comes to now, only the history knows.
    Late,
}

/// Places an observation that came in at `offset`.
pub fn place(window: &Window, offset: u64, observation: &Observation) -> Placed {
    let Some(start) = window.spec.bucket_start(observation.phenomenon_time) else { return Placed::Outside };
    let oldest = window.buckets.last_key_value().map(|(newest, _)| window.spec.oldest_start(*newest));
    if oldest.is_some_and(|oldest| start < oldest) {
        return Placed::Outside;
    }
    match window.buckets.get(&start) {
        None => Placed::Changed(new_bucket(start, offset, observation)),
        Some(bucket) if observation.phenomenon_time > bucket.time => {
            let mut bucket = bucket.clone();
            extend(&mut bucket, offset, observation);
            Placed::Changed(bucket)
        }
        Some(_) => Placed::Late,
    }
}
