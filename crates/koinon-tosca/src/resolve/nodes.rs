//! Nodes that templates create, select, or leave to be substituted (csd07 7.2.1, 14.1).

use std::borrow::Cow;

use koinon_model::Value;

use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::Directive;
use crate::grammar::Expr;
use crate::grammar::NodeTemplate;
use crate::grammar::TypeId;
use crate::keynames::TypeKind;
use crate::program::GraphNode;
use crate::program::Halt;
use crate::program::MAX_NODES;
use crate::program::NodeNumber;
use crate::program::NodeRange;
use crate::program::OtherNode;
use crate::program::Program;
use crate::program::ReferencedNode;

impl<'a> Program<'a> {
    /// Returns the number of nodes of a template.
    pub(crate) fn count(&self, template: &NodeTemplate<'a>) -> Result<u64, Halt> {
        let Some(count) = &template.count else { return Ok(1) };
        // The count belongs to the template, not to one of its nodes.
        let value = self.eval(count, Scope::of("count"))?.value;
        value.as_u64().ok_or_else(|| {
            let message =
                format!("expected a natural number for `count`, found {}", value.to_json());
            self.halt(Fault::new(Code::Count, count.span, message))
        })
    }

    /// Makes the nodes of each template: as many as its count, or one if the count is not known
    /// yet.
    pub(crate) fn make_nodes(&mut self) {
        let template = self.template;
        let mut later = Vec::new();
        for (position, node) in template.nodes.values().enumerate() {
            let made = match self.types.lookup(TypeKind::Node, node.node_type) {
                None => self.graph.nodes_from(self.graph.next_number()),
                // A filter of a selected node may read other nodes, so those come first.
                Some(id) if selects_before_it_creates(node) => {
                    later.push((position, node, id));
                    self.graph.nodes_from(self.graph.next_number())
                }
                Some(id) => self.create(node, id),
            };
            self.graph.templates.push(made);
        }
        self.add_outer();
        self.add_other_nodes();
        for (position, node, id) in later {
            let made = self.follow_directives(node, id);
            self.graph.templates[position] = made;
        }
        self.graph.prepare();
    }

    /// Creates the nodes of a template.
    fn create(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> NodeRange {
        let first = self.graph.next_number();
        let count = self.count(template).unwrap_or(1);
        let Some(room) = self.node_budget.get().checked_sub(count) else {
            let span = template.count.as_ref().map_or(template.name.span, |count| count.span);
            let message = format!("more than {MAX_NODES} nodes");
            self.faults.push(Fault::new(Code::TooManyNodes, span, message));
            return self.graph.nodes_from(first);
        };
        self.node_budget.set(room);
        let def = self.types.def(id);
        for index in 0..count {
            self.graph.push(GraphNode::new(template, id, def, index));
        }
        self.graph.nodes_from(first)
    }

    /// Adds the nodes of the outer service that are targets of mapped requirements.
    fn add_outer(&mut self) {
        self.graph.outer = self.graph.next_number();
        for outer in &self.mapped.nodes {
            let def = self.types.def(outer.id);
            let index = u64::from(outer.node.index);
            let referenced =
                ReferencedNode { node: Cow::Owned(outer.node.clone()), outer: Some(outer.number) };
            self.graph
                .push(GraphNode::new(outer.template, outer.id, def, index).referenced(referenced));
        }
    }

    /// Adds the nodes of other services if a requirement has the directive `external`.
    fn add_other_nodes(&mut self) {
        let first = self.graph.next_number();
        let mut requirements =
            self.template.nodes.values().flat_map(|template| &template.requirements);
        if requirements.any(|one| one.directives.iter().any(|word| word.text == "external")) {
            let others = &self.other_services.others;
            for other in &others.nodes {
                let node = self.other(other, &others.templates[other.template]);
                self.graph.push(node);
            }
        }
        self.graph.external = self.graph.nodes_from(first);
    }

    pub(crate) fn other(
        &self,
        other: &OtherNode<'a>,
        template: &'a NodeTemplate<'a>,
    ) -> GraphNode<'a> {
        let def = self.types.def(other.id);
        let referenced = ReferencedNode { node: Cow::Borrowed(other.node), outer: None };
        GraphNode::new(template, other.id, def, u64::from(other.node.index)).referenced(referenced)
    }

    /// Tries the directives of a template in order.
    fn follow_directives(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> NodeRange {
        let mut reasons = Vec::new();
        for (at, (directive, word)) in template.directives.iter().enumerate() {
            let more = &template.directives[at + 1..];
            let reason = match directive {
                Directive::Create => return self.create(template, id),
                Directive::Substitute => {
                    let made = self.create(template, id);
                    // A substitute is chosen after resolution, when more values are known.
                    if made.len() == 0 || !more.iter().any(|(one, _)| *one == Directive::Select) {
                        self.failed_directives.insert(template.name.text, reasons);
                        return made;
                    }
                    match self.substitute_for(made.start()) {
                        Ok(_) => return made,
                        Err(reason) => {
                            self.graph.truncate(made.start());
                            self.node_budget.set(self.node_budget.get() + made.len() as u64);
                            reason
                        }
                    }
                }
                Directive::Select => match self.select(template, id) {
                    Ok(at) => return self.graph.nodes_from(at),
                    Err(reason) => reason,
                },
            };
            reasons.push(format!("{}: {reason}", word.text));
        }
        self.record_failure(template, &reasons);
        let def = self.types.def(id);
        let at = self.graph.next_number();
        self.graph.push(GraphNode::new(template, id, def, 0));
        self.graph.nodes_from(at)
    }

    /// Records that no directive of a template could be followed.
    pub(super) fn record_failure(&self, template: &NodeTemplate<'a>, reasons: &[String]) {
        let message =
            format!("every directive of `{}` failed: {}", template.name.text, reasons.join("; "));
        self.failed.borrow_mut().push(Fault::new(Code::Directive, template.name.span, message));
    }

    /// Selects a node of another service, or returns the reason that none fits.
    fn select(&mut self, template: &'a NodeTemplate<'a>, id: TypeId) -> Result<NodeNumber, String> {
        let at = self.graph.next_number();
        let wanted = template.node_type.text;
        // A template that a requirement is mapped to selects the requirement's target (csd07
        // 15.5.3).
        if let Some(place) = self.mapped.selected.get(template.name.text) {
            let outer = &self.mapped.nodes[*place];
            let name = outer.template.name.text;
            if !self.types.derives(outer.id, id) {
                let found = self.types.full_name(outer.id);
                return Err(format!("`{name}` is {}, not {wanted}", crate::diag::article(found)));
            }
            let def = self.types.def(outer.id);
            let referenced =
                ReferencedNode { node: Cow::Owned(outer.node.clone()), outer: Some(outer.number) };
            let index = u64::from(outer.node.index);
            self.graph.push(GraphNode::new(template, outer.id, def, index).referenced(referenced));
            if self.passes_filter(at, template.filter.as_deref()) {
                return Ok(at);
            }
            self.graph.truncate(at);
            return Err(format!("`{name}` does not pass the node filter"));
        }
        let mut reasons = Vec::new();
        let mut refused = 0_usize;
        let others = &self.other_services.others;
        for other in others.nodes.iter().filter(|other| self.types.derives(other.id, id)) {
            let node = self.other(other, template);
            self.graph.push(node);
            if self.passes_filter(at, template.filter.as_deref()) {
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

    /// Returns whether a filter is true for a node. A filter that cannot be evaluated is not.
    pub(super) fn passes_filter(&self, at: NodeNumber, filter: Option<&Expr<'a>>) -> bool {
        let Some(filter) = filter else { return true };
        let scope = Scope::node(at, "filter");
        let (value, faults) = self.faults.capture(|| self.eval(filter, scope));
        for fault in faults {
            self.faults.push(fault.warning());
        }
        value.is_ok_and(|known| known.value == Value::Bool(true))
    }
}

/// The most reasons in one message.
const MAX_REASONS: usize = 5;

/// Returns whether a template has `select` before any `create`.
fn selects_before_it_creates(template: &NodeTemplate<'_>) -> bool {
    let mut directives = template.directives.iter().map(|(directive, _)| *directive);
    directives
        .by_ref()
        .take_while(|one| *one != Directive::Create)
        .any(|one| one == Directive::Select)
}

/// Returns whether `select` is the only directive of a template, so that all its nodes are of other
/// services.
pub(crate) fn is_selected(template: &NodeTemplate<'_>) -> bool {
    let mut directives = template.directives.iter();
    !template.directives.is_empty() && directives.all(|(one, _)| *one == Directive::Select)
}
