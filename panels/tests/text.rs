//! Text as it is shaped, fitted and shortened.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use panels::scene::TextContent;
use panels::text::{ELLIPSIS, FACES, Font, Style, TextEngine};
use panels::theme;

const FONTS: [Font; 5] = [Font::Regular, Font::SemiBold, Font::Bold, Font::DisplaySemiBold, Font::DisplayBold];

fn style(font: Font) -> Style {
    Style::new(font, theme::TextClass::Body, 34.0, theme::TEXT)
}

#[test]
fn digits_are_equally_wide_in_every_font() {
    let mut text = TextEngine::new();
    for font in FONTS {
        let widths: Vec<f32> = (0..10).map(|digit| text.width(&digit.to_string().repeat(6), style(font))).collect();
        assert!(widths.iter().all(|width| (width - widths[0]).abs() < 0.01), "{font:?}: {widths:?}");
    }
}

#[test]
fn composed_and_decomposed_letters_are_the_same_glyphs() {
    let mut text = TextEngine::new();
    let mut glyphs = |words: &str| text.run(TextContent::Words(words.into()), style(Font::Regular), 10.0, 50.0).glyphs;
    let composed = glyphs("Nghĩa Hành, Đức Phổ, Trà Bồng");
    let decomposed = "Nghi\u{303}a Ha\u{300}nh, Đu\u{31b}\u{301}c Pho\u{302}\u{309}, Tra\u{300} Bo\u{302}\u{300}ng";
    assert_eq!(composed, glyphs(decomposed));
    assert!(composed.iter().all(|glyph| glyph.id != 0 && usize::from(glyph.face) < FACES.len()));
}

#[test]
fn shortening_never_parts_a_letter_from_its_marks() {
    let mut text = TextEngine::new();
    let words = "Bo\u{302}\u{300}ng So\u{31b}n Ti\u{323}nh";
    for width in 0..220u8 {
        let shortened = text.shorten(words, style(Font::Regular), f32::from(width));
        assert!(text.width(&shortened, style(Font::Regular)) <= f32::from(width));
        if let Some(kept) = shortened.strip_suffix(ELLIPSIS) {
            let next = words[kept.len()..].chars().next().unwrap();
            assert!(!('\u{300}'..='\u{36f}').contains(&next), "{kept:?} lost {next:?}");
        }
    }
}

#[test]
fn words_become_smaller_then_more_lines_then_fewer_words() {
    let mut text = TextEngine::new();
    let (title, style) = ("Giải ngân vốn đầu tư công", style(Font::SemiBold));
    let whole = text.width(title, style);
    assert_eq!(text.fit(title, style, whole, 24.0).size, 34.0);
    let smaller = text.fit(title, style, whole * 0.8, 24.0);
    assert!(smaller.size < 34.0 && !smaller.shortened && smaller.text == title);
    assert!(text.fit(title, style, whole * 0.4, 24.0).shortened);
    let two_lines = text.fit_lines(title, style, (whole * 0.6, style.line_height() * 2.0), 24.0);
    assert_eq!((two_lines.lines.len(), two_lines.shortened), (2, false));
    assert_eq!(two_lines.lines.join(" "), title);
}
