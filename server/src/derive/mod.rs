//! Indicators that are computed from others: a pure core. What came in touches computed values; what they are
//! computed from is held in memory; what they come to by now, and was not so before, are rows to be recorded.
//!
//! A computed value stands at a time of one of its inputs. Each input counts with its newest value at that time, if
//! that is not too old: nothing is computed from what is stale. What can no longer be computed is taken back.

mod aqi;
mod compute;
mod explain;
mod formula;
mod memory;
mod plan;
mod readings;
#[cfg(test)]
mod tests;
mod vn_aqi;

pub use compute::Touched;
pub use explain::Used;
pub use memory::{Lacking, Memory, Point};
pub use plan::{DAY, Plan, PlanFinding};
