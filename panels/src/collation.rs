//! The order of Vietnamese names: letters first (a ă â b c d đ e ê …), then tones (ngang huyền hỏi ngã sắc nặng).

use unicode_normalization::UnicodeNormalization;

const LETTERS: &str = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz";
/// Huyền, hỏi, ngã, sắc, nặng.
const TONES: [char; 5] = ['\u{300}', '\u{309}', '\u{303}', '\u{301}', '\u{323}'];

/// Names in the order of their keys are in the order of the alphabet.
pub(crate) fn key(name: &str) -> (Vec<u32>, Vec<usize>) {
    let (mut letters, mut tones) = (Vec::new(), Vec::new());
    for letter in name.to_lowercase().nfc() {
        let tone = std::iter::once(letter).nfd().find_map(|mark| TONES.iter().position(|tone| *tone == mark));
        let bare: String = std::iter::once(letter).nfd().filter(|mark| !TONES.contains(mark)).nfc().collect();
        letters.extend(bare.chars().map(place));
        tones.push(tone.map_or(0, |tone| tone + 1));
    }
    (letters, tones)
}

/// Signs and digits before letters, letters of other alphabets behind.
fn place(letter: char) -> u32 {
    match LETTERS.chars().position(|known| known == letter) {
        Some(place) => 0x100 + u32::try_from(place).unwrap_or(0),
        None if letter.is_ascii() => u32::from(letter),
        None => 0x200 + u32::from(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_vietnamese_alphabet() {
        let sorted = [
            "3 xã",
            "Ba Tơ",
            "Bình Sơn",
            "Dung Quất",
            "Đức Phổ",
            "Đức phổ 2",
            "Lý Sơn",
            "Minh Long",
            "Mộ Đức",
            "Sơn Hà",
            "Sơn Tây",
            "Sơn Tịnh",
            "Trà Bồng",
            "Tư Nghĩa",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by_cached_key(|name| key(name));
        assert_eq!(names, sorted);
        let mut tones = ["mạ", "má", "mã", "mả", "mà", "ma"];
        tones.sort_by_cached_key(|name| key(name));
        assert_eq!(tones, ["ma", "mà", "mả", "mã", "má", "mạ"]);
    }
}
