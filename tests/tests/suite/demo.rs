//! `make demo` without building: the script brings up a server and a wall, and ends both.

use std::time::Duration;

use tests::picture::panels;
use tests::process::Process;
use tests::wall::Picture;
use tests::{binary, root};

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

    let painted = panels(&authority, serde_json::json!({ "layout": "overview" })).await.unwrap();
    assert!(painted.len() >= 10, "only {} panels", painted.len());
    let is_marked = painted.iter().any(|(_, svg)| svg.to_lowercase().contains("số liệu minh họa"));
    assert!(is_marked, "no panel says 'số liệu minh họa'");

    demo.signal("TERM").await.unwrap();
    demo.wait(Duration::from_secs(15)).await.unwrap();
    assert!(std::net::TcpStream::connect(&authority).is_err(), "the server still listens");
}
