//! Sources that are asked again and again: what is new in an answer is recorded, and where it ended remembered.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::rows::{self, BATCH_ROWS, Kind, MOST_VALUES, RowRead};
use super::trial::Sample;
use super::under::Under;
use super::{Link, SourceError, state};

/// Pieces that may wait for the recorder: as many as there are of the largest answer. Whoever is asked is not to wait
/// while a large answer is recorded at its leisure.
const QUEUE: usize = 2 * MOST_VALUES / BATCH_ROWS;
/// The place of what is wrong with where it is asked on.
const WATERMARK: &str = "watermark";
/// Problems of one answer that are told.
const TOLD: usize = 20;
/// Sources that begin together do not ask together.
const FIRST_WAIT: Duration = Duration::from_millis(1000);

/// Something that is asked again and again. What `Debug` writes of it tells whether it is to be asked anew.
pub trait Polled: Send + Sync + fmt::Debug {
    fn every(&self) -> Duration;
    /// An answer that takes longer is none.
    fn at_most(&self) -> Duration;
    /// Whether it gives only what is new, in the order of its coming, and never again.
    fn is_stream(&self) -> bool {
        false
    }

    /// Asks once, and hands over in pieces what it was told since `seen`; nothing when nothing has changed.
    ///
    /// # Errors
    /// When it cannot be had.
    fn ask<'a>(
        &'a self,
        seen: &'a Seen,
        now: Timestamp,
        pieces: Pieces,
    ) -> BoxFuture<'a, Result<Option<Asked>, SourceError>>;
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// To be remembered for the next time.
    pub seen: Seen,
    /// Whether it is asked again at once.
    pub has_more: bool,
    /// What the administrator is to know of where it is asked on.
    pub warning: Option<String>,
}

impl Asked {
    /// All that there was.
    pub fn all(seen: Seen) -> Self {
        Self { seen, has_more: false, warning: None }
    }

    /// As much as is read at once.
    pub fn part(seen: Seen) -> Self {
        Self { seen, has_more: true, warning: None }
    }
}

/// Where rows are handed over.
pub type Pieces = mpsc::Sender<RowRead>;

/// What a source remembers of the last answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The newest row, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Of the whole answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What is remembered over restarts. It may be lost: the history tells what was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Memory {
    epoch: u64,
    under: Under,
    seen: Seen,
    refused: u64,
}

/// Asks now and then on, until the server stops.
pub async fn follow(source: &dyn Polled, link: &Link) -> Result<(), SourceError> {
    let mut memory = load(link).await?;
    let mut catalogue = link.catalogue.clone();
    let mut under = Under::of(&source, link);
    let mut wait = share(FIRST_WAIT.min(source.every()), 0.0..1.0);
    let mut round = None;
    while !link.is_stopping() {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = link.bell.rung(), if round.is_none() => {}
            // Rows that were refused may be right now.
            Ok(()) = catalogue.changed() => under = Under::of(&source, link),
            () = link.stopped() => return Ok(()),
        }
        let this_round = round.take().unwrap_or_else(|| link.begin_round());
        memory = memory.filter(|memory| memory.holds(&under, link));
        let mut has_more = false;
        if let Some((news, more)) = ask(source, link, &under, memory.as_ref()).await? {
            if memory.as_ref() != Some(&news) {
                save(link, &news).await?;
            }
            memory = Some(news);
            has_more = more;
        }
        link.health.solved(&link.source, |place| place == "source");
        link.health.well(&link.source, link.now());
        if has_more {
            round = Some(this_round);
            wait = Duration::ZERO;
        } else {
            this_round.end();
            wait = share(source.every(), 0.95..1.05);
        }
    }
    Ok(())
}

impl Memory {
    /// Whether nothing else would come of the same answer.
    fn holds(&self, under: &Under, link: &Link) -> bool {
        let same = if self.refused == 0 { self.under.options == under.options } else { self.under == *under };
        same && self.epoch == link.epoch()
    }
}

/// Asks once and records what is new: what to remember, and whether there is more. Nothing when nothing has changed.
async fn ask(
    source: &dyn Polled,
    link: &Link,
    under: &Under,
    before: Option<&Memory>,
) -> Result<Option<(Memory, bool)>, SourceError> {
    let seen = before.map(|memory| memory.seen.clone()).unwrap_or_default();
    let (pieces, mut queue) = mpsc::channel(QUEUE);
    let asking = async {
        let asked = timeout(source.at_most(), source.ask(&seen, link.now(), pieces)).await;
        asked.unwrap_or_else(|_| Err(too_slow(source)))
    };
    let kind = if source.is_stream() { Kind::Stream } else { Kind::Table };
    let recording = async {
        let recorded = rows::record(link, kind, &mut queue).await;
        // Whoever still gives is not to wait for us.
        queue.close();
        recorded
    };
    let (asked, refused) = tokio::join!(asking, recording);
    let refused = refused?;
    let Some(Asked { seen, has_more, warning }) = asked? else { return Ok(None) };
    // What a stream gave before is not given again, right or wrong.
    let (counted, added) = match before.filter(|_| source.is_stream()) {
        Some(before) => (before.refused, refused.count),
        None => (0, refused.count.saturating_sub(before.map_or(0, |memory| memory.refused))),
    };
    if before.is_none() || !source.is_stream() {
        link.health.solved(&link.source, |_| true);
    }
    match warning {
        Some(warning) => link.problem(WATERMARK, &warning),
        None => link.health.solved(&link.source, |place| place == WATERMARK),
    }
    for problem in refused.listed.iter().take(TOLD).rev() {
        link.problem(problem.place("the answer"), &problem.said());
    }
    link.refuse_if_any(added).await?;
    let memory = Memory { epoch: link.epoch(), under: under.clone(), seen, refused: counted + refused.count };
    Ok(Some((memory, has_more)))
}

/// Asks for all of it once, until there are so many values; nothing is recorded or remembered.
pub async fn sample(source: &dyn Polled, now: Timestamp, values: usize) -> Result<Sample, SourceError> {
    let (pieces, mut queue) = mpsc::channel::<RowRead>(QUEUE);
    let seen = Seen::default();
    let mut sample = Sample::default();
    let taking = async {
        let mut taken = 0;
        while let Some(piece) = queue.recv().await {
            taken += piece.len();
            sample.pieces.push(piece);
            if taken >= values {
                break;
            }
        }
        queue.close();
    };
    let (asked, ()) = tokio::join!(timeout(source.at_most(), source.ask(&seen, now, pieces)), taking);
    // What it gave before it went wrong tells more than nothing.
    match asked {
        Ok(Err(error)) if sample.pieces.is_empty() => Err(error),
        Err(_) if sample.pieces.is_empty() => Err(too_slow(source)),
        _ => Ok(sample),
    }
}

fn too_slow(source: &dyn Polled) -> SourceError {
    SourceError::Broken(format!("it has not answered within {} s", source.at_most().as_secs_f32()))
}

fn path(link: &Link) -> PathBuf {
    link.state.join("seen.json")
}

async fn load(link: &Link) -> Result<Option<Memory>, SourceError> {
    let lost = "what was remembered of the source cannot be read; it is asked for all of it";
    state::recall(link, path(link), lost).await
}

async fn save(link: &Link, memory: &Memory) -> Result<(), SourceError> {
    state::remember(link, path(link), memory).await
}

/// A share of some time, by chance.
fn share(of: Duration, range: std::ops::Range<f64>) -> Duration {
    of.mul_f64(rand::rng().random_range(range))
}
