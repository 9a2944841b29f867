use std::io::Write;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

use super::*;

const ZONE: &str = "Asia/Ho_Chi_Minh";

fn folder(options: &str) -> WorkbookFolder {
    let options: WorkbookOptions = toml::from_str(&format!("files = {{ folder = '.' }}\n{options}")).unwrap();
    WorkbookFolder { folder: ".".into(), options, time_zone: ZONE.to_owned() }
}

/// What is read of a workbook: `indicator area date value` of each row, and what was not taken.
fn read(path: &Path, options: &str) -> (Vec<String>, Vec<String>) {
    let mut all = RowRead::default();
    let mut said = Vec::new();
    let end = folder(options).read(path, true, &mut |piece| {
        let sheet = piece.sheet.clone();
        said.extend(
            piece.problems.iter().map(|problem| RowProblem { sheet: sheet.clone(), ..problem.clone() }.to_string()),
        );
        all.rows.extend(piece.rows);
        true
    });
    said.extend(end.err().map(|problem| problem.to_string()));
    let date = |row: &protocol::event::ObservationRow| {
        let at = jiff::Timestamp::from_microsecond(row.phenomenon_time.as_micros()).unwrap();
        crate::sources::rows::zone(ZONE).to_datetime(at).to_string()
    };
    let rows = all.rows.iter().map(|(place, row)| {
        format!("{place}: {} {} {} {}", row.series.indicator, row.series.area, date(row), row.value)
    });
    (rows.collect(), said)
}

fn made(fill: impl FnOnce(&mut Worksheet)) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".xlsx").tempfile().unwrap();
    let mut book = Workbook::new();
    fill(book.add_worksheet().set_name("Tháng 8").unwrap());
    book.save(file.path()).unwrap();
    file
}

#[test]
fn dates_merged_cells_and_vietnamese_numbers_are_read() {
    let file = made(|sheet| {
        sheet.write(0, 0, "BÁO CÁO THU NGÂN SÁCH").unwrap();
        sheet.merge_range(2, 0, 3, 0, "Huyện", &Format::new()).unwrap();
        sheet.merge_range(2, 1, 3, 1, "Ngày", &Format::new()).unwrap();
        sheet.merge_range(2, 2, 2, 3, "Thu NSNN", &Format::new()).unwrap();
        sheet.write(3, 2, "Nội\nđịa").unwrap();
        sheet.write(3, 3, "Xuất nhập khẩu").unwrap();
        // The district is written once for its two days.
        sheet.merge_range(4, 0, 5, 0, "  Bình   SƠN ", &Format::new()).unwrap();
        let date = Format::new().set_num_format("dd/mm/yyyy");
        for (row, day) in [(4, 14), (5, 15)] {
            sheet.write_with_format(row, 1, ExcelDateTime::from_ymd(2023, 8, day).unwrap(), &date).unwrap();
        }
        sheet.write(4, 2, 1234.5).unwrap();
        sheet.write(4, 3, "1.234,5").unwrap();
        sheet.write(5, 2, 7).unwrap();
        sheet.write_formula(5, 3, Formula::new("=C6*2").set_result("14")).unwrap();
        sheet.write(7, 0, "Ghi chú: số liệu ước tính").unwrap();
    });
    let options = r#"
        header_rows = [3, 4]
        last_row = 7
        [mapping]
        time = { column = "Ngày", format = "d/m/yyyy" }
        area_column = "huyện"
        area_map = { "Bình Sơn" = "524" }
        decimal = ","
        values = [
            { column = "Thu NSNN / Nội địa", indicator = "domestic" },
            { column = "D", indicator = "customs", scale = 10.0 },
        ]
    "#;
    let (rows, said) = read(file.path(), options);
    assert_eq!(said, [] as [&str; 0]);
    assert_eq!(
        rows,
        [
            "5: domestic 524 2023-08-14T00:00:00 1234.5",
            "5: customs 524 2023-08-14T00:00:00 12345",
            "6: domestic 524 2023-08-15T00:00:00 7",
            "6: customs 524 2023-08-15T00:00:00 140",
        ]
    );
}

#[test]
fn errors_of_formulas_and_wrong_columns_are_named_with_their_sheet() {
    let file = made(|sheet| {
        for (column, name) in ["Chỉ tiêu", "Quyết toán", "Ghi chú"].iter().enumerate() {
            sheet.write(0, column as u16, *name).unwrap();
        }
        sheet.write(1, 0, "Thu nội địa").unwrap();
        sheet.write_formula(1, 1, Formula::new("=NA()").set_result("#N/A")).unwrap();
        sheet.write(2, 0, "Thu khác").unwrap();
        sheet.write(2, 1, 5).unwrap();
        sheet.write(3, 0, "Thu nội địa").unwrap();
        sheet.write(3, 1, "chưa có").unwrap();
        sheet.write(4, 0, "Thu nội địa").unwrap();
        sheet.write(4, 1, 6).unwrap();
    });
    let mapping = r#"
        time = { value = "8/2023", format = "month" }
        area = "51"
        indicator_column = "Chỉ tiêu"
        indicator_map = { "Thu nội địa" = "domestic" }
        values = [{ column = "Quyết toán" }]
    "#;
    let (rows, said) = read(file.path(), &format!("[mapping]\n{mapping}"));
    assert_eq!(rows, ["5: domestic 51 2023-08-31T00:00:00 6"]);
    assert_eq!(
        said,
        [
            "sheet 'Tháng 8', row 2, column 'Quyết toán', value '#N/A': is an error of a formula; correct it in the workbook",
            "sheet 'Tháng 8', row 3, column 'Chỉ tiêu', value 'Thu khác': is not in 'indicator_map' of the source; known: Thu nội địa; set other_indicators = \"ignore\" to leave other indicators out",
            "sheet 'Tháng 8', row 4, column 'Quyết toán', value 'chưa có': is no number; write it like 1234.5",
        ]
    );
    let ignoring = format!("first_row = 4\n[mapping]\nother_indicators = 'ignore'\n{mapping}");
    assert_eq!(read(file.path(), &ignoring).1.len(), 1);
    let (_, said) =
        read(file.path(), &format!("sheets = 'Tháng ?'\n[mapping]\n{}", mapping.replace("Quyết toán", "Quyet toan")));
    assert_eq!(
        said,
        [
            "sheet 'Tháng 8', row 1, column 'Quyet toan': the header has no column 'Quyet toan'; did you mean 'Quyết toán'?"
        ]
    );
    let (_, said) = read(file.path(), &format!("sheets = 'Thang*'\n[mapping]\n{mapping}"));
    assert_eq!(said, ["the file: no sheet has a name like 'Thang*'; there are 'Tháng 8'"]);
}

#[test]
fn a_file_that_is_no_workbook_or_not_whole_is_named() {
    let file = made(|sheet| {
        sheet.write(0, 0, "a").unwrap();
    });
    let whole = std::fs::read(file.path()).unwrap();
    for bytes in [&whole[..whole.len() / 2], b"<html>", b""] {
        std::fs::write(file.path(), bytes).unwrap();
        let (rows, said) = read(file.path(), "[mapping]\narea = '51'\nvalues = []");
        assert!(rows.is_empty() && said.len() == 1, "{said:?}");
        assert!(
            said[0].starts_with("the file: is no workbook, is protected by a password or is not whole yet"),
            "{said:?}"
        );
    }
}

#[test]
fn a_workbook_that_claims_too_much_is_not_opened() {
    let file = tempfile::Builder::new().suffix(".xlsx").tempfile().unwrap();
    let mut archive = zip::ZipWriter::new(file.reopen().unwrap());
    archive.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(br#"<sst count="1" uniqueCount="100000000000"><si><t>a</t></si></sst>"#).unwrap();
    archive.finish().unwrap();
    let (_, said) = read(file.path(), "[mapping]\narea = '51'\nvalues = []");
    assert_eq!(said, ["the file: says that it has more texts than it can have; is it damaged?"]);
}

#[test]
fn a_cell_in_the_last_corner_makes_no_table_of_billions() {
    let file = made(|sheet| {
        sheet.write(0, 0, "Thu").unwrap();
        sheet.write(1, 0, 5).unwrap();
        sheet.write(1_048_575, 16_383, 1).unwrap();
        sheet.write(1_048_575, 0, 6).unwrap();
    });
    let mapping =
        "time = { value = '2023', format = 'year' }\narea = '51'\nvalues = [{ column = 'Thu', indicator = 'a' }]";
    let (rows, said) = read(file.path(), &format!("[mapping]\n{mapping}"));
    assert_eq!(said, [] as [&str; 0]);
    assert_eq!(rows, ["2: a 51 2023-12-31T00:00:00 5", "1048576: a 51 2023-12-31T00:00:00 6"]);
}

#[test]
fn the_name_of_a_sheet_or_file_tells_the_time() {
    let file = made(|sheet| {
        sheet.write(0, 0, "Thu").unwrap();
        sheet.write(1, 0, 5).unwrap();
    });
    let of = |time: &str| {
        read(
            file.path(),
            &format!("[mapping]\ntime = {time}\narea = '51'\nvalues = [{{ column = 'Thu', indicator = 'a' }}]"),
        )
    };
    let (_, said) = of("{ sheet = 'Tháng {}', format = 'month' }");
    assert_eq!(said, ["sheet 'Tháng 8': the time '8' is no month; write it like 8/2023 or 2023-08"]);
    let (_, said) = of("{ sheet = 'Năm {}', format = 'year' }");
    assert_eq!(said, ["sheet 'Tháng 8': the name of the sheet, 'Tháng 8', is not like 'Năm {}'"]);
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("thu_2023-08.xlsx");
    std::fs::copy(file.path(), &named).unwrap();
    let mapping = "time = { file = 'thu_{}.xlsx', format = 'month' }\narea = '51'\nvalues = [{ column = 'Thu', indicator = 'a' }]";
    assert_eq!(read(&named, &format!("[mapping]\n{mapping}")).0, ["2: a 51 2023-08-31T00:00:00 5"]);
}
