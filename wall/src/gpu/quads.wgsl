// Rounded rectangles with an inner border, one instance each. Discs are squares with a radius of half their side.

struct Instance {
    // x, y, width, height
    @location(0) rect: vec4<f32>,
    // radius, border width
    @location(1) shape: vec2<f32>,
    @location(2) fill: vec4<f32>,
    @location(3) border: vec4<f32>,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) from_center: vec2<f32>,
    @location(1) @interpolate(flat) half_size: vec2<f32>,
    @location(2) @interpolate(flat) shape: vec2<f32>,
    @location(3) @interpolate(flat) fill: vec4<f32>,
    @location(4) @interpolate(flat) border: vec4<f32>,
}

@vertex
fn quad_vertex(@builtin(vertex_index) vertex: u32, instance: Instance) -> Fragment {
    let corner = vec2(f32(vertex & 1u), f32(vertex >> 1u)) * 2.0 - 1.0;
    let half_size = instance.rect.zw * 0.5;
    let from_center = corner * (half_size + vec2(1.0));
    var out: Fragment;
    out.position = clip_from_canvas(instance.rect.xy + half_size + from_center);
    out.from_center = from_center;
    out.half_size = half_size;
    out.shape = vec2(min(instance.shape.x, min(half_size.x, half_size.y)), instance.shape.y);
    out.fill = instance.fill;
    out.border = instance.border;
    return out;
}

fn rounded_distance(point: vec2<f32>, half_size: vec2<f32>, radius: f32) -> f32 {
    let beyond = abs(point) - half_size + vec2(radius);
    return length(max(beyond, vec2(0.0))) + min(max(beyond.x, beyond.y), 0.0) - radius;
}

@fragment
fn quad_fragment(in: Fragment) -> @location(0) vec4<f32> {
    let distance = rounded_distance(in.from_center, in.half_size, in.shape.x);
    let outer = clamp(0.5 - distance, 0.0, 1.0);
    if in.shape.y <= 0.0 {
        return premultiplied(in.fill, outer);
    }
    let inner = clamp(0.5 - (distance + in.shape.y), 0.0, 1.0);
    return premultiplied(in.border, outer - inner) + premultiplied(in.fill, inner);
}
