//! MySQL and MariaDB.

use jiff::tz::TimeZone;
use protocol::Timestamp;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, Row, TypeInfo, ValueRef, raw_sql};

use super::options::{SqlOptions, Tls};
use super::{Sink, SqlError, give_rows, local, number, told};
use crate::sources::rows::Cell;

pub struct Connection(MySqlConnection);

impl Connection {
    pub async fn open(options: &SqlOptions) -> Result<Self, SqlError> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut server = MySqlConnectOptions::new()
            .host(&text(&options.host))
            .database(&text(&options.database))
            .username(&text(&options.user))
            .ssl_mode(match options.tls {
                Tls::Off => MySqlSslMode::Disabled,
                Tls::Prefer => MySqlSslMode::Preferred,
                Tls::Verify => MySqlSslMode::VerifyIdentity,
            });
        if let Some(port) = options.port {
            server = server.port(port);
        }
        if let Some(ca_file) = &options.ca_file {
            server = server.ssl_ca(ca_file);
        }
        if let Some(password) = &options.password {
            server = server.password(&password.reveal()?);
        }
        let mut connection = server.disable_statement_logging().connect().await.map_err(told)?;
        raw_sql("set session transaction read only").execute(&mut connection).await.map_err(told)?;
        // MariaDB counts seconds, MySQL milliseconds; each refuses the other's name.
        let of_mariadb = format!("set session max_statement_time = {}", options.timeout_secs);
        if raw_sql(AssertSqlSafe(of_mariadb)).execute(&mut connection).await.is_err() {
            let of_mysql = format!("set session max_execution_time = {}", options.timeout_secs * 1000);
            raw_sql(AssertSqlSafe(of_mysql)).execute(&mut connection).await.map_err(told)?;
        }
        Ok(Self(connection))
    }

    /// Every value comes as text, whatever its type.
    pub async fn rows(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        raw_sql("start transaction read only").execute(&mut self.0).await.map_err(told)?;
        let rows = raw_sql(AssertSqlSafe(query)).fetch(&mut self.0);
        if !give_rows(rows, cell, &sink).await? {
            return Ok(false);
        }
        raw_sql("rollback").execute(&mut self.0).await.map_err(told)?;
        Ok(true)
    }
}

fn cell(row: &MySqlRow, column: usize) -> Result<Cell<'static>, SqlError> {
    let value = row.try_get_raw(column).map_err(told)?;
    if value.is_null() {
        return Ok(Cell::Empty);
    }
    let kind = value.type_info().name().to_owned();
    let bytes = row.try_get_unchecked::<Vec<u8>, _>(column).map_err(told)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match kind.trim_end_matches(" UNSIGNED") {
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "BOOLEAN" | "YEAR" | "FLOAT" | "DOUBLE"
        | "DECIMAL" => number(&text),
        "DATE" | "DATETIME" => local(&text),
        // By the clocks of the session, which are those of UTC.
        "TIMESTAMP" => match local(&text) {
            Cell::Local(time) => TimeZone::UTC.to_timestamp(time).map_or_else(
                |_| Cell::Text(text.clone().into()),
                |moment| Cell::Moment(Timestamp(moment.as_microsecond())),
            ),
            other => other,
        },
        _ => Cell::Text(text.into()),
    })
}
