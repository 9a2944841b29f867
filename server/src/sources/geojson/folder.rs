//! GeoJSON that comes into a folder.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Points;
use crate::sources::folder::{Files, FolderOptions, written};
use crate::sources::rows::{RowProblem, RowRead};

/// A layer has at most 2,000 points.
const MOST_BYTES: u64 = 16 << 20;

/// A folder with a file that is written again and again, or with one after the other.
#[derive(Debug, Clone)]
pub struct Folder {
    pub folder: PathBuf,
    pub files: FolderOptions,
    pub points: Points,
}

impl Files for Folder {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn options(&self) -> &FolderOptions {
        &self.files
    }

    fn usual(&self) -> &'static [&'static str] {
        &["*.geojson", "*.json"]
    }

    fn read(&self, path: &Path, is_still: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem> {
        let unreadable = |error: io::Error| RowProblem::whole(format!("cannot be read: {error}"));
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(RowProblem::whole(format!("has more than {MOST_BYTES} bytes, more than any layer")));
        }
        let written = written(path).map_err(unreadable)?;
        match serde_json::from_slice(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes)) {
            Ok(root) => {
                give(self.points.read(&root, written)?);
                Ok(false)
            }
            Err(error) => {
                let problems = vec![RowProblem::of_row(error.line() as u64, format!("is no JSON: {error}"))];
                give(RowRead { problems, ..RowRead::default() });
                // It may be half written.
                Ok(!is_still && error.is_eof())
            }
        }
    }
}
