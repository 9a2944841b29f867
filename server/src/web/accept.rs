//! The accept loop: bounded, and patient only with those who speak.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

/// A place among the open sockets, kept for as long as anything of the connection lives.
#[derive(Clone)]
pub struct Seat(#[allow(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Sockets that may be open at once.
const MAX_CONNECTIONS: usize = 20_000;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to hear that there is no room.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// What it hears.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 98\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"too many connections\"}\n";
/// How long to wait when no socket can be accepted (out of files).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// The smallest that hyper takes: a live connection keeps it.
const HEAD_BUFFER_BYTES: usize = 8 * 1024;

/// Accepts and serves until `stopping`, then waits for the connections to end.
pub async fn serve(listener: TcpListener, router: Router, mut stopping: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => match Arc::clone(&seats).try_acquire_owned() {
                Ok(seat) => {
                    let (router, stopping) = (router.clone(), stopping.clone());
                    tokio::spawn(connection(stream, peer, Seat(Arc::new(seat)), router, stopping));
                }
                Err(_) => {
                    tracing::warn!(%peer, "turned away: {MAX_CONNECTIONS} connections are open");
                    tokio::spawn(turn_away(stream));
                }
            },
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    // All seats are free when the last connection has ended.
    drop(seats.acquire_many(MAX_CONNECTIONS as u32).await);
}

/// Resolves when the server is to stop, or is gone.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

async fn turn_away(mut stream: TcpStream) {
    // One who does not take it learns no more.
    drop(tokio::time::timeout(TURN_AWAY_TIMEOUT, stream.write_all(NO_ROOM)).await);
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket keeps its delay");
    }
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(seat.clone());
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}
