//! The lines of a table, from its bytes to what they say.

use std::convert::Infallible;
use std::io::{self, Read};

use super::options::CsvForm;
use super::table::{Table, Unreadable};
use super::text::{self, TextError};
use crate::lines::{Ends, Line, LineSplitter};
use crate::sources::rows::{BATCH_ROWS, Mapping, Origin, RowProblem, RowRead};

/// A table of CSV, wherever it lies.
#[derive(Debug, Clone, Copy)]
pub struct CsvTable<'a> {
    pub form: CsvForm,
    pub mapping: &'a Mapping,
    pub time_zone: &'a str,
    pub max_line_bytes: usize,
    pub origin: Origin<'a>,
    /// After how many seconds a last line without a line end is taken; it is taken now if absent.
    pub unended_secs: Option<u64>,
}

/// Reads all rows of a table and hands them over in pieces, until `give` wants no more. Tells whether the last line
/// was left because it has no line end.
///
/// # Errors
/// Why it cannot be read on.
pub fn rows<R: Read>(
    open: impl Fn() -> io::Result<R>,
    csv: &CsvTable<'_>,
    give: &mut dyn FnMut(RowRead) -> bool,
) -> Result<bool, RowProblem> {
    let unreadable = |error: TextError| RowProblem::whole(error.to_string());
    let opened = || open().map_err(|error| unreadable(error.into()));
    // Nothing is taken of a table that is encoded otherwise further down.
    text::read(opened()?, csv.form.encoding, |_| true).map_err(unreadable)?;
    let mut lines = Lines {
        table: Table::new(csv)?,
        max_line_bytes: csv.max_line_bytes,
        piece: RowRead::default(),
        unreadable: None,
    };
    let mut splitter = LineSplitter::new(Ends::Any, csv.max_line_bytes);
    let mut wanted = true;
    let take_text = |text: &str| {
        let Ok(()) = splitter.push::<Infallible>(text.as_bytes(), |line| {
            wanted &= lines.take(&line, false);
            if lines.piece.len() >= BATCH_ROWS {
                wanted &= give(std::mem::take(&mut lines.piece));
            }
            Ok(())
        });
        wanted
    };
    let read = text::read(opened()?, csv.form.encoding, take_text);
    let mut is_unended = false;
    if wanted && read.is_ok() {
        let Ok(()) = splitter.finish::<Infallible>(|line| {
            match csv.unended_secs.filter(|_| line.number > 1) {
                Some(secs) => {
                    is_unended = true;
                    lines.piece.problems.push(left(line.number, secs));
                }
                None => {
                    lines.take(&line, true);
                }
            }
            Ok(())
        });
    }
    give(lines.piece);
    match (read, lines.unreadable) {
        (_, Some(problem)) => Err(problem),
        (Err(error), None) => Err(unreadable(error)),
        (Ok(()), None) => Ok(is_unended),
    }
}

fn left(row: u64, unended_secs: u64) -> RowProblem {
    let reason = format!(
        "the last line has no line end, so it may be cut off; it is taken once the file has not changed for {unended_secs} s ('unended_secs' of the source)"
    );
    RowProblem::of_row(row, reason)
}

/// Lines become rows, until the file cannot be read on.
struct Lines<'a> {
    table: Table<'a>,
    max_line_bytes: usize,
    piece: RowRead,
    unreadable: Option<RowProblem>,
}

impl Lines<'_> {
    fn take(&mut self, line: &Line<'_>, is_cut: bool) -> bool {
        if self.unreadable.is_none() {
            match self.table.line(line.number, &line.text, self.max_line_bytes, is_cut) {
                Ok(read) => self.piece.extend(read),
                Err(Unreadable(problem)) => self.unreadable = Some(problem),
            }
        }
        self.unreadable.is_none()
    }
}
