//! YAML with positions: text to a tree of nodes, and values back to canonical text.
//!
//! The parser is granit-parser (a maintained fork of saphyr-parser) and not saphyr-parser, because
//! its events carry byte ranges, which excerpts are cut by, it reports unresolved aliases as
//! events, and it has limits as options. The compiler needs only the events of a YAML library: a
//! span for every key and value, duplicate keys as errors, the exact text of scalars, aliases as
//! edges, and its own budgets. The parser defines what YAML is. Most files are read faster by
//! [`plain`], which gives the same events or gives up.

mod builder;
mod plain;
mod rewrite;
mod scalar;
mod tree;
mod write;

pub(crate) use builder::Budget;
pub(crate) use rewrite::Rewriter;
pub(crate) use rewrite::SharedNode;
pub(crate) use scalar::Scalar;
pub(crate) use tree::Tree;
pub(crate) use tree::Yaml;
pub(crate) use tree::YamlIndex;
pub(crate) use write::write_yaml;

use crate::diag::Fault;
use crate::diag::Faults;

/// Parses a file of one YAML document. Returns the fault that stops it; adds other faults to
/// `faults`.
pub(crate) fn parse(
    text: &str,
    file: u32,
    budget: &mut Budget,
    faults: &Faults,
) -> Result<Tree, Fault> {
    match plain::read(text, file, budget) {
        Some(tree) => Ok(tree),
        None => builder::parse_whole(text, file, budget, faults),
    }
}

/// Parses one file and returns the number of its nodes. Only `benches/yaml.rs` uses it.
#[doc(hidden)]
pub fn count_nodes(text: &str) -> Option<usize> {
    let faults = Faults::default();
    // A fault means that the file has no nodes to count.
    let tree = parse(text, 0, &mut Budget::new(&crate::Budgets::default()), &faults).ok()?;
    Some(tree.len())
}
