//! Pictures from files: read once, with everything that may be wrong with a file said in words.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::Image;
use protocol::image::MediaType;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Most pixels a side: what the largest canvas can show.
pub const MAX_SIDE_PX: u32 = 8192;
/// Most pixels in all, which take four bytes each.
const MAX_PIXELS: u64 = 16 << 20;

/// Why a file is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("it is neither PNG nor JPEG; save it as one of them")]
    Unknown,
    #[error("it is {width} × {height} pixels; a side has at most {MAX_SIDE_PX}, the whole at most {MAX_PIXELS}")]
    TooLarge { width: u32, height: u32 },
    #[error("it is stored turned (EXIF orientation {0}); save it upright")]
    Turned(u16),
    #[error("it cannot be decoded: {0}")]
    Broken(String),
}

/// A picture as pixels.
#[derive(Debug, PartialEq, Eq)]
pub struct Raster {
    pub media_type: MediaType,
    pub width: u32,
    pub height: u32,
    /// RGBA, row by row; alpha is not multiplied in.
    pub rgba: Vec<u8>,
}

impl Raster {
    /// From the bytes of a PNG or JPEG file.
    ///
    /// # Errors
    /// When they are neither, too large or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => png_of(bytes),
            [0xFF, 0xD8, 0xFF, ..] => jpeg_of(bytes),
            _ => Err(ImageError::Unknown),
        }
    }
}

/// Bytes of decoded pictures that are kept, besides those that are shown.
const MOST_KEPT_BYTES: usize = 128 << 20;

/// What was decoded, by the file it came from, the newest last.
static RASTERS: Mutex<Vec<(Arc<str>, Arc<Raster>)>> = Mutex::new(Vec::new());

/// The pixels of a picture of the catalogue, decoded once however often the catalogue comes; `None` when it is damaged.
pub(crate) fn raster(image: &Image) -> Option<Arc<Raster>> {
    let is_it = |(content, _): &(Arc<str>, _)| Arc::ptr_eq(content, &image.content) || *content == image.content;
    let mut kept = RASTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept.iter().position(is_it).map(|place| kept.remove(place).1);
    let raster = match known {
        Some(raster) => raster,
        None => Arc::new(Raster::read(&STANDARD.decode(&*image.content).ok()?).ok()?),
    };
    kept.push((Arc::clone(&image.content), Arc::clone(&raster)));
    let bytes = |kept: &[(Arc<str>, Arc<Raster>)]| kept.iter().map(|(_, raster)| raster.rgba.len()).sum::<usize>();
    while kept.len() > 1 && bytes(&kept) > MOST_KEPT_BYTES {
        kept.remove(0);
    }
    Some(raster)
}

fn check_size(width: u32, height: u32) -> Result<(), ImageError> {
    let fits = (1..=MAX_SIDE_PX).contains(&width) && (1..=MAX_SIDE_PX).contains(&height);
    if fits && u64::from(width) * u64::from(height) <= MAX_PIXELS {
        return Ok(());
    }
    Err(ImageError::TooLarge { width, height })
}

/// Browsers turn pictures as cameras say, others do not: only what is upright looks the same everywhere.
fn check_upright(exif: Option<&[u8]>) -> Result<(), ImageError> {
    match exif.and_then(orientation) {
        None | Some(0 | 1) => Ok(()),
        Some(turned) => Err(ImageError::Turned(turned)),
    }
}

/// The orientation in the first directory of EXIF data, which begin like a TIFF file.
fn orientation(exif: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x0112;
    let tiff = exif.windows(4).position(|start| start == b"II*\0" || start == b"MM\0*").map(|at| &exif[at..])?;
    let is_little = tiff.starts_with(b"II");
    let short = |at: usize| {
        let bytes = tiff.get(at..)?.first_chunk::<2>()?;
        Some(if is_little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) })
    };
    let long = |at: usize| {
        let bytes = tiff.get(at..)?.first_chunk::<4>()?;
        Some(if is_little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    };
    let directory = long(4)? as usize;
    let entry = |index: u16| directory.checked_add(2 + 12 * usize::from(index));
    let found = (0..short(directory)?).filter_map(entry).find(|at| short(*at) == Some(ORIENTATION))?;
    short(found.checked_add(8)?)
}

fn broken(error: impl std::fmt::Display) -> ImageError {
    ImageError::Broken(error.to_string())
}

fn png_of(bytes: &[u8]) -> Result<Raster, ImageError> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_size(width, height)?;
    check_upright(reader.info().exif_metadata.as_deref())?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(ImageError::TooLarge { width, height })?];
    let info = reader.next_frame(&mut pixels).map_err(broken)?;
    pixels.truncate(info.buffer_size());
    let rgba = match info.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::GrayscaleAlpha => {
            pixels.chunks_exact(2).flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]]).collect()
        }
        other => return Err(ImageError::Broken(format!("its pixels are {other:?}"))),
    };
    Ok(Raster { media_type: MediaType::Png, width, height, rgba })
}

fn jpeg_of(bytes: &[u8]) -> Result<Raster, ImageError> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGBA)
        // Else what is missing of a file would be grey.
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE_PX as usize)
        .set_max_height(MAX_SIDE_PX as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| broken("it has no size"))?;
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (width, height) = (side(width), side(height));
    check_size(width, height)?;
    check_upright(decoder.exif().map(Vec::as_slice))?;
    let rgba = decoder.decode().map_err(broken)?;
    Ok(Raster { media_type: MediaType::Jpeg, width, height, rgba })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(color: png::ColorType, depth: png::BitDepth, row: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.set_palette(vec![10, 20, 30, 200, 100, 0]);
        encoder.write_header().unwrap().write_image_data(row).unwrap();
        bytes
    }

    #[test]
    fn every_sort_of_png_is_read_as_rgba() {
        use png::{BitDepth, ColorType};
        for (color, depth, row, meant) in [
            (ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 4, 5, 6, 7, 8][..], [1, 2, 3, 4, 5, 6, 7, 8]),
            (ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 5, 6, 7], [1, 2, 3, 255, 5, 6, 7, 255]),
            (ColorType::Grayscale, BitDepth::Eight, &[9, 8], [9, 9, 9, 255, 8, 8, 8, 255]),
            (ColorType::GrayscaleAlpha, BitDepth::Eight, &[9, 1, 8, 2], [9, 9, 9, 1, 8, 8, 8, 2]),
            (ColorType::Grayscale, BitDepth::Sixteen, &[9, 0, 8, 0], [9, 9, 9, 255, 8, 8, 8, 255]),
            (ColorType::Indexed, BitDepth::One, &[0b0100_0000], [10, 20, 30, 255, 200, 100, 0, 255]),
        ] {
            let raster = Raster::read(&png(color, depth, row)).unwrap();
            assert_eq!((raster.media_type, raster.width, raster.height), (MediaType::Png, 2, 1));
            assert_eq!(raster.rgba, meant, "{color:?} {depth:?}");
        }
    }

    #[test]
    fn a_jpeg_is_read() {
        let raster = Raster::read(include_bytes!("../tests/data/red.jpg")).unwrap();
        assert_eq!((raster.media_type, raster.width, raster.height), (MediaType::Jpeg, 16, 8));
        assert_eq!(raster.rgba.len(), 16 * 8 * 4);
        let [r, g, b, a] = *raster.rgba.first_chunk().unwrap();
        assert!(r.abs_diff(0xC0) < 6 && g.abs_diff(0x30) < 6 && b.abs_diff(0x20) < 6 && a == 255, "{r} {g} {b} {a}");
    }

    /// The header of a PNG of any size, with its checksum.
    fn header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[]).unwrap();
        bytes
    }

    /// The JPEG with what a camera says of how it was held.
    fn turned(orientation: u8) -> Vec<u8> {
        let mut bytes = RED[..2].to_vec();
        bytes.extend(b"\xFF\xE1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
        bytes.extend([orientation, 0, 0, 0, 0, 0, 0]);
        bytes.extend(&RED[2..]);
        bytes
    }

    const RED: &[u8] = include_bytes!("../tests/data/red.jpg");

    #[test]
    fn what_is_no_picture_is_named() {
        let whole = png(png::ColorType::Rgb, png::BitDepth::Eight, &[0; 6]);
        for (bytes, said) in [
            (&b"<html>"[..], "neither PNG nor JPEG"),
            (b"", "neither PNG nor JPEG"),
            (b"GIF89a", "neither PNG nor JPEG"),
            (&whole[..40], "cannot be decoded"),
            (&header(8_193, 1), "it is 8193 × 1 pixels"),
            (&header(8_192, 2_049), "it is 8192 × 2049 pixels"),
            (&RED[..40], "cannot be decoded"),
            (&RED[..RED.len() - 12], "cannot be decoded"),
            (&turned(6), "EXIF orientation 6"),
        ] {
            let error = Raster::read(bytes).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(Raster::read(&turned(1)).is_ok());
    }

    #[test]
    fn a_picture_that_comes_again_is_not_decoded_again() {
        let image = |content: &[u8]| Image {
            id: "a".into(),
            name: protocol::observation::Name { vi: "a".into(), en: None },
            credit: None,
            media_type: MediaType::Jpeg,
            width_px: 16,
            height_px: 8,
            content: STANDARD.encode(content).into(),
        };
        let (first, again) = (raster(&image(RED)).unwrap(), raster(&image(RED)).unwrap());
        assert!(Arc::ptr_eq(&first, &again));
        assert!(raster(&image(&RED[..40])).is_none());
        let other = png(png::ColorType::Rgb, png::BitDepth::Eight, &[0; 6]);
        assert!(!Arc::ptr_eq(&first, &raster(&image(&other)).unwrap()));
    }
}
