// Triangles of one colour each. Their edges are covered by outlines where it matters.

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) color: vec4<f32>,
}

@vertex
fn polygon_vertex(@location(0) place: vec2<f32>, @location(1) color: vec4<f32>) -> Fragment {
    var out: Fragment;
    out.position = clip_from_canvas(place);
    out.color = color;
    return out;
}

@fragment
fn polygon_fragment(in: Fragment) -> @location(0) vec4<f32> {
    return premultiplied(in.color, 1.0);
}
