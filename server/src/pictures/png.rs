//! Pixels: the SVG, rasterised.

use protocol::Canvas;
use resvg::{tiny_skia, usvg};

use super::PictureError;

/// The document in its own size.
pub(super) fn of_svg(svg: &str, canvas: Canvas) -> Result<Vec<u8>, PictureError> {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default())?;
    let (width, height) = (canvas.width_px, canvas.height_px);
    let mut pixels = tiny_skia::Pixmap::new(width, height).ok_or(PictureError::Memory(canvas))?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
    // The ground is opaque, and so is everything on it.
    let rgb: Vec<u8> = pixels.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    drop(pixels);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    // Plain areas and repeated letters are found best as they are.
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(file)
}
