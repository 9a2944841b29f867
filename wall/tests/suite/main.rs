//! The wall from messages to pixels, on whatever graphics adapter there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

mod centre;
mod connection;
mod damage;
mod desktop;
mod loss;
mod shaders;
mod transition;
mod windows;
