//! Pictures for panels: images.toml and the files that it names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use panels::image::Raster;
use protocol::observation::Name;
use protocol::{Catalogue, Image, ImageId};
use serde::Deserialize;

use super::catalogue::{check_id, describe, refuse_rest};
use super::document::{Document, Item};
use super::files::{self, FileError};
use super::finding::Finding;

/// The file of pictures; a centre may do without.
pub(super) const FILE: &str = "images.toml";
/// A picture is sent to every client that shows it: larger ones belong on a website.
const MAX_BYTES: u64 = 1 << 20;
/// All of them together: each revision of the catalogue holds them in the log.
const MAX_BYTES_OF_ALL: usize = 8 << 20;

#[derive(Deserialize)]
struct ImageEntry {
    id: ImageId,
    name: Name,
    #[serde(default)]
    credit: Option<Name>,
    /// Relative to the folder of the configuration.
    file: String,
}

/// Reads pictures into the catalogue.
pub(super) fn load(dir: &Path, catalogue: &mut Catalogue, findings: &mut Vec<Finding>) {
    if !dir.join(FILE).exists() {
        return;
    }
    let doc = match Document::read(dir, FILE, "pictures") {
        Ok(doc) => doc,
        Err(finding) => return findings.push(finding),
    };
    let mut root = Item(doc.parse(findings));
    let items = root.remove_items(&doc, "image", findings);
    refuse_rest(&doc, &root, &["image"], findings);
    let (mut seen, mut base64_bytes) = (BTreeMap::new(), 0);
    for item in items {
        let named = describe("image", &item);
        let Some(entry) = doc.take::<ImageEntry>(&item, &named, findings) else { continue };
        if !check_id(&doc, "image", &item, entry.id.as_str(), &mut seen, findings) {
            continue;
        }
        match read(dir, entry) {
            Ok(image) => {
                base64_bytes += image.content.len();
                catalogue.images.insert(image.id.clone(), Arc::new(image));
            }
            Err(message) => {
                let span = item.span_of(&["file"]);
                findings.push(doc.finding(Some(&span), Some("file"), format!("{named}: {message}")));
            }
        }
    }
    let bytes = base64_bytes / 4 * 3;
    if bytes > MAX_BYTES_OF_ALL {
        let message =
            format!("all pictures have {bytes} bytes together; at most {MAX_BYTES_OF_ALL} are kept in the log");
        findings.push(doc.finding(None, None, message));
    }
}

/// The picture with its file, or what is wrong with that.
fn read(dir: &Path, entry: ImageEntry) -> Result<Image, String> {
    let ImageEntry { id, name, credit, file } = entry;
    let bytes = files::read(dir, &file, MAX_BYTES).map_err(|error| {
        let advice =
            if matches!(error, FileError::TooLarge(..)) { ": every wall is sent it, so save it smaller" } else { "" };
        format!("'{file}': {error}{advice}")
    })?;
    let raster = Raster::read(&bytes).map_err(|error| format!("'{file}': {error}"))?;
    Ok(Image {
        id,
        name,
        credit,
        media_type: raster.media_type,
        width_px: raster.width,
        height_px: raster.height,
        content: STANDARD.encode(&bytes).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from an images.toml and the files beside it, and what is said of them.
    fn read(text: &str, files: &[(&str, &[u8])]) -> (Catalogue, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let (mut catalogue, mut findings) = (Catalogue::default(), Vec::new());
        load(dir.path(), &mut catalogue, &mut findings);
        (catalogue, findings.iter().map(ToString::to_string).collect())
    }

    fn png() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[0; 6]).unwrap();
        bytes
    }

    const ENTRY: &str = "[[image]]\nid = 'a'\nname = 'Ảnh'\ncredit = 'Sở'\nfile = 'a.png'\n";

    #[test]
    fn a_picture_comes_with_its_size_and_its_file() {
        let (catalogue, said) = read(ENTRY, &[("a.png", &png())]);
        assert_eq!(said, Vec::<String>::new());
        let image = &catalogue.images["a"];
        assert_eq!((image.width_px, image.height_px, image.media_type.as_str()), (3, 2, "image/png"));
        assert_eq!(image.credit.as_ref().unwrap().vi, "Sở");
        assert_eq!(STANDARD.decode(&*image.content).unwrap(), png());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let large = vec![0; 1 + usize::try_from(MAX_BYTES).unwrap()];
        for (text, file, said) in [
            (ENTRY.to_owned(), None, "images.toml:5: image 'a': 'a.png': there is no such file"),
            (ENTRY.to_owned(), Some(&b"<html>"[..]), "images.toml:5: image 'a': 'a.png': it is neither PNG nor JPEG"),
            (
                ENTRY.to_owned(),
                Some(&large),
                "images.toml:5: image 'a': 'a.png': the file has 1048577 bytes; at most 1048576",
            ),
            (
                ENTRY.replace("file", "fiel"),
                Some(&png()),
                "images.toml:5: unknown key 'fiel' in image 'a'; did you mean 'file'?",
            ),
            (ENTRY.repeat(2), Some(&png()), "images.toml:7: a second image is called 'a'; the first is on line 2"),
            ("[[imgae]]\n".to_owned(), None, "images.toml:1: unknown key 'imgae'; this file holds [[image]] only"),
        ] {
            let files: Vec<(&str, &[u8])> = file.map(|bytes| ("a.png", bytes)).into_iter().collect();
            let (_, found) = read(&text, &files);
            assert!(found.first().is_some_and(|first| first.starts_with(said)), "{found:?} instead of {said}");
        }
    }
}
