//! The report beside a file: what was not taken of it, and what would be right.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use super::table::RowProblem;
use crate::sources::state;

/// What the name of a report ends with.
pub const REPORT_END: &str = ".report.txt";
/// Most problems that are listed; the rest are counted.
const LISTED: usize = 10_000;

/// What was not taken of a file, while it is read.
#[derive(Debug, Default)]
pub struct Report {
    pub listed: Vec<RowProblem>,
    pub count: u64,
}

impl Report {
    pub fn add(&mut self, problem: RowProblem) {
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(problem);
        }
    }

    /// Writes the report beside the file, or removes it when there is nothing to report.
    ///
    /// # Errors
    /// When it cannot be written or removed.
    pub fn publish(&self, file: &Path) -> io::Result<()> {
        let path = path_beside(file);
        if self.count > 0 {
            return state::replace(&path, self.text(file).as_bytes());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn text(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut text = format!(
            "{name}: {} rows or values were not taken; the others were.\nCorrect them and save the file: it is read again by itself, and this report goes when all is right.\n\n",
            self.count
        );
        for problem in &self.listed {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{problem}");
        }
        let more = self.count - self.listed.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "… and {more} more");
        }
        text
    }
}

/// `NAME.report.txt`.
pub fn path_beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(REPORT_END);
    file.with_file_name(name)
}

impl RowProblem {
    /// `row 12, column 'total.rev'`.
    pub fn place(&self) -> String {
        let row = if self.row == 0 { "the file".to_owned() } else { format!("row {}", self.row) };
        self.column.as_ref().map_or(row.clone(), |column| format!("{row}, column '{column}'"))
    }
}

impl std::fmt::Display for RowProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())?;
        if let Some(value) = &self.value {
            write!(f, ", value '{value}'")?;
        }
        write!(f, ": {}", self.reason)
    }
}
