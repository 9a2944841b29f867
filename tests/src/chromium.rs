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
    process: Process,
    _profile: TempDir,
}

/// What a browser paints and composes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graphics {
    /// No GPU, not even one in software.
    Cpu,
    /// Mesa's Vulkan in software, which a wall without a GPU draws with too.
    Lavapipe,
    /// Mesa's OpenGL in software.
    Llvmpipe,
    /// Chromium's own GPU in software.
    SwiftShader,
}

impl Graphics {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["--disable-gpu"],
            Self::Lavapipe => &["--use-gl=angle", "--use-angle=vulkan", "--ignore-gpu-blocklist"],
            Self::Llvmpipe => &["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
            Self::SwiftShader => {
                &["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
            }
        }
    }

    /// Whether a renderer as WebGL names it is this one.
    #[must_use]
    pub fn is_named(self, renderer: &str) -> bool {
        match self {
            Self::Cpu => renderer.is_empty(),
            Self::Lavapipe => renderer.contains("llvmpipe") && renderer.contains("Vulkan"),
            Self::Llvmpipe => renderer.contains("llvmpipe") && renderer.contains("OpenGL"),
            Self::SwiftShader => renderer.contains("SwiftShader"),
        }
    }
}

impl Chromium {
    /// Starts one with an empty profile and a page of `width` × `height` pixels.
    ///
    /// # Errors
    /// When there is none or it does not answer.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let mut browser = Self::start_with((width, height), Graphics::Cpu, &[]).await?;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", size).await?;
        Ok(browser)
    }

    /// Starts one that paints with `graphics`, in a window of `size` pixels, with arguments of one's own.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with((width, height): (u32, u32), graphics: Graphics, more: &[&str]) -> Result<Self> {
        let profile = TempDir::new()?;
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--no-proxy-server".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--accept-lang=vi-VN,vi".to_owned(),
            "--force-device-scale-factor=1".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
            "--remote-debugging-port=0".to_owned(),
        ];
        let asked = graphics.arguments().iter().chain(more);
        arguments.extend(asked.map(|argument| (*argument).to_owned()).chain(["about:blank".to_owned()]));
        let variables = if graphics == Graphics::Lavapipe { software_vulkan()? } else { Vec::new() };
        let process = Process::start(&program()?, &arguments, &variables, &profile.path().join("chromium.log"))?;
        let port = Self::port(profile.path()).await.with_context(|| process.log_tail())?;
        let address = Self::page_address(port).await?;
        let limits = WebSocketConfig::default().max_message_size(Some(256 << 20)).max_frame_size(Some(256 << 20));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(address, Some(limits), true).await?;
        let mut browser = Self { socket, next_id: 0, process, _profile: profile };
        browser.call("Page.enable", json!({})).await?;
        Ok(browser)
    }

    /// The process that all the others of this browser come from.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Makes the window as large as it must be for a page of `width` × `height` pixels.
    ///
    /// # Errors
    /// When the page is of another size all the same.
    pub async fn fit(&mut self, width: u32, height: u32) -> Result<()> {
        let window = self.call("Browser.getWindowForTarget", json!({})).await?;
        let frame = self.evaluate("[outerWidth - innerWidth, outerHeight - innerHeight]").await?;
        let [beside, above]: [u32; 2] = serde_json::from_value(frame)?;
        let bounds = json!({ "width": width + beside, "height": height + above });
        let place = json!({ "windowId": window["windowId"], "bounds": bounds });
        self.call("Browser.setWindowBounds", place).await?;
        self.until(&format!("innerWidth === {width} && innerHeight === {height}"), ANSWER_LIMIT).await
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
        let http = crate::http_client(ANSWER_LIMIT)?;
        eventually("a page", ANSWER_LIMIT, || async {
            let targets: Value = http.get(format!("http://127.0.0.1:{port}/json/list")).send().await?.json().await?;
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
        self.screenshot(width, height, path).await
    }

    /// The upper left part of what is open, kept as PNG at `path`.
    ///
    /// # Errors
    /// When it cannot be painted or written.
    pub async fn screenshot(&mut self, width: u32, height: u32, path: &Path) -> Result<Picture> {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png", "clip": clip })).await?;
        let text = answer["data"].as_str().context("no picture")?;
        std::fs::write(path, from_base64(text)?).with_context(|| path.display().to_string())?;
        Picture::read(path)
    }
}

/// The environment in which Vulkan is Mesa's in software, whatever GPU there is.
///
/// # Errors
/// When it is not installed.
pub fn software_vulkan() -> Result<Vec<(String, String)>> {
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut drivers = files.filter(|file| file.file_name().to_string_lossy().starts_with("lvp_icd"));
    let driver =
        drivers.next().context("Mesa's Vulkan in software is not installed: apt-get install mesa-vulkan-drivers")?;
    // The second is what older loaders call it.
    let names = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
    Ok(names.map(|name| (name.to_owned(), driver.path().display().to_string())).into())
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
