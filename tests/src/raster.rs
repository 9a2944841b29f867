//! Pictures as pixels, and whether two programs have drawn the same.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// How far a channel of a pixel may be from all that the other picture has there or next to it: the two draw
/// edges in their own ways, but ink where the other has none is another figure.
const TOLERANCE: u8 = 48;
/// The side of the parts in which pixels that differ are counted.
const PART_PX: usize = 16;
/// How many pixels of a part may differ; another digit, small as it may be, is more.
const MOST_IN_A_PART: usize = 7;
/// One pixel of so many may differ in the whole picture.
const ONE_OF: usize = 5_000;

/// A picture that was read back.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// RGBA or RGB, row by row.
    pub bytes: Vec<u8>,
    pub channels: usize,
}

impl Picture {
    /// Reads a PNG of 8 bits per channel.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info()?;
        let size = reader.output_buffer_size().context("the picture is too large")?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        bytes.truncate(info.buffer_size());
        Ok(Self { width: info.width, height: info.height, bytes, channels: info.color_type.samples() })
    }

    /// How many different colours it has: 1 is an empty picture.
    #[must_use]
    pub fn colours(&self) -> usize {
        let colours: std::collections::HashSet<&[u8]> = self.bytes.chunks_exact(self.channels).collect();
        colours.len()
    }

    /// How many pixels differ from those of another picture of the same size.
    #[must_use]
    pub fn differing(&self, other: &Self) -> usize {
        let pairs = self.bytes.chunks_exact(self.channels).zip(other.bytes.chunks_exact(other.channels));
        pairs.filter(|(a, b)| a[..3] != b[..3]).count()
    }

    /// Whether another program has drawn the same.
    ///
    /// # Errors
    /// Says how many pixels differ and where most of them are.
    pub fn same_as(&self, other: &Self) -> Result<()> {
        let unlike = self.unlike(other)?;
        let all = self.bytes.len() / self.channels;
        ensure!(
            unlike.pixels * ONE_OF <= all && unlike.most <= MOST_IN_A_PART,
            "{} of {all} pixels differ, {} of them in the part at {:?}",
            unlike.pixels,
            unlike.most,
            unlike.place
        );
        Ok(())
    }

    /// How another program's picture of the same differs.
    ///
    /// # Errors
    /// When it has another size.
    pub fn unlike(&self, other: &Self) -> Result<Unlike> {
        let (mine, theirs) = ((self.width, self.height), (other.width, other.height));
        ensure!(mine == theirs, "one picture is {mine:?}, the other {theirs:?}");
        let (width, height) = (self.width as usize, self.height as usize);
        let columns = width.div_ceil(PART_PX);
        let mut parts = vec![0_usize; columns * height.div_ceil(PART_PX)];
        for y in 0..height {
            for x in 0..width {
                if self.is_foreign(other, x, y) || other.is_foreign(self, x, y) {
                    parts[y / PART_PX * columns + x / PART_PX] += 1;
                }
            }
        }
        let worst = (0..parts.len()).max_by_key(|part| parts[*part]).unwrap_or_default();
        let place = (worst % columns * PART_PX, worst / columns * PART_PX);
        Ok(Unlike { pixels: parts.iter().sum(), most: parts[worst], place })
    }

    /// Whether the pixel is unlike all that the other has at its place and next to it.
    fn is_foreign(&self, other: &Self, x: usize, y: usize) -> bool {
        let mine = self.pixel(x, y);
        if mine == other.pixel(x, y) {
            return false;
        }
        let (mut least, mut most) = ([255_u8; 3], [0_u8; 3]);
        for y in y.saturating_sub(1)..(y + 2).min(self.height as usize) {
            for x in x.saturating_sub(1)..(x + 2).min(self.width as usize) {
                for (channel, value) in other.pixel(x, y).iter().enumerate() {
                    least[channel] = least[channel].min(*value);
                    most[channel] = most[channel].max(*value);
                }
            }
        }
        (0..3).any(|channel| {
            mine[channel] < least[channel].saturating_sub(TOLERANCE)
                || mine[channel] > most[channel].saturating_add(TOLERANCE)
        })
    }

    fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let at = (y * self.width as usize + x) * self.channels;
        &self.bytes[at..at + 3]
    }
}

/// How two pictures of the same differ.
#[derive(Debug, Clone, Copy)]
pub struct Unlike {
    /// How many pixels in all.
    pub pixels: usize,
    /// How many in the part that has most of them.
    pub most: usize,
    /// Where that part begins, in pixels.
    pub place: (usize, usize),
}
