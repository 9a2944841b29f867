//! When the log is not what this server archived: agreeing on where the two part, and going on from there.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use super::Failure;
use super::follower::Follower;
use super::lease::REPORT;
use super::scripts::{self, Remote};
use crate::log::local::fresh_epoch;
use crate::log::{Hash, Head, LogError};

/// How long servers have to tell how far they are: they notice at different moments that Redis is back.
const SETTLE: Duration = REPORT.saturating_mul(2);

impl Follower {
    /// Brings the archive in line with the log in Redis: afterwards it is a beginning of it, of the same epoch.
    ///
    /// `diverged` says that entries were seen that do not continue the archive.
    pub(super) async fn agree(
        &self,
        connection: &mut MultiplexedConnection,
        mut diverged: bool,
    ) -> Result<(), Failure> {
        loop {
            let own = self.archive.head();
            let Some(remote) = self.ask(scripts::head(connection).await)? else {
                self.seed(connection, own).await?;
                continue;
            };
            if remote.head.position.epoch != own.position.epoch {
                return self.adopt(connection, own, &remote).await;
            }
            if !diverged && continues(own, remote.head) {
                return Ok(());
            }
            self.refuse_broken_chain(connection, own, &remote).await?;
            let epoch = fresh_epoch() as u64;
            if self.ask(scripts::begin_epoch(connection, &remote, epoch).await)? {
                tracing::error!(
                    epoch,
                    offset = remote.head.position.offset,
                    archived = own.position.offset,
                    "the log in Redis lacks entries that this server has archived; it begins a new epoch"
                );
            }
            diverged = false;
        }
    }

    /// A Redis without a log gets one that begins behind the archive that has most of it. Who has how much is
    /// lost with the log, so it is told anew and waited for.
    async fn seed(&self, connection: &mut MultiplexedConnection, own: Head) -> Result<(), Failure> {
        self.ask(scripts::report(connection, &self.advertise, own.position).await)?;
        tokio::time::sleep(SETTLE).await;
        let registry = self.ask(scripts::registry(connection, &self.advertise).await)?;
        if let Some(further) = registry.others.iter().find(|peer| peer.offset > own.position.offset) {
            tracing::info!(
                url = further.url,
                offset = further.offset,
                "Redis has no log; another server has more of it"
            );
            return Ok(());
        }
        let (mut head, mut was) = (own, Vec::new());
        if own.position.offset > 0 {
            head.position.epoch = fresh_epoch() as u64;
            was.push(own.position.epoch);
        }
        if self.ask(scripts::seed(connection, head, &was).await)? {
            tracing::info!(
                epoch = head.position.epoch,
                offset = head.position.offset,
                "Redis had no log; it goes on behind the archive of this server"
            );
        }
        Ok(())
    }

    /// Cuts the archive back to what it has in common with a log of another epoch, and goes on under that.
    async fn adopt(&self, connection: &mut MultiplexedConnection, own: Head, remote: &Remote) -> Result<(), Failure> {
        let common = self.common_ancestor(connection, own, remote.head).await?;
        let own_position = own.position;
        if common == 0 && own_position.offset > 0 && !remote.was.contains(&own_position.epoch) {
            return Err(Failure::Unsuitable(format!(
                "the data folder holds the log of another centre (epoch {}, {} entries) than Redis does (epoch {}); give another folder with --data, or another Redis or database with [log] redis",
                own_position.epoch, own_position.offset, remote.head.position.epoch
            )));
        }
        let lost = self.archive.cut(remote.head.position.epoch, common).await?;
        let loss = (lost > 0).then(|| {
            format!(
                "entries {} to {} were lost: the log in Redis came back without them; log.sqlite keeps them in lost_entries under epoch {}",
                common + 1, own_position.offset, own_position.epoch
            )
        });
        if let Some(loss) = &loss {
            tracing::error!(epoch = remote.head.position.epoch, "{loss}");
        }
        Ok(self.tail.restart(&self.archive, loss).await?)
    }

    /// The greatest offset up to which the archive and the log are the same: the chain makes one hash speak for all before it.
    async fn common_ancestor(
        &self,
        connection: &mut MultiplexedConnection,
        own: Head,
        remote: Head,
    ) -> Result<u64, Failure> {
        let shorter = own.position.offset.min(remote.position.offset);
        if self.is_same_at(connection, shorter, remote).await? {
            return Ok(shorter);
        }
        let (mut same, mut different) = (0, shorter);
        while different - same > 1 {
            let middle = same + (different - same) / 2;
            if self.is_same_at(connection, middle, remote).await? {
                same = middle;
            } else {
                different = middle;
            }
        }
        Ok(same)
    }

    async fn is_same_at(
        &self,
        connection: &mut MultiplexedConnection,
        offset: u64,
        remote: Head,
    ) -> Result<bool, Failure> {
        if offset == 0 {
            return Ok(true);
        }
        let theirs = if offset == remote.position.offset {
            remote.hash
        } else {
            match self.ask(scripts::hash_at(connection, offset).await)? {
                Some(hash) => hash,
                None => self.peers.hash_at(remote.position.epoch, offset).await?,
            }
        };
        Ok(self.own_hash(offset).await? == Some(theirs))
    }

    async fn own_hash(&self, offset: u64) -> Result<Option<Hash>, Failure> {
        let archive = self.archive.clone();
        let hash = tokio::task::spawn_blocking(move || archive.hash_at(offset)).await;
        Ok(hash.map_err(|_| LogError::Stopped)??)
    }

    /// An entry in Redis that follows nothing would begin one epoch after the other.
    async fn refuse_broken_chain(
        &self,
        connection: &mut MultiplexedConnection,
        own: Head,
        remote: &Remote,
    ) -> Result<(), Failure> {
        let offset = own.position.offset;
        if remote.head.position.offset <= offset {
            return Ok(());
        }
        if self.ask(scripts::hash_at(connection, offset).await)? == Some(own.hash) {
            return Err(Failure::Unsuitable(format!(
                "entry {} of the log in Redis does not follow the one before it; something else has written to the keys ioc:*",
                offset + 1
            )));
        }
        Ok(())
    }

    fn ask<T>(&self, asked: redis::RedisResult<T>) -> Result<T, Failure> {
        asked.map_err(|error| self.address.explain(&error))
    }
}

/// Whether the log can be a continuation of the archive, as far as its head tells.
fn continues(own: Head, remote: Head) -> bool {
    let (mine, theirs) = (own.position.offset, remote.position.offset);
    theirs > mine || (theirs == mine && remote.hash == own.hash)
}
