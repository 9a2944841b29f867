use std::path::Path;

use protocol::Scenario;

use super::*;
use crate::sources::rows::{Kind, Otherwise, Recording};
use crate::sources::tests::{Running, catalogue, until};
use crate::sources::{Link, SourceError};

const OPTIONS: &str = r#"
[files]
folder = "."
poll_secs = 1
settle_ms = 0

[mapping]
time = { column = "nam", format = "year" }
area_column = "tinh"
area_map = { "Quang Ngai" = "51", "Kon Tum" = "62" }
status = "official"
values = [{ column = "thu", indicator = "budget.revenue" }, { column = "chi", indicator = "budget.expenditure" }]
"#;

fn folder(folder: &Path, options: &str) -> CsvFolder {
    let options: CsvOptions = toml::from_str(options).unwrap();
    CsvFolder { folder: folder.to_owned(), options, max_line_bytes: 4096, time_zone: ZONE.to_owned() }
}

const ZONE: &str = "Asia/Ho_Chi_Minh";

/// All that is read of a file of these bytes.
fn read(bytes: &[u8], options: &str) -> (Vec<(u64, String, f64)>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, bytes).unwrap();
    read_file(&path, &folder(dir.path(), options))
}

fn read_file(path: &Path, source: &CsvFolder) -> (Vec<(u64, String, f64)>, Vec<String>) {
    let mut all = RowRead::default();
    let end = source.read(path, true, &mut |piece| {
        all.extend(piece);
        true
    });
    all.problems.extend(end.err());
    let rows = all
        .rows
        .into_iter()
        .map(|(row, taken)| (row, format!("{} {}", taken.series.indicator, taken.series.area), taken.value));
    (rows.collect(), all.problems.iter().map(RowProblem::to_string).collect())
}

fn values(bytes: &[u8], options: &str) -> Vec<f64> {
    let (rows, problems) = read(bytes, options);
    assert!(problems.is_empty(), "{problems:?}");
    rows.into_iter().map(|(.., value)| value).collect()
}

#[test]
fn line_ends_marks_and_delimiters_make_no_difference() {
    let written = "tinh,nam,thu,chi\nQuang Ngai,2014,1.5,2\nKon Tum,2014,3,4.00E+05\n";
    let expected = [1.5, 2.0, 3.0, 400_000.0];
    for ends in ["\n", "\r\n", "\r"] {
        let text = written.replace('\n', ends);
        assert_eq!(values(text.as_bytes(), OPTIONS), expected, "{ends:?}");
        assert_eq!(values(text.trim_end().as_bytes(), OPTIONS), expected, "{ends:?} without the last");
        assert_eq!(values(format!("\u{feff}{text}").as_bytes(), OPTIONS), expected, "{ends:?} behind a mark");
        let semicolons = text.replace(',', ";").replace('.', ",");
        assert_eq!(values(semicolons.as_bytes(), &format!("{OPTIONS}\ndecimal = ','")), expected, "{ends:?} with ;");
    }
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(written.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(values(&wide, OPTIONS), expected);
    let quoted = "\"tinh\",\"nam\",\"thu\",\"chi\"\n\"Quang  Ngai\",2014,\"1,234.5\",\"2\"\n";
    assert_eq!(values(quoted.as_bytes(), OPTIONS), [1234.5, 2.0]);
}

#[test]
fn bad_rows_are_named_and_the_good_ones_kept() {
    let long = "x".repeat(5000);
    let text = format!(
        "tinh,nam,thu,chi\nQuang Ngai,2013,1,n/a\nQuang Nam,2013,1,2\n\nKon Tum,13,1,2\nKon Tum,2013,1\n{long}\nKon Tum,2013,\"1,2\nKon Tum,2013,,5\nKon Tum,2014,7,8\nKon Tum,20"
    );
    let (rows, problems) = read(text.as_bytes(), OPTIONS);
    let expected = [
        (2, "budget.revenue 51", 1.0),
        (9, "budget.expenditure 62", 5.0),
        (10, "budget.revenue 62", 7.0),
        (10, "budget.expenditure 62", 8.0),
    ];
    assert_eq!(rows, expected.map(|(row, series, value)| (row, series.to_owned(), value)));
    assert_eq!(
        problems,
        [
            "row 2, column 'chi', value 'n/a': is no number; write it like 1234.5",
            "row 3, column 'tinh', value 'Quang Nam': is not in 'area_map' of the source; did you mean 'Quang Ngai'?; set other_areas = \"ignore\" to leave other areas out",
            "row 5, column 'nam', value '13': is no year; write it like 2015",
            "row 6: has 3 columns; the first row has 4",
            "row 7: the line is longer than 4096 bytes and was skipped ('max_line_bytes' of [ingest])",
            "row 8: a quote (\") is not closed on this line; a row is one line",
            "row 9, column 'thu', value '': is no number; write it like 1234.5",
            "row 11: the file ends in this row, after 2 of 4 columns: it looks cut off; it is read again when it grows",
        ]
    );
}

#[test]
fn a_wrong_header_or_encoding_is_named() {
    let (rows, problems) = read(b"tinh,nam,thuu,chi\nQuang Ngai,2014,1,2\n", OPTIONS);
    assert!(rows.is_empty());
    assert_eq!(problems, ["row 1, column 'thu': the header has no column 'thu'; did you mean 'thuu'?"]);
    let (_, problems) = read(b"tinh,nam,thu,chi\nQu\xE3ng Ngai,2014,1,2\n", OPTIONS);
    assert_eq!(
        problems,
        [
            "the file: byte 19 is not UTF-8; save the file as UTF-8, or set 'encoding' of the source (utf-8 or windows-1258)"
        ]
    );
}

#[test]
fn a_file_without_header_is_read_by_places() {
    let options = r#"
        files = { folder = "." }
        has_header = false

        [mapping]
        time = { column = 1, format = "d/m/yyyy" }
        area = "51"
        values = [{ column = 2, indicator = "budget.revenue", scale = 0.001 }]
    "#;
    assert_eq!(values(b"14/8/2023;2500\n15/8/2023;3500\n", options), [2.5, 3.5]);
}

/// All rows of the province in the Ministry's own file come to the right values.
#[test]
fn the_final_budgets_are_read_whole() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/budget_final_by_province.csv");
    if !file.exists() {
        #[allow(clippy::print_stderr, reason = "tells why the test did nothing")]
        {
            eprintln!("skipped: {} is not there", file.display());
        }
        return;
    }
    let sources = include_str!("../../../../tests/centres/budget/sources.toml");
    let options = toml::from_str::<toml::Table>(sources).unwrap()["source"][0]["options"].clone();
    let mut options: CsvOptions = options.try_into().unwrap();
    options.mapping.other_areas = Otherwise::Ignore;
    let source = CsvFolder { folder: ".".into(), options, max_line_bytes: 1 << 20, time_zone: ZONE.to_owned() };
    let mut taken = Vec::new();
    let is_all = source.read(&file, true, &mut |piece| {
        assert!(piece.problems.is_empty(), "{:?}", piece.problems);
        taken.extend(piece.rows.into_iter().map(|(_, row)| row));
        true
    });
    assert_eq!(is_all, Ok(false));
    let of = |indicator: &str| -> Vec<(String, f64)> {
        let rows = taken.iter().filter(|row| row.series.indicator.as_str() == indicator);
        rows.map(|row| {
            assert_eq!(
                (row.series.area.as_str(), row.series.scenario, row.status),
                ("51", Scenario::Actual, protocol::ObservationStatus::Official)
            );
            let moment = jiff::Timestamp::from_microsecond(row.phenomenon_time.as_micros()).unwrap();
            (crate::sources::rows::zone(ZONE).to_datetime(moment).date().to_string(), row.value)
        })
        .collect()
    };
    let revenue = [
        559_000.0,
        1_078_200.0,
        1_438_000.0,
        2_015_000.0,
        13_735_000.0,
        18_121_000.0,
        18_194_000.0,
        21_369_000.0,
        22_880_000.0,
        33_190_000.0,
    ];
    let years = 2006..=2015;
    let expected: Vec<(String, f64)> =
        years.zip(revenue).map(|(year, value)| (format!("{year}-12-31"), value)).collect();
    assert_eq!(of("budget.revenue"), expected);
    let expenditure = of("budget.expenditure");
    assert_eq!((expenditure.len(), expenditure[0].1, expenditure[9].1), (10, 1_110_346.643, 7_078_770.0));
}

/// A folder of files that is read, or followed.
struct Folder {
    running: Running,
}

impl std::ops::Deref for Folder {
    type Target = Running;
    fn deref(&self) -> &Running {
        &self.running
    }
}

impl Folder {
    fn start() -> Self {
        let running = Running::start();
        std::fs::create_dir(running.dir.path().join("files")).unwrap();
        Self { running }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.running.dir.path().join("files").join(name)
    }

    fn source(&self) -> Arc<CsvFolder> {
        Arc::new(folder(&self.running.dir.path().join("files"), OPTIONS))
    }

    async fn read(&self, text: &str) -> Vec<String> {
        self.read_as(text, Kind::Table).await
    }

    async fn read_as(&self, text: &str, kind: Kind) -> Vec<String> {
        std::fs::write(self.file("a.csv"), text).unwrap();
        let mut all = RowRead::default();
        let read = self.source().read(&self.file("a.csv"), true, &mut |piece| {
            all.extend(piece);
            true
        });
        assert_eq!(read, Ok(false));
        let mut recording = Recording::new(&self.running.link, kind);
        assert!(recording.take(all).await.unwrap());
        recording.finish().await.unwrap().listed.iter().map(ToString::to_string).collect()
    }

    /// Follows the folder with these options as well, on a server that remembers what lies in `state`.
    fn follow(&self, options: &str, state: &str) -> tokio::task::JoinHandle<Result<(), SourceError>> {
        let (files, mapping) = OPTIONS.split_once("[mapping]").unwrap();
        let (more, own) = if options.starts_with("unended_secs") { (options, "") } else { ("", options) };
        let options = format!("{files}{more}\n[mapping]{mapping}{own}");
        let source = Arc::new(folder(&self.running.dir.path().join("files"), &options));
        let link = Link { state: self.running.dir.path().join(state), ..self.running.link.clone() };
        self.running.stop.send_replace(false);
        tokio::spawn(async move { source.run(link).await })
    }

    fn report(&self) -> Option<String> {
        std::fs::read_to_string(self.file("a.csv.report.txt")).ok()
    }

    fn remembers(&self, state: &str) -> bool {
        self.running.dir.path().join(state).join("read.json").exists()
    }
}

#[tokio::test]
async fn only_what_is_new_in_a_file_is_recorded() {
    let running = Folder::start();
    let first = "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\n";
    assert!(running.read(first).await.is_empty());
    assert_eq!(running.accepted(), 2);
    running.read(first).await;
    assert_eq!(running.accepted(), 2, "read again, nothing new");
    running.read(&format!("{first}Quang Ngai,2014,3,4\n")).await;
    assert_eq!(running.accepted(), 4, "grown by a row");
    running.read(&first.replace(",1,", ",9,")).await;
    assert_eq!(running.accepted(), 5, "one value corrected");
    running.read(first).await;
    assert_eq!(running.accepted(), 6, "and back");
    let said = running.read(&format!("{first}Quang Ngai,2013,1,5\nKon Tum,2014,1,1\n")).await;
    assert_eq!(running.accepted(), 6);
    assert_eq!(
        said[0],
        "row 3: budget.expenditure in 51 has another value for this time in row 2; keep one of the two rows"
    );
    assert!(said[1].starts_with("row 4: unknown area '62'"), "{}", said[1]);
    let future = running.read("tinh,nam,thu,chi\nQuang Ngai,2913,1,2\n").await;
    assert!(future[0].contains("in the future"), "{future:?}");
}

#[tokio::test]
async fn a_file_that_is_read_again_unchanged_brings_no_old_values_back() {
    let running = Folder::start();
    let old = "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\nQuang Ngai,2014,3,4\n";
    running.read(&old.replace("2014,3,4\n", "2913,3,4\n")).await;
    running.read("tinh,nam,thu,chi\nQuang Ngai,2013,9,9\n").await;
    assert_eq!(running.accepted(), 4);
    running.read_as(old, Kind::Unchanged).await;
    assert_eq!((running.known("budget.revenue").await, running.accepted()), (vec![9.0, 3.0], 6));
}

#[tokio::test]
async fn a_folder_is_followed_and_its_reports_come_and_go() {
    let running = Folder::start();
    let following = running.follow("", "state");
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,x\n").unwrap();
    until(|| running.report().is_some() && running.accepted() == 1).await;
    assert!(running.report().unwrap().contains("row 2, column 'chi', value 'x': is no number"));
    let health = running.link.health.of(&running.link.source).unwrap();
    assert_eq!((health.refused, health.problems[0].place.as_str()), (1, "a.csv, row 2, column 'chi'"));
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\n").unwrap();
    until(|| running.report().is_none() && running.accepted() == 2).await;
    running.end(following).await;
    assert!(running.link.health.of(&running.link.source).unwrap().problems.is_empty());
}

#[tokio::test]
async fn another_server_that_takes_over_records_nothing_twice() {
    let running = Folder::start();
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\n").unwrap();
    for state in ["first", "second", "third"] {
        let following = running.follow("", state);
        until(|| running.remembers(state)).await;
        running.end(following).await;
        assert_eq!(running.accepted(), 2, "{state}");
    }
    // What the second corrects, the first does not take for what it has read itself.
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,3\n").unwrap();
    let following = running.follow("", "second");
    until(|| running.accepted() == 3).await;
    running.end(following).await;
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,4\n").unwrap();
    let following = running.follow("", "first");
    until(|| running.accepted() == 4).await;
    running.end(following).await;
    assert_eq!(running.known("budget.expenditure").await, [4.0]);
}

#[tokio::test]
async fn refused_rows_are_taken_once_the_configuration_is_right() {
    let running = Folder::start();
    std::fs::write(running.file("a.csv"), "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\nKon Tum,2013,3,4\nHue,2013,5,6\n")
        .unwrap();
    let following = running.follow("", "state");
    until(|| running.accepted() == 2 && running.report().is_some()).await;
    // While it runs: the catalogue gets the area.
    let mut more = catalogue();
    let area = toml::from_str::<protocol::Area>("id = '62'\nname = { vi = 'Kon Tum' }").unwrap();
    more.areas.insert("62".into(), Arc::new(area));
    running.catalogue.send_replace(Arc::new(more));
    until(|| running.accepted() == 4).await;
    running.end(following).await;
    assert!(running.report().unwrap().contains("row 4, column 'tinh', value 'Hue'"));
    // At the next start: the options leave other areas out.
    let following = running.follow("other_areas = 'ignore'", "state");
    until(|| running.report().is_none()).await;
    running.end(following).await;
    assert_eq!(running.accepted(), 4);
}

#[tokio::test]
async fn a_last_line_that_may_be_cut_is_left_until_the_file_is_still() {
    let running = Folder::start();
    let cut = "tinh,nam,thu,chi\nQuang Ngai,2013,1,2\nQuang Ngai,2014,3,45";
    std::fs::write(running.file("a.csv"), cut).unwrap();
    let following = running.follow("unended_secs = 3600", "state");
    until(|| running.report().is_some()).await;
    let report = running.report().unwrap();
    assert!(
        report.contains("row 3: the last line has no line end, so it may be cut off; it is taken once"),
        "{report}"
    );
    assert_eq!(running.accepted(), 2);
    std::fs::write(running.file("a.csv"), format!("{cut}67\n")).unwrap();
    until(|| running.report().is_none()).await;
    assert_eq!(running.known("budget.expenditure").await, [2.0, 4567.0]);
    running.end(following).await;
    // A file that is still is taken whole: many programs write no last line end.
    std::fs::write(running.file("a.csv"), format!("{cut}89")).unwrap();
    let following = running.follow("unended_secs = 1", "state");
    until(|| running.accepted() == 5 && running.report().is_none()).await;
    running.end(following).await;
    assert_eq!(running.known("budget.expenditure").await, [2.0, 4589.0]);
}
