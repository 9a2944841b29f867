//! What one tile is drawn from, kept on the GPU until the tile changes.

use std::mem::size_of;
use std::num::NonZeroU64;
use std::ops::Range;

use bytemuck::Pod;

use super::Gpu;
use super::encode::{
    Batch, Encoded, GlyphInstance, ImageInstance, LinePoint, LineStyle, PolygonVertex, QuadInstance, Shape,
};
use super::images::{BoundImage, Images};
use super::pipelines::Pipelines;

/// Sections of the buffer start at multiples of this, as storage bindings must on every adapter.
const SECTION_ALIGNMENT: usize = 256;

/// One buffer with a section for each kind of record, and the batches in painting order.
#[derive(Default)]
pub struct TileBuffer {
    buffer: Option<wgpu::Buffer>,
    quads: u64,
    vertices: u64,
    glyphs: u64,
    images: u64,
    /// What each of the images shows.
    bound: Vec<BoundImage>,
    lines: Option<wgpu::BindGroup>,
    batches: Vec<Batch>,
    bytes: Vec<u8>,
}

impl TileBuffer {
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Puts `encoded` in the place of what was there, in one write.
    pub fn write(&mut self, gpu: &Gpu, pipelines: &Pipelines, images: &mut Images, encoded: &Encoded) {
        self.bytes.clear();
        self.quads = self.section(&encoded.quads);
        self.vertices = self.section(&encoded.vertices);
        self.glyphs = self.section(&encoded.glyphs);
        self.images = self.section(&encoded.images);
        self.bound = encoded.rasters.iter().map(|raster| images.bound(gpu, pipelines, raster)).collect();
        let points = self.section(&encoded.points);
        let styles = self.section(&encoded.styles);
        self.batches.clone_from(&encoded.batches);
        let buffer = match self.buffer.take().filter(|buffer| buffer.size() >= self.bytes.len() as u64) {
            Some(buffer) => buffer,
            None => allocate(&gpu.device, self.bytes.len()),
        };
        if !self.bytes.is_empty() {
            gpu.queue.write_buffer(&buffer, 0, &self.bytes);
        }
        self.lines = lines(&gpu.device, pipelines, &buffer, (points, &encoded.points), (styles, &encoded.styles));
        self.buffer = Some(buffer);
    }

    fn section<T: Pod>(&mut self, records: &[T]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(SECTION_ALIGNMENT), 0);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytemuck::cast_slice(records));
        self.bytes.resize(self.bytes.len().next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT as usize), 0);
        start as u64
    }

    /// Draws one batch.
    pub fn draw(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        pipelines: &Pipelines,
        atlas: &wgpu::BindGroup,
        shape: Shape,
        range: Range<u32>,
    ) {
        let Some(buffer) = &self.buffer else { return };
        match shape {
            Shape::Quads => {
                pass.set_pipeline(&pipelines.quads);
                pass.set_vertex_buffer(0, buffer.slice(self.quads..));
                pass.draw(0..4, range);
            }
            Shape::Glyphs => {
                pass.set_pipeline(&pipelines.glyphs);
                pass.set_bind_group(1, atlas, &[]);
                pass.set_vertex_buffer(0, buffer.slice(self.glyphs..));
                pass.draw(0..4, range);
            }
            Shape::Images => {
                pass.set_pipeline(&pipelines.images);
                pass.set_vertex_buffer(0, buffer.slice(self.images..));
                for (index, bound) in range.clone().zip(self.bound.get(range.start as usize..).unwrap_or_default()) {
                    pass.set_bind_group(1, bound, &[]);
                    pass.draw(0..4, index..index + 1);
                }
            }
            Shape::Polygons => {
                pass.set_pipeline(&pipelines.polygons);
                pass.set_vertex_buffer(0, buffer.slice(self.vertices..));
                pass.draw(range, 0..1);
            }
            Shape::Polylines => {
                pass.set_pipeline(&pipelines.polylines);
                pass.set_bind_group(1, self.lines.as_ref(), &[]);
                let last_segment = range.end.saturating_sub(1);
                pass.draw(range.start * 6..last_segment * 6, 0..1);
            }
        }
    }
}

// The largest record decides how far a slice to the end must reach; sections in front of others always do.
const _: () = assert!(size_of::<QuadInstance>() == 32 && size_of::<PolygonVertex>() == 12);
const _: () = assert!(size_of::<GlyphInstance>() == 20 && size_of::<ImageInstance>() == 32);
const _: () = assert!(size_of::<LinePoint>() == 16 && size_of::<LineStyle>() == 16);

fn allocate(device: &wgpu::Device, bytes: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("tile"),
        size: bytes.max(SECTION_ALIGNMENT).next_power_of_two() as u64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn lines(
    device: &wgpu::Device,
    pipelines: &Pipelines,
    buffer: &wgpu::Buffer,
    (points_at, points): (u64, &[LinePoint]),
    (styles_at, styles): (u64, &[LineStyle]),
) -> Option<wgpu::BindGroup> {
    let section = |binding, offset, bytes: usize| {
        let size = NonZeroU64::new(bytes as u64)?;
        let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size: Some(size) });
        Some(wgpu::BindGroupEntry { binding, resource })
    };
    let entries = [section(0, points_at, size_of_val(points))?, section(1, styles_at, size_of_val(styles))?];
    Some(device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("lines"),
        layout: &pipelines.lines_layout,
        entries: &entries,
    }))
}
