//! Documents that came from a document system, as far as the centre needs to know of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::task::Urgency;
use crate::{DocumentId, SourceId, Timestamp};

/// A document that came in. What is classified is refused where it would come in: there is no place for it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Of the whole network of document systems: `000.00.00.H48,2023/08/14,1234/UBND-KTTH`.
    pub id: DocumentId,
    /// `1234`.
    pub number: String,
    /// `UBND-KTTH`.
    pub notation: String,
    pub from: Organ,
    pub subject: String,
    pub promulgated_on: Day,
    /// By when it asks for something, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Day>,
    #[serde(default)]
    pub priority: Urgency,
    /// The file that it came in.
    pub file: String,
    pub source: SourceId,
    pub received_at: Timestamp,
}

/// Who sent a document, as the document systems know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organ {
    /// `000.00.00.H48`.
    pub id: String,
    pub name: String,
}

impl Document {
    /// Whether the other one says the same, wherever and whenever it came in.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { file, source, received_at, .. } = other.clone();
        Self { file, source, received_at, ..self.clone() } == *other
    }
}
