//! A file of SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{OpenFlags, Row};
use tokio::sync::oneshot;

use super::{BATCH_ROWS, Batch, Sink, SqlError, number};
use crate::sources::rows::Cell;

/// Whether a question is still at a file: on a drive that does not answer each would keep a thread for good.
#[derive(Clone, Default)]
pub struct FileInUse(Arc<AtomicBool>);

impl std::fmt::Debug for FileInUse {
    /// A source is what it was configured to be, whatever it does.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileInUse")
    }
}

impl FileInUse {
    pub(super) fn claim(&self) -> Option<Claim> {
        (!self.0.swap(true, Ordering::AcqRel)).then(|| Claim(Arc::clone(&self.0)))
    }
}

pub(super) struct Claim(Arc<AtomicBool>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// It is opened anew for each question: its writers may replace the file.
pub struct Connection {
    file: Arc<Path>,
    timeout: Duration,
    in_use: FileInUse,
}

impl Connection {
    pub fn open(file: &Path, timeout: Duration, in_use: FileInUse) -> Self {
        Self { file: file.into(), timeout, in_use }
    }

    pub async fn rows(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        let (file, timeout, query) = (Arc::clone(&self.file), self.timeout, query.to_owned());
        let claim = self.in_use.claim().ok_or_else(|| {
            let reason = "the last question has not come back from the file; is the drive connected?";
            SqlError::Database(reason.to_owned())
        })?;
        let (opened, handle) = oneshot::channel();
        let mut reading = tokio::task::spawn_blocking(move || {
            let _claim = claim;
            let connection = open(&file, timeout)?;
            // Whoever asked may have given up.
            let _gone = opened.send(connection.get_interrupt_handle()).is_err();
            read(&connection, &query, &sink).map_err(told)
        });
        let ended = tokio::select! {
            ended = &mut reading => ended,
            () = tokio::time::sleep(self.timeout) => {
                match handle.await {
                    Ok(interrupt) => interrupt.interrupt(),
                    Err(_) => return Err(SqlError::Database("the file cannot be opened in time".to_owned())),
                }
                reading.await
            }
        };
        ended.map_err(|error| SqlError::Database(error.to_string()))?
    }
}

fn open(file: &Path, timeout: Duration) -> Result<rusqlite::Connection, SqlError> {
    // What is not there is not made.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(file, flags)
        .map_err(|error| SqlError::Database(format!("{}: {error}", file.display())))?;
    connection.busy_timeout(timeout).map_err(told)?;
    connection.pragma_update(None, "query_only", true).map_err(told)?;
    Ok(connection)
}

fn read(connection: &rusqlite::Connection, query: &str, sink: &Sink) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(query)?;
    let names: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut batch = Batch { names: Arc::clone(&names), rows: Vec::new() };
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        batch.rows.push((0..names.len()).map(|column| cell(row, column)).collect::<Result<_, _>>()?);
        if batch.rows.len() >= BATCH_ROWS && sink.blocking_send(batch.take()).is_err() {
            return Ok(false);
        }
    }
    Ok(sink.blocking_send(batch).is_ok())
}

fn cell(row: &Row<'_>, column: usize) -> rusqlite::Result<Cell<'static>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Cell::Empty,
        ValueRef::Integer(value) => number(&value.to_string()),
        ValueRef::Real(value) => Cell::Number(value),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned().into()),
        ValueRef::Blob(bytes) => {
            Cell::Wrong { text: format!("{} bytes", bytes.len()), reason: "is no text and no number" }
        }
    })
}

fn told(error: rusqlite::Error) -> SqlError {
    SqlError::Database(error.to_string())
}
