// A region of the canvas onto a window.

@group(0) @binding(0) var canvas: texture_2d<f32>;
@group(0) @binding(1) var canvas_sampler: sampler;

struct Region {
    // Both relative to the canvas.
    offset: vec2<f32>,
    size: vec2<f32>,
}
@group(0) @binding(2) var<uniform> region: Region;

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn blit_vertex(@builtin(vertex_index) vertex: u32) -> Fragment {
    let corner = vec2(f32(vertex & 1u), f32(vertex >> 1u)) * 2.0;
    var out: Fragment;
    out.position = vec4(corner.x * 2.0 - 1.0, 1.0 - corner.y * 2.0, 0.0, 1.0);
    out.place = region.offset + corner * region.size;
    return out;
}

@fragment
fn blit_fragment(in: Fragment) -> @location(0) vec4<f32> {
    return vec4(textureSampleLevel(canvas, canvas_sampler, in.place, 0.0).rgb, 1.0);
}
