//! What the panels draw, held in pictures.

mod centre;
mod golden;
mod raster;
mod rules;
