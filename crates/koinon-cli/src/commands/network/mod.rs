//! `koinon up`, `down` and `status`: a network and its nodes.

pub(crate) mod down;
pub(crate) mod status;
pub(crate) mod up;
