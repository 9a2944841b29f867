//! Rows as JSON: one row, an array of rows, or a row a line. Reads without copying where it can.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::query::shorten;
use super::rows::{self, Intake, SentRow, TooManyRows};

/// Why a whole body is refused.
#[derive(Debug)]
pub enum BodyError {
    Syntax(serde_json::Error),
    TooManyRows,
}

/// Takes in all rows of a JSON text.
///
/// # Errors
/// When it is no JSON, neither a row nor an array of rows, or too long.
pub fn read(text: &str, intake: &mut Intake) -> Result<(), BodyError> {
    let mut is_full = false;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_any(Rows { intake, is_full: &mut is_full }).and_then(|()| reader.end());
    match read {
        _ if is_full => Err(BodyError::TooManyRows),
        Ok(()) => Ok(()),
        Err(error) => Err(BodyError::Syntax(error)),
    }
}

/// Takes in the row of one line; what is wrong with it is a reason to refuse that row alone.
///
/// # Errors
/// When the batch is full.
pub fn read_line(number: u64, line: &str, intake: &mut Intake) -> Result<(), TooManyRows> {
    let mut reader = serde_json::Deserializer::from_str(line);
    let row = Row.deserialize(&mut reader).and_then(|row| reader.end().map(|()| row));
    intake.take(number, row.unwrap_or_else(|error| Err(syntax_reason(&error))))
}

/// What is wrong with a line, by column; serde_json's own text names a line that is always 1.
fn syntax_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("not valid JSON at column {}: {what}", error.column())
}

struct Rows<'i> {
    intake: &'i mut Intake,
    is_full: &'i mut bool,
}

impl Rows<'_> {
    fn take<E: Error>(&mut self, number: u64, row: Result<SentRow<'_>, String>) -> Result<(), E> {
        self.intake.take(number, row).map_err(|TooManyRows| {
            *self.is_full = true;
            E::custom("too many rows")
        })
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows such as [{\"indicator\": …, \"area\": …, \"value\": …, \"time\": …}]")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(row) = rows.next_element_seed(Row)? {
            number += 1;
            self.take(number, row)?;
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        let row = Row.visit_map(map)?;
        self.take(1, row)
    }
}

/// Reads one row, or why it is none. Only broken syntax is an error.
struct Row;

impl<'de> DeserializeSeed<'de> for Row {
    type Value = Result<SentRow<'de>, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn no_row<E>(got: &str) -> Result<Result<SentRow<'static>, String>, E> {
    Ok(Err(format!("a row must be an object with indicator, area, value and time, got {got}")))
}

impl<'de> Visitor<'de> for Row {
    type Value = Result<SentRow<'de>, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        no_row("null")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        no_row(if value { "true" } else { "false" })
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        no_row(&value.to_string())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        no_row(&value.to_string())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        no_row(&value.to_string())
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        no_row(&format!("\"{}\"", shorten(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        no_row("an array")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: [Option<&'de RawValue>; rows::FIELDS.len()] = [None; rows::FIELDS.len()];
        let mut wrong = None;
        while let Some(key) = map.next_key_seed(Key)? {
            let raw = map.next_value::<&'de RawValue>()?;
            match key {
                Ok(index) if fields[index].is_some() => {
                    wrong = wrong.or(Some(format!("{} is given twice", rows::FIELDS[index])))
                }
                Ok(index) => fields[index] = Some(raw),
                Err(reason) => wrong = wrong.or(Some(reason)),
            }
        }
        Ok(match wrong {
            Some(reason) => Err(reason),
            None => row_of(fields),
        })
    }
}

/// Reads a key as the place of its field.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(rows::field_index(name).ok_or_else(|| rows::unknown_field(name)))
    }
}

fn row_of<'a>(
    [indicator, area, scenario, value, time, status]: [Option<&'a RawValue>; 6],
) -> Result<SentRow<'a>, String> {
    Ok(SentRow {
        indicator: required_text("indicator", indicator)?,
        area: required_text("area", area)?,
        scenario: optional(scenario, "scenario", rows::scenario)?,
        value: value_of(value)?,
        time: time_of(time)?,
        status: optional(status, "status", rows::status)?,
    })
}

fn missing(field: &str) -> String {
    format!("{field} is missing")
}

/// The text between quotes, borrowed unless it has escapes; `None` for anything but a string.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

fn required_text<'a>(field: &str, raw: Option<&'a RawValue>) -> Result<Cow<'a, str>, String> {
    let raw = raw.ok_or_else(|| missing(field))?;
    text_of(raw).ok_or_else(|| format!("{field} must be a string, got {}", shorten(raw.get())))
}

fn optional<T: Default>(raw: Option<&RawValue>, field: &str, read: fn(&str) -> Result<T, String>) -> Result<T, String> {
    match raw {
        None => Ok(T::default()),
        Some(raw) if raw.get() == "null" => Ok(T::default()),
        Some(raw) => read(&required_text(field, Some(raw))?),
    }
}

fn value_of(raw: Option<&RawValue>) -> Result<f64, String> {
    let text = raw.ok_or_else(|| missing("value"))?.get();
    // Digits are read by the standard library, which rounds correctly.
    if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return rows::value_of_number(text);
    }
    Err(format!("value must be a finite number, got {}", shorten(text)))
}

fn time_of(raw: Option<&RawValue>) -> Result<protocol::Timestamp, String> {
    let raw = raw.ok_or_else(|| missing("time"))?;
    match (text_of(raw), raw.get().parse::<i64>()) {
        (Some(text), _) => rows::time_of_text(&text),
        (None, Ok(micros)) => rows::time_of_micros(micros),
        (None, Err(_)) => Err(rows::bad_time(&shorten(raw.get()))),
    }
}
