//! How the sources of one configuration differ from those of another.

use protocol::SourceId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::SourceSpec;

/// What another configuration means for the sources, in the order of its file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceChanges {
    #[schema(value_type = Vec<String>)]
    pub started: Vec<SourceId>,
    /// They are others now: stopped, and started with what they remember.
    #[schema(value_type = Vec<String>)]
    pub restarted: Vec<SourceId>,
    #[schema(value_type = Vec<String>)]
    pub stopped: Vec<SourceId>,
    /// They run on as if nothing had happened.
    #[schema(value_type = Vec<String>)]
    pub unchanged: Vec<SourceId>,
}

impl SourceChanges {
    #[must_use]
    pub fn between(before: &[SourceSpec], after: &[SourceSpec]) -> Self {
        let mut changes = Self::default();
        for spec in after {
            let list = match before.iter().find(|other| other.info.id == spec.info.id) {
                None => &mut changes.started,
                Some(other) if other.is_same(spec) => &mut changes.unchanged,
                Some(_) => &mut changes.restarted,
            };
            list.push(spec.info.id.clone());
        }
        let is_gone = |spec: &&SourceSpec| after.iter().all(|other| other.info.id != spec.info.id);
        changes.stopped = before.iter().filter(is_gone).map(|spec| spec.info.id.clone()).collect();
        changes
    }
}
