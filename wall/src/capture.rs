//! Reads pixels back from the canvas.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::mpsc::sync_channel;

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
    read(gpu, canvas.texture(), [0, 0, width, height])
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
    let pixels = read(gpu, canvas.texture(), [x, y, 1, 1])?;
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
    let rows = range.chunks_exact(padded as usize).flat_map(|row| row.iter().take(row_bytes as usize));
    Ok(Pixels { width, height, rgba: rows.copied().collect() })
}

/// Writes a PNG file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_png(path: &Path, pixels: &Pixels) -> Result<(), CaptureError> {
    let shown = || path.display().to_string();
    let file = File::create(path).map_err(|error| CaptureError::File { path: shown(), error })?;
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
