//! Expressions to values, as far as everything they need is known.
//!
//! In: an expression, the schema its value must have, and its place ([`Scope`]). Out: a value, or
//! the reason that there is none ([`Halt`](crate::program::Halt)). Expressions read properties,
//! and properties are given by expressions: the methods of `expressions`, `typed`, `path` and
//! `properties` call each other.
//!
//! | file | subject |
//! |---|---|
//! | `scope` | the place of an expression: what `SELF` is, and what is not there yet |
//! | `expressions` | expressions of any type, and calls of functions |
//! | `functions` | built-in functions of known values |
//! | `path` | TOSCA paths over the graph |
//! | `typed` | values against their types, completed with defaults |
//! | `properties` | values of properties, each evaluated once |
//! | `allocation` | amounts of capability properties: allocated and left |
//! | `written` | expressions as TOSCA 2.0 writes them |

mod allocation;
mod expressions;
mod functions;
mod path;
mod properties;
mod scope;
mod typed;
mod written;

pub(crate) use path::PathPlace;
pub(crate) use properties::effective;
pub(crate) use scope::Scope;
pub(crate) use scope::SelfElement;
pub(crate) use typed::fixed_value;
pub(crate) use typed::undeclared;
pub(crate) use written::escaped;
pub(crate) use written::written;
