//! The data folder belongs to one server.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the data folder {folder} is in use by another server; stop that one, or give this one a folder of its own with --data", folder = folder.display())]
    InUse { folder: PathBuf },
    #[error("the data folder {folder} cannot be used ({error}); check that it is on a local disk and writable, or give another one with --data", folder = folder.display())]
    Unusable { folder: PathBuf, error: io::Error },
}

/// A data folder that no other server can claim while this is kept. The system lets go of it with the process.
#[derive(Debug)]
pub struct Claimed {
    _lock: File,
}

/// Makes the folder if need be and claims it.
///
/// # Errors
/// When another server has it, or it cannot be written.
pub fn claim(folder: &Path) -> Result<Claimed, FolderError> {
    let unusable = |error| FolderError::Unusable { folder: folder.to_owned(), error };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"));
    let lock = lock.map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(Claimed { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}
