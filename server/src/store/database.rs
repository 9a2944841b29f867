//! SQLite files: opened, checked, explained.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

/// Before this version several connections could corrupt the write-ahead log on reset.
const LEAST_SQLITE: i32 = 3_051_003;
/// Pages of the write-ahead log after which it is written back.
const CHECKPOINT_PAGES: u32 = 4000;

/// Why a database file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("{path} was written by a newer version of this server (schema {found}, this one knows {known}); install that version, or give another folder with --data", path = path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{path} was written by an older version of this server (schema {found}, this one knows {known}) and cannot be read by this one; install that version, or give another folder with --data", path = path.display())]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error("{path} cannot be opened: {reason}", path = path.display())]
    Open { path: PathBuf, reason: String },
    #[error("SQLite {found} is too old and can corrupt its log; 3.51.3 or newer is needed")]
    TooOld { found: String },
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// When a commit must be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before it returns.
    EveryCommit,
    /// Some time later, whole and in order: enough for what can be built again.
    Eventually,
}

/// Opens or makes a database for its one writer. `versions` are those of the schema that can be read; it is written as
/// the newest of them from then on.
///
/// # Errors
/// When it cannot be opened or is from another version.
pub fn open(
    path: &Path,
    schema: &str,
    versions: RangeInclusive<i64>,
    durability: Durability,
) -> Result<Connection, DatabaseError> {
    let (oldest, version) = versions.into_inner();
    if rusqlite::version_number() < LEAST_SQLITE {
        return Err(DatabaseError::TooOld { found: rusqlite::version().to_owned() });
    }
    let broken = |error: rusqlite::Error| DatabaseError::Open { path: path.to_owned(), reason: explain(&error, path) };
    let connection = Connection::open(path).map_err(broken)?;
    prepare(&connection, durability).map_err(broken)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(broken)?;
    match found {
        0 => {
            let make = format!(
                "BEGIN IMMEDIATE; CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID; {schema} PRAGMA user_version = {version}; COMMIT;"
            );
            connection.execute_batch(&make).map_err(broken)?;
        }
        found if found > version => return Err(DatabaseError::Newer { path: path.to_owned(), found, known: version }),
        found if found < oldest => return Err(DatabaseError::Older { path: path.to_owned(), found, known: version }),
        found if found < version => connection.pragma_update(None, "user_version", version).map_err(broken)?,
        _ => {}
    }
    Ok(connection)
}

/// Removes a database that can be built again.
///
/// # Errors
/// When its files cannot be removed.
pub fn remove(path: &Path) -> Result<(), DatabaseError> {
    for end in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let reason = format!("it is to be built again and cannot be removed ({error})");
                return Err(DatabaseError::Open { path: path.to_owned(), reason });
            }
            _ => {}
        }
    }
    Ok(())
}

fn prepare(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match durability {
        Durability::EveryCommit => "FULL",
        Durability::Eventually => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Opens another connection that only reads.
///
/// # Errors
/// When it cannot be opened.
pub fn open_reader(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(connection)
}

/// A number that the database keeps of itself.
///
/// # Errors
/// Those of SQLite.
pub fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Keeps a number.
///
/// # Errors
/// Those of SQLite.
pub fn set_meta(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value]).map(|_| ())
}

/// What went wrong, for an administrator.
#[must_use]
pub fn explain(error: &rusqlite::Error, path: &Path) -> String {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => format!("the disk of {path} is full; make room, writing goes on by itself then"),
        Some(ErrorCode::SystemIoFailure) => {
            format!("the disk of {path} does not take writes ({error}); is it full or read-only?")
        }
        Some(ErrorCode::ReadOnly) => format!("{path} is read-only; check the permissions of the data folder"),
        Some(ErrorCode::CannotOpen) => {
            format!("{path} cannot be opened ({error}); check that the folder exists and is writable")
        }
        Some(ErrorCode::NotADatabase) => {
            format!("{path} is not a database of this server; move it away or give another folder with --data")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{path} is in use by another server; stop it or give another folder with --data")
        }
        _ => format!("{path}: {error}"),
    }
}
