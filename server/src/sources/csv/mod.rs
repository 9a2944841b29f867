//! A folder of CSV files: new and changed ones are read, good rows recorded, the others reported.

mod cell;
mod folder;
mod memory;
mod options;
mod reading;
mod report;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Link, Source, SourceError};
use crate::config::Options;
use cell::TimeFormat;
use options::CsvOptions;

/// Reads the options of a folder of CSV files.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<CsvOptions>()?;
    read.check(options);
    let format = TimeFormat::parse(&read.time.format, table::zone(&options.settings.time_zone)).ok()?;
    let folder = options.dir.join(&read.folder);
    Some(Arc::new(CsvFolder { folder, format, max_line_bytes: options.settings.ingest.max_line_bytes, options: read }))
}

/// A folder of CSV files.
#[derive(Debug, Clone)]
pub struct CsvFolder {
    folder: PathBuf,
    options: CsvOptions,
    format: TimeFormat,
    max_line_bytes: usize,
}

impl CsvFolder {
    /// How long a file was still whose last line is taken without a line end.
    fn unended(&self) -> Duration {
        Duration::from_secs(self.options.unended_secs)
    }
}

impl Source for CsvFolder {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { folder::follow(Arc::new(self.clone()), &link).await }.boxed()
    }
}
