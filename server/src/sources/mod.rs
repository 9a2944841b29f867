//! Where numbers come from. Each kind of source is one file and one line in [`SOURCES`].

pub mod health;

use std::fmt;
use std::sync::Arc;

use crate::config::Options;

/// Something that brings observations in.
pub trait Source: Send + Sync + fmt::Debug {}

/// A kind of source, by the name in `kind = "…"`.
pub struct Kind {
    pub name: &'static str,
    /// Reads the options; what is wrong is reported there. Nothing to run for what others push to.
    pub read: fn(&mut Options<'_>) -> Option<Arc<dyn Source>>,
}

/// Every kind there is.
pub static SOURCES: &[Kind] = &[Kind { name: "push", read: push }];

/// Others send its observations to `POST /api/v1/observations`; it takes no options.
fn push(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct None {}
    options.take::<None>();
    Option::None
}
