//! How events are written.

use proptest::prelude::*;
use protocol::event::{ObservationRow, ObservationsRecorded};
use protocol::{Event, ObservationStatus, Scenario, SeriesKey, Timestamp};

fn row() -> impl Strategy<Value = ObservationRow> {
    (0..4_u8, any::<bool>(), any::<i64>(), -1e300..1e300_f64).prop_map(|(index, is_official, micros, value)| {
        ObservationRow {
            series: SeriesKey {
                indicator: format!("i{index}").into(),
                area: "51".into(),
                scenario: Scenario::default(),
            },
            value,
            phenomenon_time: Timestamp(micros),
            status: if is_official { ObservationStatus::Official } else { ObservationStatus::default() },
        }
    })
}

proptest! {
    #[test]
    fn a_batch_reads_as_it_was_written(rows in prop::collection::vec(row(), 0..40)) {
        let event = Event::ObservationsRecorded(ObservationsRecorded {
            source: "s".into(),
            received_at: Timestamp(1),
            rows: rows.into_iter().collect(),
            idempotency_key: None,
            refused_count: 0,
            refused: Vec::new(),
        });
        let bytes = rmp_serde::to_vec_named(&event).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<Event>(&bytes).unwrap(), event.clone());
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

#[test]
fn columns_that_make_no_rows_are_named() {
    for (series_index, value, says) in [
        ("[0,1]", "[1.5,2.5]", "row 1 is of series 1, but there are only 1"),
        ("[0]", "[1.5,2.5]", "series_index, phenomenon_time and value have 1, 2 and 2 rows, not as many each"),
    ] {
        let text = format!(
            r#"{{"source":"s","received_at":1,"rows":{{"series":[[{{"indicator":"i","area":"51"}},"official"]],
                "series_index":{series_index},"phenomenon_time":[1,2],"value":{value}}}}}"#
        );
        let error = serde_json::from_str::<ObservationsRecorded>(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
