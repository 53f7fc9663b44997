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
use koinon_model::representation::Entries;
use koinon_model::representation::Interfaces;
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
        attributes: Arc::default(),
        ..node.clone()
    };
    let forget = |properties: &mut Properties| {
        for property in properties.values_mut() {
            property.origin = None;
        }
    };
    forget(&mut node.properties);
    for capability in node.capabilities.values_mut() {
        let capability = Arc::make_mut(capability);
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

/// The type of what this driver runs.
const WORKER: &str = "org.koinon:1.0:Worker";

/// Stands for a node of which only its place is known: it differs from any other.
fn unknown(slot: &Slot) -> GraphNode {
    GraphNode {
        id: ElementId(Digest::ZERO),
        template: slot.set.as_str().into(),
        index: 0,
        node_type: WORKER.into(),
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
    use std::ffi::OsString;
    use std::net::Ipv4Addr;

    use koinon_model::Probe;
    use koinon_model::Value;
    use koinon_model::representation::Artifact;
    use koinon_model::representation::Property;
    use koinon_model::representation::Term;
    use koinon_plan::Action;

    use super::super::process::Started;
    use super::*;
    use crate::store::Store;

    const WEAVING: &str = include_str!("../../../../profiles/koinon/1.0/weaving.yaml");
    const ME: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);

    fn slot(group: u32, place: u32) -> Slot {
        Slot { set: "worker".parse().unwrap(), group, place }
    }

    /// A service of workers in groups of `size`: each with the operator and the CID of its program.
    fn desired(size: u32, workers: &[(Address, &str)]) -> Desired {
        let mut instance = Instance {
            sizes: [("worker".to_owned(), size)].into(),
            representation: Representation {
                service: "dapp".into(),
                types: [(WORKER.into(), Vec::new()), ("org.koinon:1.0:Image".into(), Vec::new())]
                    .into(),
                ..Representation::default()
            },
            ..Instance::default()
        };
        for (index, (operator, cid)) in (0..).zip(workers) {
            let slot = slot(index / size, index % size);
            let element = instance.element(&slot);
            let image = Artifact {
                artifact_type: "org.koinon:1.0:Image".into(),
                file: format!("ipfs://{cid}").into(),
                repository: None,
                version: None,
                checksum: None,
                properties: [("cid".into(), Term::Known(Arc::new(Value::string(cid))))].into(),
            };
            instance.representation.nodes.push(GraphNode {
                id: element,
                index,
                properties: [("program".into(), Property::known("image".into()))].into(),
                artifacts: [("image".into(), Arc::new(image))].into(),
                operator: Some(operator.to_string().into()),
                ..unknown(&slot)
            });
            let node = Node {
                element,
                template: "worker".to_owned(),
                node_type: WORKER.to_owned(),
                index: index.into(),
                operator: *operator,
                operator_name: String::new(),
                properties: BTreeMap::new(),
                environment: BTreeMap::new(),
                arguments: Vec::new(),
                artifacts: BTreeMap::new(),
                program: String::new(),
                ports: Vec::new(),
                probe: Probe { port: String::new(), path: String::new(), timeout: 0 },
                restart: Restart::Always,
            };
            instance.nodes.insert(slot, node);
        }
        let head = Head { block: 1, revision: Default::default(), epoch: Default::default() };
        Desired::new(head, instance, ME)
    }

    /// Writes down what runs, as the driver does, and returns what is observed of it.
    fn run(processes: &Processes, desired: &Desired) -> BTreeMap<Slot, Observed> {
        let nodes = desired.nodes.iter();
        nodes
            .map(|(slot, wanted)| {
                let dir = processes.nodes.join(format!("worker.{}.{}", slot.group, slot.place));
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(dir.join(Started::REPRESENTATION), &wanted.json).unwrap();
                (slot.clone(), Observed { digest: wanted.digest, alive: true })
            })
            .collect()
    }

    fn processes(dir: &tempfile::TempDir) -> Processes {
        Processes {
            nodes: dir.path().join("nodes"),
            logs: dir.path().join("logs"),
            store: Store::open(&dir.path().join("store")).unwrap(),
            launcher: vec![OsString::from("none")],
            host: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// The steps, as words.
    fn steps(
        desired: &Desired,
        observed: &BTreeMap<Slot, Observed>,
        processes: &Processes,
    ) -> Vec<String> {
        let rules = koinon_tosca::read_inputs("weaving.yaml", WEAVING.as_bytes()).unwrap();
        let rules = Rules::from_value(&rules.into_iter().collect()).unwrap();
        let planned = desired.plan(observed, processes, &rules).unwrap();
        let words = |planned: Planned| {
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
    fn what_is_as_it_should_be_needs_no_plan_and_the_rest_one_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let processes = processes(&dir);
        let before = desired(2, &[(ME, "a"), (ME, "a"), (OTHER, "a"), (ME, "a")]);
        let started = ["worker/0/0", "worker/0/1", "worker/1/1"];
        let fetched = started.map(|slot| format!("{slot} ipfs://a"));
        let runs = started.map(|slot| format!("{slot} running"));
        assert_eq!(steps(&before, &BTreeMap::new(), &processes), [fetched, runs].concat());
        let mut observed = run(&processes, &before);
        assert_eq!(steps(&before, &observed, &processes), [""; 0]);

        // One gets another program, one goes to somebody else, one comes from somebody else.
        let after = desired(2, &[(ME, "b"), (OTHER, "a"), (ME, "a"), (ME, "a")]);
        assert_eq!(
            steps(&after, &observed, &processes),
            [
                "worker/0/0 ipfs://b",
                "worker/1/0 ipfs://a",
                "worker/0/1 absent",
                "worker/0/0 absent",
                "worker/1/0 running",
                "worker/0/0 running",
            ]
        );
        // What has ended is started again, and not removed first.
        observed.get_mut(&slot(1, 1)).unwrap().alive = false;
        let expected = ["worker/1/1 ipfs://a", "worker/1/1 running"];
        assert_eq!(steps(&before, &observed, &processes), expected);
    }

    #[test]
    fn other_sizes_of_groups_leave_alone_what_runs_in_a_slot_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let processes = processes(&dir);
        let observed = run(&processes, &desired(2, &[(ME, "a"), (ME, "a"), (ME, "a"), (ME, "a")]));
        let wider = desired(3, &[(ME, "a"); 6]);
        assert_eq!(
            steps(&wider, &observed, &processes),
            [
                "worker/0/2 ipfs://a",
                "worker/1/2 ipfs://a",
                "worker/0/2 running",
                "worker/1/2 running",
            ]
        );
        let narrower = desired(1, &[(ME, "a"); 2]);
        let mut gone = steps(&narrower, &observed, &processes);
        gone.sort();
        assert_eq!(gone, ["worker/0/1 absent", "worker/1/1 absent"]);
    }

    #[test]
    fn what_cannot_be_read_any_more_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let processes = processes(&dir);
        let wanted = desired(1, &[(ME, "a")]);
        let observed =
            BTreeMap::from([(slot(0, 0), Observed { digest: Digest::ZERO, alive: true })]);
        let expected = ["worker/0/0 ipfs://a", "worker/0/0 absent", "worker/0/0 running"];
        assert_eq!(steps(&wanted, &observed, &processes), expected);
    }
}
