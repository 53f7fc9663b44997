//! Tests against values made by other programs.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod certificates;
mod vectors;
