//! Painted panels as a browser gets them, and the numbers that are printed in them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::{Value, json};

use crate::Client;

/// A number that is printed, with where it says it comes from.
#[derive(Debug, Clone)]
pub struct Printed {
    pub panel: String,
    /// As it is read: `33.190`.
    pub text: String,
    pub provenance: Value,
}

/// The SVG of every panel of a view, by panel.
///
/// # Errors
/// When there is no picture in time.
pub async fn panels(authority: &str, view: Value) -> Result<Vec<(String, String)>> {
    let mut client = Client::open(authority, "ioc.v1.svg").await?;
    client.say(json!({ "type": "hello", "view": view })).await?;
    let snapshot = client.next_of("snapshot").await?;
    let changes = snapshot["changes"].as_array().context("no changes")?;
    let painted = changes.iter().filter(|change| change["kind"] == "panel").map(|change| &change["body"]);
    painted.map(|panel| Ok((text_of(&panel["id"])?, text_of(&panel["svg"])?))).collect()
}

/// The texts of every panel of a view as they are read, by panel.
///
/// # Errors
/// When there is no picture in time.
pub async fn texts_of(authority: &str, view: Value) -> Result<BTreeMap<String, Vec<String>>> {
    let painted = panels(authority, view).await?;
    painted.into_iter().map(|(id, svg)| Ok((id, texts(&svg)?))).collect()
}

/// All texts in the SVG of a panel, numbers too.
///
/// # Errors
/// Never; the pattern is right.
pub fn texts(svg: &str) -> Result<Vec<String>> {
    let run = Regex::new(r#"role="img" aria-label="([^"]*)""#)?;
    Ok(run.captures_iter(svg).map(|found| unescape(&found[1])).collect())
}

fn text_of(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("no text: {value}"))?.to_owned())
}

/// All numbers with provenance in the SVG of a panel.
///
/// # Errors
/// When a provenance is no JSON.
pub fn printed(panel: &str, svg: &str) -> Result<Vec<Printed>> {
    let figure = Regex::new(r#"aria-label="([^"]*)" data-provenance='([^']*)'"#)?;
    let found = figure.captures_iter(svg).map(|found| {
        let (text, provenance) = (unescape(&found[1]), unescape(&found[2]));
        let provenance = serde_json::from_str(&provenance).with_context(|| provenance.clone())?;
        Ok(Printed { panel: panel.to_owned(), text, provenance })
    });
    found.collect()
}

fn unescape(text: &str) -> String {
    text.replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// The number that a Vietnamese text says, and how many decimals it has: `−1.234,5 %` is (−1234.5, 1).
#[must_use]
pub fn number_of(text: &str) -> Option<(f64, usize)> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == ',').collect();
    let decimals = digits.split_once(',').map_or(0, |(_, decimals)| decimals.len());
    let size: f64 = digits.replace(',', ".").parse().ok()?;
    let is_negative = text.contains(['-', '−', '▼']);
    Some((if is_negative { -size } else { size }, decimals))
}

#[cfg(test)]
mod tests {
    use super::{number_of, printed};

    #[test]
    fn vietnamese_numbers_are_read() {
        assert_eq!(number_of("33.190"), Some((33190.0, 0)));
        assert_eq!(number_of("−1.234,50 %"), Some((-1234.5, 2)));
        assert_eq!(number_of("–"), None);
    }

    #[test]
    fn figures_are_found_in_svg() {
        let svg = r#"<g role="img" aria-label="5 &lt; 6" data-provenance='{"formula":"value","origins":[{"name":"it&#39;s"}]}' fill="x">"#;
        let found = printed("p", svg).unwrap();
        assert_eq!((found.len(), found[0].text.as_str()), (1, "5 < 6"));
        assert_eq!(found[0].provenance["origins"][0]["name"], "it's");
    }
}
