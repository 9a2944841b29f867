//! A real Chromium without a window, driven over its DevTools protocol.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::eventually;
use crate::process::Process;
use crate::raster::Picture;

const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A browser with one page.
pub struct Chromium {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    _process: Process,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one with an empty profile and a page of `width` × `height` pixels.
    ///
    /// # Errors
    /// When there is none or it does not answer.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let profile = TempDir::new()?;
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--no-proxy-server".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--accept-lang=vi-VN,vi".to_owned(),
            "--force-device-scale-factor=1".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
            "--remote-debugging-port=0".to_owned(),
            "about:blank".to_owned(),
        ];
        let process = Process::start(&program()?, &arguments, &[], &profile.path().join("chromium.log"))?;
        let port = Self::port(profile.path()).await.with_context(|| process.log_tail())?;
        let address = Self::page_address(port).await?;
        let limits = WebSocketConfig::default().max_message_size(Some(256 << 20)).max_frame_size(Some(256 << 20));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(address, Some(limits), true).await?;
        let mut browser = Self { socket, next_id: 0, _process: process, _profile: profile };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", size).await?;
        browser.call("Page.enable", json!({})).await?;
        Ok(browser)
    }

    async fn port(profile: &Path) -> Result<u16> {
        let file = profile.join("DevToolsActivePort");
        eventually("Chromium's port", ANSWER_LIMIT, || async {
            let text = tokio::fs::read_to_string(&file).await?;
            Ok(text.lines().next().context("empty")?.parse()?)
        })
        .await
    }

    async fn page_address(port: u16) -> Result<String> {
        eventually("a page", ANSWER_LIMIT, || async {
            let targets: Value = reqwest::get(format!("http://127.0.0.1:{port}/json/list")).await?.json().await?;
            let pages = targets.as_array().context("no targets")?;
            let page = pages.iter().find(|target| target["type"] == "page").context("no page")?;
            Ok(page["webSocketDebuggerUrl"].as_str().context("no address")?.to_owned())
        })
        .await
    }

    /// Calls a method of the protocol.
    ///
    /// # Errors
    /// When it fails or is not answered.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.next_id += 1;
        let id = self.next_id;
        let request = json!({ "id": id, "method": method, "params": params });
        self.socket.send(Message::text(request.to_string())).await?;
        let answer = async {
            while let Some(message) = self.socket.next().await {
                let Message::Text(text) = message? else { continue };
                let mut answer: Value = serde_json::from_str(&text)?;
                if answer["id"] == id {
                    ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                    return Ok(answer["result"].take());
                }
            }
            bail!("Chromium is gone")
        };
        tokio::time::timeout(ANSWER_LIMIT, answer).await.with_context(|| format!("{method}: no answer"))?
    }

    /// Opens an address.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(&mut self, address: &str) -> Result<()> {
        let answer = self.call("Page.navigate", json!({ "url": address })).await?;
        ensure!(answer["errorText"].is_null(), "{address}: {}", answer["errorText"]);
        Ok(())
    }

    /// The value of an expression; promises are awaited.
    ///
    /// # Errors
    /// When it throws.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", params).await?;
        ensure!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub async fn until(&mut self, expression: &str, limit: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let value = self.evaluate(expression).await.unwrap_or(Value::Null);
            if value == true {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                let text = self.evaluate("document.documentElement.outerHTML.slice(0, 2000)").await?;
                bail!("{expression} is {value} after {limit:?}; the page is {text}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Moves the mouse to a place.
    ///
    /// # Errors
    /// When Chromium is gone.
    pub async fn hover(&mut self, x: f64, y: f64) -> Result<()> {
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y })).await?;
        Ok(())
    }

    /// The texts of every panel of the page that shows a view, by panel.
    ///
    /// # Errors
    /// When it shows none.
    pub async fn texts(&mut self) -> Result<BTreeMap<String, Vec<String>>> {
        let found = self
            .evaluate(
                "Object.fromEntries([...document.querySelectorAll('#picture > g')].map(panel => \
                 [panel.dataset.panel, [...panel.querySelectorAll('[role=img]')].map(text => text.getAttribute('aria-label'))]))",
            )
            .await?;
        serde_json::from_value(found).context("the texts of the page")
    }

    /// What the page that shows a view has drawn, on `width` × `height` pixels; kept as PNG at `path`.
    ///
    /// # Errors
    /// When it cannot be painted or written.
    pub async fn picture(&mut self, width: u32, height: u32, path: &Path) -> Result<Picture> {
        // The drawing alone, on whole pixels: what stands around it moves it by fractions.
        let place = format!(
            "document.getElementById('picture').style = 'position:fixed;left:0;top:0;width:{width}px;height:{height}px'"
        );
        self.evaluate(&place).await?;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png", "clip": clip })).await?;
        let text = answer["data"].as_str().context("no picture")?;
        std::fs::write(path, from_base64(text)?).with_context(|| path.display().to_string())?;
        Picture::read(path)
    }
}

fn program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file());
    found.context("Chromium is not installed: apt-get install chromium")
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for symbol in text.bytes().filter(|symbol| *symbol != b'=') {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => bail!("no base64: {symbol}"),
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_is_read_back() {
        assert_eq!(from_base64("VG/DoG4gQ+G6o25o").unwrap(), "Toàn Cảnh".as_bytes());
        assert_eq!(from_base64("YQ==").unwrap(), b"a");
        assert!(from_base64("Y Q").is_err());
    }
}
