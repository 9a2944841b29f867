//! A wall and a page that watch the same view, and whether both show what the server knows.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::chromium::Chromium;
use crate::picture::texts_of;
use crate::{Centre, Server, Wall};

/// The size in which both draw.
const SIZE: (u32, u32) = (640, 360);
/// How soon both show everything again.
const RIGHT_AGAIN: Duration = Duration::from_secs(10);

/// A wall and a page of the wall `main`.
pub struct Watchers {
    pub wall: Wall,
    pub page: Chromium,
    folder: PathBuf,
}

impl Watchers {
    /// Starts a wall that may use any of `servers` (`http://…`), and a page of the first.
    ///
    /// # Errors
    /// When one of them is not there.
    pub async fn start(centre: &Centre, servers: &[&str]) -> Result<Self> {
        let (size, servers_text) = (format!("{}x{}", SIZE.0, SIZE.1), servers.join(","));
        let arguments = ["--server", &servers_text, "--wall", "main", "--headless", &size];
        let wall = Wall::start_with(&arguments, &centre.path("wall.log"))?;
        let mut page = Chromium::start(SIZE.0, SIZE.1 + 40).await?;
        open(&mut page, &format!("{}/watch/wall/main", servers.first().context("no server")?)).await?;
        let folder = centre.path("watchers");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { wall, page, folder })
    }

    /// Reads what the wall has reported, so that it is not held up, and fails when it ended.
    ///
    /// # Errors
    /// When it ended.
    pub async fn listen(&mut self) -> Result<()> {
        self.wall.standing().await.map(|_| ())
    }

    /// Both show what the server shows a newcomer, up to `offset` at least, over links that live: the page
    /// says the same texts, and the wall has drawn what the page has drawn. Nothing may change meanwhile.
    ///
    /// # Errors
    /// When they do not within the promised time, with what differs.
    pub async fn agree(&mut self, server: &Server, offset: u64) -> Result<()> {
        let deadline = tokio::time::Instant::now() + RIGHT_AGAIN;
        loop {
            let Err(error) = self.compare(server, offset).await else { return Ok(()) };
            if tokio::time::Instant::now() > deadline {
                return Err(error.context(format!("wall and page are not right within {RIGHT_AGAIN:?}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn compare(&mut self, server: &Server, offset: u64) -> Result<()> {
        let (until, link) = self.wall.standing().await?;
        ensure!(until >= offset && link == "live", "the wall stands at {until} of {offset}, its link is {link}");
        let state = "[document.body.dataset.link, Number(document.body.dataset.offset)]";
        let state = self.page.evaluate(state).await?;
        ensure!(state[0] == "live" && state[1].as_u64() >= Some(offset), "the page stands at {state} of {offset}");
        let told = texts_of(server.authority(), json!({ "wall": "main" })).await?;
        let shown = self.page.texts().await?;
        ensure!(!told.is_empty() && shown == told, "the page shows {shown:?}, the server {told:?}");
        let drawn = self.wall.capture(&self.folder.join("wall.png")).await?;
        let painted = self.page.picture(SIZE.0, SIZE.1, &self.folder.join("page.png")).await?;
        painted.same_as(&drawn).context("the wall and the page have drawn different things")
    }

    /// The texts of a panel on the page.
    ///
    /// # Errors
    /// When there is no such panel.
    pub async fn texts(&mut self, panel: &str) -> Result<Vec<String>> {
        self.page.texts().await?.remove(panel).with_context(|| format!("no panel {panel}"))
    }
}

/// Opens a page over a link that may be cut meanwhile.
async fn open(page: &mut Chromium, address: &str) -> Result<()> {
    let mut opened = Ok(());
    for _ in 0..10 {
        opened = page.open(address).await;
        let is_whole = "document.readyState === 'complete' && document.body.dataset.link !== undefined";
        if opened.is_ok() && page.until(is_whole, Duration::from_secs(3)).await.is_ok() {
            return Ok(());
        }
    }
    opened.and_then(|()| anyhow::bail!("{address} is never whole"))
}
