//! The buckets of fixed spans.

use proptest::prelude::*;
use protocol::change::{Span, WindowSpec};
use protocol::{Scenario, SeriesKey, Timestamp};

proptest! {
    #[test]
    fn a_fixed_span_has_no_more_buckets_than_it_was_given(
        from in -1_000_000_i64..1_000_000,
        length in 0_i64..1_000_000,
        buckets in 1_u16..=64,
        is_even in any::<bool>(),
        share in 0.0..=1.0,
    ) {
        // With an even width the end of the span would begin a bucket of its own.
        let length = if is_even { length / i64::from(buckets) * i64::from(buckets) } else { length };
        let series = SeriesKey { indicator: "i".into(), area: "a".into(), scenario: Scenario::Actual };
        let (first, last) = (Timestamp(from), Timestamp(from + length));
        let spec = WindowSpec { series, span: Span::Between { from: first, to: last }, buckets };
        let width = spec.bucket_micros();
        for time in [first, last, Timestamp(from + (length as f64 * share) as i64)] {
            let start = spec.bucket_start(time).expect("inside");
            let place = start.since(first) / width;
            prop_assert_eq!(start.since(first) % width, 0);
            prop_assert!((0..i64::from(buckets)).contains(&place), "bucket {} of {}", place, buckets);
            prop_assert!(start <= time && (time.since(start) < width || time == last));
        }
        prop_assert_eq!(spec.bucket_start(Timestamp(from - 1)), None);
        prop_assert_eq!(spec.bucket_start(Timestamp(from + length + 1)), None);
    }
}
