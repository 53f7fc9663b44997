//! Definitions to types: each type with everything it inherits, found by name from the file that
//! names it.
//!
//! In: definitions of all files, and which file imports which. Out: [`Types`]. Faults are kept in
//! [`Faults`](crate::diag::Faults).
//!
//! | file | subject |
//! |---|---|
//! | `table` | all types and functions by number and by name: [`Types`] |
//! | `inherit` | derivations: builds the table |
//! | `refine` | rules for what a derived type may change |
//! | `complete` | parts of node types, completed from the types of the parts |
//! | `schemas` | schemas of data: existing types, entries of collections |
//! | `scalars` | units of scalar types, read from their definitions |
//! | `units` | numbers with units, read and written |
//! | `regexes` | regular expressions, compiled once |

mod complete;
mod inherit;
mod refine;
mod regexes;
mod scalars;
mod schemas;
mod table;
mod units;

pub(crate) use complete::complete;
pub(crate) use regexes::Regexes;
pub(crate) use schemas::check_entries;
pub(crate) use schemas::check_schema;
pub(crate) use table::BOOLEAN;
pub(crate) use table::IMPLICIT;
pub(crate) use table::INTEGER;
pub(crate) use table::ResolvedSchema;
pub(crate) use table::STRING;
pub(crate) use table::Types;
pub(crate) use units::ScalarUnits;
