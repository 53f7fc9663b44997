//! The resolver: every requirement gets its relationships (csd07 4.2.2, 8.5).
//!
//! Candidates are considered in a defined order: nodes in the order of their templates' names, then by index; or,
//! where a policy says that chance decides, in an order that hashes with the seed give, each requirement beginning at a
//! place of its own. The first that fits is chosen. An index over node and capability types gives the candidates, and
//! what can never fit an assignment is not considered again for it, so the work is linear in the size of the graph.
//! Requirements that are optional come after all others.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::rc::Rc;

use alloy_primitives::B256;
use koinon_model::keccak256;
use koinon_model::representation::Candidate;
use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::Trace;
use koinon_model::representation::Why;

use super::candidates::Lasting;
use super::decimal::Decimal;
use super::eval::Halt;
use super::eval::Scope;
use super::graph::Chosen;
use super::graph::Link;
use super::graph::NOTHING;
use super::graph::Relationship;
use super::program::Program;
use super::substitute::dangles;
use super::types::IMPLICIT;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Properties;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::hash::HashMap;

/// Most relationships of one service.
const MAX_RELATIONSHIPS: u64 = 4_000_000;

/// Most findings a message tells.
const MAX_FINDINGS: usize = 5;

/// Nodes by the node type and the capability they must have, and where they come from.
pub(super) type Lists = HashMap<(Option<TypeId>, Option<TypeId>, &'static [Whence]), Rc<Vec<u32>>>;

/// The capabilities that fit, by the addresses of a requirement's definition and a node type.
pub(super) type Fitting<'a> = HashMap<(usize, usize), Rc<[&'a Capability<'a>]>>;

/// Candidates by node, requirement and number.
type Traced<'a> = BTreeMap<(u32, &'a str, u64), Vec<Candidate>>;

/// What the resolver keeps while it works.
#[derive(Debug, Default)]
pub(crate) struct Resolver<'a> {
    pub(super) lists: RefCell<Lists>,
    /// The nodes of a template, by the first.
    pub(super) ranges: RefCell<HashMap<u32, Rc<Vec<u32>>>>,
    /// Candidates in the order chance gave them, by assignment.
    orders: RefCell<HashMap<usize, Rc<Vec<u32>>>>,
    /// Places of candidates that can never fit, by assignment.
    skips: RefCell<HashMap<usize, Skips>>,
    pub(super) fitting: RefCell<Fitting<'a>>,
    /// Relationships of requirements that have several: source, definition, target.
    used: RefCell<HashSet<(u32, usize, u32)>>,
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
pub(super) struct Item<'a> {
    pub(super) node: u32,
    pub(super) definition: &'a RequirementType<'a>,
    pub(super) assignment: Option<&'a Requirement<'a>>,
    /// The number of its first relationship.
    base: u64,
    count: u64,
    made: u64,
    /// Where its next candidate is.
    from: usize,
    optional: bool,
    /// Whether its node has more relationships of this requirement.
    pub(super) several: bool,
    /// The targets a requirement mapping gives its first relationships.
    mapped: Vec<u32>,
}

/// Where nodes that fulfill a requirement come from (csd07 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whence {
    Internal,
    External,
}

/// The next place that is not skipped, for each place of a list and its end.
#[derive(Debug, Default)]
struct Skips(Vec<u32>);

impl Skips {
    /// Returns the first place from this one on that is not skipped.
    fn live(&mut self, mut at: usize) -> usize {
        while let Some(next) = self.0.get(at).map(|next| *next as usize)
            && next != at
        {
            // Halving the way keeps ways short.
            self.0[at] = self.0.get(next).copied().unwrap_or(next as u32);
            at = next;
        }
        at
    }

    fn skip(&mut self, at: usize, count: usize) {
        if self.0.is_empty() {
            self.0 = (0..=count as u32).collect();
        }
        self.0[at] = at as u32 + 1;
    }
}

impl<'a> Resolver<'a> {
    /// Returns what is allocated of a capability's property.
    pub(super) fn taken(&self, node: u32, (capability, name): (&str, &str)) -> Option<Decimal> {
        self.allocated.borrow().get(&(node, capability, name)).copied()
    }

    /// Returns whether anything was allocated at all.
    pub(super) fn allocates(&self) -> bool {
        !self.allocated.borrow().is_empty()
    }

    /// Allocates.
    pub(super) fn take(&self, node: u32, (capability, name): (&'a str, &'a str), amount: Decimal) {
        let mut allocated = self.allocated.borrow_mut();
        let taken = allocated.entry((node, capability, name)).or_insert_with(|| Decimal::from(0));
        // Sums stay within what a property's value can be.
        *taken = taken.add(amount).unwrap_or(*taken);
    }
}

/// What became of a requirement.
enum Outcome {
    Done,
    /// Something it depends on is not there yet.
    Later,
    /// Nothing fits, and why.
    Nothing(String),
}

impl From<Halt> for Outcome {
    fn from(halt: Halt) -> Self {
        let reason = match halt {
            Halt::Later => return Self::Later,
            Halt::Input => "it depends on an input without value",
            Halt::RunTime(_) => "it depends on what is known only at run time",
            Halt::Deep | Halt::Reported => "it cannot be evaluated",
        };
        Self::Nothing(reason.to_owned())
    }
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
        let (optional, mandatory) = items.into_iter().partition(|item| item.optional);
        self.resolve_items(mandatory);
        self.resolve_items(optional);
        self.graph.settled.set(true);
    }

    /// Makes a fault of every mandatory requirement that nothing fulfills.
    pub(crate) fn check_resolved(&self) {
        // What is wrong already may well be why.
        if !self.faults.is_empty() {
            return;
        }
        for fault in self.failed.borrow().iter() {
            self.faults.push(fault.clone());
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

    /// Makes the items of a node: its assignments, those its type implies, and those a requirement mapping asks for.
    fn items(&self, at: u32, items: &mut Vec<Item<'a>>) {
        let node = self.graph.node(at);
        // What is selected keeps the relationships it has elsewhere (csd07 7.2.1).
        if node.elsewhere.is_some() || super::service::is_selected(node.template) {
            return;
        }
        for definition in &node.def.requirements {
            if self.is_mapped(definition) {
                continue;
            }
            let name = definition.name.text;
            let (min, max) = definition.range();
            let first = items.len();
            let mut base = 0;
            let mut add = |assignment: Option<&'a Requirement<'a>>, count, optional| {
                items.push(Item {
                    node: at,
                    definition,
                    assignment,
                    base,
                    count,
                    made: 0,
                    from: 0,
                    optional,
                    several: false,
                    mapped: Vec::new(),
                });
                base += count;
            };
            let mut any = false;
            for assignment in &node.template.requirements {
                if assignment.name.text == name {
                    any = true;
                    let Ok(count) = self.requirement_count(assignment, at) else { continue };
                    add(Some(assignment), count, assignment.optional);
                }
            }
            if !any && min > 0 {
                add(None, min, false);
            }
            let key = (node.template.name.text, name);
            if let Some(places) = self.mapped.requirements.get(&key) {
                let more = self.hand_out(places, &mut items[first..]);
                // csd07 15.5.4: what a requirement cannot have is ignored.
                let total: u64 = items[first..].iter().map(|item| item.count).sum();
                let room = max.map_or(more.len() as u64, |max| max.saturating_sub(total));
                let count = room.min(more.len() as u64);
                if count > 0 {
                    items.push(Item {
                        node: at,
                        definition,
                        assignment: None,
                        base: total,
                        count,
                        made: 0,
                        from: 0,
                        optional: true,
                        several: false,
                        mapped: more,
                    });
                }
            }
            let total: u64 = items[first..].iter().map(|item| item.count).sum();
            for item in &mut items[first..] {
                item.several = total > 1;
            }
        }
    }

    /// Gives items of a requirement that dangle the targets a requirement mapping has for them, mandatory ones first, and
    /// returns the targets that are left (csd07 15.5.4).
    fn hand_out(&self, places: &[usize], items: &mut [Item<'a>]) -> Vec<u32> {
        let number = |place: &usize| self.graph.outer + u32::try_from(*place).unwrap_or(u32::MAX);
        let mut targets = places.iter().map(number);
        for optional in [false, true] {
            for item in items.iter_mut().filter(|item| item.optional == optional) {
                let dangles = item.assignment.is_none_or(|one| dangles(one, self.template));
                if dangles {
                    let count = usize::try_from(item.count).unwrap_or(usize::MAX);
                    item.mapped = targets.by_ref().take(count).collect();
                }
            }
        }
        targets.collect()
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
        let Some((id, def, values)) = self.relationship_of(item.definition, assignment) else {
            return Outcome::Nothing("its relationship type is unknown".to_owned());
        };
        if self.resolver.relationships.get() >= MAX_RELATIONSHIPS {
            return Outcome::Nothing("the service has too many relationships".to_owned());
        }
        let index = item.base + item.made;
        let mapped = usize::try_from(item.made).ok().and_then(|made| item.mapped.get(made));
        let found = match mapped {
            Some(target) => Ok((Rc::new(vec![*target]), Why::Mapping)),
            None => self.candidates(item, index),
        };
        let (candidates, why) = match found {
            Ok(found) => found,
            Err(halt) => return Outcome::from(halt),
        };
        // One candidate that an index or a mapping gives is not the next time's.
        let listed = !matches!(why, Why::Index | Why::Mapping);
        let seed = self.seed_for(item.node).filter(|_| listed);
        let key = key_of(item);
        let (candidates, start) = match seed {
            Some(seed) => self.shuffled(&candidates, seed, (item, index), key),
            None => (candidates, if listed { item.from } else { 0 }),
        };
        let traced = self.is_traced(item);
        let lasting = Lasting::of(item);
        let mut search = Search { start, place: start, count: candidates.len(), around: false };
        if traced && seed.is_none() {
            search = Search { start: 0, place: 0, ..search };
        }
        let mut findings: Vec<Candidate> = Vec::new();
        let mut considered: Vec<u32> = Vec::new();
        let mut chosen: Option<(Relationship<'a>, usize)> = None;
        let mut refused = Vec::new();
        let properties = self.refined(item.definition, def);
        let attributes = self.refined_attributes(item.definition, def);
        let (node, definition) = (item.node, item.definition);
        while let Some(place) = self.next(&mut search, key, listed && !traced) {
            let target = candidates[place];
            let link = Link {
                source: node,
                target,
                index,
                definition,
                assignment,
                id,
                def,
                properties,
                attributes,
                values,
            };
            if self.spend(1, definition.name.span).is_err() {
                return Outcome::from(Halt::Reported);
            }
            considered.push(target);
            let (capability, finding) = match self.consider(link, item, why) {
                Ok(Ok(relationship)) => {
                    let capability = relationship.capability.name.text;
                    let passed = chosen.is_some();
                    chosen = chosen.or(Some((relationship, place)));
                    let chosen = Finding::Chosen(why);
                    (Some(capability), if passed { Finding::Passed } else { chosen })
                }
                Ok(Err((capability, finding))) => {
                    if listed && lasting.has(&finding) {
                        let mut skips = self.resolver.skips.borrow_mut();
                        skips.entry(key).or_default().skip(place, candidates.len());
                    }
                    if refused.len() < MAX_FINDINGS {
                        refused.push((target, finding.clone()));
                    }
                    (capability, finding)
                }
                Err(halt) => return Outcome::from(halt),
            };
            if traced {
                let (node, capability) = (self.element(target), capability.map(Into::into));
                findings.push(Candidate { node, capability, finding });
            } else if chosen.is_some() {
                break;
            }
        }
        let why = match why {
            Why::First if seed.is_some() => Why::Seed,
            Why::First if candidates.len() == 1 => Why::Only,
            why => why,
        };
        if traced {
            for finding in &mut findings {
                if let Finding::Chosen(found) = &mut finding.finding {
                    *found = why;
                }
            }
            let place = (item.node, item.definition.name.text, index);
            self.resolver.trace.borrow_mut().insert(place, findings);
        }
        let Some((mut relationship, place)) = chosen else {
            return Outcome::Nothing(self.reason(item, candidates.len(), &refused));
        };
        relationship.chosen = Chosen { why, considered, seed };
        if listed {
            item.from = place + 1;
        }
        self.establish(relationship, item);
        Outcome::Done
    }

    /// Returns the next place to look at.
    fn next(&self, search: &mut Search, key: usize, skipping: bool) -> Option<usize> {
        loop {
            let place = match skipping {
                true => match self.resolver.skips.borrow_mut().get_mut(&key) {
                    Some(skips) => skips.live(search.place),
                    None => search.place,
                },
                false => search.place,
            };
            let end = if search.around { search.start } else { search.count };
            if place < end {
                search.place = place + 1;
                return Some(place);
            }
            if search.around || search.start == 0 {
                return None;
            }
            (search.around, search.place) = (true, 0);
        }
    }

    fn establish(&self, relationship: Relationship<'a>, item: &Item<'a>) {
        let capability = relationship.capability.name.text;
        for (name, amount, _) in &relationship.allocation {
            self.resolver.take(relationship.target, (capability, name), *amount);
        }
        if item.several {
            let definition = item.definition as *const RequirementType<'_> as usize;
            let used = (relationship.source, definition, relationship.target);
            self.resolver.used.borrow_mut().insert(used);
        }
        self.resolver.relationships.set(self.resolver.relationships.get() + 1);
        self.graph.add(relationship);
    }

    /// Returns whether a node is the target of a relationship of the same requirement already.
    pub(super) fn is_used(&self, item: &Item<'a>, target: u32) -> bool {
        let definition = item.definition as *const RequirementType<'_> as usize;
        item.several && self.resolver.used.borrow().contains(&(item.node, definition, target))
    }

    /// Says in a sentence why nothing fits.
    fn reason(&self, item: &Item<'a>, count: usize, refused: &[(u32, Finding)]) -> String {
        if count == 0 && scopes(item) == [Whence::External] {
            return "no other service has a node that fits".to_owned();
        }
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
            let own = node.template.name.text;
            let position = self.template.nodes.position(own).unwrap_or(usize::MAX);
            let alone = node.elsewhere.is_none() && self.graph.of_template(position).len() == 1;
            let name = if alone { own.to_owned() } else { format!("{own}[{}]", node.index) };
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

    /// Puts candidates into the order chance gives them, one for all nodes of a template: by a hash of the seed, the
    /// requirement and the candidate; and returns where a relationship begins: by a hash of the seed and its own id.
    fn shuffled(
        &self,
        all: &Rc<Vec<u32>>,
        seed: B256,
        (item, index): (&Item<'a>, u64),
        key: usize,
    ) -> (Rc<Vec<u32>>, usize) {
        let name = item.definition.name.text;
        let known = self.resolver.orders.borrow().get(&key).cloned();
        let order = known.unwrap_or_else(|| {
            let template = self.graph.node(item.node).template.name.text;
            let of = ElementId::node(&self.name, template, 0);
            let own = ElementId::relationship(of, name, 0);
            let mut all = all.to_vec();
            all.sort_by_cached_key(|node| {
                let candidate = self.element(*node);
                let parts = [seed.as_slice(), own.0.as_slice(), candidate.0.as_slice()];
                keccak256(&parts.concat())
            });
            let order = Rc::new(all);
            self.resolver.orders.borrow_mut().insert(key, order.clone());
            order
        });
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let own = ElementId::relationship(self.element(item.node), name, number);
        let hash = keccak256(&[seed.as_slice(), own.0.as_slice()].concat());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_slice()[..8]);
        let start = u64::from_be_bytes(first).checked_rem(order.len() as u64).unwrap_or(0);
        (order, usize::try_from(start).unwrap_or(0))
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

    /// Returns the id of a node.
    pub(super) fn element(&self, node: u32) -> ElementId {
        let node = self.graph.node(node);
        if let Some(elsewhere) = &node.elsewhere {
            return elsewhere.node.id;
        }
        *node.element.get_or_init(|| {
            let index = u32::try_from(node.index).unwrap_or(u32::MAX);
            ElementId::node(&self.name, node.template.name.text, index)
        })
    }
}

/// A walk over candidates: from its start to the end, and then from the beginning up to the start, if chance decides
/// where it starts.
struct Search {
    start: usize,
    place: usize,
    count: usize,
    around: bool,
}

/// Names an assignment, or the definition that implies it, within this run.
fn key_of(item: &Item<'_>) -> usize {
    match item.assignment {
        Some(one) => one as *const Requirement<'_> as usize,
        None => item.definition as *const RequirementType<'_> as usize,
    }
}

/// Returns where a requirement is fulfilled from; only here, if it does not say (csd07 8.5.2 leaves that open).
pub(super) fn scopes(item: &Item<'_>) -> &'static [Whence] {
    let words = item.assignment.map_or(&[][..], |one| one.directives.as_slice());
    let external = words.iter().position(|word| word.text == "external");
    let internal = words.iter().position(|word| word.text == "internal");
    match (internal, external) {
        (_, None) => &[Whence::Internal],
        (None, Some(_)) => &[Whence::External],
        (Some(internal), Some(external)) if internal < external => {
            &[Whence::Internal, Whence::External]
        }
        (Some(_), Some(_)) => &[Whence::External, Whence::Internal],
    }
}
