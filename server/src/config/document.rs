//! One TOML file, read strictly: each table on its own, so that all that is wrong is found at once.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::path::Path;

use protocol::{AgencyId, AreaId, Catalogue, IndicatorId, LayoutId, SourceId};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use unicode_normalization::UnicodeNormalization;

use super::Settings;
use super::finding::{Finding, suggestion};
use crate::strict::Strictly;

/// The largest configuration file that is read.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Keys that hold a text in several languages; a plain string is its Vietnamese.
const NAME_KEYS: [&str; 7] = ["name", "short", "unit", "credit", "organisation", "centre", "text"];

/// A file that was read, normalised to NFC.
#[derive(Debug)]
pub(super) struct Document {
    pub file: String,
    text: String,
    /// Whether it is no TOML; what is wrong beyond that is its echo.
    broken: Cell<bool>,
}

impl Document {
    /// Reads `file` below `dir`; `holds` says what it should hold when it is missing.
    pub fn read(dir: &Path, file: &str, holds: &str) -> Result<Self, Finding> {
        let at_file = |message| Finding { file: file.to_owned(), line: None, key: None, message };
        let path = dir.join(file);
        let size = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(at_file(format!("the file is missing; it holds {holds}")));
            }
            Err(error) => return Err(at_file(format!("cannot be read: {error}"))),
        };
        if size > MAX_FILE_BYTES {
            return Err(at_file(format!("the file has {size} bytes; at most {MAX_FILE_BYTES} are read")));
        }
        let bytes = std::fs::read(&path).map_err(|error| at_file(format!("cannot be read: {error}")))?;
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = u32::try_from(valid.iter().filter(|byte| **byte == b'\n').count()).ok().map(|above| above + 1);
            let message = format!("byte {} is not UTF-8; save the file as UTF-8", error.valid_up_to());
            Finding { file: file.to_owned(), line, key: None, message }
        })?;
        Ok(Self { file: file.to_owned(), text: text.nfc().collect(), broken: Cell::new(false) })
    }

    /// The tables of the file. What cannot be parsed is reported and left out.
    pub fn parse(&self, findings: &mut Vec<Finding>) -> Spanned<DeTable<'_>> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        // What follows the first syntax error is often its echo.
        if let Some(error) = errors.first() {
            let message = format!("not TOML: {}", error.message().replace('\n', ", "));
            findings.push(self.finding(error.span().as_ref(), None, message));
            self.broken.set(true);
        }
        table
    }

    /// The line of a byte offset, counted from 1.
    pub fn line(&self, offset: usize) -> u32 {
        let above = self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count();
        u32::try_from(above).map_or(u32::MAX, |above| above.saturating_add(1))
    }

    pub fn finding(&self, span: Option<&Range<usize>>, key: Option<&str>, message: String) -> Finding {
        let line = span.map(|span| self.line(span.start));
        Finding { file: self.file.clone(), line, key: key.map(str::to_owned), message }
    }

    /// Reads `table` as a `T`, reporting every unknown key in it and the first other error.
    /// `what` names the table for people: `indicator 'budget.revenue'`.
    pub fn take<T: DeserializeOwned>(&self, table: &Item<'_>, what: &str, findings: &mut Vec<Finding>) -> Option<T> {
        let mut table = table.0.clone();
        name_texts(&mut table);
        let before = findings.len();
        loop {
            let error = match Strictly::deserialize(table.clone().into_deserializer()) {
                Ok(Strictly(value)) => return (findings.len() == before).then_some(value),
                Err(_) if self.broken.get() => return None,
                Err(error) => error,
            };
            let unknown = unknown_key(error.message());
            findings.push(self.explain(&error, &table, what));
            // Without the unknown key the rest can be checked too.
            let removed = match (unknown, error.span()) {
                (Some(_), Some(span)) => remove_key(table.get_mut(), &span),
                _ => false,
            };
            if !removed {
                return None;
            }
        }
    }

    fn explain(&self, error: &toml::de::Error, table: &Spanned<DeTable<'_>>, what: &str) -> Finding {
        let text = error.message();
        let span = error.span().unwrap_or_else(|| table.span());
        if let Some((key, known)) = unknown_key(text) {
            let message = format!("unknown key '{key}' in {what}{}", suggestion(key, known));
            return self.finding(Some(&span), Some(key), message);
        }
        if let Some(key) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            let inner = key_at(table.get_ref(), &span).map(|outer| format!("'{outer}' of ")).unwrap_or_default();
            return self.finding(Some(&span), Some(key), format!("missing key '{key}' in {inner}{what}"));
        }
        let key = key_at(table.get_ref(), &span);
        let named = key.as_ref().map(|key| format!("'{key}' in ")).unwrap_or_default();
        let message = match expectation(text, "unknown variant `") {
            Some((value, known)) => format!("{named}{what} is '{value}'{}", suggestion(value, known)),
            None => format!("{named}{what}: {}", text.replace('\n', ", ")),
        };
        self.finding(Some(&span), key.as_deref(), message)
    }
}

/// A table of a file with its place.
#[derive(Debug, Clone)]
pub(super) struct Item<'a>(pub Spanned<DeTable<'a>>);

impl<'a> Item<'a> {
    /// Where it begins.
    pub fn span(&self) -> Range<usize> {
        self.0.span()
    }

    /// The text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get_ref().get(key)?.get_ref().as_str()
    }

    /// Where `key` stands; the item itself if it is absent. Several steps lead into inner tables.
    pub fn span_of(&self, path: &[&str]) -> Range<usize> {
        let mut table = self.0.get_ref();
        let mut span = self.span();
        for step in path {
            let (key, index) = step
                .split_once('[')
                .map_or((*step, None), |(key, index)| (key, index.trim_end_matches(']').parse::<usize>().ok()));
            let Some((found, value)) = table.get_key_value(key) else { return span };
            span = found.span();
            let inner = match (value.get_ref(), index) {
                (DeValue::Array(array), Some(index)) => array.get(index).map(|value| (value.span(), value.get_ref())),
                (value, _) => Some((span.clone(), value)),
            };
            match inner {
                Some((place, DeValue::Table(inner))) => {
                    span = place;
                    table = inner;
                }
                _ => return span,
            }
        }
        span
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Spanned<DeValue<'a>>> {
        self.0.get_mut().remove(key)
    }

    /// Takes the tables under `[[key]]` out, reporting what is no table.
    pub fn remove_items(&mut self, doc: &Document, key: &str, findings: &mut Vec<Finding>) -> Vec<Item<'a>> {
        let Some(value) = self.remove(key) else { return Vec::new() };
        let span = value.span();
        let DeValue::Array(array) = value.into_inner() else {
            findings.push(doc.finding(
                Some(&span),
                Some(key),
                format!("'{key}' is written as [[{key}]], once for each"),
            ));
            return Vec::new();
        };
        let mut items = Vec::new();
        for value in array {
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(table) => items.push(Item(Spanned::new(span, table))),
                _ => findings.push(doc.finding(
                    Some(&span),
                    Some(key),
                    format!("'{key}' is written as [[{key}]], once for each"),
                )),
            }
        }
        items
    }
}

/// The unknown key that serde named, with those that it knows.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    expectation(message, "unknown field `")
}

/// Splits serde's "unknown … `x`, expected one of `a`, `b`".
fn expectation<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (value, rest) = message.strip_prefix(prefix)?.split_once('`')?;
    Some((value, rest.split('`').skip(1).step_by(2).collect()))
}

/// The key whose own place or whose value's place is `span`.
fn key_at(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        if key.span() == *span || value.span() == *span {
            return Some(key.get_ref().clone().into_owned());
        }
        inner_tables(value.get_ref()).find_map(|inner| key_at(inner, span))
    })
}

fn remove_key(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let own = table.keys().find(|key| key.span() == *span).map(|key| key.get_ref().clone().into_owned());
    if let Some(key) = own {
        return table.remove(key.as_str()).is_some();
    }
    table.iter_mut().any(|(_, value)| match value.get_mut() {
        DeValue::Table(inner) => remove_key(inner, span),
        DeValue::Array(array) => array.iter_mut().any(|value| match value.get_mut() {
            DeValue::Table(inner) => remove_key(inner, span),
            _ => false,
        }),
        _ => false,
    })
}

fn inner_tables<'t, 'i>(value: &'t DeValue<'i>) -> impl Iterator<Item = &'t DeTable<'i>> {
    let array =
        value.as_array().into_iter().flat_map(|array| array.iter().filter_map(|value| value.get_ref().as_table()));
    value.as_table().into_iter().chain(array)
}

/// Lets `name = "Lý Sơn"` stand for `name = { vi = "Lý Sơn" }`.
fn name_texts(table: &mut Spanned<DeTable<'_>>) {
    for (key, value) in table.get_mut().iter_mut() {
        if NAME_KEYS.contains(&&**key.get_ref()) && value.get_ref().is_str() {
            let span = value.span();
            let text = std::mem::replace(value, Spanned::new(span.clone(), DeValue::Boolean(false)));
            let mut names = DeTable::new();
            names.insert(Spanned::new(span.clone(), Cow::Borrowed("vi")), text);
            *value = Spanned::new(span, DeValue::Table(names));
        }
    }
}

/// The options of a source, read once by its kind.
pub struct Options<'a> {
    doc: &'a Document,
    /// The whole `[[source]]` without its options.
    item: &'a Item<'a>,
    options: Option<Item<'a>>,
    /// `source 'treasury'`.
    what: String,
    /// What the options are called: `the options of source 'treasury'`.
    called: String,
    pub catalogue: &'a Catalogue,
    pub settings: &'a Settings,
    /// The folder of the configuration: paths are relative to it.
    pub dir: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Options<'a> {
    pub(super) fn new(
        doc: &'a Document,
        item: &'a Item<'a>,
        options: Option<Spanned<DeValue<'a>>>,
        what: String,
        (catalogue, settings, dir): (&'a Catalogue, &'a Settings, &'a Path),
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        let mut own = None;
        if let Some(value) = options {
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(table) => own = Some(Item(Spanned::new(span, table))),
                _ => findings.push(doc.finding(
                    Some(&span),
                    Some("options"),
                    format!("'options' of {what} is a table: [source.options]"),
                )),
            }
        }
        let called = format!("the options of {what}");
        Self { doc, item, options: own, what, called, catalogue, settings, dir, findings }
    }

    /// Where all that `item` says are the options.
    pub(super) fn of_item(
        doc: &'a Document,
        item: &'a Item<'a>,
        what: String,
        (catalogue, settings, dir): (&'a Catalogue, &'a Settings, &'a Path),
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        let called = what.clone();
        Self { doc, item, options: Some(item.clone()), what, called, catalogue, settings, dir, findings }
    }

    /// Reads the options as a `T`; what is wrong with them is reported.
    pub fn take<T: DeserializeOwned>(&mut self) -> Option<T> {
        let empty = Item(Spanned::new(self.item.span(), DeTable::new()));
        let options = self.options.as_ref().unwrap_or(&empty);
        self.doc.take(options, &self.called, self.findings)
    }

    /// The options as they were understood, whatever their layout and comments.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let Some(Item(options)) = &self.options else { return String::new() };
        // What cannot be read was reported, and is not run.
        toml::Table::deserialize(options.clone().into_deserializer())
            .map_or_else(|_| String::new(), |table| table.to_string())
    }

    /// Whether an option is given.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.options.as_ref().is_some_and(|options| options.0.get_ref().contains_key(key))
    }

    /// Reports what is wrong with the option at `path` (`["values[0]", "indicator"]`).
    pub fn report(&mut self, path: &[&str], message: &str) {
        let span = self.options.as_ref().map_or_else(|| self.item.span(), |options| options.span_of(path));
        let message = format!("{}: {message}", self.what);
        self.findings.push(self.doc.finding(Some(&span), path.last().copied(), message));
    }

    /// Reports an indicator at `path` that is not configured.
    pub fn check_indicator(&mut self, path: &[&str], id: &IndicatorId) {
        if !self.catalogue.indicators.contains_key(id) {
            let known: Vec<&str> = self.catalogue.indicators.keys().map(|id| id.as_str()).collect();
            let near = suggestion(id.as_str(), known.iter().copied());
            self.report(path, &format!("indicator '{id}' is not in indicators.toml{near}"));
        }
    }

    /// Reports an agency at `path` that is not configured.
    pub fn check_agency(&mut self, path: &[&str], id: &AgencyId) {
        if !self.catalogue.agencies.contains_key(id) {
            let known: Vec<&str> = self.catalogue.agencies.keys().map(|id| id.as_str()).collect();
            let near = suggestion(id.as_str(), known.iter().copied());
            self.report(path, &format!("agency '{id}' is not in agencies.toml{near}"));
        }
    }

    /// Reports a source at `path` that is not configured.
    pub fn check_source(&mut self, path: &[&str], id: &SourceId) {
        if !self.catalogue.sources.contains_key(id) {
            let known: Vec<&str> = self.catalogue.sources.keys().map(|id| id.as_str()).collect();
            let near = suggestion(id.as_str(), known.iter().copied());
            self.report(path, &format!("source '{id}' is not in sources.toml{near}"));
        }
    }

    /// Reports a layout at `path` that there is no file for.
    pub fn check_layout(&mut self, path: &[&str], id: &LayoutId) {
        // What is wrong with the files themselves is reported where they are read.
        let known = super::layouts::ids(self.dir, &mut Vec::new());
        if !known.contains(id) {
            let near = suggestion(id.as_str(), known.iter().map(LayoutId::as_str));
            self.report(path, &format!("layout '{id}' is not in layouts/{near}"));
        }
    }

    /// Reports an area at `path` that is not configured.
    pub fn check_area(&mut self, path: &[&str], id: &AreaId) {
        if !self.catalogue.areas.contains_key(id) {
            let known: Vec<&str> = self.catalogue.areas.keys().map(|id| id.as_str()).collect();
            let near = suggestion(id.as_str(), known.iter().copied());
            self.report(path, &format!("area '{id}' is not in areas.toml{near}"));
        }
    }
}
