//! Many sockets in one thread: a floor that only writes, and clients that only read and count.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// How often the floor writes.
pub const TICK: Duration = Duration::from_millis(100);
const LISTENER: Token = Token(usize::MAX);

/// Accepts everyone and writes the same framed bytes to all, each tick: what nobody can do cheaper.
pub fn floor(bytes: usize) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    println!("listening on http://{}", listener.local_addr()?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let frame = framed(bytes);
    let mut events = Events::with_capacity(1024);
    let mut sockets: Vec<TcpStream> = Vec::new();
    let mut next = Instant::now() + TICK;
    loop {
        poll.poll(&mut events, Some(next.saturating_duration_since(Instant::now())))?;
        while let Ok((mut socket, _)) = listener.accept() {
            socket.set_nodelay(true)?;
            poll.registry().register(&mut socket, Token(sockets.len()), Interest::READABLE)?;
            sockets.push(socket);
        }
        if Instant::now() >= next {
            next += TICK;
            sockets.retain_mut(|socket| socket.write(&frame).is_ok_and(|written| written == frame.len()));
        }
    }
}

fn framed(bytes: usize) -> Vec<u8> {
    let length = u16::try_from(bytes).unwrap_or(u16::MAX);
    let mut frame = vec![0x82, 126];
    frame.extend(length.to_be_bytes());
    frame.resize(4 + usize::from(length), b'x');
    frame
}

/// Connects `count` clients and prints, each second, how many messages they got in all and how many bytes.
pub fn clients(authority: &str, count: usize, is_live: bool) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut readers = Vec::with_capacity(count);
    for number in 0..count {
        let socket = connect(authority, is_live).with_context(|| format!("client {number}"))?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        readers.push(Reader { socket, skip: 0, head: Vec::with_capacity(10) });
    }
    println!("connected");
    let mut events = Events::with_capacity(4096);
    let mut buffer = vec![0; 64 * 1024];
    let (mut messages, mut bytes) = (0_u64, 0_u64);
    let mut next = Instant::now() + Duration::from_secs(1);
    loop {
        poll.poll(&mut events, Some(next.saturating_duration_since(Instant::now())))?;
        for event in &events {
            let reader = &mut readers[event.token().0];
            let (more, read) = reader.read(&mut buffer)?;
            messages += more;
            bytes += read;
        }
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            println!("{messages} {bytes}");
        }
    }
}

fn connect(authority: &str, is_live: bool) -> Result<Blocking> {
    let mut socket = Blocking::connect(authority)?;
    socket.set_nodelay(true)?;
    if !is_live {
        return Ok(socket);
    }
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ioc.v1.json\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("{}", String::from_utf8_lossy(&head));
    }
    // A masked text message; the mask is zero.
    let hello = br#"{"type":"hello","view":{"wall":"main"}}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len())?, 0, 0, 0, 0];
    frame.extend(hello);
    socket.write_all(&frame)?;
    Ok(socket)
}

/// Counts whole messages without looking into them.
struct Reader {
    socket: TcpStream,
    skip: usize,
    head: Vec<u8>,
}

impl Reader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<(u64, u64)> {
        let (mut messages, mut bytes) = (0, 0);
        loop {
            match self.socket.read(buffer) {
                Ok(0) => bail!("a server closed the connection"),
                Ok(length) => {
                    bytes += length as u64;
                    messages += self.count(&buffer[..length]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok((messages, bytes)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn count(&mut self, mut piece: &[u8]) -> u64 {
        let mut messages = 0;
        while !piece.is_empty() {
            if self.skip > 0 {
                let passed = self.skip.min(piece.len());
                self.skip -= passed;
                piece = &piece[passed..];
                continue;
            }
            self.head.push(piece[0]);
            piece = &piece[1..];
            if let Some(length) = payload_length(&self.head) {
                self.skip = length;
                self.head.clear();
                messages += 1;
            }
        }
        messages
    }
}

/// The length of a server's frame once its head is whole.
fn payload_length(head: &[u8]) -> Option<usize> {
    match (head.get(1)?, head.len()) {
        (126, 4) => Some(usize::from(u16::from_be_bytes([head[2], head[3]]))),
        (127, 10) => head[2..].try_into().ok().and_then(|bytes| usize::try_from(u64::from_be_bytes(bytes)).ok()),
        (126 | 127, _) => None,
        (length, _) => Some(usize::from(*length)),
    }
}
