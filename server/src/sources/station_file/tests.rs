use super::*;
use crate::sources::tests::{Running, until};

const OPTIONS: &str = r#"
stations = { "KKDQ01" = "51", "QN_NUOC_02" = "62" }
other_parameters = "ignore"
[parameters]
"PM2,5" = { indicator = "budget.revenue", unit = "µg/m3" }
SO2 = { indicator = "budget.expenditure", unit = "mg/m3", scale = 1000.0 }
"#;

fn source(folder: &Path, options: &str) -> StationFolder {
    let files = "files = { folder = '.', poll_secs = 1, settle_ms = 0, unended_secs = 3600 }";
    let options: StationOptions = toml::from_str(&format!("{files}\n{options}")).unwrap();
    StationFolder { folder: folder.to_owned(), options, time_zone: "Asia/Ho_Chi_Minh".to_owned() }
}

/// What is read of a file of this name, and what is not.
fn read(name: &str, text: &str, options: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let mut all = RowRead::default();
    let end = source(folder.path(), options).read(&path, true, &mut |piece| {
        all.extend(piece);
        true
    });
    let rows = all.rows.iter().map(|(line, row)| {
        let at = jiff::Timestamp::from_microsecond(row.phenomenon_time.as_micros()).unwrap();
        format!("{line}: {} {} {} {at} {:?}", row.series.indicator, row.series.area, row.value, row.status)
    });
    let said = all.problems.iter().map(ToString::to_string).chain(end.err().map(|problem| problem.to_string()));
    (rows.collect(), said.collect())
}

#[test]
fn a_file_says_values_units_times_and_how_they_were_got() {
    let text = "PM2,5\t20.3\tµg/m3\t20230814073000\t00\r\nSO2\t0.5\tmg/m3\t20230814073000\t01\r\nNO\t1\tppb\t20230814073000\t00\r\nSO2\t9.9\tmg/m3\t20230814073500\t02\r\n";
    let (rows, said) = read("KKDQ01_20230814073000.txt", text, OPTIONS);
    assert_eq!(said, [] as [&str; 0]);
    assert_eq!(
        rows,
        [
            "1: budget.revenue 51 20.3 2023-08-14T00:30:00Z Automatic",
            "2: budget.expenditure 51 500 2023-08-14T00:30:00Z Calibrating",
            "4: budget.expenditure 51 9900 2023-08-14T00:35:00Z Fault",
        ]
    );
}

#[test]
fn the_name_of_a_file_tells_its_station() {
    let text = "PM2,5\t1\tµg/m3\t20230814073000\t00\r\n";
    let area = |name: &str, options: &str| {
        let (rows, said) = read(name, text, options);
        rows.first().map_or_else(|| said.join("; "), |row| row.split(' ').nth(2).unwrap().to_owned())
    };
    assert_eq!(area("KKDQ01_20230814073000.txt", OPTIONS), "51");
    assert_eq!(area("QNGA_DQ_KKDQ01_20230814073000.txt", OPTIONS), "51");
    assert_eq!(area("QN_NUOC_02_20230814073000.txt", OPTIONS), "62", "a station whose name has parts itself");
    let own = format!("name = 'log-{{station}}-{{time}}.dat'\n{OPTIONS}");
    assert_eq!(area("log-KKDQ01-20230814073000.dat", &own), "51");
    assert_eq!(
        area("log-KKDQ01.dat", &own),
        "the file: is not named like 'log-{station}-{time}.dat' ('name' of the source)"
    );
    assert_eq!(
        area("KKDQ10_20230814073000.txt", OPTIONS),
        "the file: station 'KKDQ10' is not in 'stations' of the source; did you mean 'KKDQ01'?; set other_stations = \"ignore\" to leave other stations out"
    );
    assert_eq!(area("KKDQ10_20230814073000.txt", &format!("other_stations = 'ignore'\n{OPTIONS}")), "");
}

#[test]
fn bad_lines_are_named_and_the_others_taken() {
    let text = "PM2,5\t\tµg/m3\t20230814073000\t00\r\nPM2,5\t5\tmg/m3\t20230814073000\t00\r\nPM2,5\t5\tµg/m3\t2023081407\t00\r\nPM2,5\t5\tµg/m3\t20230814073000\t07\r\nPM2,5 5\r\n\r\nPM10\t5\tµg/m3\t20230814073000\t00\r\nPM2,5\t6\tµg/m3\t20230814073000\t00";
    let (rows, said) = read("KKDQ01_20230814073000.txt", text, &OPTIONS.replace("ignore", "refuse"));
    assert_eq!(rows, ["8: budget.revenue 51 6 2023-08-14T00:30:00Z Automatic"]);
    assert_eq!(
        said,
        [
            "row 1, column 'value', value '': is no number; write it like 1234.5",
            "row 2, column 'unit', value 'mg/m3': is not the unit of PM2,5, 'µg/m3'; values of another unit are not comparable",
            "row 3, column 'time', value '2023081407': is not written like '%Y%m%d%H%M%S': strptime parsing failed: expected non-empty input for directive `%M`, but found end of input",
            "row 4, column 'status', value '07': is no status; it is 00, 01 or 02",
            "row 5, column 'line', value 'PM2,5 5': has 1 parts set apart by tabs; it is name, value, unit, time and status",
            "row 7, column 'name', value 'PM10': is not in 'parameters' of the source; known: PM2,5, SO2; set other_parameters = \"ignore\" to leave others out",
        ]
    );
}

#[tokio::test]
async fn files_come_late_out_of_order_again_and_half_written() {
    let running = Running::start();
    let folder = running.dir.path().join("ftp");
    std::fs::create_dir(&folder).unwrap();
    let put = |minute: u32, value: &str| {
        let (value, end) = value.split_at(value.trim_end().len());
        let text = format!("PM2,5\t{value}\tµg/m3\t202308140{minute:03}00\t00{end}");
        std::fs::write(folder.join(format!("KKDQ01_202308140{minute:03}00.txt")), text).unwrap();
    };
    put(730, "3\r\n");
    put(740, "5\r\n");
    let (source, link) = (source(&folder, OPTIONS), running.link.clone());
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| running.accepted() == 2).await;
    put(735, "4");
    until(|| running.problems().len() == 1).await;
    assert!(running.problems()[0].contains("may be half written"), "{:?}", running.problems());
    assert_eq!(running.known("budget.revenue").await, [3.0, 5.0]);
    put(735, "4.25\r\n");
    until(|| running.accepted() == 3).await;
    // The logger sends all again.
    for (minute, value) in [(730, "3\r\n"), (735, "4.25\r\n"), (740, "5\r\n"), (725, "2\r\n")] {
        put(minute, value);
    }
    until(|| running.accepted() == 4).await;
    running.end(following).await;
    assert_eq!(running.known("budget.revenue").await, [2.0, 3.0, 4.25, 5.0]);
}
