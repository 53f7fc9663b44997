//! YAML with positions: text to an arena of nodes, and values back to canonical text.
//!
//! The parser is granit-parser (a maintained fork of saphyr-parser), not saphyr-parser itself, because its events carry
//! byte ranges (what excerpts are cut by), unresolved aliases as events, and limits as options. Of a YAML library only
//! events are of use here: the compiler needs a span for every key and value, duplicate keys as errors, the exact
//! text of scalars, aliases as edges, and budgets of its own. It says what YAML is; most files are read faster by
//! [`plain`], which gives the same events or gives up.

mod plain;
mod rewrite;
mod scalar;
mod tree;
mod write;

pub(crate) use rewrite::{Id, Rewriter, Shared};
pub(crate) use scalar::Scalar;
pub(crate) use tree::{Budget, Tree, Yaml, parse};
pub(crate) use write::write_yaml;

/// Parses one file and returns how many nodes it has: what `benches/yaml.rs` measures, and nothing else uses.
#[doc(hidden)]
pub fn count_nodes(text: &str) -> Option<usize> {
    let faults = crate::diag::Faults::default();
    parse(text, 0, &mut Budget::new(&crate::Budgets::default()), &faults)
        .ok()
        .map(|tree| tree.len())
}
