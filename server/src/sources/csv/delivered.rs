//! What of each file was recorded before, so that reading it again records only what is new.
//!
//! A batch is written down before it is recorded and struck out after: whatever is killed in between,
//! it is recorded once.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::event::ObservationRow;
use serde::{Deserialize, Serialize};

use crate::sources::state;

/// A batch that was perhaps recorded, perhaps not.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pending {
    pub file: String,
    pub key: String,
    pub rows: Vec<ObservationRow>,
}

/// The batch that was under way when the server ended, if one was.
///
/// # Errors
/// When it cannot be read.
pub fn pending(folder: &Path) -> io::Result<Option<Pending>> {
    state::load(&folder.join("pending.json"))
}

/// What was recorded of one file: for each series and time the value, both as hashes.
#[derive(Debug)]
pub struct Delivered {
    folder: PathBuf,
    file: String,
    values: HashMap<u64, u64>,
    /// Entries ever written; makes keys of batches differ that have the same rows.
    entries: u64,
}

/// Bytes of one entry: the hash of series and time, the hash of the value.
const ENTRY_BYTES: usize = 16;

impl Delivered {
    /// # Errors
    /// When it cannot be read.
    pub fn load(folder: &Path, file: &str) -> io::Result<Self> {
        let mut delivered =
            Self { folder: folder.to_owned(), file: file.to_owned(), values: HashMap::new(), entries: 0 };
        let bytes = match std::fs::read(delivered.path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (entries, torn) = bytes.as_chunks::<ENTRY_BYTES>();
        for entry in entries {
            let [series, value] = [&entry[..8], &entry[8..]].map(|half| half.try_into().map_or(0, u64::from_be_bytes));
            delivered.values.insert(series, value);
        }
        delivered.entries = entries.len() as u64;
        if !torn.is_empty() {
            let whole = bytes.len() - torn.len();
            OpenOptions::new().write(true).open(delivered.path())?.set_len(whole as u64)?;
        }
        Ok(delivered)
    }

    /// Whether exactly this was recorded last.
    pub fn has(&self, row: &ObservationRow) -> bool {
        self.values.get(&series_hash(row)) == Some(&value_hash(row))
    }

    /// Writes a batch down before it is recorded, and names it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self, rows: Vec<ObservationRow>) -> io::Result<Pending> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.file.as_bytes()).update(&self.entries.to_be_bytes());
        for row in &rows {
            hasher.update(&series_hash(row).to_be_bytes()).update(&value_hash(row).to_be_bytes());
        }
        let pending = Pending { file: self.file.clone(), key: format!("csv:{}", hasher.finalize().to_hex()), rows };
        state::save(&self.folder.join("pending.json"), &pending)?;
        Ok(pending)
    }

    /// Notes that a batch was recorded.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self, rows: &[ObservationRow]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(rows.len() * ENTRY_BYTES);
        for row in rows {
            let (series, value) = (series_hash(row), value_hash(row));
            bytes.extend_from_slice(&series.to_be_bytes());
            bytes.extend_from_slice(&value.to_be_bytes());
            self.values.insert(series, value);
        }
        let path = self.path();
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        self.entries += rows.len() as u64;
        std::fs::remove_file(self.folder.join("pending.json"))?;
        File::open(&self.folder)?.sync_data()
    }

    fn path(&self) -> PathBuf {
        let name = blake3::hash(self.file.as_bytes()).to_hex();
        self.folder.join("delivered").join(&name[..32])
    }
}

/// Of the series and time of a row.
pub fn series_hash(row: &ObservationRow) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(row.series.indicator.as_str().as_bytes()).update(b"\0");
    hasher.update(row.series.area.as_str().as_bytes()).update(&[0, row.series.scenario as u8]);
    hasher.update(&row.phenomenon_time.as_micros().to_be_bytes());
    first_bytes(&hasher)
}

/// Of the value and status of a row.
pub fn value_hash(row: &ObservationRow) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&row.value.to_bits().to_be_bytes()).update(&[row.status as u8]);
    first_bytes(&hasher)
}

fn first_bytes(hasher: &blake3::Hasher) -> u64 {
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
