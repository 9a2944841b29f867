use std::time::Instant;

use super::*;
use crate::sources::tests::{Running, until};

const MAPPING: &str = "
[mapping]
time = { column = 'nam', format = 'year' }
area = '51'
values = [{ column = 'thu', indicator = 'budget.revenue' }]
";

/// A database file with some rows: year, value, watermark.
struct Table {
    folder: tempfile::TempDir,
}

impl Table {
    fn of(rows: &[(i64, &str, i64)]) -> Self {
        let table = Self { folder: tempfile::tempdir().unwrap() };
        let connection = table.connection();
        connection.execute_batch("create table thu (nam integer, thu, so integer)").unwrap();
        for (year, value, number) in rows {
            connection.execute("insert into thu values (?1, ?2, ?3)", (year, value, number)).unwrap();
        }
        table
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("thu.sqlite")
    }

    fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).unwrap()
    }

    fn source(&self, options: &str) -> Sql {
        let options =
            format!("engine = 'sqlite'\nfile = '{}'\npoll_secs = 1\n{options}\n{MAPPING}", self.file().display());
        Sql {
            options: toml::from_str(&options).unwrap(),
            time_zone: "Asia/Ho_Chi_Minh".to_owned(),
            file: FileInUse::default(),
        }
    }
}

const NEWEST: &str = "query = 'select nam, thu, so from thu where so > {watermark} order by so'
watermark = { column = 'so', start = '0' }";

/// What one question brings: values, what was not taken, and what is remembered.
async fn ask(asking: &Asking, seen: &Seen) -> Result<(Vec<f64>, Vec<String>, Asked), String> {
    let (pieces, mut queue) = mpsc::channel(100);
    let asked = asking.ask(seen, Timestamp::from_secs(1_700_000_000), pieces).await;
    let mut all = RowRead::default();
    while let Some(piece) = queue.recv().await {
        all.extend(piece);
    }
    let asked = asked.map_err(|error| error.to_string())?.unwrap();
    let problems = all.problems.iter().map(ToString::to_string).collect();
    Ok((all.rows.iter().map(|(_, row)| row.value).collect(), problems, asked))
}

#[tokio::test]
async fn what_is_new_is_asked_for_and_the_limit_loses_no_row() {
    // Three rows of one watermark lie across the limit.
    let table = Table::of(&[(2011, "1", 10), (2012, "2", 20), (2013, "3", 20), (2014, "4", 20), (2015, "5", 30)]);
    let asking = Asking::new(table.source(&format!("{NEWEST}\nmax_rows = 3")));
    let (values, problems, first) = ask(&asking, &Seen::default()).await.unwrap();
    assert_eq!((values, problems.len()), (vec![1.0], 0));
    assert_eq!((first.seen.watermark.as_deref(), first.has_more), (Some("10"), true));
    // Here nothing is before them: nobody knows what lies behind, so nothing is taken for known.
    let table_of_one =
        Table::of(&[(2012, "2", 20), (2013, "3", 20), (2014, "4", 20), (2015, "5", 20), (2016, "6", 30)]);
    let narrow = Asking::new(table_of_one.source(&format!("{NEWEST}\nmax_rows = 3")));
    let said = ask(&narrow, &Seen::default()).await.unwrap_err();
    assert_eq!(said, "more than 3 rows lie at the watermark 20 or within its overlap; raise 'max_rows'");
    let exact = Asking::new(table_of_one.source(&format!("{NEWEST}\nmax_rows = 5")));
    let (values, _, asked) = ask(&exact, &Seen::default()).await.unwrap();
    assert_eq!((values.len(), asked.has_more), (5, false), "as many as are read are not too many");
    let wide = Asking::new(table.source(NEWEST));
    let (values, _, third) = ask(&wide, &first.seen).await.unwrap();
    assert_eq!(
        (values, third.seen.watermark.as_deref(), third.has_more),
        (vec![2.0, 3.0, 4.0, 5.0], Some("30"), false)
    );
    let (values, _, fourth) = ask(&wide, &third.seen).await.unwrap();
    assert_eq!((values, fourth.seen), (vec![], third.seen));
    let all = Asking::new(table.source("query = 'select nam, thu from thu'\nmax_rows = 3"));
    let (values, problems, _) = ask(&all, &Seen::default()).await.unwrap();
    assert_eq!(values, [1.0, 2.0, 3.0]);
    assert!(problems[0].contains("there are more than 3 rows ('max_rows')"), "{problems:?}");
}

#[tokio::test]
async fn rows_written_late_and_corrections_in_one_answer_are_taken() {
    let running = Running::start();
    let table = Table::of(&[(2011, "5", 10), (2011, "7", 11)]);
    let late = NEWEST.replace("start = '0'", "start = '0', overlap = 5");
    let start = || {
        let (source, link) = (table.source(&late), running.link.clone());
        running.stop.send_replace(false);
        tokio::spawn(async move { source.run(link).await })
    };
    let following = start();
    until(|| running.accepted() == 1).await;
    running.end(following).await;
    assert_eq!(running.known("budget.revenue").await, [7.0], "the later row corrects the earlier one");
    table.connection().execute_batch("insert into thu values (2012, 8, 9)").unwrap();
    let following = start();
    until(|| running.accepted() == 2).await;
    running.end(following).await;
    assert_eq!(running.known("budget.revenue").await, [7.0, 8.0]);
}

#[tokio::test]
async fn what_was_refused_stays_named_and_is_asked_for_again_when_it_may_be_right() {
    let running = Running::start();
    let table = Table::of(&[(2011, "5", 10)]);
    let mut source = table.source(NEWEST);
    source.options.mapping.area = Some("62".into());
    let link = running.link.clone();
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| !running.problems().is_empty()).await;
    table.connection().execute_batch("insert into thu values (2012, 6, 11)").unwrap();
    until(|| running.link.health.of(&running.link.source).is_some_and(|health| health.refused == 2)).await;
    assert_eq!(running.problems().len(), 1, "the same at the same place, still named: {:?}", running.problems());
    let mut more = crate::sources::tests::catalogue();
    let area = toml::from_str::<protocol::Area>("id = '62'\nname = { vi = 'Kon Tum' }").unwrap();
    more.areas.insert("62".into(), Arc::new(area));
    running.catalogue.send_replace(Arc::new(more));
    until(|| running.accepted() == 2).await;
    running.end(following).await;
    assert_eq!(running.problems(), [] as [&str; 0]);
}

#[test]
fn a_watermark_stands_in_the_query_as_a_number_or_a_text() {
    let cases = [
        ("a > {watermark};", "123", "a > 123"),
        ("a > '{watermark}'", "123", "a > '123'"),
        ("a > {watermark}", "2023-08-14T07:30:00Z", "a > '2023-08-14T07:30:00Z'"),
        ("a > '{watermark}'", "2023-08-14", "a > '2023-08-14'"),
        ("a > {watermark}", "2460171.5", "a > 2460171.5"),
        ("a > {watermark} or b > {watermark}", "9007199254740993", "a > 9007199254740993 or b > 9007199254740993"),
    ];
    for (written, watermark, expected) in cases {
        assert_eq!(query(written, Some(watermark)), expected);
    }
    for wrong in ["1' or '1'='1", "x;", "", "a--b", "\\", "é"] {
        assert!(!is_plain(wrong), "{wrong}");
    }
}

#[tokio::test]
async fn wrong_rows_columns_and_queries_are_named() {
    let table = Table::of(&[(2011, "chưa có", 1), (2012, "2,5", 2), (2013, "3", 3)]);
    let (values, problems, _) = ask(&Asking::new(table.source(NEWEST)), &Seen::default()).await.unwrap();
    assert_eq!(values, [3.0]);
    assert_eq!(
        problems,
        [
            "row 1, column 'thu', value 'chưa có': is no number; write it like 1234.5",
            "row 2, column 'thu', value '2,5': has ',' where no group of three digits follows; decimals are written with '.' here ('decimal' of the source)",
        ]
    );
    let cases = [
        (
            "query = 'select nam, thu as thuu from thu'",
            "column 'thu': the header has no column 'thu'; did you mean 'thuu'?",
        ),
        (
            "query = 'select nam, thu, so from thu where so > {watermark} order by so desc'\nwatermark = { column = 'so', start = '0' }",
            "row 2: the watermark 2 comes behind 3: order the query by it, or rows are lost",
        ),
        ("query = 'select nam, thu from thi'", "the database answered: no such table: thi"),
        ("query = 'delete from thu'", "attempt to write a readonly database"),
        (
            "query = 'select nam, thu from thu where so > {watermark}'\nwatermark = { column = 'so', start = '0' }",
            "the query gives no column 'so', the watermark",
        ),
        (
            "query = \"select nam, thu, 'x''y' as so from thu where so > {watermark}\"\nwatermark = { column = 'so', start = '0' }",
            "'x'y' is no watermark: a number or a time",
        ),
    ];
    for (options, expected) in cases {
        let said = ask(&Asking::new(table.source(options)), &Seen::default()).await.unwrap_err();
        assert!(said.contains(expected), "{options}: {said}");
    }
    let mut nowhere = table.source(NEWEST);
    nowhere.options.file = Some("/no/such/file.sqlite".into());
    let said = ask(&Asking::new(nowhere), &Seen::default()).await.unwrap_err();
    assert!(said.contains("/no/such/file.sqlite"), "{said}");
}

#[tokio::test]
async fn a_query_without_end_is_ended() {
    let table = Table::of(&[]);
    let endless = "query = 'with recursive n(x) as (select 1 union all select x + 1 from n) select max(x) as nam, 1 as thu from n'\ntimeout_secs = 1";
    let began = Instant::now();
    let said = ask(&Asking::new(table.source(endless)), &Seen::default()).await.unwrap_err();
    assert!(said.contains("interrupted"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_restart_asks_on_from_the_newest_row() {
    let running = Running::start();
    let table = Table::of(&[(2011, "1", 1)]);
    for (expected, more) in [(1, "insert into thu values (2012, 2, 2)"), (2, "insert into thu values (2013, 3, 3)")] {
        let (source, link) = (table.source(NEWEST), running.link.clone());
        running.stop.send_replace(false);
        let following = tokio::spawn(async move { source.run(link).await });
        until(|| running.accepted() == expected).await;
        running.end(following).await;
        table.connection().execute_batch(more).unwrap();
    }
    // Remembered, not compared: the first row may be gone meanwhile.
    table.connection().execute_batch("delete from thu where nam < 2013").unwrap();
    let (source, link) = (table.source(NEWEST), running.link.clone());
    running.stop.send_replace(false);
    let following = tokio::spawn(async move { source.run(link).await });
    until(|| running.accepted() == 3).await;
    running.end(following).await;
    assert_eq!(running.known("budget.revenue").await, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_watermark_ahead_of_the_clock_is_told_and_what_comes_is_still_asked_for() {
    let table = Table::of(&[]);
    let connection = table.connection();
    connection.execute_batch("create table moc (nam integer, thu, luc text)").unwrap();
    let insert = |year: i64, value: &str, at: &str| {
        connection.execute("insert into moc values (?1, ?2, ?3)", (year, value, at)).unwrap();
    };
    insert(2011, "1", "2023-11-14 08:00:00");
    insert(2012, "2", "2099-01-01 00:00:00");
    let options = "query = 'select nam, thu, luc from moc where luc > {watermark} order by luc'
watermark = { column = 'luc', start = '2000-01-01' }";
    let asking = Asking::new(table.source(options));
    let (values, problems, first) = ask(&asking, &Seen::default()).await.unwrap();
    assert_eq!((values, problems.len()), (vec![1.0, 2.0], 0));
    assert_eq!(first.seen.watermark.as_deref(), Some("2023-11-14 08:00:00"));
    assert!(first.warning.is_some_and(|said| said.starts_with("2099-01-01 00:00:00 (row 2) is ahead of the clock")));
    insert(2013, "3", "2023-11-14 09:00:00");
    connection.execute("update moc set luc = '2023-11-14 08:30:00' where nam = 2012", ()).unwrap();
    let (values, _, second) = ask(&asking, &first.seen).await.unwrap();
    assert_eq!((values, second.warning), (vec![1.0, 2.0, 3.0], None));
    assert_eq!(second.seen.watermark.as_deref(), Some("2023-11-14 09:00:00"));
}

#[tokio::test]
async fn a_file_that_does_not_answer_is_asked_by_one_at_a_time() {
    let table = Table::of(&[(2011, "1", 10)]);
    let asking = Asking::new(table.source(NEWEST));
    let held = asking.sql.file.clone();
    let claim = held.claim().unwrap();
    let said = ask(&asking, &Seen::default()).await.unwrap_err();
    assert!(said.contains("has not come back from the file"), "{said}");
    drop(claim);
    assert_eq!(ask(&asking, &Seen::default()).await.unwrap().0, [1.0]);
}
