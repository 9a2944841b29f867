//! The bodies of entries on the disk: the larger ones are compressed, as most of a batch is its names.

use std::borrow::Cow;

use lz4_flex::block;

/// Stands before what is compressed. No MessagePack begins with it.
const COMPRESSED: u8 = 0xC1;
/// What is smaller has too little that repeats.
const WORTHWHILE_BYTES: usize = 512;
/// What says it is larger is damaged: no batch comes near it.
const MOST_BYTES: usize = 1 << 30;

/// A body as it is stored: its length in 4 bytes, little-endian, and a block of LZ4, or itself where that is no shorter.
pub(super) fn pack(body: &[u8]) -> Cow<'_, [u8]> {
    if body.len() < WORTHWHILE_BYTES {
        return Cow::Borrowed(body);
    }
    let compressed = block::compress_prepend_size(body);
    if compressed.len() >= body.len() {
        return Cow::Borrowed(body);
    }
    let mut stored = Vec::with_capacity(1 + compressed.len());
    stored.push(COMPRESSED);
    stored.extend_from_slice(&compressed);
    Cow::Owned(stored)
}

/// The body that was stored.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn unpack(stored: Vec<u8>) -> Result<Vec<u8>, String> {
    let Some((&COMPRESSED, compressed)) = stored.split_first() else { return Ok(stored) };
    let (length, _) = block::uncompressed_size(compressed).map_err(|error| error.to_string())?;
    if length > MOST_BYTES {
        return Err(format!("it says that it has {length} bytes"));
    }
    let body = block::decompress_size_prepended(compressed).map_err(|error| error.to_string())?;
    match body.len() == length {
        true => Ok(body),
        false => Err(format!("it has {} bytes of {length}", body.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_what_repeats_takes_less() {
        let names = b"indicator air.pm25 area 524 ".repeat(100);
        let noise: Vec<u8> = (0..2000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        for (body, is_smaller) in [(Vec::new(), false), (vec![0x81; 511], false), (names, true), (noise, false)] {
            let stored = pack(&body).into_owned();
            assert_eq!(stored.len() < body.len() / 2, is_smaller, "{} bytes", body.len());
            assert_eq!(unpack(stored), Ok(body));
        }
    }

    #[test]
    fn what_is_damaged_is_told() {
        for stored in [vec![COMPRESSED], vec![COMPRESSED, 255, 255, 255, 255, 0], vec![COMPRESSED, 9, 0, 0, 0, 0x10, 1]]
        {
            assert!(unpack(stored.clone()).is_err(), "{stored:?}");
        }
    }
}
