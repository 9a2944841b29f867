//! What a thousand sources cost that are asked every five seconds and have nothing new: HTTP that answers 304, SQLite
//! files, and folders of CSV files.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::centre::{AREA, Plan};
use tests::{Centre, Server, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Figure, Limit, cpu};

/// Of each kind.
const HTTP: usize = 400;
const SQL: usize = 400;
const CSV: usize = 200;
const WARM_UP: Duration = Duration::from_secs(15);
const WINDOW: Duration = Duration::from_secs(30);

pub async fn measure() -> Result<Vec<Figure>> {
    let centre = Centre::of(Plan::default())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answering = tokio::spawn(answer_all(listener));
    configure(&centre, &address.to_string())?;
    let mut server = centre.serve().await?;
    let count = HTTP + SQL + CSV;
    eventually("all sources have delivered", Duration::from_secs(180), || delivered(&server, count)).await?;
    tokio::time::sleep(WARM_UP).await;
    let id = server.process().id().context("the server ended")?;
    let before = cpu::micros(id)?;
    tokio::time::sleep(WINDOW).await;
    let share = (cpu::micros(id)? - before) / WINDOW.as_secs_f64() / 10_000.0;
    answering.abort();
    Ok(vec![Figure {
        name: format!("{count} sources asked every 5 s, nothing new"),
        measured: share,
        limit: Limit::AtMost(25.0),
        unit: "% of a core",
        peer: format!("{HTTP} over HTTP, {SQL} SQLite files, {CSV} folders"),
    }])
}

fn configure(centre: &Centre, address: &str) -> Result<()> {
    let mut sources = String::new();
    for number in 0..HTTP + SQL + CSV {
        let (kind, options) = match number {
            number if number < HTTP => (
                "http",
                format!("url = \"http://{address}/{number}\"\nallow_private = true\npoll_secs = 5\nrows = \"$[*]\"\n"),
            ),
            number if number < HTTP + SQL => {
                let path = centre.path(&format!("{number}.sqlite"));
                let database = rusqlite::Connection::open(&path)?;
                database.execute_batch("CREATE TABLE f (id INTEGER PRIMARY KEY, t TEXT, v REAL); INSERT INTO f VALUES (1, '2024-01-01', 5.5);")?;
                (
                    "sql",
                    format!(
                        "engine = \"sqlite\"\nfile = \"{}\"\nquery = \"SELECT id, t, v FROM f WHERE id > {{watermark}} ORDER BY id\"\nwatermark = {{ column = \"id\", start = \"0\" }}\npoll_secs = 5\n",
                        path.display()
                    ),
                )
            }
            _ => {
                let folder = centre.path(&format!("folder-{number}"));
                std::fs::create_dir_all(&folder)?;
                std::fs::write(folder.join("a.csv"), "t,v\n2024-01-01,5.5\n")?;
                ("csv", format!("files = {{ folder = \"{}\", poll_secs = 5 }}\n", folder.display()))
            }
        };
        write!(
            sources,
            "[[source]]\nid = \"s{number}\"\nname = \"S{number}\"\nkind = \"{kind}\"\n[source.options]\n{options}\
             [source.options.mapping]\narea = \"{AREA}\"\ntime = {{ column = \"t\" }}\nvalues = [{{ column = \"v\", indicator = \"test.{}\" }}]\n\n",
            number % 6
        )?;
    }
    centre.write("sources.toml", &sources)
}

async fn delivered(server: &Server, count: usize) -> Result<()> {
    let sources = server.get("/api/v1/sources").await?;
    let sources = sources.as_array().context("no list")?;
    let done = sources.iter().filter(|source| source["health"]["accepted"].as_u64().unwrap_or(0) > 0).count();
    ensure!(
        done == count,
        "{done} of {count}: {:?}",
        sources.iter().find_map(|source| source["health"]["problems"].get(0))
    );
    Ok(())
}

/// A row for whoever asks for the first time, and 304 for whoever has it.
async fn answer_all(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 2048]);
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        seen.extend_from_slice(&buffer[..read]);
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            seen.drain(..end + 4);
            let body = "[{\"t\":\"2024-01-01\",\"v\":5.5}]";
            let answer = match head.contains("if-none-match") {
                true => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".to_owned(),
                false => format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: \"1\"\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                ),
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}
