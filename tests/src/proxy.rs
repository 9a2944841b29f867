//! A TCP proxy that treats connections badly, the same way for the same seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How badly connections are treated.
#[derive(Debug, Clone, Copy)]
pub struct Mischief {
    /// Names the run.
    pub seed: u64,
    /// Shortest and longest life of a connection; `None` lets it live.
    pub life: Option<(Duration, Duration)>,
    /// Of 1,000 pieces, how many are held back, and how long at most.
    pub stalls: (u32, Duration),
    /// Of 1,000 pieces, how many are cut in two with a pause between.
    pub splits: u32,
}

impl Mischief {
    /// Passes everything on.
    #[must_use]
    pub fn none() -> Self {
        Self { seed: 0, life: None, stalls: (0, Duration::ZERO), splits: 0 }
    }
}

/// A running proxy.
pub struct Proxy {
    authority: String,
    cuts: Arc<AtomicU64>,
    mischief: watch::Sender<Mischief>,
    acceptor: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Proxy {
    /// Listens on a free port for connections to `target` (`127.0.0.1:PORT`).
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(target: &str, mischief: Mischief) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let authority = listener.local_addr()?.to_string();
        let cuts = Arc::new(AtomicU64::new(0));
        let (sender, receiver) = watch::channel(mischief);
        let acceptor = tokio::spawn(accept(listener, target.to_owned(), receiver, Arc::clone(&cuts)));
        Ok(Self { authority, cuts, mischief: sender, acceptor })
    }

    /// Where it listens.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// How many connections it has cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }

    /// From now on lets connections live, those that are open too.
    pub fn calm(&self) {
        self.mischief.send_replace(Mischief::none());
    }
}

async fn accept(listener: TcpListener, target: String, mischief: watch::Receiver<Mischief>, cuts: Arc<AtomicU64>) {
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        number += 1;
        tokio::spawn(serve(client, target.clone(), number, mischief.clone(), Arc::clone(&cuts)));
    }
}

async fn serve(
    client: TcpStream,
    target: String,
    number: u64,
    mut mischief: watch::Receiver<Mischief>,
    cuts: Arc<AtomicU64>,
) {
    let Ok(server) = TcpStream::connect(&target).await else { return };
    let treatment = *mischief.borrow_and_update();
    let mut dice = StdRng::seed_from_u64(treatment.seed.wrapping_mul(0x9E37_79B9).wrapping_add(number));
    let life = treatment.life.map(|(shortest, longest)| dice.random_range(shortest..=longest));
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    let up = pass(client_reader, server_writer, treatment, StdRng::seed_from_u64(dice.random()));
    let down = pass(server_reader, client_writer, treatment, StdRng::seed_from_u64(dice.random()));
    let death = async {
        match life {
            Some(life) => tokio::select! {
                () = tokio::time::sleep(life) => {}
                _ = mischief.changed() => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = death => {
            cuts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, treatment: Mischief, mut dice: StdRng) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let mut rest = &piece[..length];
        if dice.random_range(0..1000) < treatment.stalls.0 {
            tokio::time::sleep(dice.random_range(Duration::ZERO..=treatment.stalls.1)).await;
        }
        if length > 1 && dice.random_range(0..1000) < treatment.splits {
            let (first, second) = rest.split_at(dice.random_range(1..length));
            if to.write_all(first).await.is_err() {
                break;
            }
            tokio::time::sleep(dice.random_range(Duration::ZERO..=Duration::from_millis(20))).await;
            rest = second;
        }
        if to.write_all(rest).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}
