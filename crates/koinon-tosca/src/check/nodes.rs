//! Nodes: what node templates create, select, or leave to be substituted (csd07 7.2.1, 14.1).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::Entries;
use koinon_model::representation::Representation;

use super::eval::Scope;
use super::graph::Elsewhere;
use super::graph::Node;
use super::program::Program;
use super::represent::Builder;
use super::types::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Directive;
use crate::grammar::Expr;
use crate::grammar::NodeTemplate;
use crate::grammar::Properties;
use crate::grammar::Section;
use crate::grammar::TypeId;
use crate::grammar::Word;

/// Most reasons that one message tells.
const MAX_REASONS: usize = 5;

/// Nodes of other services, in the order in which they are considered.
#[derive(Debug, Default)]
pub(crate) struct Others<'a> {
    templates: Vec<NodeTemplate<'a>>,
    nodes: Vec<Other<'a>>,
}

/// A node of another service.
#[derive(Debug)]
struct Other<'a> {
    /// The place of its template among those of the others.
    template: usize,
    /// Its type, or the nearest ancestor that is known here.
    id: TypeId,
    node: &'a model::Node,
}

/// Returns what the node templates of other services are called here, `SERVICE/TEMPLATE`, each once in their order.
pub(crate) fn names_of(selectable: &[Representation]) -> Vec<String> {
    let mut names = Vec::new();
    for service in selectable {
        for nodes in service.nodes.chunk_by(|one, next| one.template == next.template) {
            names
                .extend(nodes.first().map(|node| format!("{}/{}", service.service, node.template)));
        }
    }
    names
}

impl<'a> Others<'a> {
    /// Takes the nodes of other services whose types are known, with the names [`names_of`] gives.
    pub(crate) fn new(
        selectable: &'a [Representation],
        names: &'a [String],
        types: &Types<'a>,
    ) -> Self {
        let mut others = Self::default();
        if selectable.is_empty() {
            return others;
        }
        let known: BTreeMap<&str, TypeId> = types
            .iter()
            .filter(|(_, def)| def.section == Section::Node)
            .map(|(id, _)| (types.full_name(id), id))
            .collect();
        let mut names = names.iter();
        for service in selectable {
            for nodes in service.nodes.chunk_by(|one, next| one.template == next.template) {
                let name = names.next().map_or("", String::as_str);
                let word = Word { text: name, span: Span::default() };
                let template = others.templates.len();
                others.templates.push(NodeTemplate::reference(word));
                for node in nodes {
                    let ancestors = service.types.get(&node.node_type).into_iter().flatten();
                    let mut chain = std::iter::once(&node.node_type).chain(ancestors);
                    let id = chain.find_map(|name| known.get(&**name).copied());
                    others.nodes.extend(id.map(|id| Other { template, id, node }));
                }
            }
        }
        others
    }
}

impl<'a> Program<'a> {
    /// Makes the nodes: as many as each template's count says, one if that is not known yet.
    pub(super) fn make_nodes(&mut self) {
        let template = self.template;
        let mut later = Vec::new();
        for (position, node) in template.nodes.values().enumerate() {
            let made = match self.types.lookup(Section::Node, node.node_type) {
                None => (self.graph.len(), 0),
                // What is selected may be asked for what others have.
                Some(id) if may_be_selected(node) => {
                    later.push((position, node, id));
                    (self.graph.len(), 0)
                }
                Some(id) => self.create(node, id),
            };
            self.graph.templates.push(made);
        }
        self.add_outer();
        self.add_others();
        for (position, node, id) in later {
            let made = self.direct(node, id);
            self.graph.templates[position] = made;
        }
        self.graph.prepare();
    }

    /// Creates the nodes of a template: the first one's number, and how many there are.
    fn create(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> (u32, u32) {
        let first = self.graph.len();
        let count = self.count(template).unwrap_or(1);
        let Some(room) = self.room.get().checked_sub(count) else {
            let span = template.count.as_ref().map_or(template.name.span, |count| count.span);
            let message = format!("more than {} nodes", super::graph::MAX_NODES);
            self.faults.push(Fault::new(Code::TooManyNodes, span, message));
            return (first, 0);
        };
        self.room.set(room);
        let def = self.types.def(id);
        for index in 0..count {
            self.graph.push(Node::new(template, id, def, index));
        }
        (first, self.graph.len() - first)
    }

    /// Adds the nodes of the outer service that requirements lead to.
    fn add_outer(&mut self) {
        self.graph.outer = self.graph.len();
        for outer in &self.mapped.nodes {
            let def = self.types.def(outer.id);
            let index = u64::from(outer.node.index);
            let elsewhere =
                Elsewhere { node: Cow::Owned(outer.node.clone()), outer: Some(outer.number) };
            self.graph.push(Node::new(outer.template, outer.id, def, index).elsewhere(elsewhere));
        }
    }

    /// Adds the nodes of other services, if a requirement asks for some.
    fn add_others(&mut self) {
        let first = self.graph.len();
        let mut requirements =
            self.template.nodes.values().flat_map(|template| &template.requirements);
        if requirements.any(|one| one.directives.iter().any(|word| word.text == "external")) {
            let others = &self.around.others;
            for other in &others.nodes {
                let node = self.other(other, &others.templates[other.template]);
                self.graph.push(node);
            }
        }
        self.graph.external = first..self.graph.len();
    }

    fn other(&self, other: &Other<'a>, template: &'a NodeTemplate<'a>) -> Node<'a> {
        let def = self.types.def(other.id);
        let elsewhere = Elsewhere { node: Cow::Borrowed(other.node), outer: None };
        Node::new(template, other.id, def, u64::from(other.node.index)).elsewhere(elsewhere)
    }

    /// Tries the directives of a template in their order.
    fn direct(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> (u32, u32) {
        let mut reasons = Vec::new();
        for (at, (directive, word)) in template.directives.iter().enumerate() {
            let more = &template.directives[at + 1..];
            let reason = match directive {
                Directive::Create => return self.create(template, id),
                Directive::Substitute => {
                    let made = self.create(template, id);
                    // What stands for a node is best found when all is resolved.
                    if made.1 == 0 || !more.iter().any(|(one, _)| *one == Directive::Select) {
                        self.passed.insert(template.name.text, reasons);
                        return made;
                    }
                    match self.substitute_for(made.0) {
                        Ok(_) => return made,
                        Err(reason) => {
                            self.graph.truncate(made.0);
                            self.room.set(self.room.get() + u64::from(made.1));
                            reason
                        }
                    }
                }
                Directive::Select => match self.select(template, id) {
                    Ok(at) => return (at, 1),
                    Err(reason) => reason,
                },
            };
            reasons.push(format!("{}: {reason}", word.text));
        }
        self.fail(template, &reasons);
        let def = self.types.def(id);
        let at = self.graph.len();
        self.graph.push(Node::new(template, id, def, 0));
        (at, 1)
    }

    /// Keeps that nothing comes of a template.
    pub(super) fn fail(&self, template: &NodeTemplate<'a>, reasons: &[String]) {
        let message = format!("nothing comes of `{}`: {}", template.name.text, reasons.join("; "));
        self.failed.borrow_mut().push(Fault::new(Code::Directive, template.name.span, message));
    }

    /// Selects a node of another service, or says why there is none.
    fn select(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> Result<u32, String> {
        let at = self.graph.len();
        let wanted = template.node_type.text;
        // What a requirement is mapped to is that requirement's target (csd07 15.5.3).
        if let Some(place) = self.mapped.selected.get(template.name.text) {
            let outer = &self.mapped.nodes[*place];
            let name = outer.template.name.text;
            if !self.types.derives(outer.id, id) {
                let found = self.types.full_name(outer.id);
                return Err(format!("`{name}` is {}, not {wanted}", crate::diag::article(found)));
            }
            let def = self.types.def(outer.id);
            let elsewhere =
                Elsewhere { node: Cow::Owned(outer.node.clone()), outer: Some(outer.number) };
            let index = u64::from(outer.node.index);
            self.graph.push(Node::new(template, outer.id, def, index).elsewhere(elsewhere));
            if self.passes(at, template.filter.as_deref()) {
                return Ok(at);
            }
            self.graph.truncate(at);
            return Err(format!("`{name}` does not pass the node filter"));
        }
        let mut reasons = Vec::new();
        let mut refused = 0_usize;
        let others = &self.around.others;
        for other in others.nodes.iter().filter(|other| self.types.derives(other.id, id)) {
            let node = self.other(other, template);
            self.graph.push(node);
            if self.passes(at, template.filter.as_deref()) {
                return Ok(at);
            }
            self.graph.truncate(at);
            refused += 1;
            if reasons.len() < MAX_REASONS {
                let name = others.templates[other.template].name.text;
                let index = other.node.index;
                reasons.push(format!("`{name}[{index}]` does not pass the node filter"));
            }
        }
        if refused == 0 {
            return Err(format!("no other service has a node of type {wanted}"));
        }
        if refused > reasons.len() {
            reasons.push(format!("and {} more", refused - reasons.len()));
        }
        Err(reasons.join(", "))
    }

    /// Returns whether a filter holds for a node. One that cannot be evaluated does not.
    pub(super) fn passes(&self, at: u32, filter: Option<&Expr<'a>>) -> bool {
        let Some(filter) = filter else { return true };
        let scope = Scope::node(at, "filter");
        let (value, faults) = self.faults.capture(|| self.eval(filter, scope));
        for fault in faults {
            self.faults.push(fault.warning());
        }
        value.is_ok_and(|known| known.value == Value::Bool(true))
    }
}

impl<'a> Builder<'_, 'a> {
    /// Refers to a node of another service.
    pub(super) fn reference(
        &self,
        at: u32,
        elsewhere: &Elsewhere<'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Node {
        let program = self.program;
        let node = program.graph.node(at);
        used.push(node.id);
        let known = |all: &model::Properties, names: &Properties<'a>| {
            let own = all.iter().filter(|(name, _)| names.contains_key(&***name));
            own.map(|(name, one)| {
                (name.clone(), model::Property { value: one.value.clone(), origin: None })
            })
            .collect()
        };
        let mut capabilities = Entries::new();
        for capability in node.def.capabilities.values() {
            let name = capability.name.text;
            let id = capability.capability_type;
            let id = id.and_then(|word| program.types.lookup(Section::Capability, word));
            let (Some(found), Some(id)) = (elsewhere.node.capabilities.get(name), id) else {
                continue;
            };
            used.push(id);
            let mut remaining = found.remaining.clone();
            for name in capability.properties.keys() {
                let left = program.left(at, capability, name);
                remaining.extend(left.map(|left| (self.name(name), left)));
            }
            let own = model::Capability {
                capability_type: self.type_name(id),
                properties: known(&found.properties, &capability.properties),
                attributes: known(&found.attributes, &capability.attributes),
                remaining,
                inner: None,
            };
            capabilities.insert(self.name(name), Arc::new(own));
        }
        let (template, index) = self.place_of(at);
        model::Node {
            id: elsewhere.node.id,
            template: self.name(template),
            index,
            node_type: self.type_name(node.id),
            directives: vec!["select".into()],
            properties: known(&elsewhere.node.properties, &node.def.properties),
            attributes: Arc::new(known(&elsewhere.node.attributes, &node.def.attributes)),
            capabilities,
            artifacts: Entries::new(),
            interfaces: model::Interfaces::new(),
            operator: elsewhere.node.operator.clone(),
        }
    }
}

/// Returns whether nodes of a template may come from elsewhere: it does not create them before it selects.
fn may_be_selected(template: &NodeTemplate<'_>) -> bool {
    let mut directives = template.directives.iter().map(|(directive, _)| *directive);
    directives
        .by_ref()
        .take_while(|one| *one != Directive::Create)
        .any(|one| one == Directive::Select)
}
