//! Definitions and templates against each other and against their types: diagnostics, and no other
//! output.
//!
//! In: a program. Out: faults. Before resolution only what is written is checked; values of nodes
//! and relationships are checked when the graph is complete (`graph`).
//!
//! | file | subject |
//! |---|---|
//! | `inputs` | opens a program: values of inputs, and those that are missing |
//! | `types` | type definitions against other types and their values |
//! | `clauses` | clauses that must give booleans, and what types may read |
//! | `names` | assigned values: declared, not fixed, none missing |
//! | `templates` | templates, groups and policies |
//! | `requirements` | requirements of node templates |
//! | `implementations` | artifacts and implementations of operations |
//! | `workflows` | workflows and triggers |
//! | `substitution` | substitution mappings |
//! | `graph` | every value of the resolved graph |

mod clauses;
mod graph;
mod implementations;
mod inputs;
mod names;
mod requirements;
mod substitution;
mod templates;
mod types;
mod workflows;

pub(crate) use inputs::open_program;
