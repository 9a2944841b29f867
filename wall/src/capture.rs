//! Reads pixels back from the canvas.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::gpu::{Gpu, GpuCanvas, GpuError};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{0}")]
    Gpu(#[from] GpuError),
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("{path}: {error}")]
    Png { path: String, error: png::EncodingError },
    #[error("x {x}, y {y} is outside the canvas of {width} × {height} px")]
    Outside { x: u32, y: u32, width: u32, height: u32 },
    #[error("there is no picture yet")]
    NoPicture,
    #[error("{QUEUE} pictures are waiting to be written already")]
    Busy,
    #[error("no thread to write pictures: {0}")]
    NoThread(std::io::Error),
}

/// Straight RGBA, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// The whole canvas.
///
/// # Errors
/// When the device goes meanwhile.
pub fn canvas(gpu: &Gpu, canvas: &GpuCanvas) -> Result<Pixels, GpuError> {
    let (width, height) = canvas.size_px();
    read(gpu, canvas.shown(), [0, 0, width, height])
}

/// One pixel, RGBA.
///
/// # Errors
/// When there is no such pixel or the device goes meanwhile.
pub fn pixel(gpu: &Gpu, canvas: &GpuCanvas, x: u32, y: u32) -> Result<[u8; 4], CaptureError> {
    let (width, height) = canvas.size_px();
    if x >= width || y >= height {
        return Err(CaptureError::Outside { x, y, width, height });
    }
    let pixels = read(gpu, canvas.shown(), [x, y, 1, 1])?;
    pixels.rgba.first_chunk().copied().ok_or(CaptureError::NoPicture)
}

fn read(gpu: &Gpu, texture: &wgpu::Texture, [x, y, width, height]: [u32; 4]) -> Result<Pixels, GpuError> {
    let row_bytes = width * 4;
    let padded = row_bytes.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("read-back"),
        size: u64::from(padded) * u64::from(height),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut source = texture.as_image_copy();
    source.origin = wgpu::Origin3d { x, y, z: 0 };
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(padded), rows_per_image: None };
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        source,
        wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
        wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
    );
    let submission = gpu.queue.submit([encoder.finish()]);
    let (mapped, outcome) = sync_channel(1);
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        // The receiver outlives the wait below; without it there is nobody to tell.
        let _ = mapped.try_send(result);
    });
    gpu.wait(submission)?;
    let outcome = outcome.try_recv().map_err(|error| GpuError::ReadBack(error.to_string()))?;
    outcome.map_err(|error| GpuError::ReadBack(error.to_string()))?;
    let range = buffer.get_mapped_range(..).map_err(|error| GpuError::ReadBack(error.to_string()))?;
    let mut rgba = Vec::with_capacity(row_bytes as usize * height as usize);
    for row in range.chunks_exact(padded as usize) {
        rgba.extend(row.iter().take(row_bytes as usize));
    }
    Ok(Pixels { width, height, rgba })
}

/// Pictures that may wait to be written.
const QUEUE: usize = 2;

type Told = Box<dyn FnOnce(Result<(), CaptureError>) + Send>;

struct Job {
    path: PathBuf,
    pixels: Pixels,
    told: Told,
}

/// Writes pictures on a thread of its own, one after another: encoding one takes as long as many frames.
#[derive(Default)]
pub struct Writer {
    worker: Option<(SyncSender<Job>, JoinHandle<()>)>,
}

impl Writer {
    /// Writes a PNG file later; `told` hears how it went.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn write(&mut self, path: PathBuf, pixels: Pixels, told: Told) -> Result<(), CaptureError> {
        if self.worker.is_none() {
            let (jobs, inbox) = sync_channel(QUEUE);
            let thread = std::thread::Builder::new().name("capture".into()).spawn(move || write_each(&inbox));
            self.worker = Some((jobs, thread.map_err(CaptureError::NoThread)?));
        }
        let Some((jobs, _)) = &self.worker else { return Err(CaptureError::Busy) };
        match jobs.try_send(Job { path, pixels, told }) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(CaptureError::Busy),
            Err(TrySendError::Disconnected(_)) => {
                self.worker = None;
                Err(CaptureError::NoThread(std::io::Error::other("it has ended; ask again")))
            }
        }
    }
}

impl Drop for Writer {
    /// What was asked for is written to its end.
    fn drop(&mut self) {
        let Some((jobs, thread)) = self.worker.take() else { return };
        drop(jobs);
        if thread.join().is_err() {
            tracing::error!("the thread that writes pictures panicked");
        }
    }
}

fn write_each(jobs: &Receiver<Job>) {
    for Job { path, pixels, told } in jobs {
        told(write_png(&path, &pixels));
    }
}

/// Writes a PNG file. Whoever reads `path` meanwhile finds what was there before, never half a picture.
///
/// # Errors
/// When the file cannot be written.
pub fn write_png(path: &Path, pixels: &Pixels) -> Result<(), CaptureError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = encode_png(&part, path, pixels).and_then(|()| {
        std::fs::rename(&part, path).map_err(|error| CaptureError::File { path: path.display().to_string(), error })
    });
    if written.is_err()
        && let Err(error) = std::fs::remove_file(&part)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %part.display(), "what was left of a picture cannot be removed");
    }
    written
}

fn encode_png(part: &Path, path: &Path, pixels: &Pixels) -> Result<(), CaptureError> {
    let shown = || path.display().to_string();
    let file = File::create(part).map_err(|error| CaptureError::File { path: shown(), error })?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels.rgba)?;
        writer.finish()
    });
    written.map_err(|error| CaptureError::Png { path: shown(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(side: u32, value: u8) -> Pixels {
        Pixels { width: side, height: side, rgba: vec![value; (side * side * 4) as usize] }
    }

    #[test]
    fn a_reader_finds_a_whole_picture_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_png(&path, &pixels(8, 1)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        // An encoder that fails halfway: there are fewer pixels than it was told.
        let short = Pixels { rgba: vec![0; 8], ..pixels(8, 2) };
        assert!(matches!(write_png(&path, &short), Err(CaptureError::Png { .. })));
        assert!(std::fs::read(&path).unwrap() == whole, "a failed picture leaves the one before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let error = write_png(&folder.path().join("no-such/b.png"), &pixels(8, 1)).unwrap_err();
        assert!(error.to_string().contains("no-such/b.png:"), "{error}");
    }

    #[test]
    fn pictures_are_written_in_their_order_and_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let (told, outcomes) = sync_channel(2);
        let mut writer = Writer::default();
        for value in 1..=2 {
            let told = told.clone();
            let tell = Box::new(move |outcome: Result<(), CaptureError>| told.try_send(outcome.is_ok()).unwrap());
            writer.write(path.clone(), pixels(8, value), tell).unwrap();
        }
        drop(writer);
        assert_eq!(outcomes.try_iter().collect::<Vec<_>>(), [true, true]);
        let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; 8 * 8 * 4];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, vec![2; 8 * 8 * 4]);
    }
}
