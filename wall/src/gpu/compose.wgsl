// Parts of the picture before and of the picture after.

@group(1) @binding(0) var picture_before: texture_2d<f32>;
@group(1) @binding(1) var picture_after: texture_2d<f32>;
@group(1) @binding(2) var linear: sampler;

struct Sprite {
    @location(0) rect: vec4<f32>,
    // In pixels of the pictures.
    @location(1) before: vec4<f32>,
    @location(2) after: vec4<f32>,
    @location(3) mix_opacity: vec2<f32>,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) before: vec2<f32>,
    @location(1) after: vec2<f32>,
    @location(2) @interpolate(flat) mix_opacity: vec2<f32>,
}

@vertex
fn compose_vertex(@builtin(vertex_index) vertex: u32, sprite: Sprite) -> Fragment {
    let corner = vec2(f32(vertex & 1u), f32(vertex >> 1u));
    var out: Fragment;
    out.position = clip_from_canvas(sprite.rect.xy + corner * sprite.rect.zw);
    out.before = (sprite.before.xy + corner * sprite.before.zw) / globals.canvas_px;
    out.after = (sprite.after.xy + corner * sprite.after.zw) / globals.canvas_px;
    out.mix_opacity = sprite.mix_opacity;
    return out;
}

@fragment
fn compose_fragment(in: Fragment) -> @location(0) vec4<f32> {
    let old = textureSampleLevel(picture_before, linear, in.before, 0.0).rgb;
    let young = textureSampleLevel(picture_after, linear, in.after, 0.0).rgb;
    let opacity = in.mix_opacity.y;
    return vec4(mix(old, young, in.mix_opacity.x) * opacity, opacity);
}
