//! A tree from a tree: new nodes beside the old ones, which stay where they are.
//!
//! What does not change is not touched: a new list or map points at the old nodes it keeps. Aliases stay edges, so a
//! node that many aliases stand for is rewritten once.

use std::collections::BTreeMap;

use super::tree::Kind;
use super::tree::Node;
use super::tree::Part;
use super::tree::Tree;
use super::tree::Yaml;
use crate::diag::Span;

/// A node of the tree to be, old or new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// Builds new nodes on top of a tree.
#[derive(Debug)]
pub(crate) struct Rewriter<'t> {
    tree: &'t Tree,
    added: Added,
    /// A bit for each old node: whether more than one edge leads to it.
    shared: Vec<u64>,
    /// What shared nodes became, by node and rule.
    known: BTreeMap<(u32, usize), Id>,
}

/// What a rewriter adds to its tree: numbers and parts count on from where the tree's end.
#[derive(Debug, Default)]
pub(crate) struct Added {
    root: u32,
    nodes: Vec<Node>,
    children: Vec<u32>,
    text: String,
}

/// Whether a node is rewritten once for many edges.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shared<'t> {
    /// Only one edge leads to it.
    No,
    /// It has become this.
    Known(Id),
    /// This is to be rewritten and remembered.
    New(Yaml<'t>),
}

impl<'t> Rewriter<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        let words = tree.nodes.len().div_ceil(64);
        let (mut seen, mut shared) = (vec![0_u64; words], vec![0_u64; words]);
        let mut edge = |to: u32| {
            let (word, bit) = bit(to);
            shared[word] |= seen[word] & bit;
            seen[word] |= bit;
        };
        // Keys and values that `<<` merged in are edges without an alias.
        tree.children.iter().for_each(|child| edge(*child));
        for node in &tree.nodes {
            if let Kind::Alias(target) = node.kind {
                edge(target);
            }
        }
        Self { tree, added: Added::default(), shared, known: BTreeMap::new() }
    }

    /// Keeps an old node as it is.
    pub(crate) fn keep(&self, old: Yaml<'t>) -> Id {
        Id(old.at)
    }

    /// Adds a scalar. One that is not plain is a string.
    pub(crate) fn scalar(&mut self, span: Span, text: &str, plain: bool) -> Id {
        let at = count(self.tree.text.len() + self.added.text.len());
        self.added.text.push_str(text);
        self.add(span, Kind::Scalar { plain, text: Part { at, len: count(text.len()) } })
    }

    pub(crate) fn list(&mut self, span: Span, items: &[Id]) -> Id {
        let part = self.hold(items.iter().copied());
        self.add(span, Kind::List(part))
    }

    pub(crate) fn map(&mut self, span: Span, entries: &[(Id, Id)]) -> Id {
        let part = self.hold(entries.iter().flat_map(|(key, value)| [*key, *value]));
        self.add(span, Kind::Map(part))
    }

    /// Returns whether a node is to be rewritten by a rule only once, however many aliases and merges lead to it. The
    /// rule's number must stand for all that the result depends on.
    pub(crate) fn shared(&self, old: Yaml<'t>, rule: usize) -> Shared<'t> {
        let target = match self.tree.nodes[old.at as usize].kind {
            Kind::Alias(target) => Yaml { tree: self.tree, at: target },
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => old,
        };
        let (word, bit) = bit(target.at);
        if self.shared[word] & bit == 0 {
            return Shared::No;
        }
        match self.known.get(&(target.at, rule)) {
            Some(new) => Shared::Known(*new),
            None => Shared::New(target),
        }
    }

    /// Remembers what a shared node became.
    pub(crate) fn remember(&mut self, target: Yaml<'t>, rule: usize, new: Id) {
        self.known.insert((target.at, rule), new);
    }

    /// Returns what stands where `old` stood, now that what it stands for became `new`.
    pub(crate) fn place(&mut self, old: Yaml<'t>, new: Id) -> Id {
        let Kind::Alias(target) = self.tree.nodes[old.at as usize].kind else { return new };
        if new.0 == target {
            return Id(old.at);
        }
        let target = match self.kind(new) {
            Some(Kind::Alias(target)) => target,
            Some(Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_)) | None => new.0,
        };
        self.add(old.span(), Kind::Alias(target))
    }

    /// Returns the items of a list.
    pub(crate) fn items(&self, list: Id) -> Vec<Id> {
        match self.followed(list) {
            Some(Kind::List(part)) => self.children(part).iter().map(|item| Id(*item)).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the entries of a map.
    pub(crate) fn entries(&self, map: Id) -> Vec<(Id, Id)> {
        match self.followed(map) {
            Some(Kind::Map(part)) => {
                let pairs = self.children(part).chunks_exact(2);
                pairs.map(|pair| (Id(pair[0]), Id(pair[1]))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the text of a scalar.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        let Some(Kind::Scalar { text, .. }) = self.followed(id) else { return None };
        let old = self.tree.text.len();
        Some(match (text.at as usize).checked_sub(old) {
            Some(at) => &self.added.text[at..at + text.len as usize],
            None => &self.tree.text[text.range()],
        })
    }

    /// Returns whether it is a map, and if not, whether it is a list.
    pub(crate) fn is_map(&self, id: Id) -> Option<bool> {
        match self.followed(id)? {
            Kind::Map(_) => Some(true),
            Kind::List(_) => Some(false),
            Kind::Scalar { .. } | Kind::Alias(_) => None,
        }
    }

    /// Ends with the new root.
    pub(crate) fn finish(mut self, root: Id) -> Added {
        self.added.root = root.0;
        self.added
    }

    fn children(&self, part: Part) -> &[u32] {
        let old = self.tree.children.len();
        match (part.at as usize).checked_sub(old) {
            Some(at) => &self.added.children[at..at + part.len as usize],
            None => &self.tree.children[part.range()],
        }
    }

    fn followed(&self, id: Id) -> Option<Kind> {
        match self.kind(id)? {
            Kind::Alias(target) => self.kind(Id(target)),
            kind => Some(kind),
        }
    }

    fn kind(&self, id: Id) -> Option<Kind> {
        let node = match (id.0 as usize).checked_sub(self.tree.nodes.len()) {
            Some(at) => self.added.nodes.get(at),
            None => self.tree.nodes.get(id.0 as usize),
        };
        node.map(|node| node.kind)
    }

    fn hold(&mut self, children: impl Iterator<Item = Id>) -> Part {
        let first = self.added.children.len();
        self.added.children.extend(children.map(|child| child.0));
        let len = count(self.added.children.len() - first);
        Part { at: count(self.tree.children.len() + first), len }
    }

    fn add(&mut self, span: Span, kind: Kind) -> Id {
        let at = count(self.tree.nodes.len() + self.added.nodes.len());
        self.added.nodes.push(Node { start: span.start, end: span.end, kind });
        Id(at)
    }
}

impl Tree {
    /// Returns the tree with what a rewriter of it added.
    pub(crate) fn with(mut self, added: Added) -> Self {
        self.nodes.extend(added.nodes);
        self.children.extend(added.children);
        self.text.push_str(&added.text);
        self.root = added.root;
        self
    }
}

impl Yaml<'_> {
    /// Returns whether it is a scalar without quotes.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self.tree.kind(self.at), Kind::Scalar { plain: true, .. })
    }
}

fn bit(node: u32) -> (usize, u64) {
    (node as usize / 64, 1 << (node % 64))
}

/// Counts in four bytes: of each old node a bounded number of new ones is made, and old ones are bounded far below.
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("budgets bound what is rewritten")
}
