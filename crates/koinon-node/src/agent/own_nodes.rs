//! An operator's own nodes, as they should be and as they are, and the plan from one to the other.
//!
//! An agent observes only its own nodes. It assumes that all others are as they should be, so no
//! new node waits for another operator's old one.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;
use koinon_chain::Head;
use koinon_model::AssignedNode;
use koinon_model::Digest;
use koinon_model::Instance;
use koinon_model::RestartPolicy;
use koinon_model::Slot;
use koinon_model::keccak256;
use koinon_model::representation;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;
use koinon_plan::Plan;
use koinon_plan::PlanError;
use koinon_plan::PlanInput;
use koinon_plan::Rules;

use crate::driver::ObservedNode;
use crate::driver::ProcessDriver;
use crate::driver::TargetNode;

/// The nodes that an operator should run, as of one block.
#[derive(Clone, Debug)]
pub(crate) struct OwnNodes {
    pub(crate) head: Head,
    /// The operator's account, as representations name it.
    operator: String,
    /// The operator's nodes.
    pub(crate) nodes: BTreeMap<Slot, Arc<TargetNode>>,
    /// The nodes of all operators.
    instance: Instance,
    /// Digest of the instance's representation.
    digest: Digest,
}

/// An operator's slice of a plan.
#[derive(Clone, Debug)]
pub(crate) struct OwnPlan {
    pub(crate) plan: Plan,
    /// The slots of the plan's elements.
    pub(crate) slots: BTreeMap<ElementId, Slot>,
}

impl OwnNodes {
    /// Selects an operator's nodes from an instance.
    pub(crate) fn new(head: Head, instance: Instance, operator: Address) -> Self {
        let graph = &instance.representation;
        let positions: BTreeMap<ElementId, usize> =
            graph.nodes.iter().enumerate().map(|(position, node)| (node.id, position)).collect();
        let own = instance.nodes.iter().filter(|(_, node)| node.operator == operator);
        let nodes = own
            .filter_map(|(slot, node)| {
                let position = *positions.get(&node.element)?;
                let target = TargetNode::new(node, graph, position);
                Some((slot.clone(), Arc::new(target)))
            })
            .collect();
        let digest = graph.digest();
        Self { head, operator: operator.to_string(), nodes, instance, digest }
    }

    /// Plans the operator's steps from the observed nodes; `None` if all are as they should be.
    ///
    /// A node whose process has ended and that should be restarted counts as absent.
    ///
    /// # Errors
    /// [`PlanError`] if the instance's representation cannot be planned.
    pub(crate) fn plan(
        &self,
        observed: &BTreeMap<Slot, ObservedNode>,
        driver: &ProcessDriver,
        rules: &Rules,
    ) -> Result<Option<OwnPlan>, PlanError> {
        if self.match_observed(observed) {
            return Ok(None);
        }
        let running = self.running(observed, driver);
        let old = PlanInput::from(&running);
        let new = PlanInput { representation: &self.instance.representation, digest: self.digest };
        let plan = Plan::between_inputs(Some(old), new, rules)?.slice(Some(&self.operator));
        let slots = self.nodes.keys().chain(observed.keys());
        let slots = slots.map(|slot| (self.instance.element(slot), slot.clone())).collect();
        Ok(Some(OwnPlan { plan, slots }))
    }

    /// Returns whether exactly the target nodes run, each as it should.
    fn match_observed(&self, observed: &BTreeMap<Slot, ObservedNode>) -> bool {
        let matches = |(slot, target): (&Slot, &Arc<TargetNode>)| {
            observed.get(slot).is_some_and(|found| {
                let restarts = target.node.restart == RestartPolicy::Always;
                found.digest == target.digest && (found.alive || !restarts)
            })
        };
        observed.len() == self.nodes.len() && self.nodes.iter().all(matches)
    }

    /// Returns the representation of what runs: the operator's nodes as observed, all others as
    /// they should be.
    fn running(
        &self,
        observed: &BTreeMap<Slot, ObservedNode>,
        driver: &ProcessDriver,
    ) -> Representation {
        let target = &self.instance.representation;
        let mut types = target.types.clone();
        let mut nodes: BTreeMap<ElementId, representation::Node> = target
            .nodes
            .iter()
            .filter(|node| node.operator.as_deref() != Some(&self.operator))
            .map(|node| (node.id, node.clone()))
            .collect();
        let operator: Arc<str> = self.operator.as_str().into();
        for (slot, found) in observed {
            let own = self.nodes.get(slot);
            if !found.alive && own.is_some_and(|own| own.node.restart == RestartPolicy::Always) {
                continue;
            }
            let id = self.instance.element(slot);
            let unchanged = own.filter(|own| own.digest == found.digest).and_then(|own| {
                // A representation has no node with an index over 32 bits.
                target.node(&own.node.template, u32::try_from(own.node.index).ok()?).cloned()
            });
            let node = unchanged.unwrap_or_else(|| {
                // A node whose representation is lost (the driver has logged it) is replaced.
                let started = driver.started_as(slot, found.digest).unwrap_or_default();
                types.extend(started.types);
                started.nodes.into_iter().next().unwrap_or_else(|| placeholder_node(slot))
            });
            // A node that runs here is never counted as another operator's.
            let operator = Some(Arc::clone(&operator));
            nodes.insert(id, representation::Node { id, operator, ..node });
        }
        let relationships = target.relationships.iter().filter(|relationship| {
            nodes.contains_key(&relationship.source) && nodes.contains_key(&relationship.target)
        });
        Representation {
            service: Arc::clone(&target.service),
            types,
            relationships: relationships.cloned().collect(),
            nodes: nodes.into_values().collect(),
            ..Representation::default()
        }
    }
}

impl TargetNode {
    /// Makes the target of a node that stands at `position` of `graph`.
    fn new(node: &AssignedNode, graph: &Representation, position: usize) -> Self {
        let representation = single_node_representation(graph, position).to_json();
        let digest = keccak256(representation.as_bytes());
        Self { node: node.clone(), representation, digest }
    }
}

/// Returns the representation of one node, without what may differ between equal nodes: their
/// service, slot, attributes, relationships and positions in source files.
fn single_node_representation(graph: &Representation, position: usize) -> Representation {
    let node = &graph.nodes[position];
    let service: Arc<str> = "".into();
    let mut node = representation::Node {
        id: ElementId::node(&service, &node.template, 0),
        index: 0,
        attributes: Arc::default(),
        ..node.clone()
    };
    remove_origins(&mut node.properties);
    for capability in node.capabilities.values_mut() {
        let capability = Arc::make_mut(capability);
        remove_origins(&mut capability.properties);
        capability.attributes.clear();
        capability.remaining.clear();
    }
    let capability_types = node.capabilities.values().map(|it| &it.capability_type);
    let artifact_types = node.artifacts.values().map(|it| &it.artifact_type);
    let interface_types = node.interfaces.values().map(|it| &it.interface_type);
    let types = std::iter::once(&node.node_type)
        .chain(capability_types)
        .chain(artifact_types)
        .chain(interface_types)
        .filter_map(|name| Some((Arc::clone(name), graph.types.get(name)?.clone())))
        .collect();
    Representation { types, service, nodes: vec![node], ..Representation::default() }
}

fn remove_origins(properties: &mut Properties) {
    for property in properties.values_mut() {
        property.origin = None;
    }
}

/// Node type of a [`placeholder_node`]: the type that runs as a process.
const PLACEHOLDER_TYPE: &str = "org.koinon:1.0:Worker";

/// Stands for a node of which only the slot is known; it differs from any target.
fn placeholder_node(slot: &Slot) -> representation::Node {
    representation::Node {
        id: ElementId(Digest::ZERO),
        template: slot.set.as_str().into(),
        index: 0,
        node_type: PLACEHOLDER_TYPE.into(),
        directives: Vec::new(),
        properties: Properties::new(),
        attributes: Arc::default(),
        capabilities: Entries::new(),
        artifacts: Entries::new(),
        interfaces: Interfaces::new(),
        operator: None,
    }
}

#[cfg(test)]
mod tests {
    use koinon_model::Value;
    use koinon_model::representation::Capability;
    use koinon_model::representation::Origin;
    use koinon_model::representation::Property;
    use koinon_plan::Action;

    use super::*;
    use crate::fixtures::OTHER;
    use crate::fixtures::driver;
    use crate::fixtures::head;
    use crate::fixtures::instance;
    use crate::fixtures::operator;
    use crate::fixtures::rules;
    use crate::fixtures::slot;

    fn own_nodes(size: u32, workers: &[(Address, &str)]) -> OwnNodes {
        OwnNodes::new(head(1, 1), instance(size, workers), operator())
    }

    /// Writes the representations of running nodes, as the driver does, and returns the nodes.
    fn run(driver: &ProcessDriver, own: &OwnNodes) -> BTreeMap<Slot, ObservedNode> {
        let nodes = own.nodes.iter();
        nodes
            .map(|(slot, target)| {
                let dir = driver.nodes_dir.join(format!("worker.{}.{}", slot.group, slot.place));
                std::fs::create_dir_all(&dir).unwrap();
                let file = dir.join("representation.json");
                std::fs::write(file, &target.representation).unwrap();
                (slot.clone(), ObservedNode { digest: target.digest, alive: true })
            })
            .collect()
    }

    /// Returns the planned steps in order, as `SLOT FILE` or `SLOT STATE`.
    fn steps(
        own: &OwnNodes,
        observed: &BTreeMap<Slot, ObservedNode>,
        driver: &ProcessDriver,
    ) -> Vec<String> {
        let planned = own.plan(observed, driver, &rules()).unwrap();
        let words = |planned: OwnPlan| {
            let word = |step: &koinon_plan::Step| {
                let slot = &planned.slots[&step.element.unwrap()];
                match &step.action {
                    Action::Fetch(file) => format!("{slot} {}", file.artifact.file),
                    Action::SetState(state) => format!("{slot} {state}"),
                    Action::Call(_) | Action::Wait => panic!("{step:?}"),
                }
            };
            planned.plan.steps.iter().map(word).collect()
        };
        planned.map(words).unwrap_or_default()
    }

    #[test]
    fn only_nodes_that_differ_are_planned() {
        let (me, dir) = (operator(), tempfile::tempdir().unwrap());
        let driver = driver(dir.path());
        let before = own_nodes(2, &[(me, "a"), (me, "a"), (OTHER, "a"), (me, "a")]);
        let started = ["worker/0/0", "worker/0/1", "worker/1/1"];
        let fetched = started.map(|slot| format!("{slot} ipfs://a"));
        let runs = started.map(|slot| format!("{slot} running"));
        assert_eq!(steps(&before, &BTreeMap::new(), &driver), [fetched, runs].concat());
        let mut observed = run(&driver, &before);
        assert_eq!(steps(&before, &observed, &driver), [""; 0]);

        // A node gets another program, one goes to another operator, one comes from another.
        let after = own_nodes(2, &[(me, "b"), (OTHER, "a"), (me, "a"), (me, "a")]);
        assert_eq!(
            steps(&after, &observed, &driver),
            [
                "worker/0/0 ipfs://b",
                "worker/1/0 ipfs://a",
                "worker/0/1 absent",
                "worker/0/0 absent",
                "worker/1/0 running",
                "worker/0/0 running",
            ]
        );
        // A node that has ended is started again without being removed first.
        observed.get_mut(&slot(1, 1)).unwrap().alive = false;
        let expected = ["worker/1/1 ipfs://a", "worker/1/1 running"];
        assert_eq!(steps(&before, &observed, &driver), expected);
    }

    #[test]
    fn a_slot_that_stays_keeps_its_node_when_groups_change_size() {
        let (me, dir) = (operator(), tempfile::tempdir().unwrap());
        let driver = driver(dir.path());
        let observed = run(&driver, &own_nodes(2, &[(me, "a"), (me, "a"), (me, "a"), (me, "a")]));
        let wider = own_nodes(3, &[(me, "a"); 6]);
        assert_eq!(
            steps(&wider, &observed, &driver),
            [
                "worker/0/2 ipfs://a",
                "worker/1/2 ipfs://a",
                "worker/0/2 running",
                "worker/1/2 running",
            ]
        );
        let narrower = own_nodes(1, &[(me, "a"); 2]);
        let mut gone = steps(&narrower, &observed, &driver);
        gone.sort();
        assert_eq!(gone, ["worker/0/1 absent", "worker/1/1 absent"]);
    }

    #[test]
    fn a_node_whose_representation_is_lost_is_replaced() {
        let (me, dir) = (operator(), tempfile::tempdir().unwrap());
        let driver = driver(dir.path());
        let own = own_nodes(1, &[(me, "a")]);
        let observed =
            BTreeMap::from([(slot(0, 0), ObservedNode { digest: Digest::ZERO, alive: true })]);
        let expected = ["worker/0/0 ipfs://a", "worker/0/0 absent", "worker/0/0 running"];
        assert_eq!(steps(&own, &observed, &driver), expected);
    }

    #[test]
    fn a_node_that_is_not_to_be_restarted_stays_ended() {
        let (me, dir) = (operator(), tempfile::tempdir().unwrap());
        let driver = driver(dir.path());
        let mut instance = instance(1, &[(me, "a")]);
        instance.nodes.get_mut(&slot(0, 0)).unwrap().restart = RestartPolicy::Never;
        let own = OwnNodes::new(head(1, 1), instance, me);
        let mut observed = run(&driver, &own);
        observed.get_mut(&slot(0, 0)).unwrap().alive = false;
        assert_eq!(steps(&own, &observed, &driver), [""; 0]);
        // It is replaced all the same when it should be another.
        observed.get_mut(&slot(0, 0)).unwrap().digest = Digest::ZERO;
        let expected = ["worker/0/0 ipfs://a", "worker/0/0 absent", "worker/0/0 running"];
        assert_eq!(steps(&own, &observed, &driver), expected);
    }

    #[test]
    fn nodes_of_other_operators_are_not_selected() {
        let me = operator();
        let own = own_nodes(1, &[(me, "a"), (OTHER, "a"), (me, "b")]);
        let selected: Vec<_> = own.nodes.keys().cloned().collect();
        assert_eq!(selected, [slot(0, 0), slot(2, 0)]);
        assert_eq!(own.head, head(1, 1));
    }

    #[test]
    fn equal_nodes_have_one_digest_whatever_their_slot_attributes_and_source_lines() {
        let me = operator();
        let digest = |change: fn(&mut representation::Node)| {
            let mut instance = instance(2, &[(OTHER, "x"), (me, "a")]);
            change(&mut instance.representation.nodes[1]);
            OwnNodes::new(head(1, 1), instance, me).nodes[&slot(0, 1)].digest
        };
        let capability = |remaining: &str, size: &str| {
            let property = |value| Property::known(Value::string(value));
            Arc::new(Capability {
                capability_type: "c".into(),
                properties: [("size".into(), property(size))].into(),
                attributes: [("load".into(), property(remaining))].into(),
                remaining: [("size".into(), Value::string(remaining))].into(),
                inner: None,
            })
        };
        let unchanged = digest(|_| {});
        assert_eq!(own_nodes(1, &[(me, "a")]).nodes[&slot(0, 0)].digest, unchanged);
        let same: [fn(&mut representation::Node); 3] = [
            |node| node.index = 7,
            |node| {
                node.attributes =
                    Arc::new([("state".into(), Property::known(Value::string("up")))].into());
            },
            |node| {
                let origin = Some(Origin { file: 1, line: 2, column: 3 });
                for property in node.properties.values_mut() {
                    property.origin = origin;
                }
            },
        ];
        for change in same {
            assert_eq!(digest(change), unchanged);
        }
        let other: [fn(&mut representation::Node); 4] = [
            |node| node.template = "web".into(),
            |node| node.node_type = "org.koinon:1.0:Image".into(),
            |node| node.operator = None,
            |node| {
                let property = Property::known(Value::string("other"));
                node.properties = [("program".into(), property)].into();
            },
        ];
        for change in other {
            assert_ne!(digest(change), unchanged);
        }
        let with_capability = |capability: Arc<Capability>| {
            let mut instance = instance(1, &[(me, "a")]);
            let node = &mut instance.representation.nodes[0];
            node.capabilities = [("host".into(), capability)].into();
            OwnNodes::new(head(1, 1), instance, me).nodes[&slot(0, 0)].digest
        };
        assert_eq!(with_capability(capability("1", "5")), with_capability(capability("2", "5")));
        assert_ne!(with_capability(capability("1", "5")), with_capability(capability("1", "6")));
    }
}
