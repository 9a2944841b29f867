//! A client of `/live` that speaks JSON and keeps nothing: it says what it is told to and gives what comes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long a message may take: idle views get one every second.
pub const MESSAGE_LIMIT: Duration = Duration::from_secs(5);

/// An open connection.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Opens a connection to `authority` with a subprotocol, without a word.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open(authority: &str, subprotocol: &str) -> Result<Self> {
        let mut request = format!("ws://{authority}/live").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(subprotocol)?);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.context("opening /live")?;
        Ok(Self { socket })
    }

    /// Opens a connection and says hello for `view`: `{"wall": "main"}` or `{"layout": "overview"}`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn hello(authority: &str, view: Value) -> Result<Self> {
        let mut client = Self::open(authority, "ioc.v1.json").await?;
        client.say(json!({ "type": "hello", "view": view })).await?;
        Ok(client)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn say(&mut self, message: Value) -> Result<()> {
        self.say_text(message.to_string()).await
    }

    /// Sends any text.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn say_text(&mut self, text: String) -> Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next message.
    ///
    /// # Errors
    /// When none comes in time, the connection ends, or it is no JSON.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            let next = tokio::time::timeout(MESSAGE_LIMIT, self.socket.next()).await.context("no message in time")?;
            match next.context("the connection ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                Message::Binary(bytes) => bail!("{} bytes of binary on a JSON connection", bytes.len()),
                _ => {}
            }
        }
    }

    /// The next message of a type; others are passed over.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_of(&mut self, kind: &str) -> Result<Value> {
        loop {
            let message = self.next().await?;
            if message["type"] == kind {
                return Ok(message);
            }
        }
    }

    /// Reads until a change is `wanted`; gives its body.
    ///
    /// # Errors
    /// When none comes within `limit`.
    pub async fn change(&mut self, limit: Duration, mut wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        let search = async {
            loop {
                let message = self.next().await?;
                let changes = message["changes"].as_array().cloned().unwrap_or_default();
                if let Some(change) = changes.into_iter().find(|change| wanted(change)) {
                    return Ok(change);
                }
            }
        };
        tokio::time::timeout(limit, search).await.context("the change did not come in time")?
    }
}
