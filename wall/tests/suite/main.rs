//! The wall from messages to pixels, on whatever graphics adapter there is.

mod centre;
mod connection;
mod damage;
mod loss;
mod shaders;
