//! Who writes, who there is, and how much of the stream is kept.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::Address;
use super::peers::{Peers, Registry};
use super::{Failure, Phase, RedisSettings, scripts};
use crate::log::local::LocalLog;

/// How long the lease holds without being renewed.
const LEASE: Duration = Duration::from_secs(3);
const RENEW: Duration = Duration::from_secs(1);
/// How often others look whether it is free.
const LOOK: Duration = Duration::from_millis(250);
/// Shorter than the lease, so that an answer that hangs does not outlive it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// So much before the lease ends a server no longer counts on it: its sources need a moment to stop.
const NOTICE: Duration = Duration::from_millis(500);
/// How often a server tells how far it has archived.
pub(super) const REPORT: Duration = Duration::from_secs(1);
const TRIM: Duration = Duration::from_secs(2);
/// Most bytes of the stream, and most of what Redis may take: the rest is for whom it answers.
const KEEP_BYTES: u64 = 256 << 20;
const KEEP_SHARE: u64 = 2;

/// Who decides and appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    Nobody,
    This,
    /// The server at this address.
    Other(String),
}

/// The task that holds the lease or waits for it.
pub(super) struct Holder {
    address: Address,
    advertise: String,
    /// Who we are in the lease; another server may advertise the same address by mistake.
    value: String,
    keep_entries: u64,
    archive: LocalLog,
    phase: watch::Receiver<Phase>,
    writer: watch::Sender<Writer>,
    registry: watch::Sender<Option<Registry>>,
    connection: Option<MultiplexedConnection>,
    /// Until when the lease is ours for certain.
    held_until: Option<Instant>,
    reported: Option<Instant>,
    trimmed: Instant,
    is_size_told: bool,
}

impl Holder {
    pub(super) fn new(
        address: Address,
        settings: &RedisSettings,
        archive: LocalLog,
        phase: watch::Receiver<Phase>,
    ) -> Result<(Self, watch::Receiver<Writer>, Peers), Failure> {
        let (writer, watcher) = watch::channel(Writer::Nobody);
        let (registry, known) = watch::channel(None);
        let holder = Self {
            address,
            advertise: settings.advertise.clone(),
            value: format!("{} {:032x}", settings.advertise, rand::random::<u128>()),
            keep_entries: settings.keep_entries,
            archive,
            phase,
            writer,
            registry,
            connection: None,
            held_until: None,
            reported: None,
            trimmed: Instant::now(),
            is_size_told: true,
        };
        Ok((holder, watcher, Peers::new(known)?))
    }

    /// Runs until the server stops, and then gives the lease back.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            if let Err(failure) = self.turn_in_time().await {
                tracing::debug!(%failure, "the lease was not asked for");
                self.connection = None;
            }
            if self.held_until.is_some_and(|until| Instant::now() >= until) {
                self.held_until = None;
                self.publish(Writer::Nobody);
            }
            let is_steady = self.held_until.is_some() && self.connection.is_some();
            let pause = if is_steady { RENEW } else { LOOK };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // A server that has just caught up need not wait to take the lease.
                Ok(()) = self.phase.changed() => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        if self.held_until.is_some()
            && let Err(failure) = self.turn(false).await
        {
            tracing::debug!(%failure, "the lease was not given back; it ends by itself");
        }
    }

    /// What hangs beyond the end of the lease must not keep this server the writer.
    async fn turn_in_time(&mut self) -> Result<(), Failure> {
        match self.held_until {
            None => self.turn(true).await,
            Some(until) => tokio::time::timeout_at(until, self.turn(true))
                .await
                .unwrap_or_else(|_| Err(Failure::Away("Redis did not answer before the lease was over".to_owned()))),
        }
    }

    async fn turn(&mut self, willing: bool) -> Result<(), Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.address.connect(RESPONSE_TIMEOUT).await?,
        };
        // Before anything is written: a Redis without memory takes nothing until something has gone.
        if let Err(error) = self.trim(&mut connection).await {
            tracing::warn!(%error, "the stream was not trimmed; trying again");
        }
        if self.reported.is_none_or(|reported| reported.elapsed() >= REPORT) {
            self.report(&mut connection).await.map_err(|error| self.address.explain(&error))?;
            self.reported = Some(Instant::now());
        }
        self.hold(&mut connection, willing).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Only a server that follows the log may write it.
    async fn hold(&mut self, connection: &mut MultiplexedConnection, willing: bool) -> Result<(), Failure> {
        let eligible = willing && matches!(*self.phase.borrow_and_update(), Phase::Following);
        let asked = Instant::now();
        let ttl_millis = LEASE.as_millis() as u64;
        let holder = scripts::lease(connection, &self.value, ttl_millis, eligible).await;
        let holder = holder.map_err(|error| self.address.explain(&error))?;
        let is_ours = holder.as_ref() == Some(&self.value);
        self.held_until = is_ours.then(|| asked + LEASE - NOTICE);
        self.publish(match holder {
            _ if is_ours => Writer::This,
            None => Writer::Nobody,
            Some(value) => Writer::Other(value.split(' ').next().unwrap_or_default().to_owned()),
        });
        Ok(())
    }

    fn publish(&self, writer: Writer) {
        self.writer.send_if_modified(|current| {
            let changed = *current != writer;
            if changed {
                match &writer {
                    Writer::This => tracing::info!("this server writes the log"),
                    Writer::Other(url) => tracing::info!(%url, "another server writes the log"),
                    Writer::Nobody => tracing::warn!("no server is known to write the log"),
                }
            }
            *current = writer;
            changed
        });
    }

    /// Tells how far this server is and reads how far the others are.
    async fn report(&self, connection: &mut MultiplexedConnection) -> redis::RedisResult<()> {
        match scripts::report(connection, &self.advertise, self.archive.head().position).await {
            Err(error) if error.code() == Some("OOM") => {
                tracing::debug!(%error, "how far this server is was not reported");
            }
            reported => reported?,
        }
        let registry = scripts::registry(connection, &self.advertise).await?;
        self.registry.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&registry);
            *known = Some(registry);
            changed
        });
        Ok(())
    }

    /// The writer, or anyone when there is none, keeps the stream bounded, and never forgets what a living
    /// server has not archived.
    async fn trim(&mut self, connection: &mut MultiplexedConnection) -> redis::RedisResult<()> {
        let is_ours =
            matches!(*self.phase.borrow(), Phase::Following) && !matches!(*self.writer.borrow(), Writer::Other(_));
        if !is_ours || self.trimmed.elapsed() < TRIM {
            return Ok(());
        }
        self.trimmed = Instant::now();
        let own = self.archive.head().position.offset;
        let keep = self.keep_entries.min(self.entries_that_fit(connection).await?);
        let registry = scripts::registry(connection, &self.advertise).await?;
        let archived = registry.others.iter().map(|peer| peer.offset).fold(own, u64::min);
        let from = own.saturating_sub(keep).min(archived) + 1;
        let trimmed = scripts::trim(connection, from).await?;
        if trimmed > 0 {
            tracing::debug!(trimmed, from, "the stream was trimmed");
        }
        Ok(())
    }

    /// How many of the newest entries may stay, going by what they take now.
    async fn entries_that_fit(&mut self, connection: &mut MultiplexedConnection) -> redis::RedisResult<u64> {
        let size = match scripts::size(connection).await {
            Err(error) if error.code() == Some("NOPERM") => {
                if std::mem::take(&mut self.is_size_told) {
                    tracing::warn!(%error, "the stream is bounded by entries only, not by bytes; permit MEMORY USAGE (ACL: +memory|usage)");
                }
                return Ok(u64::MAX);
            }
            size => size?,
        };
        let most = size.limit.map_or(KEEP_BYTES, |limit| KEEP_BYTES.min(limit / KEEP_SHARE));
        let fit = u128::from(size.entries) * u128::from(most) / u128::from(size.bytes.max(1));
        Ok(if size.bytes > most { u64::try_from(fit).unwrap_or(u64::MAX) } else { u64::MAX })
    }
}
