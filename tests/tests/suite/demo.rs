//! `make demo` without building: the script brings up a server and a wall, and ends both.

use std::time::Duration;

use tests::chromium::Chromium;
use tests::picture::{panels, texts_of};
use tests::process::Process;
use tests::raster::Picture;
use tests::{binary, root};

/// What the header says when made-up figures are shown.
const KEY: &str = "aria-label=\"số liệu minh họa\"";
/// The square that stands for it in a tile: its outline, drawn without a fill.
const MARK: &str = "fill=\"#000000\" fill-opacity=\"0\" stroke=\"#8fa0ba\"";

/// What the provenance of a made-up figure says.
const SIMULATED: &str = r#""status":"simulated""#;

fn view() -> serde_json::Value {
    serde_json::json!({ "layout": "overview" })
}

/// The panels that show made-up figures and do not say so; the header must say it for all.
fn unmarked(painted: &[(String, String)]) -> Vec<&str> {
    let is_marked = |(id, svg): &(String, String)| match id.as_str() {
        "header" => svg.contains(KEY),
        _ => !svg.contains(SIMULATED) || svg.contains(MARK),
    };
    painted.iter().filter(|panel| !is_marked(panel)).map(|(id, _)| id.as_str()).collect()
}

/// In a browser the same is read: every text of every panel, at one moment.
async fn assert_page_is_the_same(address: &str, authority: &str) {
    let mut page = Chromium::start(1920, 1120).await.unwrap();
    page.open(address).await.unwrap();
    page.until("document.body.dataset.link === 'live'", Duration::from_secs(20)).await.unwrap();
    let mut looks = 0;
    loop {
        let (told, shown) = (texts_of(authority, view()).await.unwrap(), page.texts().await.unwrap());
        if told == shown {
            return;
        }
        looks += 1;
        assert!(looks < 60, "the page shows {shown:?}, the server {told:?}");
    }
}

#[tokio::test]
async fn the_demo_draws_a_wall_marked_as_illustrative() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = binary("ioc-server").unwrap().parent().unwrap().display().to_string();
    let variables = [
        ("DEMO_LISTEN", "127.0.0.1:0".to_owned()),
        ("DEMO_FOLDER", folder.path().display().to_string()),
        ("DEMO_BINARIES", binaries),
        ("DISPLAY", String::new()),
        ("WAYLAND_DISPLAY", String::new()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let script = root().join("scripts/demo.sh");
    let mut demo = Process::start(&script, &[] as &[&str], &variables, &folder.path().join("demo.log")).unwrap();
    let address = loop {
        let line = demo.line(Duration::from_secs(120)).await.unwrap();
        if let Some(address) = line.trim().strip_prefix("in a browser").map(str::trim) {
            break address.to_owned();
        }
    };
    let authority = address.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let picture = Picture::read(&folder.path().join("wall.png")).unwrap();
    assert_eq!((picture.width, picture.height), (3840, 2160));
    assert!(picture.colours() > 100, "the picture has only {} colours", picture.colours());

    let painted = panels(&authority, view()).await.unwrap();
    assert!(painted.len() >= 10, "only {} panels", painted.len());
    let unmarked = unmarked(&painted);
    assert!(unmarked.is_empty(), "made-up figures without the mark: {unmarked:?}");
    // Without its mark, each is found.
    for (id, svg) in painted.iter().filter(|(id, svg)| id == "header" || svg.contains(SIMULATED)) {
        let plain = svg.split('\n').filter(|line| !line.contains(MARK) && !line.contains(KEY)).collect();
        assert_eq!(self::unmarked(&[(id.clone(), plain)]), [id.as_str()], "{id} has no mark of its own");
    }
    assert_page_is_the_same(&address, &authority).await;

    demo.signal("TERM").await.unwrap();
    demo.wait(Duration::from_secs(15)).await.unwrap();
    assert!(std::net::TcpStream::connect(&authority).is_err(), "the server still listens");
}
