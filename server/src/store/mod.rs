//! The history: a projection of the log into tables, by offset, in the same transaction as its rows.

pub mod database;
mod delivered;
pub mod folder;
mod history;
mod projection;
mod reader;
#[cfg(test)]
mod tests;
mod windows;

pub use delivered::Delivered;
pub use history::HistoryRow;
pub use projection::{Projection, ProjectionState};
pub use reader::{Reader, StoreError};
pub use windows::{Loaded, Wanted};
pub(crate) use windows::{extend, new_bucket};

/// 2: when each row became known to the log. 3: what the rows of a batch have in common is kept once.
pub(crate) const SCHEMA_VERSION: i64 = 3;

/// `observations` holds every revision: the newest of a time is the one with the greatest offset.
pub(crate) const SCHEMA: &str = "
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    indicator TEXT NOT NULL,
    area TEXT NOT NULL,
    scenario INTEGER NOT NULL,
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
    recorded_at INTEGER NOT NULL
);
CREATE TABLE observations (
    series_id INTEGER NOT NULL,
    phenomenon_time INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    value REAL NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (series_id, phenomenon_time, offset)
) WITHOUT ROWID;
";
