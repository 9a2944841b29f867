#![allow(dead_code)]
use protocol::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
pub struct CentreConfig {
    pub settings: Settings,
    pub catalogue: Catalogue,
    pub walls: BTreeMap<WallId, Wall>,
    pub layouts: BTreeMap<LayoutId, Layout>,
    pub sources: Vec<()>,
}
pub struct Settings {
    pub server: ServerSettings,
    pub hub: HubSettings,
}
pub struct ServerSettings {
    pub listen: String,
}
pub struct HubSettings {
    pub tick_ms: u64,
    pub readout_interval_ms: u64,
    pub ring_bytes: usize,
    pub ring_secs: u64,
}
pub fn load(_: &Path) -> Result<CentreConfig, String> {
    Err("stub".into())
}
pub fn check(_: &Path) -> Vec<String> {
    vec![]
}
