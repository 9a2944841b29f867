//! Every shader is valid before any driver sees it.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use wall::gpu::BLIT_WGSL;
use wall::gpu::pipelines::CANVAS_SHADERS;

fn problem(source: &str) -> Option<String> {
    let module = match naga::front::wgsl::parse_str(source) {
        Ok(module) => module,
        Err(error) => return Some(error.emit_to_string(source)),
    };
    let validated = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    validated.err().map(|error| error.emit_to_string(source))
}

#[test]
fn every_shader_is_valid() {
    for (name, source) in CANVAS_SHADERS.into_iter().chain([("blit", BLIT_WGSL)]) {
        assert_eq!(problem(source), None, "{name}.wgsl");
    }
}

#[test]
fn every_shader_file_is_one_of_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let mut files: Vec<_> = names.filter_map(|name| name.strip_suffix(".wgsl").map(str::to_owned)).collect();
    let mut known: Vec<_> = CANVAS_SHADERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.extend(["blit".to_owned(), "common".to_owned()]);
    files.sort();
    known.sort();
    assert_eq!(files, known);
}

#[test]
fn an_invalid_shader_would_be_noticed() {
    assert!(problem("@fragment fn f() -> @location(0) vec4<f32> { return vec3(1.0); }").is_some());
}
