//! `ioc-wall`: shows a wall of an operations centre, on displays or headless.
//!
//! ```text
//! ioc-wall --server http://127.0.0.1:8080 --wall main                      one window with the whole canvas
//! ioc-wall --server … --wall main --display left --display right           a window for each display
//! ioc-wall --server … --wall main --headless 3840x2160 --capture a.png     a picture without a window
//! ```
//!
//! Esc or q ends it, F11 fills the screen. Every option can also come from the environment as `IOC_…`.
//! The log goes to standard error (`RUST_LOG`, `--log-format json`). SIGTERM ends it with status 0.
//!
//! # Watching it
//!
//! `--report FILE` (or `-` for standard output) writes a JSON object a line. Times are microseconds of Unix time.
//!
//! For each presented frame:
//!
//! | field | |
//! |---|---|
//! | `epoch`, `until` | the picture shows everything up to there |
//! | `cause` | `frame`, `snapshot`, `clock` (a picture that changes with time), `link`, `device` |
//! | `present_at` | when it was due, on the server's clock; null unless `cause` is `frame` |
//! | `presented_at` | when the GPU had finished it, on this machine's clock |
//! | `clock_ahead`, `clock_good` | the server's clock less this machine's, as estimated; whether it is waited for |
//! | `changed_panels` | how many panels look different |
//! | `link` | `live`, `lost` or `log_away` |
//!
//! A frame of the server that changes no pixel has its line too. For each thing that happens:
//! `{"event":"snapshot"|"resumed","epoch","offset"}`, `{"event":"link","state","since"}`,
//! `{"event":"device","state":"lost"|"restored","at"}`, `{"event":"gap","position","since"}`,
//! `{"event":"bye","reason","detail"}`.
//!
//! # Asking it
//!
//! `--control -` takes commands from standard input, a line each, and answers in the report (standard output
//! if there is none): `capture PATH` → `{"event":"capture","path","epoch","until"}`, `pixel X Y` →
//! `{"event":"pixel","x","y","rgba","epoch","until"}`, `destroy-device` (loses the graphics device on purpose) →
//! the two `device` events. What cannot be done answers `{"event":"error","message"}`.

use std::process::ExitCode;

use clap::Parser;
use wall::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    match wall::app::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
