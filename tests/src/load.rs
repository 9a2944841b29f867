//! Observations under way: what was sent, and what of it was acknowledged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;

use crate::Server;
use crate::centre::{AREA, indicator};

/// Microseconds of Unix time, now.
#[must_use]
pub fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A batch that was acknowledged: its key, its rows, and the answer it got.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub key: String,
    pub rows: Value,
    pub answer: Value,
}

/// Several posters at once, so that batches become durable in groups.
const POSTERS: u64 = 4;

/// Posts batches to whichever address answers, each with a key, until it is stopped.
pub struct Load {
    shared: Shared,
    posters: JoinSet<Result<()>>,
}

/// What the posters of a load share.
#[derive(Clone)]
struct Shared {
    addresses: Arc<[String]>,
    rows: Arc<Rows>,
    turn: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// Read by a poster while a batch is under way.
    gate: Arc<RwLock<()>>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

/// What is posted: series whose values count up, so that each (series, time) is unique.
#[derive(Debug, Clone)]
pub struct Rows {
    /// (indicator, area) of each row of a batch.
    pub series: Vec<(String, String)>,
    /// The first moment; each batch is one microsecond later.
    pub from_micros: i64,
    /// Between two batches of one poster.
    pub pause: Duration,
    /// Begins the keys, so that several loads do not share them.
    pub name: String,
}

impl Rows {
    /// Rows of six series of a small centre, all of them older than now.
    #[must_use]
    pub fn of_small(name: &str, pause: Duration) -> Self {
        Self {
            series: (0..6).map(|number| (indicator(number), AREA.to_owned())).collect(),
            from_micros: now_micros() - 3_600_000_000,
            pause,
            name: name.to_owned(),
        }
    }

    fn batch(&self, number: u64) -> Value {
        let time = self.from_micros + i64::try_from(number).unwrap_or(i64::MAX);
        let row = |(indicator, area): &(String, String)| json!({ "indicator": indicator, "area": area, "time": time, "value": number });
        self.series.iter().map(row).collect()
    }
}

impl Load {
    /// Starts to post to `addresses` (`http://…`) in turn. A batch that was not answered is sent again, with
    /// the same key, until it is.
    #[must_use]
    pub fn start(addresses: Vec<String>, rows: Rows) -> Self {
        let shared = Shared {
            addresses: addresses.into(),
            rows: Arc::new(rows),
            turn: Arc::default(),
            stop: Arc::default(),
            gate: Arc::default(),
            acknowledged: Arc::default(),
        };
        let mut posters = JoinSet::new();
        for poster in 0..POSTERS {
            posters.spawn(shared.clone().post_all(poster));
        }
        Self { shared, posters }
    }

    /// How many batches were acknowledged so far.
    pub async fn count(&self) -> usize {
        self.shared.acknowledged.lock().await.len()
    }

    /// The newest acknowledged batch.
    pub async fn newest(&self) -> Option<Acknowledged> {
        self.shared.acknowledged.lock().await.last().cloned()
    }

    /// Waits until no batch is under way; none is sent for as long as the answer is kept.
    pub async fn hold(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.shared.gate).write_owned().await
    }

    /// Stops when the batches under way were answered; gives all that was acknowledged.
    ///
    /// # Errors
    /// When a batch was refused.
    pub async fn finish(mut self) -> Result<Vec<Acknowledged>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(poster) = self.posters.join_next().await {
            poster??;
        }
        Ok(std::mem::take(&mut *self.shared.acknowledged.lock().await))
    }
}

impl Shared {
    async fn post_all(self, poster: u64) -> Result<()> {
        let http = crate::http_client(Duration::from_secs(5))?;
        for number in (poster..).step_by(POSTERS as usize) {
            let under_way = self.gate.read().await;
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let key = format!("{}-{number}", self.rows.name);
            let batch = self.rows.batch(number);
            let answer = self.post_until_answered(&http, &key, &batch).await?;
            self.acknowledged.lock().await.push(Acknowledged { key, rows: batch, answer });
            drop(under_way);
            tokio::time::sleep(self.rows.pause).await;
        }
        Ok(())
    }

    async fn post_until_answered(&self, http: &reqwest::Client, key: &str, batch: &Value) -> Result<Value> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
            match post(http, &self.addresses[turn % self.addresses.len()], key, batch).await {
                Ok(answer) => return Ok(answer),
                Err(error) if tokio::time::Instant::now() > deadline => return Err(error),
                Err(error) if error.is::<Refused>() => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

/// The server read the batch and does not want it: sending it again does not help.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Refused {}

/// Posts one batch with its key; gives the answer once it is durable.
///
/// # Errors
/// When there is no answer, or another one than 200.
pub async fn post(http: &reqwest::Client, address: &str, key: &str, batch: &Value) -> Result<Value> {
    let request = http.post(format!("{address}/api/v1/observations")).header("idempotency-key", key).json(batch);
    let response = request.send().await?;
    let status = response.status();
    let answer: Value = response.json().await.unwrap_or_default();
    if status.is_client_error() {
        return Err(Refused(format!("{status} {answer}")).into());
    }
    ensure!(status.as_u16() == 200, "{status} {answer}");
    Ok(answer)
}

/// Posts the newest value of the first indicator, so that there is one that was not there before.
///
/// # Errors
/// As [`post`].
pub async fn post_newest(server: &Server, key: &str, value: f64) -> Result<Acknowledged> {
    let rows = json!([{ "indicator": indicator(0), "area": AREA, "time": now_micros(), "value": value }]);
    let answer = post(server.http(), server.address(), key, &rows).await?;
    Ok(Acknowledged { key: key.to_owned(), rows, answer })
}

impl Acknowledged {
    /// Where it stands in the log.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.answer["offset"].as_u64().unwrap_or_default()
    }
}

/// A value of the history, and where it stands in the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    pub value: f64,
    pub offset: u64,
}

/// All values of a series in the history, by their time.
///
/// # Errors
/// When one time has several values, or there is no answer.
pub async fn history(
    http: &reqwest::Client,
    address: &str,
    indicator: &str,
    area: &str,
) -> Result<BTreeMap<i64, Known>> {
    let url = format!("{address}/api/v1/series?indicator={indicator}&area={area}&limit=100000");
    let answer: Value = http.get(url).send().await?.error_for_status()?.json().await?;
    let mut values = BTreeMap::new();
    for known in answer["observations"].as_array().with_context(|| format!("no observations in {answer}"))? {
        let time = known["time"].as_i64().with_context(|| known.to_string())?;
        let value = known["value"].as_f64().with_context(|| known.to_string())?;
        let offset = known["offset"].as_u64().with_context(|| known.to_string())?;
        ensure!(values.insert(time, Known { value, offset }).is_none(), "two values at {time}");
    }
    Ok(values)
}

/// Every acknowledged row is in the history, at the offset that it was acknowledged with. Whether it stands
/// there twice is seen in the [`Ledger`](crate::ledger::Ledger).
///
/// # Errors
/// Names the first row that is missing, changed or doubled.
pub async fn verify(http: &reqwest::Client, address: &str, batches: &[Acknowledged]) -> Result<()> {
    let mut histories = Histories::default();
    for batch in batches {
        for row in batch.rows.as_array().context("rows")? {
            let found = histories.find(http, address, row).await?;
            let found =
                found.with_context(|| format!("{} was acknowledged, but {row} is not in the history", batch.key))?;
            ensure!(Some(found.value) == row["value"].as_f64(), "{row} has the value {} in the history", found.value);
            let offset = batch.answer["offset"].as_u64();
            ensure!(
                Some(found.offset) == offset,
                "{row} was acknowledged at {offset:?}, but stands at {}",
                found.offset
            );
        }
    }
    Ok(())
}

/// The acknowledged batches that the history does not have.
///
/// # Errors
/// When it has only some rows of one.
pub async fn missing(http: &reqwest::Client, address: &str, batches: &[Acknowledged]) -> Result<Vec<Acknowledged>> {
    let mut histories = Histories::default();
    let mut missing = Vec::new();
    for batch in batches {
        let rows = batch.rows.as_array().context("rows")?;
        let mut found = 0;
        for row in rows {
            found += usize::from(histories.find(http, address, row).await?.is_some());
        }
        ensure!([0, rows.len()].contains(&found), "only {found} rows of {} are in the history", batch.key);
        if found == 0 {
            missing.push(batch.clone());
        }
    }
    Ok(missing)
}

/// The history of each series, asked for once.
#[derive(Default)]
struct Histories(BTreeMap<(String, String), BTreeMap<i64, Known>>);

impl Histories {
    async fn find(&mut self, http: &reqwest::Client, address: &str, row: &Value) -> Result<Option<Known>> {
        let name = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let (indicator, area) = (name("indicator"), name("area"));
        let known = match self.0.entry((indicator.clone(), area.clone())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(history(http, address, &indicator, &area).await?),
        };
        Ok(row["time"].as_i64().and_then(|time| known.get(&time)).copied())
    }
}
