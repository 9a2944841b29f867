//! What stands in one cell: numbers, texts, moments.

use std::borrow::Cow;

use jiff::civil::DateTime;
use protocol::Timestamp;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// What stands in one cell of a table, wherever the table comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(f64),
    /// A date and time by the clocks of the source's zone.
    Local(DateTime),
    Moment(Timestamp),
    /// It holds something that is neither.
    Wrong {
        text: String,
        reason: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

impl<'a> Cell<'a> {
    pub fn text_of(text: &'a str) -> Self {
        if text.trim().is_empty() { Self::Empty } else { Self::Text(Cow::Borrowed(text)) }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Local(_) | Self::Moment(_) | Self::Wrong { .. } => false,
        }
    }

    /// What it says, as a person would write it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text.trim()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Local(time) => Cow::Owned(time.to_string()),
            Self::Moment(time) => Cow::Owned(
                jiff::Timestamp::from_microsecond(time.as_micros())
                    .map_or_else(|_| time.as_micros().to_string(), |time| time.to_string()),
            ),
            Self::Wrong { text, .. } => Cow::Borrowed(text),
        }
    }

    /// The number that it says.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn number(&self, decimal: Decimal) -> Result<f64, String> {
        match self {
            Self::Number(number) if number.is_finite() => Ok(*number),
            Self::Number(_) => Err("is too large for a number".to_owned()),
            Self::Local(_) | Self::Moment(_) => Err("is a date and no number; is this the right column?".to_owned()),
            Self::Wrong { reason, .. } => Err((*reason).to_owned()),
            Self::Empty => number("", decimal),
            Self::Text(text) => number(text, decimal),
        }
    }
}

/// The number that `text` says.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn number(text: &str, decimal: Decimal) -> Result<f64, String> {
    let (point, grouping, example) = match decimal {
        Decimal::Point => ('.', ',', "1234.5"),
        Decimal::Comma => (',', '.', "1234,5"),
    };
    let no_number = || format!("is no number; write it like {example}");
    let text = text.trim();
    let (mantissa, exponent) = text.find(['e', 'E']).map_or((text, ""), |at| text.split_at(at));
    let (whole, fraction) = mantissa.split_once(point).map_or((mantissa, ""), |(whole, fraction)| (whole, fraction));
    let (sign, whole) = match whole.strip_prefix(['-', '−']) {
        Some(whole) => ("-", whole),
        None => ("", whole.strip_prefix('+').unwrap_or(whole)),
    };
    let mut groups = whole.split([grouping, ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().unwrap_or_default();
    let mut digits = first.to_owned();
    let mut grouped = false;
    for group in groups {
        grouped = true;
        if group.len() != 3 {
            return Err(format!(
                "has '{grouping}' where no group of three digits follows; decimals are written with '{point}' here ('decimal' of the source)"
            ));
        }
        digits.push_str(group);
    }
    let written = digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if digits.len() + fraction.len() == 0 || !written || (grouped && !(1..=3).contains(&first.len())) {
        return Err(no_number());
    }
    let value: f64 = format!("{sign}{digits}.{fraction}0{exponent}").parse().map_err(|_| no_number())?;
    if value.is_finite() { Ok(value) } else { Err("is too large for a number".to_owned()) }
}

/// A name as it is compared: NFC, without needless spaces, in small letters.
pub fn folded(name: &str) -> String {
    name.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_configured() {
        let cases: &[(&str, Decimal, Option<f64>)] = &[
            ("33190000", Decimal::Point, Some(33_190_000.0)),
            ("4.00E+05", Decimal::Point, Some(400_000.0)),
            ("4,00E+05", Decimal::Comma, Some(400_000.0)),
            ("12.345,67", Decimal::Comma, Some(12_345.67)),
            ("12,345.67", Decimal::Point, Some(12_345.67)),
            ("1 234,5", Decimal::Comma, Some(1234.5)),
            ("-551346.6434", Decimal::Point, Some(-551_346.643_4)),
            ("−5", Decimal::Comma, Some(-5.0)),
            (",5", Decimal::Comma, Some(0.5)),
            ("12.5", Decimal::Comma, None),
            ("12,5", Decimal::Point, None),
            ("1234.567.890", Decimal::Comma, None),
            ("NaN", Decimal::Point, None),
            ("inf", Decimal::Point, None),
            ("1e999", Decimal::Point, None),
            ("", Decimal::Point, None),
            ("12 tỷ", Decimal::Comma, None),
            ("1e5e5", Decimal::Point, None),
        ];
        for (text, decimal, expected) in cases {
            assert_eq!(number(text, *decimal).ok(), *expected, "{text}");
        }
        assert_eq!(
            number("12,5", Decimal::Point).unwrap_err(),
            "has ',' where no group of three digits follows; decimals are written with '.' here ('decimal' of the source)"
        );
    }

    #[test]
    fn names_are_compared_without_their_spaces_and_marks_composed() {
        assert_eq!(folded(" Quang  Ngai"), folded("quang ngai"));
        assert_eq!(folded("Ly\u{301} Sơn"), folded("LÝ SƠN"));
    }
}
