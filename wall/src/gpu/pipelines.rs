//! One pipeline a shape, all onto the canvas.

use std::mem::size_of;

use wgpu::{VertexStepMode, vertex_attr_array};

use super::encode::{GlyphInstance, PolygonVertex, QuadInstance};

/// The canvas and everything that is blended onto it: sRGB values as they are.
pub const CANVAS_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Each shader with what stands in front of it: its name, its source.
pub const CANVAS_SHADERS: [(&str, &str); 4] = [
    ("quads", concat!(include_str!("common.wgsl"), include_str!("quads.wgsl"))),
    ("polylines", concat!(include_str!("common.wgsl"), include_str!("polylines.wgsl"))),
    ("polygons", concat!(include_str!("common.wgsl"), include_str!("polygons.wgsl"))),
    ("glyphs", concat!(include_str!("common.wgsl"), include_str!("glyphs.wgsl"))),
];

/// Pipelines and the layouts of what they are given.
pub struct Pipelines {
    pub quads: wgpu::RenderPipeline,
    pub polylines: wgpu::RenderPipeline,
    pub polygons: wgpu::RenderPipeline,
    pub glyphs: wgpu::RenderPipeline,
    pub globals_layout: wgpu::BindGroupLayout,
    pub lines_layout: wgpu::BindGroupLayout,
    pub atlas_layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let globals_layout = layout(device, "globals", &[buffer(0, wgpu::BufferBindingType::Uniform)]);
        let storage = wgpu::BufferBindingType::Storage { read_only: true };
        let lines_layout = layout(device, "lines", &[buffer(0, storage), buffer(1, storage)]);
        let atlas_layout = layout(device, "atlas", &[texture(0)]);
        let [quads, polylines, polygons, glyphs] = CANVAS_SHADERS;
        let quad_attributes = vertex_attr_array![0 => Float32x4, 1 => Float32x2, 2 => Unorm8x4, 3 => Unorm8x4];
        let polygon_attributes = vertex_attr_array![0 => Float32x2, 1 => Unorm8x4];
        let glyph_attributes = vertex_attr_array![0 => Float32x2, 1 => Uint16x4, 2 => Unorm8x4];
        let strip = wgpu::PrimitiveTopology::TriangleStrip;
        let list = wgpu::PrimitiveTopology::TriangleList;
        let build = |shader, entries, groups: &[&wgpu::BindGroupLayout], topology, buffers: &[Option<_>]| {
            pipeline(device, shader, entries, groups, topology, buffers)
        };
        Self {
            quads: build(
                quads,
                ["quad_vertex", "quad_fragment"],
                &[&globals_layout],
                strip,
                &[Some(records::<QuadInstance>(VertexStepMode::Instance, &quad_attributes))],
            ),
            polylines: build(
                polylines,
                ["polyline_vertex", "polyline_fragment"],
                &[&globals_layout, &lines_layout],
                list,
                &[],
            ),
            polygons: build(
                polygons,
                ["polygon_vertex", "polygon_fragment"],
                &[&globals_layout],
                list,
                &[Some(records::<PolygonVertex>(VertexStepMode::Vertex, &polygon_attributes))],
            ),
            glyphs: build(
                glyphs,
                ["glyph_vertex", "glyph_fragment"],
                &[&globals_layout, &atlas_layout],
                strip,
                &[Some(records::<GlyphInstance>(VertexStepMode::Instance, &glyph_attributes))],
            ),
            globals_layout,
            lines_layout,
            atlas_layout,
        }
    }
}

fn records<T>(step_mode: VertexStepMode, attributes: &[wgpu::VertexAttribute]) -> wgpu::VertexBufferLayout<'_> {
    wgpu::VertexBufferLayout { array_stride: size_of::<T>() as u64, step_mode, attributes }
}

fn layout(device: &wgpu::Device, label: &str, entries: &[wgpu::BindGroupLayoutEntry]) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries })
}

fn buffer(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::VERTEX,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

fn texture(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    }
}

fn pipeline(
    device: &wgpu::Device,
    (label, source): (&str, &str),
    [vertex, fragment]: [&str; 2],
    groups: &[&wgpu::BindGroupLayout],
    topology: wgpu::PrimitiveTopology,
    buffers: &[Option<wgpu::VertexBufferLayout<'_>>],
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let groups: Vec<_> = groups.iter().copied().map(Some).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    let target = wgpu::ColorTargetState {
        format: CANVAS_FORMAT,
        blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
        write_mask: wgpu::ColorWrites::ALL,
    };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(vertex),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers,
        },
        primitive: wgpu::PrimitiveState { topology, ..Default::default() },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(target)],
        }),
        multiview_mask: None,
        cache: None,
    })
}
