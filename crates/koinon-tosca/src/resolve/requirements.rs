//! The resolver: every requirement gets its relationships (csd07 4.2.2, 8.5).
//!
//! Candidates are considered in a defined order: by the names of their templates, then by index. If
//! a policy lets chance decide, hashes with the seed define the order, and each relationship starts
//! at another position. The first candidate that fits is chosen. An index over node and capability
//! types returns the candidates, and a candidate that can never fit an assignment is skipped from
//! then on, so the work is linear in the size of the graph. Optional requirements come last.

use std::rc::Rc;

use alloy_primitives::B256;
use koinon_model::representation::Candidate;
use koinon_model::representation::ChoiceReason;
use koinon_model::representation::Finding;

use super::candidates::StableFindings;
use super::items::RequirementItem;
use super::items::key_of;
use super::order::CandidateWalk;
use super::report::MAX_FINDINGS;
use crate::TracedRequirements;
use crate::grammar::RequirementDefinition;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::NodeNumber;
use crate::program::Program;
use crate::program::RelationshipDraft;
use crate::program::TargetChoice;
use crate::program::UnresolvedRequirement;

/// The most relationships of one service.
const MAX_RELATIONSHIPS: u64 = 4_000_000;

/// The outcome of an attempt to fulfill a requirement.
enum ResolveOutcome {
    Done,
    /// It depends on a relationship that does not exist yet.
    Later,
    /// No candidate fits, with the reason.
    Nothing(String),
}

/// The candidates of one relationship.
struct CandidateList {
    nodes: Rc<Vec<NodeNumber>>,
    /// The reason that the first that fits is chosen.
    why: ChoiceReason,
    /// Whether the candidates are those of every relationship of the assignment.
    listed: bool,
    seed: Option<B256>,
    walk: CandidateWalk,
}

impl From<Halt> for ResolveOutcome {
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
    /// Resolves all requirements as far as possible.
    fn resolve_requirements(&self) {
        *self.resolver.random.borrow_mut() = self.templates_by_chance();
        let mut items = Vec::new();
        for node in self.graph.numbers() {
            self.add_items(node, &mut items);
        }
        // csd07 8.5: optional requirements come after all mandatory ones.
        let (optional, mandatory) = items.into_iter().partition(|item| item.optional);
        self.resolve_items(mandatory);
        self.resolve_items(optional);
        self.graph.settled.set(true);
    }

    fn resolve_items(&self, mut items: Vec<RequirementItem<'a>>) {
        loop {
            let before: u64 = self.resolver.relationships.get();
            let count = items.len();
            let mut waiting = Vec::new();
            for mut item in items {
                match self.resolve_item(&mut item) {
                    ResolveOutcome::Done => {}
                    ResolveOutcome::Later => waiting.push(item),
                    ResolveOutcome::Nothing(reason) => self.mark_unresolved(&item, reason),
                }
            }
            if waiting.is_empty() {
                return;
            }
            // No progress: the remaining requirements wait for each other, or for something that
            // cannot happen.
            if self.resolver.relationships.get() == before && waiting.len() == count {
                for item in waiting {
                    self.mark_unresolved(
                        &item,
                        "it waits for another requirement that waits too".to_owned(),
                    );
                }
                return;
            }
            items = waiting;
        }
    }

    fn mark_unresolved(&self, item: &RequirementItem<'a>, reason: String) {
        let span = match item.assignment {
            Some(assignment) => assignment.name.span,
            None => self.graph.node(item.node).template.name.span,
        };
        self.resolver.unresolved.borrow_mut().push(UnresolvedRequirement {
            node: item.node,
            requirement: item.definition.name.text,
            index: item.base + item.made,
            span,
            reason,
            optional: item.optional,
        });
    }

    fn resolve_item(&self, item: &mut RequirementItem<'a>) -> ResolveOutcome {
        while item.made < item.count {
            match self.resolve_one(item) {
                ResolveOutcome::Done => item.made += 1,
                other => return other,
            }
        }
        ResolveOutcome::Done
    }

    /// Adds the next relationship of an item.
    fn resolve_one(&self, item: &mut RequirementItem<'a>) -> ResolveOutcome {
        let index = item.base + item.made;
        let Some(draft) = self.draft(item, index) else {
            return ResolveOutcome::Nothing("its relationship type is unknown".to_owned());
        };
        if self.resolver.relationships.get() >= MAX_RELATIONSHIPS {
            return ResolveOutcome::Nothing("the service has too many relationships".to_owned());
        }
        let traced = self.is_traced(item);
        let mut list = match self.candidate_list(item, index) {
            Ok(list) => list,
            Err(halt) => return ResolveOutcome::from(halt),
        };
        let (why, listed) = (list.why, list.listed);
        let key = key_of(item);
        let stable = StableFindings::of(item);
        let mut findings: Vec<Candidate> = Vec::new();
        let mut considered: Vec<NodeNumber> = Vec::new();
        let mut chosen: Option<(GraphRelationship<'a>, usize)> = None;
        let mut rejected = Vec::new();
        let skips = (listed && !traced).then_some(key);
        while let Some(place) = self.next_place(&mut list.walk, skips) {
            let target = list.nodes[place];
            if self.spend(1, item.definition.name.span).is_err() {
                return ResolveOutcome::from(Halt::Reported);
            }
            considered.push(target);
            let draft = RelationshipDraft { target, ..draft };
            let (capability, finding) = match self.consider(draft, item, why) {
                Ok(Ok(relationship)) => {
                    let capability = relationship.capability.name.text;
                    let passed = chosen.is_some();
                    chosen = chosen.or(Some((relationship, place)));
                    let chosen = Finding::Chosen(why);
                    (Some(capability), if passed { Finding::Passed } else { chosen })
                }
                Ok(Err((capability, finding))) => {
                    if listed && stable.includes(&finding) {
                        let mut skips = self.resolver.skips.borrow_mut();
                        skips.entry(key).or_default().skip(place, list.nodes.len());
                    }
                    if rejected.len() < MAX_FINDINGS {
                        rejected.push((target, finding.clone()));
                    }
                    (capability, finding)
                }
                Err(halt) => return ResolveOutcome::from(halt),
            };
            if traced {
                let (node, capability) = (self.element(target), capability.map(Into::into));
                findings.push(Candidate { node, capability, finding });
            } else if chosen.is_some() {
                break;
            }
        }
        let why = match why {
            ChoiceReason::First if list.seed.is_some() => ChoiceReason::Seed,
            ChoiceReason::First if list.nodes.len() == 1 => ChoiceReason::Only,
            why => why,
        };
        if traced {
            self.keep_findings(item, index, findings, why);
        }
        let Some((mut relationship, place)) = chosen else {
            return ResolveOutcome::Nothing(self.reason(item, list.nodes.len(), &rejected));
        };
        relationship.chosen = TargetChoice { why, considered, seed: list.seed };
        if listed {
            item.from = place + 1;
        }
        self.establish(relationship, item);
        ResolveOutcome::Done
    }

    /// Returns a relationship of an item, with its own node as target until one is chosen; `None`
    /// if its type is unknown.
    fn draft(&self, item: &RequirementItem<'a>, index: u64) -> Option<RelationshipDraft<'a>> {
        let (definition, assignment) = (item.definition, item.assignment);
        let (id, def, values) = self.relationship_of(definition, assignment)?;
        Some(RelationshipDraft {
            source: item.node,
            target: item.node,
            index,
            definition,
            assignment,
            id,
            def,
            properties: self.relationship_properties(definition, def),
            attributes: self.relationship_attributes(definition, def),
            values,
        })
    }

    /// Returns the candidates of a relationship, and the walk over them.
    fn candidate_list(
        &self,
        item: &RequirementItem<'a>,
        index: u64,
    ) -> Result<CandidateList, Halt> {
        let mapped = usize::try_from(item.made).ok().and_then(|made| item.mapped.get(made));
        let (nodes, why) = match mapped {
            Some(target) => (Rc::new(vec![*target]), ChoiceReason::Mapping),
            None => self.candidates(item, index)?,
        };
        // An index or a mapping gives one candidate, for this relationship only.
        let listed = !matches!(why, ChoiceReason::Index | ChoiceReason::Mapping);
        let seed = self.seed_for(item.node).filter(|_| listed);
        let (nodes, start) = match seed {
            Some(seed) => self.order_by_chance(&nodes, seed, item, index),
            None => (nodes, if listed { item.from } else { 0 }),
        };
        // A trace has findings on all candidates, also on those that were skipped.
        let start = if seed.is_none() && self.is_traced(item) { 0 } else { start };
        let walk = CandidateWalk { start, place: start, count: nodes.len(), wrapped: false };
        Ok(CandidateList { nodes, why, listed, seed, walk })
    }

    /// Keeps the findings on candidates of a traced requirement.
    fn keep_findings(
        &self,
        item: &RequirementItem<'a>,
        index: u64,
        mut findings: Vec<Candidate>,
        why: ChoiceReason,
    ) {
        for finding in &mut findings {
            if let Finding::Chosen(found) = &mut finding.finding {
                *found = why;
            }
        }
        let place = (item.node, item.definition.name.text, index);
        self.resolver.trace.borrow_mut().insert(place, findings);
    }

    pub(crate) fn establish(
        &self,
        relationship: GraphRelationship<'a>,
        item: &RequirementItem<'a>,
    ) {
        let capability = relationship.capability.name.text;
        for (name, amount, _) in &relationship.allocation {
            self.resolver.allocate(relationship.target, capability, name, *amount);
        }
        if item.several {
            let definition = item.definition as *const RequirementDefinition<'_> as usize;
            let used = (relationship.source, definition, relationship.target);
            self.resolver.used.borrow_mut().insert(used);
        }
        self.resolver.relationships.set(self.resolver.relationships.get() + 1);
        self.graph.add(relationship);
    }

    /// Returns whether a node is already the target of a relationship of the same requirement.
    pub(super) fn is_used(&self, item: &RequirementItem<'a>, target: NodeNumber) -> bool {
        let definition = item.definition as *const RequirementDefinition<'_> as usize;
        item.several && self.resolver.used.borrow().contains(&(item.node, definition, target))
    }

    /// Resolves the requirements. Traces those of the given template, and if a name is given, only
    /// those of that name.
    pub(crate) fn resolve(&mut self, traced: Option<TracedRequirements>) {
        self.resolver.traced = traced;
        self.resolve_requirements();
    }
}
