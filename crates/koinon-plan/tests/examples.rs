//! Small graphs whose plans are known.
//!
//! Each file of `tests/plans` has a graph `before` and a graph `after`, by node template, and the
//! `plan` between them; `rules` other than the Simple Profile's; `done` for the plan that is made
//! after so many steps; and `show` for the plan as `json`, `dot` or `mermaid`. With
//! `KOINON_UPDATE=1` the plans are rewritten: read what changed.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[expect(dead_code, reason = "the properties use all of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation::Artifact;
use koinon_model::representation::AttributePath;
use koinon_model::representation::ElementId;
use koinon_model::representation::Implementation;
use koinon_model::representation::Interface;
use koinon_model::representation::Node;
use koinon_model::representation::Operation;
use koinon_model::representation::Origin;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_model::representation::Unresolved;
use koinon_model::sha256;
use koinon_plan::Action;
use koinon_plan::Element;
use koinon_plan::ElementClass;
use koinon_plan::Plan;
use koinon_plan::Rules;

const KOINON: &str = include_str!("../../../profiles/koinon/1.0/weaving.yaml");

fn known(value: &Value) -> Term {
    Term::Known(Arc::new(value.clone()))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).map(|found| found.as_str().unwrap_or_else(|| panic!("{key} is not a string")))
}

fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).into_iter().flat_map(|map| map.as_map().unwrap())
}

fn names<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let names = value.get(key).map_or(&[][..], |list| list.as_list().unwrap());
    names.iter().map(|name| name.as_str().unwrap()).collect()
}

fn artifact(value: &Value) -> Arc<Artifact> {
    Arc::new(Artifact {
        artifact_type: text(value, "type").unwrap().into(),
        file: text(value, "file").unwrap().into(),
        repository: None,
        version: None,
        checksum: text(value, "checksum").map(|sum| ("SHA-256".into(), sum.into())),
        properties: entries(value, "properties")
            .map(|(name, value)| (name.as_str().into(), known(value)))
            .collect(),
    })
}

/// Reads a node under the key `TEMPLATE` or `TEMPLATE/INDEX`; its operations are those of the
/// interface `Standard`.
fn node(service: &str, key: &str, value: &Value) -> Node {
    const KEYS: [&str; 16] = [
        "artifacts",
        "directives",
        "idle",
        "inner",
        "input",
        "operations",
        "operator",
        "origin",
        "outputs",
        "primary",
        "property",
        "reads",
        "requirements",
        "type",
        "unresolved",
        "workflows",
    ];
    for key in value.as_map().unwrap().keys() {
        assert!(KEYS.contains(&key.as_str()), "unknown key {key}");
    }
    let property = value.get("property").cloned().unwrap_or_else(|| Value::from(1));
    let input = value.get("input").unwrap_or(&property);
    let mut operations = names(value, "operations");
    operations.extend(entries(value, "workflows").map(|(name, _)| name.as_str()));
    let mut interfaces = common::interface("Standard", common::STANDARD, &operations, input);
    if let Some(standard) = interfaces.get_mut("Standard") {
        let standard = Arc::make_mut(standard);
        for (name, workflow) in entries(value, "workflows") {
            let operation = standard.operations.get_mut(name.as_str()).unwrap();
            (operation.implementation, operation.workflow) =
                (None, workflow.as_str().map(Arc::from));
        }
        standard.operations.values_mut().for_each(|operation| extend(operation, service, value));
        if value.get("idle").is_some() {
            interfaces = with_idle_operations(standard).into();
        }
    }
    let of_type = text(value, "type").unwrap_or("App");
    let (template, index) = key.split_once('/').unwrap_or((key, "0"));
    let mut node = common::node(template, of_type, &property, interfaces);
    node.index = index.parse().unwrap();
    node.id = ElementId::node(service, template, node.index);
    node.directives = names(value, "directives").into_iter().map(Arc::from).collect();
    node.operator = text(value, "operator").map(Arc::from);
    node.artifacts = entries(value, "artifacts")
        .map(|(name, value)| (name.as_str().into(), artifact(value)))
        .collect();
    if let Some(origin) = value.get("origin").and_then(Value::as_list) {
        let [file, line, column] =
            [0, 1, 2].map(|at| u32::try_from(origin[at].as_u64().unwrap()).unwrap());
        let origin = Some(Origin { file, line, column });
        node.properties.values_mut().for_each(|property| property.origin = origin);
    }
    node
}

/// Gives an operation the outputs, inputs from attributes, and file that its node has for all.
fn extend(operation: &mut Operation, service: &str, node: &Value) {
    for (output, attribute) in entries(node, "outputs") {
        let attribute = attribute.as_str().unwrap().into();
        let path = AttributePath { element: None, capability: None, attribute, path: Vec::new() };
        operation.outputs.insert(output.as_str().into(), path);
    }
    for (input, path) in entries(node, "reads") {
        let [template, attribute] = path.as_list().unwrap() else { panic!("{path:?}") };
        let element = ElementId::node(service, template.as_str().unwrap(), 0).to_string();
        let path = Value::List(vec![Value::string(&element), attribute.clone()]);
        let expression = Value::from([("$get_attribute", path)]);
        operation.inputs.insert(input.as_str().into(), Term::Pending(Arc::new(expression)));
    }
    if let Some(primary) = node.get("primary") {
        let primary = Some(artifact(primary));
        operation.implementation = Some(Implementation { primary, ..Implementation::default() });
    }
}

/// Adds operations and an interface that do nothing, as older representations have them.
fn with_idle_operations(standard: &Interface) -> [(Arc<str>, Arc<Interface>); 2] {
    let mut standard = standard.clone();
    standard.notifications.insert("moved".into(), Operation::default());
    standard.operations.insert("wait".into(), Operation::default());
    let mut other = standard.clone();
    other.operations.retain(|name, _| &**name == "wait");
    [("Standard".into(), Arc::new(standard)), ("Other".into(), Arc::new(other))]
}

fn relationships(template: &str, node: &Value) -> Vec<Relationship> {
    let requirements = entries(node, "requirements");
    requirements
        .map(|(requirement, value)| {
            let configure = common::interface(
                "Configure",
                common::CONFIGURE,
                &names(value, "operations"),
                &Value::from(0),
            );
            let of_type = format!("tosca.relationships.{}", text(value, "type").unwrap());
            // Only the node of index 0 can have requirements.
            let template = template.trim_end_matches("/0");
            let ends = [template, requirement, text(value, "target").unwrap()];
            let mut made = common::relationship(ends, 0, &of_type, configure);
            if let Some(capability) = text(value, "capability") {
                made.capability = capability.into();
            }
            made.allocation = entries(value, "allocation")
                .map(|(name, value)| (name.as_str().into(), value.clone()))
                .collect();
            made
        })
        .collect()
}

fn representation(service: &str, nodes: &Value) -> Representation {
    let templates = nodes.as_map().unwrap();
    let all = |of: fn(&str, &Value) -> Vec<Relationship>| {
        templates.iter().flat_map(move |(template, value)| of(template, value)).collect()
    };
    let made = templates.iter().map(|(template, value)| node(service, template, value));
    let mut graph = common::representation(made.collect(), all(relationships));
    graph.service = service.into();
    for (template, value) in templates {
        let id = ElementId::node(service, template, 0);
        if let Some(inner) = value.get("inner") {
            let inner = representation(&format!("{service}/{template}/0"), inner);
            graph.substitutions.insert(id, inner);
        }
        if let Some(fault) = value.get("unresolved") {
            graph.unresolved.push(Unresolved {
                source: id,
                requirement: text(fault, "requirement").unwrap().into(),
                index: 0,
                reason: text(fault, "reason").unwrap().to_owned(),
            });
        }
    }
    graph
}

/// Names elements: a node by its template, a relationship by its source and requirement.
fn element_names(plan: &Plan) -> BTreeMap<ElementId, String> {
    let mut names = BTreeMap::new();
    for element in &plan.elements {
        let name = match &element.place {
            koinon_plan::ElementPlace::Node { template, .. } => template.to_string(),
            koinon_plan::ElementPlace::Relationship { source, requirement, .. } => {
                format!("{}.{requirement}", names[source])
            }
        };
        names.insert(element.id, name);
    }
    names
}

/// Writes the class of an element and its changes: lines `NAME: CLASS` and `- PATH: OLD -> NEW`.
fn element_lines(element: &Element, names: &BTreeMap<ElementId, String>) -> String {
    let mut lines = format!("{}: {}", names[&element.id], element.class.as_str());
    match element.replaced_with {
        Some(cause) => lines.push_str(&format!(", replaced with {}", names[&cause])),
        None if element.replaced => lines.push_str(", replaced"),
        None => {}
    }
    lines.push('\n');
    for change in &element.changes {
        let show = |term: &Option<Term>| match term {
            Some(Term::Known(value)) => value.to_json(),
            Some(Term::Pending(expression)) => format!("pending {}", expression.to_json()),
            None => "nothing".to_owned(),
        };
        let (before, after) = (show(&change.before), show(&change.after));
        lines.push_str(&format!("- {}: {before} -> {after}\n", change.path.join(".")));
    }
    lines
}

fn word(action: &Action) -> String {
    match action {
        Action::Call(call) => call.operation.to_string(),
        Action::SetState(state) => format!("={state}"),
        Action::Fetch(file) => format!("fetch {}", file.cid.as_deref().unwrap_or("without a CID")),
        Action::Wait => "wait".to_owned(),
    }
}

/// Writes the elements that have an old version and differ, then the steps as lines
/// `NUMBER: LEVEL NAME ACTION <- NEEDS`, needs by their numbers.
fn lines(plan: &Plan) -> String {
    let names = element_names(plan);
    let changed = plan
        .elements
        .iter()
        .filter(|element| matches!(element.class, ElementClass::Modified | ElementClass::Obsolete));
    let mut lines: String = changed.map(|element| element_lines(element, &names)).collect();
    let place: BTreeMap<_, _> =
        plan.steps.iter().enumerate().map(|(at, step)| (step.id, at)).collect();
    for (at, step) in plan.steps.iter().enumerate() {
        let mut line = format!("{at}: {}", step.level);
        if let Some(id) = step.element {
            line.push_str(&format!(" {}", names[&id]));
        }
        line.push_str(&format!(" {}", word(&step.action)));
        if let Some(operator) = &step.operator {
            line.push_str(&format!(" by {operator}"));
        }
        if !step.needs.is_empty() {
            line.push_str(" <-");
            step.needs.iter().for_each(|need| line.push_str(&format!(" {}", place[need])));
        }
        if !step.undo.is_empty() {
            let undo: Vec<String> = step.undo.iter().map(word).collect();
            line.push_str(&format!(", undo {}", undo.join(" ")));
        }
        lines.push_str(&format!("{line}\n"));
    }
    if lines.is_empty() { "nothing to do\n".to_owned() } else { lines }
}

/// Makes the plan of an example, as the example shows it.
fn planned(example: &Value) -> String {
    let rules = match example.get("rules") {
        None => common::simple(),
        Some(rules) if rules.as_str() == Some("koinon") => {
            common::rules(KOINON).and(common::simple())
        }
        Some(rules) => Rules::from_value(rules).unwrap(),
    };
    let before = example.get("before").map(|nodes| representation("service", nodes));
    let after = representation("service", example.get("after").unwrap());
    let mut plan = match Plan::between(before.as_ref(), &after, &rules) {
        Ok(plan) => plan,
        Err(error) => return format!("{error}\n"),
    };
    if let Some(done) = example.get("done") {
        let done = usize::try_from(done.as_u64().unwrap()).unwrap();
        let done = plan.steps[..done].iter().map(|step| step.id).collect();
        let there = plan.reached(before.as_ref(), &after, &done);
        plan = Plan::between(Some(&there), &after, &rules).unwrap();
    }
    let json = plan.to_json();
    assert_eq!(plan.digest(), sha256(json.as_bytes()));
    for step in &plan.steps {
        assert!(json.contains(&format!("\"key\":\"{:#x}\"", plan.key(step.id))));
    }
    match text(example, "show") {
        None => lines(&plan),
        Some("json") => {
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            serde_json::to_string_pretty(&json).unwrap() + "\n"
        }
        Some("dot") => plan.to_dot(),
        Some("mermaid") => plan.to_mermaid(),
        Some(other) => panic!("cannot show {other}"),
    }
}

#[test]
fn every_example_has_the_plan_in_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut paths: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 39, "only {} examples", paths.len());
    let mut failed = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let (input, _) = text.split_once("\nplan: |\n").unwrap();
        let example = koinon_tosca::read_inputs("example.yaml", input.as_bytes()).unwrap();
        let plan = planned(&example.into_iter().collect());
        let plan: String = plan.lines().map(|line| format!("  {line}\n")).collect();
        let expected = format!("{input}\nplan: |\n{plan}");
        if std::env::var_os("KOINON_UPDATE").is_some() {
            fs::write(&path, expected).unwrap();
        } else if text != expected {
            failed.push_str(&format!("{}:\n{plan}", path.display()));
        }
    }
    assert!(failed.is_empty(), "other plans (KOINON_UPDATE=1 rewrites the files):\n{failed}");
}

/// Three hundred nodes before and after a node without steps: there are as many needs as
/// dependencies.
#[test]
fn needs_stay_linear() {
    let app = |template: &str, of_type: &str| {
        let create: &[&str] = if of_type == "App" { &["create"] } else { &[] };
        let value = Value::from(0);
        let interfaces = common::interface("Standard", common::STANDARD, create, &value);
        common::node(template, of_type, &value, interfaces)
    };
    let link = |ends: [&str; 3], index: u32, of_type: &str| {
        common::relationship(ends, index, of_type, Default::default())
    };
    let (mut nodes, mut links) = (vec![app("hub", "Plain")], Vec::new());
    for at in 0..300 {
        let (below, above) = (format!("a{at:03}"), format!("z{at:03}"));
        nodes.extend([app(&below, "App"), app(&above, "App")]);
        links.push(link(["hub", "uses", &below], at, "tosca.relationships.ConnectsTo"));
        links.push(link([&above, "host", "hub"], 0, "tosca.relationships.HostedOn"));
    }
    let plan =
        Plan::between(None, &common::representation(nodes, links), &common::simple()).unwrap();
    let waits = plan.steps.iter().filter(|step| step.action == Action::Wait).count();
    let needs: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
    // Four steps a node in a chain, the hub's one, and one need per dependency.
    assert_eq!((waits, needs), (1, 600 * 3 + 600));
}

#[test]
fn faults_of_rules_name_their_place() {
    let cases = [
        ("format: 2", "format: expected 1, found number"),
        ("format: 1\nnodes: {}", "nodes: expected a list, found map"),
        ("format: 1\nnode: []", "node: expected no such key, found it"),
        (
            "format: 1\nnodes:\n- create:\n  - {}",
            "nodes.0.create.0.call: expected a value, found nothing",
        ),
        (
            "format: 1\nnodes:\n- create: [ { set: a }, { call: a } ]",
            "nodes.0.create.1: expected a name no other entry has, found `a`",
        ),
        (
            "format: 1\nrelationships:\n- create: [ { call: a, after: { relationship: b } }, { call: b } ]",
            "relationships.0.create.0: expected an earlier entry, found `b`",
        ),
        (
            "format: 1\nrelationships:\n- create: [ { call: a, at: middle } ]",
            "relationships.0.create.0.at: expected source or target, found middle",
        ),
        (
            "format: 1\nnodes:\n- create: [ { call: a, after: { source: end } } ]",
            "nodes.0.create.0.after: expected no such key, found it",
        ),
        (
            "format: 1\ndefaults: { on_failure: cry }",
            "defaults.on_failure: expected stop, continue or undo, found cry",
        ),
        ("format: 1\ndeletions_first: 1", "deletions_first: expected true or false, found number"),
        ("format: 1\nnodes: [ 1 ]", "nodes.0: expected a map, found number"),
        ("format: 1\nprofile: 1", "profile: expected a name, found number"),
        ("format: 1\nprofile: ''", "profile: expected a name, found ``"),
        ("format: 1\ndefaults: { more: 1 }", "defaults.more: expected no such key, found it"),
        (
            "format: 1\ndefaults: { timeout: x }",
            "defaults.timeout: expected a natural number, found `x`",
        ),
        (
            "format: 1\ndefaults: { retries: 4294967296 }",
            "defaults.retries: expected a number below 2^32, found 4294967296",
        ),
        ("format: 1\nnodes:\n- types: [ 1 ]", "nodes.0.types: expected a name, found number"),
        (
            "format: 1\nnodes:\n- create: [ { call: begin } ]",
            "nodes.0.create.0: expected a name no other entry has, found `begin`",
        ),
        (
            "format: 1\ndependencies:\n- create: { target: a }",
            "dependencies.0.create.target: expected no such key, found it",
        ),
        (
            "format: 1\nrelationships:\n- create: [ { call: a, before: { relationship: b } } ]",
            "relationships.0.create.0.before.relationship: expected no such key, found it",
        ),
        (
            "format: 1\nrelationships:\n- fetch: [ Image ]",
            "relationships.0.fetch: expected no such key, found it",
        ),
        ("format: 1\nartifacts:\n- { cid: [] }", "artifacts.0.cid: expected a name, found list"),
    ];
    let entries = |count: usize| {
        let entries: Vec<String> = (0..count).map(|at| format!("{{ set: s{at} }}")).collect();
        format!("format: 1\nnodes:\n- create: [ {} ]", entries.join(", "))
    };
    common::rules(&entries(200));
    let many = entries(201);
    let many = (many.as_str(), "nodes.0.create: expected at most 200 entries, found 201");
    for (text, expected) in cases.into_iter().chain([many]) {
        let value = koinon_tosca::read_inputs("weaving.yaml", text.as_bytes()).unwrap();
        let error = Rules::from_value(&value.into_iter().collect()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
