//! The small centres that tests run, each in a folder of its own.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::server::{Server, ServerOptions};

/// The indicators of a small centre are `test.0`, `test.1`, …
#[must_use]
pub fn indicator(number: usize) -> String {
    format!("test.{number}")
}

/// The area that small centres show.
pub const AREA: &str = "51";

/// A configuration on disk, and room for what servers and walls write.
pub struct Centre {
    folder: TempDir,
}

/// What a small centre has.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// As many indicators, each with a panel.
    pub panels: usize,
    /// The kind of these panels.
    pub kind: &'static str,
    pub canvas: (u32, u32),
    pub lead_ms: u32,
    /// Appended to centre.toml.
    pub settings: &'static str,
}

impl Default for Plan {
    fn default() -> Self {
        Self { panels: 6, kind: "value", canvas: (1280, 720), lead_ms: 0, settings: "" }
    }
}

impl Centre {
    /// A small one: every value that is posted stays until the next one, and numbers change on each tick.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn small() -> Result<Self> {
        Self::of(Plan::default())
    }

    /// One to a plan.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of(plan: Plan) -> Result<Self> {
        let centre = Self { folder: TempDir::new()? };
        for (name, text) in files(plan) {
            centre.write(name, &text)?;
        }
        Ok(centre)
    }

    /// A copy of a folder of the repository.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy_of(folder: &Path) -> Result<Self> {
        let centre = Self { folder: TempDir::new()? };
        copy(folder, &centre.config())?;
        Ok(centre)
    }

    /// The folder with the configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// A place of its own for a server's data, a log or a picture.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.config().join(name);
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// Replaces a text in a file of the configuration.
    ///
    /// # Errors
    /// When it is not there.
    pub fn replace(&self, name: &str, old: &str, new: &str) -> Result<()> {
        let path = self.config().join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(text.contains(old), "{name} has no {old}");
        self.write(name, &text.replacen(old, new, 1))
    }

    /// How a server of this centre is started; its data folder is `name`.
    #[must_use]
    pub fn options(&self, name: &str) -> ServerOptions {
        ServerOptions::new(&self.config(), &self.path(name))
    }

    /// Starts a server of this centre.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn serve(&self) -> Result<Server> {
        Server::start(self.options("data")).await
    }
}

fn files(plan: Plan) -> Vec<(&'static str, String)> {
    let (width, height) = plan.canvas;
    vec![
        (
            "centre.toml",
            format!(
                "organisation = {{ vi = \"UBND tỉnh thử nghiệm\", en = \"Test Province\" }}\n\
                 centre = {{ vi = \"Trung tâm thử nghiệm\", en = \"Test Centre\" }}\n\n\
                 [hub]\ntick_ms = 50\nreadout_interval_ms = 0\n{}",
                plan.settings
            ),
        ),
        ("areas.toml", "[[area]]\nid = \"51\"\nname = { vi = \"Tỉnh thử\", en = \"Test Province\" }\n".to_owned()),
        ("agencies.toml", "[[agency]]\nid = \"stc\"\nname = { vi = \"Sở Thử nghiệm\", en = \"Testing\" }\n".to_owned()),
        ("sources.toml", String::new()),
        ("indicators.toml", indicators(plan.panels)),
        (
            "walls.toml",
            format!(
                "[[wall]]\nid = \"main\"\nname = {{ vi = \"Màn hình chính\", en = \"Main wall\" }}\nlayout = \"overview\"\n\
                 canvas = {{ width_px = {width}, height_px = {height} }}\nlead_ms = {}\n",
                plan.lead_ms
            ),
        ),
        ("layouts/overview.toml", layout("Tổng quan", plan.panels, plan.kind)),
        ("layouts/second.toml", layout("Bố cục hai", plan.panels.div_ceil(2), plan.kind)),
    ]
}

fn indicators(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let id = indicator(number);
        let _ = writeln!(
            text,
            "[[indicator]]\nid = \"{id}\"\nname = {{ vi = \"Chỉ tiêu {number}\", en = \"Indicator {number}\" }}\n\
             unit = {{ vi = \"tỷ đồng\", en = \"billion VND\" }}\nperiod = \"day\"\nowner = \"stc\"\n\
             expected_interval_secs = 86400\n"
        );
    }
    text
}

/// A layout with a tile for each of `count` indicators, on a grid of 32 × 18.
fn layout(name: &str, count: usize, kind: &str) -> String {
    let columns = (1..).find(|columns| columns * columns >= count).unwrap_or(1);
    let rows = count.div_ceil(columns);
    let (width, height) = (32 / columns, 18 / rows);
    let mut text = format!("name = {{ vi = \"{name}\", en = \"{name}\" }}\n");
    for number in 0..count {
        let (column, row) = (number % columns * width, number / columns * height);
        let id = indicator(number);
        let series = match kind {
            "value" => format!("indicator = \"{id}\", area = \"{AREA}\""),
            _ => format!("indicator = \"{id}\", area = \"{AREA}\", secs = 86400"),
        };
        let _ = writeln!(
            text,
            "\n[[panel]]\nid = \"p{number}\"\nkind = \"{kind}\"\n\
             place = {{ column = {column}, row = {row}, columns = {width}, rows = {height} }}\noptions = {{ {series} }}"
        );
    }
    text
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
