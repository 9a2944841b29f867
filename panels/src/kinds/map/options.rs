//! What a map may be asked to show.

use protocol::map::{Geometry, MapKind};
use protocol::{AreaId, BaseMap, Catalogue, IndicatorId, LayerId, MapId, MapLayer, SeriesKey};
use serde::Deserialize;

use super::classes::ClassBy;
use crate::options::{check_area, check_indicator, unknown};
use crate::wording::Wording;
use crate::{Needs, OptionsError};

/// More could not be told apart by their signs.
pub(super) const MOST_LAYERS: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    #[serde(default)]
    pub title: Option<Wording>,
    pub map: MapId,
    /// Whose figures colour the areas.
    #[serde(default)]
    pub indicator: Option<IndicatorId>,
    /// Only the areas directly below this one; all of the map if absent.
    #[serde(default)]
    pub area: Option<AreaId>,
    /// How many classes figures are put into, 2 to 5.
    #[serde(default)]
    classes: Option<usize>,
    #[serde(default)]
    class_by: Option<ClassBy>,
    /// Where one class ends and the next begins, as figures are written.
    #[serde(default)]
    breaks: Option<Vec<f64>>,
    #[serde(default)]
    pub layers: Vec<LayerId>,
    #[serde(default)]
    labels: Option<Labels>,
    #[serde(default = "shown")]
    pub legend: bool,
}

fn shown() -> bool {
    true
}

/// What is written on areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Labels {
    All,
    Names,
    Figures,
    None,
}

impl Labels {
    pub fn has_names(self) -> bool {
        matches!(self, Self::All | Self::Names)
    }
    pub fn has_figures(self) -> bool {
        matches!(self, Self::All | Self::Figures)
    }
}

/// How figures are put into classes.
pub(super) enum Classing<'o> {
    Breaks(&'o [f64]),
    By(ClassBy, usize),
}

impl Options {
    pub fn labels(&self) -> Labels {
        self.labels.unwrap_or(match (&self.indicator, self.layers.is_empty()) {
            (Some(_), _) => Labels::All,
            (None, true) => Labels::Names,
            (None, false) => Labels::None,
        })
    }

    pub fn classing(&self) -> Classing<'_> {
        match &self.breaks {
            Some(breaks) => Classing::Breaks(breaks),
            None => Classing::By(self.class_by.unwrap_or_default(), self.classes.unwrap_or(5)),
        }
    }

    /// The areas that are drawn, in the order of the map.
    pub fn areas<'m>(&self, catalogue: &Catalogue, map: &'m BaseMap) -> Vec<&'m AreaId> {
        let is_part = |area: &&AreaId| match &self.area {
            None => true,
            Some(above) => catalogue.areas.get(*area).is_some_and(|area| area.parent.as_ref() == Some(above)),
        };
        map.shapes.iter().map(|shape| &shape.area).filter(is_part).collect()
    }

    /// What has to be sent, once nothing is wrong.
    pub fn needs(&self, catalogue: &Catalogue) -> Result<Needs, OptionsError> {
        let Some(map) = catalogue.maps.get(&self.map) else {
            return Err(unknown("map", "map", self.map.as_str(), catalogue.maps.keys().map(MapId::as_str)));
        };
        let areas = self.areas(catalogue, map);
        self.check_areas(catalogue, &areas)?;
        self.check_classes()?;
        let mut needs = Needs { maps: vec![self.map.clone()], layers: self.layers.clone(), ..Needs::default() };
        if let Some(indicator) = &self.indicator {
            needs.series.extend(areas.iter().map(|area| SeriesKey::actual(indicator, area)));
        }
        for (place, id) in self.layers.iter().enumerate() {
            let layer = self.check_layer(catalogue, place, id)?;
            if map.kind == MapKind::Schematic {
                check_schematic(layer, &areas)?;
            }
            needs.series.extend(layer.features.iter().filter_map(|feature| feature.series.clone()));
        }
        Ok(needs)
    }

    fn check_areas(&self, catalogue: &Catalogue, areas: &[&AreaId]) -> Result<(), OptionsError> {
        if let Some(indicator) = &self.indicator {
            check_indicator(catalogue, "indicator", indicator)?;
        }
        let Some(area) = &self.area else { return Ok(()) };
        check_area(catalogue, "area", area)?;
        if areas.is_empty() {
            let message = format!("map '{}' has no areas directly below '{area}'", self.map);
            return Err(OptionsError::of("area", message));
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<(), OptionsError> {
        let given = [
            ("classes", self.classes.is_some()),
            ("class_by", self.class_by.is_some()),
            ("breaks", self.breaks.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given && self.indicator.is_none()) {
            return Err(OptionsError::of(option, format!("'{option}' needs an 'indicator' that colours the areas")));
        }
        if self.classes.is_some_and(|count| !(2..=5).contains(&count)) {
            return Err(OptionsError::of("classes", "a map has 2 to 5 classes"));
        }
        let Some(breaks) = &self.breaks else { return Ok(()) };
        if self.classes.is_some() || self.class_by.is_some() {
            return Err(OptionsError::of("breaks", "give either 'breaks' or 'classes' and 'class_by'"));
        }
        let is_rising = breaks.is_sorted_by(|a, b| a < b) && breaks.iter().all(|value| value.is_finite());
        if !(1..=4).contains(&breaks.len()) || !is_rising {
            return Err(OptionsError::of("breaks", "'breaks' are 1 to 4 numbers, each above the one before"));
        }
        Ok(())
    }

    fn check_layer<'c>(
        &self,
        catalogue: &'c Catalogue,
        place: usize,
        id: &LayerId,
    ) -> Result<&'c MapLayer, OptionsError> {
        if self.layers.len() > MOST_LAYERS {
            return Err(OptionsError::of("layers", format!("a map shows at most {MOST_LAYERS} layers")));
        }
        if self.layers[..place].contains(id) {
            return Err(OptionsError::of("layers", format!("layer '{id}' stands there twice")));
        }
        let known = catalogue.layers.keys().map(LayerId::as_str);
        catalogue.layers.get(id).map(|layer| &**layer).ok_or_else(|| unknown("layers", "layer", id.as_str(), known))
    }
}

/// On a schematic map a thing stands in its area, wherever that is.
fn check_schematic(layer: &MapLayer, areas: &[&AreaId]) -> Result<(), OptionsError> {
    for feature in &layer.features {
        let has_place = feature.area.as_ref().is_some_and(|area| areas.contains(&area));
        let message = match feature.geometry {
            Geometry::Point(_) if has_place => continue,
            Geometry::Point(_) => {
                format!(
                    "'{}' of layer '{}' lies in no area of the schematic map; give it an 'area'",
                    feature.id, layer.id
                )
            }
            _ => format!(
                "'{}' of layer '{}' is a line or an area, which a schematic map has no place for",
                feature.id, layer.id
            ),
        };
        return Err(OptionsError::of("layers", message));
    }
    Ok(())
}
