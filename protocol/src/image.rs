//! Pictures that are not painted from figures: emblems, photographs, drawings.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ImageId;
use crate::observation::Name;

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MediaType {
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
}

impl MediaType {
    /// As it is written in `Content-Type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// A picture of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    pub id: ImageId,
    /// What is to be seen, for those who cannot see it.
    pub name: Name,
    /// Who made it and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Name>,
    pub media_type: MediaType,
    pub width_px: u32,
    pub height_px: u32,
    /// The file in Base64.
    pub content: Arc<str>,
}
