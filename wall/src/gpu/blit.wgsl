// A region of the canvas onto a window.

@group(0) @binding(0) var canvas: texture_2d<f32>;
@group(0) @binding(1) var canvas_sampler: sampler;

struct Region {
    // Both relative to the canvas.
    offset: vec2<f32>,
    size: vec2<f32>,
    // Pixels of the window that it fills.
    target_px: vec2<f32>,
    padding: vec2<f32>,
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

// A window smaller than its region averages what falls into a pixel, so that thin strokes stay whole.
@fragment
fn blit_fragment(in: Fragment) -> @location(0) vec4<f32> {
    let footprint = region.size / region.target_px;
    let texels = footprint * vec2<f32>(textureDimensions(canvas));
    let taps = u32(clamp(ceil(max(texels.x, texels.y) * 0.5), 1.0, 4.0));
    var sum = vec3(0.0);
    for (var row = 0u; row < taps; row++) {
        for (var column = 0u; column < taps; column++) {
            let within = (vec2(f32(column), f32(row)) + 0.5) / f32(taps) - 0.5;
            sum += textureSampleLevel(canvas, canvas_sampler, in.place + within * footprint, 0.0).rgb;
        }
    }
    return vec4(sum / f32(taps * taps), 1.0);
}
