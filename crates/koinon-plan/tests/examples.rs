//! Small graphs whose plans are known.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[expect(dead_code, reason = "the properties use all of it")]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation::Artifact;
use koinon_model::representation::AttributePath;
use koinon_model::representation::ElementId;
use koinon_model::representation::Implementation;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Operation;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_model::representation::Unresolved;
use koinon_model::sha256;
use koinon_plan::Action;
use koinon_plan::Class;
use koinon_plan::Plan;
use koinon_plan::PlanError;
use koinon_plan::Rules;

const HOSTED: &str = "tosca.relationships.HostedOn";
const CONNECTS: &str = "tosca.relationships.ConnectsTo";
const KOINON: &str = include_str!("../../../profiles/koinon/1.0/weaving.yaml");

fn app(template: &str, operations: &[&str], value: i64) -> Node {
    let value = Value::from(value);
    let interfaces = common::interface("Standard", common::STANDARD, operations, &value);
    common::node(template, "App", &value, interfaces)
}

fn link(ends: [&str; 3], of_type: &str, operations: &[&str]) -> Relationship {
    let interfaces = common::interface("Configure", common::CONFIGURE, operations, &Value::from(0));
    common::relationship(ends, 0, of_type, interfaces)
}

/// The steps as lines `LEVEL NAME ACTION <- NEEDS`, needs by their lines.
fn lines(plan: &Plan) -> String {
    let names = names(plan);
    let place: BTreeMap<_, _> =
        plan.steps.iter().enumerate().map(|(at, step)| (step.id, at)).collect();
    let mut text = String::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let name = step.element.map_or("", |id| names[&id].as_str());
        let needs: Vec<String> = step.needs.iter().map(|need| place[need].to_string()).collect();
        let undo: Vec<String> = step.undo.iter().map(word).collect();
        let undo =
            if undo.is_empty() { String::new() } else { format!(" undo {}", undo.join(", ")) };
        text.push_str(&format!(
            "{at}: {} {name} {} <- {}{undo}\n",
            step.level,
            word(&step.action),
            needs.join(" ")
        ));
    }
    text
}

fn word(action: &Action) -> String {
    match action {
        Action::Call(call) => call.operation.to_string(),
        Action::SetState(state) => format!("={state}"),
        Action::Fetch(file) => format!("fetch {}", file.cid.as_deref().unwrap_or("without a CID")),
        Action::Wait => "wait".to_owned(),
    }
}

fn names(plan: &Plan) -> BTreeMap<ElementId, String> {
    let mut names = BTreeMap::new();
    for element in &plan.elements {
        let name = match &element.place {
            koinon_plan::Place::Node { template, .. } => template.to_string(),
            koinon_plan::Place::Relationship { source, requirement, .. } => {
                format!("{}.{requirement}", names[source])
            }
        };
        names.insert(element.id, name);
    }
    names
}

fn two() -> Representation {
    let all = ["create", "configure", "start", "stop", "delete"];
    let nodes = vec![app("host", &["create", "delete"], 1), app("web", &all, 1)];
    let operations = ["pre_configure_source", "add_source", "remove_source"];
    common::representation(nodes, vec![link(["web", "host", "host"], HOSTED, &operations)])
}

#[test]
fn operations_are_woven_as_the_simple_profile_says() {
    let plan = Plan::between(None, &two(), &common::simple()).unwrap();
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 host =creating <-  undo =initial
1: 1 host create <- 0 undo delete
2: 2 host =created <- 1 undo =creating
3: 3 host =started <- 2 undo =created
4: 4 web =creating <- 3 undo =initial
5: 5 web create <- 4 undo delete
6: 6 web =created <- 5 undo =creating
7: 6 web.host pre_configure_source <- 5
8: 7 web =configuring <- 6 undo =created
9: 8 web configure <- 8 7
10: 9 web =configured <- 9 undo =configuring
11: 10 web =starting <- 10 undo =configured
12: 11 web start <- 11 undo stop
13: 12 web =started <- 12 undo =starting
14: 13 web.host add_source <- 3 13 undo remove_source
"#);
}

#[test]
fn the_way_back_is_reversed() {
    let nothing = Representation { service: "service".into(), ..Representation::default() };
    let plan = Plan::between(Some(&two()), &nothing, &common::simple()).unwrap();
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 web =stopping <-  undo =started
1: 0 web.host remove_source <-  undo add_source
2: 1 web stop <- 0 1 undo start
3: 2 web =deleting <- 2 undo =stopping
4: 3 web delete <- 3 undo create, configure
5: 4 host =deleting <- 4 1 undo =started
6: 5 host delete <- 5 undo create
"#);
}

#[test]
fn the_json_is_as_documented() {
    let mut graph = two();
    graph.nodes.retain(|node| &*node.template == "host");
    graph.relationships.clear();
    graph.nodes[0].operator = Some("alice".into());
    let plan = Plan::between(None, &graph, &common::simple()).unwrap();
    let pretty: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&pretty).unwrap(), @r#"
{
  "elements": [
    {
      "class": "novel",
      "id": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a8c977",
      "index": 0,
      "operator": "alice",
      "service": "service",
      "template": "host",
      "type": "App"
    }
  ],
  "format": 1,
  "new": "0x65a2be00796b1b03d693d8acb9f7ff3168398ac833255fc5df80c648cd1346d7",
  "steps": [
    {
      "action": {
        "set_state": "creating"
      },
      "element": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a8c977",
      "id": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80101",
      "key": "0x836e2244839a40746aeaac01f7e30efa3c6a13b473e92b2313a475d01fc6a499",
      "level": 0,
      "operator": "alice",
      "reason": "novel",
      "undo": [
        {
          "set_state": "initial"
        }
      ]
    },
    {
      "action": {
        "artifact": {
          "file": "create.sh"
        },
        "executor": "tosca.artifacts.Implementation.Bash",
        "inputs": {
          "value": {
            "value": 1
          }
        },
        "interface": "Standard",
        "on_failure": "stop",
        "operation": "create",
        "retries": 0,
        "timeout": 3600
      },
      "element": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a8c977",
      "id": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80102",
      "key": "0x836e2244839a40746aeaac01f7e30efa3c6a13b473e92b2313a475d01fc6a49a",
      "level": 1,
      "needs": [
        "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80101"
      ],
      "operator": "alice",
      "reason": "novel",
      "undo": [
        {
          "artifact": {
            "file": "delete.sh"
          },
          "executor": "tosca.artifacts.Implementation.Bash",
          "inputs": {
            "value": {
              "value": 1
            }
          },
          "interface": "Standard",
          "on_failure": "stop",
          "operation": "delete",
          "retries": 0,
          "timeout": 3600
        }
      ]
    },
    {
      "action": {
        "set_state": "created"
      },
      "element": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a8c977",
      "id": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80103",
      "key": "0x836e2244839a40746aeaac01f7e30efa3c6a13b473e92b2313a475d01fc6a49b",
      "level": 2,
      "needs": [
        "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80102"
      ],
      "operator": "alice",
      "reason": "novel",
      "undo": [
        {
          "set_state": "creating"
        }
      ]
    },
    {
      "action": {
        "set_state": "started"
      },
      "element": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a8c977",
      "id": "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80109",
      "key": "0x836e2244839a40746aeaac01f7e30efa3c6a13b473e92b2313a475d01fc6a491",
      "level": 3,
      "needs": [
        "0xc4554c1b0dfa82b0988b1f706ed6a159cfe9d922aec433922216d4bfc0a80103"
      ],
      "operator": "alice",
      "reason": "novel",
      "undo": [
        {
          "set_state": "created"
        }
      ]
    }
  ]
}
"#);
    assert_eq!(plan.digest(), sha256(plan.to_json().as_bytes()));
    let call = plan.steps.iter().find(|step| matches!(step.action, Action::Call(_))).unwrap();
    assert!(plan.to_json().contains(&format!("\"key\":\"{:#x}\"", plan.key(call.id))));
}

#[test]
fn a_changed_property_is_shown_by_path_and_configured() {
    let old = two();
    let mut new = two();
    let value = Value::from([("a", Value::from(1)), ("b", Value::from([("c", Value::from(2))]))]);
    let other = Value::from([("b", Value::from([("c", Value::from(3))])), ("d", Value::from(4))]);
    let mut old = old;
    for (graph, value) in [(&mut old, value), (&mut new, other)] {
        let property = graph.nodes[1].properties.get_mut("value").unwrap();
        property.value = Term::Known(Arc::new(value));
    }
    let plan = Plan::between(Some(&old), &new, &common::simple()).unwrap();
    let web = plan.elements.iter().find(|element| element.class == Class::Modified).unwrap();
    let changes: Vec<String> = web
        .changes
        .iter()
        .map(|change| {
            let show = |term: &Option<Term>| match term {
                Some(Term::Known(value)) => value.to_json(),
                Some(Term::Pending(_)) => "pending".to_owned(),
                None => "-".to_owned(),
            };
            format!(
                "{}: {} -> {}",
                change.path.join("."),
                show(&change.before),
                show(&change.after)
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            "properties.value.a: 1 -> -",
            "properties.value.b.c: 2 -> 3",
            "properties.value.d: - -> 4"
        ]
    );
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 web =configuring <-  undo =started
1: 1 web configure <- 0 undo configure
2: 2 web =started <- 1 undo =configuring
"#);
}

#[test]
fn where_things_are_written_is_no_difference() {
    let mut moved = two();
    for node in &mut moved.nodes {
        for property in node.properties.values_mut() {
            let origin = koinon_model::representation::Origin { file: 0, line: 9, column: 9 };
            property.origin = Some(origin);
        }
    }
    assert!(Plan::between(Some(&two()), &moved, &common::simple()).unwrap().is_empty());
}

#[test]
fn what_is_hosted_goes_with_its_host() {
    let mut new = two();
    new.nodes[0].node_type = "tosca.nodes.Root".into();
    let plan = Plan::between(Some(&two()), &new, &common::simple()).unwrap();
    let host = new.nodes[0].id;
    let why: Vec<_> = plan
        .elements
        .iter()
        .map(|element| (element.class, element.replaced, element.replaced_with))
        .collect();
    assert_eq!(
        why,
        [
            (Class::Modified, true, None),
            (Class::Modified, true, Some(host)),
            (Class::Modified, true, Some(new.nodes[1].id)),
        ]
    );
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 web =stopping <-  undo =started
1: 0 web.host remove_source <-  undo add_source
2: 1 web stop <- 0 1 undo start
3: 2 web =deleting <- 2 undo =stopping
4: 3 web delete <- 3 undo create, configure
5: 4 host =deleting <- 4 1 undo =started
6: 5 host delete <- 5 undo create
7: 6 host =creating <- 6 undo =deleting
8: 7 host create <- 7 undo delete
9: 8 host =created <- 8 undo =creating
10: 9 host =started <- 9 undo =created
11: 10 web =creating <- 10 undo =deleting
12: 11 web create <- 11 undo delete
13: 12 web =created <- 12 undo =creating
14: 12 web.host pre_configure_source <- 12
15: 13 web =configuring <- 13 undo =created
16: 14 web configure <- 15 14
17: 15 web =configured <- 16 undo =configuring
18: 16 web =starting <- 17 undo =configured
19: 17 web start <- 18 undo stop
20: 18 web =started <- 19 undo =starting
21: 19 web.host add_source <- 10 20 undo remove_source
"#);
}

#[test]
fn cycles_are_shown() {
    let nodes = || vec![app("a", &[], 1), app("b", &[], 1), app("c", &[], 1)];
    let links = vec![
        link(["a", "host", "b"], HOSTED, &[]),
        link(["b", "uses", "c"], CONNECTS, &["add_source"]),
        link(["c", "needs", "a"], CONNECTS, &[]),
    ];
    let cycle = |graph: &Representation| match Plan::between(None, graph, &common::simple()) {
        Err(error) => error.to_string(),
        Ok(plan) => panic!("{plan:?}"),
    };
    assert_eq!(
        cycle(&common::representation(nodes(), links.clone())),
        "dependencies form a cycle: a -[host]-> b -[uses]-> c -[needs]-> a"
    );
    let own = vec![link(["b", "host", "b"], HOSTED, &[])];
    assert_eq!(
        cycle(&common::representation(nodes(), own)),
        "dependencies form a cycle: b -[host]-> b"
    );
    // What runs in a cycle can still be taken away only if somebody breaks it.
    let graph = common::representation(nodes(), links);
    let nothing = Representation::default();
    let error = Plan::between(Some(&graph), &nothing, &common::simple()).unwrap_err();
    assert_eq!(error, PlanError::Cycle("a -[host]-> b -[uses]-> c -[needs]-> a".to_owned()));
}

#[test]
fn what_is_unresolved_or_leads_nowhere_has_no_plan() {
    let mut graph = two();
    graph.unresolved = vec![Unresolved {
        source: graph.nodes[1].id,
        requirement: "host".into(),
        index: 0,
        reason: "no candidate".to_owned(),
    }];
    let error = Plan::between(None, &graph, &common::simple()).unwrap_err().to_string();
    let id = graph.nodes[1].id;
    assert_eq!(error, format!("requirement `host` of {id} is not fulfilled: no candidate"));
    let mut graph = two();
    graph.relationships[0].target = ElementId::node("service", "nobody", 0);
    let dangling = graph.relationships[0].id;
    let error = Plan::between(None, &graph, &common::simple()).unwrap_err();
    assert_eq!(error, PlanError::Dangling(dangling));
}

/// Three hundred before and after a node without steps: needs stay as many as there are dependencies.
#[test]
fn needs_stay_linear() {
    let operations: &[&str] = &["create"];
    let (mut nodes, mut links) = (vec![app("hub", &[], 0)], Vec::new());
    nodes[0].node_type = "Plain".into();
    for at in 0..300 {
        let (below, above) = (format!("a{at:03}"), format!("z{at:03}"));
        nodes.push(app(&below, operations, 0));
        nodes.push(app(&above, operations, 0));
        let mut down = link(["hub", "uses", &below], CONNECTS, &[]);
        down.index = at;
        down.id = ElementId::relationship(down.source, "uses", at);
        links.push(down);
        links.push(link([&above, "host", "hub"], HOSTED, &[]));
    }
    let plan =
        Plan::between(None, &common::representation(nodes, links), &common::simple()).unwrap();
    let waits = plan.steps.iter().filter(|step| step.action == Action::Wait).count();
    let needs: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
    // Four steps a node in a chain, the hub's one, and one need per dependency.
    assert_eq!((waits, needs), (1, 600 * 3 + 600));
}

#[test]
fn a_call_waits_for_the_attribute_it_is_given() {
    let mut nodes = vec![app("a", &["start"], 0), app("b", &["create"], 0)];
    let set = AttributePath {
        element: None,
        capability: None,
        attribute: "address".into(),
        path: Vec::new(),
    };
    let id = nodes[0].id.to_string();
    let get = Value::List(vec![Value::string(&id), Value::string("address")]);
    let start = |node: &mut Node, change: &dyn Fn(&mut Operation)| {
        let mut interface = (*node.interfaces["Standard"]).clone();
        interface.operations.values_mut().for_each(change);
        node.interfaces.insert("Standard".into(), Arc::new(interface));
    };
    start(&mut nodes[0], &|one| drop(one.outputs.insert("ip".into(), set.clone())));
    start(&mut nodes[1], &|one| {
        let expression = Value::from([("$get_attribute", get.clone())]);
        one.inputs.insert("peer".into(), Term::Pending(Arc::new(expression)));
    });
    let graph = common::representation(nodes.clone(), Vec::new());
    let plan = Plan::between(None, &graph, &common::simple()).unwrap();
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 a =starting <-  undo =initial
1: 0 b =creating <-  undo =initial
2: 1 a start <- 0
3: 2 a =started <- 2 undo =starting
4: 2 b create <- 2 1
5: 3 b =created <- 4 undo =creating
6: 4 b =started <- 5 undo =created
"#);
    let back = common::representation(nodes, vec![link(["a", "uses", "b"], CONNECTS, &[])]);
    let error = Plan::between(None, &back, &common::simple()).unwrap_err();
    assert_eq!(error, PlanError::Cycle("a -[uses]-> b -[$get_attribute]-> a".to_owned()));
}

#[test]
fn operations_that_do_nothing_are_as_good_as_not_there() {
    let mut old = two();
    let nothing = Operation { implementation: None, ..Operation::default() };
    for node in &mut old.nodes {
        let mut interface = (*node.interfaces["Standard"]).clone();
        interface.notifications.insert("moved".into(), nothing.clone());
        interface.operations.insert("wait".into(), nothing.clone());
        node.interfaces.insert("Standard".into(), Arc::new(interface.clone()));
        interface.operations.retain(|name, _| &**name == "wait");
        node.interfaces.insert("Other".into(), Arc::new(interface));
    }
    assert!(Plan::between(Some(&old), &two(), &common::simple()).unwrap().is_empty());
    assert!(Plan::between(Some(&two()), &old, &common::simple()).unwrap().is_empty());
}

#[test]
fn inner_services_begin_and_end_within_the_node_they_stand_for() {
    let mut graph = two();
    let inner =
        Node { id: ElementId::node("service/host/0", "vm", 0), ..app("vm", &["create"], 0) };
    let service = "service/host/0".into();
    let types = graph.types.clone();
    let inner = Representation { service, types, nodes: vec![inner], ..Representation::default() };
    graph.nodes[0].interfaces.clear();
    graph.relationships[0].interfaces.clear();
    graph.substitutions = [(graph.nodes[0].id, inner)].into();
    let plan = Plan::between(None, &graph, &common::simple()).unwrap();
    insta::assert_snapshot!(lines(&plan), @r#"
0: 0 vm =creating <-  undo =initial
1: 1 vm create <- 0
2: 2 vm =created <- 1 undo =creating
3: 3 vm =started <- 2 undo =created
4: 4 host =started <- 3 undo =initial
5: 5 web =creating <- 4 undo =initial
6: 6 web create <- 5 undo delete
7: 7 web =created <- 6 undo =creating
8: 8 web =configuring <- 7 undo =created
9: 9 web configure <- 8
10: 10 web =configured <- 9 undo =configuring
11: 11 web =starting <- 10 undo =configured
12: 12 web start <- 11 undo stop
13: 13 web =started <- 12 undo =starting
"#);
}

#[test]
fn koinon_workers_are_replaced_by_whoever_runs_them() {
    let rules = common::rules(KOINON).and(common::simple());
    let worker = |operator: &str, cid: &str| {
        let image = Artifact {
            artifact_type: "org.koinon:1.0:Image".into(),
            file: "worker".into(),
            repository: None,
            version: None,
            checksum: None,
            properties: [
                ("cid".into(), Term::Known(Arc::new(Value::string(cid)))),
                ("bytes".into(), Term::Known(Arc::new(Value::from(7)))),
            ]
            .into(),
        };
        let mut node =
            common::node("worker", "org.koinon:1.0:Worker", &Value::Null, Interfaces::new());
        node.operator = Some(operator.into());
        node.artifacts = [("program".into(), Arc::new(image))].into();
        let types = ["org.koinon:1.0:Worker", "org.koinon:1.0:Image"];
        Representation {
            types: types.map(|name| (name.into(), Vec::new())).into(),
            ..common::representation(vec![node], Vec::new())
        }
    };
    let plan = Plan::between(Some(&worker("alice", "a")), &worker("bob", "a"), &rules).unwrap();
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.operator.as_deref().unwrap(), word(&step.action)))
        .collect();
    let [fetch, absent, running] = ["fetch a", "=absent", "=running"].map(ToOwned::to_owned);
    assert_eq!(steps, [("bob", fetch), ("alice", absent), ("bob", running)]);
    assert_eq!(plan.steps[1].needs, []);
    let plan = Plan::between(Some(&worker("bob", "a")), &worker("bob", "b"), &rules).unwrap();
    let path = ["artifacts", "program", "properties", "cid", "value"];
    assert_eq!(*plan.elements[0].changes[0].path, path.map(Arc::from));
    // What runs goes once its successor's file is there.
    let [fetch, absent, running] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    assert_eq!(word(&fetch.action), "fetch b");
    assert_eq!((&absent.needs, &running.needs), (&vec![fetch.id], &vec![absent.id]));
    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(
        json["steps"][0]["action"].to_string(),
        r#"{"fetch":{"cid":"b","file":"worker","size":7}}"#
    );
}

#[test]
fn files_have_the_cid_and_size_their_types_keep() {
    let rules = "format: 1\nnodes:\n- types: App\n  interfaces: '*'\n  create:\n  - { call: create, timeout: 9, retries: 2, on_failure: continue }\nartifacts:\n- { types: Image, cid: id, size: bytes }\n";
    let rules = common::rules(rules);
    let mut node = app("a", &["create"], 0);
    let mut interface = (*node.interfaces["Standard"]).clone();
    let image = Artifact {
        artifact_type: "Image".into(),
        file: "image.qcow2".into(),
        repository: None,
        version: None,
        checksum: Some(("SHA-256".into(), "00ff".into())),
        properties: [
            ("id".into(), Term::Known(Arc::new(Value::string("bafy")))),
            ("bytes".into(), Term::Known(Arc::new(Value::from(42)))),
        ]
        .into(),
    };
    let operation = interface.operations.get_mut("create").unwrap();
    operation.implementation =
        Some(Implementation { primary: Some(Arc::new(image)), ..Implementation::default() });
    node.interfaces.insert("Standard".into(), Arc::new(interface));
    let graph = common::representation(vec![node], Vec::new());
    let plan = Plan::between(None, &graph, &rules).unwrap();
    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(
        json["steps"][0]["action"].to_string(),
        concat!(
            r#"{"artifact":{"checksum":"00ff","checksum_algorithm":"SHA-256","cid":"bafy","file":"image.qcow2","#,
            r#""size":42},"executor":"Image","inputs":{"value":{"value":0}},"interface":"Standard","#,
            r#""on_failure":"continue","operation":"create","retries":2,"timeout":9}"#
        )
    );
}

#[test]
fn a_workflow_of_the_service_inside_does_an_operation() {
    let rules = "format: 1\nnodes:\n- types: App\n  interfaces: '*'\n  create:\n  - { call: create }\n  - { call: start }\n";
    let mut node = app("a", &["create", "start"], 0);
    let mut interface = (*node.interfaces["Standard"]).clone();
    let create = interface.operations.get_mut("create").unwrap();
    (create.implementation, create.workflow) = (None, Some("deploy".into()));
    interface.operations.get_mut("start").unwrap().implementation = None;
    node.interfaces.insert("Standard".into(), Arc::new(interface));
    let graph = common::representation(vec![node], Vec::new());
    let plan = Plan::between(None, &graph, &common::rules(rules)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), 1);
    assert_eq!(json["steps"][0]["action"]["workflow"], "deploy");
}

#[test]
fn faults_of_rules_are_named_by_their_place() {
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
    ];
    for (text, expected) in cases {
        let value = koinon_tosca::read_inputs("weaving.yaml", text.as_bytes()).unwrap();
        let error = Rules::from_value(&value.into_iter().collect()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
