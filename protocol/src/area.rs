//! Areas, agencies and the catalogue that holds all that is configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{
    AgencyId, AreaId, BaseMap, Image, ImageId, Indicator, IndicatorId, LayerId, MapId, MapLayer, SourceId, SourceInfo,
};

/// A place with an administration, at any depth, between two dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Area {
    pub id: AreaId,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<AreaId>,
    /// `2023-01-01`; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The first day it no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
}

impl Area {
    /// Whether it exists on a day like `2025-06-30`.
    #[must_use]
    pub fn is_valid_on(&self, day: &str) -> bool {
        self.valid_from.as_deref().is_none_or(|from| from <= day) && self.valid_to.as_deref().is_none_or(|to| day < to)
    }
}

/// Who owns an indicator or carries out a task, between two dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agency {
    pub id: AgencyId,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<AgencyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// Who took over its tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<AgencyId>,
}

/// What the centre knows of itself: its name and everything that is configured by name.
///
/// A view gets only what its layout names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    /// `UBND tỉnh Quảng Ngãi`.
    pub organisation: Name,
    /// `Trung tâm Điều hành thông minh`.
    pub centre: Name,
    pub areas: BTreeMap<AreaId, Arc<Area>>,
    pub agencies: BTreeMap<AgencyId, Arc<Agency>>,
    pub indicators: BTreeMap<IndicatorId, Arc<Indicator>>,
    pub sources: BTreeMap<SourceId, Arc<SourceInfo>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub maps: BTreeMap<MapId, Arc<BaseMap>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<LayerId, Arc<MapLayer>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<ImageId, Arc<Image>>,
}

impl Catalogue {
    /// The areas directly below `parent`, in the order of their codes.
    pub fn children<'a>(&'a self, parent: &AreaId) -> impl Iterator<Item = &'a Arc<Area>> + use<'a> {
        let parent = parent.clone();
        self.areas.values().filter(move |area| area.parent.as_ref() == Some(&parent))
    }
}
