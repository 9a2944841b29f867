//! A folder of workbooks (xlsx, xlsm, xlsb, xls, ods): sheets, header rows, merged cells.

pub mod apart;
mod grid;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::Source;
use super::folder::{Files, FolderOptions, written};
use super::rows::{BATCH_ROWS, Columns, Mapping, Origin, Reader, RowProblem, RowRead};
use crate::config::Options;
use apart::Wanted;
use grid::Grid;

/// The last row that a header may have.
const MOST_HEADER: u32 = 1000;

/// `[source.options]` of a folder of workbooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkbookOptions {
    files: FolderOptions,
    mapping: Mapping,
    /// `*` stands for any text, `?` for one character; the first sheet if absent.
    #[serde(default)]
    sheets: Option<String>,
    #[serde(default)]
    header_rows: HeaderRows,
    /// Of the figures, counted from 1; the one below the header if absent.
    #[serde(default)]
    first_row: Option<u32>,
    #[serde(default)]
    last_row: Option<u32>,
    /// Whether every cell of a merged one says what it says.
    #[serde(default = "yes")]
    fill_merged: bool,
}

/// The rows that name the columns, from the first to the last, counted from 1.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "the row of the header, or [first, last], counted from 1")]
enum HeaderRows {
    One(u32),
    Several([u32; 2]),
}

impl Default for HeaderRows {
    fn default() -> Self {
        Self::One(1)
    }
}

impl HeaderRows {
    fn span(self) -> (u32, u32) {
        match self {
            Self::One(row) => (row, row),
            Self::Several([first, last]) => (first, last),
        }
    }
}

fn yes() -> bool {
    true
}

/// Reads the options of a folder of workbooks.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let read = options.take::<WorkbookOptions>()?;
    read.files.check(options);
    read.mapping.check(options);
    let (first, last) = read.header_rows.span();
    if first == 0 || last < first || last > MOST_HEADER {
        let message = format!("header_rows is a row, or the first and the last one, counted from 1, to {MOST_HEADER}");
        options.report(&["header_rows"], &message);
    }
    if read.last_row.is_some_and(|row| row < read.first_row.unwrap_or(last.saturating_add(1))) {
        options.report(&["last_row"], "last_row lies below the first one");
    }
    if read.first_row.is_some_and(|row| row <= last) {
        options.report(&["first_row"], "first_row lies below the rows of the header");
    }
    Some(Arc::new(WorkbookFolder {
        folder: options.dir.join(&read.files.folder),
        time_zone: options.settings.time_zone.clone(),
        options: read,
    }))
}

/// A folder of workbooks.
#[derive(Debug, Clone)]
struct WorkbookFolder {
    folder: PathBuf,
    options: WorkbookOptions,
    time_zone: String,
}

impl Files for WorkbookFolder {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn options(&self) -> &FolderOptions {
        &self.options.files
    }

    fn usual(&self) -> &'static [&'static str] {
        &["*.xlsx", "*.xlsm", "*.xlsb", "*.xls", "*.ods"]
    }

    fn read(&self, path: &Path, _: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem> {
        let written = written(path).map_err(|error| RowProblem::whole(format!("cannot be read: {error}")))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let wanted = Wanted { sheets: self.options.sheets.clone(), fill_merged: self.options.fill_merged };
        for (sheet, grid) in apart::read(path, &wanted)? {
            let name: Arc<str> = sheet.as_str().into();
            let of_sheet = |problem: RowProblem| RowProblem { sheet: Some(Arc::clone(&name)), ..problem };
            let origin = Origin { written, file: &file, sheet: &sheet };
            let reader = Reader::new(&self.options.mapping, &self.time_zone, origin).map_err(of_sheet)?;
            if !self.rows(&grid, &reader, &name, give).map_err(of_sheet)? {
                break;
            }
        }
        Ok(false)
    }
}

impl WorkbookFolder {
    /// Hands over what the rows of a sheet say, in pieces; whether more is wanted.
    fn rows(
        &self,
        grid: &Grid,
        reader: &Reader<'_>,
        sheet: &Arc<str>,
        give: &mut dyn FnMut(RowRead) -> bool,
    ) -> Result<bool, RowProblem> {
        let (first, last) = self.options.header_rows.span();
        let names = (0..grid.columns).map(|column| grid.heading(first - 1..last, column)).collect();
        let columns = Columns::find(&self.options.mapping, names, u64::from(first))?;
        let rows =
            self.options.first_row.unwrap_or(last + 1)..=self.options.last_row.unwrap_or(u32::MAX).min(grid.rows);
        let empty = || RowRead { sheet: Some(Arc::clone(sheet)), ..RowRead::default() };
        let mut piece = empty();
        for row in rows {
            let cell = |column: usize| grid.cell(row - 1, column as u32);
            if columns.all().all(|column| cell(column).is_empty()) {
                continue;
            }
            piece.extend(reader.row(u64::from(row), &columns, cell));
            if piece.len() >= BATCH_ROWS && !give(std::mem::replace(&mut piece, empty())) {
                return Ok(false);
            }
        }
        Ok(give(piece))
    }
}
