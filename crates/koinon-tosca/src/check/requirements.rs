//! The resolver: every requirement gets its relationships (csd07 4.2.2, 8.5).
//!
//! Candidates are considered in a defined order: nodes in the order of their templates in the file, then by index; or,
//! where a policy says that chance decides, by a hash of the seed. The first that fits is chosen. An index over node and
//! capability types gives the candidates, and what is exhausted is not considered again, so the work is linear in the
//! size of the graph. Requirements that are optional come after all others.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::rc::Rc;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation::Candidate;
use koinon_model::representation::Choice;
use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::Trace;
use koinon_model::representation::Why;

use super::decimal::Decimal;
use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::graph::Link;
use super::graph::NOTHING;
use super::graph::Relationship;
use super::program::Program;
use super::types::IMPLICIT;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Directive;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Properties;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::grammar::Word;

/// Most relationships of one service.
const MAX_RELATIONSHIPS: u64 = 4_000_000;

/// Nodes by the node type and the capability they must have.
type Lists = HashMap<(Option<TypeId>, Option<TypeId>), Rc<Vec<u32>>>;

/// Candidates by node, requirement and number.
type Traced<'a> = BTreeMap<(u32, &'a str, u64), Vec<Candidate>>;

/// What the resolver keeps while it works.
#[derive(Debug, Default)]
pub(crate) struct Resolver<'a> {
    /// Nodes by the node type and the capability they must have.
    lists: RefCell<Lists>,
    /// Where candidates begin that are not exhausted, by assignment.
    cursors: RefCell<HashMap<usize, usize>>,
    /// What is allocated of a property, by node, capability and name.
    allocated: RefCell<HashMap<(u32, &'a str, &'a str), Decimal>>,
    /// Templates whose candidates chance decides on.
    random: RefCell<Vec<&'a str>>,
    pub(super) unresolved: RefCell<Vec<Unresolved<'a>>>,
    /// The requirements that are traced: a template's, of one name if there is one.
    pub(super) traced: Option<(String, Option<String>)>,
    trace: RefCell<Traced<'a>>,
    relationships: Cell<u64>,
}

/// A requirement that nothing fulfils.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved<'a> {
    pub(crate) node: u32,
    pub(crate) requirement: &'a str,
    pub(crate) index: u64,
    pub(crate) span: Span,
    pub(crate) reason: String,
    pub(crate) optional: bool,
}

/// An assignment of one node, with how far it is.
#[derive(Clone, Debug)]
struct Item<'a> {
    node: u32,
    definition: &'a RequirementType<'a>,
    assignment: Option<&'a Requirement<'a>>,
    /// The number of its first relationship.
    base: u64,
    count: u64,
    made: u64,
    /// Where its next candidate is.
    from: usize,
    optional: bool,
}

/// What became of a requirement.
enum Outcome {
    Done,
    /// Something it depends on is not there yet.
    Later,
    /// Nothing fits, and why.
    Nothing(String),
}

impl<'a> Program<'a> {
    /// Resolves all requirements, as far as that can be done.
    pub(super) fn resolve_requirements(&self) {
        *self.resolver.random.borrow_mut() = self.random_templates();
        let mut items = Vec::new();
        for node in 0..self.graph.len() {
            self.items(node, &mut items);
        }
        // csd07 8.5: what is optional comes after all that is not.
        for optional in [false, true] {
            let chosen: Vec<Item<'a>> =
                items.iter().filter(|item| item.optional == optional).cloned().collect();
            self.resolve_items(chosen);
        }
        self.graph.settled.set(true);
    }

    /// Makes a fault of every mandatory requirement that nothing fulfills.
    pub(crate) fn check_resolved(&self) {
        // What is wrong already may well be why.
        if !self.faults.is_empty() {
            return;
        }
        for unresolved in self.resolver.unresolved.borrow().iter().filter(|one| !one.optional) {
            let node = self.graph.node(unresolved.node);
            let message = format!(
                "nothing fulfills requirement `{}` of `{}`: {}",
                unresolved.requirement, node.template.name.text, unresolved.reason
            );
            self.faults.push(Fault::new(Code::Unfulfilled, unresolved.span, message));
        }
        if let Some(cycle) = self.cycle() {
            let names: Vec<&str> =
                cycle.iter().map(|at| self.graph.node(*at).template.name.text).collect();
            let span = cycle
                .first()
                .map_or(self.template.span, |at| self.graph.node(*at).template.name.span);
            let message = format!("nodes depend on each other in a circle: {}", names.join(" -> "));
            self.faults.push(Fault::new(Code::DependencyCycle, span, message));
        }
    }

    /// Returns a circle of nodes that depend on each other, the first again at its end.
    fn cycle(&self) -> Option<Vec<u32>> {
        let count = self.graph.len() as usize;
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); count];
        for relationship in self.graph.relationships() {
            if self.is_dependency(relationship.id) {
                next[relationship.source as usize].push(relationship.target);
            }
        }
        // Depth first without recursion: how far each node on the way is.
        let mut state = vec![0_u8; count];
        for start in 0..self.graph.len() {
            if state[start as usize] != 0 {
                continue;
            }
            let mut way: Vec<(u32, usize)> = vec![(start, 0)];
            state[start as usize] = 1;
            while let Some((node, at)) = way.last_mut() {
                let Some(target) = next[*node as usize].get(*at).copied() else {
                    state[*node as usize] = 2;
                    way.pop();
                    continue;
                };
                *at += 1;
                match state[target as usize] {
                    0 => {
                        state[target as usize] = 1;
                        way.push((target, 0));
                    }
                    1 => {
                        let from = way.iter().position(|(node, _)| *node == target)?;
                        let mut cycle: Vec<u32> =
                            way[from..].iter().map(|(node, _)| *node).collect();
                        cycle.push(target);
                        return Some(cycle);
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// Returns whether the source of a relationship needs its target to be there: it does, unless the relationship's
    /// type says otherwise in its metadata.
    fn is_dependency(&self, id: TypeId) -> bool {
        self.types.def(id).chain.iter().all(|id| {
            let metadata = self.types.def(*id).metadata;
            let mut entries = metadata.and_then(|metadata| metadata.map()).into_iter().flatten();
            !entries.any(|(key, value)| {
                key.text() == Some("koinon.dependency") && value.text() == Some("false")
            })
        })
    }

    /// Returns what was thought of the candidates of traced requirements.
    pub(crate) fn trace(&self) -> Trace {
        let trace = self.resolver.trace.borrow();
        let requirements = trace.iter().map(|((node, requirement, index), candidates)| {
            let index = u32::try_from(*index).unwrap_or(u32::MAX);
            let id = ElementId::relationship(self.element(*node), requirement, index);
            (id, candidates.clone())
        });
        Trace { requirements: requirements.collect() }
    }

    fn resolve_items(&self, mut items: Vec<Item<'a>>) {
        loop {
            let before: u64 = self.resolver.relationships.get();
            let count = items.len();
            let mut waiting = Vec::new();
            for mut item in items {
                match self.resolve_item(&mut item) {
                    Outcome::Done => {}
                    Outcome::Later => waiting.push(item),
                    Outcome::Nothing(reason) => self.give_up(&item, reason),
                }
            }
            if waiting.is_empty() {
                return;
            }
            // Nothing moved: what still waits, waits for each other, or for what will never be.
            if self.resolver.relationships.get() == before && waiting.len() == count {
                for item in waiting {
                    self.give_up(
                        &item,
                        "it waits for another requirement that waits too".to_owned(),
                    );
                }
                return;
            }
            items = waiting;
        }
    }

    fn give_up(&self, item: &Item<'a>, reason: String) {
        let span = match item.assignment {
            Some(assignment) => assignment.name.span,
            None => self.graph.node(item.node).template.name.span,
        };
        self.resolver.unresolved.borrow_mut().push(Unresolved {
            node: item.node,
            requirement: item.definition.name.text,
            index: item.base + item.made,
            span,
            reason,
            optional: item.optional,
        });
    }

    /// Returns the templates whose requirements are fulfilled by chance.
    fn random_templates(&self) -> Vec<&'a str> {
        let Some(ancestor) = self.types.koinon(Section::Policy, "RandomCandidates") else {
            return Vec::new();
        };
        let mut templates = Vec::new();
        for policy in self.template.policies.values() {
            let id = self.types.lookup(Section::Policy, policy.policy_type);
            if id.is_some_and(|id| self.types.derives(id, ancestor)) {
                templates.extend(policy.targets.iter().map(|target| target.text));
            }
        }
        templates
    }

    /// Makes the items of a node: its assignments, and those its type implies.
    fn items(&self, at: u32, items: &mut Vec<Item<'a>>) {
        let node = self.graph.node(at);
        // What is selected keeps the relationships it has elsewhere (csd07 7.2.1).
        if node.template.has(Directive::Select) {
            return;
        }
        for definition in &node.def.requirements {
            if self.is_mapped(definition) {
                continue;
            }
            let name = definition.name.text;
            let (min, _) = definition.range();
            let mut base = 0;
            let mut any = false;
            for assignment in &node.template.requirements {
                if assignment.name.text != name {
                    continue;
                }
                any = true;
                let Ok(count) = self.requirement_count(assignment, at) else { continue };
                let optional = assignment.optional;
                let (made, from) = (0, 0);
                let assignment = Some(assignment);
                items.push(Item {
                    node: at,
                    definition,
                    assignment,
                    base,
                    count,
                    made,
                    from,
                    optional,
                });
                base += count;
            }
            if !any && min > 0 {
                items.push(Item {
                    node: at,
                    definition,
                    assignment: None,
                    base: 0,
                    count: min,
                    made: 0,
                    from: 0,
                    optional: false,
                });
            }
        }
    }

    /// Returns whether Koinon's Mapper makes the relationships of a requirement, anew in every epoch.
    fn is_mapped(&self, definition: &RequirementType<'a>) -> bool {
        let Some(ancestor) = self.types.koinon(Section::Relationship, "OperatedBy") else {
            return false;
        };
        let word = definition.relationship.as_ref().and_then(|def| def.relationship_type);
        let id = word.and_then(|word| self.types.lookup(Section::Relationship, word));
        id.is_some_and(|id| self.types.derives(id, ancestor))
    }

    /// Returns how many relationships an assignment makes.
    pub(super) fn requirement_count(
        &self,
        assignment: &Requirement<'a>,
        node: u32,
    ) -> Result<u64, Halt> {
        let Some(count) = &assignment.count else { return Ok(1) };
        let value = self.eval(count, Scope::node(node, "count"))?.value;
        value.as_u64().ok_or_else(|| {
            let message =
                format!("expected a natural number for `count`, found {}", value.to_json());
            self.halt(Fault::new(Code::Count, count.span, message))
        })
    }

    fn resolve_item(&self, item: &mut Item<'a>) -> Outcome {
        while item.made < item.count {
            match self.resolve_one(item) {
                Outcome::Done => item.made += 1,
                other => return other,
            }
        }
        Outcome::Done
    }

    /// Makes the next relationship of an item.
    fn resolve_one(&self, item: &mut Item<'a>) -> Outcome {
        let assignment = item.assignment;
        let nowhere = |reason: &str| Outcome::Nothing(reason.to_owned());
        if assignment.is_some_and(|one| {
            one.directives.first().is_some_and(|word| word.text == "external")
                && !one.directives.iter().any(|word| word.text == "internal")
        }) {
            return nowhere("it asks for nodes outside of this service");
        }
        let Some((id, def, values)) = self.relationship_of(item.definition, assignment) else {
            return nowhere("its relationship type is unknown");
        };
        if self.resolver.relationships.get() >= MAX_RELATIONSHIPS {
            return nowhere("the service has too many relationships");
        }
        let index = item.base + item.made;
        let (candidates, why) = match self.candidates(item, index) {
            Ok(found) => found,
            Err(Halt::Later) => return Outcome::Later,
            Err(Halt::Input) => return nowhere("it depends on an input without value"),
            Err(Halt::RunTime(_)) => {
                return nowhere("it depends on what is known only at run time");
            }
            Err(Halt::Reported) => return nowhere("it cannot be evaluated"),
        };
        let seed = self.seed_for(item.node);
        let candidates = match seed {
            Some(seed) if why != Why::Index => self.shuffled(&candidates, seed, item, index),
            _ => candidates,
        };
        let key = assignment
            .map_or(item.definition as *const RequirementType<'_> as usize, |one| {
                one as *const Requirement<'_> as usize
            });
        let cursor = match seed {
            None => self.resolver.cursors.borrow().get(&key).copied().unwrap_or(0),
            Some(_) => 0,
        };
        let fixed = assignment.is_none_or(|one| {
            one.allocation
                .values()
                .all(|expr| matches!(expr.kind, ExprKind::Number(_) | ExprKind::Text(_)))
        });
        let traced = self.is_traced(item);
        let mut findings: Vec<Candidate> = Vec::new();
        let mut considered: Vec<u32> = Vec::new();
        let mut chosen: Option<(Relationship<'a>, usize)> = None;
        let mut exhausted = cursor;
        let mut refused = Vec::new();
        let start = if traced { 0 } else { item.from.max(cursor) };
        for (place, target) in candidates.iter().copied().enumerate().skip(start) {
            let link = Link {
                source: item.node,
                target,
                index,
                definition: item.definition,
                assignment,
                id,
                def,
                properties: self.refined(item.definition, def),
                attributes: self.refined_attributes(item.definition, def),
                values,
            };
            let (capability, finding) = match self.consider(link, item, why) {
                Ok(Ok(relationship)) => {
                    let capability = relationship.capability.name.text;
                    if chosen.is_some() {
                        (Some(capability), Finding::Passed)
                    } else {
                        chosen = Some((relationship, place));
                        (Some(capability), Finding::Chosen(why))
                    }
                }
                Ok(Err((capability, finding))) => {
                    let full = matches!(finding, Finding::NoCapacity { .. });
                    if full && fixed && exhausted == place && seed.is_none() {
                        exhausted += 1;
                    }
                    if refused.len() < 5 {
                        refused.push((target, finding.clone()));
                    }
                    (capability, finding)
                }
                Err(Halt::Later) => return Outcome::Later,
                Err(Halt::Input) => return nowhere("it depends on an input without value"),
                Err(Halt::RunTime(_)) => {
                    return nowhere("it depends on what is known only at run time");
                }
                Err(Halt::Reported) => return nowhere("it cannot be evaluated"),
            };
            considered.push(target);
            if traced {
                findings.push(Candidate {
                    node: self.element(target),
                    capability: capability.map(Into::into),
                    finding,
                });
            } else if chosen.is_some() {
                break;
            }
        }
        if exhausted > cursor {
            self.resolver.cursors.borrow_mut().insert(key, exhausted);
        }
        if traced {
            let place = (item.node, item.definition.name.text, index);
            self.resolver.trace.borrow_mut().insert(place, findings);
        }
        let Some((mut relationship, place)) = chosen else {
            return Outcome::Nothing(self.reason(item, candidates.len(), &refused));
        };
        let why = match why {
            Why::First if seed.is_some() => Why::Seed,
            Why::First if candidates.len() == 1 => Why::Only,
            why => why,
        };
        let ids = considered.iter().map(|target| self.element(*target));
        relationship.choice = Choice::among(why, ids, seed);
        if seed.is_none() {
            item.from = place + 1;
        }
        self.establish(relationship);
        Outcome::Done
    }

    fn establish(&self, relationship: Relationship<'a>) {
        {
            let mut allocated = self.resolver.allocated.borrow_mut();
            let capability = relationship.capability.name.text;
            for (name, amount, _) in &relationship.allocation {
                let taken = allocated
                    .entry((relationship.target, capability, name))
                    .or_insert_with(|| Decimal::from(0));
                // Sums stay within what a property's value can be.
                *taken = taken.add(*amount).unwrap_or(*taken);
            }
        }
        self.resolver.relationships.set(self.resolver.relationships.get() + 1);
        self.graph.add(relationship);
    }

    /// Says in a sentence why nothing fits.
    fn reason(&self, item: &Item<'a>, count: usize, refused: &[(u32, Finding)]) -> String {
        if count == 0 {
            let wanted = item.definition.capability.map_or("", |word| word.text);
            return match item.definition.node {
                Some(node) => format!("there is no {} with a capability {wanted}", node.text),
                None => format!("no node has a capability {wanted}"),
            };
        }
        let mut reasons = Vec::new();
        for (target, finding) in refused {
            let node = self.graph.node(*target);
            let name = match self.graph.of_template(
                self.template.nodes.position(node.template.name.text).unwrap_or(usize::MAX),
            ) {
                range if range.len() > 1 => format!("{}[{}]", node.template.name.text, node.index),
                _ => node.template.name.text.to_owned(),
            };
            let why = match finding {
                Finding::TypeMismatch { expected, .. } => format!("has no capability {expected}"),
                Finding::SourceRefused { found } => format!("takes no {found}"),
                Finding::FilterFalse { .. } => "does not pass the node filter".to_owned(),
                Finding::NoCapacity { property, needed, left } => {
                    let (needed, left) = (needed.to_json(), left.to_json());
                    format!("has {left} of `{property}` left, {needed} is needed")
                }
                Finding::Used => "is its target already".to_owned(),
                Finding::Chosen(_) | Finding::Passed => continue,
            };
            reasons.push(format!("`{name}` {why}"));
        }
        let more = count.saturating_sub(refused.len());
        let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
        if reasons.is_empty() {
            return "every candidate is used already".to_owned();
        }
        format!("{}{tail}", reasons.join("; "))
    }

    fn is_traced(&self, item: &Item<'a>) -> bool {
        self.resolver.traced.as_ref().is_some_and(|(template, requirement)| {
            template == self.graph.node(item.node).template.name.text
                && requirement.as_deref().is_none_or(|name| name == item.definition.name.text)
        })
    }

    fn seed_for(&self, node: u32) -> Option<B256> {
        let seed = self.seed?;
        let name = self.graph.node(node).template.name.text;
        self.resolver.random.borrow().contains(&name).then_some(seed)
    }

    /// Puts candidates into the order chance gives them: by a hash of the seed, the requirement and the candidate.
    fn shuffled(&self, all: &[u32], seed: B256, item: &Item<'a>, index: u64) -> Rc<Vec<u32>> {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let name = item.definition.name.text;
        let own = ElementId::relationship(self.element(item.node), name, number);
        let key = |node: &u32| {
            let candidate = self.element(*node);
            let parts = [seed.as_slice(), own.0.as_slice(), candidate.0.as_slice()];
            keccak256(&parts.concat())
        };
        let mut all = all.to_vec();
        all.sort_by_cached_key(key);
        Rc::new(all)
    }

    /// Returns the relationship's type, and the values it is given.
    pub(super) fn relationship_of(
        &self,
        definition: &'a RequirementType<'a>,
        assignment: Option<&'a Requirement<'a>>,
    ) -> Option<(TypeId, &'a TypeDef<'a>, &'a Assigned<'a>)> {
        let own = assignment.map_or(&NOTHING, |one| &one.properties);
        if let Some(word) = assignment.and_then(|one| one.relationship) {
            // A type comes first, then a template (csd07 8.5.2).
            if let Some(id) = self.types.lookup(Section::Relationship, word) {
                return Some((id, self.types.def(id), own));
            }
            let template = self.template.relationships.get(word.text)?;
            let id = self.types.lookup(Section::Relationship, template.relationship_type)?;
            return Some((id, self.types.def(id), &template.properties));
        }
        let word = definition.relationship.as_ref().and_then(|def| def.relationship_type);
        let id = match word {
            Some(word) => self.types.lookup(Section::Relationship, word)?,
            None => IMPLICIT,
        };
        Some((id, self.types.def(id), own))
    }

    /// Returns the properties of a relationship: those the requirement refines, if it makes one of the same type.
    fn refined(
        &self,
        definition: &'a RequirementType<'a>,
        def: &'a TypeDef<'a>,
    ) -> &'a Properties<'a> {
        match &definition.relationship {
            Some(own) if !own.properties.is_empty() => &own.properties,
            _ => &def.properties,
        }
    }

    fn refined_attributes(
        &self,
        definition: &'a RequirementType<'a>,
        def: &'a TypeDef<'a>,
    ) -> &'a Properties<'a> {
        match &definition.relationship {
            Some(own) if !own.attributes.is_empty() => &own.attributes,
            _ => &def.attributes,
        }
    }

    /// Returns the candidates in their order, and why the first that fits is chosen.
    fn candidates(&self, item: &Item<'a>, index: u64) -> Result<(Rc<Vec<u32>>, Why), Halt> {
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
        Ok((self.list(node, capability), Why::First))
    }

    /// Returns the nodes of a template as candidates.
    fn range(&self, nodes: std::ops::Range<u32>) -> Rc<Vec<u32>> {
        Rc::new(nodes.collect())
    }

    /// Returns the nodes that have these types, from the index.
    fn list(&self, node: Option<TypeId>, capability: Option<TypeId>) -> Rc<Vec<u32>> {
        if let Some(known) = self.resolver.lists.borrow().get(&(node, capability)) {
            return known.clone();
        }
        let mut all = Vec::new();
        for (position, template) in self.template.nodes.values().enumerate() {
            let nodes = self.graph.of_template(position);
            let Some(first) = nodes.clone().next() else { continue };
            let own = self.graph.node(first);
            let fits = |wanted: TypeId| {
                own.def.capabilities.values().any(|one| {
                    one.capability_type
                        .and_then(|word| self.types.lookup(Section::Capability, word))
                        .is_some_and(|id| self.types.derives(id, wanted))
                })
            };
            let _: &crate::grammar::NodeTemplate<'_> = template;
            if node.is_none_or(|wanted| self.types.derives(own.id, wanted))
                && capability.is_none_or(fits)
            {
                all.extend(nodes);
            }
        }
        let all = Rc::new(all);
        self.resolver.lists.borrow_mut().insert((node, capability), all.clone());
        all
    }

    /// Considers a candidate: the relationship to it, or what speaks against it.
    fn consider(
        &self,
        link: Link<'a>,
        item: &Item<'a>,
        why: Why,
    ) -> Result<Result<Relationship<'a>, (Option<&'a str>, Finding)>, Halt> {
        let target = self.graph.node(link.target);
        let named = matches!(why, Why::Named | Why::Index);
        // A node does not fulfill its own requirements, unless the author says so.
        if link.target == link.source && !named {
            return Ok(Err((None, Finding::Used)));
        }
        let wanted = item.assignment.and_then(|one| one.capability);
        let Some(capability) = self.matching(link.definition, wanted, target.def) else {
            let expected = wanted.or(link.definition.capability).map_or("", |word| word.text);
            let found = self.types.full_name(target.id);
            let (expected, found) = (expected.into(), found.into());
            return Ok(Err((None, Finding::TypeMismatch { expected, found })));
        };
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
        let count = item.count > 1 || item.base > 0;
        if count && self.graph.reaches(link.source, link.definition.name.text, link.target) {
            return Ok(Err((name, Finding::Used)));
        }
        let tried = link.establish(capability, Vec::new(), Choice::among(why, [], None));
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
        Ok(Ok(link.establish(capability, allocation, tried.choice)))
    }

    fn filters(
        &self,
        definition: &'a RequirementType<'a>,
        assignment: Option<&'a Requirement<'a>>,
    ) -> impl Iterator<Item = &'a Expr<'a>> {
        let own = assignment.and_then(|one| one.filter.as_ref());
        definition.filters.iter().map(|filter| &**filter).chain(own)
    }

    fn filter_false(&self, filter: &Expr<'a>) -> Finding {
        Finding::FilterFalse { clause: super::represent::written(filter), origin: None }
    }

    /// Returns a number, or a scalar's amount.
    pub(super) fn amount(
        &self,
        value: &Value,
        schema: &crate::grammar::Schema<'a>,
    ) -> Option<Decimal> {
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
        let Some(value) = self.capability_property(node, capability, name)? else {
            return Ok(None);
        };
        let Some(total) = self.amount(&value, &property.schema) else {
            return Err(Halt::Reported);
        };
        let allocated = self.resolver.allocated.borrow();
        let Some(taken) = allocated.get(&(node, capability.name.text, *name)) else {
            return Ok(Some((total, value)));
        };
        let left = total.subtract(*taken).ok_or(Halt::Reported)?;
        let shown = match self.types.shape(&property.schema).and_then(|shape| shape.units) {
            Some(units) => Value::String(units.write(left)),
            None => left.to_value(),
        };
        Ok(Some((left, shown)))
    }

    /// Returns whether something was allocated from a property.
    pub(super) fn is_allocated(&self, node: u32, capability: &'a str, name: &'a str) -> bool {
        self.resolver.allocated.borrow().contains_key(&(node, capability, name))
    }

    /// Returns the capability of a node type that fits a requirement.
    pub(super) fn matching(
        &self,
        definition: &RequirementType<'a>,
        wanted: Option<Word<'a>>,
        target: &'a TypeDef<'a>,
    ) -> Option<&'a Capability<'a>> {
        let fits = |capability: &Capability<'a>, wanted: Word<'_>| {
            if let Some(wanted) = self.types.lookup(Section::Capability, wanted) {
                let own = capability.capability_type;
                let own = own.and_then(|word| self.types.lookup(Section::Capability, word));
                if own.is_some_and(|own| self.types.derives(own, wanted)) {
                    return true;
                }
            }
            capability.name.text == wanted.text
        };
        let found = target.capabilities.values().find(|capability| {
            definition.capability.is_none_or(|defined| fits(capability, defined))
                && wanted.is_none_or(|wanted| fits(capability, wanted))
        });
        found.map(|capability| &**capability)
    }

    /// Returns whether relationship and capability types allow what they connect.
    fn is_allowed(
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

    /// Returns the id of a node.
    pub(super) fn element(&self, node: u32) -> ElementId {
        let node = self.graph.node(node);
        let index = u32::try_from(node.index).unwrap_or(u32::MAX);
        ElementId::node(&self.name, node.template.name.text, index)
    }
}
