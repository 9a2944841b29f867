//! Texts in options: one for both languages, or one for each.

use protocol::observation::Name;
use serde::Deserialize;

/// `"Thu ngân sách"` or `{ vi = "Thu ngân sách", en = "Revenue" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Wording {
    Both(String),
    Each(Each),
}

/// A text of its own for each language. Strict, unlike the [`Name`] that it is: options are written by people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "EachText")]
pub(crate) struct Each(Name);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EachText {
    vi: String,
    #[serde(default)]
    en: Option<String>,
}

impl From<EachText> for Each {
    fn from(EachText { vi, en }: EachText) -> Self {
        Self(Name { vi, en })
    }
}

impl Wording {
    /// A name from the catalogue.
    pub fn of(name: &Name) -> Self {
        Self::Each(Each(name.clone()))
    }

    /// The text in `language` where one was given, else what goes without saying.
    pub fn or(given: Option<&Self>, language: &str, usual: impl FnOnce() -> String) -> String {
        given.map_or_else(usual, |wording| wording.in_language(language).to_owned())
    }

    /// The text in `language`.
    pub fn in_language(&self, language: &str) -> &str {
        match self {
            Self::Both(text) => text,
            Self::Each(Each(name)) => name.in_language(language),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_language_is_refused() {
        let read = |text: &str| serde_json::from_str::<Wording>(text);
        assert_eq!(read(r#"{ "vi": "Thu", "en": "Revenue" }"#).unwrap().in_language("en"), "Revenue");
        assert!(read(r#"{ "vi": "Thu", "eng": "Revenue" }"#).is_err());
    }
}
