//! The arena: every node with its span, aliases as edges, budgets checked while it grows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use granit_parser::ErrorKind;
use granit_parser::Event;
use granit_parser::Options;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::Span as Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::is_nfc;

use super::scalar::Scalar;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;

/// Most bytes of all files of a run: 16 MiB, far above any service.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Most nested lists and maps, aliases followed: what `koinon_model::Limits` allows as well.
const MAX_DEPTH: usize = 64;
/// Most nodes of all files, with every alias counted as often as it is used.
const MAX_NODES: u64 = 2_000_000;
/// Bytes of a scalar that count as one more node: what aliases make of text is bounded as what they make of nodes.
const BYTES_PER_NODE: u64 = 8;
/// Most aliases of all files.
const MAX_ALIASES: u32 = 20_000;

/// What is left of a run's budgets.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub(crate) bytes: usize,
    nodes: u64,
    aliases: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, nodes: MAX_NODES, aliases: MAX_ALIASES }
    }
}

/// A file's nodes.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: u32,
}

#[derive(Debug)]
struct Node {
    span: Span,
    kind: Kind,
    /// Nodes below and with this one, aliases followed; long text counts as several.
    weight: u64,
    /// Levels below and with this one, aliases followed.
    height: usize,
}

#[derive(Debug)]
enum Kind {
    Scalar { text: Box<str>, plain: bool },
    List(Box<[u32]>),
    Map(Box<[(u32, u32)]>),
    Alias(u32),
}

/// A node of a tree, with aliases followed but their own place kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yaml<'a> {
    tree: &'a Tree,
    at: u32,
}

impl Tree {
    pub(crate) fn root(&self) -> Yaml<'_> {
        Yaml { tree: self, at: self.root }
    }
}

impl<'a> Yaml<'a> {
    /// Returns where it is used.
    pub(crate) fn span(self) -> Span {
        self.tree.nodes[self.at as usize].span
    }

    fn kind(self) -> &'a Kind {
        let nodes = &self.tree.nodes;
        match &nodes[self.at as usize].kind {
            // An alias's target is never an alias.
            Kind::Alias(target) => &nodes[*target as usize].kind,
            kind => kind,
        }
    }

    fn at(self, at: u32) -> Self {
        Self { tree: self.tree, at }
    }

    /// Returns the scalar's meaning, if it is one.
    pub(crate) fn scalar(self) -> Option<Scalar<'a>> {
        match self.kind() {
            Kind::Scalar { text, plain: true } => Some(Scalar::plain(text)),
            Kind::Scalar { text, plain: false } => Some(Scalar::String(text)),
            Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => None,
        }
    }

    /// Returns the scalar's text as written, whatever it means.
    pub(crate) fn text(self) -> Option<&'a str> {
        if let Kind::Scalar { text, .. } = self.kind() { Some(text) } else { None }
    }

    /// Returns the string, if it is one.
    pub(crate) fn string(self) -> Option<&'a str> {
        if let Some(Scalar::String(text)) = self.scalar() { Some(text) } else { None }
    }

    /// Returns the items, if it is a list.
    pub(crate) fn list(self) -> Option<impl ExactSizeIterator<Item = Self> + use<'a>> {
        if let Kind::List(items) = self.kind() {
            Some(items.iter().map(move |item| self.at(*item)))
        } else {
            None
        }
    }

    /// Returns the entries in the order of the file, those merged in last, if it is a map.
    pub(crate) fn map(self) -> Option<impl ExactSizeIterator<Item = (Self, Self)> + use<'a>> {
        if let Kind::Map(entries) = self.kind() {
            Some(entries.iter().map(move |(key, value)| (self.at(*key), self.at(*value))))
        } else {
            None
        }
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
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    // One more than ours, so that ours is the one that speaks where both could.
    options.flow_nesting_limit = MAX_DEPTH + 1;
    options.block_nesting_limit = MAX_DEPTH + 1;
    let mut builder = Builder {
        file,
        budget,
        faults,
        nodes: Vec::new(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        let (event, range) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(0);
            let span = builder.span(&(at..at + 1));
            match error.kind() {
                ErrorKind::RecursionLimitExceeded => too_deep(span),
                _ => Fault::new(Code::Syntax, span, error.info()),
            }
        })?;
        builder.event(event, &range)?;
    }
    let end = text.trim_end().len();
    let root = builder.root.ok_or_else(|| {
        Fault::new(Code::Empty, builder.span(&(end..end)), "expected a map, found an empty file")
    })?;
    Ok(Tree { nodes: builder.nodes, root })
}

fn too_deep(span: Span) -> Fault {
    Fault::new(Code::TooDeep, span, format!("more than {MAX_DEPTH} nested lists and maps"))
}

struct Builder<'b> {
    file: u32,
    budget: &'b mut Budget,
    faults: &'b Faults,
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// Anchors by the parser's number.
    anchors: BTreeMap<usize, u32>,
    root: Option<u32>,
}

/// A list or map whose end has not come yet.
struct Open {
    node: u32,
    map: bool,
    children: Vec<u32>,
}

impl Builder<'_> {
    fn span(&self, range: &std::ops::Range<usize>) -> Span {
        let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: number(range.start), end: number(range.end) }
    }

    fn event(&mut self, event: Event<'_>, range: &Range) -> Result<(), Fault> {
        let span = self.span(&range.byte_range().unwrap_or(0..0));
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
                let text =
                    if is_nfc(&text) { text.into() } else { text.nfc().collect::<String>().into() };
                self.add(Kind::Scalar { text, plain }, span, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Kind::List([].into()), span, anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    self.unsupported_tag(span, &tag.original());
                }
                self.open(Kind::Map([].into()), span, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::UnresolvedAlias(name) => {
                return Err(Fault::new(
                    Code::UnknownAnchor,
                    span,
                    format!("unknown anchor `{name}`"),
                ));
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                let message = "expected the end of the file, found a second YAML document";
                return Err(Fault::new(Code::SecondDocument, span, message));
            }
            // The stream's frame, and what options that are off would add.
            _ => {}
        }
        Ok(())
    }

    fn unsupported_tag(&self, span: Span, tag: &str) {
        let fault =
            Fault::new(Code::Tag, span, format!("the YAML tag `{tag}` has no meaning in TOSCA"));
        self.faults.push(fault);
    }

    fn add(&mut self, kind: Kind, span: Span, anchor: usize) -> Result<u32, Fault> {
        if self.budget.nodes == 0 {
            return Err(too_many(span));
        }
        self.budget.nodes -= 1;
        let at = u32::try_from(self.nodes.len()).map_err(|_| too_many(span))?;
        let (weight, height) = match &kind {
            Kind::Alias(target) => {
                let target = &self.nodes[*target as usize];
                (target.weight, target.height)
            }
            Kind::Scalar { .. } => (1 + u64::from(span.end - span.start) / BYTES_PER_NODE, 0),
            Kind::List(_) | Kind::Map(_) => (1, 0),
        };
        self.nodes.push(Node { span, kind, weight, height });
        if anchor != 0 {
            self.anchors.insert(anchor, at);
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(at),
            None => self.root = Some(at),
        }
        Ok(at)
    }

    fn open(&mut self, kind: Kind, span: Span, anchor: usize) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let map = matches!(kind, Kind::Map(_));
        let node = self.add(kind, span, anchor)?;
        self.open.push(Open { node, map, children: Vec::new() });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let node = open.node as usize;
        self.nodes[node].span.end = end.end.max(self.nodes[node].span.start);
        let kind = if open.map {
            Kind::Map(self.entries(&open.children)?.into())
        } else {
            Kind::List(open.children.into())
        };
        let children: Vec<u32> = match &kind {
            Kind::Map(entries) => entries.iter().flat_map(|(key, value)| [*key, *value]).collect(),
            Kind::List(items) => items.to_vec(),
            Kind::Scalar { .. } | Kind::Alias(_) => Vec::new(),
        };
        let below = children.iter().map(|child| &self.nodes[*child as usize]);
        let (weight, height) = below.fold((1_u64, 0), |(weight, height), child| {
            (weight.saturating_add(child.weight), child.height.max(height))
        });
        let span = self.nodes[node].span;
        if weight > MAX_NODES {
            return Err(Fault::new(
                Code::TooManyAliases,
                span,
                format!("aliases make more than {MAX_NODES} values of this one"),
            ));
        }
        if height + 1 > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let node = &mut self.nodes[node];
        (node.kind, node.weight, node.height) = (kind, weight, height + 1);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        if self.budget.aliases == 0 {
            let message = format!("more than {MAX_ALIASES} aliases");
            return Err(Fault::new(Code::TooManyAliases, span, message));
        }
        self.budget.aliases -= 1;
        let Some(target) = self.anchors.get(&anchor).copied() else {
            return Err(Fault::new(Code::UnknownAnchor, span, "unknown anchor"));
        };
        if self.open.iter().any(|open| open.node == target) {
            let fault =
                Fault::new(Code::AliasInItself, span, "an alias inside the value it stands for");
            return Err(fault.related(self.nodes[target as usize].span, "the value"));
        }
        self.add(Kind::Alias(target), span, 0)?;
        Ok(())
    }

    /// Pairs a map's children, merges what `<<` brings, refuses duplicates.
    fn entries(&mut self, children: &[u32]) -> Result<Vec<(u32, u32)>, Fault> {
        let mut entries: Vec<(u32, u32)> = Vec::with_capacity(children.len() / 2);
        let mut merges = Vec::new();
        for pair in children.chunks_exact(2) {
            match &self.nodes[pair[0] as usize].kind {
                Kind::Scalar { text, plain: true } if &**text == "<<" => merges.push(pair[1]),
                _ => entries.push((pair[0], pair[1])),
            }
        }
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for (key, _) in &entries {
            let Some(text) = self.key(*key) else { continue };
            if let Some(first) = seen.insert(text, *key) {
                let (span, first) =
                    (self.nodes[*key as usize].span, self.nodes[first as usize].span);
                let fault = Fault::new(Code::DuplicateKey, span, format!("duplicate key `{text}`"));
                self.faults.push(fault.related(first, "first defined here"));
            }
        }
        if merges.is_empty() {
            return Ok(entries);
        }
        let mut names: BTreeSet<String> = seen.keys().map(|key| (*key).to_owned()).collect();
        for merge in merges {
            let sources = match self.followed(merge) {
                Kind::List(items) => items.to_vec(),
                Kind::Map(_) | Kind::Scalar { .. } | Kind::Alias(_) => vec![merge],
            };
            for source in sources {
                let Kind::Map(merged) = self.followed(source) else {
                    let span = self.nodes[source as usize].span;
                    let message = "expected a map, or a list of maps, to merge";
                    self.faults.push(Fault::new(Code::Merge, span, message));
                    continue;
                };
                let merged = merged.to_vec();
                self.budget.nodes = self.budget.nodes.saturating_sub(merged.len() as u64);
                if self.budget.nodes == 0 {
                    return Err(too_many(self.nodes[source as usize].span));
                }
                for (key, value) in merged {
                    if self.key(key).is_none_or(|text| names.insert(text.to_owned())) {
                        entries.push((key, value));
                    }
                }
            }
        }
        Ok(entries)
    }

    fn followed(&self, at: u32) -> &Kind {
        match &self.nodes[at as usize].kind {
            Kind::Alias(target) => &self.nodes[*target as usize].kind,
            kind => kind,
        }
    }

    fn key(&self, at: u32) -> Option<&str> {
        if let Kind::Scalar { text, .. } = self.followed(at) { Some(text) } else { None }
    }
}

fn too_many(span: Span) -> Fault {
    Fault::new(Code::TooManyNodes, span, format!("more than {MAX_NODES} values"))
}
