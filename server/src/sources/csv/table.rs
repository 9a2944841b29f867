//! From lines to observations: the header and the fields of a row.

use super::lines::CsvTable;
use super::options::{CsvForm, Delimiter};
use crate::fields::Fields;
use crate::lines::LineText;
use crate::sources::rows::{Cell, Columns, Mapping, Reader, RowProblem, RowRead};

/// Most columns that a file may have.
const MAX_COLUMNS: usize = 4096;

/// Reads the rows of one file.
pub struct Table<'a> {
    form: CsvForm,
    mapping: &'a Mapping,
    reader: Reader<'a>,
    fields: Fields,
    /// Known once the first line was read.
    columns: Option<Columns>,
}

/// The file cannot be read on: its header is wrong.
#[derive(Debug, PartialEq)]
pub struct Unreadable(pub RowProblem);

impl<'a> Table<'a> {
    /// # Errors
    /// See [`Reader::new`].
    pub fn new(csv: &CsvTable<'a>) -> Result<Self, RowProblem> {
        let reader = Reader::new(csv.mapping, csv.time_zone, csv.origin)?;
        Ok(Self { form: csv.form, mapping: csv.mapping, reader, fields: Fields::new(b',', MAX_COLUMNS), columns: None })
    }

    /// Reads one line. `is_cut` says that the file ends in it, without a line end.
    ///
    /// # Errors
    /// When the header does not have the columns.
    pub fn line(
        &mut self,
        row: u64,
        text: &LineText<'_>,
        max_line_bytes: usize,
        is_cut: bool,
    ) -> Result<RowRead, Unreadable> {
        let problem = |reason: String| RowProblem::of_row(row, reason);
        let LineText::Whole(bytes) = text else {
            let problem = problem(format!(
                "the line is longer than {max_line_bytes} bytes and was skipped ('max_line_bytes' of [ingest])"
            ));
            return if self.columns.is_none() {
                Err(Unreadable(problem))
            } else {
                Ok(RowRead { problems: vec![problem], ..RowRead::default() })
            };
        };
        let line = String::from_utf8_lossy(bytes);
        if line.trim().is_empty() {
            return Ok(RowRead::default());
        }
        if self.columns.is_none() {
            self.fields = Fields::new(delimiter(self.form.delimiter, &line), MAX_COLUMNS);
        }
        if let Err(reason) = self.fields.read(&line) {
            return Ok(RowRead { problems: vec![problem(reason)], ..RowRead::default() });
        }
        if self.columns.is_none() {
            let columns = self.header(row)?;
            self.columns = Some(columns);
            if self.form.has_header {
                return Ok(RowRead::default());
            }
        }
        let Some(columns) = &self.columns else { return Ok(RowRead::default()) };
        let (have, want) = (self.fields.count(), columns.count());
        if have != want {
            let reason = match is_cut {
                true if have < want => format!(
                    "the file ends in this row, after {have} of {want} columns: it looks cut off; it is read again when it grows"
                ),
                _ => format!("has {have} columns; the first row has {want}"),
            };
            return Ok(RowRead { problems: vec![problem(reason)], ..RowRead::default() });
        }
        Ok(self.reader.row(row, columns, |column| Cell::text_of(self.fields.get(column))))
    }

    fn header(&self, row: u64) -> Result<Columns, Unreadable> {
        let names: Vec<String> = match self.form.has_header {
            true => (0..self.fields.count()).map(|column| self.fields.get(column).trim().to_owned()).collect(),
            false => (1..=self.fields.count()).map(|place| place.to_string()).collect(),
        };
        Columns::find(self.mapping, names, row).map_err(Unreadable)
    }
}

fn delimiter(configured: Delimiter, line: &str) -> u8 {
    match configured {
        Delimiter::Comma => b',',
        Delimiter::Semicolon => b';',
        Delimiter::Tab => b'\t',
        Delimiter::Bar => b'|',
        Delimiter::Auto => {
            let mut quoted = false;
            let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
            for byte in line.bytes() {
                quoted ^= byte == b'"';
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte && !quoted) {
                    *count += 1;
                }
            }
            counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
        }
    }
}
