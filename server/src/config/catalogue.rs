//! What the centre knows by name: areas, agencies, indicators, sources and walls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use protocol::observation::Plausible;
use protocol::{Agency, Area, Catalogue, Indicator, LayoutId, SourceInfo, Wall, WallId};
use serde::de::DeserializeOwned;

use super::document::{Document, Item, Options};
use super::finding::{Finding, suggestion};
use super::{Settings, SourceSpec};
use crate::derive::{Plan, PlanFinding};
use crate::sources::{DERIVED, SOURCES};

/// The longest that a wall may wait for its frames.
const MAX_LEAD_MS: u32 = 250;

/// Entries of one file with their places, by their names.
struct Section<'a, T> {
    doc: &'a Document,
    /// `area`.
    what: &'static str,
    entries: Vec<(String, Item<'a>, T)>,
}

/// Areas, agencies and indicators, with all that they refer to.
pub(super) fn load(dir: &Path, catalogue: &mut Catalogue, findings: &mut Vec<Finding>) {
    if let Some(doc) = read(dir, "areas.toml", "the areas, one [[area]] each", findings) {
        let areas = section::<Area>(&doc, "area", findings);
        areas.check_parents("areas.toml", |area| area.parent.as_ref().map(|id| id.as_str()), findings);
        areas.check_dates(|area| (&area.valid_from, &area.valid_to), findings);
        catalogue.areas = areas.into_values().map(|area| (area.id.clone(), Arc::new(area))).collect();
    }
    if let Some(doc) = read(dir, "agencies.toml", "the agencies, one [[agency]] each", findings) {
        let agencies = section::<Agency>(&doc, "agency", findings);
        agencies.check_parents("agencies.toml", |agency| agency.parent.as_ref().map(|id| id.as_str()), findings);
        let names: Vec<&str> = agencies.names().collect();
        agencies.check_references(
            "successor",
            "agencies.toml",
            &names,
            |agency| agency.successor.as_ref().map(|id| id.as_str()),
            findings,
        );
        agencies.check_dates(|agency| (&agency.valid_from, &agency.valid_to), findings);
        catalogue.agencies = agencies.into_values().map(|agency| (agency.id.clone(), Arc::new(agency))).collect();
    }
    if let Some(doc) = read(dir, "indicators.toml", "the indicators, one [[indicator]] each", findings) {
        let indicators = section::<Indicator>(&doc, "indicator", findings);
        let agencies: Vec<&str> = catalogue.agencies.keys().map(|id| id.as_str()).collect();
        indicators.check_references(
            "owner",
            "agencies.toml",
            &agencies,
            |indicator| Some(indicator.owner.as_str()),
            findings,
        );
        for (id, item, indicator) in &indicators.entries {
            for (key, message) in indicator_problems(indicator) {
                findings.push(doc.finding(
                    Some(&item.span_of(&[key])),
                    Some(key),
                    format!("'{key}' of indicator '{id}' {message}"),
                ));
            }
        }
        let known =
            indicators.entries.iter().map(|(.., indicator)| (indicator.id.clone(), Arc::new(indicator.clone())));
        catalogue.indicators = known.collect();
        indicators.check_derived(catalogue, findings);
    }
}

fn indicator_problems(indicator: &Indicator) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if indicator.decimals > 6 {
        problems.push(("decimals", format!("is {}; it is at most 6", indicator.decimals)));
    }
    if !indicator.display_scale.is_finite() || indicator.display_scale <= 0.0 {
        problems.push(("display_scale", format!("is {}; it is a number above 0", indicator.display_scale)));
    }
    if indicator.expected_interval_secs == 0 {
        problems.push(("expected_interval_secs", "is 0; it is at least 1".to_owned()));
    }
    if let Some(Plausible { min, max, jump, .. }) = indicator.plausible {
        if let (Some(min), Some(max)) = (min, max)
            && min >= max
        {
            problems.push(("plausible", format!("has min {min} and max {max}; min is less than max")));
        }
        if jump.is_some_and(|jump| !jump.is_finite() || jump <= 0.0) {
            problems.push(("plausible", "has a jump that is no number above 0".to_owned()));
        }
    }
    for (key, threshold) in [("warning", indicator.warning), ("critical", indicator.critical)] {
        if threshold.is_some_and(|threshold| !threshold.is_finite()) {
            problems.push((key, "is not a finite number".to_owned()));
        }
    }
    problems
}

/// The sources, each ready to run, and their place in the catalogue.
pub(super) fn load_sources(
    dir: &Path,
    catalogue: &mut Catalogue,
    settings: &Settings,
    findings: &mut Vec<Finding>,
) -> Vec<SourceSpec> {
    let Some(doc) = read(dir, "sources.toml", "the sources of numbers, one [[source]] each; it may be empty", findings)
    else {
        return Vec::new();
    };
    let mut root = Item(doc.parse(findings));
    let mut options = Vec::new();
    for mut item in root.remove_items(&doc, "source", findings) {
        let own = item.remove("options");
        options.push((item, own));
    }
    refuse_rest(&doc, &root, &["source"], findings);
    let mut sources: Vec<SourceSpec> = Vec::new();
    let mut seen = BTreeMap::new();
    for (item, own) in options {
        let what = describe("source", &item);
        let Some(info) = doc.take::<SourceInfo>(&item, &what, findings) else { continue };
        check_id(&doc, "source", &item, info.id.as_str(), &mut seen, findings);
        if let Some(owner) = &info.owner
            && !catalogue.agencies.contains_key(owner)
        {
            let known: Vec<&str> = catalogue.agencies.keys().map(|id| id.as_str()).collect();
            findings.push(dangling(&doc, &item, &what, "owner", owner.as_str(), "agencies.toml", &known));
        }
        let Some(kind) = SOURCES.iter().find(|kind| kind.name == info.kind) else {
            let known: Vec<&str> = SOURCES.iter().map(|kind| kind.name).collect();
            let message = format!(
                "{what} is of the unknown kind '{}'{}",
                info.kind,
                suggestion(&info.kind, known.iter().copied())
            );
            findings.push(doc.finding(Some(&item.span_of(&["kind"])), Some("kind"), message));
            continue;
        };
        let mut reader = Options::new(&doc, &item, own, what, (catalogue, settings, dir), findings);
        let source = (kind.read)(&mut reader);
        sources.push(SourceSpec::new(info, &reader.text(), source));
    }
    check_computing(&doc, catalogue, &sources, findings);
    catalogue.sources = sources.iter().map(|spec| (spec.info.id.clone(), Arc::new(spec.info.clone()))).collect();
    sources
}

/// What is computed needs one source that does so.
fn check_computing(doc: &Document, catalogue: &Catalogue, sources: &[SourceSpec], findings: &mut Vec<Finding>) {
    let computing = sources.iter().filter(|spec| spec.info.kind == DERIVED).count();
    let computed = catalogue.indicators.values().find(|indicator| indicator.derive.is_some()).map(|known| &known.id);
    let message = match (computed, computing) {
        (Some(id), 0) => format!(
            "indicator '{id}' is computed, and no source computes; add one: [[source]] id = \"{DERIVED}\", kind = \"{DERIVED}\" and a name, which is shown as where the numbers come from"
        ),
        (_, 2..) => format!("{computing} sources of kind '{DERIVED}' would compute the same; leave one"),
        _ => return,
    };
    findings.push(doc.finding(None, None, message));
}

/// The walls; `layouts` are those that there are files for.
pub(super) fn load_walls(dir: &Path, layouts: &[LayoutId], findings: &mut Vec<Finding>) -> BTreeMap<WallId, Wall> {
    let Some(doc) = read(dir, "walls.toml", "the video walls, one [[wall]] each", findings) else {
        return BTreeMap::new();
    };
    let walls = section::<Wall>(&doc, "wall", findings);
    let known: Vec<&str> = layouts.iter().map(LayoutId::as_str).collect();
    walls.check_references("layout", "layouts/", &known, |wall| Some(wall.layout.as_str()), findings);
    for (id, item, wall) in &walls.entries {
        for (path, message) in wall_problems(wall) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let key = path.first().map(|step| step.split('[').next().unwrap_or(step));
            findings.push(doc.finding(Some(&item.span_of(&path)), key, format!("wall '{id}': {message}")));
        }
    }
    walls.into_values().map(|wall| (wall.id.clone(), wall)).collect()
}

/// Where, as steps into the table, and what.
fn wall_problems(wall: &Wall) -> Vec<(Vec<String>, String)> {
    let mut problems = Vec::new();
    let canvas = wall.canvas;
    if !(320..=32_768).contains(&canvas.width_px) || !(180..=32_768).contains(&canvas.height_px) {
        let message = format!(
            "the canvas is {} × {} px; it is between 320 × 180 and 32768 × 32768",
            canvas.width_px, canvas.height_px
        );
        problems.push((vec!["canvas".to_owned()], message));
    }
    if wall.lead_ms > MAX_LEAD_MS {
        problems
            .push((vec!["lead_ms".to_owned()], format!("lead_ms is {}; it is at most {MAX_LEAD_MS}", wall.lead_ms)));
    }
    for (index, display) in wall.displays.iter().enumerate() {
        let place = || vec![format!("displays[{index}]")];
        let right = u64::from(display.x_px) + u64::from(display.width_px);
        let bottom = u64::from(display.y_px) + u64::from(display.height_px);
        if display.width_px == 0
            || display.height_px == 0
            || right > u64::from(canvas.width_px)
            || bottom > u64::from(canvas.height_px)
        {
            let message = format!(
                "display '{}' ends at {right} × {bottom} px, but the canvas is {} × {} px",
                display.name, canvas.width_px, canvas.height_px
            );
            problems.push((place(), message));
        }
        if wall.displays[..index].iter().any(|other| other.name == display.name) {
            problems.push((place(), format!("a second display is called '{}'; give it another name", display.name)));
        }
    }
    if let Some(room) = &wall.room {
        let sizes = [room.wall_width_mm, room.wall_height_mm, room.nearest_seat_mm, room.farthest_seat_mm];
        if sizes.iter().any(|size| !size.is_finite() || *size <= 0.0) {
            problems.push((
                vec!["room".to_owned()],
                "the sizes of the room are numbers above 0, in millimetres".to_owned(),
            ));
        } else if room.nearest_seat_mm > room.farthest_seat_mm {
            problems.push((vec!["room".to_owned()], "the nearest seat is farther away than the farthest".to_owned()));
        }
    }
    problems
}

fn read(dir: &Path, file: &str, holds: &str, findings: &mut Vec<Finding>) -> Option<Document> {
    Document::read(dir, file, holds).map_err(|finding| findings.push(finding)).ok()
}

/// Reads every `[[what]]` of a file, reporting what is wrong with each and names that are taken.
fn section<'a, T: DeserializeOwned>(
    doc: &'a Document,
    what: &'static str,
    findings: &mut Vec<Finding>,
) -> Section<'a, T> {
    let mut root = Item(doc.parse(findings));
    let items = root.remove_items(doc, what, findings);
    refuse_rest(doc, &root, &[what], findings);
    let mut seen = BTreeMap::new();
    let mut entries = Vec::new();
    for item in items {
        let value = doc.take::<T>(&item, &describe(what, &item), findings);
        let id = item.text("id").unwrap_or_default().to_owned();
        if let Some(value) = value
            && check_id(doc, what, &item, &id, &mut seen, findings)
        {
            entries.push((id, item, value));
        }
    }
    Section { doc, what, entries }
}

/// `indicator 'budget.revenue'`.
pub(super) fn describe(what: &str, item: &Item<'_>) -> String {
    item.text("id").map_or_else(|| format!("a nameless {what}"), |id| format!("{what} '{id}'"))
}

/// Reports every key of a file besides those that it holds.
pub(super) fn refuse_rest(doc: &Document, root: &Item<'_>, holds: &[&str], findings: &mut Vec<Finding>) {
    let held: Vec<String> = holds.iter().map(|what| format!("[[{what}]]")).collect();
    for key in root.0.get_ref().keys() {
        let name = key.get_ref();
        let message = format!("unknown key '{name}'; this file holds {} only", held.join(" and "));
        findings.push(doc.finding(Some(&key.span()), Some(name), message));
    }
}

/// Reports a name that is taken or badly formed; whether it is neither.
pub(super) fn check_id(
    doc: &Document,
    what: &str,
    item: &Item<'_>,
    id: &str,
    seen: &mut BTreeMap<String, u32>,
    findings: &mut Vec<Finding>,
) -> bool {
    let span = item.span_of(&["id"]);
    let line = doc.line(span.start);
    if let Some(message) = id_problem(id) {
        findings.push(doc.finding(Some(&span), Some("id"), format!("{what} '{id}': {message}")));
        return false;
    }
    if let Some(first) = seen.get(id) {
        let message = format!("a second {what} is called '{id}'; the first is on line {first}");
        findings.push(doc.finding(Some(&span), Some("id"), message));
        return false;
    }
    seen.insert(id.to_owned(), line);
    true
}

/// Why `id` is no name, if it is none.
pub(super) fn id_problem(id: &str) -> Option<&'static str> {
    let formed = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    (id.is_empty() || id.len() > 100 || !formed)
        .then_some("an id is 1 to 100 of the letters a–z and A–Z, digits, '.', '_' and '-'")
}

fn dangling(doc: &Document, item: &Item<'_>, what: &str, key: &str, id: &str, file: &str, known: &[&str]) -> Finding {
    let message =
        format!("{what} has {key} '{id}', which {file} does not have{}", suggestion(id, known.iter().copied()));
    doc.finding(Some(&item.span_of(&[key])), Some(key), message)
}

impl Section<'_, Indicator> {
    /// Reports what cannot be computed.
    fn check_derived(&self, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
        let (_, wrong) = Plan::new(Arc::new(catalogue.clone()), TimeZone::UTC);
        for PlanFinding { indicator: id, path, message } in wrong {
            let Some((_, item, _)) = self.entries.iter().find(|(name, ..)| *name == id.as_str()) else { continue };
            let path: Vec<&str> = ["derive"].into_iter().chain(path.iter().map(String::as_str)).collect();
            let span = item.span_of(&path);
            findings.push(self.doc.finding(Some(&span), path.last().copied(), format!("indicator '{id}': {message}")));
        }
    }
}

impl<T> Section<'_, T> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(id, ..)| id.as_str())
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(.., value)| value)
    }

    /// Reports references under `key` to what `file` does not have.
    fn check_references<'t>(
        &'t self,
        key: &str,
        file: &str,
        known: &[&str],
        reference: impl Fn(&'t T) -> Option<&'t str>,
        findings: &mut Vec<Finding>,
    ) {
        for (id, item, value) in &self.entries {
            if let Some(name) = reference(value).filter(|name| !known.contains(name)) {
                findings.push(dangling(self.doc, item, &format!("{} '{id}'", self.what), key, name, file, known));
            }
        }
    }

    /// Reports parents that are not there and circles of them.
    fn check_parents<'t>(&'t self, file: &str, parent: impl Fn(&'t T) -> Option<&'t str>, findings: &mut Vec<Finding>) {
        let names: Vec<&str> = self.names().collect();
        self.check_references("parent", file, &names, &parent, findings);
        let parents: BTreeMap<&str, &str> =
            self.entries.iter().filter_map(|(id, _, value)| Some((id.as_str(), parent(value)?))).collect();
        for (id, item, _) in &self.entries {
            let mut above = parents.get(id.as_str());
            let mut steps = 0;
            while let Some(next) = above.filter(|next| **next != id.as_str() && steps <= parents.len()) {
                above = parents.get(next);
                steps += 1;
            }
            if above == Some(&id.as_str()) {
                let message = format!("{} '{id}' lies above itself; give one of them another parent", self.what);
                findings.push(self.doc.finding(Some(&item.span_of(&["parent"])), Some("parent"), message));
            }
        }
    }

    fn check_dates<'t>(
        &'t self,
        dates: impl Fn(&'t T) -> (&'t Option<String>, &'t Option<String>),
        findings: &mut Vec<Finding>,
    ) {
        for (id, item, value) in &self.entries {
            let (from, to) = dates(value);
            for (key, text) in [("valid_from", from), ("valid_to", to)] {
                if let Some(text) = text.as_ref().filter(|text| text.parse::<jiff::civil::Date>().is_err()) {
                    let message =
                        format!("'{key}' of {} '{id}' is '{text}'; write a date such as '2023-01-31'", self.what);
                    findings.push(self.doc.finding(Some(&item.span_of(&[key])), Some(key), message));
                }
            }
        }
    }
}
