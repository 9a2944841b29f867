//! PostgreSQL.

use protocol::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row, TypeInfo, ValueRef, raw_sql};

use super::options::{SqlOptions, Tls};
use super::{Sink, SqlError, give_rows, local, number, told};
use crate::sources::rows::Cell;

pub struct Connection(PgConnection);

impl Connection {
    pub async fn open(options: &SqlOptions) -> Result<Self, SqlError> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut server = PgConnectOptions::new_without_pgpass()
            .host(&text(&options.host))
            .database(&text(&options.database))
            .username(&text(&options.user))
            .application_name("ioc-server")
            .ssl_mode(match options.tls {
                Tls::Off => PgSslMode::Disable,
                Tls::Prefer => PgSslMode::Prefer,
                Tls::Verify => PgSslMode::VerifyFull,
            })
            .options([
                ("default_transaction_read_only", "on".to_owned()),
                ("statement_timeout", format!("{}s", options.timeout_secs)),
                ("TimeZone", "UTC".to_owned()),
                ("DateStyle", "ISO".to_owned()),
            ]);
        if let Some(port) = options.port {
            server = server.port(port);
        }
        if let Some(ca_file) = &options.ca_file {
            server = server.ssl_root_cert(ca_file);
        }
        if let Some(password) = &options.password {
            server = server.password(&password.reveal()?);
        }
        Ok(Self(server.disable_statement_logging().connect().await.map_err(told)?))
    }

    /// Every value comes as text, whatever its type.
    pub async fn rows(&mut self, query: &str, sink: Sink) -> Result<bool, SqlError> {
        raw_sql("begin read only").execute(&mut self.0).await.map_err(told)?;
        let rows = raw_sql(AssertSqlSafe(query)).fetch(&mut self.0);
        if !give_rows(rows, cell, &sink).await? {
            return Ok(false);
        }
        raw_sql("rollback").execute(&mut self.0).await.map_err(told)?;
        Ok(true)
    }
}

fn cell(row: &PgRow, column: usize) -> Result<Cell<'static>, SqlError> {
    let value = row.try_get_raw(column).map_err(told)?;
    if value.is_null() {
        return Ok(Cell::Empty);
    }
    let text = value.as_str().map_err(|error| SqlError::Database(error.to_string()))?;
    Ok(match value.type_info().name() {
        "INT2" | "INT4" | "INT8" | "OID" | "FLOAT4" | "FLOAT8" | "NUMERIC" => number(text),
        "BOOL" => Cell::Number(f64::from(u8::from(text == "t"))),
        "DATE" | "TIMESTAMP" => local(text),
        "TIMESTAMPTZ" => text.parse::<jiff::Timestamp>().map_or_else(
            |_| Cell::Text(text.to_owned().into()),
            |moment| Cell::Moment(Timestamp(moment.as_microsecond())),
        ),
        _ => Cell::Text(text.to_owned().into()),
    })
}
