//! What one series reads now: its latest figure, as it is written and judged.

use protocol::{Indicator, SeriesKey, Timestamp, ViewState};

use crate::facts::{self, Severity};
use crate::frame::Said;
use crate::provenance::{Figure, Origin};

pub(crate) struct Reading<'a> {
    pub indicator: &'a Indicator,
    /// `None` while there is no figure.
    pub figure: Option<Figure>,
    pub severity: Severity,
    origin: Option<Origin>,
}

impl<'a> Reading<'a> {
    /// Of a series of `indicator`.
    pub fn of(
        view: &ViewState,
        indicator: &'a Indicator,
        series: &SeriesKey,
        (language, now): (&str, Timestamp),
    ) -> Self {
        let latest = view.latest(series);
        let severity = latest.map_or(Severity::Normal, |latest| facts::judge(indicator, latest, now));
        let origin = latest.map(|latest| Origin::from(&**latest));
        let figure = origin.clone().map(|origin| Figure::value(origin, indicator, language));
        Self { indicator, figure, severity, origin }
    }

    /// As it is written.
    pub fn value(&self) -> Option<f64> {
        let value = self.origin.as_ref()?.value() * self.indicator.display_scale;
        value.is_finite().then_some(value)
    }

    pub fn said(&self) -> Option<Said<'_>> {
        Some(Said::of(self.indicator, self.origin.as_ref()?))
    }
}
