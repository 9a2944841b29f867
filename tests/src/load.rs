//! Observations under way: what was sent, and what of it was acknowledged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

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

/// Posts batches one after another to whichever address answers, each with a key, until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    worker: JoinHandle<Result<()>>,
}

/// What is posted: series whose values count up, so that each (series, time) is unique.
#[derive(Debug, Clone)]
pub struct Rows {
    /// (indicator, area) of each row of a batch.
    pub series: Vec<(String, String)>,
    /// The first moment; each batch is one microsecond later.
    pub from_micros: i64,
    pub pause: Duration,
    /// Begins the keys, so that several loads do not share them.
    pub name: String,
}

impl Rows {
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
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let worker = tokio::spawn(post_all(addresses, rows, Arc::clone(&stop), Arc::clone(&acknowledged)));
        Self { stop, acknowledged, worker }
    }

    /// How many batches were acknowledged so far.
    pub async fn count(&self) -> usize {
        self.acknowledged.lock().await.len()
    }

    /// The newest acknowledged batch.
    pub async fn newest(&self) -> Option<Acknowledged> {
        self.acknowledged.lock().await.last().cloned()
    }

    /// Stops when the batch under way was answered; gives all that was acknowledged.
    ///
    /// # Errors
    /// When a batch was refused.
    pub async fn finish(self) -> Result<Vec<Acknowledged>> {
        self.stop.store(true, Ordering::Relaxed);
        self.worker.await??;
        Ok(self.acknowledged.lock().await.clone())
    }
}

async fn post_all(
    addresses: Vec<String>,
    rows: Rows,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
) -> Result<()> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let turn = AtomicU64::new(0);
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let batch = rows.batch(number);
        let key = format!("{}-{number}", rows.name);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let answer = loop {
            let address = &addresses[turn.fetch_add(1, Ordering::Relaxed) as usize % addresses.len()];
            match post(&http, address, &key, &batch).await {
                Ok(answer) => break answer,
                Err(error) if tokio::time::Instant::now() > deadline => return Err(error),
                Err(error) if error.is::<Refused>() => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        acknowledged.lock().await.push(Acknowledged { key, rows: batch, answer });
        tokio::time::sleep(rows.pause).await;
    }
    Ok(())
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

/// Every acknowledged row is in the history, at the offset that it was acknowledged with: had it been
/// recorded twice, it would stand at the later one.
///
/// # Errors
/// Names the first row that is missing, changed or doubled.
pub async fn verify(http: &reqwest::Client, address: &str, batches: &[Acknowledged]) -> Result<()> {
    let mut histories: BTreeMap<(String, String), BTreeMap<i64, Known>> = BTreeMap::new();
    for batch in batches {
        for row in batch.rows.as_array().context("rows")? {
            let name = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            let (indicator, area) = (name("indicator"), name("area"));
            let known = match histories.entry((indicator.clone(), area.clone())) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(history(http, address, &indicator, &area).await?),
            };
            let found = row["time"].as_i64().and_then(|time| known.get(&time));
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
