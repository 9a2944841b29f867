//! Fonts, shaping and measuring. The only fonts are our own, so that every machine draws the same.

use std::sync::Arc;

use cosmic_text::{
    Attrs, Buffer, Family, FeatureTag, FontFeatures, FontSystem, Metrics, Shaping, Weight, Wrap, fontdb,
};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

use crate::scene::{Glyph, Rect, TextContent, TextRun};
use crate::theme::{Color, TextClass};

mod cache;

use cache::ShapedCache;

/// One font file.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    pub family: &'static str,
    /// 400, 600 or 700.
    pub weight: u16,
    /// The whole TrueType file.
    pub bytes: &'static [u8],
}

macro_rules! face {
    ($family:literal, $weight:literal, $file:literal) => {
        Face { family: $family, weight: $weight, bytes: include_bytes!(concat!("../../assets/fonts/", $file)) }
    };
}

/// Every font there is; [`Glyph::face`] is a place in here.
pub static FACES: &[Face] = &[
    face!("Inter", 400, "Inter-Regular.ttf"),
    face!("Inter", 600, "Inter-SemiBold.ttf"),
    face!("Inter", 700, "Inter-Bold.ttf"),
    face!("Inter Display", 600, "InterDisplay-SemiBold.ttf"),
    face!("Inter Display", 700, "InterDisplay-Bold.ttf"),
];

/// A place in [`FACES`] by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Font {
    Regular = 0,
    SemiBold = 1,
    Bold = 2,
    DisplaySemiBold = 3,
    DisplayBold = 4,
}

impl Font {
    fn face(self) -> &'static Face {
        &FACES[self as usize]
    }
}

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    pub font: Font,
    pub class: TextClass,
    /// Em in canvas pixels.
    pub size: f32,
    pub color: Color,
}

impl Style {
    #[must_use]
    pub const fn new(font: Font, class: TextClass, size: f32, color: Color) -> Self {
        Self { font, class, size, color }
    }
    /// The same at another size.
    #[must_use]
    pub const fn at(self, size: f32) -> Self {
        Self { size, ..self }
    }
    /// Height of a line in canvas pixels.
    #[must_use]
    pub fn line_height(&self) -> f32 {
        self.size * LINE_HEIGHT
    }
}

/// Height of a line in em: Vietnamese marks stack above capitals.
pub const LINE_HEIGHT: f32 = 1.3;
/// From the top of a line to its baseline in em; the rest of Inter's ascent and descent is split evenly.
pub const BASELINE: f32 = 1.013_75;
/// Height of capitals and digits in em.
pub const CAP_HEIGHT: f32 = 0.727;
/// What shows that text was shortened.
pub const ELLIPSIS: char = '…';

/// Shaped text at one em: multiply by the size.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaped {
    pub width: f32,
    glyphs: Vec<Glyph>,
}

/// Text and the size at which it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub text: String,
    pub size: f32,
    /// Whether words were lost.
    pub shortened: bool,
}

/// Lines and the size at which they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLines {
    pub lines: Vec<String>,
    pub size: f32,
    /// Whether words were lost.
    pub shortened: bool,
}

/// Shapes and measures with our fonts; tabular figures are always on.
pub struct TextEngine {
    fonts: FontSystem,
    face_ids: Vec<fontdb::ID>,
    features: FontFeatures,
    buffer: Buffer,
    shaped: ShapedCache,
}

impl Default for TextEngine {
    fn default() -> Self {
        Self::new()
    }
}

/// The size at which text is shaped; Inter has no optical sizes, so that all others follow from it.
const SHAPING_SIZE: f32 = 1024.0;

impl TextEngine {
    /// With the fonts of [`FACES`] and no others.
    #[must_use]
    pub fn new() -> Self {
        let mut database = fontdb::Database::new();
        let face_ids = FACES
            .iter()
            .flat_map(|face| database.load_font_source(fontdb::Source::Binary(Arc::new(face.bytes))))
            .collect();
        let mut fonts = FontSystem::new_with_locale_and_db("vi-VN".into(), database);
        let mut features = FontFeatures::new();
        features.enable(FeatureTag::new(b"tnum"));
        let mut buffer = Buffer::new(&mut fonts, Metrics::new(SHAPING_SIZE, SHAPING_SIZE * LINE_HEIGHT));
        buffer.set_wrap(Wrap::None);
        buffer.set_size(None, None);
        Self { fonts, face_ids, features, buffer, shaped: ShapedCache::default() }
    }

    /// The text in one line at one em.
    pub fn shape(&mut self, text: &str, font: Font) -> Arc<Shaped> {
        if let Some(shaped) = self.shaped.get(text, font) {
            return shaped;
        }
        let is_number = text.len() > 1 && text.bytes().all(is_of_number);
        let shaped = if is_number { self.shape_number(text, font) } else { self.shape_anew(&one_line(text), font) };
        let shaped = Arc::new(shaped);
        self.shaped.insert(text, font, Arc::clone(&shaped));
        shaped
    }

    /// Glyph by glyph, since most text that is new in a frame is numbers.
    fn shape_number(&mut self, text: &str, font: Font) -> Shaped {
        let mut number = Shaped { width: 0.0, glyphs: Vec::with_capacity(text.len()) };
        for at in 0..text.len() {
            let digit = self.shape(&text[at..=at], font);
            let text_at = u32::try_from(at).unwrap_or(u32::MAX);
            let glyphs = digit.glyphs.iter().map(|glyph| Glyph { text_at, x: number.width + glyph.x, ..*glyph });
            number.glyphs.extend(glyphs);
            number.width += digit.width;
        }
        number
    }

    fn shape_anew(&mut self, text: &str, font: Font) -> Shaped {
        let face = font.face();
        let attrs = Attrs::new()
            .family(Family::Name(face.family))
            .weight(Weight(face.weight))
            .font_features(self.features.clone());
        self.buffer.set_text(text, &attrs, Shaping::Advanced, None);
        self.buffer.shape_until_scroll(&mut self.fonts, false);
        let mut shaped = Shaped { width: 0.0, glyphs: Vec::with_capacity(text.len()) };
        for run in self.buffer.layout_runs() {
            shaped.width = shaped.width.max(run.line_w / SHAPING_SIZE);
            for glyph in run.glyphs {
                let face = self.face_ids.iter().position(|id| *id == glyph.font_id).unwrap_or(0);
                shaped.glyphs.push(Glyph {
                    face: u8::try_from(face).unwrap_or(0),
                    id: glyph.glyph_id,
                    text_at: u32::try_from(glyph.start).unwrap_or(u32::MAX),
                    x: glyph.x / SHAPING_SIZE + glyph.x_offset,
                    y: -(glyph.y / SHAPING_SIZE + glyph.y_offset),
                });
            }
        }
        shaped
    }

    /// Width of one line in canvas pixels.
    pub fn width(&mut self, text: &str, style: Style) -> f32 {
        self.shape(text, style.font).width * style.size
    }

    /// A run with its pen starting at `x` on the baseline `y`.
    pub fn run(&mut self, content: TextContent, style: Style, x: f32, y: f32) -> TextRun {
        let shaped = self.shape(content.as_str(), style.font);
        let glyphs = shaped.glyphs.iter().map(|glyph| Glyph {
            x: x + glyph.x * style.size,
            y: y + glyph.y * style.size,
            ..*glyph
        });
        TextRun {
            glyphs: glyphs.collect(),
            content,
            class: style.class,
            size: style.size,
            color: style.color,
            bounds: Rect::new(x, y - BASELINE * style.size, shaped.width * style.size, style.line_height()),
        }
    }

    /// The size, at most that of `style`, at which the text is not wider than `width`.
    pub fn size_for(&mut self, text: &str, style: Style, width: f32) -> f32 {
        let at_one = self.shape(text, style.font).width;
        if at_one * style.size <= width { style.size } else { (width / at_one * 0.999).max(0.0) }
    }

    /// Words in one line: smaller down to `smallest`, then shortened.
    pub fn fit(&mut self, text: &str, style: Style, width: f32, smallest: f32) -> Fitted {
        let text = one_line(text);
        let size = self.size_for(&text, style, width);
        let smallest = smallest.min(style.size);
        if size >= smallest {
            return Fitted { text, size, shortened: false };
        }
        Fitted { text: self.shorten(&text, style.at(smallest), width), size: smallest, shortened: true }
    }

    /// The longest start of the text that has room with an ellipsis; empty when even that has none.
    pub fn shorten(&mut self, text: &str, style: Style, width: f32) -> String {
        let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
        let shortened = |end: usize| format!("{}{ELLIPSIS}", text[..end].trim_end());
        let fitting = ends.partition_point(|&end| self.width(&shortened(end), style) <= width);
        match fitting.checked_sub(1).and_then(|last| ends.get(last)) {
            Some(&end) => shortened(end),
            None => String::new(),
        }
    }

    /// Words in at most as many lines as have room: smaller down to `smallest`, then shortened.
    pub fn fit_lines(&mut self, text: &str, style: Style, room: (f32, f32), smallest: f32) -> FittedLines {
        let (width, height) = room;
        let mut size = style.size;
        loop {
            let at = style.at(size);
            let most = (height / at.line_height() + 0.01).floor().max(0.0) as usize;
            let mut lines = self.wrap(text, at, width);
            if lines.len() <= most {
                return FittedLines { lines, size, shortened: false };
            }
            if size <= smallest {
                lines.truncate(most);
                if let Some(last) = lines.last_mut() {
                    *last = self.shorten(&format!("{last} "), at, width);
                }
                return FittedLines { lines, size, shortened: true };
            }
            size = (size * 0.94).max(smallest);
        }
    }

    /// Breaks at spaces, and between letters where one word is wider than the line.
    pub fn wrap(&mut self, text: &str, style: Style, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in one_line(paragraph).split(' ').filter(|word| !word.is_empty()) {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if self.width(&longer, style) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line = self.break_word(word, style, width, &mut lines);
            }
            lines.push(line);
        }
        lines
    }

    /// Pushes what fills whole lines and gives the rest.
    fn break_word(&mut self, word: &str, style: Style, width: f32, lines: &mut Vec<String>) -> String {
        let mut line = String::new();
        for grapheme in word.graphemes(true) {
            if !line.is_empty() && self.width(&format!("{line}{grapheme}"), style) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(grapheme);
        }
        line
    }
}

/// Whether it is a digit or stands between digits. Tabular figures neither join nor kern, so that each of these looks
/// the same whatever its neighbours are.
fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b',')
}

/// NFC, and without line ends or tabs: the text that is shaped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let tidy = |c: char| if c.is_control() { ' ' } else { c };
    if is_nfc(text) { text.chars().map(tidy).collect() } else { text.nfc().map(tidy).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_set_glyph_by_glyph_are_those_that_are_shaped() {
        let mut engine = TextEngine::new();
        let signs: Vec<char> = (0..=u8::MAX).filter(|byte| is_of_number(*byte)).map(char::from).collect();
        let threes = signs.iter().flat_map(|a| signs.iter().map(move |b| (a, b)));
        let threes = threes.flat_map(|(a, b)| signs.iter().map(move |c| String::from_iter([a, b, c])));
        let numbers: Vec<String> = threes.chain(["1.234.567,89".into(), "999,999,999,999.75".into()]).collect();
        for font in [Font::Regular, Font::SemiBold, Font::Bold, Font::DisplaySemiBold, Font::DisplayBold] {
            for number in &numbers {
                assert_eq!(engine.shape_number(number, font), engine.shape_anew(number, font), "{number} {font:?}");
            }
        }
    }
}
