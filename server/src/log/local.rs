//! The log on SQLite: the log itself on one machine, the archive of the stream with Redis.
//!
//! One thread owns the writing connection. A group of entries is one transaction in WAL mode with
//! `synchronous = FULL`, so that it is on the disk when its append returns.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::{Event, StreamPosition, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use super::recent::Recent;
use super::{Draft, Entry, Hash, Head, LogError, packing};
use crate::store::database;

const SCHEMA: &str = "
CREATE TABLE entries (
    offset INTEGER PRIMARY KEY,
    recorded_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX entries_of_records ON entries (offset) WHERE kind != 'observations_recorded';
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    offset INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (offset);
CREATE TABLE lost_entries (
    epoch INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (epoch, offset)
);
CREATE TABLE cuts (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    offset INTEGER NOT NULL
);
";
/// 2: observations by columns. 3: which stand on their own. 4: large bodies compressed.
const SCHEMA_VERSIONS: RangeInclusive<i64> = 3..=4;
/// How many groups may wait for the disk.
const QUEUE: usize = 64;
/// How long a retry is answered with the first answer.
const IDEMPOTENCY_KEPT_MICROS: i64 = 72 * 3_600 * 1_000_000;
/// How many old keys are forgotten with one append, at least.
const FORGOTTEN_AT_LEAST: i64 = 64;

/// An entry with its bytes, as it is written.
#[derive(Debug, Clone)]
pub struct Written {
    pub entry: Arc<Entry>,
    pub body: Vec<u8>,
}

enum Job {
    Append { drafts: Vec<Draft>, recorded_at: Timestamp, reply: oneshot::Sender<Result<Vec<Written>, LogError>> },
    Archive { entries: Vec<Written>, reply: oneshot::Sender<Result<(), LogError>> },
    Probe { bytes: usize, reply: oneshot::Sender<Result<(), LogError>> },
    Cut { epoch: u64, offset: u64, reply: oneshot::Sender<Result<u64, LogError>> },
}

/// A handle to the log in a data folder.
#[derive(Clone)]
pub struct LocalLog {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
    readers: Arc<Mutex<Vec<Connection>>>,
    head: Arc<Mutex<Head>>,
    recent: Arc<Mutex<Recent>>,
}

impl LocalLog {
    /// Opens or makes the log in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be used or was written by a newer version.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        Self::open_as(folder, database::Durability::EveryCommit)
    }

    /// Opens or makes the archive of another log, from which its newest entries can be had again.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_archive(folder: &Path) -> Result<Self, LogError> {
        Self::open_as(folder, database::Durability::Eventually)
    }

    fn open_as(folder: &Path, durability: database::Durability) -> Result<Self, LogError> {
        let path = folder.join("log.sqlite");
        let connection = database::open(&path, SCHEMA, SCHEMA_VERSIONS, durability)?;
        let head = read_head(&connection)?;
        let head = Arc::new(Mutex::new(head));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let recent = Arc::default();
        let writer = Writer { connection, head: Arc::clone(&head), recent: Arc::clone(&recent), path: path.clone() };
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.run(queue))
            .map_err(|error| LogError::Away { reason: format!("the thread of the log cannot be started: {error}") })?;
        Ok(Self { jobs, path, readers: Arc::default(), head, recent })
    }

    /// The newest entry.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.head.lock()
    }

    /// Appends a group of drafts behind the head; durable when it returns.
    ///
    /// # Errors
    /// When the disk does not take it; nothing of the group is kept then.
    pub async fn append(&self, drafts: Vec<Draft>, recorded_at: Timestamp) -> Result<Vec<Written>, LogError> {
        self.ask(|reply| Job::Append { drafts, recorded_at, reply }).await
    }

    /// Keeps entries that another log has placed. They must follow the head.
    ///
    /// # Errors
    /// When they do not follow, or the disk does not take them.
    pub async fn archive(&self, entries: Vec<Written>) -> Result<(), LogError> {
        self.ask(|reply| Job::Archive { entries, reply }).await
    }

    /// Whether the disk takes so many bytes again.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self, bytes: usize) -> Result<(), LogError> {
        self.ask(|reply| Job::Probe { bytes, reply }).await
    }

    /// Sets entries behind `offset` aside as lost and goes on under `epoch`; tells how many they were.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn cut(&self, epoch: u64, offset: u64) -> Result<u64, LogError> {
        self.ask(|reply| Job::Cut { epoch, offset, reply }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Job) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| LogError::Stopped)?;
        answer.await.map_err(|_| LogError::Stopped)?
    }

    /// Up to `limit` entries behind `after`, in order, if they are new enough to be in memory.
    #[must_use]
    pub fn recent(&self, after: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        self.recent.lock().behind(after, limit)
    }

    /// Up to `limit` entries behind `after`, in order, from memory if they are new. Blocks on the disk if not.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn entries(&self, after: u64, limit: usize) -> Result<Vec<Arc<Entry>>, LogError> {
        if let Some(recent) = self.recent(after, limit) {
            return Ok(recent);
        }
        Ok(self.read(after, limit)?.into_iter().map(|written| written.entry).collect())
    }

    /// Up to `limit` entries behind `after` with their bytes, in order. Blocks on the disk.
    ///
    /// # Errors
    /// When the log cannot be read, or holds an event that this version does not know.
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Written>, LogError> {
        self.with_reader(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT offset, recorded_at, hash, body FROM entries WHERE offset > ?1 ORDER BY offset LIMIT ?2",
            )?;
            let rows = statement.query_map(params![to_sql(after), limit as i64], read_row)?;
            rows.map(|row| decode(row?)).collect()
        })
    }

    /// All entries that are no observations, in order: what the centre is folded from.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn records(&self) -> Result<Vec<Written>, LogError> {
        self.with_reader(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT offset, recorded_at, hash, body FROM entries WHERE kind != 'observations_recorded' ORDER BY offset",
            )?;
            let rows = statement.query_map([], read_row)?;
            rows.map(|row| decode(row?)).collect()
        })
    }

    /// The entry that first used an idempotency key.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn by_key(&self, key: &str) -> Result<Option<Written>, LogError> {
        self.with_reader(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT offset, recorded_at, hash, body FROM entries WHERE offset = (SELECT offset FROM idempotency WHERE key = ?1)",
            )?;
            statement.query_row([key], read_row).optional()?.map(decode).transpose()
        })
    }

    /// The hash of the entry at `offset`; that of nothing at 0.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn hash_at(&self, offset: u64) -> Result<Option<Hash>, LogError> {
        if offset == 0 {
            return Ok(Some(Hash::default()));
        }
        self.with_reader(|connection| {
            let mut statement = connection.prepare_cached("SELECT hash FROM entries WHERE offset = ?1")?;
            Ok(statement.query_row([to_sql(offset)], |row| row.get::<_, [u8; 32]>(0)).optional()?.map(Hash))
        })
    }

    /// The offset up to which the log is still what it was in `epoch`; 0 for an epoch it never had.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn kept_since(&self, epoch: u64) -> Result<u64, LogError> {
        self.with_reader(|connection| {
            let mut began = connection.prepare_cached("SELECT max(id) FROM cuts WHERE epoch = ?1")?;
            let Some(began) = began.query_row([to_sql(epoch)], |row| row.get::<_, Option<i64>>(0))? else {
                return Ok(0);
            };
            let mut lowest = connection.prepare_cached("SELECT min(offset) FROM cuts WHERE id > ?1")?;
            let lowest = lowest.query_row([began], |row| row.get::<_, Option<i64>>(0))?;
            Ok(lowest.map_or(u64::MAX, from_sql))
        })
    }

    fn with_reader<T>(&self, read: impl FnOnce(&Connection) -> Result<T, LogError>) -> Result<T, LogError> {
        let pooled = self.readers.lock().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => database::open_reader(&self.path)?,
        };
        let result = read(&connection);
        self.readers.lock().push(connection);
        result
    }
}

struct Writer {
    connection: Connection,
    head: Arc<Mutex<Head>>,
    recent: Arc<Mutex<Recent>>,
    path: PathBuf,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.blocking_recv() {
            match job {
                Job::Append { drafts, recorded_at, reply } => drop(reply.send(self.append(drafts, recorded_at))),
                Job::Archive { entries, reply } => drop(reply.send(self.archive(&entries))),
                Job::Probe { bytes, reply } => drop(reply.send(self.probe(bytes))),
                Job::Cut { epoch, offset, reply } => drop(reply.send(self.cut(epoch, offset))),
            }
        }
    }

    fn append(&mut self, drafts: Vec<Draft>, recorded_at: Timestamp) -> Result<Vec<Written>, LogError> {
        let Head { position, mut hash } = *self.head.lock();
        let mut offset = position.offset;
        let mut written = Vec::with_capacity(drafts.len());
        for Draft { event, body } in drafts {
            offset += 1;
            hash = hash.chain(offset, &body);
            written.push(Written { entry: Arc::new(Entry { offset, hash, recorded_at, event }), body });
        }
        self.write(&written)?;
        Ok(written)
    }

    fn archive(&mut self, entries: &[Written]) -> Result<(), LogError> {
        let Head { position, mut hash } = *self.head.lock();
        for (expected, written) in (position.offset + 1..).zip(entries) {
            let entry = &written.entry;
            hash = hash.chain(expected, &written.body);
            if entry.offset != expected || entry.hash != hash {
                return Err(LogError::Diverged { offset: entry.offset, expected });
            }
        }
        self.write(entries)
    }

    fn write(&mut self, entries: &[Written]) -> Result<(), LogError> {
        let Some(last) = entries.last().map(|written| &written.entry) else { return Ok(()) };
        insert(&mut self.connection, entries)
            .map_err(|error| LogError::Away { reason: database::explain(&error, &self.path) })?;
        let mut recent = self.recent.lock();
        entries.iter().for_each(|written| recent.push(written));
        let mut head = self.head.lock();
        head.position.offset = last.offset;
        head.hash = last.hash;
        Ok(())
    }

    /// Writes as much as was not taken, and removes it: less may still fit in what the file has already.
    fn probe(&mut self, bytes: usize) -> Result<(), LogError> {
        let write = "INSERT OR REPLACE INTO meta (name, value) VALUES ('probe', zeroblob(?1))";
        let away = |error: rusqlite::Error| LogError::Away { reason: database::explain(&error, &self.path) };
        self.connection.execute(write, [bytes.max(1) as i64]).map_err(away)?;
        self.connection.execute("DELETE FROM meta WHERE name = 'probe'", []).map_err(away)?;
        Ok(())
    }

    fn cut(&mut self, epoch: u64, offset: u64) -> Result<u64, LogError> {
        let before = *self.head.lock();
        let transaction = self.connection.transaction()?;
        let lost = transaction.execute(
            "INSERT INTO lost_entries SELECT ?1, offset, recorded_at, kind, hash, body FROM entries WHERE offset > ?2",
            params![to_sql(before.position.epoch), to_sql(offset)],
        )?;
        transaction.execute("DELETE FROM entries WHERE offset > ?1", [to_sql(offset)])?;
        transaction.execute("DELETE FROM idempotency WHERE offset > ?1", [to_sql(offset)])?;
        note_epoch(&transaction, to_sql(epoch), to_sql(offset))?;
        transaction.commit()?;
        self.recent.lock().clear();
        *self.head.lock() = read_head(&self.connection)?;
        Ok(lost as u64)
    }
}

fn insert(connection: &mut Connection, entries: &[Written]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut keyed = 0;
        let mut statement = transaction.prepare_cached(
            "INSERT INTO entries (offset, recorded_at, kind, hash, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut remember =
            transaction.prepare_cached("INSERT OR IGNORE INTO idempotency (key, offset) VALUES (?1, ?2)")?;
        for Written { entry, body } in entries {
            let recorded_at = entry.recorded_at.as_micros();
            let stored = packing::pack(body);
            statement.execute(params![to_sql(entry.offset), recorded_at, entry.event.kind(), entry.hash.0, stored])?;
            if let Some(key) = idempotency_key(&entry.event) {
                remember.execute(params![key, to_sql(entry.offset)])?;
                keyed += 1;
            }
        }
        if let Some(last) = entries.last().filter(|_| keyed > 0) {
            forget_old_keys(&transaction, last.entry.recorded_at.as_micros(), keyed)?;
        }
    }
    transaction.commit()
}

/// More than came in, so that they become fewer.
fn forget_old_keys(connection: &Connection, now: i64, keyed: i64) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM idempotency WHERE offset IN (
            SELECT entries.offset FROM (SELECT offset FROM idempotency ORDER BY offset LIMIT ?2) AS oldest
            JOIN entries USING (offset) WHERE recorded_at < ?1)",
    )?;
    statement.execute(params![now - IDEMPOTENCY_KEPT_MICROS, FORGOTTEN_AT_LEAST.max(2 * keyed)])?;
    Ok(())
}

/// The key of an event within its source.
pub(super) fn idempotency_key(event: &Event) -> Option<String> {
    let (source, key) = match event {
        Event::ObservationsRecorded(recorded) => (&recorded.source, recorded.idempotency_key.as_ref()?),
        Event::RecordsReported(reported) => (&reported.source, reported.idempotency_key.as_ref()?),
        _ => return None,
    };
    Some(format!("{source}\n{key}"))
}

type Row = (i64, i64, [u8; 32], Vec<u8>);

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn decode((offset, recorded_at, hash, body): Row) -> Result<Written, LogError> {
    let offset = from_sql(offset);
    let unreadable = |reason: String| LogError::Unreadable { offset, reason };
    let body = packing::unpack(body).map_err(unreadable)?;
    let event = rmp_serde::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
    Ok(Written {
        entry: Arc::new(Entry { offset, hash: Hash(hash), recorded_at: Timestamp(recorded_at), event }),
        body,
    })
}

fn read_head(connection: &Connection) -> Result<Head, LogError> {
    let epoch = match database::meta(connection, "epoch")? {
        Some(epoch) => epoch,
        None => {
            let epoch = fresh_epoch();
            note_epoch(connection, epoch, 0)?;
            epoch
        }
    };
    let newest = connection
        .query_row("SELECT offset, hash FROM entries ORDER BY offset DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (offset, hash) = newest.map_or((0, Hash::default()), |(offset, hash)| (from_sql(offset), Hash(hash)));
    Ok(Head { position: StreamPosition { epoch: from_sql(epoch), offset }, hash })
}

/// The log goes on under `epoch` behind `offset`.
fn note_epoch(connection: &Connection, epoch: i64, offset: i64) -> Result<(), rusqlite::Error> {
    connection.execute("INSERT INTO cuts (epoch, offset) VALUES (?1, ?2)", params![epoch, offset])?;
    database::set_meta(connection, "epoch", epoch)
}

/// A name that no other log has; small enough for a JavaScript number.
pub(in crate::log) fn fresh_epoch() -> i64 {
    i64::from(rand::random::<u32>()) + 1
}

/// Offsets and epochs stay far below 2⁶³.
fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use protocol::event::LayoutShown;

    use super::*;

    #[tokio::test]
    async fn a_log_of_an_earlier_build_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let event =
            |wall: &str| Event::LayoutShown(LayoutShown { at: Timestamp(1), wall: wall.into(), layout: "a".into() });
        let draft = |wall: &str| {
            let event = event(wall);
            Draft { body: rmp_serde::to_vec_named(&event).unwrap(), event }
        };
        let long = "w".repeat(1000);
        let log = LocalLog::open(folder.path()).unwrap();
        log.append(vec![draft(&long)], Timestamp(1)).await.unwrap();
        drop(log);
        // As it was written before bodies were compressed.
        let connection = Connection::open(folder.path().join("log.sqlite")).unwrap();
        let body = draft(&long).body;
        connection.execute("UPDATE entries SET body = ?1", [body]).unwrap();
        connection.pragma_update(None, "user_version", 3).unwrap();
        drop(connection);
        let log = LocalLog::open(folder.path()).unwrap();
        log.append(vec![draft(&long)], Timestamp(2)).await.unwrap();
        let read = log.read(0, 9).unwrap();
        assert_eq!(read.iter().map(|written| &written.entry.event).collect::<Vec<_>>(), [&event(&long); 2]);
        assert_eq!(read[1].entry.hash, read[0].entry.hash.chain(2, &read[1].body));
        let connection = Connection::open(folder.path().join("log.sqlite")).unwrap();
        let sizes = connection
            .prepare("SELECT length(body) FROM entries ORDER BY offset")
            .unwrap()
            .query_map([], |row| row.get::<_, i64>(0))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        assert!(sizes[0] > 1000 && sizes[1] < 200, "{sizes:?}");
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, *SCHEMA_VERSIONS.end());
    }
}
