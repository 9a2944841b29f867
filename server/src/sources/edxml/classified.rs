//! Whether a document is classified. It is refused then, and nothing of it is repeated anywhere.

use roxmltree::{Document as Xml, Node};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Elements that tell the classification. The format has none; some document systems add one.
const ELEMENTS: [&str; 9] = [
    "classification",
    "confidential",
    "confidentiality",
    "domat",
    "secret",
    "secretlevel",
    "security",
    "securitylevel",
    "securitytype",
];
/// What they say of a document that is none.
const OPEN: [&str; 6] = ["", "0", "khong", "khong mat", "thuong", "none"];
/// Confidential, secret, top secret: the marks as they are put on documents, without their diacritics.
const MARKS: [&str; 3] = ["mat", "toi mat", "tuyet mat"];
/// Attachments are longer than anything that a person writes into a header, in bytes.
const LONGEST: usize = 16 << 10;

/// Whether anything in a document says that it is classified. When in doubt it does.
pub fn is_classified(xml: &Xml<'_>) -> bool {
    xml.descendants().filter(Node::is_element).any(|element| {
        let name = element.tag_name().name();
        let text = element.text().unwrap_or_default();
        if text.len() > LONGEST {
            return false;
        }
        let text = plain(text);
        if ELEMENTS.contains(&name.to_lowercase().as_str()) && element.children().all(|child| !child.is_element()) {
            return !OPEN.contains(&text.as_str());
        }
        MARKS.contains(&text.as_str())
            || has_mark_in_brackets(&text)
            || (name == "CodeNotation" && has_mark_as_part(&text))
    })
}

/// `(mat) bao cao`, `[toi mat] bao cao`.
fn has_mark_in_brackets(text: &str) -> bool {
    let mut open = text.match_indices(['(', '[']).map(|(at, _)| &text[at + 1..]);
    open.any(|inner| inner.split([')', ']']).next().is_some_and(|inner| MARKS.contains(&inner.trim())))
}

/// `bc-mat`.
fn has_mark_as_part(notation: &str) -> bool {
    notation.split(['-', '/']).any(|part| MARKS.contains(&part.trim()))
}

/// In lower case, with single spaces and without diacritics: people write marks in many ways.
fn plain(text: &str) -> String {
    let text: String = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    text.replace('\u{111}', "d").split_whitespace().collect::<Vec<_>>().join(" ")
}
