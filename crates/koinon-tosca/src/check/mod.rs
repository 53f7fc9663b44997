//! Documents to checked programs: names resolved, types merged with what they inherit, every value against its type,
//! every requirement with its relationships.

mod decimal;
mod definitions;
mod eval;
mod functions;
mod graph;
mod path;
mod program;
mod refine;
mod represent;
mod requirements;
mod service;
mod types;
mod units;
mod value;
mod workflows;

pub(crate) use definitions::complete;
pub(crate) use eval::{Halt, Scope};
pub(crate) use program::{Inputs, Program};
pub(crate) use represent::represent;
pub(crate) use types::{Base, Types, is_builtin};
pub(crate) use units::version_key;
pub(crate) use value::effective;
