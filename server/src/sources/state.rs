//! What a source remembers over restarts: small JSON files, replaced whole and durably.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Link, SourceError, on_disk};

/// What a source remembered at `path`, if no other server can have run it since. What cannot be read is lost: `lost`
/// says what follows from that.
///
/// # Errors
/// When the server is stopping.
pub async fn recall<T: DeserializeOwned + Send + 'static>(
    link: &Link,
    path: PathBuf,
    lost: &'static str,
) -> Result<Option<T>, SourceError> {
    if link.is_shared() {
        return Ok(None);
    }
    let read = on_disk(format!("reading {}", path.display()), move || Ok(load::<T>(&path))).await?;
    Ok(read.unwrap_or_else(|error| {
        tracing::warn!(source = %link.source, %error, "{lost}");
        None
    }))
}

/// Remembers `state` at `path`, unless another server may run the source next.
///
/// # Errors
/// When it cannot be written.
pub async fn remember<T: Serialize>(link: &Link, path: PathBuf, state: &T) -> Result<(), SourceError> {
    if link.is_shared() {
        return Ok(());
    }
    let bytes = serde_json::to_vec(state).map_err(SourceError::broken)?;
    on_disk(format!("writing {}", path.display()), move || replace(&path, &bytes)).await
}

/// Reads what was saved; nothing if there is no file.
///
/// # Errors
/// When it cannot be read or is not what was written.
pub fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Saves `state`, so that after a crash either the old or the new one is there.
///
/// # Errors
/// When it cannot be written.
pub fn save<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    let bytes = serde_json::to_vec(state)?;
    replace(path, &bytes)
}

/// Replaces a file as a whole, durably.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/state.json");
        assert_eq!(load::<Vec<u32>>(&path).unwrap(), None);
        save(&path, &vec![1, 2]).unwrap();
        save(&path, &vec![3]).unwrap();
        assert_eq!(load::<Vec<u32>>(&path).unwrap(), Some(vec![3]));
        std::fs::write(&path, "[3").unwrap();
        assert!(load::<Vec<u32>>(&path).is_err());
    }
}
