//! The log over Redis Streams: several servers share it, each archives it in its data folder.
//!
//! Redis holds the head {epoch, offset, hash} and the newest entries, under their offsets. Every server
//! follows the stream: it checks the chain of hashes, archives and folds ([`follower`]). One of them, by a
//! lease ([`lease`]), decides and appends ([`append`]); the others forward to it ([`forward`]). Safety does
//! not rest on the lease: an append names the head it was decided on and fails when that has moved.

mod append;
mod connection;
mod epoch;
mod follower;
mod forward;
mod lease;
mod peers;
mod scripts;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::LogError;
use super::local::LocalLog;
use super::tail::Tail;
use crate::clock::Clock;
use connection::Address;

pub use append::{Appender, Unappended};
pub use forward::{Answer, Forwarded};
pub use lease::Writer;
pub use peers::{Page, SECRET_HEADER};

/// How long a start waits for Redis before it serves what the archive has.
const REDIS_PATIENCE: Duration = Duration::from_secs(5);
/// How long a start waits for the entries that it missed.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(60);
/// How long Redis may take to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server needs to know to share a log.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub url: String,
    /// How the other servers reach this one.
    pub advertise: String,
    /// How many of the newest entries stay in the stream.
    pub keep_entries: u64,
}

impl RedisSettings {
    /// With the usual length of the stream.
    #[must_use]
    pub fn new(url: String, advertise: &str) -> Self {
        Self { url, advertise: advertise.trim_end_matches('/').to_owned(), keep_entries: 100_000 }
    }

    /// Whether `url` leads to another machine.
    #[must_use]
    pub fn is_remote(url: &str) -> bool {
        let Ok(info) = redis::IntoConnectionInfo::into_connection_info(url) else { return false };
        match info.addr() {
            redis::ConnectionAddr::Tcp(host, _) | redis::ConnectionAddr::TcpTls { host, .. } => {
                let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
                host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
            }
            _ => false,
        }
    }
}

/// Why the shared log cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Somebody has to set something right first.
    #[error("{0}")]
    Unsuitable(String),
    /// It may be back by itself.
    #[error("{0}")]
    Away(String),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Log(error) => error,
            Failure::Unsuitable(reason) | Failure::Away(reason) => Self::Away { reason },
        }
    }
}

/// How far this server is with following the log.
#[derive(Debug, Clone)]
enum Phase {
    Starting,
    Away(Failure),
    Following,
}

/// A handle to the shared log. Cheap to clone.
#[derive(Clone)]
pub struct RedisLog {
    address: Address,
    archive: LocalLog,
    tail: Arc<Tail>,
    writer: watch::Receiver<Writer>,
    peers: peers::Peers,
}

impl RedisLog {
    /// Joins the log, and returns once this server has what the log had.
    ///
    /// # Errors
    /// When Redis is not set up as it must be, is out of reach while the archive is empty, or holds the log
    /// of another centre.
    pub async fn start(
        settings: RedisSettings,
        archive: LocalLog,
        tail: Arc<Tail>,
        clock: Clock,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let address = Address::parse(&settings.url)?;
        let (phase, mut following) = watch::channel(Phase::Starting);
        let (lease, writer, peers) =
            lease::Holder::new(address.clone(), &settings, archive.clone(), following.clone())?;
        let follower = follower::Follower::new(
            address.clone(),
            settings.advertise,
            archive.clone(),
            Arc::clone(&tail),
            peers.clone(),
            clock,
            phase,
        );
        tokio::spawn(follower.run(stopping.clone()));
        tokio::spawn(lease.run(stopping));
        wait_until_following(&mut following, &archive).await?;
        Ok(Self { address, archive, tail, writer, peers })
    }

    /// Who writes, as far as this server knows.
    #[must_use]
    pub fn writer(&self) -> watch::Receiver<Writer> {
        self.writer.clone()
    }

    /// Whether this server writes.
    #[must_use]
    pub fn is_writer(&self) -> bool {
        *self.writer.borrow() == Writer::This
    }

    /// What the recorder appends with.
    #[must_use]
    pub fn appender(&self) -> Appender {
        Appender::new(self.address.clone())
    }

    /// Whether a request comes from a server of this centre.
    #[must_use]
    pub fn admits(&self, secret: &[u8]) -> bool {
        self.peers.admits(secret)
    }

    /// Archived entries behind `after`, for another server.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub async fn page(&self, after: u64, limit: usize) -> Result<Page, LogError> {
        let archive = self.archive.clone();
        tokio::task::spawn_blocking(move || peers::page(&archive, after, limit)).await.map_err(|_| LogError::Stopped)?
    }
}

async fn wait_until_following(phase: &mut watch::Receiver<Phase>, archive: &LocalLog) -> Result<(), Failure> {
    let since = tokio::time::Instant::now();
    loop {
        let now = phase.borrow_and_update().clone();
        let patience = match now {
            Phase::Following => return Ok(()),
            Phase::Away(failure @ Failure::Unsuitable(_)) => return Err(failure),
            Phase::Away(failure) if since.elapsed() >= REDIS_PATIENCE => {
                return if archive.head().position.offset == 0 { Err(failure) } else { Ok(()) };
            }
            Phase::Away(_) => REDIS_PATIENCE,
            Phase::Starting => CATCH_UP_PATIENCE,
        };
        match tokio::time::timeout_at(since + patience, phase.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(LogError::Stopped.into()),
            Err(_) if matches!(*phase.borrow(), Phase::Starting) => {
                tracing::warn!("still catching up with the log; serving what there is");
                return Ok(());
            }
            Err(_) => {}
        }
    }
}
