//! Graphs to plan, the rules of the profiles, and a world that steps are done in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation::Artifact;
use koinon_model::representation::Choice;
use koinon_model::representation::ChoiceReason;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Implementation;
use koinon_model::representation::Interface;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Operation;
use koinon_model::representation::Properties;
use koinon_model::representation::Property;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_plan::Action;
use koinon_plan::Plan;
use koinon_plan::Rules;
use koinon_plan::Step;
use koinon_plan::StepId;

const SIMPLE: &str = include_str!("../../../../profiles/tosca/simple/weaving.yaml");

/// Reads rules from YAML.
pub(crate) fn rules(text: &str) -> Rules {
    let value = koinon_tosca::read_inputs("weaving.yaml", text.as_bytes()).unwrap();
    Rules::from_value(&value.into_iter().collect()).unwrap()
}

/// The rules of the Simple Profile.
pub(crate) fn simple() -> Rules {
    rules(SIMPLE)
}

/// Returns the rules of the Simple Profile, except that creations wait only for deletions that
/// touch them, and that a node with a new operator is replaced.
pub(crate) fn autonomous() -> Rules {
    let text = SIMPLE.replace("deletions_first: true", "deletions_first: false");
    rules(&text.replace("replace: [ type ]", "replace: [ type, operator ]"))
}

pub(crate) const STANDARD: &str = "tosca.interfaces.node.lifecycle.Standard";
pub(crate) const CONFIGURE: &str = "tosca.interfaces.relationship.Configure";

/// An interface that implements operations, each with one input.
pub(crate) fn interface(
    name: &str,
    of_type: &str,
    operations: &[&str],
    input: &Value,
) -> Interfaces {
    if operations.is_empty() {
        return Interfaces::new();
    }
    let operation = |operation: &&str| {
        let artifact = Artifact {
            artifact_type: "tosca.artifacts.Implementation.Bash".into(),
            file: format!("{operation}.sh").into(),
            repository: None,
            version: None,
            checksum: None,
            properties: BTreeMap::new(),
        };
        let implementation =
            Implementation { primary: Some(Arc::new(artifact)), ..Implementation::default() };
        let made = Operation {
            inputs: [("value".into(), Term::Known(Arc::new(input.clone())))].into(),
            outputs: BTreeMap::new(),
            implementation: Some(implementation),
            workflow: None,
        };
        (Arc::from(*operation), made)
    };
    let interface = Interface {
        interface_type: of_type.into(),
        operations: operations.iter().map(operation).collect(),
        notifications: BTreeMap::new(),
    };
    [(name.into(), Arc::new(interface))].into()
}

/// A node with one property.
pub(crate) fn node(template: &str, node_type: &str, value: &Value, interfaces: Interfaces) -> Node {
    Node {
        id: ElementId::node("service", template, 0),
        template: template.into(),
        index: 0,
        node_type: node_type.into(),
        directives: Vec::new(),
        properties: [("value".into(), Property::known(value.clone()))].into(),
        attributes: Arc::default(),
        capabilities: Entries::new(),
        artifacts: Entries::new(),
        interfaces,
        operator: None,
    }
}

/// A relationship between nodes of index 0.
pub(crate) fn relationship(
    [source, requirement, target]: [&str; 3],
    index: u32,
    relationship_type: &str,
    interfaces: Interfaces,
) -> Relationship {
    let source = ElementId::node("service", source, 0);
    Relationship {
        id: ElementId::relationship(source, requirement, index),
        requirement: requirement.into(),
        index,
        relationship_type: relationship_type.into(),
        source,
        target: ElementId::node("service", target, 0),
        capability: "feature".into(),
        properties: Properties::new(),
        attributes: Arc::default(),
        interfaces,
        allocation: Entries::new(),
        choice: Choice { why: ChoiceReason::Named, candidates: None, seed: None },
    }
}

/// A representation of these, in order.
pub(crate) fn representation(mut nodes: Vec<Node>, links: Vec<Relationship>) -> Representation {
    nodes.sort_by(|a, b| (&a.template, a.index).cmp(&(&b.template, b.index)));
    let place: BTreeMap<ElementId, usize> =
        nodes.iter().enumerate().map(|(place, node)| (node.id, place)).collect();
    let mut links = links;
    links.sort_by_key(|link| (place[&link.source], Arc::clone(&link.requirement), link.index));
    let types: [(&str, &[&str]); 5] = [
        ("tosca.nodes.Root", &[]),
        ("App", &["tosca.nodes.Root"]),
        ("tosca.relationships.HostedOn", &["tosca.relationships.Root"]),
        ("tosca.relationships.ConnectsTo", &["tosca.relationships.Root"]),
        ("Plain", &[]),
    ];
    let name = |name: &&str| Arc::from(*name);
    Representation {
        service: "service".into(),
        types: types.map(|(of, above)| (of.into(), above.iter().map(name).collect())).into(),
        nodes,
        relationships: links,
        ..Representation::default()
    }
}

/// The state of an element in the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ElementState {
    pub(crate) state: Option<Arc<str>>,
    pub(crate) facts: BTreeMap<Arc<str>, String>,
}

/// The states of all elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct World(pub(crate) BTreeMap<ElementId, ElementState>);

impl World {
    pub(crate) fn act(&mut self, element: Option<ElementId>, action: &Action) {
        let Some(element) = element else {
            assert_eq!(*action, Action::Wait);
            return;
        };
        let thing = self.0.entry(element).or_default();
        match action {
            Action::Wait | Action::Fetch(_) => {}
            Action::SetState(state) => thing.state = Some(Arc::clone(state)),
            Action::Call(call) => {
                let input = match &call.operation().inputs["value"] {
                    Term::Known(value) | Term::Pending(value) => value.to_json(),
                };
                let facts = &mut thing.facts;
                match &*call.operation {
                    "create" => {
                        facts.insert("exists".into(), String::new());
                    }
                    "configure" => {
                        facts.insert("configured".into(), input);
                    }
                    "start" => {
                        facts.insert("runs".into(), String::new());
                    }
                    "stop" => facts.retain(|fact, _| &**fact != "runs"),
                    "delete" => facts.retain(|fact, _| &**fact == "runs"),
                    "add_source" | "add_target" => {
                        facts.insert(Arc::clone(&call.operation), String::new());
                    }
                    "remove_source" => facts.retain(|fact, _| &**fact != "add_source"),
                    "remove_target" => facts.retain(|fact, _| &**fact != "add_target"),
                    "pre_configure_source" | "post_configure_target" | "target_changed" => {}
                    other => panic!("unknown operation {other}"),
                }
            }
        }
    }

    /// Removes the elements that a representation lacks, and checks that they left nothing behind.
    pub(crate) fn of(mut self, graph: &Representation) -> Self {
        let ids: BTreeSet<ElementId> = elements(graph).collect();
        self.0.retain(|id, thing| {
            let known = ids.contains(id);
            assert!(known || thing.facts.is_empty(), "something is left of {id}: {thing:?}");
            known && *thing != ElementState::default()
        });
        self
    }
}

pub(crate) fn elements(graph: &Representation) -> impl Iterator<Item = ElementId> {
    let nodes = graph.nodes.iter().map(|node| node.id);
    nodes.chain(graph.relationships.iter().map(|link| link.id))
}

/// Returns an order of a plan's steps that respects their needs; `choices` picks among the possible
/// ones.
pub(crate) fn some_order<'a>(plan: &'a Plan, choices: &[usize]) -> Vec<&'a Step> {
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut order = Vec::new();
    let mut choices = choices.iter().cycle();
    while !left.is_empty() {
        let ready: Vec<usize> = (0..left.len())
            .filter(|at| left[*at].needs.iter().all(|need| done.contains(need)))
            .collect();
        assert!(!ready.is_empty(), "the steps that are left wait for each other");
        let step = left.remove(ready[choices.next().unwrap() % ready.len()]);
        done.insert(step.id);
        order.push(step);
    }
    order
}

/// Does steps in a world.
pub(crate) fn run<'a>(world: &mut World, steps: impl IntoIterator<Item = &'a Step>) {
    for step in steps {
        world.act(step.element, &step.action);
    }
}

/// Returns the world after a representation was made from nothing.
pub(crate) fn made(graph: &Representation, rules: &Rules) -> World {
    let mut world = World::default();
    run(&mut world, &Plan::between(None, graph, rules).unwrap().steps);
    world.of(graph)
}
