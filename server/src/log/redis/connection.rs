//! Connections to Redis, each checked before it is used: a Redis that comes back may be set up differently.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};

use super::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The oldest version whose streams can be trimmed by id.
const LEAST_VERSION: (u32, u32) = (6, 2);

/// How to reach Redis.
#[derive(Debug, Clone)]
pub(super) struct Address {
    client: Client,
    shown: String,
}

impl Address {
    /// # Errors
    /// When the address is none.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let client = Client::open(url).map_err(|error| {
            Failure::Unsuitable(format!("[log] redis is no address of a Redis ({error}); write 'redis://host:6379'"))
        })?;
        let shown = client.get_connection_info().addr().to_string();
        Ok(Self { client, shown })
    }

    /// Connects and checks that what Redis acknowledges is on its disk.
    ///
    /// # Errors
    /// When it cannot be reached or must not be used as it is.
    pub(super) async fn connect(&self, response_timeout: Duration) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(response_timeout));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| self.explain(&error))?;
        self.check_version(&mut connection).await?;
        self.check_settings(&mut connection).await?;
        Ok(connection)
    }

    async fn check_version(&self, connection: &mut MultiplexedConnection) -> Result<(), Failure> {
        let info: String =
            redis::cmd("INFO").arg("server").query_async(connection).await.map_err(|e| self.explain(&e))?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("unknown").trim();
        let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if (major, minor) >= LEAST_VERSION => Ok(()),
            _ => Err(Failure::Unsuitable(format!(
                "Redis at {} is version {version}; 6.2 or newer is needed",
                self.shown
            ))),
        }
    }

    async fn check_settings(&self, connection: &mut MultiplexedConnection) -> Result<(), Failure> {
        let appendonly = self.setting(connection, "appendonly").await?;
        let appendfsync = self.setting(connection, "appendfsync").await?;
        if appendonly != "yes" || appendfsync != "always" {
            return Err(Failure::Unsuitable(format!(
                "Redis at {} has appendonly {appendonly} and appendfsync {appendfsync}, so that what it acknowledges may be lost; set 'appendonly yes' and 'appendfsync always' in redis.conf",
                self.shown
            )));
        }
        let limited = self.setting(connection, "maxmemory").await? != "0";
        let policy = self.setting(connection, "maxmemory-policy").await?;
        if limited && policy.starts_with("allkeys") {
            return Err(Failure::Unsuitable(format!(
                "Redis at {} has maxmemory-policy {policy}, so that it may throw the log away; set 'maxmemory-policy noeviction'",
                self.shown
            )));
        }
        Ok(())
    }

    async fn setting(&self, connection: &mut MultiplexedConnection, name: &str) -> Result<String, Failure> {
        let asked = redis::cmd("CONFIG").arg("GET").arg(name).query_async::<Vec<String>>(connection).await;
        match asked {
            Ok(pair) => Ok(pair.into_iter().nth(1).unwrap_or_default()),
            Err(error) if is_broken(&error) || error.code() == Some("LOADING") => Err(self.explain(&error)),
            Err(error) => Err(Failure::Unsuitable(format!(
                "Redis at {} does not tell its {name} ({error}), so that nobody knows whether what it acknowledges is on its disk; permit CONFIG GET to this user (ACL: +config|get)",
                self.shown
            ))),
        }
    }

    /// What went wrong, for an administrator.
    pub(super) fn explain(&self, error: &RedisError) -> Failure {
        match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
                Failure::Unsuitable(format!("Redis at {} does not let this server in: {error}", self.shown))
            }
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
                Failure::Unsuitable(format!("Redis at {} does not let this server in: {error}", self.shown))
            }
            _ => Failure::Away(format!("Redis at {}: {error}", self.shown)),
        }
    }
}

/// Whether the connection is to blame, so that nobody knows what Redis has done.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || error.code().is_none()
}
