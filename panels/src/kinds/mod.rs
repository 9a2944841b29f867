//! The kinds of panels, one file each.

pub mod agenda;
pub mod alarms;
pub mod bars;
pub mod clock;
pub mod exceptions;
pub mod header;
pub mod image;
pub mod map;
pub mod matrix;
pub mod series;
pub mod sources;
pub mod table;
pub mod tasks;
pub mod text;
pub mod ticker;
pub mod value;
