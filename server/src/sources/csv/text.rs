//! The text of a table, a piece at a time, whatever it is encoded in.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1258};

use super::options::Encoding;

/// Bytes read at once.
const PIECE_BYTES: usize = 64 << 10;

/// Why the text of a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error(
        "byte {offset} is not {encoding}; save the file as UTF-8, or set 'encoding' of the source (utf-8 or windows-1258)"
    )]
    Encoding { offset: u64, encoding: &'static str },
}

/// Gives the text of a table to `take` piece by piece, until it says that it has enough.
///
/// # Errors
/// When the file cannot be read, or is encoded otherwise.
pub fn read(mut from: impl Read, encoding: Encoding, mut take: impl FnMut(&str) -> bool) -> Result<(), TextError> {
    let mut bytes = vec![0; PIECE_BYTES];
    let mut filled = fill(&mut from, &mut bytes)?;
    let mut decoder = decoder(&bytes[..filled], encoding);
    let mut text = String::with_capacity(PIECE_BYTES * 3 + 16);
    let mut offset = 0;
    loop {
        let last = filled < bytes.len();
        text.clear();
        let used = decode(&mut decoder, &bytes[..filled], &mut text, last)
            .map_err(|at| TextError::Encoding { offset: offset + at, encoding: decoder.encoding().name() })?;
        debug_assert_eq!(used, filled, "the text has room for every piece");
        if !take(&text) || last {
            return Ok(());
        }
        offset += filled as u64;
        filled = fill(&mut from, &mut bytes)?;
    }
}

/// Decodes all of `bytes`; the place of the first byte that does not belong.
fn decode(decoder: &mut Decoder, bytes: &[u8], text: &mut String, last: bool) -> Result<usize, u64> {
    if let Some(needed) = decoder.max_utf8_buffer_length_without_replacement(bytes.len()) {
        text.reserve(needed);
    }
    match decoder.decode_to_string_without_replacement(bytes, text, last) {
        (DecoderResult::Malformed(length, behind), used) => {
            Err((used as u64).saturating_sub(u64::from(length) + u64::from(behind)))
        }
        (_, used) => Ok(used),
    }
}

fn decoder(start: &[u8], encoding: Encoding) -> Decoder {
    match (start, encoding) {
        ([0xFF, 0xFE, ..], _) => UTF_16LE.new_decoder_with_bom_removal(),
        ([0xFE, 0xFF, ..], _) => UTF_16BE.new_decoder_with_bom_removal(),
        ([0xEF, 0xBB, 0xBF, ..], _) | (_, Encoding::Utf8) => UTF_8.new_decoder_with_bom_removal(),
        (_, Encoding::Windows1258) => WINDOWS_1258.new_decoder_without_bom_handling(),
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8], encoding: Encoding) -> Result<String, String> {
        let mut text = String::new();
        let read = read(bytes, encoding, |piece| {
            text.push_str(piece);
            true
        });
        read.map(|()| text).map_err(|error| error.to_string())
    }

    #[test]
    fn byte_order_marks_tell_the_encoding() {
        assert_eq!(text_of("\u{feff}Lý Sơn".as_bytes(), Encoding::Utf8).unwrap(), "Lý Sơn");
        let wide: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain("Lý Sơn".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(text_of(&wide, Encoding::Utf8).unwrap(), "Lý Sơn");
        assert_eq!(text_of(b"\xD0\xF4", Encoding::Windows1258).unwrap(), "Đô");
    }

    #[test]
    fn a_wrong_encoding_is_named_with_its_byte() {
        let mut bytes = vec![b'a'; PIECE_BYTES + 10];
        bytes.extend_from_slice(b"\xF4 ,1\n");
        let said = text_of(&bytes, Encoding::Utf8).unwrap_err();
        assert!(said.starts_with(&format!("byte {} is not UTF-8; save the file as UTF-8", PIECE_BYTES + 10)), "{said}");
        // A letter cut by the end of a piece is whole again in the next.
        let mut bytes = vec![b'a'; PIECE_BYTES - 1];
        bytes.extend_from_slice("ự".as_bytes());
        assert!(text_of(&bytes, Encoding::Utf8).unwrap().ends_with("aự"));
        assert!(text_of(&bytes[..PIECE_BYTES + 1], Encoding::Utf8).is_err());
    }
}
