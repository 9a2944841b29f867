//! Measures the release build against its limits, each beside its peer in the same run; exits 1 when one is
//! missed. `bench [NAME]…` runs some; `bench floor …` and `bench clients …` are its own other processes.

mod cpu;
mod fanout;
mod history;
mod ingest;
mod neighbours;
mod peer;
mod pixel;
mod sockets;
mod sources;
mod start;
mod sustained;

use std::process::ExitCode;

use anyhow::{Context, Result};

/// One figure, the limit it must keep, and what it was measured against.
pub struct Figure {
    pub name: String,
    pub measured: f64,
    pub limit: Limit,
    pub unit: &'static str,
    pub peer: String,
}

/// Which side of a limit is good.
pub enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    fn is_kept(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.measured >= limit,
            Limit::AtMost(limit) => self.measured <= limit,
        }
    }

    fn line(&self) -> String {
        let (sign, limit) = match self.limit {
            Limit::AtLeast(limit) => ("≥", limit),
            Limit::AtMost(limit) => ("≤", limit),
        };
        let verdict = if self.is_kept() { "kept  " } else { "MISSED" };
        format!(
            "{verdict}  {:<44} {:>10.2} {}  (limit {sign} {limit:.2} {})  {}",
            self.name, self.measured, self.unit, self.unit, self.peer
        )
    }
}

const NAMES: [&str; 9] =
    ["ingest", "sustained", "sources", "neighbours", "history", "fanout", "pixel", "start", "peer"];

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["floor", bytes] => return sockets::floor(bytes.parse().context("bytes")?).map(|()| ExitCode::SUCCESS),
        ["clients", authority, count, greeting] => {
            let greet = *greeting == "live";
            return sockets::clients(authority, count.parse().context("count")?, greet).map(|()| ExitCode::SUCCESS);
        }
        names => {
            if let Some(unknown) = names.iter().find(|name| !NAMES.contains(name)) {
                anyhow::bail!("unknown benchmark {unknown}; there are {}", NAMES.join(", "));
            }
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut missed = 0;
    for name in NAMES.into_iter().filter(|name| words.is_empty() || words.contains(name)) {
        println!("\n{name}");
        let figures = runtime.block_on(async {
            match name {
                "ingest" => ingest::measure().await,
                "sustained" => sustained::measure().await,
                "sources" => sources::measure().await,
                "history" => history::measure().await,
                "fanout" => fanout::measure().await,
                "neighbours" => neighbours::measure().await,
                "pixel" => pixel::measure().await,
                "peer" => peer::measure().await,
                _ => start::measure().await,
            }
        })?;
        for figure in figures {
            missed += usize::from(!figure.is_kept());
            println!("  {}", figure.line());
        }
    }
    println!("\n{}", if missed == 0 { "all limits kept".to_owned() } else { format!("{missed} limits missed") });
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
