//! The arena: every node with its span, aliases as edges, budgets checked while it grows.

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

use super::plain;
use super::scalar::Scalar;
use crate::budget::Budgets;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::hash::HashMap;

/// Bytes of a scalar that count as one more node: what aliases make of text is bounded as what they make of nodes.
const BYTES_PER_NODE: u64 = 8;
/// Largest map whose keys are compared each with each; above, hashing them is faster.
const SMALL_MAP: usize = 8;

/// What is left of a run's budgets, and what they were.
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
    /// Starts a run with all its budgets.
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

/// A file's nodes, in few and large allocations: a large service has millions of them.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Tree {
    file: u32,
    pub(super) root: u32,
    pub(super) nodes: Vec<Node>,
    /// What lists and maps hold: a list's items, a map's keys and values by turns, those of one node side by side.
    pub(super) children: Vec<u32>,
    /// The text of all scalars.
    pub(super) text: String,
    /// Nodes with an anchor, in the order of their starts.
    pub(super) anchored: Vec<u32>,
}

/// Twenty bytes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) enum Kind {
    /// A part of the tree's text.
    Scalar { plain: bool, text: Part },
    /// A part of the tree's children.
    List(Part),
    /// A part of the tree's children, of even length.
    Map(Part),
    /// The node it stands for, which is no alias.
    Alias(u32),
}

/// From where, and how many.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Part {
    pub(super) at: u32,
    pub(super) len: u32,
}

impl Part {
    pub(super) fn range(self) -> Range<usize> {
        let at = self.at as usize;
        at..at + self.len as usize
    }
}

/// A node of a tree, with aliases followed but their own place kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yaml<'a> {
    pub(super) tree: &'a Tree,
    pub(super) at: u32,
}

impl Tree {
    pub(crate) fn root(&self) -> Yaml<'_> {
        Yaml { tree: self, at: self.root }
    }

    /// Returns how many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    fn span(&self, at: u32) -> Span {
        let Node { start, end, .. } = *self.node(at);
        Span { file: self.file, start, end }
    }

    /// Returns what the node is, an alias followed.
    pub(super) fn kind(&self, at: u32) -> Kind {
        match self.node(at).kind {
            // An alias's target is never an alias.
            Kind::Alias(target) => self.node(target).kind,
            kind => kind,
        }
    }

    fn text(&self, part: Part) -> &str {
        &self.text[part.range()]
    }

    fn children(&self, part: Part) -> &[u32] {
        &self.children[part.range()]
    }

    /// Returns a key's text, if it is a scalar.
    fn key(&self, at: u32) -> Option<&str> {
        if let Kind::Scalar { text, .. } = self.kind(at) { Some(self.text(text)) } else { None }
    }

    /// Adds a scalar's text in NFC; `None` if there is more text than four bytes can count.
    fn add_text(&mut self, text: &str) -> Option<Part> {
        let at = u32::try_from(self.text.len()).ok()?;
        if text.is_ascii() || is_nfc(text) {
            self.text.push_str(text);
        } else {
            self.text.extend(text.nfc());
        }
        let end = u32::try_from(self.text.len()).ok()?;
        Some(Part { at, len: end - at })
    }
}

impl<'a> Yaml<'a> {
    /// Returns where it is used.
    pub(crate) fn span(self) -> Span {
        self.tree.span(self.at)
    }

    fn kind(self) -> Kind {
        self.tree.kind(self.at)
    }

    fn at(self, at: u32) -> Self {
        Self { tree: self.tree, at }
    }

    /// Returns the scalar's meaning, if it is one.
    pub(crate) fn scalar(self) -> Option<Scalar<'a>> {
        match self.kind() {
            Kind::Scalar { text, plain: true } => Some(Scalar::plain(self.tree.text(text))),
            Kind::Scalar { text, plain: false } => Some(Scalar::String(self.tree.text(text))),
            Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => None,
        }
    }

    /// Returns the scalar's text as written, whatever it means.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.tree.key(self.at)
    }

    /// Returns the string, if it is one.
    pub(crate) fn string(self) -> Option<&'a str> {
        if let Some(Scalar::String(text)) = self.scalar() { Some(text) } else { None }
    }

    /// Returns the items, if it is a list.
    pub(crate) fn list(self) -> Option<impl ExactSizeIterator<Item = Self> + use<'a>> {
        let Kind::List(items) = self.kind() else { return None };
        Some(self.tree.children(items).iter().map(move |item| self.at(*item)))
    }

    /// Returns the entries in the order of the file, those merged in last, if it is a map.
    pub(crate) fn map(self) -> Option<impl ExactSizeIterator<Item = (Self, Self)> + use<'a>> {
        let Kind::Map(entries) = self.kind() else { return None };
        let pairs = self.tree.children(entries).chunks_exact(2);
        Some(pairs.map(move |pair| (self.at(pair[0]), self.at(pair[1]))))
    }

    /// Returns whether it, or something in it, has an anchor.
    pub(crate) fn has_anchor(self) -> bool {
        let Span { start, end, .. } = self.span();
        let starts = |at: &u32| self.tree.node(*at).start;
        let first = self.tree.anchored.partition_point(|at| starts(at) < start);
        self.tree.anchored.get(first).is_some_and(|at| starts(at) <= end)
    }

    /// Returns the kind's name, for messages.
    pub(crate) fn kind_name(self) -> &'static str {
        match self.scalar() {
            Some(Scalar::Null) => "null",
            Some(Scalar::Bool(_)) => "boolean",
            Some(Scalar::Number(_) | Scalar::NoNumber) => "number",
            Some(Scalar::String(_)) => "string",
            None if matches!(self.kind(), Kind::List(_)) => "list",
            None => "map",
        }
    }
}

/// Parses a file of one YAML document. Faults that stop it are returned; the others are kept.
pub(crate) fn parse(
    text: &str,
    file: u32,
    budget: &mut Budget,
    faults: &Faults,
) -> Result<Tree, Fault> {
    match plain::read(text, file, budget) {
        Some(tree) => Ok(tree),
        None => parse_whole(text, file, budget, faults),
    }
}

/// Parses a file of one YAML document from its first byte to its last.
pub(super) fn parse_whole(
    text: &str,
    file: u32,
    budget: &mut Budget,
    faults: &Faults,
) -> Result<Tree, Fault> {
    let mut parser = parser(text, budget);
    let mut builder = Builder::new(file, text.len(), budget, faults);
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
    Ok(builder.tree)
}

/// Returns the parser of a text: every reader of YAML takes the same options.
pub(super) fn parser<'t>(text: &'t str, budget: &Budget) -> Parser<'t, StrInput<'t>> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    // One more than ours, so that ours is the one that speaks where both could.
    options.flow_nesting_limit = budget.max_depth + 1;
    options.block_nesting_limit = budget.max_depth + 1;
    Parser::new_from_str_with_options(text, options)
}

/// Makes a tree of events.
pub(super) struct Builder<'b> {
    budget: &'b mut Budget,
    faults: &'b Faults,
    tree: Tree,
    open: Vec<Open>,
    /// Children of open lists and maps, the innermost one's last.
    pending: Vec<u32>,
    /// Anchors by the parser's number.
    anchors: BTreeMap<usize, Anchor>,
}

/// A list or map whose end has not come yet.
struct Open {
    node: u32,
    /// Where its children start among those pending.
    first: usize,
    /// The parser's number of its anchor; 0 without one.
    anchor: usize,
    size: Size,
}

/// What an alias may stand for.
struct Anchor {
    node: u32,
    size: Size,
}

/// What a value is once every alias in it is followed.
#[derive(Clone, Copy)]
struct Size {
    /// Nodes, this one too; long text counts as several.
    weight: u64,
    /// Levels of lists and maps, this one too.
    height: usize,
    /// Whether there are aliases at all: without, the budget of nodes and the parser's limits have said everything.
    aliased: bool,
}

impl Size {
    const NODE: Self = Self { weight: 1, height: 1, aliased: false };

    fn text(span: Span) -> Self {
        let weight = 1 + u64::from(span.end - span.start) / BYTES_PER_NODE;
        Self { weight, height: 0, aliased: false }
    }

    fn hold(&mut self, child: Self) {
        self.weight = self.weight.saturating_add(child.weight);
        self.height = self.height.max(child.height + 1);
        self.aliased |= child.aliased;
    }
}

impl<'b> Builder<'b> {
    /// Starts the tree of a text of so many bytes.
    pub(super) fn new(file: u32, bytes: usize, budget: &'b mut Budget, faults: &'b Faults) -> Self {
        let tree = Tree {
            file,
            root: 0,
            // About what templates take; room that is not used costs nothing.
            nodes: Vec::with_capacity(bytes / 8),
            children: Vec::with_capacity(bytes / 8),
            text: String::with_capacity(bytes / 2),
            anchored: Vec::new(),
        };
        let (open, pending) = (Vec::new(), Vec::new());
        Self { budget, faults, tree, open, pending, anchors: BTreeMap::new() }
    }

    /// Returns the tree, once all events have come.
    pub(super) fn tree(self) -> Tree {
        self.tree
    }

    fn span(&self, range: &Range<usize>) -> Span {
        let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.tree.file, start: number(range.start), end: number(range.end) }
    }

    /// Adds a scalar of a file that may have no fault.
    pub(super) fn scalar(&mut self, text: &str, plain: bool, bytes: Range<usize>) -> Option<()> {
        let span = self.span(&bytes);
        self.leaf(text, plain, span, 0).ok()
    }

    /// Opens a list or a map of a file that may have no fault.
    pub(super) fn start(&mut self, list: bool, bytes: Range<usize>) -> Option<()> {
        let kind = if list { Kind::List } else { Kind::Map };
        self.open(kind(Part::default()), self.span(&bytes), 0).ok()
    }

    /// Closes the innermost list or map of a file that may have no fault.
    pub(super) fn finish(&mut self, bytes: Range<usize>) -> Option<()> {
        self.close(self.span(&bytes)).ok()
    }

    /// Takes the next event, which is about these bytes of the file.
    fn event(&mut self, event: Event<'_>, bytes: &Range<usize>) -> Result<(), Fault> {
        let span = self.span(bytes);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut plain = style == ScalarStyle::Plain;
                if let Some(tag) = tag {
                    if tag.core_suffix() == Some("str") {
                        plain = false;
                    } else {
                        self.unsupported_tag(span, &tag.original());
                    }
                }
                self.leaf(&text, plain, span, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Kind::List(Part::default()), span, anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Kind::Map(Part::default()), span, anchor)?;
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
            // The stream's frame, and what options that are off would add.
            _ => {}
        }
        Ok(())
    }

    /// Adds a scalar.
    fn leaf(&mut self, text: &str, plain: bool, span: Span, anchor: usize) -> Result<(), Fault> {
        let text = self.tree.add_text(text).ok_or_else(|| self.too_many(span))?;
        let node = self.add(Kind::Scalar { plain, text }, span)?;
        self.anchored(node, anchor);
        self.end(node, anchor, Size::text(span));
        Ok(())
    }

    fn unsupported_tag(&self, span: Span, tag: &str) {
        let fault =
            Fault::new(Code::Tag, span, format!("the YAML tag `{tag}` has no meaning in TOSCA"));
        self.faults.push(fault);
    }

    /// Adds a node to the tree and to what is open. The first one is the root.
    fn add(&mut self, kind: Kind, span: Span) -> Result<u32, Fault> {
        if self.budget.nodes == 0 {
            return Err(self.too_many(span));
        }
        self.budget.nodes -= 1;
        let at = u32::try_from(self.tree.nodes.len()).map_err(|_| self.too_many(span))?;
        self.tree.nodes.push(Node { start: span.start, end: span.end, kind });
        self.pending.push(at);
        Ok(at)
    }

    /// Takes note of a node that starts with an anchor, if it does.
    fn anchored(&mut self, node: u32, anchor: usize) {
        if anchor != 0 {
            self.tree.anchored.push(node);
        }
    }

    /// Takes note of a node that is complete.
    fn end(&mut self, node: u32, anchor: usize, size: Size) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node, size });
        }
        if let Some(open) = self.open.last_mut() {
            open.size.hold(size);
        }
    }

    fn open(&mut self, kind: Kind, span: Span, anchor: usize) -> Result<(), Fault> {
        if self.open.len() >= self.budget.max_depth {
            return Err(self.too_deep(span));
        }
        let node = self.add(kind, span)?;
        self.anchored(node, anchor);
        self.open.push(Open { node, first: self.pending.len(), anchor, size: Size::NODE });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let node = &mut self.tree.nodes[open.node as usize];
        node.end = end.end.max(node.start);
        let is_map = matches!(node.kind, Kind::Map(_));
        let span = self.tree.span(open.node);
        let at = self.tree.children.len();
        if is_map {
            self.entries(open.first)?;
        } else {
            self.tree.children.extend_from_slice(&self.pending[open.first..]);
        }
        self.pending.truncate(open.first);
        let number = |number| u32::try_from(number).map_err(|_| self.too_many(span));
        let part = Part { at: number(at)?, len: number(self.tree.children.len() - at)? };
        self.tree.nodes[open.node as usize].kind =
            if is_map { Kind::Map(part) } else { Kind::List(part) };
        if open.size.aliased && open.size.weight > self.budget.max_nodes {
            let message =
                format!("aliases make more than {} values of this one", self.budget.max_nodes);
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
            let fault =
                Fault::new(Code::AliasInItself, span, "an alias inside the value it stands for");
            return Err(fault.related(self.tree.span(open.node), "the value"));
        }
        let Some(Anchor { node, size }) = self.anchors.get(&anchor) else {
            return Err(Fault::new(Code::UnknownAnchor, span, "unknown anchor"));
        };
        let (target, size) = (*node, Size { aliased: true, ..*size });
        let node = self.add(Kind::Alias(target), span)?;
        self.end(node, 0, size);
        Ok(())
    }

    /// Makes a map's entries of what is pending from `first` on: keys and values, no key twice, with what `<<` brings.
    fn entries(&mut self, first: usize) -> Result<(), Fault> {
        let start = self.tree.children.len();
        let mut merges = Vec::new();
        for pair in self.pending[first..].chunks_exact(2) {
            match self.tree.node(pair[0]).kind {
                Kind::Scalar { text, plain: true } if self.tree.text(text) == "<<" => {
                    merges.push(pair[1]);
                }
                _ => self.tree.children.extend_from_slice(pair),
            }
        }
        self.duplicates(&self.tree.children[start..]);
        if merges.is_empty() { Ok(()) } else { self.merge(start, &merges) }
    }

    fn duplicates(&self, entries: &[u32]) {
        let keys = entries.iter().step_by(2).copied();
        if entries.len() > 2 * SMALL_MAP {
            let mut seen = HashMap::with_capacity_and_hasher(entries.len() / 2, Default::default());
            for key in keys {
                let Some(text) = self.tree.key(key) else { continue };
                if let Some(first) = seen.insert(text, key) {
                    self.duplicate(key, first, text);
                }
            }
            return;
        }
        for (index, key) in keys.clone().enumerate() {
            let Some(text) = self.tree.key(key) else { continue };
            let mut before = keys.clone().take(index).rev();
            if let Some(first) = before.find(|first| self.tree.key(*first) == Some(text)) {
                self.duplicate(key, first, text);
            }
        }
    }

    fn duplicate(&self, key: u32, first: u32, text: &str) {
        let message = format!("duplicate key `{text}`");
        let fault = Fault::new(Code::DuplicateKey, self.tree.span(key), message);
        self.faults.push(fault.related(self.tree.span(first), "first defined here"));
    }

    /// Adds the entries of the maps merged in to the children from `start` on; keys that are there already stay.
    fn merge(&mut self, start: usize, merges: &[u32]) -> Result<(), Fault> {
        let own = self.tree.children[start..].iter().step_by(2);
        let mut names: BTreeSet<String> =
            own.filter_map(|key| self.tree.key(*key)).map(str::to_owned).collect();
        for merge in merges {
            let sources = match self.tree.kind(*merge) {
                Kind::List(items) => self.tree.children(items).to_vec(),
                Kind::Map(_) | Kind::Scalar { .. } | Kind::Alias(_) => vec![*merge],
            };
            for source in sources {
                let Kind::Map(merged) = self.tree.kind(source) else {
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
                    if self.tree.key(key).is_none_or(|text| names.insert(text.to_owned())) {
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
