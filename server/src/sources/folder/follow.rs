//! Follows the folder: which files are new or changed, and still.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use protocol::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::memory::{FileRead, Memory, Stamp};
use super::{Files, report};
use crate::sources::rows::{self, Kind, Refused, RowProblem, RowRead};
use crate::sources::trial::Sample;
use crate::sources::under::Under;
use crate::sources::{Link, SourceError, on_disk};

/// Files with refused rows are read again this often: what was wrong may lie outside them.
const READ_AGAIN: Duration = Duration::from_secs(86_400);

/// Pieces that may wait for the recorder.
const QUEUE: usize = 4;

/// What is known of the files of the folder.
struct Known {
    memory: Memory,
    /// Files that are still being written, perhaps: how they were, and since when.
    moving: BTreeMap<String, (Stamp, Instant)>,
}

/// Reads the files of the folder, now and whenever they or the catalogue change.
pub async fn follow(source: Arc<dyn Files>, link: &Link) -> Result<(), SourceError> {
    let mut known = Known { memory: Memory::load(link).await?, moving: BTreeMap::new() };
    let mut catalogue = link.catalogue.clone();
    let changed = Arc::new(Notify::new());
    let wake = Arc::clone(&changed);
    let pause = Duration::from_millis(source.options().settle_ms.min(1000));
    let folder = source.folder().to_owned();
    let watching = format!("watching the folder {}", folder.display());
    let _watcher = link.on_disk(watching, move || Ok(watch(&folder, move || wake.notify_one()))).await?;
    let mut round = None;
    while !link.is_stopping() {
        let this_round = round.take().unwrap_or_else(|| link.begin_round());
        catalogue.mark_unchanged();
        read_due(&source, link, &mut known).await?;
        known.memory.save(link).await?;
        link.health.well(&link.source, link.now());
        // Files that are still being written belong to it.
        if known.moving.is_empty() {
            this_round.end();
        } else {
            round = Some(this_round);
        }
        tokio::select! {
            () = link.bell.rung(), if round.is_none() => {}
            // A file that is written to all the time is not looked at all the time.
            () = changed.notified() => tokio::time::sleep(pause).await,
            Ok(()) = catalogue.changed() => {}
            () = tokio::time::sleep(known.wait(&*source, link.now())) => {}
            () = link.stopped() => {}
        }
    }
    Ok(())
}

/// Reads the files that are due, the one that was written last at last: what it says holds.
async fn read_due(source: &Arc<dyn Files>, link: &Link, known: &mut Known) -> Result<(), SourceError> {
    let folder = Arc::clone(source);
    let doing = format!("reading the folder {}", source.folder().display());
    let listed = link.on_disk(doing, move || list(&*folder)).await?;
    known.memory.follow_epoch(link.epoch());
    known.forget(&listed);
    let under = Under::of(source, link);
    let mut due: Vec<(String, Stamp)> =
        listed.into_iter().filter(|(name, stamp)| known.is_due(name, *stamp, &under, &**source, link.now())).collect();
    due.sort_by_key(|(_, stamp)| stamp.modified_micros);
    for (name, stamp) in due {
        if link.is_stopping() {
            return Ok(());
        }
        if let Some(read) = read_file(source, link, &name, stamp, &under, known.memory.files.get(&name)).await? {
            known.memory.files.insert(name, read);
        }
    }
    Ok(())
}

impl Known {
    /// Whether a file is to be read now: changed since it was read, and not just now; or something else may come of it.
    fn is_due(&mut self, name: &str, stamp: Stamp, under: &Under, source: &dyn Files, now: Timestamp) -> bool {
        let settle = Duration::from_millis(source.options().settle_ms);
        if let Some(read) = self.memory.files.get(name).filter(|read| read.stamp == stamp) {
            self.moving.remove(name);
            let still = since(now, read.at);
            return read.is_due
                || read.under.options != under.options
                || (read.is_unended && still >= source.options().unended())
                || (read.refused > 0 && (read.under != *under || still >= READ_AGAIN));
        }
        if age(stamp) >= settle {
            self.moving.remove(name);
            return true;
        }
        match self.moving.get(name) {
            Some((before, since)) if *before == stamp => {
                let still = since.elapsed() >= settle;
                if still {
                    self.moving.remove(name);
                }
                still
            }
            _ => {
                self.moving.insert(name.to_owned(), (stamp, Instant::now()));
                settle.is_zero()
            }
        }
    }

    /// How long nothing needs to be looked at, if nothing tells of a change.
    fn wait(&self, source: &dyn Files, now: Timestamp) -> Duration {
        let least = Duration::from_millis(source.options().settle_ms.clamp(10, 1000));
        let unended = self.memory.files.values().filter(|read| read.is_unended);
        let taken_in =
            unended.map(|read| source.options().unended().saturating_sub(since(now, read.at)).max(least)).min();
        let poll = if self.moving.is_empty() { Duration::from_secs(source.options().poll_secs) } else { least };
        taken_in.map_or(poll, |taken_in| poll.min(taken_in))
    }

    fn forget(&mut self, listed: &BTreeMap<String, Stamp>) {
        self.moving.retain(|name, _| listed.contains_key(name));
        self.memory.files.retain(|name, _| listed.contains_key(name));
    }
}

fn since(now: Timestamp, earlier: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(now.since(earlier)).unwrap_or(0))
}

/// Since when it was not written to; nothing if its clock is ahead.
fn age(stamp: Stamp) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let written = Duration::from_micros(u64::try_from(stamp.modified_micros).unwrap_or(0));
    now.saturating_sub(written)
}

/// Reads one file; `None` when it changed meanwhile, so that it is read again.
async fn read_file(
    source: &Arc<dyn Files>,
    link: &Link,
    name: &str,
    stamp: Stamp,
    under: &Under,
    before: Option<&FileRead>,
) -> Result<Option<FileRead>, SourceError> {
    let path = source.folder().join(name);
    let hashing = path.clone();
    let hash = link.on_disk(format!("reading {name}"), move || Ok(hash(&hashing))).await?;
    let same = before.filter(|before| hash.as_ref().is_ok_and(|hash| before.hash == *hash));
    let same = same.filter(|before| before.under.options == under.options);
    if let Some(before) = same.filter(|before| before.refused == 0) {
        return Ok(Some(FileRead { stamp, ..before.clone() }));
    }
    let at = link.now();
    let (hash, Reading { refused: report, is_unended }) = match hash {
        Ok(hash) => {
            let unended = source.options().unended();
            let was_left = same.is_some_and(|before| before.is_unended && since(at, before.at) >= unended);
            let is_known = same.is_some_and(|before| !before.is_unended);
            let kind = if is_known { Kind::Unchanged } else { Kind::Table };
            (hash, record(source, link, path.clone(), was_left || age(stamp) >= unended, kind).await?)
        }
        Err(error) => {
            let mut refused = Refused::default();
            refused.add(RowProblem::whole(format!("cannot be read: {error}")));
            (String::new(), Reading { refused, is_unended: false })
        }
    };
    let refused = report.count;
    tell(link, name, &path, report, before.map_or(0, |before| before.refused)).await;
    let looking = path.clone();
    let now = link.on_disk(format!("reading {name}"), move || Ok(Stamp::of(&looking).ok())).await?;
    let read = FileRead { stamp, hash, under: under.clone(), at, refused, is_unended, is_due: false };
    Ok((now == Some(stamp)).then_some(read))
}

/// Puts what was not taken into the report beside the file and the source's health.
async fn tell(link: &Link, name: &str, path: &Path, refused: Refused, before: u64) {
    link.health.solved(&link.source, |place| {
        place == name || place.strip_prefix(name).is_some_and(|rest| rest.starts_with(", "))
    });
    for problem in refused.listed.iter().take(20).rev() {
        link.problem(format!("{name}, {}", problem.place("the file")), &problem.said());
    }
    if let Err(error) = link.refuse_if_any(refused.count.saturating_sub(before)).await {
        link.problem(name, &error.to_string());
    }
    if refused.count > 0 {
        let refused = refused.count;
        tracing::warn!(source = %link.source, file = name, refused, "some rows were not taken; see the report beside the file");
    }
    let path = path.to_owned();
    let publish = move || report::publish(&refused, &path);
    if let Err(error) = link.on_disk("the report beside the file".to_owned(), publish).await {
        link.problem(name, &error.to_string());
    }
}

/// What came of a file.
#[derive(Debug)]
struct Reading {
    refused: Refused,
    is_unended: bool,
}

/// Records what is new in a file.
async fn record(
    source: &Arc<dyn Files>,
    link: &Link,
    path: PathBuf,
    is_still: bool,
    kind: Kind,
) -> Result<Reading, SourceError> {
    let (pieces, mut queue) = mpsc::channel(QUEUE);
    let reader = Arc::clone(source);
    let doing = format!("reading {}", path.display());
    let reading = tokio::task::spawn_blocking(move || {
        reader.read(&path, is_still, &mut |piece| pieces.blocking_send(piece).is_ok())
    });
    let mut refused = rows::record(link, kind, &mut queue).await?;
    drop(queue);
    let is_unended = match reading.await {
        Ok(Ok(is_unended)) => is_unended,
        Ok(Err(problem)) => {
            refused.add(problem);
            false
        }
        // One file that our reader cannot bear keeps no other from being read.
        Err(error) if error.is_panic() => {
            tracing::error!(source = %link.source, "{doing}: {error}");
            refused.add(RowProblem::whole("cannot be read: its reader failed; is the file damaged?"));
            false
        }
        Err(error) => return Err(SourceError::Broken(format!("{doing}: {error}"))),
    };
    Ok(Reading { refused, is_unended })
}

/// Of the bytes of a file.
fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Reads the file that was written last, until there are so many values; nothing is recorded.
///
/// # Errors
/// When there is no file, or it cannot be read at all.
pub async fn sample(source: Arc<dyn Files>, values: usize) -> Result<Sample, SourceError> {
    let doing = format!("reading the folder {}", source.folder().display());
    on_disk(doing, move || {
        let newest = list(&*source)?.into_iter().max_by_key(|(_, stamp)| stamp.modified_micros);
        let Some((name, _)) = newest else {
            let kinds = source.options().pattern.clone().unwrap_or_else(|| source.usual().join(", "));
            return Err(io::Error::other(format!("there is no file of the name {kinds}")));
        };
        let (mut pieces, mut taken) = (Vec::new(), 0);
        let read = source.read(&source.folder().join(&name), true, &mut |piece| {
            taken += piece.len();
            pieces.push(piece);
            taken < values
        });
        if let Err(problem) = read {
            pieces.push(RowRead { problems: vec![problem], ..RowRead::default() });
        }
        Ok(Sample { file: Some(name), pieces })
    })
    .await
}

/// The files that are read, each with its stamp.
fn list(source: &dyn Files) -> io::Result<BTreeMap<String, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in source.folder().read_dir()? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if !source.options().takes(&name, source.usual()) {
            continue;
        }
        match Stamp::of(&source.folder().join(&name)) {
            Ok(stamp) => {
                files.insert(name, stamp);
            }
            // It went since it was listed, or is a folder.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        // Whoever opens a pipe waits for who writes to it.
        if !metadata.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { len: metadata.len(), modified_micros: i64::try_from(since.as_micros()).unwrap_or(i64::MAX) })
    }
}

/// Calls `wake` when something is written in the folder; polling is enough where that cannot be had.
fn watch(folder: &Path, wake: impl Fn() + Send + 'static) -> Option<RecommendedWatcher> {
    let tell = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_change(event.kind)) {
            wake();
        }
    };
    let watching = notify::recommended_watcher(tell).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watching
        .inspect_err(|error| tracing::debug!(folder = %folder.display(), "changes are found by polling only: {error}"))
        .ok()
}

/// Looking into the folder is no change: it would wake us again and again.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn looking_into_the_folder_wakes_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.csv");
        std::fs::write(&file, "a\n").unwrap();
        let (wakes, woken) = mpsc::sync_channel(10_000);
        let _watcher = watch(dir.path(), move || {
            let _full = wakes.try_send(()).is_err();
        })
        .expect("this folder can be watched");
        for _ in 0..100 {
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
            assert_eq!(std::fs::read(&file).unwrap(), b"a\n");
        }
        // Events come in order: when this one is there, all before it were.
        std::fs::rename(&file, dir.path().join("b.csv")).unwrap();
        woken.recv_timeout(Duration::from_secs(20)).expect("a change wakes");
        let more = woken.try_iter().count();
        assert!(more <= 3, "one renaming woke {more} times more");
    }
}
