//! The text of an alarm: that of its rule with its places filled.

use protocol::observation::Name;

use super::rule::Condition;

/// The longest that fills a place, in characters: a task may say a great deal.
const MOST_CHARS: usize = 200;

/// The places that the text of a rule may have.
pub fn places(condition: &Condition) -> &'static [&'static str] {
    match condition {
        Condition::Threshold { .. } => &["area", "agency", "indicator", "value", "limit", "unit"],
        Condition::Rate { .. } => &["area", "agency", "indicator", "value", "change", "unit"],
        Condition::Stale { .. } => &["area", "agency", "indicator", "time"],
        Condition::SourceDown { .. } => &["source", "agency"],
        Condition::TaskOverdue { .. } => &["task", "agency", "deadline", "days"],
    }
}

/// What stands in a text, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Words(&'a str),
    Place(&'a str),
}

/// Takes a text apart.
///
/// # Errors
/// A brace without its other one.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, &'static str> {
    let unpaired = "a brace stands alone; places are written {area}";
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((words, after)) = rest.split_once('{') {
        let (place, after) = after.split_once('}').ok_or(unpaired)?;
        parts.extend([Part::Words(words), Part::Place(place)]);
        rest = after;
    }
    parts.push(Part::Words(rest));
    let is_whole = |part: &Part<'_>| match part {
        Part::Words(text) | Part::Place(text) => !text.contains(['{', '}']),
    };
    if parts.iter().all(is_whole) { Ok(parts) } else { Err(unpaired) }
}

/// The text in the languages that it is given in; `fill` knows what stands at a place in a language.
pub fn filled(text: &Name, fill: impl Fn(&str, &str) -> Option<String>) -> Name {
    let filled = |text: &str, language: &str| {
        let Ok(parts) = parts(text) else { return text.to_owned() };
        let said = parts.into_iter().map(|part| match part {
            Part::Words(words) => words.to_owned(),
            Part::Place(place) => shorten(&fill(place, language).unwrap_or_default()),
        });
        said.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    Name { vi: filled(&text.vi, "vi"), en: text.en.as_ref().map(|text| filled(text, "en")) }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_each_language() {
        let text =
            Name { vi: "{area}: {value}  vượt".to_owned(), en: Some("{value} at {area}, {other}".to_owned()) };
        let fill = |place: &str, language: &str| match place {
            "area" => Some(format!("Ba Tơ {language}")),
            "value" => Some("x".repeat(300)),
            _ => None,
        };
        let long = format!("{}…", "x".repeat(200));
        let said = filled(&text, fill);
        assert_eq!(said.vi, format!("Ba Tơ vi: {long} vượt"));
        assert_eq!(said.en.unwrap(), format!("{long} at Ba Tơ en,"));
    }

    #[test]
    fn a_brace_has_its_other_one() {
        for text in ["{area", "area}", "{a{b}}", "{area} }"] {
            assert!(parts(text).is_err(), "{text}");
        }
        assert_eq!(parts("a {b}").unwrap(), [Part::Words("a "), Part::Place("b"), Part::Words("")]);
    }
}
