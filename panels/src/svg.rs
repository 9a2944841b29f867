//! Scenes as SVG. Text is drawn as outlines of our own fonts, so that pictures need none.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

use protocol::Canvas;
use ttf_parser::{GlyphId, OutlineBuilder};

use crate::scene::{Disc, Image, Item, Point, Polygon, Polyline, Quad, Rect, Scene, TextContent, TextRun};
use crate::text::FACES;
use crate::theme::{Color, GROUND, Theme};

/// Appends formatted text; writing to a string cannot fail.
macro_rules! put {
    ($to:expr, $($arg:tt)*) => {
        if write!($to, $($arg)*).is_err() { unreachable!("writing to a string cannot fail") }
    };
}

/// A whole document of several scenes on the ground colour.
#[must_use]
pub fn document<'a>(canvas: Canvas, scenes: impl IntoIterator<Item = &'a Scene>) -> String {
    document_in(Theme::Dark, canvas, scenes)
}

/// A whole document of scenes in a theme, on its ground colour.
#[must_use]
pub fn document_in<'a>(theme: Theme, canvas: Canvas, scenes: impl IntoIterator<Item = &'a Scene>) -> String {
    let Canvas { width_px: width, height_px: height } = canvas;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"><rect width="{width}" height="{height}" {}/>"#,
        fill(GROUND.in_theme(theme))
    );
    for scene in scenes {
        svg.push('\n');
        svg.push_str(&group(scene));
    }
    svg.push_str("\n</svg>\n");
    svg
}

/// One scene as one `<g>` in canvas pixels. Numbers carry `data-provenance`.
#[must_use]
pub fn group(scene: &Scene) -> String {
    let mut svg = String::from("<g>");
    write_outlines(&mut svg, scene);
    let state = scene.state();
    for (index, item) in scene.items.iter().enumerate() {
        svg.push('\n');
        for (range, class) in [(&state, "state"), (&scene.flashing, "flash")] {
            if range.start == index && !range.is_empty() {
                put!(svg, r#"<g class="{class}">"#);
            }
        }
        match item {
            Item::Quad(quad) => write_quad(&mut svg, quad),
            Item::Polyline(line) => write_polyline(&mut svg, line),
            Item::Polygon(polygon) => write_polygon(&mut svg, polygon),
            Item::Disc(disc) => write_disc(&mut svg, disc),
            Item::Text(run) => write_text(&mut svg, run),
            Item::Image(image) => write_image(&mut svg, image),
        }
        for range in [&scene.flashing, &state] {
            if range.end == index + 1 && !range.is_empty() {
                svg.push_str("</g>");
            }
        }
    }
    svg.push_str("\n</g>");
    svg
}

/// A length with at most two digits behind the point.
struct Px(f32);

impl std::fmt::Display for Px {
    /// By whole hundredths, which is many times faster than the shortest form of a float.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = (self.0 * 100.0).round() as i64;
        if hundredths < 0 {
            f.write_str("-")?;
        }
        let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
        match (rest, rest % 10) {
            (0, _) => write!(f, "{whole}"),
            (_, 0) => write!(f, "{whole}.{}", rest / 10),
            _ => write!(f, "{whole}.{rest:02}"),
        }
    }
}

fn paint(attribute: &str, color: Color) -> String {
    let Color { r, g, b, a } = color;
    let mut text = format!(r##"{attribute}="#{r:02x}{g:02x}{b:02x}""##);
    if a < 255 {
        put!(text, r#" {attribute}-opacity="{}""#, Px(f32::from(a) / 255.0));
    }
    text
}

fn fill(color: Color) -> String {
    paint("fill", color)
}

fn write_quad(svg: &mut String, quad: &Quad) {
    let stroked = quad.border_width > 0.0 && quad.border.a > 0;
    // The border lies inside; a stroke lies on the line.
    let half = if stroked { quad.border_width / 2.0 } else { 0.0 };
    let Rect { x, y, width, height } = quad.rect.inset(half, half);
    put!(svg, r#"<rect x="{}" y="{}" width="{}" height="{}""#, Px(x), Px(y), Px(width), Px(height));
    let radius = (quad.radius - half).clamp(0.0, width.min(height) / 2.0);
    if radius > 0.0 {
        put!(svg, r#" rx="{}""#, Px(radius));
    }
    put!(svg, " {}", fill(quad.fill));
    if stroked {
        put!(svg, r#" {} stroke-width="{}""#, paint("stroke", quad.border), Px(quad.border_width));
    }
    svg.push_str("/>");
}

fn write_path(svg: &mut String, points: &[Point]) {
    for (index, point) in points.iter().enumerate() {
        svg.push(if index == 0 { 'M' } else { 'L' });
        put!(svg, "{} {}", Px(point.x), Px(point.y));
    }
}

fn write_polyline(svg: &mut String, line: &Polyline) {
    svg.push_str(r#"<path d=""#);
    write_path(svg, &line.points);
    // Dashes have straight ends: round ones would close their gaps.
    let cap = if line.dash.is_some() { "butt" } else { "round" };
    put!(
        svg,
        r#"" fill="none" {} stroke-width="{}" stroke-linecap="{cap}" stroke-linejoin="round""#,
        paint("stroke", line.color),
        Px(line.width)
    );
    if let Some((dash, gap)) = line.dash {
        put!(svg, r#" stroke-dasharray="{} {}""#, Px(dash), Px(gap));
    }
    svg.push_str("/>");
}

fn write_polygon(svg: &mut String, polygon: &Polygon) {
    svg.push_str(r#"<path d=""#);
    let mut start = 0;
    for &end in &polygon.ring_ends {
        let end = end as usize;
        if let Some(ring) = polygon.points.get(start..end) {
            write_path(svg, ring);
            svg.push('Z');
        }
        start = end;
    }
    put!(svg, r#"" fill-rule="evenodd" {}/>"#, fill(polygon.fill));
}

fn write_disc(svg: &mut String, disc: &Disc) {
    put!(
        svg,
        r#"<circle cx="{}" cy="{}" r="{}" {}/>"#,
        Px(disc.center.x),
        Px(disc.center.y),
        Px(disc.radius),
        fill(disc.fill)
    );
}

fn write_image(svg: &mut String, image: &Image) {
    let Rect { x, y, width, height } = image.rect;
    put!(svg, r#"<svg x="{}" y="{}" width="{}" height="{}""#, Px(x), Px(y), Px(width), Px(height));
    let Rect { x, y, width, height } = image.part;
    put!(svg, r#" viewBox="{} {} {} {}" preserveAspectRatio="none">"#, Px(x), Px(y), Px(width), Px(height));
    let (source, raster) = (&image.source, &image.raster);
    put!(
        svg,
        r#"<image role="img" aria-label="{}" width="{}" height="{}" href="data:{};base64,{}"/></svg>"#,
        escape(&image.label),
        raster.width,
        raster.height,
        raster.media_type.as_str(),
        escape(&source.content)
    );
}

fn write_text(svg: &mut String, run: &TextRun) {
    put!(svg, r#"<g role="img" aria-label="{}""#, escape(run.content.as_str()));
    if let TextContent::Figure(figure) = &run.content {
        match serde_json::to_string(&**figure.provenance()) {
            Ok(json) => put!(svg, " data-provenance='{}'", escape_in_single_quotes(&json)),
            Err(error) => put!(svg, r#" data-provenance-error="{}""#, escape(&error.to_string())),
        }
    }
    put!(svg, " {}>", fill(run.color));
    if matches!(run.content, TextContent::Figure(_)) {
        let Rect { x, y, width, height } = run.bounds;
        put!(
            svg,
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="none" pointer-events="all"/>"#,
            Px(x),
            Px(y),
            Px(width),
            Px(height)
        );
    }
    for glyph in &run.glyphs {
        let scale = run.size / OUTLINES.units_per_em(glyph.face);
        let (face, id, x, y) = (glyph.face, glyph.id, Px(glyph.x), Px(glyph.y));
        put!(svg, r##"<use href="#f{face}g{id}" transform="translate({x} {y}) scale({scale:.5} -{scale:.5})"/>"##);
    }
    svg.push_str("</g>");
}

/// The outlines that a scene uses, each once. Equal names hold equal outlines in every group.
fn write_outlines(svg: &mut String, scene: &Scene) {
    let glyphs: BTreeSet<(u8, u16)> =
        scene.texts().flat_map(|run| &run.glyphs).map(|glyph| (glyph.face, glyph.id)).collect();
    if glyphs.is_empty() {
        return;
    }
    svg.push_str("<defs>");
    for (face, id) in glyphs {
        put!(svg, r#"<path id="f{face}g{id}" d="{}"/>"#, OUTLINES.path(face, id));
    }
    svg.push_str("</defs>");
}

static OUTLINES: LazyLock<Outlines> =
    LazyLock::new(|| Outlines(FACES.iter().map(|face| ttf_parser::Face::parse(face.bytes, 0).ok()).collect()));

/// The faces of [`FACES`]; `None` for a file that does not parse, which a test rules out.
struct Outlines(Vec<Option<ttf_parser::Face<'static>>>);

impl Outlines {
    fn face(&self, face: u8) -> Option<&ttf_parser::Face<'static>> {
        self.0.get(usize::from(face))?.as_ref()
    }
    fn units_per_em(&self, face: u8) -> f32 {
        self.face(face).map_or(1.0, |face| f32::from(face.units_per_em()))
    }
    /// In font units, y upwards.
    fn path(&self, face: u8, id: u16) -> String {
        let mut path = Path(String::new());
        if let Some(face) = self.face(face) {
            face.outline_glyph(GlyphId(id), &mut path);
        }
        path.0
    }
}

struct Path(String);

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        put!(self.0, "M{} {}", Px(x), Px(y));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        put!(self.0, "L{} {}", Px(x), Px(y));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        put!(self.0, "Q{} {} {} {}", Px(x1), Px(y1), Px(x), Px(y));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        put!(self.0, "C{} {} {} {} {} {}", Px(x1), Px(y1), Px(x2), Px(y2), Px(x), Px(y));
    }
    fn close(&mut self) {
        self.0.push('Z');
    }
}

/// For attribute values.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For attribute values in single quotes, which keep JSON readable.
fn escape_in_single_quotes(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_at_most_two_digits_behind_the_point() {
        let cases = [
            (0.0, "0"),
            (-0.001, "0"),
            (12.0, "12"),
            (12.3, "12.3"),
            (12.345, "12.35"),
            (0.05, "0.05"),
            (-1.5, "-1.5"),
        ];
        for (length, meant) in cases {
            assert_eq!(Px(length).to_string(), meant);
        }
    }

    #[test]
    fn every_font_parses_and_outlines_vietnamese_letters() {
        for (face, _) in (0u8..).zip(FACES) {
            let parsed = OUTLINES.face(face).expect("parses");
            for letter in "ẳẵữợỗếỹđ▲▼".chars() {
                let glyph = parsed.glyph_index(letter).expect("has the letter");
                assert!(OUTLINES.path(face, glyph.0).len() > 20, "{letter}");
            }
        }
    }

    #[test]
    fn attributes_are_escaped() {
        assert_eq!(escape("<\"&'>"), "&lt;&quot;&amp;&#39;&gt;");
        assert_eq!(escape_in_single_quotes("{\"a\":\"'<&\"}"), "{\"a\":\"&#39;&lt;&amp;\"}");
    }
}
