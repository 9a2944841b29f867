//! Layouts are saved and shown.

use std::sync::Arc;

use panels::LayoutFinding;
use protocol::change::{Arranged, Bucket, Envelope};
use protocol::event::{LayoutSaved, LayoutShown, SpotlightTurned};
use protocol::message::MAX_SNAPSHOT_BYTES;
use protocol::{
    Canvas, Change, Event, Layout, LayoutId, Observation, ObservationStatus, PanelId, SourceId, Timestamp, Wall, WallId,
};

use super::arrange::DEFAULT_CANVAS;
use super::{Centre, Refusal, layers, records};

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

    pub(super) fn decide_spotlight(
        &self,
        wall: &WallId,
        panel: Option<&PanelId>,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let shown = self.walls.get(wall).ok_or_else(|| not_found(format!("wall '{wall}'"), self.walls.keys()))?;
        let layout = self.layouts.get(&shown.layout).map(|kept| &kept.layout);
        if let (Some(panel), Some(layout)) = (panel, layout)
            && panels::place::spotlit(layout, panel).is_none()
        {
            let can_fill = |id: &&PanelId| panels::place::spotlit(layout, id).is_some();
            let known = layout.panels.iter().map(|spec| &spec.id).filter(can_fill);
            return Err(not_found(format!("panel '{panel}' in layout '{}' that can fill the wall", layout.id), known));
        }
        Ok(vec![Event::SpotlightTurned(SpotlightTurned { at: now, wall: wall.clone(), panel: panel.cloned() })])
    }

    /// Everything that is wrong with a layout on the canvases it may be shown on.
    #[must_use]
    pub fn layout_findings(&self, layout: &Layout) -> Vec<LayoutFinding> {
        self.findings_on(layout, &[DEFAULT_CANVAS], self.walls.values().map(|shown| &shown.wall))
    }

    /// Everything that is wrong with a layout on some canvases, and with its places and size on the walls that it suits
    /// too; each once.
    #[must_use]
    pub fn findings_on<'a>(
        &self,
        layout: &Layout,
        canvases: &[Canvas],
        walls: impl Iterator<Item = &'a Wall> + Clone,
    ) -> Vec<LayoutFinding> {
        let on_canvases = canvases.iter().flat_map(|canvas| panels::validate(layout, &self.catalogue, *canvas));
        let suited = walls.clone().map(|wall| wall.canvas).filter(|canvas| panels::place::suits(layout, *canvas));
        let on_walls = suited.flat_map(|canvas| panels::place::findings(layout, canvas));
        let mut findings: Vec<LayoutFinding> = Vec::new();
        for finding in on_canvases.chain(on_walls).chain(self.size_finding(layout, walls)) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }

    /// Whether a snapshot of the layout is too large on one of `walls` or on none.
    fn size_finding<'a>(&self, layout: &Layout, walls: impl Iterator<Item = &'a Wall>) -> Option<LayoutFinding> {
        let shown = std::iter::once(None).chain(walls.map(Some)).map(|wall| self.arranged(layout, wall));
        let largest = shown.map(|arranged| (snapshot_bytes(&arranged), arranged)).max_by_key(|(bytes, _)| *bytes);
        let (bytes, arranged) = largest.filter(|(bytes, _)| *bytes > MAX_SNAPSHOT_BYTES)?;
        let buckets: usize = arranged.windows.iter().map(|window| usize::from(window.buckets)).sum();
        let (canvas, values) = (arranged.canvas, arranged.series.len());
        let message = format!(
            "on a canvas of {} × {} the panels need {values} values and {buckets} buckets of history together{}, about {bytes} bytes; a snapshot has at most {MAX_SNAPSHOT_BYTES}, so use fewer or narrower charts{}",
            canvas.width_px,
            canvas.height_px,
            if arranged.records.is_empty() { "" } else { " with room for records" },
            if arranged.catalogue.images.is_empty() { "" } else { " or smaller pictures" },
        );
        Some(LayoutFinding { panel: None, option: None, message })
    }
}

/// What a snapshot takes as JSON once every value and bucket is there, and as many records as there may be.
fn snapshot_bytes(arranged: &Arranged) -> usize {
    // Of what is not known yet: as long as it gets.
    let source = arranged.catalogue.sources.keys().max_by_key(|id| id.as_str().len());
    let source = source.cloned().unwrap_or_else(|| SourceId::from("api"));
    let (at, value) = (Timestamp(1_700_000_000_000_000), -1_234_567.123_456_7);
    let status = ObservationStatus::Preliminary;
    let bucket = Bucket {
        start: at,
        min: value,
        max: value,
        last: value,
        time: at,
        received_at: at,
        status,
        source: source.clone(),
        at: 1_000_000_000,
    };
    let series = arranged.windows.iter().map(|window| &window.series).chain(&arranged.series);
    let series = series.max_by_key(|key| key.indicator.as_str().len() + key.area.as_str().len());
    let observed = series.map_or(0, |series| {
        json_bytes(&Envelope::new(
            1_000_000_000,
            Change::Observed(Arc::new(Observation {
                series: series.clone(),
                value,
                phenomenon_time: at,
                received_at: at,
                status,
                source,
            })),
        ))
    });
    let buckets: usize = arranged.windows.iter().map(|window| usize::from(window.buckets)).sum();
    let records: usize = arranged.records.iter().map(|kind| records::most_bytes(*kind)).sum();
    let layers = layers::MOST_BYTES * layers::reported(&arranged.catalogue).count();
    json_bytes(arranged)
        + records
        + layers
        + arranged.series.len() * (observed + 1)
        + buckets * (json_bytes(&bucket) + 1)
}

/// What cannot be written is refused elsewhere.
pub(super) fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

pub(super) fn not_found<'a, T: std::fmt::Display + 'a>(what: String, known: impl Iterator<Item = &'a T>) -> Refusal {
    Refusal::NotFound { what, known: known.map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use protocol::{Canvas, Catalogue, PanelSpec, Place};

    use super::*;

    fn centre() -> Centre {
        let indicator = "id = 'i'\nname = { vi = 'Thu' }\nunit = { vi = 'đồng' }\nperiod = 'day'\nowner = 'a'\nexpected_interval_secs = 1";
        let area = "id = '51'\nname = { vi = 'Tỉnh' }";
        let catalogue = Catalogue {
            indicators: [("i".into(), Arc::new(toml::from_str(indicator).unwrap()))].into(),
            areas: [("51".into(), Arc::new(toml::from_str(area).unwrap()))].into(),
            ..Catalogue::default()
        };
        Centre { catalogue: Arc::new(catalogue), ..Centre::default() }
    }

    /// So many charts of 960 of 3840 pixels, each of another stretch.
    fn charts(count: u16) -> Layout {
        let chart = |index: u16| {
            PanelSpec {
            id: format!("p{index}").as_str().into(),
            kind: "series".into(),
            place: Place::cells(index % 4 * 8, index / 4, 8, 1),
            options: serde_json::json!({ "indicator": "i", "area": "51", "secs": 86_400 + u32::from(index), "buckets": 2000 })
                .as_object()
                .unwrap()
                .clone(),
        }
        };
        let grid = (32, 18);
        let name = protocol::observation::Name { vi: "Nhiều".to_owned(), en: None };
        Layout { id: "many".into(), name, version: 1, read_only: false, grid, panels: (0..count).map(chart).collect() }
    }

    #[test]
    fn a_snapshot_must_fit_on_every_canvas() {
        let wall = |width_px: u32| Wall {
            id: "main".into(),
            name: protocol::observation::Name { vi: "Tường".to_owned(), en: None },
            canvas: Canvas { width_px, height_px: 2160 },
            displays: Vec::new(),
            room: None,
            layout: "many".into(),
            lead_ms: 0,
        };
        // 960 buckets each on 3840 pixels, 2000 each on 15360.
        let cases =
            [(12, None, None), (40, None, Some(3840)), (12, Some(1920), None), (12, Some(15_360), Some(15_360))];
        for (count, width, refused) in cases {
            let walls: Vec<Wall> = width.map(wall).into_iter().collect();
            let said = centre().size_finding(&charts(count), walls.iter()).map(|finding| finding.message);
            assert_eq!(said.is_some(), refused.is_some(), "{count} on {width:?}: {said:?}");
            let expected = refused.map(|width| format!("on a canvas of {width} × 2160 the panels need"));
            assert!(said.unwrap_or_default().contains(&expected.unwrap_or_default()));
        }
    }

    #[test]
    fn a_snapshot_is_reckoned_as_large_as_it_gets() {
        let arranged = centre().arranged(&charts(1), None);
        let window = &arranged.windows[0];
        let bucket = |start: i64| Bucket {
            start: Timestamp::from_secs(1_700_000_000 + start),
            min: 33_190.123_456_7,
            max: 33_190.123_456_7,
            last: 33_190.123_456_7,
            time: Timestamp::from_secs(1_700_000_000 + start),
            received_at: Timestamp::from_secs(1_700_000_000 + start),
            status: ObservationStatus::Automatic,
            source: "api".into(),
            at: 4711,
        };
        let buckets: Vec<Bucket> = (0..i64::from(window.buckets)).map(bucket).collect();
        let written = json_bytes(&arranged) + json_bytes(&buckets);
        let reckoned = snapshot_bytes(&arranged);
        assert!((written..written * 5 / 4).contains(&reckoned), "{reckoned} for {written}");
    }
}
