//! `koinon validate`, `compile`, `explain` and `plan`: templates, without a chain.

pub(crate) mod compile;
pub(crate) mod explain;
pub(crate) mod plan;
pub(crate) mod validate;
