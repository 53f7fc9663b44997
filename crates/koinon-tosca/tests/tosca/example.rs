//! The sharding network of `examples`: compiled, split, joined and instantiated.

use std::collections::BTreeMap;
use std::time::Instant;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::DealMember;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::JsonLimits;
use koinon_model::Module;
use koinon_model::NodeSet;
use koinon_model::Object;
use koinon_model::Port;
use koinon_model::Protocol;
use koinon_model::RestartPolicy;
use koinon_model::Revision;
use koinon_model::Service;
use koinon_model::Slot;
use koinon_model::Value;
use koinon_tosca::Code;
use koinon_tosca::JoinError;
use koinon_tosca::ServiceOpenError;
use koinon_tosca::compile;
use koinon_tosca::compile_document;
use koinon_tosca::instantiate;
use koinon_tosca::join;
use koinon_tosca::open;
use koinon_tosca::read_inputs;
use koinon_tosca::split;
use koinon_tosca::to_json;
use koinon_tosca::to_yaml;
use koinon_tosca::validate;

const TEMPLATE: &str = include_str!("../../../../examples/sharding-network/template.yaml");
const TEMPLATE_1_3: &str = include_str!("../../../../examples/sharding-network/template-1.3.yaml");
const PAPER: &str = include_str!("../../../../examples/sharding-network/paper.yaml");
const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

fn files() -> BTreeMap<String, String> {
    BTreeMap::from([("template.yaml".to_owned(), TEMPLATE.to_owned())])
}

/// Reads a file of inputs, and adds the values that `koinon up` adds.
fn inputs(file: &str) -> BTreeMap<String, Value> {
    let mut inputs = match file {
        "" => BTreeMap::new(),
        text => read_inputs("paper.yaml", text.as_bytes()).unwrap(),
    };
    let pem =
        |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
    let names = ["alice", "bob", "carol", "dave"];
    let certificates = names.map(|name| (name, Value::string(&pem(name))));
    inputs.insert("certificates".to_owned(), certificates.into());
    inputs.insert("worker_image".to_owned(), CID.into());
    inputs
}

fn service(file: &str) -> Service {
    compile(&files(), "template.yaml", &inputs(file)).unwrap_or_else(|error| panic!("{error}"))
}

fn account(index: usize) -> Address {
    Address::with_last_byte(u8::try_from(index + 1).unwrap())
}

/// Deals the service's slots to its operators, with `factor` times the units of their stakes.
fn allocation(service: &Service, factor: u32) -> (Allocation, BTreeMap<Address, String>) {
    let operators = service.operators.values().enumerate();
    let members = operators.clone().map(|(index, operator)| DealMember {
        account: account(index),
        units: u32::try_from(operator.stake / 100).unwrap() * factor,
        banned: [].into(),
    });
    let sets = service.sets.iter().map(|set| set.resolve(&service.parameters).unwrap());
    let allocation =
        Allocation::deal(B256::repeat_byte(7), members.collect(), sets.collect()).unwrap();
    let names = operators.map(|(index, operator)| (account(index), operator.name.clone()));
    (allocation, names.collect())
}

fn instance(service: &Service, factor: u32) -> Instance {
    let (allocation, names) = allocation(service, factor);
    let result = instantiate(service, &allocation, &names, Revision(3), Epoch(2));
    result.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_check_accepts_missing_inputs_and_a_compile_rejects_them() {
    assert_eq!(
        validate(&files(), "template.yaml", &BTreeMap::new())
            .map(|_| ())
            .map_err(|error| error.to_string()),
        Ok(())
    );
    let diagnostics = compile(&files(), "template.yaml", &BTreeMap::new()).unwrap_err();
    let found: Vec<(Code, &str)> =
        diagnostics.iter().map(|one| (one.code, one.message.as_str())).collect();
    assert_eq!(
        found,
        [
            (Code::MissingInput, "input `worker_image` has no value"),
            (Code::MissingInput, "input `certificates` has no value"),
        ]
    );
    let hints = &diagnostics.iter().next().unwrap().hints;
    assert_eq!(
        *hints,
        ["give it with `--input worker_image=VALUE`, or in a file with `--inputs FILE`"]
    );
}

#[test]
fn the_example_has_the_facts_of_its_template() {
    let service = service("");
    assert_eq!(service.name, "myDapp");
    let operators: Vec<(&str, &str, u64)> = service
        .operators
        .iter()
        .map(|(template, operator)| (template.as_str(), operator.name.as_str(), operator.stake))
        .collect();
    assert_eq!(
        operators,
        [
            ("alice", "alice@myDapp", 1000),
            ("bob", "bob@myDapp", 800),
            ("carol", "carol@myDapp", 600),
            ("dave", "dave@myDapp", 400)
        ]
    );
    let certificate = service.operators["bob"].certificate.as_deref();
    assert_eq!(certificate, Some("-----BEGIN CERTIFICATE-----\nbob\n-----END CERTIFICATE-----\n"));
    let sets: Vec<NodeSet> =
        service.sets.iter().map(|set| set.resolve(&service.parameters).unwrap()).collect();
    assert_eq!(sets, [NodeSet { name: "worker".parse().unwrap(), groups: 4, size: 5 }]);
    assert_eq!(service.parameters[&"stake_threshold".parse().unwrap()], 100);
    assert_eq!(service.parameters.len(), 13);
    assert_eq!(service.inputs["block_interval"], "0.25 s".into());
    assert_eq!((service.governance.voting_period, service.governance.quorum), (20, 50));
    assert!(service.bans.is_empty() && service.permissions.is_empty());
}

#[test]
fn compiling_a_canonical_document_gives_the_same_service() {
    for file in ["", PAPER] {
        let service = service(file);
        let again = compile_document(&service.document).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, service);
        let yaml = BTreeMap::from([("x.yaml".to_owned(), to_yaml(&service.document))]);
        assert_eq!(compile(&yaml, "x.yaml", &BTreeMap::new()).unwrap(), service);
        let json = to_json(&service.document);
        assert!(json.starts_with("{\"tosca_definitions_version\":\"tosca_2_0\",\"description\""));
        assert_eq!(
            Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap(),
            service.document
        );
        let json = BTreeMap::from([("x.json".to_owned(), json)]);
        assert_eq!(compile(&json, "x.json", &BTreeMap::new()).unwrap(), service);
    }
}

#[test]
fn merged_keys_do_not_replace_existing_keys() {
    let text = "a: &a { x: 1, y: 1 }\nb: &b { x: 2, z: 2 }\nc: { <<: [ *a, *b ], y: 3 }\nd: *a\n";
    let inputs = read_inputs("x.yaml", text.as_bytes()).unwrap();
    let map =
        |entries: [(&str, i64); 3]| Value::from(entries.map(|(key, value)| (key, value.into())));
    assert_eq!(inputs["c"], map([("x", 1), ("y", 3), ("z", 2)]));
    assert_eq!(inputs["d"], inputs["a"]);
}

#[test]
fn an_optional_input_is_a_parameter_only_with_a_value() {
    let text = TEMPLATE
        .replace("type: integer\n      default: 2\n", "type: integer\n      required: false\n");
    let text = text.replace("{ $get_input: voting_delay }", "3");
    let files = BTreeMap::from([("template.yaml".to_owned(), text)]);
    let mut inputs = inputs("");
    let without = compile(&files, "template.yaml", &inputs).unwrap();
    assert_eq!(without.parameters.get(&"voting_delay".parse().unwrap()), None);
    assert_eq!(open(&split(&without)).unwrap(), without);
    inputs.insert("voting_delay".to_owned(), 5.into());
    let with = compile(&files, "template.yaml", &inputs).unwrap();
    assert_eq!(with.parameters[&"voting_delay".parse().unwrap()], 5);
    assert_eq!(open(&split(&with)).unwrap(), with);
}

#[test]
fn json_begins_with_the_version() {
    let braces = Value::from([
        ("a", Value::Map(BTreeMap::new())),
        ("tosca_definitions_version", Value::Map(BTreeMap::new())),
    ]);
    assert_eq!(to_json(&braces), r#"{"tosca_definitions_version":{},"a":{}}"#);
    assert_eq!(to_json(&Value::from([("a", 1.into())])), r#"{"a":1}"#);
}

#[test]
fn split_objects_join_to_the_same_document() {
    let service = service("");
    let content = split(&service);
    let paths: Vec<String> =
        content.objects.keys().map(|(module, path)| format!("{module}/{path}")).collect();
    let expected = include_str!("example.paths");
    assert_eq!(paths.join("\n") + "\n", expected);
    content.check().unwrap();
    // The values of integer inputs are parameters, not part of objects.
    let shards = &content.objects[&(Module::Core, "inputs/shards".to_owned())];
    assert_eq!(shards.value().get("default"), None);
    let interval = &content.objects[&(Module::Core, "inputs/block_interval".to_owned())];
    assert_eq!(interval.value().get("default"), Some(&"250 ms".into()));
    assert_eq!(join(&content).unwrap(), service.document);
    assert_eq!(open(&content).unwrap(), service);
}

#[test]
fn a_change_has_only_edits_of_differing_objects() {
    let (small, paper) = (split(&service("")), split(&service(PAPER)));
    let change = small.change_to(&paper);
    let paths: Vec<&str> = change.edits.iter().map(|edit| edit.path.as_str()).collect();
    assert_eq!(paths, ["inputs/block_interval"]);
    let parameters: Vec<&str> = change.parameters.keys().map(|name| name.as_str()).collect();
    assert_eq!(
        parameters,
        [
            "quorum",
            "shards",
            "timelock",
            "unbonding",
            "voting_delay",
            "voting_period",
            "workers_per_shard"
        ]
    );
    assert_eq!(change.sets, None);
}

#[test]
fn content_that_is_not_a_service_is_rejected() {
    let good = split(&service(""));
    let key = |module, path: &str| (module, path.to_owned());
    let object = |value: Value| Object::new(value);
    let joined = |edit: &dyn Fn(&mut koinon_model::Content)| {
        let mut content = good.clone();
        edit(&mut content);
        join(&content).unwrap_err()
    };
    let place = |module, path: &str, value: Value| {
        let path = path.to_owned();
        joined(&move |content| {
            content.objects.insert((module, path.clone()), object(value.clone()));
        })
    };
    let empty = || Value::Map(BTreeMap::new());
    let unknown = |module, path: &str| JoinError::UnknownPath { module, path: path.to_owned() };
    let conflict = |module, path: &str| JoinError::Conflict { module, path: path.to_owned() };
    let cases = [
        (Module::Identity, "operators"),
        (Module::Identity, "node_templates/x"),
        (Module::Topology, "node_types/a/b"),
        (Module::Topology, "node_types/"),
        (Module::Templates, "inputs/x"),
        (Module::Security, "groups/x"),
        (Module::Core, "node_types"),
        (Module::Core, "service_template/inputs"),
        (Module::Core, ""),
        (Module::Artifacts, "worker"),
    ];
    for (module, path) in cases {
        let found = match path {
            // Join accepts any root key; the compiler rejects an unknown one.
            "" => continue,
            path => place(module, path, empty()),
        };
        assert_eq!(found, unknown(module, path));
    }
    assert_eq!(
        place(Module::Templates, "node_templates/alice", empty()),
        conflict(Module::Templates, "node_templates/alice")
    );
    assert_eq!(
        place(Module::Topology, "node_types", empty()),
        conflict(Module::Topology, "node_types/MyDappOperator")
    );
    assert_eq!(
        place(Module::Artifacts, "nobody/x", empty()),
        JoinError::NoNode { path: "nobody/x".to_owned() }
    );
    let no_map = joined(&|content| {
        content.objects.insert(key(Module::Templates, "node_templates/worker"), object(5.into()));
    });
    assert_eq!(
        no_map,
        JoinError::NotAMap { module: Module::Artifacts, path: "worker/vm_worker_image".to_owned() }
    );
    let parameter = joined(&|content| {
        content.parameters.insert("nothing".parse().unwrap(), 1);
    });
    assert_eq!(parameter, JoinError::NoInput("nothing".to_owned()));
}

#[test]
fn content_that_differs_from_its_objects_is_rejected() {
    let good = split(&service(""));
    let differs = |edit: &dyn Fn(&mut koinon_model::Content)| {
        let mut content = good.clone();
        edit(&mut content);
        match open(&content) {
            Err(ServiceOpenError::Differs(part)) => part,
            other => panic!("{other:?}"),
        }
    };
    // An admin of the topology module could change a blacklist there.
    let moved = differs(&|content| {
        let object = content.objects.remove(&(Module::Security, "policies/blacklists".to_owned()));
        content
            .objects
            .insert((Module::Topology, "policies/blacklists".to_owned()), object.unwrap());
    });
    assert_eq!(moved, "object topology/policies/blacklists");
    assert_eq!(differs(&|content| content.sets.clear()), "the list of node sets");
    let banned = differs(&|content| {
        content.bans.insert(koinon_model::Ban::Operator(B256::ZERO));
    });
    assert_eq!(banned, "the list of bans");
    let broken = {
        let mut content = good.clone();
        let key = (Module::Core, "inputs/shards".to_owned());
        content.objects.insert(key, Object::new(Value::from([("type", "string".into())])));
        open(&content)
    };
    assert!(matches!(broken, Err(ServiceOpenError::Compile(_))), "{broken:?}");
}

#[test]
fn an_instance_has_the_nodes_of_its_slots() {
    let service = service("");
    let instance = instance(&service, 1);
    assert_eq!(
        (instance.service.as_str(), instance.revision, instance.epoch),
        ("myDapp", Revision(3), Epoch(2))
    );
    assert_eq!(instance.nodes.len(), 20);
    let slot: Slot = "worker/2/3".parse().unwrap();
    let node = &instance.nodes[&slot];
    let (allocation, names) = allocation(&service, 1);
    let operator = allocation.filled(&slot).unwrap().operator;
    assert_eq!((node.operator, &node.operator_name), (operator, &names[&operator]));
    assert_eq!(
        (node.template.as_str(), node.node_type.as_str(), node.index),
        ("worker", "MyDappWorker", 13)
    );
    let environment = [("SHARD", "shard3"), ("WORKER", "13")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(node.environment, environment.into());
    assert_eq!(
        (node.arguments.as_slice(), node.restart),
        (["worker".to_owned()].as_slice(), RestartPolicy::Always)
    );
    assert_eq!(
        node.ports,
        [Port { name: "http".to_owned(), target: 12345, published: 0, protocol: Protocol::Tcp }]
    );
    assert_eq!(
        (node.probe.port.as_str(), node.probe.path.as_str(), node.probe.timeout),
        ("http", "/health", 2000)
    );
    let artifact = &node.artifacts[&node.program];
    assert_eq!(node.program, "vm_worker_image");
    assert_eq!(
        (artifact.cid.as_str(), artifact.file_name.as_str(), artifact.size),
        (CID, "myDappWorkerVM", None)
    );
    assert_eq!(artifact.artifact_type, "Image");
    assert!(node.properties.is_empty(), "{:?}", node.properties);
}

#[test]
fn published_ports_count_up_from_the_base_port() {
    let mut inputs = inputs("");
    inputs.insert("base_port".to_owned(), 12345.into());
    let service = compile(&files(), "template.yaml", &inputs).unwrap();
    let instance = instance(&service, 1);
    let ports: Vec<u16> = instance.nodes.values().map(|node| node.ports[0].published).collect();
    assert_eq!(ports, (12345..12365).collect::<Vec<u16>>());
}

#[test]
fn allocations_of_other_sets_or_unnamed_operators_are_rejected() {
    let service = service("");
    let sets = vec![NodeSet { name: "worker".parse().unwrap(), groups: 4, size: 6 }];
    let member = DealMember { account: account(0), units: 24, banned: [].into() };
    let allocation = Allocation::deal(B256::ZERO, vec![member.clone()], sets).unwrap();
    let other_sets =
        instantiate(&service, &allocation, &BTreeMap::new(), Revision(1), Epoch(1)).unwrap_err();
    let found: Vec<(Code, &str)> =
        other_sets.iter().map(|one| (one.code, one.message.as_str())).collect();
    assert_eq!(
        found,
        [(
            Code::Deal,
            "the allocation is for 4 x 6 nodes of `worker`, but the service has other node sets"
        )]
    );
    let sets = vec![NodeSet { name: "worker".parse().unwrap(), groups: 4, size: 5 }];
    let allocation = Allocation::deal(B256::ZERO, vec![member], sets).unwrap();
    let unnamed =
        instantiate(&service, &allocation, &BTreeMap::new(), Revision(1), Epoch(1)).unwrap_err();
    assert_eq!(unnamed.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::Deal]);
}

/// The paper's network has 20 shards of 250 nodes. Prints the times of its compile and instance.
#[test]
fn every_operator_has_equal_shares_of_the_shards_of_the_papers_network() {
    let start = Instant::now();
    let service = service(PAPER);
    let compiled = start.elapsed();
    let (allocation, names) = allocation(&service, 200);
    let start = Instant::now();
    let instance = instantiate(&service, &allocation, &names, Revision(1), Epoch(1)).unwrap();
    println!("compile {compiled:?}, instantiate {:?}", start.elapsed());
    assert_eq!(instance.nodes.len(), 5000);
    let last = &instance.nodes[&"worker/19/249".parse().unwrap()];
    assert_eq!((last.index, last.environment["SHARD"].as_str()), (4999, "shard20"));
    // An operator's numbers of workers in two shards differ by at most one.
    for index in 0..4 {
        let mut shards: BTreeMap<u32, usize> = BTreeMap::new();
        for slot in instance.clone().slice(account(index)).nodes.keys() {
            *shards.entry(slot.group).or_default() += 1;
        }
        let (min, max) = (shards.values().min().unwrap(), shards.values().max().unwrap());
        assert!(shards.len() == 20 && max - min <= 1, "{shards:?}");
    }
}

#[test]
fn a_diagnostic_shows_its_excerpt() {
    let text =
        TEMPLATE.replace("minimal_reputation: \"{{core.min_reputation}}\"", "minimal_reputaton: 5");
    let files = BTreeMap::from([("template.yaml".to_owned(), text)]);
    let diagnostics = validate(&files, "template.yaml", &BTreeMap::new()).unwrap_err();
    let expected = "\
error[K0104]: `minimal_reputaton` has only a value, but refines nothing that is inherited
  --> template.yaml:21:7
   |
21 |       minimal_reputaton: 5
   |       ^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `minimal_reputation`?";
    assert_eq!(diagnostics.to_string(), expected);
}

/// The documents of the two differ, and so do the places of values in their representations.
#[test]
fn the_example_in_1_3_has_the_same_facts_and_nodes() {
    let files = BTreeMap::from([("template.yaml".to_owned(), TEMPLATE_1_3.to_owned())]);
    for file in ["", PAPER] {
        let inputs = inputs(file);
        let compiled = compile(&files, "template.yaml", &inputs);
        let old = compiled.unwrap_or_else(|error| panic!("{error}"));
        let new = service(file);
        let facts = |one: &Service| Service { document: Value::Null, ..one.clone() };
        assert_eq!(facts(&old), facts(&new));
        assert_eq!(open(&split(&old)).unwrap(), old);
        let factor = if file.is_empty() { 1 } else { 200 };
        assert_eq!(instance(&old, factor).nodes, instance(&new, factor).nodes);
    }
}
