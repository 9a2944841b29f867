// Glyphs at whole pixels, texel for pixel from the atlas.

@group(1) @binding(0) var atlas: texture_2d<f32>;

struct Instance {
    // Top left on the canvas.
    @location(0) place: vec2<f32>,
    // x, y, width, height in the atlas
    @location(1) texels: vec4<u32>,
    @location(2) color: vec4<f32>,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) texel_from_pixel: vec2<f32>,
    @location(1) @interpolate(flat) color: vec4<f32>,
}

@vertex
fn glyph_vertex(@builtin(vertex_index) vertex: u32, instance: Instance) -> Fragment {
    let corner = vec2(f32(vertex & 1u), f32(vertex >> 1u));
    var out: Fragment;
    out.position = clip_from_canvas(instance.place + corner * vec2<f32>(instance.texels.zw));
    out.texel_from_pixel = vec2<f32>(instance.texels.xy) - instance.place;
    out.color = instance.color;
    return out;
}

@fragment
fn glyph_fragment(in: Fragment) -> @location(0) vec4<f32> {
    let texel = vec2<i32>(floor(in.position.xy + in.texel_from_pixel));
    return premultiplied(in.color, textureLoad(atlas, texel, 0).r);
}
