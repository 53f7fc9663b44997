//! Code that several fuzz targets use.

pub mod mutate;
pub mod targets;
