//! Layouts are saved and shown.

use panels::LayoutFinding;
use protocol::event::{LayoutSaved, LayoutShown};
use protocol::message::MAX_SNAPSHOT_BYTES;
use protocol::{Event, Layout, LayoutId, Timestamp, WallId};

use super::arrange::DEFAULT_CANVAS;
use super::{Centre, Refusal};

/// What one bucket takes in a snapshot, at most.
const BUCKET_BYTES: usize = 160;

impl Centre {
    pub(super) fn decide_save(
        &self,
        layout: &Layout,
        expected_version: u64,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let current = self.layouts.get(&layout.id).map(|kept| &kept.layout);
        if current.is_some_and(|current| current.read_only) {
            return Err(Refusal::ReadOnly { layout: layout.id.clone() });
        }
        let current_version = current.map_or(0, |current| current.version);
        if current_version != expected_version {
            return Err(Refusal::Conflict { layout: layout.id.clone(), current_version });
        }
        let findings = self.layout_findings(layout);
        if !findings.is_empty() {
            return Err(Refusal::Invalid { findings });
        }
        let layout = Layout { version: current_version + 1, read_only: false, ..layout.clone() };
        Ok(vec![Event::LayoutSaved(LayoutSaved { at: now, layout })])
    }

    pub(super) fn decide_show(&self, wall: &WallId, layout: &LayoutId, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if !self.walls.contains_key(wall) {
            return Err(not_found(format!("wall '{wall}'"), self.walls.keys()));
        }
        if !self.layouts.contains_key(layout) {
            return Err(not_found(format!("layout '{layout}'"), self.layouts.keys()));
        }
        Ok(vec![Event::LayoutShown(LayoutShown { at: now, wall: wall.clone(), layout: layout.clone() })])
    }

    /// Everything that is wrong with a layout on the canvases it may be shown on.
    #[must_use]
    pub fn layout_findings(&self, layout: &Layout) -> Vec<LayoutFinding> {
        let mut findings = panels::validate(layout, &self.catalogue, DEFAULT_CANVAS);
        let buckets: usize = panels::needs(layout, &self.catalogue, DEFAULT_CANVAS)
            .windows
            .iter()
            .map(|window| usize::from(window.buckets))
            .sum();
        if buckets * BUCKET_BYTES > MAX_SNAPSHOT_BYTES {
            let most = MAX_SNAPSHOT_BYTES / BUCKET_BYTES;
            let message = format!(
                "the panels need {buckets} buckets of history together; at most {most} fit into a snapshot, so use fewer or narrower charts"
            );
            findings.push(LayoutFinding { panel: None, option: None, message });
        }
        findings
    }
}

fn not_found<'a, T: std::fmt::Display + 'a>(what: String, known: impl Iterator<Item = &'a T>) -> Refusal {
    Refusal::NotFound { what, known: known.map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}
