//! Files that the configuration names.

use std::io::Read;
use std::path::{Component, Path};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("it does not lie in the folder of the configuration; give a path within it, without '..'")]
    Outside,
    #[error("there is no such file; paths are relative to the folder of the configuration")]
    Missing,
    #[error("it is no file")]
    NoFile,
    #[error("the file has {0} bytes; at most {1} are read")]
    TooLarge(u64, u64),
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// The bytes of a file below `dir`; at most `most` of them are ever held.
pub(super) fn read(dir: &Path, file: &str, most: u64) -> Result<Vec<u8>, FileError> {
    let is_within = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if file.is_empty() || !Path::new(file).components().all(is_within) {
        return Err(FileError::Outside);
    }
    let path = dir.join(file);
    let about = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing,
        _ => FileError::Io(error),
    })?;
    if !about.is_file() {
        return Err(FileError::NoFile);
    }
    if about.len() > most {
        return Err(FileError::TooLarge(about.len(), most));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    std::fs::File::open(&path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        read if read > most => Err(FileError::TooLarge(read, most)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_read_and_no_more_than_allowed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), b"1234").unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("zero")).unwrap();
        assert_eq!(read(dir.path(), "./a/b", 4).unwrap(), b"1234");
        for (file, most, said) in [
            ("a/b", 3, "has 4 bytes; at most 3"),
            ("a/../../x", 9, "does not lie in the folder"),
            ("/etc/hostname", 999, "does not lie in the folder"),
            ("", 9, "does not lie in the folder"),
            ("a", 9, "it is no file"),
            ("zero", 9, "it is no file"),
            ("c", 9, "there is no such file"),
        ] {
            let error = read(dir.path(), file, most).unwrap_err().to_string();
            assert!(error.contains(said), "{file}: {error}");
        }
    }
}
