//! A folder of files: new and changed ones are read, good rows recorded, the others reported beside the file.

mod follow;
mod memory;
mod report;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::Timestamp;
use serde::Deserialize;

use super::rows::{RowProblem, RowRead};
use super::trial::Sampling;
use super::{Link, Source, SourceError};
use crate::config::Options;
use report::REPORT_END;

/// Files of one kind in a folder. What `Debug` writes of them tells whether they are to be read anew.
pub trait Files: Send + Sync + fmt::Debug + 'static {
    fn folder(&self) -> &Path;
    fn options(&self) -> &FolderOptions;
    /// The names that its files usually have, as patterns.
    fn usual(&self) -> &'static [&'static str];

    /// Reads all rows of a file and hands them over in pieces, until `give` wants no more. Tells whether something was
    /// left because the file looks cut off; a file that `is_still` for long enough is taken as it is.
    ///
    /// # Errors
    /// Why it cannot be read on.
    fn read(&self, path: &Path, is_still: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem>;
}

impl<F: Files + Clone> Source for F {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { follow::follow(Arc::new(self.clone()), &link).await }.boxed()
    }

    fn has_rounds(&self) -> bool {
        true
    }

    fn sample(&self, _: Timestamp, values: usize) -> Option<Sampling<'_>> {
        Some(follow::sample(Arc::new(self.clone()), values).boxed())
    }
}

/// `files = { … }`: which files are read, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderOptions {
    /// Relative to the folder of the configuration.
    pub folder: PathBuf,
    /// `*` stands for any text, `?` for one character; the usual names of the kind if absent.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The folder is looked through this often, even if nothing tells of a change.
    #[serde(default = "ten")]
    pub poll_secs: u64,
    /// A file is read once it has not changed for this long.
    #[serde(default = "thousand")]
    pub settle_ms: u64,
    /// A file that may be cut off is taken as it is once it has not changed for this long.
    #[serde(default = "ten")]
    pub unended_secs: u64,
}

fn ten() -> u64 {
    10
}
fn thousand() -> u64 {
    1000
}

impl FolderOptions {
    /// Reports what is out of range.
    pub fn check(&self, options: &mut Options<'_>) {
        if !(1..=86_400).contains(&self.poll_secs) {
            let message = format!("poll_secs is {}; it is between 1 and 86400", self.poll_secs);
            options.report(&["files", "poll_secs"], &message);
        }
    }

    /// Whether a file of this name is read.
    fn takes(&self, name: &str, usual: &[&str]) -> bool {
        let is_ours = name.starts_with('.') || name.ends_with(REPORT_END);
        let fits = match &self.pattern {
            Some(pattern) => matches(pattern, name),
            None => usual.iter().any(|pattern| matches(pattern, &name.to_lowercase())),
        };
        fits && !is_ours
    }

    /// How long a file was still that is taken though it may be cut off.
    fn unended(&self) -> Duration {
        Duration::from_secs(self.unended_secs)
    }
}

/// Whether a name is like a pattern in which `*` stands for any text and `?` for one character.
pub fn matches(pattern: &str, name: &str) -> bool {
    fn fits(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
            Some((wanted, rest)) => {
                name.split_first().is_some_and(|(have, left)| (wanted == have || *wanted == '?') && fits(rest, left))
            }
        }
    }
    fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
}

/// When a file was written.
///
/// # Errors
/// When the disk does not tell.
pub fn written(path: &Path) -> io::Result<Timestamp> {
    let since = path.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_whole_names() {
        let takes = |pattern: &str, name: &str| {
            let options = format!("folder = '.'\npattern = '{pattern}'");
            toml::from_str::<FolderOptions>(&options).unwrap().takes(name, &[])
        };
        assert!(takes("*.csv", "thu.csv"));
        assert!(!takes("*.csv", "thu.csv.gz"));
        assert!(takes("thu_??.csv", "thu_08.csv"));
        assert!(!takes("thu_??.csv", "thu_8.csv"));
        assert!(takes("*", "thu.csv") && takes("*", "thu"));
        assert!(!takes("*", "thu.csv.report.txt") && !takes("*", ".thu.csv.report.txt.new"), "our own");
        let usual = toml::from_str::<FolderOptions>("folder = '.'").unwrap();
        assert!(usual.takes("Thu.XLSX", &["*.xls", "*.xlsx"]) && !usual.takes("thu.csv", &["*.xls", "*.xlsx"]));
    }
}
