//! What is known of the values that rules look at: the newest of each, and those of some time before it.

use std::collections::{BTreeMap, HashMap};

use protocol::{Observation, SeriesKey, Timestamp};

/// Most values of a series that are looked back at.
pub const MOST_BACK: usize = 2048;

/// A series as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub newest: Observation,
    /// By the time they were true, the newest among them; only where a rule looks back.
    back: BTreeMap<Timestamp, f64>,
}

/// The values by their series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    traces: HashMap<SeriesKey, Trace>,
}

impl Values {
    pub fn get(&self, series: &SeriesKey) -> Option<&Trace> {
        self.traces.get(series)
    }

    /// Takes in a value that says how things are, where `back_micros` is how far a rule looks back; what is older is
    /// forgotten. The newest by the time it was true is the newest; of the same time, the one that came last.
    pub fn take(&mut self, observation: Observation, back_micros: Option<i64>) {
        let (time, value) = (observation.phenomenon_time, observation.value);
        let trace = self
            .traces
            .entry(observation.series.clone())
            .or_insert_with(|| Trace { newest: observation.clone(), back: BTreeMap::new() });
        if time >= trace.newest.phenomenon_time {
            trace.newest = observation;
        }
        if let Some(back_micros) = back_micros {
            trace.back.insert(time, value);
            let oldest = trace.newest.phenomenon_time.plus_micros(-back_micros);
            trace.back = trace.back.split_off(&oldest);
            while trace.back.len() > MOST_BACK {
                trace.back.pop_first();
            }
        }
    }
}

impl Trace {
    /// The values from so long before the newest on.
    pub fn within(&self, micros: i64) -> impl Iterator<Item = f64> {
        let oldest = self.newest.phenomenon_time.plus_micros(-micros);
        self.back.range(oldest..).map(|(_, value)| *value)
    }
}
