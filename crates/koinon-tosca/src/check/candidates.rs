//! Candidates of a requirement: which nodes are considered, and what speaks against one (csd07 8.5, 8.6).

use std::rc::Rc;

use koinon_model::Value;
use koinon_model::representation::Finding;
use koinon_model::representation::Why;

use super::decimal::Decimal;
use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::graph::Chosen;
use super::graph::Link;
use super::graph::Relationship;
use super::program::Program;
use super::represent::address;
use super::requirements::Item;
use super::requirements::Whence;
use super::requirements::scopes;
use super::types::IMPLICIT;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::grammar::Word;

impl<'a> Program<'a> {
    /// Returns the candidates in their order, and why the first that fits is chosen.
    pub(super) fn candidates(
        &self,
        item: &Item<'a>,
        index: u64,
    ) -> Result<(Rc<Vec<u32>>, Why), Halt> {
        let target = item.assignment.and_then(|one| one.node.as_ref());
        if let Some(target) = target
            && let Some(position) = self.template.nodes.position(target.name.text)
        {
            let nodes = self.graph.of_template(position);
            let Some(expr) = &target.index else {
                let why = if nodes.len() == 1 { Why::Named } else { Why::First };
                return Ok((self.range(nodes), why));
            };
            let scope =
                Scope { relationship_index: Some(index), ..Scope::node(item.node, "index") };
            let value = self.eval(expr, scope)?.value;
            let Some(at) = value.as_u64() else {
                let message = format!("expected an index from 0, found {}", value.to_json());
                return Err(self.halt(Fault::new(Code::Count, expr.span, message)));
            };
            let found = u32::try_from(at).ok().and_then(|at| nodes.start.checked_add(at));
            let found = found.filter(|at| nodes.contains(at));
            if found.is_none() && !nodes.is_empty() {
                let count = nodes.len();
                let message = format!("`{}` has {count} nodes and none at {at}", target.name.text);
                return Err(self.halt(Fault::new(Code::Count, expr.span, message)));
            }
            return Ok((Rc::new(found.into_iter().collect()), Why::Index));
        }
        // A type: that of the assignment, or that of the definition.
        let named = target.and_then(|target| self.types.lookup(Section::Node, target.name));
        if target.is_some() && named.is_none() {
            return Err(Halt::Reported);
        }
        let defined = item.definition.node;
        let node = named.or_else(|| self.types.lookup(Section::Node, defined?));
        let capability = item
            .definition
            .capability
            .and_then(|word| self.types.lookup(Section::Capability, word));
        Ok((self.list(node, capability, scopes(item)), Why::First))
    }

    /// Returns the nodes of a template as candidates.
    fn range(&self, nodes: std::ops::Range<u32>) -> Rc<Vec<u32>> {
        let mut ranges = self.resolver.ranges.borrow_mut();
        let known = ranges.entry(nodes.start).or_default();
        // Templates without nodes begin where the next one does.
        if known.len() != nodes.len() {
            *known = Rc::new(nodes.collect());
        }
        known.clone()
    }

    /// Returns the nodes that have these types, from the index.
    fn list(
        &self,
        node: Option<TypeId>,
        capability: Option<TypeId>,
        scopes: &'static [Whence],
    ) -> Rc<Vec<u32>> {
        let key = (node, capability, scopes);
        if let Some(known) = self.resolver.lists.borrow().get(&key) {
            return known.clone();
        }
        let fits = |at: u32| {
            let own = self.graph.node(at);
            let has = |wanted: TypeId| {
                own.def.capabilities.values().any(|one| {
                    one.capability_type
                        .and_then(|word| self.types.lookup(Section::Capability, word))
                        .is_some_and(|id| self.types.derives(id, wanted))
                })
            };
            node.is_none_or(|wanted| self.types.derives(own.id, wanted))
                && capability.is_none_or(has)
        };
        let mut all = Vec::new();
        for scope in scopes {
            match scope {
                Whence::Internal => {
                    for position in 0..self.template.nodes.iter().len() {
                        let nodes = self.graph.of_template(position);
                        // Nodes of one template are of one type.
                        if nodes.clone().next().is_some_and(fits) {
                            all.extend(nodes);
                        }
                    }
                }
                Whence::External => all.extend(self.graph.external.clone().filter(|at| fits(*at))),
            }
        }
        let all = Rc::new(all);
        self.resolver.lists.borrow_mut().insert(key, all.clone());
        all
    }

    /// Considers a candidate: the relationship to it, or what speaks against it.
    pub(super) fn consider(
        &self,
        link: Link<'a>,
        item: &Item<'a>,
        why: Why,
    ) -> Result<Result<Relationship<'a>, (Option<&'a str>, Finding)>, Halt> {
        let target = self.graph.node(link.target);
        let named = matches!(why, Why::Named | Why::Index | Why::Mapping);
        // A node does not fulfill its own requirements, unless the author says so.
        if link.target == link.source && !named {
            return Ok(Err((None, Finding::Used)));
        }
        let wanted = item.assignment.and_then(|one| one.capability);
        let mut refused: Option<(Option<&'a str>, Finding)> = None;
        // The first capability of the node that will do is its target (csd07 8.5.5).
        for capability in self.matching(link.definition, wanted, target.def) {
            let (name, finding) = match self.consider_capability(link, item, why, capability)? {
                Ok(relationship) => return Ok(Ok(relationship)),
                Err(refusal) => refusal,
            };
            // What does not last tells that the node may do another time.
            let passing = |first: &Finding| {
                let lasting = Lasting::of(item);
                lasting.has(first) && !lasting.has(&finding)
            };
            if refused.as_ref().is_none_or(|(_, first)| passing(first)) {
                refused = Some((name, finding));
            }
        }
        Ok(Err(refused.unwrap_or_else(|| {
            let expected = wanted.or(link.definition.capability).map_or("", |word| word.text);
            let found = self.types.full_name(target.id);
            (None, Finding::TypeMismatch { expected: expected.into(), found: found.into() })
        })))
    }

    /// Considers one capability of a candidate.
    fn consider_capability(
        &self,
        link: Link<'a>,
        item: &Item<'a>,
        why: Why,
        capability: &'a Capability<'a>,
    ) -> Result<Result<Relationship<'a>, (Option<&'a str>, Finding)>, Halt> {
        let target = self.graph.node(link.target);
        let named = matches!(why, Why::Named | Why::Index | Why::Mapping);
        let name = Some(capability.name.text);
        if let Some(wanted) = link.definition.node.filter(|_| !named)
            && let Some(wanted) = self.types.lookup(Section::Node, wanted)
            && !self.types.derives(target.id, wanted)
        {
            let expected = self.types.full_name(wanted).into();
            let found = self.types.full_name(target.id).into();
            return Ok(Err((name, Finding::TypeMismatch { expected, found })));
        }
        let source = self.graph.node(link.source);
        if !named && !self.is_allowed(source.id, link.id, target.id, capability) {
            let found = self.types.full_name(source.id).into();
            return Ok(Err((name, Finding::SourceRefused { found })));
        }
        // A mapping hands on what the outer node has, even if that is one node twice.
        if why != Why::Mapping && self.is_used(item, link.target) {
            return Ok(Err((name, Finding::Used)));
        }
        // Filters see it as it would be, but for how it was chosen.
        let untold = Chosen { why, considered: Vec::new(), seed: None };
        let tried = link.establish(capability, Vec::new(), untold);
        for filter in self.filters(link.definition, item.assignment) {
            let scope = Scope::relationship(&tried, "node_filter");
            // A filter that cannot be evaluated for a candidate refuses it.
            let (value, faults) = self.faults.capture(|| self.eval(filter, scope));
            match value.map(|known| known.value) {
                Ok(Value::Bool(true)) => {}
                Err(Halt::Reported) => {
                    for fault in faults {
                        self.faults.push(fault.warning());
                    }
                    return Ok(Err((name, self.filter_false(filter))));
                }
                Ok(_) => return Ok(Err((name, self.filter_false(filter)))),
                Err(halt) => return Err(halt),
            }
        }
        let mut allocation = Vec::new();
        if let Some(assignment) = item.assignment {
            for (word, expr) in assignment.allocation.iter() {
                let Some(property) = capability.properties.get(word.text) else {
                    return Err(Halt::Reported);
                };
                let scope = Scope {
                    own: Own::Node(link.source),
                    relationship_index: Some(link.index),
                    ..Scope::of(word.text)
                };
                let value = self.typed(expr, &property.schema, scope)?;
                let needed = self.amount(&value, &property.schema).ok_or(Halt::Reported)?;
                // Less than nothing would make room for others that the property does not have.
                if needed.compare(Decimal::from(0)).is_none_or(|order| order.is_lt()) {
                    let shown = value.to_json();
                    let message = format!("expected an allocation of 0 or more, found {shown}");
                    return Err(self.halt(Fault::new(Code::Allocation, expr.span, message)));
                }
                match self.remaining(link.target, capability, word.text)? {
                    Some((left, shown))
                        if left.compare(needed).is_none_or(|order| order.is_lt()) =>
                    {
                        let property = word.text.into();
                        let finding = Finding::NoCapacity { property, needed: value, left: shown };
                        return Ok(Err((name, finding)));
                    }
                    _ => allocation.push((word.text, needed, value)),
                }
            }
        }
        Ok(Ok(link.establish(capability, allocation, tried.chosen)))
    }

    fn filters(
        &self,
        definition: &'a RequirementType<'a>,
        assignment: Option<&'a Requirement<'a>>,
    ) -> impl Iterator<Item = &'a Expr<'a>> {
        let own = assignment.and_then(|one| one.filter.as_deref());
        definition.filters.iter().map(|filter| &**filter).chain(own)
    }

    fn filter_false(&self, filter: &Expr<'a>) -> Finding {
        Finding::FilterFalse { clause: super::written::written(filter), origin: None }
    }

    /// Returns a number, or a scalar's amount.
    pub(super) fn amount(&self, value: &Value, schema: &Schema<'a>) -> Option<Decimal> {
        match value {
            Value::Number(number) => Decimal::of(number),
            Value::String(text) => self.types.shape(schema)?.units?.amount(text).ok(),
            _ => None,
        }
    }

    /// Returns what is left of a capability's property; nothing if it has no value, which is no limit.
    pub(super) fn remaining(
        &self,
        node: u32,
        capability: &'a Capability<'a>,
        name: &str,
    ) -> Result<Option<(Decimal, Value)>, Halt> {
        let Some((name, property)) = capability.properties.get_key_value(name) else {
            return Err(Halt::Reported);
        };
        let elsewhere = self.graph.node(node).elsewhere.as_ref();
        let left = elsewhere.and_then(|one| one.remaining(capability.name.text, name)).cloned();
        let value = match left {
            Some(left) => Some(left),
            None => self.capability_property(node, capability, name)?,
        };
        let Some(value) = value else { return Ok(None) };
        let Some(total) = self.amount(&value, &property.schema) else {
            return Err(Halt::Reported);
        };
        let Some(taken) = self.resolver.taken(node, (capability.name.text, name)) else {
            return Ok(Some((total, value)));
        };
        let left = total.subtract(taken).ok_or(Halt::Reported)?;
        let shown = match self.types.shape(&property.schema).and_then(|shape| shape.units) {
            Some(units) => Value::String(units.write(left)),
            None => left.to_value(),
        };
        Ok(Some((left, shown)))
    }

    /// Returns whether something was allocated from a capability.
    pub(super) fn is_taken_from(&self, node: u32, capability: &Capability<'a>) -> bool {
        let mut names = capability.properties.keys();
        self.resolver.allocates()
            && names.any(|name| self.resolver.taken(node, (capability.name.text, name)).is_some())
    }

    /// Returns what is left of a property something was allocated from.
    pub(super) fn left(
        &self,
        node: u32,
        capability: &'a Capability<'a>,
        name: &'a str,
    ) -> Option<Value> {
        self.resolver.taken(node, (capability.name.text, name))?;
        self.remaining(node, capability, name).ok().flatten().map(|(_, left)| left)
    }

    /// Returns the capabilities of a node type that fit a requirement, by name.
    pub(super) fn matching(
        &self,
        definition: &'a RequirementType<'a>,
        wanted: Option<Word<'a>>,
        target: &'a TypeDef<'a>,
    ) -> impl Iterator<Item = &'a Capability<'a>> {
        let fitting = self.fitting(definition, target);
        let all = (0..fitting.len()).map(move |at| fitting[at]);
        all.filter(move |capability| wanted.is_none_or(|wanted| self.fits(capability, wanted)))
    }

    /// Returns the capabilities of a node type that fit a requirement's definition: the same for all nodes.
    fn fitting(
        &self,
        definition: &'a RequirementType<'a>,
        target: &'a TypeDef<'a>,
    ) -> Rc<[&'a Capability<'a>]> {
        let key = (address(definition), address(target));
        if let Some(known) = self.resolver.fitting.borrow().get(&key) {
            return known.clone();
        }
        let all = target.capabilities.values().map(|capability| &**capability);
        let found = all.filter(|capability| {
            definition.capability.is_none_or(|defined| self.fits(capability, defined))
        });
        let found: Rc<[_]> = found.collect();
        self.resolver.fitting.borrow_mut().insert(key, found.clone());
        found
    }

    /// Returns whether a capability is of a type, or has a name.
    fn fits(&self, capability: &Capability<'a>, wanted: Word<'_>) -> bool {
        if let Some(wanted) = self.types.lookup(Section::Capability, wanted) {
            let own = capability.capability_type;
            let own = own.and_then(|word| self.types.lookup(Section::Capability, word));
            if own.is_some_and(|own| self.types.derives(own, wanted)) {
                return true;
            }
        }
        capability.name.text == wanted.text
    }

    /// Returns whether relationship and capability types allow what they connect.
    pub(super) fn is_allowed(
        &self,
        source: TypeId,
        relationship: TypeId,
        target: TypeId,
        capability: &Capability<'a>,
    ) -> bool {
        self.refused_by(source, relationship, target, capability, false).is_none()
    }

    /// Returns whether a list of types only advises. The Simple Profile of 1.x lists sources that services in practice do
    /// not keep to, and no other processor of 1.x refuses them.
    pub(super) fn is_lenient(&self, list: Option<Span>) -> bool {
        list.is_some_and(|span| self.types.is_lowered(span.file))
    }

    /// Returns the list of types that does not allow a relationship: its keyname, and the type it lacks.
    pub(super) fn refused_by(
        &self,
        source: TypeId,
        relationship: TypeId,
        target: TypeId,
        capability: &Capability<'a>,
        strict: bool,
    ) -> Option<(&'static str, TypeId, Option<Span>)> {
        let own = capability.capability_type;
        let own = own.and_then(|word| self.types.lookup(Section::Capability, word));
        let lists = &self.types.def(relationship).lists;
        let checks = [
            (lists, "valid_source_node_types", Section::Node, Some(source)),
            (lists, "valid_target_node_types", Section::Node, Some(target)),
            (lists, "valid_capability_types", Section::Capability, own),
            (&capability.lists, "valid_source_node_types", Section::Node, Some(source)),
            (
                &capability.lists,
                "valid_relationship_types",
                Section::Relationship,
                Some(relationship).filter(|one| *one != IMPLICIT),
            ),
        ];
        for (lists, key, section, found) in checks {
            let (Some(allowed), Some(found)) = (lists.get(key), found) else { continue };
            let fits = |one: &Word<'_>| {
                self.types.lookup(section, *one).is_some_and(|one| self.types.derives(found, one))
            };
            let span = allowed.first().map(|word| word.span);
            if !allowed.iter().any(fits) && (strict || !self.is_lenient(span)) {
                return Some((key, found, span));
            }
        }
        None
    }
}

/// Which findings stay true for every node of the template.
pub(super) struct Lasting {
    /// Whether what is taken is the same for all.
    allocation: bool,
    /// Whether filters are about the target alone.
    filters: bool,
}

impl Lasting {
    pub(super) fn of(item: &Item<'_>) -> Self {
        let own = item.assignment.and_then(|one| one.filter.as_deref());
        let mut filters = item.definition.filters.iter().map(|filter| &**filter).chain(own);
        let fixed = |expr: &Expr<'_>| matches!(expr.kind, ExprKind::Number(_) | ExprKind::Text(_));
        Self {
            allocation: item.assignment.is_none_or(|one| one.allocation.values().all(fixed)),
            filters: filters.all(is_about_target),
        }
    }

    pub(super) fn has(&self, finding: &Finding) -> bool {
        match finding {
            Finding::NoCapacity { .. } => self.allocation,
            Finding::FilterFalse { .. } => self.filters,
            Finding::TypeMismatch { .. } | Finding::SourceRefused { .. } => true,
            Finding::Used | Finding::Chosen(_) | Finding::Passed => false,
        }
    }
}

/// Returns whether a filter's value is the same whatever node requires: it looks at the target's properties only.
fn is_about_target(expr: &Expr<'_>) -> bool {
    match &expr.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Faulty => true,
        ExprKind::List(items) => items.iter().all(is_about_target),
        ExprKind::Map(entries) => {
            entries.iter().all(|(key, value)| is_about_target(key) && is_about_target(value))
        }
        ExprKind::Call(Function::GetProperty, path) => {
            let leads = |expr: &Expr<'_>| !matches!(expr.as_str(), Some("RELATIONSHIP" | "SOURCE"));
            let target = |expr: &Expr<'_>| matches!(expr.as_str(), Some("TARGET" | "CAPABILITY"));
            path.first().is_some_and(|first| first.as_str() == Some("SELF"))
                && path.get(1).is_some_and(target)
                && path.len() > 2
                && path.iter().all(leads)
                && path.iter().all(is_about_target)
        }
        ExprKind::Call(function, arguments) => {
            !function.is_query() && arguments.iter().all(is_about_target)
        }
        ExprKind::Custom(..) => false,
    }
}
