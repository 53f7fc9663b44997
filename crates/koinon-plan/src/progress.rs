//! What there is when a plan was done in part.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use koinon_model::representation::ElementId;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;

use crate::class::Class;
use crate::plan::Element;
use crate::plan::Place;
use crate::plan::Plan;
use crate::plan::StepId;

/// What has been reached of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It is as it was.
    Old,
    /// It is gone, or not there yet.
    Absent,
    /// It is as it should be.
    New,
}

/// How far the steps of an element are.
#[derive(Clone, Copy, Debug)]
struct Steps {
    deleted: bool,
    created: bool,
}

impl Plan {
    /// Returns the representation from which to plan anew after these steps: an element is as it should be once all its
    /// steps are done, and gone once all that delete it are; before, what was done of it will be done again.
    #[must_use]
    pub fn reached(
        &self,
        old: Option<&Representation>,
        new: &Representation,
        done: &BTreeSet<StepId>,
    ) -> Representation {
        let mut steps: HashMap<ElementId, Steps> = HashMap::new();
        for step in &self.steps {
            let Some(element) = step.element else { continue };
            if done.contains(&step.id) {
                continue;
            }
            let left = steps.entry(element).or_insert(Steps { deleted: true, created: true });
            if step.id.deletes() { left.deleted = false } else { left.created = false }
        }
        let mut reached: HashMap<ElementId, Reached> = HashMap::with_capacity(self.elements.len());
        for element in &self.elements {
            let all = Steps { deleted: true, created: true };
            let Steps { deleted, created } = steps.get(&element.id).copied().unwrap_or(all);
            let state = match element.class {
                Class::Unchanged => Reached::New,
                Class::Novel if created => Reached::New,
                Class::Obsolete if !deleted => Reached::Old,
                Class::Novel | Class::Obsolete => Reached::Absent,
                Class::Modified if !deleted => Reached::Old,
                Class::Modified if created => Reached::New,
                Class::Modified if element.replaced => Reached::Absent,
                Class::Modified => Reached::Old,
            };
            reached.insert(element.id, state);
        }
        let nothing = Representation::default();
        let old = old.unwrap_or(&nothing);
        self.keep_causes(&mut reached);
        keep_ends(old, &mut reached);
        merge(old, new, &reached)
    }
}

impl Plan {
    /// Keeps as it was what is the reason why something else is still to be replaced, or that would be forgotten.
    fn keep_causes(&self, reached: &mut HashMap<ElementId, Reached>) {
        let is_old =
            |reached: &HashMap<_, _>, id: &ElementId| reached.get(id) == Some(&Reached::Old);
        let known: HashMap<ElementId, &Element> =
            self.elements.iter().map(|element| (element.id, element)).collect();
        for element in &self.elements {
            let mut effect = element;
            while let Some(cause) = effect.replaced_with.filter(|_| is_old(reached, &effect.id)) {
                let Some(next) = known.get(&cause) else { break };
                // What is novel was not there; the relationship to it tells, see below.
                if next.class == Class::Novel || is_old(reached, &cause) {
                    break;
                }
                reached.insert(cause, Reached::Old);
                effect = next;
            }
        }
        for element in &self.elements {
            let Place::Relationship { source, target, .. } = &element.place else { continue };
            let waits = [source, target]
                .into_iter()
                .any(|end| is_old(reached, end) && known.get(end).is_some_and(|end| end.replaced));
            if waits && element.class == Class::Modified {
                reached.insert(element.id, Reached::Old);
            } else if waits && element.class == Class::Novel {
                reached.insert(element.id, Reached::Absent);
            }
        }
    }
}

/// Keeps what relationships that are still to be deleted lead between, and nodes whose insides are still there.
fn keep_ends(old: &Representation, reached: &mut HashMap<ElementId, Reached>) {
    for relationship in &old.relationships {
        if reached.get(&relationship.id) == Some(&Reached::Old) {
            for end in [relationship.source, relationship.target] {
                let end = reached.entry(end).or_insert(Reached::Old);
                if *end == Reached::Absent {
                    *end = Reached::Old;
                }
            }
        }
    }
    for (outer, inner) in &old.substitutions {
        keep_ends(inner, reached);
        let kept = inner.nodes.iter().any(|node| reached.get(&node.id) == Some(&Reached::Old));
        if kept && reached.get(outer) == Some(&Reached::Absent) {
            reached.insert(*outer, Reached::Old);
        }
    }
}

fn merge(
    old: &Representation,
    new: &Representation,
    reached: &HashMap<ElementId, Reached>,
) -> Representation {
    let at = |id: &ElementId| reached.get(id).copied().unwrap_or(Reached::Absent);
    let mut nodes: BTreeMap<(Arc<str>, u32), &Node> = BTreeMap::new();
    for (graph, wanted) in [(old, Reached::Old), (new, Reached::New)] {
        for node in graph.nodes.iter().filter(|node| at(&node.id) == wanted) {
            nodes.insert((Arc::clone(&node.template), node.index), node);
        }
    }
    let places: HashMap<ElementId, usize> =
        nodes.values().enumerate().map(|(place, node)| (node.id, place)).collect();
    // A relationship is there if both its ends are; one end may be in a representation around this one.
    let there = |id: &ElementId| at(id) != Reached::Absent;
    let mut relationships: BTreeMap<(usize, Arc<str>, u32), &Relationship> = BTreeMap::new();
    for (graph, wanted) in [(old, Reached::Old), (new, Reached::New)] {
        for relationship in graph.relationships.iter().filter(|one| at(&one.id) == wanted) {
            let Some(source) = places.get(&relationship.source) else { continue };
            if there(&relationship.target) {
                let key = (*source, Arc::clone(&relationship.requirement), relationship.index);
                relationships.insert(key, relationship);
            }
        }
    }
    let mut types = old.types.clone();
    types.extend(new.types.clone());
    let nothing = Representation::default();
    let mut substitutions = BTreeMap::new();
    for id in old.substitutions.keys().chain(new.substitutions.keys()) {
        if places.contains_key(id) && !substitutions.contains_key(id) {
            let [before, after] =
                [old, new].map(|graph| graph.substitutions.get(id).unwrap_or(&nothing));
            let mut inner = merge(before, after, reached);
            if inner.service.is_empty() {
                inner.service = Arc::clone(&before.service);
            }
            substitutions.insert(*id, inner);
        }
    }
    Representation {
        types,
        nodes: nodes.into_values().cloned().collect(),
        relationships: relationships.into_values().cloned().collect(),
        substitutions,
        service: Arc::clone(&new.service),
        sources: new.sources.clone(),
        inputs: new.inputs.clone(),
        seed: new.seed,
        groups: new.groups.clone(),
        policies: new.policies.clone(),
        outputs: new.outputs.clone(),
        workflows: new.workflows.clone(),
        unresolved: Vec::new(),
    }
}
