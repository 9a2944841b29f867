//! Pictures as text, compared with committed ones; `BLESS=1` rewrites them.

use std::path::PathBuf;

use panels::text::TextEngine;
use panels::{Link, svg};
use protocol::message::Mode;
use protocol::{Canvas, Layout};

use crate::centre::{NOW, command, districts, lists, mapped, operations, overview, paint_all, state};

const FULL_HD: Canvas = Canvas { width_px: 1920, height_px: 1080 };

fn only(ids: &[&str]) -> Layout {
    let mut layout = overview();
    layout.panels.extend(districts().panels.into_iter().skip(1).chain(lists().panels.into_iter().skip(1)));
    layout.panels.extend(command().panels.into_iter().skip(1));
    layout.panels.extend(operations().panels.into_iter().skip(1));
    layout.panels.extend(mapped().panels.into_iter().skip(1));
    layout.panels.retain(|panel| ids.contains(&panel.id.as_str()));
    layout
}

pub fn compare(name: &str, svg: &str) -> Result<(), String> {
    let svg = without_pixels(svg);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.svg"));
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, svg).map_err(|error| format!("{}: {error}", path.display()));
    }
    let meant = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = || meant.lines().zip(svg.lines()).enumerate();
    match lines().find(|(_, (meant, is))| meant != is) {
        _ if meant == svg => Ok(()),
        Some((at, (meant, is))) => Err(format!("{name}.svg line {}:\n meant {meant:.200}\n is    {is:.200}", at + 1)),
        None => Err(format!("{name}.svg has {} lines, {} were drawn", meant.lines().count(), svg.lines().count())),
    }
}

/// How pixels are packed into a PNG is a matter of the library that packs them.
fn without_pixels(svg: &str) -> String {
    let mut parts = svg.split("base64,");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| format!("{kept}base64,…{}", part.trim_start_matches(|c: char| c != '"')))
}

#[test]
fn pictures_are_as_they_were() {
    let cases: [(&str, &[&str], Mode, Link, &str); 16] = [
        ("header", &["head", "future"], Mode::Live, Link::Lost { since: NOW.plus_micros(-65_000_000) }, "vi"),
        ("text", &["note"], Mode::Live, Link::Live, "vi"),
        ("value", &["revenue", "capital", "on-time", "iip", "visitors", "beds"], Mode::Live, Link::Live, "vi"),
        ("series", &["years", "monthly", "aqi"], Mode::Live, Link::Live, "vi"),
        ("bars", &["rate", "budget", "rivers"], Mode::Live, Link::Live, "vi"),
        ("matrix", &["matrix", "small"], Mode::Live, Link::Live, "vi"),
        ("exceptions", &["exceptions", "province", "calm"], Mode::Live, Link::Live, "vi"),
        ("clock", &["clock"], Mode::Live, Link::Live, "vi"),
        ("table", &["indicators", "areas", "paged", "named"], Mode::Live, Link::Live, "vi"),
        ("groups", &["grouped", "stacked", "upright"], Mode::Live, Link::Live, "vi"),
        ("tasks", &["tasks", "by-agency"], Mode::Live, Link::Live, "vi"),
        ("command", &["alarms", "agenda", "now", "quiet", "ticker"], Mode::Live, Link::Live, "vi"),
        ("sources", &["sources", "small-sources", "narrow-sources"], Mode::Live, Link::Live, "vi"),
        ("map", &["schematic", "boundaries", "layers", "figures", "stations"], Mode::Live, Link::Live, "vi"),
        ("image", &["picture", "filled", "damaged"], Mode::Live, Link::Live, "vi"),
        ("replay-en", &["revenue", "rivers"], Mode::Replay, Link::Live, "en"),
    ];
    let mut text = TextEngine::new();
    let compared = cases.map(|(name, ids, mode, link, language)| {
        let view = state(only(ids), FULL_HD, mode);
        compare(name, &svg::document(FULL_HD, &paint_all(&view, link, language, &mut text)))
    });
    let differing: Vec<String> = compared.into_iter().filter_map(Result::err).collect();
    assert!(differing.is_empty(), "look at them, then BLESS=1 if they are right:\n{}", differing.join("\n"));
}
