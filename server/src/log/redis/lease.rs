//! Who writes, who there is, and how much of the stream is kept.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::Address;
use super::peers::{Peer, Peers, Registry};
use super::{Failure, Phase, RedisSettings, scripts};
use crate::log::local::LocalLog;

/// How long the lease holds without being renewed.
const LEASE: Duration = Duration::from_secs(3);
const RENEW: Duration = Duration::from_secs(1);
/// How often others look whether it is free.
const LOOK: Duration = Duration::from_millis(250);
/// Shorter than the lease, so that an answer that hangs does not outlive it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a server tells how far it has archived, and how long that is believed.
const REPORT: Duration = Duration::from_secs(1);
const REPORT_TTL: Duration = Duration::from_secs(10);
const TRIM: Duration = Duration::from_secs(5);

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
        };
        Ok((holder, watcher, Peers::new(known)?))
    }

    /// Runs until the server stops, and then gives the lease back.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            if let Err(failure) = self.turn(true).await {
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

    async fn turn(&mut self, willing: bool) -> Result<(), Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.address.connect(RESPONSE_TIMEOUT).await?,
        };
        let is_due = self.reported.is_none_or(|reported| reported.elapsed() >= REPORT);
        if is_due {
            let registry = self.report(&mut connection).await.map_err(|error| self.address.explain(&error))?;
            self.reported = Some(Instant::now());
            self.trim(&mut connection, &registry).await;
            self.registry.send_if_modified(|known| {
                let changed = known.as_ref() != Some(&registry);
                *known = Some(registry);
                changed
            });
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
        self.held_until = is_ours.then(|| asked + LEASE);
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
    async fn report(&self, connection: &mut MultiplexedConnection) -> redis::RedisResult<Registry> {
        let position = self.archive.head().position;
        let mut ask = redis::pipe();
        ask.cmd("SET").arg(server_key(&self.advertise)).arg(format!("{} {}", position.epoch, position.offset));
        ask.arg("PX").arg(REPORT_TTL.as_millis() as u64).ignore();
        ask.cmd("SADD").arg(scripts::SERVERS).arg(&self.advertise).ignore();
        ask.cmd("SET").arg(scripts::SECRET).arg(format!("{:032x}", rand::random::<u128>())).arg("NX").ignore();
        ask.cmd("GET").arg(scripts::SECRET);
        ask.cmd("SMEMBERS").arg(scripts::SERVERS);
        let (secret, urls): (String, Vec<String>) = ask.query_async(connection).await?;
        let mut others = Vec::new();
        for url in urls.into_iter().filter(|url| *url != self.advertise) {
            let reported: Option<String> = redis::cmd("GET").arg(server_key(&url)).query_async(connection).await?;
            match reported.as_deref().and_then(parse_report) {
                Some((epoch, offset)) => others.push(Peer { url, epoch, offset }),
                None => redis::cmd("SREM").arg(scripts::SERVERS).arg(url).query_async::<()>(connection).await?,
            }
        }
        Ok(Registry { secret, others })
    }

    /// The writer keeps the stream bounded, and never forgets what a living server has not archived.
    async fn trim(&mut self, connection: &mut MultiplexedConnection, registry: &Registry) {
        if self.held_until.is_none() || self.trimmed.elapsed() < TRIM {
            return;
        }
        self.trimmed = Instant::now();
        let own = self.archive.head().position.offset;
        let archived = registry.others.iter().map(|peer| peer.offset).fold(own, u64::min);
        let from = own.saturating_sub(self.keep_entries).min(archived) + 1;
        match scripts::trim(connection, from).await {
            Ok(0) => {}
            Ok(trimmed) => tracing::debug!(trimmed, from, "the stream was trimmed"),
            Err(error) => tracing::warn!(%error, "the stream was not trimmed; trying again"),
        }
    }
}

fn server_key(url: &str) -> String {
    format!("ioc:server:{url}")
}

fn parse_report(report: &str) -> Option<(u64, u64)> {
    let (epoch, offset) = report.split_once(' ')?;
    Some((epoch.parse().ok()?, offset.parse().ok()?))
}
