//! The tree of a file: every node with its span, and aliases as edges.

use std::ops::Range;

use super::scalar::Scalar;
use crate::diag::Span;

/// A file's nodes, in few and large allocations: a large service has millions of them.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Tree {
    pub(super) file: u32,
    pub(super) root: YamlIndex,
    pub(super) nodes: Vec<YamlNode>,
    /// The items of lists, and the keys and values of maps in turn. The children of one node stand
    /// side by side.
    pub(super) children: Vec<YamlIndex>,
    /// The text of all scalars.
    pub(super) text: String,
    /// Nodes with an anchor, in the order of their starts.
    pub(super) anchored: Vec<YamlIndex>,
}

/// The place of a node in its tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct YamlIndex(pub(super) u32);

impl YamlIndex {
    pub(super) fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A node of a tree: twenty bytes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct YamlNode {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: YamlKind,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) enum YamlKind {
    /// A range of the tree's text.
    Scalar { form: ScalarForm, text: IndexRange },
    /// A range of the tree's children.
    List(IndexRange),
    /// A range of the tree's children, of even length.
    Map(IndexRange),
    /// The node the alias stands for. It is never an alias itself.
    Alias(YamlIndex),
}

/// The form of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarForm {
    /// Without quotes: the text decides the meaning.
    Plain,
    /// With quotes, or as a block: always a string.
    Text,
}

/// A range of a tree's children or text.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct IndexRange {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl IndexRange {
    pub(super) fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// A node of a tree. Its value is that of an alias's target, its span that of the alias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yaml<'a> {
    pub(super) tree: &'a Tree,
    pub(super) at: YamlIndex,
}

impl Tree {
    pub(crate) fn root(&self) -> Yaml<'_> {
        Yaml { tree: self, at: self.root }
    }

    /// Returns the number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, at: YamlIndex) -> &YamlNode {
        &self.nodes[at.as_usize()]
    }

    pub(super) fn span(&self, at: YamlIndex) -> Span {
        let YamlNode { start, end, .. } = *self.node(at);
        Span { file: self.file, start, end }
    }

    /// Returns the kind of a node, or of an alias's target.
    pub(super) fn kind(&self, at: YamlIndex) -> YamlKind {
        match self.node(at).kind {
            YamlKind::Alias(target) => self.node(target).kind,
            kind => kind,
        }
    }

    pub(super) fn text(&self, text: IndexRange) -> &str {
        &self.text[text.range()]
    }

    pub(super) fn children(&self, children: IndexRange) -> &[YamlIndex] {
        &self.children[children.range()]
    }

    /// Returns the text of a scalar.
    pub(super) fn scalar_text(&self, at: YamlIndex) -> Option<&str> {
        if let YamlKind::Scalar { text, .. } = self.kind(at) { Some(self.text(text)) } else { None }
    }
}

impl<'a> Yaml<'a> {
    /// Returns the place in the file: of an alias, where it stands.
    pub(crate) fn span(self) -> Span {
        self.tree.span(self.at)
    }

    fn kind(self) -> YamlKind {
        self.tree.kind(self.at)
    }

    fn at(self, at: YamlIndex) -> Self {
        Self { tree: self.tree, at }
    }

    /// Returns the meaning of a scalar.
    pub(crate) fn scalar(self) -> Option<Scalar<'a>> {
        match self.kind() {
            YamlKind::Scalar { text, form: ScalarForm::Plain } => {
                Some(Scalar::plain(self.tree.text(text)))
            }
            YamlKind::Scalar { text, form: ScalarForm::Text } => {
                Some(Scalar::String(self.tree.text(text)))
            }
            YamlKind::List(_) | YamlKind::Map(_) | YamlKind::Alias(_) => None,
        }
    }

    /// Returns the text of a scalar as written, whether it means a string or not.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.tree.scalar_text(self.at)
    }

    /// Returns the text of a scalar that means a string.
    pub(crate) fn string(self) -> Option<&'a str> {
        if let Some(Scalar::String(text)) = self.scalar() { Some(text) } else { None }
    }

    /// Returns whether this is a scalar without quotes.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self.kind(), YamlKind::Scalar { form: ScalarForm::Plain, .. })
    }

    /// Returns the items of a list.
    pub(crate) fn list(self) -> Option<impl ExactSizeIterator<Item = Self> + use<'a>> {
        let YamlKind::List(items) = self.kind() else { return None };
        Some(self.tree.children(items).iter().map(move |item| self.at(*item)))
    }

    /// Returns the entries of a map in the order of the file; merged entries come last.
    pub(crate) fn map(self) -> Option<impl ExactSizeIterator<Item = (Self, Self)> + use<'a>> {
        let YamlKind::Map(entries) = self.kind() else { return None };
        let pairs = self.tree.children(entries).chunks_exact(2);
        Some(pairs.map(move |pair| (self.at(pair[0]), self.at(pair[1]))))
    }

    /// Returns the entry of a map with this key.
    pub(crate) fn entry(self, key: &str) -> Option<(Self, Self)> {
        self.map()?.find(|(found, _)| found.text() == Some(key))
    }

    /// Returns whether this node or a node in it has an anchor.
    pub(crate) fn has_anchor(self) -> bool {
        let Span { start, end, .. } = self.span();
        let node_start = |at: &YamlIndex| self.tree.node(*at).start;
        let first = self.tree.anchored.partition_point(|at| node_start(at) < start);
        self.tree.anchored.get(first).is_some_and(|at| node_start(at) <= end)
    }

    /// Returns the kind's name, for messages.
    pub(crate) fn kind_name(self) -> &'static str {
        match self.scalar() {
            Some(Scalar::Null) => "null",
            Some(Scalar::Bool(_)) => "boolean",
            Some(Scalar::Number(_) | Scalar::NoNumber) => "number",
            Some(Scalar::String(_)) => "string",
            None if matches!(self.kind(), YamlKind::List(_)) => "list",
            None => "map",
        }
    }
}
