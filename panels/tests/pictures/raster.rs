//! Pictures to look at, under target/look: `LOOK=1 cargo test -p panels --test pictures look`.

use std::path::{Path, PathBuf};

use panels::text::TextEngine;
use panels::{Link, svg};
use protocol::message::Mode;
use resvg::{tiny_skia, usvg};

use crate::centre::{CANVAS, NOW, mapped, overview, paint_all, state};

pub fn rasterise(svg: &str, zoom: f32) -> tiny_skia::Pixmap {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).unwrap();
    let (width, height) = (tree.size().width() * zoom, tree.size().height() * zoom);
    let mut pixels = tiny_skia::Pixmap::new(width as u32, height as u32).unwrap();
    resvg::render(&tree, tiny_skia::Transform::from_scale(zoom, zoom), &mut pixels.as_mut());
    pixels
}

fn save(pixels: &tiny_skia::Pixmap, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(pixels.data()).unwrap();
}

/// A picture to look at, when `LOOK` asks for them.
pub fn save_picture(name: &str, svg: &str) {
    if std::env::var_os("LOOK").is_none() {
        return;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/look");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
    save(&rasterise(svg, 0.5), &folder.join(format!("{name}.png")));
}

#[test]
fn look() {
    if std::env::var_os("LOOK").is_none() {
        return;
    }
    let mut text = TextEngine::new();
    let pictures = [
        ("overview", Mode::Live, Link::Live, "vi"),
        ("lost", Mode::Live, Link::Lost { since: NOW.plus_micros(-65_000_000) }, "vi"),
        ("replay-en", Mode::Replay, Link::Live, "en"),
    ];
    for (name, mode, link, language) in pictures {
        let view = state(overview(), CANVAS, mode);
        let scenes = paint_all(&view, link, language, &mut text);
        save_picture(name, &svg::document(CANVAS, &scenes));
    }
    let view = state(mapped(), CANVAS, Mode::Live);
    save_picture("maps", &svg::document(CANVAS, &paint_all(&view, Link::Live, "vi", &mut text)));
}
