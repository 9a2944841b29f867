// Put in front of every shader that draws on the canvas.

struct Globals {
    canvas_px: vec2<f32>,
    padding: vec2<f32>,
}

@group(0) @binding(0) var<uniform> globals: Globals;

fn clip_from_canvas(point: vec2<f32>) -> vec4<f32> {
    let unit = point / globals.canvas_px;
    return vec4(unit.x * 2.0 - 1.0, 1.0 - unit.y * 2.0, 0.0, 1.0);
}

fn premultiplied(color: vec4<f32>, coverage: f32) -> vec4<f32> {
    let alpha = color.a * coverage;
    return vec4(color.rgb * alpha, alpha);
}
