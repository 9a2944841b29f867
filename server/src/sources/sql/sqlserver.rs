//! Microsoft SQL Server.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use protocol::Timestamp;
use tiberius::numeric::Numeric;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem, Row};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::options::{SqlOptions, Tls};
use super::{BATCH_ROWS, Batch, Sink, SqlError, number};
use crate::sources::rows::Cell;

const PORT: u16 = 1433;
/// How long the server may take to let us in.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How often a server may send us on to a replica that is there to be read.
const MOST_HOPS: usize = 2;

type Stream = Compat<TcpStream>;

pub struct Connection {
    client: Client<Stream>,
    timeout: Duration,
}

impl Connection {
    pub async fn open(options: &SqlOptions) -> Result<Self, SqlError> {
        crate::tls::provide();
        let mut config = config(options)?;
        for _ in 0..=MOST_HOPS {
            let stream = timeout(HANDSHAKE, TcpStream::connect(config.get_addr())).await;
            let stream = stream.map_err(|_| SqlError::Database("it cannot be reached in time".to_owned()))?;
            let stream = stream.map_err(|error| SqlError::Database(error.to_string()))?;
            match Client::connect(config.clone(), stream.compat_write()).await {
                Ok(client) => return Self::begun(client, options).await,
                Err(tiberius::error::Error::Routing { host, port }) => {
                    config.host(host);
                    config.port(port);
                }
                Err(error) => return Err(told(error)),
            }
        }
        Err(SqlError::Database("its replicas send us around".to_owned()))
    }

    async fn begun(client: Client<Stream>, options: &SqlOptions) -> Result<Self, SqlError> {
        let mut connection = Self { client, timeout: Duration::from_secs(options.timeout_secs) };
        // Of two that wait for one another it is we who give way.
        let settings = format!(
            "set deadlock_priority low; set lock_timeout {}; set dateformat ymd; set implicit_transactions off",
            options.timeout_secs * 1000
        );
        connection.run(settings).await?;
        Ok(connection)
    }

    async fn run(&mut self, statement: String) -> Result<(), SqlError> {
        let answer = self.client.simple_query(statement).await.map_err(told)?;
        answer.into_results().await.map_err(told)?;
        Ok(())
    }

    /// The server has no limit of its own for a statement: it ends one when the connection goes.
    pub async fn rows(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        let most = self.timeout;
        let rows = timeout(most, self.rows_in_time(query, sink)).await;
        rows.unwrap_or_else(|_| Err(SqlError::Database(format!("the query took longer than {} s", most.as_secs()))))
    }

    /// What a query writes all the same is taken back.
    async fn rows_in_time(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        self.run("begin transaction".to_owned()).await?;
        if !self.give_rows(query, &sink).await? {
            return Ok(false);
        }
        self.run("if @@trancount > 0 rollback transaction".to_owned()).await?;
        Ok(true)
    }

    async fn give_rows(&mut self, query: &str, sink: &Sink) -> Result<bool, SqlError> {
        let mut items = self.client.simple_query(query).await.map_err(told)?;
        let mut batch = Batch::default();
        while let Some(item) = items.try_next().await.map_err(told)? {
            match item {
                QueryItem::Metadata(metadata) if batch.names.is_empty() => {
                    batch.names = metadata.columns().iter().map(|column| column.name().to_owned()).collect();
                }
                QueryItem::Metadata(_) => {
                    return Err(SqlError::Database("the query gives several tables; it is one statement".to_owned()));
                }
                QueryItem::Row(row) => batch.rows.push(cells(row)),
            }
            if batch.rows.len() >= BATCH_ROWS && sink.send(batch.take()).await.is_err() {
                return Ok(false);
            }
        }
        Ok(sink.send(batch).await.is_ok())
    }
}

fn config(options: &SqlOptions) -> Result<Config, SqlError> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut config = Config::new();
    config.host(text(&options.host));
    config.port(options.port.unwrap_or(PORT));
    config.database(text(&options.database));
    config.application_name("ioc-server");
    config.readonly(true);
    config.handshake_timeout(Some(HANDSHAKE));
    // Of the whole answer, which we count ourselves.
    config.command_timeout(None);
    let password = options.password.as_ref().map(|password| password.reveal()).transpose()?;
    config.authentication(AuthMethod::sql_server(text(&options.user), password.as_deref().unwrap_or_default()));
    match (options.tls, &options.ca_file) {
        (Tls::Off, _) => config.encryption(EncryptionLevel::NotSupported),
        // Every server of the last twenty years has a certificate, if only one of its own making.
        (Tls::Prefer, _) => {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
        }
        (Tls::Verify, ca_file) => {
            config.encryption(EncryptionLevel::Required);
            if let Some(ca_file) = ca_file {
                config.trust_cert_ca(ca_file.display());
            }
        }
    }
    Ok(config)
}

fn told(error: tiberius::error::Error) -> SqlError {
    SqlError::Database(match error {
        tiberius::error::Error::Server(error) => format!("{} (error {})", error.message(), error.code()),
        other => other.to_string(),
    })
}

fn cells(row: Row) -> Vec<Cell<'static>> {
    row.into_iter().map(cell).collect()
}

fn cell(value: ColumnData<'static>) -> Cell<'static> {
    fn of<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'static>) -> Cell<'static> {
        value.map_or(Cell::Empty, cell)
    }
    let float = |value: f64| Cell::Number(value);
    match value {
        ColumnData::U8(value) => of(value, |value| float(value.into())),
        ColumnData::I16(value) => of(value, |value| float(value.into())),
        ColumnData::I32(value) => of(value, |value| float(value.into())),
        ColumnData::I64(value) => of(value, |value| number(&value.to_string())),
        // As it is written: 0.1, and not what comes nearest to it.
        ColumnData::F32(value) => of(value, |value| number(&value.to_string())),
        ColumnData::F64(value) => of(value, float),
        ColumnData::Bit(value) => of(value, |value| float(f64::from(u8::from(value)))),
        ColumnData::Numeric(value) => of(value, |value| number(&decimal(value))),
        ColumnData::String(value) => of(value, |value| Cell::Text(value.into_owned().into())),
        ColumnData::Xml(value) => of(value, |value| Cell::Text(value.into_owned().into_string().into())),
        ColumnData::Guid(value) => of(value, |value| Cell::Text(value.to_string().into())),
        ColumnData::Binary(value) => of(value, |value| Cell::Wrong {
            text: format!("{} bytes", value.len()),
            reason: "is no text and no number; cast it in the query (a rowversion to bigint)",
        }),
        ColumnData::Date(value) => of(value, |value| local(day(value), 0)),
        ColumnData::DateTime(value) => of(value, |value| {
            // 300ths of a second, which the server shows in milliseconds.
            let millis = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
            local(date(1900, 1, 1).checked_add(i64::from(value.days()).days()), millis * 1_000_000)
        }),
        ColumnData::SmallDateTime(value) => of(value, |value| {
            let nanos = i64::from(value.seconds_fragments()) * 60 * 1_000_000_000;
            local(date(1900, 1, 1).checked_add(i64::from(value.days()).days()), nanos)
        }),
        ColumnData::DateTime2(value) => of(value, |value| local(day(value.date()), nanos(value.time()))),
        // The date and the time are those of UTC.
        ColumnData::DateTimeOffset(value) => of(value, |value| {
            let (at, nanos) = (value.datetime2(), nanos(value.datetime2().time()));
            match local(day(at.date()), nanos) {
                Cell::Local(time) => moment(time),
                other => other,
            }
        }),
        ColumnData::Time(value) => of(value, |value| match local(Ok(date(1900, 1, 1)), nanos(value)) {
            Cell::Local(time) => Cell::Text(time.time().to_string().into()),
            other => other,
        }),
    }
}

/// `-12.50`, exactly.
fn decimal(value: Numeric) -> String {
    let (digits, scale) = (value.value().unsigned_abs().to_string(), usize::from(value.scale()));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if value.value() < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn day(value: tiberius::time::Date) -> Result<Date, jiff::Error> {
    date(1, 1, 1).checked_add(i64::from(value.days()).days())
}

fn nanos(value: tiberius::time::Time) -> i64 {
    let power = 9_u32.saturating_sub(u32::from(value.scale()));
    i64::try_from(value.increments().saturating_mul(10_u64.pow(power))).unwrap_or(i64::MAX)
}

/// So many nanoseconds after midnight.
fn local(day: Result<Date, jiff::Error>, nanos: i64) -> Cell<'static> {
    let time = day
        .and_then(|day| day.to_datetime(jiff::civil::Time::midnight()).checked_add(SignedDuration::from_nanos(nanos)));
    time.map_or_else(|_| Cell::Wrong { text: "a time".to_owned(), reason: "lies outside the calendar" }, Cell::Local)
}

fn moment(time: DateTime) -> Cell<'static> {
    let moment = TimeZone::UTC.to_timestamp(time);
    moment.map_or(Cell::Local(time), |moment| Cell::Moment(Timestamp(moment.as_microsecond())))
}
