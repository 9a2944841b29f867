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
use crate::sources::webhook::{self, Webhook};

/// The file of rules; a centre may do without.
pub(super) const FILE: &str = "alarms.toml";
/// The source that the alarms of the rules come from.
const RULES: &str = "alarms";
/// Most rules, and most who are told.
const MOST: usize = 500;

/// Reads the rules into a source of alarms, and who is told into one each; all are put into the catalogue.
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
    let (rules, webhooks) = (items(&doc, &mut root, "rule", findings), items(&doc, &mut root, "webhook", findings));
    refuse_rest(&doc, &root, &["rule", "webhook"], findings);
    let mut specs = Vec::new();
    for (item, id) in &webhooks {
        let given = (&*catalogue, settings, dir);
        let mut options = Options::of_item(&doc, item, describe("webhook", item), given, findings);
        let Some(read) = webhook::read(&mut options) else { continue };
        let name = |language| locale::text_with(language, "source-webhook", &[("id", id)]);
        let name = Name { vi: name("vi"), en: Some(name("en")) };
        let source = Arc::new(Webhook::new(read));
        specs.extend(add(&doc, catalogue, implicit(&format!("webhook.{id}"), "webhook", name, source), findings));
    }
    let read: Vec<_> = rules
        .iter()
        .filter_map(|(item, _)| {
            let given = (&*catalogue, settings, dir);
            rules::read(&mut Options::of_item(&doc, item, describe("rule", item), given, findings))
        })
        .collect();
    if !rules.is_empty() {
        let name = Name { vi: locale::text("vi", "source-rules"), en: Some(locale::text("en", "source-rules")) };
        let spec = implicit(RULES, "rules", name, Arc::new(Rules::new(read)));
        specs.extend(add(&doc, catalogue, spec, findings));
    }
    specs
}

/// The tables under `[[what]]` that have a name of their own.
fn items<'a>(
    doc: &'a Document,
    root: &mut Item<'a>,
    what: &str,
    findings: &mut Vec<Finding>,
) -> Vec<(Item<'a>, String)> {
    let items = root.remove_items(doc, what, findings);
    if let Some(item) = items.get(MOST) {
        let message = format!("there are {} of [[{what}]]; at most {MOST} are taken", items.len());
        findings.push(doc.finding(Some(&item.span()), None, message));
    }
    let mut seen = BTreeMap::new();
    let named = items.into_iter().take(MOST).map(|item| {
        let id = item.text("id").unwrap_or_default().to_owned();
        // One without a name is reported where it is read.
        let is_right = !item.0.get_ref().contains_key("id") || check_id(doc, what, &item, &id, &mut seen, findings);
        (is_right, (item, id))
    });
    named.filter(|(is_right, _)| *is_right).map(|(_, named)| named).collect()
}

/// A source that nobody writes into sources.toml.
fn implicit(id: &str, kind: &str, name: Name, source: Arc<dyn Source>) -> SourceSpec {
    let info = SourceInfo { id: id.into(), name, kind: kind.to_owned(), owner: None };
    SourceSpec::new(info, "", Some(source))
}

/// Puts it into the catalogue, unless another one has its name.
fn add(doc: &Document, catalogue: &mut Catalogue, spec: SourceSpec, findings: &mut Vec<Finding>) -> Option<SourceSpec> {
    let id: &SourceId = &spec.info.id;
    if catalogue.sources.contains_key(id) {
        let message = format!("a source of sources.toml is called '{id}', as that of this file is; give it another id");
        findings.push(doc.finding(None, None, message));
        return None;
    }
    catalogue.sources.insert(id.clone(), Arc::new(spec.info.clone()));
    Some(spec)
}
