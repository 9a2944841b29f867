//! The wall: connection → model → panels → [`Scene`](panels::Scene) → GPU, on one or many displays.
//!
//! Two threads: the connection reads the server and hands on whole messages over a bounded channel; the
//! render thread holds the state, paints what changed and presents it at its moment on the server's clock.

pub mod app;
pub mod capture;
pub mod clock;
pub mod config;
pub mod connection;
pub mod damage;
pub mod displays;
pub mod fit;
pub mod follow;
pub mod gpu;
pub mod headless;
pub mod model;
pub mod painter;
pub mod picture;
pub mod report;
pub mod retry;
pub mod transition;
pub mod wall;
pub mod window;
pub mod window_system;
