//! Takes the console, as Vite built it, into the server: each file once as it is and once compressed.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let built = Path::new("console/dist");
    println!("cargo::rerun-if-changed={}", built.display());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let mut list = String::from("pub static FILES: &[File] = &[\n");
    let site = built.join("site");
    let mut names: Vec<String> = match fs::read_dir(&site) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        // The server is built without it; what asks for it is told.
        Err(_) => Vec::new(),
    };
    names.sort_unstable();
    for name in names {
        let file = fs::canonicalize(site.join(&name))?;
        let packed = out.join(format!("{name}.gz"));
        let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
        encoder.write_all(&fs::read(&file)?)?;
        encoder.finish()?;
        // Writing to a String cannot fail.
        let _ = writeln!(
            list,
            "    File {{ name: {name:?}, plain: include_bytes!({file:?}), packed: include_bytes!({packed:?}) }},"
        );
    }
    list.push_str("];\n");
    fs::write(out.join("console.rs"), list)
}
