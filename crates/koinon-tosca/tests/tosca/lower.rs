//! Annotated cases: `tests/lower/*.yaml`.
//!
//! `### NAME (VERSION)` starts a case of TOSCA 1.0 to 1.3, `### becomes` its canonical 2.0 text.
//! The line `# error: CODE COLUMN MESSAGE` states an error of the next line that is not an
//! annotation. A case has no other errors, and a case with errors has no 2.0 text. The first line,
//! `tosca_definitions_version`, is added to each case.
//!
//! KOINON_UPDATE=1 rewrites the expectations: read what changed.

use std::path::Path;

use koinon_tosca::lower::ToscaVersion;
use koinon_tosca::lower::count_nodes;
use koinon_tosca::lower::lower_profile_text;
use koinon_tosca::lower::lower_text;
use proptest::collection::vec;
use proptest::prelude::Just;
use proptest::prelude::Strategy;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::sample::select;

#[derive(Debug, Default)]
struct Case {
    name: String,
    version: String,
    /// The text in 1.x, with annotations.
    lines: Vec<String>,
    becomes: Option<Vec<String>>,
}

const BECOMES: &str = "### becomes";
const ERROR: &str = "# error: ";

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if line == BECOMES {
            cases.last_mut().unwrap().becomes = Some(Vec::new());
        } else if let Some(header) = line.strip_prefix("### ") {
            let (name, version) = header.split_once(" (").unwrap();
            let (name, version) = (name.to_owned(), version.trim_end_matches(')').to_owned());
            cases.push(Case { name, version, ..Case::default() });
        } else {
            let case = cases.last_mut().unwrap();
            case.becomes.as_mut().unwrap_or(&mut case.lines).push(line.to_owned());
        }
    }
    cases
}

/// Writes the case with the result of lowering it.
fn updated(case: &Case) -> String {
    let source: Vec<&String> =
        case.lines.iter().filter(|line| !line.trim_start().starts_with(ERROR)).collect();
    let version = format!("tosca_simple_yaml_{}", case.version.replace('.', "_"));
    let mut text = format!("tosca_definitions_version: {version}\n");
    text.extend(source.iter().map(|line| format!("{line}\n")));
    let result = lower_text(&text, ToscaVersion::parse(&version).unwrap());
    let mut out = format!("### {} ({})\n", case.name, case.version);
    for (index, line) in source.iter().enumerate() {
        for one in result.as_ref().err().into_iter().flatten() {
            // Lines count from 1, and the first is the version.
            if one.place.line as usize == index + 2 {
                let indent = &line[..line.len() - line.trim_start().len()];
                let (code, column) = (one.code.as_str(), one.place.column);
                out += &format!("{indent}{ERROR}{code} {column} {}\n", one.message);
            }
        }
        out += &format!("{line}\n");
    }
    if let Ok(text) = result {
        out += &format!("{BECOMES}\n{text}");
    }
    out
}

#[test]
fn annotated_files_are_lowered_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lower");
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut failed = String::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let new: Vec<(String, String)> =
            cases(&text).iter().map(|case| (case.name.clone(), updated(case))).collect();
        let whole: String = new.iter().map(|(_, text)| text.as_str()).collect();
        if std::env::var_os("KOINON_UPDATE").is_some() {
            std::fs::write(&path, whole).unwrap();
        } else if whole != text {
            let wrong = new.iter().filter(|(_, case)| !text.contains(case.as_str()));
            for (name, case) in wrong {
                failed += &format!("{}, {name} is\n{case}\n", path.display());
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// No keyname of TOSCA 1.x is left in a lowered profile.
#[test]
fn profiles_are_lowered_completely() {
    for version in [ToscaVersion::V1_0, ToscaVersion::V1_1, ToscaVersion::V1_2, ToscaVersion::V1_3]
    {
        let text = lower_profile_text(version).unwrap();
        for old in ["constraints:", "occurrences: [", "valid_source_types", "valid_target_types"] {
            assert!(!text.contains(old), "{version:?}: {old}");
        }
    }
}

#[test]
fn nodes_shared_by_aliases_and_merges_are_lowered_once() {
    let mut text = "tosca_definitions_version: tosca_simple_yaml_1_3\ndsl_definitions:\n  \
        a0: &a0 { x: { get_input: x } }\n"
        .to_owned();
    for level in 1..=14 {
        let below = level - 1;
        text += &format!("  a{level}: &a{level} {{ <<: *a{below}, y{level}: *a{below} }}\n");
    }
    text += "topology_template:\n  outputs:\n    o: { value: *a14 }\n    p: { value: *a14 }\n";
    let parsed = koinon_tosca::count_nodes(&text).unwrap();
    let lowered = count_nodes(&text, ToscaVersion::V1_3).unwrap();
    assert!(lowered < 4 * parsed, "{parsed} nodes became {lowered}");
}

/// Each key costs one lookup: with more, this test would not end.
#[test]
fn maps_of_100_000_keys_are_lowered() {
    let many = |key: &str, rest: &str| format!("      {key}{rest}\n").repeat(100_000);
    let named: String = (0..100_000).map(|at| format!("        x{at}: a.sh\n")).collect();
    let head = "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_types:\n  A:\n";
    for body in [
        format!("    properties:\n     p:\n{}", many("constraints", ": []")),
        format!("    properties:\n     p:\n{}", many("required", ": true")),
        format!("    interfaces:\n      I:\n{named}"),
        format!("    properties:\n      I:\n{named}"),
    ] {
        assert!(count_nodes(&format!("{head}{body}"), ToscaVersion::V1_3).is_some());
    }
}

/// Documents with keynames of the whole grammar at any place, also where they have no meaning.
fn document() -> impl Strategy<Value = String> {
    let words =
        ["a", "$a", "SELF", "HOST", "UNBOUNDED", "1", "True", "range", "null", "string", "~", "''"];
    let keys = [
        "topology_template",
        "node_templates",
        "node_types",
        "properties",
        "requirements",
        "capabilities",
        "interfaces",
        "Standard",
        "operations",
        "inputs",
        "outputs",
        "implementation",
        "constraints",
        "in_range",
        "valid_values",
        "pattern",
        "min_length",
        "node_filter",
        "occurrences",
        "substitution_mappings",
        "substitution_filter",
        "attributes",
        "policies",
        "triggers",
        "condition",
        "target_filter",
        "action",
        "workflows",
        "preconditions",
        "steps",
        "filter",
        "activities",
        "and",
        "or",
        "not",
        "get_input",
        "get_property",
        "concat",
        "imports",
        "file",
        "type",
        "value",
        "metadata",
        "copy",
        "a",
    ];
    let leaf = prop_oneof![select(words.to_vec()).prop_map(str::to_owned), Just("*x".to_owned())];
    leaf.prop_recursive(8, 80, 5, move |inner| {
        let entry = (select(keys.to_vec()), inner.clone());
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(entry, 0..5).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| format!("{key}: {value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn lowering_never_panics(
        parts in vec((select(&["topology_template", "node_types", "policy_types", "imports"][..]), document()), 0..4),
        version in select(&[ToscaVersion::V1_0, ToscaVersion::V1_3][..]),
    ) {
        let mut text = "tosca_definitions_version: x\ndsl_definitions: &x {get_input: [$y]}\n".to_owned();
        text.extend(parts.iter().map(|(key, value)| format!("{key}: {value}\n")));
        // An error is a valid result.
        drop(lower_text(&text, version));
    }

    #[test]
    fn lowering_any_yaml_never_panics(text in "[-a-z:{}\\[\\]&* \n$]{0,80}") {
        drop(lower_text(&text, ToscaVersion::V1_3));
    }
}
