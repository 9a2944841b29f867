//! Follows the folder: which files are new or changed, and still.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::report::Report;
use super::table::RowProblem;
use super::{CsvFolder, delivered, reading};
use crate::sources::{Link, SourceError, state};

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    len: u64,
    modified_micros: i64,
}

/// A file as it was read last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FileRead {
    stamp: Stamp,
    hash: String,
    refused: u64,
}

/// What is known of the files of the folder, by their names.
#[derive(Debug, Default)]
struct Known {
    read: BTreeMap<String, FileRead>,
    /// Files that are still being written, perhaps: how they were, and since when.
    moving: BTreeMap<String, (Stamp, Instant)>,
}

/// Reads the files of the folder, now and whenever they change.
pub async fn follow(source: Arc<CsvFolder>, link: &Link) -> Result<(), SourceError> {
    let broken = |doing: &str| SourceError::io(format!("{doing} {}", link.state.display()));
    if let Some(pending) = delivered::pending(&link.state).map_err(broken("reading"))? {
        reading::resume(link, pending).await?;
    }
    let files = link.state.join("files.json");
    let read = state::load(&files).map_err(broken("reading"))?.unwrap_or_default();
    let mut known = Known { read, moving: BTreeMap::new() };
    let changed = Arc::new(Notify::new());
    let _watcher = watch(&source.folder, &changed);
    while !link.is_stopping() {
        let listed =
            list(&source).map_err(SourceError::io(format!("reading the folder {}", source.folder.display())))?;
        known.forget(&listed);
        for (name, stamp) in &listed {
            if !known.is_due(name, *stamp, Duration::from_millis(source.options.settle_ms)) {
                continue;
            }
            if let Some(read) = read_file(&source, link, name, *stamp, known.read.get(name)).await? {
                known.read.insert(name.clone(), read);
                state::save(&files, &known.read).map_err(broken("writing"))?;
            }
            if link.is_stopping() {
                return Ok(());
            }
        }
        link.health.well(&link.source, link.now());
        let wait = match known.moving.is_empty() {
            true => Duration::from_secs(source.options.poll_secs),
            false => Duration::from_millis(source.options.settle_ms.clamp(10, 1000)),
        };
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
            () = link.stopped() => {}
        }
    }
    Ok(())
}

impl Known {
    /// Whether a file is to be read now: changed since it was read, and not just now.
    fn is_due(&mut self, name: &str, stamp: Stamp, settle: Duration) -> bool {
        if self.read.get(name).is_some_and(|read| read.stamp == stamp) {
            self.moving.remove(name);
            return false;
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

    fn forget(&mut self, listed: &BTreeMap<String, Stamp>) {
        self.moving.retain(|name, _| listed.contains_key(name));
    }
}

/// Since when it was not written to; nothing if its clock is ahead.
fn age(stamp: Stamp) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let written = Duration::from_micros(u64::try_from(stamp.modified_micros).unwrap_or(0));
    now.saturating_sub(written)
}

/// Reads one file; `None` when it changed meanwhile, so that it is read again.
async fn read_file(
    source: &Arc<CsvFolder>,
    link: &Link,
    name: &str,
    stamp: Stamp,
    before: Option<&FileRead>,
) -> Result<Option<FileRead>, SourceError> {
    let path = source.folder.join(name);
    let hashing = (path.clone(), Arc::clone(source));
    let hash = tokio::task::spawn_blocking(move || reading::hash(&hashing.0, &hashing.1)).await;
    let hash = hash.map_err(|error| SourceError::Broken(format!("reading {name}: {error}")))?;
    if let (Ok(hash), Some(before)) = (&hash, before)
        && before.hash == *hash
    {
        return Ok(Some(FileRead { stamp, ..before.clone() }));
    }
    let (hash, report) = match hash {
        Ok(hash) => (hash, reading::record(source, link, path.clone(), name).await?),
        Err(error) => {
            let mut report = Report::default();
            report.add(RowProblem { row: 0, column: None, value: None, reason: error.to_string() });
            (String::new(), report)
        }
    };
    tell(link, name, &path, &report, before.map_or(0, |before| before.refused));
    let same = Stamp::of(&path).is_ok_and(|now| now == stamp);
    Ok(same.then_some(FileRead { stamp, hash, refused: report.count }))
}

/// Puts what was not taken into the report beside the file and the source's health.
fn tell(link: &Link, name: &str, path: &Path, report: &Report, before: u64) {
    link.health.solved(&link.source, |place| {
        place == name || place.strip_prefix(name).is_some_and(|rest| rest.starts_with(", "))
    });
    for problem in report.listed.iter().take(20).rev() {
        let value = problem.value.as_ref().map(|value| format!("'{value}' ")).unwrap_or_default();
        link.problem(format!("{name}, {}", problem.place()), &format!("{value}{}", problem.reason));
    }
    link.health.delivered(&link.source, link.now(), 0, report.count.saturating_sub(before));
    if let Err(error) = report.publish(path) {
        link.problem(name, &format!("the report beside the file cannot be written: {error}"));
    }
    if report.count > 0 {
        tracing::warn!(source = %link.source, file = name, refused = report.count, "some rows were not taken; see the report beside the file");
    }
}

/// The files that are read, each with its stamp.
fn list(source: &CsvFolder) -> io::Result<BTreeMap<String, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in source.folder.read_dir()? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if !source.options.takes(&name) {
            continue;
        }
        match Stamp::of(&source.folder.join(&name)) {
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
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { len: metadata.len(), modified_micros: i64::try_from(since.as_micros()).unwrap_or(i64::MAX) })
    }
}

/// Wakes `changed` when something happens in the folder; polling is enough where that cannot be had.
fn watch(folder: &Path, changed: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let wake = Arc::clone(changed);
    let watching = notify::recommended_watcher(move |_event| wake.notify_one()).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watching
        .inspect_err(|error| tracing::debug!(folder = %folder.display(), "changes are found by polling only: {error}"))
        .ok()
}
