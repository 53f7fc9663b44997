//! Documents to checked programs: names resolved, types merged with what they inherit, every value against its type,
//! every requirement with its relationships.

mod candidates;
mod circles;
mod clauses;
mod decimal;
mod definitions;
mod eval;
mod functions;
mod graph;
mod ids;
mod implementations;
mod lines;
mod mappings;
mod nodes;
mod operations;
mod path;
mod program;
mod refine;
mod represent;
mod requirements;
mod service;
mod substitute;
mod types;
mod units;
mod value;
mod workflows;
mod written;

pub(crate) use definitions::complete;
pub(crate) use eval::{Halt, Scope};
pub(crate) use nodes::{Others, names_of};
pub(crate) use program::{Around, Inputs, Program, Setting};
pub(crate) use represent::represent;
pub(crate) use types::{Base, Types, is_builtin};
pub(crate) use units::version_key;
pub(crate) use value::effective;
