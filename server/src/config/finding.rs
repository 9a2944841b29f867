//! What is wrong with a configuration: where, what, and what would be right.

use std::fmt;

use panels::nearest;
use serde::Serialize;
use utoipa::ToSchema;

/// One thing that is wrong. Displays as `indicators.toml:12: unknown key 'unti' in …; did you mean 'unit'?`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// Relative to the folder; `environment` for a variable.
    #[schema(example = "indicators.toml")]
    pub file: String,
    /// Counted from 1.
    pub line: Option<u32>,
    pub key: Option<String>,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong, in the order of files and lines; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// `; did you mean 'x'?`, or what is known, or nothing when nothing is.
#[must_use]
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("; did you mean '{near}'?");
    }
    let all: Vec<&str> = known.into_iter().collect();
    match all.len() {
        0 => String::new(),
        1..=20 => format!("; known: {}", all.join(", ")),
        many => format!("; known: {}, … ({many} in all)", all[..20].join(", ")),
    }
}
