//! A source went down or came back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SourceId;
use crate::source::SourceLink;

/// A source runs, or no longer does. What it delivers is told by the deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceStateChanged {
    pub source: SourceId,
    pub link: SourceLink,
}
