//! The other servers: who they are, and what they have archived.

use std::time::Duration;

use bytes::Bytes;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Failure;
use super::scripts::Raw;
use crate::log::local::LocalLog;
use crate::log::{Hash, LogError};

/// The header with what only the servers of a centre know.
pub const SECRET_HEADER: &str = "x-ioc-secret";
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// How long to wait until it is known who there is.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of bodies in a page.
const PAGE_BYTES: usize = 8 << 20;

/// A server and how far it has archived the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) url: String,
    pub(super) epoch: u64,
    pub(super) offset: u64,
}

/// What the registry in Redis says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Registry {
    pub(super) secret: String,
    /// Without this server.
    pub(super) others: Vec<Peer>,
}

/// Archived entries, as they travel between servers of one centre (and only there).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    pub epoch: u64,
    pub entries: Vec<Archived>,
}

/// One archived entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Archived {
    pub offset: u64,
    pub recorded_at: Timestamp,
    pub hash: Bytes,
    pub body: Bytes,
}

/// Asks the other servers.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    http: reqwest::Client,
    registry: watch::Receiver<Option<Registry>>,
}

impl Peers {
    /// # Errors
    /// When no client can be made.
    pub(super) fn new(registry: watch::Receiver<Option<Registry>>) -> Result<Self, Failure> {
        crate::tls::provide();
        let http =
            reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).build();
        let http = http.map_err(|error| Failure::Unsuitable(format!("no HTTP client can be made: {error}")))?;
        Ok(Self { http, registry })
    }

    pub(super) fn admits(&self, secret: &[u8]) -> bool {
        // Compared by hash, so that the time it takes tells nothing.
        self.registry.borrow().as_ref().is_some_and(|registry| {
            !registry.secret.is_empty() && blake3::hash(registry.secret.as_bytes()) == blake3::hash(secret)
        })
    }

    /// Sends a request to a server.
    pub(super) async fn post(&self, url: &str, path: &str, body: Vec<u8>) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.http.post(format!("{url}{path}")).header(SECRET_HEADER, self.secret()).body(body);
        request.send().await?.error_for_status()
    }

    /// Entries behind `after` of an epoch, from whoever has them.
    ///
    /// # Errors
    /// When nobody does.
    pub(super) async fn entries(&self, epoch: u64, after: u64, limit: usize) -> Result<Vec<Raw>, Failure> {
        let mut reason = "no other server has archived them".to_owned();
        for peer in self.others().await {
            if peer.epoch != epoch || peer.offset <= after {
                continue;
            }
            match self.page(&peer.url, after, limit).await {
                Ok(page) if page.epoch == epoch && !page.entries.is_empty() => {
                    return page.entries.into_iter().map(Archived::into_raw).collect();
                }
                Ok(_) => {}
                Err(error) => reason = format!("{}: {error}", peer.url),
            }
        }
        Err(Failure::Away(format!(
            "the entries behind {after} are not in Redis any more and cannot be had from another server ({reason}); start one that has them"
        )))
    }

    /// The hash of an entry of an epoch, from whoever has it.
    ///
    /// # Errors
    /// When nobody does.
    pub(super) async fn hash_at(&self, epoch: u64, offset: u64) -> Result<Hash, Failure> {
        let found = self.entries(epoch, offset.saturating_sub(1), 1).await?;
        let found = found.first().filter(|entry| entry.offset == offset).map(|entry| entry.hash);
        found.ok_or_else(|| Failure::Away(format!("no other server knows entry {offset}")))
    }

    async fn page(&self, url: &str, after: u64, limit: usize) -> Result<Page, String> {
        let request = self.http.get(format!("{url}/internal/v1/log?after={after}&limit={limit}"));
        let response = request.header(SECRET_HEADER, self.secret()).send().await.and_then(|r| r.error_for_status());
        let body = response.map_err(|error| error.to_string())?.bytes().await.map_err(|error| error.to_string())?;
        rmp_serde::from_slice(&body).map_err(|error| error.to_string())
    }

    async fn others(&self) -> Vec<Peer> {
        let mut registry = self.registry.clone();
        let known = tokio::time::timeout(REGISTRY_PATIENCE, registry.wait_for(Option::is_some)).await;
        match known {
            Ok(Ok(registry)) => registry.as_ref().map(|registry| registry.others.clone()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn secret(&self) -> String {
        self.registry.borrow().as_ref().map(|registry| registry.secret.clone()).unwrap_or_default()
    }
}

/// A page of an archive.
pub(super) fn page(archive: &LocalLog, after: u64, limit: usize) -> Result<Page, LogError> {
    let epoch = archive.head().position.epoch;
    let mut bytes = 0;
    let entries = archive.read(after, limit)?.into_iter().take_while(|written| {
        let fits = bytes == 0 || bytes + written.body.len() <= PAGE_BYTES;
        bytes += written.body.len();
        fits
    });
    let entries = entries.map(|written| Archived {
        offset: written.entry.offset,
        recorded_at: written.entry.recorded_at,
        hash: Bytes::copy_from_slice(&written.entry.hash.0),
        body: written.body.into(),
    });
    let page = Page { epoch, entries: entries.collect() };
    let is_same_epoch = archive.head().position.epoch == epoch;
    Ok(if is_same_epoch { page } else { Page { epoch, entries: Vec::new() } })
}

impl Archived {
    fn into_raw(self) -> Result<Raw, Failure> {
        let hash = <[u8; 32]>::try_from(&self.hash[..]);
        let hash =
            hash.map_err(|_| Failure::Away("another server sent a hash that is not 32 bytes long".to_owned()))?;
        Ok(Raw { offset: self.offset, hash: Hash(hash), recorded_at: self.recorded_at, body: self.body.into() })
    }
}
