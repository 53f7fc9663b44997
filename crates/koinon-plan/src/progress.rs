//! The representation that a plan reaches when only some of its steps are done.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use koinon_model::representation::ElementId;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;

use crate::class::ElementClass;
use crate::plan::Element;
use crate::plan::ElementPlace;
use crate::plan::Plan;
use crate::plan::StepId;

/// The state that an element has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReachedState {
    /// It is still the old version.
    Old,
    /// It is deleted, or not created yet.
    Absent,
    /// It is the new version.
    New,
}

/// Whether all steps of an element that delete, or create, are done.
#[derive(Clone, Copy, Debug)]
struct StepsDone {
    deleted: bool,
    created: bool,
}

impl Plan {
    /// Returns the representation to plan from after these steps. An element is new once all its
    /// steps are done, and absent once all that delete it are done; until then its steps are done
    /// again.
    #[must_use]
    pub fn reached(
        &self,
        old: Option<&Representation>,
        new: &Representation,
        done: &BTreeSet<StepId>,
    ) -> Representation {
        let mut steps: HashMap<ElementId, StepsDone> = HashMap::new();
        for step in &self.steps {
            let Some(element) = step.element else { continue };
            if done.contains(&step.id) {
                continue;
            }
            let left = steps.entry(element).or_insert(StepsDone { deleted: true, created: true });
            if step.id.deletes() { left.deleted = false } else { left.created = false }
        }
        let mut reached: HashMap<ElementId, ReachedState> =
            HashMap::with_capacity(self.elements.len());
        for element in &self.elements {
            let all = StepsDone { deleted: true, created: true };
            let StepsDone { deleted, created } = steps.get(&element.id).copied().unwrap_or(all);
            let state = match element.class {
                ElementClass::Unchanged => ReachedState::New,
                ElementClass::Novel if created => ReachedState::New,
                ElementClass::Obsolete if !deleted => ReachedState::Old,
                ElementClass::Novel | ElementClass::Obsolete => ReachedState::Absent,
                ElementClass::Modified if !deleted => ReachedState::Old,
                ElementClass::Modified if created => ReachedState::New,
                ElementClass::Modified if element.replaced => ReachedState::Absent,
                ElementClass::Modified => ReachedState::Old,
            };
            reached.insert(element.id, state);
        }
        let nothing = Representation::default();
        let old = old.unwrap_or(&nothing);
        // An end that is kept may be a reason to keep others. This ends: an element that is old, or
        // novel and absent, stays so.
        while self.keep_causes(&mut reached) | keep_ends(old, &mut reached) {}
        merge(old, new, &reached)
    }

    /// Keeps the old version of elements whose replacement is the reason to replace another
    /// element: otherwise that one would not be replaced. Returns whether any state changed.
    fn keep_causes(&self, reached: &mut HashMap<ElementId, ReachedState>) -> bool {
        let mut changed = false;
        let is_old =
            |reached: &HashMap<_, _>, id: &ElementId| reached.get(id) == Some(&ReachedState::Old);
        let known: HashMap<ElementId, &Element> =
            self.elements.iter().map(|element| (element.id, element)).collect();
        for element in &self.elements {
            let mut effect = element;
            while let Some(cause) = effect.replaced_with.filter(|_| is_old(reached, &effect.id)) {
                let Some(next) = known.get(&cause) else { break };
                // A novel element has no old version; its relationship is kept below.
                if next.class == ElementClass::Novel || is_old(reached, &cause) {
                    break;
                }
                reached.insert(cause, ReachedState::Old);
                changed = true;
                effect = next;
            }
        }
        for element in &self.elements {
            let ElementPlace::Relationship { source, target, .. } = &element.place else {
                continue;
            };
            let waits = [source, target]
                .into_iter()
                .any(|end| is_old(reached, end) && known.get(end).is_some_and(|end| end.replaced));
            let state = match element.class {
                ElementClass::Modified if waits => ReachedState::Old,
                ElementClass::Novel if waits => ReachedState::Absent,
                _ => continue,
            };
            changed |= reached.insert(element.id, state) != Some(state);
        }
        changed
    }
}

/// Keeps the ends of relationships that are still to be deleted, and nodes whose substituting
/// service still has old nodes. Returns whether any state changed.
fn keep_ends(old: &Representation, reached: &mut HashMap<ElementId, ReachedState>) -> bool {
    let mut changed = false;
    for relationship in &old.relationships {
        if reached.get(&relationship.id) == Some(&ReachedState::Old) {
            for end in [relationship.source, relationship.target] {
                if matches!(reached.get(&end), None | Some(ReachedState::Absent)) {
                    reached.insert(end, ReachedState::Old);
                    changed = true;
                }
            }
        }
    }
    for (outer, inner) in &old.substitutions {
        changed |= keep_ends(inner, reached);
        let kept = inner.nodes.iter().any(|node| reached.get(&node.id) == Some(&ReachedState::Old));
        if kept && reached.get(outer) == Some(&ReachedState::Absent) {
            reached.insert(*outer, ReachedState::Old);
            changed = true;
        }
    }
    changed
}

fn merge(
    old: &Representation,
    new: &Representation,
    reached: &HashMap<ElementId, ReachedState>,
) -> Representation {
    let at = |id: &ElementId| reached.get(id).copied().unwrap_or(ReachedState::Absent);
    let mut nodes: BTreeMap<(Arc<str>, u32), &Node> = BTreeMap::new();
    for (graph, wanted) in [(old, ReachedState::Old), (new, ReachedState::New)] {
        for node in graph.nodes.iter().filter(|node| at(&node.id) == wanted) {
            nodes.insert((Arc::clone(&node.template), node.index), node);
        }
    }
    let places: HashMap<ElementId, usize> =
        nodes.values().enumerate().map(|(place, node)| (node.id, place)).collect();
    // A relationship needs both its ends. One may be in a representation around this one.
    let exists = |id: &ElementId| at(id) != ReachedState::Absent;
    let mut relationships: BTreeMap<(usize, Arc<str>, u32), &Relationship> = BTreeMap::new();
    for (graph, wanted) in [(old, ReachedState::Old), (new, ReachedState::New)] {
        for relationship in
            graph.relationships.iter().filter(|relationship| at(&relationship.id) == wanted)
        {
            let Some(source) = places.get(&relationship.source) else { continue };
            if exists(&relationship.target) {
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
            let old_inner = old.substitutions.get(id).unwrap_or(&nothing);
            let new_inner = new.substitutions.get(id).unwrap_or(&nothing);
            let mut inner = merge(old_inner, new_inner, reached);
            if inner.service.is_empty() {
                inner.service = Arc::clone(&old_inner.service);
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
