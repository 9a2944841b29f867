// Parts of pictures from files, one instance each.

@group(1) @binding(0) var picture: texture_2d<f32>;
@group(1) @binding(1) var linear: sampler;

struct Instance {
    // x, y, width, height on the canvas
    @location(0) rect: vec4<f32>,
    // The same in pixels of the picture.
    @location(1) part: vec4<f32>,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn image_vertex(@builtin(vertex_index) vertex: u32, instance: Instance) -> Fragment {
    let corner = vec2(f32(vertex & 1u), f32(vertex >> 1u));
    var out: Fragment;
    out.position = clip_from_canvas(instance.rect.xy + corner * instance.rect.zw);
    out.place = instance.part.xy + corner * instance.part.zw;
    return out;
}

// The texture holds its alpha multiplied in.
@fragment
fn image_fragment(in: Fragment) -> @location(0) vec4<f32> {
    return textureSample(picture, linear, in.place / vec2<f32>(textureDimensions(picture)));
}
