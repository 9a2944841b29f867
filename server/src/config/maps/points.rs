//! The points of a layer that a source tells of.

use protocol::map::{Feature, Geometry};
use protocol::observation::Name;
use serde::Deserialize;
use serde_json::Value;

use super::geo::{self, RawFeature, RawGeometry};
use super::{kind_of, shape, text, text_of};

/// The properties that points are read from.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PointProperties {
    pub id: String,
    pub name: String,
    pub name_en: String,
    pub area: String,
}

impl Default for PointProperties {
    fn default() -> Self {
        let [id, name, name_en, area] = ["id", "name", "name_en", "area"].map(ToOwned::to_owned);
        Self { id, name, name_en, area }
    }
}

/// What is wrong with one feature: its number, the property, and why.
pub type PointProblem = (usize, Option<String>, String);
/// A point and the number of its feature, or what is wrong with it.
pub type PointRead = Result<(usize, Feature), PointProblem>;

/// The points of GeoJSON, in their order, each by itself.
///
/// # Errors
/// What is wrong with it as a whole.
pub fn points(root: &Value, properties: &PointProperties) -> Result<Vec<PointRead>, Vec<String>> {
    Ok(geo::features(root, None)?.iter().map(|raw| point(raw, properties)).collect())
}

fn point(raw: &RawFeature, properties: &PointProperties) -> PointRead {
    let wrong = |property: Option<&str>, reason: String| (raw.number, property.map(str::to_owned), reason);
    let geometry = match &raw.geometry {
        RawGeometry::Point(at) => shape::position(*at).map(Geometry::Point),
        other => Err(format!("{}; what moves is a point", kind_of(other))),
    };
    let geometry = geometry.map_err(|reason| wrong(None, reason))?;
    let name = text(raw, &properties.name);
    let name = name.ok_or_else(|| {
        let known: Vec<&str> = raw.properties.keys().map(String::as_str).collect();
        wrong(Some(&properties.name), format!("is not there, or no text; the feature has: {}", known.join(", ")))
    })?;
    let id = text(raw, &properties.id).or_else(|| raw.id.as_ref().and_then(text_of));
    let feature = Feature {
        id: id.unwrap_or_else(|| raw.number.to_string()),
        name: Name { vi: name, en: text(raw, &properties.name_en) },
        area: text(raw, &properties.area).map(Into::into),
        geometry,
        series: None,
    };
    Ok((raw.number, feature))
}
