//! An inbox of documents: a folder of edXML files (QCVN 102:2016), as the provincial document system exchanges them.

mod classified;
mod header;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roxmltree::{Document as Xml, Error as XmlError, ParsingOptions};
use serde::Deserialize;

use super::Source;
use super::folder::{Files, FolderOptions};
use super::rows::{RowProblem, RowRead};
use crate::config::Options;
use header::NAMESPACE;

/// A document comes with its attachments, as base64.
const MOST_BYTES: u64 = 64 << 20;
/// Elements, attributes and texts of a document; a header has about a hundred.
const MOST_NODES: u32 = 50_000;

/// `[source.options]` of an inbox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxOptions {
    files: FolderOptions,
}

/// Reads the options of an inbox.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let InboxOptions { files } = options.take()?;
    files.check(options);
    Some(Arc::new(Inbox { folder: options.dir.join(&files.folder), files }))
}

/// A folder that documents come into.
#[derive(Debug, Clone)]
struct Inbox {
    folder: PathBuf,
    files: FolderOptions,
}

impl Files for Inbox {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn options(&self) -> &FolderOptions {
        &self.files
    }

    fn usual(&self) -> &'static [&'static str] {
        &["*.edxml", "*.xml"]
    }

    fn read(&self, path: &Path, is_still: bool, give: &mut dyn FnMut(RowRead) -> bool) -> Result<bool, RowProblem> {
        let text = text(path)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
        let mut read = RowRead::default();
        let mut is_unended = false;
        match Xml::parse_with_options(&text, options) {
            Ok(xml) => match header::document(&xml, &file) {
                Ok(document) => read.documents.push(document),
                Err(problems) => read.problems = problems,
            },
            Err(error) => {
                is_unended = !is_still && !matches!(error, XmlError::DtdDetected | XmlError::NodesLimitReached);
                let left = match is_unended {
                    true => format!("; if it is half written, it is read again within {} s", self.files.unended_secs),
                    false => String::new(),
                };
                read.problems.push(broken(&error, &left));
            }
        }
        give(read);
        Ok(is_unended)
    }
}

fn text(path: &Path) -> Result<String, RowProblem> {
    let unreadable = |error: io::Error| RowProblem::whole(format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    // It may grow while it is read.
    File::open(path).map_err(unreadable)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        let reason = format!("has more than {MOST_BYTES} bytes, which is the most of a document with its attachments");
        return Err(RowProblem::whole(reason));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        RowProblem::whole(format!("byte {byte} is not UTF-8; edXML is written in UTF-8"))
    })
}

/// Where it cannot be read on. Nothing of it is repeated: nobody knows yet whether it is classified.
fn broken(error: &XmlError, left: &str) -> RowProblem {
    let pos = error.pos();
    let reason = match error {
        XmlError::DtdDetected => {
            "has a document type declaration (<!DOCTYPE); edXML has none, and it is not read".to_owned()
        }
        XmlError::NodesLimitReached => format!("has more than {MOST_NODES} elements and texts, more than any document"),
        XmlError::UnclosedRootNode | XmlError::UnexpectedEndOfStream | XmlError::NoRootNode => {
            format!("ends before its XML does{left}")
        }
        XmlError::UnknownNamespace(..) => {
            format!("uses a prefix that is bound to no namespace; edXML: is bound to {NAMESPACE}")
        }
        _ => format!("is not well-formed XML from column {} of this line on{left}", pos.col),
    };
    match error {
        XmlError::DtdDetected
        | XmlError::NodesLimitReached
        | XmlError::UnclosedRootNode
        | XmlError::UnexpectedEndOfStream
        | XmlError::NoRootNode => RowProblem::whole(reason),
        _ => RowProblem::of_row(u64::from(pos.row), reason),
    }
}
