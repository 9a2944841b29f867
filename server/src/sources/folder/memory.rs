//! What is remembered of the files over restarts, so that they are not all read again. It may be lost: the history
//! tells what was recorded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sources::under::Under;
use crate::sources::{Link, SourceError, on_disk, state};

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub len: u64,
    pub modified_micros: i64,
}

/// A file as it was read last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileRead {
    pub stamp: Stamp,
    /// Of its bytes.
    pub hash: String,
    pub under: Under,
    pub at: Timestamp,
    pub refused: u64,
    /// Whether its last line was left because it has no line end.
    pub is_unended: bool,
    /// Whether it is read again though nothing has changed: what was wrong may lie outside it.
    #[serde(skip)]
    pub is_due: bool,
}

/// All files that were read of one log, by their names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    epoch: u64,
    pub files: BTreeMap<String, FileRead>,
    #[serde(skip)]
    saved: BTreeMap<String, FileRead>,
}

impl Memory {
    /// What was saved for this log. Another server may have read these files since, if several may run the source:
    /// nothing is remembered then. What was refused is to be read again.
    pub async fn load(link: &Link) -> Result<Self, SourceError> {
        let (epoch, path) = (link.epoch(), path(link));
        if link.is_shared() {
            return Ok(Self { epoch, ..Self::default() });
        }
        let loaded = on_disk(format!("reading {}", path.display()), move || match state::load::<Self>(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                tracing::warn!(path = %path.display(), %error, "what was remembered of the files cannot be read; they are all read again");
                Ok(None)
            }
            loaded => loaded,
        });
        let mut memory = loaded.await?.filter(|memory| memory.epoch == epoch).unwrap_or_default();
        memory.epoch = epoch;
        memory.saved = memory.files.clone();
        memory.files.values_mut().for_each(|file| file.is_due = file.refused > 0);
        Ok(memory)
    }

    /// Forgets everything when the log began anew: it may lack what was recorded.
    pub fn follow_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }

    /// Saves what has changed since it was saved last.
    pub async fn save(&mut self, link: &Link) -> Result<(), SourceError> {
        if self.saved == self.files || link.is_shared() {
            return Ok(());
        }
        let path = path(link);
        let memory = Self { epoch: self.epoch, files: self.files.clone(), saved: BTreeMap::new() };
        on_disk(format!("writing {}", path.display()), move || state::save(&path, &memory)).await?;
        self.saved = self.files.clone();
        Ok(())
    }
}

fn path(link: &Link) -> PathBuf {
    link.state.join("read.json")
}
