//! Properties of representations and their JSON.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::JsonLimits;
use koinon_model::Number;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation::Artifact;
use koinon_model::representation::AttributePath;
use koinon_model::representation::Candidates;
use koinon_model::representation::Capability;
use koinon_model::representation::Choice;
use koinon_model::representation::ChoiceReason;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Group;
use koinon_model::representation::Implementation;
use koinon_model::representation::Interface;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Operation;
use koinon_model::representation::Origin;
use koinon_model::representation::Policy;
use koinon_model::representation::PolicyVerdict;
use koinon_model::representation::Properties;
use koinon_model::representation::Property;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_model::representation::RepresentationError;
use koinon_model::representation::SourceFile;
use koinon_model::representation::Term;
use koinon_model::representation::Unresolved;
use koinon_model::sha256;
use proptest::collection::btree_map;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = Arc<str>> {
    "[a-e$.\"\\\\\n\u{e9}\u{1f600}]{1,3}".prop_map(Arc::from)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        Just(Value::Number(Number::parse("1.10").unwrap())),
        name().prop_map(|text| Value::string(&text)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            btree_map(name().prop_map(|name| name.to_string()), inner, 0..3).prop_map(Value::Map),
        ]
    })
}

fn values() -> impl Strategy<Value = BTreeMap<Arc<str>, Value>> {
    btree_map(name(), value(), 0..3)
}

fn term() -> impl Strategy<Value = Term> {
    (any::<bool>(), value()).prop_map(|(known, value)| {
        if known { Term::Known(Arc::new(value)) } else { Term::Pending(Arc::new(value)) }
    })
}

fn terms() -> impl Strategy<Value = BTreeMap<Arc<str>, Term>> {
    btree_map(name(), term(), 0..3)
}

fn properties() -> impl Strategy<Value = Properties> {
    let origin = option::of((0u32..3, any::<u32>(), any::<u32>()));
    let property = (term(), origin).prop_map(|(value, origin)| Property {
        value,
        origin: origin.map(|(file, line, column)| Origin { file, line, column }),
    });
    entries(property, 0..3)
}

fn entries<V: std::fmt::Debug>(
    entry: impl Strategy<Value = V>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = Entries<V>> {
    btree_map(name(), entry, size).prop_map(|entries| entries.into_iter().collect())
}

fn artifact() -> impl Strategy<Value = Arc<Artifact>> {
    let checksum = option::of((name(), name()));
    let parts = (name(), name(), option::of(name()), option::of(name()), checksum, terms());
    parts.prop_map(|(artifact_type, file, repository, version, checksum, properties)| {
        Arc::new(Artifact { artifact_type, file, repository, version, checksum, properties })
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let implementation =
        (option::of(artifact()), vec(artifact(), 0..2), option::of(0u64..9), option::of(name()));
    let implementation = implementation.prop_map(|(primary, dependencies, timeout, host)| {
        Implementation { primary, dependencies, timeout, host }
    });
    let path = (any::<Option<[u8; 32]>>(), option::of(name()), name(), vec(value(), 0..2));
    let path = path.prop_map(|(element, capability, attribute, path)| AttributePath {
        element: element.map(|bytes| ElementId(B256::from(bytes))),
        capability,
        attribute,
        path,
    });
    let inputs = btree_map(name(), term(), 0..2);
    (inputs, btree_map(name(), path, 0..2), option::of(implementation), option::of(name()))
        .prop_map(|(inputs, outputs, implementation, workflow)| Operation {
            inputs,
            outputs,
            implementation,
            workflow,
        })
}

fn interfaces() -> impl Strategy<Value = Interfaces> {
    let operations = || btree_map(name(), operation(), 0..2);
    let interface = (name(), operations(), operations()).prop_map(
        |(interface_type, operations, notifications)| {
            Arc::new(Interface { interface_type, operations, notifications })
        },
    );
    entries(interface, 0..2)
}

type NodeParts = (Properties, Properties, Entries<Arc<Capability>>, Interfaces);

fn node() -> impl Strategy<Value = Node> {
    let inner = option::of((any::<[u8; 32]>(), name()));
    let remaining = entries(value(), 0..3);
    let capability = (name(), properties(), properties(), remaining, inner).prop_map(
        |(capability_type, properties, attributes, remaining, inner)| {
            Arc::new(Capability {
                capability_type,
                properties,
                attributes,
                remaining,
                inner: inner.map(|(node, name)| (ElementId(B256::from(node)), name)),
            })
        },
    );
    let parts = (properties(), properties(), entries(capability, 0..2), interfaces());
    let more = (entries(artifact(), 0..2), vec(name(), 0..2), option::of(name()), 0usize..3);
    (parts, more).prop_map(
        |((properties, attributes, capabilities, interfaces), more): (NodeParts, _)| {
            let (artifacts, directives, operator, node_type) = more;
            Node {
                id: ElementId(B256::ZERO),
                template: "".into(),
                index: 0,
                node_type: ["A", "B", "C"][node_type].into(),
                directives,
                properties,
                attributes: Arc::new(attributes),
                capabilities,
                artifacts,
                interfaces,
                operator,
            }
        },
    )
}

fn relationship() -> impl Strategy<Value = (usize, usize, Relationship)> {
    let allocation = entries(value(), 0..3);
    let parts = (name(), properties(), properties(), interfaces(), allocation);
    (0usize..8, 0usize..8, parts, 0usize..7).prop_map(|(source, target, parts, why)| {
        let (capability, properties, attributes, interfaces, allocation) = parts;
        let why = [
            ChoiceReason::Named,
            ChoiceReason::Only,
            ChoiceReason::First,
            ChoiceReason::Index,
            ChoiceReason::Seed,
            ChoiceReason::Mapping,
            ChoiceReason::Allocation,
        ][why];
        let seed = (why == ChoiceReason::Seed).then_some(B256::repeat_byte(7));
        let two = [ElementId(B256::ZERO), ElementId(B256::repeat_byte(1))];
        let candidates = seed.and_then(|_| Candidates::of(two.into_iter()));
        let relationship = Relationship {
            id: ElementId(B256::ZERO),
            requirement: "needs".into(),
            index: 0,
            relationship_type: "R".into(),
            source: ElementId(B256::ZERO),
            target: ElementId(B256::ZERO),
            capability,
            properties,
            attributes: Arc::new(attributes),
            interfaces,
            allocation,
            choice: Choice { why, candidates, seed },
        };
        (source, target, relationship)
    })
}

fn representation() -> impl Strategy<Value = Representation> {
    let graph = (vec(node(), 0..5), vec(relationship(), 0..4));
    let rest = (values(), btree_map(name(), term(), 0..2), values(), properties());
    (graph, rest).prop_map(|((nodes, relationships), (inputs, outputs, workflows, properties))| {
        let mut made = assemble("service", nodes, relationships);
        let ids: Vec<ElementId> = made.nodes.iter().map(|node| node.id).collect();
        let group = Group {
            group_type: "G".into(),
            properties: properties.clone(),
            attributes: Properties::new(),
            members: ids.clone(),
        };
        let verdicts = [
            PolicyVerdict::Holds,
            PolicyVerdict::Open,
            PolicyVerdict::Broken("too \"few\"".to_owned()),
        ];
        let policies = verdicts.into_iter().map(|verdict| Policy {
            name: "spread".into(),
            policy_type: "P".into(),
            properties: properties.clone(),
            targets: ids.clone(),
            triggers: workflows.clone(),
            verdict,
        });
        made.policies = policies.collect();
        made.groups = [("group".into(), group)].into();
        made.sources = vec![SourceFile { path: "a.yaml".into(), digest: sha256(b"a") }];
        made.seed = Some(B256::repeat_byte(1));
        (made.inputs, made.outputs, made.workflows) = (inputs, outputs, workflows);
        if let Some(id) = ids.first() {
            made.unresolved = vec![Unresolved {
                source: *id,
                requirement: "host".into(),
                index: 1,
                reason: "no candidate".to_owned(),
            }];
            let mut inner = assemble("service/t/0", made.nodes.clone(), Vec::new());
            let mut out = Relationship { source: inner.nodes[0].id, target: *id, ..bare() };
            out.id = ElementId::relationship(out.source, &out.requirement, out.index);
            inner.relationships = vec![out];
            made.substitutions = [(*id, inner)].into();
        }
        made
    })
}

fn bare() -> Relationship {
    Relationship {
        id: ElementId(B256::ZERO),
        requirement: "outwards".into(),
        index: 0,
        relationship_type: "R".into(),
        source: ElementId(B256::ZERO),
        target: ElementId(B256::ZERO),
        capability: "endpoint".into(),
        properties: Properties::new(),
        attributes: Arc::default(),
        interfaces: Interfaces::new(),
        allocation: Entries::new(),
        choice: Choice { why: ChoiceReason::Mapping, candidates: None, seed: None },
    }
}

/// Makes a representation of nodes and relationships, and sets their places and ids.
fn assemble(
    service: &str,
    mut nodes: Vec<Node>,
    relationships: Vec<(usize, usize, Relationship)>,
) -> Representation {
    for (index, node) in nodes.iter_mut().enumerate() {
        node.template = if index < 3 { "t" } else { "u" }.into();
        node.index = u32::try_from(if index < 3 { index } else { index - 3 }).unwrap();
        node.id = ElementId::node(service, &node.template, node.index);
    }
    let mut relationships = relationships;
    relationships.retain(|(source, target, _)| *source.max(target) < nodes.len());
    relationships.sort_by_key(|(source, ..)| *source);
    let mut made: Vec<Relationship> = Vec::new();
    for (source, target, mut relationship) in relationships {
        relationship.source = nodes[source].id;
        relationship.target = nodes[target].id;
        let before = made.iter().filter(|other| other.source == relationship.source).count();
        relationship.index = u32::try_from(before).unwrap();
        relationship.id = ElementId::relationship(
            relationship.source,
            &relationship.requirement,
            relationship.index,
        );
        made.push(relationship);
    }
    Representation {
        service: service.into(),
        types: ["A", "B", "C", "R"].map(|name| (name.into(), vec!["Root".into()])).into(),
        nodes,
        relationships: made,
        ..Representation::default()
    }
}

/// Replaces the places in `shared` by the values there.
fn inlined(value: &Value, outer: &Value) -> Value {
    let Value::Map(map) = value else { return value.clone() };
    let shared = map.get("shared").unwrap_or(outer);
    let at = |table: &str, place: &Value| {
        let place = place.as_u64().map(|place| usize::try_from(place).unwrap());
        let table = shared.get(table).and_then(Value::as_list);
        table.zip(place).map(|(table, place)| table[place].clone())
    };
    let rest = map.iter().filter(|(key, _)| *key != "shared").map(|(key, value)| {
        let value = match (key.as_str(), value) {
            ("attributes", place) => at(key, place).unwrap_or_else(|| place.clone()),
            ("capabilities" | "interfaces", Value::Map(entries)) => {
                let entries =
                    entries.iter().map(|(name, place)| (name.clone(), at(key, place).unwrap()));
                Value::Map(entries.collect())
            }
            ("nodes" | "relationships", Value::List(items)) => {
                Value::List(items.iter().map(|item| inlined(item, shared)).collect())
            }
            ("substitutions", Value::Map(entries)) => {
                let entries =
                    entries.iter().map(|(id, inner)| (id.clone(), inlined(inner, &Value::Null)));
                Value::Map(entries.collect())
            }
            (_, other) => other.clone(),
        };
        (key.clone(), value)
    });
    Value::Map(rest.collect())
}

proptest! {
    #[test]
    fn a_representation_is_read_back_from_its_json(made in representation()) {
        let json = made.to_json();
        let read = Representation::from_json(json.as_bytes(), JsonLimits::default());
        prop_assert_eq!(read, Ok(made));
    }

    #[test]
    fn a_node_is_found_by_its_template_and_index(graph in representation()) {
        for node in &graph.nodes {
            prop_assert_eq!(graph.node(&node.template, node.index), Some(node));
        }
        prop_assert_eq!(graph.node("no such template", 0), None);
    }

    #[test]
    fn the_json_is_canonical(made in representation()) {
        let json = made.to_json();
        let value = Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap();
        prop_assert_eq!(value.to_json(), json);
    }

    #[test]
    fn streaming_writes_the_same_json_and_digest(made in representation(), copies in 1_usize..400) {
        // A second thread hashes the JSON of many nodes; this thread hashes that of few nodes.
        let nodes = made.nodes.iter().cycle().take(made.nodes.len() * copies).cloned().collect();
        let made = Representation { nodes, ..made };
        let mut json = String::new();
        let write = |piece: &str| json.push_str(piece);
        let digests = made.write_hashed(write, |digest| [digest(), digest()]);
        prop_assert_eq!(&json, &made.to_json());
        prop_assert_eq!(digests, [made.digest(); 2]);
        let mut unasked = String::new();
        made.write_hashed(|piece| unasked.push_str(piece), |_| ());
        prop_assert_eq!(unasked, json);
    }

    #[test]
    fn sharing_allocations_does_not_change_the_json(made in representation()) {
        let Some(first) = made.nodes.first() else { return Ok(()) };
        let (interfaces, capabilities) = (first.interfaces.clone(), first.capabilities.clone());
        let attributes = first.attributes.clone();
        let (mut shared, mut apart) = (made.clone(), made.clone());
        for node in &mut shared.nodes {
            (node.interfaces, node.capabilities) = (interfaces.clone(), capabilities.clone());
            node.attributes = attributes.clone();
        }
        for node in &mut apart.nodes {
            let own = interfaces.iter().map(|(name, one)| (name.clone(), Arc::new((**one).clone())));
            node.interfaces = own.collect();
            let own = capabilities.iter().map(|(name, one)| (name.clone(), Arc::new((**one).clone())));
            node.capabilities = own.collect();
            node.attributes = Arc::new((*attributes).clone());
        }
        prop_assert_eq!(shared.to_json(), apart.to_json());
    }

    #[test]
    fn the_reader_accepts_shared_values_in_place(made in representation()) {
        let value = Value::from_json(made.to_json().as_bytes(), JsonLimits::default()).unwrap();
        let json = inlined(&value, &Value::Null).to_json();
        prop_assert_eq!(Representation::from_json(json.as_bytes(), JsonLimits::default()), Ok(made));
    }

    #[test]
    fn the_reader_does_not_panic_on_damaged_json(made in representation(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut json = made.to_json().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        match Representation::from_json(&json, JsonLimits::default()) {
            Ok(read) => prop_assert!(Representation::from_json(read.to_json().as_bytes(), JsonLimits::default()).is_ok()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn ids_are_hashes_of_places() {
    // Keccak-256 of the domain, then of every field after its length in four bytes.
    let mut bytes = b"koinon.node.1".to_vec();
    bytes.extend([0, 0, 0, 1, b's', 0, 0, 0, 2, b'w', b'x', 0, 0, 0, 4, 0, 0, 1, 2]);
    assert_eq!(ElementId::node("s", "wx", 258), ElementId(keccak256(&bytes)));
    assert_ne!(ElementId::node("sw", "x", 258), ElementId::node("s", "wx", 258));
}

#[test]
fn a_type_is_itself_and_its_ancestors() {
    let ancestors = vec!["B".into(), "A".into()];
    let types = [("C".into(), ancestors), ("B".into(), vec!["A".into()])].into();
    let graph = Representation { types, ..Representation::default() };
    for (found, expected) in [("C", "C"), ("C", "B"), ("C", "A"), ("B", "A"), ("X", "X")] {
        assert!(graph.is_a(found, expected), "{found} is a {expected}");
    }
    for (found, expected) in [("B", "C"), ("A", "B"), ("X", "A")] {
        assert!(!graph.is_a(found, expected), "{found} is no {expected}");
    }
}

#[test]
fn candidates_have_the_hash_of_their_ids() {
    let ids = [ElementId(B256::repeat_byte(1)), ElementId(B256::repeat_byte(2))];
    let digest = keccak256(&[[1; 32], [2; 32]].concat());
    assert_eq!(Candidates::of(ids.into_iter()), Some(Candidates { count: 2, digest }));
    assert_eq!(Candidates::of(ids.into_iter().take(1)), None);
    assert_eq!(Candidates::of(std::iter::empty()), None);
}

/// Makes nodes that all share one large value. Returns them and the bytes of the value's JSON.
fn nodes_with_shared_value(table: &str) -> (Representation, usize) {
    let properties = || -> Properties {
        let property = Property::known(Value::string(&"x".repeat(1_000)));
        [("p".into(), property)].into_iter().collect()
    };
    let names = || (0..9).map(|at| Arc::from(at.to_string()));
    let (node, bytes) = match table {
        "attributes" => {
            let attributes = Arc::new(properties());
            (Node { attributes, ..plain() }, r#"{"p":{"value":""}}"#.len())
        }
        "capabilities" => {
            let capability = Arc::new(Capability {
                capability_type: "C".into(),
                properties: properties(),
                attributes: Properties::new(),
                remaining: Entries::new(),
                inner: None,
            });
            let capabilities = names().map(|name| (name, Arc::clone(&capability))).collect();
            let bytes = r#"{"properties":{"p":{"value":""}},"type":"C"}"#.len();
            (Node { capabilities, ..plain() }, bytes)
        }
        _ => {
            let interface = Arc::new(Interface {
                interface_type: "x".repeat(1_000).into(),
                operations: BTreeMap::new(),
                notifications: BTreeMap::new(),
            });
            let interfaces = names().map(|name| (name, Arc::clone(&interface))).collect();
            (Node { interfaces, ..plain() }, r#"{"type":""}"#.len())
        }
    };
    (assemble("s", vec![node; 5], Vec::new()), bytes + 1_000)
}

#[test]
fn equal_values_are_written_once() {
    let json = nodes_with_shared_value("capabilities").0.to_json();
    assert_eq!(json.matches("xx").count(), 500);
    let place = r#""capabilities":{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0}"#;
    assert_eq!(json.matches(place).count(), 5);
    assert!(
        json.contains(r#","shared":{"capabilities":[{"properties":{"p":{"value":"xxxx"#),
        "{json}"
    );
}

#[test]
fn every_further_use_of_a_shared_value_counts_against_the_limit() {
    for (table, uses, last) in [
        ("attributes", 5, "nodes.4.attributes"),
        ("capabilities", 45, "nodes.4.capabilities.8"),
        ("interfaces", 45, "nodes.4.interfaces.8"),
    ] {
        let (made, bytes) = nodes_with_shared_value(table);
        let json = made.to_json();
        assert!(json.len() < 4_000);
        let read = |bytes| {
            Representation::from_json(
                json.as_bytes(),
                JsonLimits { bytes, ..JsonLimits::default() },
            )
        };
        let needed = json.len() + (uses - 1) * bytes;
        assert!(read(needed).as_ref() == Ok(&made), "{table}");
        let error = read(needed - 1).unwrap_err().to_string();
        let expected = format!(
            "{last}: expected a representation within the limit of bytes, found {bytes} bytes more, \
             shared by many elements"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn a_value_with_one_use_counts_once() {
    let mut made = nodes_with_shared_value("attributes").0;
    made.nodes.truncate(1);
    let json = made.to_json();
    let limits = JsonLimits { bytes: json.len(), ..JsonLimits::default() };
    assert!(Representation::from_json(json.as_bytes(), limits) == Ok(made));
}

#[test]
fn nested_representations_have_their_own_shared_values() {
    let mut made = nodes_with_shared_value("attributes").0;
    let inner = assemble("s/t/0", vec![plain()], Vec::new());
    made.substitutions = [(made.nodes[0].id, inner)].into();
    let json = made.to_json();
    // The last node of the JSON is the nested one.
    let at = json.rfind("\"template\"").unwrap();
    let mut wrong = json.clone();
    wrong.insert_str(at, "\"attributes\":0,");
    let at = json.rfind("\"nodes\"").unwrap();
    assert!(json[at..].contains("\"template\""), "{json}");
    let error = Representation::from_json(wrong.as_bytes(), JsonLimits::default()).unwrap_err();
    let id = made.nodes[0].id;
    let expected =
        format!("substitutions.{id}.nodes.0.attributes: expected a place in `shared`, found 0");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_single_candidate_is_not_listed() {
    let made = assemble("s", vec![plain(); 2], vec![(0, 1, bare())]);
    let digest = keccak256(&[1]);
    let old = format!("\"choice\":{{\"candidates\":1,\"digest\":\"{digest}\",");
    let json = made.to_json().replace("\"choice\":{", &old).replace("\"format\":2", "\"format\":1");
    assert_eq!(Representation::from_json(json.as_bytes(), JsonLimits::default()), Ok(made));
}

#[test]
fn faults_have_their_path() {
    let two = assemble("s", vec![plain(); 2], vec![(0, 1, bare())]);
    let json = two.to_json();
    let cases = [
        ("\"format\":2", "\"format\":3", "format: expected 1 or 2, found 3"),
        ("\"format\":2", "\"format\":0", "format: expected 1 or 2, found 0"),
        ("\"format\":2", "\"format\":\"1\"", "format: expected a natural number, found string"),
        (
            "\"index\":1",
            "\"index\":4294967296",
            "nodes.1.index: expected a number below 2^32, found 4294967296",
        ),
        (
            "\"index\":1",
            "\"index\":0",
            "nodes.1: expected nodes by template and index, found one out of order",
        ),
        ("\"service\":\"s\"", "\"servant\":\"s\"", "service: expected a value, found nothing"),
        (
            "\"service\":\"s\"",
            "\"servant\":1,\"service\":\"s\"",
            "the document: expected no further key, found `servant`",
        ),
        (
            "\"template\":\"t\"",
            "\"template\":[]",
            "nodes.0.template: expected a string, found list",
        ),
        (
            "\"type\":\"A\"",
            "\"type\":\"Z\"",
            "nodes.0.type: expected a type listed in `types`, found `Z`",
        ),
        (
            "\"why\":\"mapping\"",
            "\"why\":\"luck\"",
            "relationships.0.choice.why: expected a known reason, found `luck`",
        ),
        (
            "\"template\":\"t\"",
            "\"attributes\":0,\"template\":\"t\"",
            "nodes.0.attributes: expected a place in `shared`, found 0",
        ),
        (
            "\"template\":\"t\"",
            "\"interfaces\":{\"run\":4294967296},\"template\":\"t\"",
            "nodes.0.interfaces.run: expected a number below 2^32, found 4294967296",
        ),
        (
            "\"template\":\"t\"",
            "\"capabilities\":{\"host\":-1},\"template\":\"t\"",
            "nodes.0.capabilities.host: expected a natural number, found number",
        ),
        (
            "\"types\"",
            "\"shared\":{\"properties\":[]},\"types\"",
            "shared: expected no further key, found `properties`",
        ),
        (
            "\"types\"",
            "\"shared\":{\"capabilities\":[0]},\"types\"",
            "shared.capabilities.0: expected a map, found number",
        ),
    ];
    for (from, to, expected) in cases {
        let text = json.replacen(from, to, 1);
        assert_ne!(text, json, "{from}");
        let error = Representation::from_json(text.as_bytes(), JsonLimits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let (first, other) = (two.nodes[0].id.to_string(), ElementId::node("s", "t", 9).to_string());
    let text = json.replace(&first, &other);
    let error = Representation::from_json(text.as_bytes(), JsonLimits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("nodes.0.id: expected the hash of the node's place, found {other}")
    );
    let limits = JsonLimits { bytes: 10, ..JsonLimits::default() };
    let error = Representation::from_json(json.as_bytes(), limits).unwrap_err();
    assert!(matches!(error, RepresentationError::Json(_)), "{error:?}");
}

fn plain() -> Node {
    Node {
        id: ElementId(B256::ZERO),
        template: "t".into(),
        index: 0,
        node_type: "A".into(),
        directives: Vec::new(),
        properties: Properties::new(),
        attributes: Arc::default(),
        capabilities: Entries::new(),
        artifacts: Entries::new(),
        interfaces: Interfaces::new(),
        operator: None,
    }
}
