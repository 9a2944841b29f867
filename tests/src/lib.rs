//! Drives the real binaries: starts servers, walls, Redis and Chromium, cuts their connections, and asks
//! what they say. The tests themselves stand in `tests/tests/`.

pub mod centre;
pub mod certificates;
pub mod checker;
pub mod chromium;
pub mod client;
pub mod databases;
pub mod ledger;
pub mod load;
pub mod mosquitto;
pub mod people;
pub mod picture;
pub mod process;
pub mod proxy;
pub mod raster;
pub mod receiver;
pub mod redis;
pub mod server;
pub mod walkthrough;
pub mod wall;
pub mod watchers;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use centre::Centre;
pub use checker::{Checker, CheckerOptions};
pub use client::Client;
pub use server::Server;
pub use wall::Wall;
pub use watchers::Watchers;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A binary of this workspace, built in the same profile as the running test.
///
/// # Errors
/// When it was not built, with the command that does.
pub fn binary(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("where this test runs")?;
    let folders = this.ancestors().skip(1).take(2);
    let candidates: Vec<PathBuf> = folders.map(|folder| folder.join(name)).collect();
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => bail!("{name} is not built; run `cargo build --workspace --bins` first (looked at {candidates:?})"),
    }
}

/// A client of HTTP that waits so long for an answer.
///
/// # Errors
/// When it cannot be made.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client> {
    // The client can TLS, and wants to know by which cryptography; whoever was first has said it.
    let _said_before = rustls::crypto::ring::default_provider().install_default().is_err();
    Ok(reqwest::Client::builder().timeout(timeout).build()?)
}

/// A number from the environment, to make a test longer or shorter.
#[must_use]
pub fn count(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, got '{text}'")),
        Err(_) => default,
    }
}

/// A file of real data that is not part of the repository.
///
/// # Errors
/// When it is absent, with where it is expected.
pub fn shared(name: &str) -> Result<PathBuf> {
    let path = root().join("../shared/data").join(name);
    anyhow::ensure!(path.is_file(), "{name} is needed and is not at {}", path.display());
    Ok(path)
}

/// Asks again until `ask` gives something, for things that have no event to wait for.
///
/// # Errors
/// After `limit`, with `what` and the last error.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = tokio::time::Instant::now() + limit;
    let mut pause = Duration::from_millis(5);
    loop {
        let error = match ask().await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if tokio::time::Instant::now() + pause > deadline {
            return Err(error.context(format!("{what}: not within {limit:?}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
