//! What raises an alarm: one rule of alarms.toml.

use protocol::alarm::AlarmSeverity;
use protocol::observation::Name;
use protocol::task::Urgency;
use protocol::{AgencyId, AreaId, Catalogue, IndicatorId, RuleId, SeriesKey, SourceId};

/// A rule that was read and found right.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    pub severity: AlarmSeverity,
    /// With places that are filled when it raises an alarm.
    pub text: Name,
    /// Who has to act; whoever owns the indicator, source or task if absent.
    pub agency: Option<AgencyId>,
    pub condition: Condition,
    /// How long the condition must hold before the alarm is raised.
    pub delay_micros: i64,
}

/// When an alarm is raised, and when it is over.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The newest value lies beyond a limit.
    Threshold { values: Values, side: Side, limit: f64, clear: f64 },
    /// The newest value differs by so much from one within some time before it.
    Rate { values: Values, side: Side, by: f64, within_micros: i64 },
    /// The newest value is older than the indicator allows.
    Stale { values: Values },
    /// A source does not run.
    SourceDown { source: Option<SourceId> },
    /// A task is late by so many days, at least 1.
    TaskOverdue { least_urgency: Urgency, lead: Option<AgencyId>, days: u32 },
}

/// Which values are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    pub indicators: Vec<IndicatorId>,
    /// Every area that has any if empty.
    pub areas: Vec<AreaId>,
}

/// On which side of the limit it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Above,
    Below,
}

impl Rule {
    /// The values that it looks at, if it looks at any.
    pub fn values(&self) -> Option<&Values> {
        match &self.condition {
            Condition::Threshold { values, .. } | Condition::Rate { values, .. } | Condition::Stale { values } => {
                Some(values)
            }
            Condition::SourceDown { .. } | Condition::TaskOverdue { .. } => None,
        }
    }

    /// How far back it looks from the newest value.
    pub fn within_micros(&self) -> Option<i64> {
        match self.condition {
            Condition::Rate { within_micros, .. } => Some(within_micros),
            _ => None,
        }
    }
}

impl Values {
    /// Whether a series is among them.
    pub fn has(&self, series: &SeriesKey) -> bool {
        self.indicators.contains(&series.indicator) && (self.areas.is_empty() || self.areas.contains(&series.area))
    }

    /// All that there may be.
    pub fn series<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = SeriesKey> + 'a {
        let areas = move || -> Box<dyn Iterator<Item = &AreaId>> {
            if self.areas.is_empty() { Box::new(catalogue.areas.keys()) } else { Box::new(self.areas.iter()) }
        };
        self.indicators.iter().flat_map(move |indicator| areas().map(|area| SeriesKey::actual(indicator, area)))
    }
}

impl Side {
    /// How far `value` lies beyond `limit`; not at all where that is negative or 0.
    pub fn beyond(self, value: f64, limit: f64) -> f64 {
        match self {
            Self::Above => value - limit,
            Self::Below => limit - value,
        }
    }
}
