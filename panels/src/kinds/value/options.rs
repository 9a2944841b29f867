//! What a figure can be told to show.

use protocol::change::{Span, WindowSpec};
use protocol::{AreaId, Indicator, IndicatorId, Scenario, SeriesKey};
use serde::Deserialize;

use crate::scene::Rect;
use crate::window;
use crate::wording::Wording;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) indicator: IndicatorId,
    pub(super) area: AreaId,
    /// The name of the indicator if absent.
    #[serde(default)]
    pub(super) title: Option<Wording>,
    /// The smaller form; by the width of the tile if absent.
    #[serde(default)]
    pub(super) compact: Option<bool>,
    /// `false` for none; `{ secs, buckets }`; as the indicator's period suggests if absent.
    #[serde(default)]
    pub(super) sparkline: Option<Sparkline>,
    /// The share of what is expected by now below which it counts as behind plan; 0.9 if absent.
    #[serde(default)]
    pub(super) behind_below: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected true, false or a table with 'secs' and, if wanted, 'buckets'")]
pub(super) enum Sparkline {
    Shown(bool),
    Of(SparklineSpan),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SparklineSpan {
    pub(super) secs: u64,
    #[serde(default)]
    pub(super) buckets: Option<u16>,
}

impl Options {
    pub(super) fn series(&self, scenario: Scenario) -> SeriesKey {
        SeriesKey { indicator: self.indicator.clone(), area: self.area.clone(), scenario }
    }

    pub(super) fn sparkline(&self, indicator: &Indicator, rect: Rect) -> Option<WindowSpec> {
        const BUCKETS: u16 = 96;
        let (secs, buckets) = match &self.sparkline {
            Some(Sparkline::Shown(false)) => return None,
            Some(Sparkline::Of(span)) => (span.secs.max(1), span.buckets),
            Some(Sparkline::Shown(true)) | None => (window::usual_secs(indicator), None),
        };
        let widest = Rect { width: rect.width.min(f32::from(BUCKETS) * 2.0), ..rect };
        Some(window::window(self.series(Scenario::Actual), Span::Last { secs }, indicator, buckets, widest))
    }
}
