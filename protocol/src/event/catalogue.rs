//! The configuration of the centre changed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Catalogue, Layout, LayoutId, Timestamp, Wall, WallId};

/// All that is configured, whole: other servers and every replay take it from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogueRevised {
    pub at: Timestamp,
    pub catalogue: Catalogue,
    pub walls: BTreeMap<WallId, Wall>,
    /// The read-only layouts that come with the configuration.
    pub layouts: BTreeMap<LayoutId, Layout>,
}
