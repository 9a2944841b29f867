//! Somebody else's database: one query, asked again and again for what is new since the last row.
//!
//! Nothing is written there: the session is read-only, one statement at a time, bounded in time and rows.

mod mysql;
mod options;
mod postgres;
mod sqlite;
mod sqlserver;
#[cfg(test)]
mod tests;
mod watermark;

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, TryStreamExt};
use protocol::Timestamp;
use sqlx::{Column as _, Row};
use tokio::sync::{Mutex, mpsc};

use super::poll::{self, Asked, Pieces, Polled, Seen};
use super::rows::{BATCH_ROWS, Cell, Columns, Origin, Reader, RowProblem, RowRead, civil};
use super::trial::Sampling;
use super::{Link, Source, SourceError};
use crate::config::{Options, SecretError, suggestion};
use options::{Engine, SqlOptions, WATERMARK, is_plain};
use sqlite::FileInUse;
use watermark::Mark;

/// Reads the options of a database.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let mut read = options.take::<SqlOptions>()?;
    read.check(options);
    read.file = read.file.map(|file| options.dir.join(file));
    read.ca_file = read.ca_file.map(|file| options.dir.join(file));
    Some(Arc::new(Sql { options: read, time_zone: options.settings.time_zone.clone(), file: FileInUse::default() }))
}

/// Somebody else's database.
#[derive(Debug, Clone)]
struct Sql {
    options: SqlOptions,
    time_zone: String,
    /// Of SQLite.
    file: FileInUse,
}

impl Source for Sql {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { poll::follow(&Asking::new(self.clone()), &link).await }.boxed()
    }

    fn has_rounds(&self) -> bool {
        true
    }

    fn sample(&self, now: Timestamp, values: usize) -> Option<Sampling<'_>> {
        Some(async move { poll::sample(&Asking::new(self.clone()), now, values).await }.boxed())
    }
}

/// A database that we are, or may be, connected to.
struct Asking {
    sql: Sql,
    /// Kept from one question to the next, unless something went wrong.
    connection: Mutex<Option<Connection>>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.sql.fmt(f)
    }
}

enum Connection {
    Postgres(postgres::Connection),
    Mysql(mysql::Connection),
    Sqlite(sqlite::Connection),
    Sqlserver(Box<sqlserver::Connection>),
}

/// Some rows, with the names of their columns.
#[derive(Default)]
struct Batch {
    names: Arc<[String]>,
    rows: Vec<Vec<Cell<'static>>>,
}

impl Batch {
    /// These rows; the next ones have the same columns.
    fn take(&mut self) -> Self {
        Self { names: Arc::clone(&self.names), rows: std::mem::take(&mut self.rows) }
    }
}

/// Gives the rows of a server to `sink`; whether all were taken.
async fn give_rows<R: Row>(
    mut rows: impl Stream<Item = Result<R, sqlx::Error>> + Unpin,
    cell: impl Fn(&R, usize) -> Result<Cell<'static>, SqlError>,
    sink: &Sink,
) -> Result<bool, SqlError> {
    let mut batch = Batch::default();
    while let Some(row) = rows.try_next().await.map_err(told)? {
        if batch.names.is_empty() {
            batch.names = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        batch.rows.push((0..row.len()).map(|column| cell(&row, column)).collect::<Result<_, _>>()?);
        if batch.rows.len() >= BATCH_ROWS && sink.send(batch.take()).await.is_err() {
            return Ok(false);
        }
    }
    Ok(sink.send(batch).await.is_ok())
}

fn told(error: sqlx::Error) -> SqlError {
    SqlError::Database(error.to_string())
}

/// Numbers that a database writes with a point. Those of an integer that is not one of a double stay as they are
/// written: they are numbers of rows.
fn number(text: &str) -> Cell<'static> {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    match text.parse::<f64>() {
        Ok(number) if number.abs() < WHOLE || text.contains('.') => Cell::Number(number),
        _ => Cell::Text(text.to_owned().into()),
    }
}

/// A date, or a date and time, of no zone.
fn local(text: &str) -> Cell<'static> {
    civil(text).map_or_else(|| Cell::Text(text.to_owned().into()), Cell::Local)
}

/// Where the rows of an answer go.
type Sink = mpsc::Sender<Batch>;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
enum SqlError {
    #[error("the database answered: {0}")]
    Database(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Polled for Asking {
    fn every(&self) -> Duration {
        Duration::from_secs(self.sql.options.poll_secs)
    }

    /// The database is told to end sooner.
    fn at_most(&self) -> Duration {
        Duration::from_secs(self.sql.options.timeout_secs + 5)
    }

    fn is_stream(&self) -> bool {
        self.sql.options.watermark.is_some()
    }

    fn ask<'a>(
        &'a self,
        seen: &'a Seen,
        now: Timestamp,
        pieces: Pieces,
    ) -> BoxFuture<'a, Result<Option<Asked>, SourceError>> {
        self.news(seen, now, pieces).boxed()
    }
}

impl Asking {
    fn new(sql: Sql) -> Self {
        Self { sql, connection: Mutex::new(None) }
    }

    async fn news(&self, seen: &Seen, now: Timestamp, pieces: Pieces) -> Result<Option<Asked>, SourceError> {
        let options = &self.sql.options;
        let from = options.watermark.as_ref().map(|watermark| match &seen.watermark {
            Some(seen) => watermark::ask_from(seen, watermark.overlap),
            None => watermark.start.clone(),
        });
        let query = query(&options.query, from.as_deref());
        let mut reading = Reading::new(&self.sql, now, seen.watermark.clone()).map_err(SourceError::broken)?;
        // Taken out: a question that is given up, or goes wrong, leaves no connection behind.
        let mut place = self.connection.lock().await;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => Connection::open(options, &self.sql.file).await.map_err(SourceError::broken)?,
        };
        let (sink, mut batches) = mpsc::channel(1);
        let asking = connection.rows(&query, sink);
        let taking = async {
            let taken = reading.take_all(&mut batches, &pieces).await;
            // The database is not to wait for us.
            batches.close();
            taken
        };
        let (asked, taken) = tokio::join!(asking, taking);
        taken?;
        if asked.map_err(SourceError::broken)? {
            *place = Some(connection);
        }
        drop(place);
        let (piece, asked) = reading.finish()?;
        give(&pieces, piece).await?;
        Ok(Some(asked))
    }
}

/// Hands rows over. Whoever takes no more has its own reason; what is behind these rows is not to count as known.
async fn give(pieces: &Pieces, piece: RowRead) -> Result<(), SourceError> {
    pieces.send(piece).await.map_err(|_| SourceError::broken("its rows are taken no more"))
}

/// The query with the watermark in its place: as it stands where there are quotes around it, else as a number or a
/// text of SQL.
fn query(query: &str, watermark: Option<&str>) -> String {
    let query = query.trim().trim_end_matches(';');
    let Some(watermark) = watermark else { return query.to_owned() };
    let is_number = matches!(Mark::of(watermark), Mark::Whole(_) | Mark::Number(_));
    let written = if is_number { watermark.to_owned() } else { format!("'{watermark}'") };
    query.replace(&format!("'{WATERMARK}'"), &format!("'{watermark}'")).replace(WATERMARK, &written)
}

impl Connection {
    /// Asks, and gives the rows to `sink` until it is closed; whether all were taken.
    async fn rows(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        match self {
            Self::Postgres(connection) => connection.rows(query, sink).await,
            Self::Mysql(connection) => connection.rows(query, sink).await,
            Self::Sqlite(connection) => connection.rows(query, sink).await,
            Self::Sqlserver(connection) => connection.rows(query, sink).await,
        }
    }

    async fn open(options: &SqlOptions, in_use: &FileInUse) -> Result<Self, SqlError> {
        match options.engine {
            Engine::Postgres => postgres::Connection::open(options).await.map(Self::Postgres),
            Engine::Mysql => mysql::Connection::open(options).await.map(Self::Mysql),
            Engine::Sqlserver => Ok(Self::Sqlserver(Box::new(sqlserver::Connection::open(options).await?))),
            Engine::Sqlite => {
                let file = options.file.as_deref().unwrap_or(Path::new(""));
                let timeout = Duration::from_secs(options.timeout_secs);
                Ok(Self::Sqlite(sqlite::Connection::open(file, timeout, in_use.clone())))
            }
        }
    }
}

/// The rows of one answer, on their way to the recorder.
struct Reading<'s> {
    options: &'s SqlOptions,
    reader: Reader<'s>,
    /// Known with the first rows; and where the watermark stands.
    columns: Option<(Columns, Option<usize>)>,
    count: usize,
    /// Known before.
    seen: Option<String>,
    /// The watermark of the newest rows before those that wait, if there are such rows in this answer.
    complete: Option<String>,
    newest: Option<String>,
    /// The newest that is not ahead of the clock: behind it is asked on.
    newest_in_time: Option<String>,
    /// The first row whose watermark is ahead of it.
    ahead: Option<(u64, String)>,
    now: Timestamp,
    /// Rows of the newest watermark: at the limit nobody knows whether they are all.
    waiting: RowRead,
}

impl<'s> Reading<'s> {
    fn new(sql: &'s Sql, now: Timestamp, seen: Option<String>) -> Result<Self, RowProblem> {
        let origin = Origin { written: now, file: "", sheet: "" };
        let reader = Reader::new(&sql.options.mapping, &sql.time_zone, origin)?;
        let (complete, newest, newest_in_time, ahead, waiting) = (None, None, None, None, RowRead::default());
        let (options, columns, count) = (&sql.options, None, 0);
        Ok(Self { options, reader, columns, count, seen, complete, newest, newest_in_time, ahead, now, waiting })
    }

    /// Whether there are more rows than are read.
    fn is_over(&self) -> bool {
        self.count > self.options.max_rows
    }

    async fn take_all(&mut self, batches: &mut mpsc::Receiver<Batch>, pieces: &Pieces) -> Result<(), SourceError> {
        while let Some(batch) = batches.recv().await {
            let piece = self.take(batch).map_err(SourceError::broken)?;
            give(pieces, piece).await?;
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// What rows say, as far as it is known that there are no more of their watermark.
    fn take(&mut self, batch: Batch) -> Result<RowRead, RowProblem> {
        if batch.rows.is_empty() {
            return Ok(RowRead::default());
        }
        if self.columns.is_none() {
            self.columns = Some(self.find(&batch.names)?);
        }
        let Some((columns, watermark)) = self.columns.clone() else { return Ok(RowRead::default()) };
        let mut piece = RowRead::default();
        for cells in &batch.rows {
            self.count += 1;
            if self.is_over() {
                break;
            }
            if let Some(column) = watermark {
                piece.extend(self.move_to(&cells[column].text())?);
            }
            let read = self.reader.row(self.count as u64, &columns, |column| cells[column].clone());
            if watermark.is_some() { self.waiting.extend(read) } else { piece.extend(read) }
        }
        Ok(piece)
    }

    /// Goes on to the watermark of the next row: the rows that waited, if it is another one.
    fn move_to(&mut self, watermark: &str) -> Result<RowRead, RowProblem> {
        let wrong = |reason: String| RowProblem::of_row(self.count as u64, reason);
        if !is_plain(watermark) {
            return Err(wrong(format!("'{watermark}' is no watermark: a number or a time")));
        }
        match Mark::of(watermark).is_ahead(self.now) {
            true => self.ahead = self.ahead.take().or_else(|| Some((self.count as u64, watermark.to_owned()))),
            false => self.newest_in_time = Some(watermark.to_owned()),
        }
        let Some(newest) = self.newest.as_deref().filter(|newest| *newest != watermark) else {
            self.newest = Some(watermark.to_owned());
            return Ok(RowRead::default());
        };
        if Mark::of(newest).order(&Mark::of(watermark)) == Some(Ordering::Greater) {
            return Err(wrong(format!(
                "the watermark {watermark} comes behind {newest}: order the query by it, or rows are lost"
            )));
        }
        let before = self.newest.replace(watermark.to_owned());
        self.complete = before.filter(|before| !Mark::of(before).is_ahead(self.now)).or(self.complete.take());
        Ok(std::mem::take(&mut self.waiting))
    }

    fn find(&self, names: &[String]) -> Result<(Columns, Option<usize>), RowProblem> {
        let columns = Columns::find(&self.options.mapping, names.to_vec(), 0)?;
        let Some(watermark) = &self.options.watermark else { return Ok((columns, None)) };
        let place = names.iter().position(|name| name.eq_ignore_ascii_case(&watermark.column));
        let place = place.ok_or_else(|| {
            let near = suggestion(&watermark.column, names.iter().map(String::as_str));
            RowProblem::whole(format!("the query gives no column '{}', the watermark{near}", watermark.column))
        })?;
        Ok((columns, Some(place)))
    }

    /// The rest, and what is to be remembered.
    ///
    /// # Errors
    /// When there are more rows than are read, and no way to go on behind them.
    fn finish(self) -> Result<(RowRead, Asked), SourceError> {
        let warning = self.ahead.as_ref().map(|(row, watermark)| {
            format!("{watermark} (row {row}) is ahead of the clock: it is asked on from the newest before it until that is set right")
        });
        let most = self.options.max_rows;
        let seen = |watermark: Option<String>| Seen { watermark, ..Seen::default() };
        match (&self.options.watermark, self.is_over()) {
            (_, false) => {
                let asked = Asked::all(seen(self.newest_in_time.or(self.seen)));
                Ok((self.waiting, Asked { warning, ..asked }))
            }
            (None, true) => {
                let reason = format!(
                    "there are more than {most} rows ('max_rows'); those behind them are not taken: ask for what is new by a watermark"
                );
                let piece = RowRead { problems: vec![RowProblem::whole(reason)], ..RowRead::default() };
                Ok((piece, Asked::all(Seen::default())))
            }
            (Some(_), true) if self.moves() => {
                Ok((RowRead::default(), Asked { warning, ..Asked::part(seen(self.complete)) }))
            }
            (Some(_), true) => Err(SourceError::broken(format!(
                "more than {most} rows lie at the watermark {} or within its overlap; raise 'max_rows'",
                self.newest.unwrap_or_default()
            ))),
        }
    }

    /// Whether the next question asks for less.
    fn moves(&self) -> bool {
        match (&self.complete, &self.seen) {
            (Some(complete), Some(seen)) => Mark::of(complete).order(&Mark::of(seen)) == Some(Ordering::Greater),
            (complete, None) => complete.is_some(),
            (None, Some(_)) => false,
        }
    }
}
