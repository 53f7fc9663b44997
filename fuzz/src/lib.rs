//! What the targets share.

pub mod mutate;
pub mod targets;
