//! A folder of workbooks (xlsx, xlsm, xlsb, xls, ods): sheets, header rows, merged cells.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calamine::{Data, DataRef, Dimensions, Reader as _, Sheets, open_workbook_auto};
use jiff::civil::DateTime;
use serde::Deserialize;
use zip::ZipArchive;

use super::Source;
use super::folder::{Files, FolderOptions, matches, written};
use super::rows::{BATCH_ROWS, Cell, Columns, Mapping, Origin, Reader, RowProblem, RowRead, civil};
use crate::config::Options;

/// A larger file is not opened: all of it is unpacked in memory.
const MOST_BYTES: u64 = 64 << 20;
/// Of all its parts together.
const MOST_UNPACKED: u64 = 1 << 30;
/// Most cells of a sheet that hold something.
const MOST_CELLS: usize = 4_000_000;
/// Most columns that a sheet is looked through for its header.
const MOST_COLUMNS: u32 = 4096;

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
        let bytes = path.metadata().map_err(unreadable)?.len();
        if bytes > MOST_BYTES {
            return Err(RowProblem::whole(format!("has {bytes} bytes; at most {MOST_BYTES} are read, so split it")));
        }
        check_packed(path)?;
        let written = written(path).map_err(unreadable)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let mut book = open_workbook_auto(path).map_err(|error| {
            RowProblem::whole(format!("is no workbook, is protected by a password or is not whole yet: {error}"))
        })?;
        for sheet in self.sheets(&book.sheet_names())? {
            let name: Arc<str> = sheet.as_str().into();
            let of_sheet = |problem: RowProblem| RowProblem { sheet: Some(Arc::clone(&name)), ..problem };
            let grid = Grid::read(&mut book, &sheet, self.options.fill_merged).map_err(of_sheet)?;
            let origin = Origin { written, file: &file, sheet: &sheet };
            let reader = Reader::new(&self.options.mapping, &self.time_zone, origin).map_err(of_sheet)?;
            if !self.rows(&grid, &reader, &name, give).map_err(of_sheet)? {
                break;
            }
        }
        Ok(false)
    }
}

fn unreadable(error: impl std::fmt::Display) -> RowProblem {
    RowProblem::whole(format!("cannot be read: {error}"))
}

/// Looks at what a packed workbook says of itself: whoever unpacks it makes room for it first.
fn check_packed(path: &Path) -> Result<(), RowProblem> {
    // Those of the older kind are not packed.
    let Ok(mut archive) = ZipArchive::new(File::open(path).map_err(unreadable)?) else { return Ok(()) };
    let sizes: Vec<u64> = (0..archive.len()).filter_map(|part| Some(archive.by_index_raw(part).ok()?.size())).collect();
    let unpacked = sizes.iter().fold(0_u64, |all, size| all.saturating_add(*size));
    if unpacked > MOST_UNPACKED {
        let reason = format!("unpacks to {unpacked} bytes; at most {MOST_UNPACKED} are read, so split it");
        return Err(RowProblem::whole(reason));
    }
    let Ok(texts) = archive.by_name("xl/sharedStrings.xml") else { return Ok(()) };
    let (size, mut head) = (texts.size(), Vec::new());
    texts.take(4096).read_to_end(&mut head).map_err(unreadable)?;
    let head = String::from_utf8_lossy(&head);
    let count = head.split_once("uniqueCount=\"").and_then(|(_, rest)| rest.split('"').next()?.parse::<u64>().ok());
    if count.is_some_and(|count| count > size) {
        return Err(RowProblem::whole("says that it has more texts than it can have; is it damaged?"));
    }
    Ok(())
}

impl WorkbookFolder {
    fn sheets(&self, all: &[String]) -> Result<Vec<String>, RowProblem> {
        let Some(pattern) = &self.options.sheets else { return Ok(all.iter().take(1).cloned().collect()) };
        let taken: Vec<String> = all.iter().filter(|sheet| matches(pattern, sheet)).cloned().collect();
        if taken.is_empty() {
            let all = all.join("', '");
            return Err(RowProblem::whole(format!("no sheet has a name like '{pattern}'; there are '{all}'")));
        }
        Ok(taken)
    }

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

/// The cells of a sheet that hold something, rows and columns counted from 0.
struct Grid {
    cells: HashMap<(u32, u32), Data>,
    rows: u32,
    columns: u32,
}

impl Grid {
    fn read(book: &mut Sheets<BufReader<File>>, sheet: &str, fill_merged: bool) -> Result<Self, RowProblem> {
        let mut grid = Self { cells: HashMap::new(), rows: 0, columns: 0 };
        match &mut *book {
            // Cell by cell: one in the last corner would make a table of billions.
            Sheets::Xlsx(book) => {
                let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
                grid.put_all(|| reader.next_cell())?;
            }
            Sheets::Xlsb(book) => {
                let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
                grid.put_all(|| reader.next_cell())?;
            }
            others => {
                let range = others.worksheet_range(sheet).map_err(unreadable)?;
                let (top, left) = range.start().unwrap_or_default();
                for (row, column, value) in range.used_cells() {
                    grid.put((top + row as u32, left + column as u32), value.clone())?;
                }
            }
        }
        if fill_merged {
            let merged = match book {
                Sheets::Xlsx(book) => book.merge_cells_by_sheet_name(sheet).map_err(unreadable)?,
                Sheets::Xls(book) => book.merge_cells_by_sheet_name(sheet).map_err(unreadable)?,
                Sheets::Xlsb(_) | Sheets::Ods(_) => Vec::new(),
            };
            grid.fill(&merged)?;
        }
        Ok(grid)
    }

    fn put_all<'d, E: std::fmt::Display>(
        &mut self,
        mut next: impl FnMut() -> Result<Option<calamine::Cell<DataRef<'d>>>, E>,
    ) -> Result<(), RowProblem> {
        while let Some(cell) = next().map_err(unreadable)? {
            self.put(cell.get_position(), Data::from(DataRef::clone(cell.get_value())))?;
        }
        Ok(())
    }

    fn put(&mut self, (row, column): (u32, u32), value: Data) -> Result<(), RowProblem> {
        if value == Data::Empty || column >= MOST_COLUMNS {
            return Ok(());
        }
        if self.cells.len() >= MOST_CELLS {
            return Err(RowProblem::whole(format!("has more than {MOST_CELLS} cells; split it")));
        }
        (self.rows, self.columns) = (self.rows.max(row + 1), self.columns.max(column + 1));
        self.cells.insert((row, column), value);
        Ok(())
    }

    /// Lets every part of a merged cell say what its first one says.
    fn fill(&mut self, merged: &[Dimensions]) -> Result<(), RowProblem> {
        let (rows, columns) = (self.rows, self.columns);
        for area in merged {
            let Some(value) = self.cells.get(&area.start).cloned() else { continue };
            for row in area.start.0..=area.end.0.min(rows.saturating_sub(1)) {
                for column in area.start.1..=area.end.1.min(columns.saturating_sub(1)) {
                    self.put((row, column), value.clone())?;
                }
            }
        }
        Ok(())
    }

    fn cell(&self, row: u32, column: u32) -> Cell<'_> {
        self.cells.get(&(row, column)).map_or(Cell::Empty, cell)
    }

    /// What stands above a column, from the top down, each text once.
    fn heading(&self, rows: std::ops::Range<u32>, column: u32) -> String {
        let mut heading: Vec<String> = Vec::new();
        for row in rows {
            let cell = self.cell(row, column);
            let text = cell.text().split_whitespace().collect::<Vec<_>>().join(" ");
            if !text.is_empty() && heading.last() != Some(&text) {
                heading.push(text);
            }
        }
        heading.join(" / ")
    }
}

fn cell(value: &Data) -> Cell<'_> {
    match value {
        Data::Empty => Cell::Empty,
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(is) => Cell::Number(f64::from(u8::from(*is))),
        Data::String(text) | Data::DurationIso(text) => Cell::text_of(text),
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            local(year, [month, day, hour, minute, second], milli).map_or(Cell::Number(time.as_f64()), Cell::Local)
        }
        Data::DateTime(duration) => Cell::Number(duration.as_f64()),
        Data::DateTimeIso(text) => civil(text).map_or_else(|| Cell::text_of(text), Cell::Local),
        Data::Error(error) => {
            Cell::Wrong { text: error.to_string(), reason: "is an error of a formula; correct it in the workbook" }
        }
    }
}

fn local(year: u16, parts: [u8; 5], milli: u16) -> Option<DateTime> {
    let [month, day, hour, minute, second] = parts.map(|part| i8::try_from(part).unwrap_or(-1));
    DateTime::new(i16::try_from(year).ok()?, month, day, hour, minute, second, i32::from(milli) * 1_000_000).ok()
}
