//! A tree from a tree: new nodes beside the old nodes, which keep their places.
//!
//! Unchanged nodes are not copied: a new list or map points at the old nodes it keeps. Aliases
//! stay edges, so a node that many aliases stand for is rewritten once.

use std::collections::BTreeMap;

use super::tree::IndexRange;
use super::tree::ScalarForm;
use super::tree::Tree;
use super::tree::Yaml;
use super::tree::YamlIndex;
use super::tree::YamlKind;
use super::tree::YamlNode;
use crate::diag::Span;

/// Adds new nodes to a tree. Indices and ranges of new nodes continue those of the tree.
#[derive(Debug)]
pub(crate) struct Rewriter<'t> {
    tree: &'t Tree,
    added: AddedNodes,
    /// A bit for each old node: whether more than one edge leads to it.
    shared: Vec<u64>,
    /// The results of rewriting shared nodes, by node and rule.
    rewritten: BTreeMap<(YamlIndex, usize), YamlIndex>,
}

/// The nodes a rewriter adds to its tree.
#[derive(Debug, Default)]
pub(crate) struct AddedNodes {
    root: YamlIndex,
    nodes: Vec<YamlNode>,
    children: Vec<YamlIndex>,
    text: String,
}

/// Whether a node is rewritten once for many edges.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SharedNode<'t> {
    /// Only one edge leads to it.
    No,
    /// It was rewritten to this.
    Known(YamlIndex),
    /// This node must be rewritten and remembered.
    New(Yaml<'t>),
}

impl<'t> Rewriter<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        let words = tree.nodes.len().div_ceil(64);
        let (mut seen, mut shared) = (vec![0_u64; words], vec![0_u64; words]);
        let mut add_edge = |to: YamlIndex| {
            let (word, bit) = bit(to);
            shared[word] |= seen[word] & bit;
            seen[word] |= bit;
        };
        // Keys and values that `<<` merges are edges without an alias.
        tree.children.iter().for_each(|child| add_edge(*child));
        for node in &tree.nodes {
            if let YamlKind::Alias(target) = node.kind {
                add_edge(target);
            }
        }
        Self { tree, added: AddedNodes::default(), shared, rewritten: BTreeMap::new() }
    }

    /// Returns an old node, unchanged.
    pub(crate) fn keep(&self, old: Yaml<'t>) -> YamlIndex {
        old.at
    }

    /// Adds a scalar without quotes, whose meaning follows from its text.
    pub(crate) fn plain(&mut self, span: Span, text: &str) -> YamlIndex {
        self.scalar(span, text, ScalarForm::Plain)
    }

    /// Adds a scalar that is a string whatever its text is.
    pub(crate) fn string(&mut self, span: Span, text: &str) -> YamlIndex {
        self.scalar(span, text, ScalarForm::Text)
    }

    fn scalar(&mut self, span: Span, text: &str, form: ScalarForm) -> YamlIndex {
        let start = count(self.tree.text.len() + self.added.text.len());
        self.added.text.push_str(text);
        let text = IndexRange { start, len: count(text.len()) };
        self.add(span, YamlKind::Scalar { form, text })
    }

    pub(crate) fn list(&mut self, span: Span, items: &[YamlIndex]) -> YamlIndex {
        let children = self.add_children(items.iter().copied());
        self.add(span, YamlKind::List(children))
    }

    pub(crate) fn map(&mut self, span: Span, entries: &[(YamlIndex, YamlIndex)]) -> YamlIndex {
        let children = self.add_children(entries.iter().flat_map(|(key, value)| [*key, *value]));
        self.add(span, YamlKind::Map(children))
    }

    /// Returns whether a rule rewrites a node once for all aliases and merges that lead to it. The
    /// rule's number must stand for everything the result depends on.
    pub(crate) fn shared(&self, old: Yaml<'t>, rule: usize) -> SharedNode<'t> {
        let target = match self.tree.node(old.at).kind {
            YamlKind::Alias(target) => Yaml { tree: self.tree, at: target },
            YamlKind::Scalar { .. } | YamlKind::List(_) | YamlKind::Map(_) => old,
        };
        let (word, bit) = bit(target.at);
        if self.shared[word] & bit == 0 {
            return SharedNode::No;
        }
        match self.rewritten.get(&(target.at, rule)) {
            Some(new) => SharedNode::Known(*new),
            None => SharedNode::New(target),
        }
    }

    /// Remembers that a rule rewrote a shared node to `new`.
    pub(crate) fn remember(&mut self, target: Yaml<'t>, rule: usize, new: YamlIndex) {
        self.rewritten.insert((target.at, rule), new);
    }

    /// Returns the node in the place of `old`, whose value was rewritten to `new`: an alias of
    /// `new` if `old` is an alias.
    pub(crate) fn place(&mut self, old: Yaml<'t>, new: YamlIndex) -> YamlIndex {
        let YamlKind::Alias(target) = self.tree.node(old.at).kind else { return new };
        if new == target {
            return old.at;
        }
        let target = match self.kind(new) {
            Some(YamlKind::Alias(target)) => target,
            Some(YamlKind::Scalar { .. } | YamlKind::List(_) | YamlKind::Map(_)) | None => new,
        };
        self.add(old.span(), YamlKind::Alias(target))
    }

    /// Returns the items of a list; none of another node.
    pub(crate) fn items(&self, list: YamlIndex) -> Vec<YamlIndex> {
        match self.kind_of_value(list) {
            Some(YamlKind::List(children)) => self.children(children).to_vec(),
            _ => Vec::new(),
        }
    }

    /// Returns the entries of a map; none of another node.
    pub(crate) fn entries(&self, map: YamlIndex) -> Vec<(YamlIndex, YamlIndex)> {
        match self.kind_of_value(map) {
            Some(YamlKind::Map(children)) => {
                let pairs = self.children(children).chunks_exact(2);
                pairs.map(|pair| (pair[0], pair[1])).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the text of a scalar.
    pub(crate) fn text(&self, at: YamlIndex) -> Option<&str> {
        let Some(YamlKind::Scalar { text, .. }) = self.kind_of_value(at) else { return None };
        let old = self.tree.text.len();
        Some(match (text.start as usize).checked_sub(old) {
            Some(start) => &self.added.text[start..start + text.len as usize],
            None => &self.tree.text[text.range()],
        })
    }

    /// Returns `true` for a map, `false` for a list, and nothing for a scalar.
    pub(crate) fn is_map(&self, at: YamlIndex) -> Option<bool> {
        match self.kind_of_value(at)? {
            YamlKind::Map(_) => Some(true),
            YamlKind::List(_) => Some(false),
            YamlKind::Scalar { .. } | YamlKind::Alias(_) => None,
        }
    }

    /// Returns the added nodes, with the root of the new tree.
    pub(crate) fn finish(mut self, root: YamlIndex) -> AddedNodes {
        self.added.root = root;
        self.added
    }

    fn children(&self, children: IndexRange) -> &[YamlIndex] {
        let old = self.tree.children.len();
        match (children.start as usize).checked_sub(old) {
            Some(start) => &self.added.children[start..start + children.len as usize],
            None => &self.tree.children[children.range()],
        }
    }

    /// Returns the kind of a node, or of an alias's target.
    fn kind_of_value(&self, at: YamlIndex) -> Option<YamlKind> {
        match self.kind(at)? {
            YamlKind::Alias(target) => self.kind(target),
            kind => Some(kind),
        }
    }

    fn kind(&self, at: YamlIndex) -> Option<YamlKind> {
        let node = match at.as_usize().checked_sub(self.tree.nodes.len()) {
            Some(added) => self.added.nodes.get(added),
            None => self.tree.nodes.get(at.as_usize()),
        };
        node.map(|node| node.kind)
    }

    fn add_children(&mut self, children: impl Iterator<Item = YamlIndex>) -> IndexRange {
        let first = self.added.children.len();
        self.added.children.extend(children);
        let len = count(self.added.children.len() - first);
        IndexRange { start: count(self.tree.children.len() + first), len }
    }

    fn add(&mut self, span: Span, kind: YamlKind) -> YamlIndex {
        let at = count(self.tree.nodes.len() + self.added.nodes.len());
        self.added.nodes.push(YamlNode { start: span.start, end: span.end, kind });
        YamlIndex(at)
    }
}

impl Tree {
    /// Returns the tree with the nodes its rewriter added.
    pub(crate) fn with(mut self, added: AddedNodes) -> Self {
        self.nodes.extend(added.nodes);
        self.children.extend(added.children);
        self.text.push_str(&added.text);
        self.root = added.root;
        self
    }
}

fn bit(node: YamlIndex) -> (usize, u64) {
    (node.as_usize() / 64, 1 << (node.0 % 64))
}

/// Converts a count to four bytes. A rewriter makes a bounded number of new nodes of each old node,
/// and budgets bound old nodes far below the limit.
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("BUG: budgets bound the nodes of a tree")
}
