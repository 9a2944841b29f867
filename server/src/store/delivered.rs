//! What a source gave last for given moments, so that it need not remember it itself.

use std::collections::HashMap;
use std::ops::ControlFlow;

use protocol::event::ObservationRow;
use protocol::{ObservationStatus, SeriesKey, SourceId};
use rusqlite::{Connection, OptionalExtension};

use super::runs::{self, Batches};

/// Moments that lie further apart are looked up one by one: there may be much between them.
const FAR_MICROS: i64 = 3_600 * 1_000_000;

/// The newest revision that a source gave of a series and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivered {
    pub offset: u64,
    pub value: f64,
    pub status: ObservationStatus,
}

/// For each row what `source` gave last of its series and time.
pub(super) fn read(
    connection: &Connection,
    source: &SourceId,
    rows: &[ObservationRow],
) -> rusqlite::Result<Vec<Option<Delivered>>> {
    let transaction = connection.unchecked_transaction()?;
    let named = transaction
        .prepare_cached("SELECT id FROM sources WHERE name = ?1")?
        .query_row([source.as_str()], |row| row.get::<_, i64>(0));
    let Some(source) = named.optional()? else { return Ok(vec![None; rows.len()]) };
    let mut places: HashMap<&SeriesKey, Vec<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        places.entry(&row.series).or_default().push(place);
    }
    let mut delivered = vec![None; rows.len()];
    for (series, mut places) in places {
        let Some(stored) = runs::stored(&transaction, series)? else { continue };
        let time = |place: &usize| rows[*place].phenomenon_time;
        places.sort_by_key(time);
        for near in places.chunk_by(|earlier, later| time(later).since(time(earlier)) <= FAR_MICROS) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
            runs::scan(&transaction, stored, time(first)..=time(last), Batches::From(source), |row| {
                let given = Delivered { offset: row.offset, value: row.value, status: row.status };
                let from = near.partition_point(|place| time(place) < row.time);
                let same = near[from..].iter().take_while(|place| time(place) == row.time);
                same.for_each(|place| delivered[*place] = Some(given));
                ControlFlow::Continue(())
            })?;
        }
    }
    Ok(delivered)
}
