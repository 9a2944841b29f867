//! What raises alarms: alarms.toml.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use panels::locale;
use protocol::observation::Name;
use protocol::{Catalogue, SourceId, SourceInfo};

use super::catalogue::{check_id, describe, refuse_rest};
use super::document::{Document, Item, Options};
use super::finding::Finding;
use super::{Settings, SourceSpec};
use crate::sources::Source;
use crate::sources::rules::{self, Rules};

/// The file of rules; a centre may do without.
pub(super) const FILE: &str = "alarms.toml";
/// The source that the alarms of the rules come from.
const RULES: &str = "alarms";
/// Most rules of a centre.
const MOST_RULES: usize = 500;

/// Reads the rules into a source of alarms, and puts that into the catalogue.
pub(super) fn load(
    dir: &Path,
    catalogue: &mut Catalogue,
    settings: &Settings,
    findings: &mut Vec<Finding>,
) -> Vec<SourceSpec> {
    if !dir.join(FILE).exists() {
        return Vec::new();
    }
    let doc = match Document::read(dir, FILE, "what raises alarms") {
        Ok(doc) => doc,
        Err(finding) => {
            findings.push(finding);
            return Vec::new();
        }
    };
    let mut root = Item(doc.parse(findings));
    let items = root.remove_items(&doc, "rule", findings);
    refuse_rest(&doc, &root, &["rule"], findings);
    if let Some(item) = items.get(MOST_RULES) {
        let message = format!("there are {} rules; at most {MOST_RULES} are taken", items.len());
        findings.push(doc.finding(Some(&item.span()), None, message));
    }
    let mut seen = BTreeMap::new();
    let mut rules = Vec::new();
    for item in &items {
        let mut options =
            Options::of_item(&doc, item, describe("rule", item), (catalogue, settings, dir), findings);
        let rule = rules::read(&mut options);
        let id = item.text("id").unwrap_or_default().to_owned();
        // A rule without an id was reported as such.
        if !id.is_empty() && check_id(&doc, "rule", item, &id, &mut seen, findings) {
            rules.extend(rule);
        }
    }
    if items.is_empty() {
        return Vec::new();
    }
    let source = Arc::new(Rules::new(rules));
    add(&doc, catalogue, implicit(RULES, "rules", "source-rules", source), findings).into_iter().collect()
}

/// A source that nobody writes into sources.toml.
fn implicit(id: &str, kind: &str, name: &str, source: Arc<dyn Source>) -> SourceSpec {
    let name = Name { vi: locale::text("vi", name), en: Some(locale::text("en", name)) };
    let info = SourceInfo { id: id.into(), name, kind: kind.to_owned(), owner: None };
    SourceSpec { info, source: Some(source) }
}

/// Puts it into the catalogue, unless another one has its name.
fn add(
    doc: &Document,
    catalogue: &mut Catalogue,
    spec: SourceSpec,
    findings: &mut Vec<Finding>,
) -> Option<SourceSpec> {
    let id: &SourceId = &spec.info.id;
    if catalogue.sources.contains_key(id) {
        let message = format!("a source of sources.toml is called '{id}', as that of this file is; give it another id");
        findings.push(doc.finding(None, None, message));
        return None;
    }
    catalogue.sources.insert(id.clone(), Arc::new(spec.info.clone()));
    Some(spec)
}
