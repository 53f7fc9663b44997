//! Templates to a graph: nodes, and relationships for their requirements (csd07 4.2.2, 8.5).
//!
//! In: a program with inputs. Out: its graph, the requirements that nothing fulfills, and a trace.
//!
//! | file | subject |
//! |---|---|
//! | `nodes` | nodes of templates: created, selected, or left to be substituted |
//! | `substitutes` | service templates that may stand for a node |
//! | `items` | assignments of requirements: counts, types, given targets |
//! | `requirements` | the resolver: every item gets its relationships |
//! | `order` | the order in which candidates are considered |
//! | `candidates` | the candidates of an item, and why one is rejected |
//! | `fitting` | capabilities and types that a requirement accepts |
//! | `report` | unfulfilled requirements in a sentence, and the trace |
//! | `circles` | circles of dependent nodes |

mod candidates;
mod circles;
mod fitting;
mod items;
mod nodes;
mod order;
mod report;
mod requirements;
mod substitutes;

pub(crate) use circles::circle;
pub(crate) use fitting::OldLists;
pub(crate) use items::dangles;
pub(crate) use nodes::is_selected;
