//! A table of small broken folders and exactly what is said of each.

use std::path::Path;

use super::*;

mod alarms;

const CENTRE: &str = "organisation = 'UBND tỉnh'\ncentre = { vi = 'Trung tâm', en = 'Centre' }\n";
const AREAS: &str =
    "[[area]]\nid = '51'\nname = 'Quảng Ngãi'\n\n[[area]]\nid = '522'\nname = 'TP Quảng Ngãi'\nparent = '51'\n";
const AGENCIES: &str =
    "[[agency]]\nid = 'so-tai-chinh'\nname = { vi = 'Sở Tài chính', en = 'Department of Finance' }\n";
const INDICATORS: &str = "[[indicator]]\nid = 'budget.revenue'\nname = 'Thu ngân sách'\nunit = 'tỷ đồng'\nperiod = 'day'\nowner = 'so-tai-chinh'\nexpected_interval_secs = 86400\n";
const WALLS: &str = "[[wall]]\nid = 'main'\nname = 'Tường chính'\ncanvas = { width_px = 3840, height_px = 2160 }\nlayout = 'overview'\n";
const LAYOUT: &str = "name = 'Tổng quan'\n\n[[panel]]\nid = 'header'\nkind = 'header'\nplace = { column = 0, row = 0, columns = 32, rows = 2 }\n";

/// The files of a small centre.
pub fn whole() -> BTreeMap<String, String> {
    [
        ("centre.toml", CENTRE),
        ("areas.toml", AREAS),
        ("agencies.toml", AGENCIES),
        ("indicators.toml", INDICATORS),
        ("sources.toml", ""),
        ("walls.toml", WALLS),
        ("layouts/overview.toml", LAYOUT),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .into()
}

pub fn write(dir: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn loaded(files: &BTreeMap<String, String>, environment: &[(&str, &str)]) -> Result<CentreConfig, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), files);
    let environment =
        |variable: &str| environment.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned());
    load_in(dir.path(), &environment).map_err(|findings| findings.0.iter().map(ToString::to_string).collect())
}

/// What is said when `file` is changed by `edit`.
fn said(file: &str, edit: impl FnOnce(&mut String)) -> Vec<String> {
    let mut files = whole();
    edit(files.entry(file.to_owned()).or_default());
    loaded(&files, &[]).err().unwrap_or_default()
}

#[test]
fn a_whole_folder_loads() {
    let config = loaded(&whole(), &[]).unwrap();
    assert_eq!(config.catalogue.organisation.vi, "UBND tỉnh");
    assert_eq!(config.catalogue.centre.en.as_deref(), Some("Centre"));
    assert_eq!(config.catalogue.areas["522"].parent.as_ref().unwrap().as_str(), "51");
    assert_eq!(config.catalogue.indicators["budget.revenue"].unit.vi, "tỷ đồng");
    assert_eq!(config.walls["main"].canvas.width_px, 3840);
    let layout = &config.layouts["overview"];
    assert!(layout.read_only);
    assert_eq!((layout.version, layout.grid, layout.panels.len()), (1, (32, 18), 1));
    assert_eq!(config.settings.hub.tick_ms, 50);
    assert_eq!(config.settings.server.listen, "127.0.0.1:8080");
    assert_eq!(config.settings.time_zone, "Asia/Ho_Chi_Minh");
}

#[test]
fn vietnamese_is_normalised() {
    let mut files = whole();
    // "Lý Sơn" with its marks apart, behind a byte order mark.
    files.insert("areas.toml".to_owned(), "\u{FEFF}[[area]]\nid = '536'\nname = 'Ly\u{301} So\u{31B}n'\n".to_owned());
    let config = loaded(&files, &[]).unwrap();
    assert_eq!(config.catalogue.areas["536"].name.vi, "L\u{fd} S\u{1a1}n");
}

#[test]
fn the_environment_stands_above_the_files() {
    let mut files = whole();
    files.get_mut("centre.toml").unwrap().push_str("[hub]\ntick_ms = 100\n[log]\nredis = 'redis://a'\n");
    let config =
        loaded(&files, &[("IOC_HUB_TICK_MS", "20"), ("IOC_SERVER_LISTEN", "0.0.0.0:80"), ("IOC_LOG_REDIS", "")])
            .unwrap();
    assert_eq!(config.settings.hub.tick_ms, 20);
    assert_eq!(config.settings.server.listen, "0.0.0.0:80");
    assert_eq!(config.settings.log.redis, None);

    let said = loaded(&whole(), &[("IOC_HUB_TICK_MS", "fast"), ("IOC_LOG_REDIS", "localhost:6379")]).unwrap_err();
    assert_eq!(
        said,
        [
            "environment: IOC_HUB_TICK_MS is 'fast'; it takes a whole number",
            "environment: IOC_LOG_REDIS: redis 'localhost:6379' is no address; write 'redis://host:6379'",
        ]
    );
}

/// The file, what is replaced in it by what, and what is said.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "indicators.toml",
        "unit =",
        "unti =",
        &[
            "indicators.toml:4: unknown key 'unti' in indicator 'budget.revenue'; did you mean 'unit'?",
            "indicators.toml:1: missing key 'unit' in indicator 'budget.revenue'",
        ],
    ),
    (
        "indicators.toml",
        "'Thu ngân sách'",
        "{ vi = 'Thu', fr = 'Recettes' }",
        &["indicators.toml:3: unknown key 'fr' in indicator 'budget.revenue'; known: vi, en"],
    ),
    (
        "indicators.toml",
        "'day'",
        "'days'",
        &["indicators.toml:5: 'period' in indicator 'budget.revenue' is 'days'; did you mean 'day'?"],
    ),
    (
        "indicators.toml",
        "86400",
        "'daily'",
        &[
            "indicators.toml:7: 'expected_interval_secs' in indicator 'budget.revenue': invalid type: string \"daily\", expected u64",
        ],
    ),
    (
        "indicators.toml",
        "86400",
        "0",
        &["indicators.toml:7: 'expected_interval_secs' of indicator 'budget.revenue' is 0; it is at least 1"],
    ),
    (
        "indicators.toml",
        "'so-tai-chinh'",
        "'so-tai-chin'",
        &[
            "indicators.toml:6: indicator 'budget.revenue' has owner 'so-tai-chin', which agencies.toml does not have; did you mean 'so-tai-chinh'?",
        ],
    ),
    (
        "indicators.toml",
        "[[indicator]]",
        "[[indicators]]",
        &["indicators.toml:1: unknown key 'indicators'; this file holds [[indicator]] only"],
    ),
    (
        "indicators.toml",
        "unit = 'tỷ đồng'",
        "unit = tỷ",
        &["indicators.toml:4: not TOML: invalid boolean, expected `true`"],
    ),
    ("areas.toml", "id = '522'", "id = '51'", &["areas.toml:6: a second area is called '51'; the first is on line 2"]),
    (
        "areas.toml",
        "parent = '51'",
        "parent = '52'",
        &["areas.toml:8: area '522' has parent '52', which areas.toml does not have; did you mean '51'?"],
    ),
    (
        "areas.toml",
        "name = 'Quảng Ngãi'",
        "name = 'Quảng Ngãi'\nparent = '522'",
        &[
            "areas.toml:4: area '51' lies above itself; give one of them another parent",
            "areas.toml:9: area '522' lies above itself; give one of them another parent",
        ],
    ),
    (
        "areas.toml",
        "id = '522'",
        "id = 'TP Quảng Ngãi'",
        &["areas.toml:6: area 'TP Quảng Ngãi': an id is 1 to 100 of the letters a–z and A–Z, digits, '.', '_' and '-'"],
    ),
    (
        "areas.toml",
        "parent = '51'",
        "valid_from = '1/1/2023'",
        &["areas.toml:8: 'valid_from' of area '522' is '1/1/2023'; write a date such as '2023-01-31'"],
    ),
    (
        "walls.toml",
        "'overview'",
        "'overveiw'",
        &["walls.toml:5: wall 'main' has layout 'overveiw', which layouts/ does not have; did you mean 'overview'?"],
    ),
    (
        "walls.toml",
        "layout =",
        "lead_ms = 900\nlayout =",
        &["walls.toml:5: wall 'main': lead_ms is 900; it is at most 250"],
    ),
    (
        "walls.toml",
        "layout =",
        "displays = [{ name = 'left', x_px = 0, y_px = 0, width_px = 9000, height_px = 2160 }]\nlayout =",
        &["walls.toml:5: wall 'main': display 'left' ends at 9000 × 2160 px, but the canvas is 3840 × 2160 px"],
    ),
    (
        "layouts/overview.toml",
        "'header'\nplace",
        "'heder'\nplace",
        &["layouts/overview.toml:5: panel 'header': unknown panel kind 'heder'; did you mean 'header'?"],
    ),
    (
        "layouts/overview.toml",
        "columns = 32, rows",
        "columns = 33, rows",
        &[
            "layouts/overview.toml:6: panel 'header': the panel ends at column 33, row 2, but the grid has 32 columns and 18 rows",
        ],
    ),
    (
        "layouts/overview.toml",
        "place =",
        "plaec =",
        &[
            "layouts/overview.toml:6: unknown key 'plaec' in panel 'header'; did you mean 'place'?",
            "layouts/overview.toml:3: missing key 'place' in panel 'header'",
        ],
    ),
    (
        "centre.toml",
        "organisation =",
        "organization =",
        &[
            "centre.toml:1: unknown key 'organization' in the centre; did you mean 'organisation'?",
            "centre.toml:1: missing key 'organisation' in the centre",
        ],
    ),
];

#[test]
fn each_mistake_is_named_with_its_place() {
    for (file, from, to, expected) in CASES {
        let said = said(file, |text| {
            assert!(text.contains(from), "{file} has no {from}");
            *text = text.replacen(from, to, 1);
        });
        let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        let mut said = said;
        expected.sort();
        said.sort();
        assert_eq!(said, expected, "{file}: {from} → {to}");
    }
}

#[test]
fn overlapping_panels_are_named_at_the_later_one() {
    let said = said("layouts/overview.toml", |text| {
        text.push_str(
            "\n[[panel]]\nid = 'clock'\nkind = 'header'\nplace = { column = 30, row = 1, columns = 2, rows = 2 }\n",
        );
    });
    assert_eq!(said, ["layouts/overview.toml:11: panel 'clock': the panel overlaps 'header'; move one of them"]);
}

#[test]
fn mistakes_in_settings_are_named() {
    let said = said("centre.toml", |text| {
        text.push_str("time_zone = 'Hanoi'\n[server]\nlisten = 'localhost'\nport = 80\n[hub]\ntick_msec = 5\n");
    });
    assert_eq!(
        said,
        [
            "centre.toml:6: unknown key 'port' in the centre; known: listen",
            "centre.toml:8: unknown key 'tick_msec' in the centre; did you mean 'tick_ms'?",
        ]
    );
}

#[test]
fn settings_out_of_range_are_named() {
    let said = said("centre.toml", |text| {
        text.push_str("time_zone = 'Hanoi'\n[server]\nlisten = 'localhost'\n[hub]\ntick_ms = 0\n")
    });
    assert_eq!(
        said,
        [
            "centre.toml:3: time_zone 'Hanoi' is not known; use an IANA name such as 'Asia/Ho_Chi_Minh'",
            "centre.toml:5: listen 'localhost' is no address; write 'address:port', such as '127.0.0.1:8080'",
            "centre.toml:7: tick_ms is 0; it is between 1 and 1000",
        ]
    );
}

#[test]
fn missing_and_stray_files_are_named() {
    let mut files = whole();
    let indicators = files.remove("indicators.toml").unwrap();
    files.insert("indicator.toml".to_owned(), indicators);
    files.remove("layouts/overview.toml");
    let said = loaded(&files, &[]).unwrap_err();
    assert_eq!(
        said,
        [
            "indicator.toml: nothing reads a file of this name; did you mean 'indicators.toml'?",
            "indicators.toml: the file is missing; it holds the indicators, one [[indicator]] each",
            "layouts/: the folder is missing; it holds one file for each layout, such as overview.toml",
            "walls.toml:5: wall 'main' has layout 'overview', which layouts/ does not have",
        ]
    );
    let nowhere = check(Path::new("/nowhere/centre"));
    assert_eq!(
        nowhere[0].to_string(),
        "/nowhere/centre: there is no such folder; it holds centre.toml and the other files of a centre"
    );
}

#[test]
fn another_encoding_is_named_with_its_byte() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &whole());
    std::fs::write(dir.path().join("areas.toml"), b"# ok\n# S\xF4ng V\xEA\n").unwrap();
    assert_eq!(check(dir.path())[0].to_string(), "areas.toml:2: byte 8 is not UTF-8; save the file as UTF-8");
}

#[test]
fn mistakes_in_sources_are_named() {
    let said = said("sources.toml", |text| {
        text.push_str("[[source]]\nid = 'a'\nname = 'A'\nkind = 'cvs'\n\n[[source]]\nid = 'b'\nname = 'B'\nkind = 'push'\nowner = 'x'\n[source.options]\nfolder = '.'\n");
    });
    let known: Vec<&str> = crate::sources::SOURCES.iter().map(|kind| kind.name).collect();
    assert_eq!(
        said,
        [
            format!(
                "sources.toml:4: source 'a' is of the unknown kind 'cvs'{}",
                suggestion("cvs", known.iter().copied())
            ),
            "sources.toml:10: source 'b' has owner 'x', which agencies.toml does not have; known: so-tai-chinh"
                .to_owned(),
            "sources.toml:12: unknown key 'folder' in the options of source 'b'".to_owned(),
        ]
    );
}

/// A centre of this repository, by its folder.
fn shipped(folder: &str) -> CentreConfig {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    load_in(&dir, &|_| None).unwrap_or_else(|findings| panic!("{folder}:\n{findings}"))
}

#[test]
fn the_demonstration_centre_is_whole() {
    let config = shipped("config/demo");
    let catalogue = &config.catalogue;
    assert_eq!(catalogue.children(&"51".into()).count(), 13);
    assert!(catalogue.indicators.len() >= 12);
    assert!(config.sources.iter().any(|spec| spec.info.kind == "push" && spec.source.is_none()));
    assert_eq!(config.walls["main"].canvas, protocol::Canvas { width_px: 3840, height_px: 2160 });
    let names = catalogue
        .indicators
        .values()
        .map(|indicator| &indicator.name)
        .chain(catalogue.areas.values().map(|area| &area.name));
    assert!(names.chain(catalogue.agencies.values().map(|agency| &agency.name)).all(|name| name.en.is_some()));
    // The panels fill the grid but for nothing.
    let layout = &config.layouts["overview"];
    let cells: u32 = layout
        .panels
        .iter()
        .filter_map(|panel| panel.place.on_grid())
        .map(|cells| u32::from(cells.columns) * u32::from(cells.rows))
        .sum();
    assert_eq!(cells, u32::from(layout.grid.0) * u32::from(layout.grid.1));
}

#[test]
fn the_centre_of_final_budgets_is_whole() {
    let config = shipped("tests/centres/budget");
    assert_eq!(config.sources[0].info.kind, "csv");
    assert!(config.sources[0].source.is_some());
}

#[test]
fn mistakes_in_csv_sources_are_named() {
    let said = said("sources.toml", |text| {
        text.push_str("[[source]]\nid = 'a'\nname = 'A'\nkind = 'csv'\n[source.options]\nfiles = { folder = 'x' }\ndelimeter = ';'\n[source.options.mapping]\narea = '51'\nvalues = []\n");
    });
    assert_eq!(
        said,
        ["sources.toml:7: unknown key 'delimeter' in the options of source 'a'; did you mean 'delimiter'?"]
    );
}

#[test]
fn names_in_csv_sources_are_checked() {
    let said = said("sources.toml", |text| {
        text.push_str("[[source]]\nid = 'a'\nname = 'A'\nkind = 'csv'\n[source.options]\nfiles = { folder = 'x', poll_secs = 0 }\n[source.options.mapping]\ntime = { column = 'y', format = 'yyyy' }\narea = '52'\nvalues = [\n  { column = 'v', indicator = 'budget.revenu' },\n]\n");
    });
    assert_eq!(
        said,
        [
            "sources.toml:6: source 'a': poll_secs is 0; it is between 1 and 86400",
            "sources.toml:8: source 'a': time format 'yyyy' is not known; use 'iso', 'd/m/yyyy', 'month', 'quarter', 'year', 'unix', 'unix_ms' or a pattern such as '%d-%m-%Y %H:%M'",
            "sources.toml:9: source 'a': area '52' is not in areas.toml; did you mean '51'?",
            "sources.toml:11: source 'a': indicator 'budget.revenu' is not in indicators.toml; did you mean 'budget.revenue'?",
        ]
    );
}

/// A whole source of made-up records, each line of its own.
const RECORDS: &str = "[[source]]
id = 'dieu-hanh'
name = 'Điều hành'
kind = 'simulated_records'
[source.options]
seed = 1
[[source.options.tasks]]
id = 'bao-cao'
content = { vi = 'Báo cáo' }
given_by = 'so-tai-chinh'
lead = 'so-tai-chinh'
origin = 'government'
every_days = 30
takes_days = 10
[[source.options.alarms]]
id = 'mua-lon'
severity = 'warning'
text = { vi = 'Mưa lớn' }
area = '522'
every_minutes = 60
lasts_minutes = 20
[[source.options.sessions]]
id = 'giao-ban'
title = { vi = 'Giao ban' }
chair = { vi = 'Chủ tịch' }
starts = '08:00'
items = [{ title = { vi = 'Một' }, presenter = { vi = 'Ai đó' }, minutes = 10, layout = 'overview' }]
";

#[test]
fn made_up_records_that_cannot_be_are_named_with_their_place() {
    let said_of = |right: &str, wrong: &str| {
        assert!(RECORDS.contains(right), "{right}");
        said("sources.toml", |text| *text = RECORDS.replacen(right, wrong, 1))
    };
    assert_eq!(said_of("seed = 1", "seed = 2"), Vec::<String>::new());
    for (right, wrong, expected) in [
        (
            "lead = 'so-tai-chinh'",
            "lead = 'so-tai-chin'",
            "sources.toml:11: source 'dieu-hanh': agency 'so-tai-chin' is not in agencies.toml; did you mean 'so-tai-chinh'?",
        ),
        ("every_days = 30", "every_days = 0", "sources.toml:13: source 'dieu-hanh': every_days is 0; it is 1 to 400"),
        (
            "origin = 'government'",
            "origin = 'goverment'",
            "sources.toml:12: 'origin' in the options of source 'dieu-hanh' is 'goverment'; did you mean 'government'?",
        ),
        (
            "area = '522'",
            "aera = '522'",
            "sources.toml:19: unknown key 'aera' in the options of source 'dieu-hanh'; did you mean 'area'?",
        ),
        (
            "area = '522'",
            "area = '523'",
            "sources.toml:19: source 'dieu-hanh': area '523' is not in areas.toml; did you mean '522'?",
        ),
        (
            "lasts_minutes = 20",
            "lasts_minutes = 61",
            "sources.toml:21: source 'dieu-hanh': lasts_minutes is 61; it is 1 to 60",
        ),
        (
            "id = 'mua-lon'",
            "id = 'bao-cao'",
            "sources.toml:16: source 'dieu-hanh': a second one is called 'bao-cao'; give it another id",
        ),
        (
            "id = 'giao-ban'",
            "id = 'giao ban'",
            "sources.toml:23: source 'dieu-hanh': id 'giao ban': 1 to 60 letters without marks, digits, '.', '_' and '-'",
        ),
        (
            "'08:00'",
            "'8 giờ'",
            "sources.toml:26: 'starts' in the options of source 'dieu-hanh': '8 giờ' is no time of day; write it like '08:00'",
        ),
        (
            "layout = 'overview'",
            "layout = 'overveiw'",
            "sources.toml:27: source 'dieu-hanh': layout 'overveiw' is not in layouts/; did you mean 'overview'?",
        ),
    ] {
        assert_eq!(said_of(right, wrong), [expected]);
    }
    let missing = said_of("every_days = 30\n", "");
    assert!(missing.len() == 1 && missing[0].contains("missing key 'every_days'"), "{missing:?}");
}

#[test]
fn a_source_is_the_same_until_something_changes_that_it_is_made_of() {
    let source = "[[source]]\nid = 'so'\nname = 'Thu'\nkind = 'http'\n[source.options]\nurl = 'http://a.vn/thu'\npoll_secs = 60\n[source.options.mapping]\ntime = { column = 'ngay' }\narea = '51'\nvalues = [{ column = 'thu', indicator = 'budget.revenue' }]\n";
    let first = |sources: &str, environment: &[(&str, &str)]| {
        let mut files = whole();
        files.insert("sources.toml".to_owned(), sources.to_owned());
        loaded(&files, environment).unwrap().sources.remove(0)
    };
    let before = first(source, &[]);
    let other = source.replace("'so'", "'khac'");
    let same = [
        format!("# Thu.\n\n{}{other}", source.replace("poll_secs = 60", "poll_secs=60 # phút")),
        source.replace("url = 'http://a.vn/thu'\npoll_secs = 60", "poll_secs = 60\nurl = \"http://a.vn/thu\""),
    ];
    for sources in same {
        assert!(first(&sources, &[]).is_same(&before), "{sources}");
    }
    for (old, new) in
        [("thu'\npoll", "chi'\npoll"), ("60", "61"), ("'Thu'", "'Chi'"), ("column = 'thu'", "column = 'chi'")]
    {
        assert!(!first(&source.replace(old, new), &[]).is_same(&before), "{new}");
    }
    assert!(!first(&other, &[]).is_same(&before));
    assert!(!first(source, &[("IOC_TIME_ZONE", "Asia/Tokyo")]).is_same(&before), "its times are others");
}
