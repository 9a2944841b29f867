//! Against a server of the test's own that speaks as much of the protocol (MS-TDS) as a source needs.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// Packets of the protocol.
const BATCH: u8 = 1;
const ANSWER: u8 = 4;
const LOGIN: u8 = 16;
const PRELOGIN: u8 = 18;

/// What a server was told.
#[derive(Debug, Default)]
struct Heard {
    /// Whether the login said that nothing will be written.
    is_read_only: bool,
    database_and_user: bool,
    statements: Vec<String>,
}

/// A server that gives one answer to each query.
struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

/// How the server answers a query.
#[derive(Clone)]
enum Answer {
    Tokens(Vec<u8>),
    Never,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Heard>>::default());
        let hearing = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away is no failure.
                tokio::spawn(talk(stream, answer.clone(), Arc::clone(&hearing)));
            }
        });
        Self { port, heard }
    }

    fn options(&self, more: &str) -> SqlOptions {
        let text = format!(
            "engine = 'sqlserver'\nhost = '127.0.0.1'\nport = {}\ndatabase = 'thuchi'\nuser = 'reader'\ntls = 'off'\nquery = 'select 1'\n{more}\n[mapping]\narea = '51'\nvalues = []",
            self.port
        );
        toml::from_str(&text).unwrap()
    }
}

async fn talk(mut stream: TcpStream, answer: Answer, heard: Arc<Mutex<Heard>>) -> std::io::Result<()> {
    loop {
        let (kind, payload) = receive(&mut stream).await?;
        let reply = match kind {
            // A version, and that there is no TLS.
            PRELOGIN => {
                let mut reply = vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255];
                reply.extend([16, 0, 0x10, 0x6e, 0, 0, 2]);
                reply
            }
            LOGIN => {
                let mut heard = heard.lock();
                heard.is_read_only = payload[26] & 0x20 != 0;
                let said = utf16(&payload);
                heard.database_and_user = said.contains("thuchi") && said.contains("reader");
                [login_ack(), done(0, 0)].concat()
            }
            BATCH => {
                let headers = u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize;
                let statement = utf16(&payload[headers..]);
                let is_query = statement.starts_with("select");
                heard.lock().statements.push(statement);
                match (&answer, is_query) {
                    (Answer::Tokens(tokens), true) => tokens.clone(),
                    (Answer::Never, true) => continue,
                    _ => done(0, 0),
                }
            }
            _ => continue,
        };
        send(&mut stream, &reply).await?;
    }
}

/// A message, put together from its packets.
async fn receive(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let mut part = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
        stream.read_exact(&mut part).await?;
        message.extend(part);
        if header[1] & 1 == 1 {
            return Ok((header[0], message));
        }
    }
}

/// In packets of at most 4096 bytes, as was agreed on.
async fn send(stream: &mut TcpStream, message: &[u8]) -> std::io::Result<()> {
    let mut parts = message.chunks(4088).peekable();
    while let Some(part) = parts.next() {
        let length = (part.len() as u16 + 8).to_be_bytes();
        let is_last = u8::from(parts.peek().is_none());
        stream.write_all(&[ANSWER, is_last, length[0], length[1], 0, 0, 1, 0]).await?;
        stream.write_all(part).await?;
    }
    stream.flush().await
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn short(text: &str) -> Vec<u8> {
    [vec![text.encode_utf16().count() as u8], wide(text)].concat()
}

fn sized(token: u8, body: Vec<u8>) -> Vec<u8> {
    [vec![token], (body.len() as u16).to_le_bytes().to_vec(), body].concat()
}

fn login_ack() -> Vec<u8> {
    sized(0xad, [vec![1, 0x74, 0, 0, 4], short("Test"), vec![16, 0, 0, 0]].concat())
}

fn done(status: u16, rows: u64) -> Vec<u8> {
    [vec![0xfd], status.to_le_bytes().to_vec(), vec![0, 0], rows.to_le_bytes().to_vec()].concat()
}

fn error(code: u32, message: &str) -> Vec<u8> {
    let units = (message.encode_utf16().count() as u16).to_le_bytes().to_vec();
    let body =
        [code.to_le_bytes().to_vec(), vec![1, 16], units, wide(message), short("may"), short(""), vec![1, 0, 0, 0]];
    [sized(0xaa, body.concat()), done(2, 0)].concat()
}

/// Columns by their types and names.
fn columns(columns: &[(&[u8], &str)]) -> Vec<u8> {
    let column = |(kind, name): &(&[u8], &str)| [&[0, 0, 0, 0, 1, 0], *kind, &short(name)].concat();
    let all: Vec<u8> = columns.iter().flat_map(column).collect();
    [vec![0x81], (columns.len() as u16).to_le_bytes().to_vec(), all].concat()
}

fn row(values: &[Vec<u8>]) -> Vec<u8> {
    [vec![0xd1], values.concat()].concat()
}

fn text(text: &str) -> Vec<u8> {
    let wide = wide(text);
    [(wide.len() as u16).to_le_bytes().to_vec(), wide].concat()
}

fn value(bytes: &[u8]) -> Vec<u8> {
    [vec![bytes.len() as u8], bytes.to_vec()].concat()
}

/// Days since the first of the first year, as dates are sent.
fn days(day: Date) -> [u8; 3] {
    let days = day.since(date(1, 1, 1)).unwrap().get_days().to_le_bytes();
    [days[0], days[1], days[2]]
}

const NVARCHAR: &[u8] = &[0xe7, 0x40, 0x1f, 0x09, 0x04, 0xd0, 0x00, 0x34];
const INT: &[u8] = &[0x26, 8];
const BIT: &[u8] = &[0x68, 1];
const REAL: &[u8] = &[0x6d, 4];
const FLOAT: &[u8] = &[0x6d, 8];
const DECIMAL: &[u8] = &[0x6a, 17, 18, 2];
const MONEY: &[u8] = &[0x6e, 8];
const DATETIME: &[u8] = &[0x6f, 8];
const SMALLDATETIME: &[u8] = &[0x6f, 4];
const DATE: &[u8] = &[0x28];
const DATETIME2: &[u8] = &[0x2a, 3];
const DATETIMEOFFSET: &[u8] = &[0x2b, 0];
const BINARY: &[u8] = &[0xad, 8, 0];

/// All rows that a query brings, with the names of their columns.
async fn asked(options: &SqlOptions) -> Result<(Vec<String>, Vec<Vec<Cell<'static>>>), String> {
    let mut connection = Connection::open(options).await.map_err(|error| error.to_string())?;
    let (sink, mut batches) = mpsc::channel(100);
    let whole = connection.rows("select * from thu", sink).await.map_err(|error| error.to_string())?;
    assert!(whole);
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    while let Some(batch) = batches.recv().await {
        names = batch.names.to_vec();
        rows.extend(batch.rows);
    }
    Ok((names, rows))
}

#[tokio::test]
async fn every_type_is_what_it_is() {
    let cases: Vec<(&[u8], Vec<u8>, Cell<'static>)> = vec![
        (NVARCHAR, text("Quảng Ngãi"), Cell::Text("Quảng Ngãi".into())),
        (INT, value(&(-7_i64).to_le_bytes()), Cell::Number(-7.0)),
        (INT, value(&9_007_199_254_740_993_i64.to_le_bytes()), Cell::Text("9007199254740993".into())),
        (INT, value(&[]), Cell::Empty),
        (BIT, value(&[1]), Cell::Number(1.0)),
        (REAL, value(&0.1_f32.to_le_bytes()), Cell::Number(0.1)),
        (FLOAT, value(&12.25_f64.to_le_bytes()), Cell::Number(12.25)),
        (DECIMAL, value(&[&[0_u8][..], &1_250_i64.to_le_bytes()].concat()), Cell::Number(-12.5)),
        (DECIMAL, value(&[&[1_u8][..], &5_i64.to_le_bytes()].concat()), Cell::Number(0.05)),
        (MONEY, value(&[0_i32.to_le_bytes(), 123_456_i32.to_le_bytes()].concat()), Cell::Number(12.3456)),
        (
            DATETIME,
            // 45150 days, 07:30:00.003 in 300ths of a second.
            value(&[45_150_i32.to_le_bytes(), 8_100_001_i32.to_le_bytes()].concat()),
            Cell::Local(date(2023, 8, 14).at(7, 30, 0, 3_000_000)),
        ),
        (
            SMALLDATETIME,
            value(&[45_150_u16.to_le_bytes(), 450_u16.to_le_bytes()].concat()),
            Cell::Local(date(2023, 8, 14).at(7, 30, 0, 0)),
        ),
        (DATE, value(&days(date(2023, 8, 14))), Cell::Local(date(2023, 8, 14).at(0, 0, 0, 0))),
        (
            DATETIME2,
            value(&[&27_000_125_u32.to_le_bytes()[..], &days(date(2023, 8, 14))].concat()),
            Cell::Local(date(2023, 8, 14).at(7, 30, 0, 125_000_000)),
        ),
        (
            // 07:30 in Việt Nam, as UTC and an offset.
            DATETIMEOFFSET,
            value(&[&1_800_u32.to_le_bytes()[..3], &days(date(2023, 8, 14)), &420_i16.to_le_bytes()].concat()),
            Cell::Moment(Timestamp::from_secs(1_691_973_000)),
        ),
        (
            BINARY,
            [&8_u16.to_le_bytes()[..], &[0; 8]].concat(),
            Cell::Wrong {
                text: "8 bytes".to_owned(),
                reason: "is no text and no number; cast it in the query (a rowversion to bigint)",
            },
        ),
    ];
    let named: Vec<(&[u8], &str)> = cases.iter().map(|(kind, ..)| (*kind, "cột")).collect();
    let values: Vec<Vec<u8>> = cases.iter().map(|(_, value, _)| value.clone()).collect();
    let server = Server::start(Answer::Tokens([columns(&named), row(&values), done(16, 1)].concat())).await;
    let (names, rows) = asked(&server.options("")).await.unwrap();
    assert_eq!((names.len(), names[0].as_str(), rows.len()), (cases.len(), "cột", 1));
    for (cell, (kind, _, expected)) in rows[0].iter().zip(&cases) {
        assert_eq!(cell, expected, "{kind:x?}");
    }
}

#[tokio::test]
async fn the_session_only_reads_and_takes_back_what_it_would_write() {
    let rows: Vec<u8> = (0..2500_i64).flat_map(|number| row(&[value(&number.to_le_bytes())])).collect();
    let server = Server::start(Answer::Tokens([columns(&[(INT, "so")]), rows, done(16, 2500)].concat())).await;
    let (names, rows) = asked(&server.options("timeout_secs = 7")).await.unwrap();
    assert_eq!((names, rows.len()), (vec!["so".to_owned()], 2500), "over many packets");
    assert_eq!(rows[2499], [Cell::Number(2499.0)]);
    let heard = server.heard.lock();
    assert!(heard.is_read_only && heard.database_and_user, "{heard:?}");
    assert_eq!(
        heard.statements,
        [
            "set deadlock_priority low; set lock_timeout 7000; set dateformat ymd; set implicit_transactions off",
            "begin transaction",
            "select * from thu",
            "if @@trancount > 0 rollback transaction",
        ]
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let refusing = Server::start(Answer::Tokens(error(208, "Invalid object name 'thu'."))).await;
    let said = asked(&refusing.options("")).await.unwrap_err();
    assert_eq!(said, "the database answered: Invalid object name 'thu'. (error 208)");

    let silent = Server::start(Answer::Never).await;
    let said = asked(&silent.options("timeout_secs = 1")).await.unwrap_err();
    assert_eq!(said, "the database answered: the query took longer than 1 s");

    let open = Server::start(Answer::Never).await;
    let said = asked(&open.options("").with_tls(Tls::Prefer)).await.unwrap_err();
    assert!(said.contains("does not allow the requested encryption level"), "no password goes out in the open: {said}");
    assert!(!open.heard.lock().database_and_user);
}

impl SqlOptions {
    fn with_tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }
}
