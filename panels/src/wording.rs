//! Texts in options: one for both languages, or one for each.

use protocol::observation::Name;
use serde::Deserialize;

/// `"Thu ngân sách"` or `{ vi = "Thu ngân sách", en = "Revenue" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Wording {
    Both(String),
    Each(Name),
}

impl Wording {
    /// The text in `language`.
    pub fn in_language(&self, language: &str) -> &str {
        match self {
            Self::Both(text) => text,
            Self::Each(name) => name.in_language(language),
        }
    }
}
