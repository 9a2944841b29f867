//! What is held while indicators are computed, and how far that has come.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{ObservationRow, Row, Rows};
use protocol::{Catalogue, Event, IndicatorId, SeriesKey, StreamPosition, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Derived;
use crate::derive::{Lacking, Memory, Plan, Point, Touched};
use crate::log::Entry;
use crate::sources::entries::Entries;
use crate::sources::{Link, SourceError, state};

/// Series in a stretch of time that are computed at once, and rows that are recorded at once.
const TOGETHER: usize = 256;
const BATCH: usize = 5_000;
/// How often it is remembered how far it has come: what was computed since is computed again after a crash.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// What is remembered over restarts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Remembered {
    position: Option<StreamPosition>,
    /// By which rule each indicator was computed.
    rules: BTreeMap<IndicatorId, String>,
}

pub(super) struct Worker<'a> {
    source: &'a Derived,
    link: Link,
    plan: Arc<Plan>,
    pub entries: Entries,
    memory: Memory,
    /// What is still to be computed because its rule is new.
    behind: VecDeque<Touched>,
    /// What can be computed only later.
    later: BTreeMap<Timestamp, BTreeSet<Touched>>,
    /// Why there was no value the last time, by series.
    problems: HashMap<String, String>,
    path: PathBuf,
    saved: Remembered,
    rules: BTreeMap<IndicatorId, String>,
    saved_at: Instant,
}

impl<'a> Worker<'a> {
    pub async fn open(source: &'a Derived, link: Link, catalogue: Arc<Catalogue>) -> Result<Self, SourceError> {
        let path = link.state.join("derived.json");
        let lost = "what was computed cannot be read; it is computed again";
        // Whoever wrote a shared log meanwhile has computed by rules that are not known here.
        let mut saved: Remembered = state::recall(&link, path.clone(), lost).await?.unwrap_or_default();
        let known = saved.position.filter(|position| position.epoch == link.epoch());
        if known.is_none() {
            saved = Remembered::default();
        }
        let (plan, entries) = (Arc::new(Plan::new(catalogue, source.zone.clone()).0), link.entries(known));
        let mut worker = Self {
            source,
            plan,
            entries,
            memory: Memory::default(),
            behind: VecDeque::new(),
            later: BTreeMap::new(),
            problems: HashMap::new(),
            path,
            rules: saved.rules.clone(),
            saved,
            saved_at: Instant::now(),
            link,
        };
        worker.look_back();
        Ok(worker)
    }

    /// Computes by another catalogue from now on.
    pub fn replan(&mut self, catalogue: Arc<Catalogue>) {
        // It was checked when it was loaded; what cannot be computed is left out.
        self.plan = Arc::new(Plan::new(catalogue, self.source.zone.clone()).0);
        self.memory.clear();
        self.look_back();
    }

    /// The log began anew: nothing is known of what was computed.
    pub fn restart(&mut self) {
        self.memory.clear();
        self.rules.clear();
        self.look_back();
    }

    /// Notes what has to be computed because its rule is new, and what was waiting for its hour.
    fn look_back(&mut self) {
        let now = self.link.now();
        let rules = self.plan.computed().filter_map(|id| Some((id.clone(), self.plan.fingerprint(id)?))).collect();
        let before = std::mem::replace(&mut self.rules, rules);
        self.behind.clear();
        for (id, rule) in &self.rules {
            let Some(indicator) = self.plan.indicator(id) else { continue };
            let back = match before.get(id) == Some(rule) {
                true => self.plan.longest_wait(id),
                false => self.source.back(indicator.period),
            };
            if back > 0 {
                self.behind.extend(self.plan.all_since(id, now.plus_micros(-back), now));
            }
        }
        if !self.behind.is_empty() {
            tracing::info!(source = %self.link.source, series = self.behind.len(), "computing from what is known");
        }
    }

    /// Computes what is behind.
    pub async fn catch_up(&mut self) -> Result<(), SourceError> {
        while !self.behind.is_empty() && !self.link.is_stopping() {
            let together = self.behind.len().min(TOGETHER);
            let touched = self.behind.drain(..together).collect();
            self.compute(touched).await?;
        }
        Ok(())
    }

    /// Takes in what was recorded and computes what it touches.
    pub async fn take(&mut self, entries: &[Arc<Entry>]) -> Result<(), SourceError> {
        let mut touched = Vec::new();
        for entry in entries {
            if let Event::ObservationsRecorded(recorded) = &entry.event {
                // Its own rows were taken in when they were recorded, and perhaps newer ones since.
                let is_own = recorded.source == self.link.source;
                self.touch(&recorded.rows, is_own, &mut touched);
            }
        }
        self.compute_all(&Touched::merged(touched)).await
    }

    fn touch(&mut self, rows: &Rows, is_own: bool, touched: &mut Vec<Touched>) {
        let is_read: Vec<bool> = rows.series().iter().map(|(series, _)| self.plan.knows(series)).collect();
        for row in rows.iter().filter(|row| is_read[row.place]) {
            if !is_own {
                self.memory.take(&row);
            }
            touched.extend(self.plan.touched_by(&row));
        }
    }

    /// Resolves when something can be computed that could not before.
    pub fn due(&self) -> impl Future<Output = ()> + use<> {
        let first = self.later.first_key_value().map(|(due, _)| due.since(self.link.now()).max(0).unsigned_abs());
        async move {
            match first {
                None => std::future::pending().await,
                Some(micros) => tokio::time::sleep(Duration::from_micros(micros)).await,
            }
        }
    }

    pub async fn compute_due(&mut self) -> Result<(), SourceError> {
        let later = self.later.split_off(&self.link.now().plus_micros(1));
        let due = std::mem::replace(&mut self.later, later);
        let touched: Vec<Touched> = due.into_values().flatten().collect();
        self.compute_all(&touched).await
    }

    async fn compute_all(&mut self, touched: &[Touched]) -> Result<(), SourceError> {
        for touched in touched.chunks(TOGETHER) {
            self.compute(touched.to_vec()).await?;
        }
        Ok(())
    }

    /// Computes on a thread of its own: a long stretch takes a while, and others are to be served meanwhile.
    async fn compute(&mut self, touched: Vec<Touched>) -> Result<(), SourceError> {
        self.read(&touched).await?;
        let (plan, memory, link) = (Arc::clone(&self.plan), std::mem::take(&mut self.memory), self.link.clone());
        let work = move || {
            let computed = plan.compute(&touched, &memory, link.now(), || link.is_stopping());
            (computed, memory)
        };
        let (computed, memory) = tokio::task::spawn_blocking(work).await.map_err(SourceError::broken)?;
        self.memory = memory;
        // Whatever is left behind keeps it from being remembered that all was computed.
        self.behind.extend(computed.left);
        for (due, touched) in computed.later {
            self.later.entry(due).or_default().insert(touched);
        }
        for (place, reason) in computed.problems {
            if self.problems.get(&place) != Some(&reason) {
                self.link.problem(place.clone(), &reason);
                self.problems.insert(place, reason);
            }
        }
        for rows in computed.rows.chunks(BATCH) {
            self.link.record(rows.iter().cloned(), None).await?;
            rows.iter().for_each(|row| self.remember(row));
        }
        Ok(())
    }

    fn remember(&mut self, row: &ObservationRow) {
        let ObservationRow { series, value, phenomenon_time, status } = row;
        let (status, phenomenon_time, value) = (*status, *phenomenon_time, *value);
        self.memory.take(&Row { place: 0, series, status, phenomenon_time, value });
    }

    /// Reads what is needed and not held.
    async fn read(&mut self, touched: &[Touched]) -> Result<(), SourceError> {
        let mut lacking: HashMap<SeriesKey, (Lacking, i64)> = HashMap::new();
        for (series, from, kept) in touched.iter().flat_map(|touched| self.plan.needed(touched)) {
            let Some(lack) = self.memory.lacking(&series, from) else { continue };
            let (widest, longest) = lacking.entry(series).or_insert_with(|| (lack.clone(), kept));
            widest.from = widest.from.min(lack.from);
            *longest = kept.max(*longest);
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let (stretches, kept): (Vec<_>, Vec<_>) = lacking.into_values().unzip();
        let wanted = stretches.iter().map(|lack| (lack.series.clone(), lack.from, lack.to)).collect();
        let read = self.link.stretches(wanted).await?;
        for ((lacking, kept), rows) in stretches.into_iter().zip(kept).zip(read) {
            let point = |row: crate::store::HistoryRow| Point {
                time: row.observation.phenomenon_time,
                value: row.observation.value,
                status: row.observation.status,
            };
            self.memory.fill(lacking, rows.into_iter().map(point).collect(), kept);
        }
        Ok(())
    }

    pub async fn save_now_and_then(&mut self) -> Result<(), SourceError> {
        if self.saved_at.elapsed() < SAVE_EVERY { Ok(()) } else { self.save().await }
    }

    pub async fn save(&mut self) -> Result<(), SourceError> {
        self.saved_at = Instant::now();
        if !self.behind.is_empty() {
            return Ok(());
        }
        let next = Remembered { position: Some(self.entries.position()), rules: self.rules.clone() };
        if next != self.saved {
            state::remember(&self.link, self.path.clone(), &next).await?;
            self.saved = next;
        }
        Ok(())
    }
}
