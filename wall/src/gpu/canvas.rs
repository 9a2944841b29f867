//! The retained canvas: a texture that only changed tiles are drawn into.

use std::sync::Arc;

use panels::Rect;
use panels::theme;

use super::atlas::{self, Atlas};
use super::compose::Composition;
use super::encode::{Batch, Encoded};
use super::images::Images;
use super::pipelines::{CANVAS_FORMAT, Pipelines};
use super::tile::TileBuffer;
use super::{Gpu, GpuError};
use crate::picture::Picture;
use crate::transition::Sprite;

/// The whole wall as pixels, and what it is drawn from.
pub struct GpuCanvas {
    width: u32,
    height: u32,
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    pipelines: Pipelines,
    globals: wgpu::BindGroup,
    atlas: Atlas,
    atlas_texture: wgpu::Texture,
    atlas_group: wgpu::BindGroup,
    images: Images,
    tiles: Vec<TileBuffer>,
    encoded: Encoded,
    /// While one picture goes over into another.
    composition: Option<Composition>,
    /// Some glyphs found no room in the largest atlas.
    is_short: bool,
}

/// What one drawing came to.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Done when the pixels are there.
    pub submission: wgpu::SubmissionIndex,
    /// How many tiles were drawn.
    pub tiles: usize,
}

impl GpuCanvas {
    /// A canvas of `width` × `height` pixels with nothing on it yet.
    ///
    /// # Errors
    /// When the adapter cannot hold one that large.
    pub fn new(gpu: &Gpu, width: u32, height: u32) -> Result<Self, GpuError> {
        Self::with_atlas(gpu, width, height, atlas::MAX_SIDE_PX)
    }

    /// The same with an atlas that grows to `atlas_px` a side at most.
    ///
    /// # Errors
    /// When the adapter cannot hold a canvas that large.
    pub fn with_atlas(gpu: &Gpu, width: u32, height: u32, atlas_px: u32) -> Result<Self, GpuError> {
        let limit = gpu.max_side_px();
        if width > limit || height > limit || width == 0 || height == 0 {
            return Err(GpuError::TooLarge { width, height, limit });
        }
        let device = &gpu.device;
        let pipelines = Pipelines::new(device);
        let texture = canvas_texture(device, [width, height]);
        let globals = globals(gpu, &pipelines, width, height);
        let atlas = Atlas::new(limit.min(atlas_px));
        let (atlas_texture, atlas_group) = atlas_page(device, &pipelines, atlas.side_px());
        Ok(Self {
            width,
            height,
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            texture,
            pipelines,
            globals,
            atlas,
            atlas_texture,
            atlas_group,
            images: Images::new(device),
            tiles: Vec::new(),
            encoded: Encoded::default(),
            composition: None,
            is_short: false,
        })
    }

    /// What is to be seen: the picture, or what it is composed of with the one before.
    #[must_use]
    pub fn shown(&self) -> &wgpu::Texture {
        self.composition.as_ref().map_or(&self.texture, |composition| &composition.shown)
    }

    /// Keeps what is to be seen now as the picture before; the next one is drawn whole, onto pixels of its own.
    pub fn keep_before(&mut self, gpu: &Gpu, sprite_count: usize) {
        let [next, shown] = [(); 2].map(|()| canvas_texture(&gpu.device, [self.width, self.height]));
        let drawn = std::mem::replace(&mut self.texture, next);
        let before = self.composition.take().map_or(drawn, |composition| composition.shown);
        self.view = self.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let composition = Composition::new(gpu, &self.pipelines, [&before, &self.texture], shown, sprite_count);
        self.composition = Some(composition);
    }

    /// Shows parts of the picture before and of the one that is drawn; `None` when no picture before was kept.
    pub fn compose(&mut self, gpu: &Gpu, sprites: &[Sprite]) -> Option<Drawn> {
        let composition = self.composition.as_ref()?;
        let count = composition.write(gpu, sprites);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = begin(&mut encoder, composition.view(), true);
            pass.set_bind_group(0, &self.globals, &[]);
            composition.draw(&mut pass, &self.pipelines, count);
        }
        Some(Drawn { submission: gpu.queue.submit([encoder.finish()]), tiles: 0 })
    }

    /// Forgets the picture before; `None` when there was none.
    pub fn forget_before(&mut self, gpu: &Gpu) -> Option<Drawn> {
        self.composition.take()?;
        Some(Drawn { submission: gpu.queue.submit([]), tiles: 0 })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size_px(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Brings the pixels up to `picture`; `None` when they are already, and then nothing is submitted.
    pub fn draw(&mut self, gpu: &Gpu, picture: &mut Picture) -> Option<Drawn> {
        self.prepare(gpu, picture);
        self.submit(gpu, picture)
    }

    /// Writes what changed tiles are drawn from into their buffers.
    pub fn prepare(&mut self, gpu: &Gpu, picture: &Picture) {
        let arranged = self.tiles.len() != picture.tiles().len() || picture.is_wholly_damaged();
        self.tiles.resize_with(picture.tiles().len(), TileBuffer::default);
        let damaged: Vec<_> = picture.tiles().iter().map(|tile| arranged || tile.is_damaged()).collect();
        if self.encode(gpu, picture, |index| damaged.get(index).copied().unwrap_or(true)) > 0 {
            self.encode_all_anew(gpu, picture);
        }
        self.images.forget_unused(|raster| picture.rasters().any(|shown| Arc::ptr_eq(shown, raster)));
        self.upload_glyphs(gpu);
    }

    /// Draws what was prepared; `None` when nothing changed.
    pub fn submit(&mut self, gpu: &Gpu, picture: &mut Picture) -> Option<Drawn> {
        if picture.is_drawn() {
            return None;
        }
        let whole = picture.is_wholly_damaged();
        let tiles = picture.damaged_tiles();
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = begin(&mut encoder, &self.view, whole);
            for (tile, buffer) in picture.tiles().iter().zip(&self.tiles) {
                let damage = if whole { std::slice::from_ref(&tile.rect) } else { tile.damage() };
                damage.iter().for_each(|rect| self.draw_within(&mut pass, *rect, buffer));
            }
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        picture.mark_drawn();
        Some(Drawn { submission, tiles })
    }

    /// Encodes some tiles; returns how many glyphs found no room in the atlas.
    fn encode(&mut self, gpu: &Gpu, picture: &Picture, is_wanted: impl Fn(usize) -> bool) -> usize {
        let mut left_out = 0;
        for (index, (tile, buffer)) in picture.tiles().iter().zip(&mut self.tiles).enumerate() {
            if !is_wanted(index) {
                continue;
            }
            left_out += self.encoded.encode(&tile.scene, &mut self.atlas);
            buffer.write(gpu, &self.pipelines, &mut self.images, &self.encoded);
        }
        left_out
    }

    /// Empties the atlas and encodes every tile again, on a larger page if it must be.
    ///
    /// Every tile is written in the last pass too, so that none keeps the texels of a page that is gone.
    fn encode_all_anew(&mut self, gpu: &Gpu, picture: &Picture) {
        self.atlas.empty(false);
        loop {
            let left_out = self.encode(gpu, picture, |_| true);
            let was_short = std::mem::replace(&mut self.is_short, left_out > 0 && !self.atlas.can_grow());
            if self.is_short && !was_short {
                tracing::error!(
                    side_px = self.atlas.side_px(),
                    left_out,
                    "the glyphs of this picture do not fit the largest atlas; some text is missing"
                );
            }
            if left_out == 0 || self.is_short {
                return;
            }
            self.atlas.empty(true);
            tracing::info!(side_px = self.atlas.side_px(), "the glyph atlas grew");
            (self.atlas_texture, self.atlas_group) = atlas_page(&gpu.device, &self.pipelines, self.atlas.side_px());
        }
    }

    fn upload_glyphs(&mut self, gpu: &Gpu) {
        for upload in self.atlas.take_uploads() {
            let mut place = self.atlas_texture.as_image_copy();
            place.origin = wgpu::Origin3d { x: upload.x, y: upload.y, z: 0 };
            let layout =
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(upload.width), rows_per_image: None };
            let size = wgpu::Extent3d { width: upload.width, height: upload.height, depth_or_array_layers: 1 };
            gpu.queue.write_texture(place, &upload.coverage, layout, size);
        }
    }

    /// Draws what of a tile lies in `rect`.
    fn draw_within(&self, pass: &mut wgpu::RenderPass<'_>, rect: Rect, tile: &TileBuffer) {
        let Some([x, y, width, height]) = scissor(rect, self.width, self.height) else { return };
        pass.set_scissor_rect(x, y, width, height);
        pass.set_bind_group(0, &self.globals, &[]);
        let reaches = |bounds: &Option<Rect>| bounds.is_none_or(|bounds| bounds.overlaps(&rect));
        for Batch { shape, range, .. } in tile.batches().iter().filter(|batch| reaches(&batch.bounds)) {
            tile.draw(pass, &self.pipelines, &self.atlas_group, *shape, range.clone());
        }
    }
}

/// The pixels of `rect` that are on the canvas; `None` if there are none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the canvas, which is at most 16384 wide"
)]
fn scissor(rect: Rect, width: u32, height: u32) -> Option<[u32; 4]> {
    let clamp = |edge: f32, limit: u32| edge.round().clamp(0.0, limit as f32) as u32;
    let (left, right) = (clamp(rect.x, width), clamp(rect.right(), width));
    let (top, bottom) = (clamp(rect.y, height), clamp(rect.bottom(), height));
    (left < right && top < bottom).then(|| [left, top, right - left, bottom - top])
}

/// A pass onto the canvas, over what is there unless the whole of it is drawn.
fn begin<'e>(encoder: &'e mut wgpu::CommandEncoder, view: &wgpu::TextureView, whole: bool) -> wgpu::RenderPass<'e> {
    let [r, g, b] = [theme::GROUND.r, theme::GROUND.g, theme::GROUND.b].map(|channel| f64::from(channel) / 255.0);
    let load = if whole { wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 }) } else { wgpu::LoadOp::Load };
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("canvas"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
        })],
        depth_stencil_attachment: None,
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    })
}

fn canvas_texture(device: &wgpu::Device, size: [u32; 2]) -> wgpu::Texture {
    let usage =
        wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC | wgpu::TextureUsages::TEXTURE_BINDING;
    texture(device, "canvas", size, CANVAS_FORMAT, usage)
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    [width, height]: [u32; 2],
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}

fn atlas_page(device: &wgpu::Device, pipelines: &Pipelines, side: u32) -> (wgpu::Texture, wgpu::BindGroup) {
    let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
    let page = texture(device, "atlas", [side, side], wgpu::TextureFormat::R8Unorm, usage);
    let view = page.create_view(&wgpu::TextureViewDescriptor::default());
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("atlas"),
        layout: &pipelines.atlas_layout,
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) }],
    });
    (page, group)
}

fn globals(gpu: &Gpu, pipelines: &Pipelines, width: u32, height: u32) -> wgpu::BindGroup {
    let content = [width as f32, height as f32, 0.0, 0.0];
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("globals"),
        size: size_of_val(&content) as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&content));
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("globals"),
        layout: &pipelines.globals_layout,
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
    })
}
