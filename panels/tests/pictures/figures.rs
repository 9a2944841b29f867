//! States in which exactly some figures were observed.

use std::sync::Arc;

use panels::Link;
use panels::text::TextEngine;
use protocol::change::{Arranged, Bucket, Buckets, Change};
use protocol::message::Mode;
use protocol::{
    Canvas, Catalogue, Layout, Observation, ObservationStatus, PanelSpec, Scenario, SeriesKey, Timestamp, ViewState,
};

use crate::centre::{bucket, layout, paint_all, source};

/// A state of these panels in which exactly these figures were observed.
pub fn state_of(panels: Vec<PanelSpec>, catalogue: Catalogue, canvas: Canvas, figures: Vec<Observation>) -> ViewState {
    state_with(layout(panels), catalogue, canvas, figures)
}

/// The same of a whole layout.
pub fn state_with(layout: Layout, catalogue: Catalogue, canvas: Canvas, mut figures: Vec<Observation>) -> ViewState {
    let needs = panels::needs(&layout, &catalogue, canvas);
    let (series, windows, records) = (needs.series, needs.windows.clone(), needs.records);
    let arranged =
        Arranged { mode: Mode::Live, wall: None, canvas, layout, spotlight: None, catalogue, series, windows, records };
    let mut view = ViewState::default();
    view.apply(1, &Change::Arranged(Arc::new(arranged)));
    figures.sort_by_key(|figure| figure.phenomenon_time);
    for figure in figures {
        for (index, spec) in needs.windows.iter().enumerate().filter(|(_, spec)| spec.series == figure.series) {
            let bucket = bucket(spec, figure.phenomenon_time, figure.value).map(|bucket| Bucket {
                status: figure.status,
                source: figure.source.clone(),
                ..bucket
            });
            let window = u16::try_from(index).unwrap();
            view.apply(2, &Change::Buckets(Buckets { window, buckets: bucket.into_iter().collect() }));
        }
        view.apply(2, &Change::Observed(Arc::new(figure)));
    }
    view
}

/// An official figure of the area 51.
pub fn figure(indicator: &str, scenario: Scenario, at: Timestamp, value: f64) -> Observation {
    figure_in("51", indicator, scenario, at, value)
}

pub fn figure_in(area: &str, indicator: &str, scenario: Scenario, at: Timestamp, value: f64) -> Observation {
    let series = SeriesKey { indicator: indicator.into(), area: area.into(), scenario };
    let (status, source) = (ObservationStatus::Official, source(&series).into());
    Observation { series, value, phenomenon_time: at, received_at: at, status, source }
}

/// What the panel called `id` says.
pub fn texts(view: &ViewState, id: &str, link: Link, language: &str) -> Vec<String> {
    let at = view.arranged().unwrap().layout.panels.iter().position(|panel| panel.id.as_str() == id).unwrap();
    let scenes = paint_all(view, link, language, &mut TextEngine::new());
    scenes[at].texts().map(|run| run.content.as_str().to_owned()).collect()
}
