//! Events of the parser to a tree, with budgets checked while the tree grows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::ErrorKind;
use granit_parser::Event;
use granit_parser::Options;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::StrInput;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::is_nfc;

use super::tree::IndexRange;
use super::tree::ScalarForm;
use super::tree::Tree;
use super::tree::YamlIndex;
use super::tree::YamlKind;
use super::tree::YamlNode;
use crate::budget::Budgets;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::hash::HashMap;

/// Bytes of a scalar that count as one more node, so that the budget of nodes also bounds the text
/// that aliases repeat.
const BYTES_PER_NODE: u64 = 8;
/// The most entries of a map whose keys are compared each with each: hashing more keys is faster.
const SMALL_MAP: usize = 8;

/// A run's budgets: the rest that is left, and the limits.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Budget {
    pub(crate) bytes: usize,
    nodes: u64,
    aliases: u32,
    max_depth: usize,
    max_nodes: u64,
    max_aliases: u32,
}

impl Budget {
    /// Returns the budgets of a run that has read nothing yet.
    pub(crate) fn new(budgets: &Budgets) -> Self {
        let Budgets { bytes, depth, nodes, aliases, .. } = *budgets;
        Self { bytes, nodes, aliases, max_depth: depth, max_nodes: nodes, max_aliases: aliases }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(&Budgets::default())
    }
}

/// Parses a file of one YAML document from its first byte to its last. Returns the fault that stops
/// it; adds other faults to `faults`.
pub(super) fn parse_whole(
    text: &str,
    file: u32,
    budget: &mut Budget,
    faults: &Faults,
) -> Result<Tree, Fault> {
    let mut parser = parser(text, budget);
    let mut builder = TreeBuilder::new(file, text.len(), budget, faults);
    while let Some(event) = parser.next_event() {
        let (event, range) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(0);
            let span = builder.span(&(at..at + 1));
            match error.kind() {
                ErrorKind::RecursionLimitExceeded => builder.too_deep(span),
                _ => Fault::new(Code::Syntax, span, error.info()),
            }
        })?;
        builder.event(event, &range.byte_range().unwrap_or(0..0))?;
    }
    if builder.tree.nodes.is_empty() {
        let end = text.trim_end().len();
        let message = "expected a map, found an empty file";
        return Err(Fault::new(Code::Empty, builder.span(&(end..end)), message));
    }
    Ok(builder.into_tree())
}

/// Returns the parser of a text, with the same options for every reader of YAML.
pub(super) fn parser<'t>(text: &'t str, budget: &Budget) -> Parser<'t, StrInput<'t>> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    // One more than our limit, so that our fault is reported where both limits are exceeded.
    options.flow_nesting_limit = budget.max_depth + 1;
    options.block_nesting_limit = budget.max_depth + 1;
    Parser::new_from_str_with_options(text, options)
}

/// The two kinds of collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    List,
    Map,
}

impl Collection {
    fn kind(self, children: IndexRange) -> YamlKind {
        match self {
            Self::List => YamlKind::List(children),
            Self::Map => YamlKind::Map(children),
        }
    }
}

/// Returns the form of a scalar of the parser.
pub(super) fn form_of(style: ScalarStyle) -> ScalarForm {
    if style == ScalarStyle::Plain { ScalarForm::Plain } else { ScalarForm::Text }
}

/// Builds a tree from events.
pub(super) struct TreeBuilder<'b> {
    budget: &'b mut Budget,
    faults: &'b Faults,
    tree: Tree,
    open: Vec<OpenCollection>,
    /// Children of open lists and maps; those of the innermost collection are last.
    pending: Vec<YamlIndex>,
    /// Anchors by the parser's number.
    anchors: BTreeMap<usize, Anchor>,
}

/// A list or map without its end yet.
struct OpenCollection {
    node: YamlIndex,
    /// The index of its first child in `pending`.
    first_child: usize,
    /// The parser's number of its anchor, or 0.
    anchor: usize,
    size: ExpandedSize,
}

/// A complete node with an anchor.
struct Anchor {
    node: YamlIndex,
    size: ExpandedSize,
}

/// The size of a value with a copy in the place of every alias.
#[derive(Clone, Copy)]
struct ExpandedSize {
    /// Nodes, including the value itself. Long text counts as several.
    weight: u64,
    /// Levels of lists and maps, including the value itself.
    height: usize,
    /// Whether it contains an alias. Without aliases, the budget of nodes and the parser's limits
    /// bound the size already.
    aliased: bool,
}

impl ExpandedSize {
    const NODE: Self = Self { weight: 1, height: 1, aliased: false };

    fn text(span: Span) -> Self {
        let weight = 1 + u64::from(span.end - span.start) / BYTES_PER_NODE;
        Self { weight, height: 0, aliased: false }
    }

    fn add_child(&mut self, child: Self) {
        self.weight = self.weight.saturating_add(child.weight);
        self.height = self.height.max(child.height + 1);
        self.aliased |= child.aliased;
    }
}

impl<'b> TreeBuilder<'b> {
    /// Starts the tree of a text with this number of bytes.
    pub(super) fn new(file: u32, bytes: usize, budget: &'b mut Budget, faults: &'b Faults) -> Self {
        let tree = Tree {
            file,
            root: YamlIndex(0),
            // About what templates need. Unused capacity costs nothing.
            nodes: Vec::with_capacity(bytes / 8),
            children: Vec::with_capacity(bytes / 8),
            text: String::with_capacity(bytes / 2),
            anchored: Vec::new(),
        };
        let (open, pending) = (Vec::new(), Vec::new());
        Self { budget, faults, tree, open, pending, anchors: BTreeMap::new() }
    }

    /// Returns the tree, after the last event.
    pub(super) fn into_tree(self) -> Tree {
        self.tree
    }

    fn span(&self, range: &Range<usize>) -> Span {
        let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.tree.file, start: number(range.start), end: number(range.end) }
    }

    /// Adds a scalar. Returns `None` on a fault.
    pub(super) fn scalar(
        &mut self,
        text: &str,
        form: ScalarForm,
        bytes: Range<usize>,
    ) -> Option<()> {
        let span = self.span(&bytes);
        self.leaf(text, form, span, 0).ok()
    }

    /// Opens a list or a map. Returns `None` on a fault.
    pub(super) fn start(&mut self, collection: Collection, bytes: Range<usize>) -> Option<()> {
        self.open(collection, self.span(&bytes), 0).ok()
    }

    /// Closes the innermost list or map. Returns `None` on a fault.
    pub(super) fn finish(&mut self, bytes: Range<usize>) -> Option<()> {
        self.close(self.span(&bytes)).ok()
    }

    /// Handles the next event, which describes these bytes of the file.
    fn event(&mut self, event: Event<'_>, bytes: &Range<usize>) -> Result<(), Fault> {
        let span = self.span(bytes);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut form = form_of(style);
                if let Some(tag) = tag {
                    if tag.core_suffix() == Some("str") {
                        form = ScalarForm::Text;
                    } else {
                        self.unsupported_tag(span, &tag.original());
                    }
                }
                self.leaf(&text, form, span, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Collection::List, span, anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Collection::Map, span, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("unknown anchor `{name}`");
                return Err(Fault::new(Code::UnknownAnchor, span, message));
            }
            Event::DocumentStart(..) if !self.tree.nodes.is_empty() => {
                let message = "expected the end of the file, found a second YAML document";
                return Err(Fault::new(Code::SecondDocument, span, message));
            }
            // The start and end of the stream, and events of options that are off.
            _ => {}
        }
        Ok(())
    }

    /// Adds a scalar.
    fn leaf(
        &mut self,
        text: &str,
        form: ScalarForm,
        span: Span,
        anchor: usize,
    ) -> Result<(), Fault> {
        let text = self.add_text(text).ok_or_else(|| self.too_many(span))?;
        let node = self.add(YamlKind::Scalar { form, text }, span)?;
        self.start_anchor(node, anchor);
        self.end(node, anchor, ExpandedSize::text(span));
        Ok(())
    }

    /// Adds a scalar's text in NFC. Returns `None` if four bytes cannot count all text.
    fn add_text(&mut self, text: &str) -> Option<IndexRange> {
        let start = u32::try_from(self.tree.text.len()).ok()?;
        if text.is_ascii() || is_nfc(text) {
            self.tree.text.push_str(text);
        } else {
            self.tree.text.extend(text.nfc());
        }
        let end = u32::try_from(self.tree.text.len()).ok()?;
        Some(IndexRange { start, len: end - start })
    }

    fn unsupported_tag(&self, span: Span, tag: &str) {
        let fault =
            Fault::new(Code::Tag, span, format!("the YAML tag `{tag}` has no meaning in TOSCA"));
        self.faults.push(fault);
    }

    /// Adds a node to the tree, and to the innermost open collection. The first node is the root.
    fn add(&mut self, kind: YamlKind, span: Span) -> Result<YamlIndex, Fault> {
        if self.budget.nodes == 0 {
            return Err(self.too_many(span));
        }
        self.budget.nodes -= 1;
        let at = u32::try_from(self.tree.nodes.len()).map_err(|_| self.too_many(span))?;
        let at = YamlIndex(at);
        self.tree.nodes.push(YamlNode { start: span.start, end: span.end, kind });
        self.pending.push(at);
        Ok(at)
    }

    /// Records that a node starts with an anchor, unless `anchor` is 0.
    fn start_anchor(&mut self, node: YamlIndex, anchor: usize) {
        if anchor != 0 {
            self.tree.anchored.push(node);
        }
    }

    /// Records that a node is complete.
    fn end(&mut self, node: YamlIndex, anchor: usize, size: ExpandedSize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, size });
        }
        if let Some(open) = self.open.last_mut() {
            open.size.add_child(size);
        }
    }

    fn open(&mut self, collection: Collection, span: Span, anchor: usize) -> Result<(), Fault> {
        if self.open.len() >= self.budget.max_depth {
            return Err(self.too_deep(span));
        }
        let node = self.add(collection.kind(IndexRange::default()), span)?;
        self.start_anchor(node, anchor);
        let first_child = self.pending.len();
        self.open.push(OpenCollection { node, first_child, anchor, size: ExpandedSize::NODE });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let node = &mut self.tree.nodes[open.node.as_usize()];
        node.end = end.end.max(node.start);
        let collection = match node.kind {
            YamlKind::Map(_) => Collection::Map,
            YamlKind::List(_) | YamlKind::Scalar { .. } | YamlKind::Alias(_) => Collection::List,
        };
        let span = self.tree.span(open.node);
        let start = self.tree.children.len();
        match collection {
            Collection::Map => self.entries(open.first_child)?,
            Collection::List => {
                self.tree.children.extend_from_slice(&self.pending[open.first_child..]);
            }
        }
        self.pending.truncate(open.first_child);
        let number = |number| u32::try_from(number).map_err(|_| self.too_many(span));
        let len = number(self.tree.children.len() - start)?;
        let children = IndexRange { start: number(start)?, len };
        self.tree.nodes[open.node.as_usize()].kind = collection.kind(children);
        if open.size.aliased && open.size.weight > self.budget.max_nodes {
            let message = format!(
                "expected at most {} values after expanding aliases, found more",
                self.budget.max_nodes
            );
            return Err(Fault::new(Code::TooManyAliases, span, message));
        }
        if open.size.height > self.budget.max_depth {
            return Err(self.too_deep(span));
        }
        self.end(open.node, open.anchor, open.size);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        if self.budget.aliases == 0 {
            let message = format!("more than {} aliases", self.budget.max_aliases);
            return Err(Fault::new(Code::TooManyAliases, span, message));
        }
        self.budget.aliases -= 1;
        if let Some(open) = self.open.iter().find(|open| open.anchor == anchor) {
            let fault = Fault::new(
                Code::AliasInItself,
                span,
                "an alias cannot refer to the value that contains it",
            );
            return Err(fault.related(self.tree.span(open.node), "the value"));
        }
        let Some(Anchor { node, size }) = self.anchors.get(&anchor) else {
            return Err(Fault::new(Code::UnknownAnchor, span, "unknown anchor"));
        };
        let (target, size) = (*node, ExpandedSize { aliased: true, ..*size });
        let node = self.add(YamlKind::Alias(target), span)?;
        self.end(node, 0, size);
        Ok(())
    }

    /// Moves a map's keys and values from `pending` to the children, reports duplicate keys, and
    /// adds the entries that `<<` merges.
    fn entries(&mut self, first_child: usize) -> Result<(), Fault> {
        let start = self.tree.children.len();
        let mut merges = Vec::new();
        for pair in self.pending[first_child..].chunks_exact(2) {
            match self.tree.node(pair[0]).kind {
                YamlKind::Scalar { text, form: ScalarForm::Plain }
                    if self.tree.text(text) == "<<" =>
                {
                    merges.push(pair[1]);
                }
                _ => self.tree.children.extend_from_slice(pair),
            }
        }
        self.report_duplicates(&self.tree.children[start..]);
        if merges.is_empty() { Ok(()) } else { self.merge(start, &merges) }
    }

    fn report_duplicates(&self, entries: &[YamlIndex]) {
        let keys = entries.iter().step_by(2).copied();
        if entries.len() > 2 * SMALL_MAP {
            let mut seen = HashMap::with_capacity_and_hasher(entries.len() / 2, Default::default());
            for key in keys {
                let Some(text) = self.tree.scalar_text(key) else { continue };
                if let Some(first) = seen.insert(text, key) {
                    self.report_duplicate(key, first, text);
                }
            }
            return;
        }
        for (index, key) in keys.clone().enumerate() {
            let Some(text) = self.tree.scalar_text(key) else { continue };
            let mut before = keys.clone().take(index).rev();
            if let Some(first) = before.find(|first| self.tree.scalar_text(*first) == Some(text)) {
                self.report_duplicate(key, first, text);
            }
        }
    }

    fn report_duplicate(&self, key: YamlIndex, first: YamlIndex, text: &str) {
        let message = format!("duplicate key `{text}`");
        let fault = Fault::new(Code::DuplicateKey, self.tree.span(key), message);
        self.faults.push(fault.related(self.tree.span(first), "first defined here"));
    }

    /// Adds the entries of merged maps to the children from `start` on. A key that the map has
    /// already keeps its value.
    fn merge(&mut self, start: usize, merges: &[YamlIndex]) -> Result<(), Fault> {
        let own = self.tree.children[start..].iter().step_by(2);
        let mut names: BTreeSet<String> =
            own.filter_map(|key| self.tree.scalar_text(*key)).map(str::to_owned).collect();
        for merge in merges {
            let sources = match self.tree.kind(*merge) {
                YamlKind::List(items) => self.tree.children(items).to_vec(),
                YamlKind::Map(_) | YamlKind::Scalar { .. } | YamlKind::Alias(_) => vec![*merge],
            };
            for source in sources {
                let YamlKind::Map(merged) = self.tree.kind(source) else {
                    let message = "expected a map, or a list of maps, to merge";
                    self.faults.push(Fault::new(Code::Merge, self.tree.span(source), message));
                    continue;
                };
                self.budget.nodes = self.budget.nodes.saturating_sub(u64::from(merged.len / 2));
                if self.budget.nodes == 0 {
                    return Err(self.too_many(self.tree.span(source)));
                }
                for at in merged.range().step_by(2) {
                    let (key, value) = (self.tree.children[at], self.tree.children[at + 1]);
                    if self.tree.scalar_text(key).is_none_or(|text| names.insert(text.to_owned())) {
                        self.tree.children.extend([key, value]);
                    }
                }
            }
        }
        Ok(())
    }

    fn too_many(&self, span: Span) -> Fault {
        let message = format!("more than {} values", self.budget.max_nodes);
        Fault::new(Code::TooManyNodes, span, message)
    }

    fn too_deep(&self, span: Span) -> Fault {
        let message = format!("more than {} nested lists and maps", self.budget.max_depth);
        Fault::new(Code::TooDeep, span, message)
    }
}
