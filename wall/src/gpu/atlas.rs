//! Glyphs as coverage in one texture: rasterised once per face, size and subpixel place.
//!
//! Bounded: when a page is full it is emptied as a whole and every scene is encoded again, so that no
//! glyph can ever stand for another.

use panels::scene::Glyph;
use panels::text::FACES;
use rustc_hash::FxHashMap;
use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::{Format, Vector};

/// The sides a page may have; after the last one, glyphs that still find no room are left out.
pub const FIRST_SIDE_PX: u32 = 2048;
pub const MAX_SIDE_PX: u32 = 8192;
/// Horizontal places within a pixel.
const BINS: f32 = 4.0;
/// Sizes are told apart in these steps, so that fitted text does not fill the atlas.
const SIZE_STEPS_PER_PX: f32 = 4.0;
/// Around each glyph.
const PADDING_PX: u32 = 1;

/// A glyph found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the glyph atlas is full")]
pub struct AtlasFull;

/// A size in steps of the atlas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    face: u8,
    id: u16,
    size: Size,
    bin: u8,
}

/// Where a glyph stands in the page and relative to the pen.
#[derive(Debug, Clone, Copy)]
struct Entry {
    texels: [u16; 4],
    left: i32,
    top: i32,
}

/// Pixels that are not yet in the texture.
#[derive(Debug)]
pub struct Upload {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub coverage: Vec<u8>,
}

/// The page and what is on it.
pub struct Atlas {
    side: u32,
    max_side: u32,
    faces: Vec<Option<FontRef<'static>>>,
    context: ScaleContext,
    entries: FxHashMap<Key, Option<Entry>>,
    shelves: Shelves,
    uploads: Vec<Upload>,
}

/// The top left of a glyph on the canvas and its texels in the atlas.
type Placed = ([f32; 2], [u16; 4]);

impl Atlas {
    /// Empty; pages are at most `max_side` pixels wide and high.
    #[must_use]
    pub fn new(max_side: u32) -> Self {
        let side = FIRST_SIDE_PX.min(max_side);
        let faces = FACES.iter().map(|face| FontRef::from_index(face.bytes, 0)).collect();
        Self {
            side,
            max_side: max_side.min(MAX_SIDE_PX),
            faces,
            context: ScaleContext::new(),
            entries: FxHashMap::default(),
            shelves: Shelves::new(side),
            uploads: Vec::new(),
        }
    }

    /// Width and height of the page.
    #[must_use]
    pub fn side_px(&self) -> u32 {
        self.side
    }

    /// Forgets every glyph; `grow` doubles the page if it may.
    pub fn empty(&mut self, grow: bool) {
        if grow {
            self.side = (self.side * 2).min(self.max_side);
        }
        self.entries.clear();
        self.uploads.clear();
        self.shelves = Shelves::new(self.side);
    }

    /// Whether a larger page is allowed.
    #[must_use]
    pub fn can_grow(&self) -> bool {
        self.side < self.max_side
    }

    /// What must be written into the texture before it is drawn from.
    pub fn take_uploads(&mut self) -> Vec<Upload> {
        std::mem::take(&mut self.uploads)
    }

    /// `size_px` in steps of the atlas.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a page can hold")]
    pub fn size(&self, size_px: f32) -> Size {
        Size((size_px * SIZE_STEPS_PER_PX).round().clamp(1.0, MAX_SIDE_PX as f32) as u32)
    }

    /// The top left of a glyph on the canvas and its texels; `None` when it has no ink.
    ///
    /// # Errors
    /// When there is no room for it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "canvas pixels; the bin is 0 to 3")]
    pub fn place(&mut self, glyph: &Glyph, size: Size) -> Result<Option<Placed>, AtlasFull> {
        let quarters = (glyph.x * BINS).round();
        let column = (quarters / BINS).floor();
        let bin = (quarters - column * BINS) as u8;
        let key = Key { face: glyph.face, id: glyph.id, size, bin };
        let entry = match self.entries.get(&key) {
            Some(entry) => *entry,
            None => {
                let entry = self.rasterise(key)?;
                self.entries.insert(key, entry);
                entry
            }
        };
        Ok(entry.map(|entry| {
            let place = [column + entry.left as f32, glyph.y.round() - entry.top as f32];
            (place, entry.texels)
        }))
    }

    fn rasterise(&mut self, key: Key) -> Result<Option<Entry>, AtlasFull> {
        let Some(font) = self.faces.get(usize::from(key.face)).copied().flatten() else { return Ok(None) };
        let size_px = key.size.0 as f32 / SIZE_STEPS_PER_PX;
        let mut scaler = self.context.builder(font).size(size_px).hint(false).build();
        let image = Render::new(&[Source::Outline])
            .format(Format::Alpha)
            .offset(Vector::new(f32::from(key.bin) / BINS, 0.0))
            .render(&mut scaler, key.id);
        let Some(image) = image else { return Ok(None) };
        let (width, height) = (image.placement.width, image.placement.height);
        if width == 0 || height == 0 {
            return Ok(None);
        }
        if width + PADDING_PX > self.max_side || height + PADDING_PX > self.max_side {
            tracing::warn!(width, height, "a glyph is larger than the atlas can be; it is left out");
            return Ok(None);
        }
        let (x, y) = self.shelves.take(width + PADDING_PX, height + PADDING_PX).ok_or(AtlasFull)?;
        self.uploads.push(Upload { x, y, width, height, coverage: image.data });
        let texels = [x, y, width, height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
        Ok(Some(Entry { texels, left: image.placement.left, top: image.placement.top }))
    }
}

/// Rows of glyphs of about the same height.
#[derive(Debug)]
struct Shelves {
    side: u32,
    /// Top, height and how far it is filled.
    rows: Vec<(u32, u32, u32)>,
    bottom: u32,
}

impl Shelves {
    fn new(side: u32) -> Self {
        Self { side, rows: Vec::new(), bottom: 0 }
    }

    /// Room for `width` × `height`, on the lowest shelf that it fits without wasting a third.
    fn take(&mut self, width: u32, height: u32) -> Option<(u32, u32)> {
        let side = self.side;
        let fits =
            |row: &&mut (u32, u32, u32)| row.1 >= height && row.1 <= height + height / 2 + 2 && row.2 + width <= side;
        if let Some(row) = self.rows.iter_mut().filter(fits).min_by_key(|row| row.1) {
            let place = (row.2, row.0);
            row.2 += width;
            return Some(place);
        }
        let shelf = height.next_multiple_of(4);
        if width > side || self.bottom + shelf > side {
            return None;
        }
        let place = (0, self.bottom);
        self.rows.push((self.bottom, shelf, width));
        self.bottom += shelf;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_never_share_texels() {
        let mut shelves = Shelves::new(256);
        let mut taken: Vec<(u32, u32, u32, u32)> = Vec::new();
        for step in 0u32.. {
            let (width, height) = (5 + step * 7 % 23, 5 + step * 11 % 40);
            let Some((x, y)) = shelves.take(width, height) else { break };
            assert!(x + width <= 256 && y + height <= 256);
            for &(ox, oy, owidth, oheight) in &taken {
                assert!(x + width <= ox || ox + owidth <= x || y + height <= oy || oy + oheight <= y);
            }
            taken.push((x, y, width, height));
        }
        let ink: u32 = taken.iter().map(|glyph| glyph.2 * glyph.3).sum();
        assert!(ink > 256 * 256 / 3, "{ink} texels of {} are used", 256 * 256);
    }

    #[test]
    fn a_full_page_says_so_and_has_room_again_when_emptied() {
        let mut atlas = Atlas::new(64);
        let glyph = |id| Glyph { face: 0, id, text_at: 0, x: 0.0, y: 0.0 };
        let size = atlas.size(40.0);
        let full = (20..200).find(|id| atlas.place(&glyph(*id), size).is_err());
        let full = full.expect("64 × 64 pixels cannot hold 180 glyphs of 40 px");
        atlas.empty(true);
        assert_eq!(atlas.side_px(), 64);
        assert!(atlas.place(&glyph(full), size).is_ok());
    }

    #[test]
    fn the_pen_lands_on_the_nearest_quarter_pixel() {
        let mut atlas = Atlas::new(512);
        let size = atlas.size(32.0);
        let mut at = |x: f32| atlas.place(&Glyph { face: 0, id: 40, text_at: 0, x, y: 20.4 }, size).unwrap().unwrap();
        let (whole, texels) = at(10.1);
        assert_eq!(at(9.9).1, texels, "both are nearest to 10");
        assert_eq!(at(9.9).0, whole);
        assert_ne!(at(10.3).1, texels);
        assert_eq!(at(110.1).0, [whole[0] + 100.0, whole[1]]);
    }
}
