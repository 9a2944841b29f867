//! A document came in.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Document;

/// A document came in, or came again and says something else; the newest of an id is the one that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentReceived {
    pub document: Arc<Document>,
}
