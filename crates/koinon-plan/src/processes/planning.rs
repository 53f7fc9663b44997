//! How a plan is made.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use koinon_model::Instance;
use koinon_model::Node;
use koinon_model::ObservedNode;
use koinon_model::Reason;
use koinon_model::Restart;
use koinon_model::Slot;

use super::plan::Action;
use super::plan::Element;
use super::plan::Plan;
use super::plan::Step;
use super::plan::StepId;
use crate::class::Class;

/// What runs, by operator and slot.
pub type Running = BTreeMap<(Address, Slot), ObservedNode>;

/// Returns what runs once an instance is fully deployed.
pub fn running(instance: &Instance) -> Running {
    let observed = |node: &Node| ObservedNode { digest: node.digest(), alive: true };
    wanted(instance).into_iter().map(|(key, node)| (key, observed(node))).collect()
}

/// Plans how to get from what runs to `new`.
///
/// A node that is replaced has the artifacts of its successor fetched before it is stopped, so that what cannot be
/// replaced keeps running.
pub fn plan(running: &Running, new: &Instance) -> Plan {
    let wanted = wanted(new);
    let keys: BTreeSet<&(Address, Slot)> = running.keys().chain(wanted.keys()).collect();
    let mut elements = Vec::with_capacity(keys.len());
    let mut steps = Vec::new();
    for key @ (operator, slot) in keys {
        let place = Place { operator: *operator, slot };
        let (old, node) = (running.get(key), wanted.get(key).copied());
        let (before, after) = (old.map(|old| old.digest), node.map(Node::digest));
        let class = match (old, node) {
            (Some(old), Some(node)) if before == after => {
                if !old.alive && node.restart == Restart::Always {
                    let fetches = place.fetch(node);
                    let start = place.start(node, &fetches, None).because(Reason::Exited);
                    steps.extend(fetches);
                    steps.push(start);
                }
                Class::Unchanged
            }
            (Some(old), Some(node)) => {
                let fetches = place.fetch(node);
                let [stop, remove] = place.remove(old, &fetches);
                let start = place.start(node, &fetches, Some(&remove));
                steps.extend(fetches);
                steps.extend([stop, remove, start]);
                Class::Modified
            }
            (Some(old), None) => {
                steps.extend(place.remove(old, &[]));
                Class::Obsolete
            }
            (None, Some(node)) => {
                let fetches = place.fetch(node);
                let start = place.start(node, &fetches, None);
                steps.extend(fetches);
                steps.push(start);
                Class::Novel
            }
            (None, None) => unreachable!("BUG: every key comes from one of the two maps"),
        };
        elements.push(Element { operator: *operator, slot: slot.clone(), class, before, after });
    }
    Plan::new(elements, steps)
}

fn wanted(instance: &Instance) -> BTreeMap<(Address, Slot), &Node> {
    let nodes = instance.nodes.iter();
    nodes.map(|(slot, node)| ((node.operator, slot.clone()), node)).collect()
}

/// Where a step happens.
struct Place<'a> {
    operator: Address,
    slot: &'a Slot,
}

impl Place<'_> {
    fn step(&self, action: Action, needs: impl IntoIterator<Item = StepId>) -> Step {
        Step::new(self.operator, self.slot, action, needs)
    }

    /// One step per distinct artifact.
    fn fetch(&self, node: &Node) -> Vec<Step> {
        let artifacts: BTreeMap<&String, Option<u64>> =
            node.artifacts.values().map(|artifact| (&artifact.cid, artifact.size)).collect();
        let actions =
            artifacts.into_iter().map(|(cid, size)| Action::Fetch { cid: cid.clone(), size });
        actions.map(|action| self.step(action, [])).collect()
    }

    fn remove(&self, old: &ObservedNode, fetches: &[Step]) -> [Step; 2] {
        let node = old.digest;
        let stop = self.step(Action::Stop { node }, fetches.iter().map(|step| step.id.clone()));
        let stop = stop.undone_by(Action::Start { node });
        let remove = self.step(Action::Remove { node }, [stop.id.clone()]);
        [stop, remove]
    }

    fn start(&self, node: &Node, fetches: &[Step], removed: Option<&Step>) -> Step {
        let node = node.digest();
        let needs = fetches.iter().chain(removed).map(|step| step.id.clone());
        self.step(Action::Start { node }, needs).undone_by(Action::Stop { node })
    }
}
