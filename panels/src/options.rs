//! Options of panels: strict, with errors that name the option and what would be right.

use std::collections::BTreeSet;

use protocol::{AreaId, Catalogue, Indicator, IndicatorId, PanelSpec, Scenario, SeriesKey};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::Value;

use crate::OptionsError;
use crate::wording::Wording;

impl OptionsError {
    /// With one option to blame.
    pub(crate) fn of(option: &str, message: impl Into<String>) -> Self {
        Self { option: Some(option.into()), message: message.into() }
    }
}

/// Parses the options of `spec` into the struct of its kind, which refuses unknown fields.
pub(crate) fn parse<T: DeserializeOwned>(spec: &PanelSpec) -> Result<T, OptionsError> {
    // Panels parse whenever they paint; only what is wrong is worth a path and a hint.
    T::deserialize(&spec.options).or_else(|_| explain(spec))
}

/// Parses again, to say where it is wrong.
fn explain<T: DeserializeOwned>(spec: &PanelSpec) -> Result<T, OptionsError> {
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

/// The one of `known` that `name` was probably meant to be.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= 1 + known.chars().count().min(name.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// One series of several, in an option `series`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesOptions {
    pub(crate) indicator: IndicatorId,
    pub(crate) area: AreaId,
    #[serde(default)]
    pub(crate) scenario: Scenario,
    #[serde(default)]
    pub(crate) label: Option<Wording>,
}

impl SeriesOptions {
    pub(crate) fn key(&self) -> SeriesKey {
        SeriesKey { indicator: self.indicator.clone(), area: self.area.clone(), scenario: self.scenario }
    }
}

/// Refuses several series of which the catalogue lacks one, or that cannot share one axis.
pub(crate) fn check_series(catalogue: &Catalogue, series: &[SeriesOptions]) -> Result<(), OptionsError> {
    let mut first: Option<&Indicator> = None;
    for one in series {
        check_indicator(catalogue, "series", &one.indicator)?;
        check_area(catalogue, "series", &one.area)?;
        let Some(indicator) = catalogue.indicators.get(&one.indicator) else { continue };
        let first = *first.get_or_insert(indicator);
        if first.unit != indicator.unit {
            return Err(OptionsError::of(
                "series",
                format!(
                    "'{}' is in '{}' and '{}' in '{}', which cannot share one axis; give each unit a panel of its own",
                    first.id, first.unit.vi, indicator.id, indicator.unit.vi
                ),
            ));
        }
    }
    Ok(())
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

/// Names what is not known, and what was probably meant.
pub(crate) fn unknown<'a>(option: &str, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> OptionsError {
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
