//! What the panels draw, held in pictures.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod alarms;
mod centre;
mod dates;
mod demo;
mod eyes;
mod figures;
mod golden;
mod legible;
mod light;
mod mapped;
mod marked;
mod operations;
mod raster;
mod records;
mod rules;
