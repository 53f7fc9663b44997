//! Properties of reading and writing: canonical YAML, objects, services of any shape.

use std::collections::BTreeMap;

use koinon_model::JsonLimits;
use koinon_model::Module;
use koinon_model::Number;
use koinon_model::Object;
use koinon_model::Value;
use koinon_tosca::compile;
use koinon_tosca::compile_document;
use koinon_tosca::join;
use koinon_tosca::open;
use koinon_tosca::read_inputs;
use koinon_tosca::split;
use koinon_tosca::to_json;
use koinon_tosca::to_yaml;
use koinon_tosca::validate;
use proptest::collection::btree_map;
use proptest::collection::vec;
use proptest::prelude::Just;
use proptest::prelude::ProptestConfig;
use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::strategy::Union;

/// Texts that YAML would read as other values if they were not quoted, or that it wraps.
fn awkward() -> impl Strategy<Value = String> {
    let words = [
        "",
        " ",
        "null",
        "~",
        "true",
        "no",
        "1",
        "1.10",
        "0x1F",
        ".inf",
        "<<",
        "- a",
        "a: b",
        "a:",
        "#x",
        "a #b",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "\"",
        "'",
        "\\",
        "|",
        ">",
        "?",
        "? a",
        "---",
        "...",
        "a\nb",
        "a\nb\n",
        "\na",
        "a\n\nb",
        "a\n\n",
        " a\nb",
        "a \nb",
        "\ta",
        "a\tb",
        "\r\n",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "e\u{301}",
        "é",
        "\u{fffd}",
        "😀",
        "\0",
        "\u{7f}",
        "2024-01-01",
        "12:30",
        "=",
        "$x",
        "$$x",
        "{{core.x}}",
        "tosca_definitions_version",
    ];
    prop_oneof![
        Union::new(words.map(|word| Just(word.to_owned()))),
        "[ -~]{0,20}",
        "[a-z\n #:-]{0,20}",
        any::<String>(),
        (900_usize..1200).prop_map(|length| "k".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?";
    let number = number.prop_filter_map("not a number", |text| Number::parse(&text).ok());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        awkward().prop_map(|text| Value::string(&text)),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = awkward().prop_map(|text| match Value::string(&text) {
            Value::String(text) => text,
            _ => text,
        });
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::List),
            btree_map(key, inner, 0..5).prop_map(Value::Map),
        ]
    })
}

/// Services with any texts and values in all places where any are valid.
fn service() -> impl Strategy<Value = String> {
    let name = "[a-z][a-z0-9_.@-]{0,10}";
    let any_literal = value().prop_map(|value| literal(&value)).boxed();
    let inputs = btree_map("[a-z][a-z0-9_.-]{0,10}", (any::<i64>(), awkward()), 0..5);
    let nodes =
        btree_map(name, (any_literal.clone(), btree_map(name, any_literal.clone(), 0..3)), 0..5);
    let policies = btree_map(name, any::<bool>(), 0..4);
    (inputs, nodes, policies, btree_map(name, any_literal, 0..3)).prop_map(
        |(inputs, nodes, policies, metadata)| {
            let object = |entries: Vec<(String, Value)>| entries.into_iter().collect::<Value>();
            let inputs = inputs.into_iter().enumerate().map(|(index, (name, (number, text)))| {
                let text = literal(&Value::string(&text));
                let (data_type, default) =
                    if index % 2 == 0 { ("integer", number.into()) } else { ("string", text) };
                (name, Value::from([("type", data_type.into()), ("default", default)]))
            });
            let nodes = nodes.into_iter().map(|(name, (value, artifacts))| {
                let artifact = |value: Value| {
                    Value::from([
                        ("type", "F".into()),
                        ("file", "x".into()),
                        ("properties", Value::from([("any", wrap(value))])),
                    ])
                };
                let artifacts = artifacts.into_iter().map(|(name, value)| (name, artifact(value)));
                (
                    name,
                    Value::from([
                        ("type", "A".into()),
                        ("properties", Value::from([("any", wrap(value))])),
                        ("artifacts", object(artifacts.collect())),
                    ]),
                )
            });
            let policies = policies.into_iter().map(|(name, banned)| {
                let security = Value::from([("type", "B".into())]);
                object(vec![(
                    name,
                    if banned { security } else { Value::from([("type", "P".into())]) },
                )])
            });
            let governance = [
                "voting_delay",
                "voting_period",
                "timelock",
                "quorum",
                "proposal_threshold",
                "unbonding",
            ];
            let governance = governance.map(|key| (key, 1.into()));
            let governance =
                Value::from([("type", "Governance".into()), ("properties", governance.into())]);
            let policies =
                policies.chain([object(vec![("zz governance".replace(' ', "_"), governance)])]);
            let any_type = |name: &str| {
                (
                    name.to_owned(),
                    Value::from([(
                        "properties",
                        Value::from([(
                            "any",
                            Value::from([
                                ("type", "map".into()),
                                ("entry_schema", "Anything".into()),
                                ("required", false.into()),
                            ]),
                        )]),
                    )]),
                )
            };
            let mut metadata = object(metadata.into_iter().collect());
            if let Value::Map(entries) = &mut metadata {
                entries.insert("template_name".to_owned(), "any".into());
            }
            let document = Value::from([
                ("tosca_definitions_version", "tosca_2_0".into()),
                ("imports", Value::List(vec![Value::from([("profile", "org.koinon:1.0".into())])])),
                ("metadata", metadata),
                (
                    "data_types",
                    Value::from([("Anything", Value::from([("derived_from", "string".into())]))]),
                ),
                ("node_types", object(vec![any_type("A")])),
                ("artifact_types", object(vec![any_type("F")])),
                (
                    "policy_types",
                    Value::from([
                        ("P", Value::Null),
                        ("B", Value::from([("derived_from", "Blacklist".into())])),
                    ]),
                ),
                (
                    "service_template",
                    Value::from([
                        ("inputs", object(inputs.collect())),
                        ("node_templates", object(nodes.collect())),
                        ("policies", Value::List(policies.collect())),
                    ]),
                ),
            ]);
            to_yaml(&document)
        },
    )
}

/// Turns any value into a map of one string, as the properties of this test require.
fn wrap(value: Value) -> Value {
    let text = match value {
        Value::String(text) => text,
        other => other.to_json(),
    };
    Value::from([("key", Value::string(&text))])
}

const TEMPLATE: &str = include_str!("../../../../examples/sharding-network/template.yaml");

/// Pieces of text that an author may insert into a template by mistake.
fn token() -> impl Strategy<Value = String> {
    let words = [
        "",
        " ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "*backing",
        "&backing ",
        "<<: ",
        "$node_index",
        "$value",
        "{ $get_input: shards }",
        "{ $get_property: [ SELF, name ] }",
        "{ $quotient: [ 1, 0 ] }",
        "{ $get_attribute: [ worker, x ] }",
        "-1",
        "1.5",
        "1e400",
        "99999999999999999999",
        "null",
        "true",
        "\"{{core.shards}}\"",
        "worker",
        "Group",
        "org.koinon:1.0",
        "é",
        "\u{2028}",
    ];
    Union::new(words.map(|word| Just(word.to_owned())))
}

/// Doubles the dollar sign of texts that would otherwise be read as calls of functions.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('$') => Value::String(format!("${text}")),
        Value::List(items) => Value::List(items.iter().map(literal).collect()),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), literal(value))).collect()
        }
        other => other.clone(),
    }
}

proptest! {
    // No file keeps the seeds of failures: each failure becomes a test with a name.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_yaml_reads_back(value in value()) {
        let nested = to_yaml(&Value::from([("value", value.clone())]));
        let read = read_inputs("test.yaml", nested.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{nested}"));
        prop_assert_eq!(&read["value"], &value);
        let top = koinon_tosca::read_value("test.yaml", &to_yaml(&value));
        prop_assert_eq!(top.unwrap(), value);
    }

    #[test]
    fn json_that_begins_with_the_version_is_read_back(value in value()) {
        let document = Value::from([("tosca_definitions_version", "tosca_2_0".into()), ("a", value.clone())]);
        for value in [value, document] {
            let json = to_json(&value);
            prop_assert_eq!(Value::from_json(json.as_bytes(), JsonLimits::default()), Ok(value));
        }
    }

    #[test]
    fn split_services_join_to_the_same_document(text in service()) {
        let files = BTreeMap::from([("a.yaml".to_owned(), text.clone())]);
        let service = match compile(&files, "a.yaml", &BTreeMap::new()) {
            Ok(service) => service,
            // A text such as `{{core.x}}` may name an unknown input. Everything else is valid.
            Err(error) => {
                let expected = error.iter().all(|diagnostic| diagnostic.code.as_str() == "K0308");
                assert!(expected, "{error}\n{text}");
                return Ok(());
            }
        };
        let content = split(&service);
        prop_assert_eq!(&join(&content).unwrap(), &service.document);
        prop_assert_eq!(&compile_document(&service.document).unwrap(), &service);
        prop_assert_eq!(&open(&content).unwrap(), &service);
    }

    #[test]
    fn given_inputs_are_literal(text in awkward()) {
        let template = "tosca_definitions_version: tosca_2_0\nmetadata: { template_name: x }\nimports: [ { profile: org.koinon:1.0 } ]\n\
            service_template:\n  node_templates: {}\n  inputs: { a: { type: string } }\n  policies:\n  - g: { type: Governance, properties: \
            { voting_delay: 1, voting_period: 1, timelock: 1, quorum: 1, proposal_threshold: 1, unbonding: 1 } }\n";
        let files = BTreeMap::from([("a.yaml".to_owned(), template.to_owned())]);
        let inputs = BTreeMap::from([("a".to_owned(), Value::string(&text))]);
        let service = compile(&files, "a.yaml", &inputs).unwrap();
        prop_assert_eq!(&service.inputs["a"], &inputs["a"]);
        prop_assert_eq!(&compile_document(&service.document).unwrap(), &service);
    }

    #[test]
    fn nothing_panics_on_text(text in "(tosca_definitions_version: tosca_2_0\n)?[ -~\n]{0,300}") {
        let files = BTreeMap::from([("a.yaml".to_owned(), text)]);
        if let Err(error) = validate(&files, "a.yaml", &BTreeMap::new()) {
            error.to_string();
        }
    }

    #[test]
    fn nothing_panics_on_broken_templates(edits in vec((any::<usize>(), 0_usize..40, token()), 1..6)) {
        let mut text: Vec<char> = TEMPLATE.chars().collect();
        for (at, length, token) in edits {
            let at = at % text.len();
            let end = (at + length).min(text.len());
            text.splice(at..end, token.chars());
        }
        let files = BTreeMap::from([("a.yaml".to_owned(), text.into_iter().collect())]);
        match compile(&files, "a.yaml", &BTreeMap::new()) {
            Ok(service) => prop_assert_eq!(&open(&split(&service)).unwrap(), &service),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn nothing_panics_on_values(value in value(), at in 0_usize..12) {
        let keys = ["node_types", "data_types", "inputs", "outputs", "node_templates", "policies", "groups", "imports",
            "relationship_templates", "capability_types", "policy_types", "metadata"];
        let inner = Value::from([(keys[at], value)]);
        let mut document = inner.clone();
        if let Value::Map(root) = &mut document {
            root.insert("tosca_definitions_version".to_owned(), "tosca_2_0".into());
            root.insert("service_template".to_owned(), inner);
        }
        if let Err(error) = compile_document(&document) {
            error.to_string();
        }
    }

    #[test]
    fn joining_never_panics(objects in vec((0_usize..6, "(inputs|node_types|policies|operators|node_templates|artifacts|service_template|a)?/?[a-z/]{0,4}", value()), 0..8), parameter in any::<i64>()) {
        let mut content = koinon_model::Content::default();
        for (module, path, value) in objects {
            content.objects.insert((Module::ALL[module], path), Object::new(value));
        }
        content.parameters.insert("a".parse().unwrap(), parameter);
        prop_assert!(open(&content).is_err());
    }
}
