//! Values, names and small maps: each accessor, each word, each escape.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::b256;
use koinon_model::AssignedNode;
use koinon_model::Instance;
use koinon_model::InvalidName;
use koinon_model::JsonError;
use koinon_model::JsonLimits;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::Number;
use koinon_model::Probe;
use koinon_model::ReportReason;
use koinon_model::RestartPolicy;
use koinon_model::Slot;
use koinon_model::Value;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Representation;

#[test]
fn accessors_return_the_value_of_their_kind_only() {
    let number = |text: &str| Value::Number(Number::parse(text).unwrap());
    let list = Value::List(vec![Value::Null]);
    let map = Value::from([("a", Value::from(true))]);
    let values = [Value::Null, Value::from(true), number("7"), Value::from("x"), list, map];
    let kinds = ["null", "boolean", "number", "string", "list", "map"];
    for (at, value) in values.iter().enumerate() {
        assert_eq!(value.kind(), kinds[at]);
        assert_eq!(value.as_bool(), (at == 1).then_some(true));
        assert_eq!(value.as_i64(), (at == 2).then_some(7));
        assert_eq!(value.as_u64(), (at == 2).then_some(7));
        assert_eq!(value.as_str(), (at == 3).then_some("x"));
        assert_eq!(value.as_list(), (at == 4).then_some(&[Value::Null][..]));
        assert_eq!(value.as_map().map(BTreeMap::len), (at == 5).then_some(1));
        assert_eq!(value.get("a"), (at == 5).then_some(&Value::Bool(true)));
        assert_eq!(value.get("b"), None);
    }
    assert_eq!((Value::from(-1).as_i64(), Value::from(-1).as_u64()), (Some(-1), None));
    assert_eq!((number("1.0").as_i64(), number("1e3").as_i64()), (None, None));
    assert_eq!(number("9223372036854775808").as_i64(), None);
    assert_eq!(Value::from(false).as_bool(), Some(false));
}

#[test]
fn numbers_have_at_most_256_bytes() {
    let digits = |count: usize| "1".repeat(count);
    assert_eq!(Number::parse(&digits(256)).unwrap().as_str(), digits(256));
    let error = Number::parse(&digits(257)).unwrap_err().to_string();
    assert_eq!(error, format!("expected a number, found `{}`", digits(40)));
    for bad in ["1e+", "1.e1", "--1", "1-", "1.1.1", "1e1e1", "e1", "-.1"] {
        assert!(Number::parse(bad).is_err(), "{bad}");
    }
    for good in ["1e+1", "1.25E-07", "-1.5e10", "10", "-10.01"] {
        assert_eq!(Number::parse(good).unwrap().to_string(), good);
        assert_eq!(format!("{:?}", Number::parse(good).unwrap()), good);
    }
}

#[test]
fn values_are_serialised_as_json_of_their_kind() {
    let text = r#"{"a":[null,true,-7,"x"],"b":{}}"#;
    let value = Value::from_json(text.as_bytes(), JsonLimits::default()).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    // Numbers that are not integers of 64 bits stay exact as strings.
    let value = Value::Number(Number::parse("1.10").unwrap());
    assert_eq!(serde_json::to_string(&value).unwrap(), r#""1.10""#);
}

#[test]
fn strings_have_the_escapes_of_rfc_8785() {
    let text = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}é\u{2028}😀";
    let json = r#""\u0000\b\t\n\u000b\f\r\u001f \"\\/"#.to_owned() + "\u{7f}é\u{2028}😀\"";
    assert_eq!(Value::string(text).to_json(), json);
    let read = |text: &str| Value::from_json(text.as_bytes(), JsonLimits::default());
    assert_eq!(read(&json), Ok(Value::string(text)));
    assert_eq!(read(r#""\/\b\f\n\r\t\"\\""#), Ok(Value::string("/\u{8}\u{c}\n\r\t\"\\")));
    assert_eq!(read(r#""\uD7FF\uE000""#), Ok(Value::string("\u{d7ff}\u{e000}")));
    // U+10000 and U+10FFFF are the first and the last pair of surrogates.
    let pairs = Value::string("\u{10000}\u{10ffff}");
    assert_eq!(read(r#""\ud800\udc00\udbff\udfff""#), Ok(pairs));
}

#[test]
fn faults_of_json_have_their_byte_offset() {
    let read = |text: &[u8], limits| Value::from_json(text, limits).unwrap_err();
    let cases: [(&[u8], &str, usize); 12] = [
        (b"[1 2]", "expected `,` or `]`", 3),
        (b"{\"a\" 1}", "expected `:`", 5),
        (b"{\"a\":1 2}", "expected `,` or `}`", 7),
        (b"{1:2}", "expected a string", 1),
        (b"tru", "expected a value", 0),
        (b"[fals]", "expected a value", 1),
        (b"\"\xff\"", "invalid UTF-8", 1),
        (br#""\x""#, "unknown escape", 1),
        (br#""\u12g4""#, "expected four hexadecimal digits", 3),
        (br#""\ud800\ud800""#, "lone surrogate", 13),
        (br#""\udc00""#, "lone surrogate", 7),
        (br#""\ud800\u00""#, "expected four hexadecimal digits", 9),
    ];
    for (text, what, at) in cases {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(read(text, JsonLimits::default()), JsonError { what, at }, "{shown}");
    }
    let limits = JsonLimits { bytes: 3, depth: 1 };
    assert_eq!(read(b"1234", limits), JsonError { what: "too many bytes", at: 3 });
    assert_eq!(read(b"[{}", limits), JsonError { what: "too deeply nested", at: 1 });
    assert_eq!(Value::from_json(b" 1 ", limits), Ok(Value::from(1)));
    assert_eq!(Value::from_json(b"[]", limits), Ok(Value::List(Vec::new())));
    let limits = JsonLimits { bytes: 100, depth: 3 };
    for (text, at) in [("[[[[]]]]", 3), (r#"{"":{"":{"":{}}}}"#, 12), (r#"[{"":[{}]}]"#, 6)] {
        let error = JsonError { what: "too deeply nested", at };
        assert_eq!(read(text.as_bytes(), limits), error, "{text}");
    }
    let json = r#"[[{"":1}],{"":[]}]"#;
    assert_eq!(Value::from_json(json.as_bytes(), limits).unwrap().to_json(), json);
    let limits = JsonLimits::default();
    assert_eq!((limits.bytes, limits.depth), (16_777_216, 64));
    assert_eq!(read(b"1 2", limits).to_string(), "trailing text at byte 2");
}

#[test]
fn modules_have_the_names_of_the_registry() {
    let names = ["core", "identity", "artifacts", "topology", "templates", "security"];
    for (module, name) in Module::ALL.into_iter().zip(names) {
        assert_eq!((module.as_str(), module.to_string().as_str()), (name, name));
        assert_eq!(name.parse(), Ok(module));
        let mut word = [0; 32];
        word[..name.len()].copy_from_slice(name.as_bytes());
        assert_eq!(module.to_word(), B256::from(word));
    }
    assert_eq!("Core".parse::<Module>(), Err(InvalidName("Core".to_owned())));
    let long = "x".repeat(100);
    assert_eq!(long.parse::<Module>(), Err(InvalidName("x".repeat(64))));
    let expected = "expected 1 to 32 characters of A-Z a-z 0-9 _ . -, found `ü`";
    assert_eq!("ü".parse::<Name>().unwrap_err().to_string(), expected);
    assert_eq!("a.B-9_".parse::<Name>().unwrap().as_str(), "a.B-9_");
}

#[test]
fn reasons_have_the_words_that_serde_writes() {
    let reasons = [
        (ReportReason::ProbeAnswered, "probe_answered"),
        (ReportReason::Started, "started"),
        (ReportReason::Exited, "exited"),
        (ReportReason::ProbeFailed, "probe_failed"),
        (ReportReason::ArtifactUnavailable, "artifact_unavailable"),
        (ReportReason::StartFailed, "start_failed"),
        (ReportReason::AgentStopped, "agent_stopped"),
    ];
    for (reason, word) in reasons {
        assert_eq!((reason.as_str(), serde_json::to_value(reason).unwrap()), (word, word.into()));
    }
}

fn node(operator: u8) -> AssignedNode {
    AssignedNode {
        element: ElementId(B256::ZERO),
        template: "worker".to_owned(),
        node_type: "Worker".to_owned(),
        index: 0,
        operator: Address::repeat_byte(operator),
        operator_name: String::new(),
        properties: BTreeMap::new(),
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        artifacts: BTreeMap::new(),
        program: String::new(),
        ports: Vec::new(),
        probe: Probe { port: String::new(), path: String::new(), timeout: 0 },
        restart: RestartPolicy::Never,
    }
}

#[test]
fn slots_of_an_instance_have_the_ids_of_its_nodes() {
    let slot = |text: &str| text.parse::<Slot>().unwrap();
    let instance = Instance {
        nodes: [(slot("worker/0/0"), node(1)), (slot("worker/0/1"), node(2))].into(),
        sizes: [("worker".to_owned(), 3)].into(),
        representation: Representation { service: "s".into(), ..Representation::default() },
        ..Instance::default()
    };
    // Group 2 of groups of 3 starts at index 6.
    let expected = ElementId::node("s", "worker", 7);
    assert_eq!(instance.element(&slot("worker/2/1")), expected);
    for other in ["worker/0/3", "other/0/0", "worker/4294967295/0"] {
        assert_eq!(instance.element(&slot(other)), ElementId::node("s", other, 0));
    }
    let slice = instance.clone().slice(Address::repeat_byte(2));
    assert_eq!(slice.nodes, [(slot("worker/0/1"), node(2))].into());
    assert_eq!(slice.representation, instance.representation);
}

#[test]
fn ids_are_hashes_of_lengths_and_fields() {
    // Computed by hand with Keccak-256: the domain, then every field after its length in 4 bytes.
    let by_hand = |fields: &[u8]| ElementId(alloy_primitives::keccak256(fields));
    let node = ElementId::node("s", "web", 1);
    let bytes = b"koinon.node.1\0\0\0\x01s\0\0\0\x03web\0\0\0\x04\0\0\0\x01";
    assert_eq!(node, by_hand(bytes));
    let relationship = ElementId::relationship(ElementId(B256::ZERO), "host", 2);
    let mut bytes = b"koinon.relationship.1\0\0\0\x20".to_vec();
    bytes.extend([0; 32]);
    bytes.extend(b"\0\0\0\x04host\0\0\0\x04\0\0\0\x02");
    assert_eq!(relationship, by_hand(&bytes));
    let id = ElementId(b256!("0x00000000000000000000000000000000000000000000000000000000000000ff"));
    assert_eq!(id.to_string(), format!("0x{}ff", "0".repeat(62)));
}

#[test]
fn small_maps_have_the_interface_of_maps() {
    let name = |text: &str| Arc::<str>::from(text);
    let mut entries = Entries::with_capacity(2);
    assert!(entries.is_empty() && !entries.contains_key("a"));
    entries.extend([(name("b"), 2), (name("a"), 1), (name("b"), 3)]);
    assert_eq!((entries.len(), entries.is_empty()), (2, false));
    assert!(entries.contains_key("a") && !entries.contains_key("c"));
    assert_eq!((entries["a"], entries.get("b"), entries.get("c")), (1, Some(&3), None));
    *entries.get_mut("a").unwrap() = 4;
    assert_eq!(entries.get_mut("c"), None);
    entries.values_mut().for_each(|entry| *entry += 1);
    for (_, entry) in &mut entries {
        *entry *= 10;
    }
    let listed: Vec<_> = (&entries).into_iter().map(|(name, entry)| (&**name, *entry)).collect();
    assert_eq!(listed, [("a", 50), ("b", 40)]);
    assert!(entries.keys().map(|name| &**name).eq(["a", "b"]));
    assert!(entries.values().eq(&[50, 40]));
    assert_eq!(entries, [(name("b"), 40), (name("a"), 0), (name("a"), 50)].into());
    assert_eq!(entries.clone().into_iter().map(|(_, entry)| entry).sum::<i32>(), 90);
    assert_eq!((entries.remove("c"), entries.remove("a")), (None, Some(50)));
    entries.clear();
    assert_eq!(entries, Entries::new());
}

#[test]
fn an_object_has_its_value_its_canonical_json_and_its_hash() {
    let entries = [("b".to_owned(), Value::from(1)), ("a".to_owned(), Value::List(Vec::new()))];
    let value: Value = entries.into_iter().collect();
    let object = koinon_model::Object::new(value.clone());
    assert_eq!((object.value(), object.bytes()), (&value, r#"{"a":[],"b":1}"#));
    assert_eq!(object.blob(), koinon_model::keccak256(br#"{"a":[],"b":1}"#));
}

#[test]
fn revisions_and_epochs_are_shown_as_their_numbers() {
    assert_eq!(koinon_model::Revision(17).to_string(), "17");
    assert_eq!(koinon_model::Epoch(18_446_744_073_709_551_615).to_string(), u64::MAX.to_string());
}

#[test]
fn only_known_terms_have_a_value() {
    use koinon_model::representation::Term;
    let value = std::sync::Arc::new(Value::from(7));
    assert_eq!(Term::Known(value.clone()).known(), Some(&Value::from(7)));
    assert_eq!(Term::Pending(value).known(), None);
}

#[test]
fn slots_without_a_unit_are_vacant() {
    let set =
        |groups, size| koinon_model::NodeSet { name: "worker".parse().unwrap(), groups, size };
    for (sets, vacancies) in [(vec![], 0), (vec![set(2, 3)], 6)] {
        let deal = koinon_model::Allocation::deal(Default::default(), Vec::new(), sets).unwrap();
        assert_eq!((deal.vacancies(), deal.slot_count()), (vacancies, vacancies));
    }
}
