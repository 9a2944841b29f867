//! Options of panels: strict, with errors that name the option and what would be right.

use std::collections::BTreeSet;

use protocol::{AreaId, Catalogue, IndicatorId, PanelSpec};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::Value;

use crate::OptionsError;

impl OptionsError {
    /// With one option to blame.
    pub(crate) fn of(option: &str, message: impl Into<String>) -> Self {
        Self { option: Some(option.into()), message: message.into() }
    }
}

/// Parses the options of `spec` into the struct of its kind.
pub(crate) fn parse<T: DeserializeOwned>(spec: &PanelSpec) -> Result<T, OptionsError> {
    let known = field_names::<T>();
    if let Some(key) = spec.options.keys().find(|key| !known.contains(&key.as_str())) {
        let hint = nearest(key, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean '{near}'?"));
        return Err(OptionsError::of(key, format!("unknown option '{key}'; {hint}")));
    }
    serde_path_to_error::deserialize(Value::Object(spec.options.clone())).map_err(|error| {
        let path = error.path().to_string();
        let option = (path != ".").then_some(path);
        let place = option.as_ref().map(|option| format!("option '{option}': ")).unwrap_or_default();
        OptionsError { message: format!("{place}{}", error.inner()), option }
    })
}

/// The name most like `name`, when one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Refuses an indicator that is not in the catalogue.
pub(crate) fn check_indicator(catalogue: &Catalogue, option: &str, id: &IndicatorId) -> Result<(), OptionsError> {
    if catalogue.indicators.contains_key(id) {
        return Ok(());
    }
    Err(unknown(option, "indicator", id.as_str(), catalogue.indicators.keys().map(IndicatorId::as_str)))
}

/// Refuses an area that is not in the catalogue.
pub(crate) fn check_area(catalogue: &Catalogue, option: &str, id: &AreaId) -> Result<(), OptionsError> {
    if catalogue.areas.contains_key(id) {
        return Ok(());
    }
    Err(unknown(option, "area", id.as_str(), catalogue.areas.keys().map(AreaId::as_str)))
}

fn unknown<'a>(option: &str, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> OptionsError {
    let known: BTreeSet<&str> = known.collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("the catalogue has: {}", known.into_iter().take(12).collect::<Vec<_>>().join(", ")),
    };
    OptionsError::of(option, format!("unknown {what} '{name}'; {hint}"))
}

/// The names of the fields that `T` is read from.
fn field_names<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The reader only tells the names and then refuses.
    let _refused = T::deserialize(FieldNames(&mut names)).is_err();
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("only for field names"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
