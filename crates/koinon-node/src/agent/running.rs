//! What should run and what runs, as representations: plans lead from one to the other.
//!
//! An agent knows its own nodes, and takes everybody else's for done: nobody's new node waits for somebody else's old one.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;
use koinon_chain::Head;
use koinon_model::Digest;
use koinon_model::Instance;
use koinon_model::Node;
use koinon_model::Restart;
use koinon_model::Slot;
use koinon_model::keccak256;
use koinon_model::representation::ElementId;
use koinon_model::representation::Node as GraphNode;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;
use koinon_plan::Plan;
use koinon_plan::PlanError;
use koinon_plan::Rules;
use koinon_plan::Version;

use super::process::Observed;
use super::process::Processes;

/// What an operator should run.
#[derive(Clone, Debug)]
pub(crate) struct Desired {
    pub(crate) head: Head,
    /// The operator's account, as representations name it.
    operator: String,
    /// The operator's nodes.
    pub(crate) nodes: BTreeMap<Slot, Arc<Wanted>>,
    /// Everybody's.
    instance: Instance,
    digest: Digest,
}

/// A node that should run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) node: Node,
    /// The representation of the node alone; where its parts were written is left out.
    pub(crate) json: String,
    /// The hash of `json`: while it is the same, nothing needs to be done with the node.
    pub(crate) digest: Digest,
}

/// What an agent does, and on which nodes.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The operator's slice.
    pub(crate) plan: Plan,
    /// Where its elements are.
    pub(crate) slots: BTreeMap<ElementId, Slot>,
}

impl Desired {
    pub(crate) fn new(head: Head, instance: Instance, operator: Address) -> Self {
        let graph = &instance.representation;
        let places: BTreeMap<ElementId, usize> =
            graph.nodes.iter().enumerate().map(|(place, node)| (node.id, place)).collect();
        let own = instance.nodes.iter().filter(|(_, node)| node.operator == operator);
        let nodes = own.filter_map(|(slot, node)| {
            let json = alone(graph, *places.get(&node.element)?).to_json();
            let digest = keccak256(json.as_bytes());
            Some((slot.clone(), Arc::new(Wanted { node: node.clone(), json, digest })))
        });
        let nodes = nodes.collect();
        let digest = graph.digest();
        Self { head, operator: operator.to_string(), nodes, instance, digest }
    }

    /// Plans what the operator has to do; `None` if all is as it should be.
    ///
    /// A node whose process has ended, and that is to be started again, counts as one that is not there.
    ///
    /// # Errors
    /// [`PlanError`].
    pub(crate) fn plan(
        &self,
        observed: &BTreeMap<Slot, Observed>,
        processes: &Processes,
        rules: &Rules,
    ) -> Result<Option<Planned>, PlanError> {
        let stays = |slot: &Slot, wanted: &Wanted| {
            observed.get(slot).is_some_and(|found| {
                let again = wanted.node.restart == Restart::Always;
                found.digest == wanted.digest && (found.alive || !again)
            })
        };
        if observed.len() == self.nodes.len()
            && self.nodes.iter().all(|(slot, wanted)| stays(slot, wanted))
        {
            return Ok(None);
        }
        let running = self.running(observed, processes);
        let old = Version::from(&running);
        let new = Version { representation: &self.instance.representation, digest: self.digest };
        let plan = Plan::of_versions(Some(old), new, rules)?.slice(Some(&self.operator));
        let slots = self.nodes.keys().chain(observed.keys());
        let slots = slots.map(|slot| (self.instance.element(slot), slot.clone())).collect();
        Ok(Some(Planned { plan, slots }))
    }

    /// What runs: everybody else's nodes as they should be, and the operator's as they were found.
    fn running(
        &self,
        observed: &BTreeMap<Slot, Observed>,
        processes: &Processes,
    ) -> Representation {
        let wanted = &self.instance.representation;
        let mut types = wanted.types.clone();
        let mut nodes: BTreeMap<ElementId, GraphNode> = wanted
            .nodes
            .iter()
            .filter(|node| node.operator.as_deref() != Some(&self.operator))
            .map(|node| (node.id, node.clone()))
            .collect();
        let operator: Arc<str> = self.operator.as_str().into();
        for (slot, found) in observed {
            let own = self.nodes.get(slot);
            if !found.alive && own.is_some_and(|own| own.node.restart == Restart::Always) {
                continue;
            }
            let id = self.instance.element(slot);
            let same = own.filter(|own| own.digest == found.digest).and_then(|own| {
                wanted.node(&own.node.template, u32::try_from(own.node.index).ok()?).cloned()
            });
            let node = same.unwrap_or_else(|| {
                let started = processes.started_as(slot, found.digest).unwrap_or_default();
                types.extend(started.types);
                // Of a node nobody can say anything of, only its place is known: it differs from any other.
                started.nodes.into_iter().next().unwrap_or_else(|| unknown(slot))
            });
            // What is there is not there as somebody else's.
            nodes.insert(id, GraphNode { id, operator: Some(Arc::clone(&operator)), ..node });
        }
        let related = wanted.relationships.iter();
        let related = related
            .filter(|one| nodes.contains_key(&one.source) && nodes.contains_key(&one.target));
        Representation {
            service: Arc::clone(&wanted.service),
            types,
            relationships: related.cloned().collect(),
            nodes: nodes.into_values().collect(),
            ..Representation::default()
        }
    }
}

/// The representation of a node alone, wherever it is: without what does not make it differ from another.
fn alone(graph: &Representation, place: usize) -> Representation {
    let node = &graph.nodes[place];
    let service: Arc<str> = "".into();
    let mut node = GraphNode {
        id: ElementId::node(&service, &node.template, 0),
        index: 0,
        attributes: Properties::new(),
        ..node.clone()
    };
    let forget = |properties: &mut Properties| {
        for property in properties.values_mut() {
            property.origin = None;
        }
    };
    forget(&mut node.properties);
    for capability in node.capabilities.values_mut() {
        forget(&mut capability.properties);
        capability.attributes.clear();
        capability.remaining.clear();
    }
    let named = std::iter::once(&node.node_type)
        .chain(node.capabilities.values().map(|one| &one.capability_type))
        .chain(node.artifacts.values().map(|one| &one.artifact_type))
        .chain(node.interfaces.values().map(|one| &one.interface_type));
    let types = named.filter_map(|name| Some((Arc::clone(name), graph.types.get(name)?.clone())));
    Representation {
        types: types.collect(),
        service,
        nodes: vec![node],
        ..Representation::default()
    }
}

fn unknown(slot: &Slot) -> GraphNode {
    GraphNode {
        id: ElementId(Digest::ZERO),
        template: slot.set.as_str().into(),
        index: 0,
        node_type: "".into(),
        directives: Vec::new(),
        properties: Properties::new(),
        attributes: Properties::new(),
        capabilities: BTreeMap::new(),
        artifacts: BTreeMap::new(),
        interfaces: BTreeMap::new(),
        operator: None,
    }
}
