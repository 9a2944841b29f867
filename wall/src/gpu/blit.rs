//! A region of the canvas onto a window, whole and undistorted.

use panels::Rect;

use super::{BLIT_WGSL, Gpu, GpuCanvas, linear_sampler};

/// Draws the canvas onto surfaces of one format.
pub struct Blitter {
    pub format: wgpu::TextureFormat,
    pipeline: wgpu::RenderPipeline,
    sampler: wgpu::Sampler,
    region: wgpu::Buffer,
}

impl Blitter {
    #[must_use]
    pub fn new(gpu: &Gpu, format: wgpu::TextureFormat) -> Self {
        let device = &gpu.device;
        let region = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("region"),
            size: 32,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { format, pipeline: pipeline(device, format), sampler: linear_sampler(device), region }
    }

    /// Shows `region` (canvas pixels) in the middle of `target`, black around it; returns what to submit.
    #[must_use]
    pub fn blit(&self, gpu: &Gpu, canvas: &GpuCanvas, region: Rect, target: &wgpu::Texture) -> wgpu::CommandBuffer {
        let (width, height) = canvas.size_px();
        let (width, height) = (width as f32, height as f32);
        let inner = letterbox(region, target.width(), target.height());
        let (x, y) = (region.x / width, region.y / height);
        let (region_width, region_height) = (region.width / width, region.height / height);
        let content = [x, y, region_width, region_height, inner.width, inner.height, 0.0, 0.0];
        gpu.queue.write_buffer(&self.region, 0, bytemuck::cast_slice(&content));
        let view = target.create_view(&wgpu::TextureViewDescriptor::default());
        let group = self.group(gpu, canvas);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("window"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                depth_stencil_attachment: None,
                timestamp_writes: None,
                occlusion_query_set: None,
                multiview_mask: None,
            });
            pass.set_viewport(inner.x, inner.y, inner.width, inner.height, 0.0, 1.0);
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.draw(0..3, 0..1);
        }
        encoder.finish()
    }

    fn group(&self, gpu: &Gpu, canvas: &GpuCanvas) -> wgpu::BindGroup {
        let view = canvas.shown().create_view(&wgpu::TextureViewDescriptor::default());
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("blit"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&self.sampler) },
                wgpu::BindGroupEntry { binding: 2, resource: self.region.as_entire_binding() },
            ],
        })
    }
}

/// The largest rectangle of the region's shape in the middle of `width` × `height`, in whole pixels.
#[must_use]
pub fn letterbox(region: Rect, width: u32, height: u32) -> Rect {
    let (width, height) = (width as f32, height as f32);
    let scale = (width / region.width.max(1.0)).min(height / region.height.max(1.0));
    let (inner_width, inner_height) =
        ((region.width * scale).round().min(width), (region.height * scale).round().min(height));
    Rect::new(((width - inner_width) / 2.0).floor(), ((height - inner_height) / 2.0).floor(), inner_width, inner_height)
}

fn pipeline(device: &wgpu::Device, format: wgpu::TextureFormat) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("blit"),
        source: wgpu::ShaderSource::Wgsl(BLIT_WGSL.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("blit"),
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("blit_vertex"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("blit_fragment"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_another_shape_has_bars() {
        let wall = Rect::new(0.0, 0.0, 3840.0, 2160.0);
        assert_eq!(letterbox(wall, 1920, 1080), Rect::new(0.0, 0.0, 1920.0, 1080.0));
        assert_eq!(letterbox(wall, 1000, 1000), Rect::new(0.0, 218.0, 1000.0, 563.0));
        assert_eq!(letterbox(wall, 4000, 1080), Rect::new(1040.0, 0.0, 1920.0, 1080.0));
    }
}
