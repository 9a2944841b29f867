//! One pipeline a shape, all onto the canvas.

use std::mem::size_of;

use wgpu::{VertexStepMode, vertex_attr_array};

use super::compose::SpriteInstance;
use super::encode::{GlyphInstance, ImageInstance, PolygonVertex, QuadInstance};

/// The canvas and everything that is blended onto it: sRGB values as they are.
pub const CANVAS_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

const CANVAS_TARGET: wgpu::ColorTargetState = wgpu::ColorTargetState {
    format: CANVAS_FORMAT,
    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
    write_mask: wgpu::ColorWrites::ALL,
};

/// Each shader with what stands in front of it: its name, its source.
pub const CANVAS_SHADERS: [(&str, &str); 6] = [
    ("quads", concat!(include_str!("common.wgsl"), include_str!("quads.wgsl"))),
    ("polylines", concat!(include_str!("common.wgsl"), include_str!("polylines.wgsl"))),
    ("polygons", concat!(include_str!("common.wgsl"), include_str!("polygons.wgsl"))),
    ("glyphs", concat!(include_str!("common.wgsl"), include_str!("glyphs.wgsl"))),
    ("images", concat!(include_str!("common.wgsl"), include_str!("images.wgsl"))),
    ("compose", concat!(include_str!("common.wgsl"), include_str!("compose.wgsl"))),
];

const QUAD_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    vertex_attr_array![0 => Float32x4, 1 => Float32x2, 2 => Unorm8x4, 3 => Unorm8x4];
const POLYGON_ATTRIBUTES: [wgpu::VertexAttribute; 2] = vertex_attr_array![0 => Float32x2, 1 => Unorm8x4];
const GLYPH_ATTRIBUTES: [wgpu::VertexAttribute; 3] = vertex_attr_array![0 => Float32x2, 1 => Uint16x4, 2 => Unorm8x4];
const IMAGE_ATTRIBUTES: [wgpu::VertexAttribute; 2] = vertex_attr_array![0 => Float32x4, 1 => Float32x4];
const SPRITE_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Float32x4, 3 => Float32x2];

/// What tells one pipeline from another.
struct Kind<'a> {
    /// Its name and source; it has one vertex function and one fragment function.
    shader: (&'a str, &'a str),
    groups: &'a [&'a wgpu::BindGroupLayout],
    /// Triangles in a strip or each for itself.
    is_strip: bool,
    records: Option<wgpu::VertexBufferLayout<'a>>,
}

/// Pipelines and the layouts of what they are given.
pub struct Pipelines {
    pub quads: wgpu::RenderPipeline,
    pub polylines: wgpu::RenderPipeline,
    pub polygons: wgpu::RenderPipeline,
    pub glyphs: wgpu::RenderPipeline,
    pub images: wgpu::RenderPipeline,
    pub sprites: wgpu::RenderPipeline,
    pub globals_layout: wgpu::BindGroupLayout,
    pub lines_layout: wgpu::BindGroupLayout,
    pub atlas_layout: wgpu::BindGroupLayout,
    /// A picture from a file and its sampler.
    pub image_layout: wgpu::BindGroupLayout,
    /// The pictures before and after, and a sampler for both.
    pub pictures_layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let globals_layout = layout(device, "globals", &[buffer(0, wgpu::BufferBindingType::Uniform)]);
        let storage = wgpu::BufferBindingType::Storage { read_only: true };
        let lines_layout = layout(device, "lines", &[buffer(0, storage), buffer(1, storage)]);
        let atlas_layout = layout(device, "atlas", &[texture(0, false)]);
        let image_layout = layout(device, "image", &[texture(0, true), sampler(1)]);
        let pictures_layout = layout(device, "pictures", &[texture(0, true), texture(1, true), sampler(2)]);
        let [quads, polylines, polygons, glyphs, images, sprites] = CANVAS_SHADERS;
        let quad = records::<QuadInstance>(VertexStepMode::Instance, &QUAD_ATTRIBUTES);
        let polygon = records::<PolygonVertex>(VertexStepMode::Vertex, &POLYGON_ATTRIBUTES);
        let glyph = records::<GlyphInstance>(VertexStepMode::Instance, &GLYPH_ATTRIBUTES);
        let image = records::<ImageInstance>(VertexStepMode::Instance, &IMAGE_ATTRIBUTES);
        let sprite = records::<SpriteInstance>(VertexStepMode::Instance, &SPRITE_ATTRIBUTES);
        let build = |kind| pipeline(device, kind);
        Self {
            quads: build(Kind { shader: quads, groups: &[&globals_layout], is_strip: true, records: Some(quad) }),
            polylines: build(Kind {
                shader: polylines,
                groups: &[&globals_layout, &lines_layout],
                is_strip: false,
                records: None,
            }),
            polygons: build(Kind {
                shader: polygons,
                groups: &[&globals_layout],
                is_strip: false,
                records: Some(polygon),
            }),
            glyphs: build(Kind {
                shader: glyphs,
                groups: &[&globals_layout, &atlas_layout],
                is_strip: true,
                records: Some(glyph),
            }),
            images: build(Kind {
                shader: images,
                groups: &[&globals_layout, &image_layout],
                is_strip: true,
                records: Some(image),
            }),
            sprites: build(Kind {
                shader: sprites,
                groups: &[&globals_layout, &pictures_layout],
                is_strip: true,
                records: Some(sprite),
            }),
            globals_layout,
            lines_layout,
            atlas_layout,
            image_layout,
            pictures_layout,
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

fn texture(binding: u32, filterable: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    }
}

fn sampler(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
        count: None,
    }
}

fn pipeline(device: &wgpu::Device, kind: Kind<'_>) -> wgpu::RenderPipeline {
    let (label, source) = kind.shader;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let groups: Vec<_> = kind.groups.iter().copied().map(Some).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    let topology =
        if kind.is_strip { wgpu::PrimitiveTopology::TriangleStrip } else { wgpu::PrimitiveTopology::TriangleList };
    let records = kind.records.map(Some);
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: records.as_slice(),
        },
        primitive: wgpu::PrimitiveState { topology, ..Default::default() },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(CANVAS_TARGET)],
        }),
        multiview_mask: None,
        cache: None,
    })
}
