//! The kinds of panels, one file each.

pub mod bars;
pub mod clock;
pub mod exceptions;
pub mod header;
pub mod matrix;
pub mod series;
pub mod table;
pub mod text;
pub mod value;
