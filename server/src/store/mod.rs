//! The history: a projection of the log into tables, by offset, in the same transaction as its rows.

pub mod database;
mod delivered;
mod deliveries;
pub mod folder;
mod history;
mod projection;
mod reader;
mod runs;
#[cfg(test)]
mod tests;
mod windows;

pub use delivered::Delivered;
pub use deliveries::LastDeliveries;
pub use history::HistoryRow;
pub use projection::{Projection, ProjectionState};
pub use reader::{Reader, StoreError};
pub use windows::{Loaded, NewestOf, Wanted};
pub(crate) use windows::{extend, new_bucket};

/// 2: when each row became known to the log. 3: what the rows of a batch have in common is kept
/// once. 4: neighbouring rows are kept together. 5: how much of each delivery was taken.
pub(crate) const SCHEMA_VERSION: i64 = 5;

/// `runs` holds every revision: the newest of a time is the one with the greatest offset.
pub(crate) const SCHEMA: &str = "
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    indicator TEXT NOT NULL,
    area TEXT NOT NULL,
    scenario INTEGER NOT NULL,
    widest_micros INTEGER NOT NULL,
    UNIQUE (indicator, area, scenario)
);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE batches (
    offset INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    refused INTEGER NOT NULL
);
CREATE INDEX taken_batches ON batches (source_id) WHERE taken > 0;
CREATE INDEX refused_batches ON batches (source_id) WHERE refused > 0;
CREATE TABLE runs (
    series_id INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    span_micros INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (series_id, last_time, offset)
) WITHOUT ROWID;
";
