//! CPU time of processes, from /proc.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Microseconds that a process has used.
pub fn micros(id: u32) -> Result<f64> {
    let usage = Usage::read(id)?;
    Ok(usage.own_micros)
}

/// Microseconds that a process has used, and all that come from it, those that have ended too.
pub fn tree_micros(root: u32) -> Result<f64> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        // One that ends meanwhile counts with its parent.
        let id = entry?.file_name().to_string_lossy().parse::<u32>().ok();
        all.extend(id.and_then(|id| Some((id, Usage::read(id).ok()?))));
    }
    anyhow::ensure!(all.contains_key(&root), "process {root} has ended");
    let is_of_tree = |mut id: u32| {
        while id != root && id > 1 {
            id = all.get(&id).map_or(0, |usage| usage.parent);
        }
        id == root
    };
    let tree = all.iter().filter(|(id, _)| is_of_tree(**id));
    Ok(tree.map(|(_, usage)| usage.own_micros + usage.ended_micros).sum())
}

struct Usage {
    parent: u32,
    own_micros: f64,
    /// Of its children that have ended.
    ended_micros: f64,
}

impl Usage {
    fn read(id: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().context("stat")?.split(' ').collect();
        // Clock ticks are hundredths of a second on every Linux that this runs on.
        let micros = |field: usize| Ok::<_, anyhow::Error>(fields[field].parse::<f64>()? * 10_000.0);
        Ok(Self {
            parent: fields[1].parse()?,
            own_micros: micros(11)? + micros(12)?,
            ended_micros: micros(13)? + micros(14)?,
        })
    }
}
