//! What tables are read under.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Link;

/// What a table was read under: something else may come of it under another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    pub options: String,
    /// Of the indicators and areas that there are.
    pub catalogue: String,
}

impl Under {
    pub fn of(source: &impl fmt::Debug, link: &Link) -> Self {
        let catalogue = link.catalogue.borrow().clone();
        let mut ids = blake3::Hasher::new();
        for id in catalogue.indicators.keys().map(protocol::IndicatorId::as_str) {
            ids.update(id.as_bytes()).update(b"\n");
        }
        ids.update(b"\n");
        for id in catalogue.areas.keys().map(protocol::AreaId::as_str) {
            ids.update(id.as_bytes()).update(b"\n");
        }
        let options = blake3::hash(format!("{source:?}").as_bytes());
        Self { options: options.to_hex().to_string(), catalogue: ids.finalize().to_hex().to_string() }
    }
}
