//! Two pictures become one: parts of the one before and of the one after, faded and on their way.

use bytemuck::{Pod, Zeroable};

use super::pipelines::Pipelines;
use super::{Gpu, linear_sampler};
use crate::transition::Sprite;

/// One sprite, as in compose.wgsl.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct SpriteInstance {
    rect: [f32; 4],
    before: [f32; 4],
    after: [f32; 4],
    mix_opacity: [f32; 2],
}

impl From<&Sprite> for SpriteInstance {
    fn from(sprite: &Sprite) -> Self {
        Self {
            rect: sprite.rect.sides(),
            before: sprite.before.sides(),
            after: sprite.after.sides(),
            mix_opacity: [sprite.mix, sprite.opacity],
        }
    }
}

/// The two pictures, and what the parts come onto.
pub struct Composition {
    pub shown: wgpu::Texture,
    view: wgpu::TextureView,
    pictures: wgpu::BindGroup,
    sprites: wgpu::Buffer,
}

impl Composition {
    /// Of two pictures of one size onto a third, from `sprite_count` sprites at most.
    pub fn new(
        gpu: &Gpu,
        pipelines: &Pipelines,
        [before, after]: [&wgpu::Texture; 2],
        shown: wgpu::Texture,
        sprite_count: usize,
    ) -> Self {
        let view = |texture: &wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        let sampler = linear_sampler(&gpu.device);
        let (before, after) = (view(before), view(after));
        let pictures = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("pictures"),
            layout: &pipelines.pictures_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&before) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&after) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        });
        let sprites = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("sprites"),
            size: (sprite_count.max(1) * size_of::<SpriteInstance>()) as u64,
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { view: view(&shown), shown, pictures, sprites }
    }

    /// Where it is drawn.
    pub fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Writes what a moment looks like; returns how many instances there are to draw.
    pub fn write(&self, gpu: &Gpu, sprites: &[Sprite]) -> u32 {
        let instances: Vec<SpriteInstance> = sprites.iter().map(SpriteInstance::from).collect();
        let fitting = instances.len().min(self.sprites.size() as usize / size_of::<SpriteInstance>());
        gpu.queue.write_buffer(&self.sprites, 0, bytemuck::cast_slice(&instances[..fitting]));
        u32::try_from(fitting).unwrap_or(u32::MAX)
    }

    /// Draws what was written.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, pipelines: &Pipelines, count: u32) {
        pass.set_pipeline(&pipelines.sprites);
        pass.set_bind_group(1, &self.pictures, &[]);
        pass.set_vertex_buffer(0, self.sprites.slice(..));
        pass.draw(0..4, 0..count);
    }
}
