//! A folder of CSV files: new and changed ones are read, good rows recorded, the others reported.

mod lines;
mod options;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Source;
use super::folder::{Files, FolderOptions, written};
use super::rows::{Origin, RowProblem, RowRead};
use crate::config::Options;
use options::CsvOptions;

pub use lines::{CsvTable, rows};
pub use options::CsvForm;

/// Reads the options of a folder of CSV files.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<CsvOptions>()?;
    read.check(options);
    Some(Arc::new(CsvFolder {
        folder: options.dir.join(&read.files.folder),
        max_line_bytes: options.settings.ingest.max_line_bytes,
        time_zone: options.settings.time_zone.clone(),
        options: read,
    }))
}

/// A folder of CSV files.
#[derive(Debug, Clone)]
pub struct CsvFolder {
    folder: PathBuf,
    options: CsvOptions,
    max_line_bytes: usize,
    time_zone: String,
}

impl Files for CsvFolder {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn options(&self) -> &FolderOptions {
        &self.options.files
    }

    fn usual(&self) -> &'static [&'static str] {
        &["*.csv"]
    }

    fn read(&self, path: &Path, is_still: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem> {
        let written = written(path).map_err(|error| RowProblem::whole(format!("cannot be read: {error}")))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let table = CsvTable {
            form: self.options.form(),
            mapping: &self.options.mapping,
            time_zone: &self.time_zone,
            max_line_bytes: self.max_line_bytes,
            origin: Origin { written, file: &file, sheet: "" },
            unended_secs: (!is_still).then_some(self.options.files.unended_secs),
        };
        rows(|| File::open(path), &table, give)
    }
}
