//! Data as people read it.

pub(crate) mod allocation;
pub(crate) mod bringup;
pub(crate) mod change;
pub(crate) mod facts;
pub(crate) mod plan;
pub(crate) mod proposal;
pub(crate) mod requirements;
pub(crate) mod status;
