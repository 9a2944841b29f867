//! Pictures from files as textures, each put on the GPU once.

use std::sync::Arc;

use panels::image::Raster;

use super::pipelines::Pipelines;
use super::{Gpu, linear_sampler};

/// What a tile needs of a picture to draw it.
pub type BoundImage = wgpu::BindGroup;

/// The textures of all pictures that tiles show.
pub struct Images {
    sampler: wgpu::Sampler,
    /// As long as one is kept, no other raster can be at its address.
    known: Vec<(Arc<Raster>, BoundImage)>,
    has_grown: bool,
}

impl Images {
    pub fn new(device: &wgpu::Device) -> Self {
        Self { sampler: linear_sampler(device), known: Vec::new(), has_grown: false }
    }

    /// The texture of a picture, made if it is new.
    pub fn bound(&mut self, gpu: &Gpu, pipelines: &Pipelines, raster: &Arc<Raster>) -> BoundImage {
        if let Some((_, bound)) = self.known.iter().find(|(known, _)| Arc::ptr_eq(known, raster)) {
            return bound.clone();
        }
        let bound = self.upload(gpu, pipelines, raster);
        self.known.push((Arc::clone(raster), bound.clone()));
        self.has_grown = true;
        bound
    }

    /// Forgets the pictures that are shown no longer, if there have been new ones.
    pub fn forget_unused(&mut self, is_used: impl Fn(&Arc<Raster>) -> bool) {
        if std::mem::take(&mut self.has_grown) {
            self.known.retain(|(raster, _)| is_used(raster));
        }
    }

    fn upload(&self, gpu: &Gpu, pipelines: &Pipelines, raster: &Raster) -> BoundImage {
        let mut level = Level::of(raster, gpu.max_side_px());
        let size = wgpu::Extent3d { width: level.width, height: level.height, depth_or_array_layers: 1 };
        let levels = size.max_mips(wgpu::TextureDimension::D2);
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("image"),
            size,
            mip_level_count: levels,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        for mip_level in 0..levels {
            if mip_level > 0 {
                level = level.halved();
            }
            let place = wgpu::TexelCopyTextureInfo { mip_level, ..texture.as_image_copy() };
            let layout =
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(level.width * 4), rows_per_image: None };
            let size = wgpu::Extent3d { width: level.width, height: level.height, depth_or_array_layers: 1 };
            gpu.queue.write_texture(place, &level.rgba, layout, size);
        }
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("image"),
            layout: &pipelines.image_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&self.sampler) },
            ],
        })
    }
}

/// A picture at one of its sizes, alpha multiplied in.
struct Level {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

impl Level {
    /// The largest that the adapter can hold.
    fn of(raster: &Raster, limit: u32) -> Self {
        let multiplied = |channel: u8, alpha: u8| (u16::from(channel) * u16::from(alpha)).div_ceil(255) as u8;
        let pixels = raster.rgba.chunks_exact(4);
        let rgba = pixels.flat_map(|p| [multiplied(p[0], p[3]), multiplied(p[1], p[3]), multiplied(p[2], p[3]), p[3]]);
        let mut level = Self { width: raster.width, height: raster.height, rgba: rgba.collect() };
        while level.width > limit || level.height > limit {
            level = level.halved();
        }
        level
    }

    /// Half as large, each pixel the mean of four.
    fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height {
            for x in 0..width {
                let (right, below) = ((2 * x + 1).min(self.width - 1), (2 * y + 1).min(self.height - 1));
                let corners = [(2 * x, 2 * y), (right, 2 * y), (2 * x, below), (right, below)];
                for channel in 0..4 {
                    let sum: u16 = corners.iter().map(|&(x, y)| u16::from(self.channel(x, y, channel))).sum();
                    rgba.push((sum / 4) as u8);
                }
            }
        }
        Self { width, height, rgba }
    }

    fn channel(&self, x: u32, y: u32, channel: usize) -> u8 {
        let (x, y) = (x.min(self.width - 1) as usize, y.min(self.height - 1) as usize);
        self.rgba.get((y * self.width as usize + x) * 4 + channel).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::image::MediaType;

    #[test]
    fn a_picture_of_any_size_is_halved_down_to_one_pixel() {
        let (width, height) = (5, 3);
        let rgba = [200, 100, 0, 128].repeat(15);
        let mut level = Level::of(&Raster { media_type: MediaType::Png, width, height, rgba }, 4);
        assert_eq!((level.width, level.height), (2, 1), "no larger than the adapter can hold");
        level = level.halved();
        assert_eq!((level.width, level.height, &level.rgba[..]), (1, 1, &[101, 51, 0, 128][..]));
    }
}
