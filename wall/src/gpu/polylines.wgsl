// Polylines: six vertices a segment, pulled from the points. A pixel belongs to the nearest of a segment and its
// two neighbours, so that joins are round and nothing is blended twice there.

struct LinePoint {
    place: vec2<f32>,
    // Length of the line up to here.
    run: f32,
    // Which style; segments between points of different lines are not drawn.
    style: u32,
}

struct LineStyle {
    width: f32,
    dash: f32,
    gap: f32,
    // RGBA, red in the lowest byte.
    color: u32,
}

@group(1) @binding(0) var<storage, read> points: array<LinePoint>;
@group(1) @binding(1) var<storage, read> styles: array<LineStyle>;

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) segment: vec4<f32>,
    @location(1) @interpolate(flat) neighbours: vec4<f32>,
    // half width, dash, gap, run at the start
    @location(2) @interpolate(flat) shape: vec4<f32>,
    @location(3) @interpolate(flat) color: vec4<f32>,
}

@vertex
fn polyline_vertex(@builtin(vertex_index) vertex: u32) -> Fragment {
    let first = vertex / 6u;
    let last = arrayLength(&points) - 1u;
    let start = points[first];
    let end = points[min(first + 1u, last)];
    var out: Fragment;
    if start.style != end.style || first == last {
        out.position = vec4(2.0, 2.0, 0.0, 1.0);
        return out;
    }
    var before = points[max(first, 1u) - 1u];
    if before.style != start.style { before = start; }
    var behind = points[min(first + 2u, last)];
    if behind.style != end.style { behind = end; }

    let style = styles[start.style];
    let along = end.place - start.place;
    let length_px = length(along);
    var direction = vec2(1.0, 0.0);
    if length_px > 1e-4 { direction = along / length_px; }
    let normal = vec2(-direction.y, direction.x);
    let reach = style.width * 0.5 + 1.0;

    var corners = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    let corner = corners[vertex % 6u];
    let ahead = select(-reach, length_px + reach, (corner & 1u) == 1u);
    let aside = select(-reach, reach, (corner >> 1u) == 1u);
    let place = start.place + direction * ahead + normal * aside;
    out.position = clip_from_canvas(place);
    out.segment = vec4(start.place, end.place);
    out.neighbours = vec4(before.place, behind.place);
    out.shape = vec4(style.width * 0.5, style.dash, style.gap, start.run);
    out.color = unpack4x8unorm(style.color);
    return out;
}

// From the nearest point of a segment to `point`, and how far along the segment that point is.
fn from_segment(point: vec2<f32>, start: vec2<f32>, end: vec2<f32>) -> vec3<f32> {
    let along = end - start;
    let share = clamp(dot(point - start, along) / max(dot(along, along), 1e-6), 0.0, 1.0);
    return vec3(point - start - along * share, share);
}

fn squared_distance(point: vec2<f32>, start: vec2<f32>, end: vec2<f32>) -> f32 {
    let away = from_segment(point, start, end).xy;
    return dot(away, away);
}

// Around a join both segments are equally near, but for rounding: the earlier one wins, and no pixel is lost between.
const EARLIER_WINS: f32 = 0.02;
const OVERLAP: f32 = 0.001;

// Between two segments that meet at a sharp angle a pixel is covered by a part of each, and by both parts together.
// At wide angles the parts lie on each other.
const SHARP: vec2<f32> = vec2(0.8, 0.95);

fn cross2(a: vec2<f32>, b: vec2<f32>) -> f32 {
    return a.x * b.y - a.y * b.x;
}

// How much more of a pixel the neighbour from `join` to `other` covers than the segment from `join` to `own`.
fn covered_between(place: vec2<f32>, join: vec2<f32>, own: vec2<f32>, other: vec2<f32>, half_width: f32) -> f32 {
    let along = normalize(own - join);
    let beside = normalize(other - join);
    let towards = place - join;
    let turn = cross2(along, beside);
    let is_between = cross2(along, towards) * turn > 0.0 && cross2(towards, beside) * turn > 0.0;
    if !is_between { return 0.0; }
    let coverage = clamp(0.5 - (sqrt(squared_distance(place, join, other)) - half_width), 0.0, 1.0);
    return coverage * smoothstep(SHARP.x, SHARP.y, dot(along, beside));
}

@fragment
fn polyline_fragment(in: Fragment) -> @location(0) vec4<f32> {
    // The pixel's centre, so that neighbouring segments measure from exactly the same point.
    let place = in.position.xy;
    let start = in.segment.xy;
    let end = in.segment.zw;
    let here = from_segment(place, start, end);
    let squared = dot(here.xy, here.xy);
    let has_before = any(in.neighbours.xy != start);
    let has_behind = any(in.neighbours.zw != end);
    if has_before && squared_distance(place, in.neighbours.xy, start) <= squared + EARLIER_WINS { discard; }
    if has_behind && squared_distance(place, end, in.neighbours.zw) < squared - EARLIER_WINS - OVERLAP { discard; }
    var coverage = clamp(0.5 - (sqrt(squared) - in.shape.x), 0.0, 1.0);
    if has_before { coverage += covered_between(place, start, end, in.neighbours.xy, in.shape.x); }
    if has_behind { coverage += covered_between(place, end, start, in.neighbours.zw, in.shape.x); }
    coverage = min(coverage, 1.0);
    let period = in.shape.y + in.shape.z;
    if period > 0.0 {
        let within = (in.shape.w + here.z * distance(start, end)) % period;
        let beyond_dash = min(within - in.shape.y, period - within);
        coverage *= clamp(0.5 - beyond_dash, 0.0, 1.0);
        // A dashed line ends as straight as its dashes.
        let length_px = max(distance(start, end), 1e-4);
        let ahead = dot(place - start, end - start) / length_px;
        if !has_before { coverage *= clamp(0.5 + ahead, 0.0, 1.0); }
        if !has_behind { coverage *= clamp(0.5 + length_px - ahead, 0.0, 1.0); }
    }
    return premultiplied(in.color, coverage);
}
