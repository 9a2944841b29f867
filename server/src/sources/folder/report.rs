//! The report beside a file: what was not taken of it, and what would be right.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use crate::sources::rows::Refused;
use crate::sources::state;

/// What the name of a report ends with.
pub const REPORT_END: &str = ".report.txt";

/// Writes the report beside the file, or removes it when there is nothing to report.
///
/// # Errors
/// When it cannot be written or removed.
pub fn publish(refused: &Refused, file: &Path) -> io::Result<()> {
    let path = path_beside(file);
    if refused.count > 0 {
        return state::replace(&path, text(refused, file).as_bytes());
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn text(refused: &Refused, file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!(
        "{name}: {} rows or values were not taken; the others were.\nCorrect them and save the file: it is read again by itself, and this report goes when all is right.\n\n",
        refused.count
    );
    for problem in &refused.listed {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{problem}");
    }
    let more = refused.count - refused.listed.len() as u64;
    if more > 0 {
        let _ = writeln!(text, "… and {more} more");
    }
    text
}

/// `NAME.report.txt`.
fn path_beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(REPORT_END);
    file.with_file_name(name)
}
