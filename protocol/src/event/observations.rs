//! Numbers came in.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Observation, ObservationStatus, SeriesKey, SourceId, Timestamp};

/// A batch of observations that became durable together. It is written by columns, each series named once:
/// a log is kept for years, and most of a row would be its names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Columns")]
pub struct ObservationsRecorded {
    pub source: SourceId,
    pub received_at: Timestamp,
    pub rows: Vec<ObservationRow>,
    /// Makes a retry safe: the same key gets the first answer for 72 h.
    pub idempotency_key: Option<String>,
    /// What was refused of the same batch; kept only with a key, so that the answer can be repeated.
    pub refused: Vec<RefusedRow>,
}

/// One number of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservationRow {
    pub series: SeriesKey,
    pub value: f64,
    pub phenomenon_time: Timestamp,
    pub status: ObservationStatus,
}

/// A batch of observations that became durable together, as it is written: each series once, and a column for
/// each field of its rows.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Columns {
    source: SourceId,
    received_at: Timestamp,
    /// Each series of the batch once, with the status of its rows.
    series: Vec<(SeriesKey, ObservationStatus)>,
    /// For each row, its place in `series`.
    series_index: Vec<u32>,
    phenomenon_time: Vec<Timestamp>,
    value: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedRow>,
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRow {
    /// Counted from 1 in what was sent.
    pub row: u64,
    pub reason: String,
}

impl ObservationsRecorded {
    /// The rows as whole observations, in their order.
    pub fn observations(&self) -> impl Iterator<Item = Observation> + '_ {
        self.rows.iter().map(|row| Observation {
            series: row.series.clone(),
            value: row.value,
            phenomenon_time: row.phenomenon_time,
            received_at: self.received_at,
            status: row.status,
            source: self.source.clone(),
        })
    }
}

impl JsonSchema for ObservationsRecorded {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ObservationsRecorded".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Columns::json_schema(generator)
    }
}

/// Where a batch that was at `place` of its series goes on, if it goes round them or stays: most do, and need no
/// hashing of names for each row.
pub fn likely_place<T>(series: &[T], place: usize, is_at: impl Fn(&T) -> bool) -> Option<usize> {
    let next = if place + 1 < series.len() { place + 1 } else { 0 };
    [next, place].into_iter().find(|place| series.get(*place).is_some_and(&is_at))
}

impl Serialize for ObservationsRecorded {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Columns::from(self).serialize(serializer)
    }
}

impl From<&ObservationsRecorded> for Columns {
    fn from(recorded: &ObservationsRecorded) -> Self {
        let rows = &recorded.rows;
        let mut columns = Self {
            source: recorded.source.clone(),
            received_at: recorded.received_at,
            series: Vec::new(),
            series_index: Vec::with_capacity(rows.len()),
            phenomenon_time: rows.iter().map(|row| row.phenomenon_time).collect(),
            value: rows.iter().map(|row| row.value).collect(),
            idempotency_key: recorded.idempotency_key.clone(),
            refused: recorded.refused.clone(),
        };
        let (mut places, mut place) = (HashMap::new(), 0);
        for row in rows {
            let is_at = |(series, status): &(SeriesKey, _)| *series == row.series && *status == row.status;
            place = likely_place(&columns.series, place, is_at).unwrap_or_else(|| {
                *places.entry((&row.series, row.status)).or_insert_with(|| {
                    columns.series.push((row.series.clone(), row.status));
                    columns.series.len() - 1
                })
            });
            columns.series_index.push(place as u32);
        }
        columns
    }
}

/// Columns that do not make rows.
#[derive(Debug, thiserror::Error)]
enum ColumnsError {
    #[error("series_index, phenomenon_time and value have {0}, {1} and {2} rows, not as many each")]
    Uneven(usize, usize, usize),
    #[error("row {row} is of series {index}, but there are only {count}")]
    NoSeries { row: usize, index: u32, count: usize },
}

impl TryFrom<Columns> for ObservationsRecorded {
    type Error = ColumnsError;

    fn try_from(columns: Columns) -> Result<Self, ColumnsError> {
        let Columns { source, received_at, series, series_index, phenomenon_time, value, idempotency_key, refused } =
            columns;
        let lengths = (series_index.len(), phenomenon_time.len(), value.len());
        if lengths.0 != lengths.1 || lengths.0 != lengths.2 {
            return Err(ColumnsError::Uneven(lengths.0, lengths.1, lengths.2));
        }
        let rows = series_index.into_iter().zip(phenomenon_time).zip(value).enumerate();
        let rows = rows.map(|(row, ((index, phenomenon_time), value))| {
            let named = series.get(index as usize);
            let (series, status) = named.ok_or(ColumnsError::NoSeries { row, index, count: series.len() })?;
            Ok(ObservationRow { series: series.clone(), value, phenomenon_time, status: *status })
        });
        Ok(Self { source, received_at, rows: rows.collect::<Result<_, _>>()?, idempotency_key, refused })
    }
}
