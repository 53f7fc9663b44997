//! Candidates of a requirement: the nodes that are considered, and the findings against them (csd07
//! 8.5, 8.6).

use std::rc::Rc;

use koinon_model::Value;
use koinon_model::representation::ChoiceReason;
use koinon_model::representation::Finding;

use super::items::RequirementItem;
use super::items::candidate_origins;
use crate::builtin::Decimal;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::evaluate::SelfElement;
use crate::evaluate::written;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::RequirementAssignment;
use crate::grammar::RequirementDefinition;
use crate::grammar::TypeId;
use crate::keynames::TypeKind;
use crate::program::CandidateOrigin;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::NodeNumber;
use crate::program::NodeRange;
use crate::program::Program;
use crate::program::RelationshipDraft;
use crate::program::TargetChoice;

impl<'a> Program<'a> {
    /// Returns the candidates in order, and the reason that the first that fits is chosen.
    pub(crate) fn candidates(
        &self,
        item: &RequirementItem<'a>,
        index: u64,
    ) -> Result<(Rc<Vec<NodeNumber>>, ChoiceReason), Halt> {
        let target = item.assignment.and_then(|one| one.node.as_ref());
        if let Some(target) = target
            && let Some(position) = self.template.nodes.position(target.name.text)
        {
            let nodes = self.graph.of_template(position);
            let Some(expr) = &target.index else {
                let why = if nodes.len() == 1 { ChoiceReason::Named } else { ChoiceReason::First };
                return Ok((self.range(nodes), why));
            };
            let scope =
                Scope { relationship_index: Some(index), ..Scope::node(item.node, "index") };
            let value = self.eval(expr, scope)?.value;
            let Some(at) = value.as_u64() else {
                let message = format!("expected an index from 0, found {}", value.to_json());
                return Err(self.halt(Fault::new(Code::Count, expr.span, message)));
            };
            let found = nodes.get(at);
            if found.is_none() && nodes.len() > 0 {
                let count = nodes.len();
                let message = format!(
                    "expected an index below {count} for `{}`, found {at}",
                    target.name.text
                );
                return Err(self.halt(Fault::new(Code::Count, expr.span, message)));
            }
            return Ok((Rc::new(found.into_iter().collect()), ChoiceReason::Index));
        }
        // No template is named: candidates have the type of the assignment or of the definition.
        let named = target.and_then(|target| self.types.lookup(TypeKind::Node, target.name));
        if target.is_some() && named.is_none() {
            return Err(Halt::Reported);
        }
        let defined = item.definition.node;
        let node = named.or_else(|| self.types.lookup(TypeKind::Node, defined?));
        let capability = item
            .definition
            .capability
            .and_then(|word| self.types.lookup(TypeKind::Capability, word));
        Ok((self.list(node, capability, candidate_origins(item)), ChoiceReason::First))
    }

    /// Returns the nodes of a template as candidates.
    pub(crate) fn range(&self, nodes: NodeRange) -> Rc<Vec<NodeNumber>> {
        let mut ranges = self.resolver.ranges.borrow_mut();
        let known = ranges.entry(nodes.start()).or_default();
        // A template without nodes has the same start as the next template.
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
        scopes: &'static [CandidateOrigin],
    ) -> Rc<Vec<NodeNumber>> {
        let key = (node, capability, scopes);
        if let Some(known) = self.resolver.lists.borrow().get(&key) {
            return known.clone();
        }
        let fits = |at: NodeNumber| {
            let own = self.graph.node(at);
            let has = |wanted: TypeId| {
                own.def.capabilities.values().any(|one| {
                    one.capability_type
                        .and_then(|word| self.types.lookup(TypeKind::Capability, word))
                        .is_some_and(|id| self.types.derives(id, wanted))
                })
            };
            node.is_none_or(|wanted| self.types.derives(own.id, wanted))
                && capability.is_none_or(has)
        };
        let mut all = Vec::new();
        for scope in scopes {
            match scope {
                CandidateOrigin::Internal => {
                    for position in 0..self.template.nodes.iter().len() {
                        let nodes = self.graph.of_template(position);
                        // Nodes of one template are of one type.
                        if nodes.clone().next().is_some_and(fits) {
                            all.extend(nodes);
                        }
                    }
                }
                CandidateOrigin::External => {
                    all.extend(self.graph.external.clone().filter(|at| fits(*at)));
                }
            }
        }
        let all = Rc::new(all);
        self.resolver.lists.borrow_mut().insert(key, all.clone());
        all
    }

    /// Returns the relationship to a candidate, or the finding against it.
    pub(super) fn consider(
        &self,
        link: RelationshipDraft<'a>,
        item: &RequirementItem<'a>,
        why: ChoiceReason,
    ) -> Result<Result<GraphRelationship<'a>, (Option<&'a str>, Finding)>, Halt> {
        let target = self.graph.node(link.target);
        let named =
            matches!(why, ChoiceReason::Named | ChoiceReason::Index | ChoiceReason::Mapping);
        // A node fulfills its own requirement only if the author names it.
        if link.target == link.source && !named {
            return Ok(Err((None, Finding::Used)));
        }
        let wanted = item.assignment.and_then(|one| one.capability);
        let mut refused: Option<(Option<&'a str>, Finding)> = None;
        // The first capability that fits is the target (csd07 8.5.5).
        for capability in self.matching(link.definition, wanted, target.def) {
            let (name, finding) = match self.consider_capability(link, item, why, capability)? {
                Ok(relationship) => return Ok(Ok(relationship)),
                Err(refusal) => refusal,
            };
            // A finding that is not stable is preferred: it says that the node may fit later.
            let passing = |first: &Finding| {
                let stable = StableFindings::of(item);
                stable.includes(first) && !stable.includes(&finding)
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

    /// Returns the relationship to one capability of a candidate, or the finding against it.
    fn consider_capability(
        &self,
        link: RelationshipDraft<'a>,
        item: &RequirementItem<'a>,
        why: ChoiceReason,
        capability: &'a CapabilityDefinition<'a>,
    ) -> Result<Result<GraphRelationship<'a>, (Option<&'a str>, Finding)>, Halt> {
        let target = self.graph.node(link.target);
        let named =
            matches!(why, ChoiceReason::Named | ChoiceReason::Index | ChoiceReason::Mapping);
        let name = Some(capability.name.text);
        if let Some(wanted) = link.definition.node.filter(|_| !named)
            && let Some(wanted) = self.types.lookup(TypeKind::Node, wanted)
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
        // A mapping forwards the targets of the outer node, even if a node is among them twice.
        if why != ChoiceReason::Mapping && self.is_used(item, link.target) {
            return Ok(Err((name, Finding::Used)));
        }
        // Filters read the relationship as it would be, but without its choice.
        let undecided = TargetChoice { why, considered: Vec::new(), seed: None };
        let tried = link.establish(capability, Vec::new(), undecided);
        for filter in self.filters(link.definition, item.assignment) {
            let scope = Scope::relationship(&tried, "node_filter");
            // A filter that cannot be evaluated rejects the candidate.
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
                    own: SelfElement::Node(link.source),
                    relationship_index: Some(link.index),
                    ..Scope::of(word.text)
                };
                let value = self.typed(expr, &property.schema, scope)?;
                let needed = self.amount(&value, &property.schema).ok_or(Halt::Reported)?;
                // A negative amount would give others more than the property has.
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

    pub(crate) fn filters(
        &self,
        definition: &'a RequirementDefinition<'a>,
        assignment: Option<&'a RequirementAssignment<'a>>,
    ) -> impl Iterator<Item = &'a Expr<'a>> {
        let own = assignment.and_then(|one| one.filter.as_deref());
        definition.filters.iter().map(|filter| &**filter).chain(own)
    }

    fn filter_false(&self, filter: &Expr<'a>) -> Finding {
        Finding::FilterFalse { clause: written(filter), origin: None }
    }
}

/// The findings that stay true for every node of the template.
pub(crate) struct StableFindings {
    /// Whether all nodes allocate the same amounts.
    allocation: bool,
    /// Whether filters read only the target.
    filters: bool,
}

impl StableFindings {
    pub(crate) fn of(item: &RequirementItem<'_>) -> Self {
        let own = item.assignment.and_then(|one| one.filter.as_deref());
        let mut filters = item.definition.filters.iter().map(|filter| &**filter).chain(own);
        let fixed = |expr: &Expr<'_>| matches!(expr.kind, ExprKind::Number(_) | ExprKind::Text(_));
        Self {
            allocation: item.assignment.is_none_or(|one| one.allocation.values().all(fixed)),
            filters: filters.all(is_about_target),
        }
    }

    pub(super) fn includes(&self, finding: &Finding) -> bool {
        match finding {
            Finding::NoCapacity { .. } => self.allocation,
            Finding::FilterFalse { .. } => self.filters,
            Finding::TypeMismatch { .. } | Finding::SourceRefused { .. } => true,
            Finding::Used | Finding::Chosen(_) | Finding::Passed => false,
        }
    }
}

/// Returns whether a filter reads only the target's properties, so that its value is the same for
/// every source.
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
