//! Documents to checked programs: names resolved, types merged with what they inherit, every value against its type.

mod decimal;
mod eval;
mod functions;
mod path;
mod program;
mod refine;
mod service;
mod types;
mod units;
mod value;

pub(crate) use eval::{Halt, Own, Scope};
pub(crate) use program::{Inputs, Program, resolve};
pub(crate) use service::check_service;
pub(crate) use types::is_builtin;
pub(crate) use value::effective;
