//! Geometry of maps, free of text and colours: borders that neighbours share, made coarser for both at once; shapes in
//! pixels, cut into triangles once for each size; and where labels have room.
//!
//! Positions are whole numbers, so that what crosses what is decided exactly.

mod clip;
mod coverage;
pub mod crossings;
mod frames;
mod kept;
mod label;
mod prepared;
pub mod schematic;
mod simplify;
pub mod topology;

pub(crate) use coverage::Coverage;
pub(crate) use label::{Placed, Room};
pub(crate) use prepared::{Cut, Drawn, Form, Outline, Prepared, Tessellated, drawn, prepare};
