//! The rules at work: what comes in, and the moments that pass, turn into alarms to report. No I/O, no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protocol::alarm::AlarmState;
use protocol::{Alarm, AlarmId, Catalogue, IndicatorId, Observation, Records, SeriesKey, SourceId, Timestamp};

use super::facts::Values;
use super::raising::{self, key};
use super::rule::{Condition, Rule};
use super::sense::{Known, Subject, sense};
use super::watch::{Raised, Step, Watch};

/// Most alarms of all rules that stand at once: a view has room for a few more.
pub const MOST_ACTIVE: usize = 250;
/// One that found no room is tried again after so long.
const RETRY_MICROS: i64 = 60 * 1_000_000;

/// A rule, by its place, and what it watches.
type Place = (usize, Subject);

/// The rules with all that they know.
#[derive(Debug)]
pub struct Core {
    source: SourceId,
    rules: Arc<[Rule]>,
    catalogue: Arc<Catalogue>,
    records: Arc<Records>,
    values: Values,
    /// The rules that look at an indicator.
    by_indicator: HashMap<IndicatorId, Vec<usize>>,
    watches: BTreeMap<Place, (Watch, Option<Timestamp>)>,
    due: BTreeSet<(Timestamp, Place)>,
    /// What the records told of alarms whose watch has not been asked for yet.
    restored: BTreeMap<String, Watch>,
    active: usize,
    /// How many found no room since that was last asked.
    crowded_out: usize,
    out: Vec<Alarm>,
    /// Those that are over and were not taken, and when they are reported again.
    again: Vec<Alarm>,
    again_at: Option<Timestamp>,
    /// Everything up to this moment has been taken in.
    now: Timestamp,
    is_out_of_date: bool,
}

impl Core {
    /// Whether a value was taken back, so that what was before it has to be read again.
    #[must_use]
    pub fn is_out_of_date(&self) -> bool {
        self.is_out_of_date
    }

    /// As the records tell how `source` left it.
    #[must_use]
    pub fn new(
        source: SourceId,
        rules: Arc<[Rule]>,
        catalogue: Arc<Catalogue>,
        records: Arc<Records>,
        now: Timestamp,
    ) -> Self {
        let mut by_indicator: HashMap<IndicatorId, Vec<usize>> = HashMap::new();
        for (place, values) in rules.iter().enumerate().filter_map(|(place, rule)| Some((place, rule.values()?))) {
            for indicator in &values.indicators {
                by_indicator.entry(indicator.clone()).or_default().push(place);
            }
        }
        let restored = raising::restored(&records, &source, now);
        let active = restored.values().filter(|watch| watch.raised.is_some()).count();
        Self {
            source,
            rules,
            catalogue,
            records,
            values: Values::default(),
            by_indicator,
            watches: BTreeMap::new(),
            due: BTreeSet::new(),
            restored,
            active,
            crowded_out: 0,
            out: Vec::new(),
            again: Vec::new(),
            again_at: None,
            now,
            is_out_of_date: false,
        }
    }

    /// The series that any rule looks at.
    #[must_use]
    pub fn wanted(&self) -> Vec<SeriesKey> {
        let series = self.rules.iter().filter_map(Rule::values).flat_map(|values| values.series(&self.catalogue));
        series.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How far back the rules look at a series.
    #[must_use]
    pub fn looks_back(&self, series: &SeriesKey) -> Option<i64> {
        let rules = self.by_indicator.get(&series.indicator)?.iter().filter_map(|place| self.rules.get(*place));
        rules
            .filter(|rule| rule.values().is_some_and(|values| values.has(series)))
            .filter_map(Rule::within_micros)
            .max()
    }

    /// Whether any rule looks at a series.
    #[must_use]
    pub fn looks_at(&self, indicator: &IndicatorId) -> bool {
        self.by_indicator.contains_key(indicator)
    }

    /// Takes in a value that was there before; nothing follows until [`begin`](Self::begin).
    pub fn recall(&mut self, observation: Observation) {
        if observation.status.is_measurement() {
            let back = self.looks_back(&observation.series);
            self.values.take(observation, back);
        }
    }

    /// Looks at everything once, with how tasks and sources are by now, and ends what nobody watches any more.
    pub fn begin(&mut self, records: Arc<Records>) {
        self.records = records;
        self.look_at_all();
        let (now, left) = (self.now, std::mem::take(&mut self.restored));
        for raised in left.into_values().filter_map(|watch| watch.raised) {
            self.active = self.active.saturating_sub(1);
            self.out.push(over(raised, now));
        }
    }

    /// Takes in a value that came. One that is no measurement says nothing, unless it takes back the newest.
    pub fn observe(&mut self, observation: Observation) {
        if !observation.status.is_measurement() {
            let newest = self.values.get(&observation.series).map(|trace| trace.newest.phenomenon_time);
            self.is_out_of_date |= newest == Some(observation.phenomenon_time);
            return;
        }
        self.wake(observation.received_at);
        let series = observation.series.clone();
        self.recall(observation);
        let rules = self.by_indicator.get(&series.indicator).cloned().unwrap_or_default();
        for place in rules {
            if self.rules.get(place).and_then(Rule::values).is_some_and(|values| values.has(&series)) {
                self.look(&(place, Subject::Series(series.clone())));
            }
        }
    }

    /// Takes in how tasks and sources are by now.
    pub fn record(&mut self, records: Arc<Records>, at: Timestamp) {
        self.wake(at);
        self.records = records;
        self.look_at_records();
    }

    /// Lets time pass: what has become due happens, in its order.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some((at, place)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.now = self.now.max(at);
            self.due.pop_first();
            if let Some((_, due)) = self.watches.get_mut(&place) {
                *due = None;
            }
            self.look(&place);
        }
        self.now = self.now.max(now);
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            self.out.append(&mut self.again);
        }
    }

    /// When something becomes due next.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at).into_iter().chain(self.again_at).min()
    }

    /// What is to be reported, oldest first.
    pub fn take_reports(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.out)
    }

    /// How many alarms found no room since this was last asked.
    pub fn take_crowded_out(&mut self) -> usize {
        std::mem::take(&mut self.crowded_out)
    }

    /// Looks whether what was reported is there: what was not taken is tried again later.
    pub fn settle(&mut self, records: &Records, reported: &[Alarm]) {
        let until = self.now.plus_micros(RETRY_MICROS);
        let is_active = |id: &AlarmId| records.alarms.get(id).is_some_and(|held| held.value.is_active());
        let is_left = |alarm: &&Alarm| !alarm.is_active() && is_active(&alarm.id);
        let left = self.again.len();
        self.again.extend(reported.iter().filter(is_left).cloned());
        if self.again.len() > left {
            self.again_at = Some(until);
        }
        let reported: BTreeSet<&AlarmId> = reported.iter().map(|alarm| &alarm.id).collect();
        let is_lost =
            |raised: &Raised| reported.contains(&raised.alarm.id) && !records.alarms.contains_key(&raised.alarm.id);
        let lost: Vec<Place> = self
            .watches
            .iter()
            .filter(|(_, (watch, _))| watch.raised.as_ref().is_some_and(is_lost))
            .map(|(place, _)| place.clone())
            .collect();
        for place in lost {
            self.active = self.active.saturating_sub(1);
            let delay = self.rules.get(place.0).map_or(0, |rule| rule.delay_micros);
            if let Some((watch, _)) = self.watches.get_mut(&place) {
                let raised_at = watch.raised.as_ref().map_or(until, |raised| raised.alarm.raised_at);
                watch.bar(raised_at.plus_micros(-delay), until);
            }
            self.schedule(&place, Some(until));
        }
    }

    fn look_at_all(&mut self) {
        for place in 0..self.rules.len() {
            let Some(values) = self.rules.get(place).and_then(Rule::values) else { continue };
            let series: Vec<SeriesKey> =
                values.series(&self.catalogue).filter(|series| self.values.get(series).is_some()).collect();
            for series in series {
                self.look(&(place, Subject::Series(series)));
            }
        }
        self.look_at_records();
    }

    fn look_at_records(&mut self) {
        let mut places = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            match &rule.condition {
                Condition::SourceDown { source: Some(source) } => places.push((place, Subject::Source(source.clone()))),
                Condition::SourceDown { source: None } => {
                    let others = self.catalogue.sources.keys().filter(|source| **source != self.source);
                    places.extend(others.map(|source| (place, Subject::Source(source.clone()))));
                }
                Condition::TaskOverdue { .. } => {
                    places.extend(self.records.tasks.keys().map(|task| (place, Subject::Task(task.clone()))));
                }
                Condition::Threshold { .. } | Condition::Rate { .. } | Condition::Stale { .. } => {}
            }
        }
        places.iter().for_each(|place| self.look(place));
        self.forget_tasks();
    }

    /// Tasks leave in the end: what watched them is looked at a last time.
    fn forget_tasks(&mut self) {
        let is_gone =
            |(_, subject): &&Place| matches!(subject, Subject::Task(task) if !self.records.tasks.contains_key(task));
        let gone: Vec<Place> = self.watches.keys().filter(is_gone).cloned().collect();
        for place in gone {
            self.look(&place);
            self.schedule(&place, None);
            self.watches.remove(&place);
        }
    }

    /// Looks at one thing that a rule watches, and does what follows.
    fn look(&mut self, place: &Place) {
        let (index, subject) = place;
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.get(*index) else { return };
        let known = Known { catalogue: &self.catalogue, values: &self.values, records: &self.records };
        let standing = sense(&rule.condition, subject, known, self.now);
        let restored = &mut self.restored;
        let (watch, _) = self
            .watches
            .entry(place.clone())
            .or_insert_with(|| (restored.remove(&key(rule, subject)).unwrap_or_default(), None));
        let step = watch.step(standing.sensed, standing.since, self.now, rule.delay_micros);
        match step {
            Some(Step::Raise { at }) => self.raise(place, rule, at),
            Some(Step::Clear { at }) => {
                let raised = self.watches.get_mut(place).and_then(|(watch, _)| watch.raised.take());
                self.active = self.active.saturating_sub(usize::from(raised.is_some()));
                self.out.extend(raised.map(|raised| over(raised, at)));
            }
            Some(Step::Chatter { count }) => {
                let raised = self.watches.get_mut(place).and_then(|(watch, _)| watch.raised.as_mut());
                self.out.extend(raised.map(|raised| {
                    raised.alarm.chatter = count;
                    raised.alarm.clone()
                }));
            }
            None => {}
        }
        let due = self.watches.get(place).and_then(|(watch, _)| watch.due(rule.delay_micros));
        self.schedule(place, due.into_iter().chain(standing.next).min());
    }

    fn raise(&mut self, place: &Place, rule: &Rule, at: Timestamp) {
        let known = Known { catalogue: &self.catalogue, values: &self.values, records: &self.records };
        let alarm = raising::alarm(rule, &place.1, at, known);
        let Some((watch, _)) = self.watches.get_mut(place) else { return };
        if self.active >= MOST_ACTIVE {
            self.crowded_out += 1;
            return watch.bar(at.plus_micros(-rule.delay_micros), self.now.plus_micros(RETRY_MICROS));
        }
        self.active += 1;
        watch.raised = Some(Raised::new(alarm.clone()));
        self.out.push(alarm);
    }

    fn schedule(&mut self, place: &Place, at: Option<Timestamp>) {
        let Some((_, due)) = self.watches.get_mut(place) else { return };
        if let Some(before) = std::mem::replace(due, at) {
            self.due.remove(&(before, place.clone()));
        }
        self.due.extend(at.map(|at| (at, place.clone())));
    }
}

/// The alarm as it is over. The state of one that was told before may be another by now: it ends all the same.
fn over(Raised { alarm, count, .. }: Raised, at: Timestamp) -> Alarm {
    let at = at.max(alarm.raised_at);
    Alarm { state: AlarmState::Cleared { at }, chatter: count, ..alarm }
}
