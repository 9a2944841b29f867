//! Where numbers come from. Each kind of source is one file and one line in [`SOURCES`].

mod changes;
mod csv;
mod derived;
mod edxml;
mod entries;
mod folder;
mod geojson;
pub mod health;
mod http;
mod link;
mod links;
mod mqtt;
mod operations;
mod poll;
mod reports;
pub mod rounds;
mod rows;
pub mod rules;
mod simulated;
mod simulated_records;
mod sql;
mod state;
mod station_file;
mod supervisor;
#[cfg(test)]
mod tests;
mod trial;
mod under;
pub mod webhook;
pub mod workbook;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use protocol::{LayerId, Timestamp};

use crate::centre::REPORTING_KIND;
use crate::config::Options;
use trial::Sampling;

pub use changes::SourceChanges;
pub use link::{Link, SourceError, on_disk};
pub use reports::Reported;
pub use supervisor::{Running, Surroundings, start};
pub use trial::{Trial, TrialError, try_out};

/// Something that brings observations or records in. What `Debug` writes of it tells whether it is another one when
/// the configuration is loaded again.
pub trait Source: Send + Sync + fmt::Debug {
    /// Runs until [`Link::stopped`]. After an error it is started again, later and later.
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>>;

    /// Whether it looks for news in rounds, each ended by [`rounds::RoundBegun::end`], so that one can be asked for.
    fn has_rounds(&self) -> bool {
        false
    }

    /// Reads the first values, at least so many if there are, and records nothing; `None` where there is nothing to
    /// read.
    fn sample(&self, now: Timestamp, values: usize) -> Option<Sampling<'_>> {
        let _ = (now, values);
        None
    }

    /// The layer that it tells of.
    fn layer(&self) -> Option<&LayerId> {
        None
    }
}

/// A kind of source, by the name in `kind = "…"`.
pub struct Kind {
    pub name: &'static str,
    /// Reads the options; what is wrong is reported there. Nothing to run for what others push to.
    pub read: fn(&mut Options<'_>) -> Option<Arc<dyn Source>>,
}

/// The kind of the one source that computes.
pub const DERIVED: &str = "derived";
/// The kind of what measures the centre itself.
pub const OPERATIONS: &str = "operations";

/// Every kind there is.
pub static SOURCES: &[Kind] = &[
    Kind { name: "push", read: push },
    Kind { name: "csv", read: csv::read },
    Kind { name: "workbook", read: workbook::read },
    Kind { name: "station_file", read: station_file::read },
    Kind { name: "http", read: http::read },
    Kind { name: "sql", read: sql::read },
    Kind { name: "mqtt", read: mqtt::read },
    Kind { name: DERIVED, read: derived::read },
    Kind { name: OPERATIONS, read: operations::read },
    Kind { name: "edxml", read: edxml::read },
    Kind { name: REPORTING_KIND, read: geojson::read },
    Kind { name: "simulated", read: simulated::read },
    Kind { name: "simulated_records", read: simulated_records::read },
];

/// Others send its observations to `POST /api/v1/observations`; it takes no options.
fn push(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    options.take::<Nothing>();
    None
}
