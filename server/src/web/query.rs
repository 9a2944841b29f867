//! Query parameters, strictly: what is not known is refused by name.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use jiff::Timestamp as Moment;
use protocol::Timestamp;

use super::ingest::time_of_micros;
use super::problem::Problem;

/// The parameters of an address, each given at most once.
#[derive(Debug)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads the parameters of `uri`, of which only `known` exist.
    ///
    /// # Errors
    /// Names the parameter that is unknown, given twice or badly encoded.
    pub fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Problem::bad_request(format!("the query cannot be read: {}", error.body_text())))?;
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let message = format!("unknown parameter '{}'{}", shorten(&name), did_you_mean(&name, known));
                return Err(Problem::bad_request(message).with("parameter", name));
            }
            if params.insert(name.clone(), value).is_some() {
                return Err(Problem::bad_request(format!("parameter '{name}' is given twice")).with("parameter", name));
            }
        }
        Ok(Self(params))
    }

    /// The value of a parameter, if it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that must be given.
    ///
    /// # Errors
    /// Names it when it is missing.
    pub fn require(&self, name: &str) -> Result<&str, Problem> {
        let missing = || Problem::bad_request(format!("parameter '{name}' is missing")).with("parameter", name);
        self.get(name).ok_or_else(missing)
    }

    /// A number from 1 to `most`.
    ///
    /// # Errors
    /// Names the parameter and what would be right.
    pub fn count(&self, name: &str, most: usize) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let count = text.parse().ok().filter(|count| (1..=most).contains(count));
        let wrong = || format!("parameter '{name}' must be a whole number from 1 to {most}, got '{}'", shorten(text));
        count.map(Some).ok_or_else(|| Problem::bad_request(wrong()).with("parameter", name))
    }

    /// A moment: RFC 3339 or microseconds of Unix time.
    ///
    /// # Errors
    /// Names the parameter and what would be right.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if let Ok(micros) = text.parse() {
            return time_of_micros(micros).map(Some).map_err(|reason| {
                Problem::bad_request(format!("parameter '{name}': {reason}")).with("parameter", name)
            });
        }
        let moment = rfc3339(text);
        moment.map(Some).ok_or_else(|| {
            let message = format!(
                "parameter '{name}' must be RFC 3339 with an offset (2026-01-31T08:00:00%2B07:00) or microseconds of Unix time, got '{}'",
                shorten(text)
            );
            Problem::bad_request(message).with("parameter", name)
        })
    }
}

/// A moment as RFC 3339 with an offset.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    text.parse::<Moment>().ok().map(|moment| Timestamp(moment.as_microsecond()))
}

/// At most 80 characters of something that was sent.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `; did you mean 'x'?` with the nearest name, or all of them when none is near.
pub(super) fn did_you_mean(name: &str, known: &[&str]) -> String {
    let name = shorten(name);
    match panels::nearest(&name, known.iter().copied()) {
        Some(nearest) => format!("; did you mean '{nearest}'?"),
        None => format!("; known: {}", known.join(", ")),
    }
}
