//! What is in a workbook, read in a process of its own: whoever unpacks one makes room for what it says of itself, and
//! one that is damaged, or meant to, says more than a machine has.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use calamine::{Data, DataRef, Dimensions, Reader as _, Sheets, open_workbook_auto};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use zip::ZipArchive;

use super::grid::{Grid, Kept};
use crate::sources::folder::matches;
use crate::sources::rows::{RowProblem, civil};

/// A larger file is not opened: all of it is unpacked in memory.
const MOST_BYTES: u64 = 64 << 20;
/// Of all its parts together.
const MOST_UNPACKED: u64 = 1 << 30;
/// What the process may hold, and how long it may take.
const MOST_MEMORY: u64 = 2 << 30;
const MOST_TIME: Duration = Duration::from_secs(120);
/// What it may say: the cells, encoded. What is cut off there is no answer.
const MOST_SAID: u64 = 512 << 20;
/// The subcommand that reads one.
pub const SUBCOMMAND: &str = "read-workbook";

/// What is to be read of a workbook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    /// The sheets, as a pattern; the first one if absent.
    pub sheets: Option<String>,
    /// Whether every cell of a merged one says what it says.
    pub fill_merged: bool,
}

/// A sheet by its name.
pub type Named = (String, Grid);

/// What went over between the processes.
#[derive(Serialize, Deserialize)]
enum Told {
    Sheets(Vec<Named>),
    Problem { sheet: Option<String>, reason: String },
}

/// The sheets of a workbook.
///
/// # Errors
/// Why it cannot be read, or what it would take.
pub fn read(path: &Path, wanted: &Wanted) -> Result<Vec<Named>, RowProblem> {
    // The program of the tests is another one.
    if cfg!(test) {
        return read_here(path, wanted);
    }
    let asked = serde_json::to_string(wanted).map_err(unreadable)?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(SUBCOMMAND).arg(path).arg(asked).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(unreadable)?;
    let mut output = child.stdout.take().ok_or_else(|| unreadable("its reader says nothing"))?;
    // What it says waits in a pipe: it is read while it is waited for, and ends when the process does.
    let (said, heard) = sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.by_ref().take(MOST_SAID).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more when it took too long.
        drop(said.send(read));
    });
    let read = heard.recv_timeout(MOST_TIME);
    // One that has said all has ended, or is about to; one that took too long, or says too much, is ended.
    child.kill().map_err(unreadable)?;
    child.wait().map_err(unreadable)?;
    let Ok(read) = read else {
        let secs = MOST_TIME.as_secs();
        return Err(RowProblem::whole(format!("took more than {secs} s to read; split it, or save it as xlsx")));
    };
    let bytes = read.map_err(unreadable)?;
    match rmp_serde::from_slice(&bytes) {
        Ok(Told::Sheets(sheets)) => Ok(sheets),
        Ok(Told::Problem { sheet, reason }) => {
            Err(RowProblem { sheet: sheet.map(Into::into), ..RowProblem::whole(reason) })
        }
        Err(_) => Err(RowProblem::whole(
            "would take more memory than there is for a workbook; is it damaged? Copy what counts into a new one",
        )),
    }
}

/// Reads one and says what is in it on standard output: what the process of its own does.
///
/// # Errors
/// When it cannot be limited, or nobody listens.
pub fn serve(path: &Path, wanted: &str) -> anyhow::Result<()> {
    rlimit::setrlimit(rlimit::Resource::AS, MOST_MEMORY, MOST_MEMORY)?;
    let wanted: Wanted = serde_json::from_str(wanted)?;
    let told = match read_here(path, &wanted) {
        Ok(sheets) => Told::Sheets(sheets),
        Err(RowProblem { sheet, reason, .. }) => Told::Problem { sheet: sheet.map(|sheet| sheet.to_string()), reason },
    };
    std::io::stdout().write_all(&rmp_serde::to_vec(&told)?)?;
    Ok(())
}

fn read_here(path: &Path, wanted: &Wanted) -> Result<Vec<Named>, RowProblem> {
    let bytes = path.metadata().map_err(unreadable)?.len();
    if bytes > MOST_BYTES {
        return Err(RowProblem::whole(format!("has {bytes} bytes; at most {MOST_BYTES} are read, so split it")));
    }
    check_packed(path)?;
    let mut book = open_workbook_auto(path).map_err(|error| {
        RowProblem::whole(format!("is no workbook, is protected by a password or is not whole yet: {error}"))
    })?;
    let sheets = chosen(wanted.sheets.as_deref(), &book.sheet_names())?;
    let read = |sheet: String| match read_grid(&mut book, &sheet, wanted.fill_merged) {
        Ok(grid) => Ok((sheet, grid)),
        Err(problem) => Err(RowProblem { sheet: Some(sheet.as_str().into()), ..problem }),
    };
    sheets.into_iter().map(read).collect()
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

fn chosen(pattern: Option<&str>, all: &[String]) -> Result<Vec<String>, RowProblem> {
    let Some(pattern) = pattern else { return Ok(all.iter().take(1).cloned().collect()) };
    let taken: Vec<String> = all.iter().filter(|sheet| matches(pattern, sheet)).cloned().collect();
    if taken.is_empty() {
        let all = all.join("', '");
        return Err(RowProblem::whole(format!("no sheet has a name like '{pattern}'; there are '{all}'")));
    }
    Ok(taken)
}

fn read_grid(book: &mut Sheets<BufReader<File>>, sheet: &str, fill_merged: bool) -> Result<Grid, RowProblem> {
    let mut grid = Grid::default();
    match &mut *book {
        // Cell by cell: one in the last corner would make a table of billions.
        Sheets::Xlsx(book) => {
            let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
            put_all(&mut grid, || reader.next_cell())?;
        }
        Sheets::Xlsb(book) => {
            let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
            put_all(&mut grid, || reader.next_cell())?;
        }
        others => {
            let range = others.worksheet_range(sheet).map_err(unreadable)?;
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, value) in range.used_cells() {
                grid.put((top + row as u32, left + column as u32), kept(value))?;
            }
        }
    }
    if fill_merged {
        let merged = match book {
            Sheets::Xlsx(book) => book.merge_cells_by_sheet_name(sheet).map_err(unreadable)?,
            Sheets::Xls(book) => book.merge_cells_by_sheet_name(sheet).map_err(unreadable)?,
            Sheets::Xlsb(_) | Sheets::Ods(_) => Vec::new(),
        };
        fill(&mut grid, &merged)?;
    }
    Ok(grid)
}

fn put_all<'d, E: std::fmt::Display>(
    grid: &mut Grid,
    mut next: impl FnMut() -> Result<Option<calamine::Cell<DataRef<'d>>>, E>,
) -> Result<(), RowProblem> {
    while let Some(cell) = next().map_err(unreadable)? {
        grid.put(cell.get_position(), kept(&Data::from(DataRef::clone(cell.get_value()))))?;
    }
    Ok(())
}

/// Lets every part of a merged cell say what its first one says.
fn fill(grid: &mut Grid, merged: &[Dimensions]) -> Result<(), RowProblem> {
    let (rows, columns) = (grid.rows, grid.columns);
    for area in merged {
        let Some(value) = grid.get(area.start).cloned() else { continue };
        for row in area.start.0..=area.end.0.min(rows.saturating_sub(1)) {
            for column in area.start.1..=area.end.1.min(columns.saturating_sub(1)) {
                grid.put((row, column), value.clone())?;
            }
        }
    }
    Ok(())
}

fn kept(value: &Data) -> Kept {
    match value {
        Data::Empty => Kept::Empty,
        Data::Int(number) => Kept::Number(*number as f64),
        Data::Float(number) => Kept::Number(*number),
        Data::Bool(is) => Kept::Number(f64::from(u8::from(*is))),
        Data::String(text) | Data::DurationIso(text) => Kept::Text(text.clone()),
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            local(year, [month, day, hour, minute, second], milli)
                .map_or(Kept::Number(time.as_f64()), |time| Kept::Local(time.to_string()))
        }
        Data::DateTime(duration) => Kept::Number(duration.as_f64()),
        Data::DateTimeIso(text) => {
            civil(text).map_or_else(|| Kept::Text(text.clone()), |time| Kept::Local(time.to_string()))
        }
        Data::Error(error) => Kept::Error(error.to_string()),
    }
}

fn local(year: u16, parts: [u8; 5], milli: u16) -> Option<DateTime> {
    let [month, day, hour, minute, second] = parts.map(|part| i8::try_from(part).unwrap_or(-1));
    DateTime::new(i16::try_from(year).ok()?, month, day, hour, minute, second, i32::from(milli) * 1_000_000).ok()
}
