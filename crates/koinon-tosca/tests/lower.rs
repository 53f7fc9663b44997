//! Annotated cases: `tests/lower/*.yaml`.
//!
//! `### NAME (VERSION)` starts a case of TOSCA 1.0 to 1.3, `### becomes` its canonical 2.0 text. The line
//! `# error: CODE COLUMN MESSAGE` says that the next line that is no annotation has this error; there are no others, and
//! a case with errors becomes nothing. The first line of a case, `tosca_definitions_version`, is implied.
//!
//! With KOINON_UPDATE=1 expectations are rewritten: read what changed.

#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing tests nothing")]

use std::path::Path;

use koinon_tosca::lower::Version;
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
    /// The 1.x text, annotations among it.
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

/// Writes the case with the expectations it should have.
fn updated(case: &Case) -> String {
    let source: Vec<&String> =
        case.lines.iter().filter(|line| !line.trim_start().starts_with(ERROR)).collect();
    let version = format!("tosca_simple_yaml_{}", case.version.replace('.', "_"));
    let mut text = format!("tosca_definitions_version: {version}\n");
    text.extend(source.iter().map(|line| format!("{line}\n")));
    let result = lower_text(&text, Version::parse(&version).unwrap());
    let mut out = format!("### {} ({})\n", case.name, case.version);
    for (index, line) in source.iter().enumerate() {
        for one in result.as_ref().err().into_iter().flatten() {
            // The version's line is the first.
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
fn suite() {
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

/// Everything the profiles say has a meaning in 2.0.
#[test]
fn profiles() {
    for version in [Version::V1_0, Version::V1_1, Version::V1_2, Version::V1_3] {
        let text = lower_profile_text(version).unwrap();
        for old in ["constraints:", "occurrences: [", "valid_source_types", "valid_target_types"] {
            assert!(!text.contains(old), "{version:?}: {old}");
        }
    }
}

/// What aliases and merges make many of is lowered once.
#[test]
fn aliases_are_not_expanded() {
    let mut text = "tosca_definitions_version: tosca_simple_yaml_1_3\ndsl_definitions:\n  \
        a0: &a0 { x: { get_input: x } }\n"
        .to_owned();
    for level in 1..=14 {
        let below = level - 1;
        text += &format!("  a{level}: &a{level} {{ <<: *a{below}, y{level}: *a{below} }}\n");
    }
    text += "topology_template:\n  outputs:\n    o: { value: *a14 }\n    p: { value: *a14 }\n";
    let parsed = koinon_tosca::count_nodes(&text).unwrap();
    let lowered = count_nodes(&text, Version::V1_3).unwrap();
    assert!(lowered < 4 * parsed, "{parsed} nodes became {lowered}");
}

/// Many keynames, of which few may be there, take no more than a look at each.
#[test]
fn many_keys_are_harmless() {
    let many = |key: &str, rest: &str| format!("      {key}{rest}\n").repeat(100_000);
    let named: String = (0..100_000).map(|at| format!("        x{at}: a.sh\n")).collect();
    let head = "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_types:\n  A:\n";
    for body in [
        format!("    properties:\n     p:\n{}", many("constraints", ": []")),
        format!("    properties:\n     p:\n{}", many("required", ": true")),
        format!("    interfaces:\n      I:\n{named}"),
        format!("    properties:\n      I:\n{named}"),
    ] {
        assert!(count_nodes(&format!("{head}{body}"), Version::V1_3).is_some());
    }
}

/// A few lines that have all of the grammar's words in places where they mean something or nothing.
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
        version in select(&[Version::V1_0, Version::V1_3][..]),
    ) {
        let mut text = "tosca_definitions_version: x\ndsl_definitions: &x {get_input: [$y]}\n".to_owned();
        text.extend(parts.iter().map(|(key, value)| format!("{key}: {value}\n")));
        // Both outcomes are fine.
        drop(lower_text(&text, version));
    }

    #[test]
    fn lowering_any_yaml_never_panics(text in "[-a-z:{}\\[\\]&* \n$]{0,80}") {
        drop(lower_text(&text, Version::V1_3));
    }
}
