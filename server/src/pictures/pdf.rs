//! A sheet of paper: shapes stay shapes, and text stays text that can be searched and copied.

use std::ops::Range;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use panels::scene::{Glyph, Image, Item, Polygon, Polyline, Quad, Rect, TextContent, TextRun};
use panels::text::{FACES, Style, TextEngine, one_line};
use panels::theme::{Color, TextClass, Theme};
use panels::{Scene, locale, number, theme};
use protocol::Timestamp;
use protocol::change::Arranged;

use super::PictureError;

/// The long and the short side of A3 in points.
const A3: (f32, f32) = (1190.55, 841.89);
/// 10 mm in points, which every printer leaves free at most.
const MARGIN: f32 = 28.35;
/// The line at the foot: em and distance from the picture, in points.
const FOOT: f32 = 8.0;
const FOOT_GAP: f32 = 6.0;

/// What a sheet is made of besides its scenes.
pub(super) struct Sheet<'a> {
    pub arranged: &'a Arranged,
    pub language: &'static str,
    pub theme: Theme,
    pub now: Timestamp,
}

impl Sheet<'_> {
    /// One page of A3 with the picture as large as it gets, and below it what it is and when it was painted.
    pub fn of(&self, scenes: &[Scene]) -> Result<Vec<u8>, PictureError> {
        let refused = |what: &str| PictureError::Pdf(what.to_owned());
        let (width, height) = (self.arranged.canvas.width_px as f32, self.arranged.canvas.height_px as f32);
        let (page_width, page_height) = if width >= height { A3 } else { (A3.1, A3.0) };
        let room = (page_width - 2.0 * MARGIN, page_height - 2.0 * MARGIN - FOOT_GAP - FOOT);
        let scale = (room.0 / width).min(room.1 / height);
        let (left, top) = ((page_width - width * scale) / 2.0, MARGIN + (room.1 - height * scale) / 2.0);

        let mut document = Document::new();
        document.set_metadata(self.metadata());
        let settings = PageSettings::from_wh(page_width, page_height).ok_or_else(|| refused("the page has no size"))?;
        let mut page = document.start_page_with(settings);
        let mut pen = Pen { surface: page.surface(), fonts: fonts()? };
        pen.surface.push_transform(&Transform::from_row(scale, 0.0, 0.0, scale, left, top));
        let ground = theme::GROUND.in_theme(self.theme);
        pen.quad(&Quad {
            rect: Rect::new(0.0, 0.0, width, height),
            radius: 0.0,
            fill: ground,
            border: Color::TRANSPARENT,
            border_width: 0.0,
        });
        for item in scenes.iter().flat_map(|scene| &scene.items) {
            pen.item(item);
        }
        for run in self.foot(width, height, scale) {
            pen.text(&run);
        }
        pen.surface.pop();
        drop(pen);
        page.finish();
        document.finish().map_err(|error| PictureError::Pdf(format!("{error:?}")))
    }

    fn title(&self) -> String {
        let centre = self.arranged.catalogue.centre.in_language(self.language);
        let layout = self.arranged.layout.name.in_language(self.language);
        if centre.trim().is_empty() { layout.to_owned() } else { format!("{layout} · {centre}") }
    }

    fn metadata(&self) -> Metadata {
        let at = number::local(self.now);
        let small = |part: i8| u8::try_from(part).unwrap_or_default();
        let created = DateTime::new(u16::try_from(at.year()).unwrap_or_default())
            .month(small(at.month()))
            .day(small(at.day()))
            .hour(small(at.hour()))
            .minute(small(at.minute()))
            .second(small(at.second()))
            .utc_offset_hour(7)
            .utc_offset_minute(0);
        Metadata::new()
            .title(self.title())
            .authors(vec![self.arranged.catalogue.organisation.in_language(self.language).to_owned()])
            .language(self.language.to_owned())
            .creator("Toàn Cảnh".to_owned())
            .creation_date(created)
    }

    /// What it is on the left, when it was painted on the right. Paper is white in either theme.
    fn foot(&self, width: f32, height: f32, scale: f32) -> [TextRun; 2] {
        let mut text = TextEngine::new();
        let color = theme::CAPTION.in_theme(Theme::Light);
        let style = Style::new(panels::text::Font::Regular, TextClass::Caption, FOOT / scale, color);
        let time = format!("{} {}", number::time_of_day(self.now), number::date(self.now));
        let printed = locale::text_with(self.language, "watch-printed", &[("time", &time)]);
        let baseline = height + (FOOT_GAP + FOOT) / scale;
        let from = width - text.width(&printed, style);
        let title = text.fit(&self.title(), style, (from - style.size).max(0.0), style.size).text;
        let mut run = |words: String, x| text.run(TextContent::Words(words.into()), style, x, baseline);
        [run(title, 0.0), run(printed, from)]
    }
}

/// The fonts of [`FACES`] in their order; a document holds only the glyphs that it uses.
fn fonts() -> Result<Vec<Font>, PictureError> {
    let font = |face: &panels::text::Face| Font::new(face.bytes.into(), 0);
    let fonts: Option<Vec<Font>> = FACES.iter().map(font).collect();
    fonts.ok_or_else(|| PictureError::Pdf("a font cannot be read".to_owned()))
}

/// Draws what stands in scenes.
struct Pen<'a> {
    surface: Surface<'a>,
    fonts: Vec<Font>,
}

impl Pen<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Quad(quad) => self.quad(quad),
            Item::Polyline(line) => self.polyline(line),
            Item::Polygon(polygon) => self.polygon(polygon),
            Item::Disc(disc) => {
                let (r, side) = (disc.radius, 2.0 * disc.radius);
                let rect = Rect::new(disc.center.x - r, disc.center.y - r, side, side);
                self.draw(rounded(rect, r), Some(disc.fill), None);
            }
            Item::Text(run) => self.text(run),
            Item::Image(image) => self.image(image),
        }
    }

    fn draw(&mut self, path: Option<Path>, fill: Option<Color>, stroke: Option<Stroke>) {
        let fill = fill.filter(|fill| fill.a > 0);
        let Some(path) = path.filter(|_| fill.is_some() || stroke.is_some()) else { return };
        self.surface.set_fill(fill.map(filled));
        self.surface.set_stroke(stroke);
        self.surface.draw_path(&path);
    }

    fn quad(&mut self, quad: &Quad) {
        let stroked = quad.border_width > 0.0 && quad.border.a > 0;
        // The border lies inside; a stroke lies on the line.
        let half = if stroked { quad.border_width / 2.0 } else { 0.0 };
        let stroke = stroked.then(|| stroked_with(quad.border, quad.border_width));
        self.draw(rounded(quad.rect.inset(half, half), quad.radius - half), Some(quad.fill), stroke);
    }

    fn polyline(&mut self, line: &Polyline) {
        let dash = line.dash.map(|(dash, gap)| StrokeDash { array: vec![dash, gap], offset: 0.0 });
        let round = Stroke {
            line_cap: if line.dash.is_some() { LineCap::Butt } else { LineCap::Round },
            line_join: LineJoin::Round,
            dash,
            ..stroked_with(line.color, line.width)
        };
        let mut path = PathBuilder::new();
        ring(&mut path, &line.points);
        self.draw(path.finish(), None, Some(round));
    }

    fn polygon(&mut self, polygon: &Polygon) {
        let mut path = PathBuilder::new();
        let mut start = 0;
        for &end in &polygon.ring_ends {
            if let Some(points) = polygon.points.get(start..end as usize) {
                ring(&mut path, points);
                path.close();
            }
            start = end as usize;
        }
        self.draw(path.finish(), Some(polygon.fill), None);
    }

    /// The pixels that were decoded already, so that paper shows what the wall does.
    fn image(&mut self, image: &Image) {
        let (raster, Rect { x, y, width, height }) = (&image.raster, image.rect);
        let scale = (width / image.part.width, height / image.part.height);
        let Some(size) = Size::from_wh(raster.width as f32, raster.height as f32) else { return };
        let Some(frame) = rounded(image.rect, 0.0) else { return };
        let pixels = krilla::image::Image::from_rgba8(raster.rgba.clone(), raster.width, raster.height);
        let (left, top) = (x - image.part.x * scale.0, y - image.part.y * scale.1);
        self.surface.push_clip_path(&frame, &FillRule::NonZero);
        self.surface.push_transform(&Transform::from_row(scale.0, 0.0, 0.0, scale.1, left, top));
        self.surface.draw_image(pixels, size);
        self.surface.pop();
        self.surface.pop();
    }

    /// Each stretch of glyphs of one face with the letters they stand for.
    fn text(&mut self, run: &TextRun) {
        let words = one_line(run.content.as_str());
        let ends = Ends::of(run, words.len());
        self.surface.set_fill(Some(filled(run.color)));
        self.surface.set_stroke(None);
        for glyphs in run.glyphs.chunk_by(|a, b| a.face == b.face) {
            let (Some(first), Some(font)) = (glyphs.first(), self.fonts.get(usize::from(glyphs[0].face))) else {
                continue;
            };
            let placed: Vec<KrillaGlyph> = (0..glyphs.len())
                .map(|index| {
                    let glyph = glyphs[index];
                    let next = glyphs.get(index + 1).map_or(glyph.x, |next| next.x);
                    KrillaGlyph::new(
                        GlyphId::new(u32::from(glyph.id)),
                        (next - glyph.x) / run.size,
                        0.0,
                        (first.y - glyph.y) / run.size,
                        0.0,
                        ends.letters(&glyph, &words),
                        None,
                    )
                })
                .collect();
            self.surface.draw_glyphs(Point::from_xy(first.x, first.y), &placed, font.clone(), &words, run.size, false);
        }
    }
}

/// Where the letters of glyphs begin, in order, and the end of the text.
struct Ends(Vec<usize>);

impl Ends {
    fn of(run: &TextRun, end: usize) -> Self {
        let mut ends: Vec<usize> = run.glyphs.iter().map(|glyph| glyph.text_at as usize).chain([end]).collect();
        ends.sort_unstable();
        Self(ends)
    }

    /// The letters a glyph stands for; all of them where that is not known.
    fn letters(&self, glyph: &Glyph, words: &str) -> Range<usize> {
        let start = glyph.text_at as usize;
        let end = self.0.iter().find(|end| **end > start).copied().unwrap_or(start);
        if words.get(start..end).is_some_and(|letters| !letters.is_empty()) { start..end } else { 0..words.len() }
    }
}

fn opacity(color: Color) -> NormalizedF32 {
    NormalizedF32::new(f32::from(color.a) / 255.0).unwrap_or(NormalizedF32::ONE)
}

fn filled(color: Color) -> Fill {
    Fill { paint: rgb::Color::new(color.r, color.g, color.b).into(), opacity: opacity(color), rule: FillRule::EvenOdd }
}

fn stroked_with(color: Color, width: f32) -> Stroke {
    Stroke {
        paint: rgb::Color::new(color.r, color.g, color.b).into(),
        opacity: opacity(color),
        width,
        ..Stroke::default()
    }
}

fn ring(path: &mut PathBuilder, points: &[panels::scene::Point]) {
    for (index, point) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(point.x, point.y);
        } else {
            path.line_to(point.x, point.y);
        }
    }
}

/// How far the handles of a curve reach that is as good as a quarter of a circle.
const QUARTER: f32 = 0.552_285;

/// A rectangle with round corners, or a circle where they meet.
fn rounded(rect: Rect, radius: f32) -> Option<Path> {
    let (left, top, right, bottom) = (rect.x, rect.y, rect.right(), rect.bottom());
    let r = radius.clamp(0.0, (rect.width.min(rect.height) / 2.0).max(0.0));
    let mut path = PathBuilder::new();
    if r <= 0.0 {
        path.push_rect(krilla::geom::Rect::from_xywh(left, top, rect.width, rect.height)?);
        return path.finish();
    }
    let k = r * (1.0 - QUARTER);
    path.move_to(left + r, top);
    path.line_to(right - r, top);
    path.cubic_to(right - k, top, right, top + k, right, top + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    path.line_to(left + r, bottom);
    path.cubic_to(left + k, bottom, left, bottom - k, left, bottom - r);
    path.line_to(left, top + r);
    path.cubic_to(left, top + k, left + k, top, left + r, top);
    path.close();
    path.finish()
}
