//! Who is told by webhooks: an HTTP server of a test's own, that answers as the test sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Most bytes of a request.
const MOST_BYTES: usize = 1 << 20;

/// It keeps every body that it took.
pub struct Receiver {
    port: u16,
    status: Arc<AtomicU16>,
    told: watch::Receiver<Vec<Value>>,
}

impl Receiver {
    /// Listens on a port of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (sender, told) = watch::channel(Vec::new());
        let (sender, status) = (Arc::new(sender), Arc::new(AtomicU16::new(200)));
        let answers = Arc::clone(&status);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (sender, answers) = (Arc::clone(&sender), Arc::clone(&answers));
                // Who goes away while speaking was not heard.
                tokio::spawn(async move { drop(serve(socket, &sender, &answers).await) });
            }
        });
        Ok(Self { port, status, told })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/alarms", self.port)
    }

    /// What it answers from now on; only with 200 it takes what it was told.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it took so far.
    #[must_use]
    pub fn told(&self) -> Vec<Value> {
        self.told.borrow().clone()
    }

    /// Waits until it took so many.
    ///
    /// # Errors
    /// When it never does.
    pub async fn until(&self, count: usize) -> Result<Vec<Value>> {
        let mut told = self.told.clone();
        let all = told.wait_for(|told| told.len() >= count).await.context("the receiver is gone")?;
        Ok(all.clone())
    }
}

async fn serve(mut socket: TcpStream, told: &watch::Sender<Vec<Value>>, answers: &AtomicU16) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        let Some(body) = request(&mut socket, &mut bytes).await? else { return Ok(()) };
        let status = answers.load(Ordering::SeqCst);
        if status == 200 {
            let body = serde_json::from_slice(&body)?;
            told.send_modify(|told| told.push(body));
        }
        let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await?;
    }
}

/// The body of the next request; `None` at the end of the connection.
async fn request(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).context("no length")?;
            let whole = end + 4 + length.trim().parse::<usize>()?;
            if bytes.len() >= whole {
                let body = bytes[end + 4..whole].to_vec();
                bytes.drain(..whole);
                return Ok(Some(body));
            }
        }
        if bytes.len() > MOST_BYTES {
            bail!("a request of more than {MOST_BYTES} bytes");
        }
        if socket.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}
