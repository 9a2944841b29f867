//! What cannot be read from the seats: for each rule a small bad layout that yields exactly its finding.

use tests::binary;
use tests::centre::{Centre, Plan};

const ROOM: &str = "wall_width_mm = 7200, wall_height_mm = 4050, nearest_seat_mm = 4000, farthest_seat_mm = 8000";
const LEVEL: &str = "[[indicator]]\nid = \"level\"\nname = \"Mực nước\"\nunit = \"m\"\ndecimals = 2\nperiod = \"day\"\n\
                     owner = \"stc\"\nexpected_interval_secs = 86400\nbetter = \"lower\"\nwarning = 3.5\n\
                     [[indicator]]\nid = \"vast\"\nname = \"Diện tích\"\nunit = \"ha\"\ndecimals = 2\nperiod = \"day\"\n\
                     owner = \"stc\"\nexpected_interval_secs = 86400\nwarning = 3500000\n\
                     [[indicator]]\nid = \"plain\"\nname = \"Số hồ sơ\"\nunit = \"hồ sơ\"\nperiod = \"day\"\n\
                     owner = \"stc\"\nexpected_interval_secs = 86400\n";

/// A centre whose only layout has these panels, on a wall with this canvas and room.
fn centre(canvas: &str, room: &str, more_of_wall: &str, panels: &str) -> Centre {
    let settings = "[server]\nlisten = \"127.0.0.1:0\"\n";
    let centre = Centre::of(Plan { panels: 1, settings, ..Plan::default() }).unwrap();
    std::fs::remove_file(centre.config().join("layouts/second.toml")).unwrap();
    centre.replace("centre.toml", "readout_interval_ms = 0", "readout_interval_ms = 2000").unwrap();
    let wall = format!(
        "[[wall]]\nid = \"main\"\nname = \"Tường\"\nlayout = \"overview\"\ncanvas = {{ {canvas} }}\nroom = {{ {room} }}\n{more_of_wall}"
    );
    centre.write("walls.toml", &wall).unwrap();
    centre.write("indicators.toml", LEVEL).unwrap();
    centre.write("layouts/overview.toml", &format!("name = \"Tổng quan\"\n{panels}")).unwrap();
    centre
}

fn panel(id: &str, kind: &str, place: [u16; 4], options: &str) -> String {
    let [column, row, columns, rows] = place;
    format!(
        "[[panel]]\nid = \"{id}\"\nkind = \"{kind}\"\n\
         place = {{ column = {column}, row = {row}, columns = {columns}, rows = {rows} }}\noptions = {{ {options} }}\n"
    )
}

/// The findings of `ioc-server check`, a line each.
fn check(centre: &Centre) -> Vec<String> {
    let program = binary("ioc-server").unwrap();
    let output = std::process::Command::new(program).args(["check", "--config"]).arg(centre.config()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let findings: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(output.status.success(), findings.is_empty(), "{said}");
    findings
}

const LEVEL_HERE: &str = "indicator = \"level\", area = \"51\"";
const CANVAS: &str = "width_px = 3840, height_px = 2160";

fn good() -> String {
    panel("level", "value", [10, 4, 10, 6], LEVEL_HERE)
}

#[test]
fn a_good_layout_has_no_finding() {
    assert_eq!(check(&centre(CANVAS, ROOM, "", &good())), Vec::<String>::new());
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of layouts")]
fn each_bad_layout_yields_exactly_its_finding() {
    let long = "Tình hình thực hiện các nhiệm vụ trọng tâm về phát triển kinh tế – xã hội, bảo đảm quốc phòng";
    let text = |title: &str, place| panel("note", "text", place, &format!("title = \"{title}\", body = \"Tốt.\""));
    let prose = |id: &str, place, body: &str| panel(id, "text", place, &format!("body = \"{body}\""));
    let many =
        (0..6).map(|area| format!("{{ indicator = \"level\", area = \"a{area}\" }}")).collect::<Vec<_>>().join(", ");
    let areas = (0..6).map(|area| format!("[[area]]\nid = \"a{area}\"\nname = \"Khu {area}\"\nparent = \"51\"\n"));
    let areas = format!("[[area]]\nid = \"51\"\nname = \"Tỉnh\"\n{}", areas.collect::<String>());
    let agency = format!("[[agency]]\nid = \"stc\"\nname = \"{long}\"\n");
    let ambient = |ambient: u32| format!("{ROOM}, ambient_cd_m2 = {ambient}");
    let two = "displays = [{ name = \"a\", x_px = 0, y_px = 0, width_px = 1910, height_px = 2160 }, \
               { name = \"b\", x_px = 1930, y_px = 0, width_px = 1910, height_px = 2160 }]";
    let stretched = ROOM.replace("7200", "12000").replace("farthest_seat_mm = 8000", "farthest_seat_mm = 7999");
    let coarse = "wall_width_mm = 7200, wall_height_mm = 4050, nearest_seat_mm = 400, farthest_seat_mm = 500, \
                  seats = [{ distance_mm = 500 }]";
    let cases: Vec<(&str, String, Centre)> = vec![
        (
            "text-height",
            "note".into(),
            centre(CANVAS, ROOM, "", &text("Các nhiệm vụ trọng tâm trong quý bốn", [4, 4, 6, 4])),
        ),
        (
            "numeral-height",
            "vast".into(),
            centre(CANVAS, ROOM, "", &panel("vast", "value", [10, 4, 6, 6], "indicator = \"vast\", area = \"51\"")),
        ),
        ("contrast", "level".into(), centre(CANVAS, &ambient(30), "", &good())),
        (
            "pixels-per-glyph",
            "clock".into(),
            centre("width_px = 960, height_px = 540", coarse, "", &panel("clock", "clock", [14, 4, 2, 4], "")),
        ),
        (
            "same-class-size",
            "crowded".into(),
            centre(
                CANVAS,
                ROOM,
                "",
                &(prose("calm", [4, 2, 12, 4], "Tốt.") + &prose("crowded", [4, 8, 6, 3], &format!("{long}. {long}."))),
            ),
        ),
        ("aspect", String::new(), centre(CANVAS, &stretched, "", &prose("calm", [10, 4, 12, 4], "Tốt."))),
        (
            "colour-count",
            String::new(),
            centre(
                CANVAS,
                ROOM,
                "",
                &(panel("head", "header", [0, 0, 32, 2], "")
                    + &panel(
                        "lines",
                        "series",
                        [4, 2, 24, 8],
                        &format!("title = \"Mực nước (m)\", series = [{many}]"),
                    )
                    + &panel(
                        "table",
                        "table",
                        [4, 11, 24, 5],
                        "indicators = [\"plain\"], area = \"51\", columns = [\"value\"]",
                    )),
            ),
        ),
        ("viewing-cone", "level".into(), centre(CANVAS, ROOM, "", &panel("level", "value", [0, 4, 6, 6], LEVEL_HERE))),
        (
            "bezel",
            "note".into(),
            centre(CANVAS, ROOM, two, &prose("note", [10, 4, 12, 4], "Chữ này đứng giữa hai màn hình của tường.")),
        ),
        (
            "overflow",
            "late".into(),
            centre(
                CANVAS,
                ROOM,
                "",
                &panel("late", "exceptions", [12, 4, 7, 4], "area = \"51\", indicators = [\"level\"]"),
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (rule, panel, centre) in cases {
        match rule {
            "colour-count" => centre.write("areas.toml", &areas).unwrap(),
            "overflow" => {
                let source = "[[source]]\nid = \"s\"\nname = \"Nguồn\"\nkind = \"push\"\nowner = \"stc\"\n";
                centre.write("agencies.toml", &agency).unwrap();
                centre.write("sources.toml", source).unwrap();
            }
            _ => {}
        }
        let found = check(&centre);
        let panel = if panel.is_empty() { String::new() } else { format!("panel '{panel}' ") };
        let wanted = format!("{panel}on wall 'main': {rule}: ");
        if !(found.len() == 1 && found[0].contains(&wanted)) {
            wrong.push(format!("wanted only {wanted}\nfound {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn numbers_that_change_too_often_are_named() {
    let centre = centre(CANVAS, ROOM, "", &good());
    centre.replace("centre.toml", "readout_interval_ms = 2000", "readout_interval_ms = 500").unwrap();
    let found = check(&centre);
    assert!(found.len() == 1 && found[0].contains("readout-rate") && found[0].contains("0.5 s"), "{found:#?}");
}
