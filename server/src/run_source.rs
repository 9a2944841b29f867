//! `ioc-server source run NAME --once`: has a source look for news now, by the server that runs it if there is one.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::Url;

use crate::app::App;
use crate::config::CentreConfig;
use crate::sources::rounds::{PATIENCE, Round};
use crate::store::folder::{self, FolderError};

/// Where the answer of a server says what is wrong.
const DETAIL: &str = "detail";

/// Which server is asked, and what it is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Door<'a> {
    /// The one that has the data folder if absent.
    pub server: Option<&'a str>,
    /// A file with the token of an administrator, for a centre that has accounts.
    pub token_file: Option<&'a Path>,
}

/// Asks a server; when none has the data folder, that is opened here.
///
/// # Errors
/// When there is no such source, it cannot be read, or its server not be asked.
pub async fn run(config: CentreConfig, source: &str, data: &Path, door: Door<'_>) -> anyhow::Result<Round> {
    let known = || config.sources.iter().map(|spec| spec.info.id.as_str());
    let token = match door.token_file {
        None => None,
        Some(file) => {
            let read = std::fs::read_to_string(file);
            Some(read.with_context(|| format!("the token file {} cannot be read", file.display()))?.trim().to_owned())
        }
    };
    if let Some(server) = door.server {
        return ask(server, source, token.as_deref()).await;
    }
    let Some(spec) = config.sources.iter().find(|spec| spec.info.id.as_str() == source).cloned() else {
        anyhow::bail!("there is no source '{source}'{}", crate::config::suggestion(source, known()));
    };
    anyhow::ensure!(
        config.settings.log.redis.is_none(),
        "the log is shared by several servers; say with --server which one runs the sources"
    );
    match folder::claim(data) {
        // The server itself claims it.
        Ok(claimed) => drop(claimed),
        Err(FolderError::InUse { .. }) => {
            return ask(&address(&config.settings.server.listen)?, source, token.as_deref()).await;
        }
        Err(error) => return Err(error.into()),
    }
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    // The others stay what they are to the centre; they only do not run.
    let alone = CentreConfig { sources: vec![spec.clone()], ..config };
    let app = App::start(alone, data, nowhere).await?;
    Ok(app.run_once(&spec).await?)
}

/// The address of a server on this machine that listens there.
fn address(listen: &str) -> anyhow::Result<String> {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "0"));
    anyhow::ensure!(port != "0", "the data folder is in use by a server; say with --server where it answers");
    let host = match host {
        "0.0.0.0" | "" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    Ok(format!("http://{host}:{port}"))
}

async fn ask(server: &str, source: &str, token: Option<&str>) -> anyhow::Result<Round> {
    crate::tls::provide();
    let mut url =
        Url::parse(server).with_context(|| format!("'{server}' is no address such as http://127.0.0.1:8080"))?;
    url.path_segments_mut()
        .map_err(|()| anyhow::anyhow!("'{server}' is no address such as http://127.0.0.1:8080"))?
        .pop_if_empty()
        .extend(["api", "v1", "sources", source, "run"]);
    // The server itself says when it takes too long.
    let patience = PATIENCE + Duration::from_secs(10);
    let client = reqwest::Client::builder().timeout(patience).no_proxy().build()?;
    let mut request = client.post(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.with_context(|| format!("{server} does not answer"))?;
    let status = answer.status();
    let text = answer.text().await.with_context(|| format!("{server} does not answer"))?;
    if status.is_success() {
        return serde_json::from_str(&text).with_context(|| format!("{server} answered something else: {text}"));
    }
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    anyhow::bail!(
        "{}",
        problem[DETAIL].as_str().map_or_else(|| format!("{server} answered {status}: {text}"), str::to_owned)
    )
}

/// As people read it.
#[must_use]
pub fn text(round: &Round) -> String {
    let Round { source, kind, took_ms, accepted, refused, problems } = round;
    let mut text =
        format!("{source} ({kind}): {accepted} values recorded, {refused} rows or values refused, in {took_ms} ms\n");
    for problem in problems {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}: {}", problem.place, problem.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_this_machine_is_asked_where_it_listens() {
        for (listen, expected) in [
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("0.0.0.0:80", Some("http://127.0.0.1:80")),
            ("[::]:8080", Some("http://[::1]:8080")),
            ("10.1.2.3:8080", Some("http://10.1.2.3:8080")),
            ("127.0.0.1:0", None),
        ] {
            assert_eq!(address(listen).ok().as_deref(), expected, "{listen}");
        }
    }
}
