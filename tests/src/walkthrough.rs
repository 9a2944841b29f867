//! The steps of a guide: the very blocks that a reader follows, out of its text.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A block of a guide that a reader does something with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// ```` ```toml into=FILE ````: it is added to the end of the file.
    Add { file: String, text: String },
    /// ```` ```sql into=FILE ````: the database takes it.
    Sql { file: String, text: String },
    /// ```` ```sh run ````: commands.
    Run(String),
    /// ```` ```json NAME ````: what is answered.
    Answer { name: String, text: String },
}

/// The steps of a section, from its heading to the next one of the same level.
///
/// # Errors
/// When there is no such section, a block has no end, or its first line says what is not known.
pub fn steps(guide: &Path, heading: &str) -> Result<Vec<Step>> {
    let text = std::fs::read_to_string(guide).with_context(|| guide.display().to_string())?;
    let mut lines = text.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let mut steps = Vec::new();
    let mut seen = false;
    while let Some(line) = lines.next() {
        if line.starts_with("## ") {
            break;
        }
        seen = true;
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        steps.extend(step(info, block.join("\n") + "\n")?);
    }
    ensure!(seen, "{} has no section '{heading}'", guide.display());
    Ok(steps)
}

fn step(info: &str, text: String) -> Result<Option<Step>> {
    let Some((language, what)) = info.split_once(' ') else { return Ok(None) };
    let file = || what.strip_prefix("into=").map(str::to_owned).with_context(|| format!("```{info}"));
    Ok(Some(match language {
        "toml" => Step::Add { file: file()?, text },
        "sql" => Step::Sql { file: file()?, text },
        "sh" if what == "run" => Step::Run(text),
        "json" => Step::Answer { name: what.to_owned(), text },
        _ => anyhow::bail!("```{info} is no step that is known"),
    }))
}
